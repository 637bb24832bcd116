/*
 * compare.h
 *		Whether a sale that arrives again is the one that is recorded (R17).
 */
#ifndef COMPARE_H
#define COMPARE_H

#include "sale/accrual.h"

/* Each raises an error, naming what differs; NULL is what is missing. */
extern void compare_text(const Sale *sale, const char *noun, const char *what,
						 const char *recorded, const char *given);
extern void compare_given_text(const Sale *sale, const char *noun,
							   const char *what, TupleTableSlot *recorded,
							   int field, text *given);
extern void compare_identifier(const Sale *sale, const char *noun,
							   const char *what, const Identifier *recorded,
							   const Identifier *given);
extern void compare_account(const Sale *sale, const char *noun,
							const char *what, TupleTableSlot *recorded,
							int id_field, int name_field,
							const Identifier *given);
extern void compare_number(const Sale *sale, const char *noun,
						   const char *what, int64 recorded, int64 given);
extern void compare_time(const Sale *sale, const char *noun,
						 TupleTableSlot *recorded, int field);

/* Fields of the recorded row, counted from 0; NULL where they are NULL. */
extern pg_uuid_t *compare_recorded_id(TupleTableSlot *recorded, int field);
extern Identifier *compare_recorded_identifier(TupleTableSlot *recorded,
											   int id_field, int name_field);

#endif							/* COMPARE_H */

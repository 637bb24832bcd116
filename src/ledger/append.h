/*
 * append.h
 *		Appending rows to the extension's own tables.
 */
#ifndef APPEND_H
#define APPEND_H

#include "executor/tuptable.h"
#include "utils/rel.h"

typedef struct Appender Appender;

extern Appender *append_open(const char *table, int natts,
							 const char *const *key_indexes);
extern TupleDesc append_tupdesc(const Appender *appender);
extern void append_put(Appender *appender, const Datum *values,
					   const bool *nulls);
extern TupleTableSlot *append_find(Appender *appender, const Datum *values,
								   const bool *nulls);
extern TupleTableSlot *append_put_new(Appender *appender, const Datum *values,
									  const bool *nulls);
extern void append_flush(Appender *appender);
extern void append_close(Appender *appender);

#endif							/* APPEND_H */

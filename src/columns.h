/*
 * columns.h
 *		The columns of an application's table that carry a sale.
 */
#ifndef COLUMNS_H
#define COLUMNS_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "utils/rel.h"

#include "identifier.h"

/* What a column carries, and so which types can carry it. */
typedef enum ColumnClass
{
	COLUMN_IDENTIFIER,			/* uuid, smallint to bigint, text */
	COLUMN_AMOUNT,				/* smallint to bigint, numeric; credits */
	COLUMN_COUNT,				/* smallint to bigint */
	COLUMN_TEXT,				/* text, varchar, an enum */
	COLUMN_FLAG,				/* boolean */
	COLUMN_TIME					/* timestamp with or without time zone */
} ColumnClass;

/* An argument of attach(): what it is called, carries, and must be there. */
typedef struct ColumnSpec
{
	const char *argument;
	ColumnClass class;
	bool		required;
} ColumnSpec;

/* A mapped column; attnum 0: the argument is not mapped. */
typedef struct Column
{
	const ColumnSpec *spec;
	AttrNumber	attnum;
	Oid			type;			/* of a domain, the type below it */
} Column;

extern void columns_resolve_one(Relation relation, const ColumnSpec *spec,
								const char *name, Column *column);
extern void columns_resolve(Relation relation, const ColumnSpec *specs,
							int nspecs, int nargs, char **args,
							Column *columns);

/* Each is false, or NULL, where the column is not mapped or is NULL. */
extern bool column_identifier(const Column *column, TupleTableSlot *slot,
							  Identifier *identifier);
extern bool column_amount(const Column *column, TupleTableSlot *slot,
						  int64 *credits);
extern bool column_count(const Column *column, TupleTableSlot *slot,
						 int32 *count);
extern text *column_text(const Column *column, TupleTableSlot *slot);
extern bool column_flag(const Column *column, TupleTableSlot *slot,
						bool *flag);
extern bool column_time(const Column *column, TupleTableSlot *slot,
						TimestampTz *time);

#endif							/* COLUMNS_H */

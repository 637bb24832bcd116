/*
 * columns.h
 *		The columns of an application's table that carry a sale, and the
 *		arguments of the functions that take one.
 */
#ifndef COLUMNS_H
#define COLUMNS_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "base/identifier.h"

/* What a column carries, and so which types can carry it. */
typedef enum ColumnClass
{
	COLUMN_IDENTIFIER,			/* uuid, smallint to bigint, text */
	COLUMN_AMOUNT,				/* smallint to bigint, numeric; credits (R1) */
	COLUMN_COUNT,				/* smallint to bigint */
	COLUMN_TEXT,				/* text, varchar, an enum */
	COLUMN_FLAG,				/* boolean */
	COLUMN_TIME,				/* timestamp with or without time zone */
	COLUMN_LISTING_KIND,		/* as COLUMN_TEXT; or one kind for all rows */
	COLUMN_MARK,				/* boolean; or a time, set where not NULL */
	COLUMN_JSON					/* jsonb */
} ColumnClass;

/* An argument of attach(): what it is called, carries, and must be there. */
typedef struct ColumnSpec
{
	const char *argument;
	ColumnClass class;
	bool		required;
} ColumnSpec;

/*
 * A mapped column, or the argument at that position; attnum 0: what the spec
 * stands for is not mapped.
 */
typedef struct Column
{
	const ColumnSpec *spec;
	AttrNumber	attnum;
	Oid			type;			/* of a domain, the type below it */
	const char *constant;		/* what all rows have; NULL: a column's value */
} Column;

/* Where a sale is read: a row of the table, or the arguments of a call. */
typedef struct Row
{
	TupleTableSlot *slot;		/* NULL: a call */
	FunctionCallInfo call;
} Row;

/* In a trigger's arguments, before one that has a constant and no column. */
#define COLUMNS_CONSTANT	"constant "

extern void columns_resolve_one(TupleDesc tupdesc, const char *relation,
								const ColumnSpec *spec, const char *name,
								Column *column);
extern void columns_resolve(TupleDesc tupdesc, const char *relation,
							const ColumnSpec *specs, int nspecs, int nargs,
							char **args, Column *columns);
extern void columns_of_call(FunctionCallInfo call, const ColumnSpec *specs,
							int nspecs, Column *columns);

/* Each is false, or NULL, where the column is not mapped or is NULL. */
extern bool column_identifier(const Column *column, const Row *row,
							  Identifier *identifier);
extern bool column_amount(const Column *column, const Row *row,
						  int64 *credits);
extern bool column_count(const Column *column, const Row *row, int32 *count);
extern text *column_text(const Column *column, const Row *row);
extern bool column_flag(const Column *column, const Row *row, bool *flag);
extern bool column_time(const Column *column, const Row *row,
						TimestampTz *time);
extern bool column_mark(const Column *column, const Row *row);
extern Jsonb *column_json(const Column *column, const Row *row);

/*
 * Set a text field of a row, which may be NULL.
 */
static inline void
column_set_text(Datum *values, bool *nulls, int field, text *value)
{
	values[field] = PointerGetDatum(value);
	nulls[field] = value == NULL;
}

#endif							/* COLUMNS_H */

/*
 * mirror.h
 *		Rows of the application's tables that are taken into the catalogue.
 */
#ifndef MIRROR_H
#define MIRROR_H

#include "base/columns.h"
#include "base/statement.h"
#include "utils/reltrigger.h"

/* The largest number of columns of any MirrorClass. */
#define MIRROR_COLUMNS_MAX	6

/* What tells accounts, listings and prices apart. */
typedef struct MirrorClass
{
	const char *noun;			/* in messages */
	const char *function;		/* the triggers' SQL function */
	const ColumnSpec *columns;	/* that which names the row first */
	int			ncolumns;
	int			kept_column;	/* what the catalogue has of it stays where
								 * it is not mapped; 0: none */
	int			closed_column;	/* 0: none, and a DELETE changes nothing */
	int			group_column;	/* 0: none */
	Statement  *take;			/* an array for each column; if there is a kept
								 * column, whether it is kept; if there is a
								 * group, the table that says it, or NULL */
} MirrorClass;

/* Rows that are to be taken. */
typedef struct Mirror
{
	const MirrorClass *class;
	const char *relation;		/* whose rows they are, for messages */
	Column		columns[MIRROR_COLUMNS_MAX];
	int			n;
	Datum	   *values[MIRROR_COLUMNS_MAX];
	bool	   *nulls[MIRROR_COLUMNS_MAX];
	bool		keeps_groups;	/* the groups of accounts stay as they are */
	const char *position;		/* the row that the error context names */
	ErrorContextCallback callback;
} Mirror;

extern Mirror *mirror_begin(const MirrorClass *class, TupleDesc tupdesc,
							const char *relation, const Trigger *trigger,
							int max);
extern void mirror_read(Mirror *mirror, TupleTableSlot *slot);
extern void mirror_take(Mirror *mirror);
extern void mirror_end(Mirror *mirror);

#endif							/* MIRROR_H */

/*
 * statement.h
 *		SQL that C runs, with plans that are kept.
 */
#ifndef STATEMENT_H
#define STATEMENT_H

#include "executor/spi.h"

#define STATEMENT_PARAMS_MAX	12

/* A statement beside its plan; the plan starts as NULL. */
typedef struct Statement
{
	const char *sql;
	int			nparams;
	Oid			types[STATEMENT_PARAMS_MAX];
	SPIPlanPtr	plan;
} Statement;

/* The parameters of one execution. */
typedef struct Params
{
	int			n;
	Datum		values[STATEMENT_PARAMS_MAX];
	char		nulls[STATEMENT_PARAMS_MAX];
} Params;

/* Who statement_connect() was called as. */
typedef struct StatementCaller
{
	Oid			user;
	int			sec_context;
	int			guc_nest_level;
} StatementCaller;

extern void statement_connect(StatementCaller *caller);
extern void statement_finish(const StatementCaller *caller);
extern void params_add(Params *params, Datum value);
extern void params_add_nullable(Params *params, Datum value, bool isnull);
extern uint64 statement_execute(Statement *statement, const Params *params);
extern uint64 statement_execute_latest(Statement *statement,
									   const Params *params);
extern Datum statement_result(int column, bool *isnull);

#endif							/* STATEMENT_H */

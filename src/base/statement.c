/*
 * statement.c
 *		SQL that C runs, with plans that are kept for the session.
 *
 * The path of a sale does without it.  Between statement_connect() and
 * statement_finish(), SQL runs with the rights of the extension's owner, as a
 * foreign key's runs with those of the table's, and with a search_path that no
 * caller can add to: statements qualify our own names.  An error undoes both.
 *
 * Triggers and functions that a statement fires may come back here, and may
 * invalidate any plan while it is being run.
 */
#include "commission.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_namespace.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/statement.h"

/*
 * The owner of the schema, who owns everything in it.
 */
static Oid
statement_owner(void)
{
	HeapTuple	tuple = SearchSysCache1(NAMESPACENAME,
										CStringGetDatum(COMMISSION_SCHEMA));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" does not exist", COMMISSION_SCHEMA)));
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Connect to SPI as the extension's owner.
 */
void
statement_connect(StatementCaller *caller)
{
	SPI_connect();
	GetUserIdAndSecContext(&caller->user, &caller->sec_context);
	SetUserIdAndSecContext(statement_owner(),
						   caller->sec_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_NOFORCE_RLS);
	caller->guc_nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);

	/*
	 * A kept plan outlives the size of the tables that it was made for: a plan
	 * that reads all of a small table would read all of it once it is large,
	 * for each row of the statement that fills it.  Where a sequential scan is
	 * the only way, PostgreSQL up to 17 gives it a cost that would have it
	 * compiled.
	 */
	(void) set_config_option("enable_seqscan", "off",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	(void) set_config_option("jit", "off",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/*
 * Be the caller again.
 */
void
statement_finish(const StatementCaller *caller)
{
	AtEOXact_GUC(false, caller->guc_nest_level);
	SetUserIdAndSecContext(caller->user, caller->sec_context);
	SPI_finish();
}

/*
 * Add a parameter.
 */
void
params_add(Params *params, Datum value)
{
	params_add_nullable(params, value, false);
}

/*
 * Add a parameter that may be NULL.
 */
void
params_add_nullable(Params *params, Datum value, bool isnull)
{
	Assert(params->n < STATEMENT_PARAMS_MAX);
	params->values[params->n] = value;
	params->nulls[params->n] = isnull ? 'n' : ' ';
	params->n++;
}

/*
 * A statement's plan.  The plan cache revalidates it by itself.  It is never
 * freed, because an outer call may still be running it.
 */
static SPIPlanPtr
statement_plan(Statement *statement)
{
	if (statement->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(statement->sql, statement->nparams,
									   statement->types);

		if (plan == NULL)
			elog(ERROR, "could not prepare \"%s\": %s", statement->sql,
				 SPI_result_code_string(SPI_result));
		SPI_keepplan(plan);
		statement->plan = plan;
	}
	return statement->plan;
}

/*
 * Run a statement under a snapshot; InvalidSnapshot is that of the isolation
 * level.
 */
static uint64
statement_execute_snapshot(Statement *statement, const Params *params,
						   Snapshot snapshot)
{
	int			result;

	Assert(params->n == statement->nparams);
	result = SPI_execute_snapshot(statement_plan(statement),
								  (Datum *) params->values, params->nulls,
								  snapshot, InvalidSnapshot, false, true, 0);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql,
			 SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * Run a statement and return the number of rows.  Its result can be read until
 * statement_finish().
 */
uint64
statement_execute(Statement *statement, const Params *params)
{
	return statement_execute_snapshot(statement, params, InvalidSnapshot);
}

/*
 * Run a query that sees what is committed by now, under any isolation level.
 */
uint64
statement_execute_latest(Statement *statement, const Params *params)
{
	CommandCounterIncrement();
	return statement_execute_snapshot(statement, params, GetLatestSnapshot());
}

/*
 * A column, counted from 1, of the first row of the result.
 */
Datum
statement_result(int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
						 column, isnull);
}

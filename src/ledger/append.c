/*
 * append.c
 *		The one appender: rows for the ledger and the event tables.
 *
 * It writes through the executor's own insert path, in batches, so that
 * constraints and indexes hold as for any INSERT.  Where an INSERT does more
 * than that (the relation is partitioned, or has an INSERT trigger or a rule),
 * rows go through SPI, one by one.
 *
 * Locks: RowExclusiveLock on the table, kept to the end of the transaction.
 * It is taken before a caller draws an event_id; settle.c relies on that.
 *
 * Memory: the executor state's own context, dropped by append_close().  What
 * a caller puts must live until the next append_flush().
 */
#include "commission.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/lookup.h"
#include "base/statement.h"
#include "compat.h"
#include "ledger/append.h"
#include "ledger/checks.h"

/*
 * Rows are held and written together, as COPY does: at most so many, with
 * room at first for so many, which is enough for most single sales.
 */
#define APPEND_ROWS_MAX		1000
#define APPEND_ROWS_INITIAL	16

struct Appender
{
	Relation	relation;
	bool		direct;
	List	   *keys;			/* unique indexes that decide what is new */
	List	   *first_key;		/* the one that append_find() searches */
	List	   *other_keys;		/* the rest */
	TupleTableSlot *existing;	/* the row that append_put_new() found */

	/* direct */
	EState	   *estate;
	ResultRelInfo *result;
	CommandId	cid;
	int			nrows;
	int			nslots;
	int			maxslots;
	TupleTableSlot **slots;

	/* through SPI */
	char	   *insert_sql;
};

/*
 * Whether the executor's insert path, without triggers, is all that an INSERT
 * into the relation would do.
 */
static bool
append_is_direct(Relation relation)
{
	TriggerDesc *triggers = relation->trigdesc;

	if (relation->rd_rel->relkind != RELKIND_RELATION ||
		relation->rd_rel->relispartition ||
		relation->rd_rules != NULL)
		return false;
	return triggers == NULL ||
		!(triggers->trig_insert_before_row ||
		  triggers->trig_insert_after_row ||
		  triggers->trig_insert_before_statement ||
		  triggers->trig_insert_after_statement);
}

/*
 * Set up the executor's state for direct inserts.  There is no range table,
 * hence no index into one: the message about a violated constraint looks
 * there for the columns that the user may see.
 */
static void
append_open_direct(Appender *appender)
{
	appender->estate = CreateExecutorState();
	appender->cid = GetCurrentCommandId(true);
	appender->maxslots = APPEND_ROWS_INITIAL;
	appender->slots = palloc(APPEND_ROWS_INITIAL * sizeof(TupleTableSlot *));
	appender->result = makeNode(ResultRelInfo);
	InitResultRelInfo(appender->result, appender->relation, 0, NULL, 0);
	ExecOpenIndices(appender->result, appender->keys != NIL);
	checks_prepare(appender->result, appender->estate);
}

/*
 * Write the statement that serves a relation through SPI.
 */
static void
append_open_spi(Appender *appender)
{
	TupleDesc	tupdesc = RelationGetDescr(appender->relation);
	const char *table =
		quote_qualified_identifier(COMMISSION_SCHEMA,
								   RelationGetRelationName(appender->relation));
	StringInfoData insert;

	initStringInfo(&insert);
	appendStringInfo(&insert, "INSERT INTO %s VALUES (", table);
	for (int i = 1; i <= tupdesc->natts; i++)
		appendStringInfo(&insert, "%s$%d", i == 1 ? "" : ", ", i);
	appendStringInfoChar(&insert, ')');

	appender->insert_sql = insert.data;
}

/*
 * Open a table for appending.  The key indexes, a list that NULL ends, are
 * unique and serve append_find(), which asks the first of them, and
 * append_put_new(); the direct way alone can do that.
 */
Appender *
append_open(const char *table, int natts, const char *const *key_indexes)
{
	Appender   *appender = palloc0(sizeof(Appender));
	Relation	relation = lookup_open_table(table, natts, RowExclusiveLock);

	appender->relation = relation;
	appender->direct = append_is_direct(relation);
	for (; key_indexes && *key_indexes; key_indexes++)
		appender->keys = lappend_oid(appender->keys,
									 lookup_index_oid(relation, *key_indexes));

	if (appender->direct)
		append_open_direct(appender);
	else if (appender->keys == NIL)
		append_open_spi(appender);
	else
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s.%s\" cannot be appended to",
						COMMISSION_SCHEMA, table),
				 errdetail("It is not a plain table without rules and INSERT triggers."),
				 errhint("Put triggers on the application's table or on commission.entry instead.")));

	if (appender->keys != NIL)
	{
		appender->first_key = list_make1_oid(linitial_oid(appender->keys));
		appender->other_keys = list_copy_tail(appender->keys, 1);
		appender->existing = table_slot_create(relation, NULL);
	}
	return appender;
}

/*
 * The shape of the rows.
 */
TupleDesc
append_tupdesc(const Appender *appender)
{
	return RelationGetDescr(appender->relation);
}

/*
 * Append a row through SPI, with the rights of the extension's owner and a
 * search_path that no caller can put anything on; so run the triggers that an
 * operator has put on the table.
 */
static void
append_put_spi(Appender *appender, const Datum *values, const bool *nulls)
{
	TupleDesc	tupdesc = append_tupdesc(appender);
	Oid		   *types = palloc(tupdesc->natts * sizeof(Oid));
	char	   *null_marks = palloc(tupdesc->natts);
	StatementCaller caller;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		types[i] = TupleDescAttr(tupdesc, i)->atttypid;
		null_marks[i] = nulls[i] ? 'n' : ' ';
	}

	statement_connect(&caller);
	if (SPI_execute_with_args(appender->insert_sql, tupdesc->natts, types,
							  (Datum *) values, null_marks, false, 0) < 0)
		elog(ERROR, "could not execute \"%s\"", appender->insert_sql);
	statement_finish(&caller);
	pfree(types);
	pfree(null_marks);
}

/*
 * Make one more slot.
 */
static void
append_make_slot(Appender *appender)
{
	MemoryContext caller = MemoryContextSwitchTo(appender->estate->es_query_cxt);

	if (appender->nslots == appender->maxslots)
	{
		appender->maxslots *= 2;
		appender->slots = repalloc(appender->slots, appender->maxslots *
								   sizeof(TupleTableSlot *));
	}
	appender->slots[appender->nslots++] =
		table_slot_create(appender->relation, NULL);
	MemoryContextSwitchTo(caller);
}

/*
 * Put values into the next free slot.
 */
static TupleTableSlot *
append_fill(Appender *appender, const Datum *values, const bool *nulls)
{
	int			natts = RelationGetNumberOfAttributes(appender->relation);
	TupleTableSlot *slot;

	if (appender->nrows == appender->nslots)
		append_make_slot(appender);
	slot = appender->slots[appender->nrows];

	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, natts * sizeof(Datum));
	memcpy(slot->tts_isnull, nulls, natts * sizeof(bool));
	ExecStoreVirtualTuple(slot);
	return slot;
}

/*
 * Append a row.
 */
void
append_put(Appender *appender, const Datum *values, const bool *nulls)
{
	TupleTableSlot *slot;

	if (!appender->direct)
	{
		append_put_spi(appender, values, nulls);
		return;
	}

	slot = append_fill(appender, values, nulls);
	ResetPerTupleExprContext(appender->estate);
	if (appender->relation->rd_att->constr)
		ExecConstraints(appender->result, slot, appender->estate);
	if (++appender->nrows == APPEND_ROWS_MAX)
		append_flush(appender);
}

/*
 * Write the rows that are held.
 */
void
append_flush(Appender *appender)
{
	EState	   *estate = appender->estate;
	MemoryContext caller;

	if (appender->nrows == 0)
		return;					/* as it always is through SPI */

	ResetPerTupleExprContext(estate);
	caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(estate));
	table_multi_insert(appender->relation, appender->slots, appender->nrows,
					   appender->cid, 0, NULL);
	MemoryContextSwitchTo(caller);

	for (int i = 0; i < appender->nrows; i++)
	{
		compat_insert_index_tuples(appender->result, appender->slots[i],
								   estate, NULL, NIL);
		ExecClearTuple(appender->slots[i]);
	}
	appender->nrows = 0;
}

/*
 * The row that has one of these keys of the slot's row, committed or our own;
 * waits for whoever is about to write it.  NULL if there is none.
 *
 * Under a transaction snapshot that does not see the row it is an error.
 */
static TupleTableSlot *
append_find_keys(Appender *appender, TupleTableSlot *slot, List *keys)
{
	Relation	relation = appender->relation;
	TupleTableSlot *existing = appender->existing;
	ItemPointerData tid;

	if (compat_check_index_constraints(appender->result, slot,
									   appender->estate, &tid, keys))
		return NULL;

	if (!table_tuple_fetch_row_version(relation, &tid, SnapshotAny, existing))
		elog(ERROR, "failed to fetch the row of a known key in \"%s\"",
			 RelationGetRelationName(relation));
	if (IsolationUsesXactSnapshot() &&
		!table_tuple_satisfies_snapshot(relation, existing,
										GetTransactionSnapshot()))
	{
		Datum		xmin;
		bool		isnull;

		xmin = slot_getsysattr(existing, MinTransactionIdAttributeNumber,
							   &isnull);
		if (!TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin)))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent update")));
	}
	return existing;
}

/*
 * The row with the first key of the values given, in a slot that the next
 * call overwrites, or NULL.
 */
TupleTableSlot *
append_find(Appender *appender, const Datum *values, const bool *nulls)
{
	Assert(appender->direct && appender->keys != NIL && appender->nrows == 0);
	return append_find_keys(appender, append_fill(appender, values, nulls),
							appender->first_key);
}

/*
 * Append a row that append_find() did not find, unless there is one with one
 * of its keys by now, as INSERT ... ON CONFLICT DO NOTHING does: of several
 * sessions at once, one inserts and the others find its row.  NULL if the row
 * is new, else the existing row, in a slot that the next call overwrites.
 */
TupleTableSlot *
append_put_new(Appender *appender, const Datum *values, const bool *nulls)
{
	List	   *unasked = appender->other_keys;
	TupleTableSlot *slot;
	bool		conflict;

	Assert(appender->direct && appender->keys != NIL && appender->nrows == 0);
	slot = append_fill(appender, values, nulls);
	ResetPerTupleExprContext(appender->estate);
	if (appender->relation->rd_att->constr)
		ExecConstraints(appender->result, slot, appender->estate);

	do
	{
		TupleTableSlot *existing;
		uint32		token;

		CHECK_FOR_INTERRUPTS();
		conflict = false;
		existing = unasked ? append_find_keys(appender, slot, unasked) : NULL;
		if (existing)
			return existing;

		token = SpeculativeInsertionLockAcquire(GetCurrentTransactionId());
		table_tuple_insert_speculative(appender->relation, slot,
									   appender->cid, 0, NULL, token);
		compat_insert_index_tuples(appender->result, slot, appender->estate,
								   &conflict, appender->keys);
		table_tuple_complete_speculative(appender->relation, slot, token,
										 !conflict);
		SpeculativeInsertionLockRelease(GetCurrentTransactionId());
		unasked = appender->keys;
	} while (conflict);
	return NULL;
}

/*
 * Write what is held and close the table.
 */
void
append_close(Appender *appender)
{
	if (appender->direct)
	{
		append_flush(appender);
		ExecCloseIndices(appender->result);
		for (int i = 0; i < appender->nslots; i++)
			ExecDropSingleTupleTableSlot(appender->slots[i]);
	}
	if (appender->existing)
		ExecDropSingleTupleTableSlot(appender->existing);
	if (appender->estate)
		FreeExecutorState(appender->estate);
	table_close(appender->relation, NoLock);
	pfree(appender);
}

/*
 * settle.c
 *		Event ids under which nothing can come to the ledger any more.
 *
 * rollup(), seal() and next_changes() each take what has settled since they
 * last did:
 *
 *	- Who appends locks the ledger before drawing an event id.  So read the
 *	  sequence, then wait for the transactions that hold such a lock: what is
 *	  not in the ledger then, under an id up to the sequence's, never will be.
 *	- The wait for a transaction that stays open, or is prepared, is short.
 *	  What is in the ledger is taken all the same: an event is one
 *	  transaction's.  The ids that are missing are left out, since one of them
 *	  may be its own.  Whoever asks says how many ranges of them it can bear.
 *
 * What has settled must be read under a snapshot taken after the wait.
 *
 * Locks: none that a sale or a reader needs.  Whoever asks holds a lock of its
 * own that keeps others from taking the same.
 */
#include "commission.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/multirangetypes.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/lookup.h"
#include "base/statement.h"
#include "settings.h"
#include "settled/settle.h"

PG_FUNCTION_INFO_V1(commission_settle);

/* How often the wait looks whether it is over. */
#define SETTLE_POLL_MS		20

/* What comes from a node is not settled where it arrives. */
static Statement refuse_as_node = {
	"SELECT commission_internal.refuse_as_node()",
	0, {0}, NULL
};

/* The node's drawn event ids that are not done. */
static Statement select_drawn = {
	"SELECT int8multirange(int8range($1::bigint << $2, ($1::bigint << $2)"
	" + s.last_value + s.is_called::integer)) - $3"
	" FROM commission.event_id_seq AS s",
	3, {INT2OID, INT4OID, INT8MULTIRANGEOID}, NULL
};

/*
 * The drawn event ids to be taken although some may still be written: all but
 * the first ranges of missing ones, and up to the last of these.
 */
static Statement select_present = {
	"SELECT $1 - coalesce(range_agg(int8range(gap.first_event_id,"
	" CASE WHEN gap.number < $2 THEN gap.end_event_id END)), '{}')"
	" FROM (SELECT g.*, row_number() OVER (ORDER BY g.first_event_id) AS number"
	" FROM (SELECT lag(p.event_id, 1, p.first_event_id - 1)"
	" OVER (PARTITION BY p.first_event_id ORDER BY p.event_id) + 1"
	" AS first_event_id, p.event_id AS end_event_id"
	" FROM (SELECT DISTINCT r.first_event_id, e.event_id"
	" FROM commission_internal.ranges($1) AS r"
	" JOIN commission_internal.present_event AS e"
	" ON e.event_id >= r.first_event_id AND e.event_id < r.end_event_id"
	" UNION ALL"
	" SELECT r.first_event_id, r.end_event_id"
	" FROM commission_internal.ranges($1) AS r"
	") AS p) AS g"
	" WHERE g.first_event_id < g.end_event_id"
	" ORDER BY g.first_event_id LIMIT $2) AS gap",
	2, {INT8MULTIRANGEOID, INT4OID}, NULL
};

/*
 * The one value that a query gives by now.
 */
static Datum
settle_value(Statement *statement, const Params *params)
{
	bool		isnull;

	statement_execute_latest(statement, params);
	return statement_result(1, &isnull);
}

/*
 * Whether a transaction that holds a lock on the ledger is a VACUUM's or
 * autovacuum's, or has ended.  VACUUM draws no event id, but the lock that a
 * writer's conflicts with conflicts with VACUUM's, too.
 */
static bool
settle_is_vacuum(VirtualTransactionId locker)
{
	VirtualTransactionId *others;
	int			nothers;

	if (VirtualTransactionIdIsRecoveredPreparedXact(locker))
		return false;
	others = GetCurrentVirtualXIDs(InvalidTransactionId, false, false,
								   PROC_IN_VACUUM | PROC_IS_AUTOVACUUM,
								   &nothers);
	for (int i = 0; i < nothers; i++)
		if (VirtualTransactionIdEquals(others[i], locker))
			return false;
	return true;
}

/*
 * Wait for the transactions that may have drawn an event id, as
 * WaitForLockers() does; false if one is still open when the time is over.
 */
static bool
settle_wait(int wait_ms)
{
	TimestampTz start = GetCurrentTimestamp();
	VirtualTransactionId *locker;
	LOCKTAG		ledger;

	SET_LOCKTAG_RELATION(ledger, MyDatabaseId, lookup_relation_oid("entry"));
	for (locker = GetLockConflicts(&ledger, ShareLock, NULL);
		 VirtualTransactionIdIsValid(*locker); locker++)
	{
		if (settle_is_vacuum(*locker))
			continue;
		while (!VirtualXactLock(*locker, false))
		{
			if (TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
										   wait_ms))
				return false;
			(void) WaitLatch(MyLatch,
							 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 Min(SETTLE_POLL_MS, wait_ms), PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
	}
	return true;
}

/*
 * The event ids of a node that have settled and are not done, an
 * int8multirange.  The caller is connected, and reads them under a snapshot
 * that it takes from now on.
 */
Datum
settle_event_ids(int node_id, Datum done, int wait_ms, int gaps_max)
{
	Params		node = {0};
	Params		drawn = {0};

	if (node_id != 0)
		statement_execute(&refuse_as_node, &node);
	params_add(&node, Int16GetDatum(node_id));
	params_add(&node, Int32GetDatum(NODE_ID_SHIFT));
	params_add(&node, done);
	params_add(&drawn, settle_value(&select_drawn, &node));
	if (MultirangeIsEmpty(DatumGetMultirangeTypeP(drawn.values[0])) ||
		settle_wait(wait_ms))
		return drawn.values[0];

	params_add(&drawn, Int32GetDatum(gaps_max));
	return settle_value(&select_present, &drawn);
}

/*
 * settle(done int8multirange, wait_ms integer, gaps_max integer)
 *
 * The commit is synchronous, whatever synchronous_commit is: what is built on
 * settled ids is told to others.
 */
Datum
commission_settle(PG_FUNCTION_ARGS)
{
	MemoryContext caller_context = CurrentMemoryContext;
	StatementCaller caller;
	Datum		event_ids;

	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("cannot tell what has settled under isolation level %s",
						XactIsoLevel == XACT_SERIALIZABLE ?
						"SERIALIZABLE" : "REPEATABLE READ"),
				 errhint("Begin the transaction with ISOLATION LEVEL READ COMMITTED.")));

	ForceSyncCommit();
	statement_connect(&caller);
	event_ids = settle_event_ids(settings_node_id, PG_GETARG_DATUM(0),
								 PG_GETARG_INT32(1), PG_GETARG_INT32(2));
	MemoryContextSwitchTo(caller_context);
	event_ids = PointerGetDatum(PG_DETOAST_DATUM_COPY(event_ids));
	statement_finish(&caller);
	PG_RETURN_DATUM(event_ids);
}

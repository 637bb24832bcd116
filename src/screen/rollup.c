/*
 * rollup.c
 *		Sums of the ledger, kept so that reading stays fast.
 *
 * rollup() adds to the sums what is new in the ledger and says in
 * commission.rolled which event ids are in them.  An id may only be put there
 * once nothing can come to the ledger under it any more:
 *
 *	- Who appends locks the ledger before drawing an event id.  So read the
 *	  sequence, then wait for the transactions that hold such a lock: what is
 *	  not in the ledger then, under an id up to the sequence's, never will be.
 *	- The wait for a transaction that stays open, or is prepared, is short.
 *	  What is in the ledger is rolled up all the same, and the ids that are
 *	  missing are left out, since one of them may be its own.  Every reader
 *	  reads these ranges, so their number is limited.
 *
 * What is rolled up is read under a snapshot taken after the wait.  All of it
 * is one transaction, so a crash leaves what was there before.
 *
 * Locks: ShareUpdateExclusiveLock on commission.rolled, so that there is one
 * rollup at a time; nothing that a sale or a reader needs.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "base/lookup.h"
#include "base/statement.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_ranges);
PG_FUNCTION_INFO_V1(commission_rollup);

/* How long rollup() waits for open transactions, and how often it looks. */
#define ROLLUP_WAIT_MS		2000
#define ROLLUP_POLL_MS		20

/* At most this many ranges of missing event ids are left out. */
#define ROLLUP_GAPS_MAX		100

static Statement lock_rolled = {
	"LOCK TABLE commission.rolled IN SHARE UPDATE EXCLUSIVE MODE",
	0, {0}, NULL
};

/* The node's drawn event ids that are not rolled up. */
static Statement select_drawn = {
	"SELECT int8multirange(int8range($1::bigint << $2, ($1::bigint << $2)"
	" + s.last_value + s.is_called::integer))"
	" - coalesce((SELECT r.event_ids FROM commission.rolled AS r"
	" WHERE r.node_id = $1), '{}')"
	" FROM commission.event_id_seq AS s",
	2, {INT2OID, INT4OID}, NULL
};

/*
 * The drawn event ids to be rolled up although some may still be written:
 * all but the first ranges of missing ones, and up to the last of these.
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
	" JOIN commission.entry AS e ON e.event_id >= r.first_event_id"
	" AND e.event_id < r.end_event_id"
	" UNION ALL"
	" SELECT r.first_event_id, r.end_event_id FROM commission_internal.ranges($1) AS r"
	") AS p) AS g"
	" WHERE g.first_event_id < g.end_event_id"
	" ORDER BY g.first_event_id LIMIT $2) AS gap",
	2, {INT8MULTIRANGEOID, INT4OID}, NULL
};

static Statement roll_days = {
	"WITH day AS MATERIALIZED ("
	"SELECT e.account_id, e.counts_as, e.day, e.campaign,"
	" sum(e.amount) AS amount, count(*) AS entries"
	" FROM commission_internal.ranges($1) AS r"
	" JOIN commission_internal.campaign_entry AS e ON e.event_id >= r.first_event_id"
	" AND e.event_id < r.end_event_id"
	" GROUP BY e.account_id, e.counts_as, e.day, e.campaign"
	"), kept AS ("
	"INSERT INTO commission.rolled_day AS k"
	" (account_id, day, counts_as, node_id, campaign, amount, entries)"
	" SELECT d.account_id, d.day, d.counts_as, $2, d.campaign, d.amount,"
	" d.entries"
	" FROM day AS d ORDER BY d.account_id, d.day"
	" ON CONFLICT (account_id, day, counts_as, node_id, campaign) DO UPDATE"
	" SET amount = k.amount + excluded.amount,"
	" entries = k.entries + excluded.entries"
	") "
	"INSERT INTO commission.rolled_kind AS k"
	" (account_id, counts_as, node_id, amount, entries)"
	" SELECT d.account_id, d.counts_as, $2, sum(d.amount), sum(d.entries)"
	" FROM day AS d GROUP BY d.account_id, d.counts_as"
	" ORDER BY d.account_id"
	" ON CONFLICT (account_id, counts_as, node_id) DO UPDATE"
	" SET amount = k.amount + excluded.amount,"
	" entries = k.entries + excluded.entries",
	2, {INT8MULTIRANGEOID, INT2OID}, NULL
};

static Statement roll_referred = {
	"INSERT INTO commission.rolled_referred AS k"
	" (account_id, from_account_id, counts_as, node_id, amount, entries,"
	" first_earned_at, last_earned_at)"
	" SELECT e.account_id, e.from_account_id, e.counts_as, $2,"
	" sum(e.amount), count(*),"
	" min(e.occurred_at) FILTER (WHERE e.kind <> 'reversal'),"
	" max(e.occurred_at) FILTER (WHERE e.kind <> 'reversal')"
	" FROM commission_internal.ranges($1) AS r"
	" JOIN commission.entry AS e ON e.event_id >= r.first_event_id"
	" AND e.event_id < r.end_event_id"
	" WHERE e.counts_as NOT IN ('pool', 'withdrawal')"
	" GROUP BY e.account_id, e.from_account_id, e.counts_as"
	" ON CONFLICT (account_id, from_account_id, counts_as, node_id) DO UPDATE"
	" SET amount = k.amount + excluded.amount,"
	" entries = k.entries + excluded.entries,"
	" first_earned_at = least(k.first_earned_at, excluded.first_earned_at),"
	" last_earned_at = greatest(k.last_earned_at, excluded.last_earned_at)",
	2, {INT8MULTIRANGEOID, INT2OID}, NULL
};

static Statement put_rolled = {
	"INSERT INTO commission.rolled AS k (event_ids, node_id) VALUES ($1, $2)"
	" ON CONFLICT (node_id) DO UPDATE"
	" SET event_ids = k.event_ids + excluded.event_ids",
	2, {INT8MULTIRANGEOID, INT2OID}, NULL
};

/*
 * The one value that a query gives by now.
 */
static Datum
rollup_value(Statement *statement, const Params *params)
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
rollup_is_vacuum(VirtualTransactionId locker)
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
rollup_wait(void)
{
	TimestampTz start = GetCurrentTimestamp();
	VirtualTransactionId *locker;
	LOCKTAG		ledger;

	SET_LOCKTAG_RELATION(ledger, MyDatabaseId, lookup_relation_oid("entry"));
	for (locker = GetLockConflicts(&ledger, ShareLock, NULL);
		 VirtualTransactionIdIsValid(*locker); locker++)
	{
		if (rollup_is_vacuum(*locker))
			continue;
		while (!VirtualXactLock(*locker, false))
		{
			if (TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
										   ROLLUP_WAIT_MS))
				return false;
			(void) WaitLatch(MyLatch,
							 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
							 ROLLUP_POLL_MS, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
	}
	return true;
}

/*
 * The event ids of a node to be rolled up now.
 */
static MultirangeType *
rollup_event_ids(int node_id)
{
	Params		node = {0};
	Params		drawn = {0};

	params_add(&node, Int16GetDatum(node_id));
	params_add(&node, Int32GetDatum(NODE_ID_SHIFT));
	params_add(&drawn, rollup_value(&select_drawn, &node));
	if (MultirangeIsEmpty(DatumGetMultirangeTypeP(drawn.values[0])) ||
		rollup_wait())
		return DatumGetMultirangeTypeP(drawn.values[0]);

	params_add(&drawn, Int32GetDatum(ROLLUP_GAPS_MAX));
	return DatumGetMultirangeTypeP(rollup_value(&select_present, &drawn));
}

/*
 * Discard plans that were made when there were few sums.
 */
static void
rollup_invalidate_plans(void)
{
	static const char *const tables[] = {
		"rolled_day", "rolled_kind", "rolled_referred"
	};

	for (int i = 0; i < (int) lengthof(tables); i++)
		CacheInvalidateRelcacheByRelid(lookup_relation_oid(tables[i]));
}

/*
 * For the rest of the call, hash sums in maintenance_work_mem, and compile
 * nothing: that takes longer than it saves.
 */
static void
rollup_set_options(void)
{
	(void) set_config_option("work_mem", psprintf("%d", maintenance_work_mem),
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	(void) set_config_option("jit", "off",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
}

/*
 * CALL rollup()
 */
Datum
commission_rollup(PG_FUNCTION_ARGS)
{
	int			node_id = settings_node_id;
	StatementCaller caller;
	Params		none = {0};
	MultirangeType *event_ids;

	statement_connect(&caller);
	rollup_set_options();
	statement_execute(&lock_rolled, &none);
	event_ids = rollup_event_ids(node_id);
	if (!MultirangeIsEmpty(event_ids))
	{
		Params		params = {0};

		params_add(&params, MultirangeTypePGetDatum(event_ids));
		params_add(&params, Int16GetDatum(node_id));
		statement_execute_latest(&roll_days, &params);
		statement_execute_latest(&roll_referred, &params);
		statement_execute_latest(&put_rolled, &params);
		rollup_invalidate_plans();
	}
	statement_finish(&caller);
	PG_RETURN_VOID();
}

/*
 * ranges(event_ids int8multirange)
 */
Datum
commission_ranges(PG_FUNCTION_ARGS)
{
	MultirangeType *event_ids = PG_GETARG_MULTIRANGE_P(0);
	TypeCacheEntry *typcache =
		multirange_get_typcache(fcinfo, MultirangeTypeGetOid(event_ids));
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (uint32 i = 0; i < event_ids->rangeCount; i++)
	{
		RangeBound	first;
		RangeBound	end;
		Datum		values[2];
		bool		nulls[2] = {false, false};

		multirange_get_bounds(typcache->rngtype, event_ids, i, &first, &end);
		values[0] = first.val;
		values[1] = end.val;
		nulls[0] = first.infinite;
		nulls[1] = end.infinite;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * rollup.c
 *		Sums of the ledger, kept so that reading stays fast.
 *
 * rollup() adds to the sums what has settled in the ledger (settle.c) and says
 * in commission.rolled which event ids are in them.  What is rolled up is read
 * under a snapshot taken after that.  All of it is one transaction, so a crash
 * leaves what was there before.
 *
 * Locks: ShareUpdateExclusiveLock on commission.rolled, so that there is one
 * rollup at a time; nothing that a sale or a reader needs.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"

#include "base/lookup.h"
#include "base/statement.h"
#include "settings.h"
#include "settled/settle.h"

PG_FUNCTION_INFO_V1(commission_ranges);
PG_FUNCTION_INFO_V1(commission_rollup);

/* How long rollup() waits for open transactions. */
#define ROLLUP_WAIT_MS		2000

/*
 * At most this many ranges of missing event ids are left out: every reader
 * reads these ranges.
 */
#define ROLLUP_GAPS_MAX		100

static Statement lock_rolled = {
	"LOCK TABLE commission.rolled IN SHARE UPDATE EXCLUSIVE MODE",
	0, {0}, NULL
};

static Statement select_rolled = {
	"SELECT coalesce((SELECT r.event_ids FROM commission.rolled AS r"
	" WHERE r.node_id = $1), '{}')",
	1, {INT2OID}, NULL
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
	" WHERE e.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')"
	" GROUP BY e.account_id, e.from_account_id, e.counts_as"
	" ON CONFLICT (account_id, from_account_id, counts_as, node_id) DO UPDATE"
	" SET amount = k.amount + excluded.amount,"
	" entries = k.entries + excluded.entries,"
	" first_earned_at = least(k.first_earned_at, excluded.first_earned_at),"
	" last_earned_at = greatest(k.last_earned_at, excluded.last_earned_at)",
	2, {INT8MULTIRANGEOID, INT2OID}, NULL
};

static Statement roll_hours = {
	"INSERT INTO commission.rolled_hour AS k"
	" (account_id, sold_by, node_id, amount)"
	" SELECT e.account_id, commission_internal.hour_end(e.sold_at), $2,"
	" sum(e.amount)"
	" FROM commission_internal.ranges($1) AS r"
	" JOIN commission_internal.sold_entry AS e ON e.event_id >= r.first_event_id"
	" AND e.event_id < r.end_event_id"
	" GROUP BY 1, 2 ORDER BY 1, 2"
	" ON CONFLICT (account_id, sold_by, node_id) DO UPDATE"
	" SET amount = k.amount + excluded.amount",
	2, {INT8MULTIRANGEOID, INT2OID}, NULL
};

static Statement put_rolled = {
	"INSERT INTO commission.rolled AS k (event_ids, node_id) VALUES ($1, $2)"
	" ON CONFLICT (node_id) DO UPDATE"
	" SET event_ids = k.event_ids + excluded.event_ids",
	2, {INT8MULTIRANGEOID, INT2OID}, NULL
};

/*
 * The event ids of a node to be rolled up now.
 */
static MultirangeType *
rollup_event_ids(int node_id)
{
	Params		node = {0};
	bool		isnull;

	params_add(&node, Int16GetDatum(node_id));
	statement_execute_latest(&select_rolled, &node);
	return DatumGetMultirangeTypeP(settle_event_ids(node_id,
													statement_result(1, &isnull),
													ROLLUP_WAIT_MS,
													ROLLUP_GAPS_MAX));
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
		if (node_id != 0)
			statement_execute_latest(&roll_hours, &params);
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

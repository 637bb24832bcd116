/*
 * reversal.c
 *		Refunds (R21), and sales that become unpaid and paid again (R14).
 *
 * After refunds of r in all out of t paid, an entry of a has kept
 * floor(a * (t - r) / t).  For each entry of the event, its late legs included
 * (R37), a reversal appends the difference between what was kept before it and
 * what is kept after it.
 *
 * Locks: the event's row, so that refunds of one event follow one another.
 * Earlier refunds are then read as they are committed by now, under any
 * isolation level.  Accrual does not wait.
 */
#include "commission.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/amount.h"
#include "base/argument.h"
#include "base/statement.h"
#include "ledger/append.h"
#include "ledger/entry.h"
#include "sale/sale.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_reverse_generation);
PG_FUNCTION_INFO_V1(commission_reverse_order);

/* The columns of commission.reversal, in their order. */
enum ReversalColumn
{
	REVERSAL_EVENT_ID,
	REVERSAL_REVERSED_EVENT_ID,
	REVERSAL_REFUNDED,
	REVERSAL_OCCURRED_AT,
	REVERSAL_UNPAID,
	REVERSAL_REASON,
	REVERSAL_COLUMNS
};

/* Where each kind of event keeps its facts, in ReversibleEvent's order. */
static struct
{
	const char *noun;
	const char *argument;		/* that names it */
	const char *absence;		/* why it may not be there */
	Statement	lock;			/* its row, by event id */
	Statement	find;			/* its event id and what the buyer paid */
}			reversible[] = {
	{
		"generation", "generation",
		"It was not recorded, or nobody earned on it.",
		{"SELECT FROM commission.generation WHERE event_id = $1"
			" FOR NO KEY UPDATE",
		1, {INT8OID}, NULL},
		{"SELECT event_id, model_price + coalesce(avatar_surcharge, 0)"
			" + coalesce(reference_surcharge, 0)"
			" FROM commission.generation WHERE generation_id = $1",
		1, {UUIDOID}, NULL}
	},
	{
		"order", "order_id",
		"It was not recorded, not paid, or of 0 credits.",
		{"SELECT FROM commission.customer_order WHERE event_id = $1"
			" FOR NO KEY UPDATE",
		1, {INT8OID}, NULL},
		{"SELECT event_id, amount FROM commission.customer_order"
			" WHERE order_id = $1",
		1, {UUIDOID}, NULL}
	}
};

static Statement refuse_elsewhere = {
	"SELECT commission_internal.refuse_elsewhere($1, $2)",
	2, {INT8OID, TEXTOID}, NULL
};

static Statement sum_refunded = {
	"SELECT coalesce(sum(refunded), 0)::bigint,"
	" coalesce(sum(refunded) FILTER (WHERE unpaid), 0)::bigint"
	" FROM commission.reversal WHERE reversed_event_id = $1",
	1, {INT8OID}, NULL
};

static Statement select_entries = {
	"SELECT account_id, from_account_id, buyer_id, counts_as::text, amount"
	" FROM commission.entry WHERE kind <> 'reversal' AND event_id = ANY ("
	"ARRAY(SELECT l.event_id FROM commission.late_accrual AS l"
	" WHERE l.sale_event_id = $1) || $1) ORDER BY event_id, line",
	1, {INT8OID}, NULL
};

/*
 * Of several nodes, the one that holds a sale refunds it: not the hub, and not
 * the one that its buyer was moved from, which is looked for under the lock.
 */
static void
reversal_check_place(ReversibleEvent event, int64 event_id)
{
	Params		params = {0};

	params_add(&params, Int64GetDatum(event_id));
	params_add(&params, CStringGetTextDatum(reversible[event].noun));
	statement_execute_latest(&refuse_elsewhere, &params);
}

/*
 * What has been refunded of an event.  Its row stays locked until the end of
 * the transaction.
 */
Refunded
reversal_refunded(ReversibleEvent event, int64 event_id)
{
	StatementCaller caller;
	Params		params = {0};
	Refunded	refunded;
	bool		isnull;

	params_add(&params, Int64GetDatum(event_id));
	statement_connect(&caller);
	statement_execute(&reversible[event].lock, &params);
	if (settings_node_id != 0 || event_id >> NODE_ID_SHIFT != 0)
		reversal_check_place(event, event_id);
	statement_execute_latest(&sum_refunded, &params);
	refunded.total = DatumGetInt64(statement_result(1, &isnull));
	refunded.unpaid = DatumGetInt64(statement_result(2, &isnull));
	statement_finish(&caller);
	return refunded;
}

/*
 * How much must be refunded for a recorded sale to be what its row says:
 * all that is left where it is unpaid; below zero, what was refunded for that
 * reason, where it is paid again.
 */
Refund
reversal_due(const SaleClass *class, const Sale *sale, TupleTableSlot *recorded,
			 Refunded *before)
{
	Refund		refund = {
		.event_id = sale->event_id,
		.buyer_total = class->buyer_total(recorded),
		.unpaid = true,
		.occurred_at = GetCurrentTransactionStartTimestamp()
	};

	*before = reversal_refunded(class->event, sale->event_id);
	refund.refunded = sale->paid ? -before->unpaid :
		refund.buyer_total - before->total;
	return refund;
}

/*
 * What an entry of this amount has kept after refunds.
 */
static int64
reversal_kept(int64 amount, int64 refunded, int64 buyer_total)
{
	return (int64) ((int128) amount * (buyer_total - refunded) / buyer_total);
}

/*
 * Append the reversal itself.
 */
static void
reversal_append_event(const Refund *refund, int64 event_id)
{
	Appender   *appender = append_open("reversal", REVERSAL_COLUMNS, NULL);
	Datum		values[REVERSAL_COLUMNS];
	bool		nulls[REVERSAL_COLUMNS] = {false};

	values[REVERSAL_EVENT_ID] = Int64GetDatum(event_id);
	values[REVERSAL_REVERSED_EVENT_ID] = Int64GetDatum(refund->event_id);
	values[REVERSAL_REFUNDED] = Int64GetDatum(refund->refunded);
	values[REVERSAL_OCCURRED_AT] =
		TimestampTzGetDatum(refund->occurred_at);
	values[REVERSAL_UNPAID] = BoolGetDatum(refund->unpaid);
	values[REVERSAL_REASON] = PointerGetDatum(refund->reason);
	nulls[REVERSAL_REASON] = refund->reason == NULL;
	append_put(appender, values, nulls);
	append_close(appender);
}

/*
 * A key in a column of an SPI result; NULL where it is NULL.
 */
static const pg_uuid_t *
reversal_key(HeapTuple tuple, TupleDesc tupdesc, int column)
{
	bool		isnull;
	Datum		datum = SPI_getbinval(tuple, tupdesc, column, &isnull);

	return isnull ? NULL : DatumGetUUIDP(datum);
}

/*
 * Append what the reversal takes from one entry of the event.
 */
static void
reversal_append_entry(Ledger *ledger, LedgerEntry *entry, HeapTuple tuple,
					  TupleDesc tupdesc, const Refund *refund,
					  int64 refunded_before)
{
	bool		isnull;
	int64		amount = DatumGetInt64(SPI_getbinval(tuple, tupdesc, 5, &isnull));

	entry->amount =
		reversal_kept(amount, refunded_before + refund->refunded,
					  refund->buyer_total) -
		reversal_kept(amount, refunded_before, refund->buyer_total);
	if (entry->amount == 0)
		return;
	entry->account = reversal_key(tuple, tupdesc, 1);
	entry->from_account = reversal_key(tuple, tupdesc, 2);
	entry->buyer = reversal_key(tuple, tupdesc, 3);
	entry->counts_as = ledger_kind_from_label(SPI_getvalue(tuple, tupdesc, 4));
	ledger_put(ledger, entry);
	entry->line++;
}

/*
 * Append a refund of an event that is locked, of which so much was refunded
 * before.  Returns the reversal's event id.
 */
int64
reversal_append(const Refund *refund, const Refunded *before)
{
	Ledger	   *ledger;
	LedgerEntry entry = {
		.line = 1,
		.kind = ENTRY_REVERSAL,
		.ratio_ppm = LEDGER_NO_RATIO,
		.occurred_at = refund->occurred_at
	};
	StatementCaller caller;
	Params		params = {0};

	Assert(before->total + refund->refunded >= 0 &&
		   before->total + refund->refunded <= refund->buyer_total);

	params_add(&params, Int64GetDatum(refund->event_id));
	statement_connect(&caller);
	ledger = ledger_open();
	entry.event_id = ledger_draw_event_id();
	reversal_append_event(refund, entry.event_id);
	statement_execute_latest(&select_entries, &params);
	for (uint64 i = 0; i < SPI_processed; i++)
		reversal_append_entry(ledger, &entry, SPI_tuptable->vals[i],
							  SPI_tuptable->tupdesc, refund, before->total);
	ledger_close(ledger);
	statement_finish(&caller);
	return entry.event_id;
}

/*
 * How much to refund: all that is left unless the caller gives an amount.
 */
static int64
reversal_amount(FunctionCallInfo fcinfo, int64 left)
{
	int64		refunded;

	if (PG_ARGISNULL(1))
		return left;
	refunded = PG_GETARG_INT64(1);
	if (refunded < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("refund must be at least 1 credit"),
				 errdetail("It is %lld credits.", (long long) refunded)));
	if (refunded > left)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("refund exceeds what is left of the payment"),
				 errdetail("Of what the buyer paid, %lld credits are not refunded yet; the refund is %lld.",
						   (long long) left, (long long) refunded)));
	return refunded;
}

/*
 * Whether a generation is deferred (R38); then its refund is kept with it.
 */
static bool
reversal_defer(FunctionCallInfo fcinfo, const Identifier *sale)
{
	static Statement change_deferred = {
		"SELECT commission_internal.change_deferred($1, 'refund', $2, $3)",
		3, {UUIDOID, INT8OID, TEXTOID}, NULL
	};
	Params		params = {0};
	bool		isnull;

	if (!PG_ARGISNULL(1))
		(void) reversal_amount(fcinfo, AMOUNT_MAX);
	params_add(&params, UUIDPGetDatum(&sale->id));
	params_add_nullable(&params, PG_GETARG_DATUM(1), PG_ARGISNULL(1));
	params_add_nullable(&params, PG_GETARG_DATUM(2), PG_ARGISNULL(2));
	statement_execute(&change_deferred, &params);
	return DatumGetBool(statement_result(1, &isnull));
}

/*
 * Reverse the event that the first argument names.
 */
static Datum
reversal_reverse(FunctionCallInfo fcinfo, ReversibleEvent event)
{
	const char *noun = reversible[event].noun;
	Identifier	sale = argument_identifier(fcinfo, 0,
											reversible[event].argument);
	Refund		refund = {.occurred_at = GetCurrentTransactionStartTimestamp()};
	Refunded	before;
	StatementCaller caller;
	Params		params = {0};
	bool		isnull;

	params_add(&params, UUIDPGetDatum(&sale.id));
	statement_connect(&caller);
	if (statement_execute(&reversible[event].find, &params) == 0)
	{
		if (event == REVERSIBLE_GENERATION &&
			reversal_defer(fcinfo, &sale))
		{
			statement_finish(&caller);
			PG_RETURN_NULL();
		}
		if (statement_execute_latest(&reversible[event].find, &params) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
					 errmsg("%s \"%s\" is not in the ledger", noun,
							text_to_cstring(PG_GETARG_TEXT_PP(0))),
					 errdetail("%s", reversible[event].absence)));
	}
	refund.event_id = DatumGetInt64(statement_result(1, &isnull));
	refund.buyer_total = DatumGetInt64(statement_result(2, &isnull));
	statement_finish(&caller);

	before = reversal_refunded(event, refund.event_id);
	refund.refunded = reversal_amount(fcinfo,
									  refund.buyer_total - before.total);
	if (refund.refunded == 0)
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(2))
		refund.reason = PG_GETARG_TEXT_PP(2);
	PG_RETURN_INT64(reversal_append(&refund, &before));
}

/*
 * reverse_generation(generation text, refunded bigint, reason text)
 */
Datum
commission_reverse_generation(PG_FUNCTION_ARGS)
{
	return reversal_reverse(fcinfo, REVERSIBLE_GENERATION);
}

/*
 * reverse_order(order_id text, refunded bigint, reason text)
 */
Datum
commission_reverse_order(PG_FUNCTION_ARGS)
{
	return reversal_reverse(fcinfo, REVERSIBLE_ORDER);
}

/*
 * order.c
 *		Orders (R30) as they come in, by the trigger on the application's table
 *		or by record_order(), and as they are kept: the row of facts, the entry
 *		that they owe.
 *
 * A kind that was left out is settled when the order is recorded: it is
 * tried as the customer's first, and becomes a renewal if one exists
 * already.  Of two that race to be first, the second waits for the first.
 */
#include "commission.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/amount.h"
#include "base/lookup.h"
#include "base/ratio.h"
#include "sale/sale.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_accrue_order);
PG_FUNCTION_INFO_V1(commission_follow_paid_order);
PG_FUNCTION_INFO_V1(commission_record_order);
PG_FUNCTION_INFO_V1(commission_project_subscription);

/* The arguments of record_order() and, but for the first, attach_orders(). */
enum OrderArgument
{
	ORDER_ARGUMENT_ORDER_ID,
	ORDER_ARGUMENT_CUSTOMER,
	ORDER_ARGUMENT_AMOUNT,
	ORDER_ARGUMENT_KIND,
	ORDER_ARGUMENT_PLAN,
	ORDER_ARGUMENT_OCCURRED_AT,
	ORDER_ARGUMENT_PAID,
	ORDER_ARGUMENTS
};

static const ColumnSpec order_columns[ORDER_ARGUMENTS] = {
	[ORDER_ARGUMENT_ORDER_ID] = {"order_id", COLUMN_IDENTIFIER, true},
	[ORDER_ARGUMENT_CUSTOMER] = {"customer", COLUMN_IDENTIFIER, true},
	[ORDER_ARGUMENT_AMOUNT] = {"amount", COLUMN_AMOUNT, true},
	[ORDER_ARGUMENT_KIND] = {"kind", COLUMN_TEXT, false},
	[ORDER_ARGUMENT_PLAN] = {"plan", COLUMN_TEXT, false},
	[ORDER_ARGUMENT_OCCURRED_AT] = {"occurred_at", COLUMN_TIME, false},
	[ORDER_ARGUMENT_PAID] = {"paid", COLUMN_FLAG, false}
};

static const char *const order_keys[] = {
	"customer_order_order_id_key", "customer_order_first_idx", NULL
};

/* What tells the kinds apart. */
static const struct
{
	const char *label;
	EntryKind	entry;
	const int32 *ratio_ppm;
}			order_kinds[ORDER_KINDS] = {
	[ORDER_FIRST] = {"first_order", ENTRY_FIRST_ORDER,
	&settings_first_order_ratio_ppm},
	[ORDER_RENEWAL] = {"renewal", ENTRY_RENEWAL,
	&settings_renewal_ratio_ppm},
	[ORDER_UPGRADE] = {"upgrade", ENTRY_UPGRADE,
	&settings_upgrade_ratio_ppm}
};

/*
 * An order's kind from its label.
 */
static OrderKind
order_kind_from_label(const char *label)
{
	for (int kind = 0; kind < ORDER_KINDS; kind++)
		if (strcmp(order_kinds[kind].label, label) == 0)
			return kind;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid kind of order: \"%s\"", label),
			 errdetail("The kinds are first_order, renewal and upgrade.")));
}

/*
 * Read an order, but for its id and whether it is paid.
 */
static void
order_read(Sale *sale, const Column *columns, const Row *row)
{
	Order	   *order = (Order *) sale;
	text	   *kind;

	column_identifier(&columns[ORDER_ARGUMENT_CUSTOMER], row,
					  &order->customer);
	column_amount(&columns[ORDER_ARGUMENT_AMOUNT], row, &order->amount);
	kind = column_text(&columns[ORDER_ARGUMENT_KIND], row);
	if (kind)
	{
		order->kind_given = text_to_cstring(kind);
		order->kind = order_kind_from_label(order->kind_given);
	}
	order->plan = column_text(&columns[ORDER_ARGUMENT_PLAN], row);
	column_time(&columns[ORDER_ARGUMENT_OCCURRED_AT], row,
				&sale->occurred_at);
}

/*
 * R10, R13 and R14, as they hold for orders.
 */
static Leg
order_leg(const Order *order, Resolver *resolver)
{
	const pg_uuid_t *customer = &order->customer.id;
	const Referral *referral = resolve_referral(resolver, customer,
												ROLE_BRAND);
	Leg			leg = {LEG_APPLIES, {{0}}};

	if (referral == NULL)
		leg.status = resolve_is_closed(resolver, customer) ?
			LEG_BUYER_CLOSED : LEG_NO_REFERRAL;
	else if (identifier_equal(&referral->referrer, customer))
		leg.status = LEG_SELF_PAY;
	else if (order->sale.occurred_at < referral->attributed_at)
		leg.status = LEG_BEFORE_ATTRIBUTION;
	else if (resolve_is_closed(resolver, customer))
		leg.status = LEG_BUYER_CLOSED;
	else if (resolve_is_closed(resolver, &referral->referrer))
		leg.status = LEG_EARNER_CLOSED;
	else
		leg.earner = referral->referrer;
	return leg;
}

/*
 * What an order earns the customer's referrer, under the ratio of its kind.
 */
static void
order_compute(Order *order)
{
	order->ratio_ppm = *order_kinds[order->kind].ratio_ppm;
	order->earned = order->leg.status == LEG_APPLIES ?
		ratio_half_up(order->amount, order->ratio_ppm) : 0;
}

/*
 * Unpaid orders and orders of 0 credits are ignored.
 */
static bool
order_may_owe(const Sale *sale)
{
	return sale->paid && ((const Order *) sale)->amount > 0;
}

/*
 * A row exists: the order itself, or the customer's first order.  The latter
 * makes a renewal of another first order whose kind was left out, or which was
 * declared before it was paid: a payment must always be possible to store.
 */
static bool
order_meet(Sale *sale, TupleTableSlot *recorded)
{
	Order	   *order = (Order *) sale;
	bool		isnull;
	char		status;

	if (!identifier_equal(DatumGetUUIDP(slot_getattr(recorded,
													 ORDER_ORDER_ID + 1,
													 &isnull)),
						  &sale->id.id))
	{
		if (order->kind_given && !sale->paid_late)
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("customer \"%s\" has a first order already",
							text_to_cstring(identifier_text(&order->customer))),
					 errhint("Record it as a renewal or an upgrade, or leave the kind out.")));
		order->kind_given = NULL;
		order->kind = ORDER_RENEWAL;
		order_compute(order);
		return false;
	}

	compare_order(order, recorded);
	status = DatumGetChar(slot_getattr(recorded, ORDER_LEG + 1, &isnull));
	order->earned = status != LEG_APPLIES ? 0 :
		ratio_half_up(order->amount,
					  DatumGetInt32(slot_getattr(recorded,
												 ORDER_RATIO_PPM + 1,
												 &isnull)));
	return true;
}

/*
 * On a node, a customer that was moved here has had a first order elsewhere:
 * the index, which is unique within a node, does not meet it.
 */
static void
order_meet_moved(Sale *sale)
{
	static const RegProcedure equal_uuid[] = {F_UUID_EQ};
	const Order *order = (const Order *) sale;
	Lookup		lookup;
	TupleTableSlot *first;

	lookup_open(&lookup, "customer_order", ORDER_FIELDS,
				"customer_order_first_idx", GetActiveSnapshot(), 1, equal_uuid);
	first = lookup_find(&lookup, UUIDPGetDatum(&order->customer.id), 0);
	if (first)
		(void) order_meet(sale, first);
	lookup_close(&lookup);
}

/*
 * Decide an order.  All are recorded, also those that nobody earns on, since
 * the kind of the customer's next depends on them.
 */
static SaleDecision
order_decide(Sale *sale, Resolver *resolver)
{
	Order	   *order = (Order *) sale;

	order->leg = order_leg(order, resolver);
	if (!order->kind_given)
		order->kind = ORDER_FIRST;
	order_compute(order);
	if (settings_node_id != 0 && order->kind == ORDER_FIRST)
		order_meet_moved(sale);
	return SALE_RECORDED;
}

/*
 * An order waits for nothing, and is never deferred.
 */
static bool
order_follow_deferred(const Sale *sale)
{
	return false;
}

/*
 * The row of commission.customer_order, but for its event id.
 */
static void
order_fill(const Sale *sale, Resolver *resolver, TupleDesc tupdesc,
		   Datum *values, bool *nulls)
{
	const Order *order = (const Order *) sale;
	Oid			kind_type = TupleDescAttr(tupdesc, ORDER_KIND)->atttypid;

	values[ORDER_OCCURRED_AT] = TimestampTzGetDatum(sale->occurred_at);
	values[ORDER_AMOUNT] = Int64GetDatum(order->amount);
	values[ORDER_ORDER_ID] = UUIDPGetDatum(&sale->id.id);
	values[ORDER_CUSTOMER_ID] = UUIDPGetDatum(&order->customer.id);
	values[ORDER_KIND] =
		ObjectIdGetDatum(lookup_enum(kind_type, order_kinds[order->kind].label));
	values[ORDER_RATIO_PPM] = Int32GetDatum(order->ratio_ppm);
	values[ORDER_KIND_DERIVED] = BoolGetDatum(order->kind_given == NULL);
	values[ORDER_LEG] = CharGetDatum(order->leg.status);
	column_set_text(values, nulls, ORDER_ORDER_NAME, sale->id.name);
	column_set_text(values, nulls, ORDER_CUSTOMER_NAME,
					resolve_unknown_name(resolver, &order->customer));
	column_set_text(values, nulls, ORDER_PLAN, order->plan);
}

/*
 * Append the entry that a recorded order owes.
 */
static void
order_put_entries(const Sale *sale, Ledger *ledger)
{
	const Order *order = (const Order *) sale;
	EntryKind	kind = order_kinds[order->kind].entry;
	LedgerEntry entry = {
		.event_id = sale->event_id,
		.line = 1,
		.kind = kind,
		.counts_as = kind,
		.amount = order->earned,
		.account = &order->leg.earner,
		.from_account = &order->customer.id,
		.ratio_ppm = order->ratio_ppm,
		.occurred_at = sale->occurred_at
	};

	if (order->earned > 0)
		ledger_put(ledger, &entry);
}

/*
 * The leg of an order whose customer nobody had referred (R37).
 */
static int
order_unreferred(const Sale *sale, UnreferredLeg *legs)
{
	const Order *order = (const Order *) sale;

	if (order->leg.status != LEG_NO_REFERRAL)
		return 0;
	legs[0].account = &order->customer.id;
	legs[0].leg = UNREFERRED_ORDER;
	return 1;
}

/*
 * What the customer paid for a recorded order.
 */
static int64
order_buyer_total(TupleTableSlot *recorded)
{
	bool		isnull;

	return DatumGetInt64(slot_getattr(recorded, ORDER_AMOUNT + 1, &isnull));
}

const SaleClass order_class = {
	.noun = "order",
	.event = REVERSIBLE_ORDER,
	.size = sizeof(Order),
	.columns = order_columns,
	.ncolumns = ORDER_ARGUMENTS,
	.paid_column = ORDER_ARGUMENT_PAID,
	.accrue_function = "accrue_order",
	.follow_function = "follow_paid_order",
	.table = "customer_order",
	.nfields = ORDER_FIELDS,
	.id_field = ORDER_ORDER_ID,
	.key_indexes = order_keys,
	.read = order_read,
	.may_owe = order_may_owe,
	.decide = order_decide,
	.follow_deferred = order_follow_deferred,
	.fill = order_fill,
	.meet = order_meet,
	.buyer_total = order_buyer_total,
	.put_entries = order_put_entries,
	.unreferred = order_unreferred
};

/*
 * The trigger that records inserted rows.
 */
Datum
commission_accrue_order(PG_FUNCTION_ARGS)
{
	return accrual_insert_trigger(&order_class, fcinfo);
}

/*
 * The trigger that follows the paid column, and notices moves.
 */
Datum
commission_follow_paid_order(PG_FUNCTION_ARGS)
{
	return accrual_follow_trigger(&order_class, fcinfo);
}

/*
 * record_order(order_id text, customer text, amount bigint, …): the values
 * themselves, in the order of attach_orders()'s columns.
 */
Datum
commission_record_order(PG_FUNCTION_ARGS)
{
	Order		order;

	accrual_call(&order_class, fcinfo, &order.sale);
	if (order.sale.event_id == 0 || order.earned == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(order.sale.event_id);
}

/*
 * project_subscription(price bigint, renewals integer)
 */
Datum
commission_project_subscription(PG_FUNCTION_ARGS)
{
	int64		price = PG_GETARG_INT64(0);
	int32		renewals = PG_GETARG_INT32(1);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	int64		first_order;
	int64		renewal;
	int64		total;

	amount_check(price, "price");
	if (renewals < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of renewals must not be negative")));

	first_order = ratio_half_up(price, settings_first_order_ratio_ppm);
	renewal = ratio_half_up(price, settings_renewal_ratio_ppm);
	total = amount_add(amount_multiply(renewal, renewals), first_order);

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	values[0] = Int64GetDatum(first_order);
	values[1] = Int64GetDatum(renewal);
	values[2] = Int64GetDatum(total);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

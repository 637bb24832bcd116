/*
 * order.c
 *		Orders (R30) as they come in, by the trigger on the application's table
 *		or by record_order(), and as they are kept: the row of facts, the entry
 *		that they owe.  What they owe, order_decide.c says.
 *
 * A kind that was left out is settled when the order is recorded: it is
 * tried as the customer's first, and becomes a renewal if one exists
 * already.  Of two that race to be first, the second waits for the first.
 */
#include "commission.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/lookup.h"
#include "sale/sale.h"

PG_FUNCTION_INFO_V1(commission_accrue_order);
PG_FUNCTION_INFO_V1(commission_follow_paid_order);
PG_FUNCTION_INFO_V1(commission_record_order);

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
	ORDER_ARGUMENT_COUPON,
	ORDER_ARGUMENTS
};

static const ColumnSpec order_columns[ORDER_ARGUMENTS] = {
	[ORDER_ARGUMENT_ORDER_ID] = {"order_id", COLUMN_IDENTIFIER, true},
	[ORDER_ARGUMENT_CUSTOMER] = {"customer", COLUMN_IDENTIFIER, true},
	[ORDER_ARGUMENT_AMOUNT] = {"amount", COLUMN_AMOUNT, true},
	[ORDER_ARGUMENT_KIND] = {"kind", COLUMN_TEXT, false},
	[ORDER_ARGUMENT_PLAN] = {"plan", COLUMN_TEXT, false},
	[ORDER_ARGUMENT_OCCURRED_AT] = {"occurred_at", COLUMN_TIME, false},
	[ORDER_ARGUMENT_PAID] = {"paid", COLUMN_FLAG, false},
	[ORDER_ARGUMENT_COUPON] = {"coupon", COLUMN_TEXT, false}
};

static const char *const order_keys[] = {
	"customer_order_order_id_key", "customer_order_first_idx",
	"customer_order_renewal_idx", NULL
};

/* What tells the kinds apart. */
static const struct
{
	const char *label;
	EntryKind	entry;
}			order_kinds[ORDER_KINDS] = {
	[ORDER_FIRST] = {"first_order", ENTRY_FIRST_ORDER},
	[ORDER_RENEWAL] = {"renewal", ENTRY_RENEWAL},
	[ORDER_UPGRADE] = {"upgrade", ENTRY_UPGRADE}
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
	sale->coupon = column_text(&columns[ORDER_ARGUMENT_COUPON], row);
	column_time(&columns[ORDER_ARGUMENT_OCCURRED_AT], row,
				&sale->occurred_at);
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
	values[ORDER_RATIO_PPM] = Int32GetDatum(order->leg.rate.ratio_ppm);
	nulls[ORDER_RATIO_PPM] = order->is_flat;
	values[ORDER_FLAT_AMOUNT] = Int64GetDatum(order->flat_amount);
	nulls[ORDER_FLAT_AMOUNT] = !order->is_flat;
	values[ORDER_TERMS] = Int64GetDatum(order->leg.rate.version);
	nulls[ORDER_TERMS] = order->leg.rate.version == 0;
	values[ORDER_RENEWAL_NUMBER] = Int32GetDatum(order->renewal);
	nulls[ORDER_RENEWAL_NUMBER] = order->renewal == 0;
	values[ORDER_KIND_DERIVED] = BoolGetDatum(order->kind_given == NULL);
	values[ORDER_LEG] = CharGetDatum(order->leg.status);
	column_set_text(values, nulls, ORDER_ORDER_NAME, sale->id.name);
	column_set_text(values, nulls, ORDER_CUSTOMER_NAME,
					resolve_unknown_name(resolver, &order->customer));
	column_set_text(values, nulls, ORDER_PLAN, order->plan);
	column_set_text(values, nulls, ORDER_COUPON, sale->coupon);
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
		.amount = order->leg.amount,
		.account = &order->leg.earner,
		.from_account = &order->customer.id,
		.ratio_ppm = order->is_flat ? LEDGER_NO_RATIO : order->leg.rate.ratio_ppm,
		.occurred_at = sale->occurred_at
	};

	if (order->leg.amount > 0)
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

/*
 * What a recorded order has earned.
 */
static int64
order_recorded_amount(const Order *order, TupleTableSlot *recorded)
{
	bool		isnull;
	char		status = DatumGetChar(slot_getattr(recorded, ORDER_LEG + 1,
												   &isnull));
	Datum		flat_amount = slot_getattr(recorded, ORDER_FLAT_AMOUNT + 1,
										   &isnull);
	bool		is_flat = !isnull;
	Datum		ratio_ppm = slot_getattr(recorded, ORDER_RATIO_PPM + 1, &isnull);

	return status != LEG_APPLIES ? 0 :
		order_earned(order->amount, is_flat,
					 is_flat ? DatumGetInt64(flat_amount) : 0,
					 is_flat ? 0 : DatumGetInt32(ratio_ppm));
}

/*
 * A row exists: the order itself, the customer's first order, or a renewal of
 * the same number.  The first makes a renewal of another first order whose
 * kind was left out, or which was declared before it was paid: a payment must
 * always be possible to store.  A renewal is counted again.
 */
static bool
order_meet(Sale *sale, Resolver *resolver, TupleTableSlot *recorded)
{
	Order	   *order = (Order *) sale;
	bool		isnull;

	if (identifier_equal(DatumGetUUIDP(slot_getattr(recorded,
													ORDER_ORDER_ID + 1,
													&isnull)),
						 &sale->id.id))
	{
		compare_order(order, recorded);
		order->leg.amount = order_recorded_amount(order, recorded);
		return true;
	}
	if (order->kind == ORDER_FIRST)
	{
		if (order->kind_given && !sale->paid_late)
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("customer \"%s\" has a first order already",
							text_to_cstring(identifier_text(&order->customer))),
					 errhint("Record it as a renewal or an upgrade, or leave the kind out.")));
		order->kind_given = NULL;
		order->kind = ORDER_RENEWAL;
	}
	order_compute(order, resolver);
	return false;
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
	.refer = order_refer,
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
	if (order.sale.event_id == 0 || order.leg.amount == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(order.sale.event_id);
}

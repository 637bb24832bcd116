/*
 * order_decide.c
 *		What an order earns the customer's referrer (R30, R40, R41).
 *
 * Reads the settings and, through the resolver, the catalogue; writes only
 * into the Order.  Where terms say how many renewals pay, or what a renewal
 * after an upgrade pays, the customer's orders are read, too: those that are
 * committed by now and those of this very statement.
 *
 * Locks: none.  Of two renewals of one customer that are counted at once, the
 * unique index of their numbers makes the second wait for the first.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/lookup.h"
#include "base/ratio.h"
#include "base/statement.h"
#include "sale/sale.h"
#include "settings.h"

/* What a customer has ordered before. */
typedef struct OrderHistory
{
	bool		upgraded;
	int32		renewals;
	int32		renewals_referred;	/* since the attribution */
} OrderHistory;

/* The term and the setting that give an order's ratio. */
static const struct
{
	Term		term;
	const int32 *setting_ppm;
}			order_ratios[ORDER_KINDS] = {
	[ORDER_FIRST] = {TERM_FIRST_ORDER_RATIO, &settings_first_order_ratio_ppm},
	[ORDER_RENEWAL] = {TERM_RENEWAL_RATIO, &settings_renewal_ratio_ppm},
	[ORDER_UPGRADE] = {TERM_UPGRADE_RATIO, &settings_upgrade_ratio_ppm}
};

/*
 * R44: a coupon that the order carries refers a customer who has no referrer.
 * On a node, which refers nobody, it is kept with the order and does nothing.
 */
void
order_refer(const Sale *sale, Resolver *resolver)
{
	static Statement redeem = {
		"SELECT CASE WHEN NOT commission_internal.is_node()"
		" THEN commission_internal.redeem($1, $2, $3) END",
		3, {TEXTOID, TEXTOID, TIMESTAMPTZOID}, NULL
	};
	const Order *order = (const Order *) sale;
	StatementCaller caller;
	Params		params = {0};

	params_add(&params, PointerGetDatum(identifier_text(&order->customer)));
	params_add(&params, PointerGetDatum(sale->coupon));
	params_add(&params, TimestampTzGetDatum(sale->occurred_at));
	statement_connect(&caller);
	statement_execute(&redeem, &params);
	statement_finish(&caller);
	resolve_forget_referral(resolver, &order->customer.id, ROLE_BRAND);
}

/*
 * R10, R13 and R14, as they hold for orders; who earns, and since when.
 */
static void
order_find_earner(Order *order, Resolver *resolver)
{
	const pg_uuid_t *customer = &order->customer.id;
	const Referral *referral = resolve_referral(resolver, customer,
												ROLE_BRAND);
	Leg		   *leg = &order->leg;

	leg->status = LEG_APPLIES;
	if (referral == NULL)
		leg->status = resolve_is_closed(resolver, customer) ?
			LEG_BUYER_CLOSED : LEG_NO_REFERRAL;
	else if (identifier_equal(&referral->referrer, customer))
		leg->status = LEG_SELF_PAY;
	else if (order->sale.occurred_at < referral->attributed_at)
		leg->status = LEG_BEFORE_ATTRIBUTION;
	else if (resolve_is_closed(resolver, customer))
		leg->status = LEG_BUYER_CLOSED;
	else if (resolve_is_closed(resolver, &referral->referrer))
		leg->status = LEG_EARNER_CLOSED;
	else
	{
		leg->earner = referral->referrer;
		order->attributed_at = referral->attributed_at;
	}
}

/*
 * R41: whether the days in which a customer's orders pay are over.
 */
static bool
order_is_too_late(const Order *order)
{
	return terms_state(&order->terms, TERM_DAYS) &&
		(uint64) order->sale.occurred_at - (uint64) order->attributed_at >
		(uint64) order->terms.values[TERM_DAYS] * USECS_PER_DAY;
}

/*
 * Read what a customer has ordered.
 */
static OrderHistory
order_read_history(const Order *order)
{
	static const RegProcedure equal[] = {F_UUID_EQ};
	OrderHistory history = {false, 0, 0};
	Lookup		lookup = {0};
	TupleTableSlot *slot;

	lookup_open(&lookup, "customer_order", ORDER_FIELDS,
				"customer_order_customer_idx", SnapshotSelf, 1, equal);
	for (slot = lookup_find(&lookup, UUIDPGetDatum(&order->customer.id), 0);
		 slot; slot = lookup_next(&lookup))
	{
		bool		isnull;
		char	   *kind = lookup_enum_label(slot_getattr(slot, ORDER_KIND + 1,
														  &isnull));

		if (strcmp(kind, "upgrade") == 0)
			history.upgraded = true;
		if (strcmp(kind, "renewal") != 0)
			continue;
		history.renewals++;
		if (DatumGetTimestampTz(slot_getattr(slot, ORDER_OCCURRED_AT + 1,
											 &isnull)) >= order->attributed_at)
			history.renewals_referred++;
	}
	lookup_close(&lookup);
	return history;
}

/*
 * R41: what is special with a renewal, if anything: it has a ratio of its own
 * after an upgrade, and only so many may pay.
 */
static void
order_compute_renewal(Order *order)
{
	Leg		   *leg = &order->leg;
	bool		limited = leg->status == LEG_APPLIES &&
		terms_state(&order->terms, TERM_RENEWALS);
	Rate		upgraded = terms_rate(&order->terms, TERM_UPGRADED_RENEWAL_RATIO,
									  settings_upgraded_renewal_ratio_ppm);
	OrderHistory history;

	if (!limited && upgraded.ratio_ppm == RATIO_NONE)
		return;
	history = order_read_history(order);
	if (history.upgraded && upgraded.ratio_ppm != RATIO_NONE)
		leg->rate = upgraded;
	if (limited)
	{
		order->renewal = history.renewals + 1;
		if (history.renewals_referred >= order->terms.values[TERM_RENEWALS])
			leg->status = LEG_RENEWALS_OVER;
	}
}

/*
 * What an order earns: a flat amount, but never more than the order, or its
 * ratio of it, rounded half up.
 */
int64
order_earned(int64 amount, bool is_flat, int64 flat_amount, int32 ratio_ppm)
{
	return is_flat ? Min(flat_amount, amount) : ratio_half_up(amount, ratio_ppm);
}

/*
 * Compute what an order of its kind earns the customer's referrer.
 */
void
order_compute(Order *order, Resolver *resolver)
{
	Leg		   *leg = &order->leg;

	order_find_earner(order, resolver);
	order->terms = *resolve_terms(resolver,
								  leg->status == LEG_APPLIES ?
								  &leg->earner : NULL,
								  order->sale.occurred_at, &order->terms);
	if (leg->status == LEG_APPLIES && order_is_too_late(order))
		leg->status = LEG_WINDOW_OVER;

	leg->rate = terms_rate(&order->terms, order_ratios[order->kind].term,
						   *order_ratios[order->kind].setting_ppm);
	order->is_flat = order->kind == ORDER_FIRST &&
		terms_state(&order->terms, TERM_FIRST_ORDER_AMOUNT);
	if (order->is_flat)
	{
		order->flat_amount = order->terms.values[TERM_FIRST_ORDER_AMOUNT];
		leg->rate.version = order->terms.versions[TERM_FIRST_ORDER_AMOUNT];
	}
	order->renewal = 0;
	if (order->kind == ORDER_RENEWAL)
		order_compute_renewal(order);
	leg->amount = leg->status != LEG_APPLIES ? 0 :
		order_earned(order->amount, order->is_flat, order->flat_amount,
					 leg->rate.ratio_ppm);
}

/*
 * On a node, a customer that was moved here has had a first order elsewhere:
 * the index, which is unique within a node, does not meet it.
 */
static void
order_meet_moved(Sale *sale, Resolver *resolver)
{
	static const RegProcedure equal_uuid[] = {F_UUID_EQ};
	const Order *order = (const Order *) sale;
	Lookup		lookup;
	TupleTableSlot *first;

	lookup_open(&lookup, "customer_order", ORDER_FIELDS,
				"customer_order_first_idx", GetActiveSnapshot(), 1, equal_uuid);
	first = lookup_find(&lookup, UUIDPGetDatum(&order->customer.id), 0);
	if (first)
		(void) order_class.meet(sale, resolver, first);
	lookup_close(&lookup);
}

/*
 * Decide an order.  All are recorded, also those that nobody earns on, since
 * the kind of the customer's next depends on them.
 */
SaleDecision
order_decide(Sale *sale, Resolver *resolver)
{
	Order	   *order = (Order *) sale;

	if (!order->kind_given)
		order->kind = ORDER_FIRST;
	order_compute(order, resolver);
	if (settings_node_id != 0 && order->kind == ORDER_FIRST)
		order_meet_moved(sale, resolver);
	return SALE_RECORDED;
}

/*
 * order_input.c
 *		The two doors by which orders come in: the trigger on the application's
 *		table, and record_order().
 */
#include "commission.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "sale/order.h"

PG_FUNCTION_INFO_V1(commission_accrue_order);
PG_FUNCTION_INFO_V1(commission_follow_paid_order);
PG_FUNCTION_INFO_V1(commission_record_order);

const ColumnSpec order_columns[ORDER_ARGUMENTS] = {
	[ORDER_ARGUMENT_ORDER_ID] = {"order_id", COLUMN_IDENTIFIER, true},
	[ORDER_ARGUMENT_CUSTOMER] = {"customer", COLUMN_IDENTIFIER, true},
	[ORDER_ARGUMENT_AMOUNT] = {"amount", COLUMN_AMOUNT, true},
	[ORDER_ARGUMENT_KIND] = {"kind", COLUMN_TEXT, false},
	[ORDER_ARGUMENT_PLAN] = {"plan", COLUMN_TEXT, false},
	[ORDER_ARGUMENT_OCCURRED_AT] = {"occurred_at", COLUMN_TIME, false},
	[ORDER_ARGUMENT_PAID] = {"paid", COLUMN_FLAG, false}
};

/*
 * What either door checks of an order that it has read.
 */
static void
order_check(const Order *order)
{
	if (order->amount < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("amount must not be negative"),
				 errdetail("The order \"%s\" has %lld credits.",
						   text_to_cstring(identifier_text(&order->sale.id)),
						   (long long) order->amount),
				 errhint("Use reverse_order() for a refund.")));
	accrual_check_time(&order->sale, "order");
}

/*
 * Read an order, and check what either door checks of it.
 */
void
order_read(Sale *sale, const Column *columns, const Row *row)
{
	Order	   *order = (Order *) sale;
	text	   *kind;

	sale->paid = columns[ORDER_ARGUMENT_PAID].attnum == 0;
	sale->occurred_at = GetCurrentTransactionStartTimestamp();

	column_identifier(&columns[ORDER_ARGUMENT_ORDER_ID], row, &sale->id);
	column_identifier(&columns[ORDER_ARGUMENT_CUSTOMER], row,
					  &order->customer);
	column_amount(&columns[ORDER_ARGUMENT_AMOUNT], row, &order->amount);
	kind = column_text(&columns[ORDER_ARGUMENT_KIND], row);
	order->kind_given = kind != NULL;
	if (kind)
		order->kind = order_kind_from_label(order, text_to_cstring(kind));
	order->plan = column_text(&columns[ORDER_ARGUMENT_PLAN], row);
	column_time(&columns[ORDER_ARGUMENT_OCCURRED_AT], row,
				&sale->occurred_at);
	column_flag(&columns[ORDER_ARGUMENT_PAID], row, &sale->paid);
	order_check(order);
}

/*
 * The trigger that records inserted rows.
 */
Datum
commission_accrue_order(PG_FUNCTION_ARGS)
{
	return accrual_insert_trigger(&order_class, fcinfo);
}

/*
 * The trigger that follows the paid column.
 */
Datum
commission_follow_paid_order(PG_FUNCTION_ARGS)
{
	return accrual_paid_trigger(&order_class, fcinfo);
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

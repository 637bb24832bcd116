/*
 * order.h
 *		Subscription orders (R30).
 */
#ifndef ORDER_H
#define ORDER_H

#include "sale/accrual.h"

/* In the order of the SQL type commission.order_kind. */
typedef enum OrderKind
{
	ORDER_FIRST,
	ORDER_RENEWAL,
	ORDER_UPGRADE
} OrderKind;

#define ORDER_KINDS			(ORDER_UPGRADE + 1)

/* An order: what a door has read, and what is decided of it. */
typedef struct Order
{
	Sale		sale;
	Identifier	customer;
	int64		amount;			/* credits that the customer paid */
	bool		kind_given;
	OrderKind	kind;			/* decided, where it was not given */
	text	   *plan;			/* NULL: none */

	Leg			leg;
	int32		ratio_ppm;		/* in force for its kind (R15) */
	int64		earned;			/* by the referrer; 0: nothing is owed */
} Order;

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

/* order.c */
extern const SaleClass order_class;
extern OrderKind order_kind_from_label(const Order *order,
										const char *label);

/* order_door.c */
extern const ColumnSpec order_columns[ORDER_ARGUMENTS];
extern void order_read(Sale *sale, const Column *columns, const Row *row);

#endif							/* ORDER_H */

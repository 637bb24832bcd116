/*
 * accrual.h
 *		The way of a sale, the same for generations and orders.
 */
#ifndef ACCRUAL_H
#define ACCRUAL_H

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "fmgr.h"

#include "base/columns.h"
#include "base/identifier.h"
#include "catalogue/resolve.h"
#include "ledger/entry.h"
#include "sale/reversal.h"

/*
 * Whether a leg applied and, if not, why; as it is kept in
 * commission.generation and commission.customer_order.
 */
typedef enum LegStatus
{
	LEG_APPLIES = 'p',
	LEG_NO_REFERRAL = 'n',
	LEG_BEFORE_ATTRIBUTION = 'b',
	LEG_WINDOW_OVER = 'w',
	LEG_SELF_PAY = 's',
	LEG_EARNER_CLOSED = 'c',
	LEG_BUYER_CLOSED = 'a',
	LEG_SAME_OWNER = 'o',
	LEG_NO_LISTING = '-'
} LegStatus;

/* A leg and, where it applies, whose it is. */
typedef struct Leg
{
	LegStatus	status;
	pg_uuid_t	earner;
} Leg;

/* What any sale has; the first member of Generation and Order. */
typedef struct Sale
{
	Identifier	id;
	bool		paid;
	TimestampTz occurred_at;
	int64		event_id;		/* 0: nothing was recorded */
} Sale;

/* What tells generations and orders apart, on their common way. */
typedef struct SaleClass
{
	const char *noun;			/* in messages */
	ReversibleEvent event;
	Size		size;			/* of the struct that a Sale begins */

	const ColumnSpec *columns;
	int			ncolumns;
	int			paid_column;
	const char *accrue_function;	/* the triggers' SQL functions */
	const char *follow_function;

	const char *table;			/* of the facts, its event id first */
	int			nfields;
	int			id_field;
	const char *const *key_indexes; /* all that decide what is new, that of
									 * the id first; NULL ends */

	/* Read a sale, its struct being zero. */
	void		(*read) (Sale *sale, const Column *columns, const Row *row);
	/* False where it owes nothing, whatever the catalogue says. */
	bool		(*may_owe) (const Sale *sale);
	/* Decide what it owes; false where it is not to be recorded. */
	bool		(*decide) (Sale *sale, Resolver *resolver);
	/* Its row of the table, but for the event id. */
	void		(*fill) (const Sale *sale, Resolver *resolver,
						 TupleDesc tupdesc, Datum *values, bool *nulls);
	/*
	 * A row of one of its keys is there: false where the sale has been
	 * changed to get out of its way; raise an error unless it is the same.
	 */
	bool		(*meet) (Sale *sale, TupleTableSlot *recorded);
	/* What the buyer paid for a recorded one. */
	int64		(*buyer_total) (TupleTableSlot *recorded);
	/* Append what it owes. */
	void		(*put_entries) (const Sale *sale, Ledger *ledger);
} SaleClass;

typedef struct Accrual Accrual;

/* accrual.c */
extern Accrual *accrual_begin(const SaleClass *class, bool follows_paid);
extern MemoryContext accrual_batch_context(Accrual *accrual);
extern void accrual_batch(Accrual *accrual, Sale *sales, int n);
extern void accrual_end(Accrual *accrual);
extern void accrual_set_text(Datum *values, bool *nulls, int field,
							 text *value);
extern text *accrual_unknown_name(const Identifier *buyer, const Leg *leg,
								  Resolver *resolver);
extern void accrual_check_time(const Sale *sale, const char *noun);

/* accrual_door.c */
extern Datum accrual_insert_trigger(const SaleClass *class,
									FunctionCallInfo fcinfo);
extern Datum accrual_paid_trigger(const SaleClass *class,
								  FunctionCallInfo fcinfo);
extern void accrual_call(const SaleClass *class, FunctionCallInfo fcinfo,
						 Sale *sale);

#endif							/* ACCRUAL_H */

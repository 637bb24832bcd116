/*
 * sale.h
 *		The way of a sale: generations, orders and their refunds.
 */
#ifndef SALE_H
#define SALE_H

#include "access/tupdesc.h"
#include "commands/trigger.h"
#include "datatype/timestamp.h"
#include "executor/tuptable.h"
#include "fmgr.h"

#include "base/columns.h"
#include "base/identifier.h"
#include "catalogue/resolve.h"
#include "catalogue/terms.h"
#include "ledger/append.h"
#include "ledger/entry.h"

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
	LEG_RENEWALS_OVER = 'm',
	LEG_SELF_PAY = 's',
	LEG_EARNER_CLOSED = 'c',
	LEG_BUYER_CLOSED = 'a',
	LEG_SAME_OWNER = 'o',
	LEG_NO_LISTING = '-'
} LegStatus;

/* A leg and, where it applies, whose it is and what it comes to. */
typedef struct Leg
{
	LegStatus	status;
	pg_uuid_t	earner;
	Rate		rate;			/* its own, before the cap (R15, R40) */
	int64		amount;			/* credits; 0 where it does not apply */
} Leg;

/* What any sale has; the first member of Generation and Order. */
typedef struct Sale
{
	Identifier	id;
	bool		paid;
	bool		paid_late;		/* by an UPDATE of its row */
	TimestampTz occurred_at;
	text	   *coupon;			/* that may refer the buyer (R44); NULL: none */
	int64		event_id;		/* 0: nothing was recorded */
} Sale;

/*
 * A leg that had no referrer; as it is kept in commission.unreferred_leg.  Its
 * role is brand, or creator for a listing's.
 */
typedef struct UnreferredLeg
{
	const pg_uuid_t *account;	/* whose referrer would have earned */
	char		leg;
} UnreferredLeg;

#define UNREFERRED_BRAND		'b'
#define UNREFERRED_AVATAR		'a'
#define UNREFERRED_REFERENCE	'r'
#define UNREFERRED_ORDER		'o'

/* The largest number of legs of any sale. */
#define UNREFERRED_LEGS_MAX		3

/* What can be refunded. */
typedef enum ReversibleEvent
{
	REVERSIBLE_GENERATION,
	REVERSIBLE_ORDER
} ReversibleEvent;

/* What becomes of a sale. */
typedef enum SaleDecision
{
	SALE_IGNORED,
	SALE_RECORDED,
	SALE_DEFERRED
} SaleDecision;

/* What tells generations and orders apart, on their common way. */
typedef struct SaleClass
{
	const char *noun;			/* in messages */
	ReversibleEvent event;
	Size		size;			/* of the struct that a Sale begins */

	const ColumnSpec *columns;	/* that of the id first */
	int			ncolumns;
	int			paid_column;
	const char *accrue_function;	/* the triggers' SQL functions */
	const char *follow_function;

	const char *table;			/* of the facts, its event id first */
	int			nfields;
	int			id_field;
	const char *const *key_indexes; /* all that decide what is new, that of
									 * the id first; NULL ends */

	/* Read a sale whose id and paid column are read; the rest is zero. */
	void		(*read) (Sale *sale, const Column *columns, const Row *row);
	/* False where it owes nothing, whatever the catalogue says. */
	bool		(*may_owe) (const Sale *sale);
	/* Decide what it owes, and whether it is to be recorded. */
	SaleDecision (*decide) (Sale *sale, Resolver *resolver);
	/* Keep it until what it waits for is known (R38). */
	void		(*defer) (const Sale *sale, Oid relation);
	/* Whether it is kept so; then it is paid or unpaid as it is now. */
	bool		(*follow_deferred) (const Sale *sale);
	/* Its row of the table, but for the event id. */
	void		(*fill) (const Sale *sale, Resolver *resolver,
						 TupleDesc tupdesc, Datum *values, bool *nulls);
	/* Refer the buyer, if the coupon that it carries does (R44). */
	void		(*refer) (const Sale *sale, Resolver *resolver);
	/*
	 * A row with one of its keys exists: false if the sale has been changed
	 * to get out of its way; raise an error unless it is the same.  A sale
	 * that is recorded under its id needs no resolver.
	 */
	bool		(*meet) (Sale *sale, Resolver *resolver,
						 TupleTableSlot *recorded);
	/* What the buyer paid for a recorded one. */
	int64		(*buyer_total) (TupleTableSlot *recorded);
	/* Append what it owes. */
	void		(*put_entries) (const Sale *sale, Ledger *ledger);
	/* Its legs that had no referrer; gives their number. */
	int			(*unreferred) (const Sale *sale, UnreferredLeg *legs);
} SaleClass;

/* accrual.c */
typedef struct Accrual Accrual;

extern Accrual *accrual_begin(const SaleClass *class, Oid relation,
							  bool nested_first);
extern MemoryContext accrual_batch_context(Accrual *accrual);
extern void accrual_position(Accrual *accrual, const Sale *sale);
extern void accrual_batch(Accrual *accrual, Sale *sales, int n);
extern bool accrual_is_recorded(Accrual *accrual, const Sale *sale);
extern bool accrual_follow(Accrual *accrual, Sale *sale);
extern void accrual_end(Accrual *accrual);

/* unreferred.c */
extern void unreferred_put(Appender **appender, MemoryContext context,
						   const SaleClass *class, const Sale *sale);

/* The largest number of columns of any SaleClass. */
#define ACCRUAL_COLUMNS_MAX		20

/* A trigger of ours that was fired, and what it works with. */
typedef struct Firing
{
	const SaleClass *class;
	TriggerData *trigger;
	CommandId	cid;			/* of the statement that fired it */
	Column		columns[ACCRUAL_COLUMNS_MAX];
	Accrual    *accrual;
	TupleTableSlot *latest;		/* of the row, where that is a newer version */
} Firing;

/* accrual_input.c */
extern void accrual_read_paid(const SaleClass *class, const Column *columns,
							  const Row *row, Sale *sale);
extern void accrual_read_rest(Accrual *accrual, const SaleClass *class,
							  const Column *columns, const Row *row,
							  Sale *sale);
extern void accrual_read(Accrual *accrual, const SaleClass *class,
						 const Column *columns, const Row *row, Sale *sale);
extern Datum accrual_insert_trigger(const SaleClass *class,
									FunctionCallInfo fcinfo);
extern Datum accrual_follow_trigger(const SaleClass *class,
									FunctionCallInfo fcinfo);
extern void accrual_call(const SaleClass *class, FunctionCallInfo fcinfo,
						 Sale *sale);

/* follow.c */
extern bool follow_is_done(TupleTableSlot *recorded, CommandId since,
						   CommandId until);
extern void follow_inserted(Firing *firing);
extern void follow_updated(Firing *firing);
extern void follow_deleted(Firing *firing);

/* backfill.c */
extern bool backfill_is_running(void);

/* margin.c */
extern int64 margin_surcharge(int64 pool, int32 markup_ratio_ppm);
extern int64 margin_markup(int64 surcharge, int64 pool);
extern int64 margin_generation(int64 model_price, int64 api_cost);

extern void legs_compute(int64 net_margin, const int32 *ratios_ppm, int nlegs,
						 int32 cap_ppm, int64 *amounts);
extern void shares_split(int64 charged, const int64 *shares, int nshares,
						 int64 *amounts);

/* The two ways in which a generation uses a listing (R6). */
#define LISTING_USES		(LISTING_REFERENCE + 1)

/* An amount that a generation carries or that is derived for it. */
typedef struct Amount
{
	bool		given;
	int64		credits;
} Amount;

/* How a generation uses a listing. */
typedef struct ListingUse
{
	bool		used;
	Identifier	id;
	Amount		pool;
	Amount		surcharge;
	const Listing *listing;		/* resolved */
	Leg			creator_leg;	/* decided */
} ListingUse;

/* A generation: what was read, and what is decided of it. */
typedef struct Generation
{
	Sale		sale;
	Identifier	buyer;
	bool		in_run;
	Identifier	run;
	ListingUse	uses[LISTING_USES];
	int32		images;
	text	   *model;			/* NULL: none */
	text	   *resolution;		/* NULL: none */
	Amount		model_price;
	Amount		api_cost;
	bool		bundle_frame;

	int64		net_margin;
	Leg			brand_leg;
	const Identifier *missing;	/* the listing that it waits for; NULL: a price */
	Rate		cap;
	bool		owed;			/* anything, to anybody */
} Generation;

/* The columns of commission.generation, in their order. */
enum GenerationField
{
	GENERATION_EVENT_ID,
	GENERATION_OCCURRED_AT,
	GENERATION_MODEL_PRICE,
	GENERATION_API_COST,
	GENERATION_AVATAR_VERSION,
	GENERATION_AVATAR_POOL,
	GENERATION_AVATAR_SURCHARGE,
	GENERATION_REFERENCE_VERSION,
	GENERATION_REFERENCE_POOL,
	GENERATION_REFERENCE_SURCHARGE,
	GENERATION_BRAND_TERMS,
	GENERATION_AVATAR_TERMS,
	GENERATION_REFERENCE_TERMS,
	GENERATION_CAP_TERMS,
	GENERATION_GENERATION_ID,
	GENERATION_BUYER_ID,
	GENERATION_RUN_ID,
	GENERATION_IMAGES,
	GENERATION_BRAND_RATIO_PPM,
	GENERATION_AVATAR_RATIO_PPM,
	GENERATION_REFERENCE_RATIO_PPM,
	GENERATION_TOTAL_CAP_RATIO_PPM,
	GENERATION_DERIVED,
	GENERATION_BUNDLE_FRAME,
	GENERATION_BRAND_LEG,
	GENERATION_AVATAR_LEG,
	GENERATION_REFERENCE_LEG,
	GENERATION_GENERATION_NAME,
	GENERATION_BUYER_NAME,
	GENERATION_RUN_NAME,
	GENERATION_MODEL,
	GENERATION_RESOLUTION,
	GENERATION_FIELDS
};

/* Bits of commission.generation.derived, in the order of the columns. */
#define DERIVED_MODEL_PRICE			0x01
#define DERIVED_API_COST			0x02
#define DERIVED_POOL(use)			(0x04 << 2 * (use))
#define DERIVED_SURCHARGE(use)		(0x08 << 2 * (use))

/* generation.c */
extern const SaleClass generation_class;

/* generation_decide.c */
extern bool generation_may_owe(const Sale *sale);
extern SaleDecision generation_decide(Sale *sale, Resolver *resolver);

/* generation_defer.c */
extern void generation_defer(const Sale *sale, Oid relation);
extern bool generation_follow_deferred(const Sale *sale);

/* generation_entries.c */
extern void generation_put_entries(const Sale *sale, Ledger *ledger);
extern int	generation_unreferred(const Sale *sale, UnreferredLeg *legs);

/* In the order of the SQL type commission.order_kind. */
typedef enum OrderKind
{
	ORDER_FIRST,
	ORDER_RENEWAL,
	ORDER_UPGRADE
} OrderKind;

#define ORDER_KINDS			(ORDER_UPGRADE + 1)

/* An order: what was read, and what is decided of it. */
typedef struct Order
{
	Sale		sale;
	Identifier	customer;
	int64		amount;			/* credits that the customer paid */
	const char *kind_given;		/* its label; NULL: it was left out */
	OrderKind	kind;			/* decided, where it was not given */
	text	   *plan;			/* NULL: none */

	Leg			leg;			/* under the ratio of its kind */
	bool		is_flat;		/* or for a flat amount (R41) */
	int64		flat_amount;
	TimestampTz attributed_at;	/* where the leg applies */
	Terms		terms;			/* of whoever earns */
	int32		renewal;		/* the customer's which; 0: no matter */
} Order;

/* The columns of commission.customer_order, in their order. */
enum OrderField
{
	ORDER_EVENT_ID,
	ORDER_OCCURRED_AT,
	ORDER_AMOUNT,
	ORDER_TERMS,
	ORDER_FLAT_AMOUNT,
	ORDER_ORDER_ID,
	ORDER_CUSTOMER_ID,
	ORDER_KIND,
	ORDER_RATIO_PPM,
	ORDER_RENEWAL_NUMBER,
	ORDER_KIND_DERIVED,
	ORDER_LEG,
	ORDER_ORDER_NAME,
	ORDER_CUSTOMER_NAME,
	ORDER_PLAN,
	ORDER_COUPON,
	ORDER_FIELDS
};

/* order.c */
extern const SaleClass order_class;

/* order_decide.c */
extern void order_refer(const Sale *sale, Resolver *resolver);
extern SaleDecision order_decide(Sale *sale, Resolver *resolver);
extern void order_compute(Order *order, Resolver *resolver);
extern int64 order_earned(int64 amount, bool is_flat, int64 flat_amount,
						  int32 ratio_ppm);

/* compare.c: each raises an error that names the first difference. */
extern void compare_generation(const Generation *generation,
							   TupleTableSlot *recorded);
extern void compare_order(const Order *order, TupleTableSlot *recorded);

/* What has been refunded of an event. */
typedef struct Refunded
{
	int64		total;			/* credits */
	int64		unpaid;			/* of which because it was made unpaid */
} Refunded;

/* An event of which something is to be refunded. */
typedef struct Refund
{
	int64		event_id;
	int64		buyer_total;	/* what the buyer paid for it */
	int64		refunded;		/* below zero: what is paid again */
	bool		unpaid;			/* it was made unpaid, or paid again */
	TimestampTz occurred_at;
	text	   *reason;			/* NULL: none */
} Refund;

/* reversal.c */
extern Refunded reversal_refunded(ReversibleEvent event, int64 event_id);
extern Refund reversal_due(const SaleClass *class, const Sale *sale,
						   TupleTableSlot *recorded, Refunded *before);
extern int64 reversal_append(const Refund *refund, const Refunded *before);

#endif							/* SALE_H */

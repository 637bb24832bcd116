/*
 * accrual.c
 *		The way of a sale: a door's rows are read into a batch, each sale is
 *		decided (who, how much), recorded and appended to the ledger.
 *
 *		door -> batch -> decide -> record, append
 *
 * It is the same for one sale and for a million, for generations and for
 * orders; what differs stands in their SaleClass.
 *
 * Locks: RowExclusiveLock on the tables appended to.  Of two sessions that
 * record one sale at once, or two that can be a customer's first order, the
 * second waits for the first (R17, R30); no other sale waits for anything.
 *
 * Memory: an Accrual has a context of its own, and in it one for the batch,
 * which is reset when the batch is in the ledger.  So memory is bounded
 * however large the statement is.
 */
#include "commission.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/lookup.h"
#include "ledger/append.h"
#include "sale/accrual.h"

/* The largest number of fields of any SaleClass. */
#define ACCRUAL_FIELDS_MAX		30

struct Accrual
{
	const SaleClass *class;
	bool		follows_paid;	/* what is recorded follows the paid flag */
	MemoryContext context;
	MemoryContext batch;
	Resolver   *resolver;		/* these three are opened together, for the */
	Appender   *events;			/* first sale that may owe something */
	Ledger	   *ledger;
	Lookup		recorded;		/* by the sale's id */
	SnapshotData dirty;			/* its snapshot */
};

/*
 * Begin to accrue.  What the current statement and those before it have
 * written is seen, as a trigger's own query would see it.
 */
Accrual *
accrual_begin(const SaleClass *class, bool follows_paid)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "commission accrual",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Accrual    *accrual = palloc0(sizeof(Accrual));

	Assert(class->nfields <= ACCRUAL_FIELDS_MAX);

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	accrual->class = class;
	accrual->follows_paid = follows_paid;
	accrual->context = context;
	accrual->batch = AllocSetContextCreate(context, "commission batch",
										   ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(caller);
	return accrual;
}

/*
 * End: all is written and closed.
 */
void
accrual_end(Accrual *accrual)
{
	MemoryContext caller = MemoryContextSwitchTo(accrual->context);

	if (accrual->ledger)
	{
		append_close(accrual->events);
		ledger_close(accrual->ledger);
		resolve_close(accrual->resolver);
	}
	lookup_close(&accrual->recorded);
	PopActiveSnapshot();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(accrual->context);
}

/*
 * Where a door allocates what belongs to the batch.
 */
MemoryContext
accrual_batch_context(Accrual *accrual)
{
	return accrual->batch;
}

/*
 * Set a text field of a row, which may be NULL.
 */
void
accrual_set_text(Datum *values, bool *nulls, int field, text *value)
{
	values[field] = PointerGetDatum(value);
	nulls[field] = value == NULL;
}

/*
 * The name of a buyer that the catalogue does not know, which is kept with
 * the sale, or nobody would know it later.  Who was referred is known.
 */
text *
accrual_unknown_name(const Identifier *buyer, const Leg *leg,
					 Resolver *resolver)
{
	if (buyer->name == NULL || leg->status != LEG_NO_REFERRAL ||
		resolve_is_known(resolver, &buyer->id))
		return NULL;
	return buyer->name;
}

/*
 * A sale was at some time.
 */
void
accrual_check_time(const Sale *sale, const char *noun)
{
	if (TIMESTAMP_NOT_FINITE(sale->occurred_at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("occurred_at must be a finite time"),
				 errdetail("The %s \"%s\" has an infinite one.", noun,
						   text_to_cstring(identifier_text(&sale->id)))));
}

/*
 * R14: reverse what is left of a recorded sale that arrives unpaid, and take
 * such a reversal back when it arrives paid.  Only where a row's paid column
 * is followed; to any other door, unpaid is other content.
 */
static void
accrual_follow_paid(Accrual *accrual, const Sale *sale, int64 buyer_total)
{
	const SaleClass *class = accrual->class;
	Refund		refund = {
		.event_id = sale->event_id,
		.buyer_total = buyer_total,
		.unpaid = true
	};
	Refunded	before;

	if (sale->paid && !accrual->follows_paid)
		return;
	before = reversal_refunded(class->event, sale->event_id);
	refund.refunded = sale->paid ? -before.unpaid :
		buyer_total - before.total;
	if (refund.refunded == 0)
		return;
	if (!accrual->follows_paid)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("%s \"%s\" is already recorded with other content",
						class->noun, text_to_cstring(identifier_text(&sale->id))),
				 errdetail("It is paid there, and unpaid here."),
				 errhint("Use reverse_%s() for a refund.", class->noun)));
	reversal_append(&refund, &before);
}

/*
 * A row of one of the sale's keys is recorded already.  False where the sale
 * was changed to get out of its way; otherwise it is the sale itself (R17).
 */
static bool
accrual_meet(Accrual *accrual, Sale *sale, TupleTableSlot *recorded)
{
	bool		isnull;

	if (!accrual->class->meet(sale, recorded))
		return false;
	sale->event_id = DatumGetInt64(slot_getattr(recorded, 1, &isnull));
	accrual_follow_paid(accrual, sale, accrual->class->buyer_total(recorded));
	return true;
}

/*
 * Open what decides, and what is appended to.
 */
static void
accrual_open(Accrual *accrual)
{
	const SaleClass *class = accrual->class;
	MemoryContext caller = MemoryContextSwitchTo(accrual->context);

	accrual->resolver = resolve_open();
	accrual->ledger = ledger_open();
	accrual->events = append_open(class->table, class->nfields,
								  class->key_indexes);
	MemoryContextSwitchTo(caller);
}

/*
 * The row that is recorded under a sale's id, or NULL.
 */
static TupleTableSlot *
accrual_find(Accrual *accrual, const Sale *sale)
{
	Datum		values[ACCRUAL_FIELDS_MAX];
	bool		nulls[ACCRUAL_FIELDS_MAX];

	memset(nulls, true, sizeof(nulls));
	values[accrual->class->id_field] = UUIDPGetDatum(&sale->id.id);
	nulls[accrual->class->id_field] = false;
	return append_find(accrual->events, values, nulls);
}

/*
 * Record a sale that is not recorded yet and append what it owes.  Another
 * session may be recording it, too, and be first.
 */
static void
accrual_record(Accrual *accrual, Sale *sale)
{
	Datum		values[ACCRUAL_FIELDS_MAX];
	bool		nulls[ACCRUAL_FIELDS_MAX];
	TupleTableSlot *recorded;

	sale->event_id = ledger_draw_event_id();
	do
	{
		memset(nulls, false, sizeof(nulls));
		values[0] = Int64GetDatum(sale->event_id);
		accrual->class->fill(sale, accrual->resolver,
							 append_tupdesc(accrual->events), values, nulls);
		recorded = append_put_new(accrual->events, values, nulls);
		if (recorded == NULL)
		{
			accrual->class->put_entries(sale, accrual->ledger);
			return;
		}
	} while (!accrual_meet(accrual, sale, recorded));
}

/*
 * Whether a row is there under a sale's id, in a slot that the next call
 * overwrites.  A dirty snapshot sees what this very statement has recorded,
 * and what another transaction has not committed yet.
 */
static TupleTableSlot *
accrual_look_up(Accrual *accrual, const Sale *sale)
{
	static const RegProcedure equal_uuid[] = {F_UUID_EQ};

	if (accrual->recorded.table == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(accrual->context);

		InitDirtySnapshot(accrual->dirty);
		lookup_open(&accrual->recorded, accrual->class->table,
					accrual->class->nfields, accrual->class->key_indexes[0],
					&accrual->dirty, 1, equal_uuid);
		MemoryContextSwitchTo(caller);
	}
	return lookup_find(&accrual->recorded, UUIDPGetDatum(&sale->id.id), 0);
}

/*
 * Accrue a sale that may owe something.  What is recorded is met before
 * anything is decided: what has changed in the catalogue since then has no
 * say in it.  Next to nothing is recorded already: accrual_find(), which
 * waits for who is recording it, is asked only where there is a row.
 */
static void
accrual_sale(Accrual *accrual, Sale *sale)
{
	TupleTableSlot *recorded = accrual_look_up(accrual, sale);

	if (accrual->ledger == NULL)
		accrual_open(accrual);
	if (recorded)
		recorded = accrual_find(accrual, sale);
	if (recorded)
		accrual_meet(accrual, sale, recorded);
	else if (accrual->class->decide(sale, accrual->resolver))
		accrual_record(accrual, sale);
}

/*
 * A sale that owes nothing must not have the id of one that is recorded.
 */
static void
accrual_nothing(Accrual *accrual, Sale *sale)
{
	TupleTableSlot *recorded = accrual_look_up(accrual, sale);

	if (recorded && !TransactionIdIsValid(accrual->dirty.xmin))
		accrual_meet(accrual, sale, recorded);
}

/* What the error context names. */
typedef struct AccrualPosition
{
	const SaleClass *class;
	const Sale *sale;
} AccrualPosition;

/*
 * Names in the error context the sale that is being accrued, since a
 * statement may have many.
 */
static void
accrual_error_context(void *arg)
{
	const AccrualPosition *position = arg;

	errcontext("commission on %s \"%s\"", position->class->noun,
			   text_to_cstring(identifier_text(&position->sale->id)));
}

/*
 * Accrue a batch and forget it.
 */
void
accrual_batch(Accrual *accrual, Sale *sales, int n)
{
	MemoryContext caller = MemoryContextSwitchTo(accrual->batch);
	AccrualPosition position = {accrual->class, sales};
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = accrual_error_context,
		.arg = &position
	};

	error_context_stack = &callback;
	for (int i = 0; i < n; i++)
	{
		Sale	   *sale = (Sale *) ((char *) sales + i * accrual->class->size);

		position.sale = sale;
		if (accrual->class->may_owe(sale))
			accrual_sale(accrual, sale);
		else
			accrual_nothing(accrual, sale);
	}
	error_context_stack = callback.previous;

	if (accrual->ledger)
	{
		ledger_flush(accrual->ledger);
		resolve_trim(accrual->resolver);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(accrual->batch);
}

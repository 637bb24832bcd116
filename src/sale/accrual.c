/*
 * accrual.c
 *		The way of a sale: rows are read into a batch, each sale is decided
 *		(who, how much), recorded and appended to the ledger.
 *
 *		input -> batch -> decide -> record, append
 *
 * It is the same for one sale and for a million, for generations and for
 * orders; what differs is in their SaleClass.
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

#include "base/lookup.h"
#include "ledger/append.h"
#include "sale/sale.h"

/* The largest number of fields of any SaleClass. */
#define ACCRUAL_FIELDS_MAX		40

struct Accrual
{
	const SaleClass *class;
	Oid			relation;		/* whose rows are read; invalid: a call's */
	CommandId	since;			/* what was recorded from this command on, */
	CommandId	until;			/* until this, has been followed */
	MemoryContext context;
	MemoryContext batch;
	Resolver   *resolver;		/* these three are opened together, for the */
	Appender   *events;			/* first sale that may owe something */
	Ledger	   *ledger;
	Appender   *unreferred;		/* opened for the first that has such a leg */
	Lookup		recorded;		/* by the sale's id */
	SnapshotData dirty;			/* its snapshot */
	const Sale *position;		/* the sale that the error context names */
	ErrorContextCallback callback;
};

/*
 * Names in the error context the sale that is being accrued, since a
 * statement may have many.
 */
static void
accrual_error_context(void *arg)
{
	const Accrual *accrual = arg;

	if (accrual->position)
		errcontext("commission on %s \"%s\"", accrual->class->noun,
				   text_to_cstring(identifier_text(&accrual->position->id)));
}

/*
 * Begin to accrue.  What the current statement and those before it have
 * written is seen, as a trigger's own query would see it.
 *
 * A trigger on INSERT may come after those of the application's that have
 * changed the row's paid column in statements of their own.  Where the sale
 * was then recorded, by the trigger that follows the column, that trigger has
 * had the last word (R14): nested_first leaves it alone.
 */
Accrual *
accrual_begin(const SaleClass *class, Oid relation, bool nested_first)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "commission accrual",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Accrual    *accrual = palloc0(sizeof(Accrual));

	Assert(class->nfields <= ACCRUAL_FIELDS_MAX);

	accrual->since = GetActiveSnapshot()->curcid;
	CommandCounterIncrement();
	accrual->until = nested_first ? GetCurrentCommandId(false) :
		accrual->since;
	PushActiveSnapshot(GetTransactionSnapshot());
	accrual->class = class;
	accrual->relation = relation;
	accrual->context = context;
	accrual->batch = AllocSetContextCreate(context, "commission batch",
										   ALLOCSET_DEFAULT_SIZES);
	accrual->callback.previous = error_context_stack;
	accrual->callback.callback = accrual_error_context;
	accrual->callback.arg = accrual;
	error_context_stack = &accrual->callback;
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
		if (accrual->unreferred)
			append_close(accrual->unreferred);
		ledger_close(accrual->ledger);
		resolve_close(accrual->resolver);
	}
	lookup_close(&accrual->recorded);
	PopActiveSnapshot();
	error_context_stack = accrual->callback.previous;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(accrual->context);
}

/*
 * Where what belongs to the batch is allocated.
 */
MemoryContext
accrual_batch_context(Accrual *accrual)
{
	return accrual->batch;
}

/*
 * The sale that errors are about from here on; NULL: none.
 */
void
accrual_position(Accrual *accrual, const Sale *sale)
{
	accrual->position = sale;
}

/*
 * Open what decides, and what is appended to.
 */
static void
accrual_open(Accrual *accrual)
{
	const SaleClass *class = accrual->class;
	MemoryContext caller;

	if (accrual->ledger)
		return;
	caller = MemoryContextSwitchTo(accrual->context);
	accrual->resolver = resolve_open();
	accrual->ledger = ledger_open();
	accrual->events = append_open(class->table, class->nfields,
								  class->key_indexes);
	MemoryContextSwitchTo(caller);
}

/*
 * The row that there is under a sale's id, of whichever node, in a slot that the
 * next call overwrites, or NULL.  A dirty snapshot sees what this
 * very statement has recorded, and what another transaction has not committed
 * yet.
 */
static TupleTableSlot *
accrual_probe(Accrual *accrual, const Sale *sale)
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
 * The row that is recorded under a sale's id, in a slot that the next call
 * overwrites, or NULL.  Whoever is recording it is waited for, be the sale
 * paid here or not.  Next to nothing is recorded already: a probe without
 * locks comes first.
 */
static TupleTableSlot *
accrual_await(Accrual *accrual, const Sale *sale)
{
	Datum		values[ACCRUAL_FIELDS_MAX];
	bool		nulls[ACCRUAL_FIELDS_MAX];
	TupleTableSlot *probed = accrual_probe(accrual, sale);

	if (probed == NULL)
		return NULL;
	accrual_open(accrual);
	memset(nulls, true, sizeof(nulls));
	values[0] = slot_getattr(probed, 1, &nulls[0]);
	values[accrual->class->id_field] = UUIDPGetDatum(&sale->id.id);
	nulls[accrual->class->id_field] = false;
	return append_find(accrual->events, values, nulls);
}

/*
 * Whether a sale is recorded; whoever is recording it is waited for.
 */
bool
accrual_is_recorded(Accrual *accrual, const Sale *sale)
{
	bool		recorded;

	accrual_position(accrual, sale);
	recorded = accrual_await(accrual, sale) != NULL;
	accrual_position(accrual, NULL);
	return recorded;
}

/*
 * R14: make a recorded sale as paid or unpaid as its row is, whatever else of
 * the row has changed; a deferred one is so when it is accrued.  False where it
 * is neither.  It may have been accrued while it was looked for among those.
 */
bool
accrual_follow(Accrual *accrual, Sale *sale)
{
	TupleTableSlot *recorded;
	Refund		refund;
	Refunded	before;
	bool		isnull;
	bool		deferred = false;

	accrual_position(accrual, sale);
	recorded = accrual_await(accrual, sale);
	if (recorded == NULL)
		deferred = accrual->class->follow_deferred(sale);
	if (recorded == NULL && !deferred)
		recorded = accrual_await(accrual, sale);
	if (recorded)
	{
		sale->event_id = DatumGetInt64(slot_getattr(recorded, 1, &isnull));
		refund = reversal_due(accrual->class, sale, recorded, &before);
		if (refund.refunded != 0)
			reversal_append(&refund, &before);
	}
	accrual_position(accrual, NULL);
	return recorded != NULL || deferred;
}

/*
 * R17: a row with one of the sale's keys is recorded.  False where the sale
 * was changed to get out of its way; otherwise it must be the sale itself,
 * and one that arrives unpaid must be unpaid there.
 */
static bool
accrual_check_replay(Accrual *accrual, Sale *sale, TupleTableSlot *recorded)
{
	const SaleClass *class = accrual->class;
	Refunded	before;
	bool		isnull;

	if (follow_is_done(recorded, accrual->since, accrual->until))
		return true;
	if (!class->meet(sale, accrual->resolver, recorded))
		return false;
	sale->event_id = DatumGetInt64(slot_getattr(recorded, 1, &isnull));
	if (!sale->paid &&
		reversal_due(accrual->class, sale, recorded, &before).refunded != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("%s \"%s\" is already recorded with other content",
						class->noun, text_to_cstring(identifier_text(&sale->id))),
				 errdetail("It is paid there, and unpaid here."),
				 errhint("Use reverse_%s() for a refund.", class->noun)));
	return true;
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
			unreferred_put(&accrual->unreferred, accrual->context,
						   accrual->class, sale);
			return;
		}
	} while (!accrual_check_replay(accrual, sale, recorded));
}

/*
 * Write what is held.
 */
static void
accrual_flush(Accrual *accrual)
{
	ledger_flush(accrual->ledger);
	if (accrual->unreferred)
		append_flush(accrual->unreferred);
}

/*
 * Decide a sale that is not recorded yet, and record or defer it.  One that
 * refers its buyer has those before it accrued late: they must be there.
 */
static void
accrual_decide(Accrual *accrual, Sale *sale)
{
	if (sale->coupon)
	{
		accrual_flush(accrual);
		accrual->class->refer(sale, accrual->resolver);
	}
	switch (accrual->class->decide(sale, accrual->resolver))
	{
		case SALE_IGNORED:
			break;
		case SALE_RECORDED:
			accrual_record(accrual, sale);
			break;
		case SALE_DEFERRED:
			accrual->class->defer(sale, accrual->relation);
			break;
	}
}

/*
 * Accrue a batch and forget it.  What is recorded is compared before anything
 * is decided: what has changed in the catalogue since then does not matter.
 */
void
accrual_batch(Accrual *accrual, Sale *sales, int n)
{
	MemoryContext caller = MemoryContextSwitchTo(accrual->batch);

	for (int i = 0; i < n; i++)
	{
		Sale	   *sale = (Sale *) ((char *) sales + i * accrual->class->size);
		TupleTableSlot *recorded;

		accrual_position(accrual, sale);
		recorded = accrual_await(accrual, sale);
		if (recorded)
			(void) accrual_check_replay(accrual, sale, recorded);
		else if (accrual->class->may_owe(sale))
		{
			accrual_open(accrual);
			accrual_decide(accrual, sale);
		}
	}
	accrual_position(accrual, NULL);

	if (accrual->ledger)
	{
		accrual_flush(accrual);
		resolve_trim(accrual->resolver);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(accrual->batch);
}

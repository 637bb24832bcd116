/*
 * generation.c
 *		The engine behind both doors: a batch of generations is resolved,
 *		computed and appended to the ledger (R4 to R17, R19).
 *
 *		door -> batch -> decide (who, how much) -> record, append
 *
 * Locks: RowExclusiveLock on the tables appended to.  Of two sessions that
 * record one generation at once, the second waits for the first (R17); no
 * other sale waits for anything.
 *
 * Memory: an Accrual has a context of its own, and in it one for the batch,
 * which generation_accrue() resets when the batch is in the ledger.  So memory
 * is bounded however large the statement is.
 */
#include "commission.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "append.h"
#include "generation.h"
#include "ledger.h"
#include "legs.h"
#include "lookup.h"
#include "margin.h"
#include "reversal.h"
#include "settings.h"
#include "shares.h"

struct Accrual
{
	bool		follows_paid;	/* what was recorded follows the paid flag */
	MemoryContext context;
	MemoryContext batch;
	Resolver   *resolver;
	Appender   *generations;	/* these two are opened together, when */
	Ledger	   *ledger;			/* something is owed for the first time */
	Lookup		recorded;
};

/*
 * Begin to accrue.  What the current statement and those before it have
 * written is seen, as a trigger's own query would see it.
 */
Accrual *
generation_accrual_begin(bool follows_paid)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "commission accrual",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Accrual    *accrual = palloc0(sizeof(Accrual));

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	accrual->follows_paid = follows_paid;
	accrual->context = context;
	accrual->batch = AllocSetContextCreate(context, "commission batch",
										   ALLOCSET_DEFAULT_SIZES);
	accrual->resolver = resolve_open(accrual->batch);
	MemoryContextSwitchTo(caller);
	return accrual;
}

/*
 * Where a door allocates what belongs to the batch.
 */
MemoryContext
generation_batch_context(Accrual *accrual)
{
	return accrual->batch;
}

/*
 * End: all is written and closed.
 */
void
generation_accrual_end(Accrual *accrual)
{
	MemoryContext caller = MemoryContextSwitchTo(accrual->context);

	if (accrual->ledger)
	{
		append_close(accrual->generations);
		ledger_close(accrual->ledger);
	}
	lookup_close(&accrual->recorded);
	resolve_close(accrual->resolver);
	PopActiveSnapshot();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(accrual->context);
}

/*
 * Names in the error context the generation that is being accrued, since a
 * statement may have many.
 */
static void
generation_error_context(void *arg)
{
	const Generation *generation = *(const Generation **) arg;

	if (generation)
		errcontext("commission on generation \"%s\"",
				   text_to_cstring(generation_name(generation)));
}

/*
 * The terms of the legs that are in force (R15).
 */
static LegTerms
generation_terms(void)
{
	return (LegTerms)
	{
		settings_brand_ratio_ppm,
			settings_creator_ref_ratio_ppm,
			settings_total_cap_ratio_ppm
	};
}

/*
 * What the legs of a decided generation are worth.
 */
static LegAmounts
generation_legs(const Generation *generation, const LegTerms *terms)
{
	int			creators = 0;

	for (int i = 0; i < LISTING_USES; i++)
		if (generation->uses[i].creator_leg.status == LEG_APPLIES)
			creators++;
	return legs_compute(generation->net_margin,
						generation->brand_leg.status == LEG_APPLIES,
						creators, terms);
}

/*
 * Whether a decided generation owes anything to anybody: a pool share or a
 * leg of at least a credit.
 */
static bool
generation_is_owed(const Generation *generation, const LegAmounts *legs)
{
	if (!generation->priced)
		return false;
	for (int i = 0; i < LISTING_USES; i++)
		if (generation->uses[i].used && generation->uses[i].pool.credits > 0)
			return true;
	return legs->brand > 0 || legs->creator > 0;
}

/*
 * A text value, or NULL.
 */
static void
generation_set_text(Datum *values, bool *nulls, int field, text *value)
{
	values[field] = PointerGetDatum(value);
	nulls[field] = value == NULL;
}

/*
 * The columns that tell how a listing was used.
 */
static int
generation_use_values(const ListingUse *use, ListingKind kind,
					  Datum *values, bool *nulls)
{
	int			field = kind == LISTING_AVATAR ?
		GENERATION_AVATAR_VERSION : GENERATION_REFERENCE_VERSION;
	int			leg_field = kind == LISTING_AVATAR ?
		GENERATION_AVATAR_LEG : GENERATION_REFERENCE_LEG;

	for (int i = 0; i < 3; i++)
		nulls[field + i] = !use->used;
	values[leg_field] = CharGetDatum(use->creator_leg.status);
	if (!use->used)
		return 0;

	values[field] = Int64GetDatum(use->listing->version);
	values[field + 1] = Int64GetDatum(use->pool.credits);
	values[field + 2] = Int64GetDatum(use->surcharge.credits);
	return (use->pool.given ? 0 : DERIVED_POOL(kind)) |
		(use->surcharge.given ? 0 : DERIVED_SURCHARGE(kind));
}

/*
 * The row of commission.generation, but for its event id.  The name of a
 * buyer that the catalogue does not know is kept here, or nobody would know
 * it later.
 */
static void
generation_values(Generation *generation, const LegTerms *terms,
				  Resolver *resolver, Datum *values, bool *nulls)
{
	int			derived = 0;

	for (int i = 0; i < LISTING_USES; i++)
		derived |= generation_use_values(&generation->uses[i], i,
										 values, nulls);
	if (!generation->model_price.given)
		derived |= DERIVED_MODEL_PRICE;
	if (!generation->api_cost.given)
		derived |= DERIVED_API_COST;

	values[GENERATION_OCCURRED_AT] =
		TimestampTzGetDatum(generation->occurred_at);
	values[GENERATION_MODEL_PRICE] =
		Int64GetDatum(generation->model_price.credits);
	values[GENERATION_API_COST] = Int64GetDatum(generation->api_cost.credits);
	values[GENERATION_GENERATION_ID] = UUIDPGetDatum(&generation->id.id);
	values[GENERATION_BUYER_ID] = UUIDPGetDatum(&generation->buyer.id);
	values[GENERATION_RUN_ID] = UUIDPGetDatum(&generation->run.id);
	nulls[GENERATION_RUN_ID] = !generation->in_run;
	values[GENERATION_IMAGES] = Int32GetDatum(generation->images);
	values[GENERATION_BRAND_RATIO_PPM] = Int32GetDatum(terms->brand_ratio_ppm);
	values[GENERATION_CREATOR_REF_RATIO_PPM] =
		Int32GetDatum(terms->creator_ref_ratio_ppm);
	values[GENERATION_TOTAL_CAP_RATIO_PPM] =
		Int32GetDatum(terms->total_cap_ratio_ppm);
	values[GENERATION_DERIVED] = Int16GetDatum(derived);
	values[GENERATION_BUNDLE_FRAME] = BoolGetDatum(generation->bundle_frame);
	values[GENERATION_BRAND_LEG] = CharGetDatum(generation->brand_leg.status);
	generation_set_text(values, nulls, GENERATION_GENERATION_NAME,
						generation->id.name);
	generation_set_text(values, nulls, GENERATION_BUYER_NAME,
						generation->buyer.name != NULL &&
						!resolve_is_known(resolver, &generation->buyer.id) ?
						generation->buyer.name : NULL);
	generation_set_text(values, nulls, GENERATION_RUN_NAME,
						generation->in_run ? generation->run.name : NULL);
	generation_set_text(values, nulls, GENERATION_MODEL, generation->model);
	generation_set_text(values, nulls, GENERATION_RESOLUTION,
						generation->resolution);
}

/*
 * Append a leg to the ledger.
 */
static void
generation_put_leg(Ledger *ledger, LedgerEntry *entry, EntryKind kind,
				   const Leg *leg, int64 amount, int32 ratio_ppm)
{
	if (leg->status != LEG_APPLIES || amount == 0)
		return;
	entry->kind = entry->counts_as = kind;
	entry->account = &leg->earner;
	entry->amount = amount;
	entry->ratio_ppm = ratio_ppm;
	ledger_put(ledger, entry);
	entry->line++;
}

/*
 * Append the shares of a charged pool to the ledger (R19).
 */
static void
generation_put_pool(Ledger *ledger, LedgerEntry *entry, const ListingUse *use)
{
	const Listing *listing = use->listing;
	int64		amounts[SHARES_MAX];

	shares_split(use->pool.credits, listing->shares, listing->nauthors,
				 amounts);
	for (int i = 0; i < listing->nauthors; i++)
	{
		if (amounts[i] == 0)
			continue;
		entry->account = &listing->authors[i];
		entry->amount = amounts[i];
		ledger_put(ledger, entry);
		entry->line++;
	}
}

/*
 * Append what a recorded generation owes: the legs, brand first, then the
 * pools.
 */
static void
generation_put_entries(Ledger *ledger, const Generation *generation,
					   const LegTerms *terms, const LegAmounts *legs)
{
	LedgerEntry entry = {
		.event_id = generation->event_id,
		.line = 1,
		.occurred_at = generation->occurred_at
	};

	entry.from_account = &generation->buyer.id;
	generation_put_leg(ledger, &entry, ENTRY_BRAND, &generation->brand_leg,
					   legs->brand, terms->brand_ratio_ppm);
	entry.buyer = &generation->buyer.id;
	for (int i = 0; i < LISTING_USES; i++)
	{
		const ListingUse *use = &generation->uses[i];

		if (use->creator_leg.status != LEG_APPLIES)
			continue;
		entry.from_account = &use->listing->authors[0];
		generation_put_leg(ledger, &entry, ENTRY_CREATOR, &use->creator_leg,
						   legs->creator, terms->creator_ref_ratio_ppm);
	}

	entry.kind = entry.counts_as = ENTRY_POOL;
	entry.from_account = &generation->buyer.id;
	entry.buyer = NULL;
	entry.ratio_ppm = LEDGER_NO_RATIO;
	for (int i = 0; i < LISTING_USES; i++)
		if (generation->uses[i].used)
			generation_put_pool(ledger, &entry, &generation->uses[i]);
}

/*
 * What the buyer paid for a recorded generation.
 */
static int64
generation_buyer_total(TupleTableSlot *recorded)
{
	static const int fields[] = {GENERATION_MODEL_PRICE,
		GENERATION_AVATAR_SURCHARGE,
	GENERATION_REFERENCE_SURCHARGE};
	int64		total = 0;

	for (int i = 0; i < (int) lengthof(fields); i++)
	{
		bool		isnull;
		Datum		credits = slot_getattr(recorded, fields[i] + 1, &isnull);

		if (!isnull)
			total = margin_add(total, DatumGetInt64(credits));
	}
	return total;
}

/*
 * R14: reverse what is left of a recorded generation that arrives unpaid, and
 * take such a reversal back when it arrives paid.  Only where a row's paid
 * column is followed; to any other door, unpaid is other content.
 */
static void
generation_follow_paid(Accrual *accrual, const Generation *generation,
					   int64 buyer_total)
{
	Refund		refund = {
		.event_id = generation->event_id,
		.buyer_total = buyer_total,
		.unpaid = true
	};
	Refunded	before;

	if (generation->paid && !accrual->follows_paid)
		return;
	before = reversal_refunded(generation->event_id);
	refund.refunded = generation->paid ? -before.unpaid :
		refund.buyer_total - before.total;
	if (refund.refunded == 0)
		return;
	if (!accrual->follows_paid)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("generation \"%s\" is already recorded with other content",
						text_to_cstring(generation_name(generation))),
				 errdetail("It is paid there, and unpaid here."),
				 errhint("Use reverse_generation() for a refund.")));
	reversal_append(&refund, &before);
}

/*
 * A generation that is recorded already: it must be the same (R17).
 */
static void
generation_meet(Accrual *accrual, Generation *generation,
				TupleTableSlot *recorded)
{
	bool		isnull;

	generation_check_same(generation, recorded);
	generation->event_id =
		DatumGetInt64(slot_getattr(recorded, GENERATION_EVENT_ID + 1,
								   &isnull));
	generation_follow_paid(accrual, generation,
						   generation_buyer_total(recorded));
}

/*
 * Record a generation that owes something and append what it owes; or meet
 * the one that is recorded under its id.
 */
static void
generation_record(Accrual *accrual, Generation *generation,
				  const LegTerms *terms, const LegAmounts *legs)
{
	Datum		values[GENERATION_FIELDS];
	bool		nulls[GENERATION_FIELDS] = {false};
	TupleTableSlot *recorded;

	if (accrual->ledger == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(accrual->context);

		accrual->ledger = ledger_open();
		accrual->generations = append_open("generation", GENERATION_FIELDS,
										   "generation_generation_id_key");
		MemoryContextSwitchTo(caller);
	}

	generation->event_id = ledger_draw_event_id();
	values[GENERATION_EVENT_ID] = Int64GetDatum(generation->event_id);
	generation_values(generation, terms, accrual->resolver, values, nulls);
	recorded = append_put_new(accrual->generations, values, nulls);
	if (recorded)
		generation_meet(accrual, generation, recorded);
	else
		generation_put_entries(accrual->ledger, generation, terms, legs);
}

/*
 * A generation that owes nothing to anybody is not recorded; but its id must
 * not be that of another that was.
 */
static void
generation_look_up(Accrual *accrual, Generation *generation)
{
	static const RegProcedure equal_uuid[] = {F_UUID_EQ};
	TupleTableSlot *recorded;

	if (accrual->recorded.table == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(accrual->context);

		lookup_open(&accrual->recorded, "generation", GENERATION_FIELDS,
					"generation_generation_id_key", GetActiveSnapshot(),
					1, equal_uuid);
		MemoryContextSwitchTo(caller);
	}
	recorded = lookup_find(&accrual->recorded,
						   UUIDPGetDatum(&generation->id.id), 0);
	if (recorded)
		generation_meet(accrual, generation, recorded);
}

/*
 * Accrue a batch: each generation's event_id is set, and the batch's context
 * reset.
 */
void
generation_accrue(Accrual *accrual, Generation *generations, int n)
{
	MemoryContext caller = MemoryContextSwitchTo(accrual->batch);
	LegTerms	terms = generation_terms();
	const Generation *current = NULL;
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = generation_error_context,
		.arg = &current
	};

	error_context_stack = &callback;
	for (int i = 0; i < n; i++)
	{
		Generation *generation = &generations[i];
		LegAmounts	legs = {0, 0};

		current = generation;
		generation_decide(generation, accrual->resolver);
		if (generation->priced)
			legs = generation_legs(generation, &terms);
		if (generation_is_owed(generation, &legs))
			generation_record(accrual, generation, &terms, &legs);
		else
			generation_look_up(accrual, generation);
	}
	error_context_stack = callback.previous;

	if (accrual->ledger)
		ledger_flush(accrual->ledger);
	MemoryContextSwitchTo(caller);
	resolve_reset(accrual->resolver);
	MemoryContextReset(accrual->batch);
}

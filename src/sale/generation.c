/*
 * generation.c
 *		Generations as they come in, by the trigger on the application's table
 *		or by record_generation(), and as they are kept: the row of facts, the
 *		entries that they owe (R10 to R12, R19).
 */
#include "commission.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/amount.h"
#include "catalogue/shares.h"
#include "sale/sale.h"

PG_FUNCTION_INFO_V1(commission_accrue_generation);
PG_FUNCTION_INFO_V1(commission_follow_paid);
PG_FUNCTION_INFO_V1(commission_record_generation);

/* The arguments of record_generation() and, but for the first, attach(). */
enum GenerationArgument
{
	ARGUMENT_GENERATION,
	ARGUMENT_BUYER,
	ARGUMENT_AVATAR,
	ARGUMENT_REFERENCE,
	ARGUMENT_RUN,
	ARGUMENT_IMAGES,
	ARGUMENT_MODEL,
	ARGUMENT_RESOLUTION,
	ARGUMENT_MODEL_PRICE,
	ARGUMENT_API_COST,
	ARGUMENT_AVATAR_POOL,
	ARGUMENT_AVATAR_SURCHARGE,
	ARGUMENT_REFERENCE_POOL,
	ARGUMENT_REFERENCE_SURCHARGE,
	ARGUMENT_BUNDLE_FRAME,
	ARGUMENT_PAID,
	ARGUMENT_OCCURRED_AT,
	GENERATION_ARGUMENTS
};

static const ColumnSpec generation_columns[GENERATION_ARGUMENTS] = {
	[ARGUMENT_GENERATION] = {"generation", COLUMN_IDENTIFIER, true},
	[ARGUMENT_BUYER] = {"buyer", COLUMN_IDENTIFIER, true},
	[ARGUMENT_AVATAR] = {"avatar", COLUMN_IDENTIFIER, false},
	[ARGUMENT_REFERENCE] = {"reference", COLUMN_IDENTIFIER, false},
	[ARGUMENT_RUN] = {"run", COLUMN_IDENTIFIER, false},
	[ARGUMENT_IMAGES] = {"images", COLUMN_COUNT, false},
	[ARGUMENT_MODEL] = {"model", COLUMN_TEXT, false},
	[ARGUMENT_RESOLUTION] = {"resolution", COLUMN_TEXT, false},
	[ARGUMENT_MODEL_PRICE] = {"model_price", COLUMN_AMOUNT, false},
	[ARGUMENT_API_COST] = {"api_cost", COLUMN_AMOUNT, false},
	[ARGUMENT_AVATAR_POOL] = {"avatar_pool", COLUMN_AMOUNT, false},
	[ARGUMENT_AVATAR_SURCHARGE] = {"avatar_surcharge", COLUMN_AMOUNT, false},
	[ARGUMENT_REFERENCE_POOL] = {"reference_pool", COLUMN_AMOUNT, false},
	[ARGUMENT_REFERENCE_SURCHARGE] = {"reference_surcharge", COLUMN_AMOUNT, false},
	[ARGUMENT_BUNDLE_FRAME] = {"bundle_frame", COLUMN_FLAG, false},
	[ARGUMENT_PAID] = {"paid", COLUMN_FLAG, false},
	[ARGUMENT_OCCURRED_AT] = {"occurred_at", COLUMN_TIME, false}
};

static const char *const generation_keys[] = {
	"generation_generation_id_key", NULL
};

/*
 * Read an amount that may be missing.
 */
static void
generation_read_amount(const Column *column, const Row *row,
					   Amount *amount)
{
	amount->given = column_amount(column, row, &amount->credits);
}

/*
 * Read how a listing is used; the three columns follow each other's order in
 * both uses.
 */
static void
generation_read_use(const Column *columns, ListingKind kind,
					const Row *row, ListingUse *use)
{
	bool		avatar = kind == LISTING_AVATAR;

	use->used =
		column_identifier(&columns[avatar ? ARGUMENT_AVATAR : ARGUMENT_REFERENCE],
						  row, &use->id);
	generation_read_amount(&columns[avatar ? ARGUMENT_AVATAR_POOL :
									ARGUMENT_REFERENCE_POOL],
						   row, &use->pool);
	generation_read_amount(&columns[avatar ? ARGUMENT_AVATAR_SURCHARGE :
									ARGUMENT_REFERENCE_SURCHARGE],
						   row, &use->surcharge);
}

/*
 * Read a generation, but for its id and whether it is paid.
 */
static void
generation_read(Sale *sale, const Column *columns, const Row *row)
{
	Generation *generation = (Generation *) sale;

	generation->images = 1;
	column_identifier(&columns[ARGUMENT_BUYER], row, &generation->buyer);
	for (int i = 0; i < LISTING_USES; i++)
		generation_read_use(columns, i, row, &generation->uses[i]);
	generation->in_run = column_identifier(&columns[ARGUMENT_RUN], row,
										   &generation->run);
	column_count(&columns[ARGUMENT_IMAGES], row, &generation->images);
	generation->model = column_text(&columns[ARGUMENT_MODEL], row);
	generation->resolution = column_text(&columns[ARGUMENT_RESOLUTION], row);
	generation_read_amount(&columns[ARGUMENT_MODEL_PRICE], row,
						   &generation->model_price);
	generation_read_amount(&columns[ARGUMENT_API_COST], row,
						   &generation->api_cost);
	column_flag(&columns[ARGUMENT_BUNDLE_FRAME], row,
				&generation->bundle_frame);
	column_time(&columns[ARGUMENT_OCCURRED_AT], row, &sale->occurred_at);
	if (generation->images < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("images must be at least 1"),
				 errdetail("It is %d.", generation->images)));
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
 * The row of commission.generation, but for its event id.
 */
static void
generation_fill(const Sale *sale, Resolver *resolver, TupleDesc tupdesc,
				Datum *values, bool *nulls)
{
	const Generation *generation = (const Generation *) sale;
	const LegTerms *terms = &generation->terms;
	int			derived = 0;

	for (int i = 0; i < LISTING_USES; i++)
		derived |= generation_use_values(&generation->uses[i], i,
										 values, nulls);
	if (!generation->model_price.given)
		derived |= DERIVED_MODEL_PRICE;
	if (!generation->api_cost.given)
		derived |= DERIVED_API_COST;

	values[GENERATION_OCCURRED_AT] =
		TimestampTzGetDatum(sale->occurred_at);
	values[GENERATION_MODEL_PRICE] =
		Int64GetDatum(generation->model_price.credits);
	values[GENERATION_API_COST] = Int64GetDatum(generation->api_cost.credits);
	values[GENERATION_GENERATION_ID] = UUIDPGetDatum(&sale->id.id);
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
	column_set_text(values, nulls, GENERATION_GENERATION_NAME, sale->id.name);
	column_set_text(values, nulls, GENERATION_BUYER_NAME,
					resolve_unknown_name(resolver, &generation->buyer));
	column_set_text(values, nulls, GENERATION_RUN_NAME,
					generation->in_run ? generation->run.name : NULL);
	column_set_text(values, nulls, GENERATION_MODEL, generation->model);
	column_set_text(values, nulls, GENERATION_RESOLUTION,
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
generation_put_entries(const Sale *sale, Ledger *ledger)
{
	const Generation *generation = (const Generation *) sale;
	const LegTerms *terms = &generation->terms;
	const LegAmounts *legs = &generation->legs;
	LedgerEntry entry = {
		.event_id = sale->event_id,
		.line = 1,
		.occurred_at = sale->occurred_at
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
			total = amount_add(total, DatumGetInt64(credits));
	}
	return total;
}

/*
 * A generation that is recorded already must be the same (R17).
 */
static bool
generation_meet(Sale *sale, TupleTableSlot *recorded)
{
	compare_generation((const Generation *) sale, recorded);
	return true;
}

const SaleClass generation_class = {
	.noun = "generation",
	.event = REVERSIBLE_GENERATION,
	.size = sizeof(Generation),
	.columns = generation_columns,
	.ncolumns = GENERATION_ARGUMENTS,
	.paid_column = ARGUMENT_PAID,
	.accrue_function = "accrue_generation",
	.follow_function = "follow_paid",
	.table = "generation",
	.nfields = GENERATION_FIELDS,
	.id_field = GENERATION_GENERATION_ID,
	.key_indexes = generation_keys,
	.read = generation_read,
	.may_owe = generation_may_owe,
	.decide = generation_decide,
	.fill = generation_fill,
	.meet = generation_meet,
	.buyer_total = generation_buyer_total,
	.put_entries = generation_put_entries
};

/*
 * The trigger that records inserted rows.
 */
Datum
commission_accrue_generation(PG_FUNCTION_ARGS)
{
	return accrual_insert_trigger(&generation_class, fcinfo);
}

/*
 * The trigger that follows the paid column, and notices moves.
 */
Datum
commission_follow_paid(PG_FUNCTION_ARGS)
{
	return accrual_follow_trigger(&generation_class, fcinfo);
}

/*
 * record_generation(generation text, buyer text, …): the values themselves,
 * in the order of attach()'s columns.
 */
Datum
commission_record_generation(PG_FUNCTION_ARGS)
{
	Generation	generation;

	accrual_call(&generation_class, fcinfo, &generation.sale);
	if (generation.sale.event_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(generation.sale.event_id);
}

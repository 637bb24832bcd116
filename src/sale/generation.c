/*
 * generation.c
 *		Generations as they come in, by the trigger on the application's table
 *		or by record_generation(), and as they are kept: the row of facts.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/amount.h"
#include "base/statement.h"
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
 * A ratio, and the version of the terms that states it, if one does.
 */
static void
generation_rate_values(const Rate *rate, int ratio_field, int terms_field,
					   Datum *values, bool *nulls)
{
	values[ratio_field] = Int32GetDatum(rate->ratio_ppm);
	values[terms_field] = Int64GetDatum(rate->version);
	nulls[terms_field] = rate->version == 0;
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

	generation_rate_values(&use->creator_leg.rate,
						   GENERATION_AVATAR_RATIO_PPM + kind,
						   GENERATION_AVATAR_TERMS + kind, values, nulls);
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
	generation_rate_values(&generation->brand_leg.rate,
						   GENERATION_BRAND_RATIO_PPM, GENERATION_BRAND_TERMS,
						   values, nulls);
	generation_rate_values(&generation->cap, GENERATION_TOTAL_CAP_RATIO_PPM,
						   GENERATION_CAP_TERMS, values, nulls);
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
generation_meet(Sale *sale, Resolver *resolver, TupleTableSlot *recorded)
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
	.defer = generation_defer,
	.follow_deferred = generation_follow_deferred,
	.fill = generation_fill,
	.meet = generation_meet,
	.buyer_total = generation_buyer_total,
	.put_entries = generation_put_entries,
	.unreferred = generation_unreferred
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
 * Whether a generation that was recorded before owed anything to anybody.
 */
static bool
generation_has_entries(int64 event_id)
{
	static Statement select_entry = {
		"SELECT FROM commission.entry WHERE event_id = $1 LIMIT 1",
		1, {INT8OID}, NULL
	};
	StatementCaller caller;
	Params		params = {0};
	bool		found;

	params_add(&params, Int64GetDatum(event_id));
	statement_connect(&caller);
	found = statement_execute(&select_entry, &params) > 0;
	statement_finish(&caller);
	return found;
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
	if (generation.sale.event_id == 0 ||
		!(generation.owed || generation_has_entries(generation.sale.event_id)))
		PG_RETURN_NULL();
	PG_RETURN_INT64(generation.sale.event_id);
}

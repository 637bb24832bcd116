/*
 * generation_door.c
 *		The two doors by which generations come in: the trigger on the
 *		application's table, and record_generation().
 *
 * A door turns what it gets into Generations, a batch at a time, and hands
 * them to the engine.
 */
#include "commission.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "generation.h"
#include "margin.h"

PG_FUNCTION_INFO_V1(commission_accrue_generation);
PG_FUNCTION_INFO_V1(commission_follow_paid);
PG_FUNCTION_INFO_V1(commission_record_generation);

/* The arguments of record_generation(), in GenerationArgument's order. */
const ColumnSpec generation_columns[GENERATION_ARGUMENTS] = {
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

/*
 * What either door checks of a generation that it has read.
 */
static void
generation_check(const Generation *generation)
{
	if (generation->images < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("images must be at least 1"),
				 errdetail("The generation \"%s\" has %d.",
						   text_to_cstring(identifier_text(&generation->sale.id)),
						   generation->images)));
	accrual_check_time(&generation->sale, "generation");
}

/*
 * Read an amount that may be missing.
 */
static void
generation_read_amount(const Column *column, TupleTableSlot *slot,
					   Amount *amount)
{
	amount->given = column_amount(column, slot, &amount->credits);
	if (amount->given)
		margin_check_amount(amount->credits, column->spec->argument);
}

/*
 * Read how a listing is used; the three columns follow each other's order in
 * both uses.
 */
static void
generation_read_use(const Column *columns, ListingKind kind,
					TupleTableSlot *slot, ListingUse *use)
{
	bool		avatar = kind == LISTING_AVATAR;

	use->used =
		column_identifier(&columns[avatar ? ARGUMENT_AVATAR : ARGUMENT_REFERENCE],
						  slot, &use->id);
	generation_read_amount(&columns[avatar ? ARGUMENT_AVATAR_POOL :
									ARGUMENT_REFERENCE_POOL],
						   slot, &use->pool);
	generation_read_amount(&columns[avatar ? ARGUMENT_AVATAR_SURCHARGE :
									ARGUMENT_REFERENCE_SURCHARGE],
						   slot, &use->surcharge);
}

/*
 * Read a generation from a row of the application's table.  A flag that is
 * NULL is false: what is not known to be paid is not paid.
 */
void
generation_read(Sale *sale, const Column *columns, TupleTableSlot *slot)
{
	Generation *generation = (Generation *) sale;

	generation->images = 1;
	sale->paid = columns[ARGUMENT_PAID].attnum == 0;
	sale->occurred_at = GetCurrentTransactionStartTimestamp();

	column_identifier(&columns[ARGUMENT_GENERATION], slot, &sale->id);
	column_identifier(&columns[ARGUMENT_BUYER], slot, &generation->buyer);
	for (int i = 0; i < LISTING_USES; i++)
		generation_read_use(columns, i, slot, &generation->uses[i]);
	generation->in_run = column_identifier(&columns[ARGUMENT_RUN], slot,
										   &generation->run);
	column_count(&columns[ARGUMENT_IMAGES], slot, &generation->images);
	generation->model = column_text(&columns[ARGUMENT_MODEL], slot);
	generation->resolution = column_text(&columns[ARGUMENT_RESOLUTION], slot);
	generation_read_amount(&columns[ARGUMENT_MODEL_PRICE], slot,
						   &generation->model_price);
	generation_read_amount(&columns[ARGUMENT_API_COST], slot,
						   &generation->api_cost);
	column_flag(&columns[ARGUMENT_BUNDLE_FRAME], slot,
				&generation->bundle_frame);
	column_flag(&columns[ARGUMENT_PAID], slot, &sale->paid);
	column_time(&columns[ARGUMENT_OCCURRED_AT], slot, &sale->occurred_at);
	generation_check(generation);
}

/*
 * The trigger that records inserted rows.
 */
Datum
commission_accrue_generation(PG_FUNCTION_ARGS)
{
	return accrual_insert_trigger(&generation_class, fcinfo);
}

/*
 * The trigger that follows the paid column.
 */
Datum
commission_follow_paid(PG_FUNCTION_ARGS)
{
	return accrual_paid_trigger(&generation_class, fcinfo);
}

/*
 * An identifier among the function's arguments; false for NULL.
 */
static bool
generation_argument(FunctionCallInfo fcinfo, int argument,
					Identifier *identifier)
{
	const ColumnSpec *spec = &generation_columns[argument];

	if (PG_ARGISNULL(argument))
	{
		if (spec->required)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be NULL", spec->argument)));
		return false;
	}
	*identifier = identifier_from_text(PG_GETARG_TEXT_PP(argument),
									   spec->argument);
	return true;
}

/*
 * An amount among the function's arguments.
 */
static Amount
generation_argument_amount(FunctionCallInfo fcinfo, int argument)
{
	Amount		amount = {false, 0};

	if (!PG_ARGISNULL(argument))
	{
		amount.given = true;
		amount.credits = PG_GETARG_INT64(argument);
		margin_check_amount(amount.credits,
							generation_columns[argument].argument);
	}
	return amount;
}

/*
 * record_generation(generation text, buyer text, …): the values themselves,
 * in the order of attach()'s columns.
 */
Datum
commission_record_generation(PG_FUNCTION_ARGS)
{
	Generation	generation = {0};
	ListingUse *avatar = &generation.uses[LISTING_AVATAR];
	ListingUse *reference = &generation.uses[LISTING_REFERENCE];

	generation_argument(fcinfo, ARGUMENT_GENERATION, &generation.sale.id);
	generation_argument(fcinfo, ARGUMENT_BUYER, &generation.buyer);
	avatar->used = generation_argument(fcinfo, ARGUMENT_AVATAR, &avatar->id);
	reference->used = generation_argument(fcinfo, ARGUMENT_REFERENCE,
										  &reference->id);
	generation.in_run = generation_argument(fcinfo, ARGUMENT_RUN,
											&generation.run);
	generation.images = PG_ARGISNULL(ARGUMENT_IMAGES) ?
		1 : PG_GETARG_INT32(ARGUMENT_IMAGES);
	if (!PG_ARGISNULL(ARGUMENT_MODEL))
		generation.model = PG_GETARG_TEXT_PP(ARGUMENT_MODEL);
	if (!PG_ARGISNULL(ARGUMENT_RESOLUTION))
		generation.resolution = PG_GETARG_TEXT_PP(ARGUMENT_RESOLUTION);
	generation.model_price = generation_argument_amount(fcinfo, ARGUMENT_MODEL_PRICE);
	generation.api_cost = generation_argument_amount(fcinfo, ARGUMENT_API_COST);
	avatar->pool = generation_argument_amount(fcinfo, ARGUMENT_AVATAR_POOL);
	avatar->surcharge = generation_argument_amount(fcinfo, ARGUMENT_AVATAR_SURCHARGE);
	reference->pool = generation_argument_amount(fcinfo, ARGUMENT_REFERENCE_POOL);
	reference->surcharge = generation_argument_amount(fcinfo, ARGUMENT_REFERENCE_SURCHARGE);
	generation.bundle_frame = !PG_ARGISNULL(ARGUMENT_BUNDLE_FRAME) &&
		PG_GETARG_BOOL(ARGUMENT_BUNDLE_FRAME);
	generation.sale.paid = !PG_ARGISNULL(ARGUMENT_PAID) &&
		PG_GETARG_BOOL(ARGUMENT_PAID);
	generation.sale.occurred_at = PG_ARGISNULL(ARGUMENT_OCCURRED_AT) ?
		GetCurrentTransactionStartTimestamp() :
		PG_GETARG_TIMESTAMPTZ(ARGUMENT_OCCURRED_AT);
	generation_check(&generation);

	accrual_one(&generation_class, &generation.sale);
	if (generation.sale.event_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(generation.sale.event_id);
}

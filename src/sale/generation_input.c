/*
 * generation_input.c
 *		The two doors by which generations come in: the trigger on the
 *		application's table, and record_generation().
 *
 * Both read a generation here; the rest of their way is the engine's.
 */
#include "commission.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/amount.h"
#include "sale/generation.h"

PG_FUNCTION_INFO_V1(commission_accrue_generation);
PG_FUNCTION_INFO_V1(commission_follow_paid);
PG_FUNCTION_INFO_V1(commission_record_generation);

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
generation_read_amount(const Column *column, const Row *row,
					   Amount *amount)
{
	amount->given = column_amount(column, row, &amount->credits);
	if (amount->given)
		amount_check(amount->credits, column->spec->argument);
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
 * Read a generation, and check what either door checks of it.  A flag that is
 * NULL is false: what is not known to be paid is not paid.
 */
void
generation_read(Sale *sale, const Column *columns, const Row *row)
{
	Generation *generation = (Generation *) sale;

	generation->images = 1;
	sale->paid = columns[ARGUMENT_PAID].attnum == 0;
	sale->occurred_at = GetCurrentTransactionStartTimestamp();

	column_identifier(&columns[ARGUMENT_GENERATION], row, &sale->id);
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
	column_flag(&columns[ARGUMENT_PAID], row, &sale->paid);
	column_time(&columns[ARGUMENT_OCCURRED_AT], row, &sale->occurred_at);
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

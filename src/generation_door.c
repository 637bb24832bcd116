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
#include "commands/trigger.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "columns.h"
#include "generation.h"
#include "generation_door.h"
#include "margin.h"

PG_FUNCTION_INFO_V1(commission_accrue_generation);
PG_FUNCTION_INFO_V1(commission_follow_paid);
PG_FUNCTION_INFO_V1(commission_record_generation);

/* Generations that are resolved and appended together. */
#define GENERATION_BATCH		1000

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
 * What any door checks of a generation that it has read.
 */
static void
generation_check(const Generation *generation)
{
	if (generation->images < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("images must be at least 1"),
				 errdetail("Generation \"%s\" has %d.",
						   text_to_cstring(generation_name(generation)),
						   generation->images)));
	if (TIMESTAMP_NOT_FINITE(generation->occurred_at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("occurred_at must be a finite time"),
				 errdetail("Generation \"%s\" has an infinite one.",
						   text_to_cstring(generation_name(generation)))));
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
static void
generation_read(const Column *columns, TupleTableSlot *slot,
				Generation *generation)
{
	memset(generation, 0, sizeof(Generation));
	generation->images = 1;
	generation->paid = columns[ARGUMENT_PAID].attnum == 0;
	generation->occurred_at = GetCurrentTransactionStartTimestamp();

	column_identifier(&columns[ARGUMENT_GENERATION], slot, &generation->id);
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
	column_flag(&columns[ARGUMENT_PAID], slot, &generation->paid);
	column_time(&columns[ARGUMENT_OCCURRED_AT], slot,
				&generation->occurred_at);
	generation_check(generation);
}

/*
 * Accrue the rows of a statement's transition table, batch by batch.
 */
static void
generation_accrue_table(const Column *columns, Relation relation,
						Tuplestorestate *rows)
{
	Accrual    *accrual = generation_accrual_begin(false);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation),
													&TTSOpsMinimalTuple);
	Generation *generations = palloc(sizeof(Generation) * GENERATION_BATCH);
	int			n = 0;

	/* The table may be another trigger's, too: read it by a pointer of ours. */
	tuplestore_select_read_pointer(rows,
								   tuplestore_alloc_read_pointer(rows,
																 EXEC_FLAG_REWIND));
	tuplestore_rescan(rows);
	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		MemoryContext caller;

		CHECK_FOR_INTERRUPTS();
		caller = MemoryContextSwitchTo(generation_batch_context(accrual));
		generation_read(columns, slot, &generations[n++]);
		MemoryContextSwitchTo(caller);
		if (n == GENERATION_BATCH)
		{
			generation_accrue(accrual, generations, n);
			n = 0;
		}
	}
	generation_accrue(accrual, generations, n);

	ExecDropSingleTupleTableSlot(slot);
	pfree(generations);
	generation_accrual_end(accrual);
}

/*
 * Accrue one row, following its paid column: a row trigger also sees a row
 * that an UPDATE has changed, be it in place or by moving it to another
 * partition, which is an INSERT there.
 */
static void
generation_accrue_row(const Column *columns, TupleTableSlot *slot)
{
	Accrual    *accrual = generation_accrual_begin(true);
	Generation	generation;
	MemoryContext caller;

	caller = MemoryContextSwitchTo(generation_batch_context(accrual));
	generation_read(columns, slot, &generation);
	MemoryContextSwitchTo(caller);
	generation_accrue(accrual, &generation, 1);
	generation_accrual_end(accrual);
}

/*
 * The call of a trigger function of ours; both are AFTER triggers.
 */
static TriggerData *
generation_trigger(FunctionCallInfo fcinfo, const char *function)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						function)));
	if (!TRIGGER_FIRED_AFTER(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" must be fired AFTER",
						trigger->tg_trigger->tgname),
				 errhint("Create the trigger with commission.attach().")));
	return trigger;
}

/*
 * The columns that a trigger's arguments name.
 */
static void
generation_trigger_columns(TriggerData *trigger, Column *columns)
{
	columns_resolve(trigger->tg_relation, generation_columns,
					GENERATION_ARGUMENTS, trigger->tg_trigger->tgnargs,
					trigger->tg_trigger->tgargs, columns);
}

/*
 * The trigger, as attach() puts it on a plain table:
 *
 * CREATE TRIGGER commission_accrue AFTER INSERT ON generations
 *		REFERENCING NEW TABLE AS commission_new
 *		FOR EACH STATEMENT EXECUTE FUNCTION
 *		commission.accrue_generation('generation', 'id', 'buyer', 'brand_id');
 *
 * and, as FOR EACH ROW, on a partitioned one.
 */
Datum
commission_accrue_generation(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = generation_trigger(fcinfo, "accrue_generation");
	Column		columns[GENERATION_ARGUMENTS];

	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		(TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) &&
		 trigger->tg_newtable == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" must be fired AFTER INSERT, for each row or with a new table",
						trigger->tg_trigger->tgname),
				 errhint("Create the trigger with commission.attach().")));

	generation_trigger_columns(trigger, columns);
	if (TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		generation_accrue_table(columns, trigger->tg_relation,
								trigger->tg_newtable);
	else
		generation_accrue_row(columns, trigger->tg_trigslot);
	return PointerGetDatum(NULL);
}

/*
 * The trigger that follows the paid column (R14), as attach() puts it where
 * one is mapped:
 *
 * CREATE TRIGGER commission_paid AFTER UPDATE ON generations FOR EACH ROW
 *		WHEN (OLD.paid IS DISTINCT FROM NEW.paid) EXECUTE FUNCTION
 *		commission.follow_paid('generation', 'id', …, 'paid', 'paid');
 */
Datum
commission_follow_paid(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = generation_trigger(fcinfo, "follow_paid");
	Column		columns[GENERATION_ARGUMENTS];

	if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" must be fired AFTER UPDATE, for each row",
						trigger->tg_trigger->tgname),
				 errhint("Create the trigger with commission.attach().")));

	generation_trigger_columns(trigger, columns);
	generation_accrue_row(columns, trigger->tg_newslot);
	return PointerGetDatum(NULL);
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
	Accrual    *accrual;

	generation_argument(fcinfo, ARGUMENT_GENERATION, &generation.id);
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
	generation.paid = !PG_ARGISNULL(ARGUMENT_PAID) &&
		PG_GETARG_BOOL(ARGUMENT_PAID);
	generation.occurred_at = PG_ARGISNULL(ARGUMENT_OCCURRED_AT) ?
		GetCurrentTransactionStartTimestamp() :
		PG_GETARG_TIMESTAMPTZ(ARGUMENT_OCCURRED_AT);
	generation_check(&generation);

	accrual = generation_accrual_begin(false);
	generation_accrue(accrual, &generation, 1);
	generation_accrual_end(accrual);
	if (generation.event_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(generation.event_id);
}

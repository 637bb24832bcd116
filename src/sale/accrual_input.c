/*
 * accrual_input.c
 *		The ways in for generations and orders: rows of the application's
 *		table, read as its mapping says, and the arguments of a call.
 */
#include "commission.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "sale/sale.h"

/* Sales that are read, decided and appended together. */
#define ACCRUAL_BATCH			1000

/*
 * Read of a row what following its paid column needs: that, and the id.  A
 * flag that is NULL is false: what is not known to be paid is not paid.
 */
void
accrual_read_paid(const SaleClass *class, const Column *columns,
				  const Row *row, Sale *sale)
{
	memset(sale, 0, class->size);
	column_identifier(&columns[0], row, &sale->id);
	sale->paid = columns[class->paid_column].attnum == 0;
	column_flag(&columns[class->paid_column], row, &sale->paid);
}

/*
 * Read the rest of a row's sale.
 */
void
accrual_read_rest(Accrual *accrual, const SaleClass *class,
				  const Column *columns, const Row *row, Sale *sale)
{
	accrual_position(accrual, sale);
	sale->occurred_at = GetCurrentTransactionStartTimestamp();
	class->read(sale, columns, row);
	accrual_position(accrual, NULL);
}

/*
 * Read a row's sale into its place in the batch.
 */
void
accrual_read(Accrual *accrual, const SaleClass *class,
			 const Column *columns, const Row *row, Sale *sale)
{
	MemoryContext caller = MemoryContextSwitchTo(accrual_batch_context(accrual));

	accrual_read_paid(class, columns, row, sale);
	accrual_read_rest(accrual, class, columns, row, sale);
	MemoryContextSwitchTo(caller);
}

/*
 * Accrue the rows of a statement's transition table, batch by batch.
 */
static void
accrual_table(Firing *firing)
{
	const SaleClass *class = firing->class;
	Tuplestorestate *rows = firing->trigger->tg_newtable;
	TupleTableSlot *slot =
		MakeSingleTupleTableSlot(RelationGetDescr(firing->trigger->tg_relation),
								 &TTSOpsMinimalTuple);
	const Row	row = {.slot = slot};
	int64		max = Min(tuplestore_tuple_count(rows), ACCRUAL_BATCH);
	char	   *sales = palloc(class->size * max);
	int			n = 0;

	/* The table may be another trigger's, too: read it by a pointer of ours. */
	tuplestore_select_read_pointer(rows,
								   tuplestore_alloc_read_pointer(rows,
																 EXEC_FLAG_REWIND));
	tuplestore_rescan(rows);
	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		CHECK_FOR_INTERRUPTS();
		accrual_read(firing->accrual, class, firing->columns, &row,
					 (Sale *) (sales + class->size * n++));
		if (n == max)
		{
			accrual_batch(firing->accrual, (Sale *) sales, n);
			n = 0;
		}
	}
	accrual_batch(firing->accrual, (Sale *) sales, n);

	ExecDropSingleTupleTableSlot(slot);
	pfree(sales);
}

/*
 * The error for a trigger that was made by hand, and wrong.
 */
static void
accrual_check_event(const TriggerData *trigger, bool fits, const char *event)
{
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" must be fired %s",
						trigger->tg_trigger->tgname, event),
				 errhint("Attach the table instead of creating the trigger by hand.")));
}

/*
 * The call of a trigger function of ours, and the columns that the trigger's
 * arguments name.
 */
static void
accrual_fire(Firing *firing, const SaleClass *class, FunctionCallInfo fcinfo,
			 const char *function)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	Assert(class->ncolumns <= ACCRUAL_COLUMNS_MAX);
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						function)));
	accrual_check_event(trigger, TRIGGER_FIRED_AFTER(trigger->tg_event),
						"AFTER");
	if (trigger->tg_relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("sales in foreign table \"%s\" cannot be recorded",
						RelationGetRelationName(trigger->tg_relation)),
				 errdetail("What its rows are when a statement ends cannot be looked up."),
				 errhint("Disable its trigger \"%s\", and attach the table on its own server.",
						 trigger->tg_trigger->tgname)));
	columns_resolve(RelationGetDescr(trigger->tg_relation),
					RelationGetRelationName(trigger->tg_relation),
					class->columns, class->ncolumns,
					trigger->tg_trigger->tgnargs,
					trigger->tg_trigger->tgargs, firing->columns);
	firing->class = class;
	firing->trigger = trigger;
	firing->cid = GetActiveSnapshot()->curcid;
	firing->latest = NULL;
}

/*
 * The trigger has done its work.
 */
static void
accrual_fired(Firing *firing)
{
	if (firing->latest)
		ExecDropSingleTupleTableSlot(firing->latest);
	accrual_end(firing->accrual);
}

/*
 * The trigger on INSERT, as attach() puts it on a plain table:
 *
 * CREATE TRIGGER commission_accrue AFTER INSERT ON generations
 *		REFERENCING NEW TABLE AS commission_new
 *		FOR EACH STATEMENT EXECUTE FUNCTION
 *		commission_internal.accrue_generation('generation', 'id', 'buyer', 'brand_id');
 *
 * and, as FOR EACH ROW, on a partitioned one.
 */
Datum
accrual_insert_trigger(const SaleClass *class, FunctionCallInfo fcinfo)
{
	Firing		firing;
	TriggerData *trigger;
	bool		row;

	accrual_fire(&firing, class, fcinfo, class->accrue_function);
	trigger = firing.trigger;
	row = TRIGGER_FIRED_FOR_ROW(trigger->tg_event);
	accrual_check_event(trigger,
						TRIGGER_FIRED_BY_INSERT(trigger->tg_event) &&
						(row || trigger->tg_newtable),
						"AFTER INSERT, for each row or with a new table");
	firing.accrual = accrual_begin(class, RelationGetRelid(trigger->tg_relation), !row &&
								   firing.columns[class->paid_column].attnum > 0);
	if (row)
		follow_inserted(&firing);
	else
		accrual_table(&firing);
	accrual_fired(&firing);
	return PointerGetDatum(NULL);
}

/*
 * The trigger that follows the paid column (R14), as attach() puts it where
 * one is mapped:
 *
 * CREATE TRIGGER commission_paid AFTER UPDATE ON generations FOR EACH ROW
 *		WHEN (OLD.paid IS DISTINCT FROM NEW.paid) EXECUTE FUNCTION
 *		commission_internal.follow_paid('generation', 'id', …, 'paid', 'paid');
 *
 * and that which notices moves, on a partitioned table:
 *
 * CREATE TRIGGER commission_moved AFTER DELETE ON generations FOR EACH ROW
 *		EXECUTE FUNCTION commission_internal.follow_paid('generation', 'id', …);
 */
Datum
accrual_follow_trigger(const SaleClass *class, FunctionCallInfo fcinfo)
{
	Firing		firing;
	TriggerEvent event;

	accrual_fire(&firing, class, fcinfo, class->follow_function);
	event = firing.trigger->tg_event;
	accrual_check_event(firing.trigger,
						TRIGGER_FIRED_FOR_ROW(event) &&
						(TRIGGER_FIRED_BY_UPDATE(event) ||
						 TRIGGER_FIRED_BY_DELETE(event)),
						"AFTER UPDATE or DELETE, for each row");
	firing.accrual = accrual_begin(class,
								   RelationGetRelid(firing.trigger->tg_relation),
								   false);
	if (TRIGGER_FIRED_BY_UPDATE(event))
		follow_updated(&firing);
	else
		follow_deleted(&firing);
	accrual_fired(&firing);
	return PointerGetDatum(NULL);
}

/*
 * The functions that record a sale: accrue that which the arguments carry, in
 * the order of the class's columns.
 */
void
accrual_call(const SaleClass *class, FunctionCallInfo fcinfo, Sale *sale)
{
	Column		columns[ACCRUAL_COLUMNS_MAX];
	const Row	row = {.call = fcinfo};
	Accrual    *accrual;

	columns_of_call(fcinfo, class->columns, class->ncolumns, columns);
	accrual = accrual_begin(class, InvalidOid, false);
	accrual_read(accrual, class, columns, &row, sale);
	accrual_batch(accrual, sale, 1);
	accrual_end(accrual);
}

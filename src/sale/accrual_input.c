/*
 * accrual_input.c
 *		The doors of generations and orders: rows of the application's table,
 *		read as its mapping says, or the arguments of a call go the way of a
 *		sale.
 */
#include "commission.h"

#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/tuplestore.h"

#include "sale/accrual.h"

/* Sales that are read, decided and appended together. */
#define ACCRUAL_BATCH			1000

/* The largest number of columns of any SaleClass. */
#define ACCRUAL_COLUMNS_MAX		20

/*
 * Read a row's sale into its place in the batch.
 */
static void
accrual_read(Accrual *accrual, const SaleClass *class,
			 const Column *columns, const Row *row, Sale *sale)
{
	MemoryContext caller = MemoryContextSwitchTo(accrual_batch_context(accrual));

	memset(sale, 0, class->size);
	class->read(sale, columns, row);
	MemoryContextSwitchTo(caller);
}

/*
 * Accrue the rows of a statement's transition table, batch by batch.
 */
static void
accrual_table(const SaleClass *class, const Column *columns,
			  Relation relation, Tuplestorestate *rows)
{
	Accrual    *accrual = accrual_begin(class, false);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(relation),
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
		accrual_read(accrual, class, columns, &row,
					 (Sale *) (sales + class->size * n++));
		if (n == max)
		{
			accrual_batch(accrual, (Sale *) sales, n);
			n = 0;
		}
	}
	accrual_batch(accrual, (Sale *) sales, n);

	ExecDropSingleTupleTableSlot(slot);
	pfree(sales);
	accrual_end(accrual);
}

/*
 * Accrue one row, following its paid column: a row trigger also sees a row
 * that an UPDATE has changed, be it in place or by moving it to another
 * partition, which is an INSERT there.
 */
static void
accrual_row(const SaleClass *class, const Column *columns,
			TupleTableSlot *slot)
{
	Accrual    *accrual = accrual_begin(class, true);
	const Row	row = {.slot = slot};
	Sale	   *sale = palloc(class->size);

	accrual_read(accrual, class, columns, &row, sale);
	accrual_batch(accrual, sale, 1);
	pfree(sale);
	accrual_end(accrual);
}

/*
 * The call of a trigger function of ours, and the columns that its arguments
 * name.  All are AFTER triggers.
 */
static TriggerData *
accrual_trigger(const SaleClass *class, FunctionCallInfo fcinfo,
				const char *function, Column *columns)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	Assert(class->ncolumns <= ACCRUAL_COLUMNS_MAX);
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
				 errhint("Create the trigger with commission.attach() or attach_orders().")));
	columns_resolve(trigger->tg_relation, class->columns, class->ncolumns,
					trigger->tg_trigger->tgnargs,
					trigger->tg_trigger->tgargs, columns);
	return trigger;
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
	Column		columns[ACCRUAL_COLUMNS_MAX];
	TriggerData *trigger = accrual_trigger(class, fcinfo,
										   class->accrue_function, columns);

	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		(TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) &&
		 trigger->tg_newtable == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" must be fired AFTER INSERT, for each row or with a new table",
						trigger->tg_trigger->tgname),
				 errhint("Create the trigger with commission.attach() or attach_orders().")));

	if (TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		accrual_table(class, columns, trigger->tg_relation,
					  trigger->tg_newtable);
	else
		accrual_row(class, columns, trigger->tg_trigslot);
	return PointerGetDatum(NULL);
}

/*
 * The trigger that follows the paid column (R14), as attach() puts it where
 * one is mapped:
 *
 * CREATE TRIGGER commission_paid AFTER UPDATE ON generations FOR EACH ROW
 *		WHEN (OLD.paid IS DISTINCT FROM NEW.paid) EXECUTE FUNCTION
 *		commission_internal.follow_paid('generation', 'id', …, 'paid', 'paid');
 */
Datum
accrual_paid_trigger(const SaleClass *class, FunctionCallInfo fcinfo)
{
	Column		columns[ACCRUAL_COLUMNS_MAX];
	TriggerData *trigger = accrual_trigger(class, fcinfo,
										   class->follow_function, columns);

	if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger \"%s\" must be fired AFTER UPDATE, for each row",
						trigger->tg_trigger->tgname),
				 errhint("Create the trigger with commission.attach() or attach_orders().")));

	accrual_row(class, columns, trigger->tg_newslot);
	return PointerGetDatum(NULL);
}

/*
 * The function doors: accrue the sale that the arguments carry, which stand
 * in the order of the class's columns.
 */
void
accrual_call(const SaleClass *class, FunctionCallInfo fcinfo, Sale *sale)
{
	Column		columns[ACCRUAL_COLUMNS_MAX];
	const Row	row = {.call = fcinfo};
	Accrual    *accrual;

	columns_of_call(fcinfo, class->columns, class->ncolumns, columns);
	accrual = accrual_begin(class, false);
	accrual_read(accrual, class, columns, &row, sale);
	accrual_batch(accrual, sale, 1);
	accrual_end(accrual);
}

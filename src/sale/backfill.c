/*
 * backfill.c
 *		Sales that were in the application's table before it was attached.
 *
 * backfill() reads the table in the order of the mapped time, by a cursor that
 * outlives its transactions, accrues what is not in the ledger yet as the
 * trigger would, and commits as it goes.  So it can be interrupted at any
 * moment, and called again.
 *
 * Meanwhile sales go on, and accrue by the trigger: what is recorded already
 * is left alone, and so is what was unpaid when the cursor was opened, which
 * the trigger records once it is paid.  That leaves a sale that is made unpaid
 * before the backfill has come to it.  Its trigger cannot tell whether it was
 * read as paid, and so records it first, if a backfill is under way.
 *
 * Locks: an advisory lock that no SQL function can take.  A backfill has it
 * EXCLUSIVE from before its cursor is opened to its end, whatever commits in
 * between: one runs at a time.  Who makes a sale unpaid that is not recorded
 * tries to SHARE it until the end of the transaction, and waits for nobody.
 *
 * Memory: that of the call; a batch's is reset with it.
 */
#include "commission.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/attachment.h"
#include "sale/sale.h"

PG_FUNCTION_INFO_V1(commission_backfill);

/* Rows that are read together, and committed together. */
#define BACKFILL_BATCH			1000
#define BACKFILL_BATCHES		10

/* Rows after which progress is told. */
#define BACKFILL_PROGRESS		100000

/* The last field of the lock's tag, above what pg_advisory_lock() sets there. */
#define BACKFILL_LOCK			0x6500

/* A backfill under way. */
typedef struct Backfill
{
	const SaleClass *class;
	Oid			relid;
	char	   *relation;		/* its name, for messages */
	Portal		portal;
	TupleTableSlot *slot;
	Column		columns[ACCRUAL_COLUMNS_MAX];
	char	   *sales;			/* room for a batch */
	int64		read;
	int64		recorded;
} Backfill;

/*
 * The tag of the lock.
 */
static LOCKTAG
backfill_lock(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, BACKFILL_LOCK);
	return tag;
}

/*
 * Whether a backfill is under way; if not, none begins before this transaction
 * ends.
 */
bool
backfill_is_running(void)
{
	LOCKTAG		tag = backfill_lock();

	return LockAcquire(&tag, ShareLock, false, true) ==
		LOCKACQUIRE_NOT_AVAIL;
}

/*
 * The column that an argument of attach() was mapped to.
 */
static const char *
backfill_column(const Trigger *trigger, const char *argument)
{
	for (int i = 0; i + 1 < trigger->tgnargs; i += 2)
		if (strcmp(trigger->tgargs[i], argument) == 0)
			return quote_identifier(trigger->tgargs[i + 1]);
	return NULL;
}

/*
 * The trigger by which a table was attached, and the class of its sales.
 */
static const Trigger *
backfill_trigger(Relation relation, const SaleClass **class)
{
	static const SaleClass *const classes[] = {&generation_class, &order_class};

	for (int i = 0; i < (int) lengthof(classes); i++)
	{
		const Trigger *trigger = attachment_find(relation,
												 classes[i]->accrue_function);

		*class = classes[i];
		if (trigger)
			return trigger;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("\"%s\" is not attached as a table of sales",
					RelationGetRelationName(relation)),
			 errhint("Attach it with commission.attach() or attach_orders() first, so that later sales accrue by themselves.")));
}

/*
 * Open the cursor, which reads with the rights of the caller.  Rows of one
 * time are in the order in which the table has them.
 */
static void
backfill_open(Backfill *backfill, Oid relid, const NullableDatum *since)
{
	Relation	relation = try_table_open(relid, AccessShareLock);
	const Trigger *trigger;
	const char *time;
	char	   *query;
	Oid			type = TIMESTAMPTZOID;
	Datum		value = since->value;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	trigger = backfill_trigger(relation, &backfill->class);
	time = backfill_column(trigger, "occurred_at");
	backfill->relid = relid;
	backfill->relation = pstrdup(RelationGetRelationName(relation));
	if (time == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("\"%s\" was attached without the time of its sales",
						backfill->relation),
				 errdetail("They would all be recorded as of now."),
				 errhint("Detach the table and attach it with occurred_at.")));
	query = psprintf("%s%s%s%s ORDER BY %s, ctid",
					 attachment_query(relation, trigger),
					 since->isnull ? "" : " WHERE ", since->isnull ? "" : time,
					 since->isnull ? "" : " OPERATOR(pg_catalog.>=) $1", time);
	backfill->portal =
		SPI_cursor_open_with_args(NULL, query, since->isnull ? 0 : 1, &type,
								  &value, NULL, false, CURSOR_OPT_NO_SCROLL);
	PinPortal(backfill->portal);
	columns_resolve(backfill->portal->tupDesc, backfill->relation,
					backfill->class->columns, backfill->class->ncolumns,
					trigger->tgnargs, trigger->tgargs, backfill->columns);
	/* The cursor's own does not outlive the transaction. */
	backfill->slot =
		MakeSingleTupleTableSlot(CreateTupleDescCopy(backfill->portal->tupDesc),
								 &TTSOpsHeapTuple);
	backfill->sales = palloc(backfill->class->size * BACKFILL_BATCH);
	table_close(relation, NoLock);
}

/*
 * Read a row's sale; false if it is not to be recorded.
 */
static bool
backfill_read(Backfill *backfill, Accrual *accrual, Sale *sale)
{
	const Row	row = {.slot = backfill->slot};
	MemoryContext caller = MemoryContextSwitchTo(accrual_batch_context(accrual));
	bool		wanted;

	accrual_read_paid(backfill->class, backfill->columns, &row, sale);
	wanted = sale->paid && !accrual_is_recorded(accrual, sale);
	if (wanted)
		accrual_read_rest(accrual, backfill->class, backfill->columns, &row,
						  sale);
	MemoryContextSwitchTo(caller);
	return wanted;
}

/*
 * Accrue the next rows; false if there are no more.
 */
static bool
backfill_batch(Backfill *backfill, Accrual *accrual)
{
	Size		size = backfill->class->size;
	int			n = 0;
	uint64		rows;

	SPI_cursor_fetch(backfill->portal, true, BACKFILL_BATCH);
	rows = SPI_processed;
	for (uint64 i = 0; i < rows; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ExecStoreHeapTuple(SPI_tuptable->vals[i], backfill->slot, false);
		if (backfill_read(backfill, accrual,
						  (Sale *) (backfill->sales + size * n)))
			n++;
	}
	ExecClearTuple(backfill->slot);
	SPI_freetuptable(SPI_tuptable);
	accrual_batch(accrual, (Sale *) backfill->sales, n);
	for (int i = 0; i < n; i++)
		if (((Sale *) (backfill->sales + size * i))->event_id != 0)
			backfill->recorded++;
	backfill->read += rows;
	return rows == BACKFILL_BATCH;
}

/*
 * Accrue the rows of a transaction; false if there are no more.  Should it
 * wait for a sale that waits for it, it is the backfill that gives way.
 */
static bool
backfill_transaction(Backfill *backfill)
{
	Accrual    *accrual;
	bool		more = true;

	(void) set_config_option("deadlock_timeout", "10ms",
							 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
							 true, 0, false);
	PushActiveSnapshot(GetTransactionSnapshot());
	accrual = accrual_begin(backfill->class, backfill->relid, false);
	for (int i = 0; more && i < BACKFILL_BATCHES; i++)
		more = backfill_batch(backfill, accrual);
	accrual_end(accrual);
	PopActiveSnapshot();
	SPI_commit();
	if (more && backfill->read % BACKFILL_PROGRESS == 0)
		ereport(NOTICE,
				(errmsg("%lld rows of \"%s\" read, %lld sales recorded",
						(long long) backfill->read, backfill->relation,
						(long long) backfill->recorded)));
	return more;
}

/*
 * CALL backfill(relation regclass, since timestamptz)
 *
 * The lock is waited for in a transaction that ends with it: the snapshot of
 * the next one sees all that was done before.
 */
Datum
commission_backfill(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag = backfill_lock();
	Backfill	backfill = {0};

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "relation")));
	if (castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("backfill() commits as it goes and cannot run in a transaction block or a function"),
				 errhint("CALL it by itself.")));

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	(void) LockAcquire(&tag, ExclusiveLock, true, false);
	PG_TRY();
	{
		SPI_commit();
		backfill_open(&backfill, PG_GETARG_OID(0), &fcinfo->args[1]);
		while (backfill_transaction(&backfill))
			;
		ExecDropSingleTupleTableSlot(backfill.slot);
		UnpinPortal(backfill.portal);
		SPI_cursor_close(backfill.portal);
	}
	PG_FINALLY();
	{
		(void) LockRelease(&tag, ExclusiveLock, true);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}

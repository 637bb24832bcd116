/*
 * follow.c
 *		The row as it stands when its statement ends decides (R14): what a row
 *		trigger makes of a row that was inserted, updated, moved or deleted.
 *
 * The application's own AFTER triggers may change or move the row in
 * statements of their own, before or after ours.  Whatever the order, the
 * ledger comes out the same:
 *
 *	- A row trigger looks at the latest version of its row.
 *	- A nested statement's trigger that finds a version that this transaction
 *	  has made first does what the trigger of the statement that made it would
 *	  do; that trigger, when it comes, finds its work done.
 *
 * An UPDATE that moves a row to another partition fires a DELETE's and an
 * INSERT's trigger, one after the other.  The former leaves word for the
 * latter, which then follows the paid column and records nothing new.
 */
#include "commission.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "sale/sale.h"

/* A row that an UPDATE has taken out of a partition, as it was. */
typedef struct Move
{
	TransactionId xid;			/* of the UPDATE; invalid: there is none */
	CommandId	cid;			/* likewise */
	pg_uuid_t	id;
	bool		paid;
} Move;

static Move last_move;

/*
 * The latest version of a trigger's row: its slot, or one that is dropped when
 * the trigger is done; NULL if the row is no longer there.
 */
static TupleTableSlot *
follow_latest(Firing *firing, TupleTableSlot *slot)
{
	Relation	relation = firing->trigger->tg_relation;
	Snapshot	snapshot = GetActiveSnapshot();
	ItemPointerData tid = slot->tts_tid;
	TableScanDesc scan;

	if (table_tuple_satisfies_snapshot(relation, slot, snapshot))
		return slot;
	scan = table_beginscan_tid(relation, snapshot);
	table_tuple_get_latest_tid(scan, &tid);
	table_endscan(scan);
	firing->latest = MakeSingleTupleTableSlot(RelationGetDescr(relation),
											  table_slot_callbacks(relation));
	return table_tuple_fetch_row_version(relation, &tid, snapshot,
										 firing->latest) ?
		firing->latest : NULL;
}

/*
 * Make the ledger say of a row's sale what the row says: paid or not and,
 * where the sale is paid but not recorded, all the rest.
 */
static void
follow_settle(Firing *firing, TupleTableSlot *slot, Sale *sale, bool late)
{
	const Row	row = {.slot = slot};

	if (accrual_follow(firing->accrual, sale) || !sale->paid)
		return;
	accrual_read_rest(firing->accrual, firing->class, firing->columns, &row,
					  sale);
	sale->paid_late = late;
	accrual_batch(firing->accrual, sale, 1);
}

/*
 * Settle a version of a row that a nested statement has replaced or taken
 * away, if this transaction has made it: the trigger of the statement that
 * made it may not have come to it yet.
 */
static void
follow_settle_replaced(Firing *firing, TupleTableSlot *slot, Sale *sale)
{
	bool		isnull;
	TransactionId xmin =
		DatumGetTransactionId(slot_getsysattr(slot,
											  MinTransactionIdAttributeNumber,
											  &isnull));

	if (DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0)) > 1 &&
		TransactionIdIsCurrentTransactionId(xmin))
		follow_settle(firing, slot, sale, false);
}

/*
 * Follow a row from what it was to its latest version.  A sale whose id the
 * row no longer has is not paid by it any more.
 */
static void
follow_row(Firing *firing, Sale *old, TupleTableSlot *latest)
{
	const Row	row = {.slot = latest};
	Sale	   *sale = palloc(firing->class->size);

	accrual_read_paid(firing->class, firing->columns, &row, sale);
	if (old->paid && !sale->paid &&
		!identifier_equal(&old->id.id, &sale->id.id))
	{
		old->paid = false;
		(void) accrual_follow(firing->accrual, old);
	}
	follow_settle(firing, latest, sale, true);
}

/*
 * A row was inserted into a partition, or moved into it.  If it is gone by
 * now, whatever took it away has settled it.
 */
void
follow_inserted(Firing *firing)
{
	TupleTableSlot *slot = firing->trigger->tg_trigslot;
	TupleTableSlot *latest = follow_latest(firing, slot);
	const Row	row = {.slot = latest};
	Sale	   *sale = palloc(firing->class->size);
	bool		moved = TransactionIdIsValid(last_move.xid) &&
		last_move.xid == GetTopTransactionIdIfAny() &&
		last_move.cid == firing->cid;

	last_move.xid = InvalidTransactionId;
	if (latest == NULL)
		return;
	if (!moved && latest == slot)
	{
		accrual_read(firing->accrual, firing->class, firing->columns, &row,
					 sale);
		accrual_batch(firing->accrual, sale, 1);
		return;
	}
	accrual_read_paid(firing->class, firing->columns, &row, sale);
	if (!moved)
		follow_settle(firing, latest, sale, false);
	else if (sale->paid != last_move.paid)
	{
		Sale		old = {.id = {.id = last_move.id}, .paid = last_move.paid};

		follow_row(firing, &old, latest);
	}
}

/*
 * A row's paid column was updated.  A row that is gone by now was deleted or
 * moved; a partition's trigger on DELETE has settled it then.
 */
void
follow_updated(Firing *firing)
{
	TriggerData *trigger = firing->trigger;
	TupleTableSlot *latest = follow_latest(firing, trigger->tg_newslot);
	const Row	row = {.slot = trigger->tg_trigslot};
	Sale	   *old = palloc(firing->class->size);

	accrual_read_paid(firing->class, firing->columns, &row, old);
	if (old->paid)
		follow_settle_replaced(firing, trigger->tg_trigslot, old);
	if (latest)
		follow_row(firing, old, latest);
	else if (!trigger->tg_relation->rd_rel->relispartition)
		follow_row(firing, old, trigger->tg_newslot);
}

/*
 * A row was deleted from a partition, or moved out of it: then the trigger on
 * INSERT that is fired next is told.
 */
void
follow_deleted(Firing *firing)
{
	TriggerData *trigger = firing->trigger;
	const Row	row = {.slot = trigger->tg_trigslot};
	Sale	   *old = palloc(firing->class->size);

	accrual_read_paid(firing->class, firing->columns, &row, old);
	follow_settle_replaced(firing, trigger->tg_trigslot, old);
	if (HeapTupleHeaderIndicatesMovedPartitions(trigger->tg_trigtuple->t_data))
	{
		last_move.xid = GetTopTransactionId();
		last_move.cid = firing->cid;
		last_move.id = old->id.id;
		last_move.paid = old->paid;
	}
}

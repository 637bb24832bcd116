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
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/attachment.h"
#include "sale/sale.h"

/* A row that an UPDATE moves to another partition, as it was before. */
typedef struct Move
{
	CommandId	cid;			/* of the UPDATE */
	pg_uuid_t	id;
	bool		paid;
	bool		arrived;
} Move;

/*
 * Moves of a transaction, in its memory: those that are under way, and those
 * of nested statements that have arrived.
 */
static List *moves = NIL;
static TransactionId moves_xid = InvalidTransactionId;

/*
 * Whether an application's trigger has run the statement that fired ours.
 */
static bool
follow_is_nested(void)
{
	return DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0)) > 1;
}

/*
 * Whether a recorded sale was followed by a nested statement already: by one
 * of the commands from since up to but without until.
 */
bool
follow_is_done(TupleTableSlot *recorded, CommandId since, CommandId until)
{
	bool		isnull;
	CommandId	cmin =
		DatumGetCommandId(slot_getsysattr(recorded,
										  MinCommandIdAttributeNumber,
										  &isnull));
	TransactionId xmin =
		DatumGetTransactionId(slot_getsysattr(recorded,
											  MinTransactionIdAttributeNumber,
											  &isnull));

	return cmin >= since && cmin < until &&
		TransactionIdIsCurrentTransactionId(xmin);
}

/*
 * Leave word of a row that is on its way to another partition.
 */
static void
follow_put_move(const Firing *firing, const Sale *sale)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	Move	   *move = palloc0(sizeof(Move));

	move->cid = firing->cid;
	move->id = sale->id.id;
	move->paid = sale->paid;
	if (moves_xid != GetTopTransactionId())
		moves = NIL;
	moves_xid = GetTopTransactionId();
	moves = lappend(moves, move);
	MemoryContextSwitchTo(caller);
}

/*
 * The last move by a command, of the row with this id or, where that is NULL,
 * one that has not arrived; NULL if there is none.
 */
static Move *
follow_find_move(CommandId cid, const pg_uuid_t *id)
{
	if (moves_xid != GetTopTransactionIdIfAny())
		return NULL;
	for (int i = list_length(moves) - 1; i >= 0; i--)
	{
		Move	   *move = list_nth(moves, i);

		if (move->cid == cid &&
			(id ? identifier_equal(&move->id, id) : !move->arrived))
			return move;
	}
	return NULL;
}

/*
 * The move with which a row arrives now; false if it was inserted.
 */
static bool
follow_take_move(const Firing *firing, Move *taken)
{
	Move	   *move = follow_find_move(firing->cid, NULL);

	if (move == NULL)
		return false;
	*taken = *move;
	if (follow_is_nested())
		move->arrived = true;
	else
	{
		moves = list_delete_ptr(moves, move);
		pfree(move);
	}
	return true;
}

/*
 * The latest version of a trigger's row: its slot, or one that is dropped when
 * the trigger is done; NULL if the row is no longer there.
 */
static TupleTableSlot *
follow_latest(Firing *firing, TupleTableSlot *slot)
{
	return attachment_latest(firing->trigger->tg_relation, slot,
							 &firing->latest);
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
 * made it may not have come to it yet.  A version that was made by moving the
 * row is settled when it arrives; until then, only its paid column matters.
 */
static void
follow_settle_replaced(Firing *firing, TupleTableSlot *slot, Sale *sale)
{
	bool		isnull;
	TransactionId xmin =
		DatumGetTransactionId(slot_getsysattr(slot,
											  MinTransactionIdAttributeNumber,
											  &isnull));
	const Move *move;

	if (!follow_is_nested() || !TransactionIdIsCurrentTransactionId(xmin))
		return;
	move = follow_find_move(HeapTupleHeaderGetCmin(firing->trigger->tg_trigtuple->t_data),
							&sale->id.id);
	if (move == NULL || (!move->arrived && move->paid != sale->paid))
		follow_settle(firing, slot, sale, false);
}

/*
 * A sale that is no longer paid is not recorded.  A backfill may have read it
 * as it was: if one is under way, record the sale, which is reversed then, and
 * which the backfill finds.
 */
static void
follow_before_backfill(Firing *firing, const Sale *old,
					   TupleTableSlot *latest)
{
	const Row	row = {.slot = latest};
	Sale	   *sale;

	if (accrual_is_recorded(firing->accrual, old) || !backfill_is_running())
		return;
	sale = palloc(firing->class->size);
	accrual_read(firing->accrual, firing->class, firing->columns, &row, sale);
	sale->id = old->id;
	sale->paid = true;
	accrual_batch(firing->accrual, sale, 1);
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
	if (old->paid && !sale->paid)
		follow_before_backfill(firing, old, latest);
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
	Move		move;
	bool		moved = follow_take_move(firing, &move);

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
	else if (sale->paid != move.paid)
	{
		Sale		old = {.id = {.id = move.id}, .paid = move.paid};

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
		follow_put_move(firing, old);
}

/*
 * event_id.c
 *		Event ids: the machine's number above what its sequence gives.
 *
 * nextval() leaves a trace: after it, lastval() in the buyer's session is
 * about our sequence, and drivers and object mappers ask lastval() for the id
 * of the row that the application has just inserted.  So the number is drawn
 * here.  The sequence is an ordinary one, its pages and its WAL records are
 * those that nextval() makes, and both can be used side by side; its
 * INCREMENT, CACHE and CYCLE are ignored.
 *
 * The page never holds a number that was not drawn, not even for the moment
 * in which nextval() logs one ahead: settle.c reads it without a lock.
 *
 * Locks: RowExclusiveLock on the sequence, kept to the end of the
 * transaction, as nextval() does; its buffer is locked for the draw alone.
 */
#include "commission.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/rmgr.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/pg_class.h"
#include "commands/sequence.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "base/lookup.h"
#include "compat.h"
#include "ledger/entry.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_draw_event_id);

/* Numbers that one WAL record covers, as nextval() logs them. */
#define EVENT_NUMBERS_LOGGED	32

/* The sequence's only tuple, as the page has it. */
typedef struct SequenceTuple
{
	HeapTupleHeader header;
	Size		length;
} SequenceTuple;

/*
 * What the tuple says.
 */
static Form_pg_sequence_data
event_sequence_data(HeapTupleHeader header)
{
	return (Form_pg_sequence_data) ((char *) header + header->t_hoff);
}

/*
 * Log the sequence as it will be after as many more draws as are not logged.
 * A crash skips those numbers.
 */
static void
event_log_sequence(Relation sequence, Buffer buffer,
				   const SequenceTuple *tuple, int64 last_value)
{
	char		copy[BLCKSZ] pg_attribute_aligned(MAXIMUM_ALIGNOF);
	Form_pg_sequence_data data;
	xl_seq_rec	record;
	XLogRecPtr	end;

	memcpy(copy, tuple->header, tuple->length);
	data = event_sequence_data((HeapTupleHeader) copy);
	data->last_value = last_value;
	data->is_called = true;
	data->log_cnt = 0;

	record.compat_locator = compat_relation_locator(sequence);
	XLogBeginInsert();
	XLogRegisterBuffer(0, buffer, REGBUF_WILL_INIT);
	XLogRegisterData((char *) &record, sizeof(record));
	XLogRegisterData(copy, tuple->length);
	end = XLogInsert(RM_SEQ_ID, XLOG_SEQ_LOG);
	PageSetLSN(BufferGetPage(buffer), end);
}

/*
 * Draw the next number, with the sequence's buffer locked.  As in nextval(),
 * the first draw after a checkpoint is always logged: replay that starts
 * there must pass the numbers that were logged before.
 */
static int64
event_draw_locked(Relation sequence, Buffer buffer)
{
	Page		page = BufferGetPage(buffer);
	ItemId		item = PageGetItemId(page, FirstOffsetNumber);
	SequenceTuple tuple = {
		.header = (HeapTupleHeader) PageGetItem(page, item),
		.length = ItemIdGetLength(item)
	};
	Form_pg_sequence_data data = event_sequence_data(tuple.header);
	int64		number = data->last_value + (data->is_called ? 1 : 0);
	int64		logged = data->log_cnt - 1;
	bool		log;

	if (number < 1 || number > EVENT_NUMBER_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
				 errmsg("sequence \"%s.%s\" has no event id left",
						COMMISSION_SCHEMA, RelationGetRelationName(sequence)),
				 errdetail("Its next value would be " INT64_FORMAT "; a machine has event ids from 1 to " INT64_FORMAT ".",
						   number, EVENT_NUMBER_MAX),
				 errhint("Restart the sequence under a commission.node_id that no machine has used.")));

	log = RelationNeedsWAL(sequence) &&
		(logged < 0 || !data->is_called || PageGetLSN(page) <= GetRedoRecPtr());
	if (log)
		logged = Min(EVENT_NUMBERS_LOGGED, EVENT_NUMBER_MAX - number);

	START_CRIT_SECTION();
	MarkBufferDirty(buffer);
	if (log)
		event_log_sequence(sequence, buffer, &tuple, number + logged);
	data->last_value = number;
	data->is_called = true;
	data->log_cnt = Max(logged, 0);
	END_CRIT_SECTION();
	return number;
}

/*
 * The next event id of this machine.  Whoever draws one for a row of the
 * ledger holds its lock already.
 */
int64
ledger_draw_event_id(void)
{
	Relation	sequence;
	Buffer		buffer;
	int64		number;

	PreventCommandIfReadOnly("nextval()");
	PreventCommandIfParallelMode("nextval()");

	sequence = relation_open(lookup_relation_oid("event_id_seq"),
							 RowExclusiveLock);
	if (sequence->rd_rel->relkind != RELKIND_SEQUENCE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s.%s\" is not a sequence",
						COMMISSION_SCHEMA, RelationGetRelationName(sequence))));

	/* A transaction without an id would not wait for its WAL at commit. */
	if (RelationNeedsWAL(sequence))
		(void) GetTopTransactionId();

	buffer = ReadBuffer(sequence, 0);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	number = event_draw_locked(sequence, buffer);
	UnlockReleaseBuffer(buffer);
	relation_close(sequence, NoLock);

	return ((int64) settings_node_id << NODE_ID_SHIFT) + number;
}

/*
 * draw_event_id(), for what SQL writes.  It locks the ledger before it draws.
 */
Datum
commission_draw_event_id(PG_FUNCTION_ARGS)
{
	LockRelationOid(lookup_relation_oid("entry"), RowExclusiveLock);
	PG_RETURN_INT64(ledger_draw_event_id());
}

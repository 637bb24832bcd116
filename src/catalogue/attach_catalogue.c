/*
 * attach_catalogue.c
 *		Attaching the application's own tables of accounts, listings and prices,
 *		which the catalogue follows from then on.
 *
 * attach_accounts(), attach_listings() and attach_prices() put row triggers on
 * the table and take the rows that are there already, batch by batch.
 *
 * Locks: CREATE TRIGGER's own, on the table, under which nothing is written
 * to it while its rows are read.
 *
 * Memory: that of a trigger's call; for the rows of a table, a context that is
 * reset with each batch.
 */
#include "commission.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "base/attachment.h"
#include "catalogue/mirror.h"

PG_FUNCTION_INFO_V1(commission_attach_accounts);
PG_FUNCTION_INFO_V1(commission_attach_listings);
PG_FUNCTION_INFO_V1(commission_attach_prices);
PG_FUNCTION_INFO_V1(commission_mirror_accounts);
PG_FUNCTION_INFO_V1(commission_mirror_listings);
PG_FUNCTION_INFO_V1(commission_mirror_prices);

/* Rows that are taken together. */
#define MIRROR_BATCH		1000

static const ColumnSpec account_columns[] = {
	{"account", COLUMN_IDENTIFIER, true},
	{"label", COLUMN_TEXT, false},
	{"closed", COLUMN_MARK, false},
	{"group_name", COLUMN_TEXT, false}
};

static Statement take_accounts = {
	"SELECT commission_internal.take_accounts($1, $2, $3, $4, $5, $6)",
	6, {TEXTARRAYOID, TEXTARRAYOID, BOOLARRAYOID, TEXTARRAYOID, BOOLOID,
	TEXTOID}, NULL
};

static const MirrorClass account_class = {
	.noun = "account",
	.function = "mirror_accounts",
	.columns = account_columns,
	.ncolumns = lengthof(account_columns),
	.kept_column = 1,
	.closed_column = 2,
	.group_column = 3,
	.take = &take_accounts
};

static const ColumnSpec listing_columns[] = {
	{"listing", COLUMN_IDENTIFIER, true},
	{"owner", COLUMN_IDENTIFIER, true},
	{"kind", COLUMN_LISTING_KIND, true},
	{"pool", COLUMN_AMOUNT, true},
	{"title", COLUMN_TEXT, false},
	{"co_authors", COLUMN_JSON, false}
};

static Statement take_listings = {
	"SELECT commission_internal.take_listings($1, $2, $3, $4, $5, $6, $7)",
	7, {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, TEXTARRAYOID,
	JSONBARRAYOID, BOOLOID}, NULL
};

static const MirrorClass listing_class = {
	.noun = "listing",
	.function = "mirror_listings",
	.columns = listing_columns,
	.ncolumns = lengthof(listing_columns),
	.kept_column = 4,
	.take = &take_listings
};

static const ColumnSpec price_columns[] = {
	{"model", COLUMN_TEXT, true},
	{"resolution", COLUMN_TEXT, false},
	{"model_price", COLUMN_AMOUNT, true},
	{"api_cost", COLUMN_AMOUNT, true}
};

static Statement take_prices = {
	"SELECT commission_internal.take_prices($1, $2, $3, $4)",
	4, {TEXTARRAYOID, TEXTARRAYOID, INT8ARRAYOID, INT8ARRAYOID}, NULL
};

static const MirrorClass price_class = {
	.noun = "model",
	.function = "mirror_prices",
	.columns = price_columns,
	.ncolumns = lengthof(price_columns),
	.take = &take_prices
};

/*
 * Whether both rows that were read have the same in a column: text, or a
 * boolean.
 */
static bool
mirror_is_same(const Mirror *mirror, int column)
{
	const Datum *values = mirror->values[column];
	const bool *nulls = mirror->nulls[column];

	if (nulls[0] || nulls[1])
		return nulls[0] && nulls[1];
	if (mirror->class->columns[column].class == COLUMN_MARK)
		return DatumGetBool(values[0]) == DatumGetBool(values[1]);
	return strcmp(TextDatumGetCString(values[0]),
				  TextDatumGetCString(values[1])) == 0;
}

/*
 * Close the account of the first row that was read; it stays in its group.
 */
static void
mirror_close(Mirror *mirror)
{
	bool		keeps_groups = mirror->keeps_groups;

	mirror->values[mirror->class->closed_column][0] = BoolGetDatum(true);
	mirror->nulls[mirror->class->closed_column][0] = false;
	mirror->n = 1;
	mirror->keeps_groups = true;
	mirror_take(mirror);
	mirror->keeps_groups = keeps_groups;
}

/*
 * An UPDATE closes the account whose key the row no longer has.  Otherwise,
 * what has closed, reopened or moved the account meanwhile holds until the row
 * says something else.
 */
static void
mirror_follow_account(Mirror *mirror, TupleTableSlot *before,
					  TupleTableSlot *after)
{
	bool		same_mark;

	mirror_read(mirror, before);
	mirror_read(mirror, after);
	if (!mirror_is_same(mirror, 0))
	{
		mirror_close(mirror);
		mirror_read(mirror, after);
		return;
	}
	same_mark = mirror_is_same(mirror, mirror->class->closed_column);
	if (mirror_is_same(mirror, mirror->class->group_column))
		mirror->keeps_groups = true;
	mirror->n = 0;
	mirror_read(mirror, after);
	if (same_mark)
		mirror->nulls[mirror->class->closed_column][0] = true;
}

/*
 * Read what a trigger's row has become, which the application's triggers may
 * have changed since ours was queued.  A row that was moved to another
 * partition is not deleted: the trigger on INSERT takes it.
 */
static void
mirror_read_change(Mirror *mirror, TriggerData *trigger)
{
	bool		closes = mirror->class->closed_column > 0;
	bool		updated = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
	TupleTableSlot *made = NULL;
	TupleTableSlot *latest;

	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
	{
		if (closes &&
			!HeapTupleHeaderIndicatesMovedPartitions(trigger->tg_trigtuple->t_data))
		{
			mirror_read(mirror, trigger->tg_trigslot);
			mirror_close(mirror);
		}
		return;
	}
	latest = attachment_latest(trigger->tg_relation,
							   updated ? trigger->tg_newslot :
							   trigger->tg_trigslot, &made);
	if (latest && updated && closes)
		mirror_follow_account(mirror, trigger->tg_trigslot, latest);
	else if (latest)
		mirror_read(mirror, latest);
	if (made)
		ExecDropSingleTupleTableSlot(made);
}

/*
 * The trigger, as attach_listings() puts it:
 *
 * CREATE TRIGGER commission_mirror AFTER INSERT ON listings FOR EACH ROW
 *		EXECUTE FUNCTION commission_internal.mirror_listings(
 *		'listing', 'id', 'owner', 'creator_id', 'constant kind', 'avatar', …);
 * CREATE TRIGGER commission_mirror_update AFTER UPDATE ON listings FOR EACH ROW
 *		WHEN (OLD.id IS DISTINCT FROM NEW.id OR …) EXECUTE FUNCTION …;
 */
static Datum
mirror_trigger(const MirrorClass *class, FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Mirror	   *mirror;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be called by a trigger that is fired AFTER a change, for each row",
						class->function),
				 errhint("Attach the table instead of creating the trigger by hand.")));
	mirror = mirror_begin(class, RelationGetDescr(trigger->tg_relation),
						  RelationGetRelationName(trigger->tg_relation),
						  trigger->tg_trigger, 2);
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	mirror_read_change(mirror, trigger);
	mirror_take(mirror);
	PopActiveSnapshot();
	mirror_end(mirror);
	return PointerGetDatum(NULL);
}

/*
 * Take the rows of a table that was attached just now.  They are read with
 * the rights of the caller, and as of now under any isolation level: nobody
 * else can change them any more.
 */
static void
mirror_take_table(const MirrorClass *class, Oid relid)
{
	Relation	relation = table_open(relid, AccessShareLock);
	const Trigger *trigger = attachment_find(relation, class->function);
	Portal		portal;
	TupleTableSlot *slot;
	Mirror	   *mirror;
	MemoryContext batch;
	MemoryContext caller;

	SPI_connect();
	PushActiveSnapshot(GetLatestSnapshot());
	portal = SPI_cursor_open_with_args(NULL, attachment_query(relation, trigger),
									   0, NULL, NULL, NULL, true,
									   CURSOR_OPT_NO_SCROLL);
	slot = MakeSingleTupleTableSlot(portal->tupDesc, &TTSOpsHeapTuple);
	mirror = mirror_begin(class, portal->tupDesc,
						  RelationGetRelationName(relation), trigger,
						  MIRROR_BATCH);
	batch = AllocSetContextCreate(CurrentMemoryContext, "commission mirror",
								  ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		SPI_cursor_fetch(portal, true, MIRROR_BATCH);
		if (SPI_processed == 0)
			break;
		CHECK_FOR_INTERRUPTS();
		caller = MemoryContextSwitchTo(batch);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			ExecStoreHeapTuple(SPI_tuptable->vals[i], slot, false);
			mirror_read(mirror, slot);
		}
		mirror->position = NULL;
		SPI_freetuptable(SPI_tuptable);
		mirror_take(mirror);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(batch);
	}
	ExecDropSingleTupleTableSlot(slot);
	mirror_end(mirror);
	SPI_cursor_close(portal);
	PopActiveSnapshot();
	SPI_finish();
	table_close(relation, NoLock);
}

/*
 * The condition under which an UPDATE changes what is mapped.
 */
static char *
mirror_condition(Relation relation, const Trigger *trigger)
{
	StringInfoData condition;

	initStringInfo(&condition);
	for (int i = 0; i + 1 < trigger->tgnargs; i += 2)
	{
		const char *column = quote_identifier(trigger->tgargs[i + 1]);

		if (strncmp(trigger->tgargs[i], COLUMNS_CONSTANT,
					strlen(COLUMNS_CONSTANT)) != 0)
			appendStringInfo(&condition, "%sOLD.%s IS DISTINCT FROM NEW.%s",
							 condition.len > 0 ? " OR " : "", column, column);
	}
	return condition.data;
}

/*
 * Attach a table of a class: its rows are taken now, and followed from now on.
 */
static Datum
mirror_attach(const MirrorClass *class, FunctionCallInfo fcinfo)
{
	Relation	relation = attachment_open(fcinfo);
	Oid			relid = RelationGetRelid(relation);
	char	   *table = attachment_table_name(relation);
	char	   *arguments = attachment_arguments(fcinfo, relation,
												 class->columns,
												 class->ncolumns);
	char	   *condition;

	table_close(relation, NoLock);
	attachment_create_trigger(psprintf("commission_mirror AFTER INSERT%s ON %s FOR EACH ROW",
									   class->closed_column > 0 ? " OR DELETE" : "",
									   table),
							  class->function, arguments);
	relation = table_open(relid, NoLock);
	condition = mirror_condition(relation,
								 attachment_find(relation, class->function));
	table_close(relation, NoLock);
	attachment_create_trigger(psprintf("commission_mirror_update AFTER UPDATE ON %s FOR EACH ROW WHEN (%s)",
									   table, condition),
							  class->function, arguments);
	mirror_take_table(class, relid);
	PG_RETURN_VOID();
}

/*
 * attach_accounts(relation regclass, account name, label name, closed name,
 * group_name name)
 */
Datum
commission_attach_accounts(PG_FUNCTION_ARGS)
{
	return mirror_attach(&account_class, fcinfo);
}

/*
 * attach_listings(relation regclass, listing name, owner name, kind name,
 * pool name, title name, co_authors name)
 */
Datum
commission_attach_listings(PG_FUNCTION_ARGS)
{
	return mirror_attach(&listing_class, fcinfo);
}

/*
 * attach_prices(relation regclass, model name, resolution name,
 * model_price name, api_cost name)
 */
Datum
commission_attach_prices(PG_FUNCTION_ARGS)
{
	return mirror_attach(&price_class, fcinfo);
}

/*
 * The trigger of a table of accounts.
 */
Datum
commission_mirror_accounts(PG_FUNCTION_ARGS)
{
	return mirror_trigger(&account_class, fcinfo);
}

/*
 * The trigger of a table of listings.
 */
Datum
commission_mirror_listings(PG_FUNCTION_ARGS)
{
	return mirror_trigger(&listing_class, fcinfo);
}

/*
 * The trigger of a table of prices.
 */
Datum
commission_mirror_prices(PG_FUNCTION_ARGS)
{
	return mirror_trigger(&price_class, fcinfo);
}

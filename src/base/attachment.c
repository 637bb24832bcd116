/*
 * attachment.c
 *		Puts our triggers on the application's tables, and takes them off.
 *
 * The mapping is kept in the triggers' arguments, so that pg_dump carries it.
 * All of this runs with the caller's rights: attaching a table takes the
 * TRIGGER privilege on it and EXECUTE on the trigger functions.  The SQL
 * functions have a search_path of their own, or the WHEN of a trigger would
 * compare by whatever operator comes first on the caller's.
 *
 * Locks: CREATE TRIGGER's and DROP TRIGGER's own, on the table.
 */
#include "commission.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/attachment.h"

PG_FUNCTION_INFO_V1(commission_detach);

/*
 * Run a command that changes the table.
 */
static void
attachment_execute(const char *command)
{
	SPI_connect();
	if (SPI_execute(command, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not execute \"%s\"", command);
	SPI_finish();
}

/*
 * The relation argument.
 */
static Oid
attachment_relation_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "relation")));
	return PG_GETARG_OID(0);
}

/*
 * The table's triggers that are ours: those that call a function of ours.
 * Their names say nothing, since the table's owner can change them and give
 * them to others.
 */
static List *
attachment_triggers(Relation relation)
{
	const TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);
	Oid			schema = get_namespace_oid(COMMISSION_INTERNAL_SCHEMA, true);
	List	   *ours = NIL;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];

		if (get_func_namespace(trigger->tgfoid) == schema)
			ours = lappend(ours, trigger);
	}
	return ours;
}

/*
 * Open the table that is to be attached or detached, refusing what no row is
 * inserted into.
 */
static Relation
attachment_open_any(Oid relid)
{
	Relation	relation = try_table_open(relid, AccessShareLock);

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (relation->rd_rel->relkind != RELKIND_RELATION &&
		relation->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
				 errhint("Attach the table that rows are inserted into.")));
	if (RelationGetNamespace(relation) ==
		get_namespace_oid(COMMISSION_SCHEMA, true))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a table of the extension",
						RelationGetRelationName(relation)),
				 errhint("Attach the table that rows are inserted into.")));
	return relation;
}

/*
 * The error for a partition, which has its triggers from the partitioned
 * table.
 */
static void
attachment_refuse_partition(Relation relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is a partition", RelationGetRelationName(relation)),
			 errhint("Attach or detach the partitioned table; its partitions, later ones too, go with it.")));
}

/*
 * Open the table that the first argument names and that is to be attached.
 */
Relation
attachment_open(FunctionCallInfo fcinfo)
{
	Relation	relation =
		attachment_open_any(attachment_relation_argument(fcinfo));

	if (relation->rd_rel->relispartition)
		attachment_refuse_partition(relation);
	if (attachment_triggers(relation) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("\"%s\" is attached already",
						RelationGetRelationName(relation)),
				 errhint("Call commission.detach() first, in the same transaction, to change the mapping.")));
	return relation;
}

/*
 * Whether what is given for an argument is not the name of a column but what
 * all rows have: a listing's kind, where no column has that name.
 */
static bool
attachment_is_constant(Relation relation, const ColumnSpec *spec,
					   const char *name)
{
	return spec->class == COLUMN_LISTING_KIND &&
		(strcmp(name, "avatar") == 0 || strcmp(name, "reference") == 0) &&
		get_attnum(RelationGetRelid(relation), name) == InvalidAttrNumber;
}

/*
 * The triggers' arguments: pairs of an argument and the column that carries
 * it.
 */
char *
attachment_arguments(FunctionCallInfo fcinfo, Relation relation,
				 const ColumnSpec *specs, int nspecs)
{
	StringInfoData arguments;

	initStringInfo(&arguments);
	for (int i = 0; i < nspecs; i++)
	{
		const char *name;
		Column		column;
		bool		constant;

		if (PG_ARGISNULL(i + 1))
		{
			if (specs[i].required)
				ereport(ERROR,
						(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						 errmsg("%s must not be NULL", specs[i].argument),
						 errhint("It is the name of the column that carries it.")));
			continue;
		}
		name = NameStr(*PG_GETARG_NAME(i + 1));
		constant = attachment_is_constant(relation, &specs[i], name);
		if (!constant)
			columns_resolve_one(RelationGetDescr(relation),
								RelationGetRelationName(relation),
								&specs[i], name, &column);
		appendStringInfo(&arguments, "%s%s, %s",
						 arguments.len > 0 ? ", " : "",
						 quote_literal_cstr(psprintf("%s%s",
													 constant ? COLUMNS_CONSTANT : "",
													 specs[i].argument)),
						 quote_literal_cstr(name));
	}
	return arguments.data;
}

/*
 * The table's qualified name.
 */
char *
attachment_table_name(Relation relation)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
}

/*
 * Create a trigger, given up to where it says what it executes.
 */
void
attachment_create_trigger(const char *definition, const char *function,
					  const char *arguments)
{
	attachment_execute(psprintf("CREATE TRIGGER %s EXECUTE FUNCTION "
							COMMISSION_INTERNAL_SCHEMA ".%s(%s)",
							definition, function, arguments));
}

/*
 * The table's trigger that calls a function of ours; NULL if there is none.
 */
const Trigger *
attachment_find(Relation relation, const char *function)
{
	ListCell   *cell;

	foreach(cell, attachment_triggers(relation))
	{
		const Trigger *trigger = lfirst(cell);
		const char *called = get_func_name(trigger->tgfoid);

		if (called && strcmp(called, function) == 0)
			return trigger;
	}
	return NULL;
}

/*
 * A query of the columns that a trigger's arguments name, in their order: of
 * the table alone, or of a partitioned table and its partitions.
 */
char *
attachment_query(Relation relation, const Trigger *trigger)
{
	char	  **args = trigger->tgargs;
	StringInfoData query;

	initStringInfo(&query);
	for (int i = 0; i + 1 < trigger->tgnargs; i += 2)
		if (strncmp(args[i], COLUMNS_CONSTANT, strlen(COLUMNS_CONSTANT)) != 0)
			appendStringInfo(&query, "%s %s", query.len > 0 ? "," : "SELECT",
							 quote_identifier(args[i + 1]));
	appendStringInfo(&query, " FROM %s%s",
					 relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE ?
					 "" : "ONLY ",
					 attachment_table_name(relation));
	return query.data;
}

/*
 * The latest version of a trigger's row, which an application's trigger may
 * have changed since ours was queued: the row's own slot, or *made, which the
 * caller drops; NULL if the row is no longer there.
 */
TupleTableSlot *
attachment_latest(Relation relation, TupleTableSlot *slot,
				  TupleTableSlot **made)
{
	Snapshot	snapshot = GetActiveSnapshot();
	ItemPointerData tid = slot->tts_tid;
	TableScanDesc scan;

	if (table_tuple_satisfies_snapshot(relation, slot, snapshot))
		return slot;
	scan = table_beginscan_tid(relation, snapshot);
	table_tuple_get_latest_tid(scan, &tid);
	table_endscan(scan);
	*made = MakeSingleTupleTableSlot(RelationGetDescr(relation),
									 table_slot_callbacks(relation));
	return table_tuple_fetch_row_version(relation, &tid, snapshot, *made) ?
		*made : NULL;
}

/*
 * detach(relation regclass).  A table that was attached before it became a
 * partition has triggers of its own, and can be detached.
 */
Datum
commission_detach(PG_FUNCTION_ARGS)
{
	Relation	relation = attachment_open_any(attachment_relation_argument(fcinfo));
	char	   *table = attachment_table_name(relation);
	List	   *triggers = attachment_triggers(relation);
	List	   *commands = NIL;
	ListCell   *cell;

	if (triggers == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("\"%s\" is not attached",
						RelationGetRelationName(relation))));
	foreach(cell, triggers)
	{
		const Trigger *trigger = lfirst(cell);

		if (!trigger->tgisclone)
			commands = lappend(commands,
							   psprintf("DROP TRIGGER %s ON %s",
										quote_identifier(trigger->tgname),
										table));
	}
	if (commands == NIL)
		attachment_refuse_partition(relation);
	table_close(relation, NoLock);
	foreach(cell, commands)
		attachment_execute(lfirst(cell));
	PG_RETURN_VOID();
}

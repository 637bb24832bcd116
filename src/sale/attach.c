/*
 * attach.c
 *		Putting the native triggers on the application's table, and taking
 *		them off.
 *
 * The mapping is kept in the triggers' arguments, so that pg_dump carries it.
 * attach() runs with the caller's rights: who calls it needs the TRIGGER
 * privilege on the table and EXECUTE on the trigger functions.  It has a
 * search_path of its own, or the WHEN of the trigger that follows the paid
 * column would compare by whatever operator comes first on the caller's.
 *
 * Locks: CREATE TRIGGER's and DROP TRIGGER's own, on the table.
 */
#include "commission.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "sale/sale.h"

PG_FUNCTION_INFO_V1(commission_attach);
PG_FUNCTION_INFO_V1(commission_attach_orders);
PG_FUNCTION_INFO_V1(commission_detach);

#define ACCRUE_TRIGGER		"commission_accrue"
#define PAID_TRIGGER		"commission_paid"
#define MOVED_TRIGGER		"commission_moved"

/*
 * Run a command that changes the table.
 */
static void
attach_execute(const char *command)
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
attach_relation_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "relation")));
	return PG_GETARG_OID(0);
}

/*
 * Whether a function is one that puts sales of a class into the ledger.
 */
static bool
attach_is_function_of(const SaleClass *class, const char *function)
{
	return strcmp(function, class->accrue_function) == 0 ||
		strcmp(function, class->follow_function) == 0;
}

/*
 * The table's triggers that are ours: those that call a function of ours.
 * Their names say nothing, since the table's owner can change them and give
 * them to others.
 */
static List *
attach_triggers(Relation relation)
{
	const TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);
	Oid			schema = get_namespace_oid(COMMISSION_INTERNAL_SCHEMA, true);
	List	   *ours = NIL;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];
		const char *function = get_func_name(trigger->tgfoid);

		if (function && get_func_namespace(trigger->tgfoid) == schema &&
			(attach_is_function_of(&generation_class, function) ||
			 attach_is_function_of(&order_class, function)))
			ours = lappend(ours, trigger);
	}
	return ours;
}

/*
 * Open the table that is to be attached or detached, refusing what no sale
 * lands in.
 */
static Relation
attach_open(Oid relid)
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
				 errhint("Attach the table that sales are inserted into.")));
	if (RelationGetNamespace(relation) ==
		get_namespace_oid(COMMISSION_SCHEMA, true))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a table of the extension",
						RelationGetRelationName(relation)),
				 errhint("Attach the table that sales are inserted into.")));
	return relation;
}

/*
 * The error for a partition, which has its triggers from the partitioned
 * table.
 */
static void
attach_refuse_partition(Relation relation)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is a partition", RelationGetRelationName(relation)),
			 errhint("Attach or detach the partitioned table; its partitions, later ones too, go with it.")));
}

/*
 * The triggers' arguments: pairs of an argument and the column that carries
 * it.
 */
static char *
attach_arguments(FunctionCallInfo fcinfo, Relation relation,
				 const ColumnSpec *specs, int nspecs)
{
	StringInfoData arguments;

	initStringInfo(&arguments);
	for (int i = 0; i < nspecs; i++)
	{
		const char *name;
		Column		column;

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
		columns_resolve_one(relation, &specs[i], name, &column);
		appendStringInfo(&arguments, "%s%s, %s",
						 arguments.len > 0 ? ", " : "",
						 quote_literal_cstr(specs[i].argument),
						 quote_literal_cstr(name));
	}
	return arguments.data;
}

/*
 * The table's qualified name.
 */
static char *
attach_table_name(Relation relation)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
}

/*
 * Create a trigger, given up to where it says what it executes.
 */
static void
attach_create_trigger(const char *definition, const char *function,
					  const char *arguments)
{
	attach_execute(psprintf("CREATE TRIGGER %s EXECUTE FUNCTION "
							COMMISSION_INTERNAL_SCHEMA ".%s(%s)",
							definition, function, arguments));
}

/*
 * Attach a table of a class of sales.  On a plain table the trigger sees the
 * rows of a statement together; on a partitioned one only row triggers are
 * copied to every partition, and one more notices the rows that move.
 */
static void
attach_table(FunctionCallInfo fcinfo, const SaleClass *class)
{
	Relation	relation;
	bool		partitioned;
	int			paid_argument = class->paid_column + 1;
	char	   *table;
	char	   *arguments;

	relation = attach_open(attach_relation_argument(fcinfo));
	if (relation->rd_rel->relispartition)
		attach_refuse_partition(relation);
	if (attach_triggers(relation) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("\"%s\" is attached already",
						RelationGetRelationName(relation)),
				 errhint("Call commission.detach() first, in the same transaction, to change the mapping.")));
	partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	table = attach_table_name(relation);
	arguments = attach_arguments(fcinfo, relation, class->columns,
								 class->ncolumns);
	table_close(relation, NoLock);

	attach_create_trigger(psprintf(ACCRUE_TRIGGER " AFTER INSERT ON %s %s", table,
								   partitioned ? "FOR EACH ROW" :
								   "REFERENCING NEW TABLE AS commission_new FOR EACH STATEMENT"),
						  class->accrue_function, arguments);
	if (partitioned)
		attach_create_trigger(psprintf(MOVED_TRIGGER " AFTER DELETE ON %s FOR EACH ROW",
									   table),
							  class->follow_function, arguments);
	if (!PG_ARGISNULL(paid_argument))
	{
		const char *paid =
			quote_identifier(NameStr(*PG_GETARG_NAME(paid_argument)));

		attach_create_trigger(psprintf(PAID_TRIGGER " AFTER UPDATE ON %s FOR EACH ROW"
									   " WHEN (OLD.%s IS DISTINCT FROM NEW.%s)",
									   table, paid, paid),
							  class->follow_function, arguments);
	}
}

/*
 * attach(relation regclass, generation name, buyer name, …)
 */
Datum
commission_attach(PG_FUNCTION_ARGS)
{
	attach_table(fcinfo, &generation_class);
	PG_RETURN_VOID();
}

/*
 * attach_orders(relation regclass, order_id name, customer name, …)
 */
Datum
commission_attach_orders(PG_FUNCTION_ARGS)
{
	attach_table(fcinfo, &order_class);
	PG_RETURN_VOID();
}

/*
 * detach(relation regclass).  A table that was attached before it became a
 * partition has triggers of its own, and can be detached.
 */
Datum
commission_detach(PG_FUNCTION_ARGS)
{
	Relation	relation = attach_open(attach_relation_argument(fcinfo));
	char	   *table = attach_table_name(relation);
	List	   *triggers = attach_triggers(relation);
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
		attach_refuse_partition(relation);
	table_close(relation, NoLock);
	foreach(cell, commands)
		attach_execute(lfirst(cell));
	PG_RETURN_VOID();
}

/*
 * attach.c
 *		Attaching the application's table of generations or orders.
 *
 * Locks: CREATE TRIGGER's own, on the table.
 */
#include "commission.h"

#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/attachment.h"
#include "sale/sale.h"

PG_FUNCTION_INFO_V1(commission_attach);
PG_FUNCTION_INFO_V1(commission_attach_orders);

#define ACCRUE_TRIGGER		"commission_accrue"
#define PAID_TRIGGER		"commission_paid"
#define MOVED_TRIGGER		"commission_moved"

/*
 * What another server keeps fires no trigger for what is inserted there, and
 * may be attached there, too.
 */
static void
attach_refuse_foreign(Relation relation)
{
	List	   *tables = find_all_inheritors(RelationGetRelid(relation),
											 AccessShareLock, NULL);
	ListCell   *cell;

	foreach(cell, tables)
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("cannot attach \"%s\"",
							RelationGetRelationName(relation)),
					 errdetail("Its partition \"%s\" is a foreign table.",
							   get_rel_name(lfirst_oid(cell))),
					 errhint("Attach the table on the server that keeps it.")));
	list_free(tables);
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

	relation = attachment_open(fcinfo);
	partitioned = relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	attach_refuse_foreign(relation);
	table = attachment_table_name(relation);
	arguments = attachment_arguments(fcinfo, relation, class->columns,
									 class->ncolumns);
	table_close(relation, NoLock);

	attachment_create_trigger(psprintf(ACCRUE_TRIGGER " AFTER INSERT ON %s %s", table,
								   partitioned ? "FOR EACH ROW" :
								   "REFERENCING NEW TABLE AS commission_new FOR EACH STATEMENT"),
						  class->accrue_function, arguments);
	if (partitioned)
		attachment_create_trigger(psprintf(MOVED_TRIGGER " AFTER DELETE ON %s FOR EACH ROW",
									   table),
							  class->follow_function, arguments);
	if (!PG_ARGISNULL(paid_argument))
	{
		const char *paid =
			quote_identifier(NameStr(*PG_GETARG_NAME(paid_argument)));

		attachment_create_trigger(psprintf(PAID_TRIGGER " AFTER UPDATE ON %s FOR EACH ROW"
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

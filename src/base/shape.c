/*
 * shape.c
 *		Whether the extension's tables and indexes are what C takes them for.
 *
 * C reads columns by their number and takes a Datum for the type that the
 * script gives them.  After ALTER TABLE ... TYPE numeric it would take a
 * pointer for credits; an index of another kind under the name of ours would
 * be scanned as a B-tree.  So the tables and indexes that C uses without the
 * planner stand here as the script makes them.
 *
 * Memory: only what an error message takes.
 */
#include "commission.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/shape.h"
#include "settings.h"

/* A table: the names of its columns' types, in order. */
typedef struct TableShape
{
	const char *name;
	const char *types;
} TableShape;

/* An expression that is the key of an index: the node of an event. */
#define SHAPE_NODE	"(event_id>>48)"

/* An index: its key columns, in order. */
typedef struct IndexShape
{
	const char *name;
	const char *columns;
	bool		unique;
	bool		partial;
} IndexShape;

static const TableShape table_shapes[] = {
	{"account",
		"uuid timestamptz timestamptz timestamptz bool text text text"},
	{"customer_order",
		"int8 timestamptz int8 int8 int8 uuid uuid order_kind int4 int4 bool"
	" char text text text text"},
	{"entry",
		"int8 int8 timestamptz uuid uuid uuid entry_kind entry_kind int4 int2"},
	{"generation",
		"int8 timestamptz int8 int8 int8 int8 int8 int8 int8 int8 int8 int8"
		" int8 int8 uuid uuid uuid int4 int4 int4 int4 int4 int2 bool char"
	" char char text text text text text"},
	{"group_change",
		"int8 timestamptz timestamptz uuid int8 bool text text text text"},
	{"listing",
		"uuid int8 uuid int8 timestamptz listing_kind _uuid _int8 text text"},
	{"model_price", "int8 int8 text text"},
	{"referral", "uuid uuid timestamptz referral_role"},
	{"reversal", "int8 int8 int8 timestamptz bool text"},
	{"terms_version",
		"int8 timestamptz timestamptz uuid int8 int8 int8 int8 int8 int8 int8"
	" int8 int8 int8 int8 char text text text"},
	{"touch", "timestamptz uuid uuid text text"},
	{"unreferred_leg", "uuid timestamptz int8 char"},
};

static const IndexShape index_shapes[] = {
	{"account_pkey", "account_id", true, false},
	{"account_special_idx", "account_id", false, true},
	{"customer_order_customer_idx", "customer_id, event_id", false, false},
	{"customer_order_first_idx", "customer_id, " SHAPE_NODE, true, true},
	{"customer_order_order_id_key", "order_id, " SHAPE_NODE, true, false},
	{"customer_order_renewal_idx", "customer_id, renewal, " SHAPE_NODE, true, true},
	{"generation_generation_id_key", "generation_id, " SHAPE_NODE, true, false},
	{"group_change_account_idx", "account_id, valid_from, change_id", false, false},
	{"listing_pkey", "listing_id, version", true, false},
	{"listing_version_key", "version", true, false},
	{"model_price_pkey", "model, resolution", true, false},
	{"referral_pkey", "account_id, role", true, false},
	{"terms_version_subject_idx", "scope, subject_id, valid_from, version", false, false},
	{"touch_visit_idx", "visit", true, true},
};

/*
 * The next word of a list, in the buffer; an empty one at its end.
 */
static const char *
shape_word(const char **list, char *word)
{
	size_t		length = strcspn(*list, ", ");

	strlcpy(word, *list, length + 1);
	*list += length;
	*list += strspn(*list, ", ");
	return word;
}

/*
 * Raise the error for a relation that is not what the script made.
 */
static void
shape_error(const char *kind, const char *name, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s \"%s.%s\" does not fit the library",
					kind, COMMISSION_SCHEMA, name),
			 errdetail_internal("%s", detail),
			 errhint("Update the extension to the version of its library with ALTER EXTENSION commission UPDATE; if it is of that version, undo what was altered by hand.")));
}

/*
 * Whether a type is PostgreSQL's own, or ours, of this name.
 */
static bool
shape_is_type(Oid type, const char *name)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;			/* a dropped column's */
	form = (Form_pg_type) GETSTRUCT(tuple);
	result = strcmp(NameStr(form->typname), name) == 0 &&
		(form->typnamespace == PG_CATALOG_NAMESPACE ||
		 form->typnamespace == get_namespace_oid(COMMISSION_SCHEMA, true));
	ReleaseSysCache(tuple);
	return result;
}

/*
 * Whether Citus has made a table distributed or a reference table.  The rows
 * are then elsewhere, and what goes round the planner finds and keeps none.
 */
static bool
shape_is_distributed(Oid table)
{
	Oid			catalog = get_relname_relid("pg_dist_partition",
											PG_CATALOG_NAMESPACE);
	ScanKeyData key;
	Relation	relation;
	SysScanDesc scan;
	bool		found;

	if (!OidIsValid(catalog))
		return false;
	ScanKeyInit(&key, get_attnum(catalog, "logicalrelid"),
				BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(table));
	relation = table_open(catalog, AccessShareLock);
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

/*
 * Check a table: that it is here, and its columns.
 */
void
shape_check_table(Relation table, int natts)
{
	const char *name = RelationGetRelationName(table);
	TupleDesc	tupdesc = RelationGetDescr(table);
	const char *types = NULL;
	char		word[NAMEDATALEN];

	if (shape_is_distributed(RelationGetRelid(table)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s.%s\" belongs to Citus", COMMISSION_SCHEMA,
						name),
				 errdetail("Its rows are in shards, which the library does not read or write."),
				 errhint("Make it a local table again with undistribute_table(), and distribute the application's tables only.")));
	if (tupdesc->natts != natts)
		shape_error("table", name,
					psprintf("It has %d columns where the library knows of %d.",
							 tupdesc->natts, natts));
	for (int i = 0; i < (int) lengthof(table_shapes); i++)
		if (strcmp(table_shapes[i].name, name) == 0)
			types = table_shapes[i].types;
	if (types == NULL)
		elog(ERROR, "table \"%s\" has no shape", name);

	for (int i = 0; i < natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(tupdesc, i);

		if (!shape_is_type(column->atttypid, shape_word(&types, word)))
			shape_error("table", name,
						psprintf("Column \"%s\" is of type %s where the library needs %s.",
								 NameStr(column->attname),
								 format_type_be(column->atttypid), word));
	}
	Assert(*types == '\0');
}

/*
 * Whether the one expression of an index is the node of an event.
 */
static bool
shape_is_node(Relation table, Relation index)
{
	List	   *expressions = RelationGetIndexExpressions(index);
	OpExpr	   *shift = list_length(expressions) == 1 ?
		linitial(expressions) : NULL;
	Var		   *event_id;
	Const	   *bits;

	if (shift == NULL || !IsA(shift, OpExpr) ||
		get_opcode(shift->opno) != F_INT8SHR)
		return false;
	event_id = linitial(shift->args);
	bits = lsecond(shift->args);
	return IsA(event_id, Var) && IsA(bits, Const) &&
		event_id->varattno == get_attnum(RelationGetRelid(table), "event_id") &&
		DatumGetInt32(bits->constvalue) == NODE_ID_SHIFT;
}

/*
 * Whether an index's key columns are these, each compared as ScanKeyInit()
 * assumes: by the type's own operators, ascending, and COLLATE "C".
 */
static bool
shape_is_keyed(Relation table, Relation index, const char *columns)
{
	char		word[NAMEDATALEN];

	for (int i = 0; i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		AttrNumber	number = index->rd_index->indkey.values[i];
		Oid			type = INT8OID;
		Oid			opclass;

		shape_word(&columns, word);
		if (number != get_attnum(RelationGetRelid(table), word) ||
			(number == InvalidAttrNumber &&
			 (strcmp(word, SHAPE_NODE) != 0 || !shape_is_node(table, index))))
			return false;
		if (number != InvalidAttrNumber)
			type = TupleDescAttr(RelationGetDescr(table), number - 1)->atttypid;
		opclass = GetDefaultOpClass(type, BTREE_AM_OID);
		if (index->rd_opfamily[i] != get_opclass_family(opclass) ||
			index->rd_indoption[i] != 0 ||
			(OidIsValid(index->rd_indcollation[i]) &&
			 index->rd_indcollation[i] != C_COLLATION_OID))
			return false;
	}
	return *columns == '\0';
}

/*
 * Check an index of a table that is open.
 */
void
shape_check_index(Relation table, Oid index)
{
	const char *name = get_rel_name(index);
	const IndexShape *shape = NULL;
	Relation	relation;

	for (int i = 0; i < (int) lengthof(index_shapes); i++)
		if (strcmp(index_shapes[i].name, name) == 0)
			shape = &index_shapes[i];
	if (shape == NULL)
		elog(ERROR, "index \"%s\" has no shape", name);

	if (get_rel_relkind(index) != RELKIND_INDEX)
		shape_error("relation", name, "It is not an index.");
	relation = index_open(index, AccessShareLock);
	if (relation->rd_index->indrelid != RelationGetRelid(table) ||
		relation->rd_rel->relam != BTREE_AM_OID ||
		!relation->rd_index->indisvalid ||
		relation->rd_index->indisunique != shape->unique ||
		!relation->rd_index->indimmediate ||
		(RelationGetIndexPredicate(relation) != NIL) != shape->partial ||
		!shape_is_keyed(table, relation, shape->columns))
		shape_error("index", name,
					psprintf("The library needs a valid %s%sB-tree index of table \"%s\" on (%s), in ascending order and COLLATE \"C\".",
							 shape->unique ? "unique " : "",
							 shape->partial ? "partial " : "",
							 RelationGetRelationName(table), shape->columns));
	index_close(relation, AccessShareLock);
}

/*
 * lookup.c
 *		Index look-ups in the extension's own tables.
 *
 * A sale reads its few rows by index scans of its own, without SPI and with
 * the extension's rights.  Relations are found by name, and their OIDs kept
 * until anything changes in pg_class or pg_namespace: the extension may be
 * dropped and created again.  That a relation is what the library was made
 * for (shape.c) is checked once, and again when the relation has changed.
 *
 * Locks: AccessShareLock on table and index, kept to the end of the
 * transaction on the table, as a query would.
 */
#include "commission.h"

#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_enum.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/lookup.h"
#include "base/shape.h"
#include "compat.h"

/* The OID of a relation, found in an epoch of the system caches. */
typedef struct LookupOid
{
	char		name[NAMEDATALEN];	/* the key */
	uint64		epoch;
	Oid			oid;
	bool		fits;			/* its shape was checked */
} LookupOid;

static HTAB *lookup_oids = NULL;
static uint64 lookup_epoch = 1;

/*
 * Syscache callback: a relation or schema was changed.
 */
static void
lookup_forget(Datum arg, int cacheid, uint32 hashvalue)
{
	lookup_epoch++;
}

/*
 * Relcache callback: a relation, or all, may have changed in shape.
 */
static void
lookup_forget_shape(Datum arg, Oid relation)
{
	HASH_SEQ_STATUS status;
	LookupOid  *entry;

	hash_seq_init(&status, lookup_oids);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (entry->oid == relation || !OidIsValid(relation))
			entry->fits = false;
}

/*
 * What is kept for a relation; epoch 0 if nothing is.
 */
static LookupOid *
lookup_oid_entry(const char *name)
{
	LookupOid  *entry;
	bool		found;

	if (lookup_oids == NULL)
	{
		HASHCTL		control = {
			.keysize = NAMEDATALEN,
			.entrysize = sizeof(LookupOid)
		};

		lookup_oids = hash_create("commission relations", 64, &control,
								  HASH_ELEM | HASH_STRINGS);
		CacheRegisterSyscacheCallback(RELNAMENSP, lookup_forget, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACENAME, lookup_forget, (Datum) 0);
		CacheRegisterRelcacheCallback(lookup_forget_shape, (Datum) 0);
	}
	entry = hash_search(lookup_oids, name, HASH_ENTER, &found);
	if (!found)
	{
		entry->epoch = 0;
		entry->oid = InvalidOid;
		entry->fits = false;
	}
	return entry;
}

/*
 * Find a relation of ours in the system caches.
 */
static Oid
lookup_find_relation(const char *name)
{
	Oid			schema = get_namespace_oid(COMMISSION_SCHEMA, true);
	Oid			relation = InvalidOid;

	if (OidIsValid(schema))
		relation = get_relname_relid(name, schema);
	if (!OidIsValid(relation))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("relation \"%s.%s\" does not exist",
						COMMISSION_SCHEMA, name),
				 errhint("Create the extension, or update it to the version of its library with ALTER EXTENSION commission UPDATE.")));
	return relation;
}

/*
 * A relation of ours, with its OID as it is now.
 */
static LookupOid *
lookup_relation(const char *name)
{
	LookupOid  *entry = lookup_oid_entry(name);

	if (entry->epoch != lookup_epoch)
	{
		uint64		epoch = lookup_epoch;	/* before reading */
		Oid			oid = lookup_find_relation(name);

		if (entry->oid != oid)
			entry->fits = false;
		entry->oid = oid;
		entry->epoch = epoch;
	}
	return entry;
}

/*
 * The OID of a relation of ours.
 */
Oid
lookup_relation_oid(const char *name)
{
	return lookup_relation(name)->oid;
}

/*
 * Open a table of ours.  Scans and inserts that go round the planner find
 * nothing in, or lose rows to, a relation without storage of its own; and a
 * table of another shape is that of another version's script, or somebody has
 * altered it.
 */
Relation
lookup_open_table(const char *table, int natts, LOCKMODE lockmode)
{
	LookupOid  *entry = lookup_relation(table);
	Relation	relation = table_open(entry->oid, lockmode);

	if (!entry->fits)
	{
		shape_check_table(relation, natts);
		entry->fits = true;
	}
	return relation;
}

/*
 * The OID of an index of a table of ours, which is open.
 */
Oid
lookup_index_oid(Relation table, const char *index)
{
	LookupOid  *entry = lookup_relation(index);

	if (!entry->fits)
	{
		shape_check_index(table, entry->oid);
		entry->fits = true;
	}
	return entry->oid;
}

/*
 * Open a table for look-ups under a snapshot, by an index whose columns are
 * compared by the functions given.  A text key must be COLLATE "C", as
 * ScanKeyInit assumes.
 */
void
lookup_open(Lookup *lookup, const char *table, int natts, const char *index,
			Snapshot snapshot, int nkeys, const RegProcedure *equal)
{
	Assert(nkeys > 0 && nkeys <= LOOKUP_KEYS_MAX);

	lookup->context = CurrentMemoryContext;
	lookup->table = lookup_open_table(table, natts, AccessShareLock);
	if (lookup->table->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s.%s\" is not a plain table",
						COMMISSION_SCHEMA, table),
				 errhint("The catalogue and the event tables must be plain tables; only the ledger's entries may be partitioned.")));
	lookup->index = index_open(lookup_index_oid(lookup->table, index),
							   AccessShareLock);
	lookup->slot = table_slot_create(lookup->table, NULL);
	lookup->scan = compat_index_beginscan(lookup->table, lookup->index,
										  snapshot, nkeys);
	lookup->nkeys = nkeys;
	for (int i = 0; i < nkeys; i++)
		ScanKeyInit(&lookup->keys[i], i + 1, BTEqualStrategyNumber, equal[i],
					(Datum) 0);
}

/*
 * Scan for the first row.  An index may allocate in the middle of a scan
 * what it frees at its end (nbtree does, for entries that it finds dead), so
 * the current context must live as long as the scan.
 */
static TupleTableSlot *
lookup_scan(Lookup *lookup, ScanDirection direction)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->context);
	bool		found;

	lookup->direction = direction;
	index_rescan(lookup->scan, lookup->keys, lookup->nkeys, NULL, 0);
	found = index_getnext_slot(lookup->scan, direction, lookup->slot);
	MemoryContextSwitchTo(caller);
	return found ? lookup->slot : NULL;
}

/*
 * The row with this key, in a slot that the next look-up overwrites; NULL if
 * there is none.
 */
TupleTableSlot *
lookup_find(Lookup *lookup, Datum key1, Datum key2)
{
	lookup->keys[0].sk_argument = key1;
	if (lookup->nkeys > 1)
		lookup->keys[1].sk_argument = key2;
	return lookup_scan(lookup, ForwardScanDirection);
}

/*
 * The last row, in the index's order, with this key, of which the index may
 * have more columns.
 */
TupleTableSlot *
lookup_find_last(Lookup *lookup, Datum key1, Datum key2)
{
	lookup->keys[0].sk_argument = key1;
	if (lookup->nkeys > 1)
		lookup->keys[1].sk_argument = key2;
	return lookup_scan(lookup, BackwardScanDirection);
}

/*
 * The row with the same key that comes next, as the last look-up went.
 */
TupleTableSlot *
lookup_next(Lookup *lookup)
{
	MemoryContext caller = MemoryContextSwitchTo(lookup->context);
	bool		found = index_getnext_slot(lookup->scan, lookup->direction,
										   lookup->slot);

	MemoryContextSwitchTo(caller);
	return found ? lookup->slot : NULL;
}

/*
 * The last look-up again, whose keys are still there, by what is committed by
 * now, under any isolation level.
 */
TupleTableSlot *
lookup_again(Lookup *lookup)
{
	Snapshot	former = lookup->scan->xs_snapshot;
	Snapshot	latest = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot;

	lookup->scan->xs_snapshot = latest;
	slot = lookup_scan(lookup, lookup->direction);
	lookup->scan->xs_snapshot = former;
	UnregisterSnapshot(latest);
	return slot;
}

/*
 * Close what was opened, if it was.
 */
void
lookup_close(Lookup *lookup)
{
	if (lookup->table == NULL)
		return;
	index_endscan(lookup->scan);
	ExecDropSingleTupleTableSlot(lookup->slot);
	index_close(lookup->index, AccessShareLock);
	table_close(lookup->table, NoLock);
	lookup->table = NULL;
}

/*
 * Whether no row has ever come to an index since it was built: a B-tree has
 * its first page, and nothing else.
 */
bool
lookup_index_is_empty(const char *index)
{
	Relation	relation = index_open(lookup_relation_oid(index),
									  AccessShareLock);
	bool		is_empty = RelationGetNumberOfBlocks(relation) <= 1;

	index_close(relation, NoLock);
	return is_empty;
}

/*
 * The value of an enum type of ours that has this label.
 */
Oid
lookup_enum(Oid type, const char *label)
{
	Oid			value = GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid,
										ObjectIdGetDatum(type),
										CStringGetDatum(label));

	if (!OidIsValid(value))
		elog(ERROR, "type %u has no label \"%s\"", type, label);
	return value;
}

/*
 * The label of an enum value.
 */
char *
lookup_enum_label(Datum value)
{
	return OidOutputFunctionCall(F_ENUM_OUT, value);
}

/*
 * lookup.h
 *		Index look-ups in the extension's own tables.
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include "access/genam.h"
#include "access/skey.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

#define LOOKUP_KEYS_MAX		2

/* A table of ours that is read by an index of it; all zero: not open yet. */
typedef struct Lookup
{
	MemoryContext context;		/* that of lookup_open() */
	Relation	table;
	Relation	index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	int			nkeys;
	ScanKeyData keys[LOOKUP_KEYS_MAX];
	ScanDirection direction;	/* of the last look-up */
} Lookup;

extern Relation lookup_open_table(const char *table, int natts,
								  LOCKMODE lockmode);
extern Oid	lookup_relation_oid(const char *name);
extern Oid	lookup_index_oid(Relation table, const char *index);
extern void lookup_open(Lookup *lookup, const char *table, int natts,
						const char *index, Snapshot snapshot,
						int nkeys, const RegProcedure *equal);
extern TupleTableSlot *lookup_find(Lookup *lookup, Datum key1, Datum key2);
extern TupleTableSlot *lookup_find_last(Lookup *lookup, Datum key1,
										Datum key2);
extern TupleTableSlot *lookup_next(Lookup *lookup);
extern TupleTableSlot *lookup_again(Lookup *lookup);
extern void lookup_close(Lookup *lookup);
extern bool lookup_index_is_empty(const char *index);
extern Oid	lookup_enum(Oid type, const char *label);
extern char *lookup_enum_label(Datum value);

#endif							/* LOOKUP_H */

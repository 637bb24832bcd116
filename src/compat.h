/*
 * compat.h
 *		What differs between PostgreSQL 15 and later majors, and nothing else.
 */
#ifndef COMPAT_H
#define COMPAT_H

#if PG_VERSION_NUM < 150000
#error "commission needs PostgreSQL 15 or later"
#endif

#include "access/genam.h"
#include "executor/executor.h"
#include "utils/guc_tables.h"

/* 16: VARDATA_ANY() and its kind left postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * 16: what a check hook leaves in *extra is allocated in guc.c's own memory
 * context; before, by malloc.
 */
#if PG_VERSION_NUM >= 160000
#define compat_guc_alloc(size)	guc_malloc(LOG, size)
#define compat_guc_free(pointer)	guc_free(pointer)
#else
#define compat_guc_alloc(size)	malloc(size)
#define compat_guc_free(pointer)	free(pointer)
#endif

/* 16: a setting can be looked up by its name. */
static inline struct config_generic *
compat_find_option(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return find_option(name, false, false, ERROR);
#else
	struct config_generic **options = get_guc_variables();
	int			i = 0;

	while (strcmp(options[i]->name, name) != 0)
		i++;
	return options[i];
#endif
}

/* 18: index_beginscan takes instrumentation. */
#if PG_VERSION_NUM >= 180000
#define compat_index_beginscan(table, index, snapshot, nkeys) \
	index_beginscan(table, index, snapshot, NULL, nkeys, 0)
#else
#define compat_index_beginscan(table, index, snapshot, nkeys) \
	index_beginscan(table, index, snapshot, nkeys, 0)
#endif

/* 16: what was a relfilenode is a locator. */
#if PG_VERSION_NUM >= 160000
#define compat_locator	locator
#define compat_relation_locator(relation)	((relation)->rd_locator)
#else
#define compat_locator	node
#define compat_relation_locator(relation)	((relation)->rd_node)
#endif

/*
 * Index entries of a new row; conflict, where it is not NULL, is set instead
 * of an error.  16: onlySummarizing.
 */
static inline void
compat_insert_index_tuples(ResultRelInfo *result, TupleTableSlot *slot,
						   EState *estate, bool *conflict, List *arbiters)
{
#if PG_VERSION_NUM >= 160000
	ExecInsertIndexTuples(result, slot, estate, false, conflict != NULL,
						  conflict, arbiters, false);
#else
	ExecInsertIndexTuples(result, slot, estate, false, conflict != NULL,
						  conflict, arbiters);
#endif
}

/* 18: ExecCheckIndexConstraints takes the row to leave out. */
#if PG_VERSION_NUM >= 180000
#define compat_check_index_constraints(result, slot, estate, tid, arbiters) \
	ExecCheckIndexConstraints(result, slot, estate, tid, NULL, arbiters)
#else
#define compat_check_index_constraints(result, slot, estate, tid, arbiters) \
	ExecCheckIndexConstraints(result, slot, estate, tid, arbiters)
#endif

/* 18: CHECK constraints may be NOT ENFORCED, and are named otherwise. */
#if PG_VERSION_NUM >= 180000
#define compat_check_is_enforced(check)	((check)->ccenforced)
#define compat_check_exprs	ri_CheckConstraintExprs
#else
#define compat_check_is_enforced(check)	true
#define compat_check_exprs	ri_ConstraintExprs
#endif

/* 18: a generated column may be VIRTUAL, computed when it is queried. */
#if PG_VERSION_NUM >= 180000
#define compat_is_virtual(attribute) \
	((attribute)->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL)
#else
#define compat_is_virtual(attribute)	false
#endif

/* 17: a backend's local transaction id is part of its virtual one. */
#if PG_VERSION_NUM >= 170000
#define compat_lxid(proc)	((proc)->vxid.lxid)
#else
#define compat_lxid(proc)	((proc)->lxid)
#endif

#endif							/* COMPAT_H */

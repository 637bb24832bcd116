/*
 * attachment.h
 *		Triggers of ours on the application's tables.
 */
#ifndef ATTACHMENT_H
#define ATTACHMENT_H

#include "base/columns.h"

extern Relation attachment_open(FunctionCallInfo fcinfo);
extern char *attachment_arguments(FunctionCallInfo fcinfo, Relation relation,
								  const ColumnSpec *specs, int nspecs);
extern char *attachment_table_name(Relation relation);
extern void attachment_create_trigger(const char *definition,
									  const char *function,
									  const char *arguments);
extern const Trigger *attachment_find(Relation relation,
									  const char *function);
extern char *attachment_query(Relation relation, const Trigger *trigger);
extern TupleTableSlot *attachment_latest(Relation relation,
										 TupleTableSlot *slot,
										 TupleTableSlot **made);

#endif							/* ATTACHMENT_H */

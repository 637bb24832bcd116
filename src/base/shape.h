/*
 * shape.h
 *		Whether the extension's tables and indexes are what C takes them for.
 */
#ifndef SHAPE_H
#define SHAPE_H

#include "utils/rel.h"

extern void shape_check_table(Relation table, int natts);
extern void shape_check_index(Relation table, Oid index);

#endif							/* SHAPE_H */

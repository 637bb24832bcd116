/*
 * planner.h
 *		What a query compares an expression of a view with.
 */
#ifndef PLANNER_H
#define PLANNER_H

#include "nodes/pathnodes.h"

typedef struct Comparison
{
	PlannerInfo *root;
	Node	   *promised;
	Oid			equal_op;
	bool		variables;		/* may the value come from another table? */
	bool		is_array;		/* set: promised = ANY (value) */
} Comparison;

extern Node *planner_value_in_quals(Node *qual, Comparison *comparison);
extern Oid	planner_equal_op(Node *expression);
extern Node *planner_equality(Node *left, Node *right);

#endif							/* PLANNER_H */

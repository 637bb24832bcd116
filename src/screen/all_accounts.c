/*
 * all_accounts.c
 *		How views that sum up are read: for each account by index, or for all
 *		accounts in one pass.
 *
 * A grouped sub-select cannot take an account from a join, and a lateral one is
 * run again for each account.  So such a view has both, each in an outer join,
 * and reads_all() decides in the planner which of the two joins is empty.
 * Either gives the same rows.
 */
#include "commission.h"

#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/primnodes.h"
#include "nodes/supportnodes.h"

#include "screen/planner.h"

PG_FUNCTION_INFO_V1(commission_reads_all);
PG_FUNCTION_INFO_V1(commission_reads_all_support);

/*
 * Whether a relation is part of a join tree.
 */
static bool
reads_all_contains(Node *node, int relation)
{
	ListCell   *cell;

	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == relation;
	if (IsA(node, JoinExpr))
		return reads_all_contains(((JoinExpr *) node)->larg, relation) ||
			reads_all_contains(((JoinExpr *) node)->rarg, relation);
	foreach(cell, ((FromExpr *) node)->fromlist)
		if (reads_all_contains(lfirst(cell), relation))
			return true;
	return false;
}

/*
 * Whether a join tree has a condition that finds rows of the relation by the
 * compared expression.  That of an outer join finds only rows of its nullable
 * side.
 */
static bool
reads_all_is_narrowed(Node *node, Comparison *comparison, int relation)
{
	ListCell   *cell;

	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;

		if (planner_value_in_quals(from->quals, comparison) != NULL)
			return true;
		foreach(cell, from->fromlist)
			if (reads_all_is_narrowed(lfirst(cell), comparison, relation))
				return true;
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;
		bool		narrows = join->jointype == JOIN_INNER ||
			join->jointype == JOIN_SEMI ||
			(join->jointype == JOIN_LEFT &&
			 reads_all_contains(join->rarg, relation)) ||
			(join->jointype == JOIN_RIGHT &&
			 reads_all_contains(join->larg, relation));

		return (narrows &&
				planner_value_in_quals(join->quals, comparison) != NULL) ||
			reads_all_is_narrowed(join->larg, comparison, relation) ||
			reads_all_is_narrowed(join->rarg, comparison, relation);
	}
	return false;
}

/*
 * Planner support of reads_all(): a constant, so that the planner drops one of
 * the joins.
 */
Datum
commission_reads_all_support(PG_FUNCTION_ARGS)
{
	SupportRequestSimplify *simplify =
		(SupportRequestSimplify *) PG_GETARG_POINTER(0);
	bool		is_narrowed = false;
	ListCell   *cell;

	if (!IsA(simplify, SupportRequestSimplify) || simplify->root == NULL)
		PG_RETURN_POINTER(NULL);
	foreach(cell, simplify->fcall->args)
	{
		Node	   *column = lfirst(cell);
		Comparison	comparison = {
			.root = simplify->root,
			.promised = column,
			.equal_op = planner_equal_op(column),
			.variables = true
		};

		if (!IsA(column, Var) ||
			reads_all_is_narrowed((Node *) simplify->root->parse->jointree,
								  &comparison, ((Var *) column)->varno))
			is_narrowed = true;
	}
	PG_RETURN_POINTER(makeBoolConst(!is_narrowed, false));
}

/*
 * reads_all(name text, account_id uuid)
 */
Datum
commission_reads_all(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(false);
}

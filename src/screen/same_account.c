/*
 * same_account.c
 *		is_same_account(): an equality of two accounts' keys that costs nothing
 *		in an index and very much anywhere else (planner.c).
 */
#include "commission.h"

#include "nodes/makefuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#include "base/identifier.h"
#include "screen/planner.h"

PG_FUNCTION_INFO_V1(commission_is_same_account);
PG_FUNCTION_INFO_V1(commission_is_same_account_support);

/*
 * is_same_account(account_id uuid, other_account_id uuid)
 */
Datum
commission_is_same_account(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(identifier_equal(PG_GETARG_UUID_P(0), PG_GETARG_UUID_P(1)));
}

/*
 * The index condition that is_same_account() amounts to, or NIL.  An account
 * that no join brings is compared by the equality that it repeats, too, and
 * nothing is left to be asked: the equality again would be taken for a second
 * one, and the index to find a thousandth of a thousandth.
 */
static List *
same_account_condition(SupportRequestIndexCondition *request)
{
	FuncExpr   *call = (FuncExpr *) request->node;
	Node	   *column = list_nth(call->args, request->indexarg);
	Node	   *other = list_nth(call->args, 1 - request->indexarg);
	NullTest   *test;

	if (!op_in_opfamily(planner_equal_op(column), request->opfamily) ||
		!is_pseudo_constant_for_index(request->root, other, request->index))
		return NIL;
	request->lossy = false;
	if (!bms_is_empty(pull_varnos(request->root, other)))
		return list_make1(planner_equality(column, other));
	test = makeNode(NullTest);
	test->arg = (Expr *) column;
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	return list_make1(test);
}

/*
 * Planner support of is_same_account(): an index serves it, and beside the
 * equality that it repeats it selects nothing.
 */
Datum
commission_is_same_account_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(same_account_condition((SupportRequestIndexCondition *) request));
	if (IsA(request, SupportRequestSelectivity))
	{
		((SupportRequestSelectivity *) request)->selectivity = 1;
		PG_RETURN_POINTER(request);
	}
	PG_RETURN_POINTER(NULL);
}

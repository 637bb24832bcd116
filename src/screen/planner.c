/*
 * planner.c
 *		What the views of report.sql need of the planner and of the settings.
 *
 * The ledger is kept by uuid and read by name.  A predicate on the name finds
 * the account, but through a join the planner does not see that all entries
 * are then of one account, and would sort the account's whole history for
 * its latest twenty.  So a view promises, by is_name_of(), that a name and a
 * key belong together, and the planner support function below turns
 *
 *		name = $1 AND is_name_of(name, id)
 *
 * into name = $1 AND id = identifier_key($1), from where the planner knows
 * what to do: an equality with a constant drops out of an index's order.  It
 * might still read the ledger backward for an account that it takes for an
 * average one, until twenty entries of it have come.  So to the equality is
 * added is_same_account(), which says the same, costs nothing in an index and
 * very much anywhere else.
 *
 * Two tables that are both in the order of event ids could be merged, which
 * for an account that earned long ago would read the one of them from its end
 * to there.  So a view joins them by is_same_event(), which an index serves
 * and a merge does not.
 */
#include "commission.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "base/identifier.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(commission_identifier_key);
PG_FUNCTION_INFO_V1(commission_is_name_of);
PG_FUNCTION_INFO_V1(commission_is_name_of_support);
PG_FUNCTION_INFO_V1(commission_is_same_account);
PG_FUNCTION_INFO_V1(commission_is_same_account_support);
PG_FUNCTION_INFO_V1(commission_is_same_event);
PG_FUNCTION_INFO_V1(commission_is_same_event_support);
PG_FUNCTION_INFO_V1(commission_setting);

/*
 * Whether an expression has one value throughout the query.
 */
static bool
report_is_constant(Node *expression)
{
	return !contain_var_clause(expression) &&
		!contain_subplans(expression) &&
		!contain_volatile_functions(expression);
}

/*
 * The constant that a condition says a name is equal to, or NULL.
 */
static Node *
report_constant_in_qual(Node *qual, Node *name)
{
	OpExpr	   *equal_op = (OpExpr *) qual;
	Node	   *left;
	Node	   *right;

	if (!is_opclause(qual) || equal_op->opno != TextEqualOperator ||
		!get_collation_isdeterministic(equal_op->inputcollid))
		return NULL;
	left = linitial(equal_op->args);
	right = lsecond(equal_op->args);
	if (equal(left, name) && report_is_constant(right))
		return right;
	if (equal(right, name) && report_is_constant(left))
		return left;
	return NULL;
}

/*
 * The same of conditions that must all hold.
 */
static Node *
report_constant_in_quals(Node *quals, Node *name)
{
	ListCell   *cell;

	if (quals == NULL)
		return NULL;
	if (!IsA(quals, List) && !is_andclause(quals))
		return report_constant_in_qual(quals, name);
	foreach(cell, IsA(quals, List) ? (List *) quals : ((BoolExpr *) quals)->args)
	{
		Node	   *constant = report_constant_in_quals(lfirst(cell), name);

		if (constant)
			return constant;
	}
	return NULL;
}

/*
 * The same of a join tree: of what every row of the query's result has
 * passed, that is WHERE and the conditions of inner joins.
 */
static Node *
report_constant_in_jointree(Node *node, Node *name)
{
	Node	   *constant = NULL;

	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;
		ListCell   *cell;

		constant = report_constant_in_quals(from->quals, name);
		foreach(cell, from->fromlist)
			if (constant == NULL)
				constant = report_constant_in_jointree(lfirst(cell), name);
	}
	else if (IsA(node, JoinExpr) && ((JoinExpr *) node)->jointype == JOIN_INNER)
	{
		JoinExpr   *join = (JoinExpr *) node;

		constant = report_constant_in_quals(join->quals, name);
		if (constant == NULL)
			constant = report_constant_in_jointree(join->larg, name);
		if (constant == NULL)
			constant = report_constant_in_jointree(join->rarg, name);
	}
	return constant;
}

/*
 * A call of a function of ours.
 */
static Node *
report_call(const char *name, Oid result_type, List *args)
{
	Oid			types[2];
	int			nargs = 0;
	ListCell   *cell;

	foreach(cell, args)
		types[nargs++] = exprType(lfirst(cell));
	return (Node *)
		makeFuncExpr(LookupFuncName(list_make2(makeString(COMMISSION_INTERNAL_SCHEMA),
											   makeString(pstrdup(name))),
									nargs, types, false),
					 result_type, args, InvalidOid,
					 exprCollation(linitial(args)), COERCE_EXPLICIT_CALL);
}

/*
 * Two values of a type are equal.
 */
static Node *
report_equality(Node *left, Node *right)
{
	Oid			type = exprType(left);

	return (Node *)
		make_opclause(lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr,
					  BOOLOID, false, (Expr *) left, (Expr *) right,
					  InvalidOid, InvalidOid);
}

/*
 * id = identifier_key(constant) AND is_same_account(id, identifier_key(constant))
 */
static Node *
report_key_equality(PlannerInfo *root, Node *id, Node *constant)
{
	Node	   *key =
		report_call("identifier_key", UUIDOID,
					list_make1(copyObject(constant)));

	key = eval_const_expressions(root, key);
	return (Node *)
		make_andclause(list_make2(report_equality(id, key),
								  report_call("is_same_account", BOOLOID,
											  list_make2(copyObject(id),
														 copyObject(key)))));
}

/*
 * Planner support of is_name_of().  Where no constant is known for the name,
 * the promise is of no use and holds anyway.
 */
Datum
commission_is_name_of_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestSimplify *simplify = (SupportRequestSimplify *) request;
	Node	   *constant;

	if (!IsA(request, SupportRequestSimplify) || simplify->root == NULL ||
		simplify->root->parse->commandType != CMD_SELECT)
		PG_RETURN_POINTER(NULL);

	constant =
		report_constant_in_jointree((Node *) simplify->root->parse->jointree,
									linitial(simplify->fcall->args));
	if (constant == NULL)
		PG_RETURN_POINTER(makeBoolConst(true, false));
	PG_RETURN_POINTER(report_key_equality(simplify->root,
										  lsecond(simplify->fcall->args),
										  constant));
}

/*
 * is_name_of(name text, id uuid): the promise itself.
 */
Datum
commission_is_name_of(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(true);
}

/*
 * identifier_key(name text): account_id(), but NULL for what cannot be an
 * identifier, so that a search for it finds nothing.
 */
Datum
commission_identifier_key(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);
	int			len = VARSIZE_ANY_EXHDR(name);
	pg_uuid_t  *id;

	if (len == 0 || len > IDENTIFIER_MAX_BYTES)
		PG_RETURN_NULL();
	id = palloc(sizeof(pg_uuid_t));
	*id = identifier_from_text(name, "identifier").id;
	PG_RETURN_UUID_P(id);
}

/*
 * is_same_event(event_id bigint, other_event_id bigint)
 */
Datum
commission_is_same_event(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(PG_GETARG_INT64(0) == PG_GETARG_INT64(1));
}

/*
 * is_same_account(account_id uuid, other_account_id uuid)
 */
Datum
commission_is_same_account(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(identifier_equal(PG_GETARG_UUID_P(0), PG_GETARG_UUID_P(1)));
}

/*
 * The index condition that an is_same function amounts to, or NIL.
 */
static List *
report_index_condition(SupportRequestIndexCondition *request)
{
	FuncExpr   *call = (FuncExpr *) request->node;
	Node	   *column;
	Node	   *other;
	OpExpr	   *equality;

	if (!IsA(call, FuncExpr))
		return NIL;
	column = list_nth(call->args, request->indexarg);
	other = list_nth(call->args, 1 - request->indexarg);
	equality = (OpExpr *) report_equality(column, other);
	if (!op_in_opfamily(equality->opno, request->opfamily) ||
		!is_pseudo_constant_for_index(request->root, other, request->index))
		return NIL;
	request->lossy = false;
	return list_make1(equality);
}

/*
 * Planner support of is_same_event(): an index serves it, and it selects as
 * much as an equality.
 */
Datum
commission_is_same_event_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestIndexCondition))
		PG_RETURN_POINTER(report_index_condition((SupportRequestIndexCondition *) request));
	if (IsA(request, SupportRequestSelectivity))
	{
		SupportRequestSelectivity *select = (SupportRequestSelectivity *) request;
		Oid			equal_op =
			lookup_type_cache(INT8OID, TYPECACHE_EQ_OPR)->eq_opr;

		select->selectivity = select->is_join ?
			join_selectivity(select->root, equal_op, select->args, InvalidOid,
							 select->jointype, select->sjinfo) :
			restriction_selectivity(select->root, equal_op, select->args,
									InvalidOid, select->varRelid);
		PG_RETURN_POINTER(request);
	}
	PG_RETURN_POINTER(NULL);
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
		PG_RETURN_POINTER(report_index_condition((SupportRequestIndexCondition *) request));
	if (IsA(request, SupportRequestSelectivity))
	{
		((SupportRequestSelectivity *) request)->selectivity = 1;
		PG_RETURN_POINTER(request);
	}
	PG_RETURN_POINTER(NULL);
}

/*
 * setting(name text): a setting as it is in force.  current_setting() would
 * not do: before the library is loaded it gives a placeholder's text, or
 * nothing.
 */
Datum
commission_setting(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *value = GetConfigOption(psprintf("%s.%s", COMMISSION_SCHEMA, name),
										false, true);

	PG_RETURN_TEXT_P(cstring_to_text(value));
}

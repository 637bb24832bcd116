/*
 * planner.c
 *		What the views need of the planner.
 *
 * The ledger is kept by keys and read by names, which views look up or compute:
 * a predicate on one could use no index.  So a view promises which column the
 * name depends on, and the planner support function of the promises turns
 *
 *		source = $1 AND is_source_of(source, event_id)
 *
 * into source = $1 AND event_id = ANY (source_events(ARRAY[$1])), which an
 * index serves; likewise for source = ANY ($1), and for a value that comes
 * from another table of a join.
 *
 * An account is one key: name = $1 adds id = identifier_key($1).  The planner
 * then knows that all rows are of one account, and reads its latest twenty
 * from the end of an index, sorting nothing.  It might still read the ledger
 * backward until twenty entries of an account that it takes for an average one
 * have come.  So is_same_account() is added, which says the same, costs nothing
 * in an index and very much anywhere else.
 */
#include "commission.h"

#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "base/identifier.h"
#include "compat.h"
#include "screen/planner.h"

PG_FUNCTION_INFO_V1(commission_promise);
PG_FUNCTION_INFO_V1(commission_promise_support);

/*
 * The value that a condition compares the promised expression with, or one of
 * conditions that must all hold; or NULL.
 */
Node *
planner_value_in_quals(Node *qual, Comparison *comparison)
{
	Oid			operator;
	Oid			collation;
	List	   *args;
	Node	   *value = NULL;

	if (qual == NULL)
		return NULL;
	if (IsA(qual, List) || is_andclause(qual))
	{
		ListCell   *cell;

		foreach(cell, IsA(qual, List) ? (List *) qual : ((BoolExpr *) qual)->args)
			if (value == NULL)
				value = planner_value_in_quals(lfirst(cell), comparison);
		return value;
	}
	comparison->is_array = IsA(qual, ScalarArrayOpExpr);
	if (comparison->is_array && ((ScalarArrayOpExpr *) qual)->useOr)
	{
		operator = ((ScalarArrayOpExpr *) qual)->opno;
		collation = ((ScalarArrayOpExpr *) qual)->inputcollid;
		args = ((ScalarArrayOpExpr *) qual)->args;
	}
	else if (is_opclause(qual))
	{
		operator = ((OpExpr *) qual)->opno;
		collation = ((OpExpr *) qual)->inputcollid;
		args = ((OpExpr *) qual)->args;
	}
	else
		return NULL;

	if (operator != comparison->equal_op ||
		(OidIsValid(collation) && !get_collation_isdeterministic(collation)))
		return NULL;
	if (equal(linitial(args), comparison->promised))
		value = lsecond(args);
	else if (!comparison->is_array && equal(lsecond(args), comparison->promised))
		value = linitial(args);
	else
		return NULL;
	if (contain_volatile_functions(value) ||
		(!comparison->variables &&
		 !bms_is_empty(pull_varnos(comparison->root, value))))
		return NULL;
	return value;
}

/*
 * The same of a join tree: of what every row of the query's result has
 * passed, that is WHERE and the conditions of inner joins.
 */
static Node *
planner_value_in_jointree(Node *node, Comparison *comparison)
{
	Node	   *value = NULL;

	if (IsA(node, FromExpr))
	{
		FromExpr   *from = (FromExpr *) node;
		ListCell   *cell;

		value = planner_value_in_quals(from->quals, comparison);
		foreach(cell, from->fromlist)
			if (value == NULL)
				value = planner_value_in_jointree(lfirst(cell), comparison);
	}
	else if (IsA(node, JoinExpr) && ((JoinExpr *) node)->jointype == JOIN_INNER)
	{
		JoinExpr   *join = (JoinExpr *) node;

		value = planner_value_in_quals(join->quals, comparison);
		if (value == NULL)
			value = planner_value_in_jointree(join->larg, comparison);
		if (value == NULL)
			value = planner_value_in_jointree(join->rarg, comparison);
	}
	return value;
}

/*
 * Whether an expression has a call of the promise in it.
 */
static bool
planner_has_promise(Node *node, void *context)
{
	FuncExpr   *promise = context;

	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == promise->funcid &&
		equal(lsecond(((FuncExpr *) node)->args), lsecond(promise->args)))
		return true;
	return expression_tree_walker(node, planner_has_promise, context);
}

/*
 * Whether there are only inner joins above the place of the promise: then a
 * condition that replaces it may name any table of the query, as one on a
 * LATERAL subquery that was pulled up does.
 */
static bool
planner_is_inner(Node *node, FuncExpr *promise)
{
	ListCell   *cell;

	if (IsA(node, FromExpr))
	{
		if (planner_has_promise(((FromExpr *) node)->quals, promise))
			return true;
		foreach(cell, ((FromExpr *) node)->fromlist)
			if (planner_is_inner(lfirst(cell), promise))
				return true;
		return false;
	}
	return IsA(node, JoinExpr) && ((JoinExpr *) node)->jointype == JOIN_INNER &&
		(planner_is_inner(((JoinExpr *) node)->larg, promise) ||
		 planner_is_inner(((JoinExpr *) node)->rarg, promise));
}

/*
 * A call of a function of ours.  It is looked up whether or not the reader may
 * use its schema: that a role sees schema commission_portal gives it no right to
 * that of our functions.  Whether it may call this one, the executor asks.
 */
static Node *
planner_call(const char *name, Oid result_type, List *args)
{
	Oid			types[2];
	int			nargs = 0;
	ListCell   *cell;

	foreach(cell, args)
		types[nargs++] = exprType(lfirst(cell));
	return (Node *)
		makeFuncExpr(GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
									 CStringGetDatum(name),
									 PointerGetDatum(buildoidvector(types, nargs)),
									 ObjectIdGetDatum(get_namespace_oid(COMMISSION_INTERNAL_SCHEMA,
																		false))),
					 result_type, args, InvalidOid,
					 exprCollation(linitial(args)), COERCE_EXPLICIT_CALL);
}

/*
 * The operator by which values of an expression's type are equal.
 */
Oid
planner_equal_op(Node *expression)
{
	return lookup_type_cache(exprType(expression), TYPECACHE_EQ_OPR)->eq_opr;
}

/*
 * An equality of two values of a type.
 */
Node *
planner_equality(Node *left, Node *right)
{
	return (Node *)
		make_opclause(planner_equal_op(left), BOOLOID, false,
					  (Expr *) left, (Expr *) right, InvalidOid, InvalidOid);
}

/*
 * id = key AND is_same_account(id, key)
 */
static Node *
planner_account_equality(Node *id, Node *key)
{
	return (Node *)
		make_andclause(list_make2(planner_equality(id, key),
								  planner_call("is_same_account", BOOLOID,
											   list_make2(copyObject(id),
														  copyObject(key)))));
}

/*
 * key = ANY (finder(value)), or finder(ARRAY[value]) if that is no array
 */
static Node *
planner_membership(Node *key, const char *finder, Node *value, bool is_array)
{
	ScalarArrayOpExpr *any = makeNode(ScalarArrayOpExpr);

	if (!is_array)
	{
		ArrayExpr  *array = makeNode(ArrayExpr);

		array->element_typeid = exprType(value);
		array->array_typeid = get_array_type(array->element_typeid);
		array->array_collid = exprCollation(value);
		array->elements = list_make1(value);
		array->location = -1;
		value = (Node *) array;
	}

	any->opno = planner_equal_op(key);
	any->opfuncid = get_opcode(any->opno);
	any->useOr = true;
	any->args = list_make2(key, planner_call(finder,
											 get_array_type(exprType(key)),
											 list_make1(value)));
	any->location = -1;
	return (Node *) any;
}

/*
 * The key of a promised value, or NULL if it can have several; and the keys of
 * an array of them.
 */
static const struct
{
	const char *promise;
	const char *key;
	const char *keys;
}			planner_finders[] =
{
	{"is_generation_of", NULL, "generation_events"},
	{"is_name_from", NULL, "account_keys"},
	{"is_name_of", "identifier_key", "account_keys"},
	{"is_own_run", NULL, "own_run_events"},
	{"is_own_sale", NULL, "own_sale_events"},
	{"is_run_of", NULL, "run_events"},
	{"is_source_of", NULL, "source_events"}
};

/*
 * What a promise makes of a comparison with a value, or with any of an array
 * of values.
 */
static Node *
planner_condition(const char *promise, Node *key, Node *value, bool is_array)
{
	int			i = 0;

	while (strcmp(planner_finders[i].promise, promise) != 0)
		if (++i == lengthof(planner_finders))
			elog(ERROR, "function \"%s\" is no promise", promise);
	if (is_array || planner_finders[i].key == NULL)
		return planner_membership(key, planner_finders[i].keys,
								  value, is_array);
	value = planner_call(planner_finders[i].key, exprType(key), list_make1(value));
	return exprType(key) == UUIDOID ? planner_account_equality(key, value) :
		planner_equality(key, value);
}

/*
 * Planner support of the promises.  Where the query compares the promised
 * expression with nothing, the promise is dropped: it holds anyway.
 */
Datum
commission_promise_support(PG_FUNCTION_ARGS)
{
	SupportRequestSimplify *simplify =
		(SupportRequestSimplify *) PG_GETARG_POINTER(0);
	Comparison	comparison = {0};
	Node	   *jointree;
	Node	   *key;
	Node	   *value;
	Node	   *condition;

	if (!IsA(simplify, SupportRequestSimplify) || simplify->root == NULL ||
		simplify->root->parse->commandType != CMD_SELECT)
		PG_RETURN_POINTER(NULL);

	jointree = (Node *) simplify->root->parse->jointree;
	key = lsecond(simplify->fcall->args);
	comparison.root = simplify->root;
	comparison.promised = linitial(simplify->fcall->args);
	comparison.equal_op = planner_equal_op(comparison.promised);
	value = planner_value_in_jointree(jointree, &comparison);
	if (value == NULL && simplify->root->hasLateralRTEs &&
		planner_is_inner(jointree, simplify->fcall))
	{
		comparison.variables = true;
		value = planner_value_in_jointree(jointree, &comparison);
	}
	if (value == NULL)
		PG_RETURN_POINTER(makeBoolConst(true, false));

	condition = planner_condition(get_func_name(simplify->fcall->funcid), key,
								  copyObject(value), comparison.is_array);
	PG_RETURN_POINTER(eval_const_expressions(simplify->root, condition));
}

/*
 * The promises themselves: is_name_of(name text, id uuid),
 * is_name_from(name text, id uuid), is_generation_of(generation text, event_id
 * bigint), is_run_of(run_key text, event_id bigint), is_source_of(source text,
 * event_id bigint), is_own_run(run_key text, event_id bigint) and
 * is_own_sale(sale text, event_id bigint).
 */
Datum
commission_promise(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(true);
}

/*
 * checks.c
 *		CHECK constraints of the tables appended to, prepared once a session.
 *
 * The executor reads a constraint's expression from its stored text, plans it
 * and makes it executable again for every statement, which is expensive when a
 * statement is a single sale.  Here the planned expressions are kept, each
 * with the text that it was read from; what a statement finds in the relation
 * cache must be that very text, so nothing can go stale when a table is
 * altered or the extension is dropped and created again.  A function may be
 * inlined in a planned expression: any change of a function forgets all.
 *
 * The executable form is kept, too, where nothing in it depends on more than
 * that; our own constraints are so.  It holds what is being computed, so two
 * computations must never overlap: only immutable functions of PostgreSQL's
 * own are in what is kept, and none of these calls a constraint or trigger.
 *
 * Memory: a context of its own for each table, under CacheMemoryContext.
 * What is forgotten may still be in use by a statement further up; it goes
 * with the transaction.
 */
#include "commission.h"

#include "access/transam.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat.h"
#include "ledger/checks.h"

/* A table's constraints, in the order of the relation cache. */
typedef struct Checks
{
	Oid			relation;		/* the key */
	MemoryContext context;		/* NULL: nothing is kept */
	uint64		epoch;
	int			number;
	char	  **texts;
	Expr	  **expressions;
	ExprState **states;			/* NULL: not to be kept */
} Checks;

static HTAB *checks_table = NULL;
static uint64 checks_epoch = 0;

/*
 * Syscache callback: a function was changed.
 */
static void
checks_forget(Datum arg, int cacheid, uint32 hashvalue)
{
	checks_epoch++;
}

/*
 * What is kept for a table, if anything.
 */
static Checks *
checks_entry(Oid relation)
{
	Checks	   *checks;
	bool		found;

	if (checks_table == NULL)
	{
		HASHCTL		control = {
			.keysize = sizeof(Oid),
			.entrysize = sizeof(Checks)
		};

		checks_table = hash_create("commission checks", 8, &control,
								   HASH_ELEM | HASH_BLOBS);
		CacheRegisterSyscacheCallback(PROCOID, checks_forget, (Datum) 0);
	}
	checks = hash_search(checks_table, &relation, HASH_ENTER, &found);
	if (!found)
		checks->context = NULL;
	return checks;
}

/*
 * Whether the expressions kept are those of the table's constraints.
 */
static bool
checks_are_current(const Checks *checks, const TupleConstr *constraints)
{
	if (checks->context == NULL || checks->epoch != checks_epoch ||
		checks->number != constraints->num_check)
		return false;
	for (int i = 0; i < checks->number; i++)
		if (strcmp(checks->texts[i], constraints->check[i].ccbin) != 0)
			return false;
	return true;
}

/*
 * Whether a function is not PostgreSQL's own.
 */
static bool
checks_is_foreign(Oid function, void *context)
{
	return function >= FirstGenbkiObjectId;
}

/*
 * Whether there is something in an expression whose executable form may have
 * to change while its text stays, that keeps in it what belongs to one
 * statement, or that may run code of others: all but columns, constants, and
 * what PostgreSQL's own functions and plain syntax make of them.  (A domain's
 * constraints are compiled in; a hashed list is built in the statement's
 * memory.)
 */
static bool
checks_is_passing(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
			if (((Var *) node)->varattno <= 0)
				return true;
			break;
		case T_ScalarArrayOpExpr:
			if (OidIsValid(((ScalarArrayOpExpr *) node)->hashfuncid))
				return true;
			break;
		case T_List:
		case T_Const:
		case T_FuncExpr:
		case T_OpExpr:
		case T_BoolExpr:
		case T_RelabelType:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
		case T_NullTest:
		case T_BooleanTest:
			break;
		default:
			return true;
	}
	return check_functions_in_node(node, checks_is_foreign, NULL) ||
		expression_tree_walker(node, checks_is_passing, NULL);
}

/*
 * Read, plan and, where that lasts, make executable the constraints of a
 * table.  Planning runs functions, so it may come back here, or fail.
 */
static void
checks_plan(Oid relation, const TupleConstr *constraints)
{
	int			number = constraints->num_check;
	uint64		epoch = checks_epoch;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "commission checks",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	char	  **texts = palloc(number * sizeof(char *));
	Expr	  **expressions = palloc(number * sizeof(Expr *));
	ExprState **states = palloc(number * sizeof(ExprState *));
	Checks	   *checks;

	for (int i = 0; i < number; i++)
	{
		texts[i] = pstrdup(constraints->check[i].ccbin);
		expressions[i] = expression_planner(stringToNode(texts[i]));
		states[i] = NULL;
		if (!contain_mutable_functions((Node *) expressions[i]) &&
			!checks_is_passing((Node *) expressions[i], NULL))
			states[i] = ExecInitExpr(expressions[i], NULL);
	}
	MemoryContextSwitchTo(caller);

	checks = checks_entry(relation);
	if (checks->context)
		MemoryContextSetParent(checks->context, TopTransactionContext);
	MemoryContextSetParent(context, CacheMemoryContext);
	checks->context = context;
	checks->epoch = epoch;
	checks->number = number;
	checks->texts = texts;
	checks->expressions = expressions;
	checks->states = states;
}

/*
 * Give a relation that is appended to the expressions of its constraints, as
 * ExecConstraints() would make them itself.  A relation cache that lacks some
 * is left to it, since it raises the error.
 */
void
checks_prepare(ResultRelInfo *result, EState *estate)
{
	Relation	relation = result->ri_RelationDesc;
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;
	MemoryContext caller;
	ExprState **states;
	Checks	   *checks;

	if (constraints == NULL || constraints->num_check == 0 ||
		constraints->num_check != relation->rd_rel->relchecks)
		return;

	checks = checks_entry(RelationGetRelid(relation));
	if (!checks_are_current(checks, constraints))
		checks_plan(RelationGetRelid(relation), constraints);

	caller = MemoryContextSwitchTo(estate->es_query_cxt);
	states = palloc0(checks->number * sizeof(ExprState *));
	for (int i = 0; i < checks->number; i++)
	{
		if (!compat_check_is_enforced(&constraints->check[i]))
			continue;
		states[i] = checks->states[i];
		if (states[i] == NULL)
			states[i] = ExecInitExpr(checks->expressions[i], NULL);
	}
	MemoryContextSwitchTo(caller);
	result->compat_check_exprs = states;
}

/*
 * account.c
 *		Accounts and model prices.
 *
 * The functions are upserts.  What they write, a sale reads under its own
 * snapshot without locking it.
 */
#include "commission.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/amount.h"
#include "base/statement.h"
#include "catalogue/account.h"

PG_FUNCTION_INFO_V1(commission_register_account);
PG_FUNCTION_INFO_V1(commission_close_account);
PG_FUNCTION_INFO_V1(commission_reopen_account);
PG_FUNCTION_INFO_V1(commission_set_model_price);

static Statement create_account = {
	"INSERT INTO commission.account (account_id, name, registered_at)"
	" VALUES ($1, $2, $3) ON CONFLICT (account_id) DO NOTHING",
	3, {UUIDOID, TEXTOID, TIMESTAMPTZOID}, NULL
};

static Statement label_account = {
	"UPDATE commission.account SET label = $2"
	" WHERE account_id = $1 AND label IS DISTINCT FROM $2",
	2, {UUIDOID, TEXTOID}, NULL
};

static Statement close_account = {
	"UPDATE commission.account SET closed_at = now()"
	" WHERE account_id = $1 AND closed_at IS NULL",
	1, {UUIDOID}, NULL
};

static Statement reopen_account = {
	"UPDATE commission.account SET closed_at = NULL"
	" WHERE account_id = $1 AND closed_at IS NOT NULL",
	1, {UUIDOID}, NULL
};

static Statement upsert_model_price = {
	"INSERT INTO commission.model_price (model, resolution, model_price,"
	" api_cost) VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (model, resolution) DO UPDATE"
	" SET model_price = excluded.model_price, api_cost = excluded.api_cost",
	4, {TEXTOID, TEXTOID, INT8OID, INT8OID}, NULL
};

/*
 * An argument that must be there.
 */
text *
catalogue_text_argument(FunctionCallInfo fcinfo, int argument,
						const char *what)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", what)));
	return PG_GETARG_TEXT_PP(argument);
}

/*
 * An argument that names something.
 */
Identifier
catalogue_argument(FunctionCallInfo fcinfo, int argument, const char *what)
{
	return identifier_from_text(catalogue_text_argument(fcinfo, argument, what),
								what);
}

/*
 * Create an account unless it is there.  Statements can be run.  A uuid is
 * kept in its canonical spelling, whatever the spelling that named it.
 */
void
catalogue_create_account(text *name, const Identifier *account)
{
	catalogue_create_account_at(name, account,
								GetCurrentTransactionStartTimestamp());
}

/*
 * The same for an account that is known to have signed up at another time.
 */
void
catalogue_create_account_at(text *name, const Identifier *account,
							TimestampTz registered_at)
{
	Params		params = {0};

	params_add(&params, UUIDPGetDatum(&account->id));
	params_add(&params, PointerGetDatum(account->name ? name :
										identifier_name(&account->id)));
	params_add(&params, TimestampTzGetDatum(registered_at));
	statement_execute(&create_account, &params);
}

/*
 * Give an account that is there a label, unless that is NULL.  Statements can
 * be run.
 */
void
catalogue_label_account(const Identifier *account, text *label)
{
	Params		params = {0};

	if (label == NULL)
		return;
	params_add(&params, UUIDPGetDatum(&account->id));
	params_add(&params, PointerGetDatum(label));
	statement_execute(&label_account, &params);
}

/*
 * register_account(account text, label text)
 */
Datum
commission_register_account(PG_FUNCTION_ARGS)
{
	text	   *name = catalogue_text_argument(fcinfo, 0, "account");
	Identifier	account = identifier_from_text(name, "account");
	StatementCaller caller;

	statement_connect(&caller);
	catalogue_create_account(name, &account);
	catalogue_label_account(&account,
							PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1));
	statement_finish(&caller);
	PG_RETURN_VOID();
}

/*
 * Create the account that the first argument names, and run a statement on
 * it.
 */
static void
catalogue_touch_account(FunctionCallInfo fcinfo, Statement *statement)
{
	text	   *name = catalogue_text_argument(fcinfo, 0, "account");
	Identifier	account = identifier_from_text(name, "account");
	StatementCaller caller;
	Params		params = {0};

	statement_connect(&caller);
	catalogue_create_account(name, &account);
	params_add(&params, UUIDPGetDatum(&account.id));
	statement_execute(statement, &params);
	statement_finish(&caller);
}

/*
 * close_account(account text)
 */
Datum
commission_close_account(PG_FUNCTION_ARGS)
{
	catalogue_touch_account(fcinfo, &close_account);
	PG_RETURN_VOID();
}

/*
 * reopen_account(account text)
 */
Datum
commission_reopen_account(PG_FUNCTION_ARGS)
{
	catalogue_touch_account(fcinfo, &reopen_account);
	PG_RETURN_VOID();
}

/*
 * An amount of set_model_price().
 */
static int64
price_argument(FunctionCallInfo fcinfo, int argument, const char *what)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", what)));
	amount_check(PG_GETARG_INT64(argument), what);
	return PG_GETARG_INT64(argument);
}

/*
 * set_model_price(model text, resolution text, model_price bigint,
 * api_cost bigint)
 */
Datum
commission_set_model_price(PG_FUNCTION_ARGS)
{
	text	   *model = catalogue_text_argument(fcinfo, 0, "model");
	StatementCaller caller;
	Params		params = {0};

	/* The names are keys of an index, as identifiers are. */
	identifier_from_text(model, "model");
	if (!PG_ARGISNULL(1) && VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(1)) > 0)
		identifier_from_text(PG_GETARG_TEXT_PP(1), "resolution");

	params_add(&params, PointerGetDatum(model));
	params_add(&params, PG_ARGISNULL(1) ? CStringGetTextDatum("") :
			   PG_GETARG_DATUM(1));
	params_add(&params, Int64GetDatum(price_argument(fcinfo, 2, "model price")));
	params_add(&params, Int64GetDatum(price_argument(fcinfo, 3, "API cost")));
	statement_connect(&caller);
	statement_execute(&upsert_model_price, &params);
	statement_finish(&caller);
	PG_RETURN_VOID();
}

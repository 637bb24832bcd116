/*
 * balance.c
 *		Balances: what of them is held (R24), and what they, and what stands in
 *		the way of a withdrawal, are now.
 */
#include "commission.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "base/statement.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_held_since);
PG_FUNCTION_INFO_V1(commission_latest_balance);
PG_FUNCTION_INFO_V1(commission_withdrawal_obstacle);

static Statement select_balance = {
	"SELECT b FROM commission.balance AS b WHERE account_id = $1",
	1, {UUIDOID}, NULL
};

static Statement select_obstacle = {
	"SELECT string_agg(x.detail, ' ') FROM commission.payout_exclusion AS x"
	" WHERE x.account_id = $1 AND x.is_obstacle",
	1, {UUIDOID}, NULL
};

/*
 * held_since(): the view of balances asks for it with each entry, so that it
 * reads the setting itself.
 */
Datum
commission_held_since(PG_FUNCTION_ARGS)
{
	if (settings_hold_days == 0)
		PG_RETURN_TIMESTAMPTZ(DT_NOEND);
	PG_RETURN_TIMESTAMPTZ(GetCurrentTransactionStartTimestamp() -
						  settings_hold_days * USECS_PER_DAY);
}

/*
 * What a statement says of an account by what is committed by now: SQL cannot
 * read under a snapshot that is newer than that of its transaction.
 */
static Datum
balance_latest(FunctionCallInfo fcinfo, Statement *statement)
{
	StatementCaller caller;
	Params		params = {0};
	Datum		result = (Datum) 0;
	bool		isnull = true;

	params_add(&params, PG_GETARG_DATUM(0));
	statement_connect(&caller);
	if (statement_execute_latest(statement, &params) > 0)
		result = statement_result(1, &isnull);
	if (!isnull)
		result = SPI_datumTransfer(result, false, -1);
	statement_finish(&caller);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/*
 * latest_balance(account_id uuid)
 */
Datum
commission_latest_balance(PG_FUNCTION_ARGS)
{
	return balance_latest(fcinfo, &select_balance);
}

/*
 * withdrawal_obstacle(account_id uuid)
 */
Datum
commission_withdrawal_obstacle(PG_FUNCTION_ARGS)
{
	return balance_latest(fcinfo, &select_obstacle);
}

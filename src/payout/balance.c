/*
 * balance.c
 *		Balances: what of them is held (R24), and what they are now.
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

static Statement select_balance = {
	"SELECT b FROM commission.balance AS b WHERE account_id = $1",
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
 * latest_balance(account_id uuid): SQL cannot read under a snapshot that is
 * newer than that of its transaction.
 */
Datum
commission_latest_balance(PG_FUNCTION_ARGS)
{
	StatementCaller caller;
	Params		params = {0};
	Datum		balance = (Datum) 0;
	bool		isnull = true;

	params_add(&params, PG_GETARG_DATUM(0));
	statement_connect(&caller);
	if (statement_execute_latest(&select_balance, &params) > 0)
		balance = SPI_datumTransfer(statement_result(1, &isnull), false, -1);
	statement_finish(&caller);
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(balance);
}

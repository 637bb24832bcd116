/*
 * withdrawal.c
 *		Withdrawals: requested by an account and moved on by the operator (R23,
 *		R24).
 *
 * Locks: a request takes the account's row, so that requests of one account
 * follow one another, and then sums what is committed by now, under any
 * isolation level.  A sale or a refund takes no such lock and does not wait:
 * a sale that commits later is not counted yet, and a refund that commits
 * later takes the balance below zero, as it does when it comes a day later.
 * A transition takes the withdrawal's row.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/statement.h"
#include "catalogue/account.h"
#include "compat.h"
#include "ledger/entry.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_request_withdrawal);

/* The balance of an account that is locked. */
typedef struct Balance
{
	int64		balance;
	int64		available;
	int64		held;
} Balance;

static Statement lock_account = {
	"SELECT coalesce(nullif(label, ''), name) FROM commission.account"
	" WHERE account_id = $1 FOR NO KEY UPDATE",
	1, {UUIDOID}, NULL
};

static Statement select_balance = {
	"SELECT balance, available, held FROM commission.balance"
	" WHERE account_id = $1",
	1, {UUIDOID}, NULL
};

static Statement insert_withdrawal = {
	"INSERT INTO commission.withdrawal (event_id, account_id, amount,"
	" requested_at, method, destination) VALUES ($1, $2, $3, now(), $4, $5)",
	5, {INT8OID, UUIDOID, INT8OID, TEXTOID, TEXTOID}, NULL
};

static Statement insert_transition = {
	"INSERT INTO commission.withdrawal_transition"
	" (event_id, withdrawal_id, changed_at, from_state, to_state, changed_by)"
	" VALUES ($1, $2, now(), $3::commission.withdrawal_state,"
	" $4::commission.withdrawal_state, session_user)",
	4, {INT8OID, INT8OID, TEXTOID, TEXTOID}, NULL
};

/*
 * Append the entry that takes credits out of the account's balance or gives
 * them back; gives its event id.
 */
static int64
withdrawal_append_entry(EntryKind kind, const pg_uuid_t *account, int64 amount)
{
	Ledger	   *ledger = ledger_open();
	LedgerEntry entry = {
		.event_id = ledger_draw_event_id(),
		.line = 1,
		.kind = kind,
		.counts_as = ENTRY_WITHDRAWAL,
		.amount = amount,
		.account = account,
		.ratio_ppm = LEDGER_NO_RATIO,
		.occurred_at = GetCurrentTransactionStartTimestamp()
	};

	ledger_put(ledger, &entry);
	ledger_close(ledger);
	return entry.event_id;
}

/*
 * Keep a transition; without a state before, it is the request.
 */
static void
withdrawal_keep_transition(int64 event_id, int64 withdrawal, const char *from,
						   const char *to)
{
	StatementCaller caller;
	Params		params = {0};

	params_add(&params, Int64GetDatum(event_id));
	params_add(&params, Int64GetDatum(withdrawal));
	params_add_nullable(&params, from ? CStringGetTextDatum(from) : (Datum) 0,
						from == NULL);
	params_add(&params, CStringGetTextDatum(to));
	statement_connect(&caller);
	statement_execute(&insert_transition, &params);
	statement_finish(&caller);
}

/*
 * Lock an account; gives where its money goes where nothing is said.
 * Statements can be run, and the result is theirs.
 */
static text *
withdrawal_lock_account(const pg_uuid_t *account, const char *name)
{
	Params		params = {0};
	bool		isnull;

	params_add(&params, UUIDPGetDatum(account));
	if (statement_execute(&lock_account, &params) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("account \"%s\" is not known", name)));
	return DatumGetTextPP(statement_result(1, &isnull));
}

/*
 * What an account that is locked has, by what is committed by now.
 */
static Balance
withdrawal_balance(const pg_uuid_t *account)
{
	Params		params = {0};
	Balance		balance;
	bool		isnull;

	params_add(&params, UUIDPGetDatum(account));
	statement_execute_latest(&select_balance, &params);
	balance.balance = DatumGetInt64(statement_result(1, &isnull));
	balance.available = DatumGetInt64(statement_result(2, &isnull));
	balance.held = DatumGetInt64(statement_result(3, &isnull));
	return balance;
}

/*
 * Check the amount of a request (R24).
 */
static void
withdrawal_check_amount(int64 amount, const Balance *balance,
						const char *account)
{
	if (amount > balance->available || balance->available < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("withdrawal exceeds what is available"),
				 errdetail("Account \"%s\" has %lld credits available: its balance is %lld, of which %lld are held.",
						   account, (long long) balance->available,
						   (long long) balance->balance,
						   (long long) balance->held)));
	if (amount < 1 || amount < settings_minimum_payout)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("withdrawal is less than the minimum"),
				 errdetail("It is %lld credits of %lld available; commission.minimum_payout is %d.",
						   (long long) amount, (long long) balance->available,
						   settings_minimum_payout)));
}

/*
 * A text argument that must be there and not be empty.
 */
static text *
withdrawal_text_argument(FunctionCallInfo fcinfo, int argument,
						 const char *what)
{
	text	   *value = catalogue_text_argument(fcinfo, argument, what);

	if (VARSIZE_ANY_EXHDR(value) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", what)));
	return value;
}

/*
 * request_withdrawal(account text, amount bigint, method text,
 * destination text)
 */
Datum
commission_request_withdrawal(PG_FUNCTION_ARGS)
{
	Identifier	account = catalogue_argument(fcinfo, 0, "account");
	const char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	text	   *method = catalogue_text_argument(fcinfo, 2, "method");
	text	   *destination = PG_ARGISNULL(3) ? NULL :
		withdrawal_text_argument(fcinfo, 3, "destination");
	text	   *usual_destination;
	Balance		balance;
	int64		amount;
	int64		withdrawal;
	StatementCaller caller;
	Params		params = {0};

	/* The method is a key of an index, as identifiers are. */
	identifier_from_text(method, "method");

	statement_connect(&caller);
	usual_destination = withdrawal_lock_account(&account.id, name);
	balance = withdrawal_balance(&account.id);
	amount = PG_ARGISNULL(1) ? balance.available : PG_GETARG_INT64(1);
	withdrawal_check_amount(amount, &balance, name);

	withdrawal = withdrawal_append_entry(ENTRY_WITHDRAWAL, &account.id,
										 -amount);
	params_add(&params, Int64GetDatum(withdrawal));
	params_add(&params, UUIDPGetDatum(&account.id));
	params_add(&params, Int64GetDatum(amount));
	params_add(&params, PointerGetDatum(method));
	params_add(&params, PointerGetDatum(destination ? destination :
										usual_destination));
	statement_execute(&insert_withdrawal, &params);
	withdrawal_keep_transition(withdrawal, withdrawal, NULL,
							   "requested");
	statement_finish(&caller);
	PG_RETURN_INT64(withdrawal);
}

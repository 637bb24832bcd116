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
#include "utils/builtins.h"

#include "catalogue.h"
#include "compat.h"
#include "settings.h"
#include "statement.h"
#include "withdrawal.h"

PG_FUNCTION_INFO_V1(commission_request_withdrawal);
PG_FUNCTION_INFO_V1(commission_approve_withdrawal);
PG_FUNCTION_INFO_V1(commission_cancel_withdrawal);
PG_FUNCTION_INFO_V1(commission_reject_withdrawal);
PG_FUNCTION_INFO_V1(commission_pay_withdrawal);
PG_FUNCTION_INFO_V1(commission_mark_withdrawal_unknown);
PG_FUNCTION_INFO_V1(commission_fail_withdrawal);

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

static Statement lock_withdrawal = {
	"SELECT state::text FROM commission.withdrawal WHERE event_id = $1"
	" FOR NO KEY UPDATE",
	1, {INT8OID}, NULL
};

static Statement move_withdrawal = {
	"UPDATE commission.withdrawal SET state = $2::commission.withdrawal_state,"
	" reason = $3, transfer = $4 WHERE event_id = $1",
	4, {INT8OID, TEXTOID, TEXTOID, TEXTOID}, NULL
};

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
							   withdrawal_state_label(WITHDRAWAL_REQUESTED));
	statement_finish(&caller);
	PG_RETURN_INT64(withdrawal);
}

/*
 * The error: there is no such withdrawal.
 */
static void
withdrawal_error_not_known(int64 withdrawal)
{
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("withdrawal %lld is not known", (long long) withdrawal)));
}

/*
 * Lock a withdrawal; gives the state that it is in, and stays in until the end
 * of the transaction unless we move it.
 */
WithdrawalState
withdrawal_lock(int64 withdrawal)
{
	StatementCaller caller;
	Params		params = {0};
	WithdrawalState state;
	bool		isnull;

	params_add(&params, Int64GetDatum(withdrawal));
	statement_connect(&caller);
	if (statement_execute(&lock_withdrawal, &params) == 0)
		withdrawal_error_not_known(withdrawal);
	state = withdrawal_state_from_label(TextDatumGetCString(statement_result(1, &isnull)));
	statement_finish(&caller);
	return state;
}

/*
 * Move a withdrawal to a state.  Whether that is a transition, and all that
 * follows from it, is the table's affair.
 */
void
withdrawal_move(int64 withdrawal, WithdrawalState state, text *reason,
				text *transfer)
{
	StatementCaller caller;
	Params		params = {0};

	params_add(&params, Int64GetDatum(withdrawal));
	params_add(&params, CStringGetTextDatum(withdrawal_state_label(state)));
	params_add_nullable(&params, PointerGetDatum(reason), reason == NULL);
	params_add_nullable(&params, PointerGetDatum(transfer), transfer == NULL);
	statement_connect(&caller);
	if (statement_execute(&move_withdrawal, &params) == 0)
		withdrawal_error_not_known(withdrawal);
	statement_finish(&caller);
}

/*
 * The withdrawal that a function is called for.
 */
static int64
withdrawal_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "withdrawal")));
	return PG_GETARG_INT64(0);
}

/*
 * approve_withdrawal(withdrawal bigint)
 */
Datum
commission_approve_withdrawal(PG_FUNCTION_ARGS)
{
	withdrawal_move(withdrawal_argument(fcinfo), WITHDRAWAL_APPROVED,
					NULL, NULL);
	PG_RETURN_VOID();
}

/*
 * cancel_withdrawal(withdrawal bigint)
 */
Datum
commission_cancel_withdrawal(PG_FUNCTION_ARGS)
{
	withdrawal_move(withdrawal_argument(fcinfo), WITHDRAWAL_CANCELLED,
					NULL, NULL);
	PG_RETURN_VOID();
}

/*
 * reject_withdrawal(withdrawal bigint, reason text)
 */
Datum
commission_reject_withdrawal(PG_FUNCTION_ARGS)
{
	withdrawal_move(withdrawal_argument(fcinfo), WITHDRAWAL_REJECTED,
					withdrawal_text_argument(fcinfo, 1, "reason"), NULL);
	PG_RETURN_VOID();
}

/*
 * pay_withdrawal(withdrawal bigint, transfer text)
 */
Datum
commission_pay_withdrawal(PG_FUNCTION_ARGS)
{
	withdrawal_move(withdrawal_argument(fcinfo), WITHDRAWAL_PAID,
					NULL, withdrawal_text_argument(fcinfo, 1, "transfer"));
	PG_RETURN_VOID();
}

/*
 * mark_withdrawal_unknown(withdrawal bigint)
 */
Datum
commission_mark_withdrawal_unknown(PG_FUNCTION_ARGS)
{
	withdrawal_move(withdrawal_argument(fcinfo), WITHDRAWAL_UNKNOWN,
					NULL, NULL);
	PG_RETURN_VOID();
}

/*
 * fail_withdrawal(withdrawal bigint, reason text)
 */
Datum
commission_fail_withdrawal(PG_FUNCTION_ARGS)
{
	withdrawal_move(withdrawal_argument(fcinfo), WITHDRAWAL_FAILED,
					withdrawal_text_argument(fcinfo, 1, "reason"), NULL);
	PG_RETURN_VOID();
}

/*
 * referral.c
 *		Who referred an account, and every change of that (R29).
 *
 * commission.referral has the referrers in force, which is all that a sale
 * reads; commission.referral_change has each that ever was, and is what the
 * affiliate's screens are made of, since what was earned stays with whom it
 * was earned by.
 *
 * Locks: the row in commission.referral, be it inserted, updated or deleted,
 * then the referred account's own, before the change is numbered: so the
 * changes of one account are numbered in the order in which they were made.
 * A sale waits for none of it, nor does another account's sign-up.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/lookup.h"
#include "base/statement.h"
#include "catalogue/account.h"
#include "catalogue/referral.h"
#include "ledger/entry.h"

PG_FUNCTION_INFO_V1(commission_refer);
PG_FUNCTION_INFO_V1(commission_move_referral);
PG_FUNCTION_INFO_V1(commission_end_referral);

static Statement insert_referral = {
	"INSERT INTO commission.referral (account_id, role, referrer_id,"
	" attributed_at) VALUES ($1, $2::commission.referral_role, $3, $4)"
	" ON CONFLICT (account_id, role) DO NOTHING",
	4, {UUIDOID, TEXTOID, UUIDOID, TIMESTAMPTZOID}, NULL
};

static Statement lock_referral = {
	"SELECT referrer_id FROM commission.referral"
	" WHERE account_id = $1 AND role = $2::commission.referral_role FOR UPDATE",
	2, {UUIDOID, TEXTOID}, NULL
};

static Statement update_referral = {
	"UPDATE commission.referral SET referrer_id = $3, attributed_at = $4"
	" WHERE account_id = $1 AND role = $2::commission.referral_role",
	4, {UUIDOID, TEXTOID, UUIDOID, TIMESTAMPTZOID}, NULL
};

static Statement delete_referral = {
	"DELETE FROM commission.referral"
	" WHERE account_id = $1 AND role = $2::commission.referral_role",
	2, {UUIDOID, TEXTOID}, NULL
};

static Statement lock_account = {
	"SELECT FROM commission.account WHERE account_id = $1 FOR NO KEY UPDATE",
	1, {UUIDOID}, NULL
};

/*
 * Where nobody says when the account signed up, it is what was said when it
 * was first referred for the role, or else the earliest that is known here.
 */
static Statement append_change = {
	"INSERT INTO commission.referral_change (change_id, attributed_at,"
	" signed_up_at, account_id, referrer_id, role, is_first, is_signup,"
	" campaign, reason)"
	" SELECT $1, $2, coalesce($3, (SELECT c.signed_up_at"
	" FROM commission.referral_change AS c"
	" WHERE c.account_id = $4 AND c.role = $6::commission.referral_role"
	" ORDER BY c.change_id DESC LIMIT 1), least(a.registered_at, $2)),"
	" $4, $5, $6::commission.referral_role,"
	" $5 IS NOT NULL AND NOT EXISTS (SELECT"
	" FROM commission.referral_change AS c"
	" WHERE c.account_id = $4 AND c.referrer_id = $5"
	" AND c.role = $6::commission.referral_role AND c.is_first),"
	" $5 IS NOT NULL AND NOT EXISTS (SELECT"
	" FROM commission.referral_change AS c"
	" WHERE c.account_id = $4 AND c.referrer_id = $5 AND c.is_signup),"
	" $7, $8 FROM commission.account AS a WHERE a.account_id = $4",
	8, {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID, UUIDOID, TEXTOID,
	TEXTOID, TEXTOID}, NULL
};

/*
 * The role among a function's arguments, as its label.
 */
const char *
referral_role_argument(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "role")));
	return lookup_enum_label(PG_GETARG_DATUM(argument));
}

/*
 * A time among a function's arguments; NULL is now.
 */
TimestampTz
referral_time_argument(FunctionCallInfo fcinfo, int argument, const char *what)
{
	TimestampTz time = PG_ARGISNULL(argument) ?
		GetCurrentTransactionStartTimestamp() :
		PG_GETARG_TIMESTAMPTZ(argument);

	if (TIMESTAMP_NOT_FINITE(time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be a finite time", what)));
	return time;
}

/*
 * Account and referrer among a function's arguments, who must be two.
 */
static void
referral_parties(FunctionCallInfo fcinfo, Identifier *account,
				 Identifier *referrer)
{
	*account = catalogue_argument(fcinfo, 0, "account");
	*referrer = catalogue_argument(fcinfo, 1, "referrer");
	if (identifier_equal(&account->id, &referrer->id))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("an account cannot be referred by itself"),
				 errdetail("Account and referrer are both \"%s\".",
						   text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}

/*
 * Append a change to the trace.  The referral's row is locked; so is the
 * account's, that an account which is referred for both roles at once counts
 * once.
 */
static void
referral_append_change(const ReferralChange *change)
{
	bool		ended = change->referrer == NULL;
	Params		account = {0};
	Params		params = {0};

	params_add(&account, UUIDPGetDatum(change->account));
	statement_execute(&lock_account, &account);

	params_add(&params, Int64GetDatum(ledger_draw_event_id()));
	params_add_nullable(&params, TimestampTzGetDatum(change->attributed_at),
						ended);
	if (change->signed_up_at)
		params_add(&params, TimestampTzGetDatum(*change->signed_up_at));
	else
		params_add_nullable(&params, (Datum) 0, true);
	params_add(&params, UUIDPGetDatum(change->account));
	params_add_nullable(&params, UUIDPGetDatum(change->referrer), ended);
	params_add(&params, CStringGetTextDatum(change->role));
	if (change->campaign)
		params_add(&params, CStringGetTextDatum(change->campaign));
	else
		params_add_nullable(&params, (Datum) 0, true);
	params_add_nullable(&params, PointerGetDatum(change->reason),
						change->reason == NULL);
	if (statement_execute_latest(&append_change, &params) != 1)
		elog(ERROR, "could not find the account of a referral");
}

/*
 * What every statement on commission.referral is told.
 */
static Params
referral_params(const ReferralChange *change, bool with_referrer)
{
	Params		params = {0};

	params_add(&params, UUIDPGetDatum(change->account));
	params_add(&params, CStringGetTextDatum(change->role));
	if (with_referrer)
	{
		params_add(&params, UUIDPGetDatum(change->referrer));
		params_add(&params, TimestampTzGetDatum(change->attributed_at));
	}
	return params;
}

/*
 * Give an account its referrer for a role; false if it has one.  Of several
 * transactions at once one does, and the others wait for it.  Statements can
 * be run, and the accounts are there.
 */
bool
referral_set(const ReferralChange *change)
{
	Params		params = referral_params(change, true);

	if (statement_execute(&insert_referral, &params) == 0)
		return false;
	referral_append_change(change);
	return true;
}

/*
 * The referrer in force, whose row stays locked; NULL if there is none.
 */
static const pg_uuid_t *
referral_lock(const ReferralChange *change)
{
	Params		params = referral_params(change, false);
	bool		isnull;

	if (statement_execute(&lock_referral, &params) == 0)
		return NULL;
	return DatumGetUUIDP(statement_result(1, &isnull));
}

/*
 * refer(account text, referrer text, role commission.referral_role,
 * attributed_at timestamptz)
 */
Datum
commission_refer(PG_FUNCTION_ARGS)
{
	Identifier	account;
	Identifier	referrer;
	ReferralChange change = {0};
	StatementCaller caller;
	bool		is_set;

	referral_parties(fcinfo, &account, &referrer);
	change.account = &account.id;
	change.referrer = &referrer.id;
	change.role = referral_role_argument(fcinfo, 2);
	change.attributed_at = referral_time_argument(fcinfo, 3, "attributed_at");

	statement_connect(&caller);
	catalogue_create_account(PG_GETARG_TEXT_PP(0), &account);
	catalogue_create_account(PG_GETARG_TEXT_PP(1), &referrer);
	is_set = referral_set(&change);
	statement_finish(&caller);
	PG_RETURN_BOOL(is_set);
}

/*
 * move_referral(account text, referrer text, role commission.referral_role,
 * attributed_at timestamptz, reason text)
 */
Datum
commission_move_referral(PG_FUNCTION_ARGS)
{
	Identifier	account;
	Identifier	referrer;
	ReferralChange change = {0};
	StatementCaller caller;
	const pg_uuid_t *former;
	bool		moves;

	referral_parties(fcinfo, &account, &referrer);
	change.account = &account.id;
	change.referrer = &referrer.id;
	change.role = referral_role_argument(fcinfo, 2);
	change.attributed_at = referral_time_argument(fcinfo, 3, "attributed_at");
	if (!PG_ARGISNULL(4))
		change.reason = PG_GETARG_TEXT_PP(4);

	statement_connect(&caller);
	former = referral_lock(&change);
	if (former == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("account \"%s\" has no referrer as a %s",
						text_to_cstring(PG_GETARG_TEXT_PP(0)), change.role),
				 errhint("Give it one with refer.")));
	moves = !identifier_equal(former, &referrer.id);
	if (moves)
	{
		Params		params = referral_params(&change, true);

		catalogue_create_account(PG_GETARG_TEXT_PP(1), &referrer);
		statement_execute(&update_referral, &params);
		referral_append_change(&change);
	}
	statement_finish(&caller);
	PG_RETURN_BOOL(moves);
}

/*
 * end_referral(account text, role commission.referral_role, reason text)
 */
Datum
commission_end_referral(PG_FUNCTION_ARGS)
{
	Identifier	account = catalogue_argument(fcinfo, 0, "account");
	ReferralChange change = {0};
	StatementCaller caller;
	bool		ends;

	change.account = &account.id;
	change.role = referral_role_argument(fcinfo, 1);
	if (!PG_ARGISNULL(2))
		change.reason = PG_GETARG_TEXT_PP(2);

	statement_connect(&caller);
	ends = referral_lock(&change) != NULL;
	if (ends)
	{
		Params		params = referral_params(&change, false);

		statement_execute(&delete_referral, &params);
		referral_append_change(&change);
	}
	statement_finish(&caller);
	PG_RETURN_BOOL(ends);
}

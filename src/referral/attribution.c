/*
 * attribution.c
 *		A sign-up completes a first touch (R28).
 *
 * Several roads of an application can lead here at once.  What they race for
 * is the row of the account and role in commission.referral: one inserts it,
 * the others wait for that one and find it there.  Each leaves a row in
 * commission.attempt.
 */
#include "commission.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/statement.h"
#include "catalogue/account.h"
#include "catalogue/referral.h"
#include "ledger/entry.h"
#include "referral/attribution.h"
#include "referral/signature.h"
#include "referral/token.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_attribute);

/* What is known of an attempt, as far as it got. */
typedef struct Attempt
{
	Identifier	account;
	const char *role;
	TimestampTz signed_up_at;
	bool		token_is_good;
	CrefToken	token;
	Identifier	referrer;
	bool		referrer_is_active;
	bool		is_referred;
	TimestampTz registered_at;
} Attempt;

static Statement select_active = {
	"SELECT FROM commission.account"
	" WHERE account_id = $1 AND closed_at IS NULL",
	1, {UUIDOID}, NULL
};

static Statement select_standing = {
	"SELECT a.registered_at, r.account_id IS NOT NULL"
	" FROM commission.account AS a"
	" LEFT JOIN commission.referral AS r ON r.account_id = a.account_id"
	" AND r.role = $2::commission.referral_role"
	" WHERE a.account_id = $1",
	2, {UUIDOID, TEXTOID}, NULL
};

static Statement append_attempt = {
	"INSERT INTO commission.attempt (attempt_id, signed_up_at, touched_at,"
	" account_id, role, outcome, referrer_name, campaign)"
	" VALUES ($1, $2, $3, $4, $5::commission.referral_role,"
	" $6::commission.attribution_outcome, $7, $8) RETURNING outcome",
	8, {INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID, TEXTOID, TEXTOID,
	TEXTOID, TEXTOID}, NULL
};

/*
 * The account that a visitor's text names; false where it can name none,
 * which is no error here.
 */
bool
attribution_identify(text *name, Identifier *account)
{
	int			len = VARSIZE_ANY_EXHDR(name);

	if (len == 0 || len > IDENTIFIER_MAX_BYTES ||
		!token_fits(VARDATA_ANY(name), len))
		return false;
	*account = identifier_from_text(name, "referrer");
	return true;
}

/*
 * Whether a first touch is alive at a moment: to the microsecond, the last
 * one of the window is in it (R26).
 */
bool
attribution_in_window(TimestampTz touched_at, TimestampTz at)
{
	return (int128) at - touched_at <=
		(int128) settings_attribution_window_days * USECS_PER_DAY;
}

/*
 * What becomes of an attempt: the first of the reasons that hold, in the
 * order of R28.
 */
static const char *
attribution_outcome(const Attempt *attempt)
{
	TimestampTz touched_at = attempt->token.touched_at;

	if (!attempt->token_is_good)
		return "invalid_token";
	if (!attempt->referrer_is_active)
		return "unknown_referrer";
	if (identifier_equal(&attempt->account.id, &attempt->referrer.id))
		return "self_referral";
	if (attempt->is_referred)
		return "already_attributed";
	if (attempt->registered_at < touched_at ||
		attempt->signed_up_at < touched_at)
		return "existing_account";
	if (!attribution_in_window(touched_at, attempt->signed_up_at))
		return "expired";
	return "attributed";
}

/*
 * Read the token.  That it cannot be read for want of a secret is an error:
 * it must not pass for a bad token, or the referral would be lost.
 */
static void
attribution_read_token(Attempt *attempt, text *token)
{
	if (token == NULL)
		return;
	signature_require_secret();
	attempt->token_is_good = token_read(VARDATA_ANY(token),
										VARSIZE_ANY_EXHDR(token),
										&attempt->token);
	if (attempt->token.campaign && *attempt->token.campaign == '\0')
		attempt->token.campaign = NULL;
}

/*
 * Whether the token's referrer is an account that can earn.  It is looked for
 * before the account itself is created: they may be one.
 */
static void
attribution_find_referrer(Attempt *attempt)
{
	Params		params = {0};

	if (!attempt->token_is_good ||
		!attribution_identify(cstring_to_text(attempt->token.referrer),
							  &attempt->referrer))
		return;
	params_add(&params, UUIDPGetDatum(&attempt->referrer.id));
	attempt->referrer_is_active =
		statement_execute(&select_active, &params) > 0;
}

/*
 * Since when the account is known here, and whether it has a referrer for the
 * role.
 */
static void
attribution_find_standing(Attempt *attempt)
{
	Params		params = {0};
	bool		isnull;

	params_add(&params, UUIDPGetDatum(&attempt->account.id));
	params_add(&params, CStringGetTextDatum(attempt->role));
	if (statement_execute(&select_standing, &params) != 1)
		elog(ERROR, "could not find the account of an attribution");
	attempt->registered_at = DatumGetTimestampTz(statement_result(1, &isnull));
	attempt->is_referred = DatumGetBool(statement_result(2, &isnull));
}

/*
 * Set the referral; false if another transaction has.
 *
 * It is from the sign-up on: that is what completes the touch, and by which
 * of the application's roads it becomes known here, how late, must not decide
 * which of the account's first sales pay the brand leg (R10).
 */
static bool
attribution_set(const Attempt *attempt)
{
	ReferralChange change = {
		.account = &attempt->account.id,
		.referrer = &attempt->referrer.id,
		.role = attempt->role,
		.attributed_at = attempt->signed_up_at,
		.signed_up_at = &attempt->signed_up_at,
		.campaign = attempt->token.campaign
	};

	return referral_set(&change);
}

/*
 * Keep an attempt for support to read; gives its outcome as an enum value.
 */
static Datum
attribution_append_attempt(const Attempt *attempt, const char *outcome)
{
	const char *campaign = attempt->token.campaign;
	Params		params = {0};
	bool		isnull;

	params_add(&params, Int64GetDatum(ledger_draw_event_id()));
	params_add(&params, TimestampTzGetDatum(attempt->signed_up_at));
	params_add_nullable(&params, TimestampTzGetDatum(attempt->token.touched_at),
						!attempt->token_is_good);
	params_add(&params, UUIDPGetDatum(&attempt->account.id));
	params_add(&params, CStringGetTextDatum(attempt->role));
	params_add(&params, CStringGetTextDatum(outcome));
	params_add_nullable(&params,
						attempt->token_is_good ?
						CStringGetTextDatum(attempt->token.referrer) : (Datum) 0,
						!attempt->token_is_good);
	params_add_nullable(&params,
						campaign ? CStringGetTextDatum(campaign) : (Datum) 0,
						campaign == NULL);
	statement_execute(&append_attempt, &params);
	return statement_result(1, &isnull);
}

/*
 * attribute(account text, token text, role commission.referral_role,
 * signed_up_at timestamptz, label text)
 *
 * Whatever the outcome, the account is known here from its sign-up on: a
 * token that it brings later cannot pass it off as new.
 */
Datum
commission_attribute(PG_FUNCTION_ARGS)
{
	text	   *name = catalogue_text_argument(fcinfo, 0, "account");
	Attempt		attempt = {0};
	const char *outcome;
	StatementCaller caller;
	Datum		result;

	attempt.account = identifier_from_text(name, "account");
	attempt.role = referral_role_argument(fcinfo, 2);
	attempt.signed_up_at = referral_time_argument(fcinfo, 3, "signed_up_at");
	attribution_read_token(&attempt,
						   PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1));

	statement_connect(&caller);
	attribution_find_referrer(&attempt);
	catalogue_create_account_at(name, &attempt.account, attempt.signed_up_at);
	catalogue_label_account(&attempt.account,
							PG_ARGISNULL(4) ? NULL : PG_GETARG_TEXT_PP(4));
	attribution_find_standing(&attempt);

	outcome = attribution_outcome(&attempt);
	if (strcmp(outcome, "attributed") == 0 && !attribution_set(&attempt))
		outcome = "already_attributed";
	result = attribution_append_attempt(&attempt, outcome);
	statement_finish(&caller);
	PG_RETURN_DATUM(result);
}

/*
 * attribution.c
 *		Who referred whom (R26 to R29).
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "catalogue.h"
#include "lookup.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(commission_refer);

static Statement insert_referral = {
	"INSERT INTO commission.referral (account_id, role, referrer_id,"
	" attributed_at) VALUES ($1, $2::commission.referral_role, $3, $4)"
	" ON CONFLICT (account_id, role) DO NOTHING",
	4, {UUIDOID, TEXTOID, UUIDOID, TIMESTAMPTZOID}, NULL
};

/*
 * refer(account text, referrer text, role commission.referral_role,
 * attributed_at timestamptz)
 */
Datum
commission_refer(PG_FUNCTION_ARGS)
{
	Identifier	account = catalogue_argument(fcinfo, 0, "account");
	Identifier	referrer = catalogue_argument(fcinfo, 1, "referrer");
	TimestampTz attributed_at = PG_ARGISNULL(3) ?
		GetCurrentTransactionStartTimestamp() : PG_GETARG_TIMESTAMPTZ(3);
	StatementCaller caller;
	Params		params = {0};
	bool		inserted;

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "role")));
	if (TIMESTAMP_NOT_FINITE(attributed_at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("attributed_at must be a finite time")));
	if (identifier_equal(&account.id, &referrer.id))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("an account cannot be referred by itself"),
				 errdetail("Account and referrer are both \"%s\".",
						   text_to_cstring(PG_GETARG_TEXT_PP(0)))));

	statement_connect(&caller);
	catalogue_create_account(PG_GETARG_TEXT_PP(0), &account);
	catalogue_create_account(PG_GETARG_TEXT_PP(1), &referrer);
	params_add(&params, UUIDPGetDatum(&account.id));
	params_add(&params, CStringGetTextDatum(lookup_enum_label(PG_GETARG_DATUM(2))));
	params_add(&params, UUIDPGetDatum(&referrer.id));
	params_add(&params, TimestampTzGetDatum(attributed_at));
	inserted = statement_execute(&insert_referral, &params) > 0;
	statement_finish(&caller);
	PG_RETURN_BOOL(inserted);
}

/*
 * privileges.c
 *		The three grants that applications need.
 *
 * Who may call them is the extension's owner: they are granted to nobody.
 */
#include "commission.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "statement.h"

PG_FUNCTION_INFO_V1(commission_grant_reader);
PG_FUNCTION_INFO_V1(commission_grant_writer);
PG_FUNCTION_INFO_V1(commission_grant_operator);

/* What each grant is made of; a view's functions run as its reader. */
static const char *const reader_grants[] = {
	"USAGE ON SCHEMA commission",
	"SELECT ON commission.balance, commission.commission_detail,"
	" commission.daily_earnings, commission.earnings, commission.ledger,"
	" commission.monthly_subscription, commission.program_terms,"
	" commission.recent_commission, commission.withdrawal_history,"
	" commission.withdrawal_status",
	"EXECUTE ON FUNCTION commission.account_id(text),"
	" commission.audit(),"
	" commission.balance_at(text, timestamptz),"
	" commission.held_since(),"
	" commission.identifier_key(text),"
	" commission.identifier_name(uuid),"
	" commission.is_name_of(text, uuid),"
	" commission.is_same_event(bigint, bigint),"
	" commission.legs(bigint, boolean, integer),"
	" commission.legs(bigint, boolean, integer, numeric, numeric, numeric),"
	" commission.mask(text),"
	" commission.net_margin(bigint, bigint, bigint, bigint),"
	" commission.pool_shares(bigint, bigint[]),"
	" commission.project_subscription(bigint, integer),"
	" commission.ranges(int8multirange),"
	" commission.ratio(integer),"
	" commission.setting(text),"
	" commission.statement(text, date, date),"
	" commission.surcharge(bigint)",
	NULL
};

static const char *const writer_grants[] = {
	"USAGE ON SCHEMA commission",
	"EXECUTE ON FUNCTION commission.account_id,"
	" commission.accrue_generation,"
	" commission.accrue_order,"
	" commission.attach,"
	" commission.attach_orders,"
	" commission.detach,"
	" commission.follow_paid,"
	" commission.follow_paid_order,"
	" commission.read_cref,"
	" commission.record_generation,"
	" commission.record_order,"
	" commission.register_account,"
	" commission.sign_cref",
	NULL
};

static const char *const operator_grants[] = {
	"USAGE ON SCHEMA commission",
	"SELECT ON commission.balance, commission.payout_item,"
	" commission.withdrawal_history, commission.withdrawal_status",
	"EXECUTE ON FUNCTION commission.account_id,"
	" commission.approve_withdrawal,"
	" commission.cancel_withdrawal,"
	" commission.close_account,"
	" commission.fail_withdrawal,"
	" commission.held_since,"
	" commission.import_payout_result,"
	" commission.mark_withdrawal_unknown,"
	" commission.mask,"
	" commission.open_payout_batch,"
	" commission.pay_withdrawal,"
	" commission.payout_batch_csv,"
	" commission.payout_batch_json,"
	" commission.refer,"
	" commission.register_account,"
	" commission.register_listing,"
	" commission.reject_withdrawal,"
	" commission.reopen_account,"
	" commission.request_withdrawal,"
	" commission.reverse_generation,"
	" commission.reverse_order,"
	" commission.set_model_price",
	NULL
};

/*
 * Grant a list to the role that is the function's argument.
 */
static void
privileges_grant(FunctionCallInfo fcinfo, const char *const *grants)
{
	StatementCaller caller;
	const char *role;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "role")));
	role = quote_identifier(GetUserNameFromId(PG_GETARG_OID(0), false));

	statement_connect(&caller);
	for (; *grants; grants++)
		if (SPI_execute(psprintf("GRANT %s TO %s", *grants, role),
						false, 0) != SPI_OK_UTILITY)
			elog(ERROR, "could not grant %s", *grants);
	statement_finish(&caller);
}

/*
 * grant_reader(role regrole)
 */
Datum
commission_grant_reader(PG_FUNCTION_ARGS)
{
	privileges_grant(fcinfo, reader_grants);
	PG_RETURN_VOID();
}

/*
 * grant_writer(role regrole)
 */
Datum
commission_grant_writer(PG_FUNCTION_ARGS)
{
	privileges_grant(fcinfo, writer_grants);
	PG_RETURN_VOID();
}

/*
 * grant_operator(role regrole)
 */
Datum
commission_grant_operator(PG_FUNCTION_ARGS)
{
	privileges_grant(fcinfo, operator_grants);
	PG_RETURN_VOID();
}

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

/* What a role is granted, by name, in schema commission; NULL ends a list. */
typedef struct Grants
{
	const char *const *views;
	const char *const *functions;
} Grants;

/* A view's functions run as its reader. */
static const char *const reader_views[] = {
	"attribution_attempt",
	"balance",
	"commission_detail",
	"daily_earnings",
	"earnings",
	"funnel",
	"ledger",
	"monthly_subscription",
	"program_terms",
	"recent_commission",
	"referral_earnings",
	"referral_history",
	"withdrawal_history",
	"withdrawal_status",
	NULL
};

static const char *const reader_functions[] = {
	"account_id",
	"audit",
	"balance_at",
	"explain",
	"held_since",
	"identifier_key",
	"identifier_name",
	"is_name_of",
	"is_same_account",
	"is_same_event",
	"legs(bigint, boolean, integer)",
	"legs(bigint, boolean, integer, numeric, numeric, numeric)",
	"mask",
	"net_margin",
	"pool_shares",
	"project_subscription",
	"ranges",
	"ratio",
	"setting",
	"statement",
	"surcharge",
	"what_if",
	NULL
};

static const Grants reader_grants = {reader_views, reader_functions};

static const char *const writer_views[] = {
	NULL
};

static const char *const writer_functions[] = {
	"account_id",
	"accrue_generation",
	"accrue_order",
	"attach",
	"attach_orders",
	"attribute",
	"detach",
	"follow_paid",
	"follow_paid_order",
	"materials_for",
	"read_cref",
	"record_generation",
	"record_order",
	"referral_link",
	"register_account",
	"sign_cref",
	"touch",
	NULL
};

static const Grants writer_grants = {writer_views, writer_functions};

static const char *const operator_views[] = {
	"balance",
	"payout_item",
	"withdrawal_history",
	"withdrawal_status",
	NULL
};

static const char *const operator_functions[] = {
	"account_id",
	"approve_withdrawal",
	"cancel_withdrawal",
	"close_account",
	"end_referral",
	"fail_withdrawal",
	"held_since",
	"import_payout_result",
	"mark_withdrawal_unknown",
	"mask",
	"move_referral",
	"open_payout_batch",
	"pay_withdrawal",
	"payout_batch_csv",
	"payout_batch_json",
	"ranges",
	"refer",
	"register_account",
	"register_listing",
	"reject_withdrawal",
	"remove_material",
	"reopen_account",
	"request_withdrawal",
	"reverse_generation",
	"reverse_order",
	"rollup",
	"set_material",
	"set_model_price",
	NULL
};

static const Grants operator_grants = {operator_views, operator_functions};

/*
 * Grant a privilege on each object of a list.  Statements can be run.
 */
static void
privileges_grant_list(const char *privilege, const char *const *objects,
					  const char *role)
{
	for (; *objects; objects++)
		if (SPI_execute(psprintf("GRANT %s commission.%s TO %s", privilege,
								 *objects, role),
						false, 0) != SPI_OK_UTILITY)
			elog(ERROR, "could not grant %s commission.%s", privilege,
				 *objects);
}

/*
 * Grant to the role that is the function's argument.
 */
static void
privileges_grant(FunctionCallInfo fcinfo, const Grants *grants)
{
	StatementCaller caller;
	const char *role;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "role")));
	role = quote_identifier(GetUserNameFromId(PG_GETARG_OID(0), false));

	statement_connect(&caller);
	if (SPI_execute(psprintf("GRANT USAGE ON SCHEMA %s TO %s",
							 COMMISSION_SCHEMA, role),
					false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not grant usage of schema %s", COMMISSION_SCHEMA);
	privileges_grant_list("SELECT ON", grants->views, role);
	privileges_grant_list("EXECUTE ON ROUTINE", grants->functions, role);
	statement_finish(&caller);
}

/*
 * grant_reader(role regrole)
 */
Datum
commission_grant_reader(PG_FUNCTION_ARGS)
{
	privileges_grant(fcinfo, &reader_grants);
	PG_RETURN_VOID();
}

/*
 * grant_writer(role regrole)
 */
Datum
commission_grant_writer(PG_FUNCTION_ARGS)
{
	privileges_grant(fcinfo, &writer_grants);
	PG_RETURN_VOID();
}

/*
 * grant_operator(role regrole)
 */
Datum
commission_grant_operator(PG_FUNCTION_ARGS)
{
	privileges_grant(fcinfo, &operator_grants);
	PG_RETURN_VOID();
}

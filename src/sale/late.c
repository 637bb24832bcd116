/*
 * late.c
 *		Late completion (R37): what an account bought or sold before its
 *		referrer was told of earns that referrer now.  What is due, and what it
 *		comes to, late.sql says; here is what plain SQL cannot do, to read by
 *		what is committed by now, under any isolation level.
 *
 * Locks: the account's absence of a referrer, so that a sale either finds the
 * referrer or is found here; the events' rows, in the order of their ids, as a
 * refund does, so that each refund is before or after the late leg.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "base/lookup.h"
#include "base/statement.h"

PG_FUNCTION_INFO_V1(commission_accrue_late);

static Statement end_absence = {
	"SELECT commission_internal.end_absence('r', uuid_hash_extended($1, 0))",
	1, {UUIDOID}, NULL
};

#define LATE_DUE \
	" FROM commission_internal.late_due AS d" \
	" WHERE d.account_id = $1 AND d.role = $2::commission.referral_role"

static Statement lock_sales[] = {
	{"SELECT FROM commission.generation AS g WHERE g.event_id = ANY (ARRAY("
		"SELECT d.sale_event_id" LATE_DUE ")) ORDER BY g.event_id"
		" FOR NO KEY UPDATE",
	2, {UUIDOID, TEXTOID}, NULL},
	{"SELECT FROM commission.customer_order AS o WHERE o.event_id = ANY (ARRAY("
		"SELECT d.sale_event_id" LATE_DUE ")) ORDER BY o.event_id"
		" FOR NO KEY UPDATE",
	2, {UUIDOID, TEXTOID}, NULL}
};

static Statement accrue = {
	"WITH accrued AS (INSERT INTO commission.late_accrual (event_id,"
	" sale_event_id, amount, terms, flat_amount, account_id, ratio_ppm,"
	" ratios_ppm, leg)"
	" SELECT commission_internal.draw_event_id(), s.sale_event_id, s.amount,"
	" s.terms, s.flat_amount, s.referrer_id, s.ratio_ppm, s.ratios_ppm, s.leg"
	" FROM (SELECT d.*" LATE_DUE " ORDER BY d.sale_event_id) AS s"
	" RETURNING event_id)"
	" SELECT array_agg(a.event_id) FROM accrued AS a",
	2, {UUIDOID, TEXTOID}, NULL
};

static Statement append = {
	"INSERT INTO commission.entry (event_id, line, amount, occurred_at,"
	" account_id, from_account_id, buyer_id, kind, counts_as, ratio_ppm)"
	" SELECT o.event_id, o.line, o.amount, o.occurred_at, o.account_id,"
	" o.from_account_id, o.buyer_id, o.kind, o.counts_as, o.ratio_ppm"
	" FROM commission_internal.late_owed AS o WHERE o.event_id = ANY ($1)"
	" ORDER BY o.event_id, o.line",
	1, {INT8ARRAYOID}, NULL
};

/*
 * accrue_late(account_id uuid, role commission.referral_role)
 */
Datum
commission_accrue_late(PG_FUNCTION_ARGS)
{
	Datum		account = UUIDPGetDatum(PG_GETARG_UUID_P(0));
	StatementCaller caller;
	Params		of_account = {0};
	Params		due = {0};
	Params		accrued = {0};
	bool		isnull;

	params_add(&of_account, account);
	params_add(&due, account);
	params_add(&due, CStringGetTextDatum(lookup_enum_label(PG_GETARG_DATUM(1))));
	statement_connect(&caller);
	statement_execute(&end_absence, &of_account);
	for (int i = 0; i < (int) lengthof(lock_sales); i++)
		statement_execute_latest(&lock_sales[i], &due);
	statement_execute_latest(&accrue, &due);
	params_add(&accrued, statement_result(1, &isnull));
	if (!isnull)
		statement_execute_latest(&append, &accrued);
	statement_finish(&caller);
	PG_RETURN_VOID();
}

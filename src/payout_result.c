/*
 * payout_result.c
 *		PayPal's answer about a payout batch (R25).
 *
 * Locks: the rows of the withdrawals that the answer is about, in their own
 * order, so that two answers at once do not wait for each other in a circle.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "lookup.h"
#include "payout.h"
#include "withdrawal.h"

PG_FUNCTION_INFO_V1(commission_import_payout_result);

/* The columns of a row that import_payout_result() gives. */
#define PAYOUT_RESULT_COLUMNS	4

static Statement check_result = {
	"SELECT jsonb_typeof($1 -> 'items') = 'array',"
	" $1 #>> '{batch_header,sender_batch_header,sender_batch_id}'",
	1, {JSONBOID}, NULL
};

/* A string in an item of the answer; NULL where there is none. */
#define RESULT_STRING(path) \
	"jsonb_path_query_first(a.item, 'strict $." path \
	" ? (@.type() == \"string\" && @ <> \"\")', '{}', true) #>> '{}'"

static Statement read_result = {
	"SELECT p.withdrawal, r.sender_item_id, r.status, r.transfer, r.reason"
	" FROM (SELECT a.position, "
	RESULT_STRING("payout_item.sender_item_id") " AS sender_item_id, "
	RESULT_STRING("transaction_status") " AS status,"
	" coalesce(" RESULT_STRING("transaction_id") ", "
	RESULT_STRING("payout_item_id") ") AS transfer,"
	" coalesce(nullif(concat_ws(': ', " RESULT_STRING("errors.name") ", "
	RESULT_STRING("errors.message") "), ''), 'FAILED') AS reason"
	" FROM jsonb_array_elements($2 -> 'items') WITH ORDINALITY"
	" AS a (item, position)) AS r"
	" LEFT JOIN commission.payout_item AS p"
	" ON p.batch = $1 AND p.sender_item_id = r.sender_item_id"
	" ORDER BY p.withdrawal, r.position",
	2, {INT8OID, JSONBOID}, NULL
};

/*
 * The error: the answer is not what PayPal gives for the batch.
 */
static void
payout_result_error(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid payout result"),
			 errdetail_internal("%s", detail),
			 errhint("It is PayPal's answer to GET /v1/payments/payouts/{id}, as it is.")));
}

/*
 * Check the answer as a whole.
 */
static void
payout_check_result(const PayoutBatch *batch, Datum result)
{
	Params		params = {0};
	bool		is_array;
	bool		isnull;
	char	   *sender_batch_id;

	params_add(&params, result);
	statement_execute(&check_result, &params);
	is_array = DatumGetBool(statement_result(1, &isnull));
	if (isnull || !is_array)
		payout_result_error("It has no array \"items\".");
	sender_batch_id = payout_text(SPI_tuptable, 0, 2);
	if (sender_batch_id && strcmp(sender_batch_id, batch->sender_batch_id) != 0)
		payout_result_error(psprintf("It is of batch \"%s\"; this one is \"%s\".",
									 sender_batch_id,
									 batch->sender_batch_id));
}

/*
 * Move a withdrawal to where an item of the answer says it is; gives the
 * state that it is in then.
 */
static WithdrawalState
payout_settle(int64 withdrawal, WithdrawalState state, const char *status,
			  const char *transfer, const char *reason)
{
	WithdrawalState outcome = WITHDRAWAL_UNKNOWN;

	if (strcmp(status, "SUCCESS") == 0)
		outcome = WITHDRAWAL_PAID;
	else if (strcmp(status, "FAILED") == 0)
		outcome = WITHDRAWAL_FAILED;

	if (state != WITHDRAWAL_APPROVED && state != WITHDRAWAL_UNKNOWN)
	{
		if (outcome != state &&
			(state == WITHDRAWAL_PAID || outcome == WITHDRAWAL_PAID))
			ereport(WARNING,
					(errcode(ERRCODE_WARNING),
					 errmsg("withdrawal %lld is %s, but its transfer is %s",
							(long long) withdrawal,
							withdrawal_state_label(state), status)));
		return state;
	}

	/* R23: what is approved fails by way of unknown. */
	if (state == WITHDRAWAL_APPROVED && outcome != WITHDRAWAL_PAID)
		withdrawal_move(withdrawal, WITHDRAWAL_UNKNOWN, NULL, NULL);
	if (outcome == WITHDRAWAL_PAID)
		withdrawal_move(withdrawal, outcome, NULL, cstring_to_text(transfer));
	else if (outcome == WITHDRAWAL_FAILED)
		withdrawal_move(withdrawal, outcome, cstring_to_text(reason), NULL);
	return outcome;
}

/*
 * Take over an item of the answer, and give its row.
 */
static void
payout_take_item(ReturnSetInfo *rsinfo, SPITupleTable *items, uint64 row)
{
	char	   *sender_item_id = payout_text(items, row, 2);
	char	   *status = payout_text(items, row, 3);
	char	   *transfer = payout_text(items, row, 4);
	Oid			state_type = TupleDescAttr(rsinfo->setDesc, 2)->atttypid;
	Datum		values[PAYOUT_RESULT_COLUMNS];
	bool		nulls[PAYOUT_RESULT_COLUMNS] = {false};
	WithdrawalState before;
	WithdrawalState after;
	bool		isnull;
	int64		withdrawal =
		DatumGetInt64(SPI_getbinval(items->vals[row], items->tupdesc, 1,
									&isnull));

	if (sender_item_id == NULL || status == NULL)
		payout_result_error("An item has no payout_item.sender_item_id or no transaction_status.");
	if (isnull)
		payout_result_error(psprintf("Item \"%s\" is not of this batch.",
									 sender_item_id));
	if (transfer == NULL)
		payout_result_error(psprintf("Item \"%s\" has no transaction_id and no payout_item_id.",
									 sender_item_id));

	before = withdrawal_lock(withdrawal);
	after = payout_settle(withdrawal, before, status, transfer,
						  payout_text(items, row, 5));
	values[0] = Int64GetDatum(withdrawal);
	values[1] = CStringGetTextDatum(status);
	values[2] = ObjectIdGetDatum(lookup_enum(state_type,
											 withdrawal_state_label(after)));
	values[3] = BoolGetDatum(after != before);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * import_payout_result(batch bigint, result jsonb)
 */
Datum
commission_import_payout_result(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	PayoutBatch batch;
	StatementCaller caller;
	Params		params = {0};
	SPITupleTable *items;
	uint64		nitems;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "result")));

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	statement_connect(&caller);
	batch = payout_paypal_argument(fcinfo);
	payout_check_result(&batch, PG_GETARG_DATUM(1));
	params_add(&params, Int64GetDatum(batch.id));
	params_add(&params, PG_GETARG_DATUM(1));
	nitems = statement_execute(&read_result, &params);
	items = SPI_tuptable;
	for (uint64 row = 0; row < nitems; row++)
		payout_take_item(rsinfo, items, row);
	statement_finish(&caller);
	return (Datum) 0;
}

/*
 * payout.c
 *		Payout batches: approved withdrawals on their way to the payment
 *		provider, and its answer (R25).
 *
 * Locks: a batch takes the rows of its withdrawals and skips those that
 * somebody else has taken; an answer takes them in their own order, so that
 * two answers at once do not wait for each other in a circle.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "catalogue.h"
#include "ledger.h"
#include "lookup.h"
#include "statement.h"
#include "withdrawal.h"

PG_FUNCTION_INFO_V1(commission_open_payout_batch);
PG_FUNCTION_INFO_V1(commission_payout_batch_json);
PG_FUNCTION_INFO_V1(commission_payout_batch_csv);
PG_FUNCTION_INFO_V1(commission_import_payout_result);

/* The method whose exports and answers are PayPal's. */
#define PAYOUT_METHOD_PAYPAL	"paypal"

/* What PayPal takes in one call. */
#define PAYOUT_BATCH_MAX		15000

/* The columns of a row that import_payout_result() gives. */
#define PAYOUT_RESULT_COLUMNS	4

/* The array is an InitPlan: rows are taken once, whatever the join. */
static Statement take_withdrawals = {
	"UPDATE commission.withdrawal SET batch_id = $1"
	" WHERE event_id = ANY (ARRAY("
	"SELECT event_id FROM commission.withdrawal"
	" WHERE method = $2 AND state = 'approved' AND batch_id IS NULL"
	" ORDER BY event_id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED))",
	3, {INT8OID, TEXTOID, INT8OID}, NULL
};

static Statement insert_batch = {
	"INSERT INTO commission.payout_batch (batch_id, opened_at, method,"
	" opened_by) VALUES ($1, now(), $2, session_user)",
	2, {INT8OID, TEXTOID}, NULL
};

static Statement select_batch = {
	"SELECT method, 'commission-batch-' || batch_id"
	" FROM commission.payout_batch WHERE batch_id = $1",
	1, {INT8OID}, NULL
};

static Statement export_json = {
	"SELECT jsonb_build_object("
	"'sender_batch_header', jsonb_build_object("
	"'sender_batch_id', $2, 'email_subject', 'You have a payout'),"
	" 'items', coalesce(jsonb_agg(jsonb_build_object("
	"'recipient_type', 'EMAIL',"
	" 'amount', jsonb_build_object('value', dollars, 'currency', 'USD'),"
	" 'receiver', receiver,"
	" 'note', 'Withdrawal ' || withdrawal,"
	" 'sender_item_id', sender_item_id) ORDER BY withdrawal), '[]'))"
	" FROM commission.payout_item"
	" WHERE batch = $1 AND state IN ('approved', 'unknown')",
	2, {INT8OID, TEXTOID}, NULL
};

static Statement export_rows = {
	"SELECT sender_item_id, account, receiver, dollars, 'USD'"
	" FROM commission.payout_item"
	" WHERE batch = $1 AND state IN ('approved', 'unknown')"
	" ORDER BY withdrawal",
	1, {INT8OID}, NULL
};

static const char *const csv_header =
"sender_item_id,account,receiver,amount,currency\r\n";

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

/* A batch that is known. */
typedef struct PayoutBatch
{
	int64		id;
	char	   *method;
	char	   *sender_batch_id;
} PayoutBatch;

/*
 * A column, counted from 1, of a row of the result; NULL where it is NULL.
 */
static char *
payout_text(SPITupleTable *result, uint64 row, int column)
{
	return SPI_getvalue(result->vals[row], result->tupdesc, column);
}

/*
 * open_payout_batch(method text)
 */
Datum
commission_open_payout_batch(PG_FUNCTION_ARGS)
{
	text	   *method = catalogue_text_argument(fcinfo, 0, "method");
	int64		batch = ledger_draw_event_id();
	StatementCaller caller;
	Params		taken = {0};
	Params		opened = {0};
	bool		empty;

	params_add(&taken, Int64GetDatum(batch));
	params_add(&taken, PointerGetDatum(method));
	params_add(&taken, Int64GetDatum(PAYOUT_BATCH_MAX));
	params_add(&opened, Int64GetDatum(batch));
	params_add(&opened, PointerGetDatum(method));

	statement_connect(&caller);
	empty = statement_execute(&take_withdrawals, &taken) == 0;
	if (!empty)
		statement_execute(&insert_batch, &opened);
	statement_finish(&caller);
	if (empty)
		PG_RETURN_NULL();
	PG_RETURN_INT64(batch);
}

/*
 * The batch that a function is called for.  Statements can be run.
 */
static PayoutBatch
payout_batch_argument(FunctionCallInfo fcinfo)
{
	PayoutBatch batch;
	Params		params = {0};

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "batch")));
	batch.id = PG_GETARG_INT64(0);
	params_add(&params, Int64GetDatum(batch.id));
	if (statement_execute(&select_batch, &params) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("payout batch %lld is not known",
						(long long) batch.id)));
	batch.method = payout_text(SPI_tuptable, 0, 1);
	batch.sender_batch_id = payout_text(SPI_tuptable, 0, 2);
	return batch;
}

/*
 * The same where it must be PayPal's.
 */
static PayoutBatch
payout_paypal_argument(FunctionCallInfo fcinfo)
{
	PayoutBatch batch = payout_batch_argument(fcinfo);

	if (strcmp(batch.method, PAYOUT_METHOD_PAYPAL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("payout batch %lld is not PayPal's",
						(long long) batch.id),
				 errdetail("Its method is \"%s\".", batch.method),
				 errhint("Use payout_batch_csv() to export it, and pay_withdrawal() or fail_withdrawal() to settle it.")));
	return batch;
}

/*
 * payout_batch_json(batch bigint)
 */
Datum
commission_payout_batch_json(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	PayoutBatch batch;
	StatementCaller caller;
	Params		params = {0};
	MemoryContext spi;
	Datum		body;
	bool		isnull;

	statement_connect(&caller);
	batch = payout_paypal_argument(fcinfo);
	params_add(&params, Int64GetDatum(batch.id));
	params_add(&params, CStringGetTextDatum(batch.sender_batch_id));
	statement_execute(&export_json, &params);

	spi = MemoryContextSwitchTo(context);
	body = JsonbPGetDatum(DatumGetJsonbPCopy(statement_result(1, &isnull)));
	MemoryContextSwitchTo(spi);
	statement_finish(&caller);
	PG_RETURN_DATUM(body);
}

/*
 * Append a cell: quoted where it must be (RFC 4180), and with an apostrophe
 * before what a spreadsheet would take for a formula.
 */
static void
payout_append_cell(StringInfo csv, const char *value)
{
	bool		formula = *value && strchr("=+-@\t\r\n", *value) != NULL;
	bool		quoted = strpbrk(value, ",\"\r\n") != NULL;

	if (quoted)
		appendStringInfoChar(csv, '"');
	if (formula)
		appendStringInfoChar(csv, '\'');
	for (; *value; value++)
	{
		if (*value == '"')
			appendStringInfoChar(csv, '"');
		appendStringInfoChar(csv, *value);
	}
	if (quoted)
		appendStringInfoChar(csv, '"');
}

/*
 * payout_batch_csv(batch bigint)
 */
Datum
commission_payout_batch_csv(PG_FUNCTION_ARGS)
{
	StringInfoData csv;
	PayoutBatch batch;
	StatementCaller caller;
	Params		params = {0};

	initStringInfo(&csv);
	appendStringInfoString(&csv, csv_header);

	statement_connect(&caller);
	batch = payout_batch_argument(fcinfo);
	params_add(&params, Int64GetDatum(batch.id));
	statement_execute(&export_rows, &params);
	for (uint64 row = 0; row < SPI_processed; row++)
		for (int column = 1; column <= SPI_tuptable->tupdesc->natts; column++)
		{
			payout_append_cell(&csv, payout_text(SPI_tuptable, row, column));
			appendStringInfoString(&csv,
								   column < SPI_tuptable->tupdesc->natts ?
								   "," : "\r\n");
		}
	statement_finish(&caller);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(csv.data, csv.len));
}

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

	InitMaterializedSRF(fcinfo, 0);
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

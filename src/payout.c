/*
 * payout.c
 *		Payout batches: approved withdrawals on their way to the payment
 *		provider (R25).
 *
 * Locks: a batch takes the rows of its withdrawals and skips those that
 * somebody else has taken.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "catalogue.h"
#include "ledger.h"
#include "payout.h"

PG_FUNCTION_INFO_V1(commission_open_payout_batch);
PG_FUNCTION_INFO_V1(commission_payout_batch_json);
PG_FUNCTION_INFO_V1(commission_payout_batch_csv);

/* The method whose exports and answers are PayPal's. */
#define PAYOUT_METHOD_PAYPAL	"paypal"

/* What PayPal takes in one call. */
#define PAYOUT_BATCH_MAX		15000

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

/*
 * A column, counted from 1, of a row of the result; NULL where it is NULL.
 */
char *
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
PayoutBatch
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

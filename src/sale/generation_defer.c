/*
 * generation_defer.c
 *		Generations that wait for a listing or a price (R38).
 *
 * What is read of one is kept, as the texts of record_generation()'s arguments,
 * by the SQL of deferred.sql, which records it when what it waits for is known.  None of this is on the way of
 * a sale whose listings and prices are known.
 */
#include "commission.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/lookup.h"
#include "base/statement.h"
#include "sale/sale.h"

PG_FUNCTION_INFO_V1(commission_append_reversal);

/* The texts that are kept, in the order of record_generation()'s arguments. */
#define DEFERRED_TEXTS		15

static Statement defer = {
	"SELECT commission_internal.defer_generation($1, $2, $3, $4, $5, $6)",
	6, {UUIDOID, TEXTARRAYOID, TIMESTAMPTZOID, UUIDOID, TEXTOID, REGCLASSOID},
	NULL
};

static Statement follow_deferred = {
	"SELECT commission_internal.change_deferred($1, $2, NULL, NULL)",
	2, {UUIDOID, TEXTOID}, NULL
};

static Statement find_total = {
	"SELECT model_price + coalesce(avatar_surcharge, 0)"
	" + coalesce(reference_surcharge, 0)"
	" FROM commission.generation WHERE event_id = $1",
	1, {INT8OID}, NULL
};

/*
 * Add a text that may be missing.
 */
static void
deferred_add(Datum *texts, bool *nulls, int *n, text *value)
{
	texts[*n] = PointerGetDatum(value);
	nulls[(*n)++] = value == NULL;
}

/*
 * Add an amount that may be missing.
 */
static void
deferred_add_amount(Datum *texts, bool *nulls, int *n, const Amount *amount)
{
	deferred_add(texts, nulls, n, amount->given ?
				 cstring_to_text(psprintf("%lld", (long long) amount->credits)) :
				 NULL);
}

/*
 * What was read of a generation, but for its time and that it is paid.
 */
static Datum
deferred_texts(const Generation *generation)
{
	Datum		texts[DEFERRED_TEXTS];
	bool		nulls[DEFERRED_TEXTS];
	int			dims[] = {DEFERRED_TEXTS};
	int			lbs[] = {1};
	int			n = 0;

	deferred_add(texts, nulls, &n, identifier_text(&generation->sale.id));
	deferred_add(texts, nulls, &n, identifier_text(&generation->buyer));
	for (int i = 0; i < LISTING_USES; i++)
		deferred_add(texts, nulls, &n, generation->uses[i].used ?
					 identifier_text(&generation->uses[i].id) : NULL);
	deferred_add(texts, nulls, &n, generation->in_run ?
				 identifier_text(&generation->run) : NULL);
	deferred_add(texts, nulls, &n,
				 cstring_to_text(psprintf("%d", generation->images)));
	deferred_add(texts, nulls, &n, generation->model);
	deferred_add(texts, nulls, &n, generation->resolution);
	deferred_add_amount(texts, nulls, &n, &generation->model_price);
	deferred_add_amount(texts, nulls, &n, &generation->api_cost);
	for (int i = 0; i < LISTING_USES; i++)
	{
		deferred_add_amount(texts, nulls, &n, &generation->uses[i].pool);
		deferred_add_amount(texts, nulls, &n, &generation->uses[i].surcharge);
	}
	deferred_add(texts, nulls, &n,
				 cstring_to_text(generation->bundle_frame ? "true" : "false"));
	Assert(n == DEFERRED_TEXTS);
	return PointerGetDatum(construct_md_array(texts, nulls, 1, dims, lbs,
											  TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * What a generation waits for, as deferred_sale shows it.
 */
static Datum
deferred_waits_for(const Generation *generation)
{
	char	   *what;

	if (generation->missing)
		what = psprintf("listing \"%s\"",
						text_to_cstring(identifier_text(generation->missing)));
	else
		what = psprintf("price of model \"%s\" at resolution \"%s\"",
						text_to_cstring(generation->model),
						generation->resolution ?
						text_to_cstring(generation->resolution) : "");
	return CStringGetTextDatum(what);
}

/*
 * Keep a generation until what it waits for is known.
 */
void
generation_defer(const Sale *sale, Oid relation)
{
	const Generation *generation = (const Generation *) sale;
	const Identifier *missing = generation->missing;
	StatementCaller caller;
	Params		params = {0};

	statement_connect(&caller);
	params_add(&params, UUIDPGetDatum(&sale->id.id));
	params_add(&params, deferred_texts(generation));
	params_add(&params, TimestampTzGetDatum(sale->occurred_at));
	params_add_nullable(&params, missing ? UUIDPGetDatum(&missing->id) : (Datum) 0,
						missing == NULL);
	params_add(&params, deferred_waits_for(generation));
	params_add_nullable(&params, ObjectIdGetDatum(relation),
						!OidIsValid(relation));
	statement_execute(&defer, &params);
	statement_finish(&caller);
}

/*
 * Whether a generation is deferred; then that it is paid, or not, is kept with
 * it.  Nearly always the table has no page at all.
 */
bool
generation_follow_deferred(const Sale *sale)
{
	Relation	table = table_open(lookup_relation_oid("deferred_generation"),
								   AccessShareLock);
	bool		any = RelationGetNumberOfBlocks(table) > 0;
	StatementCaller caller;
	Params		params = {0};
	bool		deferred;
	bool		isnull;

	table_close(table, NoLock);
	if (!any)
		return false;
	statement_connect(&caller);
	params_add(&params, UUIDPGetDatum(&sale->id.id));
	params_add(&params, CStringGetTextDatum(sale->paid ? "paid" : "unpaid"));
	statement_execute(&follow_deferred, &params);
	deferred = DatumGetBool(statement_result(1, &isnull));
	statement_finish(&caller);
	return deferred;
}

/*
 * append_reversal(event_id bigint, refunded bigint, unpaid boolean,
 * occurred_at timestamptz, reason text): a refund of a generation, or that it
 * was made unpaid or paid again, while it was deferred.  Never beyond what is
 * left; NULL is all of it.
 */
Datum
commission_append_reversal(PG_FUNCTION_ARGS)
{
	Refund		refund = {
		.event_id = PG_GETARG_INT64(0),
		.unpaid = PG_GETARG_BOOL(2),
		.occurred_at = PG_GETARG_TIMESTAMPTZ(3),
		.reason = PG_ARGISNULL(4) ? NULL : PG_GETARG_TEXT_PP(4)
	};
	StatementCaller caller;
	Params		params = {0};
	Refunded	before;
	bool		isnull;

	params_add(&params, PG_GETARG_DATUM(0));
	statement_connect(&caller);
	if (statement_execute(&find_total, &params) > 0)
		refund.buyer_total = DatumGetInt64(statement_result(1, &isnull));
	statement_finish(&caller);
	if (refund.buyer_total == 0)
		PG_RETURN_VOID();

	before = reversal_refunded(REVERSIBLE_GENERATION, refund.event_id);
	refund.refunded = refund.buyer_total - before.total;
	if (!PG_ARGISNULL(1))
		refund.refunded = Min(refund.refunded, PG_GETARG_INT64(1));
	if (refund.unpaid && !PG_ARGISNULL(1))
		refund.refunded = -before.unpaid;
	if (refund.refunded != 0)
		(void) reversal_append(&refund, &before);
	PG_RETURN_VOID();
}

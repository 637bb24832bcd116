/*
 * listing.c
 *		Listings and their co-authors (R4, R19).
 *
 * A registration that changes something appends a version; a sale takes the
 * highest under its own snapshot, without locking it.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "base/amount.h"
#include "base/lookup.h"
#include "base/statement.h"
#include "catalogue/account.h"
#include "ledger/entry.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_register_listing);

/* The co-authors of a listing, as they are given. */
typedef struct CoAuthors
{
	int			n;
	int64		total;
	Identifier	ids[CO_AUTHORS_MAX];
	text	   *names[CO_AUTHORS_MAX];
	int64		shares[CO_AUTHORS_MAX];
} CoAuthors;

static Statement append_listing = {
	"INSERT INTO commission.listing (listing_id, version, owner_id, pool,"
	" kind, co_author_ids, co_author_shares, name, title)"
	" SELECT $1, $2, $3, $4, $5::commission.listing_kind, $6, $7, $8,"
	" coalesce($9, former.title)"
	" FROM (VALUES (1)) AS always"
	" LEFT JOIN (SELECT * FROM commission.listing WHERE listing_id = $1"
	" ORDER BY version DESC LIMIT 1) AS former ON true"
	" WHERE (former.owner_id, former.pool, former.kind, former.co_author_ids,"
	" former.co_author_shares, former.title)"
	" IS DISTINCT FROM ($3, $4, $5::commission.listing_kind, $6, $7,"
	" coalesce($9, former.title))",
	9, {UUIDOID, INT8OID, UUIDOID, INT8OID, TEXTOID, UUIDARRAYOID,
	INT8ARRAYOID, TEXTOID, TEXTOID}, NULL
};

static Statement highest_version = {
	"SELECT coalesce(max(version), 0) FROM commission.listing"
	" WHERE listing_id = $1",
	1, {UUIDOID}, NULL
};

/*
 * The error about co-authors, all of a kind but for the detail.
 */
static void
co_authors_error(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid co-authors"),
			 errdetail_internal("%s", detail),
			 errhint("They are an object of accounts and their whole credits of the pool, such as {\"maria\": 30}; the owner has the rest.")));
}

/*
 * A co-author's share, which must be a whole number of credits from 1.
 */
static int64
co_author_share(const char *name, const JsonbValue *value)
{
	Numeric		whole;
	Datum		share;

	if (value->type != jbvNumeric)
		co_authors_error(psprintf("The share of \"%s\" is not a number.", name));
	share = NumericGetDatum(value->val.numeric);
	whole = DatumGetNumeric(DirectFunctionCall2(numeric_round, share,
												Int32GetDatum(0)));
	if (!DatumGetBool(DirectFunctionCall2(numeric_eq, share,
										  NumericGetDatum(whole))) ||
		!DatumGetBool(DirectFunctionCall2(numeric_ge, share,
										  NumericGetDatum(int64_to_numeric(1)))))
		co_authors_error(psprintf("The share of \"%s\" is %s; it must be a whole number of at least 1.",
								  name,
								  DatumGetCString(DirectFunctionCall1(numeric_out,
																	  share))));
	return DatumGetInt64(DirectFunctionCall1(numeric_int8,
											 NumericGetDatum(whole)));
}

/*
 * Add a co-author, checking R19.
 */
static void
co_authors_add(CoAuthors *authors, const Identifier *owner,
			   const JsonbValue *key, const JsonbValue *value)
{
	text	   *name = cstring_to_text_with_len(key->val.string.val,
												key->val.string.len);
	Identifier	id = identifier_from_text(name, "co-author");

	if (authors->n == CO_AUTHORS_MAX)
		co_authors_error(psprintf("A listing has at most %d co-authors.",
								  CO_AUTHORS_MAX));
	if (identifier_equal(&id.id, &owner->id))
		co_authors_error("The owner cannot be a co-author.");
	for (int i = 0; i < authors->n; i++)
		if (identifier_equal(&id.id, &authors->ids[i].id))
			co_authors_error(psprintf("\"%s\" is named twice.",
									  text_to_cstring(name)));

	authors->ids[authors->n] = id;
	authors->names[authors->n] = name;
	authors->shares[authors->n] = co_author_share(text_to_cstring(name), value);
	authors->total = amount_add(authors->total, authors->shares[authors->n]);
	authors->n++;
}

/*
 * Parse the co-authors, in the order in which jsonb keeps them.
 */
static void
co_authors_parse(Jsonb *jsonb, const Identifier *owner, int64 pool,
				 CoAuthors *authors)
{
	JsonbIterator *iterator = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(jsonb))
		co_authors_error("They are not an object.");

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		JsonbIteratorNext(&iterator, &value, true);
		co_authors_add(authors, owner, &key, &value);
	}
	if (authors->total > pool)
		co_authors_error(psprintf("Their shares are %lld credits of a pool of %lld.",
								  (long long) authors->total,
								  (long long) pool));
}

/*
 * Add the co-authors as two arrays; without any both are NULL.
 */
static void
co_authors_params(Params *params, const CoAuthors *authors)
{
	Datum		ids[CO_AUTHORS_MAX];
	Datum		shares[CO_AUTHORS_MAX];

	for (int i = 0; i < authors->n; i++)
	{
		ids[i] = UUIDPGetDatum(&authors->ids[i].id);
		shares[i] = Int64GetDatum(authors->shares[i]);
	}
	params_add_nullable(params,
						PointerGetDatum(construct_array(ids, authors->n,
														UUIDOID, UUID_LEN,
														false, TYPALIGN_CHAR)),
						authors->n == 0);
	params_add_nullable(params,
						PointerGetDatum(construct_array(shares, authors->n,
														INT8OID, sizeof(int64),
														FLOAT8PASSBYVAL,
														TYPALIGN_DOUBLE)),
						authors->n == 0);
}

/*
 * The pool of a listing, at least the minimum (R4).
 */
static int64
listing_pool_argument(FunctionCallInfo fcinfo, int argument)
{
	int64		pool;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "pool")));
	pool = PG_GETARG_INT64(argument);
	if (pool < settings_minimum_pool)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pool is less than the minimum"),
				 errdetail("It is %lld credits; commission.minimum_pool is %d.",
						   (long long) pool, settings_minimum_pool)));
	return pool;
}

/*
 * The highest version is the one in force: one of a lower node's would be
 * appended and never come into force.
 */
static void
listing_check_node(const Identifier *listing)
{
	Params		params = {0};
	bool		isnull;
	int			node;

	params_add(&params, UUIDPGetDatum(&listing->id));
	statement_execute(&highest_version, &params);
	node = (int) (DatumGetInt64(statement_result(1, &isnull)) >> NODE_ID_SHIFT);
	if (node > settings_node_id)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("listing \"%s\" is registered by a higher node",
						text_to_cstring(identifier_text(listing))),
				 errdetail("Its version in force is of node %d; commission.node_id is %d.",
						   node, settings_node_id),
				 errhint("Register it on that node, or raise commission.node_id.")));
}

/*
 * register_listing(listing text, owner text, kind commission.listing_kind,
 * pool bigint, title text, co_authors jsonb): appends a version if anything
 * differs from the one in force.
 */
Datum
commission_register_listing(PG_FUNCTION_ARGS)
{
	text	   *name = catalogue_text_argument(fcinfo, 0, "listing");
	Identifier	listing = identifier_from_text(name, "listing");
	text	   *owner_name = catalogue_text_argument(fcinfo, 1, "owner");
	Identifier	owner = identifier_from_text(owner_name, "owner");
	int64		pool = listing_pool_argument(fcinfo, 3);
	CoAuthors	authors = {0};
	StatementCaller caller;
	Params		params = {0};

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", "kind")));
	if (!PG_ARGISNULL(5))
		co_authors_parse(PG_GETARG_JSONB_P(5), &owner, pool, &authors);

	statement_connect(&caller);
	catalogue_create_account(owner_name, &owner);
	for (int i = 0; i < authors.n; i++)
		catalogue_create_account(authors.names[i], &authors.ids[i]);

	listing_check_node(&listing);
	params_add(&params, UUIDPGetDatum(&listing.id));
	params_add(&params, Int64GetDatum(ledger_draw_event_id()));
	params_add(&params, UUIDPGetDatum(&owner.id));
	params_add(&params, Int64GetDatum(pool));
	params_add(&params, CStringGetTextDatum(lookup_enum_label(PG_GETARG_DATUM(2))));
	co_authors_params(&params, &authors);
	params_add(&params, PointerGetDatum(listing.name ? name :
										identifier_name(&listing.id)));
	params_add_nullable(&params, PG_GETARG_DATUM(4), PG_ARGISNULL(4));
	statement_execute(&append_listing, &params);
	statement_finish(&caller);
	PG_RETURN_VOID();
}

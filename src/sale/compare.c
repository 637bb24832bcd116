/*
 * compare.c
 *		Whether a sale that arrives again is the one that is recorded (R17).
 *
 * What the application gave is compared, field by field; nothing that was or
 * would be derived.
 */
#include "commission.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/lookup.h"
#include "sale/sale.h"

/* A sale that has arrived again, and the row that is recorded under its id. */
typedef struct Comparison
{
	const Sale *sale;
	const char *noun;			/* what it is */
	TupleTableSlot *recorded;
} Comparison;

/*
 * A field of the recorded row, counted from 0.
 */
static Datum
compare_field(const Comparison *pair, int field, bool *isnull)
{
	return slot_getattr(pair->recorded, field + 1, isnull);
}

/*
 * A text as messages show it, so that an empty one is seen.
 */
static const char *
compare_quoted(text *value)
{
	return value ? psprintf("\"%s\"", text_to_cstring(value)) : NULL;
}

/*
 * The error: other content under a known id.  NULL is what is missing.
 */
static void
compare_report(const Comparison *pair, const char *what,
			   const char *recorded, const char *given)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("%s \"%s\" is already recorded with other content",
					pair->noun,
					text_to_cstring(identifier_text(&pair->sale->id))),
			 errdetail("Its %s is %s there, and %s here.", what,
					   recorded ? recorded : "missing",
					   given ? given : "missing"),
			 errhint("Use another id for another %s, and reverse_%s() for a refund.",
					 pair->noun, pair->noun)));
}

/*
 * Compare two texts as messages show them.
 */
static void
compare_shown(const Comparison *pair, const char *what,
			  const char *recorded, const char *given)
{
	if (recorded != given &&
		(recorded == NULL || given == NULL || strcmp(recorded, given) != 0))
		compare_report(pair, what, recorded, given);
}

/*
 * Compare texts that the application gave.
 */
static void
compare_text(const Comparison *pair, const char *what, int field, text *given)
{
	bool		isnull;
	Datum		datum = compare_field(pair, field, &isnull);

	compare_shown(pair, what,
				  isnull ? NULL : compare_quoted(DatumGetTextPP(datum)),
				  compare_quoted(given));
}

/*
 * Compare two numbers.
 */
static void
compare_number(const Comparison *pair, const char *what, int64 recorded,
			   int64 given)
{
	if (recorded != given)
		compare_report(pair, what, psprintf("%lld", (long long) recorded),
					   psprintf("%lld", (long long) given));
}

/*
 * Compare identifiers, NULL being what is missing.  The error has them as the
 * application names them.
 */
static void
compare_identifier(const Comparison *pair, const char *what,
				   const Identifier *recorded, const Identifier *given)
{
	if (recorded != given &&
		(recorded == NULL || given == NULL ||
		 !identifier_equal(&recorded->id, &given->id)))
		compare_report(pair, what,
					   recorded ? compare_quoted(identifier_text(recorded)) : NULL,
					   given ? compare_quoted(identifier_text(given)) : NULL);
}

/*
 * A recorded identifier; its name is in another field, or nowhere.
 */
static Identifier *
compare_recorded(const Comparison *pair, int id_field, int name_field)
{
	Identifier *identifier = palloc(sizeof(Identifier));
	bool		isnull;
	Datum		datum = compare_field(pair, id_field, &isnull);

	if (isnull)
		return NULL;
	identifier->id = *DatumGetUUIDP(datum);
	datum = compare_field(pair, name_field, &isnull);
	identifier->name = isnull ? NULL : DatumGetTextPP(datum);
	return identifier;
}

/*
 * An identifier that the catalogue keeps in the row with this key; NULL where
 * there is none.
 */
static Identifier *
compare_look_up(const char *table, int natts, const char *index,
				RegProcedure equal, Datum key, int id_column, int name_column)
{
	Lookup		lookup = {0};
	TupleTableSlot *slot;
	Identifier *identifier = NULL;
	bool		isnull;

	lookup_open(&lookup, table, natts, index, GetActiveSnapshot(), 1, &equal);
	slot = lookup_find(&lookup, key, 0);
	if (slot)
	{
		identifier = palloc(sizeof(Identifier));
		identifier->id = *DatumGetUUIDP(slot_getattr(slot, id_column, &isnull));
		identifier->name = DatumGetTextPCopy(slot_getattr(slot, name_column,
														  &isnull));
	}
	lookup_close(&lookup);
	return identifier;
}

/*
 * Compare accounts.  The recorded one's name is with the sale only if the
 * catalogue did not have it.
 */
static void
compare_account(const Comparison *pair, const char *what, int id_field,
				int name_field, const Identifier *given)
{
	Identifier *recorded = compare_recorded(pair, id_field, name_field);

	if (identifier_equal(&recorded->id, &given->id))
		return;
	if (recorded->name == NULL)
	{
		Identifier *account =
			compare_look_up("account", ACCOUNT_COLUMNS, "account_pkey",
							F_UUID_EQ, UUIDPGetDatum(&recorded->id),
							ACCOUNT_ID, ACCOUNT_NAME);

		if (account)
			recorded = account;
	}
	compare_identifier(pair, what, recorded, given);
}

/*
 * Compare the time.  One that is the current transaction's is what the
 * default gives, and not compared.
 */
static void
compare_time(const Comparison *pair, int field)
{
	bool		isnull;
	TimestampTz occurred_at =
		DatumGetTimestampTz(compare_field(pair, field, &isnull));

	if (pair->sale->occurred_at != occurred_at &&
		pair->sale->occurred_at != GetCurrentTransactionStartTimestamp())
		compare_report(pair, "time", pstrdup(timestamptz_to_str(occurred_at)),
					   pstrdup(timestamptz_to_str(pair->sale->occurred_at)));
}

/*
 * Compare an amount of a generation: what was given must be given again, and
 * what was derived may have been derived from other prices than those of now.
 */
static void
compare_amount(const Comparison *pair, const char *what, int field,
			   int derived_bit, const Amount *amount)
{
	bool		isnull;
	int16		derived = DatumGetInt16(compare_field(pair, GENERATION_DERIVED,
													  &isnull));
	int64		credits = DatumGetInt64(compare_field(pair, field, &isnull));

	if (amount->given)
		compare_number(pair, what, credits, amount->credits);
	else if ((derived & derived_bit) == 0)
		compare_report(pair, what, psprintf("%lld", (long long) credits), NULL);
}

/*
 * Compare how a generation uses a listing, which is recorded as its version.
 */
static void
compare_use(const Comparison *pair, ListingKind kind, bool bundle_frame,
			const ListingUse *use)
{
	static const struct
	{
		const char *listing;
		const char *pool;
		const char *surcharge;
		int			field;		/* the version's; pool and surcharge follow */
	}			names[LISTING_USES] = {
		{"avatar", "avatar pool", "avatar surcharge",
		GENERATION_AVATAR_VERSION},
		{"reference", "reference pool", "reference surcharge",
		GENERATION_REFERENCE_VERSION}
	};
	int			field = names[kind].field;
	bool		isnull;
	Datum		version = compare_field(pair, field, &isnull);

	compare_identifier(pair, names[kind].listing,
					   isnull ? NULL :
					   compare_look_up("listing", LISTING_COLUMNS,
									   "listing_version_key", F_INT8EQ, version,
									   LISTING_ID, LISTING_NAME),
					   use->used ? &use->id : NULL);
	if (isnull || (kind == LISTING_REFERENCE && bundle_frame))
		return;
	compare_amount(pair, names[kind].pool, field + 1, DERIVED_POOL(kind),
				   &use->pool);
	compare_amount(pair, names[kind].surcharge, field + 2,
				   DERIVED_SURCHARGE(kind), &use->surcharge);
}

/*
 * Raise an error unless the generation is the one recorded under its id.
 */
void
compare_generation(const Generation *generation, TupleTableSlot *recorded)
{
	const Comparison pair = {&generation->sale, "generation", recorded};
	bool		isnull;

	compare_account(&pair, "buyer", GENERATION_BUYER_ID, GENERATION_BUYER_NAME,
					&generation->buyer);
	compare_shown(&pair, "bundle frame",
				  DatumGetBool(compare_field(&pair, GENERATION_BUNDLE_FRAME,
											 &isnull)) ? "true" : "false",
				  generation->bundle_frame ? "true" : "false");
	for (int i = 0; i < LISTING_USES; i++)
		compare_use(&pair, i, generation->bundle_frame, &generation->uses[i]);
	compare_identifier(&pair, "run",
					   compare_recorded(&pair, GENERATION_RUN_ID,
										GENERATION_RUN_NAME),
					   generation->in_run ? &generation->run : NULL);
	compare_number(&pair, "number of images",
				   DatumGetInt32(compare_field(&pair, GENERATION_IMAGES,
											   &isnull)),
				   generation->images);
	compare_text(&pair, "model", GENERATION_MODEL, generation->model);
	compare_text(&pair, "resolution", GENERATION_RESOLUTION,
				 generation->resolution);
	compare_amount(&pair, "model price", GENERATION_MODEL_PRICE,
				   DERIVED_MODEL_PRICE, &generation->model_price);
	compare_amount(&pair, "API cost", GENERATION_API_COST, DERIVED_API_COST,
				   &generation->api_cost);
	compare_time(&pair, GENERATION_OCCURRED_AT);
}

/*
 * Raise an error unless the order is the one recorded under its id.  A kind
 * that is left out is whatever it was settled to be.
 */
void
compare_order(const Order *order, TupleTableSlot *recorded)
{
	const Comparison pair = {&order->sale, "order", recorded};
	bool		isnull;

	compare_account(&pair, "customer", ORDER_CUSTOMER_ID, ORDER_CUSTOMER_NAME,
					&order->customer);
	compare_number(&pair, "amount",
				   DatumGetInt64(compare_field(&pair, ORDER_AMOUNT, &isnull)),
				   order->amount);
	if (order->kind_given)
		compare_shown(&pair, "kind",
					  lookup_enum_label(compare_field(&pair, ORDER_KIND,
													  &isnull)),
					  order->kind_given);
	compare_text(&pair, "plan", ORDER_PLAN, order->plan);
	compare_text(&pair, "coupon", ORDER_COUPON, order->sale.coupon);
	compare_time(&pair, ORDER_OCCURRED_AT);
}

/*
 * generation_compare.c
 *		Whether a generation that arrives again is the one that is recorded
 *		(R17).
 *
 * What the application gave is compared, nothing that was or would be derived.
 */
#include "commission.h"

#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"

#include "base/lookup.h"
#include "sale/compare.h"
#include "sale/generation.h"

/* The columns of commission.listing that name it. */
#define LISTING_COLUMNS		10
#define LISTING_ID			1
#define LISTING_NAME		9

/* A field of the recorded generation. */
static Datum
compare_field(TupleTableSlot *recorded, int field, bool *isnull)
{
	return slot_getattr(recorded, field + 1, isnull);
}

/*
 * Compare an amount: what was given must be given again, and what was derived
 * may have been derived from other prices than those of now.
 */
static void
compare_amount(const Generation *generation, const char *what,
			   TupleTableSlot *recorded, int field, int derived_bit,
			   const Amount *amount)
{
	bool		isnull;
	int16		derived = DatumGetInt16(slot_getattr(recorded,
													 GENERATION_DERIVED + 1,
													 &isnull));
	int64		credits = DatumGetInt64(slot_getattr(recorded, field + 1,
													 &isnull));

	if (amount->given)
		compare_number(&generation->sale, "generation", what, credits,
					   amount->credits);
	else if ((derived & derived_bit) == 0)
		compare_text(&generation->sale, "generation", what,
					 psprintf("%lld", (long long) credits), NULL);
}

/*
 * The listing whose version the generation was recorded with.
 */
static Identifier *
compare_listing(int64 version)
{
	static const RegProcedure equal_int8[] = {F_INT8EQ};
	Lookup		lookup = {0};
	TupleTableSlot *slot;
	Identifier *listing = palloc(sizeof(Identifier));
	bool		isnull;

	lookup_open(&lookup, "listing", LISTING_COLUMNS, "listing_version_key",
				GetActiveSnapshot(), 1, equal_int8);
	slot = lookup_find(&lookup, Int64GetDatum(version), 0);
	if (slot == NULL)
		elog(ERROR, "version %lld of a listing is missing",
			 (long long) version);
	listing->id = *DatumGetUUIDP(slot_getattr(slot, LISTING_ID, &isnull));
	listing->name = DatumGetTextPCopy(slot_getattr(slot, LISTING_NAME, &isnull));
	lookup_close(&lookup);
	return listing;
}

/*
 * Compare how a listing is used.
 */
static void
compare_use(const Generation *generation, ListingKind kind,
			TupleTableSlot *recorded)
{
	static const struct
	{
		const char *listing;
		const char *pool;
		const char *surcharge;
		int			version_field;
	}			names[LISTING_USES] = {
		{"avatar", "avatar pool", "avatar surcharge",
		GENERATION_AVATAR_VERSION},
		{"reference", "reference pool", "reference surcharge",
		GENERATION_REFERENCE_VERSION}
	};
	const ListingUse *use = &generation->uses[kind];
	int			field = names[kind].version_field;
	bool		isnull;
	Datum		version = compare_field(recorded, field, &isnull);

	compare_identifier(&generation->sale, "generation", names[kind].listing,
					   isnull ? NULL : compare_listing(DatumGetInt64(version)),
					   use->used ? &use->id : NULL);
	if (isnull || (kind == LISTING_REFERENCE && generation->bundle_frame))
		return;
	compare_amount(generation, names[kind].pool, recorded,
				   field + 1, DERIVED_POOL(kind), &use->pool);
	compare_amount(generation, names[kind].surcharge, recorded,
				   field + 2, DERIVED_SURCHARGE(kind), &use->surcharge);
}

/*
 * Raise an error unless the generation is the one recorded under its id.  It
 * names the first difference.
 */
void
generation_check_same(const Generation *generation, TupleTableSlot *recorded)
{
	bool		isnull;

	compare_account(&generation->sale, "generation", "buyer", recorded,
					GENERATION_BUYER_ID, GENERATION_BUYER_NAME,
					&generation->buyer);
	compare_text(&generation->sale, "generation", "bundle frame",
				 DatumGetBool(compare_field(recorded, GENERATION_BUNDLE_FRAME,
											&isnull)) ? "true" : "false",
				 generation->bundle_frame ? "true" : "false");
	for (int i = 0; i < LISTING_USES; i++)
		compare_use(generation, i, recorded);
	compare_identifier(&generation->sale, "generation", "run",
					   compare_recorded_identifier(recorded, GENERATION_RUN_ID,
												   GENERATION_RUN_NAME),
					   generation->in_run ? &generation->run : NULL);
	compare_number(&generation->sale, "generation", "number of images",
				   DatumGetInt32(compare_field(recorded, GENERATION_IMAGES,
											   &isnull)),
				   generation->images);
	compare_given_text(&generation->sale, "generation", "model", recorded,
					   GENERATION_MODEL, generation->model);
	compare_given_text(&generation->sale, "generation", "resolution", recorded,
					   GENERATION_RESOLUTION, generation->resolution);
	compare_amount(generation, "model price", recorded,
				   GENERATION_MODEL_PRICE, DERIVED_MODEL_PRICE,
				   &generation->model_price);
	compare_amount(generation, "API cost", recorded,
				   GENERATION_API_COST, DERIVED_API_COST,
				   &generation->api_cost);
	compare_time(&generation->sale, "generation", recorded,
				 GENERATION_OCCURRED_AT);
}

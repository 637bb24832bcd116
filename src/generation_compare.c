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

#include "compare.h"
#include "generation.h"
#include "lookup.h"

/* The columns of commission.listing that name it. */
#define LISTING_COLUMNS		10
#define LISTING_ID			1

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
static pg_uuid_t *
compare_listing_id(int64 version)
{
	static const RegProcedure equal_int8[] = {F_INT8EQ};
	Lookup		lookup = {0};
	TupleTableSlot *slot;
	pg_uuid_t  *listing = palloc(sizeof(pg_uuid_t));
	bool		isnull;

	lookup_open(&lookup, "listing", LISTING_COLUMNS, "listing_version_key",
				GetActiveSnapshot(), 1, equal_int8);
	slot = lookup_find(&lookup, Int64GetDatum(version), 0);
	if (slot == NULL)
		elog(ERROR, "version %lld of a listing is missing",
			 (long long) version);
	*listing = *DatumGetUUIDP(slot_getattr(slot, LISTING_ID, &isnull));
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

	compare_id(&generation->sale, "generation", names[kind].listing,
			   isnull ? NULL : compare_listing_id(DatumGetInt64(version)),
			   use->used ? &use->id.id : NULL);
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

	compare_id(&generation->sale, "generation", "buyer",
			   compare_recorded_id(recorded, GENERATION_BUYER_ID),
			   &generation->buyer.id);
	compare_text(&generation->sale, "generation", "bundle frame",
				 DatumGetBool(compare_field(recorded, GENERATION_BUNDLE_FRAME,
											&isnull)) ? "true" : "false",
				 generation->bundle_frame ? "true" : "false");
	for (int i = 0; i < LISTING_USES; i++)
		compare_use(generation, i, recorded);
	compare_id(&generation->sale, "generation", "run",
			   compare_recorded_id(recorded, GENERATION_RUN_ID),
			   generation->in_run ? &generation->run.id : NULL);
	compare_number(&generation->sale, "generation", "number of images",
				   DatumGetInt32(compare_field(recorded, GENERATION_IMAGES,
											   &isnull)),
				   generation->images);
	compare_text(&generation->sale, "generation", "model",
				 compare_recorded_text(recorded, GENERATION_MODEL),
				 generation->model ? text_to_cstring(generation->model) : NULL);
	compare_text(&generation->sale, "generation", "resolution",
				 compare_recorded_text(recorded, GENERATION_RESOLUTION),
				 generation->resolution ?
				 text_to_cstring(generation->resolution) : NULL);
	compare_amount(generation, "model price", recorded,
				   GENERATION_MODEL_PRICE, DERIVED_MODEL_PRICE,
				   &generation->model_price);
	compare_amount(generation, "API cost", recorded,
				   GENERATION_API_COST, DERIVED_API_COST,
				   &generation->api_cost);
	compare_time(&generation->sale, "generation", recorded,
				 GENERATION_OCCURRED_AT);
}

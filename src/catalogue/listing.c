/*
 * listing.c
 *		A listing in force, as a sale reads it (R19).
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "catalogue/absence.h"
#include "catalogue/listing.h"
#include "settings.h"

/*
 * The elements of an array column of a listing; NULL is an array without any.
 */
static int
listing_array(TupleTableSlot *slot, int attnum, Oid element_type,
			  Datum **elements)
{
	bool		isnull;
	Datum		datum = slot_getattr(slot, attnum, &isnull);
	int16		typlen;
	bool		typbyval;
	char		typalign;
	int			nelements;

	if (isnull)
		return 0;
	get_typlenbyvalalign(element_type, &typlen, &typbyval, &typalign);
	deconstruct_array(DatumGetArrayTypeP(datum), element_type,
					  typlen, typbyval, typalign,
					  elements, NULL, &nelements);
	return nelements;
}

/*
 * Read the co-authors of a listing; the owner has the rest of the pool.
 */
static void
listing_read_co_authors(TupleTableSlot *slot, Listing *listing)
{
	Datum	   *ids;
	Datum	   *shares;
	int			n = listing_array(slot, LISTING_CO_AUTHOR_IDS, UUIDOID, &ids);

	listing->nauthors = n + 1;
	listing->shares[0] = listing->pool;
	if (n == 0)
		return;
	if (n > CO_AUTHORS_MAX ||
		listing_array(slot, LISTING_CO_AUTHOR_SHARES, INT8OID, &shares) != n)
		elog(ERROR, "unexpected co-authors in version %lld of a listing",
			 (long long) listing->version);
	for (int i = 0; i < n; i++)
	{
		listing->authors[i + 1] = *DatumGetUUIDP(ids[i]);
		listing->shares[i + 1] = DatumGetInt64(shares[i]);
		listing->shares[0] -= listing->shares[i + 1];
	}
}

/*
 * Read the highest version of a listing into a context; NULL: it is not
 * registered, nor, where the sale is deferred for it, being registered (R38).
 */
Listing *
listing_read(Lookup *lookup, MemoryContext context, const pg_uuid_t *id)
{
	TupleTableSlot *slot = lookup_find_last(lookup, UUIDPGetDatum(id), 0);
	Oid			kind_type = TupleDescAttr(RelationGetDescr(lookup->table),
										  LISTING_KIND - 1)->atttypid;
	Listing    *listing;
	bool		isnull;

	if (slot == NULL && settings_on_unknown == ON_UNKNOWN_DEFER)
	{
		absence_share(ABSENT_LISTING, hash_bytes_extended(id->data, UUID_LEN, 0));
		slot = lookup_again(lookup);
	}
	if (slot == NULL)
		return NULL;

	listing = MemoryContextAllocZero(context, sizeof(Listing));
	listing->version = DatumGetInt64(slot_getattr(slot, LISTING_VERSION, &isnull));
	listing->pool = DatumGetInt64(slot_getattr(slot, LISTING_POOL, &isnull));
	listing->kind =
		DatumGetObjectId(slot_getattr(slot, LISTING_KIND, &isnull)) ==
		lookup_enum(kind_type, "avatar") ? LISTING_AVATAR : LISTING_REFERENCE;
	listing->authors[0] =
		*DatumGetUUIDP(slot_getattr(slot, LISTING_OWNER_ID, &isnull));
	listing_read_co_authors(slot, listing);
	return listing;
}

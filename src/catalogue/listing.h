/*
 * listing.h
 *		A listing in force, as a sale reads it (R19).
 */
#ifndef LISTING_H
#define LISTING_H

#include "base/lookup.h"
#include "utils/uuid.h"

/* The owner and the co-authors. */
#define SHARES_MAX	(CO_AUTHORS_MAX + 1)

/* The columns of commission.listing, in their order. */
enum
{
	LISTING_ID = 1,
	LISTING_VERSION,
	LISTING_OWNER_ID,
	LISTING_POOL,
	LISTING_REGISTERED_AT,
	LISTING_KIND,
	LISTING_CO_AUTHOR_IDS,
	LISTING_CO_AUTHOR_SHARES,
	LISTING_NAME,
	LISTING_TITLE,
	LISTING_COLUMNS = LISTING_TITLE
};

typedef enum ListingKind
{
	LISTING_AVATAR,
	LISTING_REFERENCE
} ListingKind;

/* The version of a listing that is in force. */
typedef struct Listing
{
	int64		version;
	int64		pool;
	ListingKind kind;
	int			nauthors;
	pg_uuid_t	authors[SHARES_MAX];	/* the owner first */
	int64		shares[SHARES_MAX];
} Listing;

extern Listing *listing_read(Lookup *lookup, MemoryContext context,
							 const pg_uuid_t *id);

#endif							/* LISTING_H */

/*
 * resolve.h
 *		What a batch of sales needs to know of the catalogue.
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "datatype/timestamp.h"

#include "base/identifier.h"
#include "catalogue/price.h"
#include "catalogue/shares.h"

/* The columns of commission.account and of commission.listing, in their order. */
enum
{
	ACCOUNT_ID = 1,
	ACCOUNT_REGISTERED_AT,
	ACCOUNT_CLOSED_AT,
	ACCOUNT_NAME,
	ACCOUNT_LABEL,
	ACCOUNT_COLUMNS = ACCOUNT_LABEL
};

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

typedef enum ReferralRole
{
	ROLE_BRAND,
	ROLE_CREATOR
} ReferralRole;

#define REFERRAL_ROLES		(ROLE_CREATOR + 1)

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

typedef struct Referral
{
	pg_uuid_t	referrer;
	TimestampTz attributed_at;
} Referral;

typedef struct Resolver Resolver;

extern Resolver *resolve_open(void);
extern void resolve_trim(Resolver *resolver);
extern void resolve_close(Resolver *resolver);

/* Each gives NULL, or false, for what is not there. */
extern const Listing *resolve_listing(Resolver *resolver,
									  const pg_uuid_t *listing);
extern const Referral *resolve_referral(Resolver *resolver,
										const pg_uuid_t *account,
										ReferralRole role);
extern bool resolve_is_known(Resolver *resolver, const pg_uuid_t *account);
extern text *resolve_unknown_name(Resolver *resolver,
								  const Identifier *buyer);
extern bool resolve_is_closed(Resolver *resolver, const pg_uuid_t *account);
extern const Price *resolve_price(Resolver *resolver, text *model,
								  text *resolution);

#endif							/* RESOLVE_H */

/*
 * resolve.h
 *		What a batch of sales needs to know of the catalogue.
 */
#ifndef RESOLVE_H
#define RESOLVE_H

#include "datatype/timestamp.h"

#include "base/identifier.h"
#include "catalogue/listing.h"
#include "catalogue/price.h"
#include "catalogue/terms.h"

/* The columns of commission.account, in their order. */
enum
{
	ACCOUNT_ID = 1,
	ACCOUNT_REGISTERED_AT,
	ACCOUNT_CLOSED_AT,
	ACCOUNT_GROUP_SINCE,
	ACCOUNT_HAS_TERMS,
	ACCOUNT_NAME,
	ACCOUNT_LABEL,
	ACCOUNT_GROUP_NAME,
	ACCOUNT_COLUMNS = ACCOUNT_GROUP_NAME
};

typedef enum ReferralRole
{
	ROLE_BRAND,
	ROLE_CREATOR
} ReferralRole;

#define REFERRAL_ROLES		(ROLE_CREATOR + 1)

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
extern void resolve_forget_referral(Resolver *resolver,
									const pg_uuid_t *account,
									ReferralRole role);
extern bool resolve_is_closed(Resolver *resolver, const pg_uuid_t *account);
extern const Terms *resolve_terms(Resolver *resolver, const pg_uuid_t *earner,
								  TimestampTz at, Terms *own);
extern const Price *resolve_price(Resolver *resolver, text *model,
								  text *resolution);

#endif							/* RESOLVE_H */

/*
 * resolve.c
 *		What a batch of sales needs to know of the catalogue: listings in
 *		force, who referred whom, prices, accounts that are out of the ordinary
 *		(closed, with terms of their own or in a group), and the terms.
 *
 * Each key is looked up once and remembered, from batch to batch, until it is
 * many.  All is read under the snapshot that is active when the resolver is
 * opened; no row is locked.  What is not there is read again, with a lock on
 * its absence (absence.c).
 *
 * Memory: what is remembered lives in a context of its own, which
 * resolve_trim() resets when it has grown large; the rest in the context of
 * resolve_open().
 */
#include "commission.h"

#include "common/hashfn.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/lookup.h"
#include "catalogue/absence.h"
#include "catalogue/listing.h"
#include "catalogue/price.h"
#include "catalogue/resolve.h"

/* The columns of commission.referral, in their order. */
enum
{
	REFERRAL_ACCOUNT_ID = 1,
	REFERRAL_REFERRER_ID,
	REFERRAL_ATTRIBUTED_AT,
	REFERRAL_ROLE,
	REFERRAL_COLUMNS = REFERRAL_ROLE
};

/* What is known of an account. */
typedef struct AccountFacts
{
	bool		standing_read;
	bool		is_closed;
	bool		has_terms;		/* of its own, at any time */
	bool		was_grouped;	/* at any time */
	TimestampTz group_since;	/* it is in the group, or in none */
	text	   *group;			/* NULL: in none */
	bool		referral_read[REFERRAL_ROLES];
	bool		is_referred[REFERRAL_ROLES];
	Referral	referral[REFERRAL_ROLES];
} AccountFacts;

/* Remembered by key: an AccountFacts or a Listing (NULL: not registered). */
typedef struct Remembered
{
	pg_uuid_t	key;
	char		status;
	void	   *value;
} Remembered;

#define SH_PREFIX		memory
#define SH_ELEMENT_TYPE	Remembered
#define SH_KEY_TYPE		pg_uuid_t
#define SH_KEY			key
#define SH_HASH_KEY(tb, key)	hash_bytes((key).data, UUID_LEN)
#define SH_EQUAL(tb, a, b)		identifier_equal(&(a), &(b))
#define SH_SCOPE		static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

/* A first size that one sale never outgrows. */
#define RESOLVE_KEYS_INITIAL	16

/* Keys, some 200 bytes each, that are remembered at most. */
#define RESOLVE_KEYS_MAX		65536

struct Resolver
{
	MemoryContext context;
	MemoryContext remembered;
	memory_hash *accounts_known;
	memory_hash *listings;
	Prices		prices;

	Lookup		accounts;
	Lookup		special_accounts;
	Lookup		listing_versions;
	Lookup		referrals;
	TermsLookup terms;
	Oid			roles[REFERRAL_ROLES];	/* values of referral_role */
};

static const RegProcedure equal_uuid[] = {F_UUID_EQ};
static const RegProcedure equal_uuid_enum[] = {F_UUID_EQ, F_ENUM_EQ};

/*
 * A resolver that has read nothing yet.  Tables are opened when needed.
 */
Resolver *
resolve_open(void)
{
	Resolver   *resolver = palloc0(sizeof(Resolver));

	resolver->context = CurrentMemoryContext;
	resolver->terms.context = CurrentMemoryContext;
	resolver->remembered = AllocSetContextCreate(CurrentMemoryContext,
												 "commission catalogue",
												 ALLOCSET_DEFAULT_SIZES);
	resolver->accounts_known = memory_create(CurrentMemoryContext,
									  RESOLVE_KEYS_INITIAL, NULL);
	resolver->listings = memory_create(CurrentMemoryContext,
									   RESOLVE_KEYS_INITIAL, NULL);
	return resolver;
}

/*
 * Open a table to look things up in, for as long as the resolver is open.
 */
static void
resolve_open_lookup(Resolver *resolver, Lookup *lookup, const char *table,
					int natts, const char *index, int nkeys,
					const RegProcedure *equal)
{
	MemoryContext caller = MemoryContextSwitchTo(resolver->context);

	lookup_open(lookup, table, natts, index, GetActiveSnapshot(),
				nkeys, equal);
	MemoryContextSwitchTo(caller);
}

/*
 * Between batches: forget what is remembered if it is too much to keep.
 * Nothing that the resolver gave may be used after it.
 */
void
resolve_trim(Resolver *resolver)
{
	if (resolver->accounts_known->members + resolver->listings->members <
		RESOLVE_KEYS_MAX &&
		!price_are_many(&resolver->prices))
		return;
	memory_reset(resolver->accounts_known);
	memory_reset(resolver->listings);
	resolver->prices.remembered = NIL;
	MemoryContextReset(resolver->remembered);
}

/*
 * Close what was opened.
 */
void
resolve_close(Resolver *resolver)
{
	lookup_close(&resolver->accounts);
	lookup_close(&resolver->special_accounts);
	terms_close(&resolver->terms);
	lookup_close(&resolver->listing_versions);
	lookup_close(&resolver->referrals);
	lookup_close(&resolver->prices.table);
	memory_destroy(resolver->accounts_known);
	memory_destroy(resolver->listings);
	MemoryContextDelete(resolver->remembered);
	pfree(resolver);
}

/*
 * The version of a listing that is in force.
 */
const Listing *
resolve_listing(Resolver *resolver, const pg_uuid_t *listing)
{
	bool		found;
	Remembered *remembered = memory_insert(resolver->listings, *listing,
										   &found);

	if (!found)
	{
		if (resolver->listing_versions.table == NULL)
			resolve_open_lookup(resolver, &resolver->listing_versions,
								"listing", LISTING_COLUMNS, "listing_pkey", 1,
								equal_uuid);
		remembered->value = listing_read(&resolver->listing_versions,
										 resolver->remembered, listing);
	}
	return remembered->value;
}

/*
 * What is remembered of an account.
 */
static AccountFacts *
resolve_account(Resolver *resolver, const pg_uuid_t *account)
{
	bool		found;
	Remembered *remembered = memory_insert(resolver->accounts_known, *account,
										   &found);

	if (!found)
		remembered->value = MemoryContextAllocZero(resolver->remembered,
												   sizeof(AccountFacts));
	return remembered->value;
}

/*
 * Who referred an account for a role.  A sale that finds nobody looks again
 * when it is sure that nobody is just referring the account (R37).
 */
const Referral *
resolve_referral(Resolver *resolver, const pg_uuid_t *account,
				 ReferralRole role)
{
	AccountFacts	   *facts = resolve_account(resolver, account);
	Lookup	   *lookup = &resolver->referrals;

	if (!facts->referral_read[role])
	{
		TupleTableSlot *slot;
		bool		isnull;

		if (lookup->table == NULL)
		{
			Oid			type;

			resolve_open_lookup(resolver, lookup, "referral",
								REFERRAL_COLUMNS, "referral_pkey",
								2, equal_uuid_enum);
			type = TupleDescAttr(RelationGetDescr(lookup->table),
								 REFERRAL_ROLE - 1)->atttypid;
			resolver->roles[ROLE_BRAND] = lookup_enum(type, "brand");
			resolver->roles[ROLE_CREATOR] = lookup_enum(type, "creator");
		}
		slot = lookup_find(lookup, UUIDPGetDatum(account),
						   ObjectIdGetDatum(resolver->roles[role]));
		if (slot == NULL)
		{
			absence_share(ABSENT_REFERRAL,
						  hash_bytes_extended(account->data, UUID_LEN, 0));
			slot = lookup_again(lookup);
		}
		if (slot)
		{
			Referral   *referral = &facts->referral[role];

			facts->is_referred[role] = true;
			referral->referrer =
				*DatumGetUUIDP(slot_getattr(slot, REFERRAL_REFERRER_ID,
											&isnull));
			referral->attributed_at =
				DatumGetTimestampTz(slot_getattr(slot, REFERRAL_ATTRIBUTED_AT,
												 &isnull));
		}
		facts->referral_read[role] = true;
	}
	return facts->is_referred[role] ? &facts->referral[role] : NULL;
}

/*
 * Forget who referred an account: this very transaction may have changed it.
 */
void
resolve_forget_referral(Resolver *resolver, const pg_uuid_t *account,
						ReferralRole role)
{
	AccountFacts *facts = resolve_account(resolver, account);

	facts->referral_read[role] = false;
	facts->is_referred[role] = false;
}

/*
 * Remember what is out of the ordinary with an account.
 */
static void
resolve_read_standing(Resolver *resolver, AccountFacts *facts,
					  TupleTableSlot *slot)
{
	MemoryContext caller = MemoryContextSwitchTo(resolver->remembered);
	bool		isnull;

	facts->is_closed = !slot_attisnull(slot, ACCOUNT_CLOSED_AT);
	facts->has_terms = DatumGetBool(slot_getattr(slot, ACCOUNT_HAS_TERMS,
												 &isnull));
	facts->was_grouped = !slot_attisnull(slot, ACCOUNT_GROUP_SINCE);
	if (facts->was_grouped)
	{
		Datum		since = slot_getattr(slot, ACCOUNT_GROUP_SINCE, &isnull);
		Datum		group = slot_getattr(slot, ACCOUNT_GROUP_NAME, &isnull);

		facts->group_since = DatumGetTimestampTz(since);
		facts->group = isnull ? NULL : DatumGetTextPCopy(group);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * An account, with what is out of the ordinary with it; one that does not exist
 * is as any other.  The index holds those of which something is: hardly any.
 */
static AccountFacts *
resolve_standing(Resolver *resolver, const pg_uuid_t *account)
{
	AccountFacts *facts = resolve_account(resolver, account);

	if (!facts->standing_read)
	{
		TupleTableSlot *slot;

		if (resolver->special_accounts.table == NULL)
			resolve_open_lookup(resolver, &resolver->special_accounts,
								"account", ACCOUNT_COLUMNS,
								"account_special_idx", 1, equal_uuid);
		slot = lookup_find(&resolver->special_accounts,
						   UUIDPGetDatum(account), 0);
		if (slot)
			resolve_read_standing(resolver, facts, slot);
		facts->standing_read = true;
	}
	return facts;
}

/*
 * Whether an account is closed.
 */
bool
resolve_is_closed(Resolver *resolver, const pg_uuid_t *account)
{
	return resolve_standing(resolver, account)->is_closed;
}

/*
 * The terms of whoever earns at a moment (R40): of the programme, for NULL and
 * for an account that is as any other, else looked up into *own.  The next
 * moment that is asked about overwrites the programme's.
 */
const Terms *
resolve_terms(Resolver *resolver, const pg_uuid_t *earner, TimestampTz at,
			  Terms *own)
{
	TermsSubject subject = {NULL, NULL};

	if (earner)
	{
		AccountFacts *facts = resolve_standing(resolver, earner);

		if (facts->has_terms)
			subject.account = earner;
		if (facts->was_grouped)
			subject.group = at >= facts->group_since ? facts->group :
				terms_group_at(&resolver->terms, earner, at);
	}
	if (subject.account == NULL && subject.group == NULL)
		return terms_of_program(&resolver->terms, at, 0);
	terms_look_up(&resolver->terms, &subject, at, 0, own);
	return own;
}

/*
 * Whether the catalogue has an account, and so its name.
 */
bool
resolve_is_known(Resolver *resolver, const pg_uuid_t *account)
{
	if (resolver->accounts.table == NULL)
		resolve_open_lookup(resolver, &resolver->accounts, "account",
							ACCOUNT_COLUMNS, "account_pkey", 1, equal_uuid);
	return lookup_find(&resolver->accounts, UUIDPGetDatum(account), 0) != NULL;
}

/*
 * The name of a buyer, which is kept with the sale where the catalogue does
 * not have it, or nobody would know it later; NULL where it does.  An account
 * that was referred is in the catalogue.
 */
text *
resolve_unknown_name(Resolver *resolver, const Identifier *buyer)
{
	if (buyer->name == NULL ||
		resolve_account(resolver, &buyer->id)->is_referred[ROLE_BRAND] ||
		resolve_is_known(resolver, &buyer->id))
		return NULL;
	return buyer->name;
}

/*
 * The price of one image.
 */
const Price *
resolve_price(Resolver *resolver, text *model, text *resolution)
{
	if (resolver->prices.table.table == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(resolver->context);

		price_open(&resolver->prices, GetActiveSnapshot());
		MemoryContextSwitchTo(caller);
	}
	return price_find(&resolver->prices, resolver->remembered,
					  model, resolution);
}

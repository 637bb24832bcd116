/*
 * generation_entries.c
 *		What a decided generation adds to the ledger: the legs and pool shares
 *		that it owes (R10 to R12, R19), and the legs that had no referrer.
 */
#include "commission.h"

#include "sale/sale.h"

/*
 * Append a leg to the ledger.
 */
static void
generation_put_leg(Ledger *ledger, LedgerEntry *entry, EntryKind kind,
				   const Leg *leg)
{
	if (leg->amount == 0)
		return;
	entry->kind = entry->counts_as = kind;
	entry->account = &leg->earner;
	entry->amount = leg->amount;
	entry->ratio_ppm = leg->rate.ratio_ppm;
	ledger_put(ledger, entry);
	entry->line++;
}

/*
 * Append the shares of a charged pool to the ledger (R19).
 */
static void
generation_put_pool(Ledger *ledger, LedgerEntry *entry, const ListingUse *use)
{
	const Listing *listing = use->listing;
	int64		amounts[SHARES_MAX];

	shares_split(use->pool.credits, listing->shares, listing->nauthors,
				 amounts);
	for (int i = 0; i < listing->nauthors; i++)
	{
		if (amounts[i] == 0)
			continue;
		entry->account = &listing->authors[i];
		entry->amount = amounts[i];
		ledger_put(ledger, entry);
		entry->line++;
	}
}

/*
 * Append what a recorded generation owes: the legs, brand first, then the
 * pools.
 */
void
generation_put_entries(const Sale *sale, Ledger *ledger)
{
	const Generation *generation = (const Generation *) sale;
	LedgerEntry entry = {
		.event_id = sale->event_id,
		.line = 1,
		.occurred_at = sale->occurred_at
	};

	entry.from_account = &generation->buyer.id;
	generation_put_leg(ledger, &entry, ENTRY_BRAND, &generation->brand_leg);
	entry.buyer = &generation->buyer.id;
	for (int i = 0; i < LISTING_USES; i++)
	{
		const ListingUse *use = &generation->uses[i];

		if (use->creator_leg.status != LEG_APPLIES)
			continue;
		entry.from_account = &use->listing->authors[0];
		generation_put_leg(ledger, &entry, ENTRY_CREATOR, &use->creator_leg);
	}

	entry.kind = entry.counts_as = ENTRY_POOL;
	entry.from_account = &generation->buyer.id;
	entry.buyer = NULL;
	entry.ratio_ppm = LEDGER_NO_RATIO;
	for (int i = 0; i < LISTING_USES; i++)
		if (generation->uses[i].used)
			generation_put_pool(ledger, &entry, &generation->uses[i]);
}

/*
 * The legs of a generation that nobody had referred an account for (R37).
 */
int
generation_unreferred(const Sale *sale, UnreferredLeg *legs)
{
	static const char letters[LISTING_USES] = {UNREFERRED_AVATAR,
	UNREFERRED_REFERENCE};
	const Generation *generation = (const Generation *) sale;
	int			n = 0;

	if (generation->brand_leg.status == LEG_NO_REFERRAL)
	{
		legs[n].account = &generation->buyer.id;
		legs[n++].leg = UNREFERRED_BRAND;
	}
	for (int i = 0; i < LISTING_USES; i++)
		if (generation->uses[i].creator_leg.status == LEG_NO_REFERRAL)
		{
			legs[n].account = &generation->uses[i].listing->authors[0];
			legs[n++].leg = letters[i];
		}
	return n;
}

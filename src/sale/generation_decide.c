/*
 * generation_decide.c
 *		What one generation is worth and who is owed a leg on it (R4 to R14).
 *
 * Reads the settings and, through the resolver, the catalogue; writes only
 * into the Generation.
 */
#include "commission.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/amount.h"
#include "sale/sale.h"
#include "settings.h"

/*
 * R9: a price or cost that the generation does not carry is that of the price
 * table, times the images.
 */
static void
generation_derive_price(Generation *generation, Resolver *resolver)
{
	const Price *price;

	if (generation->model_price.given && generation->api_cost.given)
		return;

	if (generation->model == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("generation has neither a model nor a model price and API cost"),
				 errhint("Give both amounts, or a model that set_model_price() has set.")));
	price = resolve_price(resolver, generation->model, generation->resolution);
	if (price == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("model \"%s\" at resolution \"%s\" has no price",
						text_to_cstring(generation->model),
						generation->resolution ?
						text_to_cstring(generation->resolution) : ""),
				 errhint("Set it with set_model_price(), or let the generation carry model price and API cost.")));

	if (!generation->model_price.given)
		generation->model_price.credits =
			amount_multiply(price->model_price, generation->images);
	if (!generation->api_cost.given)
		generation->api_cost.credits =
			amount_multiply(price->api_cost, generation->images);
}

/*
 * R4, R6, R7: the listing's version in force, its pool and surcharge; gives
 * the markup.
 */
static int64
generation_derive_use(ListingUse *use, ListingKind kind, bool bundle_frame,
					  Resolver *resolver)
{
	static const char *const kinds[] = {"avatar", "reference"};
	int64		markup;

	use->listing = resolve_listing(resolver, &use->id.id);
	if (use->listing == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("%s listing \"%s\" is not registered",
						kinds[kind], text_to_cstring(identifier_text(&use->id))),
				 errhint("Register it with register_listing().")));
	if (use->listing->kind != kind)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("listing \"%s\" cannot be used as %s",
						text_to_cstring(identifier_text(&use->id)), kinds[kind]),
				 errdetail("It is registered as %s.",
						   kinds[use->listing->kind])));

	if (!use->pool.given)
		use->pool.credits = use->listing->pool;
	if (!use->surcharge.given)
		use->surcharge.credits =
			margin_surcharge(use->pool.credits,
							 settings_platform_markup_ratio_ppm);
	markup = margin_markup(use->surcharge.credits, use->pool.credits);

	if (kind == LISTING_REFERENCE && bundle_frame)
	{
		use->pool.credits = 0;
		use->surcharge.credits = 0;
		markup = 0;
	}
	return markup;
}

/*
 * R10: the leg of the buyer's referrer.
 */
static Leg
generation_brand_leg(const Generation *generation, Resolver *resolver)
{
	const pg_uuid_t *buyer = &generation->buyer.id;
	const Referral *referral = resolve_referral(resolver, buyer, ROLE_BRAND);
	int			window_days = settings_brand_referral_window_days;
	Leg			leg = {.status = LEG_APPLIES};

	if (referral == NULL)
		leg.status = resolve_is_closed(resolver, buyer) ?
			LEG_BUYER_CLOSED : LEG_NO_REFERRAL;
	else if (identifier_equal(&referral->referrer, buyer))
		leg.status = LEG_SELF_PAY;
	else if (generation->sale.occurred_at < referral->attributed_at)
		leg.status = LEG_BEFORE_ATTRIBUTION;
	else if (window_days > 0 &&
			 (uint64) generation->sale.occurred_at -
			 (uint64) referral->attributed_at >
			 (uint64) window_days * USECS_PER_DAY)
		leg.status = LEG_WINDOW_OVER;
	else if (resolve_is_closed(resolver, buyer))
		leg.status = LEG_BUYER_CLOSED;
	else if (resolve_is_closed(resolver, &referral->referrer))
		leg.status = LEG_EARNER_CLOSED;
	else
		leg.earner = referral->referrer;
	return leg;
}

/*
 * R11 and R13: the leg of a listing owner's referrer.
 */
static Leg
generation_creator_leg(const Generation *generation, ListingKind kind,
					   Resolver *resolver)
{
	const pg_uuid_t *buyer = &generation->buyer.id;
	const ListingUse *use = &generation->uses[kind];
	const ListingUse *avatar = &generation->uses[LISTING_AVATAR];
	const pg_uuid_t *owner;
	const Referral *referral;
	Leg			leg = {.status = LEG_APPLIES};

	if (!use->used)
	{
		leg.status = LEG_NO_LISTING;
		return leg;
	}

	owner = &use->listing->authors[0];
	referral = resolve_referral(resolver, owner, ROLE_CREATOR);
	if (kind == LISTING_REFERENCE && avatar->used &&
		identifier_equal(owner, &avatar->listing->authors[0]))
		leg.status = LEG_SAME_OWNER;
	else if (referral == NULL)
		leg.status = LEG_NO_REFERRAL;
	else if (identifier_equal(owner, buyer) ||
			 identifier_equal(&referral->referrer, buyer) ||
			 identifier_equal(&referral->referrer, owner))
		leg.status = LEG_SELF_PAY;
	else if (resolve_is_closed(resolver, &referral->referrer))
		leg.status = LEG_EARNER_CLOSED;
	else
		leg.earner = referral->referrer;
	return leg;
}

/*
 * R40: the ratio of a leg is its earner's; of one that does not apply, the
 * programme's.
 */
static void
generation_rate(const Generation *generation, Resolver *resolver, Leg *leg,
				Term term, int32 setting_ppm)
{
	Terms		own;

	leg->rate = terms_rate(resolve_terms(resolver,
										 leg->status == LEG_APPLIES ?
										 &leg->earner : NULL,
										 generation->sale.occurred_at, &own),
						   term, setting_ppm);
}

/*
 * What the legs of a decided generation are worth.
 */
static void
generation_compute_legs(Generation *generation, Resolver *resolver)
{
	Leg		   *legs[1 + LISTING_USES] = {&generation->brand_leg};
	int32		ratios_ppm[1 + LISTING_USES];
	int64		amounts[1 + LISTING_USES];
	Leg		   *applying[1 + LISTING_USES];
	int			n = 0;

	generation->cap =
		terms_rate(resolve_terms(resolver, NULL, generation->sale.occurred_at,
								 NULL),
				   TERM_TOTAL_CAP_RATIO, settings_total_cap_ratio_ppm);
	generation_rate(generation, resolver, legs[0], TERM_BRAND_RATIO,
					settings_brand_ratio_ppm);
	for (int i = 0; i < LISTING_USES; i++)
	{
		legs[1 + i] = &generation->uses[i].creator_leg;
		generation_rate(generation, resolver, legs[1 + i],
						TERM_CREATOR_REF_RATIO, settings_creator_ref_ratio_ppm);
	}

	for (int i = 0; i < 1 + LISTING_USES; i++)
		if (legs[i]->status == LEG_APPLIES)
		{
			applying[n] = legs[i];
			ratios_ppm[n++] = legs[i]->rate.ratio_ppm;
		}
	legs_compute(generation->net_margin, ratios_ppm, n,
				 generation->cap.ratio_ppm, amounts);
	for (int i = 0; i < n; i++)
		applying[i]->amount = amounts[i];
}

/*
 * R1 bounds what the buyer pays in all, which can be refunded and is accounted
 * for (R20), and what the platform pays for the API.
 */
static void
generation_check_total(const Generation *generation)
{
	int64		total = generation->model_price.credits;

	for (int i = 0; i < LISTING_USES; i++)
		if (generation->uses[i].used)
			total = amount_add(total, generation->uses[i].surcharge.credits);
	amount_check_sale(total, "buyer total");
	amount_check_sale(generation->api_cost.credits, "API cost");
}

/*
 * Whether a decided generation owes anything to anybody: a leg or a pool
 * share of at least a credit.
 */
static bool
generation_is_owed(const Generation *generation)
{
	for (int i = 0; i < LISTING_USES; i++)
		if (generation->uses[i].creator_leg.amount > 0 ||
			(generation->uses[i].used && generation->uses[i].pool.credits > 0))
			return true;
	return generation->brand_leg.amount > 0;
}

/*
 * Whether a leg was not paid only because nobody had referred an account; it
 * may be paid late (R37).
 */
static bool
generation_may_owe_late(const Generation *generation)
{
	if (generation->net_margin == 0)
		return false;
	for (int i = 0; i < LISTING_USES; i++)
		if (generation->uses[i].creator_leg.status == LEG_NO_REFERRAL)
			return true;
	return generation->brand_leg.status == LEG_NO_REFERRAL;
}

/*
 * A generation that is not paid, and a solo generation while
 * commission.marketplace_only is on, owe nothing (R6, R14).
 */
bool
generation_may_owe(const Sale *sale)
{
	const Generation *generation = (const Generation *) sale;
	bool		solo = true;

	for (int i = 0; i < LISTING_USES; i++)
		if (generation->uses[i].used)
			solo = false;
	return sale->paid && !(solo && settings_marketplace_only);
}

/*
 * R38: no amount below zero is ever deferred.
 */
static void
generation_check_given(const Generation *generation)
{
	amount_check(generation->model_price.credits, "model price");
	amount_check(generation->api_cost.credits, "API cost");
	for (int i = 0; i < LISTING_USES; i++)
	{
		const ListingUse *use = &generation->uses[i];

		amount_check(use->pool.credits, "pool");
		amount_check(use->surcharge.credits, "surcharge");
		if (use->pool.given && use->surcharge.given)
			(void) margin_markup(use->surcharge.credits, use->pool.credits);
	}
}

/*
 * R38: whether a generation needs a listing or a price that is not known.
 */
static bool
generation_waits(Generation *generation, Resolver *resolver)
{
	bool		waits = false;

	generation->missing = NULL;
	for (int i = 0; i < LISTING_USES && !waits; i++)
		if (generation->uses[i].used &&
			resolve_listing(resolver, &generation->uses[i].id.id) == NULL)
		{
			generation->missing = &generation->uses[i].id;
			waits = true;
		}
	if (!waits && generation->model &&
		!(generation->model_price.given && generation->api_cost.given))
		waits = resolve_price(resolver, generation->model,
							  generation->resolution) == NULL;
	if (waits)
		generation_check_given(generation);
	return waits;
}

/*
 * Decide a generation; one that owes nothing to anybody, now or late, is not
 * recorded.
 */
SaleDecision
generation_decide(Sale *sale, Resolver *resolver)
{
	Generation *generation = (Generation *) sale;
	int64		net_margin = 0;

	if (settings_on_unknown == ON_UNKNOWN_DEFER &&
		generation_waits(generation, resolver))
		return SALE_DEFERRED;
	for (int i = 0; i < LISTING_USES; i++)
		if (generation->uses[i].used)
			net_margin = amount_add(net_margin,
									generation_derive_use(&generation->uses[i], i,
														  generation->bundle_frame,
														  resolver));
	generation_derive_price(generation, resolver);
	generation->net_margin =
		amount_add(net_margin,
				   margin_generation(generation->model_price.credits,
									 generation->api_cost.credits));
	generation_check_total(generation);

	generation->brand_leg = generation_brand_leg(generation, resolver);
	for (int i = 0; i < LISTING_USES; i++)
		generation->uses[i].creator_leg =
			generation_creator_leg(generation, i, resolver);
	generation_compute_legs(generation, resolver);
	generation->owed = generation_is_owed(generation);
	return generation->owed || generation_may_owe_late(generation) ?
		SALE_RECORDED : SALE_IGNORED;
}

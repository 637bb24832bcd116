/*
 * margin.c
 *		Surcharge and net margin of a generation (R4 to R8).
 *
 * Pure, but for commission_surcharge(), which hands the ratio in force to the
 * leaf below it.
 */
#include "commission.h"

#include "fmgr.h"

#include "base/amount.h"
#include "base/ratio.h"
#include "sale/sale.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_surcharge);
PG_FUNCTION_INFO_V1(commission_net_margin);

/*
 * R4: what the buyer pays for a listing, the pool and the markup on it.
 */
int64
margin_surcharge(int64 pool, int32 markup_ratio_ppm)
{
	amount_check(pool, "pool");
	return ratio_ceiling_add(pool, markup_ratio_ppm);
}

/*
 * R5: what the platform keeps of a surcharge.
 */
int64
margin_markup(int64 surcharge, int64 pool)
{
	amount_check(pool, "pool");
	amount_check(surcharge, "surcharge");
	if (surcharge < pool)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("surcharge is less than pool"),
				 errdetail("The buyer is charged %lld credits for a pool of %lld credits.",
						   (long long) surcharge, (long long) pool),
				 errhint("The surcharge is the pool and the platform's markup on it.")));
	return surcharge - pool;
}

/*
 * R8: what the platform keeps of the model price, never less than nothing.
 */
int64
margin_generation(int64 model_price, int64 api_cost)
{
	amount_check(model_price, "model price");
	amount_check(api_cost, "API cost");
	return Max(model_price - api_cost, 0);
}

/*
 * surcharge(pool bigint) under the markup ratio in force.
 */
Datum
commission_surcharge(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(margin_surcharge(PG_GETARG_INT64(0),
									 settings_platform_markup_ratio_ppm));
}

/*
 * net_margin(model_price bigint, api_cost bigint, surcharge bigint,
 * pool bigint)
 */
Datum
commission_net_margin(PG_FUNCTION_ARGS)
{
	int64		generation = margin_generation(PG_GETARG_INT64(0),
											   PG_GETARG_INT64(1));
	int64		markup = margin_markup(PG_GETARG_INT64(2),
									   PG_GETARG_INT64(3));

	PG_RETURN_INT64(amount_add(markup, generation));
}

/*
 * margin.c
 *		Surcharge and net margin of a generation (R4 to R8).
 *
 * Pure, but for commission_surcharge(), which hands the ratio in force to the
 * leaf below it.
 */
#include "commission.h"

#include "common/int.h"
#include "fmgr.h"

#include "margin.h"
#include "ratio.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_surcharge);
PG_FUNCTION_INFO_V1(commission_net_margin);

/*
 * No price, cost, pool or surcharge is below zero.
 */
void
margin_check_amount(int64 amount, const char *name)
{
	if (amount < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", name),
				 errdetail("It is %lld credits.", (long long) amount)));
}

/*
 * The sum of two amounts, which must stay in the range of bigint (R1).
 */
int64
margin_add(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amount out of range"),
				 errdetail("The sum of %lld and %lld credits exceeds the range of bigint.",
						   (long long) a, (long long) b)));
	return sum;
}

/*
 * R4: what the buyer pays for a listing, the pool and the markup on it.
 */
int64
margin_surcharge(int64 pool, int32 markup_ratio_ppm)
{
	margin_check_amount(pool, "pool");
	return ratio_ceiling_add(pool, markup_ratio_ppm);
}

/*
 * R5: what the platform keeps of a surcharge.
 */
int64
margin_markup(int64 surcharge, int64 pool)
{
	margin_check_amount(pool, "pool");
	margin_check_amount(surcharge, "surcharge");
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
	margin_check_amount(model_price, "model price");
	margin_check_amount(api_cost, "API cost");
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

	PG_RETURN_INT64(margin_add(markup, generation));
}

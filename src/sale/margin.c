/*
 * margin.c
 *		What a generation's credits come to: surcharge and net margin (R4 to R8),
 *		the legs on it and their cap (R10 to R12), the shares of a charged pool
 *		(R19).
 *
 * Numbers in, numbers out: no table is read.  Only commission_surcharge() and
 * commission_legs() know the settings in force, and hand them to the functions
 * above them.
 */
#include "commission.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/tuplestore.h"

#include "base/amount.h"
#include "base/ratio.h"
#include "ledger/entry.h"
#include "sale/sale.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_surcharge);
PG_FUNCTION_INFO_V1(commission_net_margin);
PG_FUNCTION_INFO_V1(commission_legs);
PG_FUNCTION_INFO_V1(commission_legs_at);
PG_FUNCTION_INFO_V1(commission_legs_each);
PG_FUNCTION_INFO_V1(commission_pool_shares);

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

/* More legs than any generation has; a bound on the result's rows. */
#define LEGS_MAX	1001

/*
 * One leg: floor(net_margin * ratio * cap / sum) where the ratios that apply
 * add up to more than the cap, floor(net_margin * ratio) otherwise.  The
 * product of three stays under 2^63 * 2^20 * 2^20.
 */
static int64
legs_amount(int64 net_margin, int32 ratio_ppm, int64 sum_ppm, int32 cap_ppm)
{
	if (sum_ppm <= cap_ppm)
		return ratio_floor(net_margin, ratio_ppm);
	return (int64) ((int128) net_margin * ratio_ppm * cap_ppm /
					((int128) sum_ppm * RATIO_PPM_ONE));
}

/*
 * What each leg of a generation is worth, in credits, under a ratio of its own
 * and the cap of all.
 */
void
legs_compute(int64 net_margin, const int32 *ratios_ppm, int nlegs,
			 int32 cap_ppm, int64 *amounts)
{
	int64		sum_ppm = 0;
	int128		sum PG_USED_FOR_ASSERTS_ONLY = 0;

	Assert(net_margin >= 0);

	for (int i = 0; i < nlegs; i++)
		sum_ppm += ratios_ppm[i];
	for (int i = 0; i < nlegs; i++)
	{
		amounts[i] = legs_amount(net_margin, ratios_ppm[i], sum_ppm, cap_ppm);
		sum += amounts[i];
	}

	Assert(sum <= (int128) net_margin * cap_ppm / RATIO_PPM_ONE);
}

/*
 * The legs of a call of legs(): their ratios, and the cap.
 */
typedef struct LegsCall
{
	int			nlegs;
	int32		ratios_ppm[LEGS_MAX];
	int32		cap_ppm;
} LegsCall;

/*
 * The rows of legs(): what each leg is, its ratio, what it is worth.  A leg of
 * less than a credit is none (R14).
 */
static Datum
legs_rows(FunctionCallInfo fcinfo, const LegsCall *call, const Datum *legs)
{
	int64		net_margin = PG_GETARG_INT64(0);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		amounts[LEGS_MAX];

	amount_check(net_margin, "net margin");
	legs_compute(net_margin, call->ratios_ppm, call->nlegs, call->cap_ppm,
				 amounts);
	for (int i = 0; i < call->nlegs; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		if (amounts[i] == 0)
			continue;
		values[0] = legs[i];
		values[1] = NumericGetDatum(ratio_to_numeric(call->ratios_ppm[i]));
		values[2] = Int64GetDatum(amounts[i]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * A brand leg, or none, and creator legs, each kind under one ratio.
 */
static Datum
legs_of_two_kinds(FunctionCallInfo fcinfo, int32 brand_ratio_ppm,
				  int32 creator_ref_ratio_ppm, int32 cap_ppm)
{
	bool		brand = PG_GETARG_BOOL(1);
	int32		creators = PG_GETARG_INT32(2);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	LegsCall	call = {.cap_ppm = cap_ppm};
	Datum		kinds[LEGS_MAX];
	Oid			type;

	if (creators < 0 || creators > LEGS_MAX - 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid number of creator legs: %d", creators),
				 errdetail("It is from 0 to %d.", LEGS_MAX - 1)));

	/* Looking up a descriptor would leave behind some memory at each call. */
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	type = TupleDescAttr(rsinfo->setDesc, 0)->atttypid;
	call.nlegs = creators + brand;
	for (int i = 0; i < call.nlegs; i++)
	{
		bool		is_brand = brand && i == 0;

		call.ratios_ppm[i] = is_brand ? brand_ratio_ppm : creator_ref_ratio_ppm;
		kinds[i] = i > 1 ? kinds[1] :
			ledger_kind_datum(is_brand ? ENTRY_BRAND : ENTRY_CREATOR, type);
	}
	return legs_rows(fcinfo, &call, kinds);
}

/*
 * legs(net_margin bigint, brand boolean, creators integer) under the settings.
 */
Datum
commission_legs(PG_FUNCTION_ARGS)
{
	return legs_of_two_kinds(fcinfo, settings_brand_ratio_ppm,
							 settings_creator_ref_ratio_ppm,
							 settings_total_cap_ratio_ppm);
}

/*
 * legs(net_margin bigint, brand boolean, creators integer,
 * brand_ratio numeric, creator_ref_ratio numeric, total_cap_ratio numeric)
 */
Datum
commission_legs_at(PG_FUNCTION_ARGS)
{
	int32		brand_ratio_ppm =
		ratio_from_numeric(PG_GETARG_NUMERIC(3), "brand_ratio");
	int32		creator_ref_ratio_ppm =
		ratio_from_numeric(PG_GETARG_NUMERIC(4), "creator_ref_ratio");
	int32		cap_ppm =
		ratio_from_numeric(PG_GETARG_NUMERIC(5), "total_cap_ratio");

	return legs_of_two_kinds(fcinfo, brand_ratio_ppm, creator_ref_ratio_ppm,
							 cap_ppm);
}

/*
 * legs(net_margin bigint, ratios numeric[], total_cap_ratio numeric)
 */
Datum
commission_legs_each(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	LegsCall	call;
	Datum	   *ratios;
	Datum		numbers[LEGS_MAX];

	if (ARR_NDIM(array) > 1 || array_contains_nulls(array) ||
		ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) > LEGS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid ratios of legs"),
				 errdetail("They are a one-dimensional array of at most %d ratios, none of them NULL.",
						   LEGS_MAX)));

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &ratios,
					  NULL, &call.nlegs);
	call.cap_ppm = ratio_from_numeric(PG_GETARG_NUMERIC(2), "total_cap_ratio");
	for (int i = 0; i < call.nlegs; i++)
	{
		call.ratios_ppm[i] = ratio_from_numeric(DatumGetNumeric(ratios[i]),
												"ratios");
		numbers[i] = Int32GetDatum(i + 1);
	}
	return legs_rows(fcinfo, &call, numbers);
}

/*
 * Share charged credits in proportion to shares, by largest remainder, ties
 * to the earlier: floor each, then give the credits that are left over one by
 * one.  They are fewer than there are shares.  The sum is exactly charged.
 */
void
shares_split(int64 charged, const int64 *shares, int nshares, int64 *amounts)
{
	int128		total = 0;
	int128		remainder[SHARES_MAX];
	int64		left = charged;

	Assert(nshares > 0 && nshares <= SHARES_MAX && charged >= 0);

	for (int i = 0; i < nshares; i++)
		total += shares[i];
	Assert(total > 0);

	for (int i = 0; i < nshares; i++)
	{
		int128		product = (int128) charged * shares[i];

		amounts[i] = (int64) (product / total);
		remainder[i] = product % total;
		left -= amounts[i];
	}
	Assert(left >= 0 && left < nshares);

	for (; left > 0; left--)
	{
		int			largest = 0;

		for (int i = 1; i < nshares; i++)
			if (remainder[i] > remainder[largest])
				largest = i;
		amounts[largest]++;
		remainder[largest] = -1;
	}
}

/*
 * pool_shares(charged bigint, shares bigint[]): the shares of a listing's
 * pool, owner first, applied to what was charged.
 */
Datum
commission_pool_shares(PG_FUNCTION_ARGS)
{
	int64		charged = PG_GETARG_INT64(0);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	int			nshares = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	Datum	   *elements;
	int64		total = 0;
	int64		shares[SHARES_MAX];
	int64		amounts[SHARES_MAX];
	Datum		result[SHARES_MAX];

	amount_check(charged, "charged pool");
	if (nshares < 1 || nshares > SHARES_MAX || ARR_NDIM(array) != 1 ||
		array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid shares of a pool"),
				 errdetail("They are a one-dimensional array of 1 to %d amounts, none of them NULL.",
						   SHARES_MAX)));

	deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &elements, NULL, &nshares);
	for (int i = 0; i < nshares; i++)
	{
		shares[i] = DatumGetInt64(elements[i]);
		amount_check(shares[i], "share");
		total = amount_add(total, shares[i]);
	}
	if (total == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid shares of a pool"),
				 errdetail("Together they are 0 credits.")));

	shares_split(charged, shares, nshares, amounts);
	for (int i = 0; i < nshares; i++)
		result[i] = Int64GetDatum(amounts[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(result, nshares, INT8OID,
										  sizeof(int64), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}

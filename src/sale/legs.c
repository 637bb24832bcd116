/*
 * legs.c
 *		Commission legs on net margin and their cap (R10 to R12).
 *
 * legs_compute() is pure; the two SQL functions named legs() differ in where
 * the ratios come from.
 */
#include "commission.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/tuplestore.h"

#include "base/amount.h"
#include "base/ratio.h"
#include "ledger/entry.h"
#include "sale/sale.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(commission_legs);
PG_FUNCTION_INFO_V1(commission_legs_at);

/* More creator legs than any generation has; a bound on the result's rows. */
#define LEGS_CREATORS_MAX	1000

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
 * What each leg of a generation is worth, in credits.
 */
LegAmounts
legs_compute(int64 net_margin, bool brand, int creators, const LegTerms *terms)
{
	LegAmounts	amounts = {0, 0};
	int64		sum_ppm = (brand ? terms->brand_ratio_ppm : 0) +
		(int64) creators * terms->creator_ref_ratio_ppm;

	Assert(net_margin >= 0 && creators >= 0);

	if (brand)
		amounts.brand = legs_amount(net_margin, terms->brand_ratio_ppm,
									sum_ppm, terms->total_cap_ratio_ppm);
	if (creators > 0)
		amounts.creator = legs_amount(net_margin, terms->creator_ref_ratio_ppm,
									  sum_ppm, terms->total_cap_ratio_ppm);

	Assert((int128) amounts.brand + (int128) amounts.creator * creators <=
		   (int128) net_margin * terms->total_cap_ratio_ppm / RATIO_PPM_ONE);
	return amounts;
}

/*
 * A row of legs(); a leg of less than a credit is none (R14).
 */
static void
legs_put(ReturnSetInfo *rsinfo, EntryKind kind, int32 ratio_ppm, int64 amount)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (amount == 0)
		return;
	values[0] = ledger_kind_datum(kind,
								  TupleDescAttr(rsinfo->setDesc, 0)->atttypid);
	values[1] = NumericGetDatum(ratio_to_numeric(ratio_ppm));
	values[2] = Int64GetDatum(amount);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * Both forms of legs(): the first three arguments and the ratios that apply.
 */
static Datum
legs_rows(FunctionCallInfo fcinfo, const LegTerms *terms)
{
	int64		net_margin = PG_GETARG_INT64(0);
	bool		brand = PG_GETARG_BOOL(1);
	int32		creators = PG_GETARG_INT32(2);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	LegAmounts	amounts;

	amount_check(net_margin, "net margin");
	if (creators < 0 || creators > LEGS_CREATORS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid number of creator legs: %d", creators),
				 errdetail("It is from 0 to %d.", LEGS_CREATORS_MAX)));

	/* Looking up a descriptor would leave behind some memory at each call. */
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	amounts = legs_compute(net_margin, brand, creators, terms);
	legs_put(rsinfo, ENTRY_BRAND, terms->brand_ratio_ppm, amounts.brand);
	for (int i = 0; i < creators; i++)
		legs_put(rsinfo, ENTRY_CREATOR, terms->creator_ref_ratio_ppm,
				 amounts.creator);
	return (Datum) 0;
}

/*
 * legs(net_margin bigint, brand boolean, creators integer) under the ratios
 * in force.
 */
Datum
commission_legs(PG_FUNCTION_ARGS)
{
	LegTerms	terms = {
		settings_brand_ratio_ppm,
		settings_creator_ref_ratio_ppm,
		settings_total_cap_ratio_ppm
	};

	return legs_rows(fcinfo, &terms);
}

/*
 * legs(net_margin bigint, brand boolean, creators integer,
 * brand_ratio numeric, creator_ref_ratio numeric, total_cap_ratio numeric)
 */
Datum
commission_legs_at(PG_FUNCTION_ARGS)
{
	LegTerms	terms;

	terms.brand_ratio_ppm =
		ratio_from_numeric(PG_GETARG_NUMERIC(3), "brand_ratio");
	terms.creator_ref_ratio_ppm =
		ratio_from_numeric(PG_GETARG_NUMERIC(4), "creator_ref_ratio");
	terms.total_cap_ratio_ppm =
		ratio_from_numeric(PG_GETARG_NUMERIC(5), "total_cap_ratio");
	return legs_rows(fcinfo, &terms);
}

/*
 * ratio.c
 *		Exact ratios in parts per million (R2) and the rounding rules
 *		of the programme (R3).
 *
 * A pure leaf: numbers in, numbers out; no table, no setting.  Products are
 * taken in 128 bits, so that no amount that fits in bigint can overflow on
 * the way to a result that fits.
 */
#include "commission.h"

#include <ctype.h>

#include "fmgr.h"
#include "utils/builtins.h"

#include "base/ratio.h"

PG_FUNCTION_INFO_V1(commission_ratio);
PG_FUNCTION_INFO_V1(commission_ratio_ppm);

/*
 * Parse the decimal text of a ratio: digits, at most one point, no sign and
 * no exponent.  A seventh fractional digit is accepted only where it is zero,
 * so that what is accepted is always held exactly.  False if it is not a
 * ratio or is over the maximum.
 */
bool
ratio_parse(const char *text, int32 max_ppm, int32 *ratio_ppm)
{
	const char *p = text;
	int64		ppm = 0;
	int			digits = 0;
	int			unit = RATIO_PPM_ONE;

	for (; isdigit((unsigned char) *p); p++, digits++)
	{
		ppm = ppm * 10 + (int64) (*p - '0') * RATIO_PPM_ONE;
		if (ppm > max_ppm)
			return false;
	}

	if (*p == '.')
	{
		for (p++; isdigit((unsigned char) *p); p++, digits++)
		{
			unit /= 10;
			if (unit == 0 && *p != '0')
				return false;
			ppm += (int64) (*p - '0') * unit;
		}
	}

	if (*p != '\0' || digits == 0 || ppm > max_ppm)
		return false;

	*ratio_ppm = (int32) ppm;
	return true;
}

/*
 * A ratio given as numeric, of the argument or column called name.
 */
int32
ratio_from_numeric(Numeric value, const char *name)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out,
														   NumericGetDatum(value)));
	int32		ratio_ppm;

	if (!ratio_parse(text, RATIO_PPM_MAX, &ratio_ppm))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid ratio for %s: \"%s\"", name, text),
				 errdetail("A ratio is a decimal from 0 to 1 with at most %d fractional digits.",
						   RATIO_FRACTION_DIGITS)));
	return ratio_ppm;
}

/*
 * The ratio as numeric, with two fractional digits or as many as it needs:
 * 0.30, 0.125.
 */
Numeric
ratio_to_numeric(int32 ratio_ppm)
{
	Datum		ratio = DirectFunctionCall2(numeric_div,
											NumericGetDatum(int64_to_numeric(ratio_ppm)),
											NumericGetDatum(int64_to_numeric(RATIO_PPM_ONE)));

	if (ratio_ppm % (RATIO_PPM_ONE / 100) == 0)
		return DatumGetNumeric(DirectFunctionCall2(numeric_round, ratio,
												   Int32GetDatum(2)));
	return DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale, ratio));
}

/*
 * ratio(ratio_ppm integer) returns the stored ratio as numeric.
 */
Datum
commission_ratio(PG_FUNCTION_ARGS)
{
	PG_RETURN_NUMERIC(ratio_to_numeric(PG_GETARG_INT32(0)));
}

/*
 * ratio_ppm(ratio numeric, what text) gives a ratio as it is stored.
 */
Datum
commission_ratio_ppm(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(ratio_from_numeric(PG_GETARG_NUMERIC(0),
									   text_to_cstring(PG_GETARG_TEXT_PP(1))));
}

/*
 * R3, a leg: round down.  A ratio is at most 1, so the result fits.
 */
int64
ratio_floor(int64 amount, int32 ratio_ppm)
{
	Assert(amount >= 0 && ratio_ppm >= 0 && ratio_ppm <= RATIO_PPM_MAX);
	return (int64) ((int128) amount * ratio_ppm / RATIO_PPM_ONE);
}

/*
 * R3, a subscription commission: round half up.
 */
int64
ratio_half_up(int64 amount, int32 ratio_ppm)
{
	Assert(amount >= 0 && ratio_ppm >= 0 && ratio_ppm <= RATIO_PPM_MAX);
	return (int64) (((int128) amount * ratio_ppm + RATIO_PPM_ONE / 2) /
					RATIO_PPM_ONE);
}

/*
 * R3, the buyer's surcharge: amount and the ratio of it on top, rounded up.
 */
int64
ratio_ceiling_add(int64 amount, int32 ratio_ppm)
{
	int128		sum;

	Assert(amount >= 0 && ratio_ppm >= 0 && ratio_ppm <= MARKUP_PPM_MAX);
	sum = ((int128) amount * (RATIO_PPM_ONE + ratio_ppm) +
		   (RATIO_PPM_ONE - 1)) / RATIO_PPM_ONE;
	if (sum > PG_INT64_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amount out of range"),
				 errdetail("%lld credits and the markup on them exceed the range of bigint.",
						   (long long) amount)));
	return (int64) sum;
}

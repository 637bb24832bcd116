/*
 * legs.h
 *		Commission legs on net margin and their cap (R10 to R12).
 */
#ifndef LEGS_H
#define LEGS_H

/* The ratios that apply to a generation. */
typedef struct LegTerms
{
	int32		brand_ratio_ppm;
	int32		creator_ref_ratio_ppm;
	int32		total_cap_ratio_ppm;
} LegTerms;

/* What the legs of one generation are worth. */
typedef struct LegAmounts
{
	int64		brand;			/* 0 where there is no brand leg */
	int64		creator;		/* of each creator leg, which are all alike */
} LegAmounts;

extern LegAmounts legs_compute(int64 net_margin, bool brand, int creators,
							   const LegTerms *terms);

#endif							/* LEGS_H */

/*
 * ratio.h
 *		Exact ratios (R2) and the three roundings (R3).
 */
#ifndef RATIO_H
#define RATIO_H

#include "utils/numeric.h"

/* Products of an amount and ratios are taken in 128 bits. */
#ifndef HAVE_INT128
#error "commission needs a compiler with a 128-bit integer type"
#endif

/* A ratio is held in parts per million: six fractional digits, exactly. */
#define RATIO_FRACTION_DIGITS	6
#define RATIO_PPM_ONE			1000000

/* A share of something is 0 to 1; the buyer's markup may be up to 10. */
#define RATIO_PPM_MAX			RATIO_PPM_ONE
#define MARKUP_PPM_MAX			(10 * RATIO_PPM_ONE)

/* In place of a ratio: there is none. */
#define RATIO_NONE				(-1)

extern bool ratio_parse(const char *text, int32 max_ppm, int32 *ratio_ppm);
extern int32 ratio_from_numeric(Numeric value, const char *name);
extern Numeric ratio_to_numeric(int32 ratio_ppm);

extern int64 ratio_floor(int64 amount, int32 ratio_ppm);
extern int64 ratio_half_up(int64 amount, int32 ratio_ppm);
extern int64 ratio_ceiling_add(int64 amount, int32 ratio_ppm);

#endif							/* RATIO_H */

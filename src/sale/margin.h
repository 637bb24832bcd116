/*
 * margin.h
 *		Surcharge and net margin of a generation (R4 to R8).
 */
#ifndef MARGIN_H
#define MARGIN_H

extern int64 margin_surcharge(int64 pool, int32 markup_ratio_ppm);
extern int64 margin_markup(int64 surcharge, int64 pool);
extern int64 margin_generation(int64 model_price, int64 api_cost);

#endif							/* MARGIN_H */

/*
 * price.h
 *		Prices of models, as a batch of sales looks them up (R9).
 */
#ifndef PRICE_H
#define PRICE_H

#include "nodes/pg_list.h"

#include "base/lookup.h"

/* Of one image, in credits. */
typedef struct Price
{
	int64		model_price;
	int64		api_cost;
} Price;

typedef struct Prices
{
	Lookup		table;
	List	   *remembered;
} Prices;

extern void price_open(Prices *prices, Snapshot snapshot);
extern const Price *price_find(Prices *prices, MemoryContext context,
							   text *model, text *resolution);
extern bool price_are_many(const Prices *prices);

#endif							/* PRICE_H */

/*
 * price.c
 *		Prices of models, as a batch of sales looks them up (R9).
 *
 * Each is looked up once and remembered: models are few.
 */
#include "commission.h"

#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "catalogue/absence.h"
#include "catalogue/price.h"
#include "compat.h"
#include "settings.h"

/* Prices that are worth to be remembered at once. */
#define PRICES_MAX			100

/* The columns of commission.model_price, in their order. */
enum
{
	PRICE_MODEL_PRICE = 1,
	PRICE_API_COST,
	PRICE_MODEL,
	PRICE_RESOLUTION,
	PRICE_COLUMNS = PRICE_RESOLUTION
};

typedef struct RememberedPrice
{
	text	   *model;
	text	   *resolution;
	const Price *price;			/* NULL: there is none */
} RememberedPrice;

/*
 * Open the table, in the current context, to be read under a snapshot.
 */
void
price_open(Prices *prices, Snapshot snapshot)
{
	static const RegProcedure equal_text_text[] = {F_TEXTEQ, F_TEXTEQ};

	lookup_open(&prices->table, "model_price", PRICE_COLUMNS,
				"model_price_pkey", snapshot, 2, equal_text_text);
}

/*
 * Whether two texts are the same, byte by byte.
 */
static bool
price_same_text(text *a, text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/*
 * The hash of a text, as hashtextextended() computes it.
 */
static uint64
price_hash(text *value, uint64 seed)
{
	return hash_bytes_extended((unsigned char *) VARDATA_ANY(value),
							   VARSIZE_ANY_EXHDR(value), seed);
}

/*
 * Read a price of the table; NULL: there is none, nor, where the sale is
 * deferred for it, one that is being set (R38).
 */
static Price *
price_read(Prices *prices, text *model, text *resolution)
{
	TupleTableSlot *slot = lookup_find(&prices->table, PointerGetDatum(model),
									   PointerGetDatum(resolution));
	Price	   *price;
	bool		isnull;

	if (slot == NULL && settings_on_unknown == ON_UNKNOWN_DEFER)
	{
		absence_share(ABSENT_PRICE,
					  price_hash(model, price_hash(resolution, 0)));
		slot = lookup_again(&prices->table);
	}
	if (slot == NULL)
		return NULL;
	price = palloc(sizeof(Price));
	price->model_price =
		DatumGetInt64(slot_getattr(slot, PRICE_MODEL_PRICE, &isnull));
	price->api_cost =
		DatumGetInt64(slot_getattr(slot, PRICE_API_COST, &isnull));
	return price;
}

/*
 * The price of one image, NULL if there is none.  No resolution is the empty
 * one.  What is remembered is allocated in the context given.
 */
const Price *
price_find(Prices *prices, MemoryContext context, text *model,
		   text *resolution)
{
	MemoryContext caller;
	RememberedPrice *remembered;
	ListCell   *cell;

	if (resolution == NULL)
		resolution = cstring_to_text("");
	foreach(cell, prices->remembered)
	{
		remembered = lfirst(cell);
		if (price_same_text(remembered->model, model) &&
			price_same_text(remembered->resolution, resolution))
			return remembered->price;
	}

	caller = MemoryContextSwitchTo(context);
	remembered = palloc(sizeof(RememberedPrice));
	remembered->model = DatumGetTextPCopy(PointerGetDatum(model));
	remembered->resolution = DatumGetTextPCopy(PointerGetDatum(resolution));
	remembered->price = price_read(prices, model, resolution);
	prices->remembered = lappend(prices->remembered, remembered);
	MemoryContextSwitchTo(caller);
	return remembered->price;
}

/*
 * Whether so many are remembered that they are better forgotten.
 */
bool
price_are_many(const Prices *prices)
{
	return list_length(prices->remembered) >= PRICES_MAX;
}

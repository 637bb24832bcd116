/*
 * generation.h
 *		Generations, on their way from a door to the ledger.
 */
#ifndef GENERATION_H
#define GENERATION_H

#include "sale/accrual.h"
#include "sale/legs.h"

/* The two ways in which a generation uses a listing (R6). */
#define LISTING_USES		(LISTING_REFERENCE + 1)

/* An amount that a generation carries or that is derived for it. */
typedef struct Amount
{
	bool		given;
	int64		credits;
} Amount;

/* How a generation uses a listing. */
typedef struct ListingUse
{
	bool		used;
	Identifier	id;
	Amount		pool;
	Amount		surcharge;
	const Listing *listing;		/* resolved */
	Leg			creator_leg;	/* decided */
} ListingUse;

/* A generation: what a door has read, and what is decided of it. */
typedef struct Generation
{
	Sale		sale;
	Identifier	buyer;
	bool		in_run;
	Identifier	run;
	ListingUse	uses[LISTING_USES];
	int32		images;
	text	   *model;			/* NULL: none */
	text	   *resolution;		/* NULL: none */
	Amount		model_price;
	Amount		api_cost;
	bool		bundle_frame;

	int64		net_margin;
	Leg			brand_leg;
	LegTerms	terms;			/* in force (R15) */
	LegAmounts	legs;
} Generation;

/* The columns of commission.generation, in their order. */
enum GenerationField
{
	GENERATION_EVENT_ID,
	GENERATION_OCCURRED_AT,
	GENERATION_MODEL_PRICE,
	GENERATION_API_COST,
	GENERATION_AVATAR_VERSION,
	GENERATION_AVATAR_POOL,
	GENERATION_AVATAR_SURCHARGE,
	GENERATION_REFERENCE_VERSION,
	GENERATION_REFERENCE_POOL,
	GENERATION_REFERENCE_SURCHARGE,
	GENERATION_GENERATION_ID,
	GENERATION_BUYER_ID,
	GENERATION_RUN_ID,
	GENERATION_IMAGES,
	GENERATION_BRAND_RATIO_PPM,
	GENERATION_CREATOR_REF_RATIO_PPM,
	GENERATION_TOTAL_CAP_RATIO_PPM,
	GENERATION_DERIVED,
	GENERATION_BUNDLE_FRAME,
	GENERATION_BRAND_LEG,
	GENERATION_AVATAR_LEG,
	GENERATION_REFERENCE_LEG,
	GENERATION_GENERATION_NAME,
	GENERATION_BUYER_NAME,
	GENERATION_RUN_NAME,
	GENERATION_MODEL,
	GENERATION_RESOLUTION,
	GENERATION_FIELDS
};

/* Bits of commission.generation.derived, in the order of the columns. */
#define DERIVED_MODEL_PRICE			0x01
#define DERIVED_API_COST			0x02
#define DERIVED_POOL(use)			(0x04 << 2 * (use))
#define DERIVED_SURCHARGE(use)		(0x08 << 2 * (use))

/* The arguments of record_generation() and, but for the first, attach(). */
enum GenerationArgument
{
	ARGUMENT_GENERATION,
	ARGUMENT_BUYER,
	ARGUMENT_AVATAR,
	ARGUMENT_REFERENCE,
	ARGUMENT_RUN,
	ARGUMENT_IMAGES,
	ARGUMENT_MODEL,
	ARGUMENT_RESOLUTION,
	ARGUMENT_MODEL_PRICE,
	ARGUMENT_API_COST,
	ARGUMENT_AVATAR_POOL,
	ARGUMENT_AVATAR_SURCHARGE,
	ARGUMENT_REFERENCE_POOL,
	ARGUMENT_REFERENCE_SURCHARGE,
	ARGUMENT_BUNDLE_FRAME,
	ARGUMENT_PAID,
	ARGUMENT_OCCURRED_AT,
	GENERATION_ARGUMENTS
};

/* generation.c */
extern const SaleClass generation_class;

/* generation_door.c */
extern const ColumnSpec generation_columns[GENERATION_ARGUMENTS];
extern void generation_read(Sale *sale, const Column *columns,
							const Row *row);

/* generation_decide.c */
extern bool generation_may_owe(const Sale *sale);
extern bool generation_decide(Sale *sale, Resolver *resolver);

/* generation_compare.c */
extern void generation_check_same(const Generation *generation,
								  TupleTableSlot *recorded);

#endif							/* GENERATION_H */

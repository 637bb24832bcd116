/*
 * generation.h
 *		Generations, on their way from a door to the ledger.
 */
#ifndef GENERATION_H
#define GENERATION_H

#include "datatype/timestamp.h"
#include "executor/tuptable.h"

#include "identifier.h"
#include "resolve.h"

/* The two ways in which a generation uses a listing (R6). */
#define LISTING_USES		(LISTING_REFERENCE + 1)

/*
 * Whether a leg applied and, if not, why; as it is kept in
 * commission.generation.
 */
typedef enum LegStatus
{
	LEG_APPLIES = 'p',
	LEG_NO_REFERRAL = 'n',
	LEG_BEFORE_ATTRIBUTION = 'b',
	LEG_WINDOW_OVER = 'w',
	LEG_SELF_PAY = 's',
	LEG_EARNER_CLOSED = 'c',
	LEG_BUYER_CLOSED = 'a',
	LEG_MARKETPLACE_ONLY = 'm',
	LEG_SAME_OWNER = 'o',
	LEG_NO_LISTING = '-'
} LegStatus;

/* An amount that a generation carries or that is derived for it. */
typedef struct Amount
{
	bool		given;
	int64		credits;
} Amount;

/* A leg and, where it applies, whose it is. */
typedef struct Leg
{
	LegStatus	status;
	pg_uuid_t	earner;
} Leg;

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
	Identifier	id;
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
	bool		paid;
	TimestampTz occurred_at;

	bool		priced;			/* the amounts are all there */
	int64		net_margin;
	Leg			brand_leg;
	int64		event_id;		/* 0: nothing was owed to anybody */
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

/* generation_decide.c */
extern void generation_decide(Generation *generation, Resolver *resolver);
extern text *generation_name(const Generation *generation);

/* generation_compare.c */
extern void generation_check_same(const Generation *generation,
								  TupleTableSlot *recorded);

/* generation.c: the engine behind both doors */
typedef struct Accrual Accrual;

extern Accrual *generation_accrual_begin(bool follows_paid);
extern MemoryContext generation_batch_context(Accrual *accrual);
extern void generation_accrue(Accrual *accrual, Generation *generations,
							  int n);
extern void generation_accrual_end(Accrual *accrual);

#endif							/* GENERATION_H */

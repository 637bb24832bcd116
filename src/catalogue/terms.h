/*
 * terms.h
 *		The terms of an account, a group and the programme (R40 to R42).
 */
#ifndef TERMS_H
#define TERMS_H

#include "datatype/timestamp.h"
#include "utils/snapshot.h"

#include "base/identifier.h"
#include "base/lookup.h"

/* What terms state, in the order of commission.terms_version's columns. */
typedef enum Term
{
	TERM_FIRST_ORDER_AMOUNT,
	TERM_MINIMUM_PAYOUT,
	TERM_BRAND_RATIO,
	TERM_CREATOR_REF_RATIO,
	TERM_FIRST_ORDER_RATIO,
	TERM_RENEWAL_RATIO,
	TERM_UPGRADE_RATIO,
	TERM_UPGRADED_RENEWAL_RATIO,
	TERM_TOTAL_CAP_RATIO,
	TERM_RENEWALS,
	TERM_DAYS
} Term;

#define TERMS		(TERM_DAYS + 1)

/*
 * What is stated at a moment: for each term a value, ratios in parts per
 * million, and the version that states it; version 0: nobody does.
 */
typedef struct Terms
{
	int64		values[TERMS];
	int64		versions[TERMS];
	char		scopes[TERMS];	/* of the version */
} Terms;

/* A nominal ratio, and the version that states it; 0: the settings do. */
typedef struct Rate
{
	int32		ratio_ppm;
	int64		version;
} Rate;

/* Where terms are looked up; all else zero: not open yet. */
typedef struct TermsLookup
{
	MemoryContext context;		/* of what is opened */
	Lookup		versions;
	Lookup		groups;
	bool		program_announced;	/* any terms */
	bool		program_read;
	TimestampTz program_at;		/* the moment of */
	Terms		program;		/* the programme's */
} TermsLookup;

/* Whose terms to look up. */
typedef struct TermsSubject
{
	const pg_uuid_t *account;	/* NULL: it has none of its own */
	text	   *group;			/* NULL: in none */
} TermsSubject;

static inline bool
terms_state(const Terms *terms, Term term)
{
	return terms->versions[term] != 0;
}

extern const Terms *terms_of_program(TermsLookup *lookup, TimestampTz at,
									 int64 ignored);
extern void terms_look_up(TermsLookup *lookup, const TermsSubject *subject,
						  TimestampTz at, int64 ignored, Terms *terms);
extern text *terms_group_at(TermsLookup *lookup, const pg_uuid_t *account,
							TimestampTz at);
extern void terms_close(TermsLookup *lookup);
extern Rate terms_rate(const Terms *terms, Term term, int32 setting_ppm);

#endif							/* TERMS_H */

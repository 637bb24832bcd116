/*
 * terms.c
 *		The terms that apply at a moment (R40): an account's own, then its
 *		group's, then the programme's.  What none of them states, the settings
 *		do.
 *
 * A sale comes here only for an account that is out of the ordinary, and for
 * programme terms if any were ever announced; late.sql and terms_of() come by
 * terms_at(), so that there is one way of telling what applies.
 *
 * Locks: none but a look-up's.  Memory: that of the caller.
 */
#include "commission.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "base/ratio.h"
#include "catalogue/terms.h"

PG_FUNCTION_INFO_V1(commission_terms_at);

/* The columns of commission.terms_version, in their order. */
enum
{
	VERSION_VERSION = 1,
	VERSION_VALID_FROM,
	VERSION_ANNOUNCED_AT,
	VERSION_SUBJECT_ID,
	VERSION_FIRST_TERM,
	VERSION_SCOPE = VERSION_FIRST_TERM + TERMS,
	VERSION_ANNOUNCED_BY,
	VERSION_GROUP_NAME,
	VERSION_REASON,
	VERSION_COLUMNS = VERSION_REASON
};

/* The columns of commission.group_change, in their order. */
enum
{
	CHANGE_CHANGE_ID = 1,
	CHANGE_VALID_FROM,
	CHANGE_CHANGED_AT,
	CHANGE_ACCOUNT_ID,
	CHANGE_FIGURE,
	CHANGE_BY_TIER,
	CHANGE_CHANGED_BY,
	CHANGE_FROM_GROUP,
	CHANGE_TO_GROUP,
	CHANGE_REASON,
	CHANGE_COLUMNS = CHANGE_REASON
};

/* The scope of a version; its subject is a key, of which the programme has none. */
#define SCOPE_ACCOUNT	'a'
#define SCOPE_GROUP		'g'
#define SCOPE_PROGRAM	'p'

static const pg_uuid_t program_subject = {{0}};

/* The names of the terms, as terms_at() gives them. */
static const char *const term_names[TERMS] = {
	[TERM_FIRST_ORDER_AMOUNT] = "first_order_amount",
	[TERM_MINIMUM_PAYOUT] = "minimum_payout",
	[TERM_BRAND_RATIO] = "brand_ratio",
	[TERM_CREATOR_REF_RATIO] = "creator_ref_ratio",
	[TERM_FIRST_ORDER_RATIO] = "first_order_ratio",
	[TERM_RENEWAL_RATIO] = "renewal_ratio",
	[TERM_UPGRADE_RATIO] = "upgrade_ratio",
	[TERM_UPGRADED_RENEWAL_RATIO] = "upgraded_renewal_ratio",
	[TERM_TOTAL_CAP_RATIO] = "total_cap_ratio",
	[TERM_RENEWALS] = "renewals",
	[TERM_DAYS] = "days"
};

/*
 * Whether a term is taken from a version.  The ratio and the amount of a first
 * order are one term in two forms: whoever states one states no other.
 */
static bool
terms_take(const Terms *terms, Term term)
{
	if (term == TERM_FIRST_ORDER_AMOUNT || term == TERM_FIRST_ORDER_RATIO)
		return !terms_state(terms, TERM_FIRST_ORDER_AMOUNT) &&
			!terms_state(terms, TERM_FIRST_ORDER_RATIO);
	return !terms_state(terms, term);
}

/*
 * Add what a broader scope states and no narrower one has stated.
 */
static void
terms_add(Terms *terms, const Terms *broader)
{
	const Terms narrower = *terms;

	for (int term = 0; term < TERMS; term++)
	{
		if (!terms_state(broader, term) || !terms_take(&narrower, term))
			continue;
		terms->values[term] = broader->values[term];
		terms->versions[term] = broader->versions[term];
		terms->scopes[term] = broader->scopes[term];
	}
}

/*
 * What a version states.  An amount is in place of a ratio.
 */
static void
terms_read(Terms *terms, TupleTableSlot *slot, char scope)
{
	bool		isnull;
	int64		version = DatumGetInt64(slot_getattr(slot, VERSION_VERSION,
													 &isnull));

	for (int term = 0; term < TERMS; term++)
	{
		Datum		value = slot_getattr(slot, VERSION_FIRST_TERM + term,
										 &isnull);

		if (isnull)
			continue;
		terms->values[term] = DatumGetInt64(value);
		terms->versions[term] = version;
		terms->scopes[term] = scope;
	}
	if (terms_state(terms, TERM_FIRST_ORDER_AMOUNT))
		terms->versions[TERM_FIRST_ORDER_RATIO] = 0;
}

/*
 * Open a table to look things up in, unless it is.
 */
static void
terms_open(TermsLookup *terms, Lookup *lookup, const char *table, int natts,
		   const char *index, int nkeys, const RegProcedure *equal)
{
	MemoryContext caller;

	if (lookup->table)
		return;
	caller = MemoryContextSwitchTo(terms->context);
	lookup_open(lookup, table, natts, index, GetActiveSnapshot(), nkeys, equal);
	MemoryContextSwitchTo(caller);
}

/*
 * What the version of a subject states that is in force at a moment: that
 * which began last, and of two that began at once the one announced last.
 */
static void
terms_of_subject(TermsLookup *lookup, char scope, const pg_uuid_t *subject,
				 TimestampTz at, int64 ignored, Terms *terms)
{
	static const RegProcedure equal[] = {F_CHAREQ, F_UUID_EQ};
	TupleTableSlot *slot;
	bool		isnull;

	memset(terms, 0, sizeof(*terms));
	terms_open(lookup, &lookup->versions, "terms_version", VERSION_COLUMNS,
			   "terms_version_subject_idx", 2, equal);
	for (slot = lookup_find_last(&lookup->versions, CharGetDatum(scope),
								 UUIDPGetDatum(subject));
		 slot; slot = lookup_next(&lookup->versions))
	{
		if (DatumGetTimestampTz(slot_getattr(slot, VERSION_VALID_FROM,
											 &isnull)) <= at &&
			DatumGetInt64(slot_getattr(slot, VERSION_VERSION,
									   &isnull)) != ignored)
		{
			terms_read(terms, slot, scope);
			return;
		}
	}
}

/*
 * The programme's terms.  Their index is without a page until the first are
 * announced, which is all that a sale asks then.
 */
const Terms *
terms_of_program(TermsLookup *lookup, TimestampTz at, int64 ignored)
{
	if (!lookup->program_read)
		lookup->program_announced =
			!lookup_index_is_empty("terms_version_program_idx");
	if (lookup->program_announced &&
		!(lookup->program_read && lookup->program_at == at))
		terms_of_subject(lookup, SCOPE_PROGRAM, &program_subject, at, ignored,
						 &lookup->program);
	lookup->program_read = true;
	lookup->program_at = at;
	return &lookup->program;
}

/*
 * What is stated at a moment, as if a version (0: none), the same for all
 * calls with this lookup, were not there.
 */
void
terms_look_up(TermsLookup *lookup, const TermsSubject *subject, TimestampTz at,
			  int64 ignored, Terms *terms)
{
	memset(terms, 0, sizeof(*terms));
	if (subject->account)
		terms_of_subject(lookup, SCOPE_ACCOUNT, subject->account, at, ignored,
						 terms);
	if (subject->group)
	{
		Identifier	group = identifier_from_text(subject->group, "group");
		Terms		of_group;

		terms_of_subject(lookup, SCOPE_GROUP, &group.id, at, ignored, &of_group);
		terms_add(terms, &of_group);
	}
	terms_add(terms, terms_of_program(lookup, at, ignored));
}

/*
 * The group that an account was in at a moment; NULL: none.
 */
text *
terms_group_at(TermsLookup *lookup, const pg_uuid_t *account, TimestampTz at)
{
	static const RegProcedure equal[] = {F_UUID_EQ};
	TupleTableSlot *slot;
	bool		isnull;
	Datum		group;

	terms_open(lookup, &lookup->groups, "group_change", CHANGE_COLUMNS,
			   "group_change_account_idx", 1, equal);
	for (slot = lookup_find_last(&lookup->groups, UUIDPGetDatum(account), 0);
		 slot; slot = lookup_next(&lookup->groups))
		if (DatumGetTimestampTz(slot_getattr(slot, CHANGE_VALID_FROM,
											 &isnull)) <= at)
			break;
	if (slot == NULL)
		return NULL;
	group = slot_getattr(slot, CHANGE_TO_GROUP, &isnull);
	return isnull ? NULL : DatumGetTextPCopy(group);
}

/*
 * Close what was opened.
 */
void
terms_close(TermsLookup *lookup)
{
	lookup_close(&lookup->versions);
	lookup_close(&lookup->groups);
}

/*
 * A ratio that terms or, if they do not state it, the settings give.
 */
Rate
terms_rate(const Terms *terms, Term term, int32 setting_ppm)
{
	Rate		rate = {setting_ppm, 0};

	if (terms_state(terms, term))
	{
		rate.ratio_ppm = (int32) terms->values[term];
		rate.version = terms->versions[term];
	}
	return rate;
}

/*
 * terms_at(account_id uuid, group_name text, at timestamptz, ignored bigint)
 */
Datum
commission_terms_at(PG_FUNCTION_ARGS)
{
	TermsSubject subject = {
		PG_ARGISNULL(0) ? NULL : PG_GETARG_UUID_P(0),
		PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1)
	};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TermsLookup lookup = {.context = CurrentMemoryContext};
	Terms		terms;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(2))
		return (Datum) 0;
	terms_look_up(&lookup, &subject, PG_GETARG_TIMESTAMPTZ(2),
				  PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3), &terms);
	terms_close(&lookup);
	for (int term = 0; term < TERMS; term++)
	{
		Datum		values[4];
		bool		nulls[4] = {false};

		if (!terms_state(&terms, term))
			continue;
		values[0] = CStringGetTextDatum(term_names[term]);
		values[1] = Int64GetDatum(terms.values[term]);
		values[2] = Int64GetDatum(terms.versions[term]);
		values[3] = CharGetDatum(terms.scopes[term]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

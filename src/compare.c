/*
 * compare.c
 *		Whether a sale that arrives again is the one that is recorded (R17).
 *
 * What the application gave is compared, field by field.
 */
#include "commission.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compare.h"

/*
 * The error: other content under a known id.
 */
static void
compare_report(const Sale *sale, const char *noun, const char *what,
			   const char *recorded, const char *given)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("%s \"%s\" is already recorded with other content", noun,
					text_to_cstring(identifier_text(&sale->id))),
			 errdetail("Its %s is %s there, and %s here.", what,
					   recorded ? recorded : "missing",
					   given ? given : "missing"),
			 errhint("Use another id for another %s, and reverse_%s() for a refund.",
					 noun, noun)));
}

/*
 * Compare two texts.
 */
void
compare_text(const Sale *sale, const char *noun, const char *what,
			 const char *recorded, const char *given)
{
	if (recorded == NULL && given == NULL)
		return;
	if (recorded == NULL || given == NULL || strcmp(recorded, given) != 0)
		compare_report(sale, noun, what, recorded, given);
}

/*
 * Compare two keys.
 */
void
compare_id(const Sale *sale, const char *noun, const char *what,
		   const pg_uuid_t *recorded, const pg_uuid_t *given)
{
	if (recorded && given && identifier_equal(recorded, given))
		return;
	compare_text(sale, noun, what,
				 recorded ? text_to_cstring(identifier_name(recorded)) : NULL,
				 given ? text_to_cstring(identifier_name(given)) : NULL);
}

/*
 * Compare two numbers.
 */
void
compare_number(const Sale *sale, const char *noun, const char *what,
			   int64 recorded, int64 given)
{
	if (recorded != given)
		compare_report(sale, noun, what,
					   psprintf("%lld", (long long) recorded),
					   psprintf("%lld", (long long) given));
}

/*
 * Compare when it was.  A time that is the current transaction's is what the
 * default gives, and not compared.
 */
void
compare_time(const Sale *sale, const char *noun, TupleTableSlot *recorded,
			 int field)
{
	bool		isnull;
	TimestampTz occurred_at =
		DatumGetTimestampTz(slot_getattr(recorded, field + 1, &isnull));

	if (sale->occurred_at != occurred_at &&
		sale->occurred_at != GetCurrentTransactionStartTimestamp())
		compare_report(sale, noun, "time",
					   pstrdup(timestamptz_to_str(occurred_at)),
					   pstrdup(timestamptz_to_str(sale->occurred_at)));
}

/*
 * A recorded text.
 */
char *
compare_recorded_text(TupleTableSlot *recorded, int field)
{
	bool		isnull;
	Datum		datum = slot_getattr(recorded, field + 1, &isnull);

	return isnull ? NULL : TextDatumGetCString(datum);
}

/*
 * A recorded key.
 */
pg_uuid_t *
compare_recorded_id(TupleTableSlot *recorded, int field)
{
	bool		isnull;
	Datum		datum = slot_getattr(recorded, field + 1, &isnull);

	return isnull ? NULL : DatumGetUUIDP(datum);
}

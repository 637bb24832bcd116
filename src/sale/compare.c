/*
 * compare.c
 *		Whether a sale that arrives again is the one that is recorded (R17).
 *
 * What the application gave is compared, field by field.
 */
#include "commission.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "base/lookup.h"
#include "sale/compare.h"

/* The columns of commission.account that name it. */
#define ACCOUNT_COLUMNS		5
#define ACCOUNT_NAME		4

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
 * A text as messages show it, so that an empty one is seen.
 */
static char *
compare_quoted(const char *value)
{
	return value ? psprintf("\"%s\"", value) : NULL;
}

/*
 * Compare texts that the application gave.
 */
void
compare_given_text(const Sale *sale, const char *noun, const char *what,
				   TupleTableSlot *recorded, int field, text *given)
{
	bool		isnull;
	Datum		datum = slot_getattr(recorded, field + 1, &isnull);

	compare_text(sale, noun, what,
				 isnull ? NULL : compare_quoted(TextDatumGetCString(datum)),
				 given ? compare_quoted(text_to_cstring(given)) : NULL);
}

/*
 * Compare two identifiers; the error has them as the application names them.
 */
void
compare_identifier(const Sale *sale, const char *noun, const char *what,
				   const Identifier *recorded, const Identifier *given)
{
	if (recorded == given)
		return;					/* both missing */
	if (recorded && given && identifier_equal(&recorded->id, &given->id))
		return;
	compare_report(sale, noun, what,
				   recorded ? compare_quoted(text_to_cstring(identifier_text(recorded))) : NULL,
				   given ? compare_quoted(text_to_cstring(identifier_text(given))) : NULL);
}

/*
 * The name of an account in the catalogue; NULL if it is not there.
 */
static text *
compare_account_name(const pg_uuid_t *account)
{
	static const RegProcedure equal_uuid[] = {F_UUID_EQ};
	Lookup		lookup = {0};
	TupleTableSlot *slot;
	text	   *name = NULL;
	bool		isnull;

	lookup_open(&lookup, "account", ACCOUNT_COLUMNS, "account_pkey",
				GetActiveSnapshot(), 1, equal_uuid);
	slot = lookup_find(&lookup, UUIDPGetDatum(account), 0);
	if (slot)
		name = DatumGetTextPCopy(slot_getattr(slot, ACCOUNT_NAME, &isnull));
	lookup_close(&lookup);
	return name;
}

/*
 * Compare accounts.  The recorded one's name is with the sale only if the
 * catalogue had it not.
 */
void
compare_account(const Sale *sale, const char *noun, const char *what,
				TupleTableSlot *recorded, int id_field, int name_field,
				const Identifier *given)
{
	Identifier *account = compare_recorded_identifier(recorded, id_field,
													  name_field);

	if (identifier_equal(&account->id, &given->id))
		return;
	if (account->name == NULL)
		account->name = compare_account_name(&account->id);
	compare_identifier(sale, noun, what, account, given);
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
 * A recorded key.
 */
pg_uuid_t *
compare_recorded_id(TupleTableSlot *recorded, int field)
{
	bool		isnull;
	Datum		datum = slot_getattr(recorded, field + 1, &isnull);

	return isnull ? NULL : DatumGetUUIDP(datum);
}

/*
 * A recorded identifier.
 */
Identifier *
compare_recorded_identifier(TupleTableSlot *recorded, int id_field,
							int name_field)
{
	pg_uuid_t  *id = compare_recorded_id(recorded, id_field);
	Identifier *identifier;
	bool		isnull;
	Datum		name;

	if (id == NULL)
		return NULL;
	identifier = palloc(sizeof(Identifier));
	identifier->id = *id;
	name = slot_getattr(recorded, name_field + 1, &isnull);
	identifier->name = isnull ? NULL : DatumGetTextPP(name);
	return identifier;
}

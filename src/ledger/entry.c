/*
 * entry.c
 *		The ledger's entries, as they are written (R18).
 *
 * An entry is only ever appended.  Nothing else is written here, and nothing
 * locked that two sales could share.
 */
#include "commission.h"

#include "utils/timestamp.h"

#include "base/lookup.h"
#include "ledger/append.h"
#include "ledger/entry.h"

/* The columns of commission.entry, in their order. */
enum EntryColumn
{
	ENTRY_EVENT_ID,
	ENTRY_AMOUNT,
	ENTRY_OCCURRED_AT,
	ENTRY_ACCOUNT_ID,
	ENTRY_FROM_ACCOUNT_ID,
	ENTRY_BUYER_ID,
	ENTRY_KIND,
	ENTRY_COUNTS_AS,
	ENTRY_RATIO_PPM,
	ENTRY_LINE,
	ENTRY_COLUMNS
};

struct Ledger
{
	Appender   *appender;
	Datum		kinds[ENTRY_KINDS]; /* 0: not looked up yet */
};

static const char *const entry_kind_labels[ENTRY_KINDS] = {
	[ENTRY_BRAND] = "brand",
	[ENTRY_CREATOR] = "creator",
	[ENTRY_POOL] = "pool",
	[ENTRY_FIRST_ORDER] = "first_order",
	[ENTRY_RENEWAL] = "renewal",
	[ENTRY_UPGRADE] = "upgrade",
	[ENTRY_REVERSAL] = "reversal",
	[ENTRY_WITHDRAWAL] = "withdrawal",
	[ENTRY_WITHDRAWAL_RETURN] = "withdrawal_return"
};

/*
 * An entry's kind as a value of its SQL type.
 */
Datum
ledger_kind_datum(EntryKind kind, Oid enum_type)
{
	return ObjectIdGetDatum(lookup_enum(enum_type, entry_kind_labels[kind]));
}

/*
 * An entry's kind from its label.
 */
EntryKind
ledger_kind_from_label(const char *label)
{
	for (int kind = 0; kind < ENTRY_KINDS; kind++)
		if (strcmp(entry_kind_labels[kind], label) == 0)
			return kind;
	elog(ERROR, "unknown kind of entry \"%s\"", label);
}

/*
 * Open the ledger for appending.
 */
Ledger *
ledger_open(void)
{
	Ledger	   *ledger = palloc0(sizeof(Ledger));

	ledger->appender = append_open("entry", ENTRY_COLUMNS, NULL);
	return ledger;
}

/*
 * The value of a kind, looked up once for each ledger_open().
 */
static Datum
ledger_kind(Ledger *ledger, EntryKind kind)
{
	if (ledger->kinds[kind] == (Datum) 0)
	{
		TupleDesc	tupdesc = append_tupdesc(ledger->appender);

		ledger->kinds[kind] =
			ledger_kind_datum(kind, TupleDescAttr(tupdesc, ENTRY_KIND)->atttypid);
	}
	return ledger->kinds[kind];
}

/*
 * Append an entry.
 */
void
ledger_put(Ledger *ledger, const LedgerEntry *entry)
{
	Datum		values[ENTRY_COLUMNS];
	bool		nulls[ENTRY_COLUMNS] = {false};

	values[ENTRY_EVENT_ID] = Int64GetDatum(entry->event_id);
	values[ENTRY_AMOUNT] = Int64GetDatum(entry->amount);
	values[ENTRY_OCCURRED_AT] = TimestampTzGetDatum(entry->occurred_at);
	values[ENTRY_ACCOUNT_ID] = UUIDPGetDatum(entry->account);
	values[ENTRY_FROM_ACCOUNT_ID] = UUIDPGetDatum(entry->from_account);
	nulls[ENTRY_FROM_ACCOUNT_ID] = entry->from_account == NULL;
	values[ENTRY_BUYER_ID] = UUIDPGetDatum(entry->buyer);
	nulls[ENTRY_BUYER_ID] = entry->buyer == NULL;
	values[ENTRY_KIND] = ledger_kind(ledger, entry->kind);
	values[ENTRY_COUNTS_AS] = ledger_kind(ledger, entry->counts_as);
	values[ENTRY_RATIO_PPM] = Int32GetDatum(entry->ratio_ppm);
	nulls[ENTRY_RATIO_PPM] = entry->ratio_ppm == LEDGER_NO_RATIO;
	values[ENTRY_LINE] = Int16GetDatum(entry->line);
	append_put(ledger->appender, values, nulls);
}

/*
 * Write what is held; after it, the entries' uuids are no longer needed.
 */
void
ledger_flush(Ledger *ledger)
{
	append_flush(ledger->appender);
}

/*
 * Write what is held and close the ledger.
 */
void
ledger_close(Ledger *ledger)
{
	append_close(ledger->appender);
	pfree(ledger);
}

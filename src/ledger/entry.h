/*
 * entry.h
 *		The ledger's entries and event ids.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include "datatype/timestamp.h"
#include "utils/uuid.h"

/* A row of commission.entry; uuids must live until the ledger is flushed. */
typedef struct LedgerEntry
{
	int64		event_id;
	int16		line;
	EntryKind	kind;
	EntryKind	counts_as;
	int64		amount;
	const pg_uuid_t *account;
	const pg_uuid_t *from_account;	/* NULL: none */
	const pg_uuid_t *buyer;		/* NULL: from_account, or none */
	int32		ratio_ppm;		/* LEDGER_NO_RATIO: none */
	TimestampTz occurred_at;
} LedgerEntry;

#define LEDGER_NO_RATIO		(-1)

/*
 * The largest number that a machine's sequence gives.  The one above it, with
 * every bit set, is the end of the machine's event ids: it fits in bigint for
 * every machine, the last one's, too.
 */
#define EVENT_NUMBER_MAX	INT64CONST(281474976710654)

typedef struct Ledger Ledger;

extern Datum ledger_kind_datum(EntryKind kind, Oid enum_type);
extern EntryKind ledger_kind_from_label(const char *label);
extern int64 ledger_draw_event_id(void);
extern Ledger *ledger_open(void);
extern void ledger_put(Ledger *ledger, const LedgerEntry *entry);
extern void ledger_flush(Ledger *ledger);
extern void ledger_close(Ledger *ledger);

#endif							/* LEDGER_H */

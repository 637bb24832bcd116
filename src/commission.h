/*
 * commission.h
 *		What every room shares: the schema's name, the vocabulary of the ledger
 *		and the limits.
 *
 * Each room has a header of its own for what it gives to the others; a room
 * includes what it uses.
 */
#ifndef COMMISSION_H
#define COMMISSION_H

#include "postgres.h"

#define COMMISSION_SCHEMA	"commission"
#define COMMISSION_INTERNAL_SCHEMA	"commission_internal"

/* R19: a listing has an owner and at most five co-authors. */
#define CO_AUTHORS_MAX		5

/*
 * The kinds of ledger entries, in the order of the SQL type
 * commission.entry_kind; entry_kind_label() gives the SQL spelling.
 */
typedef enum EntryKind
{
	ENTRY_BRAND,
	ENTRY_CREATOR,
	ENTRY_POOL,
	ENTRY_FIRST_ORDER,
	ENTRY_RENEWAL,
	ENTRY_UPGRADE,
	ENTRY_REVERSAL,
	ENTRY_WITHDRAWAL,
	ENTRY_WITHDRAWAL_RETURN
} EntryKind;

#define ENTRY_KINDS			(ENTRY_WITHDRAWAL_RETURN + 1)

#endif							/* COMMISSION_H */

/*
 * absence.c
 *		Locks on what the catalogue does not have.
 *
 * What a sale did not find (its buyer's referrer, say) may be in a transaction
 * that is open at the same time, which in turn cannot see the sale.  So that
 * one of the two sees the other, a sale that finds nothing shares a lock on
 * the absence until its transaction ends, and then looks again; and whoever
 * ends the absence takes the lock for itself and then looks for sales.  Both
 * look under the latest snapshot, whatever the isolation level.
 *
 * Sales never wait for one another here, and one that finds all it looks for
 * takes no lock at all.
 *
 * Locks: advisory locks that no SQL function can take, in two levels, so that
 * one transaction has not too many: an absence, and all absences of a kind.
 * The latter is what a transaction locks after its first few absences, instead
 * of each.
 */
#include "commission.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/proc.h"

#include "catalogue/absence.h"
#include "compat.h"

PG_FUNCTION_INFO_V1(commission_end_absence);

/* Absences that one transaction locks each by itself. */
#define ABSENCES_MAX		16

/*
 * The last field of our locks' tags, above what pg_advisory_lock() sets there.
 */
#define ABSENCE_ONE			0x6300
#define ABSENCE_ALL			0x6400

/* The transaction that took locks, and how many. */
static LocalTransactionId absence_transaction = InvalidLocalTransactionId;
static int	absences_locked;

/*
 * Take a lock until the end of the transaction; false if it has it already.
 */
static bool
absence_lock(Absence what, uint16 level, uint64 hash, LOCKMODE mode)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (hash >> 32),
						 (uint32) hash, level + what);
	return LockAcquire(&tag, mode, false, false) != LOCKACQUIRE_ALREADY_HELD;
}

/*
 * Whether the transaction has locked so few that it may lock one more by
 * itself.
 */
static bool
absence_are_few(void)
{
	if (absence_transaction != compat_lxid(MyProc))
	{
		absence_transaction = compat_lxid(MyProc);
		absences_locked = 0;
	}
	return absences_locked < ABSENCES_MAX;
}

/*
 * A sale did not find what has this hash: until its transaction ends, nobody
 * else ends that absence.  Look again after it.
 */
void
absence_share(Absence what, uint64 hash)
{
	if (!absence_are_few())
	{
		(void) absence_lock(what, ABSENCE_ALL, 0, ShareLock);
		return;
	}
	(void) absence_lock(what, ABSENCE_ALL, 0, RowShareLock);
	if (absence_lock(what, ABSENCE_ONE, hash, ShareLock))
		absences_locked++;
}

/*
 * end_absence(what "char", hash bigint): from here on nobody finds it absent,
 * and whoever has is done.  A NULL hash is all of the kind.
 *
 * The one is locked before the intention on all.  So whoever waits here for a
 * sale that has locked the one holds up no sale that goes on to lock all.
 */
Datum
commission_end_absence(PG_FUNCTION_ARGS)
{
	Absence		what = PG_GETARG_CHAR(0);

	if (PG_ARGISNULL(1) || !absence_are_few())
	{
		(void) absence_lock(what, ABSENCE_ALL, 0, ExclusiveLock);
		PG_RETURN_VOID();
	}
	if (absence_lock(what, ABSENCE_ONE, PG_GETARG_INT64(1), ExclusiveLock))
		absences_locked++;
	(void) absence_lock(what, ABSENCE_ALL, 0, RowExclusiveLock);
	PG_RETURN_VOID();
}

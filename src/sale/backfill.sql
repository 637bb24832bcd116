/*
 * backfill.sql: sales that were in the application's table before it was
 * attached.
 */

CREATE PROCEDURE commission.backfill(relation regclass,
									 since timestamptz DEFAULT NULL)
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'commission_backfill';
COMMENT ON PROCEDURE commission.backfill(regclass, timestamptz) IS
	'records the rows of an attached table that are paid and not in the ledger yet, those of a time from since on (NULL: all), in the order of the mapped occurred_at, as their INSERT would now: under the listings, referrals and settings in force. Sales go on meanwhile, and each is recorded once: a sale that is made unpaid before it is reached is recorded and reversed. It commits after each 10,000 rows and tells of each 100,000 by a NOTICE; interrupted, or stopped by an error, which names the sale, it is called again and skips what is recorded. A second call at the same time, on whatever table, waits for the first. Rows are read as they were when it began. The caller needs SELECT on the mapped columns; 55000 for a table that is not attached or that is attached without occurred_at, 25001 in a transaction block or function, 22004 for a NULL relation, 42P01 for one that does not exist, 40P01 where it waited for a sale that waited for it, which goes on, and the errors of record_generation or record_order';

/*
 * settle.sql: event ids under which nothing can come to the ledger any more.
 */

CREATE VIEW commission_internal.present_event AS
	SELECT e.event_id FROM commission.entry AS e
	UNION ALL
	SELECT t.event_id FROM commission.withdrawal_transition AS t;
COMMENT ON VIEW commission_internal.present_event IS
	'the event ids of entries and of transitions of withdrawals, which are settled wherever they can be seen: an event is one transaction''s';

CREATE FUNCTION commission_internal.settle(
	done int8multirange, wait_ms integer, gaps_max integer)
	RETURNS int8multirange
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_settle';
COMMENT ON FUNCTION commission_internal.settle(int8multirange, integer, integer) IS
	'the event ids of this node that are not done and under which nothing will come to the ledger any more. Transactions that have drawn event ids are waited for so many milliseconds; if one is still open then, up to so many ranges of ids that may be its own are left out, and everything from the last of these on. The transaction''s commit is synchronous. 25000 under REPEATABLE READ and SERIALIZABLE, which could not see what has settled';

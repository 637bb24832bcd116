/*
 * destination_signal.sql: payout destinations of several accounts (R47).
 */

CREATE VIEW commission_internal.destination_use AS
	SELECT c.destination_key, c.account_id, c.changed_at AS used_at, c.destination
	FROM commission.payout_change AS c
	UNION ALL
	SELECT w.destination_key, w.account_id, w.requested_at, w.destination
	FROM commission.withdrawal AS w;
COMMENT ON VIEW commission_internal.destination_use IS
	'each payout address and each withdrawal, by where its money goes';

/* Two accounts have two hashes; uuid itself has no min() before PostgreSQL 18. */
CREATE VIEW commission_internal.destination_signal AS
	SELECT 'shared_destination' AS rule, x.account_id,
		d.accounts[CASE x.n WHEN 1 THEN 2 ELSE 1 END] AS other_id,
		jsonb_build_object('destination', commission.mask(d.destination),
			'accounts', cardinality(d.accounts)) AS evidence,
		d.since
	FROM (
		SELECT u.destination_key FROM commission_internal.destination_use AS u
		GROUP BY u.destination_key
		HAVING min(uuid_hash_extended(u.account_id, 0))
			<> max(uuid_hash_extended(u.account_id, 0))) AS k
	CROSS JOIN LATERAL (
		SELECT array_agg(DISTINCT u.account_id) AS accounts,
			min(u.destination COLLATE "C") AS destination,
			max(u.used_at) AS since
		FROM commission_internal.destination_use AS u
		WHERE u.destination_key = k.destination_key
		GROUP BY commission_internal.mailbox(u.destination)
		HAVING max(u.used_at) >= commission_internal.signals_since()) AS d
	CROSS JOIN LATERAL unnest(d.accounts) WITH ORDINALITY AS x (account_id, n)
	WHERE cardinality(d.accounts) > 1;
COMMENT ON VIEW commission_internal.destination_signal IS
	'accounts that share a payout destination, used in the last commission.signal_days, with others: one of them, and how many they are';

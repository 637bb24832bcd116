/*
 * entry_problem.sql: the ledger, checked by itself (for audit()).
 */

CREATE FUNCTION commission_internal.entry_problem(first_event_id bigint,
												 last_event_id bigint)
	RETURNS TABLE (problem text, event_id bigint, detail text)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH entry AS NOT MATERIALIZED (
		SELECT * FROM commission.entry AS e
		WHERE e.event_id BETWEEN first_event_id AND last_event_id)
	SELECT 'self-pay' AS problem, e.event_id,
		format('%s entry of account %s', e.kind, e.account_id) AS detail
	FROM entry AS e
	WHERE e.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')
		AND (e.account_id = e.from_account_id
			 OR e.counts_as = 'creator'
			 AND e.buyer_id IN (e.account_id, e.from_account_id))
	UNION ALL
	SELECT 'entry that counts as another kind', e.event_id,
		format('line %s: %s, counted as %s', e.line, e.kind, e.counts_as)
	FROM entry AS e
	WHERE NOT CASE e.kind
			WHEN 'reversal' THEN e.counts_as NOT IN (
				'reversal', 'withdrawal', 'withdrawal_return', 'adjustment')
			WHEN 'withdrawal_return' THEN e.counts_as = 'withdrawal'
			ELSE e.counts_as = e.kind
		END
	UNION ALL
	SELECT 'entry of no event', e.event_id, format('line %s', e.line)
	FROM entry AS e
	WHERE NOT EXISTS (SELECT FROM commission.generation AS g
					  WHERE g.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.customer_order AS c
						WHERE c.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.reversal AS r
						WHERE r.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.late_accrual AS l
						WHERE l.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.withdrawal_transition AS t
						WHERE t.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.adjustment AS a
						WHERE a.event_id = e.event_id)
	UNION ALL
	SELECT 'entry of an account that does not exist', e.event_id,
		format('line %s of account %s', e.line, e.account_id)
	FROM entry AS e
	WHERE NOT EXISTS (SELECT FROM commission.account AS a
					  WHERE a.account_id = e.account_id)
	UNION ALL
	/* rollup() relies on ids being drawn in ascending order. */
	SELECT 'sequence behind its event ids', max(e.event_id),
		format('commission.event_id_seq has come to %s, and node %s has recorded event number %s: call setval() with that, or give the machine another commission.node_id',
			s.last_value - (NOT s.is_called)::integer,
			commission_internal.setting('node_id'), max(e.event_id) & 281474976710655)
	FROM commission.event_id_seq AS s
	JOIN entry AS e
		ON e.event_id > (commission_internal.setting('node_id')::bigint << 48)
			+ s.last_value - (NOT s.is_called)::integer
		AND e.event_id <= (commission_internal.setting('node_id')::bigint << 48)
			+ 281474976710655
	GROUP BY s.last_value, s.is_called;
END;
COMMENT ON FUNCTION commission_internal.entry_problem(bigint, bigint) IS
	'of the entries from one event id to another, those that break a rule whatever they are for (R13, R18), or that belong to no event or account, and a sequence that is behind their event ids';

/*
 * reversal_problem.sql: refunds, checked against what they reverse (for audit()).
 */

CREATE VIEW commission_internal.refunded_event AS
	SELECT s.event_id, s.buyer_total, r.refunded
	FROM (SELECT v.reversed_event_id, sum(v.refunded) AS refunded
		  FROM commission.reversal AS v
		  GROUP BY v.reversed_event_id) AS r
	JOIN commission_internal.sale_total AS s ON s.event_id = r.reversed_event_id;
COMMENT ON VIEW commission_internal.refunded_event IS
	'generations and orders of which something was refunded: what the buyer paid and what was refunded in all, in credits';

CREATE VIEW commission_internal.reversal_problem AS
	/* R21: what each entry of a refunded event has kept. */
	SELECT 'refund took another amount' AS problem, o.event_id,
		format('%s of %s credits has kept %s instead of %s',
			   o.counts_as, o.amount, o.amount + taken.amount, o.kept) AS detail
	FROM (
		SELECT r.event_id, e.account_id, e.from_account_id, e.counts_as,
			sum(e.amount) AS amount,
			sum(div(e.amount::numeric * (r.buyer_total - r.refunded),
					r.buyer_total)) AS kept
		FROM commission_internal.refunded_event AS r
		CROSS JOIN LATERAL (
			SELECT * FROM commission_internal.sale_entry AS e
			WHERE e.sale_event_id = r.event_id OFFSET 0) AS e
		GROUP BY r.event_id, e.account_id, e.from_account_id, e.counts_as
	) AS o
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(e.amount), 0)
		FROM commission_internal.event_sale AS v
		CROSS JOIN LATERAL (
			SELECT * FROM commission.entry AS e
			WHERE e.event_id = v.event_id AND e.kind = 'reversal' OFFSET 0) AS e
		WHERE v.sale_event_id = o.event_id
			AND e.account_id = o.account_id
			AND e.from_account_id = o.from_account_id
			AND e.counts_as = o.counts_as
	) AS taken (amount)
	WHERE o.amount + taken.amount <> o.kept
	UNION ALL
	SELECT 'reversal of what was not earned', e.event_id,
		format('line %s: %s of %s credits, counted as %s', e.line, e.kind,
			   e.amount, e.counts_as)
	FROM commission.reversal AS v
	JOIN commission.entry AS e ON e.event_id = v.event_id
	WHERE e.kind <> 'reversal'
		OR e.occurred_at <> v.occurred_at
		OR NOT EXISTS (SELECT FROM commission_internal.sale_entry AS o
					   WHERE o.sale_event_id = v.reversed_event_id
						AND o.account_id = e.account_id
						AND o.from_account_id = e.from_account_id
						AND o.counts_as = e.counts_as)
	UNION ALL
	SELECT 'refund of more than was paid', r.event_id,
		format('%s credits were refunded of %s', r.refunded, r.buyer_total)
	FROM commission_internal.refunded_event AS r
	WHERE r.refunded NOT BETWEEN 0 AND r.buyer_total
	UNION ALL
	SELECT 'reversal of no event', r.event_id,
		format('it reverses %s', r.reversed_event_id)
	FROM commission.reversal AS r
	WHERE NOT EXISTS (SELECT FROM commission_internal.refunded_event AS e
					  WHERE e.event_id = r.reversed_event_id);
COMMENT ON VIEW commission_internal.reversal_problem IS
	'refunds that took another amount than R21 says, or of more than was paid, or of nothing';

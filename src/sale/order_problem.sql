/*
 * order_problem.sql: orders, recomputed from their facts (for audit()).
 */

CREATE VIEW commission_internal.order_problem AS
	SELECT check_.problem, o.event_id, check_.detail
	FROM commission.customer_order AS o
	CROSS JOIN LATERAL (
		SELECT CASE WHEN o.flat_amount IS NULL
			THEN div(o.amount::numeric * o.ratio_ppm + 500000, 1000000)
			ELSE least(o.flat_amount, o.amount) END
	) AS r (amount)
	CROSS JOIN LATERAL (
		SELECT CASE WHEN o.leg = 'p' AND r.amount > 0
				THEN concat(o.kind, ' ', r.amount,
							' at ' || commission_internal.ratio(o.ratio_ppm))
			END
	) AS w (entries)
	CROSS JOIN LATERAL (
		SELECT string_agg(concat(e.kind, ' ', e.amount,
								 ' at ' || commission_internal.ratio(e.ratio_ppm)),
						  ', ' ORDER BY e.line),
			bool_or(e.occurred_at <> o.occurred_at),
			bool_or(e.from_account_id IS DISTINCT FROM o.customer_id)
		FROM commission.entry AS e
		WHERE e.event_id = o.event_id
	) AS p (entries, other_time, other_buyer)
	CROSS JOIN LATERAL (
		SELECT 'entries differ from the facts' AS problem,
			format('the ledger has %s; the facts give %s',
				   coalesce(p.entries, 'nothing'),
				   coalesce(w.entries, 'nothing')) AS detail
		WHERE p.entries IS DISTINCT FROM w.entries
		UNION ALL
		SELECT 'entry with another time than its event', NULL
		WHERE p.other_time
		UNION ALL
		SELECT 'entry with another buyer than its event', NULL
		WHERE p.other_buyer
		UNION ALL
		SELECT 'renewal without a first order',
			'the application left the kind out'
		WHERE o.kind = 'renewal' AND o.kind_derived
			AND NOT EXISTS (SELECT FROM commission.customer_order AS f
							WHERE f.customer_id = o.customer_id
								AND f.kind = 'first_order')
	) AS check_;
COMMENT ON VIEW commission_internal.order_problem IS
	'orders whose entries are not what the facts give (R30)';

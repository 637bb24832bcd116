/*
 * reversal_signal.sql: referrers whose sales are refunded (R47).
 */

CREATE VIEW commission_internal.reversal_signal AS
	SELECT 'refunded_sales' AS rule, t.account_id, NULL::uuid AS other_id,
		jsonb_build_object('refunded_sales', t.sales, 'taken_back', t.taken,
			'earned', k.kept + t.taken) AS evidence,
		t.since
	FROM (
		SELECT e.account_id, count(DISTINCT r.reversed_event_id) AS sales,
			-sum(e.amount) AS taken, min(r.occurred_at) AS since
		FROM commission.reversal AS r
		CROSS JOIN LATERAL (
			SELECT e.account_id, e.amount FROM commission.entry AS e
			WHERE e.event_id = r.event_id AND e.counts_as <> 'pool'
			OFFSET 0) AS e
		WHERE r.occurred_at >= (SELECT commission_internal.signals_since())
		GROUP BY e.account_id
		HAVING count(DISTINCT r.reversed_event_id)
			>= commission_internal.setting('signal_refunds')::integer) AS t
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(s.amount), 0) AS kept
		FROM commission_internal.kind_sums AS s
		WHERE s.account_id = t.account_id
			AND s.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')) AS k
	WHERE t.taken >= (k.kept + t.taken)
		* commission_internal.setting('signal_refund_ratio')::numeric;
COMMENT ON VIEW commission_internal.reversal_signal IS
	'referrers of whose commission, in credits, the refunds of the last commission.signal_days took back at least commission.signal_refund_ratio, in at least commission.signal_refunds sales';

/*
 * late_problem.sql: late legs, recomputed from the facts of their sales (for
 * audit()).
 */

CREATE VIEW commission_internal.late_problem AS
	SELECT 'late leg of another amount' AS problem, l.event_id,
		format('%s credits at %s of %s; the facts give %s', l.amount,
			   commission_internal.ratio(l.ratio_ppm),
			   commission_internal.ratio(l.ratios_ppm), due.amount) AS detail
	FROM (SELECT l.*,
			row_number() OVER earlier AS n,
			array_agg(coalesce(l.ratio_ppm, 0)) OVER earlier AS late_ppm
		  FROM commission.late_accrual AS l
		  WINDOW earlier AS (PARTITION BY l.sale_event_id ORDER BY l.event_id)) AS l
	LEFT JOIN LATERAL (
		SELECT * FROM commission_internal.sale_leg AS s
		WHERE s.sale_event_id = l.sale_event_id AND s.leg = l.leg LIMIT 1) AS s ON true
	CROSS JOIN LATERAL (
		SELECT CASE WHEN l.flat_amount IS NULL
			THEN (commission_internal.late_amounts(
				s.base, s.cap_ppm, s.in_time_ppm, l.late_ppm))[l.n]
			ELSE least(l.flat_amount, s.base) END AS amount) AS due
	WHERE (l.amount, l.ratios_ppm, 'n') IS DISTINCT FROM
		(due.amount, (
			SELECT sum(p.ppm) FROM unnest(s.in_time_ppm || l.late_ppm) AS p (ppm)),
		 s.status)
		OR l.terms IS NOT DISTINCT FROM s.terms
			AND (l.ratio_ppm, l.flat_amount) IS DISTINCT FROM (s.ratio_ppm, s.flat_amount)
	UNION ALL
	SELECT 'entries of a late leg differ', event_id,
		format('line %s: %s; the facts give %s', line,
			   coalesce(e.what, 'nothing'), coalesce(o.what, 'nothing'))
	FROM (SELECT o.event_id, o.line, format('%s of %s, %s credits at %s from %s to %s, buyer %s, %s',
				o.kind, o.counts_as, o.amount, o.ratio_ppm, o.from_account_id,
				o.account_id, o.buyer_id, o.occurred_at) AS what
		  FROM commission_internal.late_owed AS o) AS o
	FULL JOIN (SELECT e.event_id, e.line, format('%s of %s, %s credits at %s from %s to %s, buyer %s, %s',
				e.kind, e.counts_as, e.amount, e.ratio_ppm, e.from_account_id,
				e.account_id, e.buyer_id, e.occurred_at) AS what
			   FROM commission.late_accrual AS l
			   JOIN commission.entry AS e ON e.event_id = l.event_id) AS e
		USING (event_id, line)
	WHERE o.what IS DISTINCT FROM e.what
	UNION ALL
	SELECT 'unreferred leg differs from its sale', sale_event_id,
		format('leg %s of account %s at %s; the facts give account %s at %s', leg,
			   u.account_id, u.occurred_at, s.account_id, s.occurred_at)
	FROM commission.unreferred_leg AS u
	FULL JOIN (SELECT * FROM commission_internal.sale_leg AS s
			   WHERE s.status = 'n') AS s USING (sale_event_id, leg)
	WHERE (u.account_id, u.occurred_at) IS DISTINCT FROM (s.account_id, s.occurred_at);
COMMENT ON VIEW commission_internal.late_problem IS
	'late legs that are not what their sales'' facts give (R37), and legs without a referrer that a late sign-up would not find';

/*
 * reversal_step.sql: the refunds of each sale, one after the other (R21).
 */

CREATE VIEW commission_internal.sale_total AS
	SELECT f.event_id, f.buyer_total
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT o.event_id, o.amount
	FROM commission.customer_order AS o;
COMMENT ON VIEW commission_internal.sale_total IS
	'what the buyer of each generation and order paid, in credits';

CREATE VIEW commission_internal.sale_refund AS
	SELECT r.reversed_event_id AS event_id, r.refunded, r.occurred_at, r.unpaid,
		CASE WHEN NOT EXISTS (SELECT FROM commission_internal.viewer AS v)
			THEN r.reason END AS reason,
		sum(r.refunded) OVER so_far AS refunded_so_far,
		(row_number() OVER so_far)::integer AS number,
		t.buyer_total
	FROM commission.reversal AS r
	JOIN commission_internal.sale_total AS t ON t.event_id = r.reversed_event_id
	WINDOW so_far AS (PARTITION BY r.reversed_event_id ORDER BY r.event_id);
COMMENT ON VIEW commission_internal.sale_refund IS
	'the refunds of each generation and order, numbered from 1, in credits; their reasons are for the platform, not for who sees schema commission_portal';

CREATE VIEW commission_internal.reversal_step AS
	SELECT r.event_id, 600 + r.number AS part, 0 AS position,
		CASE WHEN NOT r.unpaid THEN 'refund'
			WHEN r.refunded > 0 THEN 'made unpaid'
			ELSE 'paid again' END AS what,
		format('%s of %s credits on %s, %s refunded in all%s',
			   abs(r.refunded), r.buyer_total, commission_internal.utc(r.occurred_at),
			   r.refunded_so_far, coalesce(': ' || r.reason, '')) AS value
	FROM commission_internal.sale_refund AS r
	UNION ALL
	SELECT r.event_id, 600 + r.number,
		(row_number() OVER (PARTITION BY r.event_id, r.number
							ORDER BY o.event_id, o.line))::integer,
		CASE WHEN k.kept > k.kept_before THEN 'given again to '
			ELSE 'taken back from ' END || a.name,
		format('%s credits of %s %s: kept are %s * (%s - %s) / %s%s',
			   abs(k.kept - k.kept_before), o.amount,
			   CASE o.kind
				WHEN 'pool' THEN 'pool share'
				WHEN 'brand' THEN 'brand leg'
				WHEN 'creator' THEN 'creator leg'
				ELSE 'commission' END,
			   o.amount, r.buyer_total, r.refunded_so_far, r.buyer_total,
			   CASE WHEN k.kept * r.buyer_total
					   = o.amount * (r.buyer_total - r.refunded_so_far)
				   THEN ' = ' ELSE ', rounded down to ' END || k.kept)
	FROM commission_internal.sale_refund AS r
	JOIN commission_internal.sale_entry AS o ON o.sale_event_id = r.event_id
	JOIN commission_internal.named_account AS a ON a.account_id = o.account_id
	CROSS JOIN LATERAL (
		SELECT div(o.amount * (r.buyer_total - r.refunded_so_far), r.buyer_total) AS kept,
			div(o.amount * (r.buyer_total - r.refunded_so_far + r.refunded),
				r.buyer_total) AS kept_before) AS k
	WHERE k.kept <> k.kept_before;
COMMENT ON VIEW commission_internal.reversal_step IS
	'the refunds of each sale and what they took, in words';

/*
 * order_step.sql: how an order came to its credits, step by step.
 */

CREATE VIEW commission_internal.order_step AS
	SELECT o.event_id, s.part, 0 AS position, s.what, s.value
	FROM commission.customer_order AS o
	LEFT JOIN commission.account AS c ON c.account_id = o.customer_id
	LEFT JOIN LATERAL (
		SELECT e.amount, a.name AS account
		FROM commission.entry AS e
		JOIN commission_internal.named_account AS a ON a.account_id = e.account_id
		WHERE e.event_id = o.event_id
		LIMIT 1) AS paid ON true
	CROSS JOIN LATERAL (
		SELECT EXISTS (SELECT FROM commission.late_accrual AS t
					   WHERE t.sale_event_id = o.event_id) AS is_late) AS late
	CROSS JOIN LATERAL (
		SELECT trim_scale(o.amount * commission_internal.ratio(o.ratio_ppm))) AS exact (amount)
	CROSS JOIN LATERAL (VALUES
		(100, 'order',
		 coalesce(o.order_name, commission_internal.identifier_name(o.order_id))
		 || ', of ' || commission_internal.utc(o.occurred_at)),
		(101, 'customer',
		 commission.mask(coalesce(c.label, c.name, o.customer_name,
								  commission_internal.identifier_name(o.customer_id)))),
		(102, 'amount', format('%s credits%s', o.amount, ', plan ' || o.plan)),
		(103, 'kind', format('%s, %s', replace(o.kind::text, '_', ' '),
			CASE WHEN o.kind_derived THEN 'by the customer''s earlier orders'
				ELSE 'as recorded with the order' END)),
		(300, CASE WHEN o.flat_amount IS NULL THEN 'ratio at the time'
				ELSE 'flat amount at the time' END,
		 coalesce(commission_internal.stated_ratio(o.ratio_ppm, o.terms),
				  format('%s credits, by the terms of the %s (version %s)', o.flat_amount,
						 commission_internal.terms_owner(o.terms), o.terms))),
		(400, 'commission', CASE
			WHEN o.leg <> 'p'
			THEN CASE WHEN late.is_late THEN 'not paid in time: ' ELSE 'not paid: ' END
				|| commission_internal.leg_reason(o.leg, 'order')
			ELSE coalesce(paid.amount || ' credits to ' || paid.account || ': ',
						  'not paid, less than a credit: ')
				|| CASE WHEN o.flat_amount IS NOT NULL
					THEN 'the flat amount, but at most that of the order'
					ELSE format('%s * %s = %s', o.amount,
								commission_internal.ratio(o.ratio_ppm), exact.amount) END
				|| CASE WHEN exact.amount <> trunc(exact.amount)
					THEN ', rounded half up to ' || round(exact.amount) ELSE '' END
			END)) AS s (part, what, value);
COMMENT ON VIEW commission_internal.order_step IS
	'how each order came to its commission, in words';

/*
 * late_step.sql: what a sale paid late, step by step (R37).
 */

CREATE VIEW commission_internal.late_step AS
	SELECT l.sale_event_id AS event_id, 400 AS part,
		CASE l.leg WHEN 'r' THEN 21 WHEN 'a' THEN 11 ELSE 1 END AS position,
		CASE l.leg WHEN 'o' THEN 'late commission' WHEN 'b' THEN 'late brand leg'
			WHEN 'a' THEN 'late creator leg (avatar)'
			ELSE 'late creator leg (reference)' END AS what,
		format('%s credits to %s, accrued on %s after %s was referred: ',
			   l.amount, a.name, commission_internal.utc(l.accrued_at),
			   CASE l.leg WHEN 'o' THEN 'the customer' WHEN 'b' THEN 'the buyer'
				ELSE 'the owner' END)
		|| CASE l.leg WHEN 'o'
			THEN coalesce('a flat amount of ' || l.flat_amount || ', at most the order',
						  format('%s * %s, rounded half up', s.base,
								 commission_internal.ratio(l.ratio_ppm)))
			ELSE commission_internal.leg_arithmetic(s.base::bigint, l.ratio_ppm,
													l.ratios_ppm, s.cap_ppm) END
		|| CASE WHEN l.amount < commission_internal.leg_amount(
				s.base, l.ratio_ppm, l.ratios_ppm, s.cap_ppm)
			THEN format(', of which the legs paid before it left %s', l.amount)
			ELSE '' END
		|| CASE WHEN l.terms IS DISTINCT FROM s.terms
			THEN format(', by the terms of the %s (version %s)',
						commission_internal.terms_owner(l.terms), l.terms)
			ELSE '' END AS value
	FROM commission.late_accrual AS l
	JOIN commission_internal.named_account AS a ON a.account_id = l.account_id
	CROSS JOIN LATERAL (
		SELECT * FROM commission_internal.sale_leg AS s
		WHERE s.sale_event_id = l.sale_event_id AND s.leg = l.leg LIMIT 1) AS s;
COMMENT ON VIEW commission_internal.late_step IS
	'the legs of each generation and order that were accrued late, with their arithmetic, in words';

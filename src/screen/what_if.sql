/*
 * what_if.sql: a period's generations under other ratios.
 */

CREATE FUNCTION commission_internal.paid_ratios(since timestamptz, until timestamptz,
												brand_ratio numeric,
												creator_ref_ratio numeric)
	RETURNS TABLE (sale_event_id bigint, leg "char", kind commission.entry_kind,
				   role commission.referral_role, from_account_id uuid,
				   event_id bigint, account_id uuid, ratio numeric)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	/* An account's own terms, or its group's, stand. */
	SELECT f.event_id AS sale_event_id, s.leg, s.kind, s.role,
		s.account_id AS from_account_id, l.event_id, l.account_id,
		coalesce(CASE WHEN v.scope IS NULL OR v.scope = 'p' THEN
					CASE s.role WHEN 'brand' THEN paid_ratios.brand_ratio
						ELSE paid_ratios.creator_ref_ratio END
				 END, commission_internal.ratio(coalesce(l.ratio_ppm, s.ratio_ppm)))
			AS ratio
	FROM commission.generation AS f
	CROSS JOIN LATERAL (
		SELECT * FROM commission_internal.sale_leg AS s
		WHERE s.sale_event_id = f.event_id OFFSET 0) AS s
	LEFT JOIN commission.late_accrual AS l
		ON l.sale_event_id = s.sale_event_id AND l.leg = s.leg
	LEFT JOIN commission.terms_version AS v
		ON v.version = CASE WHEN l.event_id IS NULL THEN s.terms ELSE l.terms END
	WHERE f.occurred_at >= coalesce(paid_ratios.since, '-infinity')
		AND f.occurred_at < coalesce(paid_ratios.until, 'infinity')
		AND (s.status = 'p' OR l.event_id IS NOT NULL);
END;
COMMENT ON FUNCTION commission_internal.paid_ratios(timestamptz, timestamptz, numeric, numeric) IS
	'the legs that were paid on a period''s generations, in time (event_id and account_id are NULL) or late, with the account whose activity earned each and its ratio under these of the programme; NULL for the one that was applied';

CREATE FUNCTION commission_internal.replayed_legs(since timestamptz, until timestamptz,
												  brand_ratio numeric,
												  creator_ref_ratio numeric,
												  total_cap_ratio numeric)
	RETURNS TABLE (event_id bigint, buyer_total numeric, refunded numeric,
				   kind commission.entry_kind, role commission.referral_role,
				   account_id uuid, from_account_id uuid, would_be bigint)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH fact AS (
		SELECT g.event_id, g.buyer_total, g.net_margin::bigint AS net_margin,
			(SELECT sum(r.refunded) FROM commission.reversal AS r
			 WHERE r.reversed_event_id = g.event_id) AS refunded,
			coalesce(replayed_legs.total_cap_ratio,
					 commission_internal.ratio(g.total_cap_ratio_ppm)) AS cap
		FROM commission_internal.generation_fact AS g
		WHERE g.occurred_at >= coalesce(replayed_legs.since, '-infinity')
			AND g.occurred_at < coalesce(replayed_legs.until, 'infinity')
	), ratio AS (
		SELECT * FROM commission_internal.paid_ratios(
			replayed_legs.since, replayed_legs.until, replayed_legs.brand_ratio,
			replayed_legs.creator_ref_ratio)
	), sale AS (
		SELECT r.sale_event_id,
			coalesce(array_agg(r.leg ORDER BY r.leg DESC)
					 FILTER (WHERE r.event_id IS NULL), '{}') AS legs,
			coalesce(array_agg(r.ratio ORDER BY r.leg DESC)
					 FILTER (WHERE r.event_id IS NULL), '{}') AS ratios
		FROM ratio AS r
		GROUP BY r.sale_event_id
	), replay AS MATERIALIZED (
		/* There are many sales, but few combinations of what legs depend on. */
		SELECT c.net_margin, c.cap, c.ratios, ARRAY(
			SELECT coalesce(o.amount, 0)
			FROM generate_subscripts(c.ratios, 1) AS n (leg)
			LEFT JOIN commission.legs(c.net_margin, c.ratios, c.cap) AS o USING (leg)
			ORDER BY leg) AS amounts
		FROM (SELECT DISTINCT f.net_margin, f.cap, s.ratios
			  FROM sale AS s JOIN fact AS f ON f.event_id = s.sale_event_id) AS c
	)
	SELECT coalesce(r.event_id, f.event_id) AS event_id, f.buyer_total, f.refunded,
		r.kind, r.role, r.account_id, r.from_account_id,
		CASE WHEN r.event_id IS NULL
			THEN p.amounts[array_position(s.legs, r.leg)]
			/* Late legs take what those leave of the cap, one after the other. */
			ELSE (commission_internal.late_amounts(f.net_margin,
					(f.cap * 1000000)::integer,
					ARRAY(SELECT (t.ratio * 1000000)::integer
						  FROM unnest(s.ratios) AS t (ratio)),
					array_agg((r.ratio * 1000000)::integer)
						FILTER (WHERE r.event_id IS NOT NULL)
						OVER (PARTITION BY f.event_id ORDER BY r.event_id)))
				[count(r.event_id) OVER (PARTITION BY f.event_id ORDER BY r.event_id)]
		END AS would_be
	FROM ratio AS r
	JOIN fact AS f ON f.event_id = r.sale_event_id
	JOIN sale AS s ON s.sale_event_id = r.sale_event_id
	JOIN replay AS p ON p.net_margin = f.net_margin AND p.cap = f.cap
		AND p.ratios = s.ratios;
END;
COMMENT ON FUNCTION commission_internal.replayed_legs(timestamptz, timestamptz, numeric, numeric, numeric) IS
	'the same legs with the credits that they would be, late ones out of what those in time leave of the cap, and what the buyer paid and got back';

CREATE FUNCTION commission.what_if(since timestamptz, until timestamptz,
								   brand_ratio numeric,
								   creator_ref_ratio numeric,
								   total_cap_ratio numeric)
	RETURNS TABLE (account text, actual bigint, would_be bigint,
				   difference bigint)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH share AS (
		/* A leg of less than a credit has no entry: the referral has its earner. */
		SELECT coalesce(e.account_id, l.account_id, b.referrer_id) AS account_id,
			coalesce(div(coalesce(e.amount, 0) * (l.buyer_total - l.refunded),
						 l.buyer_total), e.amount, 0) AS actual,
			coalesce(div(l.would_be * (l.buyer_total - l.refunded), l.buyer_total),
					 l.would_be) AS would_be
		FROM commission_internal.replayed_legs(
			what_if.since, what_if.until, what_if.brand_ratio,
			what_if.creator_ref_ratio, what_if.total_cap_ratio) AS l
		LEFT JOIN commission.entry AS e ON e.event_id = l.event_id
			AND e.kind = l.kind AND e.from_account_id = l.from_account_id
		LEFT JOIN commission.referral AS b
			ON b.account_id = l.from_account_id AND b.role = l.role
	)
	SELECT a.name, commission_internal.credits(sum(s.actual)),
		commission_internal.credits(sum(s.would_be)),
		commission_internal.credits(sum(s.would_be) - sum(s.actual))
	FROM share AS s
	JOIN commission.account AS a ON a.account_id = s.account_id
	GROUP BY a.name
	HAVING sum(s.actual) <> 0 OR sum(s.would_be) <> 0
	ORDER BY a.name;
END;
COMMENT ON FUNCTION commission.what_if(timestamptz, timestamptz, numeric, numeric, numeric) IS
	'the commission, in credits and net of refunds, that each account earned on the recorded generations from since up to but without until, what it would have earned under these ratios, and the difference; nothing is written. NULL for since or until is no bound, NULL for a ratio the one that was applied to each generation. The ratios are the programme''s: a leg that was paid by the terms of an account or a group keeps its own (R40). Who earns does not change: a leg that was unpaid for any reason except its amount stays unpaid, a leg of less than a credit goes to today''s referrer, and a late leg (R37) still comes after those that were paid before it; a generation that was not recorded is not replayed; 22023 for a ratio that is not a decimal from 0 to 1 with at most six fractional digits';

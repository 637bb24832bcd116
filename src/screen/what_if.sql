/*
 * what_if.sql: a period's generations under other ratios.
 */

CREATE FUNCTION commission.what_if(since timestamptz, until timestamptz,
								   brand_ratio numeric,
								   creator_ref_ratio numeric,
								   total_cap_ratio numeric)
	RETURNS TABLE (account text, actual bigint, would_be bigint,
				   difference bigint)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH fact AS (
		SELECT g.event_id, g.buyer_id, g.brand_leg, g.avatar_leg, g.reference_leg,
			g.avatar_version, g.reference_version, g.buyer_total,
			(SELECT sum(r.refunded) FROM commission.reversal AS r
			 WHERE r.reversed_event_id = g.event_id) AS refunded,
			g.net_margin::bigint AS net_margin, g.brand_leg = 'p' AS brand,
			(g.avatar_leg = 'p')::integer + (g.reference_leg = 'p')::integer
				AS creators,
			g.brand_ratio_ppm, g.creator_ref_ratio_ppm, g.total_cap_ratio_ppm
		FROM commission_internal.generation_fact AS g
		WHERE g.occurred_at >= coalesce(what_if.since, '-infinity')
			AND g.occurred_at < coalesce(what_if.until, 'infinity')
	), replay AS MATERIALIZED (
		/* There are many sales, but few combinations of what legs depend on. */
		SELECT c.*, l.brand_amount, l.creator_amount
		FROM (SELECT DISTINCT f.net_margin, f.brand, f.creators,
				f.brand_ratio_ppm, f.creator_ref_ratio_ppm,
				f.total_cap_ratio_ppm
			  FROM fact AS f) AS c
		CROSS JOIN LATERAL (
			SELECT coalesce(max(o.amount) FILTER (WHERE o.leg = 'brand'), 0)
					AS brand_amount,
				coalesce(max(o.amount) FILTER (WHERE o.leg = 'creator'), 0)
					AS creator_amount
			FROM commission.legs(
				c.net_margin, c.brand, c.creators,
				coalesce(what_if.brand_ratio,
						 commission_internal.ratio(c.brand_ratio_ppm)),
				coalesce(what_if.creator_ref_ratio,
						 commission_internal.ratio(c.creator_ref_ratio_ppm)),
				coalesce(what_if.total_cap_ratio,
						 commission_internal.ratio(c.total_cap_ratio_ppm))) AS o
		) AS l
	), leg AS (
		/* The legs that applied, with the account whose activity earned them. */
		SELECT f.event_id, f.buyer_total, f.refunded, l.kind, l.role,
			l.would_be::numeric, NULL::uuid AS account_id,
			coalesce(v.owner_id, f.buyer_id) AS from_account_id
		FROM fact AS f
		JOIN replay AS r USING (net_margin, brand, creators, brand_ratio_ppm,
								creator_ref_ratio_ppm, total_cap_ratio_ppm)
		CROSS JOIN LATERAL (VALUES
			(f.brand_leg, 'brand'::commission.entry_kind,
			 'brand'::commission.referral_role, r.brand_amount, NULL::bigint),
			(f.avatar_leg, 'creator', 'creator', r.creator_amount,
			 f.avatar_version),
			(f.reference_leg, 'creator', 'creator', r.creator_amount,
			 f.reference_version)) AS l (leg, kind, role, would_be, version)
		LEFT JOIN commission.listing AS v ON v.version = l.version
		WHERE l.leg = 'p'
		UNION ALL
		/* Late legs take what those leave of the cap, one after the other. */
		SELECT l.event_id, f.buyer_total, f.refunded, s.kind, s.role, l.would_be,
			l.account_id, s.account_id
		FROM fact AS f
		CROSS JOIN LATERAL (
			SELECT coalesce(what_if.brand_ratio * 1000000, f.brand_ratio_ppm)::integer
					AS brand,
				coalesce(what_if.creator_ref_ratio * 1000000,
						 f.creator_ref_ratio_ppm)::integer AS creator,
				coalesce(what_if.total_cap_ratio * 1000000,
						 f.total_cap_ratio_ppm)::integer AS cap) AS ppm
		JOIN LATERAL (
			SELECT l.event_id, l.leg, l.account_id,
				(commission_internal.late_amounts(f.net_margin, ppm.cap,
					CASE WHEN f.brand THEN ARRAY[ppm.brand] ELSE '{}' END
						|| array_fill(ppm.creator, ARRAY[f.creators]),
					array_agg(CASE l.leg WHEN 'b' THEN ppm.brand ELSE ppm.creator END)
						OVER (ORDER BY l.event_id)))
					[row_number() OVER (ORDER BY l.event_id)] AS would_be
			FROM commission.late_accrual AS l
			WHERE l.sale_event_id = f.event_id) AS l ON true
		CROSS JOIN LATERAL (
			SELECT * FROM commission_internal.sale_leg AS s
			WHERE s.sale_event_id = f.event_id AND s.leg = l.leg LIMIT 1) AS s
	), share AS (
		/* A leg of less than a credit has no entry: the referral has its earner. */
		SELECT coalesce(e.account_id, l.account_id, b.referrer_id) AS account_id,
			coalesce(div(coalesce(e.amount, 0) * (l.buyer_total - l.refunded),
						 l.buyer_total), e.amount, 0) AS actual,
			coalesce(div(l.would_be * (l.buyer_total - l.refunded), l.buyer_total),
					 l.would_be) AS would_be
		FROM leg AS l
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
	'the commission, in credits and net of refunds, that each account earned on the recorded generations from since up to but without until, what it would have earned under these ratios, and the difference; nothing is written. NULL for since or until is no bound, NULL for a ratio the one that was applied to each generation. Who earns does not change: a leg that was unpaid for any reason except its amount stays unpaid, a leg of less than a credit goes to today''s referrer, and a late leg (R37) still comes after those that were paid before it; a generation that was not recorded is not replayed; 22023 for a ratio that is not a decimal from 0 to 1 with at most six fractional digits';

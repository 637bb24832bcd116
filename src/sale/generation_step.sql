/*
 * generation_step.sql: how a generation came to its credits, step by step.
 *
 * Everything comes from the facts that were kept with the generation, never
 * from the settings or referrals in force now.
 */

CREATE FUNCTION commission_internal.leg_reason(leg "char", use text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE leg
	WHEN 'n' THEN CASE use
		WHEN 'brand' THEN 'the buyer was not referred by anybody'
		WHEN 'order' THEN 'the customer was not referred by anybody'
		ELSE 'the owner of the listing was not referred by anybody' END
	WHEN 'b' THEN CASE use
		WHEN 'order' THEN 'the order was placed before the customer was referred'
		ELSE 'the generation was made before the buyer was referred' END
	WHEN 'w' THEN CASE use
		WHEN 'order' THEN 'the days after the referral in which orders pay were over'
		ELSE 'the days after the referral in which a brand pays were over' END
	WHEN 'm' THEN 'as many renewals of the customer as pay had paid'
	WHEN 's' THEN CASE use
		WHEN 'brand' THEN 'the referrer is the buyer, and nobody earns on their own purchase'
		WHEN 'order' THEN 'the referrer is the customer, and nobody earns on their own purchase'
		ELSE 'buyer, owner and referrer are not three different accounts, and nobody earns on their own purchase or listing' END
	WHEN 'c' THEN 'the referrer''s account was closed'
	WHEN 'a' THEN CASE use
		WHEN 'order' THEN 'the customer''s account was closed'
		ELSE 'the buyer''s account was closed' END
	WHEN 'o' THEN 'the avatar has the same owner, and an owner''s referrer earns once'
	WHEN '-' THEN 'there was no such listing'
END;
COMMENT ON FUNCTION commission_internal.leg_reason("char", text) IS
	'why a leg (of use brand, avatar, reference or order) was not paid, from the letter that is kept with the sale; NULL for one that applied';

/* What a leg came to: the product, and what rounding down made of it. */
CREATE FUNCTION commission_internal.leg_arithmetic(net_margin bigint, ratio_ppm integer,
										  sum_ppm integer, cap_ppm integer)
	RETURNS text
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	scaled CONSTANT boolean := sum_ppm > cap_ppm;
	dividend CONSTANT numeric := net_margin::numeric * ratio_ppm
		* CASE WHEN scaled THEN cap_ppm ELSE 1 END;
	divisor CONSTANT numeric := 1000000::numeric
		* CASE WHEN scaled THEN sum_ppm ELSE 1 END;
BEGIN
	RETURN format('%s * %s%s = %s', net_margin, commission_internal.ratio(ratio_ppm),
		CASE WHEN scaled
			THEN format(' * %s / %s', commission_internal.ratio(cap_ppm),
						commission_internal.ratio(sum_ppm))
			ELSE '' END,
		CASE WHEN mod(dividend, divisor) = 0
			THEN (dividend / divisor)::bigint::text
			ELSE format('%s%s, rounded down to %s',
						trim_scale(div(dividend * 1000000, divisor) / 1000000),
						CASE WHEN mod(dividend * 1000000, divisor) = 0
							THEN '' ELSE '...' END,
						div(dividend, divisor))
		END);
END $$;
COMMENT ON FUNCTION commission_internal.leg_arithmetic(bigint, integer, integer, integer) IS
	'a leg worked out on paper (R3, R12): 100 * 0.30 * 0.50 / 0.70 = 21.428571..., rounded down to 21';

/* How each listing was used. */
CREATE VIEW commission_internal.generation_use AS
	SELECT f.event_id, u.position, u.use, l.owner_id, o.name AS owner, u.leg,
		u.pool, u.surcharge, u.pool_derived, u.surcharge_derived,
		f.bundle_frame AND u.use = 'reference' AS bundled,
		coalesce(l.title, l.name) AS title
	FROM commission.generation AS f
	CROSS JOIN LATERAL (VALUES
		(1, 'avatar', f.avatar_version, f.avatar_leg, f.avatar_pool,
		 f.avatar_surcharge, f.derived & 4 <> 0, f.derived & 8 <> 0),
		(2, 'reference', f.reference_version, f.reference_leg, f.reference_pool,
		 f.reference_surcharge, f.derived & 16 <> 0, f.derived & 32 <> 0))
		AS u (position, use, version, leg, pool, surcharge, pool_derived,
			  surcharge_derived)
	JOIN commission.listing AS l ON l.version = u.version
	LEFT JOIN commission_internal.named_account AS o ON o.account_id = l.owner_id;
COMMENT ON VIEW commission_internal.generation_use IS
	'the listings that each generation used, with their legs, pools and surcharges';

CREATE VIEW commission_internal.fact_step AS
	SELECT f.event_id, 100 AS part, 0 AS position, 'generation' AS what,
		coalesce(f.generation_name,
				 commission_internal.identifier_name(f.generation_id)) || coalesce(
			', a frame of run ' || coalesce(f.run_name,
				commission_internal.identifier_name(f.run_id)), '')
		|| ', of ' || commission_internal.utc(f.occurred_at) AS value
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT f.event_id, 101, 0, 'buyer',
		commission.mask(coalesce(b.label, b.name, f.buyer_name,
								 commission_internal.identifier_name(f.buyer_id)))
	FROM commission_internal.generation_fact AS f
	LEFT JOIN commission.account AS b ON b.account_id = f.buyer_id
	UNION ALL
	SELECT f.event_id, 102, p.position, p.what,
		format('%s credits, %s', p.credits,
			   CASE WHEN p.derived
				   THEN format('from the price list: %s * %s%s', f.images,
							   f.model,
							   coalesce(' at ' || nullif(f.resolution, ''), ''))
				   ELSE 'as recorded with the generation' END)
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (VALUES
		(1, 'model price', f.model_price, f.derived & 1 <> 0),
		(2, 'API cost', f.api_cost, f.derived & 2 <> 0))
		AS p (position, what, credits, derived)
	UNION ALL
	SELECT u.event_id, 110, u.position * 10, u.use || ' listing',
		format('"%s" of %s', u.title, u.owner)
	FROM commission_internal.generation_use AS u
	UNION ALL
	SELECT u.event_id, 110, u.position * 10 + 1, u.use || ' pool',
		CASE
			WHEN u.bundled THEN '0 credits: a frame of a bundle, whose listing was paid for before'
			ELSE format('%s credits, %s', u.pool,
						CASE WHEN u.pool_derived THEN 'the listing''s'
							ELSE 'as recorded with the generation' END)
		END
	FROM commission_internal.generation_use AS u
	UNION ALL
	SELECT u.event_id, 110, u.position * 10 + 2, u.use || ' surcharge',
		format('%s credits, %s', u.surcharge,
			   CASE WHEN u.surcharge_derived
				   THEN 'the pool and the platform''s markup on it, rounded up'
				   ELSE 'as recorded with the generation' END)
	FROM commission_internal.generation_use AS u
	WHERE NOT u.bundled
	UNION ALL
	SELECT f.event_id, 110, 99, 'listing', 'none: a solo generation'
	FROM commission_internal.generation_fact AS f
	WHERE f.avatar_version IS NULL AND f.reference_version IS NULL;
COMMENT ON VIEW commission_internal.fact_step IS
	'what went into each generation, in words';

CREATE VIEW commission_internal.margin_step AS
	SELECT f.event_id, 200 AS part, 0 AS position, 'buyer total' AS what,
		format('%s + %s = %s credits: model price and surcharges',
			   f.model_price, f.surcharge, f.buyer_total) AS value
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT f.event_id, 201, 0, 'marketplace markup',
		format('%s - %s = %s credits: surcharges less pools', f.surcharge,
			   f.pool, f.markup)
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT f.event_id, 202, 0, 'generation margin',
		format(CASE WHEN f.api_cost > f.model_price
				   THEN '%s - %s is below zero and counts as %s credits'
				   ELSE '%s - %s = %s credits: model price less API cost' END,
			   f.model_price, f.api_cost, f.generation_margin)
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT f.event_id, 203, 0, 'net margin',
		format('%s + %s = %s credits', f.markup, f.generation_margin, f.net_margin)
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT f.event_id, 300, t.position, t.what,
		commission_internal.stated_ratio(t.ratio_ppm, t.terms)
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (VALUES
		(1, 'brand ratio at the time', f.brand_ratio_ppm, f.brand_terms, true),
		(2, 'creator ratio (avatar) at the time', f.avatar_ratio_ppm,
		 f.avatar_terms, f.avatar_version IS NOT NULL),
		(3, 'creator ratio (reference) at the time', f.reference_ratio_ppm,
		 f.reference_terms, f.reference_version IS NOT NULL),
		(4, 'cap at the time', f.total_cap_ratio_ppm, f.cap_terms, true))
		AS t (position, what, ratio_ppm, terms, is_used)
	WHERE t.is_used
	UNION ALL
	SELECT f.event_id, 301, 0, 'ratios that apply',
		CASE
			WHEN f.ratios_ppm = 0 THEN 'none'
			WHEN f.ratios_ppm <= f.total_cap_ratio_ppm
			THEN format('together %s, within the cap',
						commission_internal.ratio(f.ratios_ppm))
			ELSE format('together %s, over the cap: each is scaled by %s / %s',
						commission_internal.ratio(f.ratios_ppm),
						commission_internal.ratio(f.total_cap_ratio_ppm),
						commission_internal.ratio(f.ratios_ppm))
		END
	FROM commission_internal.generation_fact AS f;
COMMENT ON VIEW commission_internal.margin_step IS
	'each generation''s net margin and ratios, in words';

CREATE VIEW commission_internal.leg_step AS
	SELECT f.event_id, 400 AS part, l.position, l.what,
		CASE
			WHEN l.leg <> 'p'
			THEN CASE WHEN late.is_late THEN 'not paid in time: ' ELSE 'not paid: ' END
				|| commission_internal.leg_reason(l.leg, l.use)
			ELSE coalesce(o.amount || ' credits to ' || o.account || ': ',
						  'not paid, less than a credit: ')
				|| commission_internal.leg_arithmetic(f.net_margin::bigint, l.ratio_ppm,
													  f.ratios_ppm, f.total_cap_ratio_ppm)
		END AS value
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (
		SELECT 0 AS position, 'brand leg' AS what, 'brand' AS use,
			'brand'::commission.entry_kind AS kind, f.brand_leg AS leg,
			f.brand_ratio_ppm AS ratio_ppm, f.buyer_id AS from_account_id
		UNION ALL
		SELECT u.position * 10, format('creator leg (%s)', u.use), u.use, 'creator', u.leg,
			CASE u.use WHEN 'avatar' THEN f.avatar_ratio_ppm
				ELSE f.reference_ratio_ppm END, u.owner_id
		FROM commission_internal.generation_use AS u
		WHERE u.event_id = f.event_id) AS l
	LEFT JOIN LATERAL (
		SELECT e.amount, a.name AS account
		FROM commission.entry AS e
		JOIN commission_internal.named_account AS a ON a.account_id = e.account_id
		WHERE e.event_id = f.event_id AND e.kind = l.kind AND l.leg = 'p'
			AND e.from_account_id = l.from_account_id) AS o ON true
	CROSS JOIN LATERAL (
		SELECT EXISTS (SELECT FROM commission.late_accrual AS t
					   WHERE t.sale_event_id = f.event_id
						   AND t.leg::text = left(l.use, 1)) AS is_late) AS late
	UNION ALL
	SELECT f.event_id, 401, 0, 'legs together',
		format('%s credits, within the cap of %s * %s = %s%s', l.legs, f.net_margin,
			   commission_internal.ratio(f.total_cap_ratio_ppm), c.cap,
			   CASE WHEN c.cap = trunc(c.cap) THEN ''
				   ELSE ', rounded down to ' || trunc(c.cap) END)
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(e.amount), 0) AS legs
		FROM commission_internal.sale_entry AS e
		WHERE e.sale_event_id = f.event_id AND e.kind <> 'pool') AS l
	CROSS JOIN LATERAL (
		SELECT trim_scale(f.net_margin * f.total_cap_ratio_ppm / 1000000)) AS c (cap);
COMMENT ON VIEW commission_internal.leg_step IS
	'each generation''s legs with their arithmetic, or why they were not paid, in words';

CREATE VIEW commission_internal.outcome_step AS
	SELECT e.event_id, 500 AS part, e.line::integer AS position, 'pool share' AS what,
		format('%s credits to %s', e.amount, a.name) AS value
	FROM commission.entry AS e
	JOIN commission_internal.named_account AS a ON a.account_id = e.account_id
	WHERE e.kind = 'pool'
	UNION ALL
	SELECT f.event_id, 501, 0, 'platform',
		format('%s - %s = %s credits: net margin less legs', f.net_margin, l.legs,
			   f.net_margin - l.legs)
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(e.amount), 0) AS legs
		FROM commission_internal.sale_entry AS e
		WHERE e.sale_event_id = f.event_id AND e.kind <> 'pool') AS l
	UNION ALL
	SELECT f.event_id, 502, 0, 'where it all went',
		format('%s credits = pool %s + API cost %s + legs %s + platform %s%s',
			   f.buyer_total, f.pool, f.api_cost, l.legs, f.net_margin - l.legs,
			   CASE WHEN f.api_cost > f.model_price
				   THEN format(', less %s that the API cost over the model price and the platform bore',
							   f.api_cost - f.model_price)
				   ELSE '' END)
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(e.amount), 0) AS legs
		FROM commission_internal.sale_entry AS e
		WHERE e.sale_event_id = f.event_id AND e.kind <> 'pool') AS l;
COMMENT ON VIEW commission_internal.outcome_step IS
	'where every credit of each generation went, in words';

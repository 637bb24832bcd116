/*
 * explain.sql: how a generation came to its credits, step by step.
 *
 * Everything comes from the facts that were kept with the generation, never
 * from the settings or referrals in force now.
 */

CREATE FUNCTION commission_internal.leg_reason(leg "char", use text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE leg
	WHEN 'n' THEN CASE use
		WHEN 'brand' THEN 'the buyer was not referred by anybody'
		ELSE 'the owner of the listing was not referred by anybody' END
	WHEN 'b' THEN 'the generation was made before the buyer was referred'
	WHEN 'w' THEN 'the days after the referral in which a brand pays were over'
	WHEN 's' THEN CASE use
		WHEN 'brand' THEN 'the referrer is the buyer, and nobody earns on their own purchase'
		ELSE 'buyer, owner and referrer are not three different accounts, and nobody earns on their own purchase or listing' END
	WHEN 'c' THEN 'the referrer''s account was closed'
	WHEN 'a' THEN 'the buyer''s account was closed'
	WHEN 'm' THEN 'only generations that use a listing pay'
	WHEN 'o' THEN 'the avatar has the same owner, and an owner''s referrer earns once'
	WHEN '-' THEN 'there was no such listing'
END;
COMMENT ON FUNCTION commission_internal.leg_reason("char", text) IS
	'why a leg (of use brand, avatar or reference) was not paid, from the letter in commission.generation; NULL for one that applied';

/* What a leg came to: the product, and what rounding down made of it. */
CREATE FUNCTION commission_internal.leg_arithmetic(net_margin bigint, ratio_ppm integer,
										  sum_ppm integer, cap_ppm integer)
	RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT format('%s * %s%s = %s', net_margin, commission_internal.ratio(ratio_ppm),
				  CASE WHEN sum_ppm > cap_ppm
					  THEN format(' * %s / %s', commission_internal.ratio(cap_ppm),
								  commission_internal.ratio(sum_ppm))
					  ELSE '' END,
				  CASE
					  WHEN mod(q.dividend, q.divisor) = 0
					  THEN (q.dividend / q.divisor)::bigint::text
					  ELSE format('%s%s, rounded down to %s',
								  trim_scale(div(q.dividend * 1000000,
												 q.divisor) / 1000000),
								  CASE WHEN mod(q.dividend * 1000000,
												q.divisor) = 0
									  THEN '' ELSE '...' END,
								  div(q.dividend, q.divisor))
				  END)
	FROM (
		SELECT net_margin::numeric * ratio_ppm
				* CASE WHEN sum_ppm > cap_ppm THEN cap_ppm ELSE 1 END,
			1000000::numeric
				* CASE WHEN sum_ppm > cap_ppm THEN sum_ppm ELSE 1 END
	) AS q (dividend, divisor);
END;
COMMENT ON FUNCTION commission_internal.leg_arithmetic(bigint, integer, integer, integer) IS
	'a leg worked out on paper (R3, R12): 100 * 0.30 * 0.50 / 0.70 = 21.428571..., rounded down to 21';

CREATE FUNCTION commission.explain(generation text)
	RETURNS TABLE (step integer, what text, value text)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH fact AS (
		SELECT g.*,
			coalesce(g.avatar_pool, 0) + coalesce(g.reference_pool, 0) AS pool,
			coalesce(g.avatar_surcharge, 0)
				+ coalesce(g.reference_surcharge, 0) AS surcharge,
			CASE WHEN g.brand_leg = 'p' THEN g.brand_ratio_ppm ELSE 0 END
				+ CASE WHEN g.avatar_leg = 'p' THEN g.creator_ref_ratio_ppm
					ELSE 0 END
				+ CASE WHEN g.reference_leg = 'p' THEN g.creator_ref_ratio_ppm
					ELSE 0 END AS sum_ppm
		FROM commission.generation AS g
		WHERE g.generation_id = commission_internal.identifier_key(explain.generation)
	), net AS (
		SELECT f.event_id,
			f.model_price + f.surcharge AS buyer_total,
			f.surcharge - f.pool AS markup,
			greatest(f.model_price - f.api_cost, 0) AS margin,
			f.surcharge - f.pool + greatest(f.model_price - f.api_cost, 0)
				AS margins
		FROM fact AS f
	), owed AS (
		SELECT e.*, a.name AS account
		FROM fact AS f
		JOIN commission.entry AS e ON e.event_id = f.event_id
		JOIN commission.account AS a ON a.account_id = e.account_id
	), usage AS (
		/* How each listing was used. */
		SELECT u.position, u.use, l.owner_id, o.name AS owner, u.leg, u.pool,
			u.surcharge, u.pool_derived, u.surcharge_derived,
			f.bundle_frame AND u.use = 'reference' AS bundled,
			coalesce(l.title, l.name) AS title
		FROM fact AS f
		CROSS JOIN LATERAL (VALUES
			(1, 'avatar', f.avatar_version, f.avatar_leg, f.avatar_pool,
			 f.avatar_surcharge, f.derived & 4 <> 0, f.derived & 8 <> 0),
			(2, 'reference', f.reference_version, f.reference_leg,
			 f.reference_pool, f.reference_surcharge,
			 f.derived & 16 <> 0, f.derived & 32 <> 0))
			AS u (position, use, version, leg, pool, surcharge, pool_derived,
				  surcharge_derived)
		JOIN commission.listing AS l ON l.version = u.version
		LEFT JOIN commission.account AS o ON o.account_id = l.owner_id
	), refund AS (
		SELECT r.event_id, r.refunded, r.occurred_at, r.unpaid, r.reason,
			sum(r.refunded) OVER (ORDER BY r.event_id) AS refunded_so_far,
			n.buyer_total
		FROM fact AS f
		JOIN net AS n ON true
		JOIN commission.reversal AS r ON r.reversed_event_id = f.event_id
	), line AS (
		/* 100: what went in. */
		SELECT 100 AS part, 0 AS position, 'generation' AS what,
			explain.generation || coalesce(
				', a frame of run ' || coalesce(f.run_name,
					commission_internal.identifier_name(f.run_id)), '')
			|| ', of ' || to_char(f.occurred_at AT TIME ZONE INTERVAL '0',
								  'YYYY-MM-DD HH24:MI:SS') || ' UTC' AS value
		FROM fact AS f
		UNION ALL
		SELECT 101, 0, 'buyer',
			commission.mask(coalesce(b.label, b.name, f.buyer_name,
									 commission_internal.identifier_name(f.buyer_id)))
		FROM fact AS f
		LEFT JOIN commission.account AS b ON b.account_id = f.buyer_id
		UNION ALL
		SELECT 102, p.position, p.what,
			format('%s credits, %s', p.credits,
				   CASE WHEN p.derived
					   THEN format('from the price list: %s * %s%s', f.images,
								   f.model,
								   coalesce(' at ' || nullif(f.resolution, ''), ''))
					   ELSE 'as recorded with the generation' END)
		FROM fact AS f
		CROSS JOIN LATERAL (VALUES
			(1, 'model price', f.model_price, f.derived & 1 <> 0),
			(2, 'API cost', f.api_cost, f.derived & 2 <> 0))
			AS p (position, what, credits, derived)
		UNION ALL
		SELECT 110, u.position * 10, u.use || ' listing',
			format('"%s" of %s', u.title, u.owner)
		FROM usage AS u
		UNION ALL
		SELECT 110, u.position * 10 + 1, u.use || ' pool',
			CASE
				WHEN u.bundled THEN '0 credits: a frame of a bundle, whose listing was paid for before'
				ELSE format('%s credits, %s', u.pool,
							CASE WHEN u.pool_derived THEN 'the listing''s'
								ELSE 'as recorded with the generation' END)
			END
		FROM usage AS u
		UNION ALL
		SELECT 110, u.position * 10 + 2, u.use || ' surcharge',
			format('%s credits, %s', u.surcharge,
				   CASE WHEN u.surcharge_derived
					   THEN 'the pool and the platform''s markup on it, rounded up'
					   ELSE 'as recorded with the generation' END)
		FROM usage AS u
		WHERE NOT u.bundled
		UNION ALL
		SELECT 110, 99, 'listing', 'none: a solo generation'
		FROM fact AS f
		WHERE f.avatar_version IS NULL AND f.reference_version IS NULL
		UNION ALL
		/* 200: the net margin. */
		SELECT 200, 0, 'buyer total',
			format('%s + %s = %s credits: model price and surcharges',
				   f.model_price, f.surcharge, n.buyer_total)
		FROM fact AS f, net AS n
		UNION ALL
		SELECT 201, 0, 'marketplace markup',
			format('%s - %s = %s credits: surcharges less pools', f.surcharge,
				   f.pool, n.markup)
		FROM fact AS f, net AS n
		UNION ALL
		SELECT 202, 0, 'generation margin',
			format(CASE WHEN f.api_cost > f.model_price
					   THEN '%s - %s is below zero and counts as %s credits'
					   ELSE '%s - %s = %s credits: model price less API cost' END,
				   f.model_price, f.api_cost, n.margin)
		FROM fact AS f, net AS n
		UNION ALL
		SELECT 203, 0, 'net margin',
			format('%s + %s = %s credits', n.markup, n.margin, n.margins)
		FROM net AS n
		UNION ALL
		/* 300: the ratios. */
		SELECT 300, t.position, t.what, commission_internal.ratio(t.ratio_ppm)::text
		FROM fact AS f
		CROSS JOIN LATERAL (VALUES
			(1, 'brand ratio at the time', f.brand_ratio_ppm),
			(2, 'creator ratio at the time', f.creator_ref_ratio_ppm),
			(3, 'cap at the time', f.total_cap_ratio_ppm))
			AS t (position, what, ratio_ppm)
		UNION ALL
		SELECT 301, 0, 'ratios that apply',
			CASE
				WHEN f.sum_ppm = 0 THEN 'none'
				WHEN f.sum_ppm <= f.total_cap_ratio_ppm
				THEN format('together %s, within the cap',
							commission_internal.ratio(f.sum_ppm))
				ELSE format('together %s, over the cap: each is scaled by %s / %s',
							commission_internal.ratio(f.sum_ppm),
							commission_internal.ratio(f.total_cap_ratio_ppm),
							commission_internal.ratio(f.sum_ppm))
			END
		FROM fact AS f
		UNION ALL
		/* 400: the legs. */
		SELECT 400, l.position, l.what,
			CASE
				WHEN l.leg <> 'p'
				THEN 'not paid: ' || commission_internal.leg_reason(l.leg, l.use)
				ELSE coalesce(
					l.amount || ' credits to ' || l.account || ': ',
					'not paid, less than a credit: ')
					|| commission_internal.leg_arithmetic(n.margins, l.ratio_ppm,
												 f.sum_ppm,
												 f.total_cap_ratio_ppm)
			END
		FROM fact AS f
		CROSS JOIN net AS n
		CROSS JOIN LATERAL (
			SELECT 0 AS position, 'brand leg' AS what, 'brand' AS use,
				f.brand_leg AS leg, f.brand_ratio_ppm AS ratio_ppm,
				o.amount, o.account
			FROM (VALUES (1)) AS always (one)
			LEFT JOIN owed AS o ON o.kind = 'brand'
			UNION ALL
			SELECT u.position, format('creator leg (%s)', u.use), u.use,
				u.leg, f.creator_ref_ratio_ppm,
				o.amount, o.account
			FROM usage AS u
			LEFT JOIN owed AS o ON o.kind = 'creator' AND u.leg = 'p'
				AND o.from_account_id = u.owner_id
		) AS l
		UNION ALL
		SELECT 401, 0, 'legs together',
			format('%s credits, within the cap of %s * %s = %s%s',
				   coalesce((SELECT sum(o.amount) FROM owed AS o
							 WHERE o.kind <> 'pool'), 0),
				   n.margins, commission_internal.ratio(f.total_cap_ratio_ppm), c.cap,
				   CASE WHEN c.cap = trunc(c.cap) THEN ''
					   ELSE ', rounded down to ' || trunc(c.cap) END)
		FROM fact AS f
		CROSS JOIN net AS n
		CROSS JOIN LATERAL (
			SELECT trim_scale(n.margins::numeric * f.total_cap_ratio_ppm
							  / 1000000)) AS c (cap)
		UNION ALL
		/* 500: where every credit went. */
		SELECT 500, o.line, 'pool share',
			format('%s credits to %s', o.amount, o.account)
		FROM owed AS o
		WHERE o.kind = 'pool'
		UNION ALL
		SELECT 501, 0, 'platform',
			format('%s - %s = %s credits: net margin less legs', n.margins,
				   l.legs, n.margins - l.legs)
		FROM net AS n
		CROSS JOIN (SELECT coalesce(sum(o.amount), 0) FROM owed AS o
					WHERE o.kind <> 'pool') AS l (legs)
		UNION ALL
		SELECT 502, 0, 'where it all went',
			format('%s credits = pool %s + API cost %s + legs %s + platform %s%s',
				   n.buyer_total, f.pool, f.api_cost, l.legs,
				   n.margins - l.legs,
				   CASE WHEN f.api_cost > f.model_price
					   THEN format(', less %s that the API cost over the model price and the platform bore',
								   f.api_cost - f.model_price)
					   ELSE '' END)
		FROM fact AS f
		CROSS JOIN net AS n
		CROSS JOIN (SELECT coalesce(sum(o.amount), 0) FROM owed AS o
					WHERE o.kind <> 'pool') AS l (legs)
		UNION ALL
		/* 600 on: refunds, one after the other. */
		SELECT 600 + (row_number() OVER (ORDER BY r.event_id))::integer, 0,
			CASE WHEN NOT r.unpaid THEN 'refund'
				WHEN r.refunded > 0 THEN 'made unpaid'
				ELSE 'paid again' END,
			format('%s of %s credits on %s UTC, %s refunded in all%s',
				   abs(r.refunded), r.buyer_total,
				   to_char(r.occurred_at AT TIME ZONE INTERVAL '0',
						   'YYYY-MM-DD HH24:MI:SS'),
				   r.refunded_so_far, coalesce(': ' || r.reason, ''))
		FROM refund AS r
		UNION ALL
		SELECT 600 + r.number, o.line,
			CASE WHEN k.kept > k.kept_before THEN 'given again to '
				ELSE 'taken back from ' END || o.account,
			format('%s credits of %s %s: kept are %s * (%s - %s) / %s%s',
				   abs(k.kept - k.kept_before), o.amount,
				   CASE o.kind WHEN 'pool' THEN 'pool share'
					   ELSE o.kind || ' leg' END,
				   o.amount, r.buyer_total, r.refunded_so_far, r.buyer_total,
				   CASE WHEN k.kept * r.buyer_total
						   = o.amount * (r.buyer_total - r.refunded_so_far)
					   THEN ' = ' ELSE ', rounded down to ' END || k.kept)
		FROM (SELECT *, (row_number() OVER (ORDER BY event_id))::integer
				AS number FROM refund) AS r
		CROSS JOIN owed AS o
		CROSS JOIN LATERAL (
			SELECT div(o.amount * (r.buyer_total - r.refunded_so_far),
					   r.buyer_total) AS kept,
				div(o.amount * (r.buyer_total - r.refunded_so_far + r.refunded),
					r.buyer_total) AS kept_before
		) AS k
		WHERE k.kept <> k.kept_before
		UNION ALL
		/* What is not in the ledger. */
		SELECT 900, t.position, t.what, t.value
		FROM (VALUES
			(1, 'generation', explain.generation || ' is not in the ledger'),
			(2, 'why', 'it was never recorded, or nobody earned anything on it: it was not paid, used no listing, or left a net margin too small for a credit to anybody'))
			AS t (position, what, value)
		WHERE NOT EXISTS (SELECT FROM fact)
	)
	SELECT (row_number() OVER (ORDER BY l.part, l.position))::integer,
		l.what, l.value
	FROM line AS l
	ORDER BY 1;
END;
COMMENT ON FUNCTION commission.explain(text) IS
	'how a generation came to what it paid, in words: what went in, the net margin, the ratios and the cap at the time, each leg with its arithmetic or why it was not paid, where every credit went, and each refund; the buyer is masked (R34), earners are named by their account; two rows for a generation that is not in the ledger; none for NULL';

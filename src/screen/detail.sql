/*
 * detail.sql: what each generation, run and order brought (R32, R33).
 *
 * A predicate on the account reaches the ledger by the account's key, in the
 * order of its index: ORDER BY event_id DESC LIMIT n reads n rows and sorts
 * nothing.
 */

/* Neither this nor the next is STRICT, which would keep it from being inlined. */
CREATE FUNCTION commission_internal.applied_ratio(ratio_ppm integer,
												  ratios_ppm integer,
												  cap_ppm integer)
	RETURNS numeric
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN ratios_ppm > cap_ppm
		THEN trim_scale(commission_internal.ratio(ratio_ppm) * cap_ppm / ratios_ppm)
	ELSE commission_internal.ratio(ratio_ppm)
END;
COMMENT ON FUNCTION commission_internal.applied_ratio(integer, integer, integer) IS
	'a leg''s ratio, scaled to the cap where the ratios that apply exceed it (R12), as a decimal; all in parts per million; NULL for NULL';

CREATE FUNCTION commission_internal.refund_state(refunded numeric, paid numeric)
	RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN refunded = 0 THEN 'paid'
	WHEN refunded < paid THEN 'partly refunded'
	WHEN refunded >= paid THEN 'refunded'
END;
COMMENT ON FUNCTION commission_internal.refund_state(numeric, numeric) IS
	'what was paid and refunded, in a word; NULL for NULL';

/*
 * The last of an account's legs on a sale, be it a late one (R37), stands for
 * them all: of a run of many frames, that on the last frame.  That there is no
 * later one is looked up for each: IS TRUE keeps the planner from making an
 * anti-join of it, whose estimate would mislead it.
 */
CREATE VIEW commission_internal.last_leg AS
	SELECT last.event_id, last.account_id, last.occurred_at,
		coalesce(late.sale_event_id, last.event_id) AS sale_event_id
	FROM commission.entry AS last
	LEFT JOIN LATERAL (
		SELECT l.sale_event_id FROM commission.late_accrual AS l
		WHERE l.event_id = last.event_id LIMIT 1) AS late ON true
	WHERE last.kind IN ('brand', 'creator')
		AND (NOT EXISTS (
			SELECT
			FROM commission.entry AS l
			WHERE l.event_id = last.event_id AND l.line > last.line
				AND l.account_id = last.account_id
				AND l.kind IN ('brand', 'creator'))) IS TRUE
		AND (NOT EXISTS (
			SELECT
			FROM commission.late_accrual AS l
			WHERE l.sale_event_id = coalesce(late.sale_event_id, last.event_id)
				AND l.event_id > last.event_id
				AND l.account_id = last.account_id AND l.amount > 0)) IS TRUE;
COMMENT ON VIEW commission_internal.last_leg IS
	'each generation (sale_event_id) that paid an account a leg, once for each of the accounts, with the event of its last leg';

CREATE VIEW commission_internal.paid_frame AS
	SELECT leg.*, refund.refunded, taken.reversed, f.*
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (
		SELECT l.account_id,
			sum(l.amount) FILTER (WHERE l.kind = 'brand') AS brand_amount,
			max(l.ratio_ppm) FILTER (WHERE l.kind = 'brand') AS brand_leg_ppm,
			sum(l.amount) FILTER (WHERE l.kind = 'creator') AS creator_amount,
			max(l.ratio_ppm) FILTER (WHERE l.kind = 'creator') AS creator_leg_ppm,
			(count(*) FILTER (WHERE l.kind = 'creator'))::integer AS creator_legs,
			sum(l.amount) AS amount
		FROM commission_internal.sale_entry AS l
		WHERE l.sale_event_id = f.event_id AND l.kind IN ('brand', 'creator')
		GROUP BY l.account_id) AS leg
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(r.refunded), 0) AS refunded
		FROM commission.reversal AS r
		WHERE r.reversed_event_id = f.event_id) AS refund
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(t.amount), 0) AS reversed
		FROM commission_internal.event_sale AS r
		CROSS JOIN LATERAL (
			SELECT sum(t.amount) AS amount
			FROM commission.entry AS t
			WHERE t.event_id = r.event_id AND t.account_id = leg.account_id
				AND t.kind = 'reversal'
				AND t.counts_as IN ('brand', 'creator')) AS t
		WHERE r.sale_event_id = f.event_id) AS taken;
COMMENT ON VIEW commission_internal.paid_frame IS
	'each generation with each account that it paid a leg: the account''s legs (an amount is NULL where there was none), what reversals took of them (below zero), what the buyer got back, and the generation''s facts';

CREATE VIEW commission.recent_commission AS
	SELECT a.name AS account,
		coalesce(g.run_name, commission_internal.identifier_name(g.run_id),
				 g.generation_name,
				 commission_internal.identifier_name(g.generation_id)) AS run,
		last.event_id,
		last.occurred_at,
		named.buyer,
		run.images,
		run.titles,
		CASE WHEN run.brand AND run.creator THEN 'Brand + Creator'
			WHEN run.brand THEN 'Brand'
			ELSE 'Creator'
		END AS legs,
		run.amount,
		format('%s generated %s %s%s', named.buyer, run.images,
			   CASE run.images WHEN 1 THEN 'image' ELSE 'images' END,
			   ' with "' || nullif(array_to_string(run.titles, '" and "'), '')
			   || '"') AS headline,
		last.account_id,
		named.run_key,
		run.reversed,
		commission_internal.refund_state(run.refunded, run.buyer_total) AS state
	FROM commission_internal.last_leg AS last
	JOIN commission.account AS a ON a.account_id = last.account_id
	CROSS JOIN LATERAL (
		SELECT * FROM commission.generation AS g
		WHERE g.event_id = last.sale_event_id LIMIT 1) AS g
	LEFT JOIN commission.account AS b ON b.account_id = g.buyer_id
	CROSS JOIN LATERAL (
		SELECT coalesce('run:' || g.run_id::text,
						'generation:' || g.generation_id::text) AS run_key,
			commission.mask(coalesce(b.label, b.name, g.buyer_name,
									 commission_internal.identifier_name(g.buyer_id)))
				AS buyer) AS named
	CROSS JOIN LATERAL (
		SELECT sum(f.images)::bigint AS images,
			bool_or(f.brand_amount > 0) AS brand,
			bool_or(f.creator_amount > 0) AS creator,
			commission_internal.credits(sum(f.amount + f.reversed)) AS amount,
			commission_internal.credits(sum(f.reversed)) AS reversed,
			sum(f.refunded) AS refunded, sum(f.buyer_total) AS buyer_total,
			ARRAY(
				SELECT coalesce(l.title, l.name)
				FROM commission.listing AS l
				WHERE l.version = ANY (array_agg(f.avatar_version)
									   || array_agg(f.reference_version))
				GROUP BY coalesce(l.title, l.name)
				ORDER BY min(l.kind), min(l.version)) AS titles
		FROM (
			SELECT p.* FROM commission_internal.paid_frame AS p
			WHERE (p.run_id = g.run_id OR p.event_id = g.event_id)
				AND p.account_id = last.account_id) AS f) AS run
	WHERE commission_internal.is_name_of(a.name, last.account_id)
		AND commission_internal.is_run_of(named.run_key, last.event_id)
		AND (NOT EXISTS (
			SELECT
			FROM commission.generation AS f
			JOIN commission.entry AS l ON l.event_id = f.event_id
			WHERE f.run_id = g.run_id AND f.event_id > last.event_id
				AND l.account_id = last.account_id
				AND l.counts_as IN ('brand', 'creator'))) IS TRUE
		AND (NOT EXISTS (
			SELECT
			FROM commission.generation AS f
			JOIN commission.late_accrual AS l ON l.sale_event_id = f.event_id
			WHERE f.run_id = g.run_id AND l.event_id > last.event_id
				AND l.account_id = last.account_id AND l.amount > 0)) IS TRUE;
COMMENT ON VIEW commission.recent_commission IS
	'the recent list (R32): a row for each account and run that paid it, with the event id and the time of sale of the last leg that did, be it a late one (R37), the buyer masked (R34), the images of those frames and the titles of their listings, the legs that paid, the credits net of reversals, what reversals took (reversed, below zero) and whether those frames are paid, partly refunded or refunded (state); run_key finds the row''s details in run_detail and commission_detail. Read it with ORDER BY event_id DESC LIMIT n';

CREATE VIEW commission.commission_detail AS
	SELECT a.name AS account,
		named.generation,
		coalesce(g.run_name, commission_internal.identifier_name(g.run_id)) AS run,
		last.occurred_at,
		commission.mask(coalesce(b.label, b.name, g.buyer_name,
								 commission_internal.identifier_name(g.buyer_id)))
			AS buyer,
		g.images::bigint AS images,
		array_remove(ARRAY[coalesce(avatar.title, avatar.name),
						   coalesce(reference.title, reference.name)], NULL)
			AS titles,
		g.brand_amount::bigint AS brand_amount,
		commission_internal.ratio(g.brand_leg_ppm) AS brand_ratio,
		g.creator_amount::bigint AS creator_amount,
		commission_internal.ratio(g.creator_leg_ppm) AS creator_ratio,
		g.buyer_total::bigint AS buyer_total,
		g.model_price,
		g.surcharge::bigint AS surcharge,
		g.pool::bigint AS pool,
		g.markup::bigint AS markup,
		g.api_cost,
		g.generation_margin::bigint AS generation_margin,
		g.net_margin::bigint AS net_margin,
		(g.net_margin - legs.amount)::bigint AS platform_take,
		g.reversed::bigint AS reversed,
		g.refunded::bigint AS refunded,
		last.event_id,
		last.account_id,
		commission_internal.ratio(g.total_cap_ratio_ppm) AS total_cap_ratio,
		commission_internal.applied_ratio(g.brand_leg_ppm,
			greatest(g.ratios_ppm, late.brand_ppm), g.total_cap_ratio_ppm)
			AS brand_ratio_applied,
		commission_internal.applied_ratio(g.creator_leg_ppm,
			greatest(g.ratios_ppm, late.creator_ppm), g.total_cap_ratio_ppm)
			AS creator_ratio_applied,
		g.creator_legs,
		(legs.amount - g.amount)::bigint AS other_legs,
		named.run_key
	FROM commission_internal.last_leg AS last
	JOIN commission.account AS a ON a.account_id = last.account_id
	CROSS JOIN LATERAL (
		SELECT p.* FROM commission_internal.paid_frame AS p
		WHERE p.event_id = last.sale_event_id AND p.account_id = last.account_id
		LIMIT 1) AS g
	LEFT JOIN commission.account AS b ON b.account_id = g.buyer_id
	LEFT JOIN commission.listing AS avatar ON avatar.version = g.avatar_version
	LEFT JOIN commission.listing AS reference
		ON reference.version = g.reference_version
	CROSS JOIN LATERAL (
		SELECT coalesce('run:' || g.run_id::text,
						'generation:' || g.generation_id::text) AS run_key,
			coalesce(g.generation_name,
					 commission_internal.identifier_name(g.generation_id))
				AS generation) AS named
	CROSS JOIN LATERAL (
		SELECT max(l.ratios_ppm) FILTER (WHERE l.leg = 'b') AS brand_ppm,
			max(l.ratios_ppm) FILTER (WHERE l.leg <> 'b') AS creator_ppm
		FROM commission.late_accrual AS l
		WHERE l.sale_event_id = last.sale_event_id
			AND l.account_id = last.account_id AND l.amount > 0) AS late
	CROSS JOIN LATERAL (
		SELECT sum(l.amount) AS amount
		FROM commission_internal.sale_entry AS l
		WHERE l.sale_event_id = last.sale_event_id
			AND l.kind IN ('brand', 'creator')) AS legs
	WHERE commission_internal.is_name_of(a.name, last.account_id)
		AND commission_internal.is_generation_of(named.generation, last.event_id)
		AND commission_internal.is_run_of(named.run_key, last.event_id);
COMMENT ON VIEW commission.commission_detail IS
	'the details of a generation for an account that it paid (R33), in credits as they were at the sale: the account''s legs with their nominal ratios and the ratios that the cap left of them (applied; R12; of a late leg, which takes nothing from those paid before it, at most: R37), NULL where there was none, how many creator legs the account had, and where every credit went (R20): buyer_total = pool + api_cost + brand_amount + creator_amount + other_legs (what other accounts'' legs came to) + platform_take, less what api_cost exceeds model_price by, which the platform bears (R8). reversed is what reversals took from the account since (below zero), refunded what the buyer got back. Find it by generation, event_id or run_key; read it as a list with ORDER BY event_id DESC LIMIT n';

CREATE VIEW commission.run_detail AS
	SELECT r.account, r.account_id, r.run_key, r.run, r.event_id, r.occurred_at,
		r.buyer, sum.frames, r.images, r.titles, sum.brand_amount, sum.creator_amount,
		sum.other_legs, sum.buyer_total, sum.model_price, sum.surcharge, sum.pool,
		sum.markup, sum.api_cost, sum.generation_margin, sum.net_margin,
		sum.platform_take, r.reversed, sum.refunded, r.state
	FROM commission.recent_commission AS r
	CROSS JOIN LATERAL (
		SELECT count(*) AS frames,
			commission_internal.credits(sum(d.brand_amount)) AS brand_amount,
			commission_internal.credits(sum(d.creator_amount)) AS creator_amount,
			commission_internal.credits(sum(d.other_legs)) AS other_legs,
			commission_internal.credits(sum(d.buyer_total)) AS buyer_total,
			commission_internal.credits(sum(d.model_price)) AS model_price,
			commission_internal.credits(sum(d.surcharge)) AS surcharge,
			commission_internal.credits(sum(d.pool)) AS pool,
			commission_internal.credits(sum(d.markup)) AS markup,
			commission_internal.credits(sum(d.api_cost)) AS api_cost,
			commission_internal.credits(sum(d.generation_margin)) AS generation_margin,
			commission_internal.credits(sum(d.net_margin)) AS net_margin,
			commission_internal.credits(sum(d.platform_take)) AS platform_take,
			commission_internal.credits(sum(d.refunded)) AS refunded
		FROM commission.commission_detail AS d
		WHERE d.account_id = r.account_id AND d.run_key = r.run_key) AS sum;
COMMENT ON VIEW commission.run_detail IS
	'a row of recent_commission with the sums of commission_detail over the frames of the run that paid the account (R16, R33), in credits. Read it by account and run_key';

/*
 * Who has many generations may have few orders, or none.  So the account's
 * entries are passed by in the index, which has counts_as and not the kind, and
 * only those of orders are read.  (What an order that accrues late has been
 * refunded before is in the same event, and below zero.)
 */
CREATE VIEW commission.recent_order AS
	SELECT a.name AS account,
		named.order_id,
		k.event_id,
		k.occurred_at,
		commission.mask(coalesce(b.label, b.name, o.customer_name,
								 commission_internal.identifier_name(o.customer_id)))
			AS buyer,
		o.plan,
		o.kind,
		o.amount AS order_amount,
		commission_internal.ratio(e.ratio_ppm) AS ratio,
		(e.amount + taken.amount)::bigint AS amount,
		taken.amount::bigint AS reversed,
		commission_internal.refund_state(refund.amount, o.amount) AS state,
		k.account_id
	FROM commission.entry AS k
	JOIN commission.entry AS e ON e.account_id = k.account_id
		AND e.event_id = k.event_id AND e.kind = k.counts_as
		AND e.amount = k.amount
	JOIN commission.account AS a ON a.account_id = k.account_id
	LEFT JOIN LATERAL (
		SELECT l.sale_event_id FROM commission.late_accrual AS l
		WHERE l.event_id = k.event_id LIMIT 1) AS late ON true
	CROSS JOIN LATERAL (
		SELECT * FROM commission.customer_order AS o
		WHERE o.event_id = coalesce(late.sale_event_id, k.event_id) LIMIT 1) AS o
	LEFT JOIN commission.account AS b ON b.account_id = o.customer_id
	CROSS JOIN LATERAL (
		SELECT coalesce(o.order_name, commission_internal.identifier_name(o.order_id))
			AS order_id) AS named
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(r.refunded), 0) AS amount
		FROM commission.reversal AS r
		WHERE r.reversed_event_id = o.event_id) AS refund
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(t.amount), 0) AS amount
		FROM commission_internal.event_sale AS r
		CROSS JOIN LATERAL (
			SELECT sum(t.amount) AS amount
			FROM commission.entry AS t
			WHERE t.event_id = r.event_id AND t.account_id = k.account_id
				AND t.kind = 'reversal') AS t
		WHERE r.sale_event_id = o.event_id) AS taken
	WHERE k.counts_as IN ('first_order', 'renewal', 'upgrade')
		AND commission_internal.is_name_of(a.name, k.account_id)
		AND commission_internal.is_source_of(named.order_id, k.event_id);
COMMENT ON VIEW commission.recent_order IS
	'a row for each account and order that paid it (R30): the customer masked (R34), what the customer paid (order_amount), the account''s ratio, and its credits net of reversals, what these took (reversed, below zero), and whether the order is paid, partly refunded or refunded (state); read it with ORDER BY event_id DESC LIMIT n';

/*
 * report.sql: the screens (R31 to R34).
 *
 * A view reads with the rights of the extension's owner.  Each is driven by
 * commission.account, whose name has a unique index, or by the entries of one
 * account, so that a predicate on the account reaches an index.
 */

CREATE VIEW commission.earnings AS
	SELECT a.name AS account,
		coalesce(sum.lifetime, 0)::bigint AS lifetime,
		coalesce(sum.last_30_days, 0)::bigint AS last_30_days,
		coalesce(sum.brand, 0)::bigint AS brand_lifetime,
		coalesce(sum.creator, 0)::bigint AS creator_lifetime,
		coalesce(sum.pool, 0)::bigint AS pool_lifetime,
		coalesce(sum.subscription, 0)::bigint AS subscription_lifetime
	FROM commission.account AS a
	CROSS JOIN LATERAL (
		SELECT sum(e.amount) FILTER (
				WHERE e.counts_as NOT IN ('pool', 'withdrawal')) AS lifetime,
			sum(e.amount) FILTER (
				WHERE e.counts_as NOT IN ('pool', 'withdrawal')
				AND e.occurred_at >= (today.utc - 29)::timestamp AT TIME ZONE 'UTC'
				AND e.occurred_at < (today.utc + 1)::timestamp AT TIME ZONE 'UTC')
				AS last_30_days,
			sum(e.amount) FILTER (WHERE e.counts_as = 'brand') AS brand,
			sum(e.amount) FILTER (WHERE e.counts_as = 'creator') AS creator,
			sum(e.amount) FILTER (WHERE e.counts_as = 'pool') AS pool,
			sum(e.amount) FILTER (
				WHERE e.counts_as IN ('first_order', 'renewal', 'upgrade'))
				AS subscription
		FROM commission.entry AS e,
			(SELECT (now() AT TIME ZONE 'UTC')::date AS utc) AS today
		WHERE e.account_id = a.account_id) AS sum;
COMMENT ON VIEW commission.earnings IS
	'the earnings card (R31): what each account has earned, in credits and net of reversals; lifetime and last_30_days are commission, that is legs and subscriptions; pool shares stand apart; days are UTC days, by the time of the sale';

CREATE VIEW commission.ledger AS
	SELECT e.event_id,
		e.line,
		a.name AS account,
		e.kind,
		e.amount,
		commission.ratio(e.ratio_ppm) AS ratio,
		coalesce(f.name, g.buyer_name, o.customer_name,
				 commission.identifier_name(e.from_account_id)) AS from_account,
		coalesce(g.generation_name, o.order_name,
				 commission.identifier_name(coalesce(g.generation_id,
													 o.order_id)),
				 w.withdrawal_id::text) AS source,
		e.occurred_at,
		e.counts_as,
		e.account_id
	FROM commission.entry AS e
	JOIN commission.account AS a ON a.account_id = e.account_id
	LEFT JOIN commission.account AS f ON f.account_id = e.from_account_id
	LEFT JOIN commission.reversal AS r ON r.event_id = e.event_id
	LEFT JOIN commission.generation AS g
		ON g.event_id = coalesce(r.reversed_event_id, e.event_id)
	LEFT JOIN commission.customer_order AS o
		ON o.event_id = coalesce(r.reversed_event_id, e.event_id)
	LEFT JOIN commission.withdrawal_transition AS w
		ON w.event_id = e.event_id;
COMMENT ON VIEW commission.ledger IS
	'every entry of the ledger (R18): amounts in credits, below zero where they leave the balance; source is the application''s id of the generation or order that it is for, or the number of the withdrawal';

/*
 * What one account earned on one generation.  Frames of a run are shown
 * together by recent_commission, and one by one by commission_detail.
 */
CREATE VIEW commission.generation_share AS
	SELECT e.account_id,
		e.event_id,
		sum(e.amount) FILTER (WHERE e.kind = 'brand')::bigint AS brand_amount,
		max(e.ratio_ppm) FILTER (WHERE e.kind = 'brand') AS brand_ratio_ppm,
		sum(e.amount) FILTER (WHERE e.kind = 'creator')::bigint
			AS creator_amount,
		max(e.ratio_ppm) FILTER (WHERE e.kind = 'creator')
			AS creator_ratio_ppm,
		(SELECT coalesce(sum(re.amount), 0)::bigint
		 FROM commission.reversal AS r
		 JOIN commission.entry AS re ON re.event_id = r.event_id
			AND re.account_id = e.account_id
			AND re.counts_as IN ('brand', 'creator')
		 WHERE r.reversed_event_id = e.event_id) AS reversed
	FROM commission.entry AS e
	WHERE e.kind IN ('brand', 'creator')
	GROUP BY e.account_id, e.event_id;
COMMENT ON VIEW commission.generation_share IS
	'what an account earned on a generation by its legs, in credits, and what reversals took of that (below zero)';

CREATE VIEW commission.recent_commission AS
	SELECT a.name AS account,
		coalesce(g.run_name, commission.identifier_name(g.run_id),
				 g.generation_name,
				 commission.identifier_name(g.generation_id)) AS run,
		last.event_id,
		g.occurred_at,
		buyer.label AS buyer,
		run.images,
		run.titles,
		CASE WHEN run.brand AND run.creator THEN 'Brand + Creator'
			WHEN run.brand THEN 'Brand'
			ELSE 'Creator'
		END AS legs,
		run.amount,
		format('%s generated %s %s%s', buyer.label, run.images,
			   CASE run.images WHEN 1 THEN 'image' ELSE 'images' END,
			   ' with "' || array_to_string(run.titles, '" and "') || '"')
			AS headline,
		last.account_id
	FROM commission.entry AS last
	JOIN commission.account AS a ON a.account_id = last.account_id
	JOIN commission.generation AS g ON g.event_id = last.event_id
	LEFT JOIN commission.account AS b ON b.account_id = g.buyer_id
	CROSS JOIN LATERAL (
		SELECT commission.mask(coalesce(b.label, b.name, g.buyer_name,
										commission.identifier_name(g.buyer_id)))
	) AS buyer (label)
	CROSS JOIN LATERAL (
		SELECT sum(f.images)::bigint AS images,
			bool_or(s.brand_amount IS NOT NULL) AS brand,
			bool_or(s.creator_amount IS NOT NULL) AS creator,
			sum(coalesce(s.brand_amount, 0) + coalesce(s.creator_amount, 0)
				+ s.reversed)::bigint AS amount,
			(SELECT array_agg(t.title ORDER BY t.first)
			 FROM (SELECT coalesce(l.title, l.name) AS title,
						min(v.position) AS first
				   FROM unnest(array_agg(f.avatar_version ORDER BY f.event_id)
							   || array_agg(f.reference_version ORDER BY f.event_id))
						WITH ORDINALITY AS v (version, position)
				   JOIN commission.listing AS l ON l.version = v.version
				   GROUP BY coalesce(l.title, l.name)) AS t) AS titles
		FROM commission.generation AS f
		JOIN commission.generation_share AS s ON s.event_id = f.event_id
			AND s.account_id = last.account_id
		WHERE f.event_id = last.event_id OR f.run_id = g.run_id
	) AS run
	WHERE last.kind IN ('brand', 'creator')
		AND NOT EXISTS (
			SELECT FROM commission.entry AS later
			WHERE later.event_id = last.event_id
				AND later.account_id = last.account_id
				AND later.kind IN ('brand', 'creator')
				AND later.line > last.line)
		AND NOT EXISTS (
			SELECT FROM commission.generation AS f
			JOIN commission.entry AS later ON later.event_id = f.event_id
				AND later.account_id = last.account_id
				AND later.kind IN ('brand', 'creator')
			WHERE f.run_id = g.run_id AND f.event_id > last.event_id);
COMMENT ON VIEW commission.recent_commission IS
	'the recent list (R32): a row for each account and run that paid it, with the event id and time of the run''s last frame, the buyer masked (R34), all its images, the titles of the listings, the legs that paid, and the credits net of reversals; read it with ORDER BY event_id DESC LIMIT n';

CREATE VIEW commission.commission_detail AS
	SELECT a.name AS account,
		coalesce(g.generation_name,
				 commission.identifier_name(g.generation_id)) AS generation,
		coalesce(g.run_name, commission.identifier_name(g.run_id)) AS run,
		g.occurred_at,
		commission.mask(coalesce(b.label, b.name, g.buyer_name,
								 commission.identifier_name(g.buyer_id)))
			AS buyer,
		g.images,
		array_remove(ARRAY[coalesce(avatar.title, avatar.name),
						   coalesce(reference.title, reference.name)], NULL)
			AS titles,
		s.brand_amount,
		commission.ratio(s.brand_ratio_ppm) AS brand_ratio,
		s.creator_amount,
		commission.ratio(s.creator_ratio_ppm) AS creator_ratio,
		g.model_price + sum.surcharge AS buyer_total,
		g.model_price,
		sum.surcharge,
		sum.pool,
		sum.surcharge - sum.pool AS markup,
		g.api_cost,
		greatest(g.model_price - g.api_cost, 0) AS generation_margin,
		sum.surcharge - sum.pool + greatest(g.model_price - g.api_cost, 0)
			AS net_margin,
		sum.surcharge - sum.pool + greatest(g.model_price - g.api_cost, 0)
			- sum.legs AS platform_take,
		s.reversed,
		sum.refunded,
		g.event_id,
		s.account_id
	FROM commission.generation_share AS s
	JOIN commission.account AS a ON a.account_id = s.account_id
	JOIN commission.generation AS g ON g.event_id = s.event_id
	LEFT JOIN commission.account AS b ON b.account_id = g.buyer_id
	LEFT JOIN commission.listing AS avatar
		ON avatar.version = g.avatar_version
	LEFT JOIN commission.listing AS reference
		ON reference.version = g.reference_version
	CROSS JOIN LATERAL (
		SELECT coalesce(g.avatar_surcharge, 0)
				+ coalesce(g.reference_surcharge, 0) AS surcharge,
			coalesce(g.avatar_pool, 0) + coalesce(g.reference_pool, 0) AS pool,
			(SELECT coalesce(sum(l.amount), 0)::bigint
			 FROM commission.entry AS l
			 WHERE l.event_id = g.event_id AND l.kind <> 'pool') AS legs,
			(SELECT coalesce(sum(r.refunded), 0)::bigint
			 FROM commission.reversal AS r
			 WHERE r.reversed_event_id = g.event_id) AS refunded) AS sum;
COMMENT ON VIEW commission.commission_detail IS
	'the details of a generation for an account that it paid (R33), in credits as they were at the sale: the account''s legs with their nominal ratios, NULL where there was none, and where every credit went (R20): buyer_total = pool + api_cost + everybody''s legs + platform_take, the clamp of R8 apart; reversed is what reversals took from the account since (below zero), refunded what the buyer got back';

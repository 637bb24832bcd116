/*
 * report.sql: the screens (R31 to R34).
 *
 * A view reads with the rights of the extension's owner.  A predicate on the
 * account reaches commission.account by its name, and by is_name_of() every
 * table that is kept by the account's key, in the order of that table's
 * index: ORDER BY event_id DESC LIMIT n reads n rows and sorts nothing.  What
 * a row shows besides comes from look-ups by key, so that a row costs the
 * same however large the ledger is.
 */

CREATE FUNCTION commission_internal.identifier_key(name text) RETURNS uuid
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_identifier_key';
COMMENT ON FUNCTION commission_internal.identifier_key(text) IS
	'account_id(), but NULL for an empty or over-long name';

CREATE FUNCTION commission_internal.is_name_of_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_is_name_of_support';
COMMENT ON FUNCTION commission_internal.is_name_of_support(internal) IS
	'planner support of is_name_of()';

CREATE FUNCTION commission_internal.is_name_of(name text, id uuid) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.is_name_of_support
	AS 'MODULE_PATHNAME', 'commission_is_name_of';
COMMENT ON FUNCTION commission_internal.is_name_of(text, uuid) IS
	'true: the promise of a view that name is the identifier kept under id, by which the planner finds a name''s rows through their key';

CREATE FUNCTION commission_internal.is_same_account_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_is_same_account_support';
COMMENT ON FUNCTION commission_internal.is_same_account_support(internal) IS
	'planner support of is_same_account()';

CREATE FUNCTION commission_internal.is_same_account(account_id uuid,
										   other_account_id uuid)
	RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000
	SUPPORT commission_internal.is_same_account_support
	AS 'MODULE_PATHNAME', 'commission_is_same_account';
COMMENT ON FUNCTION commission_internal.is_same_account(uuid, uuid) IS
	'whether two accounts'' keys are equal, at a cost that makes the planner look for an index; NULL for NULL';

CREATE FUNCTION commission_internal.is_same_event_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_is_same_event_support';
COMMENT ON FUNCTION commission_internal.is_same_event_support(internal) IS
	'planner support of is_same_event()';

CREATE FUNCTION commission_internal.is_same_event(event_id bigint,
										 other_event_id bigint)
	RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT commission_internal.is_same_event_support
	AS 'MODULE_PATHNAME', 'commission_is_same_event';
COMMENT ON FUNCTION commission_internal.is_same_event(bigint, bigint) IS
	'whether two event ids are equal; a join on it is looked up in an index, event by event, and never merged; NULL for NULL';

CREATE VIEW commission.earnings AS
	SELECT a.name AS account,
		coalesce(ever.lifetime, 0)::bigint AS lifetime,
		coalesce(recent.amount, 0)::bigint AS last_30_days,
		coalesce(ever.brand, 0)::bigint AS brand_lifetime,
		coalesce(ever.creator, 0)::bigint AS creator_lifetime,
		coalesce(ever.pool, 0)::bigint AS pool_lifetime,
		coalesce(ever.subscription, 0)::bigint AS subscription_lifetime
	FROM commission.account AS a
	CROSS JOIN LATERAL (
		SELECT sum(p.amount) FILTER (
				WHERE p.counts_as NOT IN ('pool', 'withdrawal')) AS lifetime,
			sum(p.amount) FILTER (WHERE p.counts_as = 'brand') AS brand,
			sum(p.amount) FILTER (WHERE p.counts_as = 'creator') AS creator,
			sum(p.amount) FILTER (WHERE p.counts_as = 'pool') AS pool,
			sum(p.amount) FILTER (
				WHERE p.counts_as IN ('first_order', 'renewal', 'upgrade'))
				AS subscription
		FROM commission_internal.kind_part AS p
		WHERE p.account_id = a.account_id) AS ever
	CROSS JOIN LATERAL (
		SELECT sum(p.amount) AS amount
		FROM commission_internal.day_part AS p
		WHERE p.account_id = a.account_id
			AND p.day BETWEEN (now() AT TIME ZONE INTERVAL '0')::date - 29
				AND (now() AT TIME ZONE INTERVAL '0')::date
			AND p.counts_as NOT IN ('pool', 'withdrawal')) AS recent;
COMMENT ON VIEW commission.earnings IS
	'the earnings card (R31): what each account has earned, in credits and net of reversals; lifetime and last_30_days are commission, that is legs and subscriptions; pool shares stand apart; days are UTC days, by the time of the sale, and of a reversal by the time of the reversal';

CREATE VIEW commission.daily_earnings AS
	SELECT a.name AS account,
		sum.day,
		sum.counts_as AS kind,
		sum.amount,
		sum.entries,
		a.account_id
	FROM commission.account AS a
	CROSS JOIN LATERAL (
		SELECT p.day, p.counts_as, sum(p.amount)::bigint AS amount,
			sum(p.entries)::bigint AS entries
		FROM commission_internal.day_part AS p
		WHERE p.account_id = a.account_id
			AND p.counts_as <> 'withdrawal'
		GROUP BY p.day, p.counts_as) AS sum;
COMMENT ON VIEW commission.daily_earnings IS
	'for charts: what each account earned on each UTC day by each kind, in credits and net of that day''s reversals, and by how many entries; a day without entries has no row';

CREATE VIEW commission.ledger AS
	SELECT e.event_id,
		e.line,
		a.name AS account,
		e.kind,
		e.amount,
		commission_internal.ratio(e.ratio_ppm) AS ratio,
		coalesce(f.name, g.buyer_name, o.customer_name,
				 commission_internal.identifier_name(e.from_account_id)) AS from_account,
		coalesce(g.generation_name, o.order_name,
				 commission_internal.identifier_name(coalesce(g.generation_id,
													 o.order_id)),
				 w.withdrawal_id::text) AS source,
		e.occurred_at,
		e.counts_as,
		e.account_id
	FROM commission.entry AS e
	JOIN commission.account AS a ON a.account_id = e.account_id
	LEFT JOIN commission.account AS f ON f.account_id = e.from_account_id
	LEFT JOIN commission.reversal AS r
		ON commission_internal.is_same_event(r.event_id, e.event_id)
	LEFT JOIN commission.generation AS g
		ON commission_internal.is_same_event(
			g.event_id, coalesce(r.reversed_event_id, e.event_id))
	LEFT JOIN commission.customer_order AS o
		ON commission_internal.is_same_event(
			o.event_id, coalesce(r.reversed_event_id, e.event_id))
	LEFT JOIN commission.withdrawal_transition AS w
		ON commission_internal.is_same_event(w.event_id, e.event_id)
	WHERE commission_internal.is_name_of(a.name, e.account_id);
COMMENT ON VIEW commission.ledger IS
	'every entry of the ledger (R18): amounts in credits, below zero where they leave the balance; source is the application''s id of the generation or order that it is for, or the number of the withdrawal; read it with ORDER BY event_id DESC LIMIT n';

/*
 * The last of an account's legs on an event stands for them all: of a run of
 * many frames, that on the last frame.  That there is no later one is looked
 * up for each: IS TRUE keeps the planner from making an anti-join of it, whose
 * estimate would mislead it.
 */
CREATE VIEW commission.recent_commission AS
	SELECT a.name AS account,
		coalesce(g.run_name, commission_internal.identifier_name(g.run_id),
				 g.generation_name,
				 commission_internal.identifier_name(g.generation_id)) AS run,
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
			   ' with "' || nullif(array_to_string(run.titles, '" and "'), '')
			   || '"') AS headline,
		last.account_id
	FROM commission.entry AS last
	JOIN commission.account AS a ON a.account_id = last.account_id
	JOIN commission.generation AS g
		ON commission_internal.is_same_event(g.event_id, last.event_id)
	LEFT JOIN commission.account AS b ON b.account_id = g.buyer_id
	CROSS JOIN LATERAL (
		SELECT commission.mask(coalesce(b.label, b.name, g.buyer_name,
										commission_internal.identifier_name(g.buyer_id)))
	) AS buyer (label)
	CROSS JOIN LATERAL (
		SELECT sum(frame.images)::bigint AS images,
			bool_or(leg.brand) AS brand,
			bool_or(leg.creator) AS creator,
			sum(leg.amount + taken.amount)::bigint AS amount,
			ARRAY(
				SELECT coalesce(l.title, l.name)
				FROM commission.listing AS l
				WHERE l.version = ANY (array_agg(frame.avatar_version)
									   || array_agg(frame.reference_version))
				GROUP BY coalesce(l.title, l.name)
				ORDER BY min(l.kind), min(l.version)) AS titles
		FROM (
			SELECT f.event_id, f.images, f.avatar_version, f.reference_version
			FROM commission.generation AS f
			WHERE f.run_id = g.run_id
			UNION ALL
			SELECT g.event_id, g.images, g.avatar_version, g.reference_version
			WHERE g.run_id IS NULL
		) AS frame
		CROSS JOIN LATERAL (
			SELECT bool_or(l.kind = 'brand') AS brand,
				bool_or(l.kind = 'creator') AS creator,
				sum(l.amount) AS amount
			FROM commission.entry AS l
			WHERE l.event_id = frame.event_id
				AND l.account_id = last.account_id
				AND l.kind IN ('brand', 'creator')
			HAVING count(*) > 0
		) AS leg
		CROSS JOIN LATERAL (
			SELECT coalesce(sum(t.amount), 0) AS amount
			FROM commission.reversal AS r
			JOIN commission.entry AS t ON t.event_id = r.event_id
			WHERE r.reversed_event_id = frame.event_id
				AND t.account_id = last.account_id
				AND t.counts_as IN ('brand', 'creator')
		) AS taken
	) AS run
	WHERE commission_internal.is_name_of(a.name, last.account_id)
		AND last.kind IN ('brand', 'creator')
		AND (NOT EXISTS (
			SELECT
			FROM commission.entry AS l
			WHERE l.event_id = last.event_id AND l.line > last.line
				AND l.account_id = last.account_id
				AND l.kind IN ('brand', 'creator'))) IS TRUE
		AND (NOT EXISTS (
			SELECT
			FROM commission.generation AS f
			JOIN commission.entry AS l ON l.event_id = f.event_id
			WHERE f.run_id = g.run_id AND f.event_id > g.event_id
				AND l.account_id = last.account_id
				AND l.kind IN ('brand', 'creator'))) IS TRUE;
COMMENT ON VIEW commission.recent_commission IS
	'the recent list (R32): a row for each account and run that paid it, with the event id and time of the last frame that did, the buyer masked (R34), the images of those frames and the titles of their listings, the legs that paid, and the credits net of reversals; read it with ORDER BY event_id DESC LIMIT n';

CREATE VIEW commission.commission_detail AS
	SELECT a.name AS account,
		coalesce(g.generation_name,
				 commission_internal.identifier_name(g.generation_id)) AS generation,
		coalesce(g.run_name, commission_internal.identifier_name(g.run_id)) AS run,
		g.occurred_at,
		commission.mask(coalesce(b.label, b.name, g.buyer_name,
								 commission_internal.identifier_name(g.buyer_id)))
			AS buyer,
		g.images,
		array_remove(ARRAY[coalesce(avatar.title, avatar.name),
						   coalesce(reference.title, reference.name)], NULL)
			AS titles,
		leg.brand_amount,
		commission_internal.ratio(leg.brand_ratio_ppm) AS brand_ratio,
		leg.creator_amount,
		commission_internal.ratio(leg.creator_ratio_ppm) AS creator_ratio,
		g.model_price + paid.surcharge AS buyer_total,
		g.model_price,
		paid.surcharge,
		paid.pool,
		paid.surcharge - paid.pool AS markup,
		g.api_cost,
		greatest(g.model_price - g.api_cost, 0) AS generation_margin,
		paid.surcharge - paid.pool + greatest(g.model_price - g.api_cost, 0)
			AS net_margin,
		paid.surcharge - paid.pool + greatest(g.model_price - g.api_cost, 0)
			- leg.all_amount AS platform_take,
		(SELECT coalesce(sum(t.amount), 0)::bigint
		 FROM commission.reversal AS r
		 JOIN commission.entry AS t ON t.event_id = r.event_id
		 WHERE r.reversed_event_id = g.event_id
			AND t.account_id = last.account_id
			AND t.counts_as IN ('brand', 'creator')) AS reversed,
		(SELECT coalesce(sum(r.refunded), 0)::bigint
		 FROM commission.reversal AS r
		 WHERE r.reversed_event_id = g.event_id) AS refunded,
		last.event_id,
		last.account_id
	FROM commission.entry AS last
	JOIN commission.account AS a ON a.account_id = last.account_id
	JOIN commission.generation AS g
		ON commission_internal.is_same_event(g.event_id, last.event_id)
	LEFT JOIN commission.account AS b ON b.account_id = g.buyer_id
	LEFT JOIN commission.listing AS avatar
		ON avatar.version = g.avatar_version
	LEFT JOIN commission.listing AS reference
		ON reference.version = g.reference_version
	CROSS JOIN LATERAL (
		SELECT coalesce(g.avatar_surcharge, 0)
				+ coalesce(g.reference_surcharge, 0) AS surcharge,
			coalesce(g.avatar_pool, 0) + coalesce(g.reference_pool, 0) AS pool
	) AS paid
	CROSS JOIN LATERAL (
		SELECT sum(l.amount) FILTER (
				WHERE l.account_id = last.account_id AND l.kind = 'brand')::bigint
				AS brand_amount,
			max(l.ratio_ppm) FILTER (
				WHERE l.account_id = last.account_id AND l.kind = 'brand')
				AS brand_ratio_ppm,
			sum(l.amount) FILTER (
				WHERE l.account_id = last.account_id AND l.kind = 'creator')::bigint
				AS creator_amount,
			max(l.ratio_ppm) FILTER (
				WHERE l.account_id = last.account_id AND l.kind = 'creator')
				AS creator_ratio_ppm,
			sum(l.amount)::bigint AS all_amount
		FROM commission.entry AS l
		WHERE l.event_id = last.event_id
			AND l.kind IN ('brand', 'creator')
	) AS leg
	WHERE commission_internal.is_name_of(a.name, last.account_id)
		AND commission_internal.is_name_of(
			coalesce(g.generation_name,
					 commission_internal.identifier_name(g.generation_id)),
			g.generation_id)
		AND last.kind IN ('brand', 'creator')
		AND (NOT EXISTS (
			SELECT
			FROM commission.entry AS l
			WHERE l.event_id = last.event_id AND l.line > last.line
				AND l.account_id = last.account_id
				AND l.kind IN ('brand', 'creator'))) IS TRUE;
COMMENT ON VIEW commission.commission_detail IS
	'the details of a generation for an account that it paid (R33), in credits as they were at the sale: the account''s legs with their nominal ratios, NULL where there was none, and where every credit went (R20): buyer_total = pool + api_cost + everybody''s legs + platform_take, the clamp of R8 apart; reversed is what reversals took from the account since (below zero), refunded what the buyer got back; found by generation or event_id, read as a list with ORDER BY event_id DESC LIMIT n';

CREATE VIEW commission.program_terms AS
	SELECT t.term, t.value, t.description
	FROM (
		SELECT commission_internal.setting('brand_ratio') AS brand_ratio,
			commission_internal.setting('creator_ref_ratio') AS creator_ref_ratio,
			commission_internal.setting('total_cap_ratio') AS total_cap_ratio,
			commission_internal.setting('brand_referral_window_days') AS brand_window,
			commission_internal.setting('attribution_window_days') AS touch_window,
			commission_internal.setting('first_order_ratio') AS first_order_ratio,
			commission_internal.setting('renewal_ratio') AS renewal_ratio,
			commission_internal.setting('upgrade_ratio') AS upgrade_ratio,
			commission_internal.setting('minimum_payout') AS minimum_payout,
			commission_internal.setting('hold_days') AS hold_days,
			commission_internal.setting('minimum_pool') AS minimum_pool,
			commission_internal.setting('marketplace_only') AS marketplace_only,
			commission_internal.setting('platform_markup_ratio') AS markup_ratio
	) AS s
	CROSS JOIN LATERAL (VALUES
		('brand_ratio', s.brand_ratio,
		 'share of the net margin of each paid generation of a brand that you referred'),
		('creator_ref_ratio', s.creator_ref_ratio,
		 'share of the net margin of each generation by another brand with a listing of a creator that you referred'),
		('total_cap_ratio', s.total_cap_ratio,
		 'share of the net margin that all legs of one generation together never exceed; they are scaled down alike'),
		('brand_referral_window_days', s.brand_window,
		 CASE s.brand_window
			WHEN '0' THEN 'the brand leg recurs for life: 0 is no limit in days'
			ELSE 'days after attribution for which the brand leg recurs'
		 END || '; the creator leg has no limit'),
		('attribution_window_days', s.touch_window,
		 'days from a visitor''s first touch in which their sign-up counts as your referral'),
		('first_order_ratio', s.first_order_ratio,
		 'share of the first order of a customer that you referred'),
		('renewal_ratio', s.renewal_ratio,
		 'share of each renewal; it recurs for as long as the customer pays'),
		('upgrade_ratio', s.upgrade_ratio,
		 'share of each upgrade'),
		('minimum_payout', s.minimum_payout,
		 CASE s.minimum_payout
			WHEN '0' THEN 'credits: there is no least amount to withdraw'
			ELSE 'credits: the least amount to withdraw, $'
				|| (s.minimum_payout::numeric / 100)::numeric(20, 2)
		 END || '; paid by PayPal or another method that the platform offers'),
		('hold_days', s.hold_days,
		 CASE s.hold_days
			WHEN '0' THEN 'earnings can be withdrawn at once'
			ELSE 'days before an earning can be withdrawn'
		 END),
		('minimum_pool', s.minimum_pool,
		 'credits: the least pool of a listing, which its owner and co-authors share'),
		('platform_markup_ratio', s.markup_ratio,
		 'what the platform adds to a pool, rounded up to the credit; part of the net margin'),
		('marketplace_only', s.marketplace_only,
		 CASE s.marketplace_only
			WHEN 'on' THEN 'only generations that use a listing pay'
			ELSE 'generations without a listing pay, too'
		 END)
	) AS t (term, value, description);
COMMENT ON VIEW commission.program_terms IS
	'the programme''s terms as they are in force now: ratios as decimals, money in credits, windows in days; what was earned is never altered by a later change (R15)';

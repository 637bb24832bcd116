/*
 * commission--0.1.0--0.2.0.sql: from 0.1.0 to 0.2.0.
 *
 * A section for each room that has changed, in the order of the install
 * script, with what is new or other in it and nothing else.  A new function is
 * taken from PUBLIC by a REVOKE of its own.
 */

\echo Use "ALTER EXTENSION commission UPDATE TO '0.2.0'" to load this file. \quit

SET LOCAL search_path TO pg_catalog, pg_temp;

/*
 * Days are UTC's whatever the session's TimeZone: from here to explain.sql
 * nothing else has changed.
 */

/*
 * referral.sql
 */

DROP INDEX commission.referral_change_referrer_idx;
CREATE INDEX referral_change_referrer_idx
	ON commission.referral_change
	(referrer_id, ((signed_up_at AT TIME ZONE INTERVAL '0')::date))
	WHERE is_first;

/*
 * touch.sql
 */

DROP INDEX commission.touch_referrer_idx;
CREATE INDEX touch_referrer_idx ON commission.touch
	(referrer_id, ((touched_at AT TIME ZONE INTERVAL '0')::date));

/*
 * order.sql
 */

CREATE OR REPLACE VIEW commission.monthly_subscription AS
	SELECT a.name AS account,
		m.month,
		m.active_referrals,
		m.first_orders,
		m.renewals,
		m.upgrades,
		m.amount,
		a.account_id
	FROM commission.account AS a
	CROSS JOIN LATERAL (
		SELECT o.month,
			count(DISTINCT o.customer_id) FILTER (WHERE o.amount > 0)
				AS active_referrals,
			count(*) FILTER (WHERE o.amount > 0 AND o.kind = 'first_order')
				AS first_orders,
			count(*) FILTER (WHERE o.amount > 0 AND o.kind = 'renewal')
				AS renewals,
			count(*) FILTER (WHERE o.amount > 0 AND o.kind = 'upgrade')
				AS upgrades,
			sum(o.amount)::bigint AS amount
		FROM (
			/* What each order brought in a month, less its refunds then. */
			SELECT date_trunc('month', e.occurred_at AT TIME ZONE INTERVAL '0')::date
					AS month,
				e.counts_as AS kind,
				e.from_account_id AS customer_id,
				sum(e.amount) AS amount
			FROM commission.entry AS e
			LEFT JOIN commission.reversal AS r ON r.event_id = e.event_id
			WHERE e.account_id = a.account_id
				AND e.counts_as IN ('first_order', 'renewal', 'upgrade')
			GROUP BY date_trunc('month', e.occurred_at AT TIME ZONE INTERVAL '0'),
				e.counts_as, e.from_account_id,
				coalesce(r.reversed_event_id, e.event_id)
		) AS o
		GROUP BY o.month
	) AS m;

/*
 * rollup.sql
 */

CREATE OR REPLACE VIEW commission.day_part AS
	SELECT r.account_id, r.day, r.counts_as, r.amount, r.entries
	FROM commission.rolled_day AS r
	UNION ALL
	SELECT e.account_id, (e.occurred_at AT TIME ZONE INTERVAL '0')::date, e.counts_as,
		e.amount, 1
	FROM commission.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id;

CREATE OR REPLACE VIEW commission.campaign_entry AS
	SELECT e.event_id,
		e.account_id,
		(e.occurred_at AT TIME ZONE INTERVAL '0')::date AS day,
		e.counts_as,
		e.amount,
		coalesce(c.campaign, '') AS campaign
	FROM commission.entry AS e
	LEFT JOIN commission.referral_change AS c
		ON c.is_first
		AND c.account_id = e.from_account_id AND c.referrer_id = e.account_id
		AND c.role = CASE e.counts_as
			WHEN 'pool' THEN NULL
			WHEN 'withdrawal' THEN NULL
			WHEN 'creator' THEN 'creator'::commission.referral_role
			ELSE 'brand'::commission.referral_role
		END;

/*
 * report.sql
 */

CREATE OR REPLACE VIEW commission.earnings AS
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
		FROM commission.kind_part AS p
		WHERE p.account_id = a.account_id) AS ever
	CROSS JOIN LATERAL (
		SELECT sum(p.amount) AS amount
		FROM commission.day_part AS p
		WHERE p.account_id = a.account_id
			AND p.day BETWEEN (now() AT TIME ZONE INTERVAL '0')::date - 29
				AND (now() AT TIME ZONE INTERVAL '0')::date
			AND p.counts_as NOT IN ('pool', 'withdrawal')) AS recent;

/*
 * balance.sql
 */

CREATE OR REPLACE FUNCTION commission.statement(account text, since date, until date)
	RETURNS TABLE (occurred_at timestamptz, event_id bigint, line smallint,
				   what text, source text, amount bigint, balance bigint)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH period AS (
		SELECT a.account_id, t.since, t.until,
			(SELECT coalesce(sum(e.amount), 0)
			 FROM commission.entry AS e
			 WHERE e.account_id = a.account_id
				AND e.occurred_at < t.since) AS opening
		FROM commission.account AS a
		CROSS JOIN (
			SELECT coalesce(statement.since, '-infinity')::timestamp
					AT TIME ZONE INTERVAL '0' AS since,
				(coalesce(statement.until, 'infinity') + 1)::timestamp
					AT TIME ZONE INTERVAL '0' AS until) AS t
		WHERE a.account_id = commission.account_id(statement.account)
			AND t.since < t.until
	), line AS (
		SELECT 1 AS part, p.since AS occurred_at, NULL::bigint AS event_id,
			NULL::smallint AS line, 'opening balance' AS what,
			NULL::text AS source, p.opening AS change
		FROM period AS p
		UNION ALL
		SELECT 2, e.occurred_at, e.event_id, e.line,
			CASE e.kind WHEN 'reversal' THEN 'reversal of ' || e.counts_as
				ELSE replace(e.kind::text, '_', ' ')
			END,
			l.source, e.amount
		FROM period AS p
		JOIN commission.entry AS e ON e.account_id = p.account_id
			AND e.occurred_at >= p.since AND e.occurred_at < p.until
		LEFT JOIN commission.ledger AS l ON l.event_id = e.event_id
			AND l.line = e.line
		UNION ALL
		SELECT 3, p.until, NULL, NULL, 'closing balance', NULL, 0
		FROM period AS p
	)
	SELECT l.occurred_at, l.event_id, l.line, l.what, l.source,
		CASE l.part WHEN 2 THEN l.change END::bigint,
		(sum(l.change) OVER (ORDER BY l.part, l.occurred_at, l.event_id, l.line
							 ROWS UNBOUNDED PRECEDING))::bigint
	FROM line AS l
	ORDER BY l.part, l.occurred_at, l.event_id, l.line;
END;

/*
 * funnel.sql
 */

CREATE OR REPLACE VIEW commission.funnel AS
	SELECT f.account,
		f.campaign,
		f.day,
		sum(f.clicks)::bigint AS clicks,
		sum(f.signups)::bigint AS signups,
		sum(f.conversions)::bigint AS conversions,
		sum(f.earnings)::bigint AS earnings,
		f.account_id
	FROM (
		SELECT a.name AS account, a.account_id, t.campaign,
			(t.touched_at AT TIME ZONE INTERVAL '0')::date AS day,
			1 AS clicks, 0 AS signups, 0 AS conversions, 0::numeric AS earnings
		FROM commission.touch AS t
		JOIN commission.account AS a ON a.account_id = t.referrer_id
		WHERE commission.is_name_of(a.name, a.account_id)
		UNION ALL
		SELECT a.name, a.account_id, r.campaign,
			(r.signed_up_at AT TIME ZONE INTERVAL '0')::date,
			0, 1, 0, 0
		FROM commission.referral_change AS r
		JOIN commission.account AS a ON a.account_id = r.referrer_id
		WHERE r.is_first AND r.is_signup
			AND commission.is_name_of(a.name, a.account_id)
		UNION ALL
		SELECT a.name, a.account_id, r.campaign,
			(paid.first_at AT TIME ZONE INTERVAL '0')::date,
			0, 0, 1, 0
		FROM (
			SELECT p.account_id, p.from_account_id,
				min(p.first_earned_at) AS first_at
			FROM commission.referred_part AS p
			GROUP BY p.account_id, p.from_account_id) AS paid
		JOIN commission.account AS a ON a.account_id = paid.account_id
		JOIN commission.referral_change AS r
			ON r.referrer_id = paid.account_id
			AND r.account_id = paid.from_account_id
		WHERE r.is_first AND r.is_signup AND paid.first_at IS NOT NULL
			AND commission.is_name_of(a.name, paid.account_id)
		UNION ALL
		SELECT a.name, a.account_id, earned.campaign, earned.day,
			0, 0, 0, earned.amount
		FROM (
			SELECT p.account_id, p.campaign, p.day, sum(p.amount) AS amount
			FROM commission.campaign_part AS p
			GROUP BY p.account_id, p.campaign, p.day) AS earned
		JOIN commission.account AS a ON a.account_id = earned.account_id
		WHERE commission.is_name_of(a.name, earned.account_id)
	) AS f
	GROUP BY f.account, f.account_id, f.campaign, f.day;

/*
 * explain.sql
 */

CREATE OR REPLACE FUNCTION commission.explain(generation text)
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
		WHERE g.generation_id = commission.identifier_key(explain.generation)
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
					commission.identifier_name(f.run_id)), '')
			|| ', of ' || to_char(f.occurred_at AT TIME ZONE INTERVAL '0',
								  'YYYY-MM-DD HH24:MI:SS') || ' UTC' AS value
		FROM fact AS f
		UNION ALL
		SELECT 101, 0, 'buyer',
			commission.mask(coalesce(b.label, b.name, f.buyer_name,
									 commission.identifier_name(f.buyer_id)))
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
		SELECT 300, t.position, t.what, commission.ratio(t.ratio_ppm)::text
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
							commission.ratio(f.sum_ppm))
				ELSE format('together %s, over the cap: each is scaled by %s / %s',
							commission.ratio(f.sum_ppm),
							commission.ratio(f.total_cap_ratio_ppm),
							commission.ratio(f.sum_ppm))
			END
		FROM fact AS f
		UNION ALL
		/* 400: the legs. */
		SELECT 400, l.position, l.what,
			CASE
				WHEN l.leg <> 'p'
				THEN 'not paid: ' || commission.leg_reason(l.leg, l.use)
				ELSE coalesce(
					l.amount || ' credits to ' || l.account || ': ',
					'not paid, less than a credit: ')
					|| commission.leg_arithmetic(n.margins, l.ratio_ppm,
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
				   n.margins, commission.ratio(f.total_cap_ratio_ppm), c.cap,
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

/*
 * attach.sql
 */

CREATE VIEW commission.trigger_problem AS
	/* A statement trigger does not see what is put in through the parent. */
	SELECT 'attached table became a partition' AS problem,
		format('%s: detach it, and attach the partitioned table',
			   t.tgrelid::regclass) AS detail
	FROM pg_trigger AS t
	JOIN pg_class AS c ON c.oid = t.tgrelid
	WHERE t.tgfoid IN ('commission.accrue_generation()'::regprocedure,
					   'commission.accrue_order()'::regprocedure)
		AND c.relispartition AND t.tgnewtable IS NOT NULL
	UNION ALL
	/*
	 * What accrues fires for what is done here, and not for what replication
	 * applies; guards fire for both.  A partition is named where it differs
	 * from its partitioned table.
	 */
	SELECT made.problem,
		format('%1$I on %2$s %3$s: ALTER TABLE %2$s %4$s TRIGGER %1$I',
			   t.tgname, t.tgrelid::regclass,
			   CASE t.tgenabled
				WHEN 'D' THEN 'is disabled'
				WHEN 'O' THEN 'does not fire under replication'
				WHEN 'R' THEN 'fires under replication only'
				WHEN 'A' THEN 'fires under replication, too'
			   END,
			   CASE made.enabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END)
	FROM (VALUES
		  ('commission.accrue_generation()'::regprocedure, 'O'::"char",
		   'accruing trigger not as attached'),
		  ('commission.accrue_order()', 'O', 'accruing trigger not as attached'),
		  ('commission.follow_paid()', 'O', 'accruing trigger not as attached'),
		  ('commission.follow_paid_order()', 'O',
		   'accruing trigger not as attached'),
		  ('commission.follow_withdrawal()', 'O',
		   'withdrawal trigger not as installed'),
		  ('commission.guard_withdrawal()', 'A', 'guard not as installed'),
		  ('commission.refuse_change()', 'A', 'guard not as installed'))
		AS made (function, enabled, problem)
	JOIN pg_trigger AS t ON t.tgfoid = made.function
	LEFT JOIN pg_trigger AS parent ON parent.oid = t.tgparentid
	WHERE t.tgenabled <> made.enabled
		AND t.tgenabled IS DISTINCT FROM parent.tgenabled;
COMMENT ON VIEW commission.trigger_problem IS
	'attached tables whose triggers do not see every sale, and guards that do not always guard: triggers that are disabled, or enabled otherwise than they were made, and attached tables that have become partitions';

/*
 * audit.sql
 */

/*
 * Without JIT: the query has hundreds of expressions, and compiling them takes
 * seconds, even where the ledger is read in less.
 */
CREATE OR REPLACE FUNCTION commission.audit()
	RETURNS TABLE (problem text, event_id bigint, detail text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off
BEGIN ATOMIC
	/* What each generation owed, recomputed from its facts. */
	WITH fact AS (
		SELECT g.*, sum.pool, sum.surcharge,
			g.model_price >= 0 AND g.api_cost >= 0
				AND g.model_price + sum.surcharge <= 9223372036854775807
				AND coalesce(g.avatar_pool BETWEEN 0 AND g.avatar_surcharge,
							 g.avatar_version IS NULL)
				AND coalesce(g.reference_pool BETWEEN 0 AND g.reference_surcharge,
							 g.reference_version IS NULL)
				AND g.brand_ratio_ppm BETWEEN 0 AND 1000000
				AND g.creator_ref_ratio_ppm BETWEEN 0 AND 1000000
				AND g.total_cap_ratio_ppm BETWEEN 0 AND 1000000 AS possible
		FROM commission.generation AS g
		CROSS JOIN LATERAL (
			SELECT coalesce(g.avatar_pool, 0)::numeric
					+ coalesce(g.reference_pool, 0) AS pool,
				coalesce(g.avatar_surcharge, 0)::numeric
					+ coalesce(g.reference_surcharge, 0) AS surcharge) AS sum
	), owed AS (
		SELECT f.event_id, f.occurred_at, f.buyer_id, f.pool,
			f.model_price, f.api_cost, f.surcharge, f.possible,
			m.net_margin,
			(m.net_margin::numeric * f.total_cap_ratio_ppm / 1000000)
				AS cap,
			ARRAY(
				SELECT format('%s %s at %s from %s', l.leg, l.amount, l.ratio,
							  CASE l.leg WHEN 'brand' THEN f.buyer_id
								ELSE sellers.ids[l.n] END)
				FROM (SELECT l.*, row_number() OVER (PARTITION BY l.leg
													 ORDER BY l.ordinality) AS n
					  FROM commission.legs(m.net_margin, f.brand_leg = 'p',
										   (f.avatar_leg = 'p')::integer
										   + (f.reference_leg = 'p')::integer,
										   commission.ratio(f.brand_ratio_ppm),
										   commission.ratio(f.creator_ref_ratio_ppm),
										   commission.ratio(f.total_cap_ratio_ppm))
						WITH ORDINALITY AS l) AS l
				ORDER BY l.ordinality)
			|| ARRAY(
				SELECT format('pool %s from %s to %s', s.amount, f.buyer_id,
							  s.author)
				FROM (VALUES (1, f.avatar_version, f.avatar_pool),
					  (2, f.reference_version, f.reference_pool))
					AS u (use, version, pool)
				JOIN commission.listing AS l ON l.version = u.version
					AND u.pool >= 0
				CROSS JOIN LATERAL (
					SELECT l.pool - coalesce(sum(c.share), 0) AS owner_share,
						coalesce(min(c.share), 1) AS least
					FROM unnest(l.co_author_shares) AS c (share)) AS split
				CROSS JOIN LATERAL unnest(
					ARRAY[l.owner_id] || l.co_author_ids,
					CASE WHEN split.owner_share >= 0 AND split.least > 0 THEN
						commission.pool_shares(u.pool,
							split.owner_share::bigint || l.co_author_shares)
					END)
					WITH ORDINALITY AS s (author, amount, position)
				WHERE s.amount > 0
				ORDER BY u.use, s.position) AS entries
		FROM fact AS f
		CROSS JOIN LATERAL (
			SELECT CASE WHEN f.possible THEN
					commission.net_margin(f.model_price, f.api_cost,
										  f.surcharge::bigint, f.pool::bigint)
				END AS net_margin) AS m
		CROSS JOIN LATERAL (
			SELECT array_agg(l.owner_id ORDER BY u.use) AS ids
			FROM (VALUES (1, f.avatar_version, f.avatar_leg),
				  (2, f.reference_version, f.reference_leg))
				AS u (use, version, leg)
			JOIN commission.listing AS l ON l.version = u.version
			WHERE u.leg = 'p') AS sellers
	), paid AS (
		SELECT e.event_id,
			array_agg(format('%s %s%s from %s%s', e.kind, e.amount,
							 ' at ' || commission.ratio(e.ratio_ppm),
							 e.from_account_id,
							 CASE e.kind
								WHEN 'pool' THEN format(' to %s', e.account_id)
							 END) ORDER BY e.line) AS entries,
			sum(e.amount) FILTER (WHERE e.kind = 'pool') AS pool,
			sum(e.amount) FILTER (WHERE e.kind IN ('brand', 'creator'))
				AS legs,
			count(*) AS lines,
			max(e.line) AS last_line,
			bool_or(e.occurred_at <> g.occurred_at) AS other_time,
			bool_or(e.buyer_id IS DISTINCT FROM
					CASE e.kind WHEN 'creator' THEN g.buyer_id END)
				AS other_buyer
		FROM commission.entry AS e
		JOIN commission.generation AS g ON g.event_id = e.event_id
		GROUP BY e.event_id
	)
	SELECT check_.problem, check_.event_id, check_.detail
	FROM owed AS o
	LEFT JOIN paid AS p ON p.event_id = o.event_id
	CROSS JOIN LATERAL (
		SELECT 'generation without entries' AS problem, o.event_id,
			'its facts give ' || array_to_string(o.entries, ', ') AS detail
		WHERE p.event_id IS NULL
		UNION ALL
		SELECT 'facts that cannot be', o.event_id,
			'an amount below zero or beyond bigint, a surcharge under its pool, or a ratio over 1'
		WHERE NOT o.possible
		UNION ALL
		SELECT 'entries differ from the facts', o.event_id,
			format('the ledger has %s; the facts give %s',
				   array_to_string(p.entries, ', '),
				   array_to_string(o.entries, ', '))
		WHERE p.entries <> o.entries
		UNION ALL
		SELECT 'legs over the cap', o.event_id,
			format('legs of %s credits on a cap of %s', p.legs, trim_scale(o.cap))
		WHERE p.legs > o.cap
		UNION ALL
		SELECT 'pool not shared exactly', o.event_id,
			format('shares of %s credits of a pool of %s',
				   coalesce(p.pool, 0), o.pool)
		WHERE p.event_id IS NOT NULL AND coalesce(p.pool, 0) <> o.pool
		UNION ALL
		SELECT 'credits do not add up', o.event_id,
			format('the buyer paid %s credits; pool %s, API cost %s, legs %s and the platform''s take %s',
				   o.model_price::numeric + o.surcharge, coalesce(p.pool, 0),
				   o.api_cost, coalesce(p.legs, 0),
				   o.net_margin - coalesce(p.legs, 0))
		WHERE p.event_id IS NOT NULL
			AND o.model_price::numeric + o.surcharge
				+ greatest(o.api_cost - o.model_price, 0)
				<> coalesce(p.pool, 0)::numeric + o.api_cost + coalesce(p.legs, 0)
				+ (o.net_margin - coalesce(p.legs, 0))
		UNION ALL
		SELECT 'platform pays on top', o.event_id,
			format('legs of %s credits on a net margin of %s',
				   p.legs, o.net_margin)
		WHERE p.legs > o.net_margin
		UNION ALL
		SELECT 'lines are not numbered from 1', o.event_id,
			format('%s lines, the last of them %s', p.lines, p.last_line)
		WHERE p.lines <> p.last_line
		UNION ALL
		SELECT 'entry with another time than its event', o.event_id, NULL
		WHERE p.other_time
		UNION ALL
		SELECT 'entry with another buyer than its event', o.event_id, NULL
		WHERE p.other_buyer
	) AS check_
	UNION ALL
	SELECT 'self-pay', e.event_id,
		format('%s entry of account %s', e.kind, e.account_id)
	FROM commission.entry AS e
	WHERE e.counts_as NOT IN ('pool', 'withdrawal')
		AND (e.account_id = e.from_account_id
			 OR e.counts_as = 'creator'
			 AND e.buyer_id IN (e.account_id, e.from_account_id))
	UNION ALL
	SELECT 'entry that counts as another kind', e.event_id,
		format('line %s: %s, counted as %s', e.line, e.kind, e.counts_as)
	FROM commission.entry AS e
	WHERE NOT CASE e.kind
			WHEN 'reversal' THEN e.counts_as NOT IN (
				'reversal', 'withdrawal', 'withdrawal_return')
			WHEN 'withdrawal_return' THEN e.counts_as = 'withdrawal'
			ELSE e.counts_as = e.kind
		END
	UNION ALL
	SELECT 'entry of no event', e.event_id, format('line %s', e.line)
	FROM commission.entry AS e
	WHERE NOT EXISTS (SELECT FROM commission.generation AS g
					  WHERE g.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.customer_order AS c
						WHERE c.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.reversal AS r
						WHERE r.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.withdrawal_transition AS t
						WHERE t.event_id = e.event_id)
	UNION ALL
	SELECT 'entry of an account that is not known', e.event_id,
		format('line %s of account %s', e.line, e.account_id)
	FROM commission.entry AS e
	WHERE NOT EXISTS (SELECT FROM commission.account AS a
					  WHERE a.account_id = e.account_id)
	UNION ALL
	/* What each order owed, recomputed from its facts. */
	SELECT check_.problem, check_.event_id, check_.detail
	FROM commission.customer_order AS o
	CROSS JOIN LATERAL (
		SELECT div(o.amount::numeric * o.ratio_ppm + 500000, 1000000)
	) AS r (amount)
	CROSS JOIN LATERAL (
		SELECT CASE WHEN o.leg = 'p' AND r.amount > 0
				THEN format('%s %s at %s', o.kind, r.amount,
							commission.ratio(o.ratio_ppm))
			END
	) AS w (entries)
	CROSS JOIN LATERAL (
		SELECT string_agg(format('%s %s at %s', e.kind, e.amount,
								 commission.ratio(e.ratio_ppm)),
						  ', ' ORDER BY e.line),
			bool_or(e.occurred_at <> o.occurred_at),
			bool_or(e.from_account_id IS DISTINCT FROM o.customer_id)
		FROM commission.entry AS e
		WHERE e.event_id = o.event_id
	) AS p (entries, other_time, other_buyer)
	CROSS JOIN LATERAL (
		SELECT 'entries differ from the facts' AS problem, o.event_id,
			format('the ledger has %s; the facts give %s',
				   coalesce(p.entries, 'nothing'),
				   coalesce(w.entries, 'nothing')) AS detail
		WHERE p.entries IS DISTINCT FROM w.entries
		UNION ALL
		SELECT 'entry with another time than its event', o.event_id, NULL
		WHERE p.other_time
		UNION ALL
		SELECT 'entry with another buyer than its event', o.event_id, NULL
		WHERE p.other_buyer
		UNION ALL
		SELECT 'renewal without a first order', o.event_id,
			'the application left the kind out'
		WHERE o.kind = 'renewal' AND o.kind_derived
			AND NOT EXISTS (SELECT FROM commission.customer_order AS f
							WHERE f.customer_id = o.customer_id
								AND f.kind = 'first_order')
	) AS check_
	UNION ALL
	/* R21: what each entry of a refunded event has kept. */
	SELECT 'refund took another amount', o.event_id,
		format('%s of %s credits has kept %s instead of %s',
			   o.counts_as, o.amount, o.amount + taken.amount, o.kept)
	FROM (
		SELECT e.event_id, e.account_id, e.from_account_id, e.counts_as,
			sum(e.amount) AS amount,
			sum(div(e.amount::numeric * (r.buyer_total - r.refunded),
					r.buyer_total)) AS kept
		FROM commission.refunded_event AS r
		JOIN commission.entry AS e ON e.event_id = r.event_id
		GROUP BY e.event_id, e.account_id, e.from_account_id, e.counts_as
	) AS o
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(e.amount), 0)
		FROM commission.reversal AS v
		JOIN commission.entry AS e ON e.event_id = v.event_id
		WHERE v.reversed_event_id = o.event_id
			AND e.account_id = o.account_id
			AND e.from_account_id = o.from_account_id
			AND e.counts_as = o.counts_as
	) AS taken (amount)
	WHERE o.amount + taken.amount <> o.kept
	UNION ALL
	SELECT 'reversal of what was not earned', e.event_id,
		format('line %s: %s of %s credits, counted as %s', e.line, e.kind,
			   e.amount, e.counts_as)
	FROM commission.reversal AS v
	JOIN commission.entry AS e ON e.event_id = v.event_id
	WHERE e.kind <> 'reversal'
		OR e.occurred_at <> v.occurred_at
		OR NOT EXISTS (SELECT FROM commission.entry AS o
					   WHERE o.event_id = v.reversed_event_id
						AND o.account_id = e.account_id
						AND o.from_account_id = e.from_account_id
						AND o.counts_as = e.counts_as)
	UNION ALL
	SELECT 'refund of more than was paid', r.event_id,
		format('%s credits were refunded of %s', r.refunded, r.buyer_total)
	FROM commission.refunded_event AS r
	WHERE r.refunded NOT BETWEEN 0 AND r.buyer_total
	UNION ALL
	SELECT 'reversal of no event', r.event_id,
		format('it reverses %s', r.reversed_event_id)
	FROM commission.reversal AS r
	WHERE NOT EXISTS (SELECT FROM commission.refunded_event AS e
					  WHERE e.event_id = r.reversed_event_id)
	UNION ALL
	SELECT p.problem, p.event_id, p.detail
	FROM commission.withdrawal_problem AS p
	UNION ALL
	/* R29: a referral in force is the last of its changes. */
	SELECT 'referral differs from its changes', NULL,
		format('%s of account %s: referrer %s; the last change has %s',
			   coalesce(r.role, c.role), coalesce(r.account_id, c.account_id),
			   coalesce(r.referrer_id::text, 'none'),
			   coalesce(c.referrer_id::text, 'none'))
	FROM commission.referral AS r
	FULL JOIN (SELECT DISTINCT ON (h.account_id, h.role) h.*
			   FROM commission.referral_change AS h
			   ORDER BY h.account_id, h.role, h.change_id DESC) AS c
		ON c.account_id = r.account_id AND c.role = r.role
	WHERE (r.referrer_id, r.attributed_at)
		IS DISTINCT FROM (c.referrer_id, c.attributed_at)
	UNION ALL
	SELECT 'referral of an account that is not known', NULL,
		format('%s of account %s', r.role, r.account_id)
	FROM commission.referral AS r
	WHERE NOT EXISTS (SELECT FROM commission.account AS a
					  WHERE a.account_id = r.account_id)
		OR NOT EXISTS (SELECT FROM commission.account AS a
					   WHERE a.account_id = r.referrer_id)
	UNION ALL
	SELECT 'touch of a referrer that is not known', NULL,
		format('%s touches of account %s', count(*), t.referrer_id)
	FROM commission.touch AS t
	WHERE NOT EXISTS (SELECT FROM commission.account AS a
					  WHERE a.account_id = t.referrer_id)
	GROUP BY t.referrer_id
	UNION ALL
	/* What the views take for granted when they look a name up by its key. */
	SELECT 'name kept under another key', n.event_id,
		format('%s "%s" is kept under %s', n.what, n.name, n.id)
	FROM (
		SELECT 'account' AS what, NULL::bigint AS event_id, a.name,
			a.account_id AS id
		FROM commission.account AS a
		UNION ALL
		SELECT 'generation', g.event_id, g.generation_name, g.generation_id
		FROM commission.generation AS g
		UNION ALL
		SELECT 'order', o.event_id, o.order_name, o.order_id
		FROM commission.customer_order AS o) AS n
	WHERE n.id <> commission.identifier_key(n.name)
	UNION ALL
	/* rollup() relies on ids being drawn in ascending order. */
	SELECT 'event id that was not drawn yet', max(e.event_id),
		format('the sequence has come to %s', s.last_value)
	FROM commission.event_id_seq AS s
	JOIN commission.entry AS e
		ON e.event_id > (commission.setting('node_id')::bigint << 48)
			+ s.last_value - (NOT s.is_called)::integer
		AND e.event_id < (commission.setting('node_id')::bigint + 1) << 48
	GROUP BY s.last_value
	UNION ALL
	SELECT p.problem, NULL, p.detail
	FROM commission.rolled_problem AS p
	UNION ALL
	SELECT p.problem, NULL, p.detail
	FROM commission.trigger_problem AS p;
END;
COMMENT ON FUNCTION commission.audit() IS
	'a row for each thing that is wrong with the books, none if all is well: every generation and order recomputed from its stored facts, legs within the cap (R12), pools shared exactly (R19), every credit accounted for (R20), no self-pay (R13), refunds by their law (R21), withdrawals by theirs with their entries (R23), rolled-up sums against the ledger, no strays; and the triggers on attached tables and on the ledger as they were made';

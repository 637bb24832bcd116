/*
 * audit.sql: the books, checked (R20).
 */

CREATE VIEW commission_internal.refunded_event AS
	SELECT s.event_id, s.buyer_total, r.refunded
	FROM (SELECT v.reversed_event_id, sum(v.refunded) AS refunded
		  FROM commission.reversal AS v
		  GROUP BY v.reversed_event_id) AS r
	JOIN (SELECT g.event_id,
				g.model_price::numeric + coalesce(g.avatar_surcharge, 0)
					+ coalesce(g.reference_surcharge, 0) AS buyer_total
		  FROM commission.generation AS g
		  UNION ALL
		  SELECT o.event_id, o.amount
		  FROM commission.customer_order AS o) AS s
		ON s.event_id = r.reversed_event_id;
COMMENT ON VIEW commission_internal.refunded_event IS
	'generations and orders of which something was refunded: what the buyer paid and what was refunded in all, in credits';

/*
 * Without JIT: the query has hundreds of expressions, and compiling them takes
 * seconds, even where the ledger is read in less.
 */
CREATE FUNCTION commission.audit()
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
										   commission_internal.ratio(f.brand_ratio_ppm),
										   commission_internal.ratio(f.creator_ref_ratio_ppm),
										   commission_internal.ratio(f.total_cap_ratio_ppm))
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
						commission_internal.pool_shares(u.pool,
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
							 ' at ' || commission_internal.ratio(e.ratio_ppm),
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
							commission_internal.ratio(o.ratio_ppm))
			END
	) AS w (entries)
	CROSS JOIN LATERAL (
		SELECT string_agg(format('%s %s at %s', e.kind, e.amount,
								 commission_internal.ratio(e.ratio_ppm)),
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
		FROM commission_internal.refunded_event AS r
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
	FROM commission_internal.refunded_event AS r
	WHERE r.refunded NOT BETWEEN 0 AND r.buyer_total
	UNION ALL
	SELECT 'reversal of no event', r.event_id,
		format('it reverses %s', r.reversed_event_id)
	FROM commission.reversal AS r
	WHERE NOT EXISTS (SELECT FROM commission_internal.refunded_event AS e
					  WHERE e.event_id = r.reversed_event_id)
	UNION ALL
	SELECT p.problem, p.event_id, p.detail
	FROM commission_internal.withdrawal_problem AS p
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
	WHERE n.id <> commission_internal.identifier_key(n.name)
	UNION ALL
	/* rollup() relies on ids being drawn in ascending order. */
	SELECT 'event id that was not drawn yet', max(e.event_id),
		format('the sequence has come to %s', s.last_value)
	FROM commission.event_id_seq AS s
	JOIN commission.entry AS e
		ON e.event_id > (commission_internal.setting('node_id')::bigint << 48)
			+ s.last_value - (NOT s.is_called)::integer
		AND e.event_id <= (commission_internal.setting('node_id')::bigint << 48)
			+ 281474976710655
	GROUP BY s.last_value
	UNION ALL
	SELECT p.problem, NULL, p.detail
	FROM commission_internal.rolled_problem AS p
	UNION ALL
	SELECT p.problem, NULL, p.detail
	FROM commission_internal.trigger_problem AS p;
END;
COMMENT ON FUNCTION commission.audit() IS
	'a row for each thing that is wrong with the books, none if all is well: every generation and order recomputed from its stored facts, legs within the cap (R12), pools shared exactly (R19), every credit accounted for (R20), no self-pay (R13), refunds by their law (R21), withdrawals by theirs with their entries (R23), rolled-up sums against the ledger, no strays; and the triggers on attached tables and on the ledger as they were made';

/*
 * generation_problem.sql: generations, recomputed from their facts (for audit()).
 */

CREATE VIEW commission_internal.generation_owed AS
	SELECT f.event_id, f.possible, f.pool, f.buyer_total, f.model_price, f.api_cost,
		due.net_margin,
		due.net_margin * f.total_cap_ratio_ppm / 1000000 AS cap,
		ARRAY(
			SELECT format('%s %s at %s from %s', applied.kinds[l.leg], l.amount, l.ratio,
						  applied.accounts[l.leg])
			FROM commission.legs(due.net_margin::bigint, applied.ratios,
								 commission_internal.ratio(f.total_cap_ratio_ppm)) AS l
			ORDER BY l.leg)
		|| ARRAY(
			SELECT format('pool %s from %s to %s', s.amount, f.buyer_id, s.author)
			FROM (VALUES (1, f.avatar_version, f.avatar_pool),
				  (2, f.reference_version, f.reference_pool))
				AS u (use, version, pool)
			JOIN commission.listing AS l ON l.version = u.version AND u.pool >= 0
			CROSS JOIN LATERAL (
				SELECT l.pool - coalesce(sum(c.share), 0) AS owner_share,
					coalesce(min(c.share), 1) AS least
				FROM unnest(l.co_author_shares) AS c (share)) AS split
			CROSS JOIN LATERAL unnest(
				ARRAY[l.owner_id] || l.co_author_ids,
				CASE WHEN split.owner_share >= 0 AND split.least > 0 THEN
					commission_internal.pool_shares(u.pool,
						split.owner_share::bigint || l.co_author_shares)
				END) WITH ORDINALITY AS s (author, amount, position)
			WHERE s.amount > 0
			ORDER BY u.use, s.position) AS entries
	FROM (
		SELECT g.*,
			g.model_price >= 0 AND g.api_cost >= 0
				AND g.buyer_total <= 1000000000000000
				AND coalesce(g.avatar_pool BETWEEN 0 AND g.avatar_surcharge,
							 g.avatar_version IS NULL)
				AND coalesce(g.reference_pool BETWEEN 0 AND g.reference_surcharge,
							 g.reference_version IS NULL)
				AND g.brand_ratio_ppm BETWEEN 0 AND 1000000
				AND g.avatar_ratio_ppm BETWEEN 0 AND 1000000
				AND g.reference_ratio_ppm BETWEEN 0 AND 1000000
				AND g.total_cap_ratio_ppm BETWEEN 0 AND 1000000 AS possible
		FROM commission_internal.generation_fact AS g) AS f
	CROSS JOIN LATERAL (
		SELECT CASE WHEN f.possible THEN f.net_margin END AS net_margin) AS due
	CROSS JOIN LATERAL (
		SELECT array_agg(u.kind ORDER BY u.use) AS kinds,
			array_agg(coalesce(l.owner_id, f.buyer_id) ORDER BY u.use) AS accounts,
			coalesce(array_agg(commission_internal.ratio(u.ratio_ppm) ORDER BY u.use)
					 FILTER (WHERE f.possible), '{}') AS ratios
		FROM (VALUES (0, 'brand', NULL, f.brand_leg, f.brand_ratio_ppm),
			  (1, 'creator', f.avatar_version, f.avatar_leg, f.avatar_ratio_ppm),
			  (2, 'creator', f.reference_version, f.reference_leg,
			   f.reference_ratio_ppm)) AS u (use, kind, version, leg, ratio_ppm)
		LEFT JOIN commission.listing AS l ON l.version = u.version
		WHERE u.leg = 'p') AS applied;
COMMENT ON VIEW commission_internal.generation_owed IS
	'what each generation owes by its facts: whether they are possible, its sums in credits, the cap on its legs, and its entries, each as text';

CREATE VIEW commission_internal.generation_paid AS
	SELECT e.event_id,
		array_agg(format('%s %s%s from %s%s', e.kind, e.amount,
						 ' at ' || commission_internal.ratio(e.ratio_ppm),
						 e.from_account_id,
						 CASE e.kind
							WHEN 'pool' THEN format(' to %s', e.account_id)
						 END) ORDER BY e.line) AS entries,
		sum(e.amount) FILTER (WHERE e.kind = 'pool') AS pool,
		sum(e.amount) FILTER (WHERE e.kind IN ('brand', 'creator')) AS legs,
		count(*) AS lines,
		max(e.line) AS last_line,
		bool_or(e.occurred_at <> g.occurred_at) AS other_time,
		bool_or(e.buyer_id IS DISTINCT FROM
				CASE e.kind WHEN 'creator' THEN g.buyer_id END) AS other_buyer
	FROM commission.entry AS e
	JOIN commission.generation AS g ON g.event_id = e.event_id
	GROUP BY e.event_id;
COMMENT ON VIEW commission_internal.generation_paid IS
	'what the ledger has of each generation: its entries, each as text, and their sums in credits';

CREATE VIEW commission_internal.generation_problem AS
	SELECT check_.problem, o.event_id, check_.detail
	FROM commission_internal.generation_owed AS o
	LEFT JOIN commission_internal.generation_paid AS p ON p.event_id = o.event_id
	CROSS JOIN LATERAL (
		SELECT 'generation without entries' AS problem,
			'its facts give ' || array_to_string(o.entries, ', ') AS detail
		WHERE p.event_id IS NULL AND cardinality(o.entries) > 0
		UNION ALL
		SELECT 'facts that cannot be',
			'an amount below zero or beyond bigint, a surcharge under its pool, or a ratio over 1'
		WHERE NOT o.possible
		UNION ALL
		SELECT 'entries differ from the facts',
			format('the ledger has %s; the facts give %s',
				   array_to_string(p.entries, ', '),
				   array_to_string(o.entries, ', '))
		WHERE p.entries <> o.entries
		UNION ALL
		SELECT 'legs over the cap',
			format('legs of %s credits on a cap of %s', p.legs, trim_scale(o.cap))
		WHERE p.legs > o.cap
		UNION ALL
		SELECT 'pool not shared exactly',
			format('shares of %s credits of a pool of %s',
				   coalesce(p.pool, 0), o.pool)
		WHERE p.event_id IS NOT NULL AND coalesce(p.pool, 0) <> o.pool
		UNION ALL
		SELECT 'credits do not add up',
			format('the buyer paid %s credits; pool %s, API cost %s, legs %s and the platform''s take %s',
				   o.buyer_total, coalesce(p.pool, 0),
				   o.api_cost, coalesce(p.legs, 0),
				   o.net_margin - coalesce(p.legs, 0))
		WHERE p.event_id IS NOT NULL
			AND o.buyer_total
				+ greatest(o.api_cost - o.model_price, 0)
				<> coalesce(p.pool, 0)::numeric + o.api_cost + coalesce(p.legs, 0)
				+ (o.net_margin - coalesce(p.legs, 0))
		UNION ALL
		SELECT 'platform pays on top',
			format('legs of %s credits on a net margin of %s',
				   p.legs, o.net_margin)
		WHERE p.legs > o.net_margin
		UNION ALL
		SELECT 'lines are not numbered from 1',
			format('%s lines, the last of them %s', p.lines, p.last_line)
		WHERE p.lines <> p.last_line
		UNION ALL
		SELECT 'entry with another time than its event', NULL
		WHERE p.other_time
		UNION ALL
		SELECT 'entry with another buyer than its event', NULL
		WHERE p.other_buyer
	) AS check_;
COMMENT ON VIEW commission_internal.generation_problem IS
	'generations whose facts are impossible, or whose entries are not what the facts give (R5 to R20)';

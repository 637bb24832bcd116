/*
 * generation_problem.sql: generations, recomputed from their facts (for audit()).
 *
 * Twice: all of them line by line, without a text, an array or a sort for each;
 * and what is then named is worked out once more, to say what is wrong with it.
 */

CREATE VIEW commission_internal.listing_split AS
	SELECT l.version, l.owner_id, ARRAY[l.owner_id] || l.co_author_ids AS authors,
		CASE WHEN split.owner_share >= 0 AND split.least > 0
			THEN split.owner_share::bigint || l.co_author_shares END AS shares
	FROM commission.listing AS l
	CROSS JOIN LATERAL (
		SELECT l.pool - coalesce(sum(c.share), 0) AS owner_share,
			coalesce(min(c.share), 1) AS least
		FROM unnest(l.co_author_shares) AS c (share)) AS split;
COMMENT ON VIEW commission_internal.listing_split IS
	'the authors of each version of a listing, owner first, with their shares of its pool in credits; NULL shares: there are none that could be (R19)';

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
			JOIN commission_internal.listing_split AS l
				ON l.version = u.version AND u.pool >= 0
			CROSS JOIN LATERAL unnest(
				l.authors,
				commission_internal.pool_shares(u.pool, l.shares))
				WITH ORDINALITY AS s (author, amount, position)
			WHERE s.amount > 0
			ORDER BY u.use, s.position) AS entries
	FROM commission_internal.generation_fact AS f
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

/*
 * OFFSET 0: the facts, and what they give, are worked out once.
 */
CREATE FUNCTION commission_internal.generations_due(first_event_id bigint,
												   last_event_id bigint)
	RETURNS TABLE (event_id bigint, occurred_at timestamptz, buyer_id uuid,
		possible boolean, pool numeric, net_margin numeric, total_cap_ratio_ppm integer,
		brand_ratio_ppm integer, avatar_ratio_ppm integer, reference_ratio_ppm integer,
		avatar_owner_id uuid, reference_owner_id uuid,
		brand bigint, avatar bigint, reference bigint, authors uuid[], shares bigint[])
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT g.event_id, g.occurred_at, g.buyer_id, g.possible, g.pool,
		g.net_margin, g.total_cap_ratio_ppm,
		g.brand_ratio_ppm, g.avatar_ratio_ppm, g.reference_ratio_ppm,
		a.owner_id AS avatar_owner_id, r.owner_id AS reference_owner_id,
		CASE WHEN g.possible AND g.brand_leg = 'p' THEN
			commission_internal.leg_amount(g.net_margin, g.brand_ratio_ppm,
				g.ratios_ppm, g.total_cap_ratio_ppm)::bigint ELSE 0 END AS brand,
		CASE WHEN g.possible AND g.avatar_leg = 'p' THEN
			commission_internal.leg_amount(g.net_margin, g.avatar_ratio_ppm,
				g.ratios_ppm, g.total_cap_ratio_ppm)::bigint ELSE 0 END AS avatar,
		CASE WHEN g.possible AND g.reference_leg = 'p' THEN
			commission_internal.leg_amount(g.net_margin, g.reference_ratio_ppm,
				g.ratios_ppm, g.total_cap_ratio_ppm)::bigint ELSE 0 END AS reference,
		CASE WHEN g.avatar_pool > 0 THEN a.authors END
		|| CASE WHEN g.reference_pool > 0 THEN r.authors END AS authors,
		CASE WHEN g.possible AND g.avatar_pool > 0 THEN
			commission_internal.pool_shares(g.avatar_pool, a.shares) END
		|| CASE WHEN g.possible AND g.reference_pool > 0 THEN
			commission_internal.pool_shares(g.reference_pool, r.shares) END AS shares
	FROM (
		SELECT * FROM commission_internal.generation_fact AS f
		WHERE f.event_id BETWEEN first_event_id AND last_event_id OFFSET 0) AS g
	LEFT JOIN commission_internal.listing_split AS a ON a.version = g.avatar_version
	LEFT JOIN commission_internal.listing_split AS r ON r.version = g.reference_version
	OFFSET 0;
END;
COMMENT ON FUNCTION commission_internal.generations_due(bigint, bigint) IS
	'what each generation from one event id to another owes by its facts, in credits: the legs, 0 for none, and the shares of its pools with their authors';

/*
 * The lines are the legs that come to a credit, then the shares.  Each that is
 * due and there gives a bit.  A share of 0 credits has no line; such a
 * generation is in doubt for nothing.
 */
CREATE FUNCTION commission_internal.doubtful_generations(first_event_id bigint,
														last_event_id bigint)
	RETURNS SETOF bigint
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT d.event_id
	FROM (
		SELECT d.*, (d.brand > 0)::integer AS brand_line,
			(d.brand > 0)::integer + (d.avatar > 0)::integer AS avatar_line,
			(d.brand > 0)::integer + (d.avatar > 0)::integer
				+ (d.reference > 0)::integer AS legs
		FROM commission_internal.generations_due(first_event_id, last_event_id) AS d) AS d
	CROSS JOIN LATERAL (
		SELECT count(*) AS lines,
			sum(e.amount) FILTER (WHERE e.kind = 'pool') AS pool,
			bit_or(1 << e.line) FILTER (WHERE CASE
				WHEN e.amount <= 0 OR e.occurred_at <> d.occurred_at THEN false
				WHEN e.kind = 'brand' THEN e.buyer_id IS NULL
					AND (e.line, e.amount, e.ratio_ppm, e.from_account_id)
					= (d.brand_line, d.brand, d.brand_ratio_ppm, d.buyer_id)
				WHEN e.kind = 'pool' THEN e.buyer_id IS NULL AND e.ratio_ppm IS NULL
					AND (e.amount, e.account_id, e.from_account_id)
					= (d.shares[e.line - d.legs], d.authors[e.line - d.legs], d.buyer_id)
				WHEN d.avatar > 0 AND e.line = d.avatar_line THEN
					(e.kind, e.amount, e.ratio_ppm, e.from_account_id, e.buyer_id)
					= ('creator', d.avatar, d.avatar_ratio_ppm, d.avatar_owner_id, d.buyer_id)
				ELSE
					(e.line, e.kind, e.amount, e.ratio_ppm, e.from_account_id, e.buyer_id)
					= (d.legs, 'creator', d.reference, d.reference_ratio_ppm,
					   d.reference_owner_id, d.buyer_id)
				END) AS right_lines
		FROM commission.entry AS e
		WHERE e.event_id = d.event_id) AS p
	WHERE NOT d.possible
		OR p.lines <> d.legs + coalesce(cardinality(d.shares), 0)
		OR coalesce(p.right_lines, 0) <> (2 << p.lines::integer) - 2
		OR coalesce(p.pool, 0) <> d.pool
		OR (d.brand + d.avatar + d.reference) * 1000000::numeric
			> d.net_margin * d.total_cap_ratio_ppm;
END;
COMMENT ON FUNCTION commission_internal.doubtful_generations(bigint, bigint) IS
	'the generations from one event id to another whose facts are impossible or whose entries are not, line by line, what the facts give, and some whose entries are';

CREATE FUNCTION commission_internal.generation_problem(first_event_id bigint,
													  last_event_id bigint)
	RETURNS TABLE (problem text, event_id bigint, detail text)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT check_.problem, o.event_id, check_.detail
	FROM commission_internal.doubtful_generations(first_event_id, last_event_id)
		AS d (event_id)
	CROSS JOIN LATERAL (
		SELECT * FROM commission_internal.generation_owed AS o
		WHERE o.event_id = d.event_id OFFSET 0) AS o
	LEFT JOIN LATERAL (
		SELECT * FROM commission_internal.generation_paid AS p
		WHERE p.event_id = d.event_id OFFSET 0) AS p ON true
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
END;
COMMENT ON FUNCTION commission_internal.generation_problem(bigint, bigint) IS
	'the generations from one event id to another whose facts are impossible, or whose entries are not what the facts give (R5 to R20)';

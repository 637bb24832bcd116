/*
 * set.sql: the same work in a PL/pgSQL statement trigger: one statement over
 * the transition table that looks up, computes, and writes events and
 * entries.  A lean one has not the lines that are marked so.
 */
\ir tables.sql

CREATE FUNCTION rival.accrue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	WITH known AS (
		SELECT n.id, n.buyer_id, n.created_at, n.model_price, n.api_cost,
			t.brand_ratio_ppm, t.creator_ref_ratio_ppm, t.total_cap_ratio_ppm,
			l.version, l.owner_id, l.pool, l.author_ids, l.author_shares,
			(l.pool * (1000000 + t.markup_ppm) + 999999) / 1000000 AS surcharge,
			b.referrer_id AS brand_earner, c.referrer_id AS creator_earner,
			CASE WHEN b.referrer_id IS NULL THEN 'n'
				WHEN b.referrer_id = n.buyer_id THEN 's'
				WHEN n.created_at < b.attributed_at THEN 'b'
				WHEN n.created_at > b.attributed_at + t.brand_window THEN 'w'
				WHEN buyer.closed_at IS NOT NULL THEN 'a'
				WHEN ba.closed_at IS NOT NULL THEN 'c'
				ELSE 'p' END AS brand_leg,
			CASE WHEN c.referrer_id IS NULL THEN 'n'
				WHEN n.buyer_id IN (l.owner_id, c.referrer_id)
					OR l.owner_id = c.referrer_id THEN 's'
				WHEN ca.closed_at IS NOT NULL THEN 'c'
				ELSE 'p' END AS creator_leg
		FROM new_sale n CROSS JOIN rival.terms t
			JOIN rival.listing l ON l.listing_id = n.avatar_id
			LEFT JOIN rival.account buyer ON buyer.account_id = n.buyer_id
			LEFT JOIN rival.referral b
				ON b.account_id = n.buyer_id AND b.role = 'brand'
			LEFT JOIN rival.account ba ON ba.account_id = b.referrer_id
			LEFT JOIN rival.referral c
				ON c.account_id = l.owner_id AND c.role = 'creator'
			LEFT JOIN rival.account ca ON ca.account_id = c.referrer_id
	), owed AS (
		SELECT known.*,
			CASE WHEN brand_leg = 'p' THEN
				(surcharge - pool + greatest(model_price - api_cost, 0))
				* brand_ratio_ppm * total_cap_ratio_ppm
				/ (sum_ppm * 1000000) ELSE 0 END AS brand,
			CASE WHEN creator_leg = 'p' THEN
				(surcharge - pool + greatest(model_price - api_cost, 0))
				* creator_ref_ratio_ppm * total_cap_ratio_ppm
				/ (sum_ppm * 1000000) ELSE 0 END AS creator
		FROM known CROSS JOIN LATERAL (
			SELECT greatest(total_cap_ratio_ppm::bigint,
				CASE WHEN brand_leg = 'p' THEN brand_ratio_ppm ELSE 0 END
				+ CASE WHEN creator_leg = 'p' THEN creator_ref_ratio_ppm
					ELSE 0 END) AS sum_ppm) AS s
	), event AS (
		INSERT INTO rival.generation (event_id, occurred_at, model_price,
				api_cost, avatar_version, avatar_pool, generation_id, buyer_id,
				avatar_surcharge, images, derived, bundle_frame, reference_leg, -- not lean
				brand_ratio_ppm, avatar_ratio_ppm, reference_ratio_ppm, total_cap_ratio_ppm, -- not lean
				brand_leg, avatar_leg)
			SELECT nextval('rival.event_id_seq'), created_at, model_price,
				api_cost, version, pool, id, buyer_id,
				surcharge, 1, 12, false, '-', -- not lean
				brand_ratio_ppm, creator_ref_ratio_ppm, creator_ref_ratio_ppm, total_cap_ratio_ppm, -- not lean
				brand_leg, creator_leg
			FROM owed
			ON CONFLICT DO NOTHING
			RETURNING event_id, generation_id
	)
	INSERT INTO rival.entry (event_id, line, amount,
			occurred_at, buyer_id, counts_as, -- not lean
			account_id, from_account_id, kind, ratio_ppm)
		SELECT event.event_id, e.line, e.amount,
			o.created_at, e.buyer_id, e.kind, -- not lean
			e.account_id, e.from_account_id, e.kind, e.ratio_ppm
		FROM event JOIN owed o ON o.id = event.generation_id
			CROSS JOIN LATERAL (
				VALUES (1, o.brand_earner, o.brand, o.buyer_id, NULL::uuid,
						'brand'::commission.entry_kind, o.brand_ratio_ppm),
					(2, o.creator_earner, o.creator, o.owner_id, o.buyer_id,
					 'creator', o.creator_ref_ratio_ppm),
					(3, o.owner_id,
					 CASE WHEN o.author_ids IS NULL THEN o.pool ELSE 0 END,
					 o.buyer_id, NULL, 'pool', NULL)
				UNION ALL
				SELECT 2 + a.n, a.account_id, a.amount, o.buyer_id, NULL,
					'pool', NULL
				FROM unnest(o.author_ids,
							commission_internal.pool_shares(o.pool, o.author_shares))
					WITH ORDINALITY AS a (account_id, amount, n)
				WHERE o.author_ids IS NOT NULL)
				AS e (line, account_id, amount, from_account_id, buyer_id,
					  kind, ratio_ppm)
		WHERE e.amount > 0;
	RETURN NULL;
END;
$$;

CREATE TRIGGER accrue AFTER INSERT ON sale REFERENCING NEW TABLE AS new_sale
	FOR EACH STATEMENT EXECUTE FUNCTION rival.accrue();

/*
 * row.sql: the same work in a PL/pgSQL row trigger: one query for all that is
 * to be known, one INSERT for the event, one for what it owes.  A lean one has
 * not the lines that are marked so.
 */
\ir tables.sql

CREATE FUNCTION rival.accrue() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	s record;
	event bigint;
	net bigint;
	sum_ppm bigint;
	brand bigint := 0;
	creator bigint := 0;
BEGIN
	IF NEW.avatar_id IS NULL THEN
		RETURN NULL;
	END IF;

	SELECT t.brand_ratio_ppm, t.creator_ref_ratio_ppm, t.total_cap_ratio_ppm,
		l.version, l.owner_id, l.pool, l.author_ids, l.author_shares,
		(l.pool * (1000000 + t.markup_ppm) + 999999) / 1000000 AS surcharge,
		b.referrer_id AS brand_earner, c.referrer_id AS creator_earner,
		CASE WHEN b.referrer_id IS NULL THEN 'n'
			WHEN b.referrer_id = NEW.buyer_id THEN 's'
			WHEN NEW.created_at < b.attributed_at THEN 'b'
			WHEN NEW.created_at > b.attributed_at + t.brand_window THEN 'w'
			WHEN buyer.closed_at IS NOT NULL THEN 'a'
			WHEN ba.closed_at IS NOT NULL THEN 'c'
			ELSE 'p' END AS brand_leg,
		CASE WHEN c.referrer_id IS NULL THEN 'n'
			WHEN NEW.buyer_id IN (l.owner_id, c.referrer_id)
				OR l.owner_id = c.referrer_id THEN 's'
			WHEN ca.closed_at IS NOT NULL THEN 'c'
			ELSE 'p' END AS creator_leg
		INTO s
		FROM rival.listing l CROSS JOIN rival.terms t
			LEFT JOIN rival.account buyer ON buyer.account_id = NEW.buyer_id
			LEFT JOIN rival.referral b
				ON b.account_id = NEW.buyer_id AND b.role = 'brand'
			LEFT JOIN rival.account ba ON ba.account_id = b.referrer_id
			LEFT JOIN rival.referral c
				ON c.account_id = l.owner_id AND c.role = 'creator'
			LEFT JOIN rival.account ca ON ca.account_id = c.referrer_id
		WHERE l.listing_id = NEW.avatar_id;
	IF NOT FOUND THEN
		RAISE 'listing % is not registered', NEW.avatar_id;
	END IF;

	net := s.surcharge - s.pool + greatest(NEW.model_price - NEW.api_cost, 0);
	sum_ppm := greatest(s.total_cap_ratio_ppm,
		CASE WHEN s.brand_leg = 'p' THEN s.brand_ratio_ppm ELSE 0 END
		+ CASE WHEN s.creator_leg = 'p' THEN s.creator_ref_ratio_ppm ELSE 0 END);
	IF s.brand_leg = 'p' THEN
		brand := net * s.brand_ratio_ppm * s.total_cap_ratio_ppm
			/ (sum_ppm * 1000000);
	END IF;
	IF s.creator_leg = 'p' THEN
		creator := net * s.creator_ref_ratio_ppm * s.total_cap_ratio_ppm
			/ (sum_ppm * 1000000);
	END IF;

	INSERT INTO rival.generation (event_id, occurred_at, model_price, api_cost,
			avatar_version, avatar_pool, generation_id, buyer_id,
			avatar_surcharge, images, derived, bundle_frame, reference_leg, -- not lean
			brand_ratio_ppm, avatar_ratio_ppm, reference_ratio_ppm, total_cap_ratio_ppm, -- not lean
			brand_leg, avatar_leg)
		VALUES (nextval('rival.event_id_seq'), NEW.created_at, NEW.model_price,
			NEW.api_cost, s.version, s.pool, NEW.id, NEW.buyer_id,
			s.surcharge, 1, 12, false, '-', -- not lean
			s.brand_ratio_ppm, s.creator_ref_ratio_ppm, s.creator_ref_ratio_ppm, s.total_cap_ratio_ppm, -- not lean
			s.brand_leg, s.creator_leg)
		ON CONFLICT DO NOTHING
		RETURNING event_id INTO event;
	IF event IS NULL THEN
		RETURN NULL;
	END IF;

	INSERT INTO rival.entry (event_id, line, amount,
			occurred_at, buyer_id, counts_as, -- not lean
			account_id, from_account_id, kind, ratio_ppm)
		SELECT event, row_number() OVER (), e.amount,
			NEW.created_at, e.buyer_id, e.kind, -- not lean
			e.account_id, e.from_account_id, e.kind, e.ratio_ppm
		FROM (VALUES
			(s.brand_earner, brand, NEW.buyer_id, NULL::uuid,
			 'brand'::commission.entry_kind, s.brand_ratio_ppm),
			(s.creator_earner, creator, s.owner_id, NEW.buyer_id,
			 'creator', s.creator_ref_ratio_ppm),
			(s.owner_id, CASE WHEN s.author_ids IS NULL THEN s.pool ELSE 0 END,
			 NEW.buyer_id, NULL, 'pool', NULL))
			AS e (account_id, amount, from_account_id, buyer_id, kind, ratio_ppm)
		WHERE e.amount > 0;
	IF s.author_ids IS NOT NULL THEN
		INSERT INTO rival.entry (event_id, line, amount,
				occurred_at, counts_as, -- not lean
				account_id, from_account_id, kind)
			SELECT event, 2 + a.n, a.amount,
				NEW.created_at, 'pool', -- not lean
				a.account_id, NEW.buyer_id, 'pool'
			FROM unnest(s.author_ids,
						commission_internal.pool_shares(s.pool, s.author_shares))
				WITH ORDINALITY AS a (account_id, amount, n)
			WHERE a.amount > 0;
	END IF;
	RETURN NULL;
END;
$$;

CREATE TRIGGER accrue AFTER INSERT ON sale
	FOR EACH ROW EXECUTE FUNCTION rival.accrue();

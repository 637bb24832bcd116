/*
 * deferred.sql: sales that wait for a listing or a price (R38).
 *
 * A sale that finds a listing or price absent shares a lock on the absence
 * (absence.c) and is kept here; the call that makes it known takes the lock and
 * then looks here.  So no sale is left behind.
 */

CREATE TABLE commission.deferred_generation (
	deferred_id bigint NOT NULL,
	deferred_at timestamptz NOT NULL DEFAULT now(),
	occurred_at timestamptz NOT NULL,
	generation_id uuid NOT NULL,
	missing_listing uuid,
	waits_for text,
	relation text,
	content text[] NOT NULL,
	settings jsonb NOT NULL,
	CONSTRAINT deferred_generation_pkey PRIMARY KEY (generation_id)
);
COMMENT ON TABLE commission.deferred_generation IS
	'generations that wait for a listing or a price to be known, whole (R38); a row is deleted when the generation is accrued';
COMMENT ON COLUMN commission.deferred_generation.deferred_id IS
	'drawn like an event id: the order in which they are accrued';
COMMENT ON COLUMN commission.deferred_generation.missing_listing IS
	'the key of the listing that it waits for; NULL: it waits for a price';
COMMENT ON COLUMN commission.deferred_generation.waits_for IS
	'the same in words, or why it could not be accrued';
COMMENT ON COLUMN commission.deferred_generation.relation IS
	'the application''s table; NULL: record_generation() was called';
COMMENT ON COLUMN commission.deferred_generation.content IS
	'the arguments of record_generation(), but for paid and occurred_at';
COMMENT ON COLUMN commission.deferred_generation.settings IS
	'the settings at the time of the sale (R15)';

CREATE INDEX deferred_generation_listing_idx
	ON commission.deferred_generation (missing_listing);

CREATE TABLE commission.deferred_change (
	change_id bigint NOT NULL,
	occurred_at timestamptz NOT NULL DEFAULT now(),
	refunded bigint,
	generation_id uuid NOT NULL,
	what text NOT NULL,
	reason text,
	CONSTRAINT deferred_change_pkey PRIMARY KEY (generation_id, change_id),
	CONSTRAINT deferred_change_what_check CHECK (what IN ('refund', 'unpaid', 'paid'))
);
COMMENT ON TABLE commission.deferred_change IS
	'what happened to deferred generations meanwhile; deleted with them';
COMMENT ON COLUMN commission.deferred_change.refunded IS
	'credits of a refund; NULL: all that is left';

CREATE VIEW commission.deferred_sale AS
	SELECT d.relation,
		d.content[1] AS generation,
		d.waits_for,
		d.deferred_at,
		d.occurred_at,
		d.generation_id
	FROM commission.deferred_generation AS d;
COMMENT ON VIEW commission.deferred_sale IS
	'the sales that wait for a listing or a price (R38): the application''s table (NULL: a call of record_generation), the generation, what it waits for or why it could not be accrued, and when it was deferred';

CREATE FUNCTION commission_internal.defer_generation(
	generation_id uuid, content text[], occurred_at timestamptz,
	missing_listing uuid, waits_for text, relation regclass)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
#variable_conflict use_variable
DECLARE
	former commission.deferred_generation;
	difference record;
BEGIN
	INSERT INTO commission.deferred_generation (deferred_id, occurred_at,
		generation_id, missing_listing, waits_for, relation, content, settings)
	SELECT commission_internal.draw_event_id(), occurred_at, generation_id,
		missing_listing, waits_for, relation::text, content,
		jsonb_object_agg(s.name, commission_internal.setting(s.name))
	FROM unnest(ARRAY['brand_ratio', 'creator_ref_ratio', 'total_cap_ratio',
		'platform_markup_ratio', 'brand_referral_window_days', 'marketplace_only'])
		AS s (name)
	ON CONFLICT ON CONSTRAINT deferred_generation_pkey DO NOTHING;
	IF FOUND THEN
		RETURN;
	END IF;
	SELECT d.* INTO former FROM commission.deferred_generation AS d
	WHERE d.generation_id = defer_generation.generation_id FOR UPDATE;
	SELECT c.what, c.there, c.here INTO difference
	FROM (
		SELECT n.what, former.content[n.n] AS there, content[n.n] AS here
		FROM unnest(ARRAY['generation', 'buyer', 'avatar', 'reference', 'run',
			'number of images', 'model', 'resolution', 'model price', 'API cost',
			'avatar pool', 'avatar surcharge', 'reference pool',
			'reference surcharge', 'bundle frame']) WITH ORDINALITY AS n (what, n)
		UNION ALL
		SELECT 'time', former.occurred_at::text, occurred_at::text
		WHERE occurred_at <> now()) AS c
	WHERE c.there IS DISTINCT FROM c.here LIMIT 1;
	IF FOUND THEN
		RAISE 'generation "%" is already deferred with other content', content[1]
			USING ERRCODE = 'unique_violation',
				DETAIL = format('Its %s is %s there, and %s here.', difference.what,
					coalesce(difference.there, 'missing'),
					coalesce(difference.here, 'missing'));
	END IF;
	UPDATE commission.deferred_generation AS d
	SET missing_listing = defer_generation.missing_listing,
		waits_for = defer_generation.waits_for
	WHERE d.generation_id = former.generation_id;
END $$;
COMMENT ON FUNCTION commission_internal.defer_generation(uuid, text[], timestamptz, uuid, text, regclass) IS
	'keeps a generation that waits for a listing or a price; 23505 for another of its id';

CREATE FUNCTION commission_internal.change_deferred(
	generation_id uuid, what text, refunded bigint, reason text)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	PERFORM FROM commission.deferred_generation AS d
	WHERE d.generation_id = change_deferred.generation_id FOR UPDATE;
	IF FOUND THEN
		INSERT INTO commission.deferred_change (change_id, refunded, generation_id,
			what, reason)
		VALUES (commission_internal.draw_event_id(), refunded, generation_id, what,
			reason);
		RETURN true;
	END IF;
	RETURN false;
END $$;
COMMENT ON FUNCTION commission_internal.change_deferred(uuid, text, bigint, text) IS
	'keeps with a deferred generation that it was refunded, made unpaid or paid again; false if it is not deferred';

CREATE FUNCTION commission_internal.append_reversal(
	event_id bigint, refunded bigint, unpaid boolean, occurred_at timestamptz,
	reason text)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_append_reversal';
COMMENT ON FUNCTION commission_internal.append_reversal(bigint, bigint, boolean, timestamptz, text) IS
	'appends what happened to a generation while it was deferred: a refund of at most what is left (NULL: of all), or that it was made unpaid (refunded NULL) or paid again';

/*
 * The settings are those of the sale's moment until the block ends.  What
 * still waits for something else is deferred again, by the sale itself; what
 * cannot be recorded stays, and says why, so that nothing fails for its sake.
 */
CREATE FUNCTION commission_internal.accrue_one(d commission.deferred_generation)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	c CONSTANT text[] := d.content;
	message text;
BEGIN
	PERFORM commission_internal.use_setting(s.key, s.value)
	FROM jsonb_each_text(d.settings || '{"on_unknown": "defer"}') AS s;
	UPDATE commission.deferred_generation AS w SET waits_for = NULL
	WHERE w.generation_id = d.generation_id;
	PERFORM commission.record_generation(c[1], c[2], c[3], c[4], c[5], c[6]::integer,
		c[7], c[8], c[9]::bigint, c[10]::bigint, c[11]::bigint, c[12]::bigint,
		c[13]::bigint, c[14]::bigint, c[15]::boolean, true, d.occurred_at);
	DELETE FROM commission.deferred_generation AS w
	WHERE w.generation_id = d.generation_id AND w.waits_for IS NULL;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM commission_internal.append_reversal(g.event_id,
		CASE h.what WHEN 'refund' THEN h.refunded WHEN 'paid' THEN 0 END, h.what <> 'refund', h.occurred_at, h.reason)
	FROM commission.generation AS g
	JOIN commission.deferred_change AS h ON h.generation_id = g.generation_id
	WHERE g.generation_id = d.generation_id
	ORDER BY h.change_id;
	DELETE FROM commission.deferred_change AS h WHERE h.generation_id = d.generation_id;
	RETURN true;
EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	UPDATE commission.deferred_generation AS w SET waits_for = message
	WHERE w.generation_id = d.generation_id;
	RETURN false;
END $$;
COMMENT ON FUNCTION commission_internal.accrue_one(commission.deferred_generation) IS
	'accrues a deferred generation under the settings of its moment, with what has happened to it since; false if it still waits';

CREATE FUNCTION commission_internal.accrue_deferred_listings(listing_ids uuid[])
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	d commission.deferred_generation;
BEGIN
	PERFORM commission_internal.end_absence('l', CASE cardinality(listing_ids)
		WHEN 1 THEN uuid_hash_extended(listing_ids[1], 0) END);
	FOR d IN SELECT w.* FROM commission.deferred_generation AS w
			 WHERE w.missing_listing = ANY (listing_ids)
			 ORDER BY w.deferred_id FOR UPDATE LOOP
		PERFORM commission_internal.accrue_one(d);
	END LOOP;
END $$;
COMMENT ON FUNCTION commission_internal.accrue_deferred_listings(uuid[]) IS
	'accrues what waits for listings that this transaction has registered';

CREATE FUNCTION commission_internal.accrue_deferred_prices(models text[],
														   resolutions text[])
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	d commission.deferred_generation;
BEGIN
	PERFORM commission_internal.end_absence('p', CASE cardinality(models)
		WHEN 1 THEN hashtextextended(models[1] COLLATE "C",
			hashtextextended(coalesce(resolutions[1], '') COLLATE "C", 0)) END);
	FOR d IN SELECT w.* FROM commission.deferred_generation AS w
			 WHERE w.missing_listing IS NULL
				AND (w.content[7], coalesce(w.content[8], '')) IN (
					SELECT p.model, coalesce(p.resolution, '')
					FROM unnest(models, resolutions) AS p (model, resolution))
			 ORDER BY w.deferred_id FOR UPDATE LOOP
		PERFORM commission_internal.accrue_one(d);
	END LOOP;
END $$;
COMMENT ON FUNCTION commission_internal.accrue_deferred_prices(text[], text[]) IS
	'accrues what waits for prices that this transaction has set';

CREATE FUNCTION commission.accrue_deferred() RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	d commission.deferred_generation;
	late record;
	accrued bigint := 0;
BEGIN
	FOR d IN SELECT w.* FROM commission.deferred_generation AS w
			 ORDER BY w.deferred_id FOR UPDATE LOOP
		accrued := accrued + commission_internal.accrue_one(d)::integer;
	END LOOP;
	/* A node is told of a late referral, and of nothing that comes with it. */
	IF commission_internal.is_node() THEN
		FOR late IN SELECT w.* FROM commission_internal.late_arrived AS w
					ORDER BY w.account_id, w.role LOOP
			PERFORM commission_internal.accrue_late(late.account_id, late.role);
			accrued := accrued + late.legs;
		END LOOP;
	END IF;
	RETURN accrued;
END $$;
COMMENT ON FUNCTION commission.accrue_deferred() IS
	'accrues, in their order and under the settings of their own moment, the deferred sales whose listings and prices are known by now, and returns how many (R38); register_listing() and set_model_price() do so by themselves for what they make known. On a node, where listings, prices and referrals arrive from the hub, call it beside rollup(): it accrues there, too, the legs of sales whose referrer the hub was told of late (R37), and counts them';

/* For audit(). */
CREATE VIEW commission_internal.deferred_problem AS
	SELECT 'deferred sale waits' AS problem, NULL::bigint AS event_id,
		format('generation %s since %s: %s', d.content[1], d.deferred_at, d.waits_for)
			AS detail
	FROM commission.deferred_generation AS d;
COMMENT ON VIEW commission_internal.deferred_problem IS
	'sales that still wait for a listing or a price (R38)';

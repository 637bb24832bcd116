/*
 * listing.sql: listings and their co-authors (R4, R19).
 *
 * Listings are appended to: each registration that changes something is a new
 * version, and a generation refers to the version by which its pool was
 * shared.  A sale reads the highest under its own snapshot, without a lock.
 */
CREATE TABLE commission.listing (
	listing_id uuid NOT NULL,
	version bigint NOT NULL,
	owner_id uuid NOT NULL,
	pool bigint NOT NULL,
	registered_at timestamptz NOT NULL DEFAULT now(),
	kind commission.listing_kind NOT NULL,
	co_author_ids uuid[],
	co_author_shares bigint[],
	name text NOT NULL,
	title text,
	CONSTRAINT listing_pkey PRIMARY KEY (listing_id, version),
	CONSTRAINT listing_version_key UNIQUE (version),
	CONSTRAINT listing_pool_check CHECK (pool > 0),
	CONSTRAINT listing_co_authors_check CHECK (
		coalesce(cardinality(co_author_ids), 0) BETWEEN 0 AND 5
		AND coalesce(cardinality(co_author_ids), 0) =
			coalesce(cardinality(co_author_shares), 0)
		AND NOT owner_id = ANY (coalesce(co_author_ids, '{}')))
);
COMMENT ON TABLE commission.listing IS
	'listings, a row for each version; the highest is the one in force (R19)';
COMMENT ON COLUMN commission.listing.version IS
	'drawn like an event id';
COMMENT ON COLUMN commission.listing.pool IS
	'credits that are shared for one use';
COMMENT ON COLUMN commission.listing.co_author_ids IS
	'at most five, in the order that decides ties (R19): by the length of their names in bytes, then bytewise; NULL: none';
COMMENT ON COLUMN commission.listing.co_author_shares IS
	'credits of the pool for each of them; the owner has the rest';
COMMENT ON CONSTRAINT listing_co_authors_check ON commission.listing IS
	'at most five co-authors, none of them the owner (R19)';

CREATE FUNCTION commission_internal.co_authors(
	co_authors jsonb, listing text, owner text, pool bigint,
	OUT names text[], OUT shares bigint[])
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
	author record;
	problem text;
	total numeric := 0;
BEGIN
	IF jsonb_typeof(co_authors) <> 'object' THEN
		problem := 'They are not an object.';
		co_authors := '{}';
	END IF;
	FOR author IN
		SELECT i.name, a.key, a.value #>> '{}' AS share,
			jsonb_typeof(a.value) = 'number' AS is_number
		FROM jsonb_each(co_authors) AS a,
			commission_internal.identifier(a.key, 'co-author') AS i (name)
		ORDER BY octet_length(i.name), i.name COLLATE "C"
	LOOP
		problem := CASE
			WHEN cardinality(names) = 5 THEN 'A listing has at most 5 co-authors.'
			WHEN author.name = owner THEN 'The owner cannot be a co-author.'
			WHEN author.name = ANY (names) THEN format('"%s" is named twice.', author.key)
			WHEN NOT author.is_number THEN
				format('The share of "%s" is not a number.', author.key)
			WHEN author.share::numeric < 1 OR author.share::numeric % 1 <> 0 THEN
				format('The share of "%s" is %s; it must be a whole number of at least 1.',
					   author.key, author.share)
			WHEN total + author.share::numeric > pool THEN
				format('Their shares are %s credits of a pool of %s.',
					   total + author.share::numeric, pool)
		END;
		EXIT WHEN problem IS NOT NULL;
		names := names || author.name;
		shares := shares || author.share::numeric::bigint;
		total := total + author.share::numeric;
	END LOOP;
	IF problem IS NOT NULL THEN
		RAISE 'invalid co-authors of listing "%"', listing
			USING ERRCODE = 'invalid_parameter_value', DETAIL = problem,
				HINT = 'Give a JSON object that maps accounts to whole credits of the pool, such as {"maria": 30}; the owner has the rest.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.co_authors(jsonb, text, text, bigint) IS
	'the names and shares of the co-authors, NULL where there are none, in the order that decides ties; 22023 for what R19 does not allow';

CREATE FUNCTION commission_internal.check_listings(listings text[], pools bigint[])
	RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
	minimum CONSTANT bigint := commission_internal.setting('minimum_pool');
	node CONSTANT bigint := commission_internal.setting('node_id');
	refused record;
BEGIN
	SELECT g.listing, g.pool, l.version >> 48 AS node INTO refused
	FROM unnest(listings, pools) AS g (listing, pool)
	LEFT JOIN LATERAL (
		SELECT l.version FROM commission.listing AS l
		WHERE l.listing_id = commission.account_id(g.listing)
		ORDER BY l.version DESC LIMIT 1) AS l ON true
	WHERE g.pool < minimum OR l.version >> 48 > node
	LIMIT 1;
	IF refused.pool < minimum THEN
		RAISE 'pool of listing "%" is less than the minimum', refused.listing
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s credits; commission.minimum_pool is %s.',
								refused.pool, minimum);
	ELSIF FOUND THEN
		RAISE 'listing "%" is registered by a higher node', refused.listing
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('Its version in force is of node %s; commission.node_id is %s.',
								refused.node, node),
				HINT = 'Register it on that node, or raise commission.node_id.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.check_listings(text[], bigint[]) IS
	'refuses a pool under commission.minimum_pool (22023, R4), and a listing whose version in force is of a higher node (55000)';

/*
 * The last of two rows that name one listing counts.  A version is added only
 * where something changes.
 */
CREATE FUNCTION commission_internal.take_listings(
	listings text[], owners text[], kinds text[], pools bigint[], titles text[],
	co_authors jsonb[], keep_titles boolean)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	PERFORM commission_internal.check_listings(listings, pools);
	PERFORM commission_internal.know_accounts(VARIADIC owners || ARRAY(
		SELECT unnest(a.names)
		FROM unnest(listings, owners, pools, co_authors)
			AS g (listing, owner, pool, co_authors)
		CROSS JOIN LATERAL commission_internal.co_authors(
			g.co_authors, g.listing, g.owner, g.pool) AS a
		WHERE g.co_authors IS NOT NULL));

	INSERT INTO commission.listing (listing_id, version, owner_id, pool, kind,
		co_author_ids, co_author_shares, name, title)
	SELECT g.listing_id, commission_internal.draw_event_id(), g.owner_id, g.pool,
		g.kind, a.ids, a.shares, g.name,
		CASE WHEN keep_titles THEN coalesce(g.title, former.title) ELSE g.title END
	FROM (
		SELECT DISTINCT ON (g.name) g.name, g.owner, g.pool, g.co_authors,
			commission.account_id(g.name) AS listing_id,
			commission.account_id(g.owner) AS owner_id,
			g.kind::commission.listing_kind AS kind,
			commission_internal.bounded(g.title, format('title of listing "%s"', g.name))
				AS title
		FROM unnest(listings, owners, kinds, pools, titles, co_authors)
			WITH ORDINALITY AS g (name, owner, kind, pool, title, co_authors, n)
		ORDER BY g.name, g.n DESC) AS g
	LEFT JOIN LATERAL (
		SELECT (SELECT array_agg(commission.account_id(n.name) ORDER BY n.n)
				FROM unnest(c.names) WITH ORDINALITY AS n (name, n)) AS ids,
			c.shares
		FROM commission_internal.co_authors(g.co_authors, g.name, g.owner, g.pool) AS c
		WHERE g.co_authors IS NOT NULL) AS a ON true
	LEFT JOIN LATERAL (
		SELECT l.* FROM commission.listing AS l
		WHERE l.listing_id = g.listing_id
		ORDER BY l.version DESC LIMIT 1) AS former ON true
	WHERE (former.owner_id, former.pool, former.kind, former.co_author_ids,
		   former.co_author_shares)
		IS DISTINCT FROM (g.owner_id, g.pool, g.kind, a.ids, a.shares)
		OR former.title IS DISTINCT FROM g.title
		AND NOT (keep_titles AND g.title IS NULL);
	PERFORM commission_internal.accrue_deferred_listings(ARRAY(
		SELECT commission.account_id(g.name) FROM unnest(listings) AS g (name)));
END $$;
COMMENT ON FUNCTION commission_internal.take_listings(text[], text[], text[], bigint[], text[], jsonb[], boolean) IS
	'registers listings by the names that identifier() gives, all that is not NULL elsewhere given, with titles, NULL too unless they are kept; errors as register_listing';

CREATE FUNCTION commission.register_listing(listing text, owner text,
											kind commission.listing_kind,
											pool bigint,
											title text DEFAULT NULL,
											co_authors jsonb DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	PERFORM commission_internal.take_listings(
		ARRAY[commission_internal.identifier(listing, 'listing')],
		ARRAY[commission_internal.identifier(owner, 'owner')],
		ARRAY[commission_internal.required(kind, 'kind')::text],
		ARRAY[commission_internal.required(pool, 'pool')],
		ARRAY[title], ARRAY[co_authors], true);
END $$;
COMMENT ON FUNCTION commission.register_listing(text, text, commission.listing_kind, bigint, text, jsonb) IS
	'sets a listing''s owner, kind, pool in credits, title and co-authors, {"account": credits, ...}, the owner having the rest; in force from the next generation on (R19). A credit that is left over where a pool is shared in proportion goes to the earlier of equals: the owner, then the co-authors, shorter names (in bytes) first, then bytewise, because jsonb keeps neither the order of its keys nor a key that is written twice, of which it takes the last. A NULL title keeps the former; 22004 for a NULL listing, owner, kind or pool; 22023 for an empty name, a name or title of more than 1024 bytes, a pool under commission.minimum_pool (R4), more than five co-authors, the owner among them, one account under two spellings, shares that are no whole number from 1 or that exceed the pool; 55000 where the version in force is of a node higher than commission.node_id';

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
	co_authors jsonb, owner text, pool bigint, OUT names text[], OUT shares bigint[])
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
		RAISE 'invalid co-authors'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = problem,
				HINT = 'Give a JSON object that maps accounts to whole credits of the pool, such as {"maria": 30}; the owner has the rest.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.co_authors(jsonb, text, bigint) IS
	'the names and shares of the co-authors, NULL where there are none, in the order that decides ties; 22023 for what R19 does not allow';

CREATE FUNCTION commission.register_listing(listing text, owner text,
											kind commission.listing_kind,
											pool bigint,
											title text DEFAULT NULL,
											co_authors jsonb DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	minimum CONSTANT bigint := commission_internal.setting('minimum_pool');
	node CONSTANT bigint := commission_internal.setting('node_id');
	id uuid;
	owner_id uuid;
	author_ids uuid[];
	authors record;
	former commission.listing;
BEGIN
	listing := commission_internal.identifier(listing, 'listing');
	owner := commission_internal.identifier(owner, 'owner');
	id := commission.account_id(listing);
	owner_id := commission.account_id(owner);
	IF commission_internal.required(pool, 'pool') < minimum THEN
		RAISE 'pool is less than the minimum'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s credits; commission.minimum_pool is %s.',
								pool, minimum);
	END IF;
	PERFORM commission_internal.required(kind, 'kind'),
		commission_internal.bounded(title, 'title');
	authors := commission_internal.co_authors(co_authors, owner, pool);
	PERFORM commission_internal.know_accounts(VARIADIC owner || authors.names);
	SELECT array_agg(commission.account_id(a.name) ORDER BY a.n) INTO author_ids
	FROM unnest(authors.names) WITH ORDINALITY AS a (name, n);

	SELECT l.* INTO former FROM commission.listing AS l
	WHERE l.listing_id = id ORDER BY l.version DESC LIMIT 1;
	IF former.version >> 48 > node THEN
		RAISE 'listing "%" is registered by a higher node', listing
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('Its version in force is of node %s; commission.node_id is %s.',
								former.version >> 48, node),
				HINT = 'Register it on that node, or raise commission.node_id.';
	END IF;
	title := coalesce(title, former.title);
	IF (former.owner_id, former.pool, former.kind, former.co_author_ids,
		former.co_author_shares, former.title)
		IS DISTINCT FROM (owner_id, pool, kind, author_ids, authors.shares, title)
	THEN
		INSERT INTO commission.listing (listing_id, version, owner_id, pool, kind,
			co_author_ids, co_author_shares, name, title)
		VALUES (id, commission_internal.draw_event_id(), owner_id, pool, kind,
			author_ids, authors.shares, listing, title);
	END IF;
END $$;
COMMENT ON FUNCTION commission.register_listing(text, text, commission.listing_kind, bigint, text, jsonb) IS
	'sets a listing''s owner, kind, pool in credits, title and co-authors, {"account": credits, ...}, the owner having the rest; in force from the next generation on (R19). A credit that is left over where a pool is shared in proportion goes to the earlier of equals: the owner, then the co-authors, shorter names (in bytes) first, then bytewise, because jsonb keeps neither the order of its keys nor a key that is written twice, of which it takes the last. A NULL title keeps the former; 22004 for a NULL listing, owner, kind or pool; 22023 for an empty name, a name or title of more than 1024 bytes, a pool under commission.minimum_pool (R4), more than five co-authors, the owner among them, one account under two spellings, shares that are no whole number from 1 or that exceed the pool; 55000 where the version in force is of a node higher than commission.node_id';

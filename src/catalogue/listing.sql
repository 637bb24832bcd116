/*
 * listing.sql: listings and their co-authors (R4, R19).
 *
 * Listings are appended to: each registration that changes something is a new
 * version, and a generation refers to the version that it was shared by.
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
	'at most five; NULL: none';
COMMENT ON COLUMN commission.listing.co_author_shares IS
	'credits of the pool for each of them; the owner has the rest';
COMMENT ON CONSTRAINT listing_co_authors_check ON commission.listing IS
	'at most five co-authors, none of them the owner (R19)';

CREATE FUNCTION commission.register_listing(listing text, owner text,
											kind commission.listing_kind,
											pool bigint,
											title text DEFAULT NULL,
											co_authors jsonb DEFAULT NULL)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_register_listing';
COMMENT ON FUNCTION commission.register_listing(text, text, commission.listing_kind, bigint, text, jsonb) IS
	'sets a listing''s owner, kind, pool in credits, title and co-authors, {"account": credits, ...}, the owner having the rest; in force from the next generation on (R19); a NULL title keeps the former; 22004 for a NULL listing, owner, kind or pool; 22023 for empty names, a pool under commission.minimum_pool (R4), more than five co-authors, the owner among them, one twice, shares that are no whole number from 1 or that exceed the pool; 55000 where the version in force is of a node higher than commission.node_id';

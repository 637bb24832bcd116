/*
 * world.sql: the world that every contestant starts from, made by arithmetic
 * alone: 20,000 buyers and 2,000 owners, all referred by one of :referrers
 * accounts, and 5,000 listings.  The buyer's referrer and the owner's are two
 * accounts wherever there is more than one; so each sale of a listing has a
 * brand leg, a creator leg and a pool entry.
 */
SET client_min_messages = warning;
CREATE EXTENSION commission;
CREATE SCHEMA world;

/* Keys as pgbench can make them, which knows numbers only. */
CREATE FUNCTION world.key(n bigint) RETURNS uuid
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS 'SELECT lpad(to_hex(n), 32, ''0'')::uuid';
CREATE FUNCTION world.buyer(n bigint) RETURNS uuid
	LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT world.key(n)';
CREATE FUNCTION world.owner(n bigint) RETURNS uuid
	LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT world.key(100000 + n)';
CREATE FUNCTION world.referrer(n bigint) RETURNS uuid
	LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT world.key(200000 + n)';
CREATE FUNCTION world.listing(n bigint) RETURNS uuid
	LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT world.key(300000 + n)';

SELECT count(commission.register_account(world.referrer(n)::text))
	FROM generate_series(1, :referrers) AS n;
SELECT count(commission.refer(world.buyer(n)::text,
							  world.referrer(1 + n % :referrers)::text,
							  'brand', '2020-01-01'))
	FROM generate_series(1, 20000) AS n;
SELECT count(commission.refer(world.owner(n)::text,
							  world.referrer(1 + n * 7 % :referrers)::text,
							  'creator', '2020-01-01'))
	FROM generate_series(1, 2000) AS n;
SELECT count(commission.register_listing(world.listing(n)::text,
										 world.owner(1 + n % 2000)::text,
										 'avatar', 100 + n % 50))
	FROM generate_series(1, 5000) AS n;

/* The application's own table. */
CREATE TABLE sale (
	id uuid PRIMARY KEY,
	buyer_id uuid NOT NULL,
	avatar_id uuid,
	model_price bigint NOT NULL,
	api_cost bigint NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

/*
 * A given number of sales, others for every seed, as rows of sale.
 */
CREATE FUNCTION world.sales(number integer, seed integer) RETURNS SETOF sale
	LANGUAGE sql STABLE PARALLEL SAFE
	BEGIN ATOMIC
		SELECT world.key(hashint8extended(n, seed) & 4611686018427387903),
			world.buyer(1 + (hashint8extended(n, seed + 1) & 2147483647) % 20000),
			world.listing(1 + (hashint8extended(n, seed + 2) & 2147483647) % 5000),
			20, 10, now()
		FROM generate_series(1, number) AS n;
	END;

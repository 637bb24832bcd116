/*
 * reading.sql
 *		A ledger of :entries entries for bench/reading, three to a generation.
 *
 * Forty referrers have a leg on every fortieth buyer and every fortieth
 * owner, so each has a sixtieth of all entries.  Runs have four frames.  The
 * sales lie in the last 400 days.  Rows are made as the engine would make
 * them, but by INSERT ... SELECT, since the way of a sale is not what is
 * measured here; audit() finds nothing wrong with them.
 */
\set ON_ERROR_STOP 1
BEGIN;
CREATE EXTENSION commission;

SELECT count(commission.register_account('referrer' || i,
										 format('referrer%s@example.com', i))),
	count(commission.register_account('buyer' || i,
									  format('buyer%s@example.com', i)))
FROM generate_series(0, 39) AS i;
SELECT count(commission.register_account('buyer' || i,
										 format('buyer%s@example.com', i)))
FROM generate_series(40, 9999) AS i;
SELECT count(commission.register_listing('listing' || i, 'owner' || i,
										 'avatar', 100, 'Title ' || i))
FROM generate_series(0, 999) AS i;
SELECT count(commission.refer('buyer' || i, 'referrer' || i % 40, 'brand',
							  now() - interval '500 days'))
FROM generate_series(0, 9999) AS i;
SELECT count(commission.refer('owner' || i, 'referrer' || (i + 7) % 40, 'creator',
							  now() - interval '500 days'))
FROM generate_series(0, 999) AS i;

CREATE TEMPORARY TABLE sale AS
	SELECT i AS n,
		nextval('commission.event_id_seq') AS event_id,
		now() - interval '400 days' * (1 - i / (:entries / 3)::numeric)
			AS occurred_at,
		i / 4 AS run,
		(hashint4extended(i / 4, 1) & 2147483647) % 10000 AS buyer,
		(hashint4extended(i / 4, 2) & 2147483647) % 1000 AS listing
	FROM generate_series(1, :entries / 3) AS i;

INSERT INTO commission.generation (
	event_id, occurred_at, model_price, api_cost,
	avatar_version, avatar_pool, avatar_surcharge,
	generation_id, buyer_id, run_id, images,
	brand_ratio_ppm, avatar_ratio_ppm, reference_ratio_ppm, total_cap_ratio_ppm,
	derived, bundle_frame, brand_leg, avatar_leg, reference_leg,
	generation_name, run_name)
	SELECT s.event_id, s.occurred_at, 20, 10, l.version, 100, 120,
		commission.account_id('generation' || s.n),
		commission.account_id('buyer' || s.buyer),
		commission.account_id('run' || s.run), 1,
		300000, 200000, 200000, 500000, 15, false, 'p', 'p', '-',
		'generation' || s.n, 'run' || s.run
	FROM sale AS s
	JOIN commission.listing AS l ON l.name = 'listing' || s.listing
	ORDER BY s.event_id;

INSERT INTO commission.entry (
	event_id, amount, occurred_at, account_id, from_account_id, buyer_id,
	kind, counts_as, ratio_ppm, line)
	SELECT s.event_id, e.amount, s.occurred_at,
		commission.account_id(e.account), commission.account_id(e.from_account),
		commission.account_id(e.buyer), e.kind::commission.entry_kind,
		e.kind::commission.entry_kind, e.ratio_ppm, e.line
	FROM sale AS s
	CROSS JOIN LATERAL (VALUES
		(1, 9, 'brand', 'referrer' || s.buyer % 40, 'buyer' || s.buyer, NULL,
		 300000),
		(2, 6, 'creator', 'referrer' || (s.listing + 7) % 40,
		 'owner' || s.listing, 'buyer' || s.buyer, 200000),
		(3, 100, 'pool', 'owner' || s.listing, 'buyer' || s.buyer, NULL, NULL))
		AS e (line, amount, kind, account, from_account, buyer, ratio_ppm)
	ORDER BY s.event_id, e.line;
COMMIT;
VACUUM (ANALYZE) commission.entry, commission.generation;
ANALYZE;

/*
 * listings_shares.sql
 *		How a charged pool is shared between a listing's owner and co-authors,
 *		and from when on a new split counts (R19).
 */
SET timezone = 'UTC';

CREATE FUNCTION shares(generation text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s %s', amount, account), ', ' ORDER BY event_id, line)
	FROM commission.ledger WHERE source = generation AND kind = 'pool'
$$;

-- nobody is referred here: only pools are owed
SELECT commission.register_listing('alone', 'ana', 'avatar', 100);
SELECT commission.register_listing('three', 'ana', 'avatar', 100,
								   co_authors => '{"bo": 33, "cy": 33}');
SELECT commission.register_listing('given away', 'ana', 'avatar', 100,
								   co_authors => '{"bo": 50, "cy": 50}');
SELECT commission.register_listing('six', 'ana', 'reference', 100,
	co_authors => '{"b": 1, "c": 2, "d": 3, "e": 4, "f": 5}');

-- the listing's own pool; another one; largest remainder, ties to the earlier
CREATE TABLE use (listing text, pool bigint, generation text GENERATED ALWAYS AS
				  (listing || coalesce(' charged ' || pool, '')) STORED);
INSERT INTO use VALUES
	('alone', NULL), ('alone', 1), ('alone', 1000000007),
	('three', NULL), ('three', 0), ('three', 1), ('three', 2), ('three', 3),
	('three', 200), ('three', 101), ('three', 102), ('three', 99),
	('given away', NULL), ('given away', 1), ('given away', 3), ('given away', 101),
	('six', NULL), ('six', 1), ('six', 7), ('six', 50), ('six', 250), ('six', 99),
	('six', 700000000000000);
SELECT count(commission.record_generation(
	generation, 'buyer',
	CASE WHEN listing <> 'six' THEN listing END,
	CASE WHEN listing = 'six' THEN listing END,
	model_price => 0, api_cost => 0,
	avatar_pool => CASE WHEN listing <> 'six' THEN pool END,
	reference_pool => CASE WHEN listing = 'six' THEN pool END)) AS recorded
FROM use;
SELECT generation, shares(generation) FROM use ORDER BY listing, pool NULLS FIRST;
SELECT generation, pool, sum(amount)
FROM use JOIN commission.ledger ON source = generation
GROUP BY generation, pool HAVING sum(amount) <> coalesce(pool, 100);

-- two listings of one author: an entry for each
SELECT commission.record_generation('both', 'buyer', 'alone', 'six',
									model_price => 0, api_cost => 0) IS NOT NULL;
SELECT shares('both');

-- a new split counts from the next generation on, within a transaction too
BEGIN;
SELECT commission.record_generation('before', 'buyer', 'three',
									model_price => 0, api_cost => 0) IS NOT NULL;
SELECT commission.register_listing('three', 'dee', 'avatar', 200,
								   co_authors => '{"ana": 150}');
SELECT commission.record_generation('after', 'buyer', 'three',
									model_price => 0, api_cost => 0) IS NOT NULL;
COMMIT;
SELECT generation, shares(generation) FROM (VALUES ('before'), ('after')) AS v (generation);
-- and so does the minimum: what is registered stays
SET commission.minimum_pool = 1000;
SELECT commission.record_generation('small', 'buyer', 'alone',
									model_price => 0, api_cost => 0) IS NOT NULL;
RESET commission.minimum_pool;
SELECT shares('small');

-- the same listing, as two roles: refused (R6)
SELECT commission.record_generation('wrong', 'buyer', reference => 'alone',
									model_price => 0, api_cost => 0);

SELECT * FROM commission.audit();

DROP TABLE use;
DROP FUNCTION shares;

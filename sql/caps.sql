/*
 * caps.sql
 *		The cap over all legs (R12), and settings that change between sales
 *		(R15).
 */
SET timezone = 'UTC';

CREATE FUNCTION legs(generation text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s at %s', kind, amount, ratio), ', '
							   ORDER BY event_id, line), '-')
	FROM commission.ledger WHERE source = generation AND kind <> 'pool'
$$;
/* A sale of one net margin, all of it generation margin; used 1 or 2 owners' listings. */
CREATE FUNCTION sale(generation text, net bigint, owners integer) RETURNS bigint
LANGUAGE sql AS $$
	SELECT commission.record_generation(
		generation, 'brand', 'avatar', CASE owners WHEN 2 THEN 'reference' END,
		model_price => net, api_cost => 0, avatar_pool => 1, avatar_surcharge => 1,
		reference_pool => 1, reference_surcharge => 1)
$$;
SELECT commission.register_listing('avatar', 'owner 1', 'avatar', 100);
SELECT commission.register_listing('reference', 'owner 2', 'reference', 100);
SELECT commission.refer('brand', 'ana', 'brand');
SELECT commission.refer('owner 1', 'bo', 'creator');
SELECT commission.refer('owner 2', 'cy', 'creator');

-- at the defaults one owner is within the cap, two are over it
SELECT sale(format('%s of %s', owners, net), net, owners) IS NOT NULL AS recorded,
	net, owners, legs(format('%s of %s', owners, net))
FROM (VALUES (100, 1), (100, 2), (30, 2), (101, 2), (7, 2), (1, 2)) AS v (net, owners);

-- the rules' other rows
SET commission.brand_ratio = 0.40;
SET commission.creator_ref_ratio = 0.30;
SELECT sale('other 30', 30, 1) IS NOT NULL AS recorded, legs('other 30');
SELECT sale('other 100', 100, 1) IS NOT NULL AS recorded, legs('other 100');
RESET commission.brand_ratio;
RESET commission.creator_ref_ratio;

-- read afresh for every generation, in one transaction too; the ratio is kept
BEGIN;
SELECT sale('first', 1000, 1) IS NOT NULL;
SET LOCAL commission.brand_ratio = 0.25;
SELECT sale('second', 1000, 1) IS NOT NULL;
SET LOCAL commission.total_cap_ratio = 0.1;
SELECT sale('third', 1000, 1) IS NOT NULL;
SAVEPOINT s;
SET LOCAL commission.brand_ratio = 0;
SELECT sale('fourth', 1000, 1) IS NOT NULL;
ROLLBACK TO s;
SELECT sale('fifth', 1000, 1) IS NOT NULL;
COMMIT;
SELECT sale('sixth', 1000, 1) IS NOT NULL;
SELECT v, legs(v) FROM (VALUES ('first'), ('second'), ('third'), ('fourth'),
						('fifth'), ('sixth')) AS t (v);
-- what was earned is not altered, and the detail shows the ratios of the day
SET commission.brand_ratio = 0.01;
SELECT generation, brand_amount, brand_ratio
FROM commission.commission_detail
WHERE account = 'ana' AND generation IN ('first', 'third') ORDER BY event_id;
RESET commission.brand_ratio;

-- by a function's own setting, for a rate of its own
CREATE FUNCTION launch_week_sale(generation text) RETURNS bigint LANGUAGE sql
	SET commission.brand_ratio = 0.5
	AS $$ SELECT sale(generation, 1000, 1) $$;
SELECT launch_week_sale('launch') IS NOT NULL, sale('later', 1000, 1) IS NOT NULL;
SELECT legs('launch'), legs('later');

-- nobody earns, the pool is owed
SET commission.total_cap_ratio = 0;
SELECT sale('no commission', 1000, 2) IS NOT NULL, legs('no commission');
RESET commission.total_cap_ratio;

SELECT * FROM commission.audit();

DROP FUNCTION launch_week_sale, sale, legs;

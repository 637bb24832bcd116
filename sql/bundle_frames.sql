/*
 * bundle_frames.sql
 *		A frame of a paid bundle: the reference listing's fee was charged
 *		before (R7).
 */
SET timezone = 'UTC';

CREATE FUNCTION owed(generation text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s %s', kind, amount, account), ', '
							   ORDER BY event_id, line), '-')
	FROM commission.ledger WHERE source = generation
$$;
SELECT commission.register_listing('avatar', 'owner 1', 'avatar', 100);
SELECT commission.register_listing('reference', 'owner 2', 'reference', 90);
SELECT commission.register_listing('own reference', 'owner 1', 'reference', 90);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('owner 1', 'bo', 'creator', '2026-01-01');
SELECT commission.refer('owner 2', 'cy', 'creator', '2026-01-01');

CREATE TABLE frame (id bigint, buyer text DEFAULT 'brand', avatar text, reference text,
	price integer DEFAULT 20, cost integer DEFAULT 10, pool integer, surcharge integer,
	bundled boolean);
SELECT commission.attach('frame', 'id', 'buyer', 'avatar', 'reference',
						 model_price => 'price', api_cost => 'cost',
						 reference_pool => 'pool', reference_surcharge => 'surcharge',
						 bundle_frame => 'bundled');
INSERT INTO frame (id, avatar, reference, bundled) VALUES
	(1, NULL, 'reference', false),		-- net 28, pool 90
	(2, NULL, 'reference', true),		-- net 10, no pool
	(3, NULL, 'reference', NULL),		-- not known to be a bundle's: as 1
	(4, 'avatar', 'reference', true),	-- net 30, of three legs
	(5, 'avatar', 'own reference', true), -- net 30, of two
	(6, 'avatar', NULL, true);			-- no reference: nothing to leave out
-- what the frame carries for the reference does not count either
INSERT INTO frame (id, reference, pool, surcharge, bundled) VALUES
	(7, 'reference', 200, 300, true),
	(8, 'reference', 200, 300, false);
-- nothing is owed to anybody on a bundle frame without margin
INSERT INTO frame (id, reference, price, bundled) VALUES (9, 'reference', 10, true);
SELECT id, avatar, reference, bundled, owed(id::text) FROM frame ORDER BY id;

SELECT generation, account, buyer_total, model_price, surcharge, pool, markup,
	api_cost, generation_margin, net_margin, platform_take
FROM commission.commission_detail
WHERE generation IN ('1', '2', '4', '7') AND account = 'ana' ORDER BY event_id;

-- a refund of such a frame is of what was paid for it
SELECT commission.reverse_generation('4', 140) IS NOT NULL;
SELECT commission.reverse_generation('4', 1);
SELECT owed('4');
SELECT account, sum(amount) FROM commission.ledger WHERE source = '4'
GROUP BY account ORDER BY account;

-- a listing that is not known is refused on a bundle frame as well
INSERT INTO frame (id, reference, bundled) VALUES (10, 'unheard of', true);
-- ... and so is a surcharge under the pool
INSERT INTO frame (id, reference, pool, surcharge, bundled) VALUES (10, 'reference', 200, 100, true);

SELECT * FROM commission.audit();

DROP TABLE frame;
DROP FUNCTION owed;

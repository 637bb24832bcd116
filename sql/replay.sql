/*
 * replay.sql
 *		A generation is known by its id (R17): the same again changes nothing,
 *		other content under the id is refused.
 */
SET timezone = 'UTC';

SELECT commission.set_model_price('banana', '2K', 20, 10);
SELECT commission.register_listing('avatar', 'owner 1', 'avatar', 100);
SELECT commission.register_listing('avatar 2', 'owner 1', 'avatar', 100);
SELECT commission.register_listing('reference', 'owner 2', 'reference', 90);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');

CREATE TABLE sale (id text, buyer text DEFAULT 'brand', avatar text DEFAULT 'avatar',
	reference text DEFAULT 'reference', run text DEFAULT 'run', images int DEFAULT 3,
	model text DEFAULT 'banana', resolution text DEFAULT '2K', price int DEFAULT 77,
	cost int DEFAULT 33, avatar_pool int DEFAULT 100, avatar_surcharge int DEFAULT 125,
	reference_pool int DEFAULT 90, reference_surcharge int DEFAULT 115,
	bundled boolean DEFAULT false, paid boolean DEFAULT true,
	at timestamptz DEFAULT '2026-02-01');
CREATE FUNCTION attach_sale() RETURNS void LANGUAGE sql AS $$
	SELECT commission.attach('sale', 'id', 'buyer', 'avatar', 'reference', 'run',
		'images', 'model', 'resolution', 'price', 'cost', 'avatar_pool',
		'avatar_surcharge', 'reference_pool', 'reference_surcharge', 'bundled',
		'paid', 'at')
$$;
SELECT attach_sale();

/* The row by the other door. */
CREATE FUNCTION record_sale(s sale) RETURNS bigint LANGUAGE sql AS $$
	SELECT commission.record_generation(s.id, s.buyer, s.avatar, s.reference, s.run,
		s.images, s.model, s.resolution, s.price, s.cost, s.avatar_pool,
		s.avatar_surcharge, s.reference_pool, s.reference_surcharge, s.bundled,
		s.paid, s.at)
$$;
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'the same';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN format('%s: %s%s', SQLSTATE, SQLERRM,
				  CASE WHEN detail <> '' THEN ' / ' || detail END);
END $$;

-- the same again, from one door to the other and back
INSERT INTO sale (id) VALUES ('by table');
SELECT count(DISTINCT record_sale(s)) AS ids FROM sale AS s, generate_series(1, 3);
SELECT record_sale(s) = (SELECT max(event_id) FROM commission.generation) AS is_its_id FROM sale AS s;
INSERT INTO sale (id) VALUES ('by table'), ('by table');
INSERT INTO sale (id) VALUES ('by table');
CREATE TEMP TABLE later AS
SELECT (jsonb_populate_record(s, '{"id": "by function"}')).* FROM sale AS s LIMIT 1;
SELECT count(DISTINCT record_sale(jsonb_populate_record(NULL::sale, to_jsonb(l)))) AS ids
FROM later AS l, generate_series(1, 2);
INSERT INTO sale TABLE later;
SELECT source, count(*) AS entries, count(DISTINCT event_id) AS events
FROM commission.ledger GROUP BY source ORDER BY source;

-- each field with other content, by each door: the first difference is named
CREATE TABLE change (n int, field text, value text);
INSERT INTO change VALUES
	(1, 'buyer', 'brand 2'), (2, 'avatar', 'avatar 2'), (3, 'avatar', NULL),
	(4, 'reference', NULL), (5, 'run', 'run 2'), (6, 'run', NULL),
	(7, 'images', '4'), (8, 'images', NULL), (9, 'model', 'banana 2'), (10, 'model', NULL),
	(11, 'resolution', '4K'), (12, 'resolution', NULL), (13, 'resolution', ''),
	(14, 'price', '78'), (15, 'price', NULL), (16, 'cost', '34'), (17, 'cost', NULL),
	(18, 'avatar_pool', '101'), (19, 'avatar_pool', NULL), (20, 'avatar_surcharge', '126'),
	(21, 'avatar_surcharge', NULL), (22, 'reference_pool', '91'), (23, 'reference_surcharge', '116'),
	(24, 'bundled', 'true'), (25, 'bundled', NULL), (26, 'paid', 'false'), (27, 'paid', NULL),
	(28, 'at', '2026-02-01 00:00:00.000001'), (29, 'at', NULL);
SELECT field, coalesce(value, 'NULL') AS value, outcome(format(
	'INSERT INTO sale (id, %I) VALUES (''by table'', %L)', field, value)) AS by_table
FROM change ORDER BY n;
SELECT field, coalesce(value, 'NULL') AS value FROM change
WHERE outcome(format('INSERT INTO sale (id, %I) VALUES (''by table'', %L)', field, value))
	IS DISTINCT FROM outcome(format(
		'SELECT record_sale(jsonb_populate_record(s, %L)) FROM sale AS s WHERE id = ''by table'' LIMIT 1',
		jsonb_build_object(field, value)));
-- of several, the first
INSERT INTO sale (id, price, buyer, at) VALUES ('by table', 1, 'brand 2', '2026-03-01');

-- within a statement, and across batches of it
INSERT INTO sale (id, price) VALUES ('twice', 50), ('twice', 51);
INSERT INTO sale (id, paid) VALUES ('twice', true), ('twice', false);
INSERT INTO sale (id) SELECT 'n ' || n % 1500 FROM generate_series(1, 4000) AS n;
INSERT INTO sale (id, price)
SELECT 'm ' || n % 1500, CASE n WHEN 1501 THEN 1 ELSE 77 END FROM generate_series(1, 4000) AS n;
SELECT split_part(generation_name, ' ', 1) AS name, count(*) FROM commission.generation
WHERE generation_name ~ '^[nm] |twice' GROUP BY 1;
-- ... under REPEATABLE READ, too: one's own row is no concurrent update
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO sale (id) VALUES ('repeated'), ('repeated');
INSERT INTO sale (id) VALUES ('repeated');
ROLLBACK;

-- what was derived is not content: prices, pools and settings may change
SELECT record_sale(jsonb_populate_record(s, '{"id": "derived", "price": null, "cost": null,
	"avatar_pool": null, "avatar_surcharge": null, "reference_pool": null, "reference_surcharge": null}'))
	AS event_id
FROM sale AS s LIMIT 1 \gset
SELECT commission.set_model_price('banana', '2K', 200, 100);
SELECT commission.register_listing('avatar', 'owner 3', 'avatar', 500, co_authors => '{"owner 1": 10}');
SELECT commission.close_account('ana');
SET commission.platform_markup_ratio = 1;
SET commission.brand_ratio = 0.1;
INSERT INTO sale (id, price, cost, avatar_pool, avatar_surcharge, reference_pool, reference_surcharge)
VALUES ('derived', NULL, NULL, NULL, NULL, NULL, NULL);
SELECT commission.record_generation('derived', 'brand', 'avatar', 'reference', 'run', 3,
	'banana', '2K', occurred_at => '2026-02-01') = :event_id AS same_id;
-- ... nor is it other content to give what had been derived
SELECT commission.record_generation('derived', 'brand', 'avatar', 'reference', 'run', 3,
	'banana', '2K', 60, 30, 100, 120, 90, 108, occurred_at => '2026-02-01') = :event_id AS same_id;
SELECT commission.record_generation('derived', 'brand', 'avatar', 'reference', 'run', 3,
	'banana', '2K', 61, occurred_at => '2026-02-01');
RESET commission.platform_markup_ratio;
RESET commission.brand_ratio;
SELECT commission.reopen_account('ana');

-- a time that is left out is not compared
SELECT commission.record_generation('timeless', 'brand', 'avatar', model_price => 20, api_cost => 10) AS event_id \gset
SELECT commission.record_generation('timeless', 'brand', 'avatar', model_price => 20, api_cost => 10) = :event_id AS same_id;

-- a solo generation counts no more: it is there all the same
SET commission.marketplace_only = off;
SELECT commission.record_generation('solo', 'brand', model_price => 20, api_cost => 10) AS event_id \gset
RESET commission.marketplace_only;
SELECT commission.record_generation('solo', 'brand', model_price => 20, api_cost => 10) = :event_id AS same_id;
SELECT commission.record_generation('solo', 'brand 2', model_price => 20, api_cost => 10);

-- one that owed nothing was not recorded: its id is free
SELECT commission.record_generation('nothing', 'brand', model_price => 20, api_cost => 10);
SELECT commission.record_generation('nothing', 'brand 2', 'avatar', model_price => 21, api_cost => 10) IS NOT NULL AS recorded;

-- a refund does not free an id
SELECT commission.reverse_generation('solo') IS NOT NULL;
SELECT commission.record_generation('solo', 'brand', model_price => 20, api_cost => 10) = :event_id AS same_id;
SELECT sum(amount) FROM commission.ledger WHERE source = 'solo';

-- the id of a row that is rolled back, or deleted
BEGIN;
INSERT INTO sale (id) VALUES ('rolled back');
ROLLBACK;
INSERT INTO sale (id, price) VALUES ('rolled back', 78);
DELETE FROM sale WHERE id = 'rolled back';
INSERT INTO sale (id, price) VALUES ('rolled back', 78);
INSERT INTO sale (id, price) VALUES ('rolled back', 79);

-- one id, however it is spelt: 7 as text and as number, a uuid in either case
SELECT commission.record_generation('7', 'brand', 'avatar', model_price => 20, api_cost => 10) AS event_id \gset
CREATE TABLE numbered (id smallint, buyer text DEFAULT 'brand', avatar text DEFAULT 'avatar',
					   price int DEFAULT 20, cost int DEFAULT 10);
SELECT commission.attach('numbered', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost');
INSERT INTO numbered (id) VALUES (7);
INSERT INTO numbered (id, price) VALUES (7, 21);
SELECT commission.record_generation('07', 'brand', 'avatar', model_price => 20, api_cost => 10) <> :event_id AS another;
SELECT commission.record_generation(' 7', 'brand', 'avatar', model_price => 20, api_cost => 10) <> :event_id AS another;
SELECT commission.record_generation('0d9a1c34-ffff-4aaa-8bbb-0123456789ab', 'brand', 'avatar', model_price => 20, api_cost => 10) =
	commission.record_generation('0D9A1C34-FFFF-4AAA-8BBB-0123456789AB', 'brand', 'avatar', model_price => 20, api_cost => 10) AS same_id;

SELECT * FROM commission.audit();

DROP TABLE sale, change, numbered CASCADE;
DROP FUNCTION attach_sale, outcome;

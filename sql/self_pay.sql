/*
 * self_pay.sql
 *		Nobody earns commission on what they bought or sold themselves (R13):
 *		the look-up skips the leg, and the database refuses the row.
 */
SET timezone = 'UTC';

CREATE FUNCTION owed(generation text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s %s', kind, amount, account), ', '
							   ORDER BY event_id, line), '-')
	FROM commission.ledger WHERE source = generation
$$;

-- ana referred the brand, the two sellers, and bought and sells herself
SELECT commission.register_listing('of seller', 'seller', 'avatar', 100);
SELECT commission.register_listing('of brand', 'brand', 'avatar', 100);
SELECT commission.register_listing('of ana', 'ana', 'avatar', 100);
SELECT commission.register_listing('ref of seller', 'seller', 'reference', 100);
SELECT commission.register_listing('ref of ana', 'ana', 'reference', 100);
SELECT commission.register_listing('with ana', 'seller', 'avatar', 100,
								   co_authors => '{"ana": 40}');
SELECT commission.register_listing('with brand', 'seller', 'avatar', 100,
								   co_authors => '{"brand": 40}');
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('brand', 'ana', 'creator', '2026-01-01');
SELECT commission.refer('seller', 'ana', 'creator', '2026-01-01');
SELECT commission.refer('ana', 'bo', 'brand', '2026-01-01');
SELECT commission.refer('ana', 'brand', 'creator', '2026-01-01');

-- the look-up skips the leg, and the sale goes through
SELECT commission.set_model_price('any', NULL, 20, 10);
CREATE TABLE sale (id text, about text, buyer text, avatar text, reference text,
				   model text DEFAULT 'any');
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', 'reference',
						 model => 'model');
INSERT INTO sale VALUES
	('1', 'both legs, for comparison', 'brand', 'of seller', NULL),
	('2', 'the earner of both is the buyer', 'ana', 'of seller', NULL),
	('3', 'the buyer owns the listing', 'brand', 'of brand', NULL),
	('4', 'the owner''s referrer is the buyer', 'brand', 'of ana', NULL),
	('5', 'the same, and another''s reference', 'brand', 'of ana', 'ref of seller'),
	('6', 'one listing of the buyer, one of another', 'brand', 'of brand', 'ref of seller'),
	('7', 'one listing of the earner, one of another', 'brand', 'of seller', 'ref of ana'),
	('8', 'the buyer owns both', 'ana', 'of ana', 'ref of ana'),
	('9', 'the earner is a co-author', 'brand', 'with ana', NULL),
	('10', 'the buyer is a co-author', 'brand', 'with brand', NULL);
SELECT id, about, owed(id) FROM sale ORDER BY id::integer;

-- the legs that were skipped, and why
SELECT commission_internal.identifier_name(generation_id) AS id, brand_leg, avatar_leg,
	reference_leg
FROM commission.generation ORDER BY event_id;

-- the row itself is refused, whoever writes it (a superuser, here)
CREATE FUNCTION id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE
	AS 'SELECT commission.account_id(name)';
\set VERBOSITY sqlstate
INSERT INTO commission.entry VALUES
	(1000, 9, '2026-01-01', id('ana'), id('ana'), NULL, 'brand', 'brand', 300000, 1);
INSERT INTO commission.entry VALUES
	(1000, 9, '2026-01-01', id('ana'), id('ana'), id('brand'), 'creator', 'creator', 200000, 1);
INSERT INTO commission.entry VALUES
	(1000, 9, '2026-01-01', id('ana'), id('seller'), id('ana'), 'creator', 'creator', 200000, 1);
INSERT INTO commission.entry VALUES
	(1000, 9, '2026-01-01', id('ana'), id('brand'), id('brand'), 'creator', 'creator', 200000, 1);
INSERT INTO commission.entry VALUES
	(1000, 9, '2026-01-01', id('ana'), id('ana'), NULL, 'first_order', 'first_order', 150000, 1),
	(1000, 9, '2026-01-01', id('ana'), id('brand'), NULL, 'first_order', 'first_order', 150000, 2);
INSERT INTO commission.entry VALUES
	(1000, -9, '2026-01-01', id('ana'), id('ana'), NULL, 'reversal', 'brand', NULL, 1);
INSERT INTO commission.entry VALUES
	(1000, -9, '2026-01-01', id('ana'), id('seller'), id('ana'), 'reversal', 'creator', NULL, 1);
-- ... under another name
INSERT INTO commission.entry VALUES
	(1000, 9, '2026-01-01', id('ana'), id('ana'), NULL, 'brand', 'pool', 300000, 1);
INSERT INTO commission.entry VALUES
	(1000, 9, '2026-01-01', id('ana'), id('ana'), NULL, 'creator', 'withdrawal', 300000, 1);
INSERT INTO commission.entry VALUES
	(1000, 9, '2026-01-01', id('ana'), NULL, NULL, 'brand', 'brand', 300000, 1);
-- ... by COPY
COPY commission.entry FROM STDIN;
1000	9	2026-01-01	045efa33-bea8-5a28-aca4-81e0f2f8a7c7	045efa33-bea8-5a28-aca4-81e0f2f8a7c7	\N	brand	brand	300000	1
\.
-- ... by MERGE
MERGE INTO commission.entry USING (VALUES (1000)) AS v (id) ON event_id = v.id
WHEN NOT MATCHED THEN INSERT VALUES
	(1000, 9, '2026-01-01', id('ana'), id('ana'), NULL, 'brand', 'brand', 300000, 1);
-- ... where triggers are off
SET session_replication_role = replica;
INSERT INTO commission.entry VALUES
	(1000, 9, '2026-01-01', id('ana'), id('ana'), NULL, 'brand', 'brand', 300000, 1);
RESET session_replication_role;
-- ... and a referral of oneself
INSERT INTO commission.referral VALUES (id('ana'), id('ana'), '2026-01-01', 'brand');
UPDATE commission.referral SET referrer_id = account_id WHERE role = 'brand';
\set VERBOSITY default
-- what is not self-pay goes in
BEGIN;
INSERT INTO commission.entry VALUES
	(1000, 9, '2026-01-01', id('ana'), id('brand'), NULL, 'brand', 'brand', 300000, 1),
	(1000, 6, '2026-01-01', id('ana'), id('seller'), id('brand'), 'creator', 'creator', 200000, 2),
	(1000, 100, '2026-01-01', id('brand'), id('brand'), NULL, 'pool', 'pool', NULL, 3);
ROLLBACK;

SELECT * FROM commission.audit();

DROP TABLE sale;
DROP FUNCTION owed, id;

/*
 * partitions.sql
 *		A partitioned table: whichever partition a row lands in, however it
 *		gets there, it accrues once.
 */
SET timezone = 'UTC';

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');

CREATE TABLE sale (id text NOT NULL, month date NOT NULL, region text NOT NULL DEFAULT 'eu',
	buyer text DEFAULT 'brand', avatar text DEFAULT 'avatar', price int DEFAULT 20, cost int DEFAULT 10,
	paid boolean DEFAULT true, UNIQUE (id, month, region)) PARTITION BY RANGE (month);
CREATE TABLE sale_1 PARTITION OF sale FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
-- one whose columns stand in another order, with one dropped
CREATE TABLE sale_2 (paid boolean, dropped text, cost int DEFAULT 10, price int DEFAULT 20,
	avatar text DEFAULT 'avatar', buyer text DEFAULT 'brand', region text NOT NULL DEFAULT 'eu',
	month date NOT NULL, id text NOT NULL);
ALTER TABLE sale_2 DROP dropped;
ALTER TABLE sale ATTACH PARTITION sale_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
-- one that is partitioned itself
CREATE TABLE sale_3 PARTITION OF sale FOR VALUES FROM ('2026-03-01') TO ('2026-04-01') PARTITION BY LIST (region);
CREATE TABLE sale_3_eu PARTITION OF sale_3 FOR VALUES IN ('eu');
CREATE TABLE sale_3_us PARTITION OF sale_3 FOR VALUES IN ('us');

SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price',
						 api_cost => 'cost', paid => 'paid');

CREATE FUNCTION owed(generation text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s %s', kind, amount, account), ', ' ORDER BY event_id, line), '-')
	FROM commission.ledger WHERE source = generation
$$;
/* The rows that lack the 109 credits they should have, or that have credits though unpaid. */
CREATE FUNCTION amiss() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s of %s, paid %s: %s', id, s.tableoid::regclass, paid, coalesce(sum(amount), 0))
	FROM sale AS s LEFT JOIN commission.ledger ON source = id
	GROUP BY s.tableoid, id, paid HAVING coalesce(sum(amount), 0) <> CASE WHEN paid THEN 109 ELSE 0 END
$$;

-- through the parent, and named directly
INSERT INTO sale (id, month) VALUES ('parent 1', '2026-01-05'), ('parent 2', '2026-02-05'), ('parent 3', '2026-03-05');
INSERT INTO sale_1 (id, month) VALUES ('direct 1', '2026-01-05');
INSERT INTO sale_2 (id, month, paid) VALUES ('direct 2', '2026-02-05', true), ('direct 2b', '2026-02-05', false);
INSERT INTO sale_3 (id, month) VALUES ('direct 3', '2026-03-05');
INSERT INTO sale_3_us (id, month, region) VALUES ('direct 3 us', '2026-03-05', 'us');
COPY sale (id, month) FROM STDIN;
copy 1	2026-01-05
copy 2	2026-02-05
\.
COPY sale_2 (id, month, paid) FROM STDIN;
copy 3	2026-02-05	true
\.
INSERT INTO sale (id, month) SELECT 'many ' || n, date '2026-01-01' + n % 90 FROM generate_series(1, 2500) AS n;
SELECT split_part(source, ' ', 1) AS road, count(DISTINCT source), sum(amount) FROM commission.ledger GROUP BY 1 ORDER BY 1;
SELECT amiss();

-- made later, attached later with rows in it (those were not sold through us)
CREATE TABLE sale_4 PARTITION OF sale FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');
INSERT INTO sale (id, month) VALUES ('later 4', '2026-04-05');
CREATE TABLE sale_5 (LIKE sale INCLUDING DEFAULTS);
INSERT INTO sale_5 (id, month) VALUES ('before it was attached', '2026-05-05');
ALTER TABLE sale ATTACH PARTITION sale_5 FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
INSERT INTO sale (id, month) VALUES ('later 5', '2026-05-05');
INSERT INTO sale_5 (id, month) VALUES ('later 5b', '2026-05-05');
CREATE TABLE sale_default PARTITION OF sale DEFAULT;
INSERT INTO sale (id, month) VALUES ('later default', '2030-05-05');
SELECT amiss();
DELETE FROM sale WHERE id = 'before it was attached';

-- paid and unpaid in place
UPDATE sale SET paid = true WHERE id = 'direct 2b';
UPDATE sale SET paid = false WHERE id IN ('parent 1', 'parent 2', 'parent 3');
UPDATE sale_3_us SET paid = false;
SELECT amiss();
SELECT owed('parent 2');

-- moved to another partition: nothing new; and paid or unpaid on the way
UPDATE sale SET month = '2026-02-06' WHERE id = 'direct 1';
UPDATE sale SET region = 'us' WHERE id = 'direct 3';
SELECT owed('direct 1'), owed('direct 3');
UPDATE sale SET month = '2026-01-06', paid = false WHERE id = 'direct 1';
SELECT owed('direct 1');
UPDATE sale SET month = '2026-02-06', paid = true WHERE id = 'direct 1';
SELECT owed('direct 1');
UPDATE sale SET month = '2026-02-06' WHERE id = 'parent 1';
SELECT owed('parent 1');
INSERT INTO sale (id, month, paid) VALUES ('unpaid', '2026-01-05', false);
UPDATE sale SET month = '2026-02-06' WHERE id = 'unpaid';
SELECT owed('unpaid');
UPDATE sale SET month = '2026-03-06', paid = true WHERE id = 'unpaid';
SELECT owed('unpaid');
UPDATE sale SET month = month + 31, paid = NOT paid WHERE id LIKE 'many %' AND month < '2026-02-01';
SELECT amiss();
-- ... with other content: a move compares nothing
UPDATE sale SET month = '2026-01-06', price = 21 WHERE id = 'direct 1';

-- ON CONFLICT and MERGE
INSERT INTO sale (id, month) VALUES ('conflict', '2026-01-05'), ('conflict', '2026-01-05') ON CONFLICT DO NOTHING;
INSERT INTO sale (id, month, paid) VALUES ('conflict', '2026-01-05', false)
ON CONFLICT (id, month, region) DO UPDATE SET paid = excluded.paid;
SELECT owed('conflict');
MERGE INTO sale USING (VALUES ('conflict'), ('merged')) AS v (id) ON sale.id = v.id
WHEN MATCHED THEN UPDATE SET paid = true, month = '2026-03-05'
WHEN NOT MATCHED THEN INSERT (id, month) VALUES (v.id, '2026-04-01');
SELECT owed('conflict'), owed('merged');
SELECT amiss();

-- one id in two partitions is one generation
INSERT INTO sale (id, month) VALUES ('twice', '2026-01-05'), ('twice', '2026-02-05');
SELECT owed('twice');
INSERT INTO sale (id, month, price) VALUES ('twice', '2026-03-05', 21);
DELETE FROM sale WHERE id = 'twice';

-- a partition that leaves is not attached any more
ALTER TABLE sale DETACH PARTITION sale_4;
INSERT INTO sale_4 (id, month) VALUES ('left', '2026-04-05');
SELECT owed('left');
-- ... the audit tells, until it is attached, or out of the way; a table like it that holds no recorded sale is none
CREATE TABLE staging (LIKE sale INCLUDING ALL);
SELECT * FROM commission.audit();
CREATE SCHEMA regress_commission_archive;
ALTER TABLE sale_4 SET SCHEMA regress_commission_archive;
SELECT * FROM commission.audit();
ALTER TABLE regress_commission_archive.sale_4 SET SCHEMA public;
DROP SCHEMA regress_commission_archive;
DROP TABLE staging;

-- a table that is attached itself cannot become a partition of one that is
SELECT commission.attach('sale_4', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost');
ALTER TABLE sale ATTACH PARTITION sale_4 FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');
SELECT commission.detach('sale_4');
ALTER TABLE sale ATTACH PARTITION sale_4 FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');

-- ... where the other is not attached yet, the audit tells
CREATE TABLE other (id text, buyer text) PARTITION BY LIST (id);
CREATE TABLE other_1 (id text, buyer text);
SELECT commission.attach('other_1', 'id', 'buyer');
ALTER TABLE other ATTACH PARTITION other_1 DEFAULT;
SELECT * FROM commission.audit();
SELECT commission.detach('other_1');
SELECT commission.attach('other', 'id', 'buyer');
SELECT * FROM commission.audit();
SELECT commission.attach('other_1', 'id', 'buyer');
SELECT commission.detach('other_1');

-- detach takes the triggers off all of them
SELECT commission.detach('sale');
SELECT commission.detach('other');
SELECT count(*) AS triggers FROM pg_trigger WHERE tgname LIKE 'commission%';
INSERT INTO sale (id, month) VALUES ('detached', '2026-01-05');
SELECT owed('detached');

SELECT * FROM commission.audit();
DROP TABLE sale, other;
DROP FUNCTION owed, amiss;

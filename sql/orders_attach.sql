/*
 * orders_attach.sql
 *		attach_orders() on plain and partitioned tables: the roads by which
 *		rows come in, the types that carry a kind, the paid column.
 */
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT count(*) FILTER (WHERE commission.refer(n::text, 'ana', 'brand', '2026-01-01')) AS customers
FROM generate_series(1, 700) AS n;
RESET client_min_messages;
CREATE VIEW recorded AS
	SELECT o.event_id, commission_internal.identifier_name(o.order_id) AS id,
		commission_internal.identifier_name(o.customer_id) AS customer, o.kind, l.kind AS entry,
		l.amount AS earned, l.event_id AS entry_id
	FROM commission.customer_order AS o
	LEFT JOIN commission.ledger AS l ON commission.account_id(l.source) = o.order_id;

-- the column of a kind may be text, varchar, commission.order_kind or an enum of one's own
CREATE TYPE paid_for AS ENUM ('renewal', 'trial', 'first_order', 'upgrade');
CREATE DOMAIN why AS text;
CREATE TABLE typed (id bigint, customer bigint, cents numeric(12, 2), "text" text,
	"varchar" varchar(20), "order_kind" commission.order_kind, "enum" paid_for, "domain" why,
	"char" char(11), "integer" int);
CREATE FUNCTION insert_kind(type text, n bigint, kind text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM commission.attach_orders('typed', 'id', 'customer', 'cents', type::name);
	EXECUTE format('INSERT INTO typed (id, customer, cents, %I) VALUES (%s, %s, 1000, %L)', type, n, n, kind);
	PERFORM commission.detach('typed');
	RETURN (SELECT r.kind FROM recorded AS r WHERE id = n::text);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END $$;
SELECT type, insert_kind(type, n * 10, 'renewal') AS renewal, insert_kind(type, n * 10 + 1, NULL) AS left_out,
	insert_kind(type, n * 10 + 2, 'trial') AS trial
FROM unnest(ARRAY['text', 'varchar', 'order_kind', 'enum', 'domain', 'char', 'integer']) WITH ORDINALITY AS t (type, n);
SELECT commission.attach_orders('typed', 'id', 'customer', 'cents');
INSERT INTO typed VALUES (90, 90, 19.99);
SELECT commission.attach_orders('typed', 'id', 'customer', 'cents');
SELECT commission.attach('typed', 'id', 'customer');
SELECT commission.detach('typed');
SELECT commission.attach_orders('typed', 'id', 'customer', 'price');
SELECT commission.attach_orders('typed', 'id', 'customer', NULL);

-- the same roads into a plain and into a partitioned table
CREATE TABLE plain (id int, customer int, amount int, kind text, plan text, at timestamptz, paid boolean,
	PRIMARY KEY (id));
CREATE TABLE parted (LIKE plain, PRIMARY KEY (id, customer)) PARTITION BY LIST (customer);
CREATE TABLE parted_100 PARTITION OF parted FOR VALUES IN (101);
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
CREATE TABLE bought (LIKE plain);
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE statement;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n || ' rows';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END $$;
CREATE PROCEDURE by_all_roads(shop text, first int) LANGUAGE plpgsql AS $$
DECLARE
	road text;
BEGIN
	EXECUTE format('SELECT commission.attach_orders(%L, ''id'', ''customer'', ''amount'', ''kind'', ''plan'', ''at'', ''paid'')', shop);
	TRUNCATE bought;
	INSERT INTO bought VALUES (first + 1, first + 1, 1999, NULL, NULL, '2026-02-01', true),
		(first + 10, first + 3, 1999, NULL, NULL, '2026-02-01', true);
	FOREACH road IN ARRAY ARRAY[
		-- one row; several of one customer, the first of them before the others
		'INSERT INTO %1$s VALUES (%2$s + 1, %2$s + 1, 1999, NULL, ''Pro'', ''2026-02-01'', true)',
		'INSERT INTO %1$s VALUES (%2$s + 2, %2$s + 2, 1999, NULL, ''Pro'', ''2026-02-01'', true),'
		' (%2$s + 3, %2$s + 2, 1999, NULL, ''Pro'', ''2026-03-01'', true),'
		' (%2$s + 4, %2$s + 2, 1999, ''upgrade'', ''Scale'', ''2026-03-01'', true)',
		-- a second first order fails the statement
		'INSERT INTO %1$s VALUES (%2$s + 5, %2$s + 3, 1999, ''renewal'', NULL, ''2026-02-01'', true),'
		' (%2$s + 6, %2$s + 3, 1999, ''first_order'', NULL, ''2026-02-01'', true),'
		' (%2$s + 7, %2$s + 3, 1999, ''first_order'', NULL, ''2026-02-01'', true)',
		'INSERT INTO %1$s SELECT * FROM bought ON CONFLICT DO NOTHING',
		'INSERT INTO %1$s VALUES (%2$s + 10, %2$s + 3, 1999, NULL, NULL, ''2026-02-01'', true)'
		' ON CONFLICT (%3$s) DO UPDATE SET plan = ''Pro''',
		'MERGE INTO %1$s AS s USING (VALUES (%2$s + 10), (%2$s + 11)) AS n (id) ON s.id = n.id'
		' WHEN MATCHED THEN UPDATE SET plan = ''Scale'''
		' WHEN NOT MATCHED THEN INSERT VALUES (n.id, %2$s + 3, 1999, NULL, NULL, ''2026-03-01'', true)',
		-- unpaid, paid, unpaid, paid again; a refund in between stays
		'INSERT INTO %1$s VALUES (%2$s + 12, %2$s + 4, 1999, NULL, NULL, ''2026-02-01'', false)',
		'INSERT INTO %1$s VALUES (%2$s + 13, %2$s + 4, 1999, NULL, NULL, ''2026-02-01'', true)',
		'UPDATE %1$s SET paid = true WHERE id = %2$s + 12',
		'UPDATE %1$s SET paid = false WHERE customer = %2$s + 4',
		'UPDATE %1$s SET paid = true WHERE id = %2$s + 12',
		'SELECT commission.reverse_order((%2$s + 12)::text, 1000)',
		'UPDATE %1$s SET paid = false WHERE id = %2$s + 12',
		'UPDATE %1$s SET paid = true WHERE id = %2$s + 12']
	LOOP
		RAISE NOTICE '% -> %', format(road, shop, 'n', 'key'),
			outcome(format(road, shop, first, CASE shop WHEN 'plain' THEN 'id' ELSE 'id, customer' END));
	END LOOP;
END $$;
CALL by_all_roads('plain', 200);
CALL by_all_roads('parted', 100);
SELECT id::int - 200 AS n, kind, entry, earned FROM recorded
WHERE id::int BETWEEN 200 AND 299 ORDER BY event_id, entry_id;
-- into either table the same
SELECT count(*) AS differences FROM (
	(SELECT id::int - 200, customer::int - 200, kind, entry, earned FROM recorded WHERE id::int BETWEEN 200 AND 299
	 EXCEPT ALL
	 SELECT id::int - 100, customer::int - 100, kind, entry, earned FROM recorded WHERE id::int BETWEEN 100 AND 199)
	UNION ALL
	(SELECT id::int - 100, customer::int - 100, kind, entry, earned FROM recorded WHERE id::int BETWEEN 100 AND 199
	 EXCEPT ALL
	 SELECT id::int - 200, customer::int - 200, kind, entry, earned FROM recorded WHERE id::int BETWEEN 200 AND 299)
) AS difference;

-- COPY, straight into a partition too
COPY plain FROM stdin WITH (NULL '-');
301	301	1999	-	Pro	2026-02-01	t
302	301	1999	-	Pro	2026-03-01	t
\.
COPY parted_rest FROM stdin WITH (NULL '-');
303	303	1999	-	Pro	2026-02-01	t
304	303	1999	upgrade	Scale	2026-03-01	t
\.
SELECT id, customer, kind, entry, earned FROM recorded WHERE id::int BETWEEN 301 AND 304 ORDER BY event_id;

-- 12 months of 300 customers in one statement, that is in four batches: each has one first order
INSERT INTO plain SELECT 1000 + m * 300 + c, 400 + c, 1999, NULL, 'Pro', '2026-02-01'::timestamptz + m * interval '1 month', true
FROM generate_series(0, 11) AS m, generate_series(0, 299) AS c ORDER BY m, c;
SELECT kind, count(*) AS orders, count(DISTINCT customer) AS customers, sum(earned) AS earned,
	bool_and(id::int < 1300) AS is_the_first
FROM recorded WHERE id::int BETWEEN 1000 AND 4599 GROUP BY kind ORDER BY kind;
SELECT * FROM commission.project_subscription(1999, 11);

-- detached, nothing accrues
SELECT commission.detach('plain');
INSERT INTO plain VALUES (5000, 400, 1999, NULL, 'Pro', '2026-02-01', true);
UPDATE plain SET paid = false WHERE id = 1000;
SELECT count(*) FROM recorded WHERE id = '5000';
SELECT * FROM commission.audit();

DROP TABLE plain, parted, bought, typed;
DROP PROCEDURE by_all_roads;
DROP FUNCTION outcome, insert_kind;
DROP VIEW recorded;
DROP EXTENSION commission CASCADE;
DROP TYPE paid_for;
DROP DOMAIN why;

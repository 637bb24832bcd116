/*
 * backfill.sql
 *		A table that was there before: its sales come into the ledger in the
 *		order of their time, once each; and where it stops, it goes on.
 */
SET timezone = 'UTC';

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01') AS brand, commission.refer('seller', 'bo', 'creator', '2026-01-01') AS creator;
CREATE TABLE sale (id int, buyer text DEFAULT 'brand', avatar text DEFAULT 'avatar', prompt text, price numeric DEFAULT 20, cost int DEFAULT 10,
	paid boolean DEFAULT true, at timestamp);
INSERT INTO sale (id, at, paid) SELECT n, timestamp '2026-03-01' - n * interval '1 minute', n % 10 <> 0 FROM generate_series(1, 11000) AS n;

-- what must be there first
CALL commission.backfill('sale');
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost', paid => 'paid');
CALL commission.backfill('sale');
SELECT commission.detach('sale');
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost', paid => 'paid', occurred_at => 'at');
CALL commission.backfill(NULL);
BEGIN;
CALL commission.backfill('sale');
ROLLBACK;
CREATE FUNCTION in_a_function() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL commission.backfill('sale'); END $$;
SELECT in_a_function();
DROP FUNCTION in_a_function;

-- since a time; and what commits around it is no transaction block
CALL commission.backfill('sale', '2026-02-28 23:00Z');
DO $$ BEGIN CALL commission.backfill('sale', '2026-02-28 22:00Z'); END $$;
SELECT count(*), count(DISTINCT source), min(occurred_at), max(occurred_at) FROM commission.ledger;

-- an error names the sale, and what was committed stays
UPDATE sale SET avatar = 'unknown' WHERE id = 991;
CALL commission.backfill('sale');
SELECT count(DISTINCT source) FROM commission.ledger;
UPDATE sale SET avatar = 'avatar' WHERE id = 991;
CALL commission.backfill('sale');
CREATE VIEW books AS
	SELECT count(DISTINCT source) AS sales, sum(amount) AS credits, min(occurred_at), max(occurred_at) FILTER (WHERE kind <> 'reversal')
	FROM commission.ledger;
TABLE books;
-- ... in the order of their time
SELECT count(*) AS out_of_order FROM (
	SELECT occurred_at < lag(occurred_at) OVER (ORDER BY event_id) AS is_earlier FROM commission.generation
	WHERE occurred_at < '2026-02-28 22:00Z') AS g
WHERE is_earlier;
-- once each
CALL commission.backfill('sale');
TABLE books;
SELECT * FROM commission.audit();

-- what was unpaid and is paid later, and the other way round; a refund
UPDATE sale SET paid = true WHERE id = 10;
UPDATE sale SET paid = false WHERE id = 11;
SELECT commission.reverse_generation('12', 70) IS NOT NULL AS refunded;
INSERT INTO sale (id, at) VALUES (0, '2026-03-02');
CALL commission.backfill('sale');
SELECT source, sum(amount) FROM commission.ledger WHERE source IN ('0', '10', '11', '12') GROUP BY source ORDER BY source;
TABLE books;
-- of two rows with one id, one is the sale
INSERT INTO sale (id, at, paid) VALUES (-1, '2026-03-03', false);
SELECT commission.detach('sale');
INSERT INTO sale (id, at) VALUES (-1, '2026-03-03'), (-1, '2026-03-03');
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost', paid => 'paid', occurred_at => 'at');
CALL commission.backfill('sale', '2026-03-03');
SELECT source, sum(amount) FROM commission.ledger WHERE source = '-1' GROUP BY source;
SELECT * FROM commission.audit();

-- orders: the customer's first is the first of them
CREATE TABLE bill (no text PRIMARY KEY, customer text, cents int, at timestamptz) PARTITION BY HASH (no);
CREATE TABLE bill_0 PARTITION OF bill FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE bill_1 PARTITION OF bill FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO bill SELECT 'b' || n, 'brand', 1999, '2026-03-01'::timestamptz - n * interval '1 day' FROM generate_series(1, 5) AS n;
SELECT commission.attach_orders('bill', 'no', 'customer', 'cents', occurred_at => 'at');
CALL commission.backfill('bill', '2026-02-26 00:00Z');
SELECT source, kind, amount, occurred_at FROM commission.ledger WHERE source LIKE 'b%' ORDER BY event_id;

-- who may: whoever may attach, on what they may read
CREATE ROLE regress_commission_writer;
SELECT commission.grant_writer('regress_commission_writer');
SET ROLE regress_commission_writer;
CALL commission.backfill('bill');
RESET ROLE;
GRANT SELECT ON bill TO regress_commission_writer;
SET ROLE regress_commission_writer;
SET default_transaction_isolation = 'repeatable read';
CALL commission.backfill('bill');
RESET default_transaction_isolation;
RESET ROLE;
SELECT source, kind, amount FROM commission.ledger WHERE source LIKE 'b%' ORDER BY event_id;
SELECT * FROM commission.audit();
-- nothing is left of it
SELECT count(*) FROM pg_cursors;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';
SHOW deadlock_timeout;

DROP VIEW books;
DROP TABLE sale, bill;
DROP EXTENSION commission CASCADE;
DROP OWNED BY regress_commission_writer;
DROP ROLE regress_commission_writer;

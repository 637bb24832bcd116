/*
 * subscription_year.sql
 *		A year of two customers, as the affiliate who referred them sees it.
 *
 * The programme pays 15 % of a first order, 8 % of each renewal and 10 % of an
 * upgrade, each order rounded half up to the credit (R3, R30).
 */
SET timezone = 'UTC';
SET datestyle = ISO;

-- what a referral is worth: $19.99 or $149.99 a month, kept for a year
SELECT plan, p.*
FROM (VALUES ('Pro', 1999), ('Scale', 14999)) AS price (plan, cents),
	commission.project_subscription(cents, 11) AS p;

-- the shop's own table; where the kind is left out it is first order, then renewal
CREATE TABLE orders (
	id int PRIMARY KEY,
	customer text NOT NULL,
	cents int NOT NULL,
	kind text,
	plan text NOT NULL,
	paid_at timestamptz NOT NULL);
SELECT commission.attach_orders('orders', order_id => 'id', customer => 'customer',
	amount => 'cents', kind => 'kind', plan => 'plan', occurred_at => 'paid_at');

-- ana refers two customers
SELECT commission.refer('maria', 'ana', 'brand', '2025-01-05');
SELECT commission.refer('tom', 'ana', 'brand', '2025-02-20');

-- maria takes Pro in January and renews it, upgrades to Scale in July and stays
INSERT INTO orders
SELECT 100 + m, 'maria', 1999, NULL, 'Pro', make_timestamptz(2025, m, 10, 12, 0, 0)
FROM generate_series(1, 6) AS m;
INSERT INTO orders VALUES (107, 'maria', 14999, 'upgrade', 'Scale', '2025-07-10 12:00');
INSERT INTO orders
SELECT 100 + m, 'maria', 14999, NULL, 'Scale', make_timestamptz(2025, m, 10, 12, 0, 0)
FROM generate_series(8, 12) AS m;

-- tom had bought before ana referred him: that order earns her nothing, but it was his
-- first; he renews in March, pauses until September, and goes on
INSERT INTO orders VALUES
	(201, 'tom', 1999, NULL, 'Pro', '2025-02-01 09:00'),
	(203, 'tom', 1999, NULL, 'Pro', '2025-03-01 09:00'),
	(209, 'tom', 1999, NULL, 'Pro', '2025-09-01 09:00'),
	(211, 'tom', 1999, NULL, 'Pro', '2025-11-30 23:59:59.9');

-- a payment provider delivers an order late, and another one twice
INSERT INTO orders VALUES (210, 'tom', 1999, NULL, 'Pro', '2025-10-01 09:00');
SELECT commission.record_order('209', 'tom', 1999, plan => 'Pro', occurred_at => '2025-09-01 09:00') =
	(SELECT event_id FROM commission.ledger WHERE source = '209') AS known_already;

-- maria gets back half of December, tom all of November: here the shop records its
-- refunds as they happen, that is today
SELECT commission.reverse_order('112', 7500, 'half a month of downtime') IS NOT NULL AS refunded;
SELECT commission.reverse_order('211') IS NOT NULL AS refunded;

-- the affiliate's year, a month in a row
SELECT month, active_referrals, first_orders, renewals, upgrades, amount
FROM commission.monthly_subscription
WHERE account = 'ana' AND month < '2026-01-01' ORDER BY month;
-- the refunds stand in the month in which they were given, and change no other
SELECT active_referrals, first_orders, renewals, upgrades, amount
FROM commission.monthly_subscription
WHERE account = 'ana' AND month = date_trunc('month', now());
-- one month
SELECT active_referrals, first_orders, renewals, upgrades, amount
FROM commission.monthly_subscription WHERE account = 'ana' AND month = '2025-07-01';

-- all months add up to the earnings card, and the card to the ledger
SELECT e.subscription_lifetime, (SELECT sum(amount) FROM commission.monthly_subscription AS m WHERE m.account = e.account) AS months,
	(SELECT sum(amount) FROM commission.ledger AS l WHERE l.account = e.account) AS ledger
FROM commission.earnings AS e WHERE account = 'ana';
-- what was earned by whom
SELECT from_account, counts_as, count(*) FILTER (WHERE kind <> 'reversal') AS orders, sum(amount) AS amount
FROM commission.ledger WHERE account = 'ana'
GROUP BY from_account, counts_as ORDER BY from_account, counts_as;

-- an order that is refunded in full within its month does not count in it
BEGIN;
SELECT commission.refer('eve', 'bo', 'brand', '2025-01-01');
SELECT commission.record_order('301', 'eve', 1999) IS NOT NULL AS paid;
SELECT active_referrals, first_orders, renewals, upgrades, amount
FROM commission.monthly_subscription WHERE account = 'bo';
SELECT commission.reverse_order('301', 1998) IS NOT NULL AS refunded;
SELECT commission.reverse_order('301') IS NOT NULL AS refunded;
SELECT active_referrals, first_orders, renewals, upgrades, amount
FROM commission.monthly_subscription WHERE account = 'bo';
COMMIT;

-- one account's months are read by index
SET enable_seqscan = off;
SET enable_bitmapscan = off;
CREATE FUNCTION scans(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		IF line ~ '(Scan using|Seq Scan|Index Cond)' THEN
			RETURN NEXT regexp_replace(line, '^[ >-]+', '');
		END IF;
	END LOOP;
END $$;
SELECT * FROM scans($$SELECT * FROM commission.monthly_subscription WHERE account = 'ana'$$);
DROP FUNCTION scans;
RESET enable_seqscan;
RESET enable_bitmapscan;

-- and the books are right
SELECT * FROM commission.audit();

DROP TABLE orders;
DROP EXTENSION commission;

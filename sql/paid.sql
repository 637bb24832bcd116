/*
 * paid.sql
 *		A sale that is paid later, made unpaid again, paid again (R14), and
 *		refunds (R21).
 */
SET timezone = 'UTC';

CREATE FUNCTION owed(generation text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s %s', kind, amount, account), ', '
							   ORDER BY event_id, line), '-')
	FROM commission.ledger WHERE source = generation
$$;
/* What each account has of a generation now. */
CREATE FUNCTION has(generation text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('%s %s', account, sum), ', ' ORDER BY account)
	FROM (SELECT account, sum(amount) FROM commission.ledger
		  WHERE source = generation GROUP BY account) AS s
$$;
SELECT commission.register_listing('avatar', 'seller', 'avatar', 100,
								   co_authors => '{"bo": 33}');
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('seller', 'cy', 'creator', '2026-01-01');

CREATE DOMAIN settled AS boolean;
CREATE TABLE sale (id text PRIMARY KEY, buyer text DEFAULT 'brand', avatar text DEFAULT 'avatar',
	price int DEFAULT 20, cost int DEFAULT 10, at timestamptz DEFAULT '2026-02-01',
	"Is ""paid""?" settled DEFAULT false, note text);
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price',
						 api_cost => 'cost', paid => 'Is "paid"?', occurred_at => 'at');
CREATE ROLE regress_commission_app;
GRANT INSERT, SELECT, UPDATE ON sale TO regress_commission_app;

-- unpaid, paid, unpaid, paid: by the application's role
SET ROLE regress_commission_app;
INSERT INTO sale (id) VALUES ('a');
RESET ROLE;
SELECT owed('a');
SET ROLE regress_commission_app;
UPDATE sale SET "Is ""paid""?" = true WHERE id = 'a';
RESET ROLE;
SELECT owed('a');
SET ROLE regress_commission_app;
UPDATE sale SET "Is ""paid""?" = false WHERE id = 'a';
RESET ROLE;
SELECT owed('a'), has('a');
SET ROLE regress_commission_app;
UPDATE sale SET "Is ""paid""?" = true WHERE id = 'a';
RESET ROLE;
SELECT owed('a'), has('a');
SET ROLE regress_commission_app;
UPDATE sale SET "Is ""paid""?" = NULL WHERE id = 'a';
UPDATE sale SET "Is ""paid""?" = false WHERE id = 'a';
UPDATE sale SET "Is ""paid""?" = NULL WHERE id = 'a';
RESET ROLE;
SELECT has('a'), count(*) AS events FROM commission.reversal;
-- what the reversals were, and when
SELECT refunded, unpaid, reason, occurred_at >= '2026-02-01' AS at FROM commission.reversal ORDER BY event_id;
-- lists: what is left of it
SELECT account, lifetime, brand_lifetime, creator_lifetime, pool_lifetime FROM commission.earnings ORDER BY account;
SELECT account, amount, headline FROM commission.recent_commission ORDER BY account;
SELECT account, brand_amount, creator_amount, reversed, refunded FROM commission.commission_detail ORDER BY account;

-- other columns may change as they like; what they say when paid is changed counts
INSERT INTO sale (id, price) VALUES ('b', 1);
UPDATE sale SET price = 2, note = 'unpaid yet' WHERE id = 'b';
UPDATE sale SET price = 20, "Is ""paid""?" = true WHERE id = 'b';
UPDATE sale SET note = 'paid' WHERE id = 'b';
SELECT owed('b');
-- ... but not when it is changed again: a recorded sale is followed, not compared
UPDATE sale SET price = 21, "Is ""paid""?" = false WHERE id = 'b';
UPDATE sale SET price = 21 WHERE id = 'b';
UPDATE sale SET "Is ""paid""?" = false WHERE id = 'b';
UPDATE sale SET price = 20 WHERE id = 'b';

-- many at once, more than a batch; a statement that pays some and unpays others
INSERT INTO sale (id, "Is ""paid""?") SELECT 'n ' || n, n % 2 = 0 FROM generate_series(1, 2500) AS n;
UPDATE sale SET "Is ""paid""?" = NOT "Is ""paid""?" WHERE id LIKE 'n %';
SELECT sum(amount), count(*) FILTER (WHERE kind = 'reversal') > 0 AS reversed,
	count(DISTINCT source) FROM commission.ledger WHERE source LIKE 'n %' ;
SELECT 1250 * 115 AS expected;

-- upserts
INSERT INTO sale (id) VALUES ('c');
INSERT INTO sale (id, "Is ""paid""?") VALUES ('c', true)
ON CONFLICT (id) DO UPDATE SET "Is ""paid""?" = excluded."Is ""paid""?";
SELECT owed('c');

-- a rollback takes all of it back
BEGIN;
UPDATE sale SET "Is ""paid""?" = false WHERE id = 'c';
SAVEPOINT s;
UPDATE sale SET "Is ""paid""?" = true WHERE id = 'c';
ROLLBACK TO s;
SELECT has('c');
ROLLBACK;
SELECT has('c');
-- within a transaction: each step counts
BEGIN;
INSERT INTO sale (id) VALUES ('d');
UPDATE sale SET "Is ""paid""?" = true WHERE id = 'd';
UPDATE sale SET "Is ""paid""?" = false WHERE id = 'd';
UPDATE sale SET "Is ""paid""?" = true WHERE id = 'd';
COMMIT;
SELECT has('d');

-- made unpaid after the referrer was closed, the price changed, and back
SELECT commission.close_account('ana');
SELECT commission.register_listing('avatar', 'other', 'avatar', 200);
SET commission.brand_ratio = 0.5;
UPDATE sale SET "Is ""paid""?" = false WHERE id = 'd';
SELECT has('d');
UPDATE sale SET "Is ""paid""?" = true WHERE id = 'd';
SELECT has('d');
RESET commission.brand_ratio;
SELECT commission.reopen_account('ana');

-- another door says unpaid: other content, not a reversal
SELECT commission.record_generation('d', 'brand', 'avatar', model_price => 20, api_cost => 10,
									paid => false, occurred_at => '2026-02-01');
-- ... unless it is unpaid by now
UPDATE sale SET "Is ""paid""?" = false WHERE id = 'd';
SELECT commission.record_generation('d', 'brand', 'avatar', model_price => 20, api_cost => 10,
									paid => false, occurred_at => '2026-02-01') IS NOT NULL AS same;

-- refunds: each step takes what keeps everyone at floor(a * (t - r) / t)
SELECT commission.reverse_generation('c', 1, 'goodwill') IS NOT NULL;
SELECT has('c');
SELECT commission.reverse_generation('c', 69) IS NOT NULL;
SELECT has('c');
-- ... and with the paid column: what is left goes, and only that comes back
UPDATE sale SET "Is ""paid""?" = false WHERE id = 'c';
SELECT has('c'), commission.reverse_generation('c') IS NULL AS nothing_left;
SELECT commission.reverse_generation('c', 1);
UPDATE sale SET "Is ""paid""?" = true WHERE id = 'c';
SELECT has('c');
SELECT commission.reverse_generation('c', 71);
SELECT commission.reverse_generation('c') IS NOT NULL;
SELECT has('c');
SELECT commission.reverse_generation('c');
UPDATE sale SET "Is ""paid""?" = false WHERE id = 'c';
UPDATE sale SET "Is ""paid""?" = true WHERE id = 'c';
SELECT has('c');

-- a refund in many steps takes back exactly what was given
SELECT count(commission.reverse_generation('n 1', 1)) FROM generate_series(1, 140);
SELECT has('n 1');

-- wrong refunds
\set VERBOSITY sqlstate
SELECT commission.reverse_generation('unheard of');
SELECT commission.reverse_generation(NULL);
SELECT commission.reverse_generation('');
SELECT commission.reverse_generation('b', 0);
SELECT commission.reverse_generation('b', -1);
SELECT commission.reverse_generation('b', 141);
SELECT commission.reverse_generation('b', 9223372036854775807);
\set VERBOSITY default

SELECT * FROM commission.audit();

DROP TABLE sale;
DROP DOMAIN settled;
DROP FUNCTION owed, has;
DROP ROLE regress_commission_app;

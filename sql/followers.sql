/*
 * followers.sql
 *		Other systems follow the ledger, each change once and in one order
 *		(R49).
 */
SET timezone = 'UTC';
SET commission.minimum_payout = 1;

SELECT * FROM commission.next_changes('webhook');
SELECT consumer, position, acknowledged_at, changes_behind, behind_since FROM commission.consumer_status;

-- what happens in a day, and what the follower is told of it
SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT commission.record_generation('g1', 'brand', 'avatar', model_price => 20, api_cost => 10, occurred_at => '2026-02-01') > 0 AS sold;
SELECT commission.record_order('o1', 'brand', 1999, occurred_at => '2026-02-02') > 0 AS ordered;
SELECT commission.reverse_generation('g1', 70, 'too dark') > 0 AS refunded;
SELECT commission.request_withdrawal('seller', 10, 'paypal', 'seller@shop.example') AS w1 \gset
SELECT commission.request_withdrawal('seller', 20, 'bank', 'DE89') AS w2 \gset
SELECT commission.approve_withdrawal(:w1), commission.approve_withdrawal(:w2);
SELECT commission.open_payout_batch() > 0 AS opened;
SELECT commission.remove_from_batch(:w1);
SELECT commission.pay_withdrawal(:w1, 'transfer 1');
SELECT commission.mark_withdrawal_unknown(:w2), commission.fail_withdrawal(:w2, 'no such account');
SELECT position, what, account, amount, CASE WHEN source ~ '^\d+$' THEN 'a withdrawal' ELSE source END AS source, line
FROM commission.next_changes('webhook');
SELECT position, detail FROM commission.next_changes('webhook');
SELECT changes_behind, behind_since < now() AS since FROM commission.consumer_status;

-- the same until it is acknowledged, n at a time
SELECT position, what FROM commission.next_changes('webhook', 2);
SELECT position, what FROM commission.next_changes('webhook', 2);
SELECT commission.acknowledge('webhook', 2);
SELECT position, what FROM commission.next_changes('webhook', 2);
SELECT commission.acknowledge('webhook', 1);
SELECT position, changes_behind FROM commission.consumer_status;

-- each consumer has the whole ledger, and what adds up to its balances
SELECT account, sum(amount) FROM commission.next_changes('accounting') GROUP BY account ORDER BY account;
SELECT account, sum(amount) FROM commission.ledger GROUP BY account ORDER BY account;
SELECT commission.acknowledge('accounting', max(position)) FROM commission.next_changes('accounting');
SELECT count(*) FROM commission.next_changes('accounting');
SELECT commission.record_generation('g2', 'brand', 'avatar', model_price => 20, api_cost => 10, occurred_at => '2026-02-03') > 0 AS sold;
SELECT position, source, line FROM commission.next_changes('accounting');
SELECT consumer, position, changes_behind FROM commission.consumer_status ORDER BY consumer;

-- another node counts from a beginning of its own, and who follows it goes on there
SELECT commission.acknowledge('accounting', max(position)) FROM commission.next_changes('accounting');
SET commission.node_id = 32767;
SELECT commission.record_generation('g3', 'brand', 'avatar', model_price => 20, api_cost => 10, occurred_at => '2026-02-04') > 0 AS sold;
SELECT position >> 48 AS node, position & 281474976710655 AS position, source, line FROM commission.next_changes('accounting');
SELECT commission.acknowledge('accounting', max(position)) FROM commission.next_changes('accounting');
SELECT consumer, changes_behind FROM commission.consumer_status ORDER BY consumer;
RESET commission.node_id;

-- many events are many batches, and no position is left out
SELECT count(commission.record_generation('many ' || i, 'brand', 'avatar', model_price => 20, api_cost => 10)) AS sales
FROM generate_series(1, 6000) AS i;
CREATE PROCEDURE follow(consumer text, n integer) LANGUAGE plpgsql AS $$
DECLARE
	last bigint;
BEGIN
	LOOP
		INSERT INTO followed SELECT follow.consumer, c.* FROM commission.next_changes(consumer, n) AS c;
		SELECT max(f.position) INTO last FROM followed AS f WHERE f.consumer = follow.consumer AND f.position < 1::bigint << 48;
		EXIT WHEN last = (SELECT c.position FROM commission.consumer AS c WHERE c.consumer = follow.consumer);
		PERFORM commission.acknowledge(consumer, last);
	END LOOP;
END $$;
CREATE TABLE followed AS SELECT 'x' AS consumer, c.* FROM commission.next_changes('picky') AS c LIMIT 0;
CALL follow('picky', 2500);
SELECT consumer, count(*), count(DISTINCT position), min(position), max(position), count(DISTINCT (event_id, coalesce(line, 0)))
FROM followed GROUP BY consumer ORDER BY consumer;
SELECT count(*) FROM commission.entry WHERE event_id < 1::bigint << 48;
SELECT position, event_id, line FROM commission_internal.changes(1, 20000)
EXCEPT SELECT position, event_id, line FROM followed;
SELECT count(*) AS batches FROM commission.change_batch;

-- what is refused
\set SHOW_CONTEXT never
SELECT commission.acknowledge('webhook', 1000000);
SELECT commission.acknowledge('nobody', 1);
SELECT commission.acknowledge('webhook', NULL);
SELECT commission.acknowledge(NULL, 1);
SELECT commission.next_changes(NULL);
SELECT commission.next_changes('');
SELECT commission.next_changes(repeat('x', 1025));
SELECT commission.next_changes('webhook', 0);
SELECT commission.next_changes('webhook', 10001);
SELECT commission.next_changes('webhook', NULL);
\set SHOW_CONTEXT errors

DROP PROCEDURE follow;
DROP TABLE followed;
DROP EXTENSION commission;

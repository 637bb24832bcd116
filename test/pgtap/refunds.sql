/*
 * refunds.sql
 *		The law of refunds (R21) on thousands of random sequences, against the
 *		closed formula in exact numerics: after refunds of r in all out of t
 *		paid, an entry of a has kept floor(a * (t - r) / t).
 */
BEGIN;
SELECT plan(14);
SET LOCAL client_min_messages = warning;
SELECT setseed(0.21);

CREATE TEMPORARY TABLE sale AS
	SELECT n, 'sale ' || n AS generation,
		(random() * CASE n % 4 WHEN 0 THEN 20 WHEN 1 THEN 1000
			WHEN 2 THEN 1000000 ELSE 1000000000000 END)::bigint + 1 AS price,
		n % 5 <> 0 AS avatar, n % 7 <> 0 OR n % 5 = 0 AS reference
	FROM generate_series(1, 200) AS n;

SELECT commission.refer('brand', 'maria', 'brand', '2024-01-01'),
	commission.refer('brand', 'nobody', 'creator', '2024-01-01'),
	commission.refer('pia', 'maria', 'creator', '2024-01-01'),
	commission.refer('rosa', 'otto', 'creator', '2024-01-01'),
	commission.register_listing('portrait', 'pia', 'avatar', 100,
								co_authors => '{"ann": 31, "ben": 17}'),
	commission.register_listing('set', 'rosa', 'reference', 97);
SELECT count(commission.record_generation(generation, 'brand',
	CASE WHEN avatar THEN 'portrait' END, CASE WHEN reference THEN 'set' END,
	model_price => price, api_cost => price / 3, occurred_at => '2024-02-01'))
FROM sale;

/* An order's commission goes the same way. */
SELECT count(commission.record_order('order ' || n, 'brand', price, 'renewal',
									 occurred_at => '2024-02-01'))
FROM sale;

CREATE TEMPORARY TABLE event AS
	SELECT g.event_id, s.generation AS name, 'generation' AS kind,
		g.model_price + coalesce(g.avatar_surcharge, 0)
			+ coalesce(g.reference_surcharge, 0) AS paid
	FROM sale AS s
	JOIN commission.generation AS g ON g.generation_name = s.generation
	UNION ALL
	SELECT o.event_id, 'order ' || s.n, 'order', o.amount
	FROM sale AS s
	JOIN commission.customer_order AS o ON o.order_name = 'order ' || s.n;
SELECT cmp_ok((SELECT count(*) FROM event), '>', 350::bigint, 'events to refund');

/* Refund each event in up to 30 steps of random size, the last all that is left. */
DO $$
DECLARE
	e record;
	r bigint;
	l bigint;
BEGIN
	FOR e IN SELECT * FROM event LOOP
		l := e.paid;
		FOR n IN 1 .. 30 LOOP
			r := CASE WHEN n = 30 THEN NULL
				WHEN random() < 0.5 THEN least(l, 1 + (random() * 3)::bigint)
				ELSE least(l, 1 + (random() * l / (1 + random() * 9))::bigint) END;
			IF e.kind = 'order' THEN
				PERFORM commission.reverse_order(e.name, r, 'step ' || n);
			ELSE
				PERFORM commission.reverse_generation(e.name, r, 'step ' || n);
			END IF;
			l := l - r;
			EXIT WHEN l = 0;
		END LOOP;
	END LOOP;
END
$$;
ANALYZE commission.entry, commission.reversal;
SELECT cmp_ok((SELECT count(*) FROM commission.reversal), '>', 5000::bigint,
			  'thousands of refunds');

/* What an earner has kept after each refund, by the law and by the ledger. */
CREATE TEMPORARY TABLE kept AS
	SELECT r.event_id, e.account_id, e.counts_as, e.from_account_id,
		sum(floor(e.amount * (v.paid - r.refunded) / v.paid)) AS lawful,
		sum(e.amount) + sum(sum(coalesce(t.amount, 0))) OVER (
			PARTITION BY v.event_id, e.account_id, e.counts_as, e.from_account_id
			ORDER BY r.event_id) AS kept
	FROM event AS v
	JOIN (SELECT reversed_event_id, event_id,
			sum(refunded) OVER (PARTITION BY reversed_event_id ORDER BY event_id)
				AS refunded
		  FROM commission.reversal) AS r ON r.reversed_event_id = v.event_id
	JOIN commission.entry AS e ON e.event_id = v.event_id
	LEFT JOIN commission.entry AS t ON t.event_id = r.event_id
		AND t.account_id = e.account_id AND t.counts_as = e.counts_as
		AND t.from_account_id = e.from_account_id
	GROUP BY v.event_id, r.event_id, e.account_id, e.counts_as,
		e.from_account_id;
SELECT cmp_ok((SELECT count(*) FROM kept), '>', 15000::bigint, 'and more earners');
SELECT is((SELECT count(*) FROM kept WHERE kept <> lawful), 0::bigint,
		  'each has kept what the law says');

SELECT is_empty($$
	SELECT account, balance FROM commission.balance WHERE balance <> 0
$$, 'in full, in any number of steps, everything is taken back');
SELECT is_empty($$
	SELECT * FROM event AS e
	WHERE e.paid <> (SELECT sum(r.refunded) FROM commission.reversal AS r
					 WHERE r.reversed_event_id = e.event_id)
$$, 'and the buyer has back what was paid');
SELECT is_empty('SELECT * FROM commission.audit()', 'the books agree');

/* Nothing is left to refund. */
SELECT throws_ok($$SELECT commission.reverse_generation('sale 1', 1)$$, '22023',
				 'refund exceeds what is left of the payment', 'a credit too much');
SELECT is(commission.reverse_generation('sale 1'), NULL, 'all that is left is nothing');
SELECT throws_ok($$SELECT commission.reverse_order('order 1', 1)$$, '22023',
				 'refund exceeds what is left of the payment', 'of an order, too');
SELECT throws_ok(format('SELECT commission.reverse_generation(''sale 1'', %s)', r),
				 '22023', 'refund must be at least 1 credit', 'a refund of ' || r)
FROM unnest('{0,-1}'::bigint[]) AS r;
SELECT throws_ok($$SELECT commission.reverse_generation('sale 0')$$, '23503',
				 'generation "sale 0" is not in the ledger', 'what is not in the ledger');

/* The reason is kept. */
SELECT is((SELECT count(DISTINCT reason) FROM commission.reversal), 30::bigint,
		  'each step has its reason');

SELECT * FROM finish();
ROLLBACK;

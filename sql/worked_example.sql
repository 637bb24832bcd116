/*
 * worked_example.sql
 *		The programme's worked example, by both doors: price 20, API cost 10,
 *		pool 100; the buyer and the seller are referred by one account.
 */
SET timezone = 'UTC';

-- the catalogue, by the operator
SELECT commission.register_account('studio', 'maria.lopez@gmail.com');
SELECT commission.register_listing('rooftop', 'seller', 'avatar', 100,
								   'Rooftop at dusk',
								   '{"stylist": 30, "model": 25}');
SELECT commission.set_model_price('nano-banana-2', '2K', 20, 10);
SELECT commission.refer('studio', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('seller', 'ana', 'creator', '2026-01-01');

-- the first door: the application's own table, by the application's own role
CREATE TABLE generations (
	id text PRIMARY KEY,
	brand text NOT NULL,
	avatar text,
	model text,
	resolution text,
	created_at timestamptz NOT NULL
);
SELECT commission.attach('generations', 'id', 'brand', avatar => 'avatar',
						 model => 'model', resolution => 'resolution',
						 occurred_at => 'created_at');
CREATE ROLE regress_commission_app;
GRANT INSERT ON generations TO regress_commission_app;
SET ROLE regress_commission_app;
INSERT INTO generations
VALUES ('by table', 'studio', 'rooftop', 'nano-banana-2', '2K', '2026-03-01');
RESET ROLE;

-- the second: the same as values
SELECT commission.record_generation('by function', 'studio', 'rooftop',
									model => 'nano-banana-2',
									resolution => '2K',
									occurred_at => '2026-03-01') IS NOT NULL
	AS recorded;

-- the ledger has the same of both
SELECT source, line, account, kind, amount, ratio, from_account, occurred_at
FROM commission.ledger
WHERE source = 'by table'
ORDER BY line;
SELECT count(*) = 0 AS same FROM (
	(SELECT line, account, kind, amount, ratio, from_account, occurred_at
	 FROM commission.ledger WHERE source = 'by table'
	 EXCEPT ALL
	 SELECT line, account, kind, amount, ratio, from_account, occurred_at
	 FROM commission.ledger WHERE source = 'by function')
	UNION ALL
	(SELECT line, account, kind, amount, ratio, from_account, occurred_at
	 FROM commission.ledger WHERE source = 'by function'
	 EXCEPT ALL
	 SELECT line, account, kind, amount, ratio, from_account, occurred_at
	 FROM commission.ledger WHERE source = 'by table')) AS difference;

-- where every credit went (R20, R33)
\x on
SELECT account, generation, run, occurred_at, buyer, images, titles, brand_amount,
	brand_ratio, creator_amount, creator_ratio, buyer_total, model_price,
	surcharge, pool, markup, api_cost, generation_margin, net_margin,
	platform_take, reversed, refunded
FROM commission.commission_detail WHERE generation = 'by table';
\x off
SELECT buyer_total = model_price + surcharge AS paid,
	buyer_total = pool + api_cost + brand_amount + creator_amount
		+ platform_take AS spent
FROM commission.commission_detail;

-- the recent list (R32) and the card (R31); 2026-03-01 is long ago or to come
SELECT account, run, buyer, images, titles, legs, amount, headline
FROM commission.recent_commission ORDER BY event_id DESC;
SELECT account, lifetime, brand_lifetime, creator_lifetime, pool_lifetime,
	subscription_lifetime
FROM commission.earnings ORDER BY account;

SELECT * FROM commission.audit();

DROP TABLE generations;
DROP ROLE regress_commission_app;

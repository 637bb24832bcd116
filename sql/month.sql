/*
 * month.sql
 *		A month of made-up sales against what is owed by the rules, computed
 *		here in SQL with exact numerics and set operations, the long way round:
 *		nothing of the extension is used for it but the settings' values.
 */
SET timezone = 'UTC';

DO $$ BEGIN PERFORM setseed(0.42); END $$;

-- the catalogue: 60 accounts, some closed, some referred; 40 listings; 4 models
CREATE TABLE account AS
SELECT 'a' || n AS name, random() < 0.1 AS closed FROM generate_series(1, 60) AS n;
CREATE TABLE referral AS
SELECT DISTINCT ON (account, role) account, referrer, role, at
FROM (SELECT 'a' || 1 + floor(random() * 60) AS account, 'a' || 1 + floor(random() * 12) AS referrer,
		(ARRAY['brand', 'creator'])[1 + floor(random() * 2)] AS role,
		timestamptz '2026-01-20' + random() * interval '20 days' AS at
	  FROM generate_series(1, 150)) AS r
WHERE account <> referrer ORDER BY account, role, at;
CREATE TABLE listing AS
SELECT 'l' || n AS name, 'a' || 1 + floor(random() * 60) AS owner, CASE WHEN n % 2 = 0 THEN 'avatar' ELSE 'reference' END AS kind,
	83 + floor(random() * 300)::bigint AS pool, floor(random() * 4)::int AS co_authors
FROM generate_series(1, 40) AS n;
-- a listing's parties in their order, the owner at 0
CREATE TABLE party AS
SELECT l.name AS listing, 0 AS position, owner AS account, NULL::bigint AS share FROM listing AS l
UNION ALL
SELECT l.name, n, format('co%s', n), 1 + floor(random() * pool / 6)::bigint
FROM listing AS l, generate_series(1, co_authors) AS n;
UPDATE party AS p SET share = (SELECT pool FROM listing WHERE name = p.listing)
	- coalesce((SELECT sum(share) FROM party AS c WHERE c.listing = p.listing AND c.position > 0), 0)
WHERE position = 0;
CREATE TABLE model AS
SELECT 'm' || n AS name, 5 + floor(random() * 60)::bigint AS price, floor(random() * 50)::bigint AS cost
FROM generate_series(1, 4) AS n;

SELECT count(commission.register_account(name)) FROM account;
SELECT count(commission.close_account(name)) > 0 AS some_closed FROM account WHERE closed;
SELECT count(*) > 50 AS referred FROM referral
WHERE commission.refer(account, referrer, role::commission.referral_role, at);
SELECT count(commission.register_listing(l.name, owner, kind::commission.listing_kind, pool, NULL,
	(SELECT jsonb_object_agg(account, share) FROM party WHERE listing = l.name AND position > 0)))
FROM listing AS l;
SELECT count(commission.set_model_price(name, NULL, price, cost)) FROM model;

-- the sales, attached; half of them under other settings
CREATE TABLE sale (id bigint, batch int, buyer text, avatar text, reference text, run bigint, images int, model text,
	price bigint, cost bigint, avatar_pool bigint, avatar_surcharge bigint, reference_pool bigint,
	reference_surcharge bigint, bundled boolean, paid boolean, at timestamptz);
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', 'reference', 'run', 'images', 'model',
	NULL, 'price', 'cost', 'avatar_pool', 'avatar_surcharge', 'reference_pool', 'reference_surcharge',
	'bundled', 'paid', 'at');
CREATE FUNCTION made_up(batch int) RETURNS SETOF sale LANGUAGE sql AS $$
	SELECT (batch * 10000 + n)::bigint, batch, 'a' || 1 + floor(random() * 60),
		CASE WHEN random() < 0.7 THEN 'l' || 2 * (1 + floor(random() * 20)) END,
		CASE WHEN random() < 0.5 THEN 'l' || 2 * floor(random() * 20) + 1 END,
		(n / 4)::bigint, images, 'm' || 1 + floor(random() * 4),
		CASE WHEN random() < 0.3 THEN floor(random() * 200)::bigint END,
		CASE WHEN random() < 0.3 THEN floor(random() * 150)::bigint END,
		CASE WHEN pooled THEN floor(random() * 1000)::bigint END, NULL::bigint,
		CASE WHEN pooled THEN floor(random() * 1000)::bigint END,
		CASE WHEN pooled AND random() < 0.5 THEN 1000 + floor(random() * 100)::bigint END,
		random() < 0.15, random() < 0.9, timestamptz '2026-01-25' + random() * interval '30 days'
	FROM (SELECT n, 1 + floor(random() * 4)::int AS images, random() < 0.2 AS pooled
		  FROM generate_series(1, 3000) AS n) AS frame
$$;
INSERT INTO sale SELECT * FROM made_up(1);
SET commission.brand_ratio = 0.333333;
SET commission.creator_ref_ratio = 0.27;
SET commission.total_cap_ratio = 0.4;
SET commission.brand_referral_window_days = 10;
SET commission.platform_markup_ratio = 0.175;
SET commission.marketplace_only = off;
INSERT INTO sale SELECT * FROM made_up(2);
RESET ALL;
SET timezone = 'UTC';
CREATE TABLE setting AS SELECT * FROM (VALUES
	(1, 300000::numeric, 200000::numeric, 500000::numeric, NULL::interval, 0.20, true),
	(2, 333333, 270000, 400000, '10 days', 0.175, false))
	AS v (batch, brand, creator, cap, window_, markup, marketplace_only);

-- R4, R6, R7, R9: the listings used, and what they are charged
CREATE TABLE used AS
SELECT s.id, s.buyer, l.name AS listing, l.owner, u.kind,
	CASE WHEN u.kind = 'reference' AND bundled THEN 0 ELSE coalesce(u.pool, l.pool) END AS pool,
	CASE WHEN u.kind = 'reference' AND bundled THEN 0
		ELSE coalesce(u.surcharge, ceil(coalesce(u.pool, l.pool) * (1 + g.markup))) END AS surcharge
FROM sale AS s JOIN setting AS g USING (batch),
	LATERAL (VALUES ('avatar', avatar, avatar_pool, avatar_surcharge),
		('reference', reference, reference_pool, reference_surcharge)) AS u (kind, name, pool, surcharge)
JOIN listing AS l ON l.name = u.name
WHERE s.paid;
-- R5, R8: the net margin
CREATE INDEX ON used (id);
CREATE TABLE margin AS
SELECT s.id, s.buyer, s.at, g.*, p.price, p.cost,
	coalesce((SELECT sum(surcharge - pool) FROM used AS u WHERE u.id = s.id), 0)
		+ greatest(p.price - p.cost, 0) AS net
FROM sale AS s JOIN setting AS g USING (batch) JOIN model AS m ON m.name = s.model,
	LATERAL (SELECT coalesce(s.price, m.price * s.images), coalesce(s.cost, m.cost * s.images)) AS p (price, cost)
WHERE s.paid AND (NOT g.marketplace_only OR EXISTS (SELECT FROM used AS u WHERE u.id = s.id));
-- R10, R11, R13, R14: whom a leg is for
CREATE TABLE leg AS
SELECT m.id, 'brand' AS kind, r.referrer AS account, m.buyer AS from_account, m.brand AS ratio
FROM margin AS m JOIN referral AS r ON r.account = m.buyer AND r.role = 'brand'
WHERE r.at <= m.at AND (m.window_ IS NULL OR m.at <= r.at + m.window_)
	AND NOT EXISTS (SELECT FROM account WHERE name IN (m.buyer, r.referrer) AND closed)
UNION ALL
SELECT m.id, 'creator', r.referrer, u.owner, m.creator
FROM margin AS m JOIN (SELECT DISTINCT id, owner FROM used) AS u USING (id)
JOIN referral AS r ON r.account = u.owner AND r.role = 'creator'
WHERE m.buyer NOT IN (u.owner, r.referrer)
	AND NOT EXISTS (SELECT FROM account WHERE name = r.referrer AND closed);
-- R12, R3: what it is worth; R19: the pools' shares
CREATE TABLE owed AS
SELECT * FROM (
	SELECT id, kind, account, from_account,
		CASE WHEN sum(ratio) OVER (PARTITION BY id) <= cap THEN div(net * ratio, 1000000)
			ELSE div(net * ratio * cap, sum(ratio) OVER (PARTITION BY id) * 1000000) END AS amount
	FROM leg JOIN margin USING (id)
	UNION ALL
	SELECT id, 'pool', account, buyer,
		div(charged * share, of) + CASE WHEN row_number() OVER (
				PARTITION BY id, listing ORDER BY charged * share - div(charged * share, of) * of DESC, position)
			<= charged - sum(div(charged * share, of)) OVER (PARTITION BY id, listing) THEN 1 ELSE 0 END
	FROM (SELECT u.id, u.buyer, u.listing, u.pool AS charged, p.position, p.account, p.share::numeric,
			sum(p.share) OVER (PARTITION BY u.id, u.listing) AS of
		  FROM used AS u JOIN party AS p USING (listing)) AS share) AS entry
WHERE amount > 0;

CREATE INDEX ON owed (id);
CREATE INDEX ON sale (run);
ANALYZE;

-- it reaches what it is for
SELECT kind, count(*) > 500 AS many FROM owed GROUP BY kind ORDER BY kind;
SELECT count(*) > 100 AS capped FROM (SELECT id FROM leg GROUP BY id HAVING count(*) = 3) AS three;
SELECT count(*) > 20 AS two_of_one FROM (SELECT id, account FROM leg GROUP BY id, account HAVING count(*) > 1) AS two;

-- the ledger is what is owed: nothing less, nothing more
CREATE VIEW accrued AS
SELECT source::bigint AS id, kind::text, account, from_account, amount::numeric FROM commission.ledger
WHERE kind <> 'reversal';
SELECT count(*) > 10000 AS compared FROM accrued;
SELECT 'missing' AS problem, * FROM (TABLE owed EXCEPT ALL TABLE accrued) AS missing
UNION ALL
SELECT 'too much', * FROM (TABLE accrued EXCEPT ALL TABLE owed) AS extra
ORDER BY 1, 2, 3 LIMIT 10;

-- R20, to the credit: each generation's details, and the sum of them all
SELECT generation, account FROM commission.commission_detail AS d JOIN margin AS m ON m.id = d.generation::bigint,
	LATERAL (SELECT coalesce(sum(surcharge), 0) AS surcharge, coalesce(sum(pool), 0) AS pool
			 FROM used WHERE used.id = m.id) AS u,
	LATERAL (SELECT coalesce(sum(amount), 0) AS legs FROM owed AS o WHERE o.id = m.id AND kind <> 'pool') AS l
WHERE (buyer_total, model_price, d.surcharge, d.pool, d.markup, api_cost, generation_margin, net_margin, platform_take)
	IS DISTINCT FROM (m.price + u.surcharge, m.price, u.surcharge, u.pool, u.surcharge - u.pool, m.cost,
		greatest(m.price - m.cost, 0), m.net, m.net - l.legs)
	OR buyer_total + greatest(m.cost - m.price, 0) <> d.pool + api_cost + l.legs + platform_take;
SELECT e.account FROM commission.earnings AS e LEFT JOIN LATERAL (
	SELECT coalesce(sum(amount) FILTER (WHERE kind <> 'pool'), 0) AS lifetime,
		coalesce(sum(amount) FILTER (WHERE kind = 'brand'), 0) AS brand,
		coalesce(sum(amount) FILTER (WHERE kind = 'creator'), 0) AS creator,
		coalesce(sum(amount) FILTER (WHERE kind = 'pool'), 0) AS pool
	FROM owed AS o WHERE o.account = e.account) AS o ON true
WHERE (e.lifetime, brand_lifetime, creator_lifetime, pool_lifetime) IS DISTINCT FROM (o.lifetime, o.brand, o.creator, o.pool);
-- R32: a row for each account and run that paid it
CREATE TABLE shown AS
SELECT account, run, amount, images, legs FROM commission.recent_commission;
CREATE TABLE to_show AS
SELECT account, run::text, sum(amount)::bigint AS amount, sum(images) AS images,
	CASE WHEN bool_or(brand) AND bool_or(creator) THEN 'Brand + Creator' WHEN bool_or(brand) THEN 'Brand' ELSE 'Creator' END AS legs
FROM (SELECT account, id, sum(amount) AS amount, bool_or(kind = 'brand') AS brand, bool_or(kind = 'creator') AS creator
	  FROM owed WHERE kind <> 'pool' GROUP BY account, id) AS frame
JOIN sale USING (id) GROUP BY account, run;
(TABLE shown EXCEPT ALL TABLE to_show) UNION ALL (TABLE to_show EXCEPT ALL TABLE shown);

-- all of it refunded by thirds, some made unpaid: R21 against floor(a * (t - r) / t)
CREATE TABLE refund AS
SELECT g.event_id, commission_internal.identifier_name(g.generation_id)::bigint AS id, t.total, r.refunded
FROM commission.generation AS g,
	LATERAL (SELECT g.model_price + coalesce(avatar_surcharge, 0) + coalesce(reference_surcharge, 0)) AS t (total),
	LATERAL (SELECT 1 + floor(random() * t.total)::bigint WHERE g.event_id % 3 = 0) AS r (refunded);
SELECT count(commission.reverse_generation(id::text, step)) > 1000 AS refunds
FROM refund, LATERAL (VALUES (refunded / 3), (refunded - refunded / 3)) AS s (step) WHERE step > 0;
ANALYZE;
UPDATE sale SET paid = false WHERE id % 7 = 0 AND paid;
SELECT o.id, o.kind, o.account FROM (
	SELECT id, kind, account, from_account,
		sum(CASE WHEN id % 7 = 0 THEN 0 ELSE div(amount * (coalesce(total, 1) - coalesce(refunded, 0)), coalesce(total, 1)) END) AS kept
	FROM owed LEFT JOIN refund USING (id) GROUP BY id, kind, account, from_account) AS o
JOIN (SELECT source::bigint AS id, counts_as::text AS kind, account, from_account, sum(amount) AS kept
	  FROM commission.ledger GROUP BY 1, 2, 3, 4) AS l USING (id, kind, account, from_account)
WHERE o.kept <> l.kept LIMIT 10;

ANALYZE;
SELECT * FROM commission.audit();
DROP TABLE sale, account, referral, listing, party, model, setting, used, margin, leg, owed, refund, shown, to_show CASCADE;

/*
 * explain.sql
 *		Why a leg was paid or not, in words, and what explain() says of sales
 *		that are not there.
 */
BEGIN;
SELECT plan(34);

SET LOCAL timezone = 'UTC';
SET LOCAL client_min_messages = warning;

/* What explain() says under a heading. */
CREATE FUNCTION pg_temp.says(generation text, heading text) RETURNS text
	LANGUAGE sql AS $$
	SELECT string_agg(value, '; ' ORDER BY step)
	FROM commission.explain(generation) WHERE what = heading
$$;

SELECT commission.register_account('maria', 'maria.lopez@gmail.com');
SELECT commission.register_listing('avatar', 'seller', 'avatar', 100, 'Rooftop');
SELECT commission.register_listing('own photos', 'seller', 'reference', 100);
SELECT commission.register_listing('photos', 'photographer', 'reference', 100);
SELECT commission.set_model_price('banana', '2K', 10, 5);
SELECT commission.refer('maria', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('seller', 'ana', 'creator', '2026-01-01');
SELECT commission.refer('photographer', 'ben', 'creator', '2026-01-01');
SELECT commission.refer('closed buyer', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('orphan', 'gone', 'brand', '2026-01-01');
SELECT commission.close_account('closed buyer'), commission.close_account('gone');

CREATE FUNCTION pg_temp.sell(generation text, buyer text,
							 avatar text DEFAULT 'avatar',
							 reference text DEFAULT NULL,
							 model_price bigint DEFAULT 20,
							 api_cost bigint DEFAULT 10,
							 occurred_at timestamptz DEFAULT '2026-03-01',
							 bundle_frame boolean DEFAULT false)
	RETURNS bigint LANGUAGE sql AS $$
	SELECT commission.record_generation(generation, buyer, avatar, reference,
		model_price => model_price, api_cost => api_cost,
		occurred_at => occurred_at, bundle_frame => bundle_frame)
$$;

SELECT pg_temp.sell('plain', 'maria');
SELECT pg_temp.sell('cap', 'maria', 'avatar', 'photos', 90, 20);
SELECT pg_temp.sell('same owner', 'maria', 'avatar', 'own photos');
SELECT pg_temp.sell('bundle', 'maria', 'avatar', 'photos', bundle_frame => true);
SELECT pg_temp.sell('early', 'maria', occurred_at => '2025-12-31');
SELECT pg_temp.sell('unknown', 'somebody');
SELECT pg_temp.sell('closed', 'closed buyer');
SELECT pg_temp.sell('gone', 'orphan');
SELECT pg_temp.sell('self', 'seller');
SELECT pg_temp.sell('loss', 'maria', NULL, 'photos', 20, 30);
SELECT commission.record_generation('tiny', 'maria', 'avatar', model_price => 0,
									api_cost => 0, avatar_pool => 100,
									avatar_surcharge => 103);
SELECT commission.record_generation('priced', 'maria', 'avatar', images => 2,
									model => 'banana', resolution => '2K',
									run => 'run 1');
SET LOCAL commission.brand_referral_window_days = 30;
SELECT pg_temp.sell('over', 'maria', occurred_at => '2026-03-01');
SET LOCAL commission.marketplace_only = off;
SELECT pg_temp.sell('solo', 'maria', NULL, occurred_at => '2026-01-02');

SELECT is(pg_temp.says(generation, heading), expected,
		  generation || ', ' || heading)
FROM (VALUES
	('plain', 'buyer', 'm****@g****.com'),
	('plain', 'brand leg', '9 credits to ana: 30 * 0.30 = 9'),
	('plain', 'creator leg (avatar)', '6 credits to ana: 30 * 0.20 = 6'),
	('plain', 'creator leg (reference)', NULL),
	('plain', 'net margin', '20 + 10 = 30 credits'),
	('plain', 'where it all went', '140 credits = pool 100 + API cost 10 + legs 15 + platform 15'),
	('cap', 'ratios that apply', 'together 0.70, over the cap: each is scaled by 0.50 / 0.70'),
	('cap', 'brand leg', '23 credits to ana: 110 * 0.30 * 0.50 / 0.70 = 23.571428..., rounded down to 23'),
	('cap', 'creator leg (reference)', '15 credits to ben: 110 * 0.20 * 0.50 / 0.70 = 15.714285..., rounded down to 15'),
	('same owner', 'creator leg (reference)', 'not paid: the avatar has the same owner, and an owner''s referrer earns once'),
	('bundle', 'reference pool', '0 credits: a frame of a bundle, whose listing was paid for before'),
	('early', 'brand leg', 'not paid: the generation was made before the buyer was referred'),
	('unknown', 'brand leg', 'not paid: the buyer was not referred by anybody'),
	('closed', 'brand leg', 'not paid: the buyer''s account was closed'),
	('gone', 'brand leg', 'not paid: the referrer''s account was closed'),
	('self', 'creator leg (avatar)', 'not paid: buyer, owner and referrer are not three different accounts, and nobody earns on their own purchase or listing'),
	('loss', 'generation margin', '20 - 30 is below zero and counts as 0 credits'),
	('loss', 'where it all went', '140 credits = pool 100 + API cost 30 + legs 10 + platform 10, less 10 that the API cost over the model price and the platform bore'),
	('tiny', 'brand leg', 'not paid, less than a credit: 3 * 0.30 = 0.9, rounded down to 0'),
	('priced', 'model price', '20 credits, from the price list: 2 * banana at 2K'),
	('over', 'brand leg', 'not paid: the days after the referral in which a brand pays were over'),
	('solo', 'listing', 'none: a solo generation'),
	('nowhere', 'generation', 'nowhere is not in the ledger'))
	AS v (generation, heading, expected);

SELECT commission.reverse_generation('plain', 70, 'blurred');
SELECT commission.reverse_generation('plain');
SELECT is(pg_temp.says('plain', 'refund') LIKE '70 of 140 credits on % UTC, 70 refunded in all: blurred; 70 of 140 credits on % UTC, 140 refunded in all',
		  true, 'refunds, one after the other');
SELECT is(pg_temp.says('plain', 'taken back from ana'),
		  '5 credits of 9 brand leg: kept are 9 * (140 - 70) / 140, rounded down to 4; '
		  '3 credits of 6 creator leg: kept are 6 * (140 - 70) / 140 = 3; '
		  '4 credits of 9 brand leg: kept are 9 * (140 - 140) / 140 = 0; '
		  '3 credits of 6 creator leg: kept are 6 * (140 - 140) / 140 = 0',
		  'what each took');
SELECT is((SELECT count(*) FROM commission.explain(NULL)), 0::bigint,
		  'NULL is explained by nothing');

/* What is explained is what the ledger has. */
SELECT is_empty($$
	SELECT g.name, o.line
	FROM (SELECT commission_internal.identifier_name(generation_id) AS name, event_id,
			generation_name FROM commission.generation) AS g
	JOIN commission.entry AS o ON o.event_id = g.event_id AND o.kind <> 'pool'
	JOIN commission.account AS a ON a.account_id = o.account_id
	WHERE NOT EXISTS (
		SELECT FROM commission.explain(g.generation_name) AS x
		WHERE x.what LIKE o.kind || ' leg%'
			AND x.value LIKE o.amount || ' credits to ' || a.name || ': %')
$$, 'each leg in the ledger is explained with its amount');

/* An order, and one that is not there. */
SELECT commission.record_order('first', 'maria', 1999, plan => 'pro',
							   occurred_at => '2026-03-01');
SELECT commission.record_order('stray', 'stranger', 1999);
SELECT commission.reverse_order('first', 999);
SELECT is((SELECT string_agg(what || ': ' || value, '; ' ORDER BY step)
		   FROM commission.explain_order('first') WHERE what <> 'refund'),
		  'order: first, of 2026-03-01 00:00:00 UTC; customer: m****@g****.com; '
		  'amount: 1999 credits, plan pro; kind: first order, by the customer''s earlier orders; '
		  'ratio at the time: 0.15; commission: 300 credits to ana: 1999 * 0.15 = 299.85, rounded half up to 300; '
		  'taken back from ana: 150 credits of 300 commission: kept are 300 * (1999 - 999) / 1999, rounded down to 150',
		  'an order is explained');
SELECT is((SELECT value FROM commission.explain_order('stray') WHERE what = 'commission'),
		  'not paid: the customer was not referred by anybody', 'why an order paid nothing');
SELECT is((SELECT count(*) FROM commission.explain_order('nowhere')), 2::bigint,
		  'an order that is not in the ledger');

/* What is at its bound, and what a bundle has paid for. */
SET LOCAL commission.total_cap_ratio = 0.60;
SET LOCAL commission.brand_ratio = 0.30;
SET LOCAL commission.creator_ref_ratio = 0.30;
SELECT commission.record_generation('at the cap', 'maria', 'avatar', 'photos', model_price => 1000, api_cost => 10,
									bundle_frame => true, occurred_at => '2026-02-01') IS NOT NULL;
SELECT is(pg_temp.says('at the cap', 'ratios that apply'), 'together 0.60, within the cap',
		  'ratios that are the cap together');
SELECT is(pg_temp.says('at the cap', 'reference surcharge'), NULL, 'a bundled listing has no surcharge');

/* At the ends of the calendar. */
SELECT pg_temp.sell('ancient', 'unknown', occurred_at => '4714-11-24 00:00:00+00 BC'),
	pg_temp.sell('last', 'maria', occurred_at => '294276-12-31 23:59:59.999999+00');
SELECT is((SELECT string_agg(x.value, '; ' ORDER BY g)
		   FROM unnest(ARRAY['ancient', 'last']) AS g, commission.explain(g) AS x
		   WHERE x.what = 'generation'),
		  'ancient, of 4714-11-24 00:00:00 BC UTC; last, of 294276-12-31 23:59:59 UTC',
		  'explain() at the ends of the calendar');
SELECT is((SELECT count(*) FROM commission.statement('ana', '4714-11-24 BC', '5874897-12-31')
		   WHERE what LIKE '% balance'), 2::bigint,
		  'statement() at the ends of the calendar');

SELECT * FROM finish();
ROLLBACK;

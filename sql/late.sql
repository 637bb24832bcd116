/*
 * late.sql
 *		A sign-up that is completed late loses nothing (R37).
 *
 * Each story is told twice: of accounts that were attributed in time, and of
 * others that were attributed after all had happened.  Their numbers are the
 * same.
 */
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET commission.cref_secret = 'a secret that only postgresql.conf should know';

CREATE FUNCTION sign_up(account text, referrer text, role commission.referral_role,
						at timestamptz DEFAULT '2026-03-01 10:00')
	RETURNS commission.attribution_outcome LANGUAGE sql AS $$
	SELECT commission.attribute(account,
		commission.sign_cref(referrer, at - interval '1 hour', 'spring'), role, at);
$$;
/* What an account has earned by whom, less what was taken back. */
CREATE VIEW earned AS
	SELECT account, counts_as, sum(amount) AS amount, min(occurred_at) AS sold,
		balance_at.march
	FROM commission.ledger
	CROSS JOIN LATERAL commission.balance_at(account, '2026-03-31') AS balance_at (march)
	GROUP BY account, counts_as, balance_at.march;
SELECT commission.register_account(a) FROM unnest(ARRAY[
	'in time', 'late', 'in time c', 'late c']) AS a;
SELECT commission.register_listing(o || '''s', o, 'avatar', 100)
FROM unnest(ARRAY['owner', 'owner t', 'owner l']) AS o;

-- sign-up at ten, a purchase at eleven, and the sign-up is told of at noon;
-- then the purchase is refunded in part
SELECT sign_up('buyer t', 'in time', 'brand');
SELECT commission.record_generation('g ' || b, 'buyer ' || b, 'owner''s', model_price => 20,
	api_cost => 10, occurred_at => '2026-03-01 11:00') IS NOT NULL AS owed
FROM unnest(ARRAY['t', 'l']) AS b;
SELECT sign_up('buyer l', 'late', 'brand');
SELECT sign_up('buyer l', 'late', 'brand');
SELECT * FROM earned WHERE account IN ('in time', 'late') ORDER BY 1, 2;
SELECT source, kind, amount, ratio, from_account, occurred_at FROM commission.ledger
WHERE account IN ('in time', 'late') ORDER BY account;
SELECT commission.reverse_generation('g ' || b, 70, 'blurred') IS NOT NULL
FROM unnest(ARRAY['t', 'l']) AS b;
SELECT account, counts_as, amount FROM earned WHERE account IN ('in time', 'late') ORDER BY 1, 2;
SELECT account, run, images, legs, amount, headline, reversed, state FROM commission.recent_commission
WHERE account IN ('in time', 'late') ORDER BY account;
SELECT account, generation, brand_amount, brand_ratio, brand_ratio_applied, creator_amount,
	net_margin, platform_take, other_legs, reversed, refunded
FROM commission.commission_detail
WHERE account IN ('in time', 'late') ORDER BY account;
SELECT d.generation FROM commission.commission_detail AS d
WHERE d.account = 'late' AND d.generation = 'g l';
SELECT account, referred, lifetime, last_earned_at, orders FROM commission.referral_earnings
WHERE account IN ('in time', 'late') ORDER BY account;
SELECT account, campaign, day, clicks, signups, conversions, earnings FROM commission.funnel
WHERE account IN ('in time', 'late') AND day < '2026-04-01' ORDER BY account, day;
SELECT what, regexp_replace(value, '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC (after)', 'TODAY \1') AS value
FROM commission.explain('g l') WHERE step > 14 AND what <> 'refund';
SELECT * FROM commission.what_if(NULL, NULL, NULL, NULL, NULL) ORDER BY 1;
SELECT * FROM commission.what_if(NULL, NULL, 0.10, NULL, NULL) ORDER BY 1;
SELECT * FROM commission.audit();

-- refunds before the sign-up is told of, made unpaid and paid again among
-- them, and after it: any order of refunds and late accrual
CREATE TABLE sale (id text PRIMARY KEY, buyer text, avatar text, price bigint, cost bigint,
				   paid boolean, at timestamptz);
SELECT commission.attach('sale', 'id', 'buyer', avatar => 'avatar', model_price => 'price',
						 api_cost => 'cost', paid => 'paid', occurred_at => 'at');
SELECT sign_up('buyer 2t', 'in time', 'brand');
INSERT INTO sale SELECT r || b, 'buyer 2' || b, 'owner''s', 33, 10, true, '2026-03-01 11:00'
FROM unnest(ARRAY['t', 'l']) AS b, unnest(ARRAY['r1 ', 'r2 ', 'r3 ', 'r4 ', 'r5 ']) AS r;
SELECT count(commission.reverse_generation(r || b, 17))
FROM unnest(ARRAY['t', 'l']) AS b, unnest(ARRAY['r1 ', 'r2 ', 'r3 ']) AS r;
SELECT count(commission.reverse_generation('r2 ' || b)) FROM unnest(ARRAY['t', 'l']) AS b;
UPDATE sale SET paid = false WHERE id LIKE 'r3%' OR id LIKE 'r4%';
UPDATE sale SET paid = true WHERE id LIKE 'r4%';
SELECT sign_up('buyer 2l', 'late', 'brand');
CREATE VIEW compared AS
	SELECT coalesce(t.id, l.id) AS id, t.amounts AS in_time, l.amounts AS late
	FROM (SELECT left(source, 2) AS id, array_agg(amount ORDER BY occurred_at, event_id) AS amounts
		  FROM commission.ledger WHERE source ~ 't$' AND account = 'in time' GROUP BY 1) AS t
	FULL JOIN (SELECT left(source, 2) AS id, array_agg(amount ORDER BY occurred_at, event_id) AS amounts
		  FROM commission.ledger WHERE source ~ 'l$' AND account = 'late' GROUP BY 1) AS l
		ON l.id = t.id
	ORDER BY 1;
SELECT * FROM compared WHERE id ~ 'r';
UPDATE sale SET paid = true WHERE id LIKE 'r3%';
UPDATE sale SET paid = false WHERE id LIKE 'r5%';
SELECT count(commission.reverse_generation(r || b, 30))
FROM unnest(ARRAY['t', 'l']) AS b, unnest(ARRAY['r1 ', 'r4 ']) AS r;
SELECT * FROM compared WHERE id ~ 'r';
SELECT * FROM commission.audit();

-- a creator whose listing sold before the sign-up was told of, and the cap:
-- of a net margin of 100, brand and creator take 0.30 and 0.20
SELECT sign_up('owner t', 'in time c', 'creator'), sign_up('buyer 3', 'in time', 'brand');
SELECT count(commission.record_generation('c ' || o, 'buyer 3', 'owner ' || o || '''s', avatar_pool => 100,
	avatar_surcharge => 180, model_price => 30, api_cost => 10, occurred_at => '2026-03-01 11:00'))
FROM unnest(ARRAY['t', 'l']) AS o;
SELECT sign_up('owner l', 'late c', 'creator');
SELECT account, source, kind, amount FROM commission.ledger
WHERE source LIKE 'c %' AND kind <> 'pool' ORDER BY source, kind;

-- where the cap binds, a late leg takes nothing from what was paid: of 100,
-- 28 and 21 are due in time
SET commission.brand_ratio = 0.40;
SET commission.creator_ref_ratio = 0.30;
SELECT commission.register_listing(o || '''s', o, 'avatar', 100),
	commission.register_listing(o || '''s photos', o || ' p', 'reference', 100)
FROM unnest(ARRAY['owner 4l', 'owner 4t']) AS o;
SELECT sign_up('buyer 4', 'in time', 'brand'), sign_up('owner 4t', 'in time c', 'creator');
SELECT count(commission.record_generation('d ' || o, b, 'owner 4' || o || '''s', 'owner 4' || o || '''s photos',
	avatar_pool => 100, avatar_surcharge => 180, reference_pool => 0, reference_surcharge => 0,
	model_price => 30, api_cost => 10, occurred_at => '2026-03-01 11:00'))
FROM (VALUES ('t', 'buyer 4'), ('l', 'buyer 4')) AS s (o, b);
SELECT count(commission.record_generation('d both', 'buyer 4l', 'owner 4l''s', 'owner 4l''s photos',
	avatar_pool => 100, avatar_surcharge => 180, reference_pool => 0, reference_surcharge => 0,
	model_price => 30, api_cost => 10, occurred_at => '2026-03-01 11:00'));
RESET commission.brand_ratio;
RESET commission.creator_ref_ratio;
SELECT sign_up('owner 4l', 'late c', 'creator');
SELECT sign_up('owner 4l p', 'late c', 'creator');
SELECT sign_up('buyer 4l', 'late', 'brand');
SELECT account, source, kind, amount, ratio FROM commission.ledger
WHERE source LIKE 'd %' AND kind <> 'pool' ORDER BY source, event_id, line;
SELECT what, regexp_replace(value, '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC (after)', 'TODAY \1') AS value
FROM commission.explain('d both') WHERE what ~ 'leg|platform|ratios';
SELECT account, run, legs, amount FROM commission.recent_commission WHERE run = 'd both' ORDER BY account;
SELECT account, generation, creator_amount, creator_legs, creator_ratio, creator_ratio_applied, brand_amount,
	brand_ratio_applied, other_legs, platform_take
FROM commission.commission_detail WHERE generation = 'd both' ORDER BY account;
SELECT * FROM commission.what_if(NULL, NULL, NULL, NULL, NULL) WHERE difference <> 0;
SELECT commission.reverse_generation('d both') IS NOT NULL;
SELECT sum(amount) FROM commission.ledger WHERE source = 'd both';
SELECT * FROM commission.audit();

-- a first order that was recorded unreferred pays as first order, and the
-- next as the renewal that it is
SELECT commission.record_order('o1', 'customer', 1999, plan => 'Pro', occurred_at => '2026-03-01 11:00'),
	commission.record_order('o2', 'customer', 1999, occurred_at => '2026-04-01'),
	commission.reverse_order('o1', 1000) IS NOT NULL;
SELECT sign_up('customer', 'late', 'brand');
SELECT order_id, plan, kind, ratio, amount, reversed, state FROM commission.recent_order
WHERE account = 'late' ORDER BY order_id;
SELECT commission.reverse_order('o1') IS NOT NULL;
SELECT order_id, amount, reversed, state FROM commission.recent_order WHERE account = 'late' ORDER BY order_id;
SELECT month, first_orders, renewals FROM commission.monthly_subscription
WHERE account = 'late' AND month < '2026-05-01' ORDER BY month;
SELECT referred, orders FROM commission.referral_earnings WHERE account = 'late' AND orders > 0;
SELECT what, regexp_replace(value, '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC (after)', 'TODAY \1') AS value
FROM commission.explain_order('o1') WHERE what ~ 'commission';

-- what is not accrued: sales before the sign-up, beyond the window, of a
-- closed buyer, for a closed referrer, of one's own; and nothing twice
SET commission.brand_referral_window_days = 10;
SELECT count(commission.record_generation('e ' || d, 'buyer 5', 'owner''s', model_price => 20, api_cost => 10,
										  occurred_at => '2026-03-01 10:00'::timestamptz + d * interval '1 day'))
FROM unnest(ARRAY[-1, 0, 10, 11]) AS d;
SELECT commission.close_account('buyer 5');
SELECT commission.record_generation('e closed', 'buyer 5', 'owner''s', model_price => 20, api_cost => 10,
	occurred_at => '2026-03-02') IS NOT NULL;
SELECT commission.reopen_account('buyer 5');
SELECT commission.refer('buyer 5', 'late', 'brand', '2026-03-01 10:00', accrue_past => true);
SELECT source, amount FROM commission.ledger WHERE source LIKE 'e %' AND kind = 'brand' ORDER BY source;
SELECT commission.end_referral('buyer 5', 'brand'),
	commission.refer('buyer 5', 'in time', 'brand', '2026-03-01 10:00', accrue_past => true),
	commission.refer('buyer 5', 'late', 'brand', '2026-03-01 10:00', accrue_past => true);
SELECT count(*) FROM commission.ledger WHERE source LIKE 'e %' AND kind = 'brand';
RESET commission.brand_referral_window_days;
SELECT commission.close_account('gone');
SELECT commission.record_generation('e6', 'buyer 6', 'owner''s', model_price => 20, api_cost => 10) IS NOT NULL;
SELECT commission.refer('buyer 6', 'gone', 'brand', '2026-03-01', accrue_past => true);
SELECT commission.record_generation('e7', 'owner 7', 'owner''s', model_price => 20, api_cost => 10) IS NOT NULL,
	commission.record_generation('e8', 'late', 'owner''s', model_price => 20, api_cost => 10) IS NOT NULL;
SELECT commission.refer('owner', 'late', 'creator', '2027-01-01'), commission.end_referral('owner', 'creator'),
	commission.refer('owner', 'late', 'creator', '2020-01-01');
SELECT count(*) FROM commission.ledger WHERE account = 'late' AND from_account = 'owner';
SELECT commission.end_referral('owner', 'creator'),
	commission.refer('owner', 'late', 'creator', '2020-01-01', accrue_past => true);
SELECT source, amount FROM commission.ledger WHERE account = 'late' AND from_account = 'owner' AND source LIKE 'e%'
ORDER BY source;

-- a generation that owes nobody anything yet is recorded, and pays late; it
-- returns NULL, on a replay, too
SET commission.marketplace_only = off;
SELECT commission.record_generation('solo', 'buyer 8', model_price => 20, api_cost => 10, occurred_at => '2026-03-02')
FROM generate_series(1, 2);
SELECT commission.record_generation('no margin', 'buyer 8', model_price => 10, api_cost => 10);
SELECT sign_up('buyer 8', 'late', 'brand');
SELECT source, amount FROM commission.ledger WHERE from_account = 'buyer 8';
SELECT * FROM commission.explain('no margin');
SELECT commission.reverse_generation('solo') IS NOT NULL;
SELECT account, sum(amount) FROM commission.ledger WHERE source = 'solo' GROUP BY account;

-- the frames of a run, in time and late, are one row of the list
SELECT count(commission.record_generation('f' || n, 'buyer 9', model_price => 20, api_cost => 10, run => 'run',
										  occurred_at => '2026-03-02')) FROM generate_series(1, 3) AS n;
SELECT sign_up('buyer 9', 'late', 'brand');
SELECT commission.record_generation('f4', 'buyer 9', model_price => 20, api_cost => 10, run => 'run') IS NOT NULL;
SELECT run, images, amount FROM commission.recent_commission WHERE account = 'late' AND run = 'run';
SELECT frames, brand_amount FROM commission.run_detail WHERE account = 'late' AND run_key LIKE 'run:%';

-- what is held is held by the time of the sale
SET commission.hold_days = 30;
SELECT commission.record_generation('old', 'buyer 10', model_price => 1000, api_cost => 0,
									occurred_at => now() - interval '60 days') IS NULL,
	commission.record_generation('young', 'buyer 10', model_price => 100, api_cost => 0,
								 occurred_at => now() - interval '10 days') IS NULL,
	commission.reverse_generation('old', 500) IS NOT NULL;
SELECT commission.register_account('holder'),
	commission.refer('buyer 10', 'holder', 'brand', now() - interval '90 days', accrue_past => true);
SELECT balance, available, held FROM commission.balance WHERE account = 'holder';
SELECT commission.reverse_generation('old') IS NOT NULL;
SELECT balance, available, held FROM commission.balance WHERE account = 'holder';
RESET commission.hold_days;

-- sums that are rolled up hold late legs
SELECT * FROM earned WHERE account IN ('late', 'late c') ORDER BY 1, 2;
CALL commission.rollup();
SELECT account, lifetime, brand_lifetime, creator_lifetime, subscription_lifetime FROM commission.earnings
WHERE account IN ('late', 'late c') ORDER BY 1;
SELECT * FROM commission.audit();

-- what the audit sees
BEGIN;
ALTER TABLE commission.late_accrual DISABLE TRIGGER ALL;
ALTER TABLE commission.unreferred_leg DISABLE TRIGGER ALL;
UPDATE commission.late_accrual SET amount = amount + 1
WHERE event_id = (SELECT min(event_id) FROM commission.late_accrual);
DELETE FROM commission.unreferred_leg WHERE leg = 'o';
SELECT problem, count(*) FROM commission.audit() WHERE problem !~ 'guard' GROUP BY problem ORDER BY problem;
ROLLBACK;
\set VERBOSITY terse
UPDATE commission.late_accrual SET amount = 0;
DELETE FROM commission.unreferred_leg;

DROP TABLE sale;
DROP VIEW earned, compared;
DROP FUNCTION sign_up;
DROP EXTENSION commission;

/*
 * terms.sql
 *		A year of a programme whose rates differ (R40 to R43): a partner, a
 *		group, a lowering that is announced, subscriptions that pay for so long.
 */
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\set SHOW_CONTEXT never
SET commission.minimum_payout = 0;

/* The day of the lowering, and a sale on it. */
CREATE TABLE calendar AS
	SELECT ((now() AT TIME ZONE 'UTC')::date + 31)::timestamp AT TIME ZONE 'UTC' AS midnight;
CREATE FUNCTION sell(generation text, buyer text, at timestamptz DEFAULT now())
	RETURNS boolean LANGUAGE sql
RETURN commission.record_generation(generation, buyer, 'avatar', 'photos',
	model_price => 1000, api_cost => 40, occurred_at => at) IS NOT NULL;
CREATE VIEW leg AS
	SELECT source, account, kind, ratio, amount FROM commission.ledger
	WHERE kind IN ('brand', 'creator');

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100),
	commission.register_listing('photos', 'photographer', 'reference', 100);
SELECT commission.refer('partner''s', 'partner', 'brand', '2026-01-01'),
	commission.refer('plain''s', 'plain', 'brand', '2026-01-01'),
	commission.refer('seller', 'member', 'creator', '2026-01-01'),
	commission.refer('photographer', 'other', 'creator', '2026-01-01');

-- the programme at 30/20/50; a partner at 0.45, a group at 0.35
SELECT commission.set_terms('partner', brand_ratio => 0.45, reason => 'launch partner') IS NOT NULL,
	commission.set_group_terms('agencies', creator_ref_ratio => 0.35) IS NOT NULL;
SELECT commission.set_group('member', 'agencies', 'signed in May');
SELECT sell('three ratios', 'partner''s'), sell('plain', 'plain''s');
SELECT * FROM leg ORDER BY source, kind, account;
SELECT account, term, value, source, until FROM unnest(ARRAY['partner', 'member']) AS a (account)
CROSS JOIN LATERAL commission.terms_of(account) WHERE source <> 'settings';
SELECT what, regexp_replace(value, 'version \d+', 'version N') AS value
FROM commission.explain('three ratios') WHERE what ~ 'ratio|leg|cap' AND what !~ 'generation';
SELECT account, brand_ratio, brand_ratio_applied, brand_amount, creator_ratio, creator_ratio_applied,
	creator_amount, other_legs, platform_take
FROM commission.commission_detail WHERE generation = 'three ratios' ORDER BY account;
SELECT * FROM commission.what_if(NULL, NULL, 0.40, 0.10, NULL);

-- a promise: what lowers anything for anybody is announced thirty days ahead
SET commission.notice_days = 30;
\set VERBOSITY terse
SELECT commission.announce_terms(brand_ratio => 0.25) IS NOT NULL;
SELECT commission.announce_terms(brand_ratio => 0.25, valid_from => midnight - interval '5 days') IS NOT NULL
FROM calendar;
SELECT commission.announce_terms(brand_ratio => 0.25, valid_from => midnight, reason => 'dearer models')
	IS NOT NULL FROM calendar;
SELECT scope, account, group_name, valid_from = midnight AS on_its_day, reason, brand_ratio
FROM commission.announced_terms, calendar;
SELECT term, value, source, until = midnight AS until_midnight FROM commission.terms_of('plain'), calendar
WHERE term = 'brand_ratio';
SELECT term, value, source FROM calendar, commission.terms_of('plain', midnight) WHERE term = 'brand_ratio';
SELECT sell('before midnight', 'plain''s', midnight - interval '1 microsecond'),
	sell('at midnight', 'plain''s', midnight), sell('partner at midnight', 'partner''s', midnight)
FROM calendar;
SELECT * FROM leg WHERE source LIKE '%midnight' AND kind = 'brand' ORDER BY source;
SELECT what, regexp_replace(value, 'version \d+', 'version N') AS value
FROM commission.explain('at midnight') WHERE what = 'brand ratio at the time';
-- a raise begins at once, and is the programme's until the announced day
SELECT commission.announce_terms(brand_ratio => 0.32) IS NOT NULL;
SELECT sell('raised', 'plain''s'), sell('at midnight still', 'plain''s', midnight) FROM calendar;
SELECT source, ratio FROM leg WHERE source IN ('raised', 'at midnight still') AND kind = 'brand' ORDER BY source;
SELECT term, value FROM commission.program_terms WHERE term IN ('brand_ratio', 'notice_days');
-- by hand, nobody comes into less without notice
SELECT commission.set_group('member', NULL);
RESET commission.notice_days;
\set VERBOSITY default
-- stating nothing gives back to the settings
SELECT commission.announce_terms() IS NOT NULL;
SELECT sell('given back', 'plain''s');
SELECT source, ratio FROM leg WHERE source = 'given back' AND kind = 'brand';

-- what was sold before a sign-up is told of pays under the terms of its moment
SELECT sell('unreferred', 'latecomer', midnight - interval '1 day'), sell('unreferred later', 'latecomer', midnight)
FROM calendar;
SELECT commission.set_terms('partner', brand_ratio => 0.5, valid_from => midnight) IS NOT NULL FROM calendar;
SELECT commission.refer('latecomer', 'partner', 'brand', '2026-01-01', accrue_past => true);
SELECT * FROM leg WHERE source LIKE 'unreferred%' AND account = 'partner' ORDER BY source;
SELECT what, regexp_replace(regexp_replace(value, '\d{4}-.* UTC', 'TODAY'), 'version \d+', 'version N') AS value
FROM commission.explain('unreferred') WHERE what = 'late brand leg';

-- a subscription of 24 months under renewals => 11; one for 100 days; a bounty
SELECT commission.set_terms('year', renewals => 11) IS NOT NULL,
	commission.set_terms('season', days => 100) IS NOT NULL,
	commission.set_terms('bounty', first_order_amount => 2500, upgraded_renewal_ratio => 0.04) IS NOT NULL;
SELECT commission.refer(r || '''s', r, 'brand', now()) FROM unnest(ARRAY['year', 'season', 'bounty']) AS r;
SELECT count(commission.record_order(r || n, r || '''s', 1999, plan => 'pro', occurred_at => now() + n * interval '30 days'))
FROM unnest(ARRAY['year', 'season']) AS r, generate_series(0, 23) AS n;
SELECT account, counts_as, count(*), sum(amount) FROM commission.ledger
WHERE account IN ('year', 'season') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT what, value FROM commission.explain_order('year12') WHERE what = 'commission';
SELECT what, value FROM commission.explain_order('season4') WHERE what = 'commission';
SELECT commission.record_order('b1', 'bounty''s', 1999) IS NOT NULL, commission.record_order('b2', 'bounty''s', 1999) IS NOT NULL,
	commission.record_order('b3', 'bounty''s', 9999, 'upgrade') IS NOT NULL, commission.record_order('b4', 'bounty''s', 9999) IS NOT NULL;
SELECT source, kind, ratio, amount FROM commission.ledger WHERE account = 'bounty' ORDER BY source;
SELECT order_id, ratio, amount FROM commission.recent_order WHERE account = 'bounty' ORDER BY event_id DESC;
SELECT what, regexp_replace(value, 'version \d+', 'version N') AS value
FROM commission.explain_order('b1') WHERE what ~ 'flat|commission';
SELECT r AS account, p.* FROM unnest(ARRAY['year', 'bounty', 'plain']) AS r
CROSS JOIN LATERAL commission.project_subscription(1999, 23, r) AS p;
-- the same in one statement, and late
CREATE TABLE invoice (id text, customer text, amount int, at timestamptz);
SELECT commission.attach_orders('invoice', 'id', 'customer', 'amount', occurred_at => 'at');
SELECT commission.refer('in time', 'year', 'brand', now());
INSERT INTO invoice SELECT c || n, c, 1999, now() + n * interval '30 days'
FROM unnest(ARRAY['in time', 'late']) AS c, generate_series(0, 23) AS n;
SELECT commission.refer('late', 'year', 'brand', now(), accrue_past => true);
SELECT from_account, count(*), sum(amount) FROM commission.ledger
WHERE account = 'year' GROUP BY 1 ORDER BY 1;

-- a code read out in a video: an order that carries it refers, twice
SET commission.cref_secret = 'a secret that only postgresql.conf should know';
SELECT commission.register_account('toni');
SELECT commission.set_coupon('VIDEO', 'vera', uses => 2);
SELECT commission.record_order('c1', 'viewer', 1000, coupon => 'VIDEO') IS NOT NULL,
	commission.record_order('c2', 'viewer', 1000, coupon => 'VIDEO') IS NOT NULL,
	commission.record_order('c1', 'viewer', 1000, coupon => 'VIDEO') IS NOT NULL AS again;
SELECT commission.record_order('c1', 'viewer', 1000, coupon => 'OTHER');
SELECT commission.record_order('c3', 'nobody''s', 1000, coupon => 'video') IS NOT NULL;
-- a live first touch wins: in time, and when it is told of late
SELECT commission.attribute('touched', commission.sign_cref('toni', now() - interval '1 day', 'blog'), 'brand');
SELECT commission.record_order('c4', 'touched', 1000, coupon => 'VIDEO') IS NOT NULL;
SELECT commission.record_order('c5', 'touched late', 1000, occurred_at => now() - interval '30 minutes') IS NOT NULL,
	commission.record_order('c6', 'touched late', 1000, coupon => 'VIDEO') IS NOT NULL;
SELECT commission.attribute('touched late', commission.sign_cref('toni', now() - interval '1 day', 'blog'),
	'brand', now() - interval '1 hour');
SELECT commission.record_order('c7', 'touched late', 1000) IS NOT NULL;
SELECT commission.attribute('viewer', commission.sign_cref('toni', now() - interval '40 days'), 'brand');
SELECT commission.redeem_coupon(a, 'VIDEO') FROM unnest(ARRAY['third', 'vera', 'touched']) AS a;
SELECT source, account, kind, amount FROM commission.ledger WHERE account IN ('vera', 'toni') ORDER BY source;
SELECT account, outcome, reason, referrer, coupon FROM commission.attribution_attempt
WHERE coupon IS NOT NULL OR referrer = 'toni' ORDER BY attempt_id;
SELECT account, campaign, sum(clicks) AS clicks, sum(signups) AS signups, sum(conversions) AS conversions,
	sum(earnings) AS earnings
FROM commission.funnel WHERE account IN ('vera', 'toni') GROUP BY account, campaign ORDER BY account, campaign;
-- in one statement: what was ordered before it in the same moment pays, too
ALTER TABLE invoice ADD coupon text;
SELECT commission.detach('invoice'), commission.attach_orders('invoice', 'id', 'customer', 'amount', coupon => 'coupon');
SELECT commission.set_coupon('BULK', 'bea');
INSERT INTO invoice (id, customer, amount, coupon) VALUES ('k1', 'kim', 1000, NULL),
	('k2', 'kim', 1000, 'BULK'), ('k3', 'kim', 1000, NULL), ('l1', 'lee', 1000, repeat('x', 5000));
SELECT source, kind, amount FROM commission.ledger WHERE account = 'bea' ORDER BY source;
SELECT commission.end_coupon('BULK'), commission.end_coupon('BULK') AS again, commission.end_coupon('none') AS none;
SELECT commission.redeem_coupon('lou', 'BULK');
SELECT commission.set_coupon('LATER', 'bea', valid_from => '2999-01-01', valid_until => '2999-02-01', uses => 5);
SELECT commission.set_coupon('CLOSED', 'closed', uses => 5), commission.close_account('closed');
SELECT coupon, referrer, isfinite(valid_until) AS ends, uses, used, remaining, is_valid FROM commission.coupon_status ORDER BY coupon;
-- what is set anew: fewer uses than it has had, and then any number
SELECT commission.set_coupon('VIDEO', 'toni', uses => 1);
SELECT referrer, uses, used, remaining, is_valid FROM commission.coupon_status WHERE coupon = 'VIDEO';
SELECT commission.set_coupon('VIDEO', 'vera');
SELECT commission.redeem_coupon('fourth', 'VIDEO');
SELECT referrer, uses, used, remaining, is_valid FROM commission.coupon_status WHERE coupon = 'VIDEO';
SELECT commission.set_coupon('VIDEO', 'vera', uses => 0);
SELECT commission.set_coupon('VIDEO', 'vera', '2026-01-02', '2026-01-01');

-- tiers: two moves up and one down, each with its figure; none by itself
RESET commission.total_cap_ratio;
SELECT commission.set_group_terms('silver', renewal_ratio => 0.10) IS NOT NULL,
	commission.set_group_terms('gold', renewal_ratio => 0.12, brand_ratio => 0.35) IS NOT NULL;
SELECT commission.set_tiers('[{"group": "gold", "from": 1000}, {"group": "silver", "from": 500}]', 'commission', 30);
SELECT commission.refer(r || '''s', r, 'brand', '2999-01-01') FROM unnest(ARRAY['ann', 'ben', 'pat']) AS r;
SELECT commission.set_group('pat', 'silver', 'by hand');
SELECT count(commission.record_order(r || d, r || '''s', 4000, 'upgrade', occurred_at => d::timestamptz))
FROM unnest(ARRAY['ann', 'ben', 'pat']) AS r, unnest(ARRAY['2999-01-10', '2999-01-20']) AS d;
SELECT commission.record_order('ben more', 'ben''s', 4000, 'upgrade', occurred_at => '2999-01-25') IS NOT NULL;
SELECT * FROM commission.apply_tiers('2999-01-31 12:00');
SELECT * FROM commission.apply_tiers('2999-01-31 12:00');
SELECT commission.record_order(r || ' in February', r || '''s', 1000, 'renewal', occurred_at => '2999-02-01') IS NOT NULL AS owed,
	commission.record_order(r || ' before', r || '''s', 1000, 'renewal', occurred_at => '2999-01-31 11:59') IS NOT NULL AS owed_before
FROM unnest(ARRAY['ann', 'ben', 'pat']) AS r;
SELECT commission.record_order('ann more', 'ann''s', 9000, 'upgrade', occurred_at => '2999-02-02') IS NOT NULL;
SELECT * FROM commission.apply_tiers('2999-02-24');
SELECT * FROM commission.apply_tiers('2999-01-31');
SELECT * FROM commission.apply_tiers('2999-04-01');
SELECT source, account, ratio FROM commission.ledger WHERE kind = 'renewal' AND account IN ('ann', 'ben', 'pat') ORDER BY source;
SELECT account, from_group, to_group, reason, figure, valid_from FROM commission.group_history
WHERE account IN ('ann', 'ben') ORDER BY change_id;
SELECT commission.set_group('pat', NULL, 'to the tiers again');
SELECT account, to_group, figure FROM commission.apply_tiers('2999-01-31 13:00') WHERE account = 'pat';
SELECT commission.set_tiers('[{"group": "a", "from": 1.5}]', 'commission', 30);
SELECT commission.set_tiers('[{"group": "a", "from": 1}, {"group": "a", "from": 2}]', 'commission', 30);
SELECT commission.set_tiers('[]', 'luck', 30);
SELECT measure, a.name, f.figure FROM unnest(ARRAY['net_margin', 'active_customers']) AS measure
CROSS JOIN LATERAL commission_internal.tier_figures(measure, (now() AT TIME ZONE 'UTC')::date - 1,
	(now() AT TIME ZONE 'UTC')::date) AS f
JOIN commission.account AS a USING (account_id) WHERE a.name IN ('partner', 'vera') ORDER BY 1, 2;
-- no tiers: whoever came by one leaves, whoever was placed by hand stays
SELECT commission.set_tiers('[]', 'commission', 30);
SELECT account, from_group, to_group FROM commission.apply_tiers('2999-12-31');

-- adjustments: of either sign, each once, with a reason that the account sees
SELECT commission.adjust('bonus-1', 'vera', 700, 'thank you', '2026-06-01') IS NOT NULL,
	commission.adjust('bonus-1', 'vera', 700, 'thank you', '2026-06-01') = commission.adjust('bonus-1', 'vera', 700, 'thank you') AS same,
	commission.adjust('fix-1', 'vera', -90, 'paid twice by mistake', '2026-06-02') IS NOT NULL;
SELECT commission.adjust('bonus-1', 'vera', 701, 'thank you');
SELECT commission.adjust('bonus-2', 'vera', 0, 'nothing');
SELECT commission.adjust('bonus-2', 'vera', 1, '');
SELECT commission.adjust('bonus-2', 'vera', 1000000000000001, 'too much');
SELECT occurred_at, what, source, amount, balance FROM commission.statement('vera', '2026-06-01', '2026-06-30');
SELECT lifetime, subscription_lifetime, adjustments, balance, available FROM commission.earnings
JOIN commission.balance USING (account) WHERE account = 'vera';
SELECT kind, amount, source FROM commission.ledger WHERE source = 'fix-1';
CALL commission.rollup();
SELECT lifetime, adjustments FROM commission.earnings WHERE account = 'vera';

-- a minimum of one's own
SET commission.minimum_payout = 5000;
SELECT commission.set_terms('year', renewals => 11, minimum_payout => 1000) IS NOT NULL;
SELECT commission.request_withdrawal('season', 100, 'bank', 'DE02');
SELECT commission.request_withdrawal('year', 999, 'bank', 'DE02');
SELECT commission.request_withdrawal('year', 1000, 'bank', 'DE02') IS NOT NULL;

-- what was withdrawn can be taken back, too
SELECT commission.adjust('fix-2', 'year', -1000000, 'its customers were invented') IS NOT NULL;
SELECT balance < 0 AS owes FROM commission.balance WHERE account = 'year';
SELECT * FROM commission.audit();
UPDATE commission.terms_version SET brand_ratio_ppm = 0;

DROP FUNCTION sell;
DROP VIEW leg;
DROP TABLE calendar, invoice;
DROP EXTENSION commission;

/*
 * fraud.sql
 *		What a reviewer should look at (R47): each rule, what it shows and what
 *		it does not.
 */
SET timezone = 'UTC';
SET commission.cref_secret = 'thirty-two bytes or more, and of noise';
CREATE VIEW signal AS
	SELECT rule, account, other, evidence - '{clicked_at,signed_up_at,converted_at,first,second,from}'::text[] AS evidence
	FROM commission.fraud_signal;

-- which spellings reach one mailbox
SELECT address, commission_internal.mailbox(address)
FROM (VALUES ('Maria.Lopez+shop@Gmail.com'), ('marialopez@googlemail.com'), ('m.lopez+x@outlook.com'),
	('m.lopez+x@example.com'), ('M.Lopez@example.COM'), ('Maria Lopez'), ('@'), ('a@b@gmail.com'), ('')) AS a (address);

-- the referrer's mailbox is the referred account's
SELECT commission.register_account('maria', 'Maria.Lopez@gmail.com'), commission.register_account('m2', 'marialopez+2@googlemail.com'),
	commission.register_account('m3', 'maria.lopez@example.com'), commission.register_account('m4', 'marialopez@example.com'), commission.register_account('olga', 'Olga'),
	commission.register_account('o2', 'olga');
SELECT commission.refer('m2', 'maria', 'brand'), commission.refer('m3', 'maria', 'brand'), commission.refer('o2', 'olga', 'brand'),
	commission.refer('m2', 'maria', 'creator'), commission.refer('m4', 'm3', 'brand'), commission.refer('Olga@gmail.com', 'ol.ga@gmail.com', 'brand');
SELECT * FROM signal ORDER BY account, other;

-- accounts that referred one another: the second referral closes the circle
SELECT commission.refer('a', 'b', 'brand'), commission.refer('b', 'a', 'creator'), commission.refer('c', 'a', 'brand');
SELECT * FROM signal WHERE rule = 'mutual_referral';

-- sign-ups within seconds of the click
SELECT commission.attribute('quick', commission.touch('maria', touched_at => now() - interval '9 seconds'), 'brand') AS quick,
	commission.attribute('slow', commission.touch('maria', touched_at => now() - interval '10 seconds'), NULL) AS slow,
	commission.attribute('both', commission.touch('maria', touched_at => now() - interval '1 second'), NULL) AS both_roles;
SELECT rule, account, other FROM signal WHERE rule = 'quick_signup' ORDER BY other;
SET commission.signal_signup_seconds = 5;
SELECT rule, account, other FROM signal WHERE rule = 'quick_signup' ORDER BY other;
RESET commission.signal_signup_seconds;

-- conversions without a click: olga has none, and maria's came before she had one
SELECT commission.touch('olga', touched_at => now() + interval '1 hour') IS NOT NULL AS later;
SELECT commission.refer('p', 'pia', 'brand');
SELECT commission.touch('pia', touched_at => now() - interval '31 days') IS NOT NULL AS too_early;
SELECT commission.register_listing('portrait', 'seller', 'avatar', 100);
CREATE FUNCTION sell(sale text, buyer text) RETURNS boolean LANGUAGE sql
RETURN commission.record_generation(sale, buyer, 'portrait', model_price => 1000, api_cost => 20) > 0;
SELECT sell('by o2', 'o2'), sell('by quick', 'quick'), sell('by p', 'p');
SELECT rule, account, other FROM signal WHERE rule = 'conversion_without_click' ORDER BY account;
SET commission.attribution_window_days = 31;
SELECT rule, account, other FROM signal WHERE rule = 'conversion_without_click' ORDER BY account;
RESET commission.attribution_window_days;
-- ... clicks that were purged accuse nobody
SELECT commission.touch('pia', touched_at => now() - interval '20 days') IS NOT NULL AS clicked;
SELECT rule, account, other FROM signal WHERE rule = 'conversion_without_click' ORDER BY account;
CALL commission.purge_touches('10 days');
SELECT rule, account, other FROM signal WHERE rule = 'conversion_without_click' ORDER BY account;

-- refunded sales: three of them, and of what they earned at least 0.30; rolled up or not
SELECT count(sell(sale || n, buyer)) FROM generate_series(1, 9) AS n,
	(VALUES ('quick ', 'quick'), ('o2 ', 'o2')) AS s (sale, buyer);
SELECT count(commission.reverse_generation('quick ' || n)), count(commission.reverse_generation('o2 ' || n, 10 * n))
FROM generate_series(1, 2) AS n;
SELECT * FROM signal WHERE rule = 'refunded_sales';
SELECT commission.reverse_generation('quick 3') > 0 AS refunded, commission.reverse_generation('o2 3', 10) > 0 AS refunded;
SELECT * FROM signal WHERE rule = 'refunded_sales';
SET commission.signal_refund_ratio = 0.0001;
SELECT * FROM signal WHERE rule = 'refunded_sales' ORDER BY account;
SET commission.signal_refunds = 4;
SELECT * FROM signal WHERE rule = 'refunded_sales';
RESET commission.signal_refunds;
RESET commission.signal_refund_ratio;
CALL commission.rollup();
SELECT * FROM signal WHERE rule = 'refunded_sales';
SELECT rule, account, other FROM signal WHERE rule = 'conversion_without_click' ORDER BY account;

-- one destination of several accounts: payout addresses and withdrawals
SET commission.minimum_payout = 0;
SELECT commission.set_payout('maria', 'paypal', 'Money@gmail.com'), commission.set_payout('maria', 'paypal', 'mo.ney@gmail.com'),
	commission.set_payout('m3', 'bank', 'DE02120300000000202051');
SELECT * FROM signal WHERE rule = 'shared_destination';
SELECT commission.request_withdrawal('olga', 1, destination => 'money+1@gmail.com') > 0 AS requested;
SELECT commission.set_payout('m4', 'paypal', 'dot.ted@example.com'), commission.set_payout('o2', 'paypal', 'dotted@example.com');
SELECT commission.set_payout('c', 'bank', 'de02120300000000202051'), commission.set_payout('a', 'bank', 'DE02120300000000202051');
SELECT rule, account, other <> account AS another, evidence FROM signal WHERE rule = 'shared_destination' ORDER BY account;

-- a burst of sign-ups
SELECT count(commission.refer('bot' || n, 'bo', 'brand')) FROM generate_series(1, 19) AS n;
SELECT * FROM signal WHERE rule = 'signup_burst';
SELECT commission.refer('bot20', 'bo', 'brand');
SELECT * FROM signal WHERE rule = 'signup_burst';
SET commission.signal_burst_signups = 21;
SELECT count(*) FROM signal WHERE rule = 'signup_burst';
RESET commission.signal_burst_signups;
SELECT commission.register_account('dan');
SELECT count(commission.attribute('drip' || n, commission.touch('dan', touched_at => '2024-01-01'), 'brand',
	signed_up_at => '2024-01-02'::timestamptz + n * interval '1 minute')) FROM generate_series(1, 20) AS n;
SELECT account FROM signal WHERE rule = 'signup_burst';
SET commission.signal_burst_minutes = 19;
SELECT account, evidence FROM signal WHERE rule = 'signup_burst' ORDER BY account;

-- of what was recorded in the last signal_days
ALTER TABLE commission.referral_change DISABLE TRIGGER USER;
ALTER TABLE commission.attempt DISABLE TRIGGER USER;
UPDATE commission.referral_change SET changed_at = changed_at - interval '30 days 1 minute';
UPDATE commission.attempt SET attempted_at = attempted_at - interval '30 days 1 minute';
SELECT rule, account FROM signal WHERE rule NOT IN ('refunded_sales', 'shared_destination');
SET commission.signal_days = 0;
SELECT rule, count(*) FROM signal GROUP BY rule ORDER BY rule;

DROP VIEW signal;
DROP FUNCTION sell;
DROP EXTENSION commission;

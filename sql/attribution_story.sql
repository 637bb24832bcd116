/*
 * attribution_story.sql
 *		A visitor's story, from the first click on a link to what it pays, and
 *		to the end of the referral (R26 to R29, R35, R36).
 *
 * The roles are those of a platform: the application that serves storefronts
 * and sign-ups, its operators, and its dashboards.
 */
SET client_min_messages = warning;
CREATE ROLE regress_commission_app;
CREATE ROLE regress_commission_operator;
CREATE ROLE regress_commission_dashboard;
RESET client_min_messages;
SELECT commission.grant_writer('regress_commission_app'),
	commission.grant_operator('regress_commission_operator'),
	commission.grant_reader('regress_commission_dashboard');
SET TimeZone = 'UTC';
\set SHOW_CONTEXT never
SET DateStyle = 'ISO';
SET commission.cref_secret = 'a secret that only postgresql.conf should know';

-- Maria has a storefront.  Any account can refer others: nobody approves it.
SET ROLE regress_commission_app;
SELECT commission.register_account('maria', 'maria.lopez@gmail.com');
SELECT commission.register_account('otto', 'otto@example.org');

-- She takes her link, and materials that have it in them.
SELECT commission.referral_link('https://example.com/maria?lang=es#shop',
								'maria', 'spring sale');
RESET ROLE;
SET ROLE regress_commission_operator;
SELECT commission.set_material('wide', 'banner', 'Wide banner',
							   '<a href="{link}"><img src="wide.png"></a>');
SELECT commission.set_material('curl', 'code_snippet', 'First call',
							   'curl ''{link}''');
RESET ROLE;
SET ROLE regress_commission_app;
SELECT * FROM commission.materials_for('maria', 'https://example.com/maria?lang=es',
									   'spring sale');

-- A visitor follows it.  The token goes into a cookie.
SELECT commission.touch('maria', NULL, 'spring sale', '/maria',
						'2026-03-01 09:00') AS cookie \gset
SELECT * FROM commission.read_cref(:'cookie');

-- Two weeks later the visitor follows a link of Otto's.  The first touch
-- stays, and the cookie with it; but the click is Otto's.
SELECT commission.touch('otto', :'cookie', 'blog', '/otto',
						'2026-03-15 10:00') = :'cookie' AS cookie_stays;

-- What is not a link of anybody's changes nothing.
SELECT commission.touch('<script>', :'cookie', NULL, NULL,
						'2026-03-15 10:01') = :'cookie' AS cookie_stays;
SELECT commission.touch('<script>') AS no_cookie;

-- The visitor signs up, thirty days after the first touch to the second.  The
-- application registers the account, and the first page that it loads attributes it.
SELECT commission.register_account('bob', 'bob.builder@example.org');
SELECT commission.attribute('bob', :'cookie', 'brand', '2026-03-31 09:00');

-- The e-mail confirmation comes by another road, and the visitor's other tab
-- has lost the cookie.
SELECT commission.attribute('bob', :'cookie', 'brand', '2026-03-31 09:00');
SELECT commission.attribute('bob', NULL, 'brand', '2026-03-31 09:00');

-- Support reads what happened.
RESET ROLE;
SET ROLE regress_commission_dashboard;
SELECT account, role, outcome, reason, referrer, campaign, touched_at
FROM commission.attribution_attempt;

-- What Bob pays from then on pays Maria; what he paid before does not.
RESET ROLE;
SET ROLE regress_commission_app;
SELECT commission.record_order('o0', 'bob', 1999, 'upgrade',
							   occurred_at => '2026-03-31 08:59:59.999999') IS NOT NULL AS pays;
SELECT commission.record_order('o1', 'bob', 1999, plan => 'Pro',
							   occurred_at => '2026-03-31 09:00') IS NOT NULL AS pays;
SELECT commission.record_order('o2', 'bob', 1999,
							   occurred_at => '2026-04-30 23:59:59.999999') IS NOT NULL AS pays;

-- Maria's dashboard.  Days are UTC days.
RESET ROLE;
SET ROLE regress_commission_dashboard;
SELECT campaign, day, clicks, signups, conversions, earnings
FROM commission.funnel WHERE account = 'maria' ORDER BY day;
SELECT referred, role, signed_up_at, campaign, plan, lifetime, last_earned_at
FROM commission.referral_earnings WHERE account = 'maria';
SELECT campaign, clicks, signups, conversions, earnings
FROM commission.funnel WHERE account = 'otto';

-- A refund takes its part back, on the day that it is made.
RESET ROLE;
SET ROLE regress_commission_operator;
SELECT commission.reverse_order('o2') IS NOT NULL AS reversed;
RESET ROLE;
SET ROLE regress_commission_dashboard;
SELECT lifetime, last_earned_at FROM commission.referral_earnings
WHERE account = 'maria';
SELECT sum(earnings) AS earnings, sum(conversions) AS conversions
FROM commission.funnel WHERE account = 'maria';

-- Otto shows that Bob was his customer all along.  The operator moves the
-- referral: what Maria has earned she keeps, and the trace tells who was before.
RESET ROLE;
SET ROLE regress_commission_operator;
SELECT commission.move_referral('bob', 'otto', 'brand', '2026-05-01', 'ticket 4711');
SELECT commission.move_referral('bob', 'otto', 'brand', '2026-05-02');
RESET ROLE;
SET ROLE regress_commission_app;
SELECT commission.record_order('o3', 'bob', 1999,
							   occurred_at => '2026-05-31') IS NOT NULL AS pays;
RESET ROLE;
SET ROLE regress_commission_dashboard;
SELECT account, referred, plan, lifetime, last_earned_at, in_force
FROM commission.referral_earnings ORDER BY account;
SELECT role, referrer, attributed_at, campaign, reason
FROM commission.referral_history WHERE account = 'bob' ORDER BY change_id DESC;

-- And ends it.
RESET ROLE;
SET ROLE regress_commission_operator;
SELECT commission.end_referral('bob', 'brand', 'partner left');
SELECT commission.end_referral('bob', 'brand');
SELECT commission.move_referral('bob', 'maria', 'brand');
RESET ROLE;
SET ROLE regress_commission_app;
SELECT commission.record_order('o4', 'bob', 1999,
							   occurred_at => '2026-06-30') IS NOT NULL AS pays;
RESET ROLE;
SET ROLE regress_commission_dashboard;
SELECT account, lifetime, in_force
FROM commission.referral_earnings ORDER BY account;
SELECT referrer, reason FROM commission.referral_history
WHERE account = 'bob' ORDER BY change_id DESC LIMIT 1;

-- What maria has earned until then is hers, and she is paid: her first payout.
RESET ROLE;
SET commission.minimum_payout = 100;
SET ROLE regress_commission_operator;
SELECT commission.request_withdrawal('maria', destination => 'maria@studio.example')
	AS withdrawal \gset
SELECT commission.approve_withdrawal(:withdrawal);
SELECT commission.pay_withdrawal(:withdrawal, 'PAYPAL-1');
RESET ROLE;
RESET commission.minimum_payout;
SET ROLE regress_commission_dashboard;
SELECT account, balance, available, in_withdrawal, withdrawn
FROM commission.balance WHERE account = 'maria';
SELECT state, amount, method, destination
FROM commission.withdrawal_status WHERE account = 'maria';
RESET ROLE;
SELECT * FROM commission.audit();

-- Each role may do its own, and no more.
\set VERBOSITY sqlstate
SET ROLE regress_commission_app;
SELECT commission.refer('bob', 'maria', 'brand');
SELECT commission.end_referral('bob', 'brand');
SELECT commission.remove_material('wide');
SELECT account FROM commission.funnel;
SELECT landing FROM commission.touch;
INSERT INTO commission.referral
SELECT commission.account_id('bob'), commission.account_id('maria'), now(), 'brand';
RESET ROLE;
SET ROLE regress_commission_operator;
SELECT commission.attribute('bob', :'cookie', 'brand');
SELECT commission.touch('maria');
SELECT * FROM commission.materials_for('maria', '/');
RESET ROLE;
SET ROLE regress_commission_dashboard;
SELECT commission.touch('maria');
SELECT commission.refer('bob', 'maria', 'brand');
SELECT count(*) FROM commission.attempt;
SELECT count(*) FROM commission.referral_change;
RESET ROLE;

-- What happened, happened, for the owner too.
UPDATE commission.touch SET landing = NULL;
UPDATE commission.attempt SET outcome = 'attributed';
TRUNCATE commission.referral_change;
\set VERBOSITY default

DROP EXTENSION commission;
DROP OWNED BY regress_commission_app, regress_commission_operator,
	regress_commission_dashboard;
DROP ROLE regress_commission_app, regress_commission_operator,
	regress_commission_dashboard;

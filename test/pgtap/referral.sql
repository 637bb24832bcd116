/*
 * referral.sql: the operator's referrals (R29), what nobody is to do to
 * referrals and their traces, and strays, as the audit finds them.
 */
BEGIN;
SET LOCAL TimeZone = 'UTC';
SET LOCAL commission.cref_secret = '0123456789abcdef0123456789abcdef';
SET LOCAL commission.cref_secret_previous = '';

SELECT plan(33);

DO $$ BEGIN
	PERFORM commission.register_account('maria', 'maria.lopez@gmail.com');
	PERFORM commission.register_account('otto');
	PERFORM commission.attribute('bob', commission.sign_cref('maria', '2026-03-01'),
								 NULL, '2026-03-02 10:00');
END $$;

/*
 * Errors
 */

SELECT throws_ok('SELECT commission.' || call, errcode, message, call)
FROM (VALUES
	('refer(''a'', ''a'', ''brand'')', '23514',
	 'an account cannot be referred by itself'),
	('refer(''1'', ''1'', ''brand'')', '23514',
	 'an account cannot be referred by itself'),
	('refer(NULL, ''a'', ''brand'')', '22004', 'account must not be NULL'),
	('refer(''a'', NULL, ''brand'')', '22004', 'referrer must not be NULL'),
	('refer(''a'', ''b'', NULL)', '22004', 'role must not be NULL'),
	('refer(''a'', ''b'', ''brand'', ''infinity'')', '22008',
	 'attributed_at must be a finite time'),
	('move_referral(''bob'', ''bob'', ''brand'')', '23514',
	 'an account cannot be referred by itself'),
	('move_referral(''nobody'', ''bob'', ''brand'')', '55000',
	 'account "nobody" has no referrer as a brand'),
	('move_referral(''bob'', NULL, ''brand'')', '22004',
	 'referrer must not be NULL'),
	('end_referral(NULL, ''brand'')', '22004', 'account must not be NULL'),
	('end_referral(''bob'', NULL)', '22004', 'role must not be NULL'))
	AS t (call, errcode, message);

/*
 * The operator
 */

SELECT ok(commission.refer('carol', 'maria', 'brand', '2026-01-01'),
		  'the operator refers');
SELECT ok(NOT commission.refer('carol', 'otto', 'brand'),
		  'a referrer is set once');
SELECT ok(commission.refer('carol', 'otto', 'creator', '2026-01-02'),
		  'for each role');
SELECT is(commission.attribute('carol', commission.sign_cref('otto', '2025-12-31'),
							   'brand', '2026-01-01')::text,
		  'already_attributed', 'and a sign-up that comes later finds it set');
SELECT ok(commission.move_referral('carol', 'otto', 'brand', '2026-02-01', 'why'),
		  'the operator moves it');
SELECT ok(NOT commission.move_referral('carol', 'otto', 'brand', '2026-02-02'),
		  'once');
SELECT ok(commission.end_referral('carol', 'brand'), 'ends it');
SELECT ok(NOT commission.end_referral('carol', 'brand'), 'once');
SELECT ok(NOT commission.end_referral('nobody at all', 'brand'),
		  'and there may be none to end');
SELECT ok(commission.refer('carol', 'maria', 'brand', '2026-03-01'),
		  'and refers again');
SELECT results_eq(
	$$SELECT referrer COLLATE "default", attributed_at, signed_up_at, reason
	  FROM commission.referral_history
	  WHERE account = 'carol' AND role = 'brand' ORDER BY change_id$$,
	$$VALUES ('maria', '2026-01-01'::timestamptz, '2026-01-01'::timestamptz, NULL),
		('otto', '2026-02-01', '2026-01-01', 'why'),
		(NULL, NULL, '2026-01-01', NULL),
		('maria', '2026-03-01', '2026-01-01', NULL)$$,
	'all of which leaves a trace');
SELECT results_eq(
	$$SELECT role::text, referrer_id, attributed_at FROM commission.referral
	  WHERE account_id = commission.account_id('carol') ORDER BY role$$,
	$$VALUES ('brand', commission.account_id('maria'), '2026-03-01'::timestamptz),
		('creator', commission.account_id('otto'), '2026-01-02')$$,
	'and the referrers in force are the latest');
SELECT is_empty('SELECT * FROM commission.audit()', 'the books are in order');

/*
 * What nobody is to do
 */

SELECT throws_ok(
	$$INSERT INTO commission.referral VALUES
	  (commission.account_id('a'), commission.account_id('a'), now(), 'brand')$$,
	'23514', NULL, 'no road leads to a referral to oneself');
SELECT throws_ok(statement, '55000', NULL, statement)
FROM (SELECT format(s, t) AS statement
	  FROM unnest(ARRAY['attempt', 'referral_change', 'touch']) AS t,
		unnest(ARRAY['DELETE FROM commission.%I', 'TRUNCATE commission.%I',
					 'UPDATE commission.%I SET account_id = account_id']) AS s
	  WHERE t <> 'touch' OR s LIKE 'TRUNCATE%') AS t;

/*
 * Strays, as the audit finds them, and nothing else
 */

INSERT INTO commission.referral VALUES
	('00000000-0000-0000-0000-000000000001',
	 commission.account_id('maria'), now(), 'brand');
UPDATE commission.referral SET attributed_at = '2020-01-01'
WHERE account_id = commission.account_id('bob') AND role = 'brand';
DELETE FROM commission.referral
WHERE account_id = commission.account_id('carol') AND role = 'creator';
INSERT INTO commission.touch
VALUES (now(), '00000000-0000-0000-0000-000000000002');
SELECT bag_eq('SELECT problem FROM commission.audit()',
			  $$VALUES ('referral differs from its changes'),
				('referral differs from its changes'),
				('referral differs from its changes'),
				('referral of an account that does not exist'),
				('touch of a referrer that does not exist')$$,
			  'the audit finds strays');

SELECT * FROM finish();
ROLLBACK;

/*
 * attribution.sql: a sign-up completes a first touch (R28).
 */
BEGIN;
SET LOCAL TimeZone = 'UTC';
SET LOCAL commission.cref_secret = '0123456789abcdef0123456789abcdef';
SET LOCAL commission.cref_secret_previous = '';

SELECT plan(239);

/*
 * Every combination of what can be wrong, and the reason that is given
 */

CREATE TEMPORARY TABLE combination AS
SELECT 'account-' || row_number() OVER () AS account, c.*,
	CASE WHEN c.token = 'none' THEN 'no_touch'
		WHEN c.token = 'bad' THEN 'invalid_token'
		WHEN c.referrer NOT IN ('active', 'self') THEN 'unknown_referrer'
		WHEN c.referrer = 'self' THEN 'self_referral'
		WHEN c.referred THEN 'already_attributed'
		WHEN c.existing <> 'no' THEN 'existing_account'
		WHEN c.expired THEN 'expired'
		ELSE 'attributed'
	END AS expected,
	now() + CASE c.existing WHEN 'known' THEN interval '1 hour'
				ELSE interval '0' END AS touched_at,
	NULL::text AS outcome
FROM (SELECT *
	  FROM (VALUES ('none'), ('bad'), ('good')) AS i (token),
		(VALUES ('active'), ('unknown'), ('closed'), ('self'),
			('self, closed'), ('self, unknown')) AS f (referrer),
		(VALUES (true), (false)) AS a (referred),
		(VALUES ('no'), ('known'), ('signed up')) AS e (existing),
		(VALUES (true), (false)) AS x (expired)) AS c
WHERE NOT (c.referrer = 'self, unknown'
		   AND (c.referred OR c.existing = 'known'))
	AND NOT (c.existing = 'signed up' AND c.expired);

CREATE FUNCTION pg_temp.attempt(c combination) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	referrer text := CASE WHEN c.referrer LIKE 'self%' THEN c.account
					 ELSE c.account || '-' || c.referrer END;
	token text := commission.sign_cref(referrer, c.touched_at, 'spring');
BEGIN
	IF c.existing = 'known' THEN
		PERFORM commission.register_account(c.account);
	END IF;
	IF c.referred THEN
		PERFORM commission.refer(c.account, 'operator''s', 'brand');
	END IF;
	IF c.referrer NOT LIKE '%unknown' THEN
		PERFORM commission.register_account(referrer);
	END IF;
	IF c.referrer LIKE '%closed' THEN
		PERFORM commission.close_account(referrer);
	END IF;
	IF c.token <> 'good' THEN
		token := CASE c.token WHEN 'bad' THEN reverse(token) END;
	END IF;
	RETURN commission.attribute(c.account, token, 'brand',
		c.touched_at + CASE WHEN c.existing = 'signed up'
							THEN interval '-1 microsecond'
							WHEN c.expired THEN interval '31 days'
							ELSE interval '1 hour' END);
END
$$;

UPDATE combination AS c SET outcome = pg_temp.attempt(c);

SELECT is(outcome, expected,
		  format('%s: %s token, referrer %s,%s existing: %s%s', expected,
				 token, referrer,
				 CASE WHEN referred THEN ' referred,' END, existing,
				 CASE WHEN expired THEN ', expired' END))
FROM combination ORDER BY account COLLATE "C";

SELECT set_eq('SELECT outcome FROM combination',
			  'SELECT unnest(enum_range(NULL, ''no_touch''::commission.attribution_outcome))::text',
	'every outcome of a sign-up is among them');
SELECT is_empty($$
	SELECT c.account, r.referrer_id FROM combination AS c
	LEFT JOIN commission.referral AS r
		ON r.account_id = commission.account_id(c.account)
	WHERE r.referrer_id IS DISTINCT FROM
		commission.account_id(CASE WHEN c.referred THEN 'operator''s'
			WHEN c.expected = 'attributed' THEN c.account || '-active' END)$$,
	'a referral is set where the outcome is attributed, and nowhere else');
SELECT bag_eq('SELECT account, outcome::text FROM commission.attribution_attempt',
			  'SELECT account, outcome FROM combination',
	'each attempt is kept with its outcome');
SELECT is_empty($$
	SELECT * FROM commission.attribution_attempt
	WHERE (outcome IN ('no_touch', 'invalid_token')) <> (referrer IS NULL)
		OR (outcome IN ('no_touch', 'invalid_token')) <> (touched_at IS NULL)
		OR (outcome IN ('no_touch', 'invalid_token')) <> (campaign IS NULL)
		OR reason IS NULL$$,
	'with what a good token says, and with the meaning of the outcome');
SELECT is((SELECT array_agg(attempt_id) FROM commission.attribution_attempt),
		  (SELECT array_agg(attempt_id ORDER BY attempt_id DESC)
		   FROM commission.attempt),
		  'newest first');

/*
 * The boundaries, to the microsecond
 */

SELECT commission.register_account('maria', 'maria.lopez@gmail.com');
CREATE FUNCTION pg_temp.at(account text, touched_at timestamptz,
						   signed_up_at timestamptz, days integer)
	RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('commission.attribution_window_days', days::text, true);
	RETURN commission.attribute(account,
		commission.sign_cref('maria', touched_at), 'creator', signed_up_at);
END
$$;

SELECT is(pg_temp.at('boundary-' || n, t, t + after::interval, days), expected,
		  format('signed up %s after a touch of %s, window of %s days: %s',
				 after, t, days, expected))
FROM (VALUES
	(1, '2026-03-01 12:00'::timestamptz, '0', 30, 'attributed'),
	(2, '2026-03-01 12:00', '1 microsecond', 30, 'attributed'),
	(3, '2026-03-01 12:00', '-1 microsecond', 30, 'existing_account'),
	(4, '2026-03-01 12:00', '719:59:59.999999', 30, 'attributed'),
	(5, '2026-03-01 12:00', '720:00:00', 30, 'attributed'),
	(6, '2026-03-01 12:00', '720:00:00.000001', 30, 'expired'),
	(7, '2026-03-01 12:00', '24:00:00', 1, 'attributed'),
	(8, '2026-03-01 12:00', '24:00:00.000001', 1, 'expired'),
	(9, '2026-03-01 12:00', '876600:00:00', 36525, 'attributed'),
	(10, '2026-03-01 12:00', '876600:00:00.000001', 36525, 'expired'),
	(11, '4713-01-01 00:00 BC', '100000 years', 36525, 'expired'),
	(12, '4713-01-01 00:00 BC', '298000 years', 36525, 'expired'),
	(13, '294276-12-31 23:59:59.999999', '0', 36525, 'attributed'),
	(14, '294276-12-31 23:59:59.999999', '-1 microsecond', 36525,
	 'existing_account'))
	AS t (n, t, after, days, expected);

/* The window is of hours, whatever clocks do in between. */
SET LOCAL TimeZone = 'Europe/Madrid';
SELECT is(pg_temp.at('clocks-' || n, '2026-03-15 12:00+01', at::timestamptz, 30),
		  expected, 'a window across the change of clocks: ' || expected)
FROM (VALUES (1, '2026-04-14 12:00+01', 'attributed'),
	(2, '2026-04-14 12:00:00.000001+01', 'expired')) AS t (n, at, expected);
SET LOCAL TimeZone = 'UTC';
SET LOCAL commission.attribution_window_days = 30;

/*
 * What is a new account
 */

SELECT commission.register_account('registered');
SELECT is(pg_temp.at('registered', now(), now(), 30), 'attributed',
		  'an account registered at sign-up and attributed a moment later is new');
SELECT commission.register_account('known');
SELECT is(pg_temp.at('known', now() + interval '1 microsecond',
					 now() + interval '1 day', 30), 'existing_account',
		  'one known here since before the touch is not, whatever the application says');
SELECT is(pg_temp.at('past', '2026-03-01', '2026-03-02', 30), 'attributed',
		  'one that was attributed on a past day is known here since then');
SELECT is(registered_at, '2026-03-02',
		  'and registered at its sign-up')
FROM commission.account WHERE name = 'past';
SELECT is(commission.attribute('past', commission.sign_cref('maria', '2026-03-01'),
							   'brand', '2026-03-02')::text,
		  'attributed', 'so that the other role is attributed, too');
SELECT is(commission.attribute('organic', NULL, 'brand')::text, 'no_touch',
		  'one that signs up without a token');
SELECT is(commission.attribute('organic',
			commission.sign_cref('maria', now() + interval '1 microsecond'),
			'brand', now() + interval '1 day')::text, 'existing_account',
		  'is known from then on: a link followed later does not make it new');
SELECT is(commission.attribute('organic',
			commission.sign_cref('maria', now()), 'brand')::text, 'attributed',
		  'while a touch from before its sign-up still counts');

/*
 * An old customer in the ledger is not new, though nobody registered it
 */

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT ok(commission.record_generation('before', 'buyer', 'avatar', model_price => 20,
			api_cost => 10, occurred_at => '2026-02-28') IS NOT NULL,
		  'a buyer whom nobody registered');
SELECT commission.record_order('before', 'customer', 1999, occurred_at => '2026-02-28');
SELECT is_empty($$SELECT FROM commission.account WHERE name IN ('buyer', 'customer')$$,
				'and a customer');
SELECT is(pg_temp.at(account, touched_at::timestamptz, '2026-03-02', 30), expected, description)
FROM (VALUES
	('buyer', '2026-03-01', 'existing_account', 'who has bought before the touch is not new'),
	('customer', '2026-03-01', 'existing_account', 'nor who has ordered'),
	('buyer', '2026-02-28', 'attributed', 'who has bought since the touch is'),
	('customer', '2026-02-28', 'attributed', 'and who has ordered'))
	AS t (account, touched_at, expected, description);

/*
 * Both roles at once
 */

SELECT is(commission.attribute('both', commission.sign_cref('maria', '2026-03-01', 'both'),
							   NULL, '2026-03-02')::text,
		  'attributed', 'a NULL role is both');
SELECT results_eq(
	$$SELECT role::text, outcome::text FROM commission.attribution_attempt
	  WHERE account = 'both' ORDER BY attempt_id$$,
	$$VALUES ('brand', 'attributed'), ('creator', 'attributed')$$,
	'each with an outcome of its own');
SELECT is(signups, 1::bigint, 'and one sign-up')
FROM commission.funnel WHERE account = 'maria' AND campaign = 'both'
	AND (SELECT count(*) FROM commission.referral
		 WHERE account_id = commission.account_id('both')) = 2;
SELECT ok(commission.refer('half', 'otto', 'brand'), 'where one role has a referrer');
SELECT is(commission.attribute('half', commission.sign_cref('maria', now()), NULL)::text,
		  'attributed', 'the other is attributed');
SELECT is(commission.attribute('half', commission.sign_cref('maria', now()), NULL)::text,
		  'already_attributed', 'once');

/*
 * What an attribution gives
 */

SELECT is(commission.attribute('bob', commission.sign_cref('maria', '2026-03-01', 'spring'),
							   'brand', '2026-03-02 10:00', 'bob@example.org')::text,
		  'attributed', 'bob is attributed');
SELECT results_eq(
	$$SELECT r.referrer_id, r.attributed_at FROM commission.referral AS r
	  WHERE r.account_id = commission.account_id('bob') AND r.role = 'brand'$$,
	$$SELECT commission.account_id('maria'), '2026-03-02 10:00'::timestamptz$$,
	'the referral is from the sign-up on');
SELECT results_eq(
	$$SELECT role, referrer COLLATE "default", attributed_at, signed_up_at,
		campaign COLLATE "default", reason
	  FROM commission.referral_history WHERE account = 'bob'$$,
	$$VALUES ('brand'::commission.referral_role, 'maria',
			  '2026-03-02 10:00'::timestamptz, '2026-03-02 10:00'::timestamptz,
			  'spring', NULL::text)$$,
	'and in the trace, with its campaign');
SELECT is((SELECT label FROM commission.account WHERE name = 'bob'),
		  'bob@example.org', 'the label is kept');
SELECT is(commission.attribute('bob', NULL, 'brand', label => label)::text,
		  'no_touch', 'another attempt')
FROM (VALUES (NULL)) AS t (label);
SELECT is((SELECT label FROM commission.account WHERE name = 'bob'),
		  'bob@example.org', 'without a label leaves it');
SELECT is(commission.attribute('bob', 'x', 'brand', label => 'bob@home.org')::text,
		  'invalid_token', 'and one with a label');
SELECT is((SELECT label FROM commission.account WHERE name = 'bob'),
		  'bob@home.org', 'replaces it, whatever its outcome');
SELECT is(commission.attribute('bob', commission.sign_cref('maria', '2026-03-01', ''),
							   'creator', '2026-03-02')::text,
		  'attributed', 'an empty campaign');
SELECT is((SELECT campaign FROM commission.referral_history
		   WHERE account = 'bob' AND role = 'creator'), NULL, 'is none');
SELECT is(commission.attribute(account, commission.sign_cref(referrer, now()), 'brand')::text,
		  expected, description)
FROM (VALUES
	('0190F3A4-7A52-7C31-9D5E-2F6B8A1C4E07', '0190f3a4-7a52-7c31-9d5e-2f6b8a1c4e07',
	 'unknown_referrer', 'a uuid that is not known'),
	('0190f3a4-7a52-7c31-9d5e-2f6b8a1c4e07', '0190F3A4-7A52-7C31-9D5E-2F6B8A1C4E07',
	 'self_referral', 'itself in other letters'),
	('42', 'maria', 'attributed', 'a number'),
	('42', '42', 'self_referral', 'itself by its number'),
	('43', '042', 'unknown_referrer', 'a number in another spelling is another account'),
	(repeat('a', 1024), 'maria', 'attributed', 'the longest name'),
	('long', repeat('b', 1024), 'unknown_referrer', 'the longest referrer'))
	AS t (account, referrer, expected, description);

/*
 * Tokens
 */

SELECT is(commission.attribute('nobody-' || n, token, 'brand')::text,
		  'invalid_token', 'invalid_token: ' || left(token, 20))
FROM (VALUES (3, ' '), (4, 'maria'), (5, 'AQAB'),
	(6, repeat('A', 100000)), (7, E'\x01\x02'), (8, '春😀'),
	(9, commission.sign_cref('maria', now()) || 'A'),
	(10, ' ' || commission.sign_cref('maria', now())),
	(11, left(commission.sign_cref('maria', now()), -1))) AS t (n, token);

/* An organic sign-up is not a forged token, and neither is an empty cookie. */
SELECT is(commission.attribute('nobody-' || n, token, 'brand')::text,
		  'no_touch', 'no_touch: ' || quote_nullable(token))
FROM (VALUES (1, NULL), (2, '')) AS t (n, token);

CREATE TEMPORARY TABLE cookie AS
SELECT commission.sign_cref('maria', now()) AS token;
SET LOCAL commission.cref_secret = 'another secret of 32 bytes or more';
SET LOCAL commission.cref_secret_previous = '0123456789abcdef0123456789abcdef';
SELECT is(commission.attribute('rotated', token, 'brand')::text, 'attributed',
		  'a token under the previous secret is good') FROM cookie;
SET LOCAL commission.cref_secret = 'a third secret of 32 bytes or more';
SET LOCAL commission.cref_secret_previous = 'another secret of 32 bytes or more';
SELECT is(commission.attribute('rotated', token, 'creator')::text, 'invalid_token',
		  'and one under a secret before that is not') FROM cookie;
SET LOCAL commission.cref_secret = '';
SET LOCAL commission.cref_secret_previous = '';
SELECT throws_ok(format('SELECT commission.attribute(%L, %L, %L)', 'x', token, 'brand'),
				 '55000', NULL, 'a lost secret does not pass for a bad token')
FROM cookie;
SELECT is(commission.attribute('x', NULL, 'brand')::text, 'no_touch',
		  'no token needs no secret');
SET LOCAL commission.cref_secret = '0123456789abcdef0123456789abcdef';

/*
 * Errors
 */

SELECT throws_ok(format('SELECT commission.attribute(%s)', arguments), errcode,
				 message, 'attribute(' || arguments || ')')
FROM (VALUES
	('NULL, NULL, ''brand''', '22004', 'account must not be NULL'),
	('''x'', NULL, ''brand'', label => repeat(''x'', 1025)', '22023', 'label is too long'),
	(''''', NULL, ''brand''', '22023', 'account must not be empty'),
	('repeat(''a'', 1025), NULL, ''brand''', '22023', 'account is too long'),
	('''x'', NULL, ''brand'', ''infinity''', '22008',
	 'signed_up_at must be a finite time'),
	('''x'', NULL, ''brand'', ''-infinity''', '22008',
	 'signed_up_at must be a finite time'))
	AS t (arguments, errcode, message);

/*
 * All that was attributed, as the audit finds it
 */

SELECT is_empty('SELECT * FROM commission.audit()', 'the books are in order');

SELECT * FROM finish();
ROLLBACK;

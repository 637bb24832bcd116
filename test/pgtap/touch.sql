/*
 * touch.sql: clicks, and the token that a visitor keeps (R26, R27).
 */
BEGIN;
SET LOCAL TimeZone = 'UTC';
SET LOCAL commission.cref_secret = '0123456789abcdef0123456789abcdef';
SET LOCAL commission.cref_secret_previous = '';

SELECT plan(105);

SELECT commission.register_account(name)
FROM unnest(ARRAY['maria', 'otto', '42', '0190F3A4-7A52-7C31-9D5E-2F6B8A1C4E07',
				  repeat('m', 1024)]) AS name;
SELECT commission.close_account('gone');

CREATE TEMPORARY TABLE cookie AS
SELECT commission.sign_cref('maria', '2026-03-01 12:00') AS token;

/*
 * Whatever a visitor types is no error and, unless it names an active account,
 * no click
 */

CREATE TEMPORARY TABLE typed (n serial, cref text);
INSERT INTO typed (cref) VALUES
	(NULL), (''), (' '), ('nobody'), ('gone'), ('Maria'), (' maria'), ('maria '),
	(E'maria\n'), ('maria%20'), ('042'), ('+42'), ('43'),
	('9223372036854775808'), ('-9223372036854775809'), ('NaN'),
	('0190f3a4-7a52-7c31-9d5e-2f6b8a1c4e08'),
	('0190f3a47a527c319d5e2f6b8a1c4e07'),
	('00000000-0000-0000-0000-000000000000'),
	('''; DROP TABLE commission.touch --'), ('%s%n%x'), (E'\x01\x7F'),
	('春😀'), (U&'\FEFFmaria'), (U&'mari\0430'),
	(repeat('m', 1023)), (repeat('m', 1025)), (repeat('é', 512)),
	(repeat('é', 513)), (repeat('x', 1000000));

SELECT is(commission.touch(cref, NULL, 'c', 'l', '2026-03-02'), NULL,
		  format('%s: no token for %s', n, coalesce(quote_literal(left(cref, 20)), 'NULL')))
FROM typed ORDER BY n;
SELECT is(commission.touch(cref, token, 'c', 'l', '2026-03-02'), token,
		  format('%s: while the first touch is alive, its token', n))
FROM typed, cookie ORDER BY n;
SELECT is_empty('SELECT * FROM commission.touch', 'and none of them is a click');

/*
 * A click
 */

CREATE FUNCTION pg_temp.last_touch(OUT referrer text, OUT touched_at timestamptz,
								   OUT campaign text, OUT landing text)
	LANGUAGE sql AS $$
	SELECT a.name COLLATE "default", t.touched_at, t.campaign COLLATE "default", t.landing
	FROM commission.touch AS t
	LEFT JOIN commission.account AS a ON a.account_id = t.referrer_id
	ORDER BY t.ctid DESC LIMIT 1
$$;

SELECT results_eq(
	$$SELECT r.* FROM commission.touch('maria', NULL, 'spring', '/maria', '2026-03-01 12:00') AS t,
		commission.read_cref(t) AS r$$,
	$$VALUES ('maria', '2026-03-01 12:00'::timestamptz, 'spring')$$,
	'a first touch gives a token that carries it');
SELECT results_eq('SELECT * FROM pg_temp.last_touch()',
	$$VALUES ('maria', '2026-03-01 12:00'::timestamptz, 'spring', '/maria')$$,
	'and is a click, with its campaign and landing page');
SELECT results_eq(
	$$SELECT r.* FROM commission.touch('maria') AS t, commission.read_cref(t) AS r$$,
	$$VALUES ('maria', now(), NULL::text)$$,
	'the moment is now, the campaign none');
SELECT results_eq('SELECT * FROM pg_temp.last_touch()',
	$$VALUES ('maria', now(), NULL::text, NULL::text)$$, 'in the click, too');
SELECT results_eq(
	$$SELECT r.referrer, r.campaign
	  FROM commission.touch('0190F3a4-7A52-7C31-9D5E-2F6B8A1C4E07', NULL, 'x', NULL, NULL) AS t,
		commission.read_cref(t) AS r$$,
	$$VALUES ('0190f3a4-7a52-7c31-9d5e-2f6b8a1c4e07', 'x')$$,
	'a uuid is signed as it is spelt canonically');
SELECT is((SELECT r.referrer FROM commission.touch(name) AS t,
				commission.read_cref(t) AS r), name, left(name, 10) || ' is a referrer')
FROM unnest(ARRAY['42', repeat('m', 1024)]) AS name;

SELECT is((SELECT r.campaign
		   FROM commission.touch('maria', NULL, given, landing) AS t,
				commission.read_cref(t) AS r),
		  kept, description || ': in the token')
FROM (VALUES
	('', NULL, NULL, 'an empty campaign is none'),
	(repeat('c', 1024), NULL, repeat('c', 1024), 'the longest campaign'),
	(repeat('c', 1025), NULL, NULL, 'one that is too long is none'),
	(repeat('é', 512), NULL, repeat('é', 512), 'its bytes count'),
	(repeat('é', 513), NULL, NULL, 'not its characters'),
	(repeat('c', 1000000), NULL, NULL, 'however long it is'))
	AS t (given, landing, kept, description);
SELECT is((SELECT count(*) FROM commission.touch WHERE campaign IS NULL),
		  7::bigint, 'and in the click');
SELECT lives_ok($$SELECT commission.touch('maria', NULL, NULL, repeat('/', 2047) || 'é/')$$,
				'a landing page of any length');
SELECT is((SELECT landing FROM pg_temp.last_touch()), repeat('/', 2047),
		  'is cut, at a character');

/*
 * First touch wins
 */

SELECT is(commission.touch('otto', token, 'autumn', '/otto', '2026-03-02'), token,
		  'a link of another while the first touch is alive changes nothing')
FROM cookie;
SELECT results_eq('SELECT * FROM pg_temp.last_touch()',
	$$VALUES ('otto', '2026-03-02'::timestamptz, 'autumn', '/otto')$$,
	'but is a click on that link');
SELECT is(commission.touch('maria', token, 'autumn', '/otto', '2026-03-02'), token,
		  'one of the same referrer keeps the campaign of the first')
FROM cookie;
SELECT is(commission.touch('otto', token, NULL, NULL, at::timestamptz) = token, alive,
		  format('at %s it is %s', at, CASE WHEN alive THEN 'alive' ELSE 'over' END))
FROM cookie, (VALUES
	('2026-02-01', true),
	('2026-03-31 11:59:59.999999', true),
	('2026-03-31 12:00', true),
	('2026-03-31 12:00:00.000001', false),
	('294276-12-31', false)) AS t (at, alive);
SELECT is((SELECT r.referrer
		   FROM commission.touch('otto', token, NULL, NULL, '2026-04-01') AS t,
				commission.read_cref(t) AS r),
		  'otto', 'after it has run out, the next touch is a first touch')
FROM cookie;
SELECT is(commission.touch(NULL, token, NULL, NULL, '2026-04-01'), NULL,
		  'and without one there is nothing to keep') FROM cookie;
SELECT is((SELECT r.referrer FROM commission.touch('otto', bad) AS t,
				commission.read_cref(t) AS r),
		  'otto', 'a token that does not verify is replaced: ' || left(bad, 10))
FROM (VALUES (''), ('AQAB'), (repeat('A', 100000)),
	(commission.sign_cref('nobody')), (commission.sign_cref('gone')),
	(commission.sign_cref(repeat('é', 512)))) AS t (bad);

/* A closed referrer would keep the visitor from every other for nothing. */
SELECT commission.close_account('maria');
SELECT is((SELECT r.referrer
		   FROM commission.touch('otto', token, NULL, NULL, '2026-03-02') AS t,
				commission.read_cref(t) AS r),
		  'otto', 'the token of a referrer that is closed is replaced') FROM cookie;
SELECT is(commission.touch(NULL, token, NULL, NULL, '2026-03-02'), NULL,
		  'or dropped') FROM cookie;
SELECT commission.reopen_account('maria');
SELECT is(commission.touch('otto', token, NULL, NULL, '2026-03-02'), token,
		  'and good again when the account is reopened') FROM cookie;

/*
 * Errors are the application's
 */

SELECT throws_ok(
	format($$SELECT commission.touch('maria', NULL, NULL, NULL, %L)$$, t),
	'22008', 'touched_at must be a finite time', 'touched at ' || t)
FROM unnest(ARRAY['infinity', '-infinity']) AS t;
SET LOCAL commission.cref_secret = 'too short';
SELECT throws_ok($$SELECT commission.touch('maria')$$, '55000',
	'commission.cref_secret is not set or is too short',
	'without a secret there is nothing to sign with');
SELECT throws_ok(format('SELECT commission.touch(NULL, %L)', token), '55000',
	'commission.cref_secret is not set or is too short',
	'nor to read with: the visitor''s token is not taken away') FROM cookie;
SELECT is(commission.touch('nobody'), NULL, 'but a visitor''s fancy is none');
SET LOCAL commission.cref_secret = '0123456789abcdef0123456789abcdef';

/* An INSERT trigger of somebody's own is fired. */
CREATE FUNCTION pg_temp.upper() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN NEW.campaign := upper(NEW.campaign); RETURN NEW; END$$;
CREATE TRIGGER upper BEFORE INSERT ON commission.touch
	FOR EACH ROW EXECUTE FUNCTION pg_temp.upper();
SELECT commission.touch('maria', NULL, 'spring', NULL, '2026-03-03') IS NOT NULL;
SELECT results_eq('SELECT campaign FROM pg_temp.last_touch()',
				  $$VALUES ('SPRING')$$, 'a trigger on the clicks is fired');

SELECT throws_ok(statement, '55000', NULL, statement)
FROM (VALUES ('TRUNCATE commission.touch'),
	('UPDATE commission.touch SET campaign = NULL')) AS t (statement);

SET TRANSACTION READ ONLY;
SELECT throws_ok($$SELECT commission.touch('maria')$$, '25006', NULL,
				 'a click is not counted in a read-only transaction');

SELECT * FROM finish();
ROLLBACK;

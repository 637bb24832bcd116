/*
 * token.sql: cref tokens (R27).
 *
 * The HMAC is computed here a second time, by its definition (RFC 2104) from
 * the server's sha256(), and the token by the server's encode(): a token of
 * the extension must be the one that this file makes, and contents that the
 * extension never signs can be signed here.
 */
BEGIN;
SET LOCAL TimeZone = 'UTC';

SELECT plan(90);

SET LOCAL commission.cref_secret =
	'0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef';
SET LOCAL commission.cref_secret_previous = '';

/*
 * What the tests need
 */

CREATE FUNCTION pg_temp.xor_all(bytes bytea, mask integer) RETURNS bytea
	LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg(set_byte('\x00', 0, get_byte(bytes, i) # mask), ''::bytea
					  ORDER BY i)
	FROM generate_series(0, length(bytes) - 1) AS i
$$;

CREATE FUNCTION pg_temp.hmac(message bytea, secret text) RETURNS bytea
	LANGUAGE sql IMMUTABLE AS $$
	SELECT sha256(pg_temp.xor_all(block, 92) ||
				  sha256(pg_temp.xor_all(block, 54) || message))
	FROM (SELECT CASE WHEN octet_length(secret) > 64
				 THEN sha256(convert_to(secret, 'UTF8'))
				 ELSE convert_to(secret, 'UTF8') END) AS k (key),
		 LATERAL (SELECT key || decode(repeat('00', 64 - length(key)), 'hex'))
			AS b (block)
$$;

CREATE FUNCTION pg_temp.base64url(bytes bytea) RETURNS text
	LANGUAGE sql IMMUTABLE AS $$
	SELECT translate(encode(bytes, 'base64'), E'+/=\n', '-_')
$$;

CREATE FUNCTION pg_temp.sized(field text) RETURNS bytea
	LANGUAGE sql IMMUTABLE AS $$
	SELECT int2send(length(convert_to(field, 'UTF8'))::int2) ||
		convert_to(field, 'UTF8')
$$;

CREATE FUNCTION pg_temp.content(referrer text, touched_at timestamptz,
								campaign text) RETURNS bytea
	LANGUAGE sql IMMUTABLE AS $$
	SELECT '\x01'::bytea || timestamptz_send(touched_at) ||
		pg_temp.sized(referrer) || coalesce(pg_temp.sized(campaign), '')
$$;

-- A token as it is defined: the content and its HMAC.
CREATE FUNCTION pg_temp.token(content bytea, secret text) RETURNS text
	LANGUAGE sql IMMUTABLE AS $$
	SELECT pg_temp.base64url(content || pg_temp.hmac(content, secret))
$$;

-- Everything that the reader of an error gets to see.
CREATE FUNCTION pg_temp.outcome(statement text) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'good';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', SQLSTATE, message, detail, hint);
END
$$;

CREATE FUNCTION pg_temp.reading(token text) RETURNS text
	LANGUAGE sql AS $$
	SELECT pg_temp.outcome(
		format('SELECT * FROM commission.read_cref(%L)', token))
$$;

CREATE FUNCTION pg_temp.signing(referrer text,
								touched_at timestamptz DEFAULT now(),
								campaign text DEFAULT NULL) RETURNS text
	LANGUAGE sql AS $$
	SELECT pg_temp.outcome(
		format('SELECT commission.sign_cref(%L, %L, %L)',
			   referrer, touched_at, campaign))
$$;

-- The one answer that there is to a token that is not good.
CREATE FUNCTION pg_temp.refused() RETURNS text
	LANGUAGE sql IMMUTABLE AS $$
	SELECT '22023 | invalid referral token | A token is good only as it was given, and only under commission.cref_secret or commission.cref_secret_previous. | '
$$;

-- Three contents whose last characters carry 4, 2 and 0 bits of no byte.
CREATE TEMPORARY TABLE victim (name text PRIMARY KEY, token text NOT NULL);
INSERT INTO victim VALUES
	('bigint', commission.sign_cref('1234567', '2026-01-31 12:34:56.789012+00')),
	('text', commission.sign_cref('12345678', '2026-01-31 12:34:56.789012+00')),
	('campaign', commission.sign_cref('maria', '2026-01-31 12:34:56.789012+00', 'xy'));
INSERT INTO victim VALUES
	('uuid', commission.sign_cref('0190f3a4-7a52-7c31-9d5e-2f6b8a1c4e07',
								  '2026-01-31 12:34:56.789012+00', 'spring'));

/*
 * The format
 */

SELECT is(encode(pg_temp.hmac('what do ya want for nothing?', 'Jefe'), 'hex'),
		  '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
		  'this file''s own HMAC is that of RFC 4231, test case 2');

SELECT is(commission.sign_cref('1234567', '2026-01-31 12:34:56.789012+00', 'spring'),
		  'AQAC7K0WC8YUAAcxMjM0NTY3AAZzcHJpbmcGxfiGPWF3I0a6IhYSkliItjr_gl4pQXt38Z6P5hFutQ',
		  'the format of version 1 never changes: cookies outlive a release');

SELECT is(commission.sign_cref(referrer, touched_at, campaign),
		  pg_temp.token(pg_temp.content(referrer, touched_at, campaign),
						current_setting('commission.cref_secret')),
		  'a token is the content and its HMAC: ' || name)
FROM (VALUES
	('short referrer, no campaign', '7', '2026-01-31 12:34:56.789012+00'::timestamptz, NULL),
	('campaign', 'maria', '2026-01-31 12:34:56.789012+00', 'spring'),
	('empty campaign', 'maria', '2026-01-31 12:34:56.789012+00', ''),
	('before 2000', 'maria', '1970-01-01 00:00:00.000001+00', 'x'),
	('letters of several bytes', 'mária ☂', '2026-01-31 12:34:56+00', '春😀'),
	('longest', repeat('r', 1024), '294276-12-31 23:59:59.999999+00', repeat('c', 1024))
	) AS t (name, referrer, touched_at, campaign);

-- A secret of more than a block of the hash is hashed first (RFC 2104).
SET LOCAL commission.cref_secret =
	'a secret of more than 64 bytes, which is the block of SHA-256: 0123456789';
SELECT is(commission.sign_cref('maria', '2026-01-31 12:34:56+00', 'spring'),
		  pg_temp.token(pg_temp.content('maria', '2026-01-31 12:34:56+00', 'spring'),
						current_setting('commission.cref_secret')),
		  'a token under a secret of more than 64 bytes');
SET LOCAL commission.cref_secret =
	'0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef';

SELECT is(array_agg(DISTINCT length(token) % 4 ORDER BY length(token) % 4),
		  ARRAY[0, 2, 3],
		  'the tokens that are tampered with end in every way there is')
FROM victim;

/*
 * There and back
 */

CREATE TEMPORARY TABLE trip AS
SELECT r.referrer, t.touched_at, c.campaign,
	   commission.sign_cref(r.referrer, t.touched_at, c.campaign) AS token
FROM (SELECT CASE n % 4
			 WHEN 0 THEN n::text
			 WHEN 1 THEN repeat(chr(33 + n % 94), n)
			 WHEN 2 THEN repeat(chr(256 + n * 37), 1 + n % 340)
			 ELSE repeat(chr(128512 + n % 60), 1 + n % 256) END
	  FROM generate_series(1, 340) AS n
	  UNION
	  VALUES (repeat('x', 1023)), (repeat('x', 1024)), (' '), (E'a\nb\t'),
			 ('a=b&c;d"'), ('0190f3a4-7a52-7c31-9d5e-2f6b8a1c4e07')
	 ) AS r (referrer),
	 (VALUES ('2026-01-31 12:34:56.789012+00'::timestamptz),
			 ('2000-01-01 00:00:00+00'), ('1999-12-31 23:59:59.999999+00'),
			 ('4714-11-24 00:00:00+00 BC'), ('294276-12-31 23:59:59.999999+00')
	 ) AS t (touched_at),
	 (VALUES (NULL), (''), ('a'), ('spring'), ('été ☂ 😀'), (repeat('c', 1024))
	 ) AS c (campaign);

SELECT is(count(*), 346::bigint * 5 * 6, 'enough trips are made') FROM trip;
SELECT is(count(*), 0::bigint, 'every token gives back what was signed')
FROM trip, commission.read_cref(trip.token) AS back
WHERE (trip.referrer, trip.touched_at, trip.campaign) IS DISTINCT FROM
	(back.referrer, back.touched_at, back.campaign);
SELECT is(count(*), (SELECT count(*) FROM trip), 'each token gives one row')
FROM trip, commission.read_cref(trip.token);
SELECT is(count(DISTINCT token), count(*), 'no two contents share a token')
FROM trip;
SELECT is(count(*), 0::bigint,
		  'every token is of letters, digits, - and _')
FROM trip WHERE token !~ '^[A-Za-z0-9_-]+$';
SELECT is(max(length(token)), 2791, 'the longest token fits a cookie')
FROM trip;
SELECT is(commission.sign_cref('maria', now(), 'c'),
		  commission.sign_cref('maria', now(), 'c'), 'signing is repeatable');

SELECT isnt(commission.sign_cref('ab', now(), 'c'),
			commission.sign_cref('a', now(), 'bc'),
			'a letter does not wander from campaign to referrer');
SELECT results_eq($$SELECT * FROM commission.read_cref(commission.sign_cref('maria'))$$,
				  $$VALUES ('maria', now(), NULL::text)$$,
				  'left out, the touch is now and there is no campaign');
SELECT results_eq($$SELECT campaign IS NULL, campaign
					FROM commission.read_cref(commission.sign_cref('m', now(), ''))$$,
				  $$VALUES (false, '')$$,
				  'an empty campaign is not the same as none');

SELECT is(commission.sign_cref(NULL), NULL, 'no referrer, no token');
SELECT is(commission.sign_cref('maria', NULL), NULL, 'no touch, no token');
SELECT is_empty('SELECT * FROM commission.read_cref(NULL)', 'no token, no row');

/*
 * Tampering.  Every answer is the same to the last letter.
 */

SELECT is(pg_temp.reading(token), 'good', 'good as it was given: ' || name)
FROM victim ORDER BY name;

SELECT is((SELECT array_agg(DISTINCT pg_temp.reading(
			overlay(v.token PLACING c FROM i)))
		   FROM generate_series(1, length(v.token)) AS i,
				string_to_table('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', NULL) AS c
		   WHERE substr(v.token, i, 1) <> c
		   HAVING count(*) = length(v.token) * 63),
		  ARRAY[pg_temp.refused()],
		  'each character changed to each other: ' || v.name)
FROM victim AS v ORDER BY v.name;

SELECT is((SELECT array_agg(DISTINCT pg_temp.reading(
			overlay(v.token PLACING c FROM i)))
		   FROM generate_series(1, length(v.token)) AS i,
				unnest(ARRAY['=', '+', '/', ' ', E'\n', '.', '%', '~', 'é', '春']) AS c),
		  ARRAY[pg_temp.refused()],
		  'each character changed to one that no token has')
FROM victim AS v WHERE v.name = 'uuid';

SELECT is((SELECT array_agg(DISTINCT pg_temp.reading(
			overlay(v.token PLACING '' FROM i FOR n)))
		   FROM generate_series(1, length(v.token)) AS i,
				generate_series(1, 4) AS n),
		  ARRAY[pg_temp.refused()], 'one to four characters left out anywhere')
FROM victim AS v WHERE v.name = 'uuid';

SELECT is((SELECT array_agg(DISTINCT pg_temp.reading(left(v.token, i)))
		   FROM generate_series(0, length(v.token) - 1) AS i),
		  ARRAY[pg_temp.refused()], 'cut short at any length: ' || v.name)
FROM victim AS v ORDER BY v.name;

SELECT is((SELECT array_agg(DISTINCT pg_temp.reading(
			overlay(v.token PLACING c FROM i FOR 0)))
		   FROM generate_series(1, length(v.token) + 1) AS i,
				unnest(ARRAY['A', '_', '=', ' ', E'\n', E'\r\n', 'AAAA']) AS c),
		  ARRAY[pg_temp.refused()], 'something put in anywhere: ' || v.name)
FROM victim AS v ORDER BY v.name;

SELECT is(pg_temp.reading(bad), pg_temp.refused(), 'refused: ' || t.name)
FROM victim AS v,
	 LATERAL (VALUES
		('empty', ''), ('a blank', ' '), ('not base64url', '***'),
		('letters', 'hello'), ('43 characters, a MAC and no content', repeat('A', 43)),
		('padded by one', v.token || '='), ('padded by two', v.token || '=='),
		('twice', v.token || v.token),
		('of 2,791 characters', repeat('A', 2791)),
		('of 2,792 characters', repeat('A', 2792)),
		('of a megabyte', repeat('A', 1048576))) AS t (name, bad)
WHERE v.name = 'bigint';

SELECT is(pg_temp.reading(pg_temp.token(t.content,
										current_setting('commission.cref_secret'))),
		  pg_temp.refused(), 'refused under the right secret: ' || t.name)
FROM (SELECT pg_temp.content('maria', now(), NULL)) AS good (content),
	 LATERAL (VALUES
		('no content', ''::bytea),
		('version 0', set_byte(good.content, 0, 0)),
		('version 2', set_byte(good.content, 0, 2)),
		('nothing after the version', '\x01'),
		('no referrer', substr(good.content, 1, 9)),
		('an empty referrer', pg_temp.content('', now(), 'x')),
		('a referrer that is cut short', substr(good.content, 1, length(good.content) - 1)),
		('a zero byte after the end', good.content || '\x00'),
		('a byte after the end', pg_temp.content('maria', now(), 'x') || 'x'),
		('a zero byte in the referrer', substr(good.content, 1, 9) || '\x0003006100'),
		('not UTF-8', substr(good.content, 1, 9) || '\x0002c3c3'),
		('an infinite touch', '\x017fffffffffffffff000161'),
		('a touch before the calendar', '\x018000000000000001000161'),
		('a referrer over the limit', pg_temp.content(repeat('r', 1025), now(), NULL))
		) AS t (name, content);

SELECT is(pg_temp.reading(pg_temp.token(pg_temp.content('maria', now(), NULL),
										current_setting('commission.cref_secret'))),
		  'good', 'and the good one of these is good');

/*
 * Two secrets
 */

-- The victims were signed under the first secret.
SET LOCAL commission.cref_secret = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';
SELECT is(array_agg(DISTINCT pg_temp.reading(token)), ARRAY[pg_temp.refused()],
		  'bad under another secret') FROM victim;

SET LOCAL commission.cref_secret_previous =
	'0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef';
SELECT is(array_agg(DISTINCT pg_temp.reading(token)), ARRAY['good'],
		  'good under the previous secret') FROM victim;
SELECT is(commission.sign_cref('maria', '2026-01-31 12:34:56+00', 'spring'),
		  pg_temp.token(pg_temp.content('maria', '2026-01-31 12:34:56+00', 'spring'),
						current_setting('commission.cref_secret')),
		  'what is new is signed under the current one');
SELECT is(pg_temp.reading(commission.sign_cref('maria')), 'good',
		  'and is good beside it');
SELECT is((SELECT array_agg(DISTINCT pg_temp.reading(
			overlay(v.token PLACING c FROM i)))
		   FROM generate_series(1, length(v.token)) AS i,
				string_to_table('AQgwZz09-_', NULL) AS c
		   WHERE substr(v.token, i, 1) <> c),
		  ARRAY[pg_temp.refused()], 'tampering is refused under both alike')
FROM victim AS v WHERE v.name = 'uuid';

SET LOCAL commission.cref_secret = '';
SELECT is(array_agg(DISTINCT pg_temp.reading(token)), ARRAY['good'],
		  'the previous secret reads by itself') FROM victim;

SET LOCAL commission.cref_secret = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb';
SET LOCAL commission.cref_secret_previous = '';
SELECT is(array_agg(DISTINCT pg_temp.reading(token)), ARRAY[pg_temp.refused()],
		  'bad again when the previous secret is gone') FROM victim;

-- A secret that signs nothing must not read either: an empty one is known to all.
SELECT is(pg_temp.reading(pg_temp.token(pg_temp.content('maria', now(), NULL), '')),
		  pg_temp.refused(), 'an empty previous secret is never tried');
SET LOCAL commission.cref_secret_previous = 'ccccccccccccccccccccccccccccccc';
SELECT is(pg_temp.reading(pg_temp.token(pg_temp.content('maria', now(), NULL),
										'ccccccccccccccccccccccccccccccc')),
		  pg_temp.refused(), 'nor is a short one');

/*
 * What cannot be signed
 */

SELECT is(outcome, expected, 'not signed: ' || name)
FROM (VALUES
	('an empty referrer', pg_temp.signing(''),
	 '22023 | referrer must not be empty |  | '),
	('infinity', pg_temp.signing('m', 'infinity'),
	 '22008 | time of a touch must be finite |  | '),
	('-infinity', pg_temp.signing('m', '-infinity'),
	 '22008 | time of a touch must be finite |  | '),
	('a referrer over the limit', pg_temp.signing(repeat('é', 513)),
	 '22023 | referrer is too long for a referral token | It has 1026 bytes in UTF-8; at most 1024 are allowed. | '),
	('a campaign over the limit', pg_temp.signing('m', now(), repeat('c', 1025)),
	 '22023 | campaign is too long for a referral token | It has 1025 bytes in UTF-8; at most 1024 are allowed. | ')
	) AS t (name, outcome, expected);

/*
 * No secret, and secrets kept
 */

CREATE FUNCTION pg_temp.unset() RETURNS text
	LANGUAGE sql IMMUTABLE AS $$
	SELECT '55000 | commission.cref_secret is not set or is too short | Referral tokens are signed under a secret of at least 32 bytes. | Make one, for example with "openssl rand -hex 32", put it into postgresql.conf as commission.cref_secret, and reload.'
$$;

SET LOCAL commission.cref_secret = 'Xccccccccccccccccccccccccccccccc';
SELECT is(pg_temp.signing('maria'), 'good', '32 bytes are enough');
SET LOCAL commission.cref_secret = 'Xcccccccccccccccccccccccccccccc';
SELECT is(pg_temp.signing('maria'), pg_temp.unset(), '31 are not, to sign');
SELECT is(array_agg(DISTINCT pg_temp.reading(token)), ARRAY[pg_temp.unset()],
		  'nor to read, whatever the token')
FROM (SELECT token FROM victim UNION ALL VALUES (''), ('***')) AS t (token);
SET LOCAL commission.cref_secret = '';
SET LOCAL commission.cref_secret_previous = '';
SELECT is(pg_temp.signing('maria'), pg_temp.unset(), 'no secret, to sign');
SELECT is(pg_temp.reading('***'), pg_temp.unset(), 'no secret, to read');
SELECT is(commission.sign_cref(NULL), NULL, 'no secret is needed for nothing');

SET LOCAL commission.cref_secret = 'Xcccccccccccccccccccccccccccccc';
SET LOCAL commission.cref_secret_previous = 'Yccccccccccccccccccccccc';
SELECT is(count(*), 0::bigint, 'no message has a secret, a referrer or a token in it')
FROM (VALUES (pg_temp.signing('maria')), (pg_temp.reading('AQAB')),
			 (pg_temp.refused()), (pg_temp.unset())) AS t (words)
WHERE words ~ 'ccc|maria|AQAB';

/*
 * The functions themselves
 */

SELECT is(provolatile::text || proparallel::text, 'ss',
		  oid::regprocedure || ' is STABLE and PARALLEL SAFE')
FROM pg_proc
WHERE oid IN ('commission.sign_cref(text, timestamptz, text)'::regprocedure,
			  'commission.read_cref(text)'::regprocedure)
ORDER BY oid::regprocedure::text;

SELECT * FROM finish();
ROLLBACK;

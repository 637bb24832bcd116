/*
 * link.sql: referral links (R27).  In a database in UTF8.
 */
BEGIN;

SELECT plan(306);

SELECT is(commission.referral_link(base, cref, campaign), expected, description)
FROM (VALUES
	('https://a.org/m', 'maria', NULL, 'https://a.org/m?cref=maria', 'no query'),
	('https://a.org/m', 'maria', '', 'https://a.org/m?cref=maria', 'an empty campaign'),
	('https://a.org/m', 'maria', 'spring',
	 'https://a.org/m?cref=maria&campaign=spring', 'a campaign'),
	('https://a.org', 'maria', NULL, 'https://a.org?cref=maria', 'no path'),
	('https://a.org/', 'maria', NULL, 'https://a.org/?cref=maria', 'an empty path'),
	('/m', 'maria', NULL, '/m?cref=maria', 'a path alone'),
	('', 'maria', NULL, '?cref=maria', 'nothing'),
	('https://a.org/m?', 'maria', NULL, 'https://a.org/m?cref=maria', 'an empty query'),
	('https://a.org/m?b=1', 'maria', NULL, 'https://a.org/m?b=1&cref=maria', 'a query'),
	('https://a.org/m?b=1&c=2', 'maria', 'x',
	 'https://a.org/m?b=1&c=2&cref=maria&campaign=x', 'of several parameters'),
	('https://a.org/m?b', 'maria', NULL, 'https://a.org/m?b&cref=maria', 'without a value'),
	('https://a.org/m?=', 'maria', NULL, 'https://a.org/m?=&cref=maria', 'or a name'),
	('https://a.org/m?b=1&', 'maria', NULL, 'https://a.org/m?b=1&cref=maria', 'open at its end'),
	('https://a.org/m?&&b=1', 'maria', NULL, 'https://a.org/m?b=1&cref=maria', 'and at its beginning'),
	('https://a.org/m?b=%C3%A9+%2f&b=é', 'maria', NULL,
	 'https://a.org/m?b=%C3%A9+%2f&b=é&cref=maria', 'is kept as it is written'),
	('https://a.org/m?q=a?b/c', 'maria', NULL, 'https://a.org/m?q=a?b/c&cref=maria',
	 'a question mark in the query'),
	('https://a.org/m#top', 'maria', NULL, 'https://a.org/m?cref=maria#top', 'a fragment'),
	('https://a.org/m#', 'maria', NULL, 'https://a.org/m?cref=maria#', 'an empty one'),
	('https://a.org/m?b=1#top', 'maria', NULL, 'https://a.org/m?b=1&cref=maria#top', 'both'),
	('https://a.org/m#a?b=1&cref=x', 'maria', NULL,
	 'https://a.org/m?cref=maria#a?b=1&cref=x', 'a question mark in the fragment'),
	('https://a.org/m#a#b', 'maria', NULL, 'https://a.org/m?cref=maria#a#b', 'a second #'),
	('https://a.org/m?cref=otto', 'maria', NULL, 'https://a.org/m?cref=maria',
	 'a cref is replaced'),
	('https://a.org/m?cref=otto&b=1', 'maria', NULL, 'https://a.org/m?b=1&cref=maria',
	 'the first parameter'),
	('https://a.org/m?b=1&cref=otto&campaign=x&c=2&cref=ute#top', 'maria', NULL,
	 'https://a.org/m?b=1&c=2&cref=maria#top', 'each of them, and its campaign'),
	('https://a.org/m?cref=otto&campaign=x', 'maria', 'y',
	 'https://a.org/m?cref=maria&campaign=y', 'which is replaced, too'),
	('https://a.org/m?cref', 'maria', NULL, 'https://a.org/m?cref=maria', 'without a value'),
	('https://a.org/m?c%72ef=otto&%63%72%65%66=x', 'maria', NULL,
	 'https://a.org/m?cref=maria', 'escaped'),
	('https://a.org/m?Cref=1&crefs=2&cre=3&xcref=4&cref%=5&c%2ef=6&cref%00=7&%=8', 'maria', NULL,
	 'https://a.org/m?Cref=1&crefs=2&cre=3&xcref=4&cref%=5&c%2ef=6&cref%00=7&%=8&cref=maria',
	 'names that are others are kept'),
	('https://a.org/m?b=cref=1', 'maria', NULL, 'https://a.org/m?b=cref=1&cref=maria',
	 'and values'),
	('/', 'ma ria', 'a b', '/?cref=ma%20ria&campaign=a%20b', 'a blank'),
	('/', 'a&b=c#d?e/f', 'a&b=c#d?e/f',
	 '/?cref=a%26b%3Dc%23d%3Fe%2Ff&campaign=a%26b%3Dc%23d%3Fe%2Ff', 'what divides URLs'),
	('/', '100%', '%41', '/?cref=100%25&campaign=%2541', 'a percent sign'),
	('/', '山田', 'été', '/?cref=%E5%B1%B1%E7%94%B0&campaign=%C3%A9t%C3%A9', 'UTF-8'),
	('/', '😀', NULL, '/?cref=%F0%9F%98%80', 'of four bytes'),
	('/', E'a\r\nb\t', NULL, '/?cref=a%0D%0Ab%09', 'control characters'),
	('/', '0190f3a4-7a52-7c31-9d5e-2f6b8a1c4e07', NULL,
	 '/?cref=0190f3a4-7a52-7c31-9d5e-2f6b8a1c4e07', 'a uuid'),
	('/', '-42', 'A.z_~-', '/?cref=-42&campaign=A.z_~-', 'what needs no escape'),
	(NULL, 'maria', 'x', NULL, 'no base'),
	('/', NULL, 'x', NULL, 'no account'))
	AS t (base, cref, campaign, expected, description);

/* Each character, by the definition of RFC 3986. */
SELECT is(commission.referral_link('', chr(c)),
		  '?cref=' || CASE WHEN chr(c) ~ '^[-A-Za-z0-9._~]$' THEN chr(c)
			ELSE regexp_replace(upper(encode(convert_to(chr(c), 'UTF8'), 'hex')),
								'(..)', '%\1', 'g') END,
		  'character ' || c)
FROM generate_series(1, 264) AS c;

SELECT throws_ok($$SELECT commission.referral_link('/', '')$$, '22023',
				 'account must not be empty', 'an account has a name');
SELECT throws_ok($$SELECT commission.referral_link('/', repeat('a', 1025))$$, '22023',
				 'account is too long', 'and not too long a one');
SELECT throws_ok($$SELECT commission.referral_link('/', 'a', repeat('a', 1025))$$, '22023',
				 'campaign is too long', 'and so has a campaign');

SELECT * FROM finish();
ROLLBACK;

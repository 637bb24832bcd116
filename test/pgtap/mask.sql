/*
 * mask.sql
 *		How a buyer is shown to others (R34).  In a database in UTF8.
 */
BEGIN;
SELECT plan(71);

SELECT is(commission.mask(label), expected,
		  format('%s is shown as %s: %s', quote_nullable(replace(label, E'\n', ' ')),
				 quote_nullable(replace(expected, E'\n', ' ')), description))
FROM (VALUES
	('maria.lopez@gmail.com',	'm****@g****.com',	'the programme''s example'),
	('M@G.com',					'M****@G****.com',	'one character each, case kept'),
	('m@gmail.com',				'm****@g****.com',	'a local part of one'),
	('ma@gmail.com',			'm****@g****.com',	'of two'),
	('a@b.c',					'a****@b****.c',	'the shortest'),
	('maria@mail.example.co.uk', 'm****@m****.uk',	'only the last label is kept'),
	('maria+tag@gmail.com',		'm****@g****.com',	'a tag'),
	('maria@localhost',			'm****',			'a domain without a dot'),
	('maria@gmail.',			'm****',			'an empty last label'),
	('maria@gmail..com',		'm****@g****.com',	'an empty label before it'),
	('maria@.com',				'm****',			'an empty domain name'),
	('maria@.',					'm****',			'only a dot'),
	('maria@',					'm****',			'no domain'),
	('@gmail.com',				'@****',			'no local part'),
	('@',						'@****',			'neither'),
	('@@',						'@****',			'two of them'),
	('a@b@c.com',				'a****',			'no address has two'),
	('"a@home.org"@c.com',		'"****',			'nor plainly a quoted one'),
	('a.b@c',					'a****',			'a dot before the @ is not the domain''s'),
	('a.b.c@d',					'a****',			'nor are two'),
	('maria@[192.0.2.1]',		'm****',			'an address literal'),
	('Maria Lopez',				'M****',			'a name'),
	('maria.lopez',				'm****',			'a name with a dot'),
	('M',						'M****',			'a name of one'),
	('****',					'*****',			'stars'),
	('',						'****',				'empty'),
	(' ',						' ****',			'a blank'),
	('.',						'.****',			'a dot'),
	(E'a\nb',					'a****',			'two lines'),
	(E'a\nb@c\nd.e',			'a****',			'two lines each'),
	('550e8400-e29b-41d4-a716-446655440000', '5****', 'a uuid'),
	(NULL,						NULL,				'unknown'),
	/* What is not plainly an address is a name: nothing else is shown of it. */
	('maria@shop.example, phone +1 555 0100', 'm****', 'an address and a telephone number'),
	('maria@shop.example,+15550100', 'm****',		'without a blank'),
	(E'maria@shop.example\t+15550100', 'm****',		'after a tab'),
	(E'maria\x7F@shop.example',	'm****',			'with a control character'),
	('maria@shop.15550100',		'm****',			'in place of the last label'),
	('maria@shop.x15550100',	'm****',			'at its end'),
	('maria@shop.example\u00a0+15550100'::text,	'm****',			'after an escape'),
	(U&'maria@shop.example\00A0+15550100', 'm****',	'after a blank of two bytes'),
	(U&'maria@shop.example\FF0C\96FB\8A71\FF15\FF15\FF15', 'm****', 'in wide characters'),
	('+15550100 maria@shop.example', '+****',		'before the address'),
	('maria@shop.' || repeat('a', 63), 'm****@s****.' || repeat('a', 63), 'a last label of 63 letters'),
	('maria@shop.' || repeat('a', 64), 'm****',		'there is none of 64'),
	/* Characters of two, three and four bytes are never cut. */
	(U&'\00E9lodie@gmail.com',	U&'\00E9****@g****.com', 'two bytes first'),
	(U&'\00E9',					U&'\00E9****',		'two bytes alone'),
	(U&'\5C71\7530@\4F8B\3048.com', U&'\5C71****@\4F8B****.com', 'three bytes first'),
	(U&'\5C71\7530@\4F8B\3048.\65E5\672C', U&'\5C71****', 'or in the last label'),
	(U&'\5C71\7530',			U&'\5C71****',		'a name of three bytes each'),
	(U&'\+01F600\+01F601@\+01F602.com', U&'\+01F600****@\+01F602****.com',
	 'four bytes'),
	(U&'a\+01F600@b\+01F602.com', 'a****@b****.com', 'later ones are hidden'),
	(U&'e\0301lodie',			'e****',			'a combining mark is a character of its own'),
	(U&'\FF41\FF20\FF42\FF0E\FF43', U&'\FF41****',	'a wide @ is no @'))
	AS vector(label, expected, description);

/* The length of what is hidden is never given away. */
SELECT is((SELECT count(DISTINCT commission.mask('m' || repeat(filling, local) ||
												 '@g' || repeat(filling, domain) ||
												 '.com'))
		   FROM generate_series(0, 100) AS local,
				generate_series(0, 100) AS domain),
		  1::bigint, format('addresses of %s look alike at every length', filling))
FROM (VALUES ('a'), ('.a'), ('0'), ('*'), (U&'\00E9'), (U&'\+01F600'))
		AS vector(filling);

SELECT is((SELECT count(DISTINCT commission.mask('M' || repeat(filling, length)))
		   FROM generate_series(0, 1000) AS length),
		  1::bigint, format('names of %s look alike at every length', filling))
FROM (VALUES ('a'), ('.'), (' '), ('*'), (U&'\00E9'), (U&'\+01F600'))
		AS vector(filling);

/* Values that are stored compressed, out of line, or with a short header. */
CREATE TEMP TABLE stored (description text, label text, expected text);
ALTER TABLE stored ALTER label SET STORAGE EXTENDED;
INSERT INTO stored
	SELECT 'short header', 'maria.lopez@gmail.com', 'm****@g****.com'
	UNION ALL
	SELECT 'four-byte header', 'm' || repeat('a', 150) || '@gmail.com',
		   'm****@g****.com'
	UNION ALL
	SELECT 'compressed', 'm' || repeat('a', 10000) || '@gmail.com',
		   'm****@g****.com'
	UNION ALL
	SELECT 'out of line',
		   'm' || (SELECT string_agg(md5(i::text), '')
				   FROM generate_series(1, 1000) AS i) || '@gmail.com',
		   'm****@g****.com';
SELECT is(commission.mask(label), expected,
		  format('a label is masked however it is stored: %s', description))
FROM stored;

/*
 * R34 once more, as a regular expression.
 */
CREATE FUNCTION pg_temp.mask_again(label text) RETURNS text
	LANGUAGE sql IMMUTABLE
RETURN CASE
	WHEN label ~ '^[^@\s]+@[^@\s]+\.[A-Za-z]{1,63}$'
	THEN regexp_replace(label, '^(.)[^@]*@(.).*(\.[^.]*)$', '\1****@\2****\3')
	ELSE left(label, 1) || '****'
END;

CREATE TEMP TABLE masked AS
WITH RECURSIVE made(label, length) AS (
	SELECT '', 0
	UNION ALL
	SELECT label || letter, length + 1
	FROM made, unnest(ARRAY['a', '@', '.', ' ', U&'\00E9']) AS letter
	WHERE length < 6)
SELECT label, commission.mask(label) AS masked,
	   pg_temp.mask_again(label) AS expected
FROM made;

SELECT is_empty(
	'SELECT * FROM masked WHERE masked IS DISTINCT FROM expected LIMIT 5',
	format('all %s texts to six characters of five are masked alike',
		   (SELECT count(*) FROM masked)));
SELECT is_empty(
	$$SELECT * FROM masked WHERE masked !~ '^.?\*{4}(@[^@]\*{4}\.[a-z]+)?$'
	  LIMIT 5$$,
	'and no more of them is shown than that');

SELECT * FROM finish();
ROLLBACK;

/*
 * shares.sql
 *		How a charged pool is shared (R19), against a computation of the same
 *		with window functions over exact numerics.
 */
BEGIN;
SELECT plan(76);

SELECT is(commission_internal.pool_shares(charged, shares::bigint[]), expected::bigint[],
		  format('%s shared as %s is %s: %s', charged, shares, expected,
				 description))
FROM (VALUES
	(100::bigint, '{100}',	'{100}',		'one owner has it all'),
	(100,	'{60,40}',		'{60,40}',		'the listing''s own pool'),
	(100,	'{60,25,15}',	'{60,25,15}',	'the listing''s own pool'),
	(200,	'{60,25,15}',	'{120,50,30}',	'twice the pool'),
	(50,	'{60,25,15}',	'{30,13,7}',	'a tie of two halves goes to the earlier'),
	(0,		'{60,25,15}',	'{0,0,0}',		'nothing charged'),
	(1,		'{60,25,15}',	'{1,0,0}',		'the largest remainder is the largest share'),
	(2,		'{60,25,15}',	'{1,1,0}',		'1.2, 0.5, 0.3'),
	(3,		'{60,25,15}',	'{2,1,0}',		'1.8, 0.75, 0.45'),
	(1,		'{1,1}',		'{1,0}',		'a tie goes to the owner'),
	(1,		'{0,1,1}',		'{0,1,0}',		'a tie goes to the earlier co-author'),
	(2,		'{1,1,1}',		'{1,1,0}',		'a tie of three, two left over'),
	(5,		'{1,1,1}',		'{2,2,1}',		'the same a whole credit up'),
	(100,	'{1,1,1}',		'{34,33,33}',	'one left over'),
	(101,	'{1,1,1}',		'{34,34,33}',	'two left over'),
	(1,		'{1,2}',		'{0,1}',		'the larger remainder, though later'),
	(1,		'{1,1,2}',		'{0,0,1}',		'the largest remainder, though last'),
	(3,		'{1,3,2}',		'{1,1,1}',		'0.5, 1.5, 1: a tie across sizes'))
	AS vector(charged, shares, expected, description);

SELECT is(commission_internal.pool_shares(charged, shares::bigint[]), expected::bigint[],
		  format('%s shared as %s is %s', charged, shares, expected))
FROM (VALUES
	(5::bigint, '{0,100}',			'{0,5}'),
	(5,		'{100,0}',				'{5,0}'),
	(7,		'{0,0,1}',				'{0,0,7}'),
	(7,		'{0,3,0,3,0,1}',		'{0,3,0,3,0,1}'),
	(8,		'{0,3,0,3,0,1}',		'{0,4,0,3,0,1}'),
	(9,		'{0,3,0,3,0,1}',		'{0,4,0,4,0,1}'),
	(10,	'{0,3,0,3,0,1}',		'{0,4,0,4,0,2}'),
	(5,		'{1,1,1,1,1,1}',		'{1,1,1,1,1,0}'),
	(11,	'{1,1,1,1,1,1}',		'{2,2,2,2,2,1}'),
	(100,	'{95,1,1,1,1,1}',		'{95,1,1,1,1,1}'),
	(99,	'{95,1,1,1,1,1}',		'{94,1,1,1,1,1}'),
	(50,	'{95,1,1,1,1,1}',		'{48,1,1,0,0,0}'),
	(83,	'{78,1,1,1,1,1}',		'{78,1,1,1,1,1}'),
	(9223372036854775807, '{1}',	'{9223372036854775807}'),
	(9223372036854775807, '{9223372036854775807}', '{9223372036854775807}'),
	(1, '{9223372036854775807}',	'{1}'),
	(9223372036854775807, '{1,1}',	'{4611686018427387904,4611686018427387903}'),
	(9223372036854775807, '{0,1}',	'{0,9223372036854775807}'),
	(9223372036854775807, '{1,9223372036854775806}', '{1,9223372036854775806}'),
	(9223372036854775806, '{1,9223372036854775806}', '{1,9223372036854775805}'),
	(4611686018427387903, '{1,9223372036854775806}', '{0,4611686018427387903}'),
	(4611686018427387904, '{1,9223372036854775806}', '{1,4611686018427387903}'),
	(9223372036854775807, '{1,1,1,1,1,1}',
	 '{1537228672809129302,1537228672809129301,1537228672809129301,1537228672809129301,1537228672809129301,1537228672809129301}'))
	AS vector(charged, shares, expected);

SELECT is(commission_internal.pool_shares(charged, shares), NULL, 'NULL for NULL')
FROM (VALUES (NULL::bigint, '{1}'::bigint[]), (1, NULL)) AS vector(charged, shares);
SELECT is(commission_internal.pool_shares(10, '[0:1]={1,1}'), '{5,5}',
		  'where the array''s subscripts begin does not matter');
SELECT is(commission_internal.pool_shares(charged => 10, shares => '{3,2}'), '{6,4}',
		  'the arguments have names');

SELECT throws_ok(
	format('SELECT commission_internal.pool_shares(%s, %L)', charged, shares), code,
	message, format('%s shared as %s: %s', charged, shares, message))
FROM (VALUES
	('-1',	'{1}',				'22023', 'charged pool must not be negative'),
	('-9223372036854775808', '{1}', '22023', 'charged pool must not be negative'),
	('1',	'{}',				'22023', 'invalid shares of a pool'),
	('0',	'{}',				'22023', 'invalid shares of a pool'),
	('1',	'{0}',				'22023', 'invalid shares of a pool'),
	('0',	'{0}',				'22023', 'invalid shares of a pool'),
	('1',	'{0,0,0,0,0,0}',	'22023', 'invalid shares of a pool'),
	('1',	'{1,1,1,1,1,1,1}',	'22023', 'invalid shares of a pool'),
	('1',	'{NULL}',			'22023', 'invalid shares of a pool'),
	('1',	'{1,NULL}',			'22023', 'invalid shares of a pool'),
	('1',	'{NULL,1}',			'22023', 'invalid shares of a pool'),
	('1',	'{1,1,1,1,1,NULL}',	'22023', 'invalid shares of a pool'),
	('1',	'{{1,2}}',			'22023', 'invalid shares of a pool'),
	('1',	'{{1,2},{3,4}}',	'22023', 'invalid shares of a pool'),
	('1',	'{-1}',				'22023', 'share must not be negative'),
	('1',	'{2,-1}',			'22023', 'share must not be negative'),
	('1',	'{-1,2}',			'22023', 'share must not be negative'),
	('1',	'{1,-1}',			'22023', 'share must not be negative'),
	('1',	'{9223372036854775807,-9223372036854775808}', '22023',
	 'share must not be negative'),
	('1',	'{9223372036854775807,1}', '22003', 'amount out of range'),
	('1',	'{1,9223372036854775807}', '22003', 'amount out of range'),
	('1',	'{4611686018427387904,4611686018427387904}', '22003',
	 'amount out of range')) AS vector(charged, shares, code, message);
SELECT throws_ok('SELECT commission_internal.pool_shares(1, array_fill(1::bigint, ARRAY[100000]))',
				 '22023', 'invalid shares of a pool', 'far too many shares');

/*
 * R19 once more, in SQL: floor each share, rank the remainders, and let the
 * first of them have a credit each.  div() and mod() of integers are exact.
 */
CREATE TEMP TABLE a_case (id bigint GENERATED ALWAYS AS IDENTITY,
						  charged bigint, shares bigint[]);
CREATE TEMP VIEW judged AS
WITH part AS (
	SELECT id, charged, ordinality, amount,
		   count(amount) OVER a_pool AS amounts,
		   charged::numeric * share AS product,
		   sum(share) OVER a_pool AS pool
	FROM a_case, LATERAL ROWS FROM (unnest(shares),
		 unnest(commission_internal.pool_shares(charged, shares)))
		 WITH ORDINALITY AS part(share, amount, ordinality)
	WINDOW a_pool AS (PARTITION BY id)
), ranked AS (
	SELECT *, div(product, pool) AS floored,
		   row_number() OVER (PARTITION BY id
							  ORDER BY mod(product, pool) DESC, ordinality) AS rank,
		   charged - sum(div(product, pool)) OVER (PARTITION BY id) AS left_over
	FROM part
)
SELECT *, floored + CASE WHEN rank <= left_over THEN 1 ELSE 0 END AS expected,
	   sum(amount) OVER (PARTITION BY id) AS total
FROM ranked;

CREATE TEMP TABLE rule (description text, broken_by text);
INSERT INTO rule VALUES
	('each amount is that of the largest remainder method, ties to the earlier',
	 'amount IS DISTINCT FROM expected'),
	('the amounts together are what was charged',
	 'total IS DISTINCT FROM charged'),
	('each amount is less than a credit from its proportion',
	 'NOT abs(amount * pool - product) < pool');

/* All pools to 60 between three, with shares to 6. */
INSERT INTO a_case (charged, shares)
SELECT charged, ARRAY[owner, first, second]
FROM generate_series(0, 60) AS charged, generate_series(0, 6) AS owner,
	 generate_series(0, 6) AS first, generate_series(0, 6) AS second
WHERE owner + first + second > 0;
CREATE TEMP TABLE exhaustive AS TABLE judged;
SELECT is_empty(format('SELECT * FROM exhaustive WHERE %s LIMIT 5', broken_by),
				format('%s: all of %s cases', description,
					   (SELECT count(*) FROM a_case)))
FROM rule;

/* Any pool between up to six, who have shares of any magnitude. */
CREATE FUNCTION pg_temp.draw(bits integer) RETURNS bigint LANGUAGE sql AS $$
	SELECT floor(random() * 2147483648)::bigint << 29 >> (60 - bits) |
		   floor(random() * 8)::bigint
$$;

TRUNCATE a_case;
DO $$ BEGIN PERFORM setseed(0.1); END $$;
INSERT INTO a_case (charged, shares)
SELECT (floor(random() * 2147483648)::bigint << 32 |
		floor(random() * 4294967296)::bigint) >> floor(random() * 63)::integer,
	   (ARRAY[pg_temp.draw(bits) + 1, pg_temp.draw(bits), pg_temp.draw(bits),
			  pg_temp.draw(bits), pg_temp.draw(bits),
			  pg_temp.draw(bits)])[:shares]
FROM (SELECT 3 + floor(random() * 58)::integer AS bits,
			 1 + floor(random() * 6)::integer AS shares
	  FROM generate_series(1, 100000) OFFSET 0) AS drawn;
CREATE TEMP TABLE at_random AS TABLE judged;
SELECT is_empty(format('SELECT * FROM at_random WHERE %s LIMIT 5', broken_by),
				format('%s: %s cases up to the largest bigint', description,
					   (SELECT count(*) FROM a_case)))
FROM rule;
SELECT cmp_ok((SELECT count(*) FROM at_random WHERE left_over >= 3), '>=',
			  1000::bigint, 'several credits are left over in many of them');
SELECT is((SELECT max(array_length(shares, 1)) FROM a_case), 6,
		  'and there are six to share');

SELECT * FROM finish();
ROLLBACK;

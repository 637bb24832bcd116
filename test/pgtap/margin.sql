/*
 * margin.sql
 *		Surcharge and net margin (R4 to R8), against exact numerics.
 */
BEGIN;
SELECT plan(77);

/* R4 under the default markup of 0.20. */
SELECT is(commission.surcharge(pool), expected,
		  format('a pool of %s costs the buyer %s', pool, expected))
FROM (VALUES
	(0::bigint,	0::bigint),
	(1,		2),
	(4,		5),
	(5,		6),
	(6,		8),
	(8,		10),
	(10,	12),
	(82,	99),
	(83,	100),
	(84,	101),
	(100,	120),
	(101,	122),
	(7686143364045646505, 9223372036854775806)) AS vector(pool, expected);

SELECT is((SELECT min(pool) FROM generate_series(1::bigint, 1000) AS pool
		   WHERE commission.surcharge(pool) >= 100),
		  83::bigint, 'the smallest pool whose surcharge reaches 100 is 83');

SELECT is(commission.surcharge(NULL), NULL, 'no pool has no surcharge');

SELECT throws_ok(format('SELECT commission.surcharge(%s)', pool), code, NULL,
				 format('surcharge of %s is refused: %s', pool, code))
FROM (VALUES
	('-1',						'22023'),
	('-9223372036854775808',	'22023'),
	('7686143364045646506',		'22003'),
	('9223372036854775806',		'22003'),
	('9223372036854775807',		'22003')) AS vector(pool, code);

/* The markup ratio in force; binary floating point misses several of these. */
CREATE FUNCTION pg_temp.surcharge_at(pool bigint, markup text)
	RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('commission.platform_markup_ratio', markup, true);
	RETURN commission.surcharge(pool);
END $$;

SELECT is(pg_temp.surcharge_at(pool, markup), expected,
		  format('a pool of %s at a markup of %s costs %s', pool, markup,
				 expected))
FROM (VALUES
	(100::bigint, '0',	100::bigint),
	(100,	'0.000001',	101),
	(100,	'0.1',		110),
	(100,	'0.10',		110),
	(100,	'0.15',		115),
	(100,	'0.29',		129),
	(1000,	'0.001',	1001),
	(999,	'0.001',	1000),
	(1001,	'0.001',	1003),
	(3,		'0.333333',	4),
	(3,		'0.333334',	5),
	(100,	'1',		200),
	(100,	'1.5',		250),
	(33,	'9.99',		363),
	(100,	'10',		1100),
	(1000000,			'0.000001',	1000001),
	(9223372036854775807, '0',		9223372036854775807),
	(9223362813491962315, '0.000001', 9223372036854775807),
	(838488366986797800,  '10',		9223372036854775800))
	AS vector(pool, markup, expected);

SELECT throws_ok(
	format('SELECT pg_temp.surcharge_at(%s, %L)', pool, markup), '22003',
	'amount out of range',
	format('a pool of %s at a markup of %s leaves bigint', pool, markup))
FROM (VALUES
	('9223362813491962316',	'0.000001'),
	('9223372036854775807',	'0.000001'),
	('838488366986797801',	'10'),
	('9223372036854775807',	'10')) AS vector(pool, markup);

/* R3: rounded up, and never by a whole credit. */
CREATE TEMP TABLE surcharged (pool bigint, markup numeric, surcharge bigint);

DO $$
DECLARE
	markup numeric;
BEGIN
	FOREACH markup IN ARRAY ARRAY[0, 0.000001, 0.01, 0.05, 0.1, 0.125, 0.19,
								  0.2, 0.25, 0.29, 0.3, 0.333333, 0.5,
								  0.999999, 1, 1.1, 2.5, 9.999999, 10]
	LOOP
		INSERT INTO surcharged
		SELECT pool, markup, pg_temp.surcharge_at(pool, markup::text)
		FROM generate_series(0, 2000) AS pool;
	END LOOP;

	PERFORM setseed(0.4);
	INSERT INTO surcharged
	SELECT pool, ratio, pg_temp.surcharge_at(pool, ratio::text)
	FROM (SELECT (floor(random() * 2147483648)::bigint << 28 |
				  floor(random() * 268435456)::bigint) >>
				 floor(random() * 59)::integer AS pool,
				 trunc((random() * 10000000)::numeric) / 1000000 AS ratio
		  FROM generate_series(1, 100000)
		  OFFSET 0) AS drawn;
END $$;

SELECT is_empty($$
	SELECT * FROM surcharged
	WHERE NOT (surcharge - 1 < pool * (1 + markup) AND
			   pool * (1 + markup) <= surcharge)
	LIMIT 5 $$,
	format('a surcharge is rounded up, in all of %s cases',
		   (SELECT count(*) FROM surcharged)));

/* R5, R8: the vectors, each with its parts. */
SELECT is(commission.net_margin(model_price, api_cost, surcharge, pool),
		  expected, description)
FROM (VALUES
	(20::bigint, 10::bigint, 120::bigint, 100::bigint, 30::bigint,
	 'the worked example: markup 20 and generation margin 10'),
	(20, 10, 0, 0,		10, 'a solo generation has no markup'),
	(10, 20, 120, 100,	20, 'an API cost over the price leaves the markup'),
	(10, 20, 0, 0,		0,	'and without a markup nothing'),
	(0, 0, 0, 0,		0,	'nothing of nothing'),
	(15, 15, 100, 100,	0,	'everybody was paid and nothing is left'),
	(10, 11, 100, 100,	0,	'a loss is not a negative margin'),
	(0, 9223372036854775807, 120, 100, 20, 'however large it is'),
	(9223372036854775807, 0, 0, 0, 9223372036854775807,
	 'the largest price'),
	(0, 0, 9223372036854775807, 0, 9223372036854775807,
	 'the largest surcharge'),
	(9223372036854775807, 1, 1, 0, 9223372036854775807,
	 'the largest sum'),
	(9223372036854775807, 9223372036854775807,
	 9223372036854775807, 9223372036854775807, 0,
	 'the largest of everything'))
	AS vector(model_price, api_cost, surcharge, pool, expected, description);

SELECT is(commission.net_margin(20, 10), 10::bigint,
		  'surcharge and pool are 0 where they are left out');
SELECT is(commission.net_margin(model_price => 20, api_cost => 10,
								surcharge => 120, pool => 100),
		  30::bigint, 'the arguments have the names of the programme');

SELECT is(commission.net_margin(model_price, api_cost, surcharge, pool),
		  NULL, 'NULL for NULL')
FROM (VALUES
	(NULL::bigint, 10::bigint, 120::bigint, 100::bigint),
	(20, NULL, 120, 100), (20, 10, NULL, 100), (20, 10, 120, NULL))
	AS vector(model_price, api_cost, surcharge, pool);

SELECT throws_ok(format('SELECT commission.net_margin(%s)', arguments),
				 code, message, format('net_margin(%s): %s', arguments, message))
FROM (VALUES
	('-1, 0',			'22023', 'model price must not be negative'),
	('0, -1',			'22023', 'API cost must not be negative'),
	('0, 0, -1, 0',		'22023', 'surcharge must not be negative'),
	('0, 0, 0, -1',		'22023', 'pool must not be negative'),
	('0, 0, -1, -1',	'22023', 'pool must not be negative'),
	('-9223372036854775808, 1', '22023', 'model price must not be negative'),
	('9223372036854775807, -1', '22023', 'API cost must not be negative'),
	('20, 10, 99, 100',	'22023', 'surcharge is less than pool'),
	('20, 10, 0, 1',	'22023', 'surcharge is less than pool'),
	('9223372036854775807, 0, 1, 0', '22003', 'amount out of range'),
	('1, 0, 9223372036854775807, 0', '22003', 'amount out of range'),
	('9223372036854775807, 0, 9223372036854775807, 0', '22003',
	 'amount out of range')) AS vector(arguments, code, message);

SELECT is_empty($$
	SELECT *
	FROM generate_series(0, 13) AS model_price,
		 generate_series(0, 13) AS api_cost,
		 generate_series(0, 13) AS pool,
		 generate_series(pool, 13) AS surcharge
	WHERE commission.net_margin(model_price, api_cost, surcharge, pool)
		  IS DISTINCT FROM surcharge - pool +
						   CASE WHEN model_price > api_cost
								THEN model_price - api_cost ELSE 0 END
	LIMIT 5 $$,
	'net margin is markup and generation margin for all amounts up to 13');

/* Amounts of every magnitude: the exact sum, or 22003 where it leaves bigint. */
CREATE FUNCTION pg_temp.net_margin_or_null(bigint, bigint, bigint, bigint)
	RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	RETURN commission.net_margin($1, $2, $3, $4);
EXCEPTION WHEN numeric_value_out_of_range THEN
	RETURN NULL;
END $$;

CREATE FUNCTION pg_temp.any_amount() RETURNS bigint LANGUAGE sql AS $$
	SELECT (floor(random() * 2147483648)::bigint << 32 |
			floor(random() * 4294967296)::bigint) >>
		   floor(random() * CASE WHEN random() < 0.5 THEN 3 ELSE 63 END)::integer
$$;

DO $$ BEGIN PERFORM setseed(0.5); END $$;
CREATE TEMP TABLE margined AS
SELECT model_price, api_cost, greatest(a, b) AS surcharge,
	   least(a, b) AS pool,
	   pg_temp.net_margin_or_null(model_price, api_cost, greatest(a, b),
								  least(a, b)) AS net_margin
FROM (SELECT pg_temp.any_amount() AS model_price,
			 pg_temp.any_amount() AS api_cost,
			 pg_temp.any_amount() AS a, pg_temp.any_amount() AS b
	  FROM generate_series(1, 20000) OFFSET 0) AS drawn;

SELECT is_empty($$
	SELECT *
	FROM (SELECT *, surcharge::numeric - pool +
					greatest(model_price::numeric - api_cost, 0) AS exact
		  FROM margined) AS judged
	WHERE net_margin IS DISTINCT FROM
		  CASE WHEN exact <= 9223372036854775807 THEN exact END
	LIMIT 5 $$,
	'net margin is exact at every magnitude, or an error where it leaves bigint');

SELECT cmp_ok((SELECT count(*) FROM margined WHERE net_margin IS NULL), '>=',
			  100::bigint, 'and those cases leave bigint often enough');

SELECT * FROM finish();
ROLLBACK;

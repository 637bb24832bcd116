/*
 * ratio.sql
 *		Exact ratios and their rounding down (R2, R3), against exact numerics.
 *
 * legs(net, true, 0, ratio, 0, 1) is one leg that no cap touches: the plain
 * floor(net * ratio).  Rounding half up is in half_up.sql.
 */
BEGIN;
SELECT plan(223);

/* A stored ratio as a decimal: two digits, or as many as it needs. */
SELECT is(commission_internal.ratio(ratio_ppm)::text, expected,
		  format('%s parts per million are %s', ratio_ppm, expected))
FROM (VALUES
	(0,			'0.00'),
	(1,			'0.000001'),
	(10,		'0.00001'),
	(100,		'0.0001'),
	(1000,		'0.001'),
	(10000,		'0.01'),
	(80000,		'0.08'),
	(100000,	'0.10'),
	(123456,	'0.123456'),
	(125000,	'0.125'),
	(290000,	'0.29'),
	(300000,	'0.30'),
	(333333,	'0.333333'),
	(999999,	'0.999999'),
	(1000000,	'1.00'),
	(1200000,	'1.20'),
	(10000000,	'10.00')) AS vector(ratio_ppm, expected);

SELECT is(commission_internal.ratio(NULL), NULL, 'no ratio is NULL');

SELECT is_empty($$
	SELECT ratio_ppm, ratio
	FROM generate_series(0, 1000000) AS ratio_ppm,
		 commission_internal.ratio(ratio_ppm) AS ratio
	WHERE ratio * 1000000 IS DISTINCT FROM ratio_ppm
	   OR scale(ratio) IS DISTINCT FROM greatest(2, min_scale(ratio))
	LIMIT 5 $$,
	'every part per million from 0 to 1 comes back exactly, with the digits it needs');

/* What a ratio may be, whatever the way it is written. */
SELECT is((SELECT amount FROM commission.legs(1000000, true, 0,
											  ratio::numeric, 0, 1)),
		  ratio_ppm::bigint, format('%s is %s parts per million', ratio,
							coalesce(ratio_ppm, 0)))
FROM (VALUES
	('0',				NULL),
	('-0',				NULL),
	('0.000000',		NULL),
	('0.000001',		1),
	('.000010',			10),
	('0.1',				100000),
	('1e-1',			100000),
	('1E-6',			1),
	('.5',				500000),
	('0.3000000',		300000),
	('0.30000000000000000000000000000000000000', 300000),
	('0.123456',		123456),
	('0.999999',		999999),
	('1',				1000000),
	('1.',				1000000),
	('1.000000000',		1000000)) AS vector(ratio, ratio_ppm);

SELECT is_empty($$
	SELECT ratio_ppm, amount
	FROM generate_series(1, 1000000, 7) AS ratio_ppm
	LEFT JOIN LATERAL commission.legs(1000000, true, 0,
									  ratio_ppm::numeric / 1000000, 0, 1)
		ON true
	WHERE amount IS DISTINCT FROM ratio_ppm
	LIMIT 5 $$,
	'every seventh part per million is read exactly');

/* What it may not be, in each of the three places. */
CREATE TEMP TABLE bad_ratio (ratio text);
INSERT INTO bad_ratio VALUES
	('-0.1'), ('-0.000001'), ('-0.0000001'), ('-1'),
	('1.000001'), ('1.0000001'), ('1.1'), ('2'), ('10'), ('30'), ('1e100'),
	('0.1234567'), ('0.0000001'), ('1e-7'), ('1e-300'), ('0.9999999'),
	('0.3000001'), ('0.30000000000000000000000000000000000001'),
	('4294967296'), ('4294967296.3'), ('9223372036854775807'),
	('18446744073709551616.5'), ('99999999999999999999999999999999999999'),
	('NaN'), ('Infinity'), ('-Infinity');

SELECT throws_ok(
	format('SELECT * FROM commission.legs(100, true, 1, %s, %s, %s)',
		   CASE place WHEN 'brand_ratio' THEN quote_literal(ratio) ELSE '0.3' END,
		   CASE place WHEN 'creator_ref_ratio' THEN quote_literal(ratio) ELSE '0.2' END,
		   CASE place WHEN 'total_cap_ratio' THEN quote_literal(ratio) ELSE '0.5' END),
	'22023',
	format('invalid ratio for %s: "%s"', place, ratio::numeric),
	format('%s is no %s', ratio, place))
FROM (VALUES ('brand_ratio'), ('creator_ref_ratio'), ('total_cap_ratio'))
		AS place(place), bad_ratio;

SELECT throws_ok(
	format('SELECT * FROM commission.legs(100, true, 1, 0.%s, 0.2, 0.5)',
		   repeat('3', digits)),
	'22023', NULL, format('%s fractional digits are too many', digits))
FROM (VALUES (7), (8), (20), (38), (1000), (16383)) AS vector(digits);

/*
 * R2: every whole percentage of 100 is itself.  In binary floating point 0.29
 * of 100, and several more, come out one lower.
 */
SELECT is((SELECT amount FROM commission.legs(100, true, 0,
											  percent::numeric / 100, 0, 1)),
		  percent::bigint, format('%s %% of 100 is %s', percent, percent))
FROM generate_series(1, 100) AS percent;

/* R3: a leg rounds down. */
CREATE TEMP TABLE floored AS
SELECT net, asked.ratio, coalesce(earned.amount, 0) AS amount
FROM generate_series(0, 2000) AS net,
	 unnest(ARRAY[0.000001, 0.0001, 0.01, 0.029999, 0.07, 0.08, 0.1, 0.125,
				  0.14, 0.15, 0.28, 0.29, 0.299999, 0.3, 0.300001, 0.333333,
				  0.333334, 0.5, 0.55, 0.57, 0.58, 0.666667, 0.7, 0.999999,
				  1]) AS asked(ratio)
LEFT JOIN LATERAL commission.legs(net, true, 0, asked.ratio, 0, 1) AS earned
	ON true;

SELECT is_empty($$
	SELECT * FROM floored
	WHERE NOT (amount <= net * ratio AND net * ratio < amount + 1)
	LIMIT 5 $$,
	format('a leg is rounded down, in all of %s cases',
		   (SELECT count(*) FROM floored)));

/* Amounts of every magnitude up to the largest there is. */
DO $$ BEGIN PERFORM setseed(0.3); END $$;
CREATE TEMP TABLE floored_at_random AS
WITH drawn AS MATERIALIZED (
	SELECT (floor(random() * 2147483648)::bigint << 32 |
			floor(random() * 4294967296)::bigint) >>
		   floor(random() * 63)::integer AS net,
		   trunc((random() * 1000000)::numeric) / 1000000 AS ratio
	FROM generate_series(1, 100000)
	UNION ALL
	SELECT 9223372036854775807 - less, ratio_ppm::numeric / 1000000
	FROM generate_series(0, 3) AS less,
		 generate_series(0, 1000000, 1237) AS ratio_ppm
	UNION ALL
	SELECT 9223372036854775807, ratio
	FROM unnest(ARRAY[0.000001, 0.3, 0.999999, 1]) AS ratio)
SELECT net, drawn.ratio, coalesce(earned.amount, 0) AS amount
FROM drawn
LEFT JOIN LATERAL commission.legs(net, true, 0, drawn.ratio, 0, 1) AS earned
	ON true;

SELECT is_empty($$
	SELECT * FROM floored_at_random
	WHERE NOT (amount <= net * ratio AND net * ratio < amount::numeric + 1)
	LIMIT 5 $$,
	'a leg is rounded down for amounts up to the largest bigint');

SELECT cmp_ok((SELECT count(*) FROM floored_at_random
			   WHERE net > 4611686018427387904), '>=', 1000::bigint,
			  'and those cases reach the top of bigint');

SELECT * FROM finish();
ROLLBACK;

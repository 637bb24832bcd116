/*
 * legs.sql
 *		Commission legs and their cap (R10 to R12, R14), against exact
 *		numerics.
 *
 * Whether a leg is rounded right is judged without a division, since numeric
 * division is inexact: amount is floor(n / d) where amount * d <= n and
 * n < (amount + 1) * d.
 */
BEGIN;
SELECT plan(90);

/* What legs() gives, on one line: brand 9, creator 6. */
CREATE FUNCTION pg_temp.legs_line(net bigint, brand boolean, creators integer,
								  brand_ratio numeric DEFAULT 0.30,
								  creator_ref_ratio numeric DEFAULT 0.20,
								  total_cap_ratio numeric DEFAULT 0.50)
	RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(leg || ' ' || amount, ', ' ORDER BY ordinality),
					'none')
	FROM commission.legs(net, brand, creators, brand_ratio, creator_ref_ratio,
						 total_cap_ratio) WITH ORDINALITY
$$;

/* The vectors under the ratios in force, the defaults. */
SELECT results_eq(
	format('SELECT leg::text, ratio::text, amount FROM commission.legs(%s)',
		   net),
	format('SELECT * FROM (VALUES (''brand'', ''0.30'', %s::bigint),
								  (''creator'', ''0.20'', %s)) AS v(leg, ratio, amount)
			WHERE amount IS NOT NULL', coalesce(brand::text, 'NULL'),
		   coalesce(creator::text, 'NULL')),
	format('net margin %s: brand leg %s, creator leg %s', net,
		   coalesce(brand::text, '-'), coalesce(creator::text, '-')))
FROM (VALUES
	(30,	9,		6),
	(29,	8,		5),
	(33,	9,		6),
	(17,	5,		3),
	(5,		1,		1),
	(4,		1,		NULL),
	(3,		NULL,	NULL),
	(101,	30,		20),
	(0,		NULL,	NULL),
	(1,		NULL,	NULL)) AS vector(net, brand, creator);

SELECT is(sum(amount), 15::numeric,
		  'the worked example: together 15, so the platform keeps 15 of 30')
FROM commission.legs(commission.net_margin(20, 10, commission.surcharge(100), 100));

SELECT is(sum(amount), 12::numeric, 'four frames of net 11 floor by themselves')
FROM generate_series(1, 4) AS frame, commission.legs(11, true, 0);

/* Both forms, for every combination of legs. */
SELECT is(pg_temp.legs_line(net, brand, creators, brand_ratio,
							creator_ref_ratio, total_cap_ratio), expected,
		  format('net %s, brand %s at %s, %s creators at %s, cap %s: %s', net,
				 brand, brand_ratio, creators, creator_ref_ratio,
				 total_cap_ratio, expected))
FROM (VALUES
	(30::bigint, true, 1, 0.30, 0.20, 0.50,	'brand 9, creator 6'),
	(30,	true,	0,	0.30,	0.20,	0.50,	'brand 9'),
	(30,	false,	1,	0.30,	0.20,	0.50,	'creator 6'),
	(30,	false,	0,	0.30,	0.20,	0.50,	'none'),
	(30,	false,	2,	0.30,	0.20,	0.50,	'creator 6, creator 6'),
	(30,	false,	3,	0.30,	0.20,	0.50,	'creator 5, creator 5, creator 5'),
	(30,	true,	2,	0.30,	0.20,	0.50,	'brand 6, creator 4, creator 4'),
	(30,	true,	3,	0.30,	0.20,	0.50,	'brand 5, creator 3, creator 3, creator 3'),
	(100,	true,	2,	0.30,	0.20,	0.50,	'brand 21, creator 14, creator 14'),
	(100,	true,	3,	0.30,	0.20,	0.50,	'brand 16, creator 11, creator 11, creator 11'),
	(30,	true,	1,	0.40,	0.30,	0.50,	'brand 8, creator 6'),
	(100,	true,	1,	0.40,	0.30,	0.50,	'brand 28, creator 21'),
	(100,	true,	1,	0.300001, 0.20,	0.50,	'brand 30, creator 19'),
	(100,	true,	0,	0.80,	0.20,	0.50,	'brand 50'),
	(100,	false,	1,	0.20,	0.80,	0.50,	'creator 50'),
	(100,	false,	2,	0.90,	0.25,	0.50,	'creator 25, creator 25'),
	(100,	true,	1,	0.30,	0.20,	0,		'none'),
	(100,	true,	1,	0,		0,		0,		'none'),
	(100,	true,	1,	0,		0,		1,		'none'),
	(100,	true,	1,	0,		0.20,	0.50,	'creator 20'),
	(100,	true,	1,	0.30,	0,		0.50,	'brand 30'),
	(100,	true,	1,	1,		1,		1,		'brand 50, creator 50'),
	(101,	true,	1,	1,		1,		1,		'brand 50, creator 50'),
	(100,	true,	2,	1,		1,		1,		'brand 33, creator 33, creator 33'),
	(100,	true,	1,	0.30,	0.20,	1,		'brand 30, creator 20'),
	(4,		true,	1,	0.30,	0.20,	0.50,	'brand 1'),
	(6,		true,	2,	0.20,	0.30,	0.50,	'creator 1, creator 1'),
	(3,		true,	1,	0.20,	0.40,	0.60,	'creator 1'),
	(3,		true,	1,	0.30,	0.20,	0.50,	'none'),
	(0,		true,	3,	1,		1,		1,		'none'),
	(100,	true,	0,	0.29,	0,		1,		'brand 29'),
	(100,	false,	1,	0,		0.58,	1,		'creator 58'),
	(9223372036854775807, true, 0, 1, 0, 1,	'brand 9223372036854775807'),
	(9223372036854775807, true, 1, 1, 1, 1,	'brand 4611686018427387903, creator 4611686018427387903'),
	(9223372036854775807, true, 1, 0.30, 0.20, 0.50, 'brand 2767011611056432742, creator 1844674407370955161'),
	(9223372036854775807, true, 2, 1, 1, 0.999999, 'brand 3074454271160912984, creator 3074454271160912984, creator 3074454271160912984'))
	AS vector(net, brand, creators, brand_ratio, creator_ref_ratio,
			  total_cap_ratio, expected);

/* The nominal ratio is given, not the one after the cap. */
SELECT results_eq(
	'SELECT leg::text, ratio::text, amount
	 FROM commission.legs(100, true, 1, 0.4, 0.3, 0.5)',
	$$VALUES ('brand', '0.40', 28::bigint), ('creator', '0.30', 21)$$,
	'a capped leg shows its ratio before the cap');
SELECT results_eq(
	'SELECT leg::text, ratio::text
	 FROM commission.legs(1000, true, 1, 0.1250, 0.0000000 + 0.010000, 1)',
	$$VALUES ('brand', '0.125'), ('creator', '0.01')$$,
	'however its ratio was written');

/* Left out, NULL, wrong. */
SELECT results_eq('SELECT * FROM commission.legs(1000)',
				  'SELECT * FROM commission.legs(1000, true, 1)',
				  'brand is true and creators is 1 where they are left out');
SELECT results_eq('SELECT * FROM commission.legs(net_margin => 1000,
												 creators => 2)',
				  'SELECT * FROM commission.legs(1000, true, 2)',
				  'the arguments have names');
SELECT is_empty(format('SELECT * FROM commission.legs(%s)', arguments),
				format('no leg for legs(%s)', arguments))
FROM (VALUES
	('NULL'), ('100, NULL'), ('100, true, NULL'),
	('NULL, true, 1, 0.3, 0.2, 0.5'), ('100, true, 1, NULL, 0.2, 0.5'),
	('100, true, 1, 0.3, NULL, 0.5'), ('100, true, 1, 0.3, 0.2, NULL'),
	('100, false, 0'), ('100, false, 0, 0.3, 0.2, 0.5')) AS vector(arguments);
SELECT throws_ok(format('SELECT * FROM commission.legs(%s)', arguments),
				 '22023', message, format('legs(%s): %s', arguments, message))
FROM (VALUES
	('-1',				'net margin must not be negative'),
	('-9223372036854775808', 'net margin must not be negative'),
	('-1, true, 1, 0.3, 0.2, 0.5', 'net margin must not be negative'),
	('-1, false, 0',	'net margin must not be negative'),
	('1, true, -1',		'invalid number of creator legs: -1'),
	('1, true, 1001',	'invalid number of creator legs: 1001'),
	('1, true, 2147483647', 'invalid number of creator legs: 2147483647'),
	('1, true, -1, 0.3, 0.2, 0.5', 'invalid number of creator legs: -1'),
	('1, true, 1, 1.1, 0.2, 0.5',  'invalid ratio for brand_ratio: "1.1"'),
	('1, true, 1, 0.3, -0.2, 0.5', 'invalid ratio for creator_ref_ratio: "-0.2"'),
	('1, true, 1, 0.3, 0.2, ''NaN''', 'invalid ratio for total_cap_ratio: "NaN"'),
	('0, false, 0, 1.1, 0.2, 0.5', 'invalid ratio for brand_ratio: "1.1"'))
	AS vector(arguments, message);
SELECT is((SELECT count(*) FROM commission.legs(10000, true, 1000, 0.5, 0.5, 1)),
		  1001::bigint, 'a thousand creator legs are a row each');

/*
 * What legs() gives for a case.  first_brand is the place of the brand leg;
 * the creator legs are all alike, so their extremes stand for them.
 */
CREATE TEMP TABLE a_case (net bigint, brand boolean, creators integer,
						  brand_ratio numeric, creator_ref_ratio numeric,
						  total_cap_ratio numeric);
CREATE TEMP VIEW outcome AS
SELECT a_case.*, earned.*,
	   CASE WHEN brand THEN brand_ratio ELSE 0 END +
	   creators * creator_ref_ratio AS applied
FROM a_case, LATERAL (
	SELECT count(*) FILTER (WHERE leg = 'brand') AS brand_legs,
		   count(*) FILTER (WHERE leg = 'creator') AS creator_legs,
		   count(*) AS all_legs,
		   min(ordinality) FILTER (WHERE leg = 'brand') AS first_brand,
		   coalesce(max(amount) FILTER (WHERE leg = 'brand'), 0) AS brand_leg,
		   coalesce(min(amount) FILTER (WHERE leg = 'creator'), 0) AS creator_leg,
		   coalesce(max(amount) FILTER (WHERE leg = 'creator'), 0) AS creator_most,
		   min(ratio) FILTER (WHERE leg = 'brand') AS brand_nominal,
		   min(ratio) FILTER (WHERE leg = 'creator') AS creator_nominal,
		   coalesce(sum(amount), 0) AS total,
		   coalesce(min(amount), 1) AS least
	FROM commission.legs(net, brand, creators, brand_ratio, creator_ref_ratio,
						 total_cap_ratio) WITH ORDINALITY) AS earned;

/* Each of these gives the cases that break a rule; none of them may. */
CREATE TEMP TABLE rule (description text, broken_by text);
INSERT INTO rule VALUES
	('a brand leg is floor(net * ratio), scaled to the cap where it applies',
	 'NOT CASE WHEN NOT brand THEN brand_leg = 0
			   WHEN applied <= total_cap_ratio THEN
					brand_leg <= net * brand_ratio AND
					net * brand_ratio < brand_leg::numeric + 1
			   ELSE brand_leg * applied <= net * brand_ratio * total_cap_ratio AND
					net * brand_ratio * total_cap_ratio <
					(brand_leg::numeric + 1) * applied END'),
	('so is each creator leg',
	 'creator_leg <> creator_most OR
	  NOT CASE WHEN creators = 0 THEN creator_leg = 0
			   WHEN applied <= total_cap_ratio THEN
					creator_leg <= net * creator_ref_ratio AND
					net * creator_ref_ratio < creator_leg::numeric + 1
			   ELSE creator_leg * applied <= net * creator_ref_ratio * total_cap_ratio AND
					net * creator_ref_ratio * total_cap_ratio <
					(creator_leg::numeric + 1) * applied END'),
	('all legs together never exceed floor(net * cap)',
	 'total > floor(net * total_cap_ratio)'),
	('there is a row for each leg of at least a credit and no other',
	 'least < 1 OR
	  brand_legs <> CASE WHEN brand_leg > 0 THEN 1 ELSE 0 END OR
	  creator_legs <> CASE WHEN creator_leg > 0 THEN creators ELSE 0 END OR
	  all_legs <> brand_legs + creator_legs'),
	('the brand leg stands first', 'first_brand <> 1'),
	('each leg carries its nominal ratio',
	 'brand_nominal <> brand_ratio OR creator_nominal <> creator_ref_ratio');

/* All net margins to 1000, all combinations of legs, many ratios and caps. */
INSERT INTO a_case
SELECT net, brand, creators, brand_ratio, creator_ref_ratio, total_cap_ratio
FROM generate_series(0, 1000) AS net,
	 (VALUES (true), (false)) AS brand(brand),
	 generate_series(0, 3) AS creators,
	 (VALUES
		(0.30,	0.20,	0.50),	(0.40,	0.30,	0.50),	(0.30,	0.20,	0.49),
		(0.30,	0.20,	0.499999), (0.300001, 0.20, 0.50), (0.29, 0.19, 0.50),
		(0.29,	0.57,	0.58),	(1,		1,		1),		(1,		0.5,	0.000001),
		(0.333333, 0.333333, 0.333334), (0.333333, 0.333334, 1),
		(0.125,	0.0625,	0.1),	(0.07,	0.14,	0.28),	(0.15,	0.08,	0.10),
		(0.000001, 0.000001, 0.000002), (0.999999, 0.000001, 1),
		(0,		0.20,	0.50),	(0.30,	0,		0.25),	(0.30,	0.20,	0),
		(0.55,	0.45,	0.95)) AS terms(brand_ratio, creator_ref_ratio, total_cap_ratio);
CREATE TEMP TABLE exhaustive AS TABLE outcome;

SELECT is_empty(format('SELECT * FROM exhaustive WHERE %s LIMIT 5', broken_by),
				format('%s: all of %s cases', description,
					   (SELECT count(*) FROM exhaustive)))
FROM rule;

/* Any amount, any ratio, any cap. */
TRUNCATE a_case;
DO $$ BEGIN PERFORM setseed(0.2); END $$;
INSERT INTO a_case
SELECT (floor(random() * 2147483648)::bigint << 32 |
		floor(random() * 4294967296)::bigint) >> floor(random() * 63)::integer,
	   random() < 0.75, floor(random() * 4)::integer,
	   trunc((random() * 1000001)::numeric) / 1000000,
	   trunc((random() * 1000001)::numeric) / 1000000,
	   trunc((random() * 1000001)::numeric) / 1000000
FROM generate_series(1, 100000);
INSERT INTO a_case
SELECT 9223372036854775807 - less, true, creators, brand_ratio,
	   creator_ref_ratio, total_cap_ratio
FROM generate_series(0, 2) AS less, generate_series(0, 3) AS creators,
	 unnest(ARRAY[0, 0.000001, 0.30, 0.333333, 0.999999, 1]) AS brand_ratio,
	 unnest(ARRAY[0, 0.000001, 0.20, 0.666667, 0.999999, 1]) AS creator_ref_ratio,
	 unnest(ARRAY[0, 0.000001, 0.50, 0.700001, 0.999999, 1]) AS total_cap_ratio;
CREATE TEMP TABLE at_random AS TABLE outcome;

SELECT is_empty(format('SELECT * FROM at_random WHERE %s LIMIT 5', broken_by),
				format('%s: %s cases up to the largest bigint', description,
					   (SELECT count(*) FROM at_random)))
FROM rule;

/* The cases reach what they are for. */
SELECT cmp_ok((SELECT count(*) FROM at_random WHERE applied > total_cap_ratio),
			  '>=', 10000::bigint, 'the cap binds in many of them');
SELECT cmp_ok((SELECT count(*) FROM at_random WHERE applied <= total_cap_ratio),
			  '>=', 10000::bigint, 'it does not bind in many others');
SELECT cmp_ok((SELECT count(*) FROM at_random WHERE total > 4611686018427387904),
			  '>=', 100::bigint, 'and the sums reach the top of bigint');
SELECT cmp_ok((SELECT count(*) FROM exhaustive
			   WHERE total = floor(net * total_cap_ratio) AND total > 0), '>=',
			  1000::bigint, 'and the whole of the cap');

SELECT * FROM finish();
ROLLBACK;

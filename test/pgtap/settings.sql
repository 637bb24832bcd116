/*
 * settings.sql
 *		What the settings accept, refuse and do.  Who may set them, and by
 *		which road, is in the regression test of this name.
 */
BEGIN;
LOAD 'commission';
SELECT plan(253);

/* The settings of the programme, all for superusers to set. */
SELECT results_eq(
	format($$SELECT setting, boot_val, vartype, context, min_val, max_val
			 FROM pg_settings WHERE name = %L$$, name),
	format($$SELECT %L::text, %1$L::text, %L::text, 'superuser'::text,
					%L::text, %L::text$$,
		   boot_value, type, min, max),
	format('%s is %s', name, quote_literal(boot_value)))
FROM (VALUES
	('commission.address_pause_days',			'0',	'integer', '0', '36525'),
	('commission.attribution_window_days',		'30',	'integer', '1', '36525'),
	('commission.brand_ratio',					'0.30',	'string', NULL, NULL),
	('commission.brand_referral_window_days',	'0',	'integer', '0', '36525'),
	('commission.creator_ref_ratio',			'0.20',	'string', NULL, NULL),
	('commission.cref_secret',					'',		'string', NULL, NULL),
	('commission.cref_secret_previous',			'',		'string', NULL, NULL),
	('commission.first_order_ratio',			'0.15',	'string', NULL, NULL),
	('commission.hold_days',					'0',	'integer', '0', '36525'),
	('commission.marketplace_only',				'on',	'bool', NULL, NULL),
	('commission.minimum_payout',				'5000',	'integer', '0', '2147483647'),
	('commission.minimum_pool',					'83',	'integer', '1', '2147483647'),
	('commission.node_id',						'0',	'integer', '0', '32767'),
	('commission.platform_markup_ratio',		'0.20',	'string', NULL, NULL),
	('commission.renewal_ratio',				'0.08',	'string', NULL, NULL),
	('commission.signal_burst_minutes',			'10',	'integer', '1', '527040'),
	('commission.signal_burst_signups',			'20',	'integer', '2', '2147483647'),
	('commission.signal_days',					'30',	'integer', '0', '36525'),
	('commission.signal_refund_ratio',			'0.30',	'string', NULL, NULL),
	('commission.signal_refunds',				'3',	'integer', '1', '2147483647'),
	('commission.signal_signup_seconds',		'10',	'integer', '0', '2147483647'),
	('commission.total_cap_ratio',				'0.50',	'string', NULL, NULL),
	('commission.upgrade_ratio',				'0.10',	'string', NULL, NULL))
	AS vector(name, boot_value, type, min, max);

SELECT is_empty(
	$$SELECT name, context FROM pg_settings
	  WHERE name LIKE 'commission.%' AND name <> 'commission.portal_account'
		AND context <> 'superuser'$$,
	'no setting of the programme is for an ordinary role to set');
SELECT is_empty(
	$$SELECT name FROM pg_settings
	  WHERE name LIKE 'commission.%' AND short_desc !~ '^[A-Z].*\.$'$$,
	'each says in a sentence what it is');

/* What becomes of a value: the detail of its refusal, or nothing. */
CREATE FUNCTION pg_temp.refusal(name text, value text) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	PERFORM set_config(name, value, true);
	RETURN NULL;
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;

CREATE TEMP TABLE ratio_setting (name text, max integer);
INSERT INTO ratio_setting VALUES
	('commission.brand_ratio', 1),
	('commission.creator_ref_ratio', 1),
	('commission.first_order_ratio', 1),
	('commission.platform_markup_ratio', 10),
	('commission.renewal_ratio', 1),
	('commission.total_cap_ratio', 1),
	('commission.upgrade_ratio', 1);

/* Each ratio has its own limit, and says so. */
SELECT is(pg_temp.refusal(name, value),
		  format('A ratio is a decimal from 0 to %s with at most 6 fractional digits, such as 0.30.',
				 max), format('%s is not %L', name, value))
FROM ratio_setting,
	 LATERAL (VALUES (max || '.000001'), ((max + 1)::text), ('-0.1'),
			  ('0.1234567'), ('')) AS vector(value);
SELECT is(pg_temp.refusal(name, value), NULL,
		  format('%s may be %L', name, value))
FROM ratio_setting,
	 LATERAL (VALUES ('0'), ('0.000001'), (max || ''), (max || '.000000'))
			 AS vector(value);

/* No other spelling is a ratio, neither for a leg nor for the markup. */
SELECT isnt(pg_temp.refusal(name, value), NULL,
			format('%L is no ratio for %s',
				   left(replace(value, E'\n', ' '), 40), name))
FROM (VALUES ('commission.brand_ratio'), ('commission.platform_markup_ratio'))
		AS setting(name),
	 (VALUES
		('abc'), ('NaN'), ('Infinity'), ('-Infinity'), ('on'), ('.'), ('-'),
		('+0.3'), ('-0'), ('-1'), ('- 0.3'), (' 0.3'), ('0.3 '), (' '),
		(E'0.3\n'), (E'\t0.3'), ('0. 3'), ('1e-1'), ('1E0'), ('0.3e0'),
		('0x1'), ('0.3f'), ('0,3'), ('0..3'), ('0.3.0'), ('..3'), ('30%'),
		('1/3'), ('0.3000001'), ('0.0000001'), ('0.9999999'), ('10.000001'),
		('10.0000001'), ('11'), ('100'), ('4294967296'), ('4294967296.3'),
		('18446744073709551616'), (repeat('9', 1000)),
		('0.' || repeat('3', 1000)), (U&'\FF10.\FF13'), (U&'\0660.\0663'))
		AS vector(value);

/* The value in force is that of the text, and SHOW gives the text back. */
CREATE FUNCTION pg_temp.in_force(value text) RETURNS integer
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('commission.total_cap_ratio', '1', true);
	PERFORM set_config('commission.brand_ratio', value, true);
	IF current_setting('commission.brand_ratio') IS DISTINCT FROM value THEN
		RETURN -1;
	END IF;
	RETURN coalesce(sum(amount), 0) FROM commission.legs(1000000, true, 0);
END $$;

SELECT is(pg_temp.in_force(value), ratio_ppm,
		  format('%L is %s parts per million', left(value, 40), ratio_ppm))
FROM (VALUES
	('0',			0),
	('0.0',			0),
	('.0',			0),
	('00',			0),
	('.5',			500000),
	('0.5',			500000),
	('00.5',		500000),
	('1',			1000000),
	('1.',			1000000),
	('01',			1000000),
	('1.0000000',	1000000),
	('0.3',			300000),
	('0.3000000',	300000),
	('0.30000000000000000000', 300000),
	('0.' || '123456' || repeat('0', 1000), 123456),
	(repeat('0', 1000) || '.000001', 1),
	('0.29',		290000),
	('0.000010',	10),
	('0.999999',	999999)) AS vector(value, ratio_ppm);

/* Each ratio moves what it is for, and nothing else. */
CREATE FUNCTION pg_temp.under(name text, value text) RETURNS text
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('commission.brand_ratio', '0.30', true),
			set_config('commission.creator_ref_ratio', '0.20', true),
			set_config('commission.platform_markup_ratio', '0.20', true),
			set_config('commission.total_cap_ratio', '0.50', true);
	PERFORM set_config(name, value, true);
	RETURN (SELECT string_agg(leg || ' ' || ratio || ' ' || amount, ', '
							  ORDER BY leg)
			FROM commission.legs(1000)) ||
		   ', surcharge ' || commission.surcharge(1000);
END $$;

SELECT is(pg_temp.under(name, value), expected,
		  format('under %s = %s: %s', name, value, expected))
FROM (VALUES
	('commission.brand_ratio', '0.30',
	 'brand 0.30 300, creator 0.20 200, surcharge 1200'),
	('commission.brand_ratio', '0.1',
	 'brand 0.10 100, creator 0.20 200, surcharge 1200'),
	('commission.brand_ratio', '1',
	 'brand 1.00 416, creator 0.20 83, surcharge 1200'),
	('commission.creator_ref_ratio', '0.125',
	 'brand 0.30 300, creator 0.125 125, surcharge 1200'),
	('commission.total_cap_ratio', '0.25',
	 'brand 0.30 150, creator 0.20 100, surcharge 1200'),
	('commission.platform_markup_ratio', '0.0001',
	 'brand 0.30 300, creator 0.20 200, surcharge 1001'),
	('commission.platform_markup_ratio', '10',
	 'brand 0.30 300, creator 0.20 200, surcharge 11000'),
	('commission.first_order_ratio', '1',
	 'brand 0.30 300, creator 0.20 200, surcharge 1200'),
	('commission.renewal_ratio', '1',
	 'brand 0.30 300, creator 0.20 200, surcharge 1200'),
	('commission.upgrade_ratio', '1',
	 'brand 0.30 300, creator 0.20 200, surcharge 1200'))
	AS vector(name, value, expected);

/* The whole numbers, their ends, and past them. */
SELECT lives_ok(format('SET LOCAL %s = %L', name, value),
				format('%s may be %s', name, value))
FROM (VALUES
	('commission.address_pause_days', '0'),
	('commission.address_pause_days', '36525'),
	('commission.attribution_window_days', '1'),
	('commission.attribution_window_days', '36525'),
	('commission.brand_referral_window_days', '0'),
	('commission.brand_referral_window_days', '36525'),
	('commission.hold_days', '0'),
	('commission.hold_days', '36525'),
	('commission.marketplace_only', 'off'),
	('commission.marketplace_only', 'true'),
	('commission.minimum_payout', '0'),
	('commission.minimum_payout', '2147483647'),
	('commission.minimum_pool', '1'),
	('commission.minimum_pool', '2147483647'),
	('commission.node_id', '0'),
	('commission.node_id', '32767')) AS vector(name, value);
SELECT throws_ok(format('SET LOCAL %s = %L', name, value), '22023', NULL,
				 format('%s is not %L', name, value))
FROM (VALUES
	('commission.address_pause_days', '-1'),
	('commission.address_pause_days', '36526'),
	('commission.attribution_window_days', '0'),
	('commission.attribution_window_days', '-1'),
	('commission.attribution_window_days', '36526'),
	('commission.attribution_window_days', '30d'),
	('commission.brand_referral_window_days', '-1'),
	('commission.brand_referral_window_days', '36526'),
	('commission.hold_days', '-1'),
	('commission.hold_days', '36526'),
	('commission.hold_days', ''),
	('commission.marketplace_only', 'maybe'),
	('commission.marketplace_only', ''),
	('commission.minimum_payout', '-1'),
	('commission.minimum_payout', '2147483648'),
	('commission.minimum_payout', '$50'),
	('commission.minimum_pool', '0'),
	('commission.minimum_pool', '-83'),
	('commission.minimum_pool', '2147483648'),
	('commission.node_id', '-1'),
	('commission.node_id', '32768'),
	('commission.node_id', 'abc')) AS vector(name, value);

/* The prefix is reserved. */
SELECT throws_ok(format('SET LOCAL %s = ''0.30''', name), '42602', NULL,
				 format('%s is a misspelling', name))
FROM (VALUES ('commission.brand_ration'), ('commission.brandratio'),
			 ('commission.ratio'), ('commission.brand_ratio.x'))
		AS vector(name);

/* R15: a setting is read afresh, also by a plan that was made before. */
CREATE FUNCTION pg_temp.brand_leg() RETURNS bigint LANGUAGE sql STABLE AS $$
	SELECT amount FROM commission.legs(100, true, 0)
$$;
CREATE FUNCTION pg_temp.brand_leg_at_ten_percent() RETURNS bigint
	LANGUAGE sql STABLE SET commission.brand_ratio = '0.10' AS $$
	SELECT amount FROM commission.legs(100, true, 0)
$$;
CREATE FUNCTION pg_temp.brand_leg_with_rollback() RETURNS bigint
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('commission.brand_ratio', '0.40', true);
	RAISE division_by_zero;
EXCEPTION WHEN division_by_zero THEN
	RETURN pg_temp.brand_leg();
END $$;
SET LOCAL plan_cache_mode = force_generic_plan;
PREPARE prepared AS
	SELECT amount, commission.surcharge(100) FROM commission.legs(100, true, 0);

SET LOCAL commission.brand_ratio TO DEFAULT;
SET LOCAL commission.platform_markup_ratio TO DEFAULT;
SET LOCAL commission.total_cap_ratio TO DEFAULT;
SELECT results_eq('EXECUTE prepared', 'VALUES (30::bigint, 120::bigint)',
				  'a plan made under the default');
SET LOCAL commission.brand_ratio = 0.25;
SET LOCAL commission.platform_markup_ratio = 0.5;
SELECT results_eq('EXECUTE prepared', 'VALUES (25::bigint, 150::bigint)',
				  'follows the setting');
SELECT is(pg_temp.brand_leg_at_ten_percent(), 10::bigint,
		  'a function may bring a setting of its own');
SELECT is(pg_temp.brand_leg(), 25::bigint,
		  'which is gone when it returns');
SELECT is(pg_temp.brand_leg_with_rollback(), 25::bigint,
		  'an exception takes a setting back');
SAVEPOINT before;
SET LOCAL commission.brand_ratio = '0.45';
SELECT is(pg_temp.brand_leg(), 45::bigint, 'a savepoint is passed');
ROLLBACK TO before;
SELECT is(pg_temp.brand_leg(), 25::bigint, 'and rolled back to');
SELECT throws_ok('SET LOCAL commission.brand_ratio = ''1.1''', '22023',
				 'invalid value for parameter "commission.brand_ratio": "1.1"',
				 'a bad value is refused');
SELECT is(pg_temp.brand_leg(), 25::bigint, 'and leaves the good one in force');
RESET commission.brand_ratio;
SELECT is(pg_temp.brand_leg(), 30::bigint, 'RESET is the default');

SELECT * FROM finish();
ROLLBACK;

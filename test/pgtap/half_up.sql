/*
 * half_up.sql
 *		Subscription commissions are rounded half up (R3), against exact
 *		numerics.
 *
 * The rounding shows through the projection of a subscription's first order.
 */
BEGIN;
SELECT plan(14);

CREATE FUNCTION pg_temp.first_order_at(price bigint, ratio numeric)
	RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('commission.first_order_ratio', ratio::text, true);
	RETURN (SELECT first_order FROM commission.project_subscription(price, 0));
END $$;

SELECT is(pg_temp.first_order_at(price, ratio), expected,
		  format('%s of %s is %s, half up', ratio, price, expected))
FROM (VALUES
	(1999::bigint, 0.15, 300::bigint),
	(1999,	0.08,		160),
	(1999,	0.10,		200),
	(10,	0.15,		2),
	(3,		0.5,		2),
	(1,		0.5,		1),
	(1,		0.499999,	0),
	(50,	0.29,		15),
	(100,	0.145,		15),
	(100,	0.144999,	14),
	(7,		1,			7),
	(9223372036854775807, 1, 9223372036854775807),
	(9223372036854775807, 0.5, 4611686018427387904))
	AS vector(price, ratio, expected);

SELECT is_empty($$
	SELECT *
	FROM generate_series(0::bigint, 2000) AS price,
		 unnest(ARRAY[0, 0.000001, 0.0005, 0.000501, 0.01, 0.08, 0.1, 0.125,
					  0.15, 0.29, 0.333333, 0.5, 0.999999, 1]) AS ratio,
		 pg_temp.first_order_at(price, ratio) AS amount
	WHERE NOT (amount - 0.5 <= price * ratio AND price * ratio < amount + 0.5)
	LIMIT 5 $$, 'orders to 2000 at many ratios are rounded half up');

SELECT * FROM finish();
ROLLBACK;

/*
 * half_up.sql
 *		Subscription commissions are rounded half up (R3), against exact
 *		numerics.
 */
BEGIN;
SELECT plan(16);

CREATE TABLE bill (id text, customer text DEFAULT 'studio', price bigint,
				   kind text DEFAULT 'renewal');
DO $$ BEGIN
	PERFORM commission.refer('studio', 'ana', 'brand');
	PERFORM commission.attach_orders('bill', 'id', 'customer', 'price', 'kind');
END $$;

/* Renewals at these prices, at this ratio, and what they pay. */
CREATE FUNCTION pg_temp.renewals_at(ratio numeric, VARIADIC prices bigint[])
	RETURNS TABLE (price bigint, amount bigint) LANGUAGE plpgsql AS $$
DECLARE
	call constant bigint := count(*) FROM bill;
BEGIN
	PERFORM set_config('commission.renewal_ratio', ratio::text, true);
	INSERT INTO bill (id, price)
	SELECT format('%s from %s', p, call), p FROM unnest(prices) AS p;
	RETURN QUERY
		SELECT p, coalesce(e.amount, 0)
		FROM unnest(prices) AS p
		LEFT JOIN commission.customer_order AS o
			ON o.order_id = commission.account_id(format('%s from %s', p, call))
		LEFT JOIN commission.entry AS e ON e.event_id = o.event_id;
END $$;

SELECT is((SELECT r.amount FROM pg_temp.renewals_at(ratio, price) AS r), expected,
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
	(1000000000000000, 1, 1000000000000000),
	(999999999999999, 0.5, 500000000000000))
	AS vector(price, ratio, expected);

SELECT is((SELECT p.first_order FROM commission.project_subscription(price, 0) AS p), price,
		  'projected: ' || price)
FROM set_config('commission.first_order_ratio', '1', true),
	unnest('{7, 9223372036854775807}'::bigint[]) AS price;

SELECT is_empty($$
	SELECT *
	FROM unnest(ARRAY[0, 0.000001, 0.0005, 0.000501, 0.01, 0.08, 0.1, 0.125,
					  0.15, 0.29, 0.333333, 0.5, 0.999999, 1]) AS ratio,
		 pg_temp.renewals_at(ratio, VARIADIC ARRAY(SELECT generate_series(0::bigint, 2000))) AS r
	WHERE NOT (r.amount - 0.5 <= r.price * ratio AND r.price * ratio < r.amount + 0.5)
	LIMIT 5 $$, 'orders at many ratios are rounded half up');

SELECT * FROM finish();
ROLLBACK;

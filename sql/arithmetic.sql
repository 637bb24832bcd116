/*
 * arithmetic.sql
 *		The arithmetic as an ordinary role meets it: the worked example, the
 *		signatures and the messages.  Every vector, and the exhaustive cases,
 *		are in test/pgtap.
 */
SET client_min_messages = warning;
CREATE ROLE regress_commission_reader;
GRANT USAGE ON SCHEMA commission, commission_internal TO regress_commission_reader;
GRANT EXECUTE ON FUNCTION commission.surcharge(bigint),
	commission.net_margin(bigint, bigint, bigint, bigint),
	commission.legs(bigint, boolean, integer),
	commission.legs(bigint, boolean, integer, numeric, numeric, numeric),
	commission_internal.pool_shares(bigint, bigint[]), commission.mask(text),
	commission_internal.ratio(integer) TO regress_commission_reader;
RESET client_min_messages;

-- names, arguments and results
SELECT proname AS name, pg_get_function_arguments(oid) AS arguments,
	   pg_get_function_result(oid) AS result
FROM pg_proc
WHERE pronamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND
	  proname IN ('surcharge', 'net_margin', 'legs', 'pool_shares', 'mask', 'ratio')
ORDER BY proname, pronargs, proretset, oid::regprocedure::text COLLATE "C";

-- what reads a setting is stable, the rest immutable; all strict, all parallel
SELECT oid::regprocedure AS function, provolatile, proisstrict, proparallel,
	   obj_description(oid, 'pg_proc') IS NOT NULL AS described
FROM pg_proc
WHERE pronamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND
	  proname IN ('surcharge', 'net_margin', 'legs', 'pool_shares', 'mask', 'ratio')
ORDER BY proname, pronargs, proretset, oid::regprocedure::text COLLATE "C";

SET ROLE regress_commission_reader;

-- the worked example: model price 20, API cost 10, pool 100
SELECT commission.surcharge(100);
SELECT 20 + commission.surcharge(100) AS buyer_total;
SELECT commission.net_margin(20, 10, commission.surcharge(100), 100);
SELECT leg, ratio, amount, sum(amount) OVER () AS together,
	   30 - sum(amount) OVER () AS platform_keeps
FROM commission.legs(30);
SELECT commission_internal.pool_shares(100, '{60,25,15}');

-- net margins, and legs of less than a credit, which are none
SELECT net, max(amount) FILTER (WHERE leg = 'brand') AS brand,
	   max(amount) FILTER (WHERE leg = 'creator') AS creator
FROM unnest(ARRAY[30, 29, 33, 17, 5, 4, 3, 101]) WITH ORDINALITY AS vector(net, place)
LEFT JOIN LATERAL commission.legs(net) ON true
GROUP BY place, net
ORDER BY place;

-- the cap
SELECT * FROM commission.legs(30, true, 1, 0.40, 0.30, 0.50);
SELECT * FROM commission.legs(100, true, 1, 0.40, 0.30, 0.50);
SELECT * FROM commission.legs(100, true, 2);
SELECT * FROM commission.legs(30, true, 2);
SELECT * FROM commission.legs(30, false, 3);

-- pools and surcharges
SELECT pool, commission.surcharge(pool)
FROM unnest(ARRAY[5, 8, 10, 83, 84, 100, 101]) AS pool;

-- exact decimals: 100 x 0.29 is 29
SELECT amount FROM commission.legs(100, true, 0, 0.29, 0, 1);
SELECT ratio_ppm, commission_internal.ratio(ratio_ppm)
FROM unnest(ARRAY[0, 80000, 125000, 300000, 333333, 1000000]) AS ratio_ppm;

-- masked
SELECT commission.mask('maria.lopez@gmail.com');
SELECT commission.mask('Maria Lopez');

-- what is refused, and why
SELECT commission.surcharge(-1);
SELECT commission.surcharge(9223372036854775807);
SELECT commission.net_margin(-1, 0);
SELECT commission.net_margin(0, -1);
SELECT commission.net_margin(20, 10, 99, 100);
SELECT commission.net_margin(20, 10, 120, -100);
SELECT commission.net_margin(9223372036854775807, 0, 1, 0);
SELECT * FROM commission.legs(-1);
SELECT * FROM commission.legs(100, true, -1);
SELECT * FROM commission.legs(100, true, 1001);
SELECT * FROM commission.legs(100, true, 1, 1.1, 0.2, 0.5);
SELECT * FROM commission.legs(100, true, 1, 0.3, 0.1234567, 0.5);
SELECT * FROM commission.legs(100, true, 1, 0.3, 0.2, 'NaN');
SELECT commission_internal.pool_shares(-1, '{1}');
SELECT commission_internal.pool_shares(1, '{1,-1}');
SELECT commission_internal.pool_shares(1, '{1,1,1,1,1,1,1}');
SELECT commission_internal.pool_shares(1, '{1,NULL}');
SELECT commission_internal.pool_shares(1, '{{1,2}}');
SELECT commission_internal.pool_shares(1, '{0,0}');
SELECT commission_internal.pool_shares(1, '{9223372036854775807,1}');

RESET ROLE;
DROP OWNED BY regress_commission_reader;
DROP ROLE regress_commission_reader;

/*
 * Characters of several bytes are not cut in another encoding either: of two
 * bytes, of three, and half-width.
 */
SELECT current_database() AS here \gset
CREATE DATABASE regress_commission_euc_jp
	TEMPLATE template0 ENCODING 'EUC_JP' LOCALE_PROVIDER libc LOCALE 'C';
\c regress_commission_euc_jp
SET client_min_messages = warning;
CREATE EXTENSION commission;
SELECT description,
	   encode(convert_to(commission.mask(convert_from(label, 'EUC_JP')), 'EUC_JP'),
			  'escape') AS masked
FROM (VALUES
	('ASCII',			'maria.lopez@gmail.com'::bytea),
	('two bytes',		'\xbbb3c5c440cef32e6a70'),
	('three bytes',		'\x8fb0a1bbb3408fb0a2cef32e636f6d'),
	('half-width',		'\x8eb18eb2408eb38eb42e6a70'),
	('a name',			'\xbbb3c5c4')) AS vector(description, label);
\c :here
DROP DATABASE regress_commission_euc_jp;

-- A sum beyond bigint is NULL, not an error for everybody who is in the view.
SELECT sum, commission_internal.credits(sum)
FROM (VALUES (0::numeric), (-9223372036854775808), (-9223372036854775809),
	(9223372036854775807), (9223372036854775808), (NULL)) AS s (sum);

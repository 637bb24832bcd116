/*
 * what_if.sql
 *		A period's generations under other ratios.
 */
BEGIN;
SELECT plan(12);
SET LOCAL client_min_messages = warning;

/* What what_if() gives, on one line: ana 15 -> 20 (5). */
CREATE FUNCTION pg_temp.line(since timestamptz, until timestamptz,
							 brand numeric, creator numeric, cap numeric)
	RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s -> %s (%s)', account, actual,
									  would_be, difference), ', '), 'nobody')
	FROM commission.what_if(since, until, brand, creator, cap)
$$;

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.register_listing('photos', 'photographer', 'reference', 100);
SELECT commission.refer('maria', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('seller', 'ana', 'creator', '2026-01-01');
SELECT commission.refer('photographer', 'ben', 'creator', '2026-01-01');
/* net 30 and, of two listings, 50; a leg of less than a credit; nobody's */
SELECT commission.record_generation('march', 'maria', 'avatar',
	model_price => 20, api_cost => 10, occurred_at => '2026-03-01');
SELECT commission.record_generation('april', 'maria', 'avatar', 'photos',
	model_price => 20, api_cost => 10, occurred_at => '2026-04-01');
SELECT commission.record_generation('tiny', 'maria', 'avatar',
	model_price => 0, api_cost => 0, avatar_pool => 100,
	avatar_surcharge => 103, occurred_at => '2026-05-01');
SELECT commission.record_generation('unreferred', 'stranger', NULL, 'photos',
	model_price => 20, api_cost => 10, occurred_at => '2026-06-01');

SELECT is(pg_temp.line(since, until, brand, creator, cap), expected, what)
FROM (VALUES
	(NULL::timestamptz, NULL::timestamptz, NULL::numeric, NULL::numeric,
	 NULL::numeric, 'ana 32 -> 32 (0), ben 13 -> 13 (0)',
	 'under the ratios that applied, what was earned'),
	('2026-03-01', '2026-04-01', 0.30, 0.20, 0.50, 'ana 15 -> 15 (0)',
	 'the beginning of a period belongs to it, its end does not'),
	('2026-03-01', '2026-04-01', 0.40, 0.30, 0.50, 'ana 15 -> 14 (-1)',
	 'the cap: 8 and 6 of net 30'),
	('2026-03-01', '2026-04-01', 0.40, NULL, 1, 'ana 15 -> 18 (3)',
	 'one ratio, and no cap to speak of'),
	('2026-04-01', '2026-05-01', 0.30, 0.20, 1, 'ana 17 -> 25 (8), ben 7 -> 10 (3)',
	 'two owners, without a cap'),
	('2026-05-01', '2026-06-01', 0.40, 0, 0.50, 'ana 0 -> 1 (1)',
	 'a leg that had come to nothing is its referrer''s'),
	('2026-06-01', '2026-07-01', 1, 0, 1, 'ben 6 -> 0 (-6)',
	 'a leg that was not paid for want of a referral stays unpaid'),
	('2026-07-01', '2026-03-01', 1, 1, 1, 'nobody', 'no such time'))
	AS v (since, until, brand, creator, cap, expected, what);

SELECT commission.reverse_generation('march', 70);
SELECT is(pg_temp.line('2026-03-01', '2026-04-01', 0.40, 0.10, 0.50),
		  'ana 7 -> 7 (0)', 'after a refund of half: 4 + 3, and 6 + 1');
SELECT commission.reverse_generation('march');
SELECT is(pg_temp.line('2026-03-01', '2026-04-01', 1, 1, 1), 'nobody',
		  'after a full refund nobody has earned');
SELECT throws_ok($$SELECT * FROM commission.what_if(NULL, NULL, 1.5, 0, 1)$$,
				 '22023', NULL, 'a ratio over 1');
SELECT is_empty('SELECT * FROM commission.audit()', 'nothing was written');

SELECT * FROM finish();
ROLLBACK;

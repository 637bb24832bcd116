/*
 * terms.sql
 *		Legs of different ratios under one cap, against an independent exact
 *		computation, and what a version of terms lowers.
 */
BEGIN;
SELECT plan(48);
SET LOCAL client_min_messages = warning;
SELECT setseed(0.15);

/* What it costs: scans of the versions, by a sale of ordinary referrers and one of others. */
SELECT commission.register_listing('l', 'owner', 'avatar', 100),
	commission.refer('owner', 'ordinary', 'creator'), commission.refer('b', 'plain', 'brand'),
	commission.refer('p', 'partner', 'brand'), commission.refer('m', 'member', 'brand');
CREATE FUNCTION pg_temp.scans() RETURNS bigint LANGUAGE sql
RETURN pg_stat_get_xact_numscans('commission.terms_version_subject_idx'::regclass)
	+ pg_stat_get_xact_numscans('commission.group_change_account_idx'::regclass);
CREATE FUNCTION pg_temp.scans_of(buyer text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	before CONSTANT bigint := pg_temp.scans();
BEGIN
	PERFORM commission.record_generation('of ' || buyer, buyer, 'l', model_price => 20, api_cost => 10),
		commission.record_order('of ' || buyer, buyer, 1999);
	RETURN pg_temp.scans() - before;
END $$;
SELECT commission.set_terms('partner', brand_ratio => 0.4), commission.set_group_terms('costs', brand_ratio => 0.4),
	commission.set_group('member', 'costs');
SELECT is(pg_temp.scans_of('b'), 0::bigint, 'ordinary referrers cost no look-up of terms');
SELECT is(pg_temp.scans_of('p'), 2::bigint, 'terms of one''s own: one for each leg');
SELECT is(pg_temp.scans_of('m'), 2::bigint, 'a group''s: one for each leg');

/* Thirty of each, referred by as many with ratios of their own. */
CREATE TEMPORARY TABLE ratio AS
	SELECT what || n AS account, what || ' referrer ' || n AS referrer,
		CASE WHEN n % 10 = 0 THEN n % 3 / 2.0
			ELSE round(random()::numeric, 1 + n % 6) END AS ratio
	FROM unnest(ARRAY['buyer', 'seller', 'photographer']) AS what,
		generate_series(1, 30) AS n;
SELECT commission.refer(account, referrer,
	CASE WHEN account LIKE 'buyer%' THEN 'brand' ELSE 'creator' END::commission.referral_role,
	'2020-01-01'), commission.set_terms(referrer, brand_ratio => ratio, creator_ref_ratio => ratio)
FROM ratio;
SELECT commission.register_listing('listing of ' || account, account,
	CASE WHEN account LIKE 'seller%' THEN 'avatar' ELSE 'reference' END::commission.listing_kind, 100)
FROM ratio WHERE account NOT LIKE 'buyer%';

CREATE TEMPORARY TABLE sale (id text, buyer text, avatar text, reference text, price bigint,
	cap numeric);
INSERT INTO sale
SELECT 's' || n, 'buyer' || 1 + floor(random() * 30), 'listing of seller' || 1 + floor(random() * 30),
	CASE WHEN n % 5 > 0 THEN 'listing of photographer' || 1 + floor(random() * 30) END,
	CASE n % 3 WHEN 0 THEN floor(random() * 100) WHEN 1 THEN floor(random() * 1e6)
		ELSE floor(random() * 9e14) END::bigint,
	(ARRAY[0.5, 0.333333, 1, 0.000001, 0])[1 + n / 600]
FROM generate_series(0, 2999) AS n;

/* What legs come to, from nothing but numeric. */
CREATE VIEW pg_temp.expected AS
	SELECT s.id, r.referrer AS account, r.ratio,
		CASE WHEN r.sum > s.cap THEN div(s.net * r.ratio * s.cap, r.sum)
			ELSE div(s.net * r.ratio, 1) END AS amount
	FROM (SELECT s.*, s.price + 20 + CASE WHEN s.reference IS NULL THEN 0 ELSE 20 END AS net
		  FROM sale AS s) AS s
	CROSS JOIN LATERAL (
		SELECT r.*, sum(r.ratio) OVER () AS sum
		FROM ratio AS r
		WHERE r.account IN (s.buyer, substr(s.avatar, 12), substr(s.reference, 12))) AS r;
CREATE VIEW pg_temp.difference AS
	SELECT l.source, l.account, l.amount, e.amount AS should_be
	FROM (SELECT * FROM commission.ledger WHERE kind IN ('brand', 'creator')) AS l
	FULL JOIN pg_temp.expected AS e ON e.id = ltrim(l.source, 'x') AND e.account = l.account
		AND e.ratio = l.ratio
	WHERE l.amount IS DISTINCT FROM nullif(e.amount, 0) AND e.amount > 0 OR e.amount = 0 AND l.amount > 0;

/* One by one, and then all anew in one statement for each cap. */
DO $$
DECLARE
	c numeric;
BEGIN
	FOR c IN SELECT DISTINCT cap FROM sale LOOP
		PERFORM set_config('commission.total_cap_ratio', c::text, true);
		PERFORM commission.record_generation(id, buyer, avatar, reference,
			model_price => price, api_cost => 0)
		FROM sale WHERE cap = c;
	END LOOP;
END $$;
SELECT is_empty('SELECT * FROM pg_temp.difference',
				'three legs of three ratios, sale by sale');
CREATE TABLE pg_temp.attached (id text, buyer text, avatar text, reference text, price bigint,
	cost int);
SELECT commission.attach('pg_temp.attached', 'id', 'buyer', 'avatar', 'reference',
						 model_price => 'price', api_cost => 'cost');
DO $$
DECLARE
	c numeric;
BEGIN
	FOR c IN SELECT DISTINCT cap FROM sale LOOP
		PERFORM set_config('commission.total_cap_ratio', c::text, true);
		INSERT INTO pg_temp.attached SELECT 'x' || id, buyer, avatar, reference, price, 0
		FROM sale WHERE cap = c;
	END LOOP;
END $$;
SELECT is_empty('SELECT * FROM pg_temp.difference', 'and by the statement');
SELECT cmp_ok((SELECT count(*) FROM commission.ledger WHERE kind IN ('brand', 'creator')),
			  '>', 6000::bigint, 'thousands of legs');
SELECT is_empty($$
	SELECT s.id, l.leg, l.amount FROM sale AS s
	CROSS JOIN LATERAL (
		SELECT array_agg(e.ratio ORDER BY e.account) AS ratios,
			array_agg(e.amount ORDER BY e.account) AS amounts
		FROM pg_temp.expected AS e WHERE e.id = s.id) AS e
	CROSS JOIN LATERAL commission.legs(
		s.price + 20 + CASE WHEN s.reference IS NULL THEN 0 ELSE 20 END, e.ratios, s.cap) AS l
	WHERE l.amount <> e.amounts[l.leg] OR l.ratio <> e.ratios[l.leg]$$,
	'legs() gives the same');
SELECT is_empty('SELECT * FROM commission.audit()', 'the books are well');

/* Of a sale's ratios, what_if() changes the programme's alone. */
SELECT is_empty($$SELECT * FROM commission.what_if(NULL, NULL, NULL, NULL, NULL)
	WHERE difference <> 0$$, 'what_if() replays each leg under its own ratio');
SELECT is_empty($$SELECT * FROM commission.what_if(NULL, NULL, 0, 0, NULL)
	WHERE difference <> 0 AND account LIKE '%referrer%'$$, 'and the terms of accounts stand');

/*
 * What lowers: versions of an account in group g, which states renewals 24 and
 * a flat first order of 500; the programme's are the settings.
 */
SELECT commission.set_group_terms('g', renewals => 24, first_order_amount => 500);
SELECT commission.set_group('member', 'g');
SELECT commission.set_terms('member', brand_ratio => 0.4, minimum_payout => 1000);
SET LOCAL commission.notice_days = 30;
CREATE FUNCTION pg_temp.refused(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT commission.' || statement;
	RAISE 'fine' USING ERRCODE = 'PFINE';
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN true;
WHEN SQLSTATE 'PFINE' THEN
	RETURN false;
END $$;
SELECT is(pg_temp.refused(statement), refused, format('%s: %s', what, statement))
FROM (VALUES
	('higher', 'set_terms(''member'', brand_ratio => 0.5, minimum_payout => 1000)', false),
	('lower', 'set_terms(''member'', brand_ratio => 0.39, minimum_payout => 1000)', true),
	('inherited again, and lower', 'set_terms(''member'', minimum_payout => 1000)', true),
	('inherited again, with notice', 'set_terms(''member'', valid_from => now() + ''30 days'')', false),
	('a second too soon', 'set_terms(''member'', valid_from => now() + ''30 days'' - interval ''1 second'')', true),
	('another ratio stated for the first time, lower than inherited',
	 'set_terms(''member'', brand_ratio => 0.4, minimum_payout => 1000, creator_ref_ratio => 0.19)', true),
	('a higher minimum', 'set_terms(''member'', brand_ratio => 0.4, minimum_payout => 1001)', true),
	('a lower minimum', 'set_terms(''member'', brand_ratio => 0.4, minimum_payout => 999)', false),
	('fewer renewals', 'set_terms(''member'', brand_ratio => 0.4, minimum_payout => 1000, renewals => 23)', true),
	('more renewals', 'set_terms(''member'', brand_ratio => 0.4, minimum_payout => 1000, renewals => 25)', false),
	('days', 'set_terms(''member'', brand_ratio => 0.4, minimum_payout => 1000, days => 36525)', true),
	('a ratio for an amount', 'set_terms(''member'', brand_ratio => 0.4, minimum_payout => 1000, first_order_ratio => 0.9)', true),
	('all of a first order', 'set_terms(''member'', brand_ratio => 0.4, minimum_payout => 1000, first_order_ratio => 1)', false),
	('a lower amount', 'set_group_terms(''g'', renewals => 24, first_order_amount => 499)', true),
	('no limit of renewals', 'set_group_terms(''g'', first_order_amount => 500)', false),
	('a limit where there was none', 'set_group_terms(''g'', first_order_amount => 500, renewals => 24, days => 1000)', true),
	('an amount given up', 'set_group_terms(''g'', renewals => 24)', true),
	('a group that nobody is in', 'set_group_terms(''empty'', brand_ratio => 0)', false),
	('an amount in place of the settings'' ratio', 'announce_terms(first_order_amount => 100000)', true),
	('a raise for all', 'announce_terms(brand_ratio => 0.31)', false),
	('lower for those who inherit', 'announce_terms(brand_ratio => 0.29)', true),
	('a lower cap', 'announce_terms(total_cap_ratio => 0.49)', true),
	('a higher cap', 'announce_terms(total_cap_ratio => 0.51)', false),
	('what equals the settings', 'announce_terms(upgraded_renewal_ratio => 0.08)', false),
	('lower after an upgrade', 'announce_terms(upgraded_renewal_ratio => 0.07)', true),
	('in the past, higher', 'announce_terms(brand_ratio => 0.31, valid_from => ''2020-01-01'')', false),
	('in the past, lower', 'announce_terms(brand_ratio => 0.29, valid_from => ''2020-01-01'')', true),
	('out of the group', 'set_group(''member'', NULL)', true),
	('into one that states less', 'set_group(''member'', ''empty'')', true),
	('an ordinary account into a group that states fewer renewals', 'set_group(''anybody'', ''g'')', true))
	AS v (what, statement, refused);

/* What is announced may not be lowered either. */
SELECT commission.set_terms('promised', brand_ratio => 0.3, valid_from => now());
SELECT commission.announce_terms(brand_ratio => 0.35, valid_from => now() + interval '10 days');
SELECT is(pg_temp.refused('set_terms(''promised'', brand_ratio => 0.34)'), false,
		  'higher than now, where the announced raise was not inherited');
SELECT is(pg_temp.refused('set_terms(''newcomer'', brand_ratio => 0.34)'), true,
		  'higher than now, lower than what was announced');
SELECT is(pg_temp.refused('set_terms(''newcomer'', brand_ratio => 0.35)'), false,
		  'as high as what was announced');
SELECT is(pg_temp.refused('announce_terms(brand_ratio => 0.34, valid_from => now() + interval ''10 days'')'),
		  true, 'an announcement is no less binding than what is in force');
SELECT is((SELECT string_agg(format('%s %s until %s', term, value, until = now() + interval '10 days'), ', ')
		   FROM commission.terms_of('newcomer') WHERE until IS NOT NULL),
		  'brand_ratio 0.30 until t', 'terms_of() says until when');
SELECT throws_ok('SELECT commission.legs(1, ARRAY[0.5, NULL], 0.5)', '22023', 'invalid ratios of legs',
				 'a ratio that is NULL');
SELECT is((SELECT count(*) FROM commission.legs(100, '{}', 0.5)), 0::bigint, 'no legs');
SELECT is((SELECT string_agg(amount::text, ' ' ORDER BY leg)
		   FROM commission.legs(100, ARRAY[0.45, 0.35, 0.2], 0.5)), '22 17 10', 'three ratios');

SELECT * FROM finish();
ROLLBACK;

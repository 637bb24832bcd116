/*
 * funnel.sql: clicks, sign-ups, conversions and earnings (R35), and what each
 * referred account has earned (R36).
 */
BEGIN;
SET LOCAL TimeZone = 'Pacific/Auckland';	-- days are UTC days all the same
SET LOCAL commission.cref_secret = '0123456789abcdef0123456789abcdef';

SELECT plan(61);

CREATE FUNCTION pg_temp.attribute(account text, referrer text, campaign text,
								  role commission.referral_role,
								  signed_up_at timestamptz)
	RETURNS text LANGUAGE sql AS $$
	SELECT commission.attribute(account,
		commission.sign_cref(referrer, signed_up_at - interval '1 day', campaign), role,
		signed_up_at)::text
$$;

CREATE FUNCTION pg_temp.funnel_of(account text)
	RETURNS TABLE (campaign text, day date, clicks bigint, signups bigint,
				   conversions bigint, earnings bigint)
	LANGUAGE sql AS $$
	SELECT f.campaign COLLATE "default", f.day, f.clicks, f.signups,
		f.conversions, f.earnings
	FROM commission.funnel AS f WHERE f.account = funnel_of.account
	ORDER BY f.day, f.campaign NULLS FIRST
$$;

SELECT commission.register_account(name, name || '@example.org')
FROM unnest(ARRAY['maria', 'otto']) AS name;
SELECT is_empty('SELECT * FROM commission.funnel', 'nothing yet');
SELECT is_empty('SELECT * FROM commission.referral_earnings', 'of neither');

/* Clicks, by campaign and UTC day */
SELECT commission.touch('maria', NULL, campaign, NULL, at::timestamptz)
FROM (VALUES ('spring', '2026-03-01 00:00+00'),
	('spring', '2026-03-01 23:59:59.999999+00'), ('spring', '2026-03-02 00:00+00'),
	('autumn', '2026-03-01 12:00+00'), (NULL, '2026-03-01 12:00+00'),
	('', '2026-03-01 12:00+00')) AS t (campaign, at);
SELECT results_eq($$SELECT * FROM pg_temp.funnel_of('maria')$$,
	$$VALUES (NULL, '2026-03-01'::date, 2::bigint, 0::bigint, 0::bigint, 0::bigint),
		('autumn', '2026-03-01', 1, 0, 0, 0),
		('spring', '2026-03-01', 2, 0, 0, 0),
		('spring', '2026-03-02', 1, 0, 0, 0)$$,
	'clicks, by campaign and UTC day; no campaign and an empty one are one');

/* Sign-ups: an account counts once, however many roles it is referred for */
SELECT is(pg_temp.attribute('bob', 'otto', 'x', 'brand', '2026-03-05 23:59:59.999999+00'),
		  'attributed', 'bob signs up as a brand');
SELECT is(pg_temp.attribute('bob', 'otto', 'y', 'creator', '2026-03-06 00:00+00'),
		  'attributed', 'and as a creator');
SELECT is(pg_temp.attribute('carol', 'otto', 'x', 'creator', '2026-03-06 00:00+00'),
		  'attributed', 'carol as a creator');
SELECT results_eq($$SELECT * FROM pg_temp.funnel_of('otto')$$,
	$$VALUES ('x', '2026-03-05'::date, 0::bigint, 1::bigint, 0::bigint, 0::bigint),
		('x', '2026-03-06', 0, 1, 0, 0)$$,
	'they are two sign-ups');

/* Conversions and earnings, by role and campaign */
SELECT commission.register_listing('l', 'bob', 'avatar', 100);
SELECT commission.set_model_price('m', '', 20, 10);
SELECT ok(commission.record_order('o1', 'bob', 1999,
		  occurred_at => '2026-03-07 00:00+00') IS NOT NULL, 'bob orders');
SELECT ok(commission.record_generation('g1', 'dave', 'l', model => 'm',
		  occurred_at => '2026-03-06 12:00+00') IS NOT NULL,
		  'somebody used his listing the day before');
SELECT ok(commission.record_generation('g2', 'dave', 'l', model => 'm',
		  occurred_at => '2026-03-08 12:00+00') IS NOT NULL, 'and the day after');
SELECT results_eq($$SELECT * FROM pg_temp.funnel_of('otto')$$,
	$$VALUES ('x', '2026-03-05'::date, 0::bigint, 1::bigint, 0::bigint, 0::bigint),
		('x', '2026-03-06', 0, 1, 1, 0),
		('y', '2026-03-06', 0, 0, 0, 6),
		('x', '2026-03-07', 0, 0, 0, 300),
		('y', '2026-03-08', 0, 0, 0, 6)$$,
	'one conversion, by the time of the sale; each leg under the campaign of its role');
SELECT results_eq(
	$$SELECT referred COLLATE "default", role::text, signed_up_at, campaign COLLATE "default",
		plan, lifetime, last_earned_at
	  FROM commission.referral_earnings WHERE account = 'otto'
	  ORDER BY referred, role$$,
	$$VALUES ('b****', 'brand', '2026-03-05 23:59:59.999999+00'::timestamptz, 'x',
			  NULL::text, 300::bigint, '2026-03-07 00:00+00'::timestamptz),
		('b****', 'creator', '2026-03-06 00:00+00', 'y', NULL, 12, '2026-03-08 12:00+00'),
		('c****', 'creator', '2026-03-06 00:00+00', 'x', NULL, 0, NULL)$$,
	'and what each has earned');

/* The plan is that of the latest order which names one. */
SELECT ok(commission.record_order(o, 'bob', 1, 'upgrade', plan, '2026-04-01') IS NULL,
		  'an order too small to pay')
FROM (VALUES ('o2', 'Pro'), ('o3', 'Scale'), ('o4', NULL)) AS t (o, plan);
SELECT results_eq(
	$$SELECT DISTINCT plan FROM commission.referral_earnings
	  WHERE account = 'otto' AND referred = 'b****'$$,
	$$VALUES ('Scale')$$, 'the plan');

/* Refunds, operators */
SELECT ok(commission.reverse_order('o1') IS NOT NULL, 'a refund');
SELECT results_eq(
	$$SELECT lifetime, last_earned_at FROM commission.referral_earnings
	  WHERE account = 'otto' AND role = 'brand'$$,
	$$VALUES (0::bigint, '2026-03-07 00:00+00'::timestamptz)$$,
	'takes away what was earned');
SELECT results_eq(
	$$SELECT sum(earnings), sum(conversions) FROM pg_temp.funnel_of('otto')$$,
	$$VALUES (12::numeric, 1::numeric)$$, 'and leaves the conversion');
SELECT ok(commission.move_referral('bob', 'maria', 'creator', '2026-03-10'),
		  'the operator moves a referral');
SELECT ok(commission.record_generation('g3', 'dave', 'l', model => 'm',
		  occurred_at => '2026-03-11 12:00+00') IS NOT NULL, 'which pays on');
SELECT results_eq(
	$$SELECT account COLLATE "default", campaign COLLATE "default", lifetime, in_force
	  FROM commission.referral_earnings
	  WHERE referred = 'b****' AND role = 'creator' ORDER BY account$$,
	$$VALUES ('maria', NULL, 6::bigint, true), ('otto', 'y', 12, false)$$,
	'each has what was earned while it was theirs');
SELECT ok(commission.move_referral('bob', 'otto', 'creator', '2026-03-12')
		  AND commission.record_generation('g4', 'dave', 'l', model => 'm',
			occurred_at => '2026-03-13 12:00+00') IS NOT NULL, 'and back');
SELECT results_eq(
	$$SELECT campaign COLLATE "default", lifetime, in_force
	  FROM commission.referral_earnings
	  WHERE account = 'otto' AND referred = 'b****' AND role = 'creator'$$,
	$$VALUES ('y', 18::bigint, true)$$, 'one row, of the first campaign');
SELECT ok(commission.refer('erin', 'maria', 'brand', '2026-02-01 00:00+00'),
		  'one who was referred by the operator');
SELECT results_eq(
	$$SELECT campaign COLLATE "default", signups FROM commission.funnel
	  WHERE account = 'maria' AND day = '2026-02-01'$$,
	$$VALUES (NULL, 1::bigint)$$,
	'is a sign-up without a campaign, of the earliest day that is known');
SELECT bag_eq(
	'SELECT account, sum(signups) FROM commission.funnel GROUP BY account',
	$$VALUES ('maria', 2::numeric), ('otto', 2)$$, 'each account counts once for a referrer');

/*
 * Against the tables, summed the plain way, over a made-up year
 */

SELECT setseed(0.5);
CREATE TEMPORARY TABLE made AS
SELECT i, 'r' || (random() * 9)::integer AS referrer,
	'b' || i AS buyer,
	(ARRAY['s1', 's2', NULL])[1 + (random() * 2)::integer] AS campaign,
	timestamptz '2025-01-01 00:00+00' + random() * interval '300 days' AS at
FROM generate_series(1, 200) AS i;
SELECT commission.register_account('r' || i) FROM generate_series(0, 9) AS i;
SELECT commission.touch(referrer, NULL, campaign, NULL, at - n * interval '5 hours')
FROM made, generate_series(0, 4) AS n;
SELECT pg_temp.attribute(buyer, referrer, campaign, 'brand', at) FROM made;
SELECT commission.record_order(buyer || '-' || n, buyer, 100 * n, NULL, 'plan ' || n,
							   at + n * interval '25 hours')
FROM made, generate_series(0, (i % 5)) AS n ORDER BY random();
SELECT commission.reverse_order(buyer || '-1') FROM made WHERE i % 5 > 1;
SELECT commission.move_referral(buyer, 'r0', 'brand', at + interval '20 days')
FROM made WHERE i % 7 = 0;
SELECT commission.record_order(buyer || '-9', buyer, 1000, NULL, 'plan 9',
							   at + interval '21 days') FROM made;

SELECT bag_eq(
	$$SELECT account, campaign, day, clicks FROM commission.funnel
	  WHERE clicks > 0 AND account LIKE 'r_'$$,
	$$SELECT referrer, campaign,
		((at - n * interval '5 hours') AT TIME ZONE 'UTC')::date, count(*)
	  FROM made, generate_series(0, 4) AS n GROUP BY 1, 2, 3$$,
	'clicks are those that were made');
SELECT bag_eq(
	$$SELECT account, campaign, day, signups FROM commission.funnel
	  WHERE signups > 0 AND account LIKE 'r_'$$,
	$$SELECT r, c, (at AT TIME ZONE 'UTC')::date, count(*)
	  FROM (SELECT referrer AS r, campaign AS c, at FROM made
			UNION ALL
			SELECT 'r0', NULL, at FROM made WHERE i % 7 = 0 AND referrer <> 'r0') AS t
	  GROUP BY 1, 2, 3$$,
	'sign-ups are the referred accounts');

/* What is summed from the ledger, or has been rolled up */
CREATE FUNCTION pg_temp.funnel_is_exact(state text) RETURNS SETOF text
	LANGUAGE plpgsql AS $body$
BEGIN
	RETURN NEXT bag_eq(
		$$SELECT account, sum(earnings)::bigint FROM commission.funnel
		  GROUP BY account HAVING sum(earnings) <> 0$$,
		$$SELECT account, lifetime FROM commission.earnings WHERE lifetime <> 0$$,
		state || ': the funnel''s earnings are those of the earnings card');
	RETURN NEXT bag_eq(
		$$SELECT account, sum(lifetime)::bigint FROM commission.referral_earnings
		  GROUP BY account HAVING sum(lifetime) <> 0$$,
		$$SELECT account, lifetime FROM commission.earnings WHERE lifetime <> 0$$,
		state || ': and so are those of the referrals');
	RETURN NEXT bag_eq(
		$$SELECT account, campaign, day, conversions FROM commission.funnel
		  WHERE conversions > 0 AND account LIKE 'r_'$$,
		$$SELECT p.account, p.campaign, (p.first AT TIME ZONE 'UTC')::date, count(*)
		  FROM (SELECT l.account, l.from_account, min(l.occurred_at) AS first,
					CASE WHEN l.account = m.referrer THEN m.campaign END AS campaign
				FROM commission.ledger AS l
				JOIN made AS m ON m.buyer = l.from_account
				WHERE l.kind <> 'reversal'
				GROUP BY l.account, l.from_account, m.referrer, m.campaign) AS p
		  GROUP BY 1, 2, 3$$,
		state || ': a conversion is the first event of each that paid its referrer');
	RETURN NEXT bag_eq(
		$$SELECT account, campaign, day, earnings FROM commission.funnel
		  WHERE earnings <> 0 AND account LIKE 'r_'$$,
		$$SELECT l.account, CASE WHEN l.account = m.referrer THEN m.campaign END,
			(l.occurred_at AT TIME ZONE 'UTC')::date, sum(l.amount)::bigint
		  FROM commission.ledger AS l
		  JOIN made AS m ON m.buyer = l.from_account
		  GROUP BY 1, 2, 3 HAVING sum(l.amount) <> 0$$,
		state || ': earnings are the ledger''s, by campaign and day');
END
$body$;
SELECT pg_temp.funnel_is_exact('never rolled up');
CALL commission.rollup();
SELECT is_empty($$SELECT FROM commission_internal.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id$$,
	'all is rolled up');
SELECT pg_temp.funnel_is_exact('rolled up');
SELECT commission.record_order(buyer || '-b', buyer, 700, 'upgrade', NULL,
							   at + interval '1 hour') FROM made WHERE i % 2 = 0;
SELECT commission.record_order(buyer || '-l', buyer, 900, 'renewal', NULL,
							   at + interval '300 days') FROM made WHERE i % 3 = 0;
SELECT commission.reverse_order(buyer || '-9') FROM made WHERE i % 3 = 0;
SELECT pg_temp.funnel_is_exact('earlier and later sales and refunds since');
CALL commission.rollup();
SELECT pg_temp.funnel_is_exact('rolled up with them');
SELECT is_empty('SELECT * FROM commission.audit()', 'the books are in order');

/*
 * Behind every predicate of a dashboard there is an index
 */

CREATE FUNCTION pg_temp.scanned(query text) RETURNS SETOF text
	LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Seq Scan on (entry|touch|referral_change|account)' THEN
			RETURN NEXT line;
		END IF;
	END LOOP;
END
$$;
SET LOCAL enable_seqscan = off;
SELECT is_empty(
	format('SELECT pg_temp.scanned(%L)',
		   format('SELECT * FROM commission.%s WHERE %s', view, predicate)),
	format('%s by %s', view, predicate))
FROM (VALUES ('funnel', 'account = ''maria'''),
	('funnel', 'account_id = commission.account_id(''maria'')'),
	('funnel', 'account = ''maria'' AND day >= ''2026-03-01'' AND day < ''2026-04-01'''),
	('funnel', 'campaign = ''s1'''),
	('referral_earnings', 'account = ''maria'''),
	('referral_earnings', 'campaign = ''s1'''),
	('attribution_attempt', 'account = ''maria'' LIMIT 20'),
	('referral_history', 'account = ''maria'''))
	AS t (view, predicate);

/*
 * An account's entries are read once, not once for each of its referrals,
 * even where the planner can only look up
 */

CREATE FUNCTION pg_temp.entry_scans(query text) RETURNS TABLE (loops bigint)
	LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
	RETURN QUERY SELECT (scan ->> 'Actual Loops')::bigint
		FROM jsonb_path_query(plan, 'strict $.** ? (@."Relation Name" == "entry")')
			AS scan;
END
$$;
SELECT commission.record_order(buyer || '-n', buyer, 900, 'renewal', NULL,
							   at + interval '301 days') FROM made;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;
SELECT bag_eq(
	format('SELECT loops FROM pg_temp.entry_scans(%L)',
		   'SELECT * FROM commission.funnel WHERE ' || predicate),
	'VALUES (1::bigint), (1)', 'one pass for conversions, one for earnings: ' || predicate)
FROM (VALUES ('account = ''r1'''), ('campaign = ''s1'''), ('campaign IS NULL'),
	('account = ''r1'' AND campaign = ''s1'''), ('day = ''2025-06-01'''), ('true'))
	AS t (predicate);

SELECT * FROM finish();
ROLLBACK;

/*
 * reading.sql
 *		What an earner sees (R31 to R34), as psql prints it, and how it is read.
 */
SET timezone = 'UTC';
SET datestyle = 'ISO';
\o /dev/null
SELECT commission.register_account('studio', 'maria.lopez@gmail.com');
SELECT commission.register_listing('rooftop', 'seller', 'avatar', 100,
								   'Rooftop at dusk');
SELECT commission.register_listing('beach', 'photographer', 'reference', 83,
								   'Beach');
SELECT commission.refer('studio', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('seller', 'ana', 'creator', '2026-01-01');
SELECT commission.refer('photographer', 'ben', 'creator', '2026-01-01');

-- a run of three frames, then a single one, refunded in half
SELECT commission.record_generation('frame ' || i, 'studio', 'rooftop', 'beach',
									run => 'run 1', model_price => 20,
									api_cost => 10, bundle_frame => i > 1,
									occurred_at => '2026-03-01')
FROM generate_series(1, 3) AS i;
SELECT commission.record_generation('42', 'walk-in', 'rooftop', images => 2,
									model_price => 40, api_cost => 20,
									occurred_at => '2026-03-02');
SELECT commission.record_generation('43', 'studio', NULL, 'beach',
									model_price => 20, api_cost => 10,
									occurred_at => '2026-03-03 23:59:59.999999');
SELECT commission.reverse_generation('42', 80, 'blurred');
-- two orders, one of them refunded
SELECT commission.record_order(id, 'studio', 1999, plan => 'pro', occurred_at => '2026-03-04')
FROM unnest(ARRAY['first', 'second']) AS id;
SELECT commission.reverse_order('second');
\o

CREATE ROLE regress_commission_reader;
SELECT commission.grant_reader('regress_commission_reader');
SET ROLE regress_commission_reader;

-- the recent list: a row for each run, its frames together, newest first
SELECT run, buyer, images, titles, legs, amount
FROM commission.recent_commission WHERE account = 'ana' ORDER BY event_id DESC;
SELECT headline
FROM commission.recent_commission WHERE account = 'ana' ORDER BY event_id DESC;
SELECT run, images, legs, amount
FROM commission.recent_commission WHERE account = 'ben' ORDER BY event_id DESC;

-- the details of a generation, to the credit
\x on
SELECT generation, run, occurred_at, buyer, images, titles, brand_amount,
	brand_ratio, creator_amount, creator_ratio, buyer_total, model_price,
	surcharge, pool, markup, api_cost, generation_margin, net_margin,
	platform_take, reversed, refunded
FROM commission.commission_detail
WHERE account = 'ana' AND generation = 'frame 1';
\x off
SELECT generation, creator_amount, reversed, refunded
FROM commission.commission_detail WHERE account = 'ana' AND generation = '42';

-- where the cap binds and others earn, too, it adds up for every viewer
SELECT account, generation, brand_amount, brand_ratio_applied, creator_amount,
	creator_ratio_applied, creator_legs, other_legs, total_cap_ratio,
	buyer_total = pool + api_cost - greatest(api_cost - model_price, 0)
		+ coalesce(brand_amount, 0) + coalesce(creator_amount, 0)
		+ other_legs + platform_take AS adds_up,
	coalesce(brand_amount = floor(net_margin * brand_ratio_applied), true)
		AND coalesce(creator_amount = floor(net_margin * creator_ratio_applied), true)
		AS as_applied
FROM commission.commission_detail ORDER BY event_id, account;

-- a row of the list leads to its details by run_key; what a refund left of it
SELECT r.run, r.amount, r.reversed, r.state, d.frames, d.images, d.titles,
	d.brand_amount, d.creator_amount, d.other_legs, d.buyer_total,
	d.platform_take, d.refunded, d.state = r.state AS same_state,
	(SELECT count(*) FROM commission.commission_detail AS c
	 WHERE c.account = r.account AND c.run_key = r.run_key) AS details
FROM commission.recent_commission AS r
JOIN commission.run_detail AS d USING (account, run_key)
WHERE account = 'ana' ORDER BY r.event_id DESC;
SELECT pg_typeof(r.images) = pg_typeof(d.images) AS one_type,
	r.occurred_at = d.occurred_at AS one_time
FROM commission.recent_commission AS r
JOIN commission.commission_detail AS d USING (account, event_id)
WHERE account = 'ana' AND generation = '43';

-- orders: a list, and the referrals that made them
SELECT order_id, occurred_at, buyer, plan, kind, order_amount, ratio, amount,
	reversed, state, commission.dollars(amount)
FROM commission.recent_order WHERE account = 'ana' ORDER BY event_id DESC;
SELECT referred, role, orders, lifetime, count(*) OVER (PARTITION BY referral_id)
FROM commission.referral_earnings WHERE account = 'ana' ORDER BY referral_id;

-- every view that has an account has its key, too
SELECT table_name FROM information_schema.columns
WHERE table_schema = 'commission' AND column_name IN ('account', 'account_id')
	AND table_name IN (SELECT viewname FROM pg_views WHERE schemaname = 'commission')
GROUP BY table_name HAVING count(*) = 1;
SELECT commission.dollars(credits) FROM unnest(ARRAY[1999, 5, -100, NULL]) AS credits;

-- nobody else's, and nothing for what cannot be an account
SELECT count(*) FROM commission.commission_detail
WHERE account = 'ben' AND generation = '42';
SELECT count(*) FROM commission.ledger WHERE account = '';
SELECT count(*) FROM commission.ledger WHERE account = repeat('x', 2000);

-- for charts
SELECT day, kind, amount, entries FROM commission.daily_earnings
WHERE account = 'ana' AND day <= '2026-03-31' ORDER BY day, kind;

-- the terms, as they are in force
SELECT * FROM commission.program_terms;
RESET ROLE;
SET commission.brand_ratio = '0.40';
SET commission.brand_referral_window_days = 365;
SET commission.minimum_payout = 0;
SET commission.hold_days = 14;
SET commission.marketplace_only = off;
SELECT * FROM commission.program_terms
WHERE term IN ('brand_ratio', 'brand_referral_window_days', 'minimum_payout',
			   'hold_days', 'marketplace_only');
RESET ALL;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- the card: the last 30 days are today and the 29 before it, as UTC days, and
-- so they are in any time zone
\o /dev/null
SELECT commission.record_generation('days ' || days, 'studio', 'rooftop',
									model_price => 20, api_cost => 10,
									occurred_at => (now()::date - days)::timestamp)
FROM unnest(ARRAY[0, 29, 30]) AS days;
\o
SET timezone = 'Pacific/Kiritimati';
SELECT * FROM commission.earnings WHERE account IN ('ana', 'ben', 'seller')
ORDER BY account;
SET timezone = 'UTC';

-- rolled up or not, the answer is the same
CREATE TABLE seen AS SELECT * FROM commission.earnings;
CALL commission.rollup();
SELECT count(*) FROM (TABLE seen EXCEPT TABLE commission.earnings) AS differs;
\o /dev/null
SELECT commission.record_generation('later', 'studio', 'rooftop',
									model_price => 20, api_cost => 10);
\o
SELECT e.lifetime - s.lifetime AS earned_since
FROM commission.earnings AS e JOIN seen AS s USING (account)
WHERE account = 'ana';

-- in a transaction that has sold itself, and takes it back
BEGIN;
SELECT commission.record_generation('mine', 'studio', 'rooftop',
									model_price => 20, api_cost => 10) > 0 AS sold;
CALL commission.rollup();
SELECT * FROM commission.audit();
ROLLBACK;
SELECT * FROM commission.audit();

/*
 * No list sorts, and nothing reads a table of events but by an index
 * condition: neither for an account with much of the ledger nor for one that
 * earned once, long ago, under the one plan that serves both.
 */
\o /dev/null
SELECT count(commission.record_generation('many ' || i, 'studio', 'rooftop',
										  run => 'of many ' || i / 4,
										  model_price => 20, api_cost => 10))
FROM generate_series(1, 5000) AS i;
CALL commission.rollup();
\o
VACUUM ANALYZE;
CREATE FUNCTION faults(query text, param text)
	RETURNS TABLE (fault text) LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'PREPARE read (text) AS ' || query;
	EXECUTE format('EXPLAIN (FORMAT json) EXECUTE read (%L)', param) INTO plan;
	DEALLOCATE read;
	RETURN QUERY
	WITH RECURSIVE node AS (
		SELECT plan -> 0 -> 'Plan' AS node
		UNION ALL
		SELECT child.node
		FROM node AS n,
			json_array_elements(n.node -> 'Plans') AS child (node)
	)
	SELECT concat_ws(' ', n.node ->> 'Node Type', n.node ->> 'Relation Name')
	FROM node AS n
	WHERE n.node ->> 'Relation Name' IN ('entry', 'generation')
			AND n.node ->> 'Index Cond' IS NULL
			AND n.node ->> 'Recheck Cond' IS NULL
		OR n.node ->> 'Node Type' = 'Merge Join'
		OR n.node ->> 'Node Type' LIKE '%Sort'
			AND n.node ->> 'Sort Key' LIKE '%event_id%';
END $$;
CREATE TABLE screen (name text, query text);
INSERT INTO screen
SELECT v, format('SELECT * FROM commission.%I WHERE account = $1 ORDER BY event_id DESC LIMIT 20', v)
FROM unnest(ARRAY['recent_commission', 'commission_detail', 'ledger']) AS v
UNION ALL
SELECT v, format('SELECT * FROM commission.%I WHERE account = $1', v)
FROM unnest(ARRAY['earnings', 'balance', 'daily_earnings']) AS v
UNION ALL
SELECT 'one generation', 'SELECT * FROM commission.commission_detail WHERE account = ''ana'' AND generation = $1';
SELECT s.name, mode.plan, account, f.fault
FROM screen AS s
CROSS JOIN unnest(ARRAY['force_generic_plan', 'force_custom_plan']) AS mode (plan)
CROSS JOIN unnest(ARRAY['ana', 'ben']) AS account
CROSS JOIN LATERAL (SELECT set_config('plan_cache_mode', mode.plan, false)
					OFFSET 0) AS set_plan (mode)
CROSS JOIN LATERAL faults(s.query, left(account, length(set_plan.mode))) AS f;
RESET plan_cache_mode;

-- a name that is not a constant is no constant
SELECT count(*) FROM commission.ledger AS l
JOIN (VALUES ('ana'), ('ben')) AS v (who) ON l.account = v.who;
SELECT count(*) = (SELECT count(*) FROM commission.entry AS e
				   JOIN commission.account AS a USING (account_id)
				   WHERE a.name IN ('ana', 'ben')) AS same
FROM commission.ledger WHERE account IN ('ana', 'ben');
SELECT count(*) FROM commission.recent_commission
WHERE account = 'ana' OR account = 'ben' AND legs = 'Brand';

-- ... nor does the condition of an outer join leave anything out, or what is volatile find a key
SELECT count(*) = (SELECT count(*) FROM commission.entry) AS all_of_it
FROM commission.ledger AS l LEFT JOIN screen AS s ON l.account = 'ana' AND s.name = 'one generation';
SELECT count(*) = (SELECT count(*) FROM commission.entry) AS all_of_it
FROM commission.ledger WHERE account = ALL ('{}');
CREATE FUNCTION finds_key(condition text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (VERBOSE, FORMAT json) SELECT FROM commission.ledger WHERE ' || condition INTO plan;
	RETURN plan::text ~ 'Index Cond.*account_id = ';
END $$;
SELECT condition, finds_key(condition) FROM (VALUES
	('account = current_user::text'),
	('account = clock_timestamp()::text'),
	('account > current_user::text')) AS v (condition);

-- a number that setval() has made ready is not drawn yet: it is not rolled up
SELECT setval('commission.event_id_seq', last_value + 1, false) > 0 AS ready FROM commission.event_id_seq;
CALL commission.rollup();
SELECT commission.record_order('after setval', 'studio', 1999) > 0 AS recorded;
SELECT * FROM commission.audit();

-- an account whose name is a uuid: functions take it in either case, views by its key
\set upper 0D9A1C34-FFFF-4AAA-8BBB-0123456789AB
SELECT commission.refer('brand of a uuid', :'upper', 'brand', '2026-01-01');
SELECT commission.record_order('order of a uuid', 'brand of a uuid', 1999) > 0 AS recorded;
SELECT commission.balance_at(:'upper', 'infinity') = commission.balance_at(lower(:'upper'), 'infinity') AS by_function,
	count(*) FILTER (WHERE account = :'upper') AS by_name,
	count(*) FILTER (WHERE account = lower(:'upper')) AS by_name_in_lower_case,
	count(*) FILTER (WHERE account_id = commission.account_id(:'upper')) AS by_key
FROM commission.balance;

DROP OWNED BY regress_commission_reader;
DROP ROLE regress_commission_reader;

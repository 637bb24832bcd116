/*
 * plans.sql
 *		What is looked up by its key is found by an index, however small its
 *		table is: the plan is kept while the table grows.  Nor is it compiled,
 *		which takes longer than to run it.  And a view that is asked by a name
 *		reads by index what belongs to it.
 */
BEGIN;
SELECT plan(50);

DO $$
BEGIN
	PERFORM set_config('commission.cref_secret',
		'of at least thirty-two bytes, as it must be', true);
	PERFORM set_config('commission.minimum_payout', '1', true);
	PERFORM commission.register_listing('avatar', 'seller', 'avatar', 100);
	PERFORM commission.refer('brand', 'ana', 'brand', '2020-01-01');
	PERFORM commission.record_generation('g', 'brand', 'avatar', model_price => 20, api_cost => 10);
	PERFORM commission.record_order('o', 'brand', 1999);
	PERFORM commission.reverse_generation('g', 1), commission.reverse_order('o', 1);
	PERFORM commission.request_withdrawal('ana', 1, 'bank');
END $$;
ANALYZE;

CREATE TEMPORARY TABLE read_before AS
SELECT relid, seq_scan FROM pg_stat_xact_user_tables;

DO $$
BEGIN
	PERFORM commission.register_account('new', 'new@example.com');
	PERFORM commission.close_account('new');
	PERFORM commission.reopen_account('new');
	PERFORM commission.register_listing('listing', 'new', 'avatar', 100, co_authors => '{"maria": 30}');
	PERFORM commission.set_model_price('flux', '4k', 20, 10);
	PERFORM commission.refer('new', 'ana', 'brand');
	PERFORM commission.attribute('newer',
		commission.sign_cref('ana', now() - interval '1 hour', 'spring'), 'brand');
	PERFORM commission.record_order('o2', 'new', 1999);
	PERFORM commission.reverse_order('o2', 7);
	PERFORM commission.record_generation('g2', 'brand', 'avatar', model_price => 20, api_cost => 10);
	PERFORM commission.reverse_generation('g2', 7);
	PERFORM commission.approve_withdrawal(commission.request_withdrawal('ana', 5, 'bank'));
END $$;

SELECT is_empty($$
	SELECT a.relname FROM pg_stat_xact_user_tables AS a
	JOIN read_before AS b USING (relid)
	WHERE a.schemaname = 'commission' AND a.seq_scan > b.seq_scan
		AND a.relname <> 'rolled'
	$$, 'no table is read from end to end, except for the one that says what is rolled up');
SELECT cmp_ok((SELECT sum(idx_scan)::int FROM pg_stat_xact_user_tables WHERE schemaname = 'commission'),
	'>', 0, 'and indexes are read');

/* A trigger of the house on the ledger runs where these plans are made. */
CREATE TEMPORARY TABLE seen (jit text);
CREATE FUNCTION pg_temp.see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO pg_temp.seen VALUES (current_setting('jit'));
	RETURN NULL;
END
$$;
CREATE TRIGGER see AFTER INSERT ON commission.entry
	FOR EACH ROW EXECUTE FUNCTION pg_temp.see();
SET LOCAL jit = on;
DO $$ BEGIN PERFORM commission.record_order('o3', 'new', 1999); END $$;
SELECT results_eq('SELECT DISTINCT jit FROM seen', ARRAY['off'],
				  'nothing is compiled');
SELECT is_empty($$
	SELECT p.oid::regprocedure FROM pg_proc AS p
	WHERE p.pronamespace = 'commission'::regnamespace
		AND p.proname IN ('explain', 'explain_order', 'audit')
		AND (p.proconfig @> '{jit=off}') IS NOT TRUE
	$$, 'explain() and audit() are not compiled under jit, either');

/*
 * The views, over a ledger of 60,000 entries of sixty accounts and of one that
 * earned once, long ago.  What counts is how many rows a query reads from the
 * tables: that shows the same as the time over millions.
 */
SET LOCAL jit = off;
ALTER TABLE commission.entry DISABLE TRIGGER USER;
ALTER TABLE commission.generation DISABLE TRIGGER USER;
SELECT count(commission.register_account('referrer' || i)),
	count(commission.register_account('buyer' || i))
FROM generate_series(0, 59) AS i;
CREATE TEMPORARY TABLE made AS
	SELECT i AS n, (SELECT max(event_id) FROM commission.entry) + i AS event_id
	FROM generate_series(1, 30000) AS i;
INSERT INTO commission.generation
	SELECT r.*
	FROM made AS m
	JOIN commission.generation AS g ON g.generation_name = 'g'
	CROSS JOIN LATERAL jsonb_populate_record(g, jsonb_build_object(
		'event_id', m.event_id, 'generation_name', 'made ' || m.n,
		'generation_id', commission.account_id('made ' || m.n),
		'run_name', 'run ' || m.n / 4, 'run_id', commission.account_id('run ' || m.n / 4),
		'buyer_id', commission.account_id('buyer' || m.n / 4 % 60))) AS r;
INSERT INTO commission.entry (event_id, amount, occurred_at, account_id,
							  from_account_id, kind, counts_as, ratio_ppm, line)
	SELECT m.event_id, e.amount, now(),
		commission.account_id(CASE WHEN m.n = 40 THEN 'ana' ELSE 'referrer' || m.n / 4 % 60 END),
		commission.account_id('buyer' || m.n / 4 % 60), e.kind, e.kind, e.ratio_ppm, e.line
	FROM made AS m
	CROSS JOIN (VALUES (9, 'brand'::commission.entry_kind, 300000, 1), (100, 'pool', NULL, 2))
		AS e (amount, kind, ratio_ppm, line);
SELECT setval('commission.event_id_seq', max(event_id)) FROM commission.entry;
CREATE TEMPORARY TABLE kept AS SELECT * FROM commission.balance LIMIT 0;
CREATE TEMPORARY TABLE member AS
	SELECT i AS id, 'referrer' || i AS name, 'made ' || i * 100 AS generation
	FROM generate_series(0, 59) AS i;
CALL commission.rollup();
ANALYZE;

/* How many rows of entries and generations a query reads. */
CREATE FUNCTION pg_temp.rows_read(query text, account text DEFAULT NULL)
	RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	PERFORM set_config('commission.portal_account', account, true),
		set_config('role', 'regress_commission_portal', true)
	WHERE account IS NOT NULL;
	EXECUTE 'EXPLAIN (ANALYZE, TIMING off, FORMAT json) ' || query INTO plan;
	PERFORM set_config('role', 'none', true);
	RETURN (
		WITH RECURSIVE node AS (
			SELECT plan -> 0 -> 'Plan' AS node
			UNION ALL
			SELECT child.node
			FROM node AS n, json_array_elements(n.node -> 'Plans') AS child (node))
		SELECT sum(((n.node ->> 'Actual Rows')::numeric
					+ coalesce((n.node ->> 'Rows Removed by Filter')::numeric, 0)
					+ coalesce((n.node ->> 'Rows Removed by Index Recheck')::numeric, 0))
				   * (n.node ->> 'Actual Loops')::numeric)
		FROM node AS n WHERE n.node ->> 'Relation Name' IN ('entry', 'generation'));
END $$;

SELECT cmp_ok(pg_temp.rows_read('SELECT * FROM commission.' || query)::integer, '<', most, query)
FROM (VALUES
	($$ledger WHERE source = 'made 7000'$$, 20),
	($$ledger WHERE source = ANY ('{"made 7000", "made 7001"}')$$, 40),
	($$ledger JOIN member AS m ON source = m.generation WHERE m.id = 7$$, 20),
	($$ledger WHERE account = 'referrer7' AND from_account = 'buyer7'$$, 3000),
	($$ledger WHERE account = ANY ('{ana, nobody}') ORDER BY event_id DESC LIMIT 20$$, 50),
	($$ledger WHERE account = (SELECT name FROM member WHERE id = 7) ORDER BY event_id DESC LIMIT 20$$, 200),
	($$ledger JOIN member AS m ON m.name = account WHERE m.id = 7 ORDER BY event_id DESC LIMIT 20$$, 3000),
	($$commission_detail WHERE account = 'referrer7' AND generation = 'made 7000'$$, 20),
	($$commission_detail WHERE account = 'referrer0' AND run_key = 'run:' || commission.account_id('run 60')$$, 100),
	($$run_detail WHERE account = 'referrer0' AND run_key = 'run:' || commission.account_id('run 60')$$, 100),
	($$recent_commission WHERE account = 'referrer0' AND run_key = 'run:' || commission.account_id('run 60')$$, 200),
	($$recent_commission WHERE account = 'ana' ORDER BY event_id DESC LIMIT 20$$, 300),
	($$recent_commission WHERE account = 'referrer7' ORDER BY event_id DESC LIMIT 20$$, 3000),
	($$recent_order WHERE account = 'ana' AND order_id = 'o'$$, 20),
	($$earnings WHERE account = ANY ('{referrer7, ana}')$$, 50),
	($$earnings AS e JOIN member AS m ON m.name = e.account WHERE m.id = 7$$, 50))
	AS v (query, most);

CREATE FUNCTION pg_temp.plan_of(query text, account text DEFAULT NULL)
	RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	PERFORM set_config('commission.portal_account', account, true),
		set_config('role', 'regress_commission_portal', true)
	WHERE account IS NOT NULL;
	EXECUTE 'EXPLAIN (VERBOSE, FORMAT json) ' || query INTO plan;
	PERFORM set_config('role', 'none', true);
	RETURN plan;
END $$;

/*
 * The views of schema commission_portal read as much as those of an account
 * that is a constant.
 */
CREATE ROLE regress_commission_portal;
DO $$ BEGIN PERFORM commission.grant_portal('regress_commission_portal'); END $$;
SELECT cmp_ok(pg_temp.rows_read('SELECT * FROM commission_portal.' || query, account)::integer, '<', most,
			  format('portal of %s: %s', account, query))
FROM (VALUES
	('referrer0', $$commission_detail WHERE generation = 'made 7200'$$, 20),
	('referrer0', format($$commission_detail WHERE run_key = %L$$, 'run:' || commission.account_id('run 60')), 100),
	('referrer0', format($$run_detail WHERE run_key = %L$$, 'run:' || commission.account_id('run 60')), 300),
	('referrer0', format($$recent_commission WHERE run_key = %L$$, 'run:' || commission.account_id('run 60')), 200),
	('ana', $$recent_commission ORDER BY event_id DESC LIMIT 20$$, 300),
	('referrer7', $$recent_commission ORDER BY event_id DESC LIMIT 20$$, 3000),
	('referrer7', $$recent_commission WHERE event_id < 20000 ORDER BY event_id DESC LIMIT 20$$, 3000),
	('referrer7', $$commission_detail ORDER BY event_id DESC LIMIT 20$$, 300),
	('ana', $$recent_order WHERE order_id = 'o'$$, 20),
	('ana', $$recent_order ORDER BY event_id DESC LIMIT 20$$, 100),
	('referrer7', $$earnings$$, 50),
	('referrer7', $$balance$$, 50),
	('referrer7', $$funnel$$, 50),
	('referrer7', $$daily_earnings$$, 50),
	('referrer7', $$referral_earnings$$, 50))
	AS v (account, query, most);
SELECT is((SELECT count(DISTINCT plan) FROM (
		SELECT pg_temp.plan_of('SELECT * FROM commission_portal.recent_commission ORDER BY event_id DESC LIMIT 20', account)::text AS plan
		FROM unnest('{referrer7, ana, nobody, ""}'::text[]) AS account) AS p), 1::bigint,
	'... by one plan, whichever the account');

/*
 * What sums up is read for each account by index, or for all accounts at once:
 * how often the table is read that is read most often.
 */
CREATE FUNCTION pg_temp.times_read(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, TIMING off, FORMAT json) ' || query INTO plan;
	RETURN (
		WITH RECURSIVE node AS (
			SELECT plan -> 0 -> 'Plan' AS node
			UNION ALL
			SELECT child.node
			FROM node AS n, json_array_elements(n.node -> 'Plans') AS child (node))
		SELECT max((n.node ->> 'Actual Loops')::numeric)
		FROM node AS n WHERE n.node -> 'Relation Name' IS NOT NULL);
END $$;

SELECT cmp_ok(pg_temp.times_read(query)::integer, '<=', most, query)
FROM (VALUES
	('SELECT * FROM commission.earnings ORDER BY lifetime DESC LIMIT 10', 10),
	('SELECT * FROM commission.balance ORDER BY balance DESC LIMIT 10', 1),
	('INSERT INTO pg_temp.kept SELECT * FROM commission.balance', 1))
	AS v (query, most);
SELECT cmp_ok(pg_temp.rows_read(query)::integer, '<', 50, query)
FROM (VALUES
	('SELECT * FROM pg_temp.member AS m LEFT JOIN commission.earnings AS e ON e.account = m.name WHERE m.id = 7'),
	('SELECT * FROM commission.balance WHERE account IN (SELECT name FROM pg_temp.member WHERE id = 7)'),
	('SELECT * FROM commission.balance WHERE account_id = commission.account_id(''referrer7'')'))
	AS v (query);
SELECT results_eq(
	format('SELECT * FROM commission.%I ORDER BY account_id', view),
	format('SELECT v.* FROM commission.account AS a JOIN commission.%I AS v USING (account_id) ORDER BY account_id', view),
	view || ' shows the same for all accounts at once and for each')
FROM (VALUES ('earnings'), ('balance')) AS v (view);

SELECT unalike(pg_temp.plan_of('SELECT * FROM commission.' || v.view)::text, v.function,
			   v.view || ' has its SQL functions inlined')
FROM (VALUES ('recent_commission', '%refund_state%'), ('commission_detail', '%applied_ratio%'))
	AS v (view, function);

/* A follower reads the batch that has its position, as next_changes() asks. */
INSERT INTO commission.change_batch (first_position, changes, event_ids, given)
	SELECT min(m.event_id) * 2, 2 * count(*),
		int8multirange(int8range(min(m.event_id), max(m.event_id) + 1)), '{}'
	FROM made AS m
	GROUP BY m.n / 6000;
ANALYZE commission.change_batch;
SET LOCAL enable_seqscan = off;
SELECT cmp_ok(pg_temp.rows_read('SELECT * FROM commission_internal.changes(36000, 10)')::integer, '<', 15000,
			  'next_changes() reads one batch');
SET LOCAL enable_seqscan = on;

/* A list by time uses an index that a house makes for it. */
CREATE INDEX ON commission.entry (account_id, occurred_at);
SELECT cmp_ok(pg_temp.rows_read('SELECT * FROM commission.' || query)::integer, '<', most, query)
FROM (VALUES
	($$recent_commission WHERE account = 'referrer7' ORDER BY occurred_at DESC LIMIT 20$$, 3000),
	($$commission_detail WHERE account = 'referrer7' ORDER BY occurred_at DESC LIMIT 20$$, 3000))
	AS v (query, most);

/* Nor does a key stand for a name where another one is equal to it. */
DO $$
BEGIN
	CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
EXCEPTION WHEN feature_not_supported THEN
	NULL;
END $$;
SELECT CASE WHEN to_regcollation('caseless') IS NULL THEN skip('no ICU', 1)
	ELSE results_eq('SELECT count(DISTINCT account_id) FROM commission.ledger WHERE account = ''ANA'' COLLATE caseless',
					ARRAY[1::bigint], 'a nondeterministic collation') END;

SELECT * FROM finish();
ROLLBACK;

/*
 * portal_hostile.sql
 *		An affiliate who may create objects, and a server's user, try to see
 *		another account through schema commission_portal, and see their own
 *		(R50).  What a connection keeps is in portal_session.
 *
 * Mallory is an affiliate; Victor, whose names and texts all have "secret" in
 * them, is another one.
 */
SET client_min_messages = warning;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE ROLE regress_commission_mallory;
CREATE ROLE regress_commission_victor;
CREATE ROLE regress_commission_server;
CREATE ROLE regress_commission_nobody;
CREATE ROLE regress_commission_member IN ROLE regress_commission_victor;
CREATE SCHEMA evil AUTHORIZATION regress_commission_mallory;
GRANT USAGE ON SCHEMA evil TO PUBLIC;

SELECT commission.register_account('brand', 'brand.secret@secret.example'),
	commission.register_account('mallory', 'mallory@example.com'),
	commission.register_account('secret victor', 'victor.secret@secret.example'),
	commission.register_listing('avatar', 'secret seller', 'avatar', 100, 'Rooftop', '{"secret co-author": 30}'),
	commission.register_listing('secret listing', 'secret seller', 'avatar', 100, 'Secret title');
SELECT commission.refer('brand', 'mallory', 'brand', '2026-01-01'), commission.refer('secret seller', 'secret victor', 'creator', '2026-01-01'),
	commission.refer('secret brand', 'secret victor', 'brand', '2026-01-01');
SET commission.cref_secret = 'of at least thirty-two bytes, as it must be';
SELECT commission.attribute('secret newcomer', commission.touch('secret victor', campaign => 'secret campaign'), 'brand') AS attributed;
SELECT commission.attribute('newcomer', commission.touch('mallory', campaign => 'campaign'), 'brand') AS attributed;
-- sales that paid both, and each of them alone
SELECT count(commission.record_generation('shared ' || n, 'brand', 'avatar', run => 'shared run', model_price => 20, api_cost => 10))
FROM generate_series(1, 8) AS n;
SELECT count(commission.record_generation('secret ' || n, 'secret brand', 'secret listing', run => 'secret run', model_price => 31415, api_cost => 10))
FROM generate_series(1, 8) AS n;
SELECT count(commission.record_order('order ' || n, 'brand', 1999, plan => 'Pro')),
	count(commission.record_order('secret order ' || n, 'secret brand', 31415, plan => 'secret plan')) FROM generate_series(1, 5) AS n;
SELECT commission.reverse_generation('secret 1', reason => 'secret reason') IS NOT NULL AS reversed;
SELECT commission.reject_withdrawal(commission.request_withdrawal('secret victor', 5000, 'bank', 'secret destination'), 'secret reason');
SELECT commission.grant_affiliate('regress_commission_mallory', 'mallory'),
	commission.grant_affiliate('regress_commission_victor', 'secret victor'), commission.grant_portal('regress_commission_server');
-- terms in force and announced: of each, of Victor's group, and of everybody
SELECT commission.set_terms('mallory', brand_ratio => 0.35, reason => 'her reason') < commission.set_terms('mallory', brand_ratio => 0.36, valid_from => '2999-01-01', reason => 'her news') AS hers,
	commission.set_terms('secret victor', brand_ratio => 0.31415, reason => 'secret reason') < commission.set_terms('secret victor', brand_ratio => 0.31415, creator_ref_ratio => 0.31415, valid_from => '2999-01-01', reason => 'secret news') AS his,
	commission.set_group_terms('secret group', renewal_ratio => 0.31415, valid_from => '2999-01-01', reason => 'secret news of a group') < commission.announce_terms(upgrade_ratio => 0.12, valid_from => '2999-01-01', reason => 'news') AS others;
SELECT commission.set_group('secret victor', 'secret group', 'secret reason'), commission.set_payout('mallory', 'bank', 'hers'), commission.set_payout('secret victor', 'bank', 'secret destination');
SELECT commission.set_material('banner', 'text', 'For everybody', '{link}');
ANALYZE;

/*
 * 1. A function or operator of a query's own is called for its account's rows,
 * each column of which is shown to it as it is shown to anybody.
 */
SET ROLE regress_commission_mallory;
CREATE TABLE evil.seen (what text);
CREATE FUNCTION evil.write(text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO evil.seen VALUES ($1);
	RETURN true;
END $$;
CREATE FUNCTION evil.leak(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS
	'BEGIN RETURN evil.write($1); END';
CREATE FUNCTION evil.leak(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS
	'BEGIN RETURN evil.write($1); END';
CREATE OPERATOR evil.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.leak, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE FUNCTION evil.leak_int(bigint, bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS
	'BEGIN RETURN evil.write($1::text); END';
CREATE OPERATOR evil.< (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.leak_int, RESTRICT = scalarltsel);
-- who is not a superuser makes none of them leakproof
ALTER FUNCTION evil.leak(text) LEAKPROOF;
CREATE FUNCTION evil.proof(text) RETURNS boolean LANGUAGE sql LEAKPROOF AS 'SELECT true';
RESET ROLE;
CREATE FUNCTION look() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	command text;
BEGIN
	FOR command IN
		SELECT format('SELECT count(*) FROM %s AS v WHERE %s', c.oid::regclass, string_agg(p.predicate, ' AND '))
		FROM pg_class AS c
		JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
		CROSS JOIN LATERAL (VALUES
			(1, format('evil.leak(%I::text)', attname)),
			(2, format('%I::text OPERATOR(evil.===) ''x''', attname)),
			(3, CASE WHEN atttypid = 'bigint'::regtype THEN format('%I OPERATOR(evil.<) 0', attname) END),
			(4, format('EXISTS (SELECT WHERE evil.leak(v.%I::text))', attname)),
			(5, CASE WHEN attnum = 1 THEN 'evil.leak(v::text)' END)) AS p (n, predicate)
		WHERE c.relnamespace = 'commission_portal'::regnamespace AND c.relkind = 'v' AND p.predicate IS NOT NULL
		GROUP BY c.oid, p.n
	LOOP
		EXECUTE 'SET LOCAL ROLE regress_commission_mallory';
		EXECUTE command;
		RESET ROLE;
	END LOOP;
END $$;
-- each view is a barrier
SELECT oid::regclass FROM pg_class WHERE relnamespace = 'commission_portal'::regnamespace AND relkind = 'v'
	AND NOT coalesce(reloptions @> '{security_barrier=true}', false);
SELECT look();
SELECT DISTINCT what FROM evil.seen WHERE what ILIKE '%secret%' OR what LIKE '%31415%';
SELECT count(*) > 500 AS called FROM evil.seen;
TRUNCATE evil.seen;
-- nor is one that is on the path called in place of ours
SET ROLE regress_commission_mallory;
CREATE FUNCTION evil.caught(uuid, uuid) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE ''caught, as %'', current_user; END';
CREATE OPERATOR evil.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = evil.caught);
CREATE FUNCTION evil.mask(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION evil.quote_ident(name) RETURNS text LANGUAGE sql AS 'SELECT ''regress_commission_victor''::text';
CREATE VIEW evil.own_account AS SELECT NULL::uuid AS account_id;
SET search_path = evil, pg_catalog;
SELECT account FROM commission_portal.earnings;
SELECT count(*) FROM commission_portal.statement(NULL, NULL);
SELECT count(*) FROM commission_portal.commission_detail WHERE generation = 'shared 1';
RESET search_path;
RESET ROLE;

/*
 * 2. No statement reads or changes anything else.
 */
CREATE FUNCTION outcome(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE statement;
	RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	RETURN 'fine';
WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE TABLE road (n serial, statement text);
INSERT INTO road (statement) VALUES
	('SELECT * FROM commission.earnings'),
	('SELECT * FROM commission.entry'),
	('SELECT * FROM commission.portal_role'),
	('SELECT * FROM commission_internal.own_sale'),
	('SELECT * FROM commission_internal.own_account'),
	('SELECT * FROM commission_internal.explain_to_viewer(''shared 1'')'),
	('SELECT * FROM commission_internal.terms_to_viewer()'),
	('SELECT * FROM commission_internal.announced_to_viewer()'),
	('SELECT commission_internal.own_run_events(''{}'')'),
	('SELECT commission_internal.run_events(''{}'')'),
	('SELECT commission_internal.portal_setting()'),
	('SELECT * FROM commission.statement(''secret victor'', NULL, NULL)'),
	('SELECT * FROM commission.explain(''secret 1'')'),
	('SELECT commission.balance_at(''secret victor'', now())'),
	('SELECT * FROM commission.terms_of(''secret victor'')'),
	('SELECT * FROM commission.terms_history'),
	('SELECT * FROM commission.announced_terms'),
	('SELECT * FROM commission.group_history'),
	('SELECT * FROM commission.payout_address_history'),
	('SELECT * FROM commission.coupon_status'),
	('SELECT commission.set_terms(''mallory'', brand_ratio => 1)'),
	('SELECT commission.set_payout(''secret victor'', ''bank'', ''mine'')'),
	('SELECT commission.mask(''x'')'),
	('SELECT commission.grant_affiliate(''regress_commission_mallory'', ''secret victor'')'),
	('SELECT commission.grant_portal(''regress_commission_mallory'')'),
	('INSERT INTO commission.portal_role (role) VALUES (''regress_commission_mallory'')'),
	('UPDATE commission.portal_role SET account_id = NULL'),
	('DELETE FROM commission_portal.withdrawal'),
	('UPDATE commission_portal.balance SET balance = 0'),
	('INSERT INTO commission_portal.material (title) VALUES (''mine'')'),
	('UPDATE commission_portal.terms SET value = 1'),
	('DELETE FROM commission_portal.announced_terms'),
	('UPDATE commission_portal.payout_address SET destination = ''mine'''),
	('SELECT * FROM commission_portal.balance FOR UPDATE'),
	('LOCK commission_portal.balance IN ROW EXCLUSIVE MODE'),
	('CREATE TRIGGER t INSTEAD OF INSERT ON commission_portal.balance FOR EACH ROW EXECUTE FUNCTION evil.f()'),
	('CREATE RULE r AS ON INSERT TO commission_portal.balance DO INSTEAD NOTHING'),
	('ALTER VIEW commission_portal.balance RESET (security_barrier)'),
	('ALTER VIEW commission_portal.balance SET (security_invoker = true)'),
	('CREATE OR REPLACE VIEW commission_portal.balance AS SELECT 1'),
	('CREATE VIEW commission_portal.mine AS SELECT 1'),
	('CREATE FUNCTION commission_portal.statement(text, text) RETURNS void LANGUAGE sql AS '''''),
	('DROP VIEW commission_portal.balance'),
	('COMMENT ON VIEW commission_portal.balance IS ''mine'''),
	('GRANT regress_commission_victor TO regress_commission_mallory'),
	('SELECT pg_read_file(''postgresql.conf'')'),
	('COPY (SELECT * FROM commission_portal.earnings) TO PROGRAM ''cat'''),
	('SELECT * FROM commission_portal.recent_commission TABLESAMPLE SYSTEM (100)'),
	('CREATE TABLE evil.t (LIKE commission_portal.balance); CREATE TABLE evil.u AS TABLE commission_portal.balance'),
	('CREATE MATERIALIZED VIEW evil.m AS SELECT * FROM commission_portal.balance'),
	('SET commission.portal_account = ''secret victor'''),
	('SET commission.brand_ratio = 1');
-- "fine" is what gives them nothing but their own
SELECT statement, outcome('regress_commission_mallory', statement) AS mallory, outcome('regress_commission_server', statement) AS server
FROM road ORDER BY n;
-- what they may execute changes nothing; what reads tables in its owner's name knows whom it tells
SELECT p.oid::regprocedure FROM pg_proc AS p
WHERE pronamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace, 'commission_portal'::regnamespace)
	AND has_function_privilege('regress_commission_mallory', p.oid, 'EXECUTE') AND (prosecdef OR provolatile = 'v')
ORDER BY p.oid::regprocedure::text COLLATE "C";
-- the right to a schema, for whatever reason, opens none of its objects
GRANT USAGE ON SCHEMA commission, commission_internal TO regress_commission_mallory;
SELECT statement, outcome('regress_commission_mallory', statement) AS mallory FROM road
WHERE statement ~ 'commission(_internal)?\.' AND outcome('regress_commission_mallory', statement) = 'fine' ORDER BY n;
SET ROLE regress_commission_mallory;
SELECT count(*), count(*) FILTER (WHERE source LIKE '%secret%') AS secret FROM commission_internal.own_statement_line;
SELECT count(*) FROM commission_internal.own_sale;
SELECT commission_internal.own_run_events(ARRAY['run:' || (SELECT run_id FROM commission_internal.own_sale LIMIT 0)]);
SELECT commission_internal.own_sale_events('{secret 1, secret order 1, nothing}'), cardinality(commission_internal.own_sale_events('{shared 1, order 1}'));
SELECT count(*), count(*) FILTER (WHERE value = 0.31415) AS secret FROM commission_internal.terms_to_viewer();
SELECT count(*), count(*) FILTER (WHERE t::text ILIKE '%secret%') AS secret FROM commission_internal.announced_to_viewer() AS t;
RESET ROLE;
REVOKE USAGE ON SCHEMA commission, commission_internal FROM regress_commission_mallory;

/*
 * 3. Neither an error, nor a plan, nor statistics say what others have.
 */
SELECT commission.account_id('secret run') AS secret_run \gset
SELECT b.balance, e.lifetime FROM commission.balance AS b JOIN commission.earnings AS e USING (account) WHERE account = 'secret victor' \gset secret_
SET ROLE regress_commission_mallory;
SELECT count(*) FROM commission_portal.recent_order WHERE 1 / (order_amount - 31415) <= 0;
SELECT count(*) FROM commission_portal.commission_detail WHERE 1 / (model_price - 31415) <= 0;
SELECT count(*) FROM commission_portal.commission_detail WHERE (CASE WHEN generation LIKE 'secret%' THEN generation ELSE '1' END)::integer = 1;
SELECT count(*) FROM commission_portal.recent_commission WHERE (CASE WHEN headline ILIKE '%secret%' THEN headline ELSE '1' END)::integer = 1;
SELECT count(*) FROM commission_portal.withdrawal WHERE (reason || 'x')::integer = 1;
SELECT buyer::integer FROM commission_portal.recent_commission;
SELECT count(*) > 0 AS terms FROM commission_portal.terms WHERE (1 / (coalesce(value, 0) - 0.31415)) IS NOT NULL;
SELECT count(*) FROM commission_portal.announced_terms WHERE (CASE WHEN reason LIKE 'secret%' THEN reason ELSE '1' END)::integer = 1;
SELECT count(*) FROM commission_portal.announced_terms WHERE (1 / (coalesce(creator_ref_ratio, renewal_ratio, 0) - 0.31415)) IS NOT NULL;
SELECT count(*) FROM commission_portal.payout_address WHERE (CASE WHEN account LIKE 'secret%' THEN destination ELSE '1' END)::integer = 1;
SELECT count(*) FROM commission_portal.funnel WHERE (CASE WHEN campaign LIKE 'secret%' THEN campaign ELSE '1' END)::integer = 1;
SELECT count(*) FROM commission_portal.referral_earnings WHERE (CASE WHEN campaign LIKE 'secret%' THEN campaign ELSE '1' END)::integer = 1;
SELECT count(*) FROM commission_portal.run_detail WHERE (CASE WHEN run LIKE 'secret%' THEN run ELSE '1' END)::integer = 1;
SELECT count(*) FROM commission_portal.balance WHERE 1 / (balance - :secret_balance) <= 1;
SELECT count(*) FROM commission_portal.earnings WHERE 1 / (lifetime - :secret_lifetime) <= 1;
SELECT count(*) > 0 AS days FROM commission_portal.daily_earnings WHERE (CASE WHEN account LIKE 'secret%' THEN account ELSE '1' END)::integer = 1;
SELECT count(*), count(*) FILTER (WHERE e::text ILIKE '%secret%') AS secret FROM commission_portal.explain('shared 1') AS e;
SELECT count(*) FROM commission_portal.explain('secret 1');
SELECT count(*) FROM commission_portal.explain('nothing');
SELECT count(*) FROM commission_portal.statement(NULL, NULL) WHERE 1 / (amount - 31415) > 1;
SELECT count(*) FROM commission_portal.statement('-infinity', 'infinity');
SELECT count(*) FROM pg_stats WHERE schemaname LIKE 'commission%';
CREATE FUNCTION evil.plan(query text, analyze_it boolean) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('EXPLAIN (%s) %s', CASE WHEN analyze_it THEN 'ANALYZE, VERBOSE, TIMING off, SUMMARY off' ELSE 'VERBOSE' END, query);
END $$;
SELECT query, plan FROM unnest(ARRAY(
	SELECT 'SELECT * FROM ' || oid::regclass FROM pg_class WHERE relnamespace = 'commission_portal'::regnamespace)
	|| 'SELECT * FROM commission_portal.statement(NULL, NULL)'::text) AS query, evil.plan(query, true) AS plan
WHERE plan ILIKE '%secret%';
-- a value of somebody else's is expected to be found no more often than one of nobody's
CREATE FUNCTION evil.plan_without(query text, value text) RETURNS text LANGUAGE sql
	AS $$ SELECT string_agg(replace(plan, value, ''), E'\n') FROM evil.plan(format(query, value), false) AS plan $$;
SELECT query, evil.plan_without(query, value) = evil.plan_without(query, other) AS same FROM (VALUES
	('SELECT * FROM commission_portal.funnel WHERE campaign = %L', 'secret campaign'),
	('SELECT * FROM commission_portal.referral_earnings WHERE campaign = %L', 'secret campaign'),
	('SELECT * FROM commission_portal.withdrawal WHERE reason = %L', 'secret reason'),
	('SELECT * FROM commission_portal.commission_detail WHERE generation = %L', 'secret 1'),
	('SELECT * FROM commission_portal.commission_detail WHERE run_key = ''run:'' || %L', :'secret_run'),
	('SELECT * FROM commission_portal.run_detail WHERE run_key = ''run:'' || %L', :'secret_run'),
	('SELECT * FROM commission_portal.recent_order WHERE plan = %L', 'secret plan'),
	('SELECT * FROM commission_portal.recent_order WHERE order_amount = %L', '31415'),
	('SELECT * FROM commission_portal.commission_detail WHERE model_price = %L', '31415'),
	('SELECT * FROM commission_portal.recent_order WHERE order_id = %L', 'secret order 1'),
	('SELECT * FROM commission_portal.recent_commission WHERE account = %L', 'secret victor'),
	('SELECT * FROM commission_portal.announced_terms WHERE reason = %L', 'secret news'),
	('SELECT * FROM commission_portal.announced_terms WHERE group_name = %L', 'secret group'),
	('SELECT * FROM commission_portal.terms WHERE value * 100000 = %L', '31415'),
	('SELECT * FROM commission_portal.payout_address WHERE destination = %L', 'secret destination'),
	('SELECT * FROM commission_portal.daily_earnings WHERE amount = %L', '31415'),
	('SELECT * FROM commission_portal.earnings WHERE account = %L', 'secret victor'),
	('SELECT * FROM commission_portal.balance WHERE balance = %L', '31415')) AS q (query, value),
	LATERAL (SELECT CASE WHEN value ~ '^\d+$' THEN '27182' WHEN value ~ '^[0-9a-f-]{36}$' THEN '00000000-0000-4000-8000-000000000000' ELSE 'of nobody' END) AS o (other);
SELECT count(*) FROM commission_portal.recent_order WHERE account = 'secret victor' OR order_id LIKE 'secret%';
RESET ROLE;

/*
 * 4. A grant is for the role itself, as whom a statement runs.
 */
-- in a new session
\c
SET client_min_messages = warning;
\set VERBOSITY terse
-- a member reads nothing, but as that role
SET ROLE regress_commission_member;
SELECT account FROM commission_portal.earnings;
SET ROLE regress_commission_victor;
SELECT account FROM commission_portal.earnings;
RESET ROLE;
-- a view of Mallory's shows its reader's account; a function of hers that is SECURITY DEFINER, hers
SET ROLE regress_commission_mallory;
CREATE VIEW evil.card AS SELECT account FROM commission_portal.earnings;
CREATE FUNCTION evil.card() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT account FROM commission_portal.earnings';
CREATE FUNCTION evil.lines() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
	'SELECT count(*) FROM commission_portal.statement(NULL, NULL) WHERE source LIKE ''secret%''';
CREATE FUNCTION evil.steps() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS
	'SELECT count(*) FROM commission_portal.explain(''secret 2'')';
CREATE FUNCTION evil.terms() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$
	SELECT count(*) FROM (SELECT t::text FROM commission_portal.terms AS t UNION ALL SELECT t::text FROM commission_portal.announced_terms AS t) AS t (row)
	WHERE evil.leak(row) $$;
GRANT SELECT ON evil.card TO PUBLIC;
RESET ROLE;
SET ROLE regress_commission_victor;
SELECT account, evil.card(), evil.lines(), evil.steps(), (SELECT count(*) > 0 FROM commission_portal.explain('secret 2')) AS own FROM evil.card;
SELECT evil.terms(), count(*) FROM commission_portal.announced_terms;
RESET ROLE;
SELECT what FROM evil.seen;
SET ROLE regress_commission_nobody;
SELECT account, evil.card() FROM evil.card;
SELECT evil.card();
RESET ROLE;
-- another role of the same name is another one
DROP OWNED BY regress_commission_victor;
DROP ROLE regress_commission_member, regress_commission_victor;
CREATE ROLE regress_commission_victor IN ROLE regress_commission_mallory;
SET ROLE regress_commission_victor;
SELECT account FROM commission_portal.earnings;
RESET ROLE;
ALTER ROLE regress_commission_mallory RENAME TO regress_commission_renamed;
SET ROLE regress_commission_renamed;
SELECT account FROM commission_portal.earnings;
RESET ROLE;
SELECT commission.grant_affiliate('regress_commission_renamed', 'mallory');
SET ROLE regress_commission_renamed;
SELECT account FROM commission_portal.earnings;
RESET ROLE;
-- a grant that is taken back
DROP OWNED BY regress_commission_server;
SET ROLE regress_commission_server;
SELECT account FROM commission_portal.earnings;
RESET ROLE;

/*
 * 5. Nor does a setting of the session's change it.
 */
SELECT commission.grant_portal('regress_commission_server');
SET row_security = off;
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SET enable_bitmapscan = off;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT set_config(name, CASE vartype WHEN 'bool' THEN 'on' ELSE 'regress' END, false) IS NOT NULL AS parallel
FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SET ROLE regress_commission_server;
BEGIN;
SET LOCAL commission.portal_account = 'mallory';
SELECT account, lifetime FROM commission_portal.earnings;
SELECT count(*), count(*) FILTER (WHERE generation LIKE 'secret%') AS secret FROM commission_portal.commission_detail;
SELECT count(*), count(*) FILTER (WHERE source LIKE 'secret%') AS secret FROM commission_portal.statement(NULL, NULL);
SELECT value FROM commission_portal.terms WHERE term = 'brand_ratio';
SELECT reason FROM commission_portal.announced_terms ORDER BY reason;
SELECT account, count(*) > 0 AS days FROM commission_portal.daily_earnings GROUP BY account;
COMMIT;
RESET ROLE;
RESET ALL;

SET client_min_messages = warning;
DROP SCHEMA evil CASCADE;
DROP FUNCTION look, outcome;
DROP TABLE road;
DROP EXTENSION commission CASCADE;
DROP ROLE regress_commission_renamed, regress_commission_victor, regress_commission_server, regress_commission_nobody;

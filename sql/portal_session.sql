/*
 * portal_session.sql
 *		What a connection keeps, plans, cursors and settings, shows nobody
 *		another account through schema commission_portal (R50).
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

SELECT commission.register_account('brand', 'brand.secret@secret.example'),
	commission.register_account('mallory', 'mallory@example.com'),
	commission.register_account('secret victor', 'victor.secret@secret.example'),
	commission.register_listing('avatar', 'secret seller', 'avatar', 100, 'Rooftop'),
	commission.register_listing('secret listing', 'secret seller', 'avatar', 100, 'Secret title');
SELECT commission.refer('brand', 'mallory', 'brand', '2026-01-01'),
	commission.refer('secret seller', 'secret victor', 'creator', '2026-01-01'),
	commission.refer('secret brand', 'secret victor', 'brand', '2026-01-01');
-- sales that paid both, and Victor alone
SELECT count(commission.record_generation('shared ' || n, 'brand', 'avatar', run => 'shared run',
	model_price => 20, api_cost => 10)) AS shared,
	count(commission.record_generation('secret ' || n, 'secret brand', 'secret listing', run => 'secret run',
	model_price => 31415, api_cost => 10)) AS secret
FROM generate_series(1, 8) AS n;
SELECT commission.grant_affiliate('regress_commission_mallory', 'mallory'),
	commission.grant_affiliate('regress_commission_victor', 'secret victor'),
	commission.grant_portal('regress_commission_server');
-- terms in force and announced: of each, of Victor's group, and of everybody
SELECT commission.set_terms('mallory', brand_ratio => 0.35, reason => 'her reason')
	< commission.set_terms('mallory', brand_ratio => 0.36, valid_from => '2999-01-01', reason => 'her news') AS hers,
	commission.set_terms('secret victor', brand_ratio => 0.31415, reason => 'secret reason')
	< commission.set_terms('secret victor', brand_ratio => 0.31415, creator_ref_ratio => 0.31415, valid_from => '2999-01-01',
		reason => 'secret news') AS his,
	commission.set_group_terms('secret group', renewal_ratio => 0.31415, valid_from => '2999-01-01',
		reason => 'secret news of a group')
	< commission.announce_terms(upgrade_ratio => 0.12, valid_from => '2999-01-01', reason => 'news') AS others;
SELECT commission.set_group('secret victor', 'secret group', 'secret reason'),
	commission.set_payout('mallory', 'bank', 'hers'),
	commission.set_payout('secret victor', 'bank', 'secret destination');
ANALYZE;

/*
 * 1. A plan that is kept knows no account.
 */
CREATE FUNCTION named(account text, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	seen text;
BEGIN
	PERFORM set_config('commission.portal_account', account, true), set_config('role', 'regress_commission_server', true);
	EXECUTE command INTO seen;
	PERFORM set_config('commission.portal_account', '', true), set_config('role', 'none', true);
	RETURN seen;
END $$;
PREPARE card AS SELECT string_agg(account, ', ') FROM commission_portal.earnings;
PREPARE list (bigint) AS SELECT string_agg(DISTINCT left(run, 6), ', ') FROM commission_portal.recent_commission WHERE event_id < $1;
PREPARE found (text) AS SELECT count(*) FROM commission_portal.commission_detail WHERE generation = $1;
SELECT mode, set_config('plan_cache_mode', mode, false) IS NULL AS failed, account,
	named(account, 'EXECUTE card') AS card, named(account, 'EXECUTE list(999999999)') AS list, named(account, 'EXECUTE found(''secret 2'')') AS found
FROM unnest('{force_custom_plan, force_generic_plan, auto}'::text[]) WITH ORDINALITY AS m (mode, n),
	unnest('{mallory,secret victor,mallory,"",secret seller,nobody at all}'::text[]) WITH ORDINALITY AS a (account, o)
ORDER BY n, o;
-- what is told as the extension's owner, likewise
PREPARE rate AS SELECT string_agg(value::text, ', ') FROM commission_portal.terms WHERE term = 'brand_ratio';
PREPARE news AS SELECT string_agg(reason, ', ' ORDER BY reason) FROM commission_portal.announced_terms;
PREPARE address AS SELECT string_agg(account, ', ') FROM commission_portal.payout_address;
SET plan_cache_mode = force_generic_plan;
SELECT account, named(account, 'EXECUTE rate') AS rate, named(account, 'EXECUTE news') AS news, named(account, 'EXECUTE address') AS address
FROM unnest('{mallory,secret victor,mallory,"",secret seller,nobody at all}'::text[]) WITH ORDINALITY AS a (account, o)
ORDER BY o;
RESET plan_cache_mode;
-- nor a role
SET ROLE regress_commission_mallory; EXECUTE card; EXECUTE list(999999999); EXECUTE found('secret 2'); EXECUTE rate; EXECUTE news; RESET ROLE;
SET ROLE regress_commission_victor; EXECUTE card; EXECUTE list(999999999); EXECUTE found('secret 2'); EXECUTE rate; EXECUTE news; RESET ROLE;
EXECUTE card;
CREATE ROLE regress_commission_nobody;
SET ROLE regress_commission_nobody; EXECUTE card; RESET ROLE;
-- a function keeps its plans, too
CREATE FUNCTION card() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT account FROM commission_portal.earnings); END';
SELECT named('mallory', 'SELECT card()'), named('secret victor', 'SELECT card()'), named('', 'SELECT card()');
SET plan_cache_mode = force_generic_plan;
SELECT named('mallory', 'SELECT card()'), named('secret victor', 'SELECT card()'), named('', 'SELECT card()');
RESET plan_cache_mode;
-- a cursor that is held is what it was declared as
BEGIN;
SET LOCAL ROLE regress_commission_server;
SET LOCAL commission.portal_account = 'mallory';
DECLARE held CURSOR WITH HOLD FOR SELECT account FROM commission_portal.earnings;
COMMIT;
FETCH held;
CLOSE held;

/*
 * 2. What was left behind on a connection names nobody.
 */
SET ROLE regress_commission_server;
SET commission.portal_account = 'secret victor';
EXECUTE card;
BEGIN; EXECUTE card; SAVEPOINT s; SET LOCAL commission.portal_account = 'mallory'; EXECUTE card; ROLLBACK TO s; EXECUTE card; COMMIT;
BEGIN; SET LOCAL commission.portal_account = 'mallory'; EXECUTE card; SAVEPOINT s; SET LOCAL commission.portal_account = 'brand'; EXECUTE card;
RELEASE s; EXECUTE card; COMMIT;
EXECUTE card;
BEGIN; SET LOCAL commission.portal_account = 'mallory'; ROLLBACK; EXECUTE card;
RESET commission.portal_account;
-- a SET that is not LOCAL counts in its own transaction
BEGIN; SET commission.portal_account = 'mallory'; EXECUTE card; COMMIT; EXECUTE card;
BEGIN; EXECUTE card; COMMIT;
-- as does that of a function
RESET ROLE;
CREATE FUNCTION of_mallory() RETURNS text LANGUAGE plpgsql SET commission.portal_account = 'mallory'
	AS 'BEGIN RETURN (SELECT account FROM commission_portal.earnings); END';
SET ROLE regress_commission_server;
SELECT of_mallory(), (SELECT count(*) FROM commission_portal.earnings) AS after;
BEGIN; SET LOCAL commission.portal_account = 'brand'; SELECT of_mallory(), (SELECT account FROM commission_portal.earnings) AS after; COMMIT;
-- odd names are nobody's, and no error
SELECT named(account, 'EXECUTE card') FROM (VALUES (''), (' '), (''''), (repeat('x', 2000)), ('SECRET VICTOR'), ('secret victor '), ('%'), (E'\n')) AS a (account);
RESET ROLE;
SELECT named(account, 'EXECUTE card') FROM (VALUES (''), (' '), (''''), (repeat('x', 2000)), ('SECRET VICTOR'), ('secret victor '), ('%'), (E'\n')) AS a (account);
-- in a new session, before the library is loaded
\c
SET ROLE regress_commission_server;
SET commission.portal_account = 'secret victor';
SELECT account FROM commission_portal.earnings;
SELECT account FROM commission_portal.earnings;
\c
SET ROLE regress_commission_server;
BEGIN; SET LOCAL commission.portal_account = 'mallory'; SELECT account FROM commission_portal.earnings; COMMIT;
SELECT account FROM commission_portal.earnings;
RESET ROLE;
ALTER ROLE CURRENT_USER IN DATABASE :"DBNAME" SET commission.portal_account = 'secret victor';
\c
SET ROLE regress_commission_server;
SHOW commission.portal_account;
SELECT account FROM commission_portal.earnings;
RESET ROLE;
ALTER ROLE CURRENT_USER IN DATABASE :"DBNAME" RESET commission.portal_account;

\c
SET client_min_messages = warning;
DROP FUNCTION named, card, of_mallory;
DROP EXTENSION commission CASCADE;
DROP ROLE regress_commission_mallory, regress_commission_victor, regress_commission_server, regress_commission_nobody;

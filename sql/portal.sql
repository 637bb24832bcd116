/*
 * portal.sql
 *		Schema commission_portal: each account sees its own rows, under the role
 *		that it has been granted or under the name that a transaction gives
 *		(R50).  What it must not see is in portal_hostile.
 */
SET client_min_messages = warning;
SET timezone = 'UTC';
\set VERBOSITY terse
CREATE ROLE regress_commission_ana;
CREATE ROLE "regress commission ""server""";
CREATE ROLE regress_commission_nobody;

-- the worked example, a run of two frames, and a sale of each other kind
SELECT commission.register_account('brand', 'maria.lopez@gmail.com'),
	commission.register_account('ana', 'ana@example.com'), commission.register_account('cy', 'cy@example.com'),
	commission.register_listing('avatar', 'seller', 'avatar', 100, 'Rooftop', '{"co": 30}'),
	commission.refer('brand', 'ana', 'brand', '2026-01-01'), commission.refer('seller', 'cy', 'creator', '2026-01-01');
SELECT commission.record_generation('frame ' || n, 'brand', 'avatar', run => 'run', model_price => 20, api_cost => 10,
	occurred_at => '2026-02-01') IS NOT NULL AS recorded FROM generate_series(1, 2) AS n;
SELECT commission.record_generation('7', 'brand', 'avatar', model_price => 20, api_cost => 10,
	occurred_at => '2026-02-02') IS NOT NULL AS recorded;
SELECT commission.record_order('order', 'brand', 199900, plan => 'Pro', occurred_at => '2026-02-03') IS NOT NULL AS recorded;
SELECT commission.record_order('late order', 'latecomer', 1999, occurred_at => '2026-02-03') IS NULL AS unreferred;
SELECT commission.refer('latecomer', 'ana', 'brand', '2026-02-01', accrue_past => true);
SELECT commission.reverse_generation('frame 1', 70, 'a reason') IS NOT NULL AS reversed;
SELECT commission.request_withdrawal('ana', 5000, 'bank', 'DE02120300000000202051') IS NOT NULL AS requested;
SELECT commission.set_payout('ana', 'paypal', 'ana@example.com'), commission.set_payout('ana', 'bank', 'DE02120300000000202051', false),
	commission.set_payout('cy', 'paypal', 'cy@example.com');
SELECT commission.set_material('text', 'text', 'Text', 'Come: {link}');

-- terms of her own, of her group and of the programme, and another's
SELECT commission.set_terms('ana', brand_ratio => 0.35, reason => 'a good year') IS NOT NULL AS own,
	commission.set_terms('ana', brand_ratio => 0.3, valid_from => '2099-01-01', reason => 'a new year') IS NOT NULL AS announced,
	commission.set_terms('cy', brand_ratio => 0.4, valid_from => '2099-01-02', reason => 'of cy') IS NOT NULL AS others,
	commission.set_group_terms('gold', renewal_ratio => 0.09, valid_from => '2099-01-03') IS NOT NULL AS gold,
	commission.set_group_terms('lead', renewal_ratio => 0.01, valid_from => '2099-01-04') IS NOT NULL AS lead,
	commission.announce_terms(upgrade_ratio => 0.12, valid_from => '2099-01-05') IS NOT NULL AS all;
SELECT commission.set_group('ana', 'gold');

-- who is granted what
SELECT commission.grant_affiliate('regress_commission_ana', 'ana'), commission.grant_portal('"regress commission ""server"""');
SELECT commission.grant_affiliate('regress_commission_ana', 'nobody');
SELECT commission.grant_affiliate('regress_commission_ana', NULL);
SELECT commission.grant_affiliate('regress_commission_ana', '');
SELECT commission.grant_affiliate(NULL, 'ana');
SELECT commission.grant_affiliate('regress_commission_missing', 'ana');
SELECT commission.grant_portal(NULL);
SELECT role, commission_internal.identifier_name(account_id) = commission_internal.identifier_name(commission.account_id('ana')) AS is_ana
FROM commission.portal_role ORDER BY role;

-- everything that Ana sees
SET ROLE regress_commission_ana;
\x
SELECT account, lifetime, brand_lifetime, creator_lifetime, pool_lifetime, subscription_lifetime FROM commission_portal.earnings;
SELECT * FROM commission_portal.balance;
SELECT run, buyer, images, titles, legs, amount, headline, reversed, state FROM commission_portal.recent_commission;
SELECT generation, run, buyer, brand_amount, brand_ratio, creator_amount, net_margin, other_legs, platform_take, reversed
FROM commission_portal.commission_detail;
SELECT run, frames, brand_amount, other_legs, buyer_total, net_margin, state FROM commission_portal.run_detail;
SELECT order_id, buyer, plan, kind, order_amount, ratio, amount, state FROM commission_portal.recent_order;
SELECT * FROM commission_portal.withdrawal \gset w_
SELECT :'w_account' AS account, :'w_state' AS state, :'w_amount' AS amount, :'w_method' AS method, :'w_destination' AS destination;
SELECT account, method, destination, automatic, changed_at IS NOT NULL AS is_set FROM commission_portal.payout_address;
SELECT material, kind, title, body FROM commission_portal.material;
\x
SELECT referred, role, signed_up_at, plan, lifetime, in_force, orders FROM commission_portal.referral_earnings ORDER BY referral_id;
SELECT day, kind, amount, entries FROM commission_portal.daily_earnings WHERE kind <> 'brand' ORDER BY day, kind;
SELECT campaign, day, clicks, signups, conversions, earnings FROM commission_portal.funnel WHERE day < '2026-03-01' ORDER BY day;
SELECT occurred_at, line, what, source, amount, balance FROM commission_portal.statement('2026-02-02', '2026-02-28');
SELECT count(*) FROM commission_portal.statement(NULL, NULL);
SELECT count(*) FROM commission_portal.statement('2026-02-02', '2026-02-01');
SELECT what, value FROM commission_portal.explain('frame 1') WHERE what !~ '^refund|ratio.* at the time';
SELECT count(*) FROM commission_portal.explain('nothing');
SELECT term, value, source, until FROM commission_portal.terms WHERE term IN ('brand_ratio', 'creator_ref_ratio', 'renewal_ratio');
SELECT scope, group_name, valid_from, reason, brand_ratio, renewal_ratio, upgrade_ratio FROM commission_portal.announced_terms ORDER BY valid_from;
RESET ROLE;

-- is what the views of schema commission have of her
CREATE FUNCTION own_rows(view text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT t::text FROM commission_portal.%I AS t', view);
END $$;
CREATE FUNCTION columns_of(schema regnamespace, view text) RETURNS text[] LANGUAGE sql
RETURN ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = format('%s.%I', schema, view)::regclass AND attnum > 0 ORDER BY attnum);
CREATE TABLE seen (view text, part text);
GRANT INSERT ON seen TO regress_commission_ana;
SET ROLE regress_commission_ana;
INSERT INTO seen SELECT view, own_rows(view) FROM unnest('{earnings,balance,recent_commission,commission_detail,run_detail,recent_order,referral_earnings,daily_earnings,funnel}'::text[]) AS view;
RESET ROLE;
CREATE FUNCTION rows_of(view text, account text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT (%s)::text FROM commission.%I WHERE account = %L',
		(SELECT format('ROW(%s)', string_agg(quote_ident(c), ', ')) FROM unnest(columns_of('commission_portal', view)) AS c), view, account);
END $$;
SELECT view, count(*) > 0 AS any, array_agg(part ORDER BY part) = ARRAY(SELECT r FROM rows_of(view, 'ana') AS r ORDER BY r) AS same
FROM seen GROUP BY view ORDER BY view;
-- but the key of the account
SELECT relname, array_to_string(ARRAY(SELECT unnest(columns_of('commission', relname)) EXCEPT SELECT unnest(columns_of('commission_portal', relname)) ORDER BY 1), ' ')
FROM pg_class WHERE relnamespace = 'commission_portal'::regnamespace AND to_regclass('commission.' || relname) IS NOT NULL
	AND relname NOT IN ('withdrawal', 'material') ORDER BY relname;

-- a run, a generation and an order are found by what they are called
SET ROLE regress_commission_ana;
SELECT generation FROM commission_portal.commission_detail WHERE run_key = 'run:' || (SELECT substr(run_key, 5) FROM commission_portal.recent_commission WHERE run = 'run');
SELECT run_key, run FROM commission_portal.recent_commission WHERE run_key LIKE 'generation:%';
SELECT generation FROM commission_portal.commission_detail WHERE run_key = (SELECT run_key FROM commission_portal.recent_commission WHERE run = '7');
SELECT run, frames FROM commission_portal.run_detail WHERE run_key IN (SELECT run_key FROM commission_portal.recent_commission);
SELECT generation FROM commission_portal.commission_detail WHERE generation IN ('frame 2', '7', 'nothing');
SELECT generation FROM commission_portal.commission_detail WHERE generation = '7';
SELECT order_id FROM commission_portal.recent_order WHERE order_id = 'late order';
RESET ROLE;

-- a server names an account for the transaction
SET ROLE "regress commission ""server""";
SELECT count(*) AS none FROM commission_portal.earnings;
BEGIN;
SET LOCAL commission.portal_account = 'cy';
SELECT account, creator_lifetime FROM commission_portal.earnings;
SAVEPOINT s;
SET LOCAL commission.portal_account = 'seller';
SELECT account, pool_lifetime FROM commission_portal.earnings;
ROLLBACK TO s;
SELECT account FROM commission_portal.balance;
SET LOCAL commission.portal_account = '';
SELECT count(*) AS none FROM commission_portal.earnings, commission_portal.material;
SET LOCAL commission.portal_account = 'nobody at all';
SELECT count(*) AS none FROM commission_portal.earnings;
SELECT count(*) AS none FROM commission_portal.statement(NULL, NULL);
COMMIT;
SELECT count(*) AS none FROM commission_portal.earnings;
RESET ROLE;
-- which an affiliate's role does not heed
SET ROLE regress_commission_ana;
BEGIN;
SET LOCAL commission.portal_account = 'cy';
SELECT account FROM commission_portal.earnings;
COMMIT;
RESET ROLE;
-- a row that is restored before there is such a role is nobody's
INSERT INTO commission.portal_role (role_id, role, account_id)
VALUES (1, 'regress_commission_later', commission.account_id('cy')) RETURNING role_id;
CREATE ROLE regress_commission_later IN ROLE regress_commission_ana;
SET ROLE regress_commission_later;
SELECT account FROM commission_portal.earnings;
RESET ROLE;
SELECT commission.grant_affiliate('regress_commission_later', 'cy');
SET ROLE regress_commission_later;
SELECT account FROM commission_portal.earnings;
RESET ROLE;
-- another grant takes the place of the one before
SELECT commission.grant_affiliate('"regress commission ""server"""', 'cy');
SET ROLE "regress commission ""server""";
SELECT account FROM commission_portal.earnings;
RESET ROLE;
-- the superuser, and anybody who has been granted nothing
SELECT count(*) AS none FROM commission_portal.earnings;
SET ROLE regress_commission_nobody;
SELECT * FROM commission_portal.earnings;
RESET ROLE;

DROP FUNCTION own_rows, columns_of, rows_of;
DROP TABLE seen;
DROP EXTENSION commission CASCADE;
DROP ROLE regress_commission_ana, "regress commission ""server""", regress_commission_later, regress_commission_nobody;

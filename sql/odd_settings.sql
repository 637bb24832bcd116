/*
 * odd_settings.sql
 *		Settings that anybody may change change nothing: the same sales, refunds
 *		and sums in a session of the oddest ones.
 */
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA shop;

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100, 'Rooftop');
CREATE FUNCTION trade(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format(
		E'CREATE TABLE shop.%I ("we""ird ''co\\l" text, buyer text, avatar text, price int, cost int, at timestamptz)', name);
	PERFORM commission.attach(format('shop.%I', name)::regclass, E'we"ird ''co\\l', 'buyer', 'avatar', model_price => 'price',
		api_cost => 'cost', occurred_at => 'at');
	EXECUTE format('INSERT INTO shop.%I VALUES (%L, %L, %L, 1000, 10, %L)', name, name || ' sale', name || ' brand', 'avatar',
		timestamptz '2026-01-31 23:30:00+00');
	EXECUTE format('INSERT INTO shop.%I VALUES (%L, %L, %L, 1000, 10, %L)', name, name || ' refunded', name || ' brand',
		'avatar', timestamptz '2026-02-01 00:30:00+00');
	PERFORM commission.record_order(name || ' order', name || ' brand', 1999, occurred_at => '2026-02-01 00:30:00+00');
	PERFORM commission.reverse_generation(name || ' refunded', 333, 'goodwill');
	PERFORM commission.request_withdrawal(name || ' ana', 300, 'bank', 'ana');
END $$;
SELECT commission.refer(name || ' brand', name || ' ana', 'brand', '2020-01-01'),
	commission.register_account(name || ' brand', 'maria.lopez@gmail.com')
FROM (VALUES ('plain'), ('odd')) AS n (name);
SET commission.minimum_payout = 1;
SELECT trade('plain');
CALL commission.rollup();
SET transform_null_equals = on;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET backslash_quote = on;
SET quote_all_identifiers = on;
SET array_nulls = off;
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'sql_standard';
SET timezone = 'Pacific/Kiritimati';
SET timezone_abbreviations = 'Australia';
SET bytea_output = 'escape';
SET extra_float_digits = -15;
SET row_security = off;
SET check_function_bodies = off;
SET default_toast_compression = 'pglz';
SET client_encoding = 'SQL_ASCII';
SET work_mem = '64kB';
SET plan_cache_mode = force_generic_plan;
SET jit = off;
SET enable_seqscan = off;
SET enable_hashagg = off;
SET from_collapse_limit = 1;
SET join_collapse_limit = 1;
SET geqo_threshold = 2;
SELECT trade('odd');
CALL commission.rollup();
CREATE FUNCTION rows_of(account text, view text, columns text) RETURNS text LANGUAGE sql AS $$
	SELECT format(CASE view WHEN 'statement' THEN 'SELECT %s FROM commission.%I(%L, NULL, NULL)'
		ELSE 'SELECT %s FROM commission.%I WHERE account = %L' END, columns, view, account) $$;
CREATE FUNCTION difference(view text, columns text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT t::text FROM ((%1$s EXCEPT ALL %2$s) UNION ALL (%2$s EXCEPT ALL %1$s)) AS t',
		rows_of('plain ana', view, columns), rows_of('odd ana', view, columns));
END $$;
CREATE TABLE compared (view text, columns text);
INSERT INTO compared VALUES
	('ledger', 'line, kind, amount, ratio, CASE WHEN occurred_at <= ''2026-02-01 02:00:00+00'' THEN occurred_at END, counts_as'),
	('earnings', 'lifetime, brand_lifetime, creator_lifetime, pool_lifetime, subscription_lifetime'),
	('daily_earnings', 'CASE WHEN day <= ''2026-02-01'' THEN day END, kind, amount, entries'),
	('balance', 'balance, available, held, in_withdrawal, withdrawn'),
	('recent_commission', 'buyer, occurred_at, images, titles, legs, amount, headline'),
	('commission_detail', 'buyer, occurred_at, brand_amount, brand_ratio, net_margin, reversed, refunded'),
	('funnel', 'campaign, CASE WHEN day <= ''2026-02-01'' THEN day END, clicks, signups, conversions, earnings'),
	('statement', 'what, amount, balance');
SELECT view, d.* FROM compared, difference(view, columns) AS d;
RESET ALL;
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT view, d.* FROM compared, difference(view, columns) AS d;
SELECT kind, amount FROM commission.ledger WHERE account = 'odd ana' ORDER BY event_id;
SELECT * FROM commission.audit();

DROP SCHEMA shop CASCADE;
DROP TABLE compared;
DROP FUNCTION trade, rows_of, difference;

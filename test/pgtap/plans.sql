/*
 * plans.sql
 *		What is looked up by its key is found by an index, however small its
 *		table is: the plan is kept while the table grows.  Nor is it compiled,
 *		which takes longer than to run it.
 */
BEGIN;
SELECT plan(3);

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

SELECT * FROM finish();
ROLLBACK;

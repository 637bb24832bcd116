/*
 * seals.sql
 *		Blocks of the ledger are sealed, and what changed since is named by
 *		block (R48).
 */
SET timezone = 'UTC';
SET commission.minimum_payout = 1;

SELECT commission.verify_seals();
CALL commission.seal();
SELECT count(*) AS blocks_of_nothing FROM commission.seal_block;

-- a day's business, and a block of it
SELECT commission.register_listing('avatar', 'seller', 'avatar', 100, 'Rooftop', '{"maria": 30}');
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('seller', 'cy', 'creator', '2026-01-01');
SELECT count(commission.record_generation('g' || i, 'brand', 'avatar', model_price => 20, api_cost => 10, occurred_at => '2026-02-01')) AS sales
FROM generate_series(1, 10) AS i;
SELECT commission.reverse_generation('g1', 70, 'too dark') > 0 AS refunded;
SELECT commission.record_order('o1', 'brand', 1999) > 0 AS paid;
SELECT commission.approve_withdrawal(commission.request_withdrawal('seller', 50, 'paypal', 'seller@shop.example'));
SELECT commission.open_payout_batch() > 0 AS opened;
CALL commission.seal();
SELECT node, blocks, entries, last_block, length(last_hash) AS bytes, unsealed_entries FROM commission.seal_status;

-- what was sold since is in the next one; nothing new is no block
SELECT commission.record_generation('g11', 'brand', 'avatar', model_price => 20, api_cost => 10) > 0 AS sold;
SELECT blocks, entries, unsealed_entries FROM commission.seal_status;
CALL commission.seal();
CALL commission.seal();
SELECT block, entries, event_ids, block = 1 OR previous = lag(hash) OVER (ORDER BY block) AS chained
FROM commission.seal_block ORDER BY block;
SELECT * FROM commission.verify_seals();

-- every append-only table is sealed, with each of its columns; a touch is no
-- event, and an unreferred leg only finds what its sale says
SELECT c.relname, a.attname
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relname NOT IN ('change_batch', 'seal_block', 'touch', 'unreferred_leg')
	AND EXISTS (SELECT FROM pg_trigger AS t
		WHERE t.tgrelid = c.oid AND t.tgfoid = 'commission_internal.refuse_change'::regproc)
	AND NOT EXISTS (SELECT FROM information_schema.view_column_usage AS u
		WHERE u.view_schema = 'commission_internal' AND u.view_name IN ('sealed_row', 'sealed_change')
			AND (u.table_name, u.column_name) = (c.relname, a.attname))
ORDER BY 1, 2;

-- the byte form, as doc/seals.md states it
SELECT commission_internal.row_bytes('entry'::text, 258::int8, 3::int2, NULL::int4, '2000-01-01 00:00:01+00'::timestamptz,
	true, 'p'::"char", '00010203-0405-0607-0809-0a0b0c0d0e0f'::uuid, 'pool'::commission.entry_kind, 'é'::text,
	'{1,NULL}'::int8[], NULL::text);
SELECT commission_internal.row_bytes(1.5);

-- a superuser who drops the guards can change anything, but not unseen
\set SHOW_CONTEXT never
UPDATE commission.seal_block SET hash = '';
\set SHOW_CONTEXT errors
CREATE FUNCTION falsify(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	found text[];
BEGIN
	BEGIN
		EXECUTE statement;
		found := ARRAY(SELECT format('block %s: %s', block, problem) FROM commission.verify_seals());
		RAISE 'undo' USING ERRCODE = 'P0002';
	EXCEPTION WHEN no_data_found THEN
		RETURN QUERY SELECT unnest(found);
	END;
END $$;
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY '{entry,generation,customer_order,reversal,withdrawal,withdrawal_transition,payout_batch,listing,referral_change,seal_block}'::text[] LOOP
		EXECUTE format('ALTER TABLE commission.%I DISABLE TRIGGER USER', name);
	END LOOP;
END $$;
CREATE TABLE falsification (n serial, statement text);
INSERT INTO falsification (statement) VALUES
	('UPDATE commission.entry SET amount = amount + 1 WHERE event_id = (SELECT min(event_id) FROM commission.entry) AND line = 1'),
	('DELETE FROM commission.entry WHERE event_id = (SELECT min(event_id) FROM commission.entry) AND line = 1'),
	('INSERT INTO commission.entry SELECT event_id, 9, occurred_at, account_id, from_account_id, buyer_id, kind, counts_as, ratio_ppm, 99
		FROM commission.entry WHERE event_id = (SELECT max(event_id) FROM commission.entry) AND line = 1'),
	('UPDATE commission.entry SET occurred_at = occurred_at + interval ''1 us'' WHERE event_id = (SELECT max(event_id) FROM commission.entry) AND line = 1'),
	('UPDATE commission.generation SET api_cost = 9 WHERE event_id = (SELECT min(event_id) FROM commission.generation)'),
	('UPDATE commission.reversal SET reason = NULL'),
	('UPDATE commission.customer_order SET plan = ''pro'''),
	('UPDATE commission.withdrawal SET destination = ''mallory@shop.example'''),
	('DELETE FROM commission.withdrawal_transition WHERE to_state = ''approved'''),
	('UPDATE commission.payout_batch SET opened_by = ''nobody'''),
	('UPDATE commission.listing SET co_author_shares = ''{31}'''),
	('DELETE FROM commission.referral_change WHERE role = ''creator'''),
	('UPDATE commission.seal_block SET event_ids = event_ids - ''{[1,2)}'' WHERE block = 1'),
	('UPDATE commission.seal_block SET hash = sha256(hash) WHERE block = 1'),
	('DELETE FROM commission.seal_block WHERE block = 1');
SELECT n, f FROM falsification, falsify(statement) AS f ORDER BY n, f;
SELECT * FROM commission.verify_seals();

-- under a snapshot of its own it could not see what has settled
BEGIN ISOLATION LEVEL REPEATABLE READ;
CALL commission.seal();
ROLLBACK;

DROP TABLE falsification;
DROP FUNCTION falsify;
DROP EXTENSION commission;

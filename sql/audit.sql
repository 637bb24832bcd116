/*
 * audit.sql
 *		The audit finds whatever is wrong with the books.  Each corruption is
 *		planted with guards and constraints out of the way, and taken back.
 */
SET timezone = 'UTC';

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100, co_authors => '{"bo": 30, "cy": 20}');
SELECT commission.register_listing('reference', 'other', 'reference', 90);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('seller', 'ana', 'creator', '2026-01-01');
SELECT commission.refer('other', 'dee', 'creator', '2026-01-01');
SELECT commission.record_generation(id, 'brand', avatar, reference, model_price => 200, api_cost => cost,
									avatar_pool => pool, bundle_frame => id = 'bundled',
									occurred_at => '2026-02-01') IS NOT NULL AS recorded
FROM (VALUES ('both', 'avatar', 'reference', 10, NULL::bigint), ('one', 'avatar', NULL, 10, 77), ('loss', 'avatar', NULL, 500, NULL),
	('bundled', 'avatar', 'reference', 10, NULL), ('refunded', 'avatar', NULL, 10, NULL),
	('unpaid', NULL, 'reference', 10, NULL)) AS v (id, avatar, reference, cost, pool);
SELECT commission.reverse_generation('refunded', 33) IS NOT NULL, commission.reverse_generation('refunded', 44) IS NOT NULL,
	commission.reverse_generation('unpaid') IS NOT NULL;
SELECT commission.record_order('order', 'brand', 1999, occurred_at => '2026-02-01') IS NOT NULL AS first,
	commission.record_order('renewed', 'brand', 1999, occurred_at => '2026-03-01') IS NOT NULL AS renewal;
SET commission.minimum_payout = 0;
SELECT commission.cancel_withdrawal(commission.request_withdrawal('ana', 5, 'bank')),
	commission.approve_withdrawal(commission.request_withdrawal('ana', 7, 'bank'));
SELECT commission.open_payout_batch('bank') IS NOT NULL AS opened;

-- all is well
SELECT * FROM commission.audit();

/*
 * Plant a corruption, see what the audit says of it, and take it back.  That
 * the guards are off, it says, too.
 */
CREATE FUNCTION id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE AS 'SELECT commission.account_id(name)';
CREATE FUNCTION event(name text) RETURNS bigint LANGUAGE sql AS
	'SELECT event_id FROM commission.generation WHERE generation_id = commission.account_id(name)';
CREATE FUNCTION found(corruption text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	problems text;
BEGIN
	ALTER TABLE commission.entry DISABLE TRIGGER ALL, DROP CONSTRAINT entry_self_pay_check,
		DROP CONSTRAINT entry_amount_check, DROP CONSTRAINT entry_counts_as_check;
	ALTER TABLE commission.generation DISABLE TRIGGER ALL;
	ALTER TABLE commission.listing DISABLE TRIGGER ALL;
	ALTER TABLE commission.reversal DISABLE TRIGGER ALL, DROP CONSTRAINT reversal_refunded_check;
	ALTER TABLE commission.customer_order DISABLE TRIGGER ALL;
	ALTER TABLE commission.withdrawal DISABLE TRIGGER ALL;
	ALTER TABLE commission.withdrawal_transition DISABLE TRIGGER ALL;
	ALTER TABLE commission.payout_batch DISABLE TRIGGER ALL;
	EXECUTE corruption;
	SELECT string_agg(DISTINCT problem, ', ') INTO problems FROM commission.audit()
	WHERE problem NOT LIKE '%not as installed';
	RAISE EXCEPTION USING ERRCODE = 'ZZZZZ', MESSAGE = coalesce(problems, 'NOTHING');
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	RETURN SQLERRM;
WHEN OTHERS THEN
	RETURN 'ERROR: ' || SQLERRM;
END $$;

CREATE TABLE corruption (n serial, statement text);
INSERT INTO corruption (statement) VALUES
	-- an entry that is another
	($$UPDATE commission.entry SET amount = amount + 1 WHERE event_id = event('both') AND line = 1$$),
	($$UPDATE commission.entry SET amount = amount - 1 WHERE event_id = event('both') AND kind = 'creator'$$),
	($$UPDATE commission.entry SET amount = amount + 1 WHERE event_id = event('one') AND kind = 'pool' AND account_id = id('bo')$$),
	($$UPDATE commission.entry SET amount = amount + CASE account_id WHEN id('bo') THEN 1 ELSE -1 END
		WHERE event_id = event('one') AND kind = 'pool' AND account_id IN (id('bo'), id('cy'))$$),
	($$UPDATE commission.entry SET account_id = id('cy') WHERE event_id = event('one') AND account_id = id('bo')$$),
	($$UPDATE commission.entry SET account_id = id('nobody') WHERE event_id = event('one') AND kind = 'brand'$$),
	($$UPDATE commission.entry SET ratio_ppm = 310000 WHERE event_id = event('both') AND kind = 'brand'$$),
	($$UPDATE commission.entry SET ratio_ppm = NULL WHERE event_id = event('both') AND kind = 'brand'$$),
	($$UPDATE commission.entry SET ratio_ppm = 1 WHERE event_id = event('both') AND kind = 'pool'$$),
	($$UPDATE commission.entry SET kind = 'creator', counts_as = 'creator' WHERE event_id = event('one') AND kind = 'brand'$$),
	($$UPDATE commission.entry SET counts_as = 'creator' WHERE event_id = event('one') AND kind = 'brand'$$),
	($$UPDATE commission.entry SET counts_as = 'brand' WHERE event_id = event('one') AND kind = 'pool'$$),
	($$UPDATE commission.entry SET counts_as = 'withdrawal' WHERE event_id = event('one') AND kind = 'brand'$$),
	($$UPDATE commission.entry SET occurred_at = '2026-03-01' WHERE event_id = event('one') AND line = 1$$),
	($$UPDATE commission.entry SET from_account_id = id('other') WHERE event_id = event('one') AND kind = 'brand'$$),
	($$UPDATE commission.entry SET from_account_id = NULL WHERE event_id = event('one') AND kind = 'brand'$$),
	($$UPDATE commission.entry SET from_account_id = id('other') WHERE event_id = event('one') AND kind = 'creator'$$),
	($$UPDATE commission.entry SET from_account_id = NULL WHERE event_id = event('one') AND kind = 'pool'$$),
	($$UPDATE commission.entry SET buyer_id = id('other') WHERE event_id = event('one') AND kind = 'creator'$$),
	($$UPDATE commission.entry SET buyer_id = NULL WHERE event_id = event('one') AND kind = 'creator'$$),
	($$UPDATE commission.entry SET account_id = from_account_id WHERE event_id = event('one') AND kind = 'brand'$$),
	($$UPDATE commission.entry SET account_id = from_account_id WHERE event_id = event('one') AND kind = 'creator'$$),
	($$UPDATE commission.entry SET account_id = buyer_id WHERE event_id = event('one') AND kind = 'creator'$$),
	($$UPDATE commission.entry SET from_account_id = buyer_id WHERE event_id = event('one') AND kind = 'creator'$$),
	($$UPDATE commission.entry SET line = line + 10 WHERE event_id = event('one')$$),
	($$UPDATE commission.entry SET event_id = 999999 WHERE event_id = event('one')$$),
	-- one too few, one too many
	($$DELETE FROM commission.entry WHERE event_id = event('one')$$),
	($$DELETE FROM commission.entry WHERE event_id = event('one') AND line = 1$$),
	($$DELETE FROM commission.entry WHERE event_id = event('one') AND line = 5$$),
	($$DELETE FROM commission.entry WHERE event_id = event('bundled') AND kind = 'pool'$$),
	($$INSERT INTO commission.entry SELECT event_id, amount, occurred_at, account_id, from_account_id, buyer_id, kind, counts_as, ratio_ppm, line + 10
		FROM commission.entry WHERE event_id = event('one') AND line = 1$$),
	($$INSERT INTO commission.entry VALUES (999999, 9, '2026-02-01', id('ana'), id('brand'), NULL, 'brand', 'brand', 300000, 1)$$),
	($$INSERT INTO commission.entry VALUES (event('one'), 9, '2026-02-01', id('ana'), id('brand'), NULL, 'first_order', 'first_order', 300000, 6)$$),
	($$INSERT INTO commission.entry VALUES (event('one'), -9, '2026-02-01', id('ana'), id('brand'), NULL, 'reversal', 'brand', NULL, 6)$$);
INSERT INTO corruption (statement) VALUES
	-- a generation that is another, or is gone
	($$UPDATE commission.generation SET model_price = model_price + 10 WHERE event_id = event('one')$$),
	($$UPDATE commission.generation SET api_cost = 1000 WHERE event_id = event('one')$$),
	($$UPDATE commission.generation SET avatar_pool = 76 WHERE event_id = event('one')$$),
	($$UPDATE commission.generation SET avatar_surcharge = 200 WHERE event_id = event('one')$$),
	($$UPDATE commission.generation SET avatar_surcharge = 0 WHERE event_id = event('one')$$),
	($$UPDATE commission.generation SET total_cap_ratio_ppm = 100000 WHERE event_id = event('one')$$),
	($$UPDATE commission.generation SET brand_ratio_ppm = 100000 WHERE event_id = event('one')$$),
	($$UPDATE commission.generation SET brand_leg = 'n' WHERE event_id = event('one')$$),
	($$UPDATE commission.generation SET reference_leg = 'n' WHERE event_id = event('both')$$),
	($$UPDATE commission.generation SET buyer_id = id('other') WHERE event_id = event('one')$$),
	($$UPDATE commission.generation SET occurred_at = '2026-03-01' WHERE event_id = event('one')$$),
	($$UPDATE commission.generation SET avatar_version = reference_version WHERE event_id = event('both')$$),
	($$UPDATE commission.generation SET avatar_version = 999999 WHERE event_id = event('both')$$),
	($$DELETE FROM commission.generation WHERE event_id = event('one')$$),
	($$INSERT INTO commission.generation SELECT (jsonb_populate_record(g, jsonb_build_object('event_id', 999999, 'generation_id', id('new')))).*
		FROM commission.generation AS g WHERE event_id = event('one')$$),
	-- a listing that is another
	($$UPDATE commission.listing SET co_author_shares = '{40,10}' WHERE name = 'avatar'$$),
	($$UPDATE commission.listing SET owner_id = id('other') WHERE name = 'avatar'$$),
	($$DELETE FROM commission.listing WHERE name = 'avatar'$$),
	-- a reversal that is another, or is gone
	($$UPDATE commission.reversal SET refunded = refunded + 7$$),
	($$UPDATE commission.reversal SET refunded = 1000 WHERE reversed_event_id = event('refunded')$$),
	($$UPDATE commission.reversal SET refunded = -1000 WHERE reversed_event_id = event('refunded')$$),
	($$UPDATE commission.reversal SET reversed_event_id = 999999 WHERE refunded = 33$$),
	($$UPDATE commission.reversal SET reversed_event_id = event('both') WHERE refunded = 33$$),
	($$DELETE FROM commission.reversal WHERE refunded = 33$$),
	($$INSERT INTO commission.reversal VALUES (999999, event('one'), 10, '2026-02-01', false, NULL)$$),
	($$DELETE FROM commission.entry WHERE kind = 'reversal' AND counts_as = 'brand'$$),
	($$DELETE FROM commission.entry WHERE kind = 'reversal'$$),
	($$UPDATE commission.entry SET amount = amount - 1 WHERE kind = 'reversal' AND counts_as = 'pool'$$),
	($$UPDATE commission.entry SET account_id = id('cy') WHERE kind = 'reversal' AND counts_as = 'brand'$$),
	($$UPDATE commission.entry SET counts_as = 'creator' WHERE kind = 'reversal' AND counts_as = 'brand'$$),
	($$UPDATE commission.entry SET from_account_id = id('cy') WHERE kind = 'reversal' AND counts_as = 'brand'$$),
	($$INSERT INTO commission.entry SELECT event_id, -1, '2026-02-01', id('cy'), id('brand'), NULL, 'reversal', 'brand', NULL, 10
		FROM commission.reversal WHERE refunded = 33$$),
	($$INSERT INTO commission.entry SELECT event_id, 1, '2026-02-01', id('cy'), id('brand'), NULL, 'brand', 'brand', 300000, 10
		FROM commission.reversal WHERE refunded = 33$$),
	($$UPDATE commission.entry SET occurred_at = '2026-03-01' WHERE kind = 'reversal'$$);
INSERT INTO corruption (statement) VALUES
	-- an order that is another, or is gone
	($$UPDATE commission.customer_order SET amount = 2999 WHERE order_name = 'order'$$),
	($$UPDATE commission.customer_order SET ratio_ppm = 160000 WHERE order_name = 'order'$$),
	($$UPDATE commission.customer_order SET leg = 'n' WHERE order_name = 'order'$$),
	($$UPDATE commission.customer_order SET customer_id = id('other') WHERE order_name = 'order'$$),
	($$UPDATE commission.customer_order SET occurred_at = '2026-01-31' WHERE order_name = 'order'$$),
	($$UPDATE commission.customer_order SET kind = 'upgrade' WHERE order_name = 'order'$$),
	($$DELETE FROM commission.customer_order WHERE order_name = 'order'$$),
	-- a withdrawal that is another, or is gone
	($$UPDATE commission.withdrawal SET amount = amount + 1 WHERE state = 'approved'$$),
	($$UPDATE commission.withdrawal SET account_id = id('cy') WHERE state = 'approved'$$),
	($$UPDATE commission.withdrawal SET state = 'paid', transfer = 'T' WHERE state = 'approved'$$),
	($$UPDATE commission.withdrawal SET state = 'approved' WHERE state = 'cancelled'$$),
	($$UPDATE commission.withdrawal SET method = 'paypal' WHERE state = 'approved'$$),
	($$DELETE FROM commission.withdrawal WHERE state = 'cancelled'$$),
	($$DELETE FROM commission.payout_batch$$),
	($$UPDATE commission.withdrawal_transition SET from_state = 'approved' WHERE to_state = 'cancelled'$$),
	($$UPDATE commission.withdrawal_transition SET to_state = 'unknown' WHERE from_state IS NULL$$),
	($$UPDATE commission.withdrawal_transition SET withdrawal_id = 999999 WHERE to_state = 'approved'$$),
	($$UPDATE commission.withdrawal_transition SET reason = 'another' WHERE to_state = 'approved'$$),
	($$UPDATE commission.withdrawal_transition SET transfer = 'another' WHERE to_state = 'approved'$$),
	($$DELETE FROM commission.withdrawal_transition WHERE to_state = 'cancelled'$$),
	($$DELETE FROM commission.withdrawal_transition WHERE from_state IS NULL$$),
	($$UPDATE commission.entry SET account_id = id('cy') WHERE kind = 'withdrawal' AND amount = -7$$),
	($$UPDATE commission.entry SET from_account_id = id('cy') WHERE kind = 'withdrawal' AND amount = -7$$),
	($$UPDATE commission.entry SET kind = 'withdrawal' WHERE kind = 'withdrawal_return'$$),
	($$UPDATE commission.entry SET amount = 4 WHERE kind = 'withdrawal_return'$$),
	($$DELETE FROM commission.entry WHERE kind = 'withdrawal_return'$$),
	($$UPDATE commission.entry AS e SET amount = -8 - (SELECT sum(a.amount) FROM commission.entry AS a
		WHERE a.account_id = id('ana') AND a.kind <> 'reversal') WHERE e.kind = 'withdrawal' AND e.amount = -7$$),
	-- an account or a referral that is another, or is gone
	($$UPDATE commission.referral SET referrer_id = id('cy') WHERE account_id = id('brand')$$),
	($$UPDATE commission.referral SET attributed_at = '2026-02-01' WHERE account_id = id('brand')$$),
	($$DELETE FROM commission.referral WHERE account_id = id('brand')$$),
	($$DELETE FROM commission.account WHERE name = 'cy'$$),
	-- an event id that is the next one to be drawn; setval() is not taken back
	($$SELECT setval('commission.event_id_seq', 999999, false);
		UPDATE commission.entry SET event_id = 999999 WHERE event_id = event('one')$$);
SELECT regexp_replace(statement, '\s+', ' ', 'g') AS corruption, found(statement) FROM corruption ORDER BY n;

-- nothing of it is left
SELECT * FROM commission.audit();
SELECT conname FROM pg_constraint WHERE conrelid = 'commission.entry'::regclass AND contype = 'c' ORDER BY conname;

-- in so many words
BEGIN;
ALTER TABLE commission.entry DISABLE TRIGGER ALL;
UPDATE commission.entry SET amount = amount + 1000 WHERE event_id = event('one') AND kind = 'brand';
SELECT problem, event_id = event('one') AS is_its_event, detail FROM commission.audit()
WHERE problem NOT IN ('entries differ from the facts', 'guard not as installed') ORDER BY problem;
SELECT regexp_replace(detail, '[0-9a-f]{8}-[0-9a-f-]{27}', '(account)', 'g')
FROM commission.audit() WHERE problem = 'entries differ from the facts';
ROLLBACK;
-- ... and each thing once
BEGIN;
ALTER TABLE commission.entry DISABLE TRIGGER ALL;
UPDATE commission.entry SET account_id = id('cy') WHERE kind = 'reversal' AND counts_as = 'brand'
	AND event_id = (SELECT event_id FROM commission.reversal WHERE refunded = 33);
SELECT problem, detail FROM commission.audit() WHERE problem = 'reversal of what was not earned';
ROLLBACK;

-- triggers: what was missed, and what could be put in
CREATE TABLE sale (id text, buyer text);
SELECT commission.attach('sale', 'id', 'buyer');
ALTER TABLE sale DISABLE TRIGGER ALL;
ALTER TABLE commission.entry DISABLE TRIGGER ALL;
ALTER TABLE commission.entry ENABLE TRIGGER ALL;
SELECT * FROM commission.audit() ORDER BY detail;
ALTER TABLE public.sale ENABLE TRIGGER commission_accrue;
ALTER TABLE commission.entry ENABLE ALWAYS TRIGGER entry_guard;
ALTER TABLE commission.entry ENABLE ALWAYS TRIGGER entry_row_guard;
SELECT * FROM commission.audit();
DROP TABLE sale;

DROP TABLE corruption;
DROP FUNCTION found, event, id;

/*
 * withdrawals.sql
 *		Earnings on their way out: the balance, withdrawals and their states,
 *		payout batches, refunds when the money is gone (R18, R21 to R25).
 *
 * Every state against every other is in test/pgtap/withdrawal_states.sql.
 */
SET client_min_messages = warning;
CREATE ROLE regress_commission_operator;
CREATE ROLE regress_commission_reader;
CREATE ROLE regress_commission_writer;
SELECT commission.grant_operator('regress_commission_operator'),
	commission.grant_reader('regress_commission_reader'),
	commission.grant_writer('regress_commission_writer');
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
RESET client_min_messages;
\set SHOW_CONTEXT never

-- maria has referred a brand, which buys; so has olga, who is a name only
SET ROLE regress_commission_operator;
SELECT commission.register_account('maria', 'maria.lopez@gmail.com');
SELECT commission.refer('brand', 'maria', 'brand', '2024-01-01 00:00+00'),
	commission.refer('shop', 'olga', 'brand', '2024-01-01 00:00+00');
SELECT commission.register_listing('portrait', 'pia', 'avatar', 100);
SET ROLE regress_commission_writer;
SELECT commission.record_generation('january', 'brand', 'portrait',
	model_price => 20000, api_cost => 20, occurred_at => '2024-01-10 12:00+00');
SELECT commission.record_generation('february', 'brand', 'portrait',
	model_price => 20000, api_cost => 20, occurred_at => '2024-02-10 12:00+00');
SELECT commission.record_generation('shopping', 'shop', 'portrait',
	model_price => 30000, api_cost => 20, occurred_at => '2024-02-11 12:00+00');

-- a writer records sales but pays nobody; a reader only reads
SELECT commission.request_withdrawal('maria');
SET ROLE regress_commission_reader;
SELECT account, balance, available, held, in_withdrawal, withdrawn
FROM commission.balance ORDER BY account;
SELECT commission.request_withdrawal('maria');
SELECT * FROM commission.payout_item;

-- a request takes the credits out of the balance
SET ROLE regress_commission_operator;
SELECT commission.request_withdrawal('maria', 7000);
SELECT account, balance, available, held, in_withdrawal, withdrawn
FROM commission.balance WHERE account = 'maria';

-- not more than there is, and not less than the minimum (R24)
SELECT commission.request_withdrawal('maria', 5001);
SELECT commission.request_withdrawal('maria', 9223372036854775807);
SELECT commission.request_withdrawal('maria', 4999);
SELECT commission.request_withdrawal('maria', -1);
SELECT commission.request_withdrawal('brand');
SELECT commission.request_withdrawal('mario');
SELECT commission.request_withdrawal(NULL);
SELECT commission.request_withdrawal('maria', method => NULL);
SELECT commission.request_withdrawal('maria', method => '');
SELECT commission.request_withdrawal('maria', destination => '');

-- without a minimum still at least a credit
RESET ROLE;
SET commission.minimum_payout = 0;
SELECT commission.request_withdrawal('maria', 0);
SELECT commission.request_withdrawal('brand');
SELECT commission.request_withdrawal('maria', 4, 'bank', 'DE89 3704 0044 0532 0130 00');
RESET commission.minimum_payout;

-- earnings that are younger than hold_days are held (R24)
SET commission.hold_days = 36525;
SELECT account, balance, available, held FROM commission.balance
WHERE account = 'maria';
SELECT commission.request_withdrawal('maria');
RESET commission.hold_days;

-- without a destination it goes to the account's label or name, shown masked;
-- a name is nothing that PayPal can pay (R25)
SET ROLE regress_commission_operator;
SELECT commission.request_withdrawal('olga');
SELECT commission.request_withdrawal('olga', destination => repeat('a', 1025));
SELECT commission.request_withdrawal('olga', destination => '+49 30 1234567');
SET ROLE regress_commission_reader;
SELECT account, withdrawal, state, amount, method, destination,
	changed_by = session_user AS by_us
FROM commission.withdrawal_status ORDER BY withdrawal;

-- each state has its ways on, and no other (R23)
SET ROLE regress_commission_operator;
SELECT commission.pay_withdrawal(7, 'PP-1');
SELECT commission.approve_withdrawal(7), commission.approve_withdrawal(9);
SELECT commission.approve_withdrawal(7);
SELECT commission.fail_withdrawal(7, 'lost');
SELECT commission.reject_withdrawal(8, NULL);
SELECT commission.reject_withdrawal(8, '');
SELECT commission.reject_withdrawal(8, 'not an account of hers');
SELECT commission.cancel_withdrawal(8);
SELECT commission.cancel_withdrawal(999);
SELECT commission.cancel_withdrawal(NULL);
SELECT account, withdrawal, state, amount, reason
FROM commission.withdrawal_status ORDER BY withdrawal;

-- what is approved is paid in batches, each withdrawal in one of them (R25)
SELECT commission.open_payout_batch('bank');
SELECT commission.open_payout_batch(NULL);
SELECT commission.open_payout_batch() AS batch \gset
SELECT commission.open_payout_batch();
SELECT commission.payout_batch_json(:batch) #>> '{sender_batch_header,sender_batch_id}' AS key \gset
SELECT replace(jsonb_pretty(commission.payout_batch_json(:batch)), :'key', 'commission-(uuid)');
SELECT replace(commission.payout_batch_csv(:batch), E'\r', '') AS csv;
SELECT commission.payout_batch_json(999);
SELECT commission.payout_batch_csv(999);
SELECT commission.payout_batch_json(NULL);

-- its transfer may be under way: it cannot be taken back
SELECT commission.cancel_withdrawal(7);
SELECT commission.reject_withdrawal(7, 'too late');

-- PayPal's answer; one withdrawal is pending
SELECT * FROM commission.import_payout_result(:batch, format('{
	"batch_header": {"sender_batch_header": {"sender_batch_id": "%s"}},
	"items": [
		{"transaction_id": "8AELMXH8UB2P8", "transaction_status": "SUCCESS",
		 "payout_item": {"sender_item_id": "commission-withdrawal-9",
						 "amount": {"value": "90.00", "currency": "USD"}}},
		{"payout_item_id": "VHBFGN95AWV82", "transaction_status": "PENDING",
		 "payout_item": {"sender_item_id": "commission-withdrawal-7"}}]}', :'key')::jsonb);

-- sent again, the batch has what is not settled, under the same keys; a bank
-- would pay that again
SELECT jsonb_path_query_array(commission.payout_batch_json(:batch), '$.items.sender_item_id') AS items,
	commission.payout_batch_json(:batch) #>> '{sender_batch_header,sender_batch_id}' = :'key' AS same_key;
SELECT replace(commission.payout_batch_csv(:batch), E'\r', '') AS csv;

-- a later answer; what is settled stays as it is
SELECT * FROM commission.import_payout_result(:batch, '{"items": [
	{"transaction_id": "8AELMXH8UB2P8", "transaction_status": "SUCCESS",
	 "payout_item": {"sender_item_id": "commission-withdrawal-9"}},
	{"payout_item_id": "VHBFGN95AWV82", "transaction_status": "FAILED",
	 "payout_item": {"sender_item_id": "commission-withdrawal-7"},
	 "errors": {"name": "RECEIVER_UNREGISTERED", "message": "No such account."}}]}');
SELECT * FROM commission.import_payout_result(:batch, '{"items": [
	{"transaction_id": "8AELMXH8UB2P8", "transaction_status": "REFUNDED",
	 "payout_item": {"sender_item_id": "commission-withdrawal-9"}}]}');
SELECT * FROM commission.import_payout_result(:batch, '{"items": [
	{"transaction_id": "5AELMXH8UB2P9", "transaction_status": "SUCCESS",
	 "payout_item": {"sender_item_id": "commission-withdrawal-7"}}]}');

-- an answer of another shape, or to something else
SELECT * FROM commission.import_payout_result(:batch, '{}');
SELECT * FROM commission.import_payout_result(:batch, '{"items": [[]]}');
SELECT * FROM commission.import_payout_result(:batch, '{"items": [
	{"transaction_status": "SUCCESS", "transaction_id": "T",
	 "payout_item": {"sender_item_id": "commission-withdrawal-8"}}]}');
\set VERBOSITY terse
SELECT * FROM commission.import_payout_result(:batch, '{
	"batch_header": {"sender_batch_header": {"sender_batch_id": "Christmas"}},
	"items": []}');
\set VERBOSITY default
SELECT * FROM commission.import_payout_result(:batch, NULL);
SELECT * FROM commission.import_payout_result(999, '{"items": []}');

-- who did what, when
SET ROLE regress_commission_reader;
SELECT withdrawal, from_state, to_state, changed_by = session_user AS by_us,
	changed_at <= now() AS by_now
FROM commission.withdrawal_history ORDER BY event_id;

-- a refund when the money is gone leaves a debt, which blocks withdrawals
SET ROLE regress_commission_operator;
SELECT commission.reverse_generation('shopping', reason => 'chargeback');
SELECT account, balance, available, held, in_withdrawal, withdrawn
FROM commission.balance WHERE account = 'olga';
SELECT commission.request_withdrawal('olga');

-- a closed account has what it has
SELECT commission.close_account('maria');
SELECT commission.request_withdrawal('maria', 6004, 'wise', 'maria') AS closed \gset
SELECT account, balance, available, held, in_withdrawal, withdrawn
FROM commission.balance WHERE account = 'maria';
SELECT commission.approve_withdrawal(:closed);
SELECT commission.open_payout_batch('wise') AS wise \gset
SELECT replace(commission.payout_batch_csv(:wise), E'\r', '') AS csv;
SELECT commission.payout_batch_json(:wise);
SELECT commission.pay_withdrawal(:closed, 'W-1');

-- at any time past: by the time of the sales (R22)
SET ROLE regress_commission_reader;
SELECT at, commission.balance_at('maria', at)
FROM (VALUES ('2024-01-10 11:59:59.999999+00'::timestamptz),
	  ('2024-01-10 12:00+00'), ('2024-02-01 00:00+00'),
	  ('2024-02-28 00:00+00'), ('infinity'), ('-infinity'), (NULL)) AS past (at);
SELECT commission.balance_at('mario', now());

-- the statement of a month
SELECT * FROM commission.statement('maria', '2024-02-01', '2024-02-28');
SELECT what, source, amount, balance
FROM commission.statement('maria', NULL, NULL);
SELECT what, source, amount, balance
FROM commission.statement('olga', '2024-02-12', NULL);
SELECT count(*) FROM commission.statement('maria', '2024-02-28', '2024-02-01');
SELECT count(*) FROM commission.statement('mario', NULL, NULL);
SELECT * FROM commission.audit();

-- not even the owner of the tables can change them (R18, R23)
RESET ROLE;
UPDATE commission.withdrawal SET state = 'requested' WHERE event_id = 9;
UPDATE commission.withdrawal SET amount = 1 WHERE event_id = 9;
UPDATE commission.withdrawal SET batch_id = NULL WHERE event_id = 9;
DELETE FROM commission.withdrawal;
UPDATE commission.withdrawal_transition SET changed_by = 'somebody else';
TRUNCATE commission.payout_batch;

-- the owner's UPDATE of a state is a transition like any other
SET commission.minimum_payout = 0;
SELECT commission.request_withdrawal('pia', method => 'bank') AS typed \gset
\set VERBOSITY terse
UPDATE commission.withdrawal SET state = 'rejected' WHERE event_id = :typed;
\set VERBOSITY default
UPDATE commission.withdrawal SET state = 'rejected', reason = 'typed'
WHERE event_id = :typed;
SELECT account, balance, available, held, in_withdrawal, withdrawn
FROM commission.balance WHERE account = 'pia';
SELECT * FROM commission.audit();

-- if triggers do not fire, audit() finds the difference
BEGIN;
SELECT commission.request_withdrawal('pia', method => 'bank') AS silent \gset
SET LOCAL session_replication_role = replica;
UPDATE commission.withdrawal SET state = 'paid' WHERE event_id = :silent;
ROLLBACK;
BEGIN;
SELECT commission.request_withdrawal('pia', method => 'bank') AS silent \gset
SET LOCAL session_replication_role = replica;
UPDATE commission.withdrawal SET state = 'cancelled' WHERE event_id = :silent;
SELECT problem, detail FROM commission.audit();
ROLLBACK;

DROP EXTENSION commission;
DROP OWNED BY regress_commission_operator, regress_commission_reader,
	regress_commission_writer;
DROP ROLE regress_commission_operator, regress_commission_reader,
	regress_commission_writer;

/*
 * holds.sql
 *		An account that is held keeps earning and withdraws nothing, by no road
 *		(R46); and a change of its payout address pauses its payouts.
 */
SET timezone = 'UTC';
\set SHOW_CONTEXT never

SELECT commission.register_account('maria', 'maria@example.com'),
	commission.register_account('olga', 'olga@example.com'),
	commission.refer('brand', 'maria', 'brand', '2024-01-01'),
	commission.refer('shop', 'olga', 'brand', '2024-01-01');
SELECT commission.register_listing('portrait', 'pia', 'avatar', 100);
CREATE FUNCTION sell(sale text, buyer text) RETURNS boolean LANGUAGE sql
RETURN commission.record_generation(sale, buyer, 'portrait',
	model_price => 100000, api_cost => 20, occurred_at => '2024-02-01') > 0;
SELECT sell('first', 'brand'), sell('shopping', 'shop');
SELECT commission.request_withdrawal('maria', 6000) AS requested,
	commission.request_withdrawal('maria', 7000) AS approved,
	commission.request_withdrawal('maria', 8000) AS sent,
	commission.request_withdrawal('olga', 9000) AS olga \gset
SELECT commission.approve_withdrawal(:sent), commission.approve_withdrawal(:olga);
SELECT commission.open_payout_batch() AS batch \gset
SELECT commission.approve_withdrawal(:approved);

-- a hold has a reason and an account
SELECT commission.hold_account('maria', NULL);
SELECT commission.hold_account('maria', '');
SELECT commission.hold_account('maria', repeat('x', 1025));
SELECT commission.hold_account(NULL, 'fraud');
SELECT commission.hold_account('nobody', 'fraud');
SELECT commission.release_account('maria');
SELECT commission.hold_account('maria', 'three accounts, one destination');

-- it keeps earning
SELECT sell('second', 'brand');
SELECT balance, available FROM commission.balance WHERE account = 'maria';
-- it requests nothing
SELECT commission.request_withdrawal('maria', 5000);
-- nothing of it is approved, whoever tries and under whatever snapshot
SELECT commission.approve_withdrawal(:requested);
UPDATE commission.withdrawal SET state = 'approved' WHERE event_id = :requested;
-- nothing of it is put into a batch
SELECT commission.open_payout_batch();
-- what is in a batch stays there, but no export carries it
SELECT account, state FROM commission.payout_item WHERE batch = :batch ORDER BY account;
SELECT jsonb_path_query_array(commission.payout_batch_json(:batch), '$.items[*].receiver');
SELECT commission.payout_batch_csv(:batch) LIKE '%maria%' AS has_maria;
-- if it had been sent, PayPal's answer is taken; a transfer can always be recorded
BEGIN;
SELECT transaction_status, state, changed
FROM commission.import_payout_result(:batch, jsonb_build_object('items', jsonb_build_array(jsonb_build_object(
	'transaction_status', 'SUCCESS', 'transaction_id', 'T-1',
	'payout_item', jsonb_build_object('sender_item_id', 'commission-withdrawal-' || :sent)))));
SELECT commission.pay_withdrawal(:approved, 'T-2');
ROLLBACK;
-- if it was certainly not sent, it can be taken out, and is in no other
BEGIN;
SELECT commission.remove_from_batch(:sent);
SELECT commission.open_payout_batch();
ROLLBACK;
-- its withdrawals can be rejected, and cancelled by itself
BEGIN;
SELECT commission.reject_withdrawal(:requested, 'fraud'), commission.cancel_withdrawal(:approved);
ROLLBACK;

-- a further reason; one release ends them all, and both are kept
SELECT commission.hold_account('maria', 'sign-ups at night');
SELECT account, reason, released_at IS NULL AS in_force, held_by = session_user AS by_me
FROM commission.account_hold ORDER BY hold_id;
SELECT commission.release_account('maria', 'a family of three');
SELECT commission.release_account('maria', 'again');
SELECT account, reason, release_reason, released_at >= held_at AS released, released_by = session_user AS by_me
FROM commission.account_hold ORDER BY hold_id;
-- all goes on from where it was
SELECT jsonb_path_query_array(commission.payout_batch_json(:batch), '$.items[*].receiver');
SELECT commission.approve_withdrawal(:requested);
SELECT commission.open_payout_batch() AS batch \gset
SELECT account, dollars FROM commission.payout_item WHERE batch = :batch ORDER BY withdrawal;
SELECT commission.request_withdrawal('maria', 5000) AS requested \gset
-- the next hold stands by itself
SELECT commission.hold_account('maria', 'once more');
SELECT reason, released_at IS NULL AS in_force FROM commission.account_hold ORDER BY hold_id;
SELECT commission.release_account('maria');

-- a payout address is kept, and shown masked
SELECT commission.set_payout('maria', 'paypal', 'maria@example.com'),
	commission.set_payout('maria', 'paypal', 'maria@example.com');
SELECT commission.set_payout('nobody', 'paypal', 'maria@example.com');
SELECT commission.set_payout('maria', 'paypal', 'maria');
SELECT commission.set_payout('maria', '', 'maria');
SELECT commission.set_payout('maria', 'bank', '');
SELECT commission.set_payout('maria', 'bank', NULL);
SELECT commission.set_payout('maria', NULL, 'x');
SELECT commission.set_payout(NULL, 'bank', 'x');
SELECT commission.set_payout('maria', 'bank', 'x', NULL);
SELECT commission.set_payout('maria', 'bank', repeat('x', 1025));
SELECT commission.set_payout('maria', 'paypal', 'maria@example.com', false);
SELECT commission.set_payout('maria', 'paypal', 'maria@payments.example');
SELECT account, method, destination, automatic, is_other, changed_by = session_user AS by_me
FROM commission.payout_address_history ORDER BY change_id;
-- requests go to it, those of another method do not; what was requested keeps its own
SET commission.minimum_payout = 0;
SELECT commission.request_withdrawal('maria', 5000) AS other \gset
SELECT commission.request_withdrawal('maria', 3000, 'bank') AS bank \gset
SELECT method, destination FROM commission.withdrawal WHERE event_id IN (:requested, :other, :bank) ORDER BY event_id;
SELECT commission.cancel_withdrawal(:other);

-- its change pauses payouts, on every road, for so many days
SET commission.address_pause_days = 7;
SELECT reason, is_obstacle FROM commission.payout_exclusion WHERE account = 'maria';
\set VERBOSITY terse
SELECT commission.request_withdrawal('maria', 1000);
SELECT commission.approve_withdrawal(:requested);
SELECT commission.remove_from_batch(:approved);
SELECT commission.open_payout_batch();
\set VERBOSITY default
-- the first address is no change, and automatic is none of the address
SELECT commission.set_payout('olga', 'paypal', 'olga@example.com'),
	commission.set_payout('olga', 'paypal', 'olga@example.com', false);
SELECT commission.request_withdrawal('olga', 5000) > 0 AS requested;
-- no other destination evades the pause, be it a label
SELECT commission.request_withdrawal('olga', 5000, destination => 'thief@example.com');
SELECT commission.request_withdrawal('pia', 200, 'bank');
-- after the pause all goes on
ALTER TABLE commission.payout_change DISABLE TRIGGER USER;
UPDATE commission.payout_change SET changed_at = changed_at - interval '7 days';
ALTER TABLE commission.payout_change ENABLE ALWAYS TRIGGER payout_change_guard,
	ENABLE ALWAYS TRIGGER payout_change_row_guard, ENABLE TRIGGER payout_change_place;
SELECT commission.approve_withdrawal(:requested);
SELECT commission.open_payout_batch() > 0 AS opened;

SELECT * FROM commission.audit();
DROP FUNCTION sell;
DROP EXTENSION commission;

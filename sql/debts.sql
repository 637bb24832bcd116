/*
 * debts.sql
 *		What may not leave: money of an account that is below zero, money that
 *		is held, and what a payout batch gives back (R24, R25, R39).
 */
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
\set SHOW_CONTEXT never

SELECT commission.register_account('maria', 'maria@example.com'),
	commission.register_account('olga', 'olga@example.com'),
	commission.refer('brand', 'maria', 'brand', '2024-01-01'),
	commission.refer('shop', 'olga', 'brand', '2024-01-01');
SELECT commission.register_listing('portrait', 'pia', 'avatar', 100);
SELECT count(commission.record_generation(sale, buyer, 'portrait',
	model_price => price, api_cost => 20, occurred_at => '2024-02-01'))
FROM (VALUES ('first', 'brand', 20000), ('second', 'brand', 20000),
	  ('shopping', 'shop', 30000)) AS s (sale, buyer, price);

-- a refund after the request takes the balance below zero: the withdrawal is
-- not approved, whoever tries (R39)
SELECT commission.request_withdrawal('maria', 7000) AS seven,
	commission.request_withdrawal('maria', 5000) AS five,
	commission.request_withdrawal('olga', 9000) AS olga \gset
SELECT commission.approve_withdrawal(:five);
SELECT commission.reverse_generation('first', 10060, 'half of it') > 0 AS refunded;
SELECT balance FROM commission.balance WHERE account = 'maria';
SELECT commission.approve_withdrawal(:seven);
UPDATE commission.withdrawal SET state = 'approved' WHERE event_id = :seven;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT commission.approve_withdrawal(:seven);
ROLLBACK;

-- one that was approved before is in no batch; others are
SELECT commission.approve_withdrawal(:olga);
SELECT commission.open_payout_batch() AS batch \gset
SELECT account, state FROM commission.payout_item WHERE batch = :batch;
SELECT commission.open_payout_batch();

-- that a transfer was made can be recorded, whatever the balance
BEGIN;
SELECT commission.pay_withdrawal(:five, 'T');
ROLLBACK;

-- rejecting one covers the other, and so do earnings
BEGIN;
SELECT commission.reject_withdrawal(:five, 'your customer was refunded');
SELECT commission.approve_withdrawal(:seven);
ROLLBACK;
SELECT commission.record_generation('third', 'brand', 'portrait',
	model_price => 20000, api_cost => 20, occurred_at => '2024-02-02') > 0 AS recorded;
SELECT commission.approve_withdrawal(:seven);
SELECT commission.open_payout_batch() AS batch \gset
SELECT account, dollars, state FROM commission.payout_item WHERE batch = :batch
ORDER BY withdrawal;

-- what was never sent is taken out of its batch, and is approved as before
SELECT commission.remove_from_batch(:five);
SELECT commission.remove_from_batch(:five);
SELECT commission.remove_from_batch(999);
SELECT commission.remove_from_batch(NULL);
SELECT commission.cancel_withdrawal(:five);
SELECT from_state, to_state FROM commission.withdrawal_history
WHERE withdrawal = :five ORDER BY event_id;
SELECT commission.cancel_payout_batch(:batch);
SELECT count(*) FROM commission.payout_item WHERE batch = :batch;
SELECT commission.open_payout_batch() > :batch AS another;

-- but not once its transfer was tried
SELECT max(batch) AS batch FROM commission.payout_item WHERE account = 'maria' \gset
SELECT commission.mark_withdrawal_unknown(:seven);
\set VERBOSITY terse
SELECT commission.remove_from_batch(:seven);
SELECT commission.cancel_payout_batch(:batch);
\set VERBOSITY default
SELECT commission.cancel_payout_batch(999);
SELECT commission.cancel_payout_batch(NULL);
SELECT commission.pay_withdrawal(:seven, 'T-7');
SELECT * FROM commission.audit();

-- a closed account withdraws less than the minimum, but nothing of nothing
SELECT available FROM commission.balance WHERE account = 'pia';
SELECT commission.request_withdrawal('pia', method => 'bank');
SELECT commission.close_account('pia');
SELECT commission.request_withdrawal('pia', 0, 'bank');
SELECT commission.request_withdrawal('pia', method => 'bank') > 0 AS requested;
SELECT commission.request_withdrawal('pia', method => 'bank');
SELECT commission.reopen_account('pia');

-- of an account with old and young earnings, the young ones alone are held (R24);
-- a refund of an old sale is never held, that of a young one lessens what is
SET commission.hold_days = 30;
SET commission.minimum_payout = 0;
SELECT commission.refer('boutique', 'rosa', 'brand', '2024-01-01');
SELECT count(commission.record_generation(sale, 'boutique', 'portrait',
	model_price => 1020, api_cost => 20, occurred_at => at))
FROM (VALUES ('old', '2024-02-01'::timestamptz), ('young', now())) AS s (sale, at);
SELECT balance, available, held FROM commission.balance WHERE account = 'rosa';
SELECT commission.request_withdrawal('rosa', 307, 'bank');
SELECT commission.reverse_generation('old', 570) > 0 AS refunded;
SELECT balance, available, held FROM commission.balance WHERE account = 'rosa';
SELECT commission.reverse_generation('young', 570) > 0 AS refunded;
SELECT balance, available, held FROM commission.balance WHERE account = 'rosa';
SELECT commission.request_withdrawal('rosa', 154, 'bank');
SELECT commission.request_withdrawal('rosa', 153, 'bank') > 0 AS requested;
SELECT * FROM commission.audit();
-- to the microsecond
BEGIN;
SELECT commission.refer('fair', 'rita', 'brand', '2024-01-01');
SELECT count(commission.record_generation('at ' || at, 'fair', 'portrait', model_price => 1020, api_cost => 20, occurred_at => at))
FROM unnest(ARRAY[now() - interval '720 hours', now() - interval '720 hours' + interval '1 microsecond']) AS at;
SELECT balance, available, held FROM commission.balance WHERE account = 'rita';
ROLLBACK;

-- the trigger that gives credits back does so for withdrawals only
CREATE TEMPORARY TABLE forged AS SELECT * FROM commission.withdrawal;
CREATE TRIGGER follow AFTER UPDATE ON forged
	FOR EACH ROW EXECUTE FUNCTION commission_internal.follow_withdrawal();
UPDATE forged SET state = 'cancelled';

DROP TABLE forged;
DROP EXTENSION commission;

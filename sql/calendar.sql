/*
 * calendar.sql
 *		Payouts by the calendar: a request for each account that may and wants,
 *		and why the others are left out.
 */
SET timezone = 'UTC';
\set SHOW_CONTEXT never

SELECT count(commission.register_account(name, name || '@example.com')),
	count(commission.refer('buys from ' || name, name, 'brand', '2024-01-01'))
FROM unnest('{maria,bank,held,red,moved,homeless,manual,poor,closed,nothing}'::text[]) AS n (name);
SELECT commission.register_listing('portrait', 'pia', 'avatar', 100);
SELECT count(commission.record_generation('sale of ' || name, 'buys from ' || name, 'portrait',
	model_price => price, api_cost => 20, occurred_at => '2024-02-01'))
FROM (VALUES ('maria', 20000), ('bank', 30000), ('held', 20000), ('red', 20000), ('moved', 20000),
	('homeless', 20000), ('manual', 20000), ('poor', 10000), ('closed', 10000)) AS s (name, price);
SELECT count(commission.set_payout(name, 'paypal', name || '@example.com', name <> 'manual'))
FROM unnest('{maria,held,red,moved,manual,poor,closed,nothing}'::text[]) AS n (name);
SELECT commission.set_payout('bank', 'bank', 'DE02120300000000202051');
SELECT commission.hold_account('held', 'to be looked at'), commission.close_account('closed'),
	commission.set_payout('moved', 'paypal', 'elsewhere@example.com');
SELECT commission.request_withdrawal('red') > 0 AS requested,
	commission.reverse_generation('sale of red', 10060) > 0 AS refunded;
SET commission.address_pause_days = 3;

-- who is left out can be asked why
SELECT account, reason, is_obstacle, regexp_replace(detail, ' until .*', ' until ...') AS detail
FROM commission.payout_exclusion ORDER BY account, reason;

-- one request for each of the others, of all that it has, to its address; in a transaction, too
BEGIN;
CALL commission.schedule_withdrawals('wise');
SELECT count(*) FROM commission.withdrawal_status WHERE account <> 'red';
CALL commission.schedule_withdrawals('bank');
SELECT account, amount, method FROM commission.withdrawal_status WHERE account <> 'red' ORDER BY account;
ROLLBACK;
CALL commission.schedule_withdrawals();
CALL commission.schedule_withdrawals();
SELECT a.name, w.state, w.amount, w.method, w.destination
FROM commission.withdrawal AS w JOIN commission.account AS a USING (account_id)
WHERE a.name <> 'red' ORDER BY a.name;
SELECT account, available FROM commission.balance WHERE account IN ('maria', 'bank', 'closed') ORDER BY account;
SELECT account, reason FROM commission.payout_exclusion WHERE account IN ('maria', 'bank', 'closed') ORDER BY account;

-- who was left out is paid once the reason is gone
SELECT commission.release_account('held'), commission.set_payout('homeless', 'paypal', 'h@example.com');
SET commission.address_pause_days = 0;
SET commission.minimum_payout = 3000;
CALL commission.schedule_withdrawals('paypal');
SELECT account, amount, destination FROM commission.withdrawal_status
WHERE account NOT IN ('red', 'maria', 'bank', 'closed') ORDER BY account;
SELECT account, reason FROM commission.payout_exclusion
WHERE account IN ('held', 'moved', 'homeless', 'poor', 'red') ORDER BY account, reason;
-- under hold_days what is held back is not paid
SET commission.hold_days = 30;
SELECT commission.record_generation('young', 'buys from maria', 'portrait',
	model_price => 20000, api_cost => 20) > 0 AS recorded;
CALL commission.schedule_withdrawals();
SELECT reason, detail FROM commission.payout_exclusion WHERE account = 'maria';

SELECT * FROM commission.audit();
DROP EXTENSION commission;

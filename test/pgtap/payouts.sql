/*
 * payouts.sql
 *		Payout batches: what leaves in them, in which shape, and what answers
 *		are taken for (R25).
 */
BEGIN;
SELECT plan(163);
SET LOCAL commission.minimum_payout = 0;
SET LOCAL client_min_messages = error;

CREATE TEMPORARY TABLE payee (n serial, account text, destination text,
							  amount bigint, cell text, dollars text);
INSERT INTO payee (account, destination, amount, cell, dollars) VALUES
	('plain',		'a@b.example',				5000,	'a@b.example', '50.00'),
	('quote',		'say "hi"',					1,		'"say ""hi"""', '0.01'),
	('comma',		'Lopez, Maria',				10,		'"Lopez, Maria"', '0.10'),
	('newline',		E'one\ntwo',				99,		E'"one\ntwo"', '0.99'),
	('crlf',		E'one\r\ntwo',				100,	E'"one\r\ntwo"', '1.00'),
	('equals',		'=cmd|''/C calc''!A0',		101,	'''=cmd|''/C calc''!A0', '1.01'),
	('plus',		'+49 30 123',				1999,	'''+49 30 123', '19.99'),
	('minus',		'-2+3',						123456,	'''-2+3', '1234.56'),
	('at',			'@SUM(1,2)',				7,		'"''@SUM(1,2)"', '0.07'),
	('tab',			E'\t=1',					8,		E'''\t=1', '0.08'),
	('cr',			E'\r=1',					9,		E'"''\r=1"', '0.09'),
	('lf',			E'\n=1',					11,		E'"''\n=1"', '0.11'),
	('quoted formula', '="a"',					12,		'"''=""a"""', '0.12'),
	('unicode',		'Þórdís 田中 🜚',			13,		'Þórdís 田中 🜚', '0.13'),
	('blank',		' ',						14,		' ', '0.14'),
	('backslash',	'a\"b',						15,		'"a\""b"', '0.15'),
	('rich',		'rich',						1000000000000000, 'rich',
	 '10000000000000.00');

SELECT commission.register_listing('of ' || account, account, 'avatar', 100)
FROM payee;
SELECT count(commission.record_generation('by ' || account, 'brand',
	'of ' || account, model_price => 0, api_cost => 0,
	avatar_pool => amount, avatar_surcharge => amount,
	occurred_at => '2024-02-01'))
FROM payee;

/* The CSV of a bank's batch, cell by cell, and as a whole. */
CREATE TEMPORARY TABLE transfer AS
	SELECT p.*, commission.request_withdrawal(account, amount, 'bank',
											  destination) AS id
	FROM (SELECT * FROM payee ORDER BY n) AS p;
SELECT commission.approve_withdrawal(id) FROM transfer;
SELECT commission.open_payout_batch('bank') AS bank \gset
CREATE TEMPORARY TABLE exported AS
	SELECT commission.payout_batch_csv(:bank) AS csv;
SELECT ok(strpos(csv, format(E'\r\ncommission-withdrawal-%s,%s,%s,%s,USD\r\n', id,
							 account, cell, dollars)) > 0,
		  'CSV: ' || account)
FROM transfer, exported ORDER BY n;
SELECT is(csv, E'sender_item_id,account,receiver,amount,currency\r\n'
		  || (SELECT string_agg(format(E'commission-withdrawal-%s,%s,%s,%s,USD\r\n',
									   id, account, cell, dollars), '' ORDER BY id)
			  FROM transfer),
		  'CSV: nothing else') FROM exported;
SELECT throws_ok(format('SELECT commission.payout_batch_json(%s)', :bank), '22023',
				 NULL, 'a bank''s batch is not PayPal''s');
SELECT commission.cancel_payout_batch(:bank);
SELECT commission.cancel_withdrawal(id) FROM transfer;
SELECT is(commission.payout_batch_csv(:bank),
		  E'sender_item_id,account,receiver,amount,currency\r\n',
		  'a cancelled batch is empty');

/* What PayPal can pay, and what it calls it. */
CREATE TEMPORARY TABLE receiver (destination text, type text);
INSERT INTO receiver VALUES
	('maria.lopez+pay@mail.example.com', 'EMAIL'), ('o''hara@x-y.example', 'EMAIL'),
	(repeat('a', 115) || '@example.com', 'EMAIL'), ('1@2.example', 'EMAIL'),
	(repeat('a', 116) || '@example.com', NULL), ('maria', NULL), ('maria@', NULL),
	('@example.com', NULL), ('maria@example', NULL), ('maria@@example.com', NULL),
	('maria@example..com', NULL), ('maria@-example.com', NULL),
	('.maria@example.com', NULL), ('maria.@example.com', NULL),
	('maria lopez@example.com', NULL), (E'maria@example.com\n', NULL),
	('maria@example.com,olga@example.com', NULL), ('Maria <maria@example.com>', NULL),
	('maría@example.com', NULL), ('maria@192.0.2.1', NULL),
	('+49 30 1234567', 'PHONE'), ('91-734-234-1234', 'PHONE'), ('4087811638', 'PHONE'),
	('+1234567890123456', NULL), ('123456', NULL), ('+49  30 1234567', NULL),
	('+49 (30) 1234567', NULL), ('49+301234567', NULL), ('phone', NULL),
	('G83JXTJ5EHCQ2', 'PAYPAL_ID'), ('g83jxtj5ehcq2', NULL), ('G83JXTJ5EHCQ', NULL),
	('G83JXTJ5EHCQ22', NULL), ('O83JXTJ5EHCQ2', NULL), (' ', NULL), ('-', NULL);
SELECT is(commission_internal.paypal_recipient_type(destination), type,
		  'PayPal: ' || left(destination, 40)) FROM receiver;
SELECT throws_ok(format('SELECT commission.request_withdrawal(''plain'', 1, ''paypal'', %L)',
						destination), '22023',
				 'PayPal cannot pay the destination of account "plain"',
				 'not by PayPal: ' || left(destination, 40))
FROM receiver WHERE type IS NULL;

/* The JSON of PayPal's. */
CREATE TEMPORARY TABLE withdrawal AS
	SELECT p.n, p.account, p.amount, p.dollars, r.destination, r.type,
		commission.request_withdrawal(account, amount, 'paypal', r.destination) AS id
	FROM (SELECT * FROM payee ORDER BY n) AS p
	CROSS JOIN LATERAL (
		SELECT r.* FROM receiver AS r WHERE r.type IS NOT NULL
		ORDER BY r.destination OFFSET p.n % 8 LIMIT 1) AS r;
SELECT commission.approve_withdrawal(id) FROM withdrawal WHERE account <> 'blank';
SELECT commission.open_payout_batch() AS batch \gset
SELECT is(item, jsonb_build_object('recipient_type', type,
		'amount', jsonb_build_object('value', dollars, 'currency', 'USD'),
		'receiver', destination, 'note', 'Withdrawal ' || id,
		'sender_item_id', 'commission-withdrawal-' || id),
		  'JSON: ' || account)
FROM (SELECT *, row_number() OVER (ORDER BY id) AS position
	  FROM withdrawal WHERE account <> 'blank') AS w
JOIN jsonb_array_elements(commission.payout_batch_json(:batch) -> 'items')
	WITH ORDINALITY AS i (item, position) USING (position);
SELECT is(commission.payout_batch_json(:batch) -> 'sender_batch_header',
		  jsonb_build_object('sender_batch_id', sender_batch_id,
							 'email_subject', 'You have a payout'), 'JSON: header')
FROM commission.payout_batch WHERE batch_id = :batch;
SELECT matches(sender_batch_id, '^commission-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',
			   'sender_batch_id is random, so that no two databases share one')
FROM commission.payout_batch WHERE batch_id = :batch;
SELECT is(commission.payout_batch_json(:batch), commission.payout_batch_json(:batch),
		  'exported again, the same');
SELECT is((SELECT string_agg(key, ', ' ORDER BY key)
		   FROM jsonb_object_keys(commission.payout_batch_json(:batch)) AS key),
		  'items, sender_batch_header', 'JSON: nothing else');

/* What came later is in another batch. */
SELECT is(commission.open_payout_batch(), NULL, 'nothing is left to gather');
SELECT commission.approve_withdrawal(id) FROM withdrawal WHERE account = 'blank';
SELECT is(jsonb_array_length(commission.payout_batch_json(commission.open_payout_batch()) -> 'items'),
		  1, 'what is approved later goes into the next');
SELECT is((SELECT count(DISTINCT batch) FROM commission.payout_item), 2::bigint,
		  'two batches');

/* Each status, from approved and then once more. */
CREATE FUNCTION pg_temp.answer(batch bigint, id bigint, status text)
	RETURNS text LANGUAGE sql AS $$
	SELECT format('%s %s', r.state, r.changed)
	FROM commission.import_payout_result(batch, jsonb_build_object('items',
		jsonb_build_array(jsonb_build_object(
			'transaction_id', 'T' || id, 'transaction_status', status,
			'payout_item', jsonb_build_object('sender_item_id',
				'commission-withdrawal-' || id))))) AS r
$$;
CREATE TEMPORARY TABLE answered (account text, status text, state text);
INSERT INTO answered VALUES
	('plain', 'SUCCESS', 'paid'), ('quote', 'FAILED', 'failed'),
	('comma', 'PENDING', 'unknown'), ('newline', 'UNCLAIMED', 'unknown'),
	('crlf', 'RETURNED', 'failed'), ('equals', 'ONHOLD', 'unknown'),
	('plus', 'BLOCKED', 'failed'), ('minus', 'REFUNDED', 'failed'),
	('at', 'REVERSED', 'failed'), ('tab', 'success', 'unknown');
SELECT is(pg_temp.answer(:batch, id, status), state || ' t', status)
FROM answered JOIN withdrawal USING (account);
SELECT is((SELECT count(*) FROM answered JOIN withdrawal USING (account)
		   WHERE pg_temp.answer(:batch, id, status) <> state || ' f'), 0::bigint,
		  'the same answer again changes nothing');
SELECT is(pg_temp.answer(:batch, id, 'SUCCESS'), 'paid t', 'unknown, then SUCCESS')
FROM withdrawal WHERE account = 'comma';
SELECT is(pg_temp.answer(:batch, id, 'RETURNED'), 'failed t', 'unclaimed, then RETURNED')
FROM withdrawal WHERE account = 'newline';
SELECT is(pg_temp.answer(:batch, id, 'FAILED'), 'paid f', 'what is paid stays paid')
FROM withdrawal WHERE account = 'plain';
SELECT is(pg_temp.answer(:batch, id, 'SUCCESS'), 'failed f', 'what failed stays failed')
FROM withdrawal WHERE account = 'quote';
SELECT is((SELECT transfer FROM commission.withdrawal WHERE event_id = id), 'T' || id,
		  'the transfer is kept') FROM withdrawal WHERE account = 'plain';
SELECT is((SELECT reason FROM commission.withdrawal WHERE event_id = id), status,
		  'the status is the reason where PayPal gives none: ' || status)
FROM answered JOIN withdrawal USING (account) WHERE answered.state = 'failed';
SELECT results_eq($$SELECT balance, in_withdrawal, withdrawn FROM commission.balance
				  WHERE account IN ('plain', 'quote', 'newline') ORDER BY account$$,
				  'VALUES (99::bigint, 0::bigint, 0::bigint), (0, 0, 5000), (1, 0, 0)',
				  'the balances agree');

/* An answer of another amount or currency than was sent is not taken. */
SELECT throws_ok(format('SELECT * FROM commission.import_payout_result(%s, %L)', :batch,
						jsonb_build_object('items', jsonb_build_array(jsonb_build_object(
							'transaction_id', 'T', 'transaction_status', 'SUCCESS',
							'payout_item', jsonb_build_object('amount', answer,
								'sender_item_id', 'commission-withdrawal-' || id))))),
				 '22023', 'invalid payout result', 'another amount: ' || answer::text)
FROM withdrawal, unnest(ARRAY['{"value": "1.02", "currency": "USD"}',
	'{"value": "1.01", "currency": "EUR"}', '{"value": "1.01"}', '{"currency": "USD"}',
	'{"value": "", "currency": "USD"}', '{"value": "1,01", "currency": "USD"}',
	'{"value": "-1.01", "currency": "USD"}', '{"value": "NaN", "currency": "USD"}',
	'{"value": ["1.01"], "currency": "USD"}', '"1.01"', '1.01', 'null', '[]']::jsonb[]) AS answer
WHERE account = 'equals';
SELECT is(r.state, 'paid', 'the amount that was sent')
FROM withdrawal, commission.import_payout_result(:batch, jsonb_build_object(
	'items', jsonb_build_array(jsonb_build_object(
		'transaction_id', 'T', 'transaction_status', 'SUCCESS',
		'payout_item', jsonb_build_object('sender_item_id', 'commission-withdrawal-' || id,
			'amount', '{"value": "1.010", "currency": "USD"}'::jsonb))))) AS r
WHERE account = 'equals';

/* PayPal forgets a sender_batch_id after 30 days: no more sending then. */
ALTER TABLE commission.payout_batch DISABLE TRIGGER USER;
UPDATE commission.payout_batch SET opened_at = now() - interval '29 days' WHERE batch_id = :batch;
SELECT lives_ok(format('SELECT commission.payout_batch_json(%s)', :batch), 'after 29 days');
UPDATE commission.payout_batch SET opened_at = opened_at - interval '1 second' WHERE batch_id = :batch;
SELECT throws_ok(format('SELECT commission.payout_batch_json(%s)', :batch), '55000',
				 format('payout batch %s is too old to be sent', :batch), 'and no longer');
SELECT is(pg_temp.answer(:batch, id, 'SUCCESS'), 'paid t', 'its answer is still taken')
FROM withdrawal WHERE account = 'tab';
ALTER TABLE commission.payout_batch ENABLE ALWAYS TRIGGER payout_batch_guard,
	ENABLE ALWAYS TRIGGER payout_batch_row_guard,
	ENABLE TRIGGER payout_batch_place;

/* Odd answers. */
SELECT throws_ok(format('SELECT * FROM commission.import_payout_result(%s, %L)',
						:batch, answer), '22023', 'invalid payout result',
				 'odd: ' || left(answer, 60))
FROM unnest(ARRAY['null', '1', '"items"', '[]', '{"items": null}',
	'{"items": {}}', '{"items": [1]}', '{"items": [null]}', '{"items": [{}]}',
	'{"items": [{"payout_item": [], "transaction_status": "SUCCESS"}]}',
	'{"items": [{"payout_item": {"sender_item_id": 5}, "transaction_status": "SUCCESS"}]}',
	'{"items": [{"payout_item": {"sender_item_id": "x"}, "transaction_status": ["SUCCESS"]}]}',
	'{"items": [{"payout_item": {"sender_item_id": "x"}, "transaction_status": "SUCCESS", "transaction_id": "T"}]}',
	'{"items": ' || repeat('[', 3000) || repeat(']', 3000) || '}']) AS answer;
SELECT throws_ok(format('SELECT pg_temp.answer(%s, %s, %L)', :batch, id, 'SUCCESS'),
				 '22023', 'invalid payout result', 'of another batch')
FROM withdrawal WHERE account = 'blank';
SELECT is_empty(format('SELECT * FROM commission.import_payout_result(%s, %L)', :batch,
					   '{"items": []}'), 'an empty page');
SELECT is_empty('SELECT * FROM commission.audit()', 'the books agree');

SELECT * FROM finish();
ROLLBACK;

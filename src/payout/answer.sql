/*
 * answer.sql: what PayPal answers to a payout batch (R25).
 *
 * Locks: the rows of the withdrawals, in their order.
 */

CREATE FUNCTION commission_internal.json_string(value jsonb,
												VARIADIC path text[])
	RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE jsonb_typeof(value #> path)
	WHEN 'string' THEN nullif(value #>> path, '')
END;
COMMENT ON FUNCTION commission_internal.json_string(jsonb, text[]) IS
	'the string at a path; NULL if there is nothing, an empty string or another type';

CREATE FUNCTION commission_internal.is_amount(amount jsonb, dollars text)
	RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN amount ->> 'currency' IS NOT DISTINCT FROM 'USD'
	AND CASE WHEN amount ->> 'value' ~ '^[0-9]{1,20}(\.[0-9]{1,6})?$'
		THEN (amount ->> 'value')::numeric = dollars::numeric ELSE false END;
COMMENT ON FUNCTION commission_internal.is_amount(jsonb, text) IS
	'whether PayPal''s amount is that many US dollars; NULL for NULL';

CREATE FUNCTION commission_internal.payout_answer(
	known commission.payout_batch, result jsonb)
	RETURNS TABLE (withdrawal bigint, status text, outcome commission.withdrawal_state,
				   transfer text, reason text, problem text)
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH item AS (
		SELECT e.position, e.item #> '{payout_item,amount}' AS amount,
			commission_internal.json_string(e.item, 'payout_item', 'sender_item_id') AS key,
			commission_internal.json_string(e.item, 'transaction_status') AS status,
			coalesce(commission_internal.json_string(e.item, 'transaction_id'),
					 commission_internal.json_string(e.item, 'payout_item_id')) AS transfer,
			coalesce(nullif(concat_ws(': ',
				commission_internal.json_string(e.item, 'errors', 'name'),
				commission_internal.json_string(e.item, 'errors', 'message')), ''),
				commission_internal.json_string(e.item, 'transaction_status')) AS reason
		FROM jsonb_array_elements(CASE jsonb_typeof(payout_answer.result -> 'items')
			WHEN 'array' THEN payout_answer.result -> 'items' ELSE '[]' END)
			WITH ORDINALITY AS e (item, position)
	), batch AS (
		SELECT commission_internal.json_string(payout_answer.result,
			'batch_header', 'sender_batch_header', 'sender_batch_id') AS key
	)
	SELECT NULL, NULL, NULL, NULL, NULL, p.problem
	FROM batch AS b
	CROSS JOIN LATERAL (SELECT CASE
		WHEN jsonb_typeof(payout_answer.result -> 'items') IS DISTINCT FROM 'array'
		THEN 'It has no array "items".'
		WHEN b.key <> (payout_answer.known).sender_batch_id
		THEN format('It is of batch "%s"; this one is "%s".',
			b.key, (payout_answer.known).sender_batch_id) END AS problem) AS p
	WHERE p.problem IS NOT NULL
	UNION ALL
	(SELECT i.withdrawal, a.status, CASE
			WHEN a.status = 'SUCCESS' THEN 'paid'
			WHEN a.status IN ('FAILED', 'RETURNED', 'REVERSED', 'REFUNDED', 'BLOCKED')
			THEN 'failed'
			ELSE 'unknown'
		END::commission.withdrawal_state, a.transfer, a.reason, CASE
			WHEN a.key IS NULL OR a.status IS NULL
			THEN 'An item has no payout_item.sender_item_id or no transaction_status.'
			WHEN i.withdrawal IS NULL
			THEN format('Item "%s" is not of this batch.', a.key)
			WHEN a.transfer IS NULL
			THEN format('Item "%s" has no transaction_id and no payout_item_id.', a.key)
			WHEN NOT commission_internal.is_amount(a.amount, i.dollars)
			THEN format('Item "%s" is of %s %s; %s USD were sent.', a.key,
				a.amount ->> 'value', a.amount ->> 'currency', i.dollars)
		END
	FROM item AS a
	LEFT JOIN commission.payout_item AS i
		ON i.batch = (payout_answer.known).batch_id AND i.sender_item_id = a.key
	ORDER BY i.withdrawal, a.position);
END;
COMMENT ON FUNCTION commission_internal.payout_answer(commission.payout_batch, jsonb) IS
	'a row for each item of PayPal''s answer to a batch, in the order of withdrawals: what it makes of the withdrawal, or the problem for which the answer cannot be taken';

CREATE FUNCTION commission.import_payout_result(batch bigint, result jsonb)
	RETURNS TABLE (withdrawal bigint, transaction_status text,
				   state commission.withdrawal_state, changed boolean)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	item record;
	before commission.withdrawal_state;
BEGIN
	PERFORM commission_internal.required(result, 'result');
	FOR item IN
		SELECT a.* FROM commission_internal.known_batch(batch, 'paypal') AS b,
			commission_internal.payout_answer(b, result) AS a
	LOOP
		IF item.problem IS NOT NULL THEN
			RAISE 'invalid payout result'
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = item.problem,
					HINT = 'Pass PayPal''s answer to GET /v1/payments/payouts/{id} as it is.';
		END IF;
		withdrawal := item.withdrawal;
		transaction_status := item.status;
		before := (commission_internal.lock_withdrawal(item.withdrawal)).state;
		IF before IN ('approved', 'unknown') THEN
			state := item.outcome;
			/* R23: what is approved fails by way of unknown. */
			IF before = 'approved' AND state <> 'paid' THEN
				PERFORM commission_internal.move_withdrawal(withdrawal, 'unknown');
			END IF;
			IF state <> 'unknown' THEN
				PERFORM commission_internal.move_withdrawal(withdrawal, state,
					CASE state WHEN 'failed' THEN item.reason END,
					CASE state WHEN 'paid' THEN item.transfer END);
			END IF;
		ELSE
			state := before;
			IF item.outcome <> before AND 'paid' IN (before, item.outcome) THEN
				RAISE WARNING 'withdrawal % is %, but its transfer is %',
					withdrawal, before, item.status
					USING HINT = 'The withdrawal stays as it is. Find out where the money is.';
			END IF;
		END IF;
		changed := state <> before;
		RETURN NEXT;
	END LOOP;
END $$;
COMMENT ON FUNCTION commission.import_payout_result(bigint, jsonb) IS
	'takes PayPal''s answer to GET /v1/payments/payouts/{id}, all of it or a page: SUCCESS pays a withdrawal, FAILED, RETURNED, REVERSED, REFUNDED and BLOCKED fail it, anything else makes it unknown; a settled withdrawal stays as it is, with a warning where the answer contradicts it (R25); returns a row for each item: the state that the withdrawal is in now and whether that is new; 22023 for an answer of another shape, batch or method, or of another amount or currency than was sent: nothing of it is taken; 23503 for a batch that does not exist, 22004 for NULL';

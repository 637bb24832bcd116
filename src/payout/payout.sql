/*
 * payout.sql: payout batches (R25).
 */

CREATE TABLE commission.payout_batch (
	batch_id bigint NOT NULL,
	opened_at timestamptz NOT NULL,
	method text COLLATE "C" NOT NULL,
	opened_by text NOT NULL,
	CONSTRAINT payout_batch_pkey PRIMARY KEY (batch_id)
);
COMMENT ON TABLE commission.payout_batch IS
	'batches in which withdrawals are paid out; each withdrawal knows its own (R25)';
COMMENT ON COLUMN commission.payout_batch.batch_id IS
	'drawn like an event id';
COMMENT ON COLUMN commission.payout_batch.opened_by IS
	'the role that had logged in (session_user)';

CREATE VIEW commission.payout_item AS
	SELECT w.batch_id AS batch,
		w.event_id AS withdrawal,
		'commission-withdrawal-' || w.event_id AS sender_item_id,
		a.name AS account,
		w.destination AS receiver,
		w.amount / 100 || '.' || lpad((w.amount % 100)::text, 2, '0')
			AS dollars,
		w.state,
		w.account_id
	FROM commission.withdrawal AS w
	JOIN commission.account AS a ON a.account_id = w.account_id
	WHERE w.batch_id IS NOT NULL;
COMMENT ON VIEW commission.payout_item IS
	'what is in each payout batch (R25), for the operator: the idempotency key, the destination unmasked and the amount in US dollars';

CREATE FUNCTION commission.open_payout_batch(method text DEFAULT 'paypal')
	RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	batch bigint;
BEGIN
	IF method IS NULL THEN
		RAISE 'method must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	batch := commission_internal.draw_event_id();
	/* 15000 is what PayPal takes in one call. */
	UPDATE commission.withdrawal SET batch_id = batch
	WHERE event_id = ANY (ARRAY(
		SELECT w.event_id FROM commission.withdrawal AS w
		WHERE w.method = open_payout_batch.method
			AND w.state = 'approved' AND w.batch_id IS NULL
		ORDER BY w.event_id LIMIT 15000 FOR NO KEY UPDATE SKIP LOCKED));
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	INSERT INTO commission.payout_batch (batch_id, opened_at, method, opened_by)
	VALUES (batch, now(), method, session_user);
	RETURN batch;
END $$;
COMMENT ON FUNCTION commission.open_payout_batch(text) IS
	'gathers the approved withdrawals of a method that are in no batch, the oldest 15000 of them, which is what PayPal takes at once, and returns the batch''s number, NULL where there are none (R25); of two calls at once each takes others; 22004 for a NULL method';

CREATE FUNCTION commission_internal.known_batch(batch bigint, must_be text DEFAULT NULL)
	RETURNS commission.payout_batch
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	known commission.payout_batch;
BEGIN
	SELECT b.* INTO known FROM commission.payout_batch AS b
	WHERE b.batch_id = commission_internal.required(batch, 'batch');
	IF NOT FOUND THEN
		RAISE 'payout batch % is not known', batch USING ERRCODE = 'foreign_key_violation';
	ELSIF known.method <> must_be THEN
		RAISE 'payout batch % is not PayPal''s', batch
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('Its method is "%s".', known.method),
				HINT = 'Use payout_batch_csv() to export it, and pay_withdrawal() or fail_withdrawal() to settle it.';
	END IF;
	RETURN known;
END $$;
COMMENT ON FUNCTION commission_internal.known_batch(bigint, text) IS 'x';

CREATE FUNCTION commission.payout_batch_json(batch bigint) RETURNS jsonb
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT jsonb_build_object(
		'sender_batch_header', jsonb_build_object(
			'sender_batch_id', 'commission-batch-' || (b.known).batch_id,
			'email_subject', 'You have a payout'),
		'items', (
			SELECT coalesce(jsonb_agg(jsonb_build_object(
				'recipient_type', 'EMAIL',
				'amount', jsonb_build_object('value', i.dollars, 'currency', 'USD'),
				'receiver', i.receiver,
				'note', 'Withdrawal ' || i.withdrawal,
				'sender_item_id', i.sender_item_id) ORDER BY i.withdrawal), '[]')
			FROM commission.payout_item AS i
			WHERE i.batch = (b.known).batch_id AND i.state IN ('approved', 'unknown')))
	FROM (SELECT commission_internal.known_batch(payout_batch_json.batch, 'paypal') AS known
		  OFFSET 0) AS b;
END;
COMMENT ON FUNCTION commission.payout_batch_json(bigint) IS
	'what of a batch is neither paid nor failed, as the body of PayPal''s POST /v1/payments/payouts; sender_batch_id and sender_item_id are always the same for the same batch and withdrawal, so that sending it again pays nobody twice (R25); 23503 for a batch that is not known, 22023 for one of another method than paypal, 22004 for NULL';

/* Quoted where it must be (RFC 4180); an apostrophe before what looks like a formula. */
CREATE FUNCTION commission_internal.csv_cell(value text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN value ~ E'[,"\r\n]' THEN '"' ELSE '' END
	|| CASE WHEN value ~ E'^[=+@\t\r\n-]' THEN '''' ELSE '' END
	|| replace(value, '"', '""')
	|| CASE WHEN value ~ E'[,"\r\n]' THEN '"' ELSE '' END;
COMMENT ON FUNCTION commission_internal.csv_cell(text) IS 'x';

CREATE FUNCTION commission.payout_batch_csv(batch bigint) RETURNS text
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT E'sender_item_id,account,receiver,amount,currency\r\n' || coalesce((
		SELECT string_agg(concat_ws(',', i.sender_item_id, commission_internal.csv_cell(i.account),
									commission_internal.csv_cell(i.receiver), i.dollars, E'USD\r\n'),
						  '' ORDER BY i.withdrawal)
		FROM commission.payout_item AS i
		WHERE i.batch = (b.known).batch_id AND i.state IN ('approved', 'unknown')), '')
	FROM (SELECT commission_internal.known_batch(payout_batch_csv.batch) AS known OFFSET 0) AS b;
END;
COMMENT ON FUNCTION commission.payout_batch_csv(bigint) IS
	'what of a batch is neither paid nor failed, as CSV (RFC 4180) with a header; a cell that a spreadsheet would take for a formula has an apostrophe before it (R25); 23503 for a batch that is not known, 22004 for NULL';

CREATE FUNCTION commission.import_payout_result(batch bigint, result jsonb)
	RETURNS TABLE (withdrawal bigint, transaction_status text,
				   state commission.withdrawal_state, changed boolean)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	/* The path of a string in an item; what is of another type is none. */
	string CONSTANT text := 'strict $.%s ? (@.type() == "string" && @ <> "")';
	key text;
	problem text;
	item record;
	outcome commission.withdrawal_state;
	before commission.withdrawal_state;
BEGIN
	IF result IS NULL THEN
		RAISE 'result must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	key := 'commission-batch-' || (commission_internal.known_batch(batch, 'paypal')).batch_id;
	IF jsonb_typeof(result -> 'items') IS DISTINCT FROM 'array' THEN
		problem := 'It has no array "items".';
	ELSIF result #>> '{batch_header,sender_batch_header,sender_batch_id}' <> key THEN
		problem := format('It is of batch "%s"; this one is "%s".',
			result #>> '{batch_header,sender_batch_header,sender_batch_id}', key);
	END IF;

	FOR item IN
		SELECT i.withdrawal, a.*, i.withdrawal IS NULL AS foreign_item
		FROM (SELECT e.position,
				s.get[1] AS sender_item_id, s.get[2] AS status,
				coalesce(s.get[3], s.get[4]) AS transfer,
				coalesce(nullif(concat_ws(': ', s.get[5], s.get[6]), ''), 'FAILED') AS reason
			  FROM jsonb_array_elements(CASE WHEN problem IS NULL THEN result -> 'items' ELSE '[]' END)
				WITH ORDINALITY AS e (item, position)
			  CROSS JOIN LATERAL (
				SELECT array_agg(jsonb_path_query_first(e.item, format(string, p.path)::jsonpath,
														'{}', true) #>> '{}' ORDER BY p.n) AS get
				FROM unnest(ARRAY['payout_item.sender_item_id', 'transaction_status', 'transaction_id',
								  'payout_item_id', 'errors.name', 'errors.message'])
					WITH ORDINALITY AS p (path, n)) AS s) AS a
		LEFT JOIN commission.payout_item AS i ON i.batch = import_payout_result.batch
			AND i.sender_item_id = a.sender_item_id
		ORDER BY i.withdrawal, a.position
	LOOP
		problem := CASE
			WHEN item.sender_item_id IS NULL OR item.status IS NULL
			THEN 'An item has no payout_item.sender_item_id or no transaction_status.'
			WHEN item.withdrawal IS NULL
			THEN format('Item "%s" is not of this batch.', item.sender_item_id)
			WHEN item.transfer IS NULL
			THEN format('Item "%s" has no transaction_id and no payout_item_id.', item.sender_item_id)
		END;
		EXIT WHEN problem IS NOT NULL;

		outcome := CASE item.status WHEN 'SUCCESS' THEN 'paid' WHEN 'FAILED' THEN 'failed' ELSE 'unknown' END;
		SELECT w.state INTO before FROM commission.withdrawal AS w
		WHERE w.event_id = item.withdrawal FOR NO KEY UPDATE;
		IF before NOT IN ('approved', 'unknown') THEN
			IF outcome <> before AND 'paid' IN (before, outcome) THEN
				RAISE WARNING 'withdrawal % is %, but its transfer is %', item.withdrawal, before, item.status;
			END IF;
			outcome := before;
		ELSE
			/* R23: what is approved fails by way of unknown. */
			IF before = 'approved' AND outcome <> 'paid' THEN
				PERFORM commission_internal.move_withdrawal(item.withdrawal, 'unknown');
			END IF;
			IF outcome <> 'unknown' THEN
				PERFORM commission_internal.move_withdrawal(item.withdrawal, outcome,
					CASE outcome WHEN 'failed' THEN item.reason END,
					CASE outcome WHEN 'paid' THEN item.transfer END);
			END IF;
		END IF;
		RETURN QUERY SELECT item.withdrawal, item.status, outcome, outcome <> before;
	END LOOP;
	IF problem IS NOT NULL THEN
		RAISE 'invalid payout result' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = problem,
			HINT = 'It is PayPal''s answer to GET /v1/payments/payouts/{id}, as it is.';
	END IF;
END $$;
COMMENT ON FUNCTION commission.import_payout_result(bigint, jsonb) IS
	'takes PayPal''s answer to GET /v1/payments/payouts/{id}, all of it or a page: SUCCESS pays a withdrawal, FAILED fails it, anything else makes it unknown, and what is settled already stays as it is, with a warning where the answer contradicts it (R25); returns a row for each item: the state that the withdrawal is in now and whether that is new; 22023 for an answer of another shape, batch or method, 23503 for a batch that is not known, 22004 for NULL';

/* For audit(). */
CREATE VIEW commission_internal.withdrawal_problem AS
	/* R23: the way of a withdrawal, and its entries along it. */
	SELECT 'withdrawal without its way' AS problem, w.event_id,
		format('it is %s; its transitions are %s', w.state, way.states)
			AS detail
	FROM commission.withdrawal AS w
	CROSS JOIN LATERAL (
		SELECT array_agg(t.to_state ORDER BY t.event_id) AS states,
			bool_and(CASE
				WHEN t.before IS NULL THEN t.from_state IS NULL
					AND t.to_state = 'requested' AND t.event_id = w.event_id
				ELSE t.from_state = t.before
					AND commission_internal.withdrawal_can_become(t.before, t.to_state)
			END) AS lawful
		FROM (SELECT t.*, lag(t.to_state) OVER (ORDER BY t.event_id) AS before
			  FROM commission.withdrawal_transition AS t
			  WHERE t.withdrawal_id = w.event_id) AS t) AS way
	WHERE way.states[cardinality(way.states)] IS DISTINCT FROM w.state
		OR NOT way.lawful
	UNION ALL
	SELECT 'transition of no withdrawal', t.event_id,
		format('it is of %s', t.withdrawal_id)
	FROM commission.withdrawal_transition AS t
	WHERE NOT EXISTS (SELECT FROM commission.withdrawal AS w
					  WHERE w.event_id = t.withdrawal_id)
	UNION ALL
	SELECT 'withdrawal and entries differ', w.event_id,
		format('it is %s, of %s credits; its entries are %s',
			   w.state, w.amount, e.amounts)
	FROM commission.withdrawal AS w
	CROSS JOIN LATERAL (
		SELECT array_agg(e.amount ORDER BY e.event_id, e.line) AS amounts,
			bool_and(e.account_id = w.account_id AND e.from_account_id IS NULL
					 AND e.counts_as = 'withdrawal'
					 AND e.kind::text = CASE t.to_state
						WHEN 'requested' THEN 'withdrawal'
						ELSE 'withdrawal_return' END) AS fitting
		FROM commission.withdrawal_transition AS t
		JOIN commission.entry AS e ON e.event_id = t.event_id
		WHERE t.withdrawal_id = w.event_id) AS e
	WHERE e.amounts IS DISTINCT FROM ARRAY[-w.amount]
			|| CASE WHEN w.state IN ('cancelled', 'rejected', 'failed')
				THEN ARRAY[w.amount] END
		OR NOT e.fitting
	UNION ALL
	SELECT 'withdrawal in a batch that is not its own', w.event_id,
		format('it is in %s, by %s', w.batch_id, w.method)
	FROM commission.withdrawal AS w
	WHERE w.batch_id IS NOT NULL
		AND NOT EXISTS (SELECT FROM commission.payout_batch AS b
						WHERE b.batch_id = w.batch_id
							AND b.method = w.method)
	UNION ALL
	/* Only reversals take a balance below zero (R21, R24). */
	SELECT 'more withdrawn than earned', NULL,
		format('account %s: %s credits', e.account_id, sum(e.amount))
	FROM commission.entry AS e
	WHERE e.kind <> 'reversal'
	GROUP BY e.account_id
	HAVING sum(e.amount) < 0;
COMMENT ON VIEW commission_internal.withdrawal_problem IS
	'withdrawals whose state, transitions, entries or batches do not agree (R23 to R25), and accounts that withdrew more than they earned';

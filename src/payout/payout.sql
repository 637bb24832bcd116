/*
 * payout.sql: payout batches (R25, R39, R46).
 *
 * Locks: a batch takes the rows of its withdrawals and skips those that
 * somebody else has taken.
 *
 * What an account has in a batch when it is held stays there, for nobody here
 * knows whether the batch was sent: what is taken out of a batch that was sent
 * is paid twice, and PayPal's answer would not find it.  But no export carries
 * it while the account is held (sendable_item).
 */

CREATE TABLE commission.payout_batch (
	batch_id bigint NOT NULL,
	opened_at timestamptz NOT NULL,
	method text COLLATE "C" NOT NULL,
	opened_by text NOT NULL,
	sender_batch_id text COLLATE "C" NOT NULL
		DEFAULT 'commission-' || gen_random_uuid(),
	CONSTRAINT payout_batch_pkey PRIMARY KEY (batch_id)
);
COMMENT ON TABLE commission.payout_batch IS
	'batches in which withdrawals are paid out; each withdrawal names its own (R25)';
COMMENT ON COLUMN commission.payout_batch.batch_id IS
	'drawn like an event id';
COMMENT ON COLUMN commission.payout_batch.opened_by IS
	'the role that had logged in (session_user)';
COMMENT ON COLUMN commission.payout_batch.sender_batch_id IS
	'what PayPal knows the batch by: the same whenever it is sent, and random, so that no two databases that pay from one PayPal account share it';

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
	'what is in each payout batch (R25), for the operator: the item''s key, the destination unmasked and the amount in US dollars';

CREATE VIEW commission_internal.sendable_item AS
	SELECT i.*
	FROM commission.payout_item AS i
	WHERE NOT EXISTS (SELECT FROM commission.account_hold AS h
					  WHERE h.account_id = i.account_id
						  AND h.released_at IS NULL);
COMMENT ON VIEW commission_internal.sendable_item IS
	'what a payout batch is exported with: the items of accounts that are not held (R46)';

CREATE FUNCTION commission.open_payout_batch(method text DEFAULT 'paypal')
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
	AS $$
DECLARE
	taken bigint[];
	batch bigint;
BEGIN
	PERFORM commission_internal.refuse_on_node('payout_batch');
	PERFORM commission_internal.required(method, 'method');
	/*
	 * PayPal takes 15000 items in one call.  What stands in an account's way is
	 * asked once, however many withdrawals it has.
	 */
	taken := ARRAY(
		SELECT w.event_id
		FROM (
			SELECT a.account_id FROM commission.withdrawal AS a
			WHERE a.method = open_payout_batch.method
				AND a.state = 'approved' AND a.batch_id IS NULL
			GROUP BY a.account_id
			ORDER BY min(a.event_id)) AS a
		CROSS JOIN LATERAL (
			SELECT w.event_id FROM commission.withdrawal AS w
			WHERE w.account_id = a.account_id
				AND w.method = open_payout_batch.method
				AND w.state = 'approved' AND w.batch_id IS NULL
			ORDER BY w.event_id FOR NO KEY UPDATE SKIP LOCKED) AS w
		WHERE commission_internal.withdrawal_obstacle(a.account_id) IS NULL
		LIMIT 15000);
	IF taken = '{}' THEN
		RETURN NULL;
	END IF;
	batch := commission_internal.draw_event_id();
	INSERT INTO commission.payout_batch (batch_id, opened_at, method, opened_by)
	VALUES (batch, now(), method, session_user);
	UPDATE commission.withdrawal SET batch_id = batch
	WHERE event_id = ANY (taken);
	RETURN batch;
END $$;
COMMENT ON FUNCTION commission.open_payout_batch(text) IS
	'puts the approved withdrawals of a method that are in no batch into a new one, 15000 of them, which is what PayPal takes at once, those accounts first that wait longest, and returns the batch''s number, NULL where there are none (R25); leaves out those of accounts whose balance is below zero (R39), that are held (R46) or whose payout address was changed within commission.address_pause_days; two calls at once take different withdrawals; 22004 for a NULL method, 22023 for an empty one';

CREATE FUNCTION commission_internal.known_batch(
	batch bigint, must_be text DEFAULT NULL) RETURNS commission.payout_batch
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	known commission.payout_batch;
BEGIN
	SELECT b.* INTO known FROM commission.payout_batch AS b
	WHERE b.batch_id = commission_internal.required(batch, 'batch');
	IF NOT FOUND THEN
		RAISE 'payout batch % does not exist', batch
			USING ERRCODE = 'foreign_key_violation';
	ELSIF known.method <> must_be THEN
		RAISE 'payout batch % is not PayPal''s', batch
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('Its method is "%s".', known.method),
				HINT = 'Use payout_batch_csv() to export it, and pay_withdrawal() or fail_withdrawal() to settle it.';
	END IF;
	RETURN known;
END $$;
COMMENT ON FUNCTION commission_internal.known_batch(bigint, text) IS
	'the row of a payout batch; 23503 for one that does not exist, 22023 for one of another method than it must be, 22004 for NULL';

CREATE FUNCTION commission.remove_from_batch(withdrawal bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
	AS $$
BEGIN
	IF (commission_internal.lock_withdrawal(withdrawal)).batch_id IS NULL THEN
		RAISE 'withdrawal % is in no payout batch', withdrawal
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	UPDATE commission.withdrawal AS w SET batch_id = NULL
	WHERE w.event_id = withdrawal;
END $$;
COMMENT ON FUNCTION commission.remove_from_batch(bigint) IS
	'takes an approved withdrawal out of its payout batch, so that it can be cancelled, rejected or put into another (R25); only for what was certainly never sent: what was sent would be paid twice; 55000 for a withdrawal that is in no batch or no longer approved, 23503 for one that does not exist, 22004 for NULL';

CREATE FUNCTION commission.cancel_payout_batch(batch bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
	AS $$
BEGIN
	PERFORM commission_internal.known_batch(batch);
	UPDATE commission.withdrawal SET batch_id = NULL WHERE batch_id = batch;
END $$;
COMMENT ON FUNCTION commission.cancel_payout_batch(bigint) IS
	'takes all withdrawals out of a payout batch that was never sent, as remove_from_batch does (R25); 55000 where one of them is no longer approved, since the batch was then sent, 23503 for a batch that does not exist, 22004 for NULL';

CREATE FUNCTION commission_internal.sendable_batch(batch bigint)
	RETURNS commission.payout_batch
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	known commission.payout_batch :=
		commission_internal.known_batch(batch, 'paypal');
BEGIN
	/* PayPal remembers for 30 days; one of them is left for the sending. */
	IF known.opened_at < now() - interval '29 days' THEN
		RAISE 'payout batch % is too old to be sent', batch
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('It was opened at %s. PayPal refuses a sender_batch_id that it has had for 30 days only, and would then pay the batch again.',
					known.opened_at),
				HINT = 'Take PayPal''s answer with import_payout_result(). Of what PayPal never had, use fail_withdrawal() on unknown and remove_from_batch() on approved withdrawals.';
	END IF;
	RETURN known;
END $$;
COMMENT ON FUNCTION commission_internal.sendable_batch(bigint) IS
	'the row of a batch that PayPal would recognize if it had it already; 55000 for one opened more than 29 days ago, other errors as known_batch';

/* PayPal rejects a whole batch for one receiver that is none of these. */
CREATE FUNCTION commission_internal.paypal_recipient_type(destination text)
	RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
	WHEN length(destination) <= 127
		AND destination ~ ('^[\w!#$%&''*+/=?^`{|}~-]+(?:\.[\w!#$%&''*+/=?^`{|}~-]+)*'
			|| '@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$'
			COLLATE "C")
	THEN 'EMAIL'
	WHEN destination ~ '^\+?[0-9]([ -]?[0-9]){6,14}$' THEN 'PHONE'
	WHEN destination ~ '^[2-9A-HJ-NP-Z]{13}$' THEN 'PAYPAL_ID'
END;
COMMENT ON FUNCTION commission_internal.paypal_recipient_type(text) IS
	'what PayPal calls a receiver: EMAIL, PHONE or PAYPAL_ID; NULL for what is none of these, and for NULL';

CREATE FUNCTION commission.payout_batch_json(batch bigint) RETURNS jsonb
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT jsonb_build_object(
		'sender_batch_header', jsonb_build_object(
			'sender_batch_id', b.sender_batch_id,
			'email_subject', 'You have a payout'),
		'items', (
			SELECT coalesce(jsonb_agg(jsonb_build_object(
				'recipient_type',
				commission_internal.paypal_recipient_type(i.receiver),
				'amount', jsonb_build_object('value', i.dollars, 'currency', 'USD'),
				'receiver', i.receiver,
				'note', 'Withdrawal ' || i.withdrawal,
				'sender_item_id', i.sender_item_id) ORDER BY i.withdrawal), '[]')
			FROM commission_internal.sendable_item AS i
			WHERE i.batch = b.batch_id AND i.state IN ('approved', 'unknown')))
	FROM commission_internal.sendable_batch(payout_batch_json.batch) AS b;
END;
COMMENT ON FUNCTION commission.payout_batch_json(bigint) IS
	'the items of a batch that are neither paid nor failed, as the body of PayPal''s POST /v1/payments/payouts (R25), without those of accounts that are held (R46); PayPal refuses a sender_batch_id that it has had within 30 days, so that until then sending the batch again, after a timeout say, pays nobody twice; 55000 for a batch that was opened more than 29 days ago: take its answer with import_payout_result(), and fail what PayPal never had; 22023 for a batch of another method than paypal, 23503 for one that does not exist, 22004 for NULL';

CREATE FUNCTION commission_internal.csv_cell(value text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN value ~ E'[,"\r\n]' THEN '"' ELSE '' END
	|| CASE WHEN value ~ E'^[=+@\t\r\n-]' THEN '''' ELSE '' END
	|| replace(value, '"', '""')
	|| CASE WHEN value ~ E'[,"\r\n]' THEN '"' ELSE '' END;
COMMENT ON FUNCTION commission_internal.csv_cell(text) IS
	'a cell of CSV: quoted where it must be (RFC 4180), with an apostrophe before what a spreadsheet would take for a formula; NULL for NULL';

CREATE FUNCTION commission.payout_batch_csv(batch bigint) RETURNS text
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT E'sender_item_id,account,receiver,amount,currency\r\n' || coalesce((
		SELECT string_agg(concat_ws(',', i.sender_item_id,
				commission_internal.csv_cell(i.account),
				commission_internal.csv_cell(i.receiver),
				i.dollars, E'USD\r\n'), '' ORDER BY i.withdrawal)
		FROM commission_internal.sendable_item AS i
		WHERE i.batch = b.batch_id AND i.state = 'approved'), '')
	FROM commission_internal.known_batch(payout_batch_csv.batch) AS b;
END;
COMMENT ON FUNCTION commission.payout_batch_csv(bigint) IS
	'the items of a batch that are approved, without those of accounts that are held (R46), as CSV (RFC 4180) with a header; a cell that a spreadsheet would take for a formula has an apostrophe before it (R25); a bank does not know what it has had already, so that an item whose transfer is unknown is left out, and the file must not be sent twice; 23503 for a batch that does not exist, 22004 for NULL';

/* For audit(). */
CREATE VIEW commission_internal.withdrawal_problem AS
	/* R23: the way of a withdrawal, and its entries along it. */
	SELECT 'withdrawal without its transitions' AS problem, w.event_id,
		format('it is %s; its transitions are %s', w.state, way.states)
			AS detail
	FROM commission.withdrawal AS w
	CROSS JOIN LATERAL (
		SELECT array_agg(t.to_state ORDER BY t.event_id) AS states,
			string_agg(t.reason, '' ORDER BY t.event_id) AS reason,
			string_agg(t.transfer, '' ORDER BY t.event_id) AS transfer,
			bool_and(CASE
				WHEN t.before IS NULL THEN t.from_state IS NULL
					AND t.to_state = 'requested' AND t.event_id = w.event_id
				ELSE t.from_state = t.before
					AND (commission_internal.withdrawal_can_become(t.before, t.to_state)
						OR t.before = 'approved' AND t.to_state = 'approved')
			END) AS lawful
		FROM (SELECT t.*, lag(t.to_state) OVER (ORDER BY t.event_id) AS before
			  FROM commission.withdrawal_transition AS t
			  WHERE t.withdrawal_id = w.event_id) AS t) AS way
	WHERE way.states[cardinality(way.states)] IS DISTINCT FROM w.state
		OR NOT way.lawful
		OR way.reason IS DISTINCT FROM w.reason
		OR way.transfer IS DISTINCT FROM w.transfer
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
	/* Only reversals and adjustments take a balance below zero (R21, R24, R45). */
	SELECT 'more withdrawn than earned', NULL,
		format('account %s: %s credits', e.account_id, sum(e.amount))
	FROM commission.entry AS e
	WHERE e.kind <> 'reversal' AND NOT (e.kind = 'adjustment' AND e.amount < 0)
	GROUP BY e.account_id
	HAVING sum(e.amount) < 0;
COMMENT ON VIEW commission_internal.withdrawal_problem IS
	'withdrawals whose state, transitions, entries or batches do not agree (R23 to R25), and accounts that withdrew more than they earned';

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

CREATE TRIGGER payout_batch_guard
	BEFORE UPDATE OR DELETE OR TRUNCATE ON commission.payout_batch
	FOR EACH STATEMENT EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER payout_batch_row_guard
	BEFORE UPDATE OR DELETE ON commission.payout_batch
	FOR EACH ROW EXECUTE FUNCTION commission.refuse_change();
ALTER TABLE commission.payout_batch
	ENABLE ALWAYS TRIGGER payout_batch_guard,
	ENABLE ALWAYS TRIGGER payout_batch_row_guard;

CREATE VIEW commission.payout_item AS
	SELECT w.batch_id AS batch,
		w.event_id AS withdrawal,
		'commission-withdrawal-' || w.event_id AS sender_item_id,
		a.name AS account,
		w.destination AS receiver,
		w.amount / 100 || '.' || lpad((w.amount % 100)::text, 2, '0')
			AS dollars,
		w.state
	FROM commission.withdrawal AS w
	JOIN commission.account AS a ON a.account_id = w.account_id
	WHERE w.batch_id IS NOT NULL;
COMMENT ON VIEW commission.payout_item IS
	'what is in each payout batch (R25), for the operator: the idempotency key, the destination unmasked and the amount in US dollars';

CREATE FUNCTION commission.open_payout_batch(method text DEFAULT 'paypal')
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_open_payout_batch';
COMMENT ON FUNCTION commission.open_payout_batch(text) IS
	'gathers the approved withdrawals of a method that are in no batch, the oldest 15000 of them, which is what PayPal takes at once, and returns the batch''s number, NULL where there are none (R25); of two calls at once each takes others; 22004 for a NULL method';

CREATE FUNCTION commission.payout_batch_json(batch bigint) RETURNS jsonb
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_payout_batch_json';
COMMENT ON FUNCTION commission.payout_batch_json(bigint) IS
	'what of a batch is neither paid nor failed, as the body of PayPal''s POST /v1/payments/payouts; sender_batch_id and sender_item_id are always the same for the same batch and withdrawal, so that sending it again pays nobody twice (R25); 23503 for a batch that is not known, 22023 for one of another method than paypal, 22004 for NULL';

CREATE FUNCTION commission.payout_batch_csv(batch bigint) RETURNS text
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_payout_batch_csv';
COMMENT ON FUNCTION commission.payout_batch_csv(bigint) IS
	'what of a batch is neither paid nor failed, as CSV (RFC 4180) with a header; a cell that a spreadsheet would take for a formula has an apostrophe before it (R25); 23503 for a batch that is not known, 22004 for NULL';

CREATE FUNCTION commission.import_payout_result(batch bigint, result jsonb)
	RETURNS TABLE (withdrawal bigint, transaction_status text,
				   state commission.withdrawal_state, changed boolean)
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_import_payout_result';
COMMENT ON FUNCTION commission.import_payout_result(bigint, jsonb) IS
	'takes PayPal''s answer to GET /v1/payments/payouts/{id}, all of it or a page: SUCCESS pays a withdrawal, FAILED fails it, anything else makes it unknown, and what is settled already stays as it is, with a warning where the answer contradicts it (R25); returns a row for each item: the state that the withdrawal is in now and whether that is new; 22023 for an answer of another shape, batch or method, 23503 for a batch that is not known, 22004 for NULL';

/* For audit(). */
CREATE VIEW commission.withdrawal_problem AS
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
					AND commission.withdrawal_can_become(t.before, t.to_state)
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
COMMENT ON VIEW commission.withdrawal_problem IS
	'withdrawals whose state, transitions, entries or batches do not agree (R23 to R25), and accounts that withdrew more than they earned';

/*
 * adjustment.sql: the operator's own entries (R45).
 */

CREATE TABLE commission.adjustment (
	event_id bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	amount bigint NOT NULL,
	adjusted_at timestamptz NOT NULL DEFAULT now(),
	adjustment_id uuid NOT NULL,
	account_id uuid NOT NULL,
	adjusted_by text NOT NULL DEFAULT session_user,
	name text NOT NULL,
	reason text NOT NULL,
	CONSTRAINT adjustment_pkey PRIMARY KEY (event_id),
	CONSTRAINT adjustment_adjustment_id_key UNIQUE (adjustment_id),
	CONSTRAINT adjustment_amount_check CHECK (
		amount BETWEEN -1000000000000000 AND 1000000000000000 AND amount <> 0)
);
COMMENT ON TABLE commission.adjustment IS
	'bonuses and corrections, each of which is an entry of the ledger (R45)';
COMMENT ON COLUMN commission.adjustment.amount IS
	'credits, below zero where they leave the balance; at most 10^15 (R1)';
COMMENT ON COLUMN commission.adjustment.adjusted_by IS
	'the role that had logged in (session_user)';
COMMENT ON COLUMN commission.adjustment.name IS
	'the operator''s identifier';
COMMENT ON COLUMN commission.adjustment.reason IS
	'which the account sees';

CREATE FUNCTION commission_internal.check_adjustment(amount bigint, reason text)
	RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	IF commission_internal.required(amount, 'amount') = 0 THEN
		RAISE 'adjustment must not be of 0 credits'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF amount NOT BETWEEN -1000000000000000 AND 1000000000000000 THEN
		RAISE 'adjustment is too large'
			USING ERRCODE = 'numeric_value_out_of_range',
				DETAIL = format('It is %s credits; at most 1000000000000000 are allowed.',
					amount);
	END IF;
	PERFORM commission_internal.bounded(
		commission_internal.required(reason, 'reason'), 'reason');
END $$;
COMMENT ON FUNCTION commission_internal.check_adjustment(bigint, text) IS
	'that an adjustment has an amount that can be, and a reason; 22004, 22023, 22003';

CREATE FUNCTION commission.adjust(adjustment text, account text, amount bigint,
								  reason text,
								  occurred_at timestamptz DEFAULT now())
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_variable
DECLARE
	event CONSTANT bigint := commission_internal.draw_event_id();
	id uuid;
	recorded commission.adjustment;
	difference record;
BEGIN
	adjustment := commission_internal.identifier(adjustment, 'adjustment');
	PERFORM commission_internal.check_adjustment(amount, reason);
	occurred_at := commission_internal.finite(occurred_at, 'occurred_at');
	id := commission_internal.know_account(
		commission_internal.identifier(account, 'account'));
	INSERT INTO commission.adjustment (event_id, occurred_at, amount, adjustment_id,
		account_id, name, reason)
	VALUES (event, occurred_at, amount, commission.account_id(adjustment), id,
		adjustment, reason)
	ON CONFLICT ON CONSTRAINT adjustment_adjustment_id_key DO NOTHING;
	IF FOUND THEN
		INSERT INTO commission.entry (event_id, line, amount, occurred_at, account_id,
			kind, counts_as)
		VALUES (event, 1, amount, occurred_at, id, 'adjustment', 'adjustment');
		RETURN event;
	END IF;
	SELECT a.* INTO recorded FROM commission.adjustment AS a
	WHERE a.adjustment_id = commission.account_id(adjustment);
	SELECT d.* INTO difference
	FROM (VALUES
		('account', (SELECT a.name FROM commission.account AS a
					 WHERE a.account_id = recorded.account_id),
		 (SELECT a.name FROM commission.account AS a WHERE a.account_id = id)),
		('amount', recorded.amount::text, amount::text),
		('reason', recorded.reason, reason),
		('time', recorded.occurred_at::text,
		 CASE WHEN occurred_at = now() THEN recorded.occurred_at::text
			ELSE occurred_at::text END)) AS d (what, there, here)
	WHERE d.there <> d.here LIMIT 1;
	IF FOUND THEN
		RAISE 'adjustment "%" is already recorded with other content', adjustment
			USING ERRCODE = 'unique_violation',
				DETAIL = format('Its %s is %s there, and %s here.', difference.what,
					difference.there, difference.here),
				HINT = 'Use another id for another adjustment.';
	END IF;
	RETURN recorded.event_id;
END $$;
COMMENT ON FUNCTION commission.adjust(text, text, bigint, text, timestamptz) IS
	'gives an account credits, or takes them for a negative amount, and returns the event id (R45): a bonus, a correction. They count in the balance and can be withdrawn at once, stand in the statement with the reason, which the account sees, and apart in the card; a balance may fall below zero. An adjustment is known by its id: the same again returns what is recorded, 23505 for other content (R17); what was wrong is put right by a further one. 22023 for 0 credits or an empty or over-long adjustment, account or reason, 22003 for more than 10^15 credits (R1), 22004 for NULL, 22008 for an infinite time; 55000 on a node';

/* For audit(). */
CREATE VIEW commission_internal.adjustment_problem AS
	SELECT 'entries differ from the facts' AS problem, event_id,
		format('the ledger has adjustments of %s credits in %s lines; the facts give %s',
			   coalesce(e.amount, 0), coalesce(e.lines, 0), coalesce(a.amount, 0)) AS detail
	FROM commission.adjustment AS a
	FULL JOIN (
		SELECT e.event_id, min(e.account_id::text)::uuid AS account_id,
			sum(e.amount) AS amount, count(*) AS lines, min(e.occurred_at) AS occurred_at
		FROM commission.entry AS e
		WHERE e.kind = 'adjustment'
		GROUP BY e.event_id) AS e USING (event_id)
	WHERE (a.account_id, a.amount, a.occurred_at, 1)
		IS DISTINCT FROM (e.account_id, e.amount, e.occurred_at, e.lines);
COMMENT ON VIEW commission_internal.adjustment_problem IS
	'adjustments whose entry is not what their facts give (R45)';

/*
 * withdrawal.sql: withdrawals (R23, R24).
 *
 * What a withdrawal is never changes; its state does, by an UPDATE, whoever
 * types it.  Two triggers stand by: the guard refuses what is no transition of
 * R23, under session_replication_role = replica, too; and the follower keeps
 * who made the transition and when, and gives the credits back where the
 * transfer is not to be.
 */

CREATE TABLE commission.withdrawal (
	event_id bigint NOT NULL,
	account_id uuid NOT NULL,
	amount bigint NOT NULL,
	requested_at timestamptz NOT NULL,
	batch_id bigint,
	state commission.withdrawal_state NOT NULL DEFAULT 'requested',
	method text COLLATE "C" NOT NULL,
	destination text NOT NULL,
	reason text,
	transfer text,
	CONSTRAINT withdrawal_pkey PRIMARY KEY (event_id),
	CONSTRAINT withdrawal_amount_check CHECK (amount > 0),
	CONSTRAINT withdrawal_reason_check CHECK (
		(reason IS NOT NULL) = (state IN ('rejected', 'failed'))),
	CONSTRAINT withdrawal_transfer_check CHECK (
		(transfer IS NOT NULL) = (state = 'paid'))
);
COMMENT ON TABLE commission.withdrawal IS
	'withdrawals; only their state changes (R23)';
COMMENT ON COLUMN commission.withdrawal.event_id IS
	'the withdrawal''s number; its entry in the ledger has it, too';
COMMENT ON COLUMN commission.withdrawal.amount IS
	'credits to be paid out';
COMMENT ON COLUMN commission.withdrawal.batch_id IS
	'the payout batch that it is in (R25); NULL: none';
COMMENT ON COLUMN commission.withdrawal.method IS
	'by what the money travels: paypal, wise, bank, ...';
COMMENT ON COLUMN commission.withdrawal.destination IS
	'where to, in the method''s own terms; shown to readers masked';
COMMENT ON CONSTRAINT withdrawal_reason_check ON commission.withdrawal IS
	'why it was rejected or failed is said, and only then';
COMMENT ON CONSTRAINT withdrawal_transfer_check ON commission.withdrawal IS
	'of what is paid the transfer is known, and only then';

CREATE INDEX withdrawal_account_idx
	ON commission.withdrawal (account_id, event_id);
CREATE INDEX withdrawal_approved_idx ON commission.withdrawal (method, event_id)
	WHERE state = 'approved' AND batch_id IS NULL;
CREATE INDEX withdrawal_batch_idx ON commission.withdrawal (batch_id, event_id)
	WHERE batch_id IS NOT NULL;

CREATE TABLE commission.withdrawal_transition (
	event_id bigint NOT NULL,
	withdrawal_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	from_state commission.withdrawal_state,
	to_state commission.withdrawal_state NOT NULL,
	changed_by text NOT NULL,
	CONSTRAINT withdrawal_transition_pkey PRIMARY KEY (event_id)
);
COMMENT ON TABLE commission.withdrawal_transition IS
	'the way of each withdrawal, from its request on (R23)';
COMMENT ON COLUMN commission.withdrawal_transition.event_id IS
	'of the request the withdrawal''s own; the entry that gives the credits back has that of its transition';
COMMENT ON COLUMN commission.withdrawal_transition.from_state IS
	'NULL: the request';
COMMENT ON COLUMN commission.withdrawal_transition.changed_by IS
	'the role that had logged in (session_user)';

CREATE INDEX withdrawal_transition_withdrawal_idx
	ON commission.withdrawal_transition (withdrawal_id, event_id);

CREATE FUNCTION commission_internal.withdrawal_can_become(
	state commission.withdrawal_state, next commission.withdrawal_state)
	RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE state
	WHEN 'requested' THEN next IN ('approved', 'cancelled', 'rejected')
	WHEN 'approved' THEN next IN ('unknown', 'paid', 'cancelled', 'rejected')
	WHEN 'unknown' THEN next IN ('paid', 'failed')
	ELSE false
END;
COMMENT ON FUNCTION commission_internal.withdrawal_can_become(commission.withdrawal_state, commission.withdrawal_state) IS
	'whether a withdrawal goes from the one state to the other (R23); NULL for NULL';

CREATE FUNCTION commission_internal.guard_withdrawal() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	mutable CONSTANT text[] := '{state,batch_id,reason,transfer}';
	changed text;
	onward text[];
BEGIN
	SELECT o.key INTO changed
	FROM jsonb_each(to_jsonb(OLD) - mutable) AS o
	WHERE o.value <> to_jsonb(NEW) -> o.key;
	IF FOUND THEN
		RAISE 'column "%" of withdrawal % cannot change', changed, OLD.event_id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Cancel the withdrawal, and request another.';
	END IF;

	IF NEW.batch_id IS DISTINCT FROM OLD.batch_id THEN
		IF OLD.batch_id IS NOT NULL OR OLD.state <> 'approved' OR NEW.state <> OLD.state THEN
			RAISE 'withdrawal % cannot change its payout batch', OLD.event_id
				USING ERRCODE = 'object_not_in_prerequisite_state',
					DETAIL = format('It is %s, and in %s; only what is approved and in none is put into one.',
						OLD.state, CASE WHEN OLD.batch_id IS NULL THEN 'no batch' ELSE 'a batch' END);
		END IF;
		RETURN NEW;
	END IF;

	IF NOT commission_internal.withdrawal_can_become(OLD.state, NEW.state) THEN
		SELECT array_agg(s ORDER BY s) INTO onward
		FROM unnest(enum_range(OLD.state, NULL) || enum_range(NULL, OLD.state)) AS s
		WHERE commission_internal.withdrawal_can_become(OLD.state, s);
		RAISE 'withdrawal % is %', OLD.event_id, OLD.state
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = CASE WHEN onward IS NULL
					THEN format('It is settled, and cannot become %s.', NEW.state)
					ELSE format('It cannot become %s, only %s or %s.', NEW.state,
						array_to_string(trim_array(onward, 1), ', '), onward[cardinality(onward)]) END;
	END IF;
	IF NEW.state IN ('cancelled', 'rejected') AND OLD.batch_id IS NOT NULL THEN
		RAISE 'withdrawal % is in a payout batch', OLD.event_id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'Its transfer may be under way.',
				HINT = 'If it is certain that it is not, use mark_withdrawal_unknown() and then fail_withdrawal().';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION commission_internal.guard_withdrawal() IS
	'trigger that refuses every UPDATE of a withdrawal but a transition of R23 and its being put into a batch (R25): 55000';

CREATE FUNCTION commission_internal.follow_withdrawal() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	event bigint;
BEGIN
	IF NEW.state IN ('cancelled', 'rejected', 'failed') THEN
		INSERT INTO commission.entry (event_id, line, kind, counts_as, amount, account_id, occurred_at)
		VALUES (commission_internal.draw_event_id(), 1, 'withdrawal_return', 'withdrawal', NEW.amount,
				NEW.account_id, now())
		RETURNING event_id INTO event;
	ELSE
		event := commission_internal.draw_event_id();
	END IF;
	INSERT INTO commission.withdrawal_transition
		(event_id, withdrawal_id, changed_at, from_state, to_state, changed_by)
	VALUES (event, NEW.event_id, now(), OLD.state, NEW.state, session_user);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION commission_internal.follow_withdrawal() IS
	'trigger that keeps each transition of a withdrawal, and appends the entry that gives the credits back when it is cancelled, rejected or failed (R23)';

/*
 * The follower is not ENABLE ALWAYS: what replication applies brings the
 * transition and the entry with it.
 */
CREATE TRIGGER withdrawal_state_guard
	BEFORE UPDATE ON commission.withdrawal
	FOR EACH ROW EXECUTE FUNCTION commission_internal.guard_withdrawal();
CREATE TRIGGER withdrawal_follower
	AFTER UPDATE ON commission.withdrawal
	FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
	EXECUTE FUNCTION commission_internal.follow_withdrawal();
ALTER TABLE commission.withdrawal
	ENABLE ALWAYS TRIGGER withdrawal_state_guard;

CREATE FUNCTION commission.request_withdrawal(account text,
											  amount bigint DEFAULT NULL,
											  method text DEFAULT 'paypal',
											  destination text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_request_withdrawal';
COMMENT ON FUNCTION commission.request_withdrawal(text, bigint, text, text) IS
	'takes that many credits out of an account''s balance to be paid out, all that is available for NULL, and returns the withdrawal''s number (R23, R24); without a destination it goes to the account''s label or, if it has none, its name; a closed account can withdraw what it has; 22023 for less than commission.minimum_payout or more than is available, or an empty or over-long name, method or destination, 23503 for an account that is not known, 22004 for a NULL account or method';

CREATE FUNCTION commission_internal.move_withdrawal(
	withdrawal bigint, next commission.withdrawal_state,
	reason text DEFAULT NULL, transfer text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	UPDATE commission.withdrawal AS w
	SET state = next, reason = move_withdrawal.reason, transfer = move_withdrawal.transfer
	WHERE w.event_id = commission_internal.required(withdrawal, 'withdrawal');
	IF NOT FOUND THEN
		RAISE 'withdrawal % is not known', withdrawal USING ERRCODE = 'foreign_key_violation';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.move_withdrawal(bigint, commission.withdrawal_state, text, text) IS 'x';

CREATE FUNCTION commission.approve_withdrawal(withdrawal bigint) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'approved');
COMMENT ON FUNCTION commission.approve_withdrawal(bigint) IS
	'requested to approved: it may be paid and taken into a payout batch (R23); 55000 from any other state, which is named, 23503 for a withdrawal that is not known, 22004 for NULL';

CREATE FUNCTION commission.cancel_withdrawal(withdrawal bigint) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'cancelled');
COMMENT ON FUNCTION commission.cancel_withdrawal(bigint) IS
	'requested or approved to cancelled, by the account: the credits come back (R23); 55000 from any other state or where it is in a payout batch, other errors as approve_withdrawal';

CREATE FUNCTION commission.reject_withdrawal(withdrawal bigint, reason text) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'rejected',
	reason => commission_internal.required(reason, 'reason'));
COMMENT ON FUNCTION commission.reject_withdrawal(bigint, text) IS
	'requested or approved to rejected, by the operator, who says why: the credits come back (R23); 22004 for a NULL reason, 22023 for an empty one, other errors as cancel_withdrawal';

CREATE FUNCTION commission.pay_withdrawal(withdrawal bigint, transfer text) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'paid',
	transfer => commission_internal.required(transfer, 'transfer'));
COMMENT ON FUNCTION commission.pay_withdrawal(bigint, text) IS
	'approved or unknown to paid, by that transfer, the payment provider''s number of it (R23); 22004 for a NULL transfer, 22023 for an empty one, other errors as approve_withdrawal';

CREATE FUNCTION commission.mark_withdrawal_unknown(withdrawal bigint) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'unknown');
COMMENT ON FUNCTION commission.mark_withdrawal_unknown(bigint) IS
	'approved to unknown: the transfer was tried and how it ended is not known (R23); errors as approve_withdrawal';

CREATE FUNCTION commission.fail_withdrawal(withdrawal bigint, reason text) RETURNS void
	LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'failed',
	reason => commission_internal.required(reason, 'reason'));
COMMENT ON FUNCTION commission.fail_withdrawal(bigint, text) IS
	'unknown to failed: the transfer did not arrive, and the credits come back (R23); errors as reject_withdrawal';

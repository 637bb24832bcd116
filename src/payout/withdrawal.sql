/*
 * withdrawal.sql: withdrawals (R23, R24, R39).
 *
 * A withdrawal is changed by an UPDATE of its state, whoever types it, and
 * three triggers stand by.  The guard refuses whatever is not a transition of
 * R23, under session_replication_role = replica, too.  The admission refuses to
 * approve what has an obstacle.  The follower keeps who made the transition and
 * when, and gives the credits back if the transfer is not to be.
 *
 * Locks: a request takes its account's row, so that requests of one account
 * follow one another, and then reads what is committed by now under any
 * isolation level (latest_balance()).  Sales and refunds take no such lock and
 * never wait: a refund that commits later may take the balance below zero, and
 * the withdrawal is then stopped at its approval or its batch.  A transition
 * takes the withdrawal's row.
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
	destination_key bigint NOT NULL GENERATED ALWAYS AS (hashtextextended(
		replace(replace(regexp_replace(
			lower(destination COLLATE "C"),
			'\+[^@]*@', '@'), '.', ''), '@googlemail', '@gmail'), 0)) STORED,
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
	'the payout batch that it is in (R25); NULL if it is in none';
COMMENT ON COLUMN commission.withdrawal.method IS
	'how the money travels: paypal, wise, bank, ...';
COMMENT ON COLUMN commission.withdrawal.destination IS
	'where the money goes, in the method''s own terms; readers see it masked';
COMMENT ON COLUMN commission.withdrawal.destination_key IS
	'the same where mailbox() of the destination is the same';
COMMENT ON CONSTRAINT withdrawal_reason_check ON commission.withdrawal IS
	'a rejected or failed withdrawal has a reason, no other has one';
COMMENT ON CONSTRAINT withdrawal_transfer_check ON commission.withdrawal IS
	'a paid withdrawal has its transfer, no other has one';

CREATE INDEX withdrawal_account_idx
	ON commission.withdrawal (account_id, event_id);
CREATE INDEX withdrawal_destination_idx
	ON commission.withdrawal (destination_key, account_id);
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
	reason text,
	transfer text,
	CONSTRAINT withdrawal_transition_pkey PRIMARY KEY (event_id)
);
COMMENT ON TABLE commission.withdrawal_transition IS
	'the transitions of each withdrawal, its request first (R23); one from approved to approved took it out of its payout batch (R25)';
COMMENT ON COLUMN commission.withdrawal_transition.event_id IS
	'the request has the withdrawal''s own; an entry that gives the credits back has that of its transition';
COMMENT ON COLUMN commission.withdrawal_transition.from_state IS
	'NULL for the request';
COMMENT ON COLUMN commission.withdrawal_transition.changed_by IS
	'the role that had logged in (session_user)';
COMMENT ON COLUMN commission.withdrawal_transition.reason IS
	'of what was rejected or failed, as the withdrawal has it; transfer, of what was paid, likewise';

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
	'whether a withdrawal can go from one state to the other (R23); NULL for NULL';

CREATE FUNCTION commission_internal.guard_withdrawal() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	/* What is generated has no value yet. */
	mutable CONSTANT text[] :=
		'{state,batch_id,reason,transfer,destination_key}';
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
		IF OLD.state <> 'approved' OR NEW.state <> 'approved'
			OR num_nonnulls(OLD.batch_id, NEW.batch_id) = 2
		THEN
			RAISE 'withdrawal % cannot change its payout batch', OLD.event_id
				USING ERRCODE = 'object_not_in_prerequisite_state',
					DETAIL = format('It is %s, and in %s. Only approved withdrawals that are in no batch are put into one, and only approved withdrawals are taken out of one.',
						OLD.state, coalesce('batch ' || OLD.batch_id, 'no batch'));
		END IF;
		RETURN NEW;
	END IF;

	IF NOT commission_internal.withdrawal_can_become(OLD.state, NEW.state) THEN
		onward := ARRAY(
			SELECT s FROM unnest(enum_range(OLD.state)) AS s
			WHERE commission_internal.withdrawal_can_become(OLD.state, s)
			ORDER BY s);
		RAISE 'withdrawal % is %', OLD.event_id, OLD.state
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = CASE onward
					WHEN '{}' THEN
						format('It is settled, and cannot become %s.', NEW.state)
					ELSE
						format('It cannot become %s, only %s or %s.', NEW.state,
							array_to_string(trim_array(onward, 1), ', '),
							onward[cardinality(onward)]) END;
	ELSIF NEW.state IN ('cancelled', 'rejected') AND OLD.batch_id IS NOT NULL THEN
		RAISE 'withdrawal % is in a payout batch', OLD.event_id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'Its transfer may be under way.',
				HINT = 'If it was certainly never sent, take it out with remove_from_batch() first.';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION commission_internal.guard_withdrawal() IS
	'trigger that refuses every UPDATE of a withdrawal except a transition of R23 and its being put into a payout batch or taken out of one (R25): 55000';

CREATE FUNCTION commission_internal.admit_withdrawal() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	obstacle text := commission_internal.withdrawal_obstacle(NEW.account_id);
BEGIN
	PERFORM commission_internal.refuse_withdrawal();
	IF obstacle IS NOT NULL THEN
		RAISE 'withdrawal % cannot be approved', NEW.event_id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = obstacle,
				HINT = 'Approve it once nothing stands in its way, or use reject_withdrawal().';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION commission_internal.admit_withdrawal() IS
	'trigger that refuses to approve a withdrawal in whose way something stands (R39, R46): 55000';

/*
 * The INSERT locks the ledger before it draws the id, which settle.c relies
 * on.
 */
CREATE FUNCTION commission_internal.append_withdrawal_entry(
	kind commission.entry_kind, account_id uuid, amount bigint) RETURNS bigint
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	INSERT INTO commission.entry
		(event_id, line, kind, counts_as, amount, account_id, occurred_at)
	VALUES (commission_internal.draw_event_id(), 1,
		append_withdrawal_entry.kind, 'withdrawal',
		append_withdrawal_entry.amount, append_withdrawal_entry.account_id,
		now())
	RETURNING event_id;
END;
COMMENT ON FUNCTION commission_internal.append_withdrawal_entry(commission.entry_kind, uuid, bigint) IS
	'appends the entry that takes credits out of an account''s balance or gives them back, and returns its event id (R23)';

CREATE FUNCTION commission_internal.follow_withdrawal() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF TG_RELID <> 'commission.withdrawal'::regclass THEN
		RAISE 'function "follow_withdrawal" must be fired by "commission.withdrawal"'
			USING ERRCODE = 'trigger_protocol_violated';
	END IF;
	INSERT INTO commission.withdrawal_transition (event_id, withdrawal_id,
		changed_at, from_state, to_state, changed_by, reason, transfer)
	VALUES (
		CASE WHEN NEW.state IN ('cancelled', 'rejected', 'failed')
			THEN commission_internal.append_withdrawal_entry('withdrawal_return',
				NEW.account_id, NEW.amount)
			ELSE commission_internal.draw_event_id()
		END,
		NEW.event_id, now(), OLD.state, NEW.state, session_user, NEW.reason,
		NEW.transfer);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION commission_internal.follow_withdrawal() IS
	'trigger that keeps each transition of a withdrawal, and appends the entry that gives the credits back when it is cancelled, rejected or failed (R23); 39P01 on another table';

/*
 * Only the guard is ENABLE ALWAYS: what replication applies was admitted where
 * it comes from, and brings the transition and the entry with it.
 */
CREATE TRIGGER withdrawal_admission
	BEFORE UPDATE ON commission.withdrawal
	FOR EACH ROW WHEN (OLD.state = 'requested' AND NEW.state = 'approved')
	EXECUTE FUNCTION commission_internal.admit_withdrawal();
CREATE TRIGGER withdrawal_state_guard
	BEFORE UPDATE ON commission.withdrawal
	FOR EACH ROW EXECUTE FUNCTION commission_internal.guard_withdrawal();
CREATE TRIGGER withdrawal_follower
	AFTER UPDATE ON commission.withdrawal
	FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state
					   OR OLD.batch_id IS NOT NULL AND NEW.batch_id IS NULL)
	EXECUTE FUNCTION commission_internal.follow_withdrawal();
ALTER TABLE commission.withdrawal
	ENABLE ALWAYS TRIGGER withdrawal_state_guard;

CREATE FUNCTION commission_internal.lock_withdrawal(withdrawal bigint)
	RETURNS commission.withdrawal
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
	AS $$
DECLARE
	locked commission.withdrawal;
BEGIN
	PERFORM commission_internal.refuse_on_node('withdrawal');
	SELECT w.* INTO locked FROM commission.withdrawal AS w
	WHERE w.event_id = commission_internal.required(withdrawal, 'withdrawal')
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE 'withdrawal % does not exist', withdrawal
			USING ERRCODE = 'foreign_key_violation';
	END IF;
	RETURN locked;
END $$;
COMMENT ON FUNCTION commission_internal.lock_withdrawal(bigint) IS
	'locks a withdrawal''s row and returns it; 23503 for one that does not exist, 22004 for NULL';

CREATE FUNCTION commission_internal.move_withdrawal(
	withdrawal bigint, next commission.withdrawal_state,
	reason text DEFAULT NULL, transfer text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
	AS $$
BEGIN
	PERFORM commission_internal.lock_withdrawal(withdrawal);
	UPDATE commission.withdrawal AS w
	SET state = next, reason = move_withdrawal.reason,
		transfer = move_withdrawal.transfer
	WHERE w.event_id = withdrawal;
END $$;
COMMENT ON FUNCTION commission_internal.move_withdrawal(bigint, commission.withdrawal_state, text, text) IS
	'the UPDATE that is a transition (R23), for the functions that are named after one; 55000 where there is no such transition, 23503 for a withdrawal that does not exist, 22004 for NULL';

CREATE FUNCTION commission.approve_withdrawal(withdrawal bigint)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'approved');
COMMENT ON FUNCTION commission.approve_withdrawal(bigint) IS
	'requested to approved: it may be paid and put into a payout batch (R23); 55000 from any other state, and while the account''s balance is below zero (R39), the account is held (R46) or its payout address was changed within commission.address_pause_days; 23503 for a withdrawal that does not exist, 22004 for NULL';

CREATE FUNCTION commission.cancel_withdrawal(withdrawal bigint)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'cancelled');
COMMENT ON FUNCTION commission.cancel_withdrawal(bigint) IS
	'requested or approved to cancelled, by the account: the credits come back (R23); 55000 from any other state and in a payout batch, other errors as approve_withdrawal';

CREATE FUNCTION commission.reject_withdrawal(withdrawal bigint, reason text)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'rejected',
	reason => commission_internal.required(reason, 'reason'));
COMMENT ON FUNCTION commission.reject_withdrawal(bigint, text) IS
	'requested or approved to rejected, by the operator, who gives a reason: the credits come back (R23); 22004 for a NULL reason, 22023 for an empty one, other errors as cancel_withdrawal';

CREATE FUNCTION commission.pay_withdrawal(withdrawal bigint, transfer text)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'paid',
	transfer => commission_internal.required(transfer, 'transfer'));
COMMENT ON FUNCTION commission.pay_withdrawal(bigint, text) IS
	'approved or unknown to paid, by that transfer, the payment provider''s number of it (R23); a transfer that was made can always be recorded, whatever the balance (R39); 55000 from any other state, 23503 for a withdrawal that does not exist, 22004 for NULL, 22023 for an empty transfer';

CREATE FUNCTION commission.mark_withdrawal_unknown(withdrawal bigint)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'unknown');
COMMENT ON FUNCTION commission.mark_withdrawal_unknown(bigint) IS
	'approved to unknown: the transfer was tried, and its outcome is not known (R23); 55000 from any other state, 23503 for a withdrawal that does not exist, 22004 for NULL';

CREATE FUNCTION commission.fail_withdrawal(withdrawal bigint, reason text)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'failed',
	reason => commission_internal.required(reason, 'reason'));
COMMENT ON FUNCTION commission.fail_withdrawal(bigint, text) IS
	'unknown to failed: the transfer did not arrive, and the credits come back (R23); 55000 from any other state, 23503 for a withdrawal that does not exist, 22004 for NULL, 22023 for an empty reason';

/*
 * hold.sql: holds of accounts (R46).
 *
 * An account is held by its last hold until it is released.  Whoever holds or
 * releases an account locks its row first, so that the changes of an account
 * are numbered in the order in which they are made; a request of a withdrawal
 * takes the same lock.  An approval and a batch take none: they honour every hold
 * that has committed, and one that commits later stops the withdrawal on its
 * further way.
 */

CREATE TABLE commission.hold_change (
	change_id bigint NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now(),
	account_id uuid NOT NULL,
	is_hold boolean NOT NULL,
	changed_by text NOT NULL DEFAULT session_user,
	reason text,
	CONSTRAINT hold_change_pkey PRIMARY KEY (change_id),
	CONSTRAINT hold_change_reason_check CHECK (reason IS NOT NULL OR NOT is_hold)
);
COMMENT ON TABLE commission.hold_change IS
	'each hold of an account and each release (R46)';
COMMENT ON COLUMN commission.hold_change.change_id IS
	'drawn like an event id; the highest of an account is the one in force';
COMMENT ON COLUMN commission.hold_change.is_hold IS
	'false: a release, which ends every hold before it';
COMMENT ON COLUMN commission.hold_change.changed_by IS
	'the role that had logged in (session_user)';
COMMENT ON CONSTRAINT hold_change_reason_check ON commission.hold_change IS
	'every hold has a reason';

CREATE INDEX hold_change_account_idx
	ON commission.hold_change (account_id, change_id);

CREATE VIEW commission.account_hold AS
	SELECT a.name AS account,
		h.changed_at AS held_at,
		r.changed_at AS released_at,
		h.reason,
		r.reason AS release_reason,
		h.changed_by AS held_by,
		r.changed_by AS released_by,
		h.change_id AS hold_id,
		h.account_id
	FROM commission.hold_change AS h
	JOIN commission.account AS a ON a.account_id = h.account_id
	LEFT JOIN LATERAL (
		SELECT c.changed_at, c.reason, c.changed_by
		FROM commission.hold_change AS c
		WHERE c.account_id = h.account_id AND c.change_id > h.change_id
			AND NOT c.is_hold
		ORDER BY c.change_id
		LIMIT 1) AS r ON true
	WHERE h.is_hold;
COMMENT ON VIEW commission.account_hold IS
	'each hold of an account, and its release (R46): when, why and by whom; in force while released_at is NULL; read it with ORDER BY hold_id DESC LIMIT n';

CREATE FUNCTION commission_internal.locked_account(account text)
	RETURNS commission.account
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
	AS $$
DECLARE
	locked commission.account;
BEGIN
	SELECT a.* INTO locked FROM commission.account AS a
	WHERE a.account_id = commission.account_id(
		commission_internal.required(account, 'account'))
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE 'account "%" does not exist', account
			USING ERRCODE = 'foreign_key_violation';
	END IF;
	RETURN locked;
END $$;
COMMENT ON FUNCTION commission_internal.locked_account(text) IS
	'locks an account''s row and returns it; 23503 for one that does not exist, 22004 for NULL, 22023 for an empty or over-long name';

CREATE FUNCTION commission.hold_account(account text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM commission_internal.required(reason, 'reason');
	INSERT INTO commission.hold_change (account_id, change_id, is_hold, reason)
	VALUES ((commission_internal.locked_account(account)).account_id,
		commission_internal.draw_event_id(), true,
		commission_internal.bounded(reason, 'reason'));
END $$;
COMMENT ON FUNCTION commission.hold_account(text, text) IS
	'holds an account: it keeps earning and withdraws nothing (R46). It requests no withdrawal; those that it has are not approved and not put into a payout batch, and a batch is exported without them. A held account can be held again, for a further reason; 23503 for an account that does not exist, 22004 for NULL, 22023 for an empty or over-long account or reason';

CREATE FUNCTION commission.release_account(account text,
										   reason text DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off
	AS $$
DECLARE
	locked CONSTANT commission.account :=
		commission_internal.locked_account(account);
BEGIN
	IF NOT EXISTS (SELECT FROM commission.account_hold AS h
				   WHERE h.account_id = locked.account_id
					   AND h.released_at IS NULL)
	THEN
		RAISE 'account "%" is not held', account
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	INSERT INTO commission.hold_change (account_id, change_id, is_hold, reason)
	VALUES (locked.account_id, commission_internal.draw_event_id(), false,
		commission_internal.bounded(reason, 'reason'));
END $$;
COMMENT ON FUNCTION commission.release_account(text, text) IS
	'ends every hold of an account; its withdrawals go on from where they were (R46); 55000 for an account that is not held, 23503 for one that does not exist, 22004 for a NULL account, 22023 for an empty or over-long account or an over-long reason';

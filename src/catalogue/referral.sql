/*
 * referral.sql: who referred whom, and every change of that (R29).
 *
 * commission.referral has the referrers in force, which is all that a sale
 * reads; commission.referral_change has each that ever was, and the
 * affiliate's screens read that one, since what was earned stays with whoever
 * earned it.  Whoever changes an account's referrer locks the account's row
 * first: the changes of an account are numbered in the order in which they
 * are made.  A sale waits for none of it, nor does another account's sign-up.
 */

CREATE TABLE commission.referral (
	account_id uuid NOT NULL,
	referrer_id uuid NOT NULL,
	attributed_at timestamptz NOT NULL,
	role commission.referral_role NOT NULL,
	CONSTRAINT referral_pkey PRIMARY KEY (account_id, role),
	CONSTRAINT referral_self_check CHECK (account_id <> referrer_id)
);
COMMENT ON TABLE commission.referral IS
	'who referred an account, as a brand (what it buys) or as a creator (what its listings sell): the referrers in force, one for each role (R29)';
COMMENT ON COLUMN commission.referral.attributed_at IS
	'sales from then on pay the brand leg (R10)';
COMMENT ON CONSTRAINT referral_self_check ON commission.referral IS
	'an account cannot be referred by itself (R13)';

CREATE TABLE commission.referral_change (
	change_id bigint NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now(),
	attributed_at timestamptz,
	signed_up_at timestamptz NOT NULL,
	account_id uuid NOT NULL,
	referrer_id uuid,
	role commission.referral_role NOT NULL,
	is_first boolean NOT NULL,
	is_signup boolean NOT NULL,
	accrues_past boolean NOT NULL,
	campaign text COLLATE "C",
	reason text,
	CONSTRAINT referral_change_pkey PRIMARY KEY (change_id),
	CONSTRAINT referral_change_self_check CHECK (account_id <> referrer_id),
	CONSTRAINT referral_change_ended_check CHECK (
		(referrer_id IS NULL) = (attributed_at IS NULL))
);
COMMENT ON TABLE commission.referral_change IS
	'each referral that was ever set, moved or ended: what was earned stays with the referrer of the time (R29)';
COMMENT ON COLUMN commission.referral_change.change_id IS
	'drawn like an event id; the highest of an account and role is the one in force';
COMMENT ON COLUMN commission.referral_change.signed_up_at IS
	'when the account signed up, as far as it is known here';
COMMENT ON COLUMN commission.referral_change.referrer_id IS
	'NULL: the referral was ended';
COMMENT ON COLUMN commission.referral_change.is_first IS
	'the account''s first referral to this referrer for the role, under whose campaign its earnings are shown';
COMMENT ON COLUMN commission.referral_change.is_signup IS
	'the first for any role, by which the account is counted once';
COMMENT ON COLUMN commission.referral_change.accrues_past IS
	'what was sold before it is accrued, too (R37): by the call that made it and, where the ledger is on several nodes, by accrue_deferred() on each';
COMMENT ON COLUMN commission.referral_change.campaign IS
	'the campaign of the first touch; NULL: none';
COMMENT ON COLUMN commission.referral_change.reason IS
	'the operator''s, for moving or ending it';
COMMENT ON CONSTRAINT referral_change_self_check ON commission.referral_change IS
	'an account cannot be referred by itself (R13)';
COMMENT ON CONSTRAINT referral_change_ended_check ON commission.referral_change IS
	'a referral that is ended has neither a referrer nor a time';

CREATE INDEX referral_change_account_idx
	ON commission.referral_change (account_id, role, change_id);
CREATE UNIQUE INDEX referral_change_first_idx
	ON commission.referral_change (account_id, referrer_id, role)
	WHERE is_first;
CREATE UNIQUE INDEX referral_change_signup_idx
	ON commission.referral_change (account_id, referrer_id)
	WHERE is_signup;
CREATE INDEX referral_change_referrer_idx
	ON commission.referral_change
	(referrer_id, ((signed_up_at AT TIME ZONE INTERVAL '0')::date))
	WHERE is_first;
CREATE INDEX referral_change_signup_time_idx
	ON commission.referral_change (changed_at)
	WHERE is_signup;
CREATE INDEX referral_change_campaign_idx
	ON commission.referral_change (campaign)
	WHERE is_first AND campaign IS NOT NULL;

CREATE VIEW commission.referral_history AS
	SELECT a.name AS account,
		c.role,
		r.name AS referrer,
		c.attributed_at,
		c.signed_up_at,
		c.campaign,
		c.reason,
		c.changed_at,
		c.change_id,
		c.account_id
	FROM commission.referral_change AS c
	JOIN commission.account AS a ON a.account_id = c.account_id
	LEFT JOIN commission.account AS r ON r.account_id = c.referrer_id;
COMMENT ON VIEW commission.referral_history IS
	'each referral that was ever set, moved or ended (R29): the referrer from then on, NULL where it was ended, and the operator''s reason; read it with ORDER BY change_id DESC LIMIT n';

CREATE FUNCTION commission_internal.lock_account(account_id uuid) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	PERFORM FROM commission.account AS a
	WHERE a.account_id = lock_account.account_id FOR NO KEY UPDATE;
END $$;
COMMENT ON FUNCTION commission_internal.lock_account(uuid) IS
	'locks the row of an account whose referrer is to change, until the transaction ends';

/*
 * Where nobody says when the account signed up, it is what was said when it
 * was first referred for the role, or else the earliest that is known here.
 * Under the account's lock a conflict can only be with a change that a later
 * snapshot would see: ON CONFLICT makes it 40001 instead of 23505.  The queries on
 * what was before name the argument, not the account's column: 18 would hash the
 * whole table for that, whatever enable_seqscan says.
 */
CREATE FUNCTION commission_internal.append_referral_change(
	account_id uuid, role commission.referral_role, referrer_id uuid,
	attributed_at timestamptz, reason text DEFAULT NULL,
	signed_up_at timestamptz DEFAULT NULL, campaign text DEFAULT NULL,
	accrues_past boolean DEFAULT false)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
#variable_conflict use_variable
BEGIN
	INSERT INTO commission.referral_change (change_id, attributed_at,
		signed_up_at, account_id, referrer_id, role, is_first, is_signup,
		accrues_past, campaign, reason)
	SELECT commission_internal.draw_event_id(), attributed_at,
		coalesce(signed_up_at,
			(SELECT c.signed_up_at FROM commission.referral_change AS c
			 WHERE c.account_id = append_referral_change.account_id
				AND c.role = append_referral_change.role
			 ORDER BY c.change_id DESC LIMIT 1),
			least(a.registered_at, attributed_at)),
		account_id, referrer_id, role,
		referrer_id IS NOT NULL AND NOT EXISTS (
			SELECT FROM commission.referral_change AS c
			WHERE c.account_id = append_referral_change.account_id
				AND c.role = append_referral_change.role
				AND c.referrer_id = append_referral_change.referrer_id),
		referrer_id IS NOT NULL AND NOT EXISTS (
			SELECT FROM commission.referral_change AS c
			WHERE c.account_id = append_referral_change.account_id
				AND c.referrer_id = append_referral_change.referrer_id),
		accrues_past, campaign, commission_internal.bounded(reason, 'reason')
	FROM commission.account AS a
	WHERE a.account_id = append_referral_change.account_id
	ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION commission_internal.append_referral_change(uuid, commission.referral_role, uuid, timestamptz, text, timestamptz, text, boolean) IS
	'appends to referral_change that an account, whose row is locked, has another referrer for a role, or none for NULL; 22023 for a reason of more than 1024 bytes';

CREATE FUNCTION commission_internal.set_referral(
	account_id uuid, role commission.referral_role, referrer_id uuid,
	attributed_at timestamptz, signed_up_at timestamptz DEFAULT NULL,
	campaign text DEFAULT NULL, accrue_past boolean DEFAULT false)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	PERFORM commission_internal.lock_account(account_id);
	INSERT INTO commission.referral (account_id, role, referrer_id, attributed_at)
	VALUES (account_id, role, referrer_id, attributed_at)
	ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM commission_internal.append_referral_change(account_id, role, referrer_id,
		attributed_at, NULL, signed_up_at, campaign, accrue_past);
	IF accrue_past THEN
		PERFORM commission_internal.accrue_late(account_id, role);
	END IF;
	RETURN true;
END $$;
COMMENT ON FUNCTION commission_internal.set_referral(uuid, commission.referral_role, uuid, timestamptz, timestamptz, text, boolean) IS
	'gives an account that exists its referrer for a role and, where asked to, accrues what it brought since attributed_at (R37); false if it has one (R29)';

CREATE FUNCTION commission_internal.two_accounts(account text, referrer text)
	RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	IF commission_internal.identifier(account, 'account')
		= commission_internal.identifier(referrer, 'referrer')
	THEN
		RAISE 'an account cannot be referred by itself'
			USING ERRCODE = 'check_violation',
				DETAIL = format('Account and referrer are both "%s".', account);
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.two_accounts(text, text) IS
	'that an account and its referrer are two (R13): 23514 otherwise; 22004 for NULL, 22023 for an empty or over-long name';

CREATE FUNCTION commission.refer(account text, referrer text,
								 role commission.referral_role,
								 attributed_at timestamptz DEFAULT now(),
								 accrue_past boolean DEFAULT false)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	PERFORM commission_internal.two_accounts(account, referrer);
	role := commission_internal.required(role, 'role');
	attributed_at := commission_internal.finite(attributed_at, 'attributed_at');
	PERFORM commission_internal.know_accounts(
		commission_internal.identifier(account, 'account'),
		commission_internal.identifier(referrer, 'referrer'));
	RETURN commission_internal.set_referral(commission.account_id(account), role,
		commission.account_id(referrer), attributed_at,
		accrue_past => accrue_past);
END $$;
COMMENT ON FUNCTION commission.refer(text, text, commission.referral_role, timestamptz, boolean) IS
	'sets the operator''s referral: true if it is set now, false if the account already has a referrer for the role, who stays (R29); where it is set and accrue_past is true, what the account bought, ordered or sold since attributed_at without a referrer is accrued now (R37); of several transactions at once one sets it, and the others wait for it; 23514 for an account referred by itself (R13), 22004 for a NULL account, referrer or role, 22023 for an empty or over-long name, 22008 for an infinite time';

CREATE FUNCTION commission.move_referral(account text, referrer text,
										 role commission.referral_role,
										 attributed_at timestamptz DEFAULT now(),
										 reason text DEFAULT NULL)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	id uuid;
	new_referrer uuid;
	former uuid;
BEGIN
	PERFORM commission_internal.two_accounts(account, referrer);
	role := commission_internal.required(role, 'role');
	attributed_at := commission_internal.finite(attributed_at, 'attributed_at');
	id := commission.account_id(account);
	new_referrer := commission_internal.know_account(
		commission_internal.identifier(referrer, 'referrer'));
	PERFORM commission_internal.lock_account(id);
	SELECT r.referrer_id INTO former FROM commission.referral AS r
	WHERE r.account_id = id AND r.role = move_referral.role FOR UPDATE;
	IF NOT FOUND THEN
		RAISE 'account "%" has no referrer as a %', account, role
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Give it one with refer().';
	ELSIF former = new_referrer THEN
		RETURN false;
	END IF;
	UPDATE commission.referral AS r
	SET referrer_id = new_referrer, attributed_at = move_referral.attributed_at
	WHERE r.account_id = id AND r.role = move_referral.role;
	PERFORM commission_internal.append_referral_change(id, role, new_referrer,
		attributed_at, reason);
	RETURN true;
END $$;
COMMENT ON FUNCTION commission.move_referral(text, text, commission.referral_role, timestamptz, text) IS
	'gives an account another referrer for the role: true if it is moved, false if that is its referrer already; what was earned until then stays where it is, and referral_history keeps who was before (R29); 55000 for an account without a referrer for the role, 22023 for a reason of more than 1024 bytes, otherwise errors as refer';

CREATE FUNCTION commission.end_referral(account text,
										role commission.referral_role,
										reason text DEFAULT NULL)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	id CONSTANT uuid := commission.account_id(
		commission_internal.identifier(account, 'account'));
BEGIN
	role := commission_internal.required(role, 'role');
	PERFORM commission_internal.lock_account(id);
	DELETE FROM commission.referral AS r
	WHERE r.account_id = id AND r.role = end_referral.role;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM commission_internal.append_referral_change(id, role, NULL, NULL, reason);
	RETURN true;
END $$;
COMMENT ON FUNCTION commission.end_referral(text, commission.referral_role, text) IS
	'ends an account''s referral for the role: true if it is ended, false if there was none; what was earned until then stays where it is, and referral_history keeps who was before (R29); 22004 for a NULL account or role, 22023 for an empty or over-long name or a reason of more than 1024 bytes';

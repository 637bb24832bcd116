/*
 * attribution.sql: a sign-up completes a first touch (R28).
 *
 * Several roads of an application can lead here at once.  They race for the
 * row of the account and role in commission.referral: one inserts it, the
 * others wait for that one and find it there.  Each leaves a row in
 * commission.attempt.
 */

CREATE TABLE commission.attempt (
	attempt_id bigint NOT NULL,
	attempted_at timestamptz NOT NULL DEFAULT now(),
	signed_up_at timestamptz NOT NULL,
	touched_at timestamptz,
	account_id uuid NOT NULL,
	role commission.referral_role NOT NULL,
	outcome commission.attribution_outcome NOT NULL,
	referrer_name text,
	campaign text,
	coupon text,
	CONSTRAINT attempt_pkey PRIMARY KEY (attempt_id)
);
COMMENT ON TABLE commission.attempt IS
	'each attempt to attribute an account, and what became of it (R28)';
COMMENT ON COLUMN commission.attempt.attempt_id IS
	'drawn like an event id';
COMMENT ON COLUMN commission.attempt.signed_up_at IS
	'as the application said';
COMMENT ON COLUMN commission.attempt.touched_at IS
	'the first touch that the token carries; NULL: there was no token, or it was not good. referrer_name likewise';
COMMENT ON COLUMN commission.attempt.referrer_name IS
	'as the token names it, whether it exists here or not';
COMMENT ON COLUMN commission.attempt.campaign IS
	'NULL: none';
COMMENT ON COLUMN commission.attempt.coupon IS
	'the code that was redeemed (R44), at signed_up_at; NULL: the attempt was a sign-up';

CREATE INDEX attempt_account_idx ON commission.attempt (account_id, attempt_id);
CREATE INDEX attempt_quick_idx
	ON commission.attempt ((signed_up_at - touched_at))
	WHERE outcome = 'attributed';
CREATE INDEX attempt_coupon_idx ON commission.attempt (campaign)
	WHERE outcome = 'attributed' AND coupon IS NOT NULL;

CREATE VIEW commission.attribution_attempt AS
	SELECT a.name AS account,
		t.role,
		t.outcome,
		CASE t.outcome
			WHEN 'invalid_coupon' THEN
				'the coupon did not exist, was not valid at that time, or was used up'
			WHEN 'attributed' THEN CASE WHEN t.coupon IS NULL
				THEN 'the sign-up completed the touch' ELSE 'the coupon referred the account' END
			WHEN 'already_attributed' THEN
				'the account had a referrer for the role'
			WHEN 'expired' THEN 'the touch had run out when the account signed up'
			WHEN 'self_referral' THEN format('the account is the %s''s referrer', by.what)
			WHEN 'no_touch' THEN 'the sign-up brought no token'
			WHEN 'invalid_token' THEN
				'the token was not signed under a secret in force'
			WHEN 'unknown_referrer' THEN
				format('the %s''s referrer did not exist or was closed', by.what)
			WHEN 'existing_account' THEN
				'the account signed up, was registered, bought or ordered before the touch'
		END AS reason,
		t.referrer_name AS referrer,
		t.campaign,
		t.touched_at,
		t.signed_up_at,
		t.attempted_at,
		t.attempt_id,
		t.account_id,
		t.coupon
	FROM commission.attempt AS t
	JOIN commission.account AS a ON a.account_id = t.account_id
	CROSS JOIN LATERAL (
		SELECT CASE WHEN t.coupon IS NULL THEN 'token' ELSE 'coupon' END AS what) AS by
	ORDER BY t.attempt_id DESC;
COMMENT ON VIEW commission.attribution_attempt IS
	'each attempt to attribute an account, newest first: its outcome and what that means (R28), and the token''s referrer, campaign and first touch, NULL where the token was not good, or the coupon (R44), at signed_up_at, and its referrer';

CREATE FUNCTION commission_internal.read_touch(
	token text, at timestamptz, OUT referrer text, OUT touched_at timestamptz,
	OUT campaign text, OUT referrer_id uuid, OUT is_in_window boolean)
	LANGUAGE c STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_read_touch';
COMMENT ON FUNCTION commission_internal.read_touch(text, timestamptz) IS
	'the first touch that a token carries, and whether a sign-up at a moment is within commission.attribution_window_days of it, to the microsecond (R26); referrer_id is NULL where the referrer cannot be an account''s name; NULL for a NULL token and for one that is not good; 55000 where neither secret is set and has at least 32 bytes';

CREATE FUNCTION commission_internal.is_known_before(account_id uuid, at timestamptz)
	RETURNS boolean
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM commission.account AS a
				   WHERE a.account_id = is_known_before.account_id
					   AND a.registered_at < at)
		OR EXISTS (SELECT FROM commission.customer_order AS o
				   WHERE o.customer_id = is_known_before.account_id
					   AND o.occurred_at < at)
		OR EXISTS (SELECT FROM commission.unreferred_leg AS u
				   WHERE u.account_id = is_known_before.account_id
					   AND u.leg = 'b' AND u.occurred_at < at);
END $$;
COMMENT ON FUNCTION commission_internal.is_known_before(uuid, timestamptz) IS
	'whether an account was registered, had bought or had ordered before a moment (R28); of what it bought, the generations without a referrer answer, because whoever has one is registered';

/*
 * R44: a referral by a coupon that was redeemed after the touch gives way to
 * it.  What it has earned stays where it is (R29).
 */
CREATE FUNCTION commission_internal.is_by_coupon(
	account_id uuid, role commission.referral_role, after timestamptz)
	RETURNS boolean
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM commission.referral AS r
				   JOIN commission.attempt AS t ON t.account_id = r.account_id
				   WHERE r.account_id = is_by_coupon.account_id
					   AND r.role = is_by_coupon.role AND r.role = 'brand'
					   AND r.attributed_at > after
					   AND t.coupon IS NOT NULL AND t.outcome = 'attributed'
					   AND t.signed_up_at = r.attributed_at);
END $$;
COMMENT ON FUNCTION commission_internal.is_by_coupon(uuid, commission.referral_role, timestamptz) IS
	'whether the account''s referrer for a role is that of a coupon that was redeemed after a moment';

CREATE FUNCTION commission_internal.complete_touch(
	account_id uuid, role commission.referral_role, referrer_id uuid,
	touched_at timestamptz, signed_up_at timestamptz, campaign text)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	IF commission_internal.set_referral(account_id, role, referrer_id, signed_up_at,
										signed_up_at, campaign, true)
	THEN
		RETURN true;
	ELSIF NOT commission_internal.is_by_coupon(account_id, role, touched_at) THEN
		RETURN false;
	END IF;
	UPDATE commission.referral AS r
	SET referrer_id = complete_touch.referrer_id, attributed_at = signed_up_at
	WHERE r.account_id = complete_touch.account_id AND r.role = complete_touch.role;
	PERFORM commission_internal.append_referral_change(account_id, role, referrer_id,
		signed_up_at, 'a first touch from before the coupon', signed_up_at, campaign);
	PERFORM commission_internal.accrue_late(account_id, role);
	RETURN true;
END $$;
COMMENT ON FUNCTION commission_internal.complete_touch(uuid, commission.referral_role, uuid, timestamptz, timestamptz, text) IS
	'gives an account the referrer of its live first touch, from the sign-up on: false if it has one by other means than a later coupon (R28, R44)';

CREATE FUNCTION commission.attribute(account text, token text,
									 role commission.referral_role,
									 signed_up_at timestamptz DEFAULT now(),
									 label text DEFAULT NULL)
	RETURNS commission.attribution_outcome
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	roles CONSTANT commission.referral_role[] := CASE WHEN role IS NULL
		THEN enum_range(role) ELSE ARRAY[role] END;
	id uuid;
	first record;
	referrer_is_active boolean;
	outcome commission.attribution_outcome;
	result commission.attribution_outcome;
BEGIN
	account := commission_internal.identifier(account, 'account');
	signed_up_at := commission_internal.finite(signed_up_at, 'signed_up_at');
	token := nullif(token, '');
	SELECT t.* INTO first FROM commission_internal.read_touch(token, signed_up_at) AS t;

	/* Looked for before the account itself is created: they may be one. */
	referrer_is_active := EXISTS (SELECT FROM commission.account AS a
		WHERE a.account_id = first.referrer_id AND a.closed_at IS NULL);
	id := commission_internal.know_account(account, label, signed_up_at);
	FOREACH role IN ARRAY roles LOOP
		outcome := CASE
			WHEN token IS NULL THEN 'no_touch'
			WHEN first.touched_at IS NULL THEN 'invalid_token'
			WHEN NOT referrer_is_active THEN 'unknown_referrer'
			WHEN first.referrer_id = id THEN 'self_referral'
			WHEN EXISTS (SELECT FROM commission.referral AS r
						 WHERE r.account_id = id AND r.role = attribute.role)
				AND NOT (first.is_in_window
						 AND commission_internal.is_by_coupon(id, role, first.touched_at))
				THEN 'already_attributed'
			WHEN signed_up_at < first.touched_at
				OR commission_internal.is_known_before(id, first.touched_at)
				THEN 'existing_account'
			WHEN NOT first.is_in_window THEN 'expired'
			/* From the sign-up on, by whichever road and however late. */
			WHEN commission_internal.complete_touch(id, role, first.referrer_id,
				first.touched_at, signed_up_at, first.campaign) THEN 'attributed'
			ELSE 'already_attributed'
		END;
		INSERT INTO commission.attempt (attempt_id, signed_up_at, touched_at,
			account_id, role, outcome, referrer_name, campaign)
		VALUES (commission_internal.draw_event_id(), signed_up_at, first.touched_at,
			id, role, outcome, first.referrer, first.campaign);
		IF result IS NULL OR outcome = 'attributed' THEN
			result := outcome;
		END IF;
	END LOOP;
	RETURN result;
END $$;
COMMENT ON FUNCTION commission.attribute(text, text, commission.referral_role, timestamptz, text) IS
	'completes, by the sign-up of an account, the first touch that a token of touch() carries: the account has the token''s referrer for the role from signed_up_at on, and what it bought, ordered or sold since then without a referrer is accrued now (R37). Of several transactions at once one is attributed, and the others wait for it and are already_attributed; under REPEATABLE READ and SERIALIZABLE they may be told to try again (40001). Where several reasons against it hold, the outcome is the first of no_touch (a NULL or empty token), invalid_token, unknown_referrer (or a closed one), self_referral, already_attributed, existing_account (signed up, registered here, or in the ledger as a buyer or customer, before the touch) and expired (signed up later than commission.attribution_window_days after the touch) (R28); attribution_attempt keeps each. A referral by a coupon that was redeemed after the touch does not count as a referrer: it gives way (R44). A NULL role is both roles, each attempted and kept by itself: the outcome is attributed if either is, else that of the brand role. The account is registered in any case, with a label (an e-mail address or name, shown masked) that replaces the former unless it is NULL. A NULL signed_up_at is now; 22004 for a NULL account, 22023 for an empty account or for an account or label of more than 1024 bytes, 22008 for an infinite time, 55000 where there is a token and neither commission.cref_secret nor commission.cref_secret_previous is set and has at least 32 bytes';

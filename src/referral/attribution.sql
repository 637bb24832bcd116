/*
 * attribution.sql: a sign-up completes a first touch (R28).
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
	CONSTRAINT attempt_pkey PRIMARY KEY (attempt_id)
);
COMMENT ON TABLE commission.attempt IS
	'each attempt to attribute an account, and what became of it (R28)';
COMMENT ON COLUMN commission.attempt.attempt_id IS
	'drawn like an event id';
COMMENT ON COLUMN commission.attempt.signed_up_at IS
	'as the application said';
COMMENT ON COLUMN commission.attempt.touched_at IS
	'the first touch, by a token that is good; NULL: it was not. referrer_name likewise';
COMMENT ON COLUMN commission.attempt.referrer_name IS
	'as the token names it, known here or not';
COMMENT ON COLUMN commission.attempt.campaign IS
	'NULL: none';

CREATE INDEX attempt_account_idx ON commission.attempt (account_id, attempt_id);

CREATE VIEW commission.attribution_attempt AS
	SELECT a.name AS account,
		t.role,
		t.outcome,
		CASE t.outcome
			WHEN 'attributed' THEN 'the sign-up completed the touch'
			WHEN 'already_attributed' THEN
				'the account had a referrer for the role'
			WHEN 'expired' THEN 'the touch had run out when the account signed up'
			WHEN 'self_referral' THEN 'the account is the token''s referrer'
			WHEN 'invalid_token' THEN
				'there was no token, or it was not signed under a secret in force'
			WHEN 'unknown_referrer' THEN
				'the token''s referrer was not known or was closed'
			WHEN 'existing_account' THEN
				'the account signed up or was known before the touch'
		END AS reason,
		t.referrer_name AS referrer,
		t.campaign,
		t.touched_at,
		t.signed_up_at,
		t.attempted_at,
		t.attempt_id,
		t.account_id
	FROM commission.attempt AS t
	JOIN commission.account AS a ON a.account_id = t.account_id
	ORDER BY t.attempt_id DESC;
COMMENT ON VIEW commission.attribution_attempt IS
	'each attempt to attribute an account, newest first: its outcome and what that means (R28), and the token''s referrer, campaign and first touch, NULL where the token was not good';

CREATE FUNCTION commission.attribute(account text, token text,
									 role commission.referral_role,
									 signed_up_at timestamptz DEFAULT now(),
									 label text DEFAULT NULL)
	RETURNS commission.attribution_outcome
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_attribute';
COMMENT ON FUNCTION commission.attribute(text, text, commission.referral_role, timestamptz, text) IS
	'completes the first touch that a token of touch carries by the sign-up of an account, which then has the token''s referrer for the role from signed_up_at on; of several transactions at once one is attributed, and the others wait for it and are already_attributed. Where several reasons against it hold, the first of invalid_token, unknown_referrer (or a closed one), self_referral, already_attributed, existing_account (signed up, or known here, before the touch) and expired (signed up later than commission.attribution_window_days after the touch) is given (R28); attribution_attempt keeps each. The account is made known in any case, with a label (e-mail address or name, shown masked) that replaces the former unless it is NULL. A NULL token is invalid_token, a NULL signed_up_at is now; 22004 for a NULL account or role, 22023 for an empty or over-long account, 22008 for an infinite time, 55000 where neither commission.cref_secret nor commission.cref_secret_previous is set and has at least 32 bytes';

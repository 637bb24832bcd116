/*
 * attribution.sql: who referred whom (R29).
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
	'who referred an account, as a brand (what it buys) or as a creator (what its listings sell): one referrer for each role (R29)';
COMMENT ON CONSTRAINT referral_self_check ON commission.referral IS
	'an account cannot be referred by itself (R13)';

CREATE INDEX referral_referrer_idx ON commission.referral (referrer_id);

CREATE FUNCTION commission.refer(account text, referrer text,
								 role commission.referral_role,
								 attributed_at timestamptz DEFAULT now())
	RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_refer';
COMMENT ON FUNCTION commission.refer(text, text, commission.referral_role, timestamptz) IS
	'the operator''s referral: true if it is set now, false if the account has a referrer for the role already, which is left as it is (R29); 23514 for an account referred by itself (R13), 22004 for a NULL account, referrer or role, 22023 for an empty or over-long name, 22008 for an infinite time';

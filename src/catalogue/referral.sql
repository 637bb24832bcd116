/*
 * referral.sql: who referred whom, and every change of that (R29).
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
	'the account''s first referral to this referrer for the role, whose campaign its earnings are shown under';
COMMENT ON COLUMN commission.referral_change.is_signup IS
	'the first for any role, by which the account is counted once';
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

CREATE FUNCTION commission.refer(account text, referrer text,
								 role commission.referral_role,
								 attributed_at timestamptz DEFAULT now())
	RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_refer';
COMMENT ON FUNCTION commission.refer(text, text, commission.referral_role, timestamptz) IS
	'the operator''s referral: true if it is set now, false if the account has a referrer for the role already, which is left as it is (R29); 23514 for an account referred by itself (R13), 22004 for a NULL account, referrer or role, 22023 for an empty or over-long name, 22008 for an infinite time';

CREATE FUNCTION commission.move_referral(account text, referrer text,
										 role commission.referral_role,
										 attributed_at timestamptz DEFAULT now(),
										 reason text DEFAULT NULL)
	RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_move_referral';
COMMENT ON FUNCTION commission.move_referral(text, text, commission.referral_role, timestamptz, text) IS
	'gives an account another referrer for the role: true if it is moved, false if that is its referrer already; what was earned until then stays where it is, and referral_history keeps who was before (R29); 55000 for an account without a referrer for the role, else errors as refer';

CREATE FUNCTION commission.end_referral(account text,
										role commission.referral_role,
										reason text DEFAULT NULL)
	RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_end_referral';
COMMENT ON FUNCTION commission.end_referral(text, commission.referral_role, text) IS
	'ends an account''s referral for the role: true if it is ended, false if there was none; what was earned until then stays where it is, and referral_history keeps who was before (R29); 22004 for a NULL account or role, 22023 for an empty or over-long name';

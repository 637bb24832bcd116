/*
 * referral_signal.sql: what a reviewer of referrals should look at (R47).
 *
 * A rule looks at what the last commission.signal_days brought, by index, and at
 * whatever else it needs by key: OFFSET 0 keeps the planner from joining with
 * whole tables.
 */

CREATE FUNCTION commission_internal.signals_since() RETURNS timestamptz
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE commission_internal.setting('signal_days') WHEN '0' THEN '-infinity'
	ELSE now() - make_interval(days =>
		commission_internal.setting('signal_days')::integer) END;
COMMENT ON FUNCTION commission_internal.signals_since() IS
	'what was recorded from then on is looked at for fraud: commission.signal_days before the transaction''s start; -infinity for 0';

CREATE VIEW commission_internal.recent_signup AS
	SELECT c.change_id, c.account_id, c.referrer_id, c.role, c.signed_up_at,
		c.changed_at
	FROM commission.referral_change AS c
	WHERE c.is_signup
		AND c.changed_at >= commission_internal.signals_since();
COMMENT ON VIEW commission_internal.recent_signup IS
	'each account and referrer whose first referral was recorded in the last commission.signal_days';

CREATE VIEW commission_internal.recent_referrer AS
	SELECT s.referrer_id FROM commission_internal.recent_signup AS s
	GROUP BY s.referrer_id;
COMMENT ON VIEW commission_internal.recent_referrer IS
	'the referrers of these';

/* mailbox() is called only where what it may leave of the names is the same. */
CREATE VIEW commission_internal.mailbox_signal AS
	SELECT 'same_mailbox' AS rule, s.referrer_id AS account_id,
		s.account_id AS other_id,
		jsonb_build_object('address', commission.mask(r.address),
			'referred_address', commission.mask(a.address)) AS evidence,
		s.changed_at AS since
	FROM commission_internal.recent_signup AS s
	CROSS JOIN LATERAL (
		SELECT coalesce(nullif(a.label, ''), a.name) COLLATE "C" AS address
		FROM commission.account AS a WHERE a.account_id = s.account_id
		OFFSET 0) AS a
	CROSS JOIN LATERAL (
		SELECT coalesce(nullif(r.label, ''), r.name) COLLATE "C" AS address
		FROM commission.account AS r WHERE r.account_id = s.referrer_id
		OFFSET 0) AS r
	WHERE CASE WHEN a.address LIKE '%@%'
			AND replace(lower(split_part(split_part(a.address, '@', 1), '+', 1)), '.', '')
				= replace(lower(split_part(split_part(r.address, '@', 1), '+', 1)), '.', '')
		THEN commission_internal.mailbox(a.address)
			= commission_internal.mailbox(r.address)
		ELSE false END;
COMMENT ON VIEW commission_internal.mailbox_signal IS
	'referrers whose e-mail address reaches the mailbox of the account that they referred';

/* The referral that came second closes the circle. */
CREATE VIEW commission_internal.mutual_signal AS
	SELECT 'mutual_referral' AS rule, s.referrer_id AS account_id,
		s.account_id AS other_id,
		jsonb_build_object('first', c.changed_at, 'second', s.changed_at)
			AS evidence,
		s.changed_at AS since
	FROM commission_internal.recent_referrer AS r
	CROSS JOIN LATERAL (
		SELECT c.change_id, c.referrer_id, c.changed_at
		FROM commission.referral_change AS c
		WHERE c.is_signup AND c.account_id = r.referrer_id
		OFFSET 0) AS c
	CROSS JOIN LATERAL (
		SELECT s.* FROM commission_internal.recent_signup AS s
		WHERE s.account_id = c.referrer_id AND s.referrer_id = r.referrer_id
			AND s.change_id > c.change_id
		OFFSET 0) AS s;
COMMENT ON VIEW commission_internal.mutual_signal IS
	'accounts that referred one another';

CREATE VIEW commission_internal.burst_signal AS
	SELECT DISTINCT ON (b.referrer_id) 'signup_burst' AS rule,
		b.referrer_id AS account_id, NULL::uuid AS other_id,
		jsonb_build_object('signups', b.signups, 'from', b.signed_up_at,
			'minutes', t.minutes) AS evidence,
		b.signed_up_at AS since
	FROM (
		SELECT commission_internal.setting('signal_burst_minutes')::integer AS minutes,
			commission_internal.setting('signal_burst_signups')::integer AS signups
		) AS t
	CROSS JOIN LATERAL (
		SELECT s.referrer_id, s.signed_up_at,
			count(*) OVER (PARTITION BY s.referrer_id ORDER BY s.signed_up_at
				RANGE BETWEEN CURRENT ROW
				AND make_interval(mins => t.minutes) FOLLOWING) AS signups
		FROM commission_internal.recent_signup AS s) AS b
	WHERE b.signups >= t.signups
	ORDER BY b.referrer_id, b.signups DESC, b.signed_up_at;
COMMENT ON VIEW commission_internal.burst_signal IS
	'referrers of whom at least commission.signal_burst_signups accounts signed up within commission.signal_burst_minutes: the largest burst of each';

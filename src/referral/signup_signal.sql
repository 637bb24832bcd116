/*
 * signup_signal.sql: what is odd between click, sign-up and sale (R47).
 */

/* The attempt and the referral that it set are one transaction's. */
CREATE VIEW commission_internal.quick_signal AS
	SELECT 'quick_signup' AS rule, s.referrer_id AS account_id,
		s.account_id AS other_id,
		jsonb_build_object('clicked_at', t.touched_at,
			'signed_up_at', t.signed_up_at) AS evidence,
		t.signed_up_at AS since
	FROM commission.attempt AS t
	CROSS JOIN LATERAL (
		SELECT s.* FROM commission_internal.recent_signup AS s
		WHERE s.account_id = t.account_id AND s.role = t.role
			AND s.changed_at = t.attempted_at
		OFFSET 0) AS s
	WHERE t.outcome = 'attributed'
		AND t.signed_up_at - t.touched_at < make_interval(secs =>
			commission_internal.setting('signal_signup_seconds')::integer);
COMMENT ON VIEW commission_internal.quick_signal IS
	'sign-ups less than commission.signal_signup_seconds after the click that they completed';

/* What is rolled up is found by its key, the rest is read once. */
CREATE VIEW commission_internal.recent_conversion AS
	SELECT s.referrer_id, s.account_id, s.signed_up_at, r.first_earned_at
	FROM commission_internal.recent_signup AS s
	JOIN commission.rolled_referred AS r ON r.account_id = s.referrer_id
		AND r.from_account_id = s.account_id
	WHERE r.first_earned_at IS NOT NULL
	UNION ALL
	SELECT s.referrer_id, s.account_id, s.signed_up_at, e.occurred_at
	FROM commission_internal.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id
	JOIN commission_internal.recent_signup AS s ON s.referrer_id = e.account_id
		AND s.account_id = e.from_account_id
	WHERE e.counts_as NOT IN ('pool', 'withdrawal', 'adjustment') AND e.kind <> 'reversal';
COMMENT ON VIEW commission_internal.recent_conversion IS
	'rows of which the least first_earned_at is when an account whose first referral was recorded in the last commission.signal_days first paid the referrer';

/* Of clicks that were removed the day is kept, and each is taken for one before. */
CREATE VIEW commission_internal.clickless_signal AS
	SELECT 'conversion_without_click' AS rule, c.referrer_id AS account_id,
		c.account_id AS other_id,
		jsonb_build_object('signed_up_at', c.signed_up_at,
			'converted_at', c.first_at) AS evidence,
		c.first_at AS since
	FROM (
		SELECT c.referrer_id, c.account_id, c.signed_up_at,
			min(c.first_earned_at) AS first_at,
			/* What came before our era has no day a window before it. */
			(greatest(c.signed_up_at, '0001-01-01 00:00+00')
				AT TIME ZONE INTERVAL '0')::date AS day,
			commission_internal.setting('attribution_window_days')::integer
				AS days
		FROM commission_internal.recent_conversion AS c
		GROUP BY c.referrer_id, c.account_id, c.signed_up_at) AS c
	WHERE NOT EXISTS (
			SELECT FROM commission.touch AS t
			WHERE t.referrer_id = c.referrer_id
				AND (t.touched_at AT TIME ZONE INTERVAL '0')::date
					BETWEEN c.day - c.days AND c.day
				AND t.touched_at <= c.signed_up_at
			OFFSET 0)
		AND NOT EXISTS (
			SELECT FROM commission.touch_count AS n
			WHERE n.referrer_id = c.referrer_id
				AND n.day BETWEEN c.day - c.days AND c.day
			OFFSET 0);
COMMENT ON VIEW commission_internal.clickless_signal IS
	'referred accounts that paid their referrer although nobody had clicked on the referrer''s links in the commission.attribution_window_days before they signed up; those that the operator referred among them';

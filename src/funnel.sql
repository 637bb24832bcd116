/*
 * funnel.sql: what an affiliate's links bring (R35, R36).
 *
 * Each is read from the touches, referrals and entries as they are: in real
 * time, and exact.  Every branch joins commission.account itself and keeps
 * campaign and day as they are indexed, so that a predicate on account,
 * campaign or day reaches an index in each of them.
 *
 * A referrer's account and campaign are those of the first referral to that
 * referrer, be it in force still or not: what was earned stays where it is.
 */

CREATE VIEW commission.first_referral AS
	SELECT c.account_id,
		c.referrer_id,
		c.role,
		c.signed_up_at,
		c.campaign,
		NOT EXISTS (
			SELECT FROM commission.referral_change AS former
			WHERE former.account_id = c.account_id
				AND former.referrer_id = c.referrer_id
				AND former.change_id < c.change_id) AS is_signup
	FROM commission.referral_change AS c
	WHERE c.referrer_id IS NOT NULL
		AND NOT EXISTS (
			SELECT FROM commission.referral_change AS former
			WHERE former.account_id = c.account_id
				AND former.role = c.role
				AND former.referrer_id = c.referrer_id
				AND former.change_id < c.change_id);
COMMENT ON VIEW commission.first_referral IS
	'the first referral of each account to each referrer for each role; is_signup: the first of them for any role, so that an account counts once';

CREATE VIEW commission.funnel AS
	SELECT f.account,
		f.campaign,
		f.day,
		sum(f.clicks)::bigint AS clicks,
		sum(f.signups)::bigint AS signups,
		sum(f.conversions)::bigint AS conversions,
		sum(f.earnings)::bigint AS earnings,
		f.account_id
	FROM (
		SELECT a.name AS account, a.account_id, t.campaign,
			(t.touched_at AT TIME ZONE 'UTC')::date AS day,
			1 AS clicks, 0 AS signups, 0 AS conversions, 0::bigint AS earnings
		FROM commission.touch AS t
		JOIN commission.account AS a ON a.account_id = t.referrer_id
		UNION ALL
		SELECT a.name, a.account_id, r.campaign,
			(r.signed_up_at AT TIME ZONE 'UTC')::date,
			0, 1, 0, 0
		FROM commission.first_referral AS r
		JOIN commission.account AS a ON a.account_id = r.referrer_id
		WHERE r.is_signup
		UNION ALL
		SELECT a.name, a.account_id, r.campaign,
			(min(e.occurred_at) AT TIME ZONE 'UTC')::date,
			0, 0, 1, 0
		FROM commission.first_referral AS r
		JOIN commission.account AS a ON a.account_id = r.referrer_id
		JOIN commission.entry AS e ON e.account_id = r.referrer_id
			AND e.from_account_id = r.account_id
			AND e.counts_as NOT IN ('pool', 'withdrawal')
			AND e.kind <> 'reversal'
		WHERE r.is_signup
		GROUP BY a.name, a.account_id, r.campaign, r.account_id
		UNION ALL
		SELECT a.name, a.account_id, r.campaign,
			(e.occurred_at AT TIME ZONE 'UTC')::date,
			0, 0, 0, e.amount
		FROM commission.entry AS e
		JOIN commission.account AS a ON a.account_id = e.account_id
		LEFT JOIN commission.first_referral AS r
			ON r.referrer_id = e.account_id
			AND r.account_id = e.from_account_id
			AND (r.role = 'creator') = (e.counts_as = 'creator')
		WHERE e.counts_as NOT IN ('pool', 'withdrawal')
	) AS f
	GROUP BY f.account, f.account_id, f.campaign, f.day;
COMMENT ON VIEW commission.funnel IS
	'clicks, sign-ups, conversions and earnings of each referrer, campaign (NULL: none) and UTC day, in real time (R35): clicks on the referrer''s links; sign-ups of referred accounts, each counted once, on the day it signed up; conversions, a referred account''s first event that paid its referrer, on the day of that event; earnings in credits net of reversals, by the time of the sale or refund, under the campaign that the referred account came by';

CREATE VIEW commission.referral_earnings AS
	SELECT a.name AS account,
		commission.mask(coalesce(b.label, b.name)) AS referred,
		r.role,
		r.signed_up_at,
		r.campaign,
		(SELECT o.plan
		 FROM commission.customer_order AS o
		 WHERE o.customer_id = r.account_id AND o.plan IS NOT NULL
		 ORDER BY o.event_id DESC
		 LIMIT 1) AS plan,
		coalesce(e.amount, 0)::bigint AS lifetime,
		e.last_earned_at,
		EXISTS (
			SELECT FROM commission.referral AS f
			WHERE f.account_id = r.account_id AND f.role = r.role
				AND f.referrer_id = a.account_id) AS in_force,
		a.account_id
	FROM commission.first_referral AS r
	JOIN commission.account AS a ON a.account_id = r.referrer_id
	JOIN commission.account AS b ON b.account_id = r.account_id
	LEFT JOIN (
		SELECT p.account_id, p.from_account_id,
			p.counts_as = 'creator' AS is_creator,
			sum(p.amount) AS amount, max(p.last_earned_at) AS last_earned_at
		FROM commission.referred_part AS p
		GROUP BY p.account_id, p.from_account_id, p.counts_as = 'creator') AS e
		ON e.account_id = r.referrer_id
		AND e.from_account_id = r.account_id
		AND e.is_creator = (r.role = 'creator')
	WHERE commission.is_name_of(a.name, a.account_id);
COMMENT ON VIEW commission.referral_earnings IS
	'the accounts that each account referred, masked (R34), for each role: when they signed up, through which campaign (NULL: none), the plan of their latest order that names one, what they have earned the account in credits and net of reversals, and when last (R36); in_force: false where the operator has moved or ended the referral, whose earnings stay';

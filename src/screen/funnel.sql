/*
 * funnel.sql: what an affiliate's links bring (R35, R36).
 *
 * Both views are exact at any moment.  Clicks and sign-ups are counted from the
 * touches, the counts of purged ones and the referrals, by the indexes of the
 * account and day or of the campaign.  Conversions and earnings are rolled-up
 * sums and, in one pass each, the entries that are not in them yet: those of an
 * account by the ledger's index, for a campaign all of them.  They are summed
 * before they are joined, so that no account's entries are read once for each
 * of its referrals.
 */

CREATE VIEW commission.funnel AS
	SELECT f.account,
		f.campaign,
		f.day,
		sum(f.clicks)::bigint AS clicks,
		sum(f.signups)::bigint AS signups,
		sum(f.conversions)::bigint AS conversions,
		commission_internal.credits(sum(f.earnings)) AS earnings,
		f.account_id
	FROM (
		SELECT a.name AS account, a.account_id, t.campaign,
			(t.touched_at AT TIME ZONE INTERVAL '0')::date AS day,
			1 AS clicks, 0 AS signups, 0 AS conversions, 0::numeric AS earnings
		FROM commission.touch AS t
		JOIN commission.account AS a ON a.account_id = t.referrer_id
		WHERE commission_internal.is_name_of(a.name, a.account_id)
		UNION ALL
		SELECT a.name, a.account_id, c.campaign, c.day, c.clicks, 0, 0, 0
		FROM commission.touch_count AS c
		JOIN commission.account AS a ON a.account_id = c.referrer_id
		WHERE commission_internal.is_name_of(a.name, a.account_id)
		UNION ALL
		SELECT a.name, a.account_id, r.campaign,
			(r.signed_up_at AT TIME ZONE INTERVAL '0')::date,
			0, 1, 0, 0
		FROM commission.referral_change AS r
		JOIN commission.account AS a ON a.account_id = r.referrer_id
		WHERE r.is_first AND r.is_signup
			AND commission_internal.is_name_of(a.name, a.account_id)
		UNION ALL
		SELECT a.name, a.account_id, r.campaign,
			(paid.first_at AT TIME ZONE INTERVAL '0')::date,
			0, 0, 1, 0
		FROM (
			SELECT p.account_id, p.from_account_id,
				min(p.first_earned_at) AS first_at
			FROM commission_internal.referred_sums AS p
			GROUP BY p.account_id, p.from_account_id) AS paid
		JOIN commission.account AS a ON a.account_id = paid.account_id
		JOIN commission.referral_change AS r
			ON r.referrer_id = paid.account_id
			AND r.account_id = paid.from_account_id
		WHERE r.is_first AND r.is_signup AND paid.first_at IS NOT NULL
			AND commission_internal.is_name_of(a.name, paid.account_id)
		UNION ALL
		SELECT a.name, a.account_id, earned.campaign, earned.day,
			0, 0, 0, earned.amount
		FROM (
			SELECT p.account_id, p.campaign, p.day, sum(p.amount) AS amount
			FROM commission_internal.campaign_sums AS p
			GROUP BY p.account_id, p.campaign, p.day) AS earned
		JOIN commission.account AS a ON a.account_id = earned.account_id
		WHERE commission_internal.is_name_of(a.name, earned.account_id)
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
		commission_internal.credits(coalesce(e.amount, 0)) AS lifetime,
		e.last_earned_at,
		EXISTS (
			SELECT FROM commission.referral AS f
			WHERE f.account_id = r.account_id AND f.role = r.role
				AND f.referrer_id = r.referrer_id) AS in_force,
		a.account_id,
		r.change_id AS referral_id,
		(SELECT count(*)
		 FROM commission.customer_order AS o
		 WHERE o.customer_id = r.account_id AND r.role = 'brand'
			AND (EXISTS (SELECT FROM commission_internal.sale_entry AS t
						 WHERE t.sale_event_id = o.event_id
							AND t.account_id = r.referrer_id)) IS TRUE) AS orders
	FROM commission.referral_change AS r
	JOIN commission.account AS a ON a.account_id = r.referrer_id
	JOIN commission.account AS b ON b.account_id = r.account_id
	LEFT JOIN (
		SELECT p.account_id, p.from_account_id,
			p.counts_as = 'creator' AS is_creator,
			sum(p.amount) AS amount, max(p.last_earned_at) AS last_earned_at
		FROM commission_internal.referred_sums AS p
		GROUP BY p.account_id, p.from_account_id, p.counts_as = 'creator') AS e
		ON e.account_id = r.referrer_id
		AND e.from_account_id = r.account_id
		AND e.is_creator = (r.role = 'creator')
	WHERE r.is_first AND commission_internal.is_name_of(a.name, a.account_id);
COMMENT ON VIEW commission.referral_earnings IS
	'the accounts that each account referred, masked (R34), for each role: when they signed up, through which campaign (NULL: none), the plan of their latest order that names one, what they have earned the account in credits and net of reversals, and when last (R36); in_force: false where the operator has moved or ended the referral, whose earnings stay; orders: how many of their orders paid the account, refunded or not; referral_id tells the rows apart';

/*
 * referral_problem.sql: referrals and touches, checked (for audit()).
 */

CREATE VIEW commission_internal.referral_problem AS
	/* R29: a referral in force is the last of its changes. */
	SELECT 'referral differs from its changes' AS problem, NULL::bigint AS event_id,
		format('%s of account %s: referrer %s; the last change has %s',
			   coalesce(r.role, c.role), coalesce(r.account_id, c.account_id),
			   coalesce(r.referrer_id || ' since ' || r.attributed_at, 'none'),
			   coalesce(c.referrer_id || ' since ' || c.attributed_at, 'none')) AS detail
	FROM commission.referral AS r
	FULL JOIN (SELECT DISTINCT ON (h.account_id, h.role) h.*
			   FROM commission.referral_change AS h
			   ORDER BY h.account_id, h.role, h.change_id DESC) AS c
		ON c.account_id = r.account_id AND c.role = r.role
	WHERE (r.referrer_id, r.attributed_at)
		IS DISTINCT FROM (c.referrer_id, c.attributed_at)
	UNION ALL
	SELECT 'referral of an account that does not exist', NULL,
		format('%s of account %s', r.role, r.account_id)
	FROM commission.referral AS r
	WHERE NOT EXISTS (SELECT FROM commission.account AS a
					  WHERE a.account_id = r.account_id)
		OR NOT EXISTS (SELECT FROM commission.account AS a
					   WHERE a.account_id = r.referrer_id)
	UNION ALL
	SELECT 'touch of a referrer that does not exist', NULL,
		format('%s touches of account %s', count(*), t.referrer_id)
	FROM commission.touch AS t
	WHERE NOT EXISTS (SELECT FROM commission.account AS a
					  WHERE a.account_id = t.referrer_id)
	GROUP BY t.referrer_id;
COMMENT ON VIEW commission_internal.referral_problem IS
	'referrals that are not the last of their changes (R29), and referrals and touches of accounts that are not there';

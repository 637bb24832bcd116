/*
 * screen.sql: what else each account sees of itself (R50).
 *
 * Security barriers, of which OFFSET 0 takes nothing of a query's inside: an
 * account has few rows here, and the planner's estimates, which EXPLAIN shows,
 * say nothing about values that others have.
 */

CREATE VIEW commission_portal.earnings WITH (security_barrier) AS
	SELECT e.account, e.lifetime, e.last_30_days, e.brand_lifetime,
		e.creator_lifetime, e.pool_lifetime, e.subscription_lifetime,
		e.adjustments
	FROM commission.earnings AS e
	WHERE e.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	OFFSET 0;
COMMENT ON VIEW commission_portal.earnings IS
	'the account''s row of commission.earnings (R31, R50)';

CREATE VIEW commission_portal.balance WITH (security_barrier) AS
	SELECT b.account, b.balance, b.available, b.held, b.in_withdrawal, b.withdrawn
	FROM commission.balance AS b
	WHERE b.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	OFFSET 0;
COMMENT ON VIEW commission_portal.balance IS
	'the account''s row of commission.balance (R18, R24, R50)';

CREATE VIEW commission_portal.daily_earnings WITH (security_barrier) AS
	SELECT d.account, d.day, d.kind, d.amount, d.entries
	FROM commission.daily_earnings AS d
	WHERE d.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	OFFSET 0;
COMMENT ON VIEW commission_portal.daily_earnings IS
	'the account''s rows of commission.daily_earnings (R31, R50)';

CREATE VIEW commission_portal.funnel WITH (security_barrier) AS
	SELECT f.account, f.campaign, f.day, f.clicks, f.signups, f.conversions,
		f.earnings
	FROM commission.funnel AS f
	WHERE f.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	OFFSET 0;
COMMENT ON VIEW commission_portal.funnel IS
	'the account''s rows of commission.funnel (R35, R50)';

CREATE VIEW commission_portal.referral_earnings WITH (security_barrier) AS
	SELECT r.account, r.referred, r.role, r.signed_up_at, r.campaign, r.plan,
		r.lifetime, r.last_earned_at, r.in_force, r.referral_id, r.orders
	FROM commission.referral_earnings AS r
	WHERE r.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	OFFSET 0;
COMMENT ON VIEW commission_portal.referral_earnings IS
	'the account''s rows of commission.referral_earnings, the referred masked (R34, R36, R50); referral_id tells them apart';

CREATE VIEW commission_portal.withdrawal WITH (security_barrier) AS
	SELECT w.account, w.withdrawal, w.state, w.amount, w.method, w.destination,
		w.requested_at, w.changed_at, w.batch, w.transfer, w.reason
	FROM commission.withdrawal_status AS w
	WHERE w.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	ORDER BY w.withdrawal DESC
	OFFSET 0;
COMMENT ON VIEW commission_portal.withdrawal IS
	'the account''s rows of commission.withdrawal_status (R23, R50), newest first, without who of the platform changed them';

CREATE VIEW commission_portal.payout_address WITH (security_barrier) AS
	SELECT h.account, h.method, h.destination, h.automatic, h.changed_at
	FROM commission.payout_address_history AS h
	WHERE h.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	ORDER BY h.change_id DESC
	LIMIT 1;
COMMENT ON VIEW commission_portal.payout_address IS
	'where the account is paid (set_payout), masked, and whether by the calendar; no row while it has set none (R50)';

CREATE VIEW commission_portal.material WITH (security_barrier) AS
	SELECT m.name AS material, m.kind, m.title, m.body, m.updated_at
	FROM commission.material AS m
	WHERE (SELECT o.account_id FROM commission_internal.own_account AS o) IS NOT NULL
	ORDER BY m.kind, m.name
	OFFSET 0;
COMMENT ON VIEW commission_portal.material IS
	'the promotional materials, which are the same for every account: {link} in a body stands for the account''s link, which commission.materials_for() fills in, escaped for the kind';


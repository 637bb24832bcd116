/*
 * screens.sql
 *		The three screens, of the month's top earner, the funnel, a withdrawal,
 *		and the books checked.
 */
\echo '3. The screens'
\echo '=============='
\echo
\echo 'The earnings card, of those who earned most (credits):'
SELECT u.email AS account, e.lifetime, e.last_30_days AS "last 30 days",
	e.brand_lifetime AS "brand leg", e.creator_lifetime AS "creator leg",
	e.subscription_lifetime AS subscriptions
FROM commission.earnings AS e
JOIN app.users AS u ON u.id::text = e.account
ORDER BY e.lifetime DESC, e.account
LIMIT 8;

SELECT e.account AS viewer, u.email AS viewer_email
FROM commission.earnings AS e
JOIN app.users AS u ON u.id::text = e.account
ORDER BY e.lifetime DESC, e.account
LIMIT 1
\gset

\echo 'Recent commissions of' :viewer_email '(one row for each run):'
SELECT to_char(occurred_at, 'YYYY-MM-DD HH24:MI') AS "when", headline, legs,
	amount
FROM commission.recent_commission
WHERE account = :'viewer'
ORDER BY event_id DESC
LIMIT 12;

/* The newest generation that paid both legs. */
SELECT generation
FROM commission.commission_detail
WHERE account = :'viewer' AND brand_amount > 0 AND creator_amount > 0
ORDER BY event_id DESC
LIMIT 1
\gset

\echo 'Details of generation' :generation 'for the same viewer:'
SELECT line.component, line.credits, line.note
FROM commission.commission_detail AS d
CROSS JOIN LATERAL (VALUES
	(1, 'buyer total', d.buyer_total,
	 format('%s, %s', d.buyer, array_to_string(d.titles, ' and '))),
	(2, '  model price', d.model_price,
	 format('%s image%s', d.images, CASE WHEN d.images > 1 THEN 's' END)),
	(3, '  surcharge', d.surcharge, NULL),
	(4, 'creator pool', d.pool, NULL),
	(5, 'API cost', d.api_cost, NULL),
	(6, 'net margin', d.net_margin, NULL),
	(7, '  markup', d.markup, 'surcharge - pool'),
	(8, '  generation margin', d.generation_margin, 'model price - API cost'),
	(9, 'brand leg', d.brand_amount, 'ratio ' || d.brand_ratio_applied),
	(10, 'creator leg', d.creator_amount, 'ratio ' || d.creator_ratio_applied),
	(11, 'legs of others', d.other_legs, NULL),
	(12, 'the platform keeps', d.platform_take, NULL)
) AS line (position, component, credits, note)
WHERE d.account = :'viewer' AND d.generation = :'generation'
ORDER BY line.position;

\echo 'The funnel, of the campaigns that brought most:'
SELECT u.email AS account, f.campaign, sum(f.clicks) AS clicks,
	sum(f.signups) AS "sign-ups", sum(f.conversions) AS conversions,
	sum(f.earnings) AS earnings
FROM commission.funnel AS f
JOIN app.users AS u ON u.id::text = f.account
GROUP BY u.id, f.campaign
ORDER BY sum(f.earnings) DESC, u.id, f.campaign
LIMIT 8;

/* From the request to the transfer. */
SELECT commission.request_withdrawal(:'viewer', 100000) AS withdrawal
\gset
\o /dev/null
SELECT commission.approve_withdrawal(:withdrawal);
SELECT commission.open_payout_batch();
SELECT commission.pay_withdrawal(:withdrawal, '8AELMXH8UB2P8');
\o

\echo 'The same viewer withdraws $1000.00, which is approved and paid by PayPal:'
SELECT amount, method, destination, state, transfer
FROM commission.withdrawal_status
WHERE withdrawal = :withdrawal;

SELECT balance, available, in_withdrawal, withdrawn
FROM commission.balance
WHERE account = :'viewer';

\echo 'The books, checked: every generation recomputed, every credit accounted for.'
SELECT CASE count(*) WHEN 0 THEN 'clean' ELSE count(*) || ' problems' END
	AS audit
FROM commission.audit();

\echo 'The worked example, a month of sales later:'
SELECT buyer_total AS "buyer total", net_margin AS "net margin",
	brand_amount AS "brand leg", creator_amount AS "creator leg",
	brand_amount + creator_amount AS together,
	platform_take AS "platform keeps"
FROM commission.commission_detail
WHERE account = 'you';

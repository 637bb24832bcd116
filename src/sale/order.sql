/*
 * order.sql: subscription orders (R30).
 */

CREATE TABLE commission.customer_order (
	event_id bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	amount bigint NOT NULL,
	terms bigint,
	flat_amount bigint,
	order_id uuid NOT NULL,
	customer_id uuid NOT NULL,
	kind commission.order_kind NOT NULL,
	ratio_ppm integer,
	renewal integer,
	kind_derived boolean NOT NULL,
	leg "char" NOT NULL,
	order_name text,
	customer_name text,
	plan text,
	coupon text,
	CONSTRAINT customer_order_pkey PRIMARY KEY (event_id),
	CONSTRAINT customer_order_amount_check CHECK (amount BETWEEN 1 AND 1000000000000000),
	CONSTRAINT customer_order_flat_check CHECK ((ratio_ppm IS NULL) = (flat_amount IS NOT NULL))
);
COMMENT ON TABLE commission.customer_order IS
	'paid orders with their facts as they were, also those that nobody earned on: which order is a customer''s first depends on them';
COMMENT ON COLUMN commission.customer_order.amount IS
	'credits that the customer paid, at most 10^15 (R1)';
COMMENT ON COLUMN commission.customer_order.terms IS
	'the version of commission.terms_version that states ratio_ppm or flat_amount (R40); NULL: the setting in force';
COMMENT ON COLUMN commission.customer_order.flat_amount IS
	'credits that a first order earns in place of a ratio, at most the order''s amount (R41)';
COMMENT ON COLUMN commission.customer_order.ratio_ppm IS
	'the ratio of its kind, in parts per million: the earner''s or, of an order that paid nobody in time, the programme''s (R15, R40); NULL: flat_amount';
COMMENT ON COLUMN commission.customer_order.renewal IS
	'the customer''s which renewal it is, where the terms pay so many only; NULL: they did not ask';
COMMENT ON COLUMN commission.customer_order.kind_derived IS
	'the application left the kind out, or declared a first order that was paid after another';
COMMENT ON COLUMN commission.customer_order.leg IS
	'p: it earned the customer''s referrer a commission; otherwise why not. n: no referral (commission.late_accrual has what was accrued late), b: from before the attribution, w: the days in which orders pay were over, m: the renewals that pay were over, s: self-pay, c: the earner''s account was closed, a: the customer''s account was closed';
COMMENT ON COLUMN commission.customer_order.order_name IS
	'the application''s identifier, where the key does not tell it; customer_name likewise';

CREATE UNIQUE INDEX customer_order_order_id_key
	ON commission.customer_order (order_id, (event_id >> 48));
COMMENT ON INDEX commission.customer_order_order_id_key IS
	'a node records an order once (R17); a hub takes what two nodes have recorded, and audit() names it';
CREATE UNIQUE INDEX customer_order_first_idx
	ON commission.customer_order (customer_id, (event_id >> 48))
	WHERE kind = 'first_order';
COMMENT ON INDEX commission.customer_order_first_idx IS
	'a customer has one first order (R30) on a node; a hub takes those of two, and audit() names them';
CREATE UNIQUE INDEX customer_order_renewal_idx
	ON commission.customer_order (customer_id, renewal, (event_id >> 48)) WHERE renewal IS NOT NULL;
COMMENT ON INDEX commission.customer_order_renewal_idx IS
	'of two renewals that are counted at once, one waits for the other (R41)';
CREATE INDEX customer_order_customer_idx
	ON commission.customer_order (customer_id, event_id);

CREATE FUNCTION commission.record_order(
	order_id text, customer text, amount bigint,
	kind commission.order_kind DEFAULT NULL, plan text DEFAULT NULL,
	occurred_at timestamptz DEFAULT now(), paid boolean DEFAULT true,
	coupon text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_record_order';
COMMENT ON FUNCTION commission.record_order(text, text, bigint, commission.order_kind, text, timestamptz, boolean, text) IS
	'records an order of amount credits and appends what it owes the customer''s referrer, rounded half up (R30); a kind that is NULL is the customer''s first order, then a renewal; nothing is owed while the customer''s account is closed; a coupon refers a customer who has no referrer, by redeem_coupon(), whose outcome attribution_attempt keeps; returns the event id, that of the recorded one where the same arrives again, NULL where nothing is owed to anybody; 23505 for other content under a known id (R17) and for a second first order of a customer, 22023 for a negative amount or an empty name, 22003 for more than 10^15 credits (R1), 22004 for a NULL order, customer or amount, 22008 for an infinite time';

CREATE FUNCTION commission_internal.accrue_order() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_accrue_order';
COMMENT ON FUNCTION commission_internal.accrue_order() IS
	'trigger, put by attach_orders(), that records the orders inserted into the application''s table; 42703 for a mapped column that is gone, 42804 for one whose type can no longer carry its value, and the errors of record_order';

CREATE FUNCTION commission_internal.follow_paid_order() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_follow_paid_order';
COMMENT ON FUNCTION commission_internal.follow_paid_order() IS
	'trigger, put by attach_orders() where paid is mapped and on partitioned tables: an UPDATE that makes a row paid records it, as a renewal where it was declared a first order and the customer has one by now; one that makes it unpaid reverses it in full, whatever else of the row has changed, and one that moves it to another partition does neither (R14); errors as accrue_order';

CREATE FUNCTION commission.attach_orders(
	relation regclass, order_id name, customer name, amount name,
	kind name DEFAULT NULL, plan name DEFAULT NULL,
	occurred_at name DEFAULT NULL, paid name DEFAULT NULL,
	coupon name DEFAULT NULL)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'commission_attach_orders';
COMMENT ON FUNCTION commission.attach_orders(regclass, name, name, name, name, name, name, name, name) IS
	'puts the accruing triggers on the application''s table of orders, as attach() does on that of generations; kind as text, varchar or an enum that has the labels of commission.order_kind, coupon as text or varchar; detach() takes them off; errors as attach';

CREATE FUNCTION commission.reverse_order(order_id text,
										 refunded bigint DEFAULT NULL,
										 reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_reverse_order';
COMMENT ON FUNCTION commission.reverse_order(text, bigint, text) IS
	'refunds that many credits of what the customer paid for an order, all that is left for NULL, as reverse_generation does of a generation (R21); returns and raises the same; a refunded first order remains the customer''s first';

CREATE VIEW commission.monthly_subscription AS
	SELECT a.name AS account,
		m.month,
		m.active_referrals,
		m.first_orders,
		m.renewals,
		m.upgrades,
		m.amount,
		a.account_id
	FROM commission.account AS a
	CROSS JOIN LATERAL (
		SELECT o.month,
			count(DISTINCT o.customer_id) FILTER (WHERE o.amount > 0)
				AS active_referrals,
			count(*) FILTER (WHERE o.amount > 0 AND o.kind = 'first_order')
				AS first_orders,
			count(*) FILTER (WHERE o.amount > 0 AND o.kind = 'renewal')
				AS renewals,
			count(*) FILTER (WHERE o.amount > 0 AND o.kind = 'upgrade')
				AS upgrades,
			commission_internal.credits(sum(o.amount)) AS amount
		FROM (
			/* What each order brought in a month, less its refunds then. */
			SELECT date_trunc('month', e.occurred_at AT TIME ZONE INTERVAL '0')::date
					AS month,
				e.counts_as AS kind,
				e.from_account_id AS customer_id,
				sum(e.amount) AS amount
			FROM commission.entry AS e
			LEFT JOIN LATERAL (
				SELECT s.sale_event_id FROM commission_internal.event_sale AS s
				WHERE s.event_id = e.event_id LIMIT 1) AS s ON true
			WHERE e.account_id = a.account_id
				AND e.counts_as IN ('first_order', 'renewal', 'upgrade')
			GROUP BY date_trunc('month', e.occurred_at AT TIME ZONE INTERVAL '0'),
				e.counts_as, e.from_account_id,
				coalesce(s.sale_event_id, e.event_id)
		) AS o
		GROUP BY o.month
	) AS m;
COMMENT ON VIEW commission.monthly_subscription IS
	'what an affiliate''s subscriptions brought in a UTC month (R30), an order standing in the month of its own time and a refund in that of the refund, so that a month is not changed by a refund in a later one and all months add up to subscription_lifetime of earnings: first_orders, renewals and upgrades that left the account credits in the month (one that was refunded in full within it does not count), active_referrals, the customers who made any of them, and the amount in credits, net of refunds, below zero where these were more';

/*
 * sale.sql: what each account sees of the sales that paid it (R32, R33, R50).
 *
 * Each view is a security barrier: a function or operator of a query's own is
 * called for rows of the account alone.  What leakproof operators compare is
 * taken inside, where an index finds it.  A barrier's rows come in its own
 * order or in none, so it has the one that lists are read in: ORDER BY event_id
 * DESC LIMIT n reads n rows and sorts nothing.
 *
 * Functions in a view are called by its reader, who has to be granted them.
 * Those that find the events of a run or sale for who may read the whole ledger
 * (planner.sql) are not for an affiliate, who could ask them for anybody's.  So
 * keys are shown with nothing added to them, which hides them from the promises
 * of the views below, and have promises of their own, which find what paid the
 * account and nothing else.
 *
 * Nor is a condition on anything else taken inside, where the planner would
 * expect as many rows as statistics over all accounts say, and EXPLAIN show it:
 * what is shown() is volatile to a query.  Times are not, so that a period is
 * read by itself.
 */

CREATE FUNCTION commission_internal.shown(value anyelement) RETURNS anyelement
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	AS 'SELECT value';
COMMENT ON FUNCTION commission_internal.shown(anyelement) IS
	'the value, declared volatile: the planner takes no condition on it inside a view';

CREATE VIEW commission_internal.own_sale WITH (security_barrier) AS
	SELECT s.sale_id, s.run_id, l.event_id
	FROM (
		SELECT g.event_id, g.generation_id AS sale_id, g.run_id
		FROM commission.generation AS g
		UNION ALL
		SELECT o.event_id, o.order_id, NULL
		FROM commission.customer_order AS o) AS s
	CROSS JOIN LATERAL (
		SELECT l.event_id FROM commission_internal.sale_entry AS l
		WHERE l.sale_event_id = s.event_id AND l.account_id = (
			SELECT o.account_id FROM commission_internal.own_account AS o)
		OFFSET 0) AS l;
COMMENT ON VIEW commission_internal.own_sale IS
	'the events, in time or late, by which each generation and order paid the account. Read it by sale_id or run_id';

CREATE FUNCTION commission_internal.run_key_ids(run_keys text[], kind text)
	RETURNS uuid[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ARRAY(
	SELECT commission_internal.identifier_key(substr(k.run_key, length(kind) + 2))
	FROM unnest(run_keys) AS k (run_key)
	WHERE starts_with(k.run_key, kind || ':'));
COMMENT ON FUNCTION commission_internal.run_key_ids(text[], text) IS
	'the ids in run_keys of a kind: run, or generation of what belongs to no run';

CREATE FUNCTION commission_internal.own_sale_events(sales text[]) RETURNS bigint[]
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED COST 10000
	SET enable_seqscan = off SET jit = off
BEGIN ATOMIC
	SELECT ARRAY(
		SELECT s.event_id FROM commission_internal.own_sale AS s
		WHERE s.sale_id = ANY (commission_internal.account_keys(sales)));
END;
COMMENT ON FUNCTION commission_internal.own_sale_events(text[]) IS
	'the event ids by which the generations and orders of these names paid the account';

CREATE FUNCTION commission_internal.own_run_events(run_keys text[]) RETURNS bigint[]
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED COST 10000
	SET enable_seqscan = off SET jit = off
BEGIN ATOMIC
	SELECT ARRAY(
		SELECT s.event_id FROM commission_internal.own_sale AS s
		WHERE s.run_id = ANY (commission_internal.run_key_ids(run_keys, 'run'))
		UNION ALL
		SELECT s.event_id FROM commission_internal.own_sale AS s
		WHERE s.sale_id = ANY (commission_internal.run_key_ids(run_keys, 'generation')));
END;
COMMENT ON FUNCTION commission_internal.own_run_events(text[]) IS
	'the event ids by which the frames of runs paid the account; runs are given by the run_key of commission_portal.commission_detail';

CREATE FUNCTION commission_internal.is_own_run(run_key text, event_id bigint) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_own_run(text, bigint) IS
	'true: the promise of a view that the event is among own_run_events() of that run';

CREATE FUNCTION commission_internal.is_own_sale(sale text, event_id bigint) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_own_sale(text, bigint) IS
	'true: the promise of a view that the event is among own_sale_events() of that generation or order';

CREATE VIEW commission_portal.recent_commission WITH (security_barrier) AS
	SELECT commission_internal.shown(r.account) AS account, r.run, r.event_id,
		r.occurred_at, r.buyer, r.images, r.titles, r.legs, r.amount, r.headline, r.run_key || '' AS run_key,
		r.reversed, r.state
	FROM commission.recent_commission AS r
	WHERE r.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
		AND commission_internal.is_same_account(r.account_id,
			(SELECT o.account_id FROM commission_internal.own_account AS o))
		AND commission_internal.is_own_run(r.run_key || '', r.event_id)
	ORDER BY r.event_id DESC;
COMMENT ON VIEW commission_portal.recent_commission IS
	'the account''s rows of commission.recent_commission (R32, R50), newest first: page it with WHERE event_id < $1 ORDER BY event_id DESC LIMIT n';

CREATE VIEW commission_portal.commission_detail WITH (security_barrier) AS
	SELECT commission_internal.shown(d.account) AS account,
		d.generation || '' AS generation, d.run, d.occurred_at, d.buyer,
		d.images, d.titles, d.brand_amount, d.brand_ratio, d.creator_amount,
		d.creator_ratio, d.buyer_total,
		commission_internal.shown(d.model_price) AS model_price, d.surcharge,
		d.pool, d.markup, commission_internal.shown(d.api_cost) AS api_cost,
		d.generation_margin,
		d.net_margin, d.platform_take, d.reversed, d.refunded, d.event_id,
		d.total_cap_ratio, d.brand_ratio_applied, d.creator_ratio_applied,
		d.creator_legs, d.other_legs, d.run_key || '' AS run_key
	FROM commission.commission_detail AS d
	WHERE d.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
		AND commission_internal.is_same_account(d.account_id,
			(SELECT o.account_id FROM commission_internal.own_account AS o))
		AND commission_internal.is_own_sale(d.generation || '', d.event_id)
		AND commission_internal.is_own_run(d.run_key || '', d.event_id)
	ORDER BY d.event_id DESC;
COMMENT ON VIEW commission_portal.commission_detail IS
	'the account''s rows of commission.commission_detail (R33, R50): find them by run_key, generation or event_id';

CREATE VIEW commission_portal.run_detail WITH (security_barrier) AS
	SELECT r.account, r.run_key, r.run, r.event_id, r.occurred_at, r.buyer,
		sum.frames, r.images, r.titles, sum.brand_amount, sum.creator_amount,
		sum.other_legs, sum.buyer_total, sum.model_price, sum.surcharge, sum.pool,
		sum.markup, sum.api_cost, sum.generation_margin, sum.net_margin,
		sum.platform_take, r.reversed, sum.refunded, r.state
	FROM commission_portal.recent_commission AS r
	CROSS JOIN LATERAL (
		SELECT count(*) AS frames,
			commission_internal.credits(sum(d.brand_amount)) AS brand_amount,
			commission_internal.credits(sum(d.creator_amount)) AS creator_amount,
			commission_internal.credits(sum(d.other_legs)) AS other_legs,
			commission_internal.credits(sum(d.buyer_total)) AS buyer_total,
			commission_internal.credits(sum(d.model_price)) AS model_price,
			commission_internal.credits(sum(d.surcharge)) AS surcharge,
			commission_internal.credits(sum(d.pool)) AS pool,
			commission_internal.credits(sum(d.markup)) AS markup,
			commission_internal.credits(sum(d.api_cost)) AS api_cost,
			commission_internal.credits(sum(d.generation_margin)) AS generation_margin,
			commission_internal.credits(sum(d.net_margin)) AS net_margin,
			commission_internal.credits(sum(d.platform_take)) AS platform_take,
			commission_internal.credits(sum(d.refunded)) AS refunded
		FROM commission_portal.commission_detail AS d
		WHERE d.run_key = r.run_key) AS sum;
COMMENT ON VIEW commission_portal.run_detail IS
	'the account''s rows of commission.run_detail (R16, R33, R50). Read it by run_key';

CREATE VIEW commission_portal.recent_order WITH (security_barrier) AS
	SELECT commission_internal.shown(r.account) AS account,
		r.order_id || '' AS order_id, r.event_id, r.occurred_at, r.buyer,
		commission_internal.shown(r.plan) AS plan,
		commission_internal.shown(r.kind) AS kind,
		commission_internal.shown(r.order_amount) AS order_amount, r.ratio,
		r.amount, r.reversed, r.state
	FROM commission.recent_order AS r
	WHERE r.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
		AND commission_internal.is_same_account(r.account_id,
			(SELECT o.account_id FROM commission_internal.own_account AS o))
		AND commission_internal.is_own_sale(r.order_id || '', r.event_id)
	ORDER BY r.event_id DESC;
COMMENT ON VIEW commission_portal.recent_order IS
	'the account''s rows of commission.recent_order (R30, R50), newest first: page it with WHERE event_id < $1 ORDER BY event_id DESC LIMIT n, or find one by order_id';

/*
 * explain.sql: how a sale came to its credits, step by step.  The steps stand
 * beside the subjects that they tell of.
 */

CREATE VIEW commission_internal.sale_step AS
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.fact_step AS s
	UNION ALL
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.margin_step AS s
	UNION ALL
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.leg_step AS s
	UNION ALL
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.outcome_step AS s
	UNION ALL
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.order_step AS s
	UNION ALL
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.late_step AS s
	UNION ALL
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.reversal_step AS s;
COMMENT ON VIEW commission_internal.sale_step IS
	'how each generation and order came to its credits, in words; in the order of part and position';

/* In PL/pgSQL, which keeps the plan: making it takes longer than running it. */
CREATE FUNCTION commission_internal.explain_sale(event_id bigint, kind text,
												 name text, why text)
	RETURNS TABLE (step integer, what text, value text)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
	SET max_parallel_workers_per_gather = 0 SET jit = off
	SET plan_cache_mode = force_generic_plan
	AS $$
BEGIN
	IF explain_sale.event_id IS NULL THEN
		RETURN QUERY VALUES (1, kind, name || ' is not in the ledger'), (2, 'why', why);
		RETURN;
	END IF;
	RETURN QUERY
		SELECT (row_number() OVER (ORDER BY s.part, s.position))::integer, s.what, s.value
		FROM commission_internal.sale_step AS s
		WHERE s.event_id = explain_sale.event_id
		ORDER BY 1;
END $$;
COMMENT ON FUNCTION commission_internal.explain_sale(bigint, text, text, text) IS
	'the steps of a generation or order, numbered; for a NULL event that the kind of sale of this name is not in the ledger, and why that may be';

CREATE FUNCTION commission.explain(generation text)
	RETURNS TABLE (step integer, what text, value text)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off
BEGIN ATOMIC
	SELECT s.step, s.what, s.value
	FROM commission_internal.explain_sale(
		commission_internal.generation_event(explain.generation),
		'generation', explain.generation,
		'it was never recorded, or nobody earned anything on it: it was not paid, used no listing, or left a net margin too small for a credit to anybody') AS s;
END;
COMMENT ON FUNCTION commission.explain(text) IS
	'how a generation came to what it paid, in words: what went in, the net margin, the ratios and the cap at the time, each with whose terms it came from unless the settings had it (R40), each leg with its arithmetic or why it was not paid, each that was accrued late (R37), where every credit went, and each refund; the buyer is masked (R34), earners are named by their account (to a role that sees schema commission_portal, masked like everybody else: R50); two rows for a generation that is not in the ledger; none for NULL';

CREATE FUNCTION commission.explain_order(order_id text)
	RETURNS TABLE (step integer, what text, value text)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off
BEGIN ATOMIC
	SELECT s.step, s.what, s.value
	FROM commission_internal.explain_sale(
		(SELECT min(o.event_id + 0) FROM commission.customer_order AS o
		 WHERE o.order_id = commission_internal.identifier_key(explain_order.order_id)),
		'order', explain_order.order_id,
		'it was never recorded: it was not paid, or its amount was 0') AS s;
END;
COMMENT ON FUNCTION commission.explain_order(text) IS
	'how an order came to the commission that it paid, in words: the order, its ratio at the time, the arithmetic or why nothing was paid (R30), and each refund; the customer is masked (R34); two rows for an order that is not in the ledger; none for NULL';

/*
 * planner.sql: how the views are found by index by the names that
 * applications use (planner.c).
 */

CREATE FUNCTION commission_internal.identifier_key(name text) RETURNS uuid
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_identifier_key';
COMMENT ON FUNCTION commission_internal.identifier_key(text) IS
	'account_id(), but NULL for an empty or over-long name';

CREATE FUNCTION commission_internal.account_keys(names text[]) RETURNS uuid[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ARRAY(SELECT commission_internal.identifier_key(n.name)
			 FROM unnest(names) AS n (name));
COMMENT ON FUNCTION commission_internal.account_keys(text[]) IS
	'the keys of accounts'' names';

CREATE FUNCTION commission_internal.generation_event(generation text) RETURNS bigint
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off
	AS $$
BEGIN
	/* Plus zero: a plain minimum may be looked for in the order of event ids. */
	RETURN (SELECT min(g.event_id + 0) FROM commission.generation AS g
			WHERE g.generation_id
				= commission_internal.identifier_key(generation_event.generation));
END $$;
COMMENT ON FUNCTION commission_internal.generation_event(text) IS
	'the event id of a generation; NULL for one that is not in the ledger';

/*
 * Each of the next is one statement, whose plan is kept.  It calls no function
 * in SQL that cannot be inlined: the body of such a function is planned again
 * in every query.
 */
CREATE FUNCTION commission_internal.generation_events(generations text[]) RETURNS bigint[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
	AS $$
BEGIN
	RETURN ARRAY(
		SELECT e.event_id
		FROM unnest(generations) AS n (name)
		JOIN commission.generation AS g
			ON g.generation_id = commission_internal.identifier_key(n.name)
		CROSS JOIN LATERAL (
			SELECT g.event_id
			UNION ALL
			SELECT l.event_id FROM commission.late_accrual AS l
			WHERE l.sale_event_id = g.event_id) AS e);
END $$;
COMMENT ON FUNCTION commission_internal.generation_events(text[]) IS
	'the event ids of generations, given by name, and of their late legs';

CREATE FUNCTION commission_internal.run_events(run_keys text[]) RETURNS bigint[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
	AS $$
BEGIN
	RETURN ARRAY(
		SELECT e.event_id
		FROM unnest(run_keys) AS k (run_key)
		CROSS JOIN LATERAL (
			SELECT g.event_id
			FROM commission.generation AS g
			WHERE k.run_key LIKE 'run:%'
				AND g.run_id = commission_internal.identifier_key(substr(k.run_key, 5))
			UNION ALL
			SELECT g.event_id
			FROM commission.generation AS g
			WHERE k.run_key LIKE 'generation:%'
				AND g.generation_id
					= commission_internal.identifier_key(substr(k.run_key, 12))) AS g
		CROSS JOIN LATERAL (
			SELECT g.event_id
			UNION ALL
			SELECT l.event_id FROM commission.late_accrual AS l
			WHERE l.sale_event_id = g.event_id) AS e);
END $$;
COMMENT ON FUNCTION commission_internal.run_events(text[]) IS
	'the event ids of the frames of runs and of their late legs, given by the run_key of commission.commission_detail';

CREATE FUNCTION commission_internal.source_events(sources text[]) RETURNS bigint[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
	AS $$
BEGIN
	RETURN ARRAY(
		SELECT e.event_id
		FROM unnest(sources) AS s (source)
		CROSS JOIN LATERAL (
			SELECT g.event_id FROM commission.generation AS g
			WHERE g.generation_id = commission_internal.identifier_key(s.source)
			UNION ALL
			SELECT o.event_id FROM commission.customer_order AS o
			WHERE o.order_id = commission_internal.identifier_key(s.source)) AS sale
		CROSS JOIN LATERAL (
			SELECT sale.event_id
			UNION ALL
			SELECT r.event_id FROM commission_internal.event_sale AS r
			WHERE r.sale_event_id = sale.event_id) AS e
		UNION ALL
		SELECT t.event_id
		FROM unnest(sources) AS s (source)
		JOIN commission.withdrawal_transition AS t
			ON t.withdrawal_id = CASE
				WHEN s.source ~ '^[0-9]{1,18}$' THEN s.source::bigint
				WHEN s.source ~ '^[0-9]{19}$'
					AND s.source <= '9223372036854775807' COLLATE "C"
					THEN s.source::bigint
				END
		UNION ALL
		SELECT a.event_id
		FROM unnest(sources) AS s (source)
		JOIN commission.adjustment AS a
			ON a.adjustment_id = commission_internal.identifier_key(s.source));
END $$;
COMMENT ON FUNCTION commission_internal.source_events(text[]) IS
	'the event ids of generations, orders, withdrawals and adjustments, given by the names under which commission.ledger shows them, and of their late legs and reversals';

CREATE FUNCTION commission_internal.promise_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_promise_support';
COMMENT ON FUNCTION commission_internal.promise_support(internal) IS
	'planner support of the promises: is_name_of() and its like';

CREATE FUNCTION commission_internal.is_name_of(name text, id uuid) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_name_of(text, uuid) IS
	'true: the promise of a view that id is the key of the account of that name; a comparison with the name then finds the key by index';

CREATE FUNCTION commission_internal.is_generation_of(generation text, event_id bigint)
	RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_generation_of(text, bigint) IS
	'true: the promise of a view that the event is that generation';

CREATE FUNCTION commission_internal.is_name_from(name text, id uuid) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_name_from(text, uuid) IS
	'true: the promise of a view that id is the key of the account of that name, for a column that no index begins with';

CREATE FUNCTION commission_internal.is_run_of(run_key text, event_id bigint) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_run_of(text, bigint) IS
	'true: the promise of a view that the event is a frame of the run with that key';

CREATE FUNCTION commission_internal.is_source_of(source text, event_id bigint) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_source_of(text, bigint) IS
	'true: the promise of a view that the event is among source_events() of that source';

CREATE FUNCTION commission_internal.is_same_account_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_is_same_account_support';
COMMENT ON FUNCTION commission_internal.is_same_account_support(internal) IS
	'planner support of is_same_account()';

CREATE FUNCTION commission_internal.is_same_account(account_id uuid,
													other_account_id uuid)
	RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000
	SUPPORT commission_internal.is_same_account_support
	AS 'MODULE_PATHNAME', 'commission_is_same_account';
COMMENT ON FUNCTION commission_internal.is_same_account(uuid, uuid) IS
	'whether two accounts'' keys are equal, at a cost that makes the planner look for an index; NULL for NULL';

CREATE FUNCTION commission_internal.reads_all_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_reads_all_support';
COMMENT ON FUNCTION commission_internal.reads_all_support(internal) IS
	'planner support of reads_all()';

CREATE FUNCTION commission_internal.reads_all(name text, account_id uuid) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.reads_all_support
	AS 'MODULE_PATHNAME', 'commission_reads_all';
COMMENT ON FUNCTION commission_internal.reads_all(text, uuid) IS
	'whether a query reads a view for all accounts: true where it compares neither column with anything, nor joins by one (all_accounts.c)';

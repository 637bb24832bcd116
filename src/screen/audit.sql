/*
 * audit.sql: the books, checked (R20).  What is wrong with each subject, a view
 * beside the subject says.
 */

CREATE VIEW commission_internal.name_problem AS
	SELECT 'name kept under another key' AS problem, n.event_id,
		format('%s "%s" is kept under %s', n.what, n.name, n.id) AS detail
	FROM (
		SELECT 'account' AS what, NULL::bigint AS event_id, a.name,
			a.account_id AS id
		FROM commission.account AS a
		UNION ALL
		SELECT 'generation', g.event_id, g.generation_name, g.generation_id
		FROM commission.generation AS g
		UNION ALL
		SELECT 'order', o.event_id, o.order_name, o.order_id
		FROM commission.customer_order AS o) AS n
	WHERE n.id <> commission_internal.identifier_key(n.name);
COMMENT ON VIEW commission_internal.name_problem IS
	'identifiers that are kept under another key than their own, which the views look them up by';

CREATE VIEW commission_internal.other_problem AS
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.deferred_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.late_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.terms_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.adjustment_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.reversal_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.withdrawal_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.referral_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.name_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.twice_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.moved_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.setup_problem AS p
	UNION ALL
	SELECT p.problem, NULL, p.detail FROM commission_internal.partition_problem AS p
	UNION ALL
	SELECT p.problem, NULL, p.detail FROM commission_internal.trigger_problem AS p;
COMMENT ON VIEW commission_internal.other_problem IS
	'what is wrong but for sales, entries and rolled-up sums';

/*
 * Without JIT: the query has hundreds of expressions, and compiling them takes
 * seconds, even where the ledger is read in less.  And with memory for sums by
 * account and day, which are sorted otherwise.
 */
CREATE FUNCTION commission.audit()
	RETURNS TABLE (problem text, event_id bigint, detail text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off SET work_mem = '64MB'
BEGIN ATOMIC
	SELECT p.* FROM commission_internal.entry_problem(
		-9223372036854775808, 9223372036854775807) AS p
	UNION ALL
	SELECT p.* FROM commission_internal.generation_problem(
		-9223372036854775808, 9223372036854775807) AS p
	UNION ALL
	SELECT p.* FROM commission_internal.order_problem AS p
	UNION ALL
	SELECT p.problem, NULL, p.detail FROM commission_internal.rolled_problem AS p
	UNION ALL
	SELECT p.* FROM commission_internal.other_problem AS p;
END;
COMMENT ON FUNCTION commission.audit() IS
	'a row for each thing that is wrong with the books, none if there is nothing wrong: every generation and order recomputed from its stored facts, legs within the cap (R12), pools shared exactly (R19), every credit accounted for (R20), no self-pay (R13), late legs (R37) and refunds by their law (R21), withdrawals by theirs with their entries (R23), no sale on two nodes or of a buyer who was moved away, rolled-up sums against the ledger, no strays; and the triggers on attached tables and on the ledger as they were made';

CREATE VIEW commission_internal.unsealed AS
	SELECT r.first_event_id, r.end_event_id - 1 AS last_event_id
	FROM commission_internal.ranges('{[0,9223372036854775807)}'
						   - coalesce((SELECT range_agg(b.event_ids)
									   FROM commission.seal_block AS b), '{}')) AS r;
COMMENT ON VIEW commission_internal.unsealed IS
	'the ranges of event ids, each with its first and last, that are in no sealed block';

CREATE FUNCTION commission.audit_unsealed()
	RETURNS TABLE (problem text, event_id bigint, detail text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off
BEGIN ATOMIC
	SELECT p.* FROM commission_internal.unsealed AS u
	CROSS JOIN LATERAL commission_internal.entry_problem(
		u.first_event_id, u.last_event_id) AS p
	UNION ALL
	SELECT p.* FROM commission_internal.unsealed AS u
	CROSS JOIN LATERAL commission_internal.generation_problem(
		u.first_event_id, u.last_event_id) AS p
	UNION ALL
	SELECT p.* FROM commission_internal.unsealed AS u
	JOIN commission_internal.order_problem AS p
		ON p.event_id BETWEEN u.first_event_id AND u.last_event_id
	UNION ALL
	SELECT p.* FROM commission_internal.other_problem AS p;
END;
COMMENT ON FUNCTION commission.audit_unsealed() IS
	'as audit(), but without recomputing the sales, and reading again the entries, that are in a sealed block, and without adding up the rolled-up sums anew: what audit() found right before it was sealed is so while verify_seals() finds nothing (R48)';

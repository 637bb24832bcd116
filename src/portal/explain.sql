/*
 * explain.sql: how a sale came to what it paid the account (R20, R50).
 *
 * The steps come from many tables and functions, so they are told as the
 * extension's owner, to whom the session's role is: viewer.
 */

CREATE FUNCTION commission_internal.explain_to_viewer(generation text)
	RETURNS TABLE (step integer, what text, value text)
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
BEGIN ATOMIC
	SELECT e.step, e.what, e.value
	FROM commission.explain(explain_to_viewer.generation) AS e
	WHERE EXISTS (
		SELECT
		FROM commission_internal.sale_entry AS l
		WHERE l.sale_event_id = (
				SELECT commission_internal.generation_event(explain_to_viewer.generation))
			AND l.account_id = (SELECT v.account_id FROM commission_internal.viewer AS v));
END;
COMMENT ON FUNCTION commission_internal.explain_to_viewer(text) IS
	'explain() of a generation that paid the account of the session''s role; no row for any other';

CREATE FUNCTION commission_portal.explain(generation text)
	RETURNS TABLE (step integer, what text, value text)
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
BEGIN ATOMIC
	SELECT e.step, e.what, e.value
	FROM commission_internal.explain_to_viewer(explain.generation) AS e
	WHERE quote_ident(current_user)::regrole = commission_internal.outer_role()
	ORDER BY e.step;
END;
COMMENT ON FUNCTION commission_portal.explain(text) IS
	'how a generation came to what it paid the account, as commission.explain() tells it, with everybody else masked and without the reasons of refunds (R50); no row for a generation that paid the account nothing, as for one that does not exist, in a function of another role''s that is SECURITY DEFINER, and for NULL';

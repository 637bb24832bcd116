/*
 * statement.sql: the statement that each account sees of itself (R22, R50).
 *
 * A function of schema commission_portal runs as its caller, on views that show
 * the caller's account alone: whoever calls it by whatever road, there is
 * nothing else for it to read.
 */

CREATE VIEW commission_internal.own_entry WITH (security_barrier) AS
	SELECT e.occurred_at, e.amount
	FROM commission.entry AS e
	WHERE e.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o);
COMMENT ON VIEW commission_internal.own_entry IS
	'the account''s entries';

CREATE VIEW commission_internal.own_statement_line WITH (security_barrier) AS
	SELECT l.occurred_at, l.event_id, l.line, l.what, l.source, l.amount
	FROM commission_internal.statement_line AS l
	WHERE l.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o);
COMMENT ON VIEW commission_internal.own_statement_line IS
	'the lines of the account''s statement';

CREATE FUNCTION commission_portal.statement(since date, until date)
	RETURNS TABLE (occurred_at timestamptz, event_id bigint, line smallint,
				   what text, source text, amount bigint, balance bigint)
	LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
	WITH period AS (
		SELECT t.since, t.until,
			(SELECT coalesce(sum(e.amount), 0)
			 FROM commission_internal.own_entry AS e
			 WHERE e.occurred_at < t.since) AS opening
		FROM commission_portal.balance AS b
		CROSS JOIN (
			SELECT commission_internal.day_start(
					coalesce(statement.since, '-infinity')) AS since,
				commission_internal.day_start(
					coalesce(statement.until, 'infinity'), 1) AS until) AS t
		WHERE coalesce(statement.since <= statement.until, true)
	), line AS (
		SELECT 1 AS part, p.since AS occurred_at, NULL::bigint AS event_id,
			NULL::smallint AS line, 'opening balance' AS what,
			NULL::text AS source, p.opening AS change
		FROM period AS p
		UNION ALL
		SELECT 2, l.occurred_at, l.event_id, l.line, l.what, l.source, l.amount
		FROM period AS p
		JOIN commission_internal.own_statement_line AS l
			ON l.occurred_at >= p.since AND l.occurred_at < p.until
		UNION ALL
		SELECT 3, p.until, NULL, NULL, 'closing balance', NULL, 0
		FROM period AS p
	)
	SELECT l.occurred_at, l.event_id, l.line, l.what, l.source,
		CASE l.part WHEN 2 THEN l.change END::bigint,
		commission_internal.credits(
			sum(l.change) OVER (ORDER BY l.part, l.occurred_at, l.event_id,
								l.line ROWS UNBOUNDED PRECEDING))
	FROM line AS l
	ORDER BY l.part, l.occurred_at, l.event_id, l.line;
END;
COMMENT ON FUNCTION commission_portal.statement(date, date) IS
	'the account''s statement over UTC days, both included, NULL being without bound, as commission.statement() gives it (R22, R50); no row where there is no account, or for a period that ends before it begins';

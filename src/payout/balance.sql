/*
 * balance.sql: what an account has, now and at any time past (R18, R22, R24).
 */

CREATE FUNCTION commission_internal.held_since() RETURNS timestamptz
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_held_since';
COMMENT ON FUNCTION commission_internal.held_since() IS
	'earnings of sales after this time are held: commission.hold_days before the transaction''s start; infinity where nothing is held (R24)';

/*
 * Held is what young sales earned, less what was taken back of it: the reversal
 * of an older sale is never held back.  A reversal is younger than its sale, so
 * that the reversal of a young sale is among the young entries.
 */
CREATE VIEW commission_internal.held_entry AS
	SELECT e.account_id, e.amount::numeric
	FROM commission_internal.sold_entry AS e
	WHERE e.occurred_at > commission_internal.held_since()
		AND e.sold_at > commission_internal.held_since()
		AND commission_internal.held_since() < 'infinity'
	UNION ALL
	SELECT h.account_id, h.amount
	FROM commission.rolled_hour AS h
	WHERE h.sold_by > commission_internal.held_since()
		AND commission_internal.held_since() < 'infinity'
		AND h.node_id = ANY (ARRAY(
			SELECT n.node_id FROM commission_internal.sums_only_node AS n));
COMMENT ON VIEW commission_internal.held_entry IS
	'the amounts that are held (R24): of entries to the microsecond, and at a hub of sums, for nodes of which it has no entries, until the hour of the sale is over';

CREATE VIEW commission_internal.balance_sums AS
	SELECT p.account_id, sum(p.amount) AS balance, sum(p.held) AS held,
		sum(p.open) AS open, sum(p.paid) AS paid
	FROM (
		SELECT k.account_id, k.amount, NULL::bigint AS held, NULL::bigint AS open,
			NULL::bigint AS paid
		FROM commission_internal.kind_sums AS k
		UNION ALL
		SELECT h.account_id, NULL, h.amount, NULL, NULL
		FROM commission_internal.held_entry AS h
		UNION ALL
		SELECT w.account_id, NULL, NULL,
			CASE WHEN w.state IN ('requested', 'approved', 'unknown') THEN w.amount END,
			CASE w.state WHEN 'paid' THEN w.amount END
		FROM commission.withdrawal AS w) AS p
	GROUP BY p.account_id;
COMMENT ON VIEW commission_internal.balance_sums IS
	'the sums of each account that has entries, in credits: its balance, what is held of it, and its withdrawals that are open and paid';

/*
 * Withdrawals are checked against these sums, too.  For each account by index,
 * or for all accounts in one pass: see reads_all().
 */
CREATE VIEW commission.balance AS
	SELECT a.name AS account,
		commission_internal.credits(sum.balance) AS balance,
		commission_internal.credits(sum.balance - sum.held) AS available,
		commission_internal.credits(sum.held) AS held,
		commission_internal.credits(sum.open) AS in_withdrawal,
		commission_internal.credits(sum.paid) AS withdrawn,
		a.account_id
	FROM commission.account AS a
	LEFT JOIN LATERAL (
		SELECT s.* FROM commission_internal.balance_sums AS s
		WHERE s.account_id = a.account_id LIMIT 1) AS one
		ON NOT commission_internal.reads_all(a.name, a.account_id)
	LEFT JOIN commission_internal.balance_sums AS every
		ON every.account_id = a.account_id
		AND commission_internal.reads_all(a.name, a.account_id)
	CROSS JOIN LATERAL (
		SELECT coalesce(one.balance, every.balance, 0) AS balance,
			coalesce(one.held, every.held, 0) AS held,
			coalesce(one.open, every.open, 0) AS open,
			coalesce(one.paid, every.paid, 0) AS paid) AS sum;
COMMENT ON VIEW commission.balance IS
	'what each account has, in credits (R18): the balance, below zero where more was refunded than is left; of that, what is available to be withdrawn and what is held because its sale is younger than commission.hold_days (R24); and what has left it, being withdrawn or paid out';

CREATE FUNCTION commission_internal.latest_balance(account_id uuid)
	RETURNS commission.balance
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_latest_balance';
COMMENT ON FUNCTION commission_internal.latest_balance(uuid) IS
	'an account''s row of the balance by what is committed by now, under any isolation level; NULL for an account that does not exist, and for NULL';

CREATE FUNCTION commission.balance_at(account text, at timestamptz)
	RETURNS bigint
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT (SELECT commission_internal.credits(coalesce(sum(e.amount), 0))
			FROM commission.entry AS e
			WHERE e.account_id = a.account_id
				AND e.occurred_at <= balance_at.at)
	FROM commission.account AS a
	WHERE a.account_id = commission.account_id(balance_at.account)
		AND balance_at.at IS NOT NULL;
END;
COMMENT ON FUNCTION commission.balance_at(text, timestamptz) IS
	'an account''s balance at a time, in credits: all that was sold, refunded, requested or returned until then, that moment included (R22); NULL for an account that does not exist, and for NULL; 22023 for an empty or over-long name';

/* Dates reach further than timestamps do. */
CREATE FUNCTION commission_internal.day_start(day date, later integer DEFAULT 0)
	RETURNS timestamptz
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN day > '294276-12-30'::date THEN 'infinity'
	ELSE (day + later)::timestamp AT TIME ZONE INTERVAL '0' END;
COMMENT ON FUNCTION commission_internal.day_start(date, integer) IS
	'when a UTC day starts, or one so many days later; infinity beyond the end of the calendar; NULL for NULL';

CREATE VIEW commission_internal.statement_line AS
	SELECT l.account_id, l.occurred_at, l.event_id, l.line,
		CASE l.kind WHEN 'reversal' THEN 'reversal of ' || l.counts_as
			WHEN 'adjustment' THEN (
				SELECT 'adjustment: ' || j.reason FROM commission.adjustment AS j
				WHERE j.event_id = l.event_id)
			ELSE replace(l.kind::text, '_', ' ')
		END AS what,
		l.source, l.amount
	FROM commission.ledger AS l;
COMMENT ON VIEW commission_internal.statement_line IS
	'each entry as a line of its account''s statement (R22)';

CREATE FUNCTION commission.statement(account text, since date, until date)
	RETURNS TABLE (occurred_at timestamptz, event_id bigint, line smallint,
				   what text, source text, amount bigint, balance bigint)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH period AS (
		SELECT a.account_id, t.since, t.until,
			(SELECT coalesce(sum(e.amount), 0)
			 FROM commission.entry AS e
			 WHERE e.account_id = a.account_id
				AND e.occurred_at < t.since) AS opening
		FROM commission.account AS a
		CROSS JOIN (
			SELECT commission_internal.day_start(
					coalesce(statement.since, '-infinity')) AS since,
				commission_internal.day_start(
					coalesce(statement.until, 'infinity'), 1) AS until) AS t
		WHERE a.account_id = commission.account_id(statement.account)
			AND coalesce(statement.since <= statement.until, true)
	), line AS (
		SELECT 1 AS part, p.since AS occurred_at, NULL::bigint AS event_id,
			NULL::smallint AS line, 'opening balance' AS what,
			NULL::text AS source, p.opening AS change
		FROM period AS p
		UNION ALL
		SELECT 2, l.occurred_at, l.event_id, l.line, l.what, l.source, l.amount
		FROM period AS p
		JOIN commission_internal.statement_line AS l
			ON l.account_id = p.account_id
			AND l.occurred_at >= p.since AND l.occurred_at < p.until
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
COMMENT ON FUNCTION commission.statement(text, date, date) IS
	'an account''s statement over UTC days, both included, NULL being without bound (R22): the opening balance, each entry with what it is, of an adjustment the reason (R45), and the sale, withdrawal or adjustment that it is for, by the time of the sale, and the closing balance; amounts and the running balance in credits; no row for an account that does not exist or a period that ends before it begins; 22023 for an empty or over-long name';

CREATE VIEW commission.withdrawal_status AS
	SELECT a.name AS account,
		w.event_id AS withdrawal,
		w.state,
		w.amount,
		w.method,
		commission.mask(w.destination) AS destination,
		w.requested_at,
		last.changed_at,
		last.changed_by,
		w.batch_id AS batch,
		w.transfer,
		w.reason,
		w.account_id
	FROM commission.withdrawal AS w
	JOIN commission.account AS a ON a.account_id = w.account_id
	LEFT JOIN LATERAL (
		SELECT t.changed_at, t.changed_by
		FROM commission.withdrawal_transition AS t
		WHERE t.withdrawal_id = w.event_id
		ORDER BY t.event_id DESC
		LIMIT 1) AS last ON true;
COMMENT ON VIEW commission.withdrawal_status IS
	'the withdrawals (R23): state, credits, method, the destination masked (R34), when each was requested, when and by whom it was last changed, its payout batch, the transfer that paid it and the reason for which it was rejected or failed; read it with ORDER BY withdrawal DESC LIMIT n';

CREATE VIEW commission.withdrawal_history AS
	SELECT a.name AS account,
		t.withdrawal_id AS withdrawal,
		t.from_state,
		t.to_state,
		t.changed_at,
		t.changed_by,
		t.reason,
		t.transfer,
		t.event_id,
		w.account_id
	FROM commission.withdrawal_transition AS t
	JOIN commission.withdrawal AS w ON w.event_id = t.withdrawal_id
	JOIN commission.account AS a ON a.account_id = w.account_id;
COMMENT ON VIEW commission.withdrawal_history IS
	'each transition of each withdrawal, the request first (R23): when it was, by whom, and the reason or the transfer; read it with ORDER BY event_id';

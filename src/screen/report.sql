/*
 * report.sql: the card, the chart, the ledger and the terms (R18, R31).
 *
 * A view reads with the rights of the extension's owner.  What a row shows
 * besides its own columns comes from look-ups by key, so that a row costs the
 * same however large the ledger is.
 */

CREATE FUNCTION commission.dollars(credits bigint) RETURNS numeric
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (credits / 100::numeric)::numeric(20, 2);
COMMENT ON FUNCTION commission.dollars(bigint) IS
	'an amount of credits in US dollars, with two decimals: 1999 is 19.99 (R1); NULL for NULL';

CREATE VIEW commission_internal.lifetime_sums AS
	SELECT p.account_id,
		sum(p.amount) FILTER (
			WHERE p.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')) AS lifetime,
		sum(p.amount) FILTER (WHERE p.counts_as = 'brand') AS brand,
		sum(p.amount) FILTER (WHERE p.counts_as = 'creator') AS creator,
		sum(p.amount) FILTER (WHERE p.counts_as = 'pool') AS pool,
		sum(p.amount) FILTER (
			WHERE p.counts_as IN ('first_order', 'renewal', 'upgrade'))
			AS subscription,
		sum(p.amount) FILTER (WHERE p.counts_as = 'adjustment') AS adjustments
	FROM commission_internal.kind_sums AS p
	GROUP BY p.account_id;
COMMENT ON VIEW commission_internal.lifetime_sums IS
	'what each account that has entries has earned, in credits';

/*
 * The lifetime sums are read for each account by index, or for all accounts in
 * one pass: see reads_all().  The sum of 30 days is a sub-select, so that a top
 * ten by another column takes it of ten accounts.
 */
CREATE VIEW commission.earnings AS
	SELECT a.name AS account,
		commission_internal.credits(coalesce(one.lifetime, every.lifetime, 0)) AS lifetime,
		(SELECT commission_internal.credits(coalesce(sum(p.amount), 0))
		 FROM commission_internal.day_sums AS p
		 WHERE p.account_id = a.account_id
			AND p.day BETWEEN (now() AT TIME ZONE INTERVAL '0')::date - 29
				AND (now() AT TIME ZONE INTERVAL '0')::date
			AND p.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')) AS last_30_days,
		commission_internal.credits(coalesce(one.brand, every.brand, 0)) AS brand_lifetime,
		commission_internal.credits(coalesce(one.creator, every.creator, 0)) AS creator_lifetime,
		commission_internal.credits(coalesce(one.pool, every.pool, 0)) AS pool_lifetime,
		commission_internal.credits(coalesce(one.subscription, every.subscription, 0))
			AS subscription_lifetime,
		a.account_id,
		commission_internal.credits(coalesce(one.adjustments, every.adjustments, 0))
			AS adjustments
	FROM commission.account AS a
	LEFT JOIN LATERAL (
		SELECT s.* FROM commission_internal.lifetime_sums AS s
		WHERE s.account_id = a.account_id LIMIT 1) AS one
		ON NOT commission_internal.reads_all(a.name, a.account_id)
	LEFT JOIN commission_internal.lifetime_sums AS every
		ON every.account_id = a.account_id
		AND commission_internal.reads_all(a.name, a.account_id);
COMMENT ON VIEW commission.earnings IS
	'the earnings card (R31): what each account has earned, in credits and net of reversals; account is compared as text, a uuid in lower case: account_id = commission.account_id($1) takes either; lifetime and last_30_days are commission, that is legs and subscriptions; pool shares and adjustments (R45) stand apart; days are UTC days, by the time of the sale, and of a reversal by the time of the reversal';

CREATE VIEW commission.daily_earnings AS
	SELECT a.name AS account,
		sum.day,
		sum.counts_as AS kind,
		sum.amount,
		sum.entries,
		a.account_id
	FROM commission.account AS a
	CROSS JOIN LATERAL (
		SELECT p.day, p.counts_as, commission_internal.credits(sum(p.amount)) AS amount,
			sum(p.entries)::bigint AS entries
		FROM commission_internal.day_sums AS p
		WHERE p.account_id = a.account_id
			AND p.counts_as <> 'withdrawal'
		GROUP BY p.day, p.counts_as) AS sum;
COMMENT ON VIEW commission.daily_earnings IS
	'for charts: what each account earned on each UTC day by each kind, in credits and net of that day''s reversals, and by how many entries; a day without entries has no row';

/*
 * LIMIT 1 keeps the planner from merging two tables that are both in the order
 * of event ids: for an account that earned long ago it would read the one of
 * them from its end to there.
 */
CREATE VIEW commission.ledger AS
	SELECT e.event_id,
		e.line,
		a.name AS account,
		e.kind,
		e.amount,
		commission_internal.ratio(e.ratio_ppm) AS ratio,
		named.from_account,
		named.source,
		e.occurred_at,
		e.counts_as,
		e.account_id
	FROM commission.entry AS e
	JOIN commission.account AS a ON a.account_id = e.account_id
	LEFT JOIN commission.account AS f ON f.account_id = e.from_account_id
	LEFT JOIN LATERAL (
		SELECT s.sale_event_id FROM commission_internal.event_sale AS s
		WHERE s.event_id = e.event_id LIMIT 1) AS s ON true
	LEFT JOIN LATERAL (
		SELECT g.generation_id, g.generation_name, g.buyer_name
		FROM commission.generation AS g
		WHERE g.event_id = coalesce(s.sale_event_id, e.event_id)
		LIMIT 1) AS g ON true
	LEFT JOIN LATERAL (
		SELECT o.order_id, o.order_name, o.customer_name
		FROM commission.customer_order AS o
		WHERE o.event_id = coalesce(s.sale_event_id, e.event_id)
		LIMIT 1) AS o ON true
	LEFT JOIN LATERAL (
		SELECT t.withdrawal_id FROM commission.withdrawal_transition AS t
		WHERE t.event_id = e.event_id LIMIT 1) AS w ON true
	CROSS JOIN LATERAL (
		SELECT coalesce(f.name, g.buyer_name, o.customer_name,
						commission_internal.identifier_name(e.from_account_id))
				AS from_account,
			coalesce(g.generation_name, o.order_name,
					 commission_internal.identifier_name(
						coalesce(g.generation_id, o.order_id)),
					 w.withdrawal_id::text,
					 (SELECT j.name FROM commission.adjustment AS j
					  WHERE j.event_id = e.event_id)) AS source) AS named
	WHERE commission_internal.is_name_of(a.name, e.account_id)
		AND commission_internal.is_name_from(named.from_account, e.from_account_id)
		AND commission_internal.is_source_of(named.source, e.event_id);
COMMENT ON VIEW commission.ledger IS
	'every entry of the ledger (R18): amounts in credits, below zero where they leave the balance; source is the application''s id of the generation or order that it is for, the number of the withdrawal, or the id of the adjustment. Read a page with ORDER BY event_id DESC LIMIT n; entries of a source are found by index, also in an inner join, but an outer join by source reads the whole ledger: use LEFT JOIN LATERAL (SELECT ... WHERE source = t.id::text OFFSET 0); those of a from_account are found only together with an account. Names are compared as text, a uuid in lower case: account_id = commission.account_id($1) takes either';

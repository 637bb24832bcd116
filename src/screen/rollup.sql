/*
 * rollup.sql: sums of the ledger, kept so that reading stays fast.
 *
 * commission.rolled says which event ids the sums below have in them; every
 * other entry is read from the ledger itself.  A reader adds both, in one
 * snapshot, so the answer is exact whether rollup() has just run or never.
 *
 * Everything is kept per node (event_id >> 48), so that the ledgers of several
 * machines can be read as one.  Sums are numeric, as SQL adds up bigint: the
 * sum of one account, however large, never prevents that of another (R1).
 */

CREATE TABLE commission.rolled (
	node_id smallint NOT NULL,
	event_ids int8multirange NOT NULL,
	CONSTRAINT rolled_pkey PRIMARY KEY (node_id)
);
COMMENT ON TABLE commission.rolled IS
	'the event ids of each node whose entries are in the rolled-up sums; no entry is ever added under one of them';

CREATE TABLE commission.rolled_kind (
	account_id uuid NOT NULL,
	amount numeric NOT NULL,
	entries bigint NOT NULL,
	counts_as commission.entry_kind NOT NULL,
	node_id smallint NOT NULL,
	CONSTRAINT rolled_kind_pkey
		PRIMARY KEY (account_id, counts_as, node_id) INCLUDE (amount, entries)
) WITH (fillfactor = 70);
COMMENT ON TABLE commission.rolled_kind IS
	'rolled-up sums of an account''s entries, in credits, by what they count as';

CREATE TABLE commission.rolled_day (
	account_id uuid NOT NULL,
	amount numeric NOT NULL,
	entries bigint NOT NULL,
	day date NOT NULL,
	counts_as commission.entry_kind NOT NULL,
	node_id smallint NOT NULL,
	campaign text COLLATE "C" NOT NULL,
	CONSTRAINT rolled_day_pkey
		PRIMARY KEY (account_id, day, counts_as, node_id, campaign)
) WITH (fillfactor = 90);
COMMENT ON TABLE commission.rolled_day IS
	'rolled-up sums of an account''s entries, in credits, by UTC day, what they count as and the campaign that the referred account came by';
COMMENT ON COLUMN commission.rolled_day.campaign IS
	'empty: none, and of what is no commission';

CREATE INDEX rolled_day_campaign_idx
	ON commission.rolled_day ((nullif(campaign, '')))
	WHERE nullif(campaign, '') IS NOT NULL;

CREATE TABLE commission.rolled_referred (
	account_id uuid NOT NULL,
	from_account_id uuid NOT NULL,
	first_earned_at timestamptz,
	last_earned_at timestamptz,
	amount numeric NOT NULL,
	entries bigint NOT NULL,
	counts_as commission.entry_kind NOT NULL,
	node_id smallint NOT NULL,
	CONSTRAINT rolled_referred_pkey
		PRIMARY KEY (account_id, from_account_id, counts_as, node_id)
) WITH (fillfactor = 90);
COMMENT ON TABLE commission.rolled_referred IS
	'rolled-up sums of an account''s entries, in credits, by the account whose activity earned them and what they count as';
COMMENT ON COLUMN commission.rolled_referred.first_earned_at IS
	'the time of the earliest sale; NULL: reversals only';
COMMENT ON COLUMN commission.rolled_referred.last_earned_at IS
	'the time of the latest sale; NULL: reversals only';

CREATE TABLE commission.rolled_hour (
	account_id uuid NOT NULL,
	sold_by timestamptz NOT NULL,
	amount numeric NOT NULL,
	node_id smallint NOT NULL,
	CONSTRAINT rolled_hour_pkey PRIMARY KEY (account_id, sold_by, node_id)
) WITH (fillfactor = 90);
COMMENT ON TABLE commission.rolled_hour IS
	'rolled-up sums of what an account earned on a node less what was taken back of it, in credits, by the hour of the sale: what a hub of sums, which has no entries of its nodes, knows by what it must hold (R24). A machine whose commission.node_id is 0 keeps none';
COMMENT ON COLUMN commission.rolled_hour.sold_by IS
	'the end of the hour';

CREATE FUNCTION commission_internal.ranges(event_ids int8multirange,
								  OUT first_event_id bigint,
								  OUT end_event_id bigint)
	RETURNS SETOF record
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 2
	AS 'MODULE_PATHNAME', 'commission_ranges';
COMMENT ON FUNCTION commission_internal.ranges(int8multirange) IS
	'the ranges of event ids that are in a multirange, each up to but without end_event_id; unlike unnest(), with the planner expecting few';

/*
 * The ranges of event ids that have to be read from the ledger: as a rule the
 * one after the last rollup().
 */
CREATE VIEW commission_internal.unrolled AS
	SELECT r.first_event_id, r.end_event_id
	FROM commission_internal.ranges('{[0,9223372036854775807)}'
						   - coalesce((SELECT range_agg(n.event_ids)
									   FROM commission.rolled AS n), '{}')) AS r;
COMMENT ON VIEW commission_internal.unrolled IS
	'the ranges of event ids, each up to but without end_event_id, that are in no rolled-up sum';

/* A hub of sums follows the sums of its nodes, and not their entries. */
CREATE VIEW commission_internal.sums_only_node AS
	SELECT r.node_id
	FROM commission.rolled AS r
	WHERE NOT EXISTS (
		SELECT FROM commission.entry AS e
		WHERE e.event_id >= r.node_id::bigint << 48
			AND e.event_id <= (r.node_id::bigint << 48) + 281474976710655);
COMMENT ON VIEW commission_internal.sums_only_node IS
	'the nodes of which there are rolled-up sums here, and no entries';

CREATE FUNCTION commission_internal.hour_end(at timestamptz) RETURNS timestamptz
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN date_bin(INTERVAL '1 hour', at, '2000-01-01 00:00:00+00') + INTERVAL '1 hour';
COMMENT ON FUNCTION commission_internal.hour_end(timestamptz) IS
	'the end of the hour of a moment, under whichever TimeZone';

CREATE VIEW commission_internal.sold_entry AS
	SELECT e.event_id, e.account_id, e.amount, e.occurred_at,
		coalesce(reversed.occurred_at, e.occurred_at) AS sold_at
	FROM commission.entry AS e
	LEFT JOIN LATERAL (
		SELECT s.sale_event_id FROM commission_internal.event_sale AS s
		WHERE s.event_id = e.event_id LIMIT 1) AS sale ON true
	LEFT JOIN LATERAL (
		SELECT g.occurred_at FROM commission.generation AS g
		WHERE g.event_id = sale.sale_event_id
		UNION ALL
		SELECT o.occurred_at FROM commission.customer_order AS o
		WHERE o.event_id = sale.sale_event_id
		LIMIT 1) AS reversed ON true
	WHERE e.counts_as NOT IN ('withdrawal', 'adjustment');
COMMENT ON VIEW commission_internal.sold_entry IS
	'what was earned and taken back, with the time of the sale';

/* What a reader sums up: rolled-up rows, and entries that are not yet. */
CREATE VIEW commission_internal.kind_sums AS
	SELECT r.account_id, r.counts_as, r.amount, r.entries
	FROM commission.rolled_kind AS r
	UNION ALL
	SELECT e.account_id, e.counts_as, e.amount::numeric, 1
	FROM commission_internal.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id;
COMMENT ON VIEW commission_internal.kind_sums IS
	'rows whose sums are exact at any moment: of amount, in credits, and entries by account and what they count as';

CREATE VIEW commission_internal.day_sums AS
	SELECT r.account_id, r.day, r.counts_as, r.amount, r.entries
	FROM commission.rolled_day AS r
	UNION ALL
	SELECT e.account_id, (e.occurred_at AT TIME ZONE INTERVAL '0')::date, e.counts_as,
		e.amount::numeric, 1
	FROM commission_internal.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id;
COMMENT ON VIEW commission_internal.day_sums IS
	'the same by account, UTC day and what they count as';

CREATE VIEW commission_internal.referred_sums AS
	SELECT r.account_id, r.from_account_id, r.counts_as, r.amount, r.entries,
		r.first_earned_at, r.last_earned_at
	FROM commission.rolled_referred AS r
	UNION ALL
	SELECT e.account_id, e.from_account_id, e.counts_as, e.amount::numeric, 1,
		CASE WHEN e.kind <> 'reversal' THEN e.occurred_at END,
		CASE WHEN e.kind <> 'reversal' THEN e.occurred_at END
	FROM commission_internal.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id
	WHERE e.counts_as NOT IN ('pool', 'withdrawal', 'adjustment');
COMMENT ON VIEW commission_internal.referred_sums IS
	'the same of commission, by account, the account whose activity earned it and what it counts as, with the times of the earliest and the latest sale (NULL: of a reversal)';

/*
 * The campaign of a commission: that of the referred account's first referral
 * to the earner for the role, whether or not it is still in force.  It is
 * there before the commission is, and never changes.
 *
 * There is always a campaign, if an empty one, so that the join stays an outer
 * one whatever a query asks for: it starts from the entries.  The other way
 * round, it would read an account's entries again for each of its referrals.
 */
CREATE VIEW commission_internal.campaign_entry AS
	SELECT e.event_id,
		e.account_id,
		(e.occurred_at AT TIME ZONE INTERVAL '0')::date AS day,
		e.counts_as,
		e.amount,
		coalesce(c.campaign, '') AS campaign
	FROM commission.entry AS e
	LEFT JOIN commission.referral_change AS c
		ON c.is_first
		AND c.account_id = e.from_account_id AND c.referrer_id = e.account_id
		AND c.role = CASE e.counts_as
			WHEN 'pool' THEN NULL
			WHEN 'withdrawal' THEN NULL
			WHEN 'adjustment' THEN NULL
			WHEN 'creator' THEN 'creator'::commission.referral_role
			ELSE 'brand'::commission.referral_role
		END;
COMMENT ON VIEW commission_internal.campaign_entry IS
	'the ledger''s entries with their UTC day and the campaign that the referred account came by (empty: none, and of what is no commission)';

CREATE VIEW commission_internal.campaign_sums AS
	SELECT r.account_id, r.day, r.counts_as, nullif(r.campaign, '') AS campaign,
		r.amount
	FROM commission.rolled_day AS r
	WHERE r.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')
	UNION ALL
	SELECT e.account_id, e.day, e.counts_as, nullif(e.campaign, ''), e.amount::numeric
	FROM commission_internal.unrolled AS u
	JOIN commission_internal.campaign_entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id
	WHERE e.counts_as NOT IN ('pool', 'withdrawal', 'adjustment');
COMMENT ON VIEW commission_internal.campaign_sums IS
	'the same of commission, by account, UTC day, what it counts as and the campaign that the referred account came by (NULL: none)';

/*
 * For audit(): rolled-up sums that are wrong, and sums that the screens cannot
 * show.
 */
CREATE VIEW commission_internal.rolled_day_problem AS
	SELECT format('%s of account %s on %s, campaign %L: %s credits in %s entries; the ledger has %s in %s',
			counts_as, account_id, day, campaign, r.amount, r.entries,
			e.amount, e.entries) AS detail
	FROM commission.rolled_day AS r
	FULL JOIN (
		SELECT n.node_id, e.account_id, e.day, e.counts_as, e.campaign,
			sum(e.amount) AS amount, count(*) AS entries
		FROM commission.rolled AS n
		CROSS JOIN LATERAL commission_internal.ranges(n.event_ids) AS i
		JOIN commission_internal.campaign_entry AS e
			ON e.event_id >= i.first_event_id AND e.event_id < i.end_event_id
		GROUP BY n.node_id, e.account_id, e.day, e.counts_as, e.campaign
	) AS e USING (account_id, day, counts_as, node_id, campaign)
	WHERE (r.amount, r.entries) IS DISTINCT FROM (e.amount, e.entries)
		AND node_id NOT IN (SELECT n.node_id FROM commission_internal.sums_only_node AS n);
COMMENT ON VIEW commission_internal.rolled_day_problem IS
	'rows of commission.rolled_day that are not the sums of their entries';

CREATE VIEW commission_internal.rolled_kind_problem AS
	SELECT format('%s of account %s: %s credits in %s entries; its days have %s in %s',
			counts_as, account_id, r.amount, r.entries, d.amount, d.entries)
			AS detail
	FROM commission.rolled_kind AS r
	FULL JOIN (
		SELECT d.account_id, d.counts_as, d.node_id, sum(d.amount) AS amount,
			sum(d.entries) AS entries
		FROM commission.rolled_day AS d
		GROUP BY d.account_id, d.counts_as, d.node_id
	) AS d USING (account_id, counts_as, node_id)
	WHERE (r.amount, r.entries) IS DISTINCT FROM (d.amount, d.entries);
COMMENT ON VIEW commission_internal.rolled_kind_problem IS
	'rows of commission.rolled_kind that are not the sums of their days';

CREATE VIEW commission_internal.rolled_referred_problem AS
	SELECT format('%s of account %s from account %s: %s credits in %s entries from %s to %s; the ledger has %s in %s from %s to %s',
			counts_as, account_id, from_account_id, r.amount, r.entries,
			r.first_earned_at, r.last_earned_at, e.amount, e.entries,
			e.first_earned_at, e.last_earned_at) AS detail
	FROM commission.rolled_referred AS r
	FULL JOIN (
		SELECT n.node_id, e.account_id, e.from_account_id, e.counts_as,
			sum(e.amount) AS amount, count(*) AS entries,
			min(e.occurred_at) FILTER (WHERE e.kind <> 'reversal')
				AS first_earned_at,
			max(e.occurred_at) FILTER (WHERE e.kind <> 'reversal')
				AS last_earned_at
		FROM commission.rolled AS n
		CROSS JOIN LATERAL commission_internal.ranges(n.event_ids) AS i
		JOIN commission.entry AS e
			ON e.event_id >= i.first_event_id AND e.event_id < i.end_event_id
		WHERE e.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')
		GROUP BY n.node_id, e.account_id, e.from_account_id, e.counts_as
	) AS e USING (account_id, from_account_id, counts_as, node_id)
	WHERE (r.amount, r.entries, r.first_earned_at, r.last_earned_at)
		IS DISTINCT FROM
		(e.amount, e.entries, e.first_earned_at, e.last_earned_at)
		AND node_id NOT IN (SELECT n.node_id FROM commission_internal.sums_only_node AS n);
COMMENT ON VIEW commission_internal.rolled_referred_problem IS
	'rows of commission.rolled_referred that are not the sums of their entries';

CREATE VIEW commission_internal.rolled_hour_problem AS
	SELECT format('sales of account %s by %s: %s credits; the ledger has %s',
			account_id, sold_by, r.amount, e.amount) AS detail
	FROM (SELECT h.* FROM commission.rolled_hour AS h
		  WHERE h.node_id = commission_internal.setting('node_id')::smallint) AS r
	FULL JOIN (
		SELECT n.node_id, e.account_id,
			commission_internal.hour_end(e.sold_at) AS sold_by, sum(e.amount) AS amount
		FROM commission.rolled AS n
		CROSS JOIN LATERAL commission_internal.ranges(n.event_ids) AS i
		JOIN commission_internal.sold_entry AS e
			ON e.event_id >= i.first_event_id AND e.event_id < i.end_event_id
		WHERE n.node_id <> 0
			AND n.node_id = commission_internal.setting('node_id')::smallint
		GROUP BY 1, 2, 3
	) AS e USING (account_id, sold_by, node_id)
	WHERE r.amount IS DISTINCT FROM e.amount;
COMMENT ON VIEW commission_internal.rolled_hour_problem IS
	'rows of this node in commission.rolled_hour that are not the sums of their entries';

CREATE VIEW commission_internal.rolled_problem AS
	SELECT 'event ids of another node are rolled up' AS problem,
		format('node %s has %s', r.node_id, r.event_ids) AS detail
	FROM commission.rolled AS r
	WHERE NOT r.event_ids <@ commission_internal.node_event_ids(r.node_id)
	UNION ALL
	SELECT 'rolled-up sum differs from the ledger', d.detail
	FROM (
		SELECT p.detail FROM commission_internal.rolled_day_problem AS p
		UNION ALL
		SELECT p.detail FROM commission_internal.rolled_kind_problem AS p
		UNION ALL
		SELECT p.detail FROM commission_internal.rolled_referred_problem AS p
		UNION ALL
		SELECT p.detail FROM commission_internal.rolled_hour_problem AS p
	) AS d
	UNION ALL
	SELECT 'sum is outside the range of bigint',
		format('account %s has %s credits%s; screens show NULL',
			   p.account_id, sum(p.amount), ' of ' || p.counts_as)
	FROM commission_internal.kind_sums AS p
	GROUP BY GROUPING SETS ((p.account_id, p.counts_as), (p.account_id))
	HAVING commission_internal.credits(sum(p.amount)) IS NULL;
COMMENT ON VIEW commission_internal.rolled_problem IS
	'rolled-up sums that are not those of the ledger''s entries under the event ids in commission.rolled, and sums that screens cannot show (R1)';

CREATE PROCEDURE commission.rollup()
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'commission_rollup';
COMMENT ON PROCEDURE commission.rollup() IS
	'adds what is new in this node''s ledger to the sums that screens read, which makes them faster and changes nothing that they show; waits up to two seconds for transactions that have written to the ledger, and leaves what a still-open transaction may commit to the next call; delays no sale and no reader; a second call at the same time waits for the first; 55000 at a hub under another commission.node_id than 0, since a node is rolled up on that node, whose sums come to the hub';

/*
 * rollup.sql: sums of the ledger, kept so that reading stays fast.
 *
 * commission.rolled says which event ids the sums below have in them; every
 * other entry is read from the ledger itself.  A reader adds both, in one
 * snapshot, so its answer is exact whether rollup() has just run or never.
 *
 * All is kept per node (event_id >> 48), so that the ledgers of several
 * machines can be read as one.
 */

CREATE TABLE commission.rolled (
	node_id smallint NOT NULL,
	event_ids int8multirange NOT NULL,
	CONSTRAINT rolled_pkey PRIMARY KEY (node_id)
);
COMMENT ON TABLE commission.rolled IS
	'the event ids of each node whose entries are in the rolled-up sums; nothing may come to the ledger under one of them any more';

CREATE TABLE commission.rolled_kind (
	account_id uuid NOT NULL,
	amount bigint NOT NULL,
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
	amount bigint NOT NULL,
	entries bigint NOT NULL,
	day date NOT NULL,
	counts_as commission.entry_kind NOT NULL,
	node_id smallint NOT NULL,
	CONSTRAINT rolled_day_pkey
		PRIMARY KEY (account_id, day, counts_as, node_id)
) WITH (fillfactor = 90);
COMMENT ON TABLE commission.rolled_day IS
	'rolled-up sums of an account''s entries, in credits, by UTC day and what they count as';

CREATE TABLE commission.rolled_referred (
	account_id uuid NOT NULL,
	from_account_id uuid NOT NULL,
	last_earned_at timestamptz,
	amount bigint NOT NULL,
	entries bigint NOT NULL,
	counts_as commission.entry_kind NOT NULL,
	node_id smallint NOT NULL,
	CONSTRAINT rolled_referred_pkey
		PRIMARY KEY (account_id, from_account_id, counts_as, node_id)
) WITH (fillfactor = 90);
COMMENT ON TABLE commission.rolled_referred IS
	'rolled-up sums of an account''s entries, in credits, by the account whose activity earned them and what they count as';
COMMENT ON COLUMN commission.rolled_referred.last_earned_at IS
	'the time of the latest sale; NULL: reversals only';

CREATE FUNCTION commission.ranges(event_ids int8multirange,
								  OUT first_event_id bigint,
								  OUT end_event_id bigint)
	RETURNS SETOF record
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 2
	AS 'MODULE_PATHNAME', 'commission_ranges';
COMMENT ON FUNCTION commission.ranges(int8multirange) IS
	'the ranges of event ids that are in a multirange, each up to but without end_event_id; unlike unnest(), with the planner expecting few';

/*
 * The ranges of event ids that have to be read from the ledger: as a rule the
 * one after the last rollup().
 */
CREATE VIEW commission.unrolled AS
	SELECT r.first_event_id, r.end_event_id
	FROM commission.ranges('{[0,9223372036854775807)}'
						   - coalesce((SELECT range_agg(n.event_ids)
									   FROM commission.rolled AS n), '{}')) AS r;
COMMENT ON VIEW commission.unrolled IS
	'the ranges of event ids, each up to but without end_event_id, that are in no rolled-up sum';

/* What a reader sums up: rolled-up rows, and entries that are not yet. */
CREATE VIEW commission.kind_part AS
	SELECT r.account_id, r.counts_as, r.amount, r.entries
	FROM commission.rolled_kind AS r
	UNION ALL
	SELECT e.account_id, e.counts_as, e.amount, 1
	FROM commission.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id;
COMMENT ON VIEW commission.kind_part IS
	'rows whose sums are exact at any moment: of amount, in credits, and entries by account and what they count as';

CREATE VIEW commission.day_part AS
	SELECT r.account_id, r.day, r.counts_as, r.amount, r.entries
	FROM commission.rolled_day AS r
	UNION ALL
	SELECT e.account_id, (e.occurred_at AT TIME ZONE 'UTC')::date, e.counts_as,
		e.amount, 1
	FROM commission.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id;
COMMENT ON VIEW commission.day_part IS
	'the same by account, UTC day and what they count as';

CREATE VIEW commission.referred_part AS
	SELECT r.account_id, r.from_account_id, r.counts_as, r.amount, r.entries,
		r.last_earned_at
	FROM commission.rolled_referred AS r
	UNION ALL
	SELECT e.account_id, e.from_account_id, e.counts_as, e.amount, 1,
		CASE WHEN e.kind <> 'reversal' THEN e.occurred_at END
	FROM commission.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id
	WHERE e.counts_as NOT IN ('pool', 'withdrawal');
COMMENT ON VIEW commission.referred_part IS
	'the same of commission, by account, the account whose activity earned it and what it counts as, with the time of the latest sale (NULL: of a reversal)';

CREATE PROCEDURE commission.rollup()
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'commission_rollup';
COMMENT ON PROCEDURE commission.rollup() IS
	'adds what is new in this node''s ledger to the sums that screens read; they show the same with or without it, only faster. It waits up to two seconds for transactions that have written to the ledger, and leaves out what one that stays open may yet commit; it holds up no sale and no reader; of two at once the second waits for the first';

/*
 * entry.sql: the entries of the ledger (R18).
 */

/*
 * SQL adds up bigint as numeric, so a sum itself cannot overflow; what is shown
 * of it is a bigint.  A cast would fail the whole view for one account's sum.
 */
CREATE FUNCTION commission_internal.credits(sum numeric) RETURNS bigint
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN sum BETWEEN -9223372036854775808 AND 9223372036854775807
		THEN sum::bigint
END;
COMMENT ON FUNCTION commission_internal.credits(numeric) IS
	'a sum of credits as bigint; NULL for NULL and for a sum outside the range of bigint, which audit() names (R1)';

CREATE SEQUENCE commission.event_id_seq AS bigint MAXVALUE 281474976710654;
COMMENT ON SEQUENCE commission.event_id_seq IS
	'the lower 48 bits of event ids; commission.node_id stands above them';

CREATE FUNCTION commission_internal.draw_event_id() RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_draw_event_id';
COMMENT ON FUNCTION commission_internal.draw_event_id() IS
	'the next event id of this node, drawn without nextval(), so that lastval() stays what it was; 2200H where the sequence has come to its end';

CREATE FUNCTION commission_internal.node_event_ids(node integer)
	RETURNS int8range
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN int8range(node::bigint << 48, (node::bigint << 48) + 281474976710655);
COMMENT ON FUNCTION commission_internal.node_event_ids(integer) IS
	'the event ids of a node; it ends before the id with all 48 bits set, which is never drawn, so that it fits in bigint for node 32767, too';

CREATE TABLE commission.entry (
	event_id bigint NOT NULL,
	amount bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	account_id uuid NOT NULL,
	from_account_id uuid,
	buyer_id uuid,
	kind commission.entry_kind NOT NULL,
	counts_as commission.entry_kind NOT NULL,
	ratio_ppm integer,
	line smallint NOT NULL,
	CONSTRAINT entry_pkey PRIMARY KEY (event_id, line),
	CONSTRAINT entry_self_pay_check CHECK (
		CASE counts_as
			WHEN 'pool' THEN true
			WHEN 'creator' THEN (account_id <> from_account_id
				AND account_id <> buyer_id
				AND from_account_id <> buyer_id) IS TRUE
			WHEN 'withdrawal' THEN true
			WHEN 'adjustment' THEN true
			ELSE (account_id <> from_account_id) IS TRUE
		END),
	CONSTRAINT entry_counts_as_check CHECK (
		CASE kind
			WHEN 'reversal' THEN counts_as NOT IN (
				'reversal', 'withdrawal', 'withdrawal_return', 'adjustment')
			WHEN 'withdrawal_return' THEN counts_as = 'withdrawal'
			ELSE counts_as = kind
		END),
	CONSTRAINT entry_amount_check CHECK (
		CASE kind
			WHEN 'reversal' THEN amount <> 0
			WHEN 'withdrawal' THEN amount < 0
			WHEN 'adjustment' THEN amount <> 0
			ELSE amount > 0
		END)
);
COMMENT ON TABLE commission.entry IS
	'the ledger: every credit that an account earned, lost or withdrew, in entries that are never updated or deleted (R18)';
COMMENT ON COLUMN commission.entry.event_id IS
	'the generation, order, reversal, withdrawal or adjustment that it is part of';
COMMENT ON COLUMN commission.entry.amount IS
	'credits, below zero where they leave the balance';
COMMENT ON COLUMN commission.entry.occurred_at IS
	'the time of the sale, refund, request or adjustment';
COMMENT ON COLUMN commission.entry.from_account_id IS
	'the account whose activity earned it: the buyer of a brand leg or pool share, the listing''s owner of a creator leg';
COMMENT ON COLUMN commission.entry.buyer_id IS
	'the buyer, where that is not from_account_id: of a creator leg (R13)';
COMMENT ON COLUMN commission.entry.counts_as IS
	'the kind of earning that it adds to or takes from: of a reversal the kind that it reverses, of a returned withdrawal ''withdrawal''';
COMMENT ON COLUMN commission.entry.ratio_ppm IS
	'the nominal ratio of a leg in parts per million (R15)';
COMMENT ON COLUMN commission.entry.line IS
	'its number within the event, from 1';
COMMENT ON CONSTRAINT entry_self_pay_check ON commission.entry IS
	'nobody earns on what they bought or sold themselves, so each commission says whose activity earned it (R13)';
COMMENT ON CONSTRAINT entry_counts_as_check ON commission.entry IS
	'an entry counts as its kind, a reversal as what it reverses, so no entry evades a rule or enters a sum under another kind';
COMMENT ON CONSTRAINT entry_amount_check ON commission.entry IS
	'no entry is of 0 credits (R14), and only reversals, withdrawals and adjustments take credits away';

/*
 * The only index for readers: each costs every sale as many insertions as it
 * has legs.  Other questions are answered by rolled-up sums (rollup.sql).
 */
CREATE INDEX entry_account_idx ON commission.entry (account_id, event_id)
	INCLUDE (counts_as, amount, occurred_at);

CREATE FUNCTION commission_internal.refuse_change() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE 'cannot update or delete rows of "%.%"', TG_TABLE_SCHEMA,
			TG_TABLE_NAME
		USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Correct an error by a further entry: a refund by reverse_generation, a new version by register_listing.';
END $$;
COMMENT ON FUNCTION commission_internal.refuse_change() IS
	'trigger that refuses to update or delete rows of a table that is only ever appended to (R18): 55000';

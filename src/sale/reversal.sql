/*
 * reversal.sql: refunds (R21).
 */

CREATE TABLE commission.reversal (
	event_id bigint NOT NULL,
	reversed_event_id bigint NOT NULL,
	refunded bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	unpaid boolean NOT NULL,
	reason text,
	CONSTRAINT reversal_pkey PRIMARY KEY (event_id),
	CONSTRAINT reversal_refunded_check CHECK (refunded > 0
											  OR unpaid AND refunded < 0)
);
COMMENT ON TABLE commission.reversal IS
	'refunds of generations and orders (R21)';
COMMENT ON COLUMN commission.reversal.refunded IS
	'credits that the buyer got back; below zero where a sale that had been made unpaid was paid again';
COMMENT ON COLUMN commission.reversal.unpaid IS
	'an UPDATE of the application''s paid column, not a refund (R14)';

CREATE INDEX reversal_reversed_idx ON commission.reversal (reversed_event_id);

CREATE FUNCTION commission.reverse_generation(generation text,
											  refunded bigint DEFAULT NULL,
											  reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_reverse_generation';
COMMENT ON FUNCTION commission.reverse_generation(text, bigint, text) IS
	'refunds that many credits of what the buyer paid for a generation, all that is left for NULL, and takes from each who earned on it in proportion: after r of t refunded, an entry of a has kept floor(a * (t - r) / t) (R21); returns the reversal''s event id, NULL where nothing was left to refund, or where the generation is deferred, which it is refunded of when it is accrued (R38); 23503 for a generation that is not in the ledger, 22023 for an amount under 1 or over what is left, 22004 for a NULL generation';

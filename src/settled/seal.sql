/*
 * seal.sql: blocks of what has settled, each sealed by a hash over its rows and
 * over the block before (R48).  doc/seals.md states the byte form.
 *
 * Locks: ShareUpdateExclusiveLock on commission.seal_block, so that there is
 * one seal() at a time; nothing that a sale or a reader needs.
 */

CREATE FUNCTION commission_internal.row_bytes(VARIADIC "any") RETURNS bytea
	LANGUAGE c STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_row_bytes';
COMMENT ON FUNCTION commission_internal.row_bytes("any") IS
	'the byte form of a row of these columns, as doc/seals.md states it; 0A000 for a type that has none';

/*
 * The list of what is sealed, in two halves.  A table that is only ever appended to
 * belongs here if it has event ids, which the transaction of its rows draws.
 * What is sealed stays as it is: a column that is added to a table is added at
 * the end of its line, and is NULL in the rows that are there.
 */
CREATE VIEW commission_internal.sealed_change AS
	SELECT r.change_id AS event_id, commission_internal.row_bytes('payout_change'::text,
		r.change_id, r.changed_at, r.account_id, r.method, r.destination,
		r.automatic, r.changed_by) AS bytes
	FROM commission.payout_change AS r
	UNION ALL
	SELECT r.change_id, commission_internal.row_bytes('hold_change'::text,
		r.change_id, r.changed_at, r.account_id, r.is_hold, r.reason,
		r.changed_by)
	FROM commission.hold_change AS r
	UNION ALL
	SELECT r.change_id, commission_internal.row_bytes('referral_change'::text,
		r.change_id, r.changed_at, r.account_id, r.role, r.referrer_id,
		r.attributed_at, r.signed_up_at, r.is_first, r.is_signup, r.campaign,
		r.reason, r.accrues_past)
	FROM commission.referral_change AS r
	UNION ALL
	SELECT r.attempt_id, commission_internal.row_bytes('attempt'::text,
		r.attempt_id, r.attempted_at, r.account_id, r.role, r.signed_up_at,
		r.touched_at, r.outcome, r.referrer_name, r.campaign, r.coupon)
	FROM commission.attempt AS r
	UNION ALL
	SELECT r.version, commission_internal.row_bytes('terms_version'::text,
		r.version, r.announced_at, r.valid_from, r.scope, r.subject_id,
		r.group_name, r.brand_ratio_ppm, r.creator_ref_ratio_ppm,
		r.first_order_ratio_ppm, r.renewal_ratio_ppm, r.upgrade_ratio_ppm,
		r.upgraded_renewal_ratio_ppm, r.first_order_amount, r.renewals, r.days,
		r.minimum_payout, r.total_cap_ratio_ppm, r.announced_by, r.reason)
	FROM commission.terms_version AS r
	UNION ALL
	SELECT r.event_id, commission_internal.row_bytes('adjustment'::text,
		r.event_id, r.occurred_at, r.adjusted_at, r.adjustment_id, r.name,
		r.account_id, r.amount, r.reason, r.adjusted_by)
	FROM commission.adjustment AS r
	UNION ALL
	SELECT r.version, commission_internal.row_bytes('tier_version'::text,
		r.version, r.set_at, r.measure, r.days, r.group_names, r.figures,
		r.set_by)
	FROM commission.tier_version AS r
	UNION ALL
	SELECT r.change_id, commission_internal.row_bytes('group_change'::text,
		r.change_id, r.changed_at, r.valid_from, r.account_id, r.from_group,
		r.to_group, r.by_tier, r.figure, r.changed_by, r.reason)
	FROM commission.group_change AS r
	UNION ALL
	SELECT r.version, commission_internal.row_bytes('listing'::text,
		r.version, r.listing_id, r.name, r.registered_at, r.owner_id, r.pool,
		r.kind, r.co_author_ids, r.co_author_shares, r.title)
	FROM commission.listing AS r;
COMMENT ON VIEW commission_internal.sealed_change IS
	'what is sealed of the catalogue, of addresses, holds and attempts, in its byte form';

CREATE VIEW commission_internal.sealed_row AS
	SELECT r.event_id, commission_internal.row_bytes('entry'::text,
		r.event_id, r.line, r.amount, r.occurred_at, r.account_id,
		r.from_account_id, r.buyer_id, r.kind, r.counts_as, r.ratio_ppm) AS bytes,
		true AS is_entry
	FROM commission.entry AS r
	UNION ALL
	SELECT r.event_id, commission_internal.row_bytes('generation'::text,
		r.event_id, r.occurred_at, r.generation_id, r.generation_name,
		r.buyer_id, r.buyer_name, r.run_id, r.run_name, r.model, r.resolution,
		r.images, r.model_price, r.api_cost,
		r.avatar_version, r.avatar_pool, r.avatar_surcharge,
		r.reference_version, r.reference_pool, r.reference_surcharge,
		r.bundle_frame, r.derived, r.brand_ratio_ppm, r.avatar_ratio_ppm,
		r.reference_ratio_ppm, r.total_cap_ratio_ppm, r.brand_terms,
		r.avatar_terms, r.reference_terms, r.cap_terms, r.brand_leg,
		r.avatar_leg, r.reference_leg), false
	FROM commission.generation AS r
	UNION ALL
	SELECT r.event_id, commission_internal.row_bytes('customer_order'::text,
		r.event_id, r.occurred_at, r.order_id, r.order_name, r.customer_id,
		r.customer_name, r.amount, r.kind, r.kind_derived, r.plan, r.coupon,
		r.ratio_ppm, r.flat_amount, r.terms, r.renewal, r.leg), false
	FROM commission.customer_order AS r
	UNION ALL
	SELECT r.event_id, commission_internal.row_bytes('late_accrual'::text,
		r.event_id, r.sale_event_id, r.leg, r.accrued_at, r.account_id,
		r.amount, r.ratio_ppm, r.flat_amount, r.terms, r.ratios_ppm), false
	FROM commission.late_accrual AS r
	UNION ALL
	SELECT r.event_id, commission_internal.row_bytes('reversal'::text,
		r.event_id, r.reversed_event_id, r.refunded, r.occurred_at, r.unpaid,
		r.reason), false
	FROM commission.reversal AS r
	UNION ALL
	/* What of a withdrawal never changes; its transitions are the next. */
	SELECT r.event_id, commission_internal.row_bytes('withdrawal'::text,
		r.event_id, r.account_id, r.amount, r.requested_at, r.method,
		r.destination), false
	FROM commission.withdrawal AS r
	UNION ALL
	SELECT r.event_id, commission_internal.row_bytes('withdrawal_transition'::text,
		r.event_id, r.withdrawal_id, r.changed_at, r.from_state, r.to_state,
		r.changed_by, r.reason, r.transfer), false
	FROM commission.withdrawal_transition AS r
	UNION ALL
	SELECT r.batch_id, commission_internal.row_bytes('payout_batch'::text,
		r.batch_id, r.opened_at, r.method, r.opened_by, r.sender_batch_id), false
	FROM commission.payout_batch AS r
	UNION ALL
	SELECT c.event_id, c.bytes, false FROM commission_internal.sealed_change AS c;
COMMENT ON VIEW commission_internal.sealed_row IS
	'every row that is sealed, in its byte form, which begins with the name of its table, with the event id by which it belongs to a block';

CREATE TABLE commission.seal_block (
	block bigint NOT NULL,
	sealed_at timestamptz NOT NULL,
	entries bigint NOT NULL,
	event_ids int8multirange NOT NULL,
	previous bytea NOT NULL,
	hash bytea NOT NULL,
	CONSTRAINT seal_block_pkey PRIMARY KEY (block)
);
COMMENT ON TABLE commission.seal_block IS
	'the sealed blocks of the ledger (R48)';
COMMENT ON COLUMN commission.seal_block.block IS
	'numbered by each node from 1, with commission.node_id above the lower 48 bits as in event ids';
COMMENT ON COLUMN commission.seal_block.entries IS
	'how many entries are in it';
COMMENT ON COLUMN commission.seal_block.event_ids IS
	'the event ids whose rows are in it';
COMMENT ON COLUMN commission.seal_block.previous IS
	'the hash of the node''s block before; 32 bytes of 0 in its first';
COMMENT ON COLUMN commission.seal_block.hash IS
	'SHA-256 over previous and the block, as doc/seals.md states';

CREATE FUNCTION commission_internal.block_rows(
	event_ids int8multirange, OUT entries bigint, OUT bytes bytea)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT count(*) FILTER (WHERE s.is_entry),
		coalesce(string_agg(s.bytes, '' ORDER BY s.event_id, s.bytes), '')
	FROM commission_internal.ranges(event_ids) AS r
	JOIN commission_internal.sealed_row AS s
		ON s.event_id >= r.first_event_id AND s.event_id < r.end_event_id;
END;
COMMENT ON FUNCTION commission_internal.block_rows(int8multirange) IS
	'how many entries there are under these event ids, and the byte forms of all rows there, in the order of their event ids and then of their bytes';

CREATE FUNCTION commission_internal.block_hash(
	previous bytea, block bigint, sealed_at timestamptz,
	event_ids int8multirange, row_bytes bytea) RETURNS bytea
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT sha256(previous || commission_internal.row_bytes(block, sealed_at,
			array_agg(r.first_event_id ORDER BY r.first_event_id),
			array_agg(r.end_event_id ORDER BY r.first_event_id)) || row_bytes)
	FROM commission_internal.ranges(event_ids) AS r;
END;
COMMENT ON FUNCTION commission_internal.block_hash(bytea, bigint, timestamptz, int8multirange, bytea) IS
	'the hash of a block, whose rows block_rows() has read';

CREATE FUNCTION commission_internal.block_event_ids(event_ids int8multirange)
	RETURNS int8multirange
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	/* The end fits in bigint for the last node, too. */
	SELECT event_ids * int8multirange(int8range(NULL,
		least(min(s.event_id), 9223372036854725807) + 50000))
	FROM commission_internal.ranges(event_ids) AS r
	CROSS JOIN LATERAL (
		SELECT s.event_id FROM commission_internal.sealed_row AS s
		WHERE s.event_id >= r.first_event_id AND s.event_id < r.end_event_id
		ORDER BY s.event_id LIMIT 1) AS s
	HAVING count(*) > 0;
END;
COMMENT ON FUNCTION commission_internal.block_event_ids(int8multirange) IS
	'which of these event ids the next block has: up to the first with a row, and 50000 from there; NULL where none has';

CREATE PROCEDURE commission.seal()
	LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
	AS $$
DECLARE
	node CONSTANT bigint := commission_internal.setting('node_id');
	settled int8multirange;
	last commission.seal_block;
	next commission.seal_block;
	contents record;
BEGIN
	LOCK TABLE commission.seal_block IN SHARE UPDATE EXCLUSIVE MODE;
	SELECT commission_internal.settle(coalesce(range_agg(b.event_ids), '{}'), 2000, 100)
	INTO settled
	FROM commission.seal_block AS b
	WHERE b.block BETWEEN node << 48 AND (node << 48) + 281474976710655;
	SELECT b.* INTO last FROM commission.seal_block AS b
	WHERE b.block BETWEEN node << 48 AND (node << 48) + 281474976710655
	ORDER BY b.block DESC LIMIT 1;
	next.block := coalesce(last.block, node << 48);
	next.hash := coalesce(last.hash, decode(repeat('00', 32), 'hex'));

	LOOP
		next.event_ids := commission_internal.block_event_ids(settled);
		EXIT WHEN next.event_ids IS NULL;
		SELECT r.* INTO contents FROM commission_internal.block_rows(next.event_ids) AS r;
		next.block := next.block + 1;
		next.sealed_at := clock_timestamp();
		next.entries := contents.entries;
		next.previous := next.hash;
		next.hash := commission_internal.block_hash(next.previous, next.block,
			next.sealed_at, next.event_ids, contents.bytes);
		INSERT INTO commission.seal_block SELECT next.*;
		settled := settled - next.event_ids;
	END LOOP;
END $$;
COMMENT ON PROCEDURE commission.seal() IS
	'seals what has settled of this node''s ledger since the last call in blocks of up to 50000 event ids, each by a SHA-256 over its entries and the facts of its events and over the block before (R48); waits up to two seconds for transactions that have written to the ledger, and leaves what a still-open transaction may commit to the next call; delays no sale and no reader; a second call at the same time waits for the first; 25000 under REPEATABLE READ and SERIALIZABLE';

CREATE FUNCTION commission.verify_seals()
	RETURNS TABLE (block bigint, problem text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
BEGIN ATOMIC
	SELECT b.block, p.problem
	FROM (
		SELECT s.*,
			lag(s.block, 1, s.block >> 48 << 48)
				OVER (PARTITION BY s.block >> 48 ORDER BY s.block) AS block_before,
			lag(s.hash, 1, decode(repeat('00', 32), 'hex'))
				OVER (PARTITION BY s.block >> 48 ORDER BY s.block) AS hash_before
		FROM commission.seal_block AS s) AS b
	CROSS JOIN LATERAL commission_internal.block_rows(b.event_ids) AS r
	CROSS JOIN LATERAL (
		SELECT 'blocks before it are missing' AS problem
		WHERE b.block <> b.block_before + 1
		UNION ALL
		SELECT 'it was sealed upon another block than the one before it'
		WHERE b.block = b.block_before + 1 AND b.previous <> b.hash_before
		UNION ALL
		SELECT CASE WHEN r.entries = b.entries
			THEN 'it is not what was sealed'
			ELSE format('it is not what was sealed: it had %s entries, and has %s',
						b.entries, r.entries) END
		WHERE b.entries <> r.entries
			OR b.hash <> commission_internal.block_hash(b.previous, b.block,
				b.sealed_at, b.event_ids, r.bytes)) AS p
	ORDER BY b.block;
END;
COMMENT ON FUNCTION commission.verify_seals() IS
	'a row for each problem of a sealed block, none if all blocks are what was sealed, the first changed block first (R48): an entry or a fact of an event was changed, removed or inserted, or a block was. Only a hash that was published elsewhere shows that the last blocks are there and that nobody sealed everything again. Reads everything that is sealed';

CREATE VIEW commission.seal_status AS
	SELECT b.node,
		b.blocks,
		b.entries,
		b.block AS last_block,
		l.hash AS last_hash,
		l.sealed_at,
		u.entries AS unsealed_entries
	FROM (
		SELECT (s.block >> 48)::integer AS node, count(*) AS blocks,
			sum(s.entries)::bigint AS entries, max(s.block) AS block,
			range_agg(s.event_ids) AS event_ids
		FROM commission.seal_block AS s
		GROUP BY s.block >> 48) AS b
	JOIN commission.seal_block AS l ON l.block = b.block
	CROSS JOIN LATERAL (
		SELECT count(*) AS entries
		FROM commission_internal.ranges(
			int8multirange(commission_internal.node_event_ids(b.node)) - b.event_ids) AS r
		JOIN commission.entry AS e
			ON e.event_id >= r.first_event_id AND e.event_id < r.end_event_id) AS u;
COMMENT ON VIEW commission.seal_status IS
	'of each node that has sealed: how many blocks and entries, the last block with its hash, which is to be published elsewhere, and when it was sealed, and how many entries are not sealed yet (R48)';

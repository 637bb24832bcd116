/*
 * follower.sql: what other systems follow the ledger by (R49).
 *
 * Changes are numbered in batches, each of what had settled when it was
 * appended: the order in which things settle is the one order in which nothing
 * that commits late is skipped.  A batch says which event ids it has; what its
 * changes are, the ledger says, which never changes.
 *
 * Locks: ShareUpdateExclusiveLock on commission.change_batch while a batch is
 * appended and to the end of that transaction.  Nobody waits for it: who finds
 * it held is given what is there.
 */

CREATE TABLE commission.change_batch (
	first_position bigint NOT NULL,
	settled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	changes integer NOT NULL,
	event_ids int8multirange NOT NULL,
	given int8multirange NOT NULL,
	CONSTRAINT change_batch_pkey PRIMARY KEY (first_position),
	CONSTRAINT change_batch_changes_check CHECK (changes > 0)
);
COMMENT ON TABLE commission.change_batch IS
	'the changes that followers are given, in batches of what had settled (R49)';
COMMENT ON COLUMN commission.change_batch.first_position IS
	'the position of its first change; each node counts from 1, with commission.node_id above the lower 48 bits as in event ids';
COMMENT ON COLUMN commission.change_batch.changes IS
	'how many changes it has';
COMMENT ON COLUMN commission.change_batch.event_ids IS
	'the event ids whose changes are in it, in their order';
COMMENT ON COLUMN commission.change_batch.given IS
	'the event ids of the node whose changes are in it or in a batch before it';

CREATE TABLE commission.consumer (
	consumer text COLLATE "C" NOT NULL,
	position bigint NOT NULL DEFAULT 0,
	registered_at timestamptz NOT NULL DEFAULT now(),
	acknowledged_at timestamptz,
	CONSTRAINT consumer_pkey PRIMARY KEY (consumer)
);
COMMENT ON TABLE commission.consumer IS
	'how far each consumer has followed the ledger (R49)';
COMMENT ON COLUMN commission.consumer.position IS
	'the last position that it has acknowledged; 0: none';
COMMENT ON COLUMN commission.consumer.acknowledged_at IS
	'when it last acknowledged; NULL: never';

/* Other transitions of withdrawals have an entry. */
CREATE VIEW commission_internal.change AS
	SELECT e.event_id, e.line FROM commission.entry AS e
	UNION ALL
	SELECT t.event_id, NULL FROM commission.withdrawal_transition AS t
	WHERE t.to_state IN ('approved', 'unknown', 'paid');
COMMENT ON VIEW commission_internal.change IS
	'what followers are given: entries, and transitions of withdrawals that have none (line is NULL)';

/* OFFSET 0: range by range, whatever order is wanted. */
CREATE FUNCTION commission_internal.changes_of(event_ids int8multirange)
	RETURNS TABLE (event_id bigint, line smallint)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.event_id, c.line
	FROM commission_internal.ranges(event_ids) AS r
	CROSS JOIN LATERAL (
		SELECT c.event_id, c.line FROM commission_internal.change AS c
		WHERE c.event_id >= r.first_event_id AND c.event_id < r.end_event_id
		OFFSET 0) AS c;
END;
COMMENT ON FUNCTION commission_internal.changes_of(int8multirange) IS
	'the changes under these event ids, in no order';

CREATE FUNCTION commission_internal.last_batch(node integer)
	RETURNS commission.change_batch
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT b.* FROM commission.change_batch AS b
	WHERE b.first_position >= lower(commission_internal.node_event_ids(node))
		AND b.first_position < upper(commission_internal.node_event_ids(node))
	ORDER BY b.first_position DESC LIMIT 1;
END;
COMMENT ON FUNCTION commission_internal.last_batch(integer) IS
	'a node''s last batch of changes; NULL where it has none';

/* A batch has 5000 event ids at most; their end fits in bigint for any node. */
CREATE FUNCTION commission_internal.append_changes() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	node CONSTANT integer := commission_internal.setting('node_id');
	last commission.change_batch;
	first_event_id bigint;
	settled int8multirange;
	changes integer;
BEGIN
	BEGIN
		LOCK TABLE commission.change_batch IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
	EXCEPTION WHEN lock_not_available THEN
		RETURN;
	END;
	last := commission_internal.last_batch(node);
	last.given := coalesce(last.given, '{}');
	SELECT min(c.event_id) INTO first_event_id
	FROM commission_internal.ranges(
		int8multirange(commission_internal.node_event_ids(node)) - last.given) AS r
	CROSS JOIN LATERAL (
		SELECT c.event_id FROM commission_internal.change AS c
		WHERE c.event_id >= r.first_event_id AND c.event_id < r.end_event_id
		ORDER BY c.event_id LIMIT 1) AS c;
	IF first_event_id IS NULL THEN
		RETURN;
	END IF;

	settled := commission_internal.settle(last.given + int8multirange(int8range(
			least(first_event_id, 9223372036854770807) + 5000, NULL)), 100, 10000);
	SELECT count(*) INTO changes FROM commission_internal.changes_of(settled);
	IF changes > 0 THEN
		INSERT INTO commission.change_batch
			(first_position, changes, event_ids, given)
		VALUES (coalesce(last.first_position + last.changes, (node::bigint << 48) + 1),
			changes, settled, last.given + settled);
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.append_changes() IS
	'appends a batch of the changes that have settled since the last, if there are any and nobody else is appending one; 25000 under REPEATABLE READ and SERIALIZABLE where there are any';

CREATE FUNCTION commission_internal.next_position(after bigint) RETURNS bigint
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce((
		SELECT CASE WHEN after + 1 < b.first_position + b.changes
			THEN after + 1 END
		FROM commission.change_batch AS b
		WHERE b.first_position <= after + 1
		ORDER BY b.first_position DESC LIMIT 1), (
		SELECT min(b.first_position) FROM commission.change_batch AS b
		WHERE b.first_position > after));
COMMENT ON FUNCTION commission_internal.next_position(bigint) IS
	'the position of the first change after this one; NULL where no batch has any';

CREATE FUNCTION commission_internal.changes(first bigint, n integer)
	RETURNS TABLE ("position" bigint, event_id bigint, line smallint)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.position, c.event_id, c.line
	FROM commission.change_batch AS b
	CROSS JOIN LATERAL (
		SELECT b.first_position - 1
				+ row_number() OVER (ORDER BY c.event_id, c.line) AS position,
			c.event_id, c.line
		FROM commission_internal.changes_of(b.event_ids) AS c) AS c
	WHERE b.first_position < first + n
		AND b.first_position >= (SELECT max(s.first_position)
								 FROM commission.change_batch AS s
								 WHERE s.first_position <= first)
		AND c.position >= first AND c.position < first + n;
END;
COMMENT ON FUNCTION commission_internal.changes(bigint, integer) IS
	'the changes of n positions from the first, which a batch has';

CREATE FUNCTION commission_internal.transition_detail(event_id bigint)
	RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
	SELECT jsonb_strip_nulls(jsonb_build_object(
		'from_state', t.from_state, 'state', t.to_state,
		'amount', w.amount, 'method', w.method,
		'transfer', t.transfer, 'reason', t.reason))
	FROM commission.withdrawal_transition AS t
	JOIN commission.withdrawal AS w ON w.event_id = t.withdrawal_id
	WHERE t.event_id = transition_detail.event_id);
COMMENT ON FUNCTION commission_internal.transition_detail(bigint) IS
	'a transition of a withdrawal, for change_detail(); NULL for another event';

CREATE FUNCTION commission_internal.change_detail(
	event_id bigint, line smallint)
	RETURNS TABLE (what text, account text, amount bigint, source text,
				   occurred_at timestamptz, detail jsonb)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT e.kind::text, e.account, e.amount, e.source, e.occurred_at,
		jsonb_strip_nulls(jsonb_build_object(
			'counts_as', e.counts_as, 'ratio', e.ratio,
			'from_account', e.from_account,
			'reversed_event_id', r.reversed_event_id,
			'reason', coalesce(r.reason, j.reason),
			'withdrawal', commission_internal.transition_detail(e.event_id)))
	FROM commission.ledger AS e
	LEFT JOIN commission.reversal AS r ON r.event_id = e.event_id
	LEFT JOIN commission.adjustment AS j ON j.event_id = e.event_id
	WHERE e.event_id = change_detail.event_id AND e.line = change_detail.line
	UNION ALL
	SELECT 'withdrawal_' || t.to_state, a.name, NULL, t.withdrawal_id::text,
		t.changed_at, jsonb_build_object('withdrawal',
			commission_internal.transition_detail(t.event_id))
	FROM commission.withdrawal_transition AS t
	JOIN commission.withdrawal AS w ON w.event_id = t.withdrawal_id
	JOIN commission.account AS a ON a.account_id = w.account_id
	WHERE t.event_id = change_detail.event_id AND change_detail.line IS NULL;
END;
COMMENT ON FUNCTION commission_internal.change_detail(bigint, smallint) IS
	'what next_changes() says of a change';

CREATE FUNCTION commission.next_changes(consumer text, n integer DEFAULT 1000)
	RETURNS TABLE ("position" bigint, what text, account text, amount bigint,
				   source text, event_id bigint, line smallint,
				   occurred_at timestamptz, detail jsonb)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
	AS $$
#variable_conflict use_column
DECLARE
	followed bigint;
	last commission.change_batch;
	first bigint;
BEGIN
	PERFORM commission_internal.required(next_changes.consumer, 'consumer'),
		commission_internal.bounded(next_changes.consumer, 'consumer');
	IF commission_internal.required(n, 'n') NOT BETWEEN 1 AND 10000 THEN
		RAISE 'n must be from 1 to 10000'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is %s.', n);
	END IF;
	SELECT c.position INTO followed FROM commission.consumer AS c
	WHERE c.consumer = next_changes.consumer;
	IF NOT FOUND THEN
		INSERT INTO commission.consumer (consumer) VALUES (next_changes.consumer)
		ON CONFLICT DO NOTHING;
		followed := 0;
	END IF;

	last := commission_internal.last_batch(
		commission_internal.setting('node_id')::integer);
	IF last.first_position IS NULL
		OR last.first_position + last.changes <= followed + n
	THEN
		PERFORM commission_internal.append_changes();
	END IF;
	first := commission_internal.next_position(followed);
	RETURN QUERY
	SELECT c.position, d.what, d.account, d.amount, d.source, c.event_id, c.line,
		d.occurred_at, d.detail
	FROM commission_internal.changes(first, n) AS c
	CROSS JOIN LATERAL commission_internal.change_detail(c.event_id, c.line) AS d
	ORDER BY c.position;
END $$;
COMMENT ON FUNCTION commission.next_changes(text, integer) IS
	'the next n changes of the ledger that a consumer has not acknowledged, in one order for all consumers, without a gap and without a duplicate (R49): entries, what being their kind and amount their credits, and transitions of withdrawals that have no entry, what being withdrawal_approved, withdrawal_unknown or withdrawal_paid and line and amount NULL; source as in ledger; detail has counts_as, ratio, from_account, the reversed event, the reason of a reversal or adjustment, and of a withdrawal its state, amount, method, transfer and reason. The same until they are acknowledged, to several callers at once, too. Act on them once the transaction has committed. A name that is new is a consumer from the beginning of the ledger. What an open or prepared transaction may still commit comes later, and keeps back nothing else. There may be fewer than n although more follow; there is none where nothing is new, or while another transaction that was given something new is open; 22004 for NULL, 22023 for an empty consumer or one of more than 1024 bytes, or n outside 1 to 10000, 25000 under REPEATABLE READ and SERIALIZABLE';

CREATE FUNCTION commission.acknowledge(consumer text, "position" bigint)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	last bigint;
BEGIN
	PERFORM commission_internal.required(acknowledge.consumer, 'consumer'),
		commission_internal.required(acknowledge.position, 'position');
	SELECT b.first_position + b.changes - 1 INTO last
	FROM commission.change_batch AS b
	WHERE b.first_position <= acknowledge.position
	ORDER BY b.first_position DESC LIMIT 1;
	IF acknowledge.position > coalesce(last, 0) THEN
		RAISE 'position % was not given', acknowledge.position
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('The last one before it is %s.', coalesce(last, 0)),
				HINT = 'Acknowledge the position of a row of next_changes() whose transaction has committed.';
	END IF;
	UPDATE commission.consumer AS c
	SET position = greatest(c.position, acknowledge.position), acknowledged_at = now()
	WHERE c.consumer = acknowledge.consumer;
	IF NOT FOUND THEN
		RAISE 'consumer "%" does not exist', acknowledge.consumer
			USING ERRCODE = 'foreign_key_violation',
				HINT = 'Call next_changes() first.';
	END IF;
END $$;
COMMENT ON FUNCTION commission.acknowledge(text, bigint) IS
	'moves a consumer on: it is given what comes after this position (R49); one that it has passed changes nothing; 22023 for a position that was not given, 23503 for a consumer that does not exist, 22004 for NULL';

/* Not by changes_of(), which reads with the rights of who reads this. */
CREATE VIEW commission.consumer_status AS
	SELECT c.consumer,
		c.position,
		c.acknowledged_at,
		coalesce(b.changes, 0) + u.changes AS changes_behind,
		CASE WHEN coalesce(b.changes, 0) + u.changes > 0
			THEN coalesce(b.settled_at, c.acknowledged_at, c.registered_at)
		END AS behind_since
	FROM commission.consumer AS c
	CROSS JOIN LATERAL (
		SELECT sum(least(b.changes, b.first_position + b.changes - 1 - c.position))::bigint
				AS changes,
			min(b.settled_at) AS settled_at
		FROM commission.change_batch AS b
		WHERE b.first_position + b.changes > c.position + 1
			AND b.first_position >= coalesce((SELECT max(s.first_position)
											  FROM commission.change_batch AS s
											  WHERE s.first_position <= c.position), 0)) AS b
	CROSS JOIN (
		SELECT count(*) AS changes
		FROM commission_internal.node_event_ids(
			commission_internal.setting('node_id')::integer) AS n (event_ids)
		CROSS JOIN LATERAL commission_internal.ranges(
			int8multirange(n.event_ids) - coalesce((
				SELECT l.given FROM commission.change_batch AS l
				WHERE l.first_position >= lower(n.event_ids)
					AND l.first_position < upper(n.event_ids)
				ORDER BY l.first_position DESC LIMIT 1), '{}')) AS r
		JOIN commission_internal.change AS e
			ON e.event_id >= r.first_event_id AND e.event_id < r.end_event_id) AS u;
COMMENT ON VIEW commission.consumer_status IS
	'of each consumer of next_changes() how far it has acknowledged, how many changes of the ledger it is behind, and since when at the earliest, NULL where it is behind by none (R49)';

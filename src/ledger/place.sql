/*
 * place.sql: where a call belongs, once the ledger is on several machines.
 *
 * One machine, the hub, writes the catalogue and pays; the others, the nodes,
 * sell, and each has a ledger of its own.  The catalogue comes down and the
 * ledgers come up by logical replication, so a machine is what it follows: who
 * follows the accounts is a node, who follows entries or rolled-up sums is a
 * hub.  A machine that follows nothing is both, and is refused nothing.
 */

/* The one list: a new table stands here. */
CREATE VIEW commission_internal.table_place (name, place, own_id) AS VALUES
	('account', 'catalogue', NULL::text),
	('coupon', 'catalogue', NULL),
	('group_change', 'catalogue', NULL),
	('listing', 'catalogue', NULL),
	('material', 'catalogue', NULL),
	('model_price', 'catalogue', NULL),
	('referral', 'catalogue', NULL),
	('referral_change', 'catalogue', NULL),
	('terms_version', 'catalogue', NULL),
	('adjustment', 'hub', NULL),
	('attempt', 'hub', NULL),
	('hold_change', 'hub', NULL),
	('payout_batch', 'hub', NULL),
	('payout_change', 'hub', NULL),
	('tier_version', 'hub', NULL),
	('withdrawal', 'hub', NULL),
	('withdrawal_transition', 'hub', NULL),
	('customer_order', 'ledger', 'event_id'),
	('entry', 'ledger', 'event_id'),
	('generation', 'ledger', 'event_id'),
	('late_accrual', 'ledger', 'event_id'),
	('reversal', 'ledger', 'event_id'),
	('seal_block', 'ledger', 'block'),
	('touch', 'ledger', NULL),
	('unreferred_leg', 'ledger', 'sale_event_id'),
	('rolled', 'sums', 'node_id'),
	('rolled_day', 'sums', 'node_id'),
	('rolled_kind', 'sums', 'node_id'),
	('rolled_referred', 'sums', 'node_id'),
	('rolled_hour', 'held', 'node_id'),
	('change_batch', 'machine', NULL),
	('consumer', 'machine', NULL),
	('deferred_change', 'machine', NULL),
	('deferred_generation', 'machine', NULL),
	('event_id_state', 'machine', NULL),
	('moved_buyer', 'machine', NULL),
	('portal_role', 'machine', NULL),
	('touch_count', 'machine', NULL);
COMMENT ON VIEW commission_internal.table_place IS
	'where each table is written and who follows it: catalogue, at the hub, and nodes follow; hub, at the hub, and nobody follows; ledger and sums, on every machine, and the hub follows what was written on a node, by the column own_id (NULL: all rows); held, as sums, and a hub of sums alone follows; machine, on every machine, and nobody follows';

CREATE FUNCTION commission_internal.follows(VARIADIC tables regclass[])
	RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (SELECT FROM pg_subscription_rel AS s
			   WHERE s.srrelid = ANY (tables));
COMMENT ON FUNCTION commission_internal.follows(regclass[]) IS
	'whether one of the tables is in a subscription of this database, enabled or not';

CREATE FUNCTION commission_internal.is_node() RETURNS boolean
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN commission_internal.follows('commission.account');
END $$;
COMMENT ON FUNCTION commission_internal.is_node() IS
	'whether this database follows the catalogue of a hub';

CREATE FUNCTION commission_internal.is_hub() RETURNS boolean
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN commission_internal.follows('commission.entry', 'commission.rolled');
END $$;
COMMENT ON FUNCTION commission_internal.is_hub() IS
	'whether this database follows the ledger of a node, or its rolled-up sums';

CREATE FUNCTION commission_internal.is_held_here(event_id bigint)
	RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN event_id >> 48 = commission_internal.setting('node_id')::bigint
	OR NOT commission_internal.is_hub();
COMMENT ON FUNCTION commission_internal.is_held_here(bigint) IS
	'whether a sale is refunded, and its late legs are accrued, in this database: false at a hub for the sales of its nodes';

CREATE FUNCTION commission_internal.refuse_on_node(relation text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF commission_internal.is_node() THEN
		RAISE '"commission.%" is written at the hub only', relation
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('This database is a node: it follows the hub''s catalogue by subscription "%s".',
					(SELECT min(s.subname::text)
					 FROM pg_subscription_rel AS r
					 JOIN pg_subscription AS s ON s.oid = r.srsubid
					 WHERE r.srrelid = 'commission.account'::regclass)),
				HINT = 'Make the same call at the hub. What it changes in the catalogue comes here by itself.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.refuse_on_node(text) IS
	'refuses, on a node, to write a table that the hub writes: 55000';

CREATE FUNCTION commission_internal.keep_at_hub() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_TABLE_SCHEMA <> 'commission' THEN
		RAISE 'function "keep_at_hub" must be fired by a table of the extension'
			USING ERRCODE = 'trigger_protocol_violated';
	END IF;
	PERFORM commission_internal.refuse_on_node(TG_TABLE_NAME);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION commission_internal.keep_at_hub() IS
	'trigger of the tables that the hub writes: refuses to write them on a node, 55000. What replication applies does not fire it';

CREATE FUNCTION commission_internal.refuse_withdrawal() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	copied text;
BEGIN
	PERFORM commission_internal.refuse_on_node('withdrawal');
	SELECT string_agg(r.srrelid::regclass::text, ', ' ORDER BY r.srrelid::regclass::text)
	INTO copied
	FROM pg_subscription_rel AS r
	JOIN pg_class AS c ON c.oid = r.srrelid
		AND c.relnamespace = 'commission'::regnamespace
	WHERE r.srsubstate <> 'r';
	IF copied IS NOT NULL THEN
		RAISE 'cannot withdraw while ledgers of nodes are being copied'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('Tables that are not ready: %s.', copied),
				HINT = 'Wait until tables_not_ready of commission.node_status is 0.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.refuse_withdrawal() IS
	'refuses, on a node, and at a hub whose tables are still being copied, to request or approve withdrawals: 55000';

CREATE TABLE commission.moved_buyer (
	account_id uuid NOT NULL,
	moved_at timestamptz NOT NULL DEFAULT now(),
	sales bigint NOT NULL DEFAULT 0,
	node_id smallint NOT NULL,
	CONSTRAINT moved_buyer_pkey PRIMARY KEY (account_id)
);
COMMENT ON TABLE commission.moved_buyer IS
	'the buyers whose sales another node holds now, and which: what this one has of them is refunded and accrued late there';
COMMENT ON COLUMN commission.moved_buyer.sales IS
	'how many sales and orders of the buyer were here then: one more came to the wrong node';

CREATE FUNCTION commission_internal.refuse_elsewhere(event_id bigint,
													 what text)
	RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	moved smallint;
BEGIN
	SELECT m.node_id INTO moved
	FROM (SELECT g.buyer_id FROM commission.generation AS g
		  WHERE g.event_id = refuse_elsewhere.event_id
		  UNION ALL
		  SELECT o.customer_id FROM commission.customer_order AS o
		  WHERE o.event_id = refuse_elsewhere.event_id) AS s
	JOIN commission.moved_buyer AS m ON m.account_id = s.buyer_id;
	IF FOUND THEN
		RAISE 'cannot refund % of a buyer who was moved to node %', what, moved
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'A sale is refunded on the node that holds it.',
				HINT = format('Make the same call on node %s.', moved);
	END IF;
	IF NOT commission_internal.is_held_here(event_id) THEN
		RAISE 'cannot refund % of node % at a hub', what, event_id >> 48
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'A sale is refunded on the node that holds it.',
				HINT = 'Make the same call on the node that the buyer''s sales are routed to.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.refuse_elsewhere(bigint, text) IS
	'refuses to refund, at a hub, a sale of a node, and on a node that of a buyer who was moved to another: 55000';

CREATE FUNCTION commission_internal.refuse_as_node() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF commission_internal.is_hub() THEN
		RAISE 'the ledger of node % settles on that node only',
				commission_internal.setting('node_id')
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'This database is a hub, and another transaction of the node may still be on its way here.',
				HINT = 'Make the same call on the node, and at the hub with commission.node_id = 0 for the hub''s own ledger.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.refuse_as_node() IS
	'refuses, at a hub, to roll up, seal or follow as a node: 55000';

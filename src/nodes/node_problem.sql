/*
 * node_problem.sql: what goes wrong only once there are several machines (for
 * audit()).
 */

CREATE FUNCTION commission_internal.has_several_nodes() RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(min(e.event_id) >> 48 <> max(e.event_id) >> 48, false)
	FROM commission.entry AS e;
END;
COMMENT ON FUNCTION commission_internal.has_several_nodes() IS
	'whether the ledger has entries of more than one node';

/*
 * Uniqueness is a node's: what two nodes have recorded came to the wrong one of
 * them.  A node itself has rows of another where a buyer was moved here.
 */
CREATE VIEW commission_internal.twice_problem AS
	WITH twice AS (
		SELECT 'generation on two nodes' AS problem, g.generation_id AS id,
			min(g.event_id) AS event_id, max(g.event_id) AS other_event_id
		FROM commission.generation AS g
		WHERE commission_internal.has_several_nodes()
		GROUP BY g.generation_id HAVING count(*) > 1
		UNION ALL
		SELECT 'order on two nodes', o.order_id, min(o.event_id), max(o.event_id)
		FROM commission.customer_order AS o
		WHERE commission_internal.has_several_nodes()
		GROUP BY o.order_id HAVING count(*) > 1
		UNION ALL
		SELECT 'first order on two nodes', o.customer_id, min(o.event_id),
			max(o.event_id)
		FROM commission.customer_order AS o
		WHERE commission_internal.has_several_nodes() AND o.kind = 'first_order'
		GROUP BY o.customer_id HAVING count(*) > 1
	)
	SELECT t.problem, t.event_id,
		format('%s is on node %s and, as event %s, on node %s',
			coalesce(CASE WHEN t.problem LIKE 'first%' THEN coalesce(a.name, o.customer_name)
				ELSE coalesce(g.generation_name, o.order_name) END,
				commission_internal.identifier_name(t.id)),
			t.event_id >> 48, t.other_event_id, t.other_event_id >> 48) AS detail
	FROM twice AS t
	LEFT JOIN commission.generation AS g ON g.event_id = t.event_id
	LEFT JOIN commission.customer_order AS o ON o.event_id = t.event_id
	LEFT JOIN commission.account AS a ON a.account_id = t.id;
COMMENT ON VIEW commission_internal.twice_problem IS
	'sales that are recorded on two nodes, and customers with a first order on two (R17, R30)';

/* Moving the buyer once more takes along what came since. */
CREATE VIEW commission_internal.moved_problem AS
	SELECT 'sale of a moved buyer' AS problem, max(s.event_id) AS event_id,
		format('%s was moved to node %s with %s sales, and %s are here: route the buyer there, and move what came since',
			coalesce(min(a.name), min(s.buyer_name),
				commission_internal.identifier_name(s.account_id)),
			s.node_id, s.sales, count(*)) AS detail
	FROM commission_internal.moved_sale AS s
	LEFT JOIN commission.account AS a USING (account_id)
	GROUP BY s.account_id, s.node_id, s.sales
	HAVING count(*) > s.sales;
COMMENT ON VIEW commission_internal.moved_problem IS
	'buyers who were moved to another node, and were sold to here after that';

/* A machine that was set up by half. */
CREATE VIEW commission_internal.setup_problem AS
	SELECT 'node without a number' AS problem, NULL::bigint AS event_id,
		'this database follows the catalogue of a hub, and its event ids are those of the hub: set commission.node_id'
			AS detail
	WHERE commission_internal.is_node() AND NOT commission_internal.is_hub()
		AND commission_internal.setting('node_id') = '0'
	UNION ALL
	SELECT 'publication of another node', NULL,
		format('it publishes %s, and commission.node_id is %s: call create_publications() again',
			r.rowfilter, commission_internal.setting('node_id'))
	FROM pg_publication_tables AS r
	WHERE r.pubname = 'commission_ledger' AND r.schemaname = 'commission'
		AND r.tablename = 'rolled'
		AND r.rowfilter NOT LIKE format('%%= %s)', commission_internal.setting('node_id'));
COMMENT ON VIEW commission_internal.setup_problem IS
	'a node whose commission.node_id is not set, or is another than when its publications were made';

/* A trigger is not inherited by whoever was there before, or came by DETACH. */
CREATE VIEW commission_internal.attached_table AS
	SELECT DISTINCT t.tgrelid::regclass AS relation
	FROM pg_trigger AS t
	WHERE t.tgfoid IN ('commission_internal.accrue_generation()'::regprocedure,
					   'commission_internal.accrue_order()'::regprocedure)
		AND t.tgparentid = 0;
COMMENT ON VIEW commission_internal.attached_table IS
	'the tables of sales that are attached';

CREATE FUNCTION commission_internal.untriggered_shards()
	RETURNS SETOF regclass
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF to_regclass('pg_catalog.pg_dist_shard') IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE '
		SELECT s.shard
		FROM commission_internal.attached_table AS a
		JOIN pg_dist_shard AS d ON d.logicalrelid = a.relation
		JOIN pg_class AS c ON c.oid = a.relation
		CROSS JOIN LATERAL to_regclass(format(''%I.%I'', c.relnamespace::regnamespace::text,
			c.relname || ''_'' || d.shardid)) AS s (shard)
		WHERE s.shard IS NOT NULL AND NOT EXISTS (
			SELECT FROM pg_trigger AS t
			WHERE t.tgrelid = s.shard AND t.tgfoid IN (
				''commission_internal.accrue_generation()''::regprocedure,
				''commission_internal.accrue_order()''::regprocedure))';
END $$;
COMMENT ON FUNCTION commission_internal.untriggered_shards() IS
	'the shards in this database of tables that are attached and that Citus distributes, which have no accruing trigger';

CREATE VIEW commission_internal.partition_problem AS
	SELECT CASE c.relkind WHEN 'f' THEN 'foreign partition of an attached table'
			ELSE 'partition without an accruing trigger' END AS problem,
		format('%s of %s', p.relid, a.relation) AS detail
	FROM commission_internal.attached_table AS a
	CROSS JOIN LATERAL pg_partition_tree(a.relation) AS p
	JOIN pg_class AS c ON c.oid = p.relid
	WHERE p.level > 0 AND p.isleaf
		AND (c.relkind = 'f' OR NOT EXISTS (
			SELECT FROM pg_trigger AS t
			WHERE t.tgrelid = p.relid AND t.tgfoid IN (
				'commission_internal.accrue_generation()'::regprocedure,
				'commission_internal.accrue_order()'::regprocedure)))
	UNION ALL
	SELECT 'shard without an accruing trigger',
		format('%s: detach the table and attach it at Citus''s coordinator', s)
	FROM commission_internal.untriggered_shards() AS s;
COMMENT ON VIEW commission_internal.partition_problem IS
	'partitions and shards of attached tables that do not accrue, or accrue on another server';

/*
 * publication.sql: what travels between a hub and its nodes, and how it is.
 *
 * CREATE SUBSCRIPTION cannot run in a function, so two commands a machine are
 * left to the operator (doc/nodes.md).  One publication and one subscription a
 * node, so that entries, facts and rolled-up sums arrive in the order of their
 * commits: the hub is at any moment as the node was a moment before.
 */

CREATE FUNCTION commission_internal.published_tables(places text[])
	RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT string_agg(format('commission.%I', p.name)
		|| CASE WHEN p.own_id = 'node_id'
			THEN format(' WHERE (node_id = %s)', commission_internal.setting('node_id'))
			WHEN p.own_id IS NOT NULL
			THEN format(' WHERE (%1$I >= %2$s AND %1$I <= %3$s)', p.own_id, lower(n.ids),
				upper(n.ids) - 1)
			ELSE '' END, ', ' ORDER BY p.name)
	FROM commission_internal.table_place AS p
	CROSS JOIN commission_internal.node_event_ids(
		commission_internal.setting('node_id')::integer) AS n (ids)
	WHERE p.place = ANY (places);
END;
COMMENT ON FUNCTION commission_internal.published_tables(text[]) IS
	'the tables of these places as CREATE PUBLICATION names them: of the ledger only what was written under commission.node_id, so that what a moved buyer has brought along does not go up again';

/* Rows of clicks may be removed on a node: a hub removes its own. */
CREATE FUNCTION commission.create_publications() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made record;
BEGIN
	IF commission_internal.is_node() AND commission_internal.setting('node_id') = '0' THEN
		RAISE 'this node has no number'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'commission.node_id is 0, which is the hub''s.',
				HINT = 'Give each node a number of its own, by ALTER SYSTEM SET commission.node_id, before anything is sold on it.';
	END IF;
	FOR made IN
		SELECT p.name, commission_internal.published_tables(p.places) AS tables,
			p.actions
		FROM (VALUES
			('commission_catalogue', ARRAY['catalogue'], 'insert, update, delete, truncate'),
			('commission_ledger', ARRAY['ledger', 'sums'], 'insert, update'),
			('commission_sums', ARRAY['sums', 'held'], 'insert, update'))
			AS p (name, places, actions)
	LOOP
		IF EXISTS (SELECT FROM pg_publication AS p WHERE p.pubname = made.name) THEN
			EXECUTE format('ALTER PUBLICATION %s SET TABLE %s', made.name, made.tables);
		ELSE
			EXECUTE format('CREATE PUBLICATION %s FOR TABLE %s WITH (publish = %L)',
				made.name, made.tables, made.actions);
		END IF;
	END LOOP;
END $$;
COMMENT ON FUNCTION commission.create_publications() IS
	'makes the publications that a hub and its nodes follow each other by, or brings them up to date: commission_catalogue, which nodes follow at the hub; commission_ledger, which the hub follows on each node; and commission_sums, the rolled-up sums alone, which a hub of sums follows instead. Call it again after an update of the extension and after a change of commission.node_id, and refresh the subscriptions (ALTER SUBSCRIPTION ... REFRESH PUBLICATION). For the extension''s owner, who needs CREATE on the database; 55000 on a node whose commission.node_id is 0';

/* By name: PostgreSQL does not say from which node a subscription's rows come. */
CREATE VIEW commission_internal.followed_ledger AS
	SELECT s.oid AS subid, s.subname::text AS subscription, s.subenabled AS is_enabled,
		bool_or(c.relname = 'account') AS is_catalogue,
		count(*) FILTER (WHERE r.srsubstate <> 'r') AS tables_not_ready,
		CASE WHEN bool_or(c.relname = 'account') THEN 0
			ELSE substring(s.subname FROM '[0-9]{1,5}$')::integer END AS node
	FROM pg_subscription AS s
	JOIN pg_subscription_rel AS r ON r.srsubid = s.oid
	JOIN pg_class AS c ON c.oid = r.srrelid
		AND c.relnamespace = 'commission'::regnamespace
	GROUP BY s.oid, s.subname, s.subenabled;
COMMENT ON VIEW commission_internal.followed_ledger IS
	'the subscriptions that bring tables of ours: those of nodes by the number at the end of their names';

/* From node to node by the index, however many entries each has. */
CREATE VIEW commission_internal.known_node AS
	WITH RECURSIVE next AS (
		SELECT min(e.event_id) >> 48 AS node FROM commission.entry AS e
		UNION ALL
		SELECT (SELECT e.event_id >> 48 FROM commission.entry AS e
				WHERE e.event_id > (n.node << 48) + 281474976710655
				ORDER BY e.event_id LIMIT 1)
		FROM next AS n WHERE n.node < 32767
	)
	SELECT n.node::integer AS node FROM next AS n WHERE n.node IS NOT NULL
	UNION
	SELECT r.node_id FROM commission.rolled AS r;
COMMENT ON VIEW commission_internal.known_node IS
	'the nodes of which there are entries or rolled-up sums here';

CREATE VIEW commission.node_status AS
	SELECT coalesce(k.node, f.node) AS node,
		f.subscription,
		f.is_enabled,
		f.tables_not_ready,
		extract(epoch FROM clock_timestamp() - m.last_message_at)::bigint
			AS seconds_since_message,
		e.errors,
		(SELECT max(l.event_id) FROM commission.entry AS l
		 WHERE l.event_id >= k.node::bigint << 48
			AND l.event_id <= (k.node::bigint << 48) + 281474976710655) AS newest_event,
		(SELECT upper(r.event_ids) - 1 FROM commission.rolled AS r
		 WHERE r.node_id = k.node) AS rolled_up_to
	FROM commission_internal.known_node AS k
	FULL JOIN commission_internal.followed_ledger AS f ON f.node = k.node
	LEFT JOIN LATERAL (
		SELECT max(s.last_msg_receipt_time) AS last_message_at
		FROM pg_stat_subscription AS s
		WHERE s.subid = f.subid AND s.relid IS NULL) AS m ON true
	LEFT JOIN LATERAL (
		SELECT s.apply_error_count + s.sync_error_count AS errors
		FROM pg_stat_subscription_stats AS s WHERE s.subid = f.subid) AS e ON true;
COMMENT ON VIEW commission.node_status IS
	'the machines that this one knows of: at a hub its nodes, on a node the hub (0) and itself. The subscription by which a machine is followed, that of a node being known by the number at the end of its name, NULL for what was written here; whether it is enabled; how many of its tables are still being copied; the seconds since its last message (NULL: nothing is connected), which PostgreSQL sends every few seconds; how many errors it has met; the newest event in the ledger here, and the one up to which it is rolled up';

CREATE FUNCTION commission.catalogue_digest()
	RETURNS TABLE (table_name text, entries bigint, digest text)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET jit = off AS $$
BEGIN
	FOR table_name IN
		SELECT p.name FROM commission_internal.table_place AS p
		WHERE p.place = 'catalogue' ORDER BY p.name
	LOOP
		RETURN QUERY EXECUTE format(
			'SELECT %1$L, count(*), md5(coalesce(sum((''x'' || left(md5(t::text), 16))::bit(64)::bigint), 0)::text)
			FROM commission.%1$I AS t', table_name);
	END LOOP;
END $$;
COMMENT ON FUNCTION commission.catalogue_digest() IS
	'of each table of the catalogue how many rows it has and a digest of them all, whatever their order: the same on a hub and on a node that has all of the hub''s catalogue, in databases of one encoding and one version of the extension. A node that was restored from a backup shows by it what it has missed. Reads the whole catalogue';

/*
 * buyer.sql: moving a buyer from one node to another.
 *
 * The new node needs the buyer's history: a refund takes back what was earned,
 * a row that becomes unpaid finds its sale, and a second first order would be
 * one.  The rows come as they are, under the event ids of the node that
 * recorded them, and do not go up to the hub again.  That node keeps them, and
 * refunds and accrues nothing of them any more.  A further sale of the buyer is
 * not refused there, because a sale would have to look; audit() counts them.
 *
 * Locks: the buyer's sales, as a refund does, so that each refund is either in
 * the history or refused.
 */

CREATE VIEW commission_internal.moved_sale AS
	SELECT m.account_id, m.node_id, m.sales, s.event_id, s.buyer_name
	FROM commission.moved_buyer AS m
	JOIN (SELECT g.buyer_id, g.event_id, g.buyer_name FROM commission.generation AS g
		  UNION ALL
		  SELECT o.customer_id, o.event_id, o.customer_name
		  FROM commission.customer_order AS o) AS s ON s.buyer_id = m.account_id
	WHERE s.event_id >> 48 = (SELECT commission_internal.setting('node_id')::bigint)
		OR NOT (SELECT commission_internal.is_hub());
COMMENT ON VIEW commission_internal.moved_sale IS
	'the sales and orders here of buyers who were moved to another node, at a hub its own only';

CREATE FUNCTION commission_internal.buyer_history(buyer_id uuid)
	RETURNS TABLE (name text, content jsonb)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH sale AS MATERIALIZED (
		SELECT g.event_id FROM commission.generation AS g
		WHERE g.buyer_id = buyer_history.buyer_id
		UNION ALL
		SELECT o.event_id FROM commission.customer_order AS o
		WHERE o.customer_id = buyer_history.buyer_id
	), event AS MATERIALIZED (
		SELECT s.event_id FROM sale AS s
		UNION ALL
		SELECT r.event_id FROM sale AS s
		JOIN commission_internal.event_sale AS r ON r.sale_event_id = s.event_id
	)
	SELECT 'generation', to_jsonb(t) FROM event JOIN commission.generation AS t USING (event_id)
	UNION ALL
	SELECT 'customer_order', to_jsonb(t)
	FROM event JOIN commission.customer_order AS t USING (event_id)
	UNION ALL
	SELECT 'reversal', to_jsonb(t) FROM event JOIN commission.reversal AS t USING (event_id)
	UNION ALL
	SELECT 'late_accrual', to_jsonb(t)
	FROM event JOIN commission.late_accrual AS t USING (event_id)
	UNION ALL
	SELECT 'unreferred_leg', to_jsonb(t)
	FROM sale JOIN commission.unreferred_leg AS t ON t.sale_event_id = sale.event_id
	UNION ALL
	SELECT 'entry', to_jsonb(t) FROM event JOIN commission.entry AS t USING (event_id);
END;
COMMENT ON FUNCTION commission_internal.buyer_history(uuid) IS
	'the rows of the ledger that are of what an account bought and ordered, each with the name of its table';

CREATE FUNCTION commission.release_buyer(buyer text, to_node integer)
	RETURNS jsonb
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	id CONSTANT uuid := commission.account_id(
		commission_internal.identifier(buyer, 'buyer'));
BEGIN
	IF commission_internal.required(to_node, 'to_node')
		= commission_internal.setting('node_id')::integer
	THEN
		RAISE 'buyer "%" is on node % already', buyer, to_node
			USING ERRCODE = 'object_not_in_prerequisite_state';
	ELSIF to_node NOT BETWEEN 0 AND 32767 THEN
		RAISE 'no machine can be node %', to_node
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'commission.node_id is from 0 to 32767.';
	ELSIF EXISTS (SELECT FROM commission.deferred_generation AS d
				  WHERE d.content[2] = buyer)
	THEN
		RAISE 'sales of buyer "%" are deferred', buyer
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Make known what they wait for, and call accrue_deferred().';
	END IF;
	INSERT INTO commission.moved_buyer AS m (account_id, node_id)
	VALUES (id, to_node)
	ON CONFLICT (account_id) DO UPDATE
	SET node_id = excluded.node_id, moved_at = now();
	PERFORM FROM commission.generation AS g WHERE g.buyer_id = id
	ORDER BY g.event_id FOR NO KEY UPDATE;
	PERFORM FROM commission.customer_order AS o WHERE o.customer_id = id
	ORDER BY o.event_id FOR NO KEY UPDATE;
	UPDATE commission.moved_buyer AS m
	SET sales = (SELECT count(*) FROM commission_internal.moved_sale AS s
				 WHERE s.account_id = id)
	WHERE m.account_id = id;
	RETURN jsonb_build_object('buyer', buyer, 'node', to_node, 'rows', coalesce((
		SELECT jsonb_agg(jsonb_build_array(h.name, h.content))
		FROM commission_internal.buyer_history(id) AS h), '[]'));
END $$;
COMMENT ON FUNCTION commission.release_buyer(text, integer) IS
	'gives what this node''s ledger has of what a buyer bought and ordered, for take_buyer() on the node that the buyer''s sales are routed to from now on; from then on this node refunds nothing of it and accrues nothing late on it (55000). Stop the buyer''s sales before, and route them to the other node after: examples/nodes/move-buyer does all of it; 55000 while sales of the buyer are deferred, and for this node''s own number, 22004 for NULL, 22023 for an empty or over-long name and a number that no node can have';

CREATE FUNCTION commission.take_buyer(history jsonb) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	relation text;
	taken bigint := 0;
	n bigint;
BEGIN
	IF history ->> 'node' IS DISTINCT FROM commission_internal.setting('node_id') THEN
		RAISE 'buyer "%" was released to node %', history ->> 'buyer', history ->> 'node'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('commission.node_id is %s here.',
					commission_internal.setting('node_id'));
	END IF;
	FOREACH relation IN ARRAY ARRAY['generation', 'customer_order', 'reversal',
		'late_accrual', 'unreferred_leg', 'entry']
	LOOP
		EXECUTE format('
			INSERT INTO commission.%1$I
			SELECT r.* FROM jsonb_array_elements($1) AS h (row)
			CROSS JOIN LATERAL jsonb_populate_record(NULL::commission.%1$I, h.row -> 1) AS r
			WHERE h.row ->> 0 = %1$L%2$s
			ON CONFLICT DO NOTHING', relation,
			CASE relation WHEN 'unreferred_leg' THEN '
				AND NOT EXISTS (SELECT FROM commission.unreferred_leg AS u
					WHERE u.account_id = r.account_id AND u.occurred_at = r.occurred_at
						AND u.sale_event_id = r.sale_event_id AND u.leg = r.leg)' END)
			USING history -> 'rows';
		GET DIAGNOSTICS n = ROW_COUNT;
		taken := taken + n;
	END LOOP;
	DELETE FROM commission.moved_buyer AS m
	WHERE m.account_id = commission.account_id(history ->> 'buyer');
	RETURN taken;
END $$;
COMMENT ON FUNCTION commission.take_buyer(jsonb) IS
	'takes a buyer''s history, as release_buyer() gave it on another node, into the ledger of this one, where the buyer''s sales are refunded and accrued late from now on, and returns how many rows are new; the event ids stay those of the node that recorded them, so that nothing of it goes up to the hub again; 55000 where it was released to another node';

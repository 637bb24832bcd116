/*
 * attach.sql: the triggers, on the application's tables and on our own,
 * checked.
 */

CREATE FUNCTION commission_internal.holds_recorded_sale(relation regclass,
														id_column name)
	RETURNS boolean
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	held boolean;
BEGIN
	EXECUTE format('
		SELECT EXISTS (
			SELECT FROM (SELECT t.%1$I::text AS id FROM %2$s AS t
						 LIMIT 100) AS r
			CROSS JOIN commission_internal.identifier_key(r.id) AS key
			WHERE EXISTS (SELECT FROM commission.generation AS g
						  WHERE g.generation_id = key)
				OR EXISTS (SELECT FROM commission.customer_order AS o
						   WHERE o.order_id = key))', id_column, relation)
	INTO held;
	RETURN held;
END $$;
COMMENT ON FUNCTION commission_internal.holds_recorded_sale(regclass, name) IS
	'whether one of up to 100 rows of a table has the identifier of a recorded sale in the column; NULL for NULL';

/*
 * DETACH PARTITION takes the triggers off and leaves nothing behind that says
 * so, but the table still has the columns and indexes of one that is attached,
 * and rows that were recorded while it was.  A CASE sees to it that only a table
 * that looks the part is read.
 */
CREATE VIEW commission_internal.detached_problem AS
	SELECT 'detached partition does not accrue' AS problem,
		format('%s is like the partitions of %s: attach it if sales are inserted into it, else drop it or move it to another schema',
			   c.oid::regclass, p.oid::regclass) AS detail
	FROM pg_trigger AS t
	JOIN pg_class AS p ON p.oid = t.tgrelid AND p.relkind = 'p'
		AND NOT p.relispartition
	JOIN pg_class AS c ON c.relnamespace = p.relnamespace
		AND c.relkind = 'r' AND NOT c.relispartition AND c.oid > p.oid
	CROSS JOIN LATERAL (
		SELECT array_agg(format('%s %s', a.attname, a.atttypid)
						 ORDER BY a.attname) FILTER (WHERE a.attrelid = p.oid),
			array_agg(format('%s %s', a.attname, a.atttypid)
					  ORDER BY a.attname) FILTER (WHERE a.attrelid = c.oid)
		FROM pg_attribute AS a
		WHERE a.attrelid IN (p.oid, c.oid) AND a.attnum > 0
			AND NOT a.attisdropped
	) AS columns (attached, detached)
	WHERE t.tgfoid IN ('commission_internal.accrue_generation()'::regprocedure,
					   'commission_internal.accrue_order()'::regprocedure)
		AND CASE WHEN columns.detached = columns.attached THEN
			/* The trigger's arguments: the identifier's name, its column, ... */
			commission_internal.holds_recorded_sale(c.oid,
				convert_from(decode(split_part(encode(t.tgargs, 'escape'),
											   '\000', 2), 'escape'),
							 getdatabaseencoding())::name) END
		AND (SELECT count(*) FROM pg_index AS i WHERE i.indrelid = c.oid)
			>= (SELECT count(*) FROM pg_index AS i WHERE i.indrelid = p.oid)
		AND NOT EXISTS (
			SELECT FROM pg_trigger AS o
			WHERE o.tgrelid = c.oid
				AND o.tgfoid IN ('commission_internal.accrue_generation()'::regprocedure,
								 'commission_internal.accrue_order()'::regprocedure));
COMMENT ON VIEW commission_internal.detached_problem IS
	'for audit(): tables that do not accrue and look as if they had been detached from an attached partitioned table: they are in its schema, younger than it, with its columns and no fewer indexes';

/* For audit(). */
CREATE VIEW commission_internal.trigger_problem AS
	/* A statement trigger does not see what is put in through the parent. */
	SELECT 'attached table became a partition' AS problem,
		format('%s: detach it, and attach the partitioned table',
			   t.tgrelid::regclass) AS detail
	FROM pg_trigger AS t
	JOIN pg_class AS c ON c.oid = t.tgrelid
	WHERE t.tgfoid IN ('commission_internal.accrue_generation()'::regprocedure,
					   'commission_internal.accrue_order()'::regprocedure)
		AND c.relispartition AND t.tgnewtable IS NOT NULL
	UNION ALL
	SELECT d.problem, d.detail
	FROM commission_internal.detached_problem AS d
	UNION ALL
	/*
	 * What accrues fires for what is done here, and not for what replication
	 * applies; guards fire for both.  A partition is named where it differs
	 * from its partitioned table.
	 */
	SELECT made.problem,
		format('%1$I on %2$s %3$s: ALTER TABLE %2$s %4$s TRIGGER %1$I',
			   t.tgname, t.tgrelid::regclass,
			   CASE t.tgenabled
				WHEN 'D' THEN 'is disabled'
				WHEN 'O' THEN 'does not fire under replication'
				WHEN 'R' THEN 'fires under replication only'
				WHEN 'A' THEN 'fires under replication, too'
			   END,
			   CASE made.enabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END)
	FROM (VALUES
		  ('commission_internal.accrue_generation()'::regprocedure, 'O'::"char",
		   'accruing trigger not as attached'),
		  ('commission_internal.accrue_order()', 'O', 'accruing trigger not as attached'),
		  ('commission_internal.follow_paid()', 'O', 'accruing trigger not as attached'),
		  ('commission_internal.follow_paid_order()', 'O',
		   'accruing trigger not as attached'),
		  ('commission_internal.mirror_accounts()', 'O',
		   'catalogue trigger not as attached'),
		  ('commission_internal.mirror_listings()', 'O',
		   'catalogue trigger not as attached'),
		  ('commission_internal.mirror_prices()', 'O',
		   'catalogue trigger not as attached'),
		  ('commission_internal.count_touches()', 'O',
		   'touch trigger not as installed'),
		  ('commission_internal.admit_withdrawal()', 'O',
		   'withdrawal trigger not as installed'),
		  ('commission_internal.follow_withdrawal()', 'O',
		   'withdrawal trigger not as installed'),
		  ('commission_internal.keep_at_hub()', 'O', 'guard not as installed'),
		  ('commission_internal.guard_withdrawal()', 'A', 'guard not as installed'),
		  ('commission_internal.refuse_change()', 'A', 'guard not as installed'))
		AS made (function, enabled, problem)
	JOIN pg_trigger AS t ON t.tgfoid = made.function
	LEFT JOIN pg_trigger AS parent ON parent.oid = t.tgparentid
	WHERE t.tgenabled <> made.enabled
		AND t.tgenabled IS DISTINCT FROM parent.tgenabled;
COMMENT ON VIEW commission_internal.trigger_problem IS
	'attached tables whose triggers do not see every sale, and guards that do not always guard: triggers that are disabled, or enabled otherwise than they were made, attached tables that have become partitions, and partitions that were detached';

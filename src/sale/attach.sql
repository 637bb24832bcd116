/*
 * attach.sql: the triggers, on the application's tables and on our own,
 * checked.
 */

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
		  ('commission_internal.admit_withdrawal()', 'O',
		   'withdrawal trigger not as installed'),
		  ('commission_internal.follow_withdrawal()', 'O',
		   'withdrawal trigger not as installed'),
		  ('commission_internal.guard_withdrawal()', 'A', 'guard not as installed'),
		  ('commission_internal.refuse_change()', 'A', 'guard not as installed'))
		AS made (function, enabled, problem)
	JOIN pg_trigger AS t ON t.tgfoid = made.function
	LEFT JOIN pg_trigger AS parent ON parent.oid = t.tgparentid
	WHERE t.tgenabled <> made.enabled
		AND t.tgenabled IS DISTINCT FROM parent.tgenabled;
COMMENT ON VIEW commission_internal.trigger_problem IS
	'attached tables whose triggers do not see every sale, and guards that do not always guard: triggers that are disabled, or enabled otherwise than they were made, and attached tables that have become partitions';

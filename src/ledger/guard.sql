/*
 * guard.sql: nothing that is only ever appended to is changed or removed (R18).
 *
 * The statement trigger refuses even where no row would be hit; the row
 * trigger refuses what logical replication applies, which fires no statement
 * triggers.  ALWAYS: under session_replication_role = replica, too.
 */

/*
 * Every table is guarded but those whose rows say how something is now.
 * Clicks may be removed: a trigger counts them.
 */
DO $$
DECLARE
	guarded record;
BEGIN
	FOR guarded IN
		SELECT c.relname AS name, CASE c.relname WHEN 'withdrawal' THEN 'DELETE'
			WHEN 'touch' THEN 'UPDATE' ELSE 'UPDATE OR DELETE' END AS change
		FROM pg_class AS c
		WHERE c.relnamespace = 'commission'::regnamespace AND c.relkind = 'r'
			AND c.relname NOT IN ('account', 'consumer', 'coupon',
				'deferred_change', 'deferred_generation', 'material', 'model_price',
				'moved_buyer', 'portal_role', 'referral', 'rolled',
				'rolled_day', 'rolled_hour', 'rolled_kind', 'rolled_referred',
				'touch_count')
	LOOP
		EXECUTE format(
			'CREATE TRIGGER %1$s_guard BEFORE %2$s OR TRUNCATE ON commission.%1$s
				FOR EACH STATEMENT EXECUTE FUNCTION commission_internal.refuse_change();
			CREATE TRIGGER %1$s_row_guard BEFORE %2$s ON commission.%1$s
				FOR EACH ROW EXECUTE FUNCTION commission_internal.refuse_change();
			ALTER TABLE commission.%1$s
				ENABLE ALWAYS TRIGGER %1$s_guard,
				ENABLE ALWAYS TRIGGER %1$s_row_guard', guarded.name, guarded.change);
	END LOOP;
END $$;

/* What the hub writes is not written on a node, but by what it follows. */
DO $$
DECLARE
	name text;
BEGIN
	FOR name IN
		SELECT p.name FROM commission_internal.table_place AS p
		WHERE p.place IN ('catalogue', 'hub') ORDER BY p.name
	LOOP
		EXECUTE format(
			'CREATE TRIGGER %1$s_place
				BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON commission.%1$s
				FOR EACH STATEMENT EXECUTE FUNCTION commission_internal.keep_at_hub()',
			name);
	END LOOP;
END $$;

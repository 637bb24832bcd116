/*
 * dump.sql: what pg_dump includes.  Unless a table is marked here, pg_dump
 * leaves out its rows, as those of any extension's table.
 */

SELECT pg_extension_config_dump('commission.account', '');
SELECT pg_extension_config_dump('commission.adjustment', '');
SELECT pg_extension_config_dump('commission.attempt', '');
SELECT pg_extension_config_dump('commission.change_batch', '');
SELECT pg_extension_config_dump('commission.consumer', '');
SELECT pg_extension_config_dump('commission.coupon', '');
SELECT pg_extension_config_dump('commission.customer_order', '');
SELECT pg_extension_config_dump('commission.deferred_change', '');
SELECT pg_extension_config_dump('commission.deferred_generation', '');
SELECT pg_extension_config_dump('commission.entry', '');
SELECT pg_extension_config_dump('commission.generation', '');
SELECT pg_extension_config_dump('commission.group_change', '');
SELECT pg_extension_config_dump('commission.hold_change', '');
SELECT pg_extension_config_dump('commission.late_accrual', '');
SELECT pg_extension_config_dump('commission.listing', '');
SELECT pg_extension_config_dump('commission.material', '');
SELECT pg_extension_config_dump('commission.model_price', '');
SELECT pg_extension_config_dump('commission.moved_buyer', '');
SELECT pg_extension_config_dump('commission.payout_batch', '');
SELECT pg_extension_config_dump('commission.payout_change', '');
SELECT pg_extension_config_dump('commission.portal_role', '');
SELECT pg_extension_config_dump('commission.referral', '');
SELECT pg_extension_config_dump('commission.referral_change', '');
SELECT pg_extension_config_dump('commission.reversal', '');
SELECT pg_extension_config_dump('commission.withdrawal', '');
SELECT pg_extension_config_dump('commission.withdrawal_transition', '');
SELECT pg_extension_config_dump('commission.rolled', '');
SELECT pg_extension_config_dump('commission.rolled_day', '');
SELECT pg_extension_config_dump('commission.rolled_hour', '');
SELECT pg_extension_config_dump('commission.rolled_kind', '');
SELECT pg_extension_config_dump('commission.rolled_referred', '');
SELECT pg_extension_config_dump('commission.seal_block', '');
SELECT pg_extension_config_dump('commission.terms_version', '');
SELECT pg_extension_config_dump('commission.tier_version', '');
SELECT pg_extension_config_dump('commission.touch', '');
SELECT pg_extension_config_dump('commission.touch_count', '');
SELECT pg_extension_config_dump('commission.unreferred_leg', '');

/*
 * The sequence's state is dumped as a row of a table.  pg_dump reads the state
 * of a sequence that is marked here even if it dumps only the schema (-s),
 * which the application's role may not.  pg_dump appends the condition to
 * "SELECT ... FROM commission.event_id_state"; on restore the trigger sets the
 * sequence to the row and does not store it.
 */
CREATE TABLE commission.event_id_state (
	last_value bigint NOT NULL,
	is_called boolean NOT NULL
);
COMMENT ON TABLE commission.event_id_state IS
	'always empty; a dump has the state of commission.event_id_seq as its row';

CREATE FUNCTION commission_internal.restore_event_id() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM setval('commission.event_id_seq', NEW.last_value, NEW.is_called);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION commission_internal.restore_event_id() IS
	'trigger of commission.event_id_state that sets commission.event_id_seq to the row instead of keeping it';

CREATE TRIGGER event_id_state_restore
	BEFORE INSERT ON commission.event_id_state
	FOR EACH ROW EXECUTE FUNCTION commission_internal.restore_event_id();
ALTER TABLE commission.event_id_state
	ENABLE ALWAYS TRIGGER event_id_state_restore;

SELECT pg_extension_config_dump('commission.event_id_state',
	'WHERE false UNION ALL SELECT s.last_value, s.is_called FROM commission.event_id_seq AS s');

/*
 * dump.sql: what pg_dump is to carry; without this it leaves out the rows of
 * an extension's tables and the state of its sequences.
 */

SELECT pg_extension_config_dump('commission.account', '');
SELECT pg_extension_config_dump('commission.attempt', '');
SELECT pg_extension_config_dump('commission.customer_order', '');
SELECT pg_extension_config_dump('commission.entry', '');
SELECT pg_extension_config_dump('commission.generation', '');
SELECT pg_extension_config_dump('commission.listing', '');
SELECT pg_extension_config_dump('commission.material', '');
SELECT pg_extension_config_dump('commission.model_price', '');
SELECT pg_extension_config_dump('commission.payout_batch', '');
SELECT pg_extension_config_dump('commission.referral', '');
SELECT pg_extension_config_dump('commission.referral_change', '');
SELECT pg_extension_config_dump('commission.reversal', '');
SELECT pg_extension_config_dump('commission.withdrawal', '');
SELECT pg_extension_config_dump('commission.withdrawal_transition', '');
SELECT pg_extension_config_dump('commission.rolled', '');
SELECT pg_extension_config_dump('commission.rolled_day', '');
SELECT pg_extension_config_dump('commission.rolled_kind', '');
SELECT pg_extension_config_dump('commission.rolled_referred', '');
SELECT pg_extension_config_dump('commission.touch', '');

/*
 * The sequence's state goes by a table.  For a sequence that is marked here
 * pg_dump reads the state even where only the schema is dumped (-s), and so
 * the application's role could not dump its own.  The condition is text that
 * pg_dump puts behind "SELECT ... FROM commission.event_id_state"; the trigger
 * takes each row that is restored for the sequence, and keeps none.
 */
CREATE TABLE commission.event_id_state (
	last_value bigint NOT NULL,
	is_called boolean NOT NULL
);
COMMENT ON TABLE commission.event_id_state IS
	'always empty: by way of it pg_dump and a restore carry the state of commission.event_id_seq';

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

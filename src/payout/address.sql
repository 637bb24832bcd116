/*
 * address.sql: where an account is paid, and whether by the calendar.
 *
 * Locks: the account's row, as for a request of a withdrawal.
 */

CREATE TABLE commission.payout_change (
	change_id bigint NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now(),
	account_id uuid NOT NULL,
	automatic boolean NOT NULL,
	changed_by text NOT NULL DEFAULT session_user,
	method text COLLATE "C" NOT NULL,
	destination text NOT NULL,
	destination_key bigint NOT NULL GENERATED ALWAYS AS (hashtextextended(
		replace(replace(regexp_replace(
			lower(destination COLLATE "C"),
			'\+[^@]*@', '@'), '.', ''), '@googlemail', '@gmail'), 0)) STORED,
	CONSTRAINT payout_change_pkey PRIMARY KEY (change_id)
);
COMMENT ON TABLE commission.payout_change IS
	'each payout address that an account ever had';
COMMENT ON COLUMN commission.payout_change.change_id IS
	'drawn like an event id; the highest of an account is the one in force';
COMMENT ON COLUMN commission.payout_change.automatic IS
	'whether schedule_withdrawals() requests the account''s withdrawals';
COMMENT ON COLUMN commission.payout_change.changed_by IS
	'the role that had logged in (session_user)';
COMMENT ON COLUMN commission.payout_change.method IS
	'how the money travels: paypal, wise, bank, ...';
COMMENT ON COLUMN commission.payout_change.destination IS
	'where the money goes, in the method''s own terms; readers see it masked';
COMMENT ON COLUMN commission.payout_change.destination_key IS
	'the same where mailbox() of the destination is the same';

CREATE INDEX payout_change_account_idx
	ON commission.payout_change (account_id, change_id);
CREATE INDEX payout_change_destination_idx
	ON commission.payout_change (destination_key, account_id);

/* The first address replaces none; automatic alone is no other address. */
CREATE VIEW commission_internal.payout_address_change AS
	SELECT c.*,
		lag(c.method || ' ' || c.destination)
			OVER (PARTITION BY c.account_id ORDER BY c.change_id)
			<> c.method || ' ' || c.destination AS is_other
	FROM commission.payout_change AS c;
COMMENT ON VIEW commission_internal.payout_address_change IS
	'each payout address that an account ever had; is_other: it replaced another one, NULL of the first';

CREATE VIEW commission_internal.payout_address AS
	SELECT DISTINCT ON (c.account_id) c.*,
		max(c.changed_at) FILTER (WHERE c.is_other)
			OVER (PARTITION BY c.account_id)
			+ make_interval(days => commission_internal.setting(
				'address_pause_days')::integer) AS paused_until
	FROM commission_internal.payout_address_change AS c
	ORDER BY c.account_id, c.change_id DESC;
COMMENT ON VIEW commission_internal.payout_address IS
	'the payout address of each account that has one, unmasked; paused_until: commission.address_pause_days after its last change, NULL where it is the first';

CREATE VIEW commission.payout_address_history AS
	SELECT a.name AS account,
		c.method,
		commission.mask(c.destination) AS destination,
		c.automatic,
		c.changed_at,
		c.changed_by,
		coalesce(c.is_other, false) AS is_other,
		c.change_id,
		c.account_id
	FROM commission_internal.payout_address_change AS c
	JOIN commission.account AS a ON a.account_id = c.account_id;
COMMENT ON VIEW commission.payout_address_history IS
	'each payout address that an account ever had, masked (R34), when it was set and by whom, and whether it replaced another one (is_other), which pauses payouts for commission.address_pause_days; the highest change_id of an account is in force; read it with ORDER BY change_id DESC LIMIT n';

CREATE FUNCTION commission.set_payout(account text, method text,
									  destination text,
									  automatic boolean DEFAULT true)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
	AS $$
#variable_conflict use_variable
DECLARE
	locked commission.account;
BEGIN
	PERFORM commission_internal.identifier(method, 'method'),
		commission_internal.required(destination, 'destination'),
		commission_internal.required(automatic, 'automatic');
	locked := commission_internal.locked_account(account);
	PERFORM commission_internal.check_destination(method, destination,
		locked.name);
	INSERT INTO commission.payout_change (change_id, account_id, automatic,
		method, destination)
	SELECT commission_internal.draw_event_id(), locked.account_id, automatic,
		method, destination
	WHERE NOT EXISTS (
		SELECT FROM commission_internal.payout_address AS p
		WHERE p.account_id = locked.account_id AND p.automatic = automatic
			AND p.method = method AND p.destination = destination);
END $$;
COMMENT ON FUNCTION commission.set_payout(text, text, text, boolean) IS
	'sets where an account is paid: by which method (paypal, wise, bank, ...), and to which destination, in the method''s own terms; automatic: schedule_withdrawals() requests its withdrawals. What was set before is kept. Another address than the one before stops the account''s payouts for commission.address_pause_days; withdrawals that were requested keep their destination. 23503 for an account that does not exist, 22004 for NULL, 22023 for an empty or over-long account, method or destination, and for a destination that PayPal cannot pay';

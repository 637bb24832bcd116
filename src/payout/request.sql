/*
 * request.sql: requests of withdrawals (R24, R39, R46).
 */

CREATE FUNCTION commission_internal.check_destination(
	method text, destination text, account text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF octet_length(destination) > 1024 THEN
		RAISE 'destination is too long'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It has %s bytes; a destination has at most 1024.',
					octet_length(destination));
	ELSIF method = 'paypal'
		AND commission_internal.paypal_recipient_type(destination) IS NULL
	THEN
		RAISE 'PayPal cannot pay the destination of account "%"', account
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'It is neither an e-mail address nor a telephone number nor a PayPal id.',
				HINT = 'Pass a destination, or give the account its e-mail address as label by register_account().';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.check_destination(text, text, text) IS
	'refuses a destination that is over-long or that its method cannot pay: 22023';

CREATE FUNCTION commission_internal.check_withdrawal_amount(
	amount bigint, has commission.balance, minimum bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF amount > has.available OR has.available < 1 THEN
		RAISE 'withdrawal exceeds the available balance'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('Account "%s" has %s credits available: its balance is %s, of which %s are held.',
					has.account, has.available, has.balance, has.held);
	ELSIF amount < greatest(minimum, 1) THEN
		RAISE 'withdrawal is less than the minimum'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s credits of %s available; the minimum is %s.',
					amount, has.available, greatest(minimum, 1));
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.check_withdrawal_amount(bigint, commission.balance, bigint) IS
	'refuses to withdraw more than is available or less than the minimum, in credits (R24): 22023';

CREATE FUNCTION commission_internal.check_obstacle(
	earner commission.account, to_address boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	obstacle CONSTANT text :=
		commission_internal.withdrawal_obstacle(earner.account_id);
	pause CONSTANT integer := commission_internal.setting('address_pause_days');
BEGIN
	IF obstacle IS NOT NULL THEN
		RAISE 'account "%" cannot withdraw', earner.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = obstacle;
	ELSIF pause > 0 AND to_address IS NOT TRUE THEN
		RAISE 'account "%" can withdraw to its payout address only', earner.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('A change of the address pauses payouts for %s days, which another destination would evade.',
					pause),
				HINT = 'Set the address with set_payout().';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.check_obstacle(commission.account, boolean) IS
	'refuses to withdraw while something stands in the way (R46), and, while commission.address_pause_days is above 0, to another destination than the payout address: 55000';

CREATE FUNCTION commission.request_withdrawal(account text,
											  amount bigint DEFAULT NULL,
											  method text DEFAULT 'paypal',
											  destination text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
	AS $$
DECLARE
	earner commission.account;
	kept text;
	target text;
	has commission.balance;
	credits bigint;
	withdrawal bigint;
BEGIN
	PERFORM commission_internal.refuse_withdrawal();
	/* The method is a key of an index, as identifiers are. */
	PERFORM commission.account_id(
		commission_internal.required(method, 'method'));
	IF destination = '' THEN
		RAISE 'destination must not be empty'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	earner := commission_internal.locked_account(account);
	SELECT p.destination INTO kept
	FROM commission_internal.payout_address AS p
	WHERE p.account_id = earner.account_id
		AND p.method = request_withdrawal.method;
	target := coalesce(destination, kept, nullif(earner.label, ''), earner.name);

	has := commission_internal.latest_balance(earner.account_id);
	credits := coalesce(amount, has.available);
	PERFORM commission_internal.check_withdrawal_amount(credits, has,
		CASE WHEN earner.closed_at IS NULL
			THEN commission_internal.minimum_payout(earner.account_id) ELSE 1 END);
	PERFORM commission_internal.check_destination(method, target, earner.name);
	PERFORM commission_internal.check_obstacle(earner, target = kept);

	withdrawal := commission_internal.append_withdrawal_entry('withdrawal',
		earner.account_id, -credits);
	INSERT INTO commission.withdrawal (event_id, account_id, amount,
		requested_at, method, destination)
	VALUES (withdrawal, earner.account_id, credits, now(), method, target);
	INSERT INTO commission.withdrawal_transition (event_id, withdrawal_id,
		changed_at, to_state, changed_by)
	VALUES (withdrawal, withdrawal, now(), 'requested', session_user);
	RETURN withdrawal;
END $$;
COMMENT ON FUNCTION commission.request_withdrawal(text, bigint, text, text) IS
	'takes that many credits out of an account''s balance to be paid out, all that is available for NULL, and returns the withdrawal''s number (R23, R24); without a destination it goes to the account''s payout address of that method (set_payout), or else to its label or, if it has none, its name; by paypal the destination is an e-mail address, a telephone number or a PayPal id; a closed account withdraws what it has, whatever the minimum (R39); 55000 while the account is held (R46), while its payouts pause after a change of its address, and, where commission.address_pause_days is above 0, for another destination than that address; 55000 on a node, and at a hub while tables are being copied; 22023 for less than commission.minimum_payout, or what the account''s terms state in its place, or more than is available, for a destination that PayPal cannot pay, or for an empty or over-long account, method or destination, 23503 for an account that does not exist, 22004 for a NULL account or method';

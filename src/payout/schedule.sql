/*
 * schedule.sql: payouts by the calendar.
 *
 * Locks: the rows of the accounts that are due, in the order of their keys,
 * until the transaction ends.  Sales take no such lock.
 */

/*
 * Whatever has come between is seen under the account's lock, so that no
 * request is refused: none needs a subtransaction, of which thousands in one
 * transaction would slow every other session's snapshots.
 */
CREATE PROCEDURE commission.schedule_withdrawals(method text DEFAULT NULL)
	LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	due text;
BEGIN
	PERFORM commission_internal.refuse_withdrawal();
	FOR due IN
		SELECT a.name
		FROM commission_internal.payout_address AS p
		JOIN commission.account AS a ON a.account_id = p.account_id
		WHERE p.automatic
			AND p.method = coalesce(schedule_withdrawals.method, p.method)
			AND NOT EXISTS (SELECT FROM commission.payout_exclusion AS x
							WHERE x.account_id = p.account_id)
		ORDER BY a.account_id
	LOOP
		PERFORM commission_internal.locked_account(due);
		PERFORM commission.request_withdrawal(due, method => p.method)
		FROM commission_internal.payout_address AS p
		WHERE p.account_id = commission.account_id(due) AND p.automatic
			AND p.method = coalesce(schedule_withdrawals.method, p.method)
			AND NOT EXISTS (SELECT FROM commission.payout_exclusion AS x
							WHERE x.account_id = p.account_id);
	END LOOP;
END $$;
COMMENT ON PROCEDURE commission.schedule_withdrawals(text) IS
	'requests for each account whose payout address is automatic, of one method or of all for NULL, a withdrawal of all that is available to that address; payout_exclusion says who is left out and why. Two calls at once request nothing twice. Under REPEATABLE READ and above, 55000, 22023 or 40001 where an account has changed since the transaction began';

/*
 * exclusion.sql: why an account is not paid (R24, R39, R46).
 */

/* The one place that says why: a further reason is a further arm. */
CREATE VIEW commission.payout_exclusion AS
	SELECT b.account,
		x.reason,
		x.detail,
		x.is_obstacle,
		b.account_id
	FROM commission.balance AS b
	JOIN commission.account AS a ON a.account_id = b.account_id
	LEFT JOIN commission_internal.payout_address AS p
		ON p.account_id = b.account_id
	CROSS JOIN LATERAL (
		SELECT CASE WHEN a.closed_at IS NULL
			THEN greatest(commission_internal.minimum_payout(b.account_id), 1)
			ELSE 1 END AS minimum) AS m
	CROSS JOIN LATERAL (
		SELECT 'held' AS reason, true AS is_obstacle,
			format('Account "%s" is held.', b.account) AS detail
		WHERE EXISTS (SELECT FROM commission.account_hold AS h
					  WHERE h.account_id = b.account_id
						  AND h.released_at IS NULL)
		UNION ALL
		SELECT 'below zero', true,
			format('The balance of account "%s" is %s credits.',
				b.account, b.balance)
		WHERE b.balance < 0
		UNION ALL
		SELECT 'address changed', true,
			format('The payout address of account "%s" was changed; payouts pause until %s.',
				b.account, p.paused_until)
		WHERE p.paused_until > now()
		UNION ALL
		SELECT 'no address', false,
			format('Account "%s" has no payout address.', b.account)
		WHERE p.account_id IS NULL AND b.available > 0
		UNION ALL
		SELECT 'not automatic', false,
			format('Account "%s" requests its withdrawals itself.', b.account)
		WHERE NOT p.automatic
		UNION ALL
		SELECT 'below the minimum', false,
			format('Account "%s" has %s credits available; the minimum is %s.',
				b.account, b.available, m.minimum)
		WHERE b.available < m.minimum AND b.balance >= 0
			AND (b.available > 0 OR p.account_id IS NOT NULL)) AS x;
COMMENT ON VIEW commission.payout_exclusion IS
	'why an account is left out by schedule_withdrawals(), as a sentence, a row for each reason: held (R46), below zero (R39), address changed (for commission.address_pause_days), no address, not automatic, below the minimum (R24); is_obstacle: true for the first three, which stop every withdrawal of the account, requested as it may be; accounts that have nothing and no address are not shown';

CREATE FUNCTION commission_internal.withdrawal_obstacle(account_id uuid)
	RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_withdrawal_obstacle';
COMMENT ON FUNCTION commission_internal.withdrawal_obstacle(uuid) IS
	'why no withdrawal of an account may be requested, approved or put into a payout batch, by what is committed by now under any isolation level, in sentences; NULL if nothing stands in the way, and for NULL';

/*
 * fraud_signal.sql: what a reviewer should look at (R47).  Each rule is a view
 * beside its subject.
 */

/* To compile them takes longer than to run them. */
CREATE FUNCTION commission_internal.fraud_signals()
	RETURNS TABLE (rule text, account_id uuid, other_id uuid, evidence jsonb,
				   since timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off SET work_mem = '64MB'
BEGIN ATOMIC
	SELECT * FROM commission_internal.mailbox_signal
	UNION ALL
	SELECT * FROM commission_internal.destination_signal
	UNION ALL
	SELECT * FROM commission_internal.mutual_signal
	UNION ALL
	SELECT * FROM commission_internal.quick_signal
	UNION ALL
	SELECT * FROM commission_internal.reversal_signal
	UNION ALL
	SELECT * FROM commission_internal.burst_signal
	UNION ALL
	SELECT * FROM commission_internal.clickless_signal;
END;
COMMENT ON FUNCTION commission_internal.fraud_signals() IS
	'the rows of fraud_signal';

CREATE VIEW commission.fraud_signal AS
	SELECT s.rule,
		a.name AS account,
		o.name AS other,
		s.evidence,
		s.since,
		s.account_id
	FROM commission_internal.fraud_signals() AS s
	JOIN commission.account AS a ON a.account_id = s.account_id
	LEFT JOIN commission.account AS o ON o.account_id = s.other_id;
COMMENT ON VIEW commission.fraud_signal IS
	'what a reviewer should look at, of what was recorded in the last commission.signal_days (R47): the rule, the account (of a referral the referrer), the other account if there is one, the evidence and since when. Rules: same_mailbox, shared_destination, mutual_referral, quick_signup, refunded_sales, signup_burst, conversion_without_click. It decides nothing; hold_account() does';

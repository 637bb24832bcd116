/*
 * announce.sql: announcing terms (R41, R42).
 *
 * Whoever lowers anything for anybody begins commission.notice_days later.
 * What a version lowers is told by comparing, for each account that it concerns
 * and at each moment at which anything announced begins, what applies with it
 * and without it.
 */

CREATE FUNCTION commission_internal.lock_terms() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	LOCK TABLE commission.terms_version IN SHARE ROW EXCLUSIVE MODE;
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE 'cannot change terms under isolation level %',
				upper(current_setting('transaction_isolation'))
			USING ERRCODE = 'invalid_transaction_state',
				HINT = 'Begin the transaction with ISOLATION LEVEL READ COMMITTED.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.lock_terms() IS
	'makes changes of terms and groups follow one another, until the transaction ends: each sees what the one before it has announced; 25000 under REPEATABLE READ and SERIALIZABLE, which would not';

CREATE FUNCTION commission_internal.lowered_terms(
	account_id uuid, group_before text, group_after text, since timestamptz,
	ignored bigint)
	RETURNS TABLE (term text, before numeric, after numeric, at timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(a.term, b.term), b.value, a.value, m.at
	FROM (
		SELECT since AS at
		UNION
		SELECT v.valid_from
		FROM commission.terms_version AS v
		WHERE v.valid_from > since AND v.subject_id IN (account_id,
			commission_internal.identifier_key(group_before),
			commission_internal.identifier_key(group_after),
			'00000000-0000-0000-0000-000000000000')) AS m
	CROSS JOIN LATERAL commission_internal.resolved_terms(
		account_id, group_after, m.at) AS a
	JOIN LATERAL commission_internal.resolved_terms(
			account_id, group_before, m.at, ignored) AS b
		ON b.term = a.term
		OR (b.term = 'first_order_ratio' AND a.term = 'first_order_amount'
			AND a.value IS NOT NULL)
		OR (b.term = 'first_order_amount' AND a.term = 'first_order_ratio'
			AND b.value IS NOT NULL)
	WHERE CASE
			WHEN a.term = 'minimum_payout' THEN a.value > b.value
			WHEN a.term IN ('renewals', 'days')
			THEN a.value < coalesce(b.value, 'Infinity')
			WHEN a.term = b.term THEN a.value < b.value
			/* An amount for a ratio, or the other way: less of some order. */
			WHEN a.term = 'first_order_amount' THEN b.value > 0
			ELSE b.value > 0 AND a.value < 1
		END;
END;
COMMENT ON FUNCTION commission_internal.lowered_terms(uuid, text, text, timestamptz, bigint) IS
	'what an account (NULL: one without terms of its own) has less of, at any time from a moment on, in group_after than without the version ignored and in group_before: the term, both values, and from when (R42)';

CREATE FUNCTION commission_internal.check_notice(
	account_id uuid, group_before text, group_after text, since timestamptz,
	version bigint DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
	notice_days CONSTANT integer := commission_internal.setting('notice_days');
	lowered record;
BEGIN
	IF since >= now() + notice_days * interval '24 hours' THEN
		RETURN;
	END IF;
	SELECT l.* INTO lowered
	FROM commission_internal.lowered_terms(account_id, group_before, group_after,
										   since, version) AS l
	ORDER BY l.at, l.term LIMIT 1;
	IF FOUND THEN
		RAISE 'terms cannot be lowered without notice'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('%s of %s would become %s instead of %s on %s.',
					lowered.term,
					coalesce((SELECT format('account "%s"', a.name)
							  FROM commission.account AS a
							  WHERE a.account_id = check_notice.account_id),
							 'group "' || group_after || '"', 'everybody'),
					lowered.after, coalesce(lowered.before::text, 'no limit'),
					commission_internal.utc(lowered.at)),
				HINT = format('What lowers anything begins at %s or later.',
					commission_internal.utc(now() + notice_days * interval '24 hours'));
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.check_notice(uuid, text, text, timestamptz, bigint) IS
	'refuses a version, or a move from a group to another, that begins sooner than commission.notice_days from now and lowers anything for an account (R42): 22023';

/* Accounts that nothing of their own sets apart are concerned alike. */
CREATE FUNCTION commission_internal.announce(v commission.terms_version)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
DECLARE
	concerned record;
BEGIN
	PERFORM commission_internal.lock_terms();
	v.version := commission_internal.draw_event_id();
	v.announced_at := now();
	v.announced_by := session_user;
	INSERT INTO commission.terms_version SELECT v.*;
	UPDATE commission.account AS a SET has_terms = true
	WHERE v.scope = 'a' AND a.account_id = v.subject_id AND NOT a.has_terms;
	FOR concerned IN
		SELECT DISTINCT CASE WHEN a.has_terms THEN a.account_id END AS account_id,
			a.group_name
		FROM commission.account AS a
		WHERE CASE v.scope WHEN 'a' THEN a.account_id = v.subject_id
			WHEN 'g' THEN a.group_name = v.group_name
			ELSE a.has_terms OR a.group_name IS NOT NULL END
		UNION
		SELECT NULL, NULL WHERE v.scope = 'p'
	LOOP
		PERFORM commission_internal.check_notice(concerned.account_id,
			concerned.group_name, concerned.group_name, v.valid_from, v.version);
	END LOOP;
	RETURN v.version;
END $$;
COMMENT ON FUNCTION commission_internal.announce(commission.terms_version) IS
	'appends a version of terms and returns its number; 22023 where it lowers anything for anybody without notice (R42)';

CREATE FUNCTION commission_internal.check_term(value bigint, lowest bigint,
											   highest bigint, what text)
	RETURNS bigint
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	IF value NOT BETWEEN lowest AND highest THEN
		RAISE '% must be from % to %', what, lowest, highest
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s.', value);
	END IF;
	RETURN value;
END $$;
COMMENT ON FUNCTION commission_internal.check_term(bigint, bigint, bigint, text) IS
	'the value of a term that is no ratio; NULL for NULL; 22023 for one that is out of its range';

CREATE FUNCTION commission_internal.stated(
	brand_ratio numeric, creator_ref_ratio numeric, first_order_ratio numeric,
	renewal_ratio numeric, upgrade_ratio numeric, upgraded_renewal_ratio numeric,
	first_order_amount bigint, renewals integer, days integer,
	minimum_payout bigint, valid_from timestamptz, reason text)
	RETURNS commission.terms_version
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
#variable_conflict use_variable
DECLARE
	v commission.terms_version;
BEGIN
	v.brand_ratio_ppm := commission_internal.ratio_ppm(brand_ratio, 'brand_ratio');
	v.creator_ref_ratio_ppm := commission_internal.ratio_ppm(creator_ref_ratio, 'creator_ref_ratio');
	v.first_order_ratio_ppm := commission_internal.ratio_ppm(first_order_ratio, 'first_order_ratio');
	v.renewal_ratio_ppm := commission_internal.ratio_ppm(renewal_ratio, 'renewal_ratio');
	v.upgrade_ratio_ppm := commission_internal.ratio_ppm(upgrade_ratio, 'upgrade_ratio');
	v.upgraded_renewal_ratio_ppm := commission_internal.ratio_ppm(upgraded_renewal_ratio, 'upgraded_renewal_ratio');
	v.first_order_amount := commission_internal.check_term(first_order_amount, 0,
		1000000000000000, 'first_order_amount');
	v.renewals := commission_internal.check_term(renewals, 0, 2147483647, 'renewals');
	v.days := commission_internal.check_term(days, 1, 36525, 'days');
	v.minimum_payout := commission_internal.check_term(minimum_payout, 0,
		1000000000000000, 'minimum_payout');
	v.valid_from := commission_internal.finite(valid_from, 'valid_from');
	v.reason := commission_internal.bounded(reason, 'reason');
	RETURN v;
END $$;
COMMENT ON FUNCTION commission_internal.stated(numeric, numeric, numeric, numeric, numeric, numeric, bigint, integer, integer, bigint, timestamptz, text) IS
	'a version of terms that states these, of nobody yet; 22023 for a value out of its range, 22008 for an infinite time';

CREATE FUNCTION commission.set_terms(
	account text, brand_ratio numeric DEFAULT NULL, creator_ref_ratio numeric DEFAULT NULL,
	first_order_ratio numeric DEFAULT NULL, renewal_ratio numeric DEFAULT NULL,
	upgrade_ratio numeric DEFAULT NULL, upgraded_renewal_ratio numeric DEFAULT NULL,
	first_order_amount bigint DEFAULT NULL, renewals integer DEFAULT NULL,
	days integer DEFAULT NULL, minimum_payout bigint DEFAULT NULL,
	valid_from timestamptz DEFAULT now(), reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
	v commission.terms_version := commission_internal.stated(brand_ratio, creator_ref_ratio, first_order_ratio, renewal_ratio,
		upgrade_ratio, upgraded_renewal_ratio, first_order_amount, renewals, days,
		minimum_payout, valid_from, reason);
BEGIN
	v.scope := 'a';
	v.subject_id := commission_internal.know_account(
		commission_internal.identifier(account, 'account'));
	RETURN commission_internal.announce(v);
END $$;
COMMENT ON FUNCTION commission.set_terms(text, numeric, numeric, numeric, numeric, numeric, numeric, bigint, integer, integer, bigint, timestamptz, text) IS
	'announces the account''s own terms, and returns the version (R40): each term states what whoever earns by it gets: ratios are decimals from 0 to 1 (R2), first_order_amount credits in place of first_order_ratio and never more than the order, renewals how many renewals of a customer pay, days for how many days from the attribution orders pay, upgraded_renewal_ratio what renewals after an upgrade pay, minimum_payout credits (R41); what is NULL is not stated, and is as its group, the programme or the settings have it; it is in force from valid_from, by the time of a sale, until the next version of the same begins; of two that begin at once the one announced last counts; 22023 where it lowers anything for anybody and begins sooner than commission.notice_days from now (R42); 22023 also for a value out of its range or a reason of more than 1024 bytes, 22008 for an infinite time, 25000 under REPEATABLE READ and SERIALIZABLE; 22004 for a NULL account, 22023 for an empty or over-long one';

CREATE FUNCTION commission.set_group_terms(
	group_name text, brand_ratio numeric DEFAULT NULL, creator_ref_ratio numeric DEFAULT NULL,
	first_order_ratio numeric DEFAULT NULL, renewal_ratio numeric DEFAULT NULL,
	upgrade_ratio numeric DEFAULT NULL, upgraded_renewal_ratio numeric DEFAULT NULL,
	first_order_amount bigint DEFAULT NULL, renewals integer DEFAULT NULL,
	days integer DEFAULT NULL, minimum_payout bigint DEFAULT NULL,
	valid_from timestamptz DEFAULT now(), reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
	v commission.terms_version := commission_internal.stated(brand_ratio, creator_ref_ratio, first_order_ratio, renewal_ratio,
		upgrade_ratio, upgraded_renewal_ratio, first_order_amount, renewals, days,
		minimum_payout, valid_from, reason);
BEGIN
	v.scope := 'g';
	v.group_name := commission_internal.identifier(group_name, 'group_name');
	v.subject_id := commission.account_id(v.group_name);
	RETURN commission_internal.announce(v);
END $$;
COMMENT ON FUNCTION commission.set_group_terms(text, numeric, numeric, numeric, numeric, numeric, numeric, bigint, integer, integer, bigint, timestamptz, text) IS
	'announces the terms of a group, for each account in it that has none of its own; as set_terms';

CREATE FUNCTION commission.announce_terms(
	brand_ratio numeric DEFAULT NULL, creator_ref_ratio numeric DEFAULT NULL,
	first_order_ratio numeric DEFAULT NULL, renewal_ratio numeric DEFAULT NULL,
	upgrade_ratio numeric DEFAULT NULL, upgraded_renewal_ratio numeric DEFAULT NULL,
	first_order_amount bigint DEFAULT NULL, renewals integer DEFAULT NULL,
	days integer DEFAULT NULL, minimum_payout bigint DEFAULT NULL,
	valid_from timestamptz DEFAULT now(), reason text DEFAULT NULL,
	total_cap_ratio numeric DEFAULT NULL)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
	v commission.terms_version := commission_internal.stated(brand_ratio, creator_ref_ratio, first_order_ratio, renewal_ratio,
		upgrade_ratio, upgraded_renewal_ratio, first_order_amount, renewals, days,
		minimum_payout, valid_from, reason);
BEGIN
	v.total_cap_ratio_ppm := commission_internal.ratio_ppm(total_cap_ratio,
		'total_cap_ratio');
	v.scope := 'p';
	v.subject_id := '00000000-0000-0000-0000-000000000000';
	RETURN commission_internal.announce(v);
END $$;
COMMENT ON FUNCTION commission.announce_terms(numeric, numeric, numeric, numeric, numeric, numeric, bigint, integer, integer, bigint, timestamptz, text, numeric) IS
	'announces the programme''s terms, which take the place of the settings: of what is NULL the settings apply, so that a version that states nothing gives back to them; total_cap_ratio is what all legs of a generation together never exceed (R12); as set_terms';

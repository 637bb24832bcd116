/*
 * terms_of.sql: what applies, what was announced, and what applied before
 * (R40 to R42).
 */

CREATE VIEW commission.terms_history AS
	SELECT CASE v.scope WHEN 'a' THEN 'account' WHEN 'g' THEN 'group'
			ELSE 'programme' END AS scope,
		a.name AS account,
		v.group_name,
		v.valid_from,
		v.reason,
		commission_internal.ratio(v.brand_ratio_ppm::integer) AS brand_ratio,
		commission_internal.ratio(v.creator_ref_ratio_ppm::integer) AS creator_ref_ratio,
		commission_internal.ratio(v.first_order_ratio_ppm::integer) AS first_order_ratio,
		commission_internal.ratio(v.renewal_ratio_ppm::integer) AS renewal_ratio,
		commission_internal.ratio(v.upgrade_ratio_ppm::integer) AS upgrade_ratio,
		commission_internal.ratio(v.upgraded_renewal_ratio_ppm::integer)
			AS upgraded_renewal_ratio,
		v.first_order_amount,
		v.renewals,
		v.days,
		v.minimum_payout,
		commission_internal.ratio(v.total_cap_ratio_ppm::integer) AS total_cap_ratio,
		v.announced_at,
		v.announced_by,
		v.version,
		a.account_id
	FROM commission.terms_version AS v
	LEFT JOIN commission.account AS a
		ON v.scope = 'a' AND a.account_id = v.subject_id;
COMMENT ON VIEW commission.terms_history IS
	'each version of terms (R42): of an account, a group or the programme (scope), what it states, NULL being inherited, from when it is in force, until the next of the same begins, why, and when and by whom it was announced; read it with ORDER BY version DESC LIMIT n';

CREATE VIEW commission.announced_terms AS
	SELECT h.*
	FROM commission.terms_history AS h
	JOIN commission.terms_version AS v ON v.version = h.version
	WHERE v.valid_from > now()
		AND NOT EXISTS (SELECT FROM commission.terms_version AS o
						WHERE o.scope = v.scope AND o.subject_id = v.subject_id
							AND o.valid_from = v.valid_from
							AND o.version > v.version);
COMMENT ON VIEW commission.announced_terms IS
	'the versions of terms that are announced and not in force yet (R42), as in terms_history, without those in whose place another was announced since';

CREATE FUNCTION commission_internal.terms_moments(account_id uuid,
												  after timestamptz)
	RETURNS SETOF timestamptz
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT v.valid_from FROM commission.terms_version AS v
	WHERE v.valid_from > after AND v.subject_id IN (
		terms_moments.account_id, '00000000-0000-0000-0000-000000000000')
	UNION
	SELECT v.valid_from
	FROM commission.terms_version AS v
	WHERE v.valid_from > after AND v.scope = 'g' AND v.group_name IN (
		SELECT c.to_group FROM commission.group_change AS c
		WHERE c.account_id = terms_moments.account_id)
	UNION
	SELECT c.valid_from FROM commission.group_change AS c
	WHERE c.account_id = terms_moments.account_id AND c.valid_from > after;
END;
COMMENT ON FUNCTION commission_internal.terms_moments(uuid, timestamptz) IS
	'the moments after another at which the terms of an account may change';

CREATE FUNCTION commission.terms_of(account text, at timestamptz DEFAULT now())
	RETURNS TABLE (term text, value numeric, source text, until timestamptz,
				   since timestamptz, version bigint)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off SET plan_cache_mode = force_generic_plan
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH subject AS MATERIALIZED (
		SELECT s.account_id, g.group_name,
			(SELECT max(c.valid_from) FROM commission.group_change AS c
			 WHERE c.account_id = s.account_id AND c.valid_from <= terms_of.at) AS group_since
		FROM (SELECT commission_internal.identifier_key(terms_of.account)
				AS account_id) AS s
		CROSS JOIN LATERAL (
			SELECT commission_internal.group_at(s.account_id, terms_of.at) AS group_name) AS g
	), later AS MATERIALIZED (
		SELECT m.at, t.term, t.value
		FROM subject AS s
		CROSS JOIN LATERAL commission_internal.terms_moments(s.account_id,
															 terms_of.at) AS m (at)
		CROSS JOIN LATERAL commission_internal.resolved_terms(s.account_id,
			commission_internal.group_at(s.account_id, m.at), m.at) AS t
	)
	SELECT t.term, t.value,
		commission_internal.terms_source(t.scope, s.group_name),
		(SELECT min(m.at)
		 FROM (SELECT DISTINCT l.at FROM later AS l) AS m
		 LEFT JOIN later AS l ON l.at = m.at AND l.term = t.term
		 WHERE l.value IS DISTINCT FROM t.value),
		greatest(v.valid_from, CASE t.scope WHEN 'g' THEN s.group_since END),
		t.version
	FROM subject AS s
	CROSS JOIN LATERAL commission_internal.resolved_terms(
		s.account_id, s.group_name, terms_of.at) AS t
	LEFT JOIN commission.terms_version AS v ON v.version = t.version
	ORDER BY t.position;
END $$;
COMMENT ON FUNCTION commission.terms_of(text, timestamptz) IS
	'the terms of an account at a moment (R40): of each the value (a ratio as a decimal, credits, a number; NULL: no limit, or no flat amount), whose it is (account, group NAME, programme or settings), until when it is announced to apply, NULL being until further notice, since when, and the version that states it (both NULL of the settings, which can change without notice: R42); first_order_ratio has no row where first_order_amount applies; of an account that does not exist or is NULL, the programme''s';

CREATE VIEW commission_internal.program_value AS
	SELECT max(r.value::text) FILTER (WHERE r.term = 'brand_ratio') AS brand_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'creator_ref_ratio')
			AS creator_ref_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'total_cap_ratio') AS total_cap_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'first_order_ratio')
			AS first_order_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'first_order_amount')
			AS first_order_amount,
		max(r.value::text) FILTER (WHERE r.term = 'renewal_ratio') AS renewal_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'upgrade_ratio') AS upgrade_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'upgraded_renewal_ratio')
			AS upgraded_renewal_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'renewals') AS renewals,
		max(r.value::text) FILTER (WHERE r.term = 'days') AS days,
		max(r.value::text) FILTER (WHERE r.term = 'minimum_payout') AS minimum_payout,
		commission_internal.setting('brand_referral_window_days') AS brand_window,
		commission_internal.setting('attribution_window_days') AS touch_window,
		commission_internal.setting('hold_days') AS hold_days,
		commission_internal.setting('minimum_pool') AS minimum_pool,
		commission_internal.setting('marketplace_only') AS marketplace_only,
		commission_internal.setting('platform_markup_ratio') AS markup_ratio,
		commission_internal.setting('notice_days') AS notice_days
	FROM commission_internal.resolved_terms(NULL, NULL, now()) AS r;
COMMENT ON VIEW commission_internal.program_value IS
	'the one row of what the programme''s terms are now, in text; NULL for what they do not state';

CREATE VIEW commission.program_terms AS
	SELECT t.term, t.value, t.description
	FROM commission_internal.program_value AS s
	CROSS JOIN LATERAL (VALUES
		('brand_ratio', s.brand_ratio,
		 'share of the net margin of each paid generation of a brand that you referred'),
		('creator_ref_ratio', s.creator_ref_ratio,
		 'share of the net margin of each generation by another brand with a listing of a creator that you referred'),
		('total_cap_ratio', s.total_cap_ratio,
		 'share of the net margin that all legs of one generation together never exceed; all are scaled down in proportion'),
		('brand_referral_window_days', s.brand_window,
		 CASE s.brand_window
			WHEN '0' THEN 'the brand leg recurs for life: 0 is no limit in days'
			ELSE 'days after attribution for which the brand leg recurs'
		 END || '; the creator leg has no limit'),
		('attribution_window_days', s.touch_window,
		 'days from a visitor''s first touch in which their sign-up counts as your referral'),
		('first_order_ratio', s.first_order_ratio,
		 'share of the first order of a customer that you referred'),
		('first_order_amount', s.first_order_amount,
		 'credits for the first order of a customer that you referred, at most the order'),
		('renewal_ratio', s.renewal_ratio,
		 CASE WHEN s.renewals IS NULL
			THEN 'share of each renewal; it recurs for as long as the customer pays'
			ELSE 'share of each renewal' END),
		('upgrade_ratio', s.upgrade_ratio,
		 'share of each upgrade'),
		('upgraded_renewal_ratio', nullif(s.upgraded_renewal_ratio, s.renewal_ratio),
		 'share of each renewal after an upgrade'),
		('renewals', s.renewals,
		 'renewals of a customer that pay'),
		('days', s.days,
		 'days after attribution in which a customer''s orders pay'),
		('minimum_payout', s.minimum_payout,
		 CASE s.minimum_payout
			WHEN '0' THEN 'credits: there is no minimum withdrawal'
			ELSE 'credits: the minimum withdrawal, $'
				|| (s.minimum_payout::numeric / 100)::numeric(20, 2)
		 END || '; paid by PayPal or another method that the platform offers'),
		('hold_days', s.hold_days,
		 CASE s.hold_days
			WHEN '0' THEN 'earnings can be withdrawn at once'
			ELSE 'days before an earning can be withdrawn'
		 END),
		('minimum_pool', s.minimum_pool,
		 'credits: the minimum pool of a listing, which its owner and co-authors share'),
		('platform_markup_ratio', s.markup_ratio,
		 'what the platform adds to a pool, rounded up to the credit; part of the net margin'),
		('marketplace_only', s.marketplace_only,
		 CASE s.marketplace_only
			WHEN 'on' THEN 'only generations that use a listing pay'
			ELSE 'generations without a listing also pay'
		 END),
		('notice_days', nullif(s.notice_days, '0'),
		 'days before which whatever lowers these terms for anybody is announced')
	) AS t (term, value, description)
	WHERE t.value IS NOT NULL;
COMMENT ON VIEW commission.program_terms IS
	'the programme''s terms as they are in force now, as announced or, where they are not, as the settings have them: ratios as decimals, money in credits, windows in days; terms_of() has those of an account; what was earned is never altered by a later change (R15)';

CREATE FUNCTION commission.project_subscription(price bigint, renewals integer,
												account text DEFAULT NULL)
	RETURNS TABLE (first_order bigint, renewal bigint, total bigint)
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	t CONSTANT jsonb := (SELECT jsonb_object_agg(o.term, o.value)
						 FROM commission.terms_of(account) AS o);
	flat CONSTANT bigint := t->>'first_order_amount';
	paying CONSTANT bigint := least(renewals, (t->>'renewals')::bigint);
	sum numeric;
BEGIN
	IF price IS NULL OR renewals IS NULL THEN
		RETURN;
	ELSIF price < 0 THEN
		RAISE 'price must not be negative'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s credits.', price);
	ELSIF renewals < 0 THEN
		RAISE 'number of renewals must not be negative'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	first_order := CASE WHEN flat IS NULL
		THEN round(price * (t->>'first_order_ratio')::numeric)
		ELSE least(flat, price) END;
	renewal := round(price * (t->>'renewal_ratio')::numeric);
	sum := first_order::numeric + renewal::numeric * paying;
	IF sum > 9223372036854775807 THEN
		RAISE 'amount out of range'
			USING ERRCODE = 'numeric_value_out_of_range',
				DETAIL = format('It is %s credits.', sum);
	END IF;
	total := sum;
	RETURN NEXT;
END $$;
COMMENT ON FUNCTION commission.project_subscription(bigint, integer, text) IS
	'what one referral that subscribes at this price and renews so often brings an account (NULL: one without terms of its own) under the terms in force (R40), in credits: the first order, each renewal, all together, with as many renewals as pay, each order rounded half up by itself (R30); no row for a NULL price or number; 22023 for a negative price or number, 22003 where the total leaves bigint';

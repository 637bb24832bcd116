/*
 * terms.sql: the terms of accounts, groups and the programme, in versions
 * (R40 to R42), and the groups that accounts are in (R43).
 *
 * A sale reads them by the C of terms.c, and locks nothing.  Whoever announces
 * terms or moves an account locks commission.terms_version: one after the
 * other, so that each is compared with what the others have announced.
 */

CREATE TABLE commission.terms_version (
	version bigint NOT NULL,
	valid_from timestamptz NOT NULL,
	announced_at timestamptz NOT NULL DEFAULT now(),
	subject_id uuid NOT NULL,
	first_order_amount bigint,
	minimum_payout bigint,
	brand_ratio_ppm bigint,
	creator_ref_ratio_ppm bigint,
	first_order_ratio_ppm bigint,
	renewal_ratio_ppm bigint,
	upgrade_ratio_ppm bigint,
	upgraded_renewal_ratio_ppm bigint,
	total_cap_ratio_ppm bigint,
	renewals bigint,
	days bigint,
	scope "char" NOT NULL,
	announced_by text NOT NULL DEFAULT session_user,
	group_name text COLLATE "C",
	reason text,
	CONSTRAINT terms_version_pkey PRIMARY KEY (version),
	CONSTRAINT terms_version_scope_check CHECK (
		CASE scope
			WHEN 'a' THEN group_name IS NULL AND total_cap_ratio_ppm IS NULL
			WHEN 'g' THEN group_name IS NOT NULL AND total_cap_ratio_ppm IS NULL
			WHEN 'p' THEN group_name IS NULL
				AND subject_id = '00000000-0000-0000-0000-000000000000'
			ELSE false
		END)
);
COMMENT ON TABLE commission.terms_version IS
	'each version of the terms of an account, a group or the programme (R42): what it states, from valid_from until the next version of the same begins; a term that is NULL is not stated, and inherited (R40). Ratios are in parts per million';
COMMENT ON COLUMN commission.terms_version.version IS
	'drawn like an event id';
COMMENT ON COLUMN commission.terms_version.subject_id IS
	'the account; the key of the group''s name; 0 of the programme';
COMMENT ON COLUMN commission.terms_version.first_order_amount IS
	'credits for a first order, in place of its ratio; never more than the order (R41)';
COMMENT ON COLUMN commission.terms_version.minimum_payout IS
	'credits (R24)';
COMMENT ON COLUMN commission.terms_version.renewals IS
	'how many renewals of a customer pay';
COMMENT ON COLUMN commission.terms_version.days IS
	'for how many days from the attribution orders pay';
COMMENT ON COLUMN commission.terms_version.scope IS
	'a: an account, g: a group, p: the programme';
COMMENT ON COLUMN commission.terms_version.announced_by IS
	'the role that had logged in (session_user)';
COMMENT ON CONSTRAINT terms_version_scope_check ON commission.terms_version IS
	'the cap is the programme''s alone (R40)';

CREATE INDEX terms_version_subject_idx
	ON commission.terms_version (scope, subject_id, valid_from, version);
CREATE INDEX terms_version_program_idx
	ON commission.terms_version (valid_from, version) WHERE scope = 'p';
COMMENT ON INDEX commission.terms_version_program_idx IS
	'without a page until the programme announces its first terms: that is all that a sale asks of it';

CREATE TABLE commission.group_change (
	change_id bigint NOT NULL,
	valid_from timestamptz NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now(),
	account_id uuid NOT NULL,
	figure bigint,
	by_tier boolean NOT NULL,
	changed_by text NOT NULL DEFAULT session_user,
	from_group text COLLATE "C",
	to_group text COLLATE "C",
	reason text,
	CONSTRAINT group_change_pkey PRIMARY KEY (change_id),
	CONSTRAINT group_change_figure_check CHECK ((figure IS NOT NULL) = by_tier)
);
COMMENT ON TABLE commission.group_change IS
	'each move of an account into a group or out of one (R43)';
COMMENT ON COLUMN commission.group_change.change_id IS
	'drawn like an event id; the highest of an account is the one in force';
COMMENT ON COLUMN commission.group_change.valid_from IS
	'sales from then on are under the group''s terms';
COMMENT ON COLUMN commission.group_change.figure IS
	'what was measured, of a move by apply_tiers(); NULL: by hand';
COMMENT ON COLUMN commission.group_change.changed_by IS
	'the role that had logged in (session_user)';
COMMENT ON COLUMN commission.group_change.to_group IS
	'NULL: none';

CREATE INDEX group_change_account_idx
	ON commission.group_change (account_id, valid_from, change_id);

CREATE FUNCTION commission_internal.terms_at(account_id uuid, group_name text,
											 at timestamptz,
											 ignored bigint DEFAULT NULL)
	RETURNS TABLE (term text, value bigint, version bigint, scope "char")
	LANGUAGE c STABLE PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'commission_terms_at';
COMMENT ON FUNCTION commission_internal.terms_at(uuid, text, timestamptz, bigint) IS
	'the terms that an account (NULL: one without terms of its own) in a group (NULL: none) has by any version at a moment, as if the version ignored were not there: of each the value, ratios in parts per million, the version and its scope (R40); what has no row is as the settings have it';

CREATE FUNCTION commission_internal.group_at(account_id uuid, at timestamptz)
	RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
	SELECT c.to_group FROM commission.group_change AS c
	WHERE c.account_id = group_at.account_id AND c.valid_from <= at
	ORDER BY c.valid_from DESC, c.change_id DESC LIMIT 1);
COMMENT ON FUNCTION commission_internal.group_at(uuid, timestamptz) IS
	'the group that an account is in at a moment; NULL: none';

CREATE VIEW commission_internal.program_setting AS
	SELECT s.term, s.position, s.is_ratio,
		nullif(s.setting, '')::numeric AS value
	FROM (VALUES
		('brand_ratio', 1, true, commission_internal.setting('brand_ratio')),
		('creator_ref_ratio', 2, true, commission_internal.setting('creator_ref_ratio')),
		('first_order_ratio', 3, true, commission_internal.setting('first_order_ratio')),
		('first_order_amount', 4, false, NULL),
		('renewal_ratio', 5, true, commission_internal.setting('renewal_ratio')),
		('upgrade_ratio', 6, true, commission_internal.setting('upgrade_ratio')),
		('upgraded_renewal_ratio', 7, true,
		 commission_internal.setting('upgraded_renewal_ratio')),
		('renewals', 8, false, NULL),
		('days', 9, false, NULL),
		('minimum_payout', 10, false, commission_internal.setting('minimum_payout')),
		('total_cap_ratio', 11, true, commission_internal.setting('total_cap_ratio')))
		AS s (term, position, is_ratio, setting);
COMMENT ON VIEW commission_internal.program_setting IS
	'each term (R41) and the value that the settings give it: a ratio, credits, a number; NULL: none';

/*
 * A flat amount is in place of the ratio, and upgraded renewals are as any
 * renewal where nobody states otherwise.  In PL/pgSQL, which keeps the plan.
 */
CREATE FUNCTION commission_internal.resolved_terms(
	account_id uuid, group_name text, at timestamptz, ignored bigint DEFAULT NULL)
	RETURNS TABLE (term text, value numeric, version bigint, scope "char",
				   "position" integer)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET plan_cache_mode = force_generic_plan
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH stated AS MATERIALIZED (
		SELECT t.term, t.value, t.version, t.scope
		FROM commission_internal.terms_at(resolved_terms.account_id,
			resolved_terms.group_name, resolved_terms.at, resolved_terms.ignored) AS t
	), resolved AS MATERIALIZED (
		SELECT s.term, s.position,
			CASE WHEN t.term IS NULL THEN s.value
				WHEN s.is_ratio THEN commission_internal.ratio(t.value::integer)
				ELSE t.value END AS value,
			t.version, t.scope
		FROM commission_internal.program_setting AS s
		LEFT JOIN stated AS t ON t.term = s.term
		WHERE s.term <> 'first_order_ratio'
			OR NOT EXISTS (SELECT FROM stated AS f WHERE f.term = 'first_order_amount')
	)
	SELECT r.term, coalesce(r.value, n.value), coalesce(r.version, n.version),
		coalesce(r.scope, n.scope), r.position
	FROM resolved AS r
	LEFT JOIN resolved AS n ON r.term = 'upgraded_renewal_ratio'
		AND r.value IS NULL AND n.term = 'renewal_ratio';
END $$;
COMMENT ON FUNCTION commission_internal.resolved_terms(uuid, text, timestamptz, bigint) IS
	'the same with what the settings have where no version states a term (version and scope NULL): ratios as decimals, credits, numbers; NULL: no limit, or a flat amount that there is none of; first_order_ratio has no row where first_order_amount applies';

CREATE FUNCTION commission_internal.minimum_payout(account_id uuid)
	RETURNS bigint
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN coalesce((
		SELECT t.value
		FROM commission_internal.terms_at(account_id,
			commission_internal.group_at(account_id, now()), now()) AS t
		WHERE t.term = 'minimum_payout'),
	commission_internal.setting('minimum_payout')::bigint);
COMMENT ON FUNCTION commission_internal.minimum_payout(uuid) IS
	'the smallest withdrawal of an account in credits, closed or not (R24, R40)';

/* A term of a version in its scope, or no row. */
CREATE VIEW commission_internal.stated_term AS
	SELECT v.version, v.scope, v.subject_id, v.valid_from, t.term, t.value
	FROM commission.terms_version AS v
	CROSS JOIN LATERAL (VALUES
		('brand_ratio', v.brand_ratio_ppm),
		('creator_ref_ratio', v.creator_ref_ratio_ppm),
		('first_order_ratio', v.first_order_ratio_ppm),
		('first_order_amount', v.first_order_amount),
		('renewal_ratio', v.renewal_ratio_ppm),
		('upgrade_ratio', v.upgrade_ratio_ppm),
		('upgraded_renewal_ratio', v.upgraded_renewal_ratio_ppm),
		('renewals', v.renewals),
		('days', v.days),
		('minimum_payout', v.minimum_payout),
		('total_cap_ratio', v.total_cap_ratio_ppm)) AS t (term, value)
	WHERE t.value IS NOT NULL;
COMMENT ON VIEW commission_internal.stated_term IS
	'each term that a version states, ratios in parts per million';

CREATE FUNCTION commission_internal.terms_source(scope "char", group_name text)
	RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE scope
	WHEN 'a' THEN 'account'
	WHEN 'g' THEN 'group ' || group_name
	WHEN 'p' THEN 'programme'
	ELSE 'settings' END;
COMMENT ON FUNCTION commission_internal.terms_source("char", text) IS
	'whose terms those of a version are, in words; NULL, of no version: the settings';

CREATE FUNCTION commission_internal.terms_owner(version bigint) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
	SELECT CASE v.scope WHEN 'a' THEN 'account' WHEN 'g' THEN 'group' ELSE 'programme' END
	FROM commission.terms_version AS v
	WHERE v.version = terms_owner.version);
COMMENT ON FUNCTION commission_internal.terms_owner(bigint) IS
	'whose terms a version has, without the name, for explain(), which other affiliates may read; NULL for NULL';

CREATE FUNCTION commission_internal.stated_ratio(ratio_ppm integer, version bigint)
	RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN commission_internal.ratio(ratio_ppm) || CASE WHEN version IS NULL THEN ''
	ELSE format(', by the terms of the %s (version %s)',
				commission_internal.terms_owner(version), version) END;
COMMENT ON FUNCTION commission_internal.stated_ratio(integer, bigint) IS
	'a ratio that is kept with a sale, and whose terms it came from, for explain(); NULL for a NULL ratio';

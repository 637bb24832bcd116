/*
 * terms.sql: what the account's sales pay, and from when they will pay what
 * (R40, R42, R50).  Told as the extension's owner, as explain.sql is.
 */

CREATE FUNCTION commission_internal.terms_to_viewer()
	RETURNS TABLE (term text, value numeric, source text, until timestamptz)
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT t.term, t.value, t.source, t.until
	FROM commission_internal.viewer AS v
	JOIN commission.account AS a ON a.account_id = v.account_id
	CROSS JOIN LATERAL commission.terms_of(a.name) AS t;
END;
COMMENT ON FUNCTION commission_internal.terms_to_viewer() IS
	'terms_of() the account of the session''s role, now; no row where it has none';

CREATE FUNCTION commission_internal.announced_to_viewer()
	RETURNS SETOF commission.announced_terms
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT n.*
	FROM commission_internal.viewer AS v
	JOIN commission.account AS a ON a.account_id = v.account_id
	JOIN commission.announced_terms AS n ON n.scope = 'programme'
		OR n.account_id = v.account_id
		OR n.group_name = a.group_name;
END;
COMMENT ON FUNCTION commission_internal.announced_to_viewer() IS
	'the announced terms of the programme, of the account of the session''s role and of its group';

CREATE VIEW commission_portal.terms WITH (security_barrier) AS
	SELECT t.term, t.value, t.source, t.until
	FROM commission_internal.terms_to_viewer() AS t
	WHERE quote_ident(current_user)::regrole = commission_internal.outer_role();
COMMENT ON VIEW commission_portal.terms IS
	'the account''s terms in force, as commission.terms_of() gives them (R40, R50)';

CREATE VIEW commission_portal.announced_terms WITH (security_barrier) AS
	SELECT t.scope, t.group_name, t.valid_from, t.reason, t.brand_ratio,
		t.creator_ref_ratio, t.total_cap_ratio, t.first_order_ratio,
		t.renewal_ratio, t.upgrade_ratio, t.upgraded_renewal_ratio,
		t.first_order_amount, t.renewals, t.days, t.minimum_payout, t.announced_at
	FROM commission_internal.announced_to_viewer() AS t
	WHERE quote_ident(current_user)::regrole = commission_internal.outer_role();
COMMENT ON VIEW commission_portal.announced_terms IS
	'the terms that are announced to the account, by itself, its group or the programme, and not in force yet: each that is NULL stays as it is (R42, R50)';

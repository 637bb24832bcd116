/*
 * account.sql: whose rows schema commission_portal shows (R50).
 *
 * A grant is for a role itself, not for its members: whoever a statement runs
 * as (current_user: after SET ROLE, and in a function that is SECURITY DEFINER)
 * sees what that role may see.
 */

CREATE TABLE commission.portal_role (
	role_id oid,
	role name NOT NULL,
	account_id uuid,
	CONSTRAINT portal_role_pkey PRIMARY KEY (role)
);
COMMENT ON TABLE commission.portal_role IS
	'the roles that see schema commission_portal, and the account of each (R50)';
COMMENT ON COLUMN commission.portal_role.role_id IS
	'the role''s OID: a role that is later made under the same name is another one; NULL: there was no such role when the row was restored';
COMMENT ON COLUMN commission.portal_role.account_id IS
	'the account whose rows the role sees; NULL: whichever a transaction names by commission.portal_account';

CREATE FUNCTION commission_internal.identify_role() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	NEW.role_id := (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = NEW.role);
	RETURN NEW;
END $$;
COMMENT ON FUNCTION commission_internal.identify_role() IS
	'trigger of commission.portal_role that looks up the OID of the role, which is another one where a dump is restored';

CREATE TRIGGER portal_role_identify
	BEFORE INSERT ON commission.portal_role
	FOR EACH ROW EXECUTE FUNCTION commission_internal.identify_role();
ALTER TABLE commission.portal_role
	ENABLE ALWAYS TRIGGER portal_role_identify;

CREATE VIEW commission_internal.role_account AS
	SELECT r.role_id,
		coalesce(r.account_id, commission_internal.identifier_key(
			commission_internal.portal_setting())) AS account_id
	FROM commission.portal_role AS r
	WHERE r.role = pg_get_userbyid(r.role_id);
COMMENT ON VIEW commission_internal.role_account IS
	'the account whose rows each role sees, NULL where the transaction has named none';

/*
 * Views ask for it in a sub-select, which each execution of a plan evaluates
 * once: a plan that is kept knows no account, and has an index condition on it
 * as on a constant.
 */
CREATE VIEW commission_internal.own_account WITH (security_barrier) AS
	SELECT r.account_id
	FROM commission_internal.role_account AS r
	WHERE r.role_id = quote_ident(current_user)::regrole;
COMMENT ON VIEW commission_internal.own_account IS
	'the account whose rows the current role sees; no row for a role that has been granted none';

/*
 * What has to be SECURITY DEFINER goes by the session's role instead, and the
 * view or function that calls it asks whether that is the current one: in a
 * function of somebody else's that is SECURITY DEFINER, too, it shows nothing.
 */
CREATE FUNCTION commission_internal.outer_role() RETURNS regrole
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'commission_outer_role';
COMMENT ON FUNCTION commission_internal.outer_role() IS
	'the role that the session has (SET ROLE), whatever functions that are SECURITY DEFINER are being executed';

CREATE VIEW commission_internal.viewer AS
	SELECT r.account_id
	FROM commission_internal.role_account AS r
	WHERE r.role_id = commission_internal.outer_role();
COMMENT ON VIEW commission_internal.viewer IS
	'the account whose rows the session''s role sees; no row for a role that has been granted none';

CREATE VIEW commission_internal.named_account AS
	SELECT a.account_id,
		CASE WHEN NOT EXISTS (SELECT FROM commission_internal.viewer AS v)
				OR a.account_id = (SELECT v.account_id FROM commission_internal.viewer AS v)
			THEN a.name
			ELSE commission.mask(coalesce(a.label, a.name))
		END AS name
	FROM commission.account AS a;
COMMENT ON VIEW commission_internal.named_account IS
	'the accounts by their names, all but its own masked for a role that sees schema commission_portal (R34, R50)';

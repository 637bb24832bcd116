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

/*
 * Views ask for it in a sub-select, which each execution of a plan evaluates
 * once: a plan that is kept knows no account, and has an index condition on it
 * as on a constant.
 */
CREATE VIEW commission_internal.own_account WITH (security_barrier) AS
	SELECT coalesce(r.account_id, commission_internal.identifier_key(
			commission_internal.portal_setting())) AS account_id
	FROM commission.portal_role AS r
	WHERE r.role = current_user
		AND r.role_id = quote_ident(current_user)::regrole;
COMMENT ON VIEW commission_internal.own_account IS
	'the account whose rows the current role sees; no row for a role that has been granted none, NULL where the transaction has named none';

/*
 * settings.sql: the settings, as SQL reads them.
 */

CREATE FUNCTION commission_internal.setting(name text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_setting';
COMMENT ON FUNCTION commission_internal.setting(text) IS
	'a setting of the programme as it is in force, named without "commission."; 42704 for one that does not exist, 42501 for a secret';

/* A parallel worker has the setting, but not what its leader's transaction did. */
CREATE FUNCTION commission_internal.portal_setting() RETURNS text
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'commission_portal_setting';
COMMENT ON FUNCTION commission_internal.portal_setting() IS
	'commission.portal_account, if this transaction has set it; NULL if it is empty or was set before';

CREATE FUNCTION commission_internal.use_setting(name text, value text)
	RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_use_setting';
COMMENT ON FUNCTION commission_internal.use_setting(text, text) IS
	'sets a setting, named without "commission.", until the calling block with an EXCEPTION clause, or function with a SET clause, ends; whoever owns the extension, superuser or not';

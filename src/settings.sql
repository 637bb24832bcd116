/*
 * settings.sql: the settings, as SQL reads them.
 */

CREATE FUNCTION commission_internal.setting(name text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_setting';
COMMENT ON FUNCTION commission_internal.setting(text) IS
	'a setting of the programme as it is in force, named without "commission."; 42704 for one that does not exist, 42501 for a secret';

CREATE FUNCTION commission_internal.use_setting(name text, value text)
	RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_use_setting';
COMMENT ON FUNCTION commission_internal.use_setting(text, text) IS
	'sets a setting, named without "commission.", until the calling block with an EXCEPTION clause, or function with a SET clause, ends; whoever owns the extension, superuser or not';

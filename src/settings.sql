/*
 * settings.sql: the settings, as SQL reads them.
 */

CREATE FUNCTION commission_internal.setting(name text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_setting';
COMMENT ON FUNCTION commission_internal.setting(text) IS
	'a setting of the programme as it is in force, named without "commission."; 42704 for one that does not exist, 42501 for a secret';

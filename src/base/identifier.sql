/*
 * identifier.sql: the application's identifiers as uuids.
 */

CREATE FUNCTION commission.account_id(name text) RETURNS uuid
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_account_id';
COMMENT ON FUNCTION commission.account_id(text) IS
	'the key under which an account, listing, generation, order or run that the application names so is kept: a uuid stands for itself, a whole number is embedded in a version-8 uuid, any other text becomes a version-5 uuid; NULL for NULL; 22023 for an empty or over-long name';

CREATE FUNCTION commission_internal.identifier_name(id uuid) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_identifier_name';
COMMENT ON FUNCTION commission_internal.identifier_name(uuid) IS
	'the number or uuid that a key stands for; for a text, which a key does not give back, the uuid; NULL for NULL';

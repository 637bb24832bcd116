/*
 * argument.sql: checks of arguments that several functions share.
 */

CREATE FUNCTION commission_internal.required(value anyelement, what text) RETURNS anyelement
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	IF value IS NULL THEN
		RAISE '% must not be NULL', what USING ERRCODE = 'null_value_not_allowed';
	ELSIF value::text = '' THEN
		RAISE '% must not be empty', what USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN value;
END $$;
COMMENT ON FUNCTION commission_internal.required(anyelement, text) IS
	'the value of an argument that must be given; 22004 for NULL, 22023 for an empty one';

CREATE FUNCTION commission_internal.identifier(name text, what text) RETURNS text
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_identifier';
COMMENT ON FUNCTION commission_internal.identifier(text, text) IS
	'the spelling under which an argument that names something is kept: that of a uuid is in lower case; 22004 for NULL, 22023 for an empty or over-long name';

CREATE FUNCTION commission_internal.bounded(value text, what text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	max_bytes CONSTANT integer := 1024;
BEGIN
	IF octet_length(value) > max_bytes THEN
		RAISE '% is too long', what
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It has %s bytes; at most %s are allowed.',
								octet_length(value), max_bytes);
	END IF;
	RETURN value;
END $$;
COMMENT ON FUNCTION commission_internal.bounded(text, text) IS
	'the value of a text argument that lists show row by row; NULL for NULL; 22023 for one of more than 1024 bytes';

CREATE FUNCTION commission_internal.finite(at timestamptz, what text) RETURNS timestamptz
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
	IF NOT isfinite(at) THEN
		RAISE '% must be a finite time', what USING ERRCODE = 'datetime_field_overflow';
	END IF;
	RETURN coalesce(at, now());
END $$;
COMMENT ON FUNCTION commission_internal.finite(timestamptz, text) IS
	'the value of an argument that is a time, now for NULL; 22008 for an infinite one';

/* Not STRICT, so that it is inlined. */
CREATE FUNCTION commission_internal.utc(at timestamptz) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(at AT TIME ZONE INTERVAL '0',
			   CASE WHEN at < '0001-01-01 00:00:00+00' THEN 'YYYY-MM-DD HH24:MI:SS BC'
				ELSE 'YYYY-MM-DD HH24:MI:SS' END) || ' UTC';
COMMENT ON FUNCTION commission_internal.utc(timestamptz) IS
	'a time in UTC, to the second, in words; NULL for NULL';

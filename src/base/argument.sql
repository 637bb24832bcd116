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

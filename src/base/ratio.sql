/*
 * ratio.sql: stored ratios as decimals (R2).
 */

CREATE FUNCTION commission_internal.ratio(ratio_ppm integer) RETURNS numeric
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_ratio';
COMMENT ON FUNCTION commission_internal.ratio(integer) IS
	'a stored ratio, held in parts per million, as a decimal with two or as many fractional digits as it needs: 300000 is 0.30 (R2); NULL for NULL';

CREATE FUNCTION commission_internal.ratio_ppm(ratio numeric, what text) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_ratio_ppm';
COMMENT ON FUNCTION commission_internal.ratio_ppm(numeric, text) IS
	'an argument that is a ratio, in parts per million; NULL for NULL; 22023 for what is no decimal from 0 to 1 with at most six fractional digits';

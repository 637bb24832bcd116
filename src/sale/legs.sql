/*
 * legs.sql: commission legs and their cap (R10 to R12).
 */

CREATE FUNCTION commission.legs(net_margin bigint, brand boolean DEFAULT true,
								creators integer DEFAULT 1)
	RETURNS TABLE (leg commission.entry_kind, ratio numeric, amount bigint)
	LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 2
	AS 'MODULE_PATHNAME', 'commission_legs';
COMMENT ON FUNCTION commission.legs(bigint, boolean, integer) IS
	'the legs of a generation with this net margin under the ratios in force, brand first: its nominal ratio and credits, each scaled to the cap and rounded down by itself (R10 to R12); a leg of 0 credits has no row; none for NULL; 22023 for a negative net margin or number of creators';

CREATE FUNCTION commission.legs(net_margin bigint, brand boolean,
								creators integer, brand_ratio numeric,
								creator_ref_ratio numeric,
								total_cap_ratio numeric)
	RETURNS TABLE (leg commission.entry_kind, ratio numeric, amount bigint)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 2
	AS 'MODULE_PATHNAME', 'commission_legs_at';
COMMENT ON FUNCTION commission.legs(bigint, boolean, integer, numeric, numeric, numeric) IS
	'the same under the ratios given, decimals from 0 to 1 with at most six fractional digits (R2); 22023 for any other';

/*
 * margin.sql: what a generation's credits come to: surcharge and net margin
 * (R4 to R8), legs and their cap (R10 to R12), shares of a pool (R19).
 */

CREATE FUNCTION commission.surcharge(pool bigint) RETURNS bigint
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_surcharge';
COMMENT ON FUNCTION commission.surcharge(bigint) IS
	'credits that the buyer pays for a listing''s pool: the pool and commission.platform_markup_ratio of it, rounded up (R4); NULL for NULL; 22023 for a negative pool, 22003 where the result leaves bigint';

CREATE FUNCTION commission.net_margin(model_price bigint, api_cost bigint,
									  surcharge bigint DEFAULT 0,
									  pool bigint DEFAULT 0) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_net_margin';
COMMENT ON FUNCTION commission.net_margin(bigint, bigint, bigint, bigint) IS
	'credits that the platform keeps of a generation before commission: surcharge less pool, and model price less API cost but never less than 0 (R5, R8); NULL for NULL; 22023 for a negative amount or a surcharge under the pool, 22003 where the result leaves bigint';

CREATE FUNCTION commission.legs(net_margin bigint, brand boolean DEFAULT true,
								creators integer DEFAULT 1)
	RETURNS TABLE (leg commission.entry_kind, ratio numeric, amount bigint)
	LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 2
	AS 'MODULE_PATHNAME', 'commission_legs';
COMMENT ON FUNCTION commission.legs(bigint, boolean, integer) IS
	'the legs of a generation with this net margin under the settings in force, brand first: its nominal ratio and credits, each scaled to the cap and rounded down by itself (R10 to R12); a leg of 0 credits has no row; none for NULL; 22023 for a negative net margin or number of creators';

CREATE FUNCTION commission.legs(net_margin bigint, brand boolean,
								creators integer, brand_ratio numeric,
								creator_ref_ratio numeric,
								total_cap_ratio numeric)
	RETURNS TABLE (leg commission.entry_kind, ratio numeric, amount bigint)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 2
	AS 'MODULE_PATHNAME', 'commission_legs_at';
COMMENT ON FUNCTION commission.legs(bigint, boolean, integer, numeric, numeric, numeric) IS
	'the same under the ratios given, decimals from 0 to 1 with at most six fractional digits (R2); 22023 for any other';

CREATE FUNCTION commission.legs(net_margin bigint, ratios numeric[],
								total_cap_ratio numeric)
	RETURNS TABLE (leg integer, ratio numeric, amount bigint)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 3
	AS 'MODULE_PATHNAME', 'commission_legs_each';
COMMENT ON FUNCTION commission.legs(bigint, numeric[], numeric) IS
	'the legs of a generation with this net margin, each with a ratio of its own, as those of several referrers have, under one cap: the number of the ratio, from 1, the ratio and the credits; where the ratios add up to more than total_cap_ratio, each leg is ratio * cap / sum of the net margin, rounded down by itself (R12, R40); a leg of 0 credits has no row; none for NULL; 22023 for a negative net margin, for what is no ratio, and for more than 1001 ratios';

CREATE FUNCTION commission_internal.pool_shares(charged bigint, shares bigint[])
	RETURNS bigint[]
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_pool_shares';
COMMENT ON FUNCTION commission_internal.pool_shares(bigint, bigint[]) IS
	'credits that the owner (first) and the co-authors get of a charged pool whose listing is split as given: in proportion, by largest remainder, ties to the earlier, together exactly what was charged (R19); NULL for NULL; 22023 for negative amounts, more than six shares or shares of 0 in all, 22003 where their sum leaves bigint';

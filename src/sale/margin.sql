/*
 * margin.sql: surcharge and net margin (R4 to R8).
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

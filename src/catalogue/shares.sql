/*
 * shares.sql: how a pool is shared (R19).
 */

CREATE FUNCTION commission_internal.pool_shares(charged bigint, shares bigint[])
	RETURNS bigint[]
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_pool_shares';
COMMENT ON FUNCTION commission_internal.pool_shares(bigint, bigint[]) IS
	'credits that the owner (first) and the co-authors get of a charged pool whose listing is split as given: in proportion, by largest remainder, ties to the earlier, together exactly what was charged (R19); NULL for NULL; 22023 for negative amounts, more than six shares or shares of 0 in all, 22003 where their sum leaves bigint';

/*
 * mask.sql: how a buyer is shown to others (R34).
 */

CREATE FUNCTION commission.mask(label text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_mask';
COMMENT ON FUNCTION commission.mask(text) IS
	'an e-mail address or name as others may see it: first character and four stars, of an address the domain likewise with its last label kept (R34); four stars for an empty one; NULL for NULL';

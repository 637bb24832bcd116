/*
 * mask.sql: how a buyer is shown to others (R34).
 */

CREATE FUNCTION commission.mask(label text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_mask';
COMMENT ON FUNCTION commission.mask(text) IS
	'an e-mail address or name as others may see it: its first character and four stars, and of an address the same of the domain, whose last label is kept (R34). Whatever is not plainly an address (no blank, one @ with something before it, and after it a domain that ends in a dot and ASCII letters) is masked as a name; four stars for an empty one; NULL for NULL';

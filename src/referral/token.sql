/*
 * token.sql: cref tokens, the first touch signed (R27).
 */

CREATE FUNCTION commission.sign_cref(referrer text,
									 touched_at timestamptz DEFAULT now(),
									 campaign text DEFAULT NULL) RETURNS text
	LANGUAGE c STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_sign_cref';
COMMENT ON FUNCTION commission.sign_cref(text, timestamptz, text) IS
	'a token for a cookie or browser storage that carries the referrer, the first touch to the microsecond and the campaign, in letters, digits, - and _, signed under commission.cref_secret (R27); NULL for a NULL referrer or touched_at, while a NULL campaign is none; 22023 for an empty referrer or where referrer or campaign is over 1024 bytes of UTF-8, 22008 for an infinite touched_at, 55000 where the secret is not set or has less than 32 bytes';

CREATE FUNCTION commission.read_cref(token text)
	RETURNS TABLE (referrer text, touched_at timestamptz, campaign text)
	LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 1
	AS 'MODULE_PATHNAME', 'commission_read_cref';
COMMENT ON FUNCTION commission.read_cref(text) IS
	'what a token of sign_cref says, if it was signed under commission.cref_secret or commission.cref_secret_previous, however long ago (R27); no row for NULL; 22023, always in the same words, for any other text; 55000 where neither secret is set and has at least 32 bytes';

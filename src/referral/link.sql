/*
 * link.sql: referral links (R27).
 */

CREATE FUNCTION commission.referral_link(base text, cref text,
										 campaign text DEFAULT NULL)
	RETURNS text
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_referral_link';
COMMENT ON FUNCTION commission.referral_link(text, text, text) IS
	'the URL of a page with the parameters cref and campaign at the end of its query, escaped as UTF-8; the other parameters and the fragment stay as they are, while a cref and a campaign that the page''s URL has already are replaced: a shared link that is shared again is the link of who shares it now; a NULL or empty campaign is none; NULL for a NULL base or cref, 22023 for an empty or over-long cref';

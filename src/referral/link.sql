/*
 * link.sql: referral links: ?cref=<account>&campaign=<campaign> (R27).
 */

CREATE FUNCTION commission_internal.percent_encode(value text, unsafe text)
	RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
	SELECT coalesce(string_agg(coalesce(
		regexp_replace(upper(encode(convert_to(m.part[1], 'UTF8'), 'hex')),
					   '..', '%\&', 'g'),
		m.part[2]), '' ORDER BY m.n), '')
	FROM regexp_matches(value, '(' || unsafe || '+)|(.)', 'g')
		WITH ORDINALITY AS m (part, n));
COMMENT ON FUNCTION commission_internal.percent_encode(text, text) IS
	'a text with %XX for each byte of the UTF-8 form of each character that matches a regular expression (RFC 3986); NULL for NULL';

CREATE FUNCTION commission.referral_link(base text, cref text,
										 campaign text DEFAULT NULL)
	RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	/* cref and campaign, each letter of them escaped or not */
	replaced CONSTANT text := '^((c|%63)(r|%72)(e|%65)(f|%66)'
		'|(c|%63)(a|%61)(m|%6[Dd])(p|%70)(a|%61)(i|%69)(g|%67)(n|%6[Ee]))(=|$)';
	reserved CONSTANT text := '[^A-Za-z0-9._~-]';
	/* what is before the query, the query, and the fragment */
	part CONSTANT text[] := regexp_match(base, '^([^?#]*)(?:\?([^#]*))?(#.*)?$');
	query text;
BEGIN
	IF base IS NULL OR cref IS NULL THEN
		RETURN NULL;
	END IF;
	PERFORM commission_internal.identifier(cref, 'account');
	SELECT string_agg(p.parameter, '&' ORDER BY p.n) INTO query
	FROM unnest(string_to_array(part[2], '&')) WITH ORDINALITY AS p (parameter, n)
	WHERE p.parameter <> '' AND p.parameter !~ replaced;
	RETURN concat(part[1], '?', query || '&',
		'cref=', commission_internal.percent_encode(cref, reserved),
		'&campaign=' || commission_internal.percent_encode(nullif(campaign, ''), reserved),
		part[3]);
END $$;
COMMENT ON FUNCTION commission.referral_link(text, text, text) IS
	'the URL of a page with the parameters cref and campaign at the end of its query, escaped as UTF-8; the other parameters and the fragment stay as they are, while a cref and a campaign that the page''s URL already has are replaced: a shared link that is shared again is the link of whoever shares it now; a NULL or empty campaign is none; NULL for a NULL base or cref, 22023 for an empty or over-long cref';

/*
 * link.sql: referral links: ?cref=<account>&campaign=<campaign> (R27).
 */

CREATE FUNCTION commission_internal.percent_encode(value text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
	SELECT string_agg(concat(p.kept, regexp_replace(
		upper(encode(convert_to(p.escaped[1], 'UTF8'), 'hex')), '..', '%\&', 'g')),
		'' ORDER BY p.n)
	FROM ROWS FROM (regexp_split_to_table(value, '[^A-Za-z0-9._~-]+'),
					regexp_matches(value, '[^A-Za-z0-9._~-]+', 'g'))
		WITH ORDINALITY AS p (kept, escaped, n));
COMMENT ON FUNCTION commission_internal.percent_encode(text) IS
	'a text with %XX for each byte of its UTF-8 form that is not unreserved (RFC 3986); NULL for NULL';

CREATE FUNCTION commission.referral_link(base text, cref text,
										 campaign text DEFAULT NULL)
	RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	/* cref and campaign, each letter of them escaped or not */
	replaced CONSTANT text := '^((c|%63)(r|%72)(e|%65)(f|%66)'
		'|(c|%63)(a|%61)(m|%6[Dd])(p|%70)(a|%61)(i|%69)(g|%67)(n|%6[Ee]))(=|$)';
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
		'cref=', commission_internal.percent_encode(cref),
		'&campaign=' || commission_internal.percent_encode(
			nullif(commission_internal.bounded(campaign, 'campaign'), '')),
		part[3]);
END $$;
COMMENT ON FUNCTION commission.referral_link(text, text, text) IS
	'the URL of a page with the parameters cref and campaign at the end of its query, escaped as UTF-8; the other parameters and the fragment stay as they are, while a cref and a campaign that the page''s URL already has are replaced: a shared link that is shared again is the link of whoever shares it now; a NULL or empty campaign is none; NULL for a NULL base or cref, 22023 for an empty cref or for a cref or campaign of more than 1024 bytes';

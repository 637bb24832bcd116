/*
 * material.sql: promotional materials, for every account to use at once.
 */

CREATE TABLE commission.material (
	updated_at timestamptz NOT NULL DEFAULT now(),
	kind commission.material_kind NOT NULL,
	name text COLLATE "C" NOT NULL,
	title text NOT NULL,
	body text NOT NULL,
	CONSTRAINT material_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE commission.material IS
	'promotional materials, in which {link} stands for the affiliate''s own link';
COMMENT ON COLUMN commission.material.body IS
	'HTML where the kind is banner or comparison_chart';

CREATE FUNCTION commission.set_material(material text,
										kind commission.material_kind,
										title text, body text)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_set_material';
COMMENT ON FUNCTION commission.set_material(text, commission.material_kind, text, text) IS
	'sets a promotional material, in whose body each {link} stands for the link of the affiliate who takes it; the body of a banner or comparison chart is HTML; 22004 for any NULL, 22023 for an empty or over-long name or an empty title or body';

CREATE FUNCTION commission.remove_material(material text) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_remove_material';
COMMENT ON FUNCTION commission.remove_material(text) IS
	'takes a promotional material away: true if it was there; 22004 for NULL, 22023 for an empty or over-long name';

CREATE FUNCTION commission_internal.fill_material(kind commission.material_kind,
										 body text, link text)
	RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_fill_material';
COMMENT ON FUNCTION commission_internal.fill_material(commission.material_kind, text, text) IS
	'a body with the link in place of each {link}: escaped for HTML in a banner or comparison chart, percent-escaped in a code snippet where a character could end a string literal, as it is in a text; NULL for NULL';

CREATE FUNCTION commission.materials_for(account text, base text,
										 campaign text DEFAULT NULL)
	RETURNS TABLE (material text, kind commission.material_kind, title text,
				   body text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT m.name, m.kind, m.title,
		commission_internal.fill_material(m.kind, m.body, l.link)
	FROM commission.referral_link(materials_for.base, materials_for.account,
								  materials_for.campaign) AS l (link),
		commission.material AS m
	WHERE l.link IS NOT NULL
	ORDER BY m.kind, m.name;
END;
COMMENT ON FUNCTION commission.materials_for(text, text, text) IS
	'every promotional material, ready for an affiliate to use: with referral_link(base, account, campaign) in place of {link}, escaped for its kind; any account may, without approval; no row for a NULL account or base, 22023 for an empty or over-long account';

/*
 * material.sql: promotional materials that any account can use at once.
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
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	/* The name is the key of an index, as identifiers are. */
	PERFORM commission_internal.identifier(material, 'material');
	INSERT INTO commission.material (name, kind, title, body)
	VALUES (material, commission_internal.required(kind, 'kind'),
			commission_internal.required(title, 'title'),
			commission_internal.required(body, 'body'))
	ON CONFLICT (name) DO UPDATE SET updated_at = now(),
		kind = excluded.kind, title = excluded.title, body = excluded.body;
END $$;
COMMENT ON FUNCTION commission.set_material(text, commission.material_kind, text, text) IS
	'sets a promotional material, in whose body each {link} stands for the link of the affiliate who takes it; the body of a banner or comparison chart is HTML; 22004 for any NULL, 22023 for an empty or over-long name or an empty title or body';

CREATE FUNCTION commission.remove_material(material text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM commission_internal.identifier(material, 'material');
	DELETE FROM commission.material AS m WHERE m.name = material;
	RETURN FOUND;
END $$;
COMMENT ON FUNCTION commission.remove_material(text) IS
	'removes a promotional material: true if it was there; 22004 for NULL, 22023 for an empty or over-long name';

/*
 * In code, whatever could end a string literal of any language or mean
 * something in it is percent-escaped, which leaves the URL the same.
 */
CREATE FUNCTION commission_internal.fill_material(kind commission.material_kind,
												  body text, link text)
	RETURNS text
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
	IF kind = 'code_snippet' THEN
		FOR code IN 1 .. 127 LOOP
			IF code <= 32 OR code = 127 OR strpos('"''`\<>$^{|}', chr(code)) > 0 THEN
				link := replace(link, chr(code), '%' || upper(lpad(to_hex(code), 2, '0')));
			END IF;
		END LOOP;
	ELSIF kind IN ('banner', 'comparison_chart') THEN
		link := replace(replace(replace(replace(replace(link,
			'&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;');
	END IF;
	RETURN replace(body, '{link}', link);
END $$;
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

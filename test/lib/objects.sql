/*
 * objects.sql
 *		Every object of the extension and its parts, in lines of object, aspect
 *		and value, for a comparison of two installations.
 *
 * psql's variable name is what an object's name must contain; empty, it is in
 * every name.  The function is in the session's temporary schema and no member
 * of the extension: it is not among the objects.
 */

/*
 * What an object is, without its columns, privileges, comments and
 * dependencies.  One of a class that is not listed here has no definition, and
 * upgrade.t reports it.
 */
CREATE FUNCTION pg_temp.definition(classid oid, objid oid) RETURNS jsonb
	LANGUAGE sql STABLE AS $$
	SELECT CASE classid
		WHEN 'pg_namespace'::regclass THEN (
			SELECT jsonb_build_array(nspowner::regrole)
			FROM pg_namespace WHERE oid = objid)
		WHEN 'pg_proc'::regclass THEN (
			SELECT jsonb_build_array(pg_get_functiondef(oid), proowner::regrole,
				probin, prosrc, prosupport::regproc)
			FROM pg_proc WHERE oid = objid)
		WHEN 'pg_type'::regclass THEN (
			SELECT jsonb_build_array(typowner::regrole, typtype, typcategory,
				typbasetype::regtype, typnotnull, typdefault,
				(SELECT array_agg(enumlabel ORDER BY enumsortorder)
				 FROM pg_enum WHERE enumtypid = t.oid))
			FROM pg_type AS t WHERE oid = objid)
		WHEN 'pg_class'::regclass THEN (
			SELECT jsonb_build_array(relowner::regrole, relkind, relpersistence,
				relreplident, relrowsecurity, relforcerowsecurity, reloptions,
				(SELECT amname FROM pg_am WHERE oid = c.relam),
				(SELECT reloptions FROM pg_class WHERE oid = c.reltoastrelid),
				(SELECT jsonb_build_array(pg_get_indexdef(indexrelid),
					indisvalid, indisready, indisprimary, indisunique,
					indisclustered, indisreplident)
				 FROM pg_index WHERE indexrelid = c.oid),
				(SELECT to_jsonb(s) - 'seqrelid' - 'seqtypid'
					|| jsonb_build_object('type', seqtypid::regtype)
				 FROM pg_sequence AS s WHERE seqrelid = c.oid))
			FROM pg_class AS c WHERE oid = objid)
		WHEN 'pg_constraint'::regclass THEN (
			SELECT jsonb_build_array(pg_get_constraintdef(oid), convalidated)
			FROM pg_constraint WHERE oid = objid)
		WHEN 'pg_trigger'::regclass THEN (
			SELECT jsonb_build_array(pg_get_triggerdef(oid), tgenabled)
			FROM pg_trigger WHERE oid = objid)
		WHEN 'pg_rewrite'::regclass THEN (
			SELECT jsonb_build_array(pg_get_ruledef(oid), ev_enabled)
			FROM pg_rewrite WHERE oid = objid)
		WHEN 'pg_attrdef'::regclass THEN (
			SELECT jsonb_build_array(pg_get_expr(adbin, adrelid))
			FROM pg_attrdef WHERE oid = objid)
		END
$$;

WITH RECURSIVE object (classid, objid) AS (
	SELECT d.classid, d.objid
	FROM pg_extension AS e
	JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass
		AND d.refobjid = e.oid AND d.deptype = 'e'
	WHERE e.extname = 'commission'
	UNION
	SELECT d.classid, d.objid
	FROM object AS o
	JOIN pg_depend AS d ON (d.refclassid, d.refobjid) = (o.classid, o.objid)
		AND d.deptype IN ('a', 'i')
), named AS (
	SELECT o.classid, o.objid, format('%s %s', i.type, i.identity) AS object
	FROM object AS o
	CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) AS i
	WHERE i.identity NOT LIKE 'pg_toast.%' AND position(:'name' IN i.identity) > 0
		AND NOT EXISTS (SELECT FROM pg_trigger AS t
						WHERE o.classid = 'pg_trigger'::regclass
							AND t.oid = o.objid AND t.tgisinternal)
)
SELECT json_build_array(n.object, a.aspect, a.value)
FROM named AS n
CROSS JOIN LATERAL (
	SELECT 'definition' AS aspect, pg_temp.definition(n.classid, n.objid) AS value
	UNION ALL
	SELECT format('column %s, %s', attname, row_number() OVER (ORDER BY attnum)),
		jsonb_build_array(format_type(atttypid, atttypmod), attnotnull,
			attidentity, attgenerated, attstorage, attcompression,
			attcollation::regcollation, attstattarget, attislocal,
			/* A server can keep options of its own there. */
			(SELECT array_agg(x ORDER BY x) FROM unnest(attoptions) AS x
			 WHERE x LIKE 'n\_distinct%'),
			(SELECT array_agg(x::text ORDER BY x::text) FROM unnest(attacl) AS x))
	FROM pg_attribute
	WHERE n.classid = 'pg_class'::regclass AND attrelid = n.objid
		AND attnum > 0 AND NOT attisdropped
	UNION ALL
	SELECT 'privileges', to_jsonb(array_agg(x::text ORDER BY x::text))
	FROM (SELECT nspacl FROM pg_namespace
			WHERE n.classid = 'pg_namespace'::regclass AND oid = n.objid
		  UNION ALL
		  SELECT proacl FROM pg_proc
			WHERE n.classid = 'pg_proc'::regclass AND oid = n.objid
		  UNION ALL
		  SELECT relacl FROM pg_class
			WHERE n.classid = 'pg_class'::regclass AND oid = n.objid
		  UNION ALL
		  SELECT typacl FROM pg_type
			WHERE n.classid = 'pg_type'::regclass AND oid = n.objid) AS p (acl)
	CROSS JOIN LATERAL unnest(p.acl) AS x
	UNION ALL
	SELECT format('privileges at first, column %s', objsubid),
		(SELECT to_jsonb(array_agg(x::text ORDER BY x::text))
		 FROM unnest(initprivs) AS x)
	FROM pg_init_privs
	WHERE classoid = n.classid AND objoid = n.objid
	UNION ALL
	SELECT format('comment, column %s', objsubid), to_jsonb(description)
	FROM pg_description
	WHERE classoid = n.classid AND objoid = n.objid
	UNION ALL
	SELECT format('depends on %s %s', r.type, r.identity),
		to_jsonb(array_agg(d.deptype ORDER BY d.deptype))
	FROM pg_depend AS d
	CROSS JOIN LATERAL pg_identify_object(d.refclassid, d.refobjid,
										  d.refobjsubid) AS r
	WHERE d.classid = n.classid AND d.objid = n.objid
	GROUP BY r.type, r.identity
) AS a;

/* The extension itself. */
SELECT json_build_array('extension', 'definition', jsonb_build_array(
	extversion, extowner::regrole, extnamespace::regnamespace, extrelocatable))
FROM pg_extension WHERE extname = 'commission';

SELECT json_build_array('extension', 'dumps rows of', jsonb_build_array(
	x.relation::regclass, x.condition))
FROM pg_extension
CROSS JOIN LATERAL unnest(extconfig, extcondition) AS x (relation, condition)
WHERE extname = 'commission';

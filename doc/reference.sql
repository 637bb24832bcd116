/*
 * reference.sql
 *		Writes doc/reference.md from the catalogues: what the extension has,
 *		and the comment of each object.  "make doc" runs it, in a database
 *		without the extension, on a server where it is installed; nothing is
 *		left there.
 */
SET client_min_messages = warning;
BEGIN;
CREATE EXTENSION commission;

CREATE ROLE commission_doc_reader;
CREATE ROLE commission_doc_writer;
CREATE ROLE commission_doc_operator;
CREATE ROLE commission_doc_self_service;
\o /dev/null
SELECT commission.grant_reader('commission_doc_reader'),
	commission.grant_writer('commission_doc_writer'),
	commission.grant_operator('commission_doc_operator'),
	commission.grant_self_service('commission_doc_self_service');
\o

/* A comment as a paragraph. */
CREATE FUNCTION pg_temp.sentence(comment text) RETURNS text
	LANGUAGE sql
RETURN regexp_replace(upper(left(comment, 1)) || rtrim(substr(comment, 2), '.'),
	'\m((22|23|25|39|40|42|54|55)[0-9P][0-9]{2})\M', '`\1`', 'g') || '.';

/* Names of types as one writes them, and defaults without their casts. */
CREATE FUNCTION pg_temp.short(arguments text) RETURNS text
	LANGUAGE sql
RETURN replace(replace(regexp_replace(arguments,
	'(DEFAULT (NULL|''[^'']*''))::[a-z_.]+( with time zone)?', '\1', 'g'),
	'timestamp with time zone', 'timestamptz'), 'commission.', '');

/* An argument or column a line, where they do not fit on one. */
CREATE FUNCTION pg_temp.fold(list text, width integer) RETURNS text
	LANGUAGE sql
RETURN CASE WHEN length(list) <= width THEN list
	ELSE E'\n    ' || replace(list, ', ', E',\n    ') END;

/* Which of the four grants an access-control list holds. */
CREATE FUNCTION pg_temp.granted(acl aclitem[]) RETURNS text
	LANGUAGE sql
RETURN (SELECT coalesce(' Granted by `' ||
		string_agg('grant_' || replace(a.grantee::regrole::text,
									   'commission_doc_', '') || '`',
				   ', `' ORDER BY a.grantee::regrole::text) || '.',
		' Granted to nobody.')
	FROM aclexplode(acl) AS a
	WHERE a.grantee::regrole::text LIKE 'commission\_doc\_%');

CREATE VIEW pg_temp.routine AS
SELECT p.oid, p.proname::text COLLATE "C" AS name, p.prokind = 'p' AS is_procedure,
	pg_temp.short(pg_get_function_arguments(p.oid)) AS arguments,
	pg_temp.short(pg_get_function_result(p.oid)) AS result,
	obj_description(p.oid, 'pg_proc') AS comment,
	pg_temp.granted(p.proacl) AS granted
FROM pg_proc AS p
WHERE p.pronamespace = 'commission'::regnamespace;

\qecho '# Reference'
\qecho
\qecho '<!-- Written by "make doc" from the comments of the objects.  Do not edit. -->'
\qecho
\qecho 'Everything is in schema `commission`. Each object has a comment that says what is'
\qecho 'said here (`\\df+`, `\\d+`). Amounts are credits, `bigint`; 1 credit is $0.01. Rules such'
\qecho 'as R12 are those of [rules.md](rules.md). Accounts, listings, generations and orders'
\qecho 'are named by the application''s own identifiers, as text. Unless a comment says'
\qecho 'otherwise, a NULL argument gives NULL in the arithmetic functions and raises `22004`'
\qecho 'elsewhere, and a name that is empty or longer than 1024 bytes raises `22023`.'
\qecho
\qecho '[Functions](#functions) · [Views](#views) · [Portal](#portal) · [Tables](#tables) · [Types](#types) ·'
\qecho '[Settings](#settings) · [Errors](#errors)'
\qecho
\qecho '## Functions'

SELECT format(E'\n### %s\n', name) ||
	string_agg(format(E'\n```text\n%s%s(%s)%s\n```\n\n%s%s',
		CASE WHEN is_procedure THEN 'CALL ' END, name,
		pg_temp.fold(arguments, 72 - length(name)),
		' → ' || regexp_replace(result, '^(TABLE)\((.*)\)$', '\1 (\2)'),
		pg_temp.sentence(comment), granted), E'\n' ORDER BY arguments COLLATE "C")
FROM pg_temp.routine
GROUP BY name
ORDER BY name;

\qecho
\qecho '## Views'
\qecho
\qecho 'A view shows all accounts: the application asks for one of them, by `WHERE account = …`,'
\qecho 'and decides who may see what. [Reading fast](reading.md) says how to read a page of a list.'

SELECT format(E'\n### %s\n\n%s%s\n\n```text', c.relname,
		pg_temp.sentence(obj_description(c.oid, 'pg_class')),
		pg_temp.granted(c.relacl)) ||
	string_agg(E'\n' || rtrim(rpad(a.attname, 27) || pg_temp.short(
			format_type(a.atttypid, a.atttypmod))) ||
		coalesce('  -- ' || col_description(c.oid, a.attnum), ''),
		'' ORDER BY a.attnum) || E'\n```'
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'commission'::regnamespace AND c.relkind = 'v'
	AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY c.oid, c.relname, c.relacl
ORDER BY c.relname COLLATE "C";

\qecho
\qecho '## Portal'
\qecho
\qecho 'What schema `commission_portal` shows of one account, to roles with `grant_affiliate()`'
\qecho 'or `grant_portal()`: [the portal, in SQL](portal.md).'
\qecho
\qecho '| view or function | what it shows |'
\qecho '|---|---|'

SELECT format('| `%s` | %s |', o.name, o.comment)
FROM (
	SELECT c.relname::text, obj_description(c.oid, 'pg_class')
	FROM pg_class AS c
	WHERE c.relnamespace = 'commission_portal'::regnamespace
	UNION ALL
	SELECT format('%s(%s)', p.proname, pg_temp.short(pg_get_function_arguments(p.oid))),
		obj_description(p.oid, 'pg_proc')
	FROM pg_proc AS p
	WHERE p.pronamespace = 'commission_portal'::regnamespace) AS o (name, comment)
ORDER BY o.name COLLATE "C";

\qecho
\qecho '## Tables'
\qecho
\qecho 'What the views are made of. Applications have no need of them, and no grant reaches'
\qecho 'them. Columns are commented on (`\\d+ commission.entry`).'
\qecho
\qecho '| table | a row is, or holds |'
\qecho '|---|---|'

SELECT format('| `%s` | %s |', c.relname, obj_description(c.oid, 'pg_class'))
FROM pg_class AS c
WHERE c.relnamespace = 'commission'::regnamespace AND c.relkind IN ('r', 'p')
ORDER BY c.relname COLLATE "C";

\qecho
\qecho '## Types'
\qecho
\qecho '| type | values | what it is |'
\qecho '|---|---|---|'

SELECT format('| `%s` | %s | %s |', t.typname,
	(SELECT string_agg(format('`%s`', e.enumlabel), ', ' ORDER BY e.enumsortorder)
	 FROM pg_enum AS e WHERE e.enumtypid = t.oid),
	obj_description(t.oid, 'pg_type'))
FROM pg_type AS t
WHERE t.typnamespace = 'commission'::regnamespace AND t.typtype = 'e'
ORDER BY t.typname COLLATE "C";

\qecho
\qecho '## Settings'
\qecho
\qecho '[Settings](settings.md) says what they do and where to set them. An empty range is'
\qecho 'that of a text: a ratio has at most six fractional digits, a secret at least 32 bytes.'
\qecho
\qecho '| setting | default | range | what it is |'
\qecho '|---|---|---|---|'

SELECT format('| `%s` | %s | %s | %s |', s.name,
	coalesce(nullif(s.boot_val, ''), 'empty'),
	CASE s.vartype WHEN 'bool' THEN 'on, off'
		ELSE s.min_val || ' to ' || s.max_val END,
	s.short_desc)
FROM pg_settings AS s
WHERE s.name LIKE 'commission.%'
ORDER BY s.name COLLATE "C";

\qecho
\qecho '## Errors'
\qecho
\qecho 'Every refusal has one of these SQLSTATEs. An internal error (`XX000`) is a bug.'
\qecho
\qecho '| SQLSTATE | condition | raised where | functions that document it |'
\qecho '|---|---|---|---|'

SELECT format('| `%s` | `%s` | %s | %s |', e.sqlstate, e.condition, e.meaning,
	coalesce((SELECT string_agg(DISTINCT r.name, ', ' ORDER BY r.name)
			  FROM pg_temp.routine AS r
			  WHERE r.comment ~ ('\m' || e.sqlstate || '\M')), ''))
FROM (VALUES
	('2200H', 'sequence_generator_limit_exceeded', 'this node has drawn its last event id'),
	('22003', 'numeric_value_out_of_range', 'an amount leaves the range of `bigint`, or of what one sale may carry (R1)'),
	('22004', 'null_value_not_allowed', 'an argument or a mapped column that must have a value is NULL'),
	('22008', 'datetime_field_overflow', 'a time is infinite'),
	('22023', 'invalid_parameter_value', 'an argument or a setting has a value that is not allowed'),
	('22P02', 'invalid_text_representation', 'a text is not a label of an enum'),
	('25000', 'invalid_transaction_state', 'a transaction of REPEATABLE READ or SERIALIZABLE cannot see what has settled, or which terms were just announced'),
	('23503', 'foreign_key_violation', 'a listing, price, generation, order, withdrawal or account does not exist'),
	('23505', 'unique_violation', 'an identifier is recorded with other content (R17)'),
	('23514', 'check_violation', 'an account would earn from itself (R13)'),
	('25001', 'active_sql_transaction', 'a procedure that commits is called in a transaction block'),
	('39P01', 'trigger_protocol_violated', 'a trigger function of the extension is used by other means than `attach()`'),
	('3F000', 'undefined_schema', 'the extension was dropped in this database'),
	('40001', 'serialization_failure', 'another transaction came first, under REPEATABLE READ or above: try again'),
	('40P01', 'deadlock_detected', 'a backfill and a sale waited for one another, and the sale goes on: call it again'),
	('42501', 'insufficient_privilege', 'the role has not been granted the function or the setting'),
	('42P01', 'undefined_table', 'a table to be attached does not exist'),
	('42703', 'undefined_column', 'a column to be mapped does not exist'),
	('42704', 'undefined_object', 'a table that is not attached, or a role that does not exist'),
	('42710', 'duplicate_object', 'a table is already attached'),
	('42804', 'datatype_mismatch', 'a column cannot carry the value that it is mapped to'),
	('42809', 'wrong_object_type', 'a relation that cannot be attached or detached'),
	('42883', 'undefined_function', 'the type of an argument is not the declared one: see [drivers](in-your-application.md#drivers)'),
	('55000', 'object_not_in_prerequisite_state', 'a change of the ledger, a transition that is not allowed, or a secret that is not set')
	) AS e (sqlstate, condition, meaning)
ORDER BY e.sqlstate COLLATE "C";

ROLLBACK;

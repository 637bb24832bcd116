/*
 * catalogue.sql
 *		Accounts, listings, model prices and referrals, and every wrong input.
 */
SET timezone = 'UTC';
\pset null '(null)'

/*
 * What a statement ends with: its error, with what is there of detail and
 * hint, or "fine".
 */
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN format('%s: %s%s', SQLSTATE, SQLERRM,
				  CASE WHEN detail <> '' THEN ' / ' || detail END);
END $$;

-- accounts: an upsert; NULL leaves the label as it is
SELECT commission.register_account('ana');
SELECT commission.register_account('ana', 'ana@example.com');
SELECT commission.register_account('ana');
SELECT commission.register_account('42', 'number');
SELECT commission.register_account('0D9A1C34-FFFF-4AAA-8BBB-0123456789AB', 'uuid');
SELECT name, label, closed_at IS NOT NULL AS closed
FROM commission.account ORDER BY name;
SELECT commission.register_account('ana', 'Ana');
SELECT commission.close_account('ana');
SELECT commission.register_account('ana', 'Ana again');
SELECT closed_at AS closed FROM commission.account WHERE name = 'ana' \gset
SELECT commission.close_account('ana');
SELECT closed_at = :'closed' AS since_then FROM commission.account WHERE name = 'ana';
SELECT commission.close_account('unheard of');
SELECT name, label, closed_at IS NOT NULL AS closed
FROM commission.account WHERE name IN ('ana', 'unheard of') ORDER BY name;
SELECT commission.reopen_account('ana');
SELECT commission.reopen_account('ana');
SELECT name, label, closed_at IS NOT NULL AS closed
FROM commission.account WHERE name = 'ana';

SELECT statement, outcome(format(statement, repeat('x', 1025))) AS outcome
FROM (VALUES
	('SELECT commission.register_account(NULL)'),
	('SELECT commission.register_account('''')'),
	('SELECT commission.register_account(''%s'')'),
	('SELECT commission.register_account(NULL, ''label'')'),
	('SELECT commission.register_account(''long'', ''%s'')'),
	('SELECT commission.close_account(NULL)'),
	('SELECT commission.close_account('''')'),
	('SELECT commission.reopen_account(NULL)'),
	('SELECT commission.reopen_account(''%s'')')) AS v (statement);

-- a label has at most 1024 bytes, however many characters, and so has a title
SELECT outcome(statement) FROM (VALUES
	($$SELECT commission.register_account('long', repeat('é', 512))$$),
	($$SELECT commission.register_account('long', repeat('é', 512) || 'x')$$),
	($$SELECT commission.register_listing('titled', 'long', 'avatar', 100, repeat('x', 1024))$$),
	($$SELECT commission.register_listing('titled', 'long', 'avatar', 100, repeat('x', 1025))$$))
	AS v (statement);
SELECT count(*), max(octet_length(label)) FROM commission.account WHERE name = 'long';

-- listings: a version for each change, none where nothing changes
SELECT commission.register_listing('rooftop', 'ana', 'avatar', 100, 'Rooftop');
SELECT commission.register_listing('rooftop', 'ana', 'avatar', 100, 'Rooftop');
SELECT commission.register_listing('rooftop', 'ana', 'avatar', 100);
SELECT commission.register_listing('rooftop', 'ana', 'avatar', 100,
								   co_authors => '{}');
SELECT commission.register_listing('rooftop', 'ana', 'avatar', 100,
								   co_authors => '{"bo": 30, "42": 20.0}');
SELECT commission.register_listing('rooftop', 'ana', 'avatar', 100,
								   co_authors => '{"42": 20, "bo": 30}');
SELECT commission.register_listing('rooftop', 'ana', 'avatar', 100, 'Roof');
SELECT commission.register_listing('rooftop', 'cy', 'avatar', 90);
SELECT l.name, o.name AS owner, l.kind, l.pool, l.title,
	ARRAY(SELECT a.name FROM unnest(l.co_author_ids) WITH ORDINALITY AS c (id, n)
		  JOIN commission.account AS a ON a.account_id = c.id ORDER BY c.n)
		AS co_authors, l.co_author_shares
FROM commission.listing AS l
JOIN commission.account AS o ON o.account_id = l.owner_id
WHERE l.name = 'rooftop'
ORDER BY l.version;

-- the order of co-authors, which decides ties, is that of the names as they are
-- kept, however they are spelt and written down; of a key that is written
-- twice jsonb keeps the last
SELECT commission.register_listing('ties', 'ana', 'avatar', 103, co_authors => co_authors::jsonb)
FROM (VALUES
	('{"cy": 1, "bo": 1, "9D9A1C34-FFFF-4AAA-8BBB-0123456789AB": 1, "0d9a1c34-ffff-4aaa-8bbb-0123456789ab": 1}'),
	('{"0D9A1C34-FFFF-4AAA-8BBB-0123456789AB": 7, "9d9a1c34-ffff-4aaa-8bbb-0123456789ab": 1, "bo": 1, "cy": 1, "0D9A1C34-FFFF-4AAA-8BBB-0123456789AB": 1}'))
	AS v (co_authors);
SELECT l.version = max(l.version) OVER () AS in_force,
	ARRAY(SELECT a.name FROM unnest(l.co_author_ids) WITH ORDINALITY AS c (id, n)
		  JOIN commission.account AS a ON a.account_id = c.id ORDER BY c.n)
		AS co_authors
FROM commission.listing AS l WHERE l.name = 'ties';

-- the owner may be left with nothing; five co-authors are not too many
SELECT outcome($$SELECT commission.register_listing('all given', 'ana', 'reference', 83,
	co_authors => '{"a": 1, "b": 2, "c": 3, "d": 4, "e": 73}')$$);

SELECT arguments, outcome('SELECT commission.register_listing('
						  || format(arguments, repeat('x', 1025)) || ')')
	AS outcome
FROM (VALUES
	($$'l', 'ana', 'avatar', 82$$),
	($$'l', 'ana', 'avatar', 0$$),
	($$'l', 'ana', 'avatar', -100$$),
	($$'l', 'ana', 'avatar', NULL$$),
	($$NULL, 'ana', 'avatar', 100$$),
	($$'', 'ana', 'avatar', 100$$),
	($$'%s', 'ana', 'avatar', 100$$),
	($$'l', NULL, 'avatar', 100$$),
	($$'l', '', 'avatar', 100$$),
	($$'l', 'ana', NULL, 100$$),
	($$'l', 'ana', 'photo', 100$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": 0}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": -1}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": 1.5}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": "30"}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": null}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": [1]}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": {"b": 1}}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": 1e30}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": 9223372036854775807, "b": 1}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": 101}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": 50, "b": 51}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": 50, "b": 50}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"a": 1, "ana": 1}'$$),
	($$'l', '0D9A1C34-FFFF-4AAA-8BBB-0123456789AB', 'avatar', 100, co_authors => '{"0d9a1c34-ffff-4aaa-8bbb-0123456789ab": 1}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"0D9A1C34-FFFF-4AAA-8BBB-0123456789AB": 1, "0d9a1c34-ffff-4aaa-8bbb-0123456789ab": 1}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '{"": 1}'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '[{"a": 1}]'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => '"a"'$$),
	($$'l', 'ana', 'avatar', 100, co_authors => 'null'$$)) AS v (arguments);

-- the minimum is the setting's
SET commission.minimum_pool = 5;
SELECT outcome($$SELECT commission.register_listing('small', 'ana', 'avatar', 5)$$);
RESET commission.minimum_pool;

-- model prices: an upsert; no resolution is one of its own
SELECT commission.set_model_price('banana', '2K', 20, 10);
SELECT commission.set_model_price('banana', '2K', 25, 11);
SELECT commission.set_model_price('banana', NULL, 15, 0);
SELECT commission.set_model_price('banana', '', 0, 7);
SELECT model, resolution, model_price, api_cost
FROM commission.model_price ORDER BY model, resolution;

SELECT arguments, outcome('SELECT commission.set_model_price('
						  || format(arguments, repeat('x', 1025)) || ')')
	AS outcome
FROM (VALUES
	($$NULL, '2K', 20, 10$$),
	($$'', '2K', 20, 10$$),
	($$'%s', '2K', 20, 10$$),
	($$'banana', '%s', 20, 10$$),
	($$'banana', '2K', NULL, 10$$),
	($$'banana', '2K', 20, NULL$$),
	($$'banana', '2K', -1, 10$$),
	($$'banana', '2K', 20, -1$$)) AS v (arguments);

-- referrals: set once for each role (R29)
SELECT commission.refer('studio', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('studio', 'ana', 'brand', '2026-02-01');
SELECT commission.refer('studio', 'bo', 'brand');
SELECT commission.refer('studio', 'bo', 'creator', '2026-02-01');
SELECT a.name AS account, r.name AS referrer, role, attributed_at
FROM commission.referral
JOIN commission.account AS a USING (account_id)
JOIN commission.account AS r ON r.account_id = referrer_id
ORDER BY role;

SELECT arguments, outcome('SELECT commission.refer('
						  || format(arguments, repeat('x', 1025)) || ')')
	AS outcome
FROM (VALUES
	($$'x', 'x', 'brand'$$),
	($$'x', 'x', 'creator'$$),
	($$'0D9A1C34-FFFF-4AAA-8BBB-0123456789AB', '0d9a1c34-ffff-4aaa-8bbb-0123456789ab', 'brand'$$),
	($$NULL, 'ana', 'brand'$$),
	($$'x', NULL, 'brand'$$),
	($$'x', 'ana', NULL$$),
	($$'', 'ana', 'brand'$$),
	($$'x', '', 'brand'$$),
	($$'%s', 'ana', 'brand'$$),
	($$'x', 'ana', 'customer'$$),
	($$'x', 'ana', 'brand', 'infinity'$$),
	($$'x', 'ana', 'brand', '-infinity'$$)) AS v (arguments);
-- and so for who writes the row himself
INSERT INTO commission.referral (account_id, referrer_id, attributed_at, role)
SELECT commission.account_id('x'), commission.account_id('x'), '2026-01-01', 'brand';

-- what was refused left nothing behind
SELECT name FROM commission.account ORDER BY name;
SELECT DISTINCT name FROM commission.listing ORDER BY name;

DROP FUNCTION outcome;
\pset null ''

/*
 * guards.sql
 *		What was written is never changed or removed (R18), by nobody, and its
 *		numbers are this machine's.
 */
SET timezone = 'UTC';

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT commission.record_generation('1', 'brand', 'avatar', model_price => 20, api_cost => 10) IS NOT NULL;
SELECT commission.reverse_generation('1', 70) IS NOT NULL;
CREATE TABLE before AS SELECT * FROM commission.entry;

\set SHOW_CONTEXT never
-- every table of facts, every way, as superuser; where no row would be hit, too
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	RETURN format('%s: %s', SQLSTATE, SQLERRM);
END $$;
CREATE TABLE fact (name text, key text);
INSERT INTO fact VALUES ('entry', 'event_id'), ('generation', 'event_id'), ('listing', 'version'), ('reversal', 'event_id');
CREATE TABLE way (n int, statement text);
INSERT INTO way VALUES
	(1, 'UPDATE commission.%1$s SET %2$s = %2$s'),
	(2, 'UPDATE commission.%1$s SET %2$s = 1 WHERE false'),
	(3, 'DELETE FROM commission.%1$s'),
	(4, 'DELETE FROM ONLY commission.%1$s WHERE %2$s IS NULL'),
	(5, 'TRUNCATE commission.%1$s'),
	(6, 'TRUNCATE commission.%1$s, before CASCADE'),
	(7, 'MERGE INTO commission.%1$s USING before AS b ON %1$s.%2$s = b.event_id WHEN MATCHED THEN DELETE'),
	(8, 'MERGE INTO commission.%1$s USING before AS b ON %1$s.%2$s = b.event_id WHEN MATCHED THEN UPDATE SET %2$s = 0'),
	(9, 'WITH gone AS (DELETE FROM commission.%1$s RETURNING *) SELECT * FROM gone'),
	(10, 'INSERT INTO commission.%1$s SELECT (t).* FROM commission.%1$s AS t LIMIT 1 ON CONFLICT DO NOTHING');
SELECT format(statement, name, key) AS statement, outcome(format(statement, name, key))
FROM fact, way ORDER BY name, n;
INSERT INTO commission.entry SELECT * FROM commission.entry
ON CONFLICT (event_id, line) DO UPDATE SET amount = excluded.amount + 1;
-- ... as a replica, where other triggers do not fire
SET session_replication_role = replica;
SELECT name, count(*) AS refused FROM fact, way
WHERE outcome(format(statement, name, key)) LIKE '55000:%' GROUP BY name ORDER BY name;
RESET session_replication_role;
-- ... row by row as well, as logical replication applies changes: a table with less
SELECT tgrelid::regclass AS "table" FROM pg_trigger
WHERE tgfoid = 'commission_internal.refuse_change'::regproc GROUP BY tgrelid
HAVING count(*) FILTER (WHERE tgtype & 1 = 0) <> 1 OR count(*) FILTER (WHERE tgtype & 1 = 1) <> 1
	OR bool_or(tgenabled <> 'A');
-- ... and the tables that are not guarded: each says how something is now
SELECT c.oid::regclass AS unguarded FROM pg_class AS c
WHERE c.relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND c.relkind = 'r'
	AND NOT EXISTS (SELECT FROM pg_trigger AS t
		WHERE t.tgrelid = c.oid AND t.tgfoid = 'commission_internal.refuse_change'::regproc)
ORDER BY c.relname;
-- what says so
UPDATE commission.entry SET amount = 0;
SELECT commission_internal.refuse_change();
\set SHOW_CONTEXT errors
SELECT count(*) AS changed FROM (
	(TABLE before EXCEPT TABLE commission.entry) UNION (TABLE commission.entry EXCEPT TABLE before)) AS difference;

-- an amount has the sign that its kind allows, and is not nothing
CREATE FUNCTION entry(kind text, counts_as text, amount bigint) RETURNS text LANGUAGE sql AS $$
	SELECT outcome(format('INSERT INTO commission.entry VALUES (1000, %s, %L, %L, %L, %L, %L, %L, NULL, 1)',
		amount, '2026-01-01', commission.account_id('ana'), commission.account_id('x'), commission.account_id('y'),
		kind, counts_as))
$$;
BEGIN;
SELECT kind, counts_as, amount, left(entry(kind, counts_as, amount), 5) AS outcome
FROM (VALUES ('brand', 'brand', 0), ('brand', 'brand', -1), ('creator', 'creator', -1), ('pool', 'pool', 0),
	('pool', 'pool', -1), ('first_order', 'first_order', -1), ('reversal', 'brand', 0), ('withdrawal', 'withdrawal', 1),
	('withdrawal', 'withdrawal', 0), ('withdrawal_return', 'withdrawal', -1),
	('brand', 'creator', 1), ('brand', 'pool', 1), ('pool', 'brand', 1), ('reversal', 'reversal', -1),
	('reversal', 'withdrawal', -1), ('withdrawal', 'brand', -1), ('withdrawal_return', 'withdrawal_return', 1),
	('reversal', 'withdrawal_return', -1))
	AS v (kind, counts_as, amount);
ROLLBACK;
-- commission is from somebody
INSERT INTO commission.entry VALUES
	(1000, 1, '2026-01-01', commission.account_id('ana'), NULL, NULL, 'brand', 'brand', 300000, 1);
INSERT INTO commission.entry VALUES
	(1000, 1, '2026-01-01', commission.account_id('ana'), commission.account_id('x'), NULL, 'creator', 'creator', 200000, 1);
-- one line of an event is there once
\set VERBOSITY sqlstate
INSERT INTO commission.entry SELECT * FROM commission.entry LIMIT 1;
\set VERBOSITY default

-- event ids: the machine's number stands above the sequence (ledgers of several are read as one)
SET commission.node_id = 3;
SELECT id >> 48 AS node, (id & ((1::bigint << 48) - 1)) = last_value AS of_the_sequence
FROM commission.record_generation('2', 'brand', 'avatar', model_price => 20, api_cost => 10) AS id,
	LATERAL (SELECT last_value FROM commission.event_id_seq WHERE id > 0) AS s;
SELECT commission.reverse_generation('2', 1) >> 48 AS node;
-- ... whoever draws one holds the ledger's lock, for which rollup() waits; a transaction that only reads draws none
BEGIN;
SELECT FROM commission_internal.draw_event_id();
SELECT mode FROM pg_locks WHERE relation = 'commission.entry'::regclass AND pid = pg_backend_pid();
COMMIT;
START TRANSACTION READ ONLY;
SELECT commission.record_generation('read only', 'brand', 'avatar', model_price => 20, api_cost => 10);
COMMIT;
-- ... and that of an earlier one is found
SELECT commission.record_generation('1', 'brand', 'avatar', model_price => 20, api_cost => 10) >> 48 AS node;
SET commission.node_id = 32767;
SELECT commission.record_generation('3', 'brand', 'avatar', model_price => 20, api_cost => 10) >> 48 AS node;
RESET commission.node_id;
SELECT commission.record_generation('4', 'brand', 'avatar', model_price => 20, api_cost => 10) >> 48 AS node;
SELECT source, event_id >> 48 AS node, line, kind, amount FROM commission.ledger ORDER BY event_id, line;
-- ... the sums of the last node are kept and checked as any other's
SET commission.node_id = 32767;
CALL commission.rollup();
SELECT node_id, event_ids <@ commission_internal.node_event_ids(node_id) AS its_own FROM commission.rolled;
SELECT * FROM commission.audit();
RESET commission.node_id;
SELECT node, lower(ids) >> 48 AS first, (upper(ids) - 1) >> 48 AS last
FROM unnest('{0,1,32766,32767}'::int[]) AS n (node), commission_internal.node_event_ids(node) AS ids;
-- ... a listing's version of a lower node would not come into force
SET commission.node_id = 3;
SELECT commission.register_listing('avatar', 'seller', 'avatar', 200);
RESET commission.node_id;
\set SHOW_CONTEXT never
SELECT commission.register_listing('avatar', 'seller', 'avatar', 300);
\set SHOW_CONTEXT errors
SET commission.node_id = 4;
SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
RESET commission.node_id;
-- ... the sequence ends before it would run into the machine's number
SELECT setval('commission.event_id_seq', 281474976710653);
SELECT commission.record_generation('5', 'brand', 'avatar', model_price => 20, api_cost => 10) AS last_id;
SELECT commission.record_generation('6', 'brand', 'avatar', model_price => 20, api_cost => 10);

SELECT * FROM commission.audit();

-- one account's sum, however large, stops neither rollup() nor audit(), which names it (R1)
BEGIN;
INSERT INTO commission.entry
SELECT 1000, 9e18, '2026-01-01', commission.account_id('ana'), commission.account_id('brand'), NULL,
	'first_order', 'first_order', 150000, i
FROM generate_series(1, 2) AS i;
SELECT problem, detail FROM commission.audit() WHERE problem LIKE 'sum %' ORDER BY detail;
SELECT setval('commission.event_id_seq', 1000);
CALL commission.rollup();
INSERT INTO commission.entry
SELECT 1001, 9e18, '2026-01-01', commission.account_id('ana'), commission.account_id('brand'), NULL,
	'first_order', 'first_order', 150000, i
FROM generate_series(1, 3) AS i;
SELECT setval('commission.event_id_seq', 1001);
CALL commission.rollup();
SELECT counts_as, amount, entries FROM commission.rolled_kind
WHERE account_id = commission.account_id('ana') AND node_id = 0 ORDER BY counts_as;
SELECT problem, detail FROM commission.audit() WHERE problem ~ 'sum ' ORDER BY detail;
-- ... nor any view; which ones it does stop:
SELECT oid::regclass FROM pg_class
WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind = 'v'
	AND outcome(format('SELECT count(v::text) FROM %s AS v', oid::regclass)) <> 'fine';
SELECT balance.balance FROM commission.balance WHERE account IN ('ana', 'seller') ORDER BY account;
SELECT count(*) > 0 AS stated FROM commission.statement('ana', NULL, NULL);
ROLLBACK;
DROP TABLE before, fact, way;
DROP FUNCTION outcome, entry;

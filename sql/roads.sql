/*
 * roads.sql
 *		By whatever road a row lands in an attached table, it accrues exactly
 *		once.  The end of each is the same: every paid row has one event, and
 *		no event is without a row.
 *
 * What takes several sessions is in test/isolation and test/t.
 */
SET timezone = 'UTC';

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('seller', 'bo', 'creator', '2026-01-01');

CREATE TABLE sale (id text PRIMARY KEY, buyer text DEFAULT 'brand', avatar text DEFAULT 'avatar',
	price int DEFAULT 20, cost int DEFAULT 10, paid boolean DEFAULT true);
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price',
						 api_cost => 'cost', paid => 'paid');

/* The rows and events of a road, by the beginning of their names; and what is amiss. */
CREATE FUNCTION road(name text, OUT road text, OUT paid_rows bigint, OUT events bigint,
					 OUT credits numeric, OUT amiss bigint) LANGUAGE sql AS $$
	SELECT road.name,
		(SELECT count(*) FROM sale WHERE id LIKE road.name || ' %' AND paid),
		(SELECT count(*) FROM commission.generation WHERE generation_name LIKE road.name || ' %'),
		(SELECT sum(amount) FROM commission.ledger WHERE source LIKE road.name || ' %'),
		(SELECT count(*) FROM (SELECT id FROM sale WHERE paid) AS s
		 FULL JOIN (SELECT DISTINCT source FROM commission.ledger WHERE kind <> 'reversal') AS l ON source = id
		 WHERE id IS NULL OR source IS NULL)
$$;

-- INSERT: one row, several, those of a query, more than a batch, none
INSERT INTO sale (id) VALUES ('insert 1');
INSERT INTO sale (id) VALUES ('insert 2'), ('insert 3') RETURNING id;
INSERT INTO sale (id) SELECT 'insert ' || n FROM generate_series(4, 10) AS n;
INSERT INTO sale (id) SELECT 'insert ' || n FROM generate_series(11, 10) AS n;
INSERT INTO sale (id) SELECT 'insert ' || n FROM generate_series(11, 3010) AS n;
ANALYZE commission.entry, commission.generation, commission.account, sale;
SELECT * FROM road('insert');

-- COPY
COPY sale (id) FROM STDIN;
copy 1
copy 2
copy 3
\.
COPY sale (id) FROM STDIN;
\.
COPY sale (id, paid) FROM STDIN WHERE paid;
copy 4	true
copy 5	false
\.
SELECT * FROM road('copy');

-- ON CONFLICT: what is not inserted does not accrue; what it updates follows paid
INSERT INTO sale (id, paid) VALUES ('conflict 1', true), ('conflict 2', false);
INSERT INTO sale (id) VALUES ('conflict 1'), ('conflict 3'), ('conflict 3') ON CONFLICT DO NOTHING;
SELECT * FROM road('conflict');
INSERT INTO sale (id) VALUES ('conflict 1'), ('conflict 2'), ('conflict 4')
ON CONFLICT (id) DO UPDATE SET paid = excluded.paid;
SELECT * FROM road('conflict');
INSERT INTO sale (id, price) VALUES ('conflict 1', 21) ON CONFLICT (id) DO UPDATE SET paid = true;
SELECT * FROM road('conflict');

-- MERGE
INSERT INTO sale (id, paid) VALUES ('merge 1', true), ('merge 2', false);
MERGE INTO sale USING (VALUES ('merge 1'), ('merge 2'), ('merge 3'), ('merge 4')) AS v (id) ON sale.id = v.id
WHEN MATCHED AND NOT paid THEN UPDATE SET paid = true
WHEN MATCHED THEN UPDATE SET paid = false
WHEN NOT MATCHED AND v.id = 'merge 4' THEN DO NOTHING
WHEN NOT MATCHED THEN INSERT (id) VALUES (v.id);
SELECT source, sum(amount) FROM commission.ledger WHERE source LIKE 'merge%' GROUP BY source ORDER BY source;
MERGE INTO sale USING (VALUES ('merge 1'), ('merge 2')) AS v (id) ON sale.id = v.id
WHEN MATCHED AND NOT paid THEN UPDATE SET paid = true
WHEN MATCHED THEN DELETE;
INSERT INTO sale (id) VALUES ('merge 2');
SELECT * FROM road('merge');

-- WITH: several statements in one, and one that is not read from
WITH first AS (INSERT INTO sale (id) VALUES ('with 1') RETURNING id),
	second AS (INSERT INTO sale (id) SELECT 'with 2' FROM first RETURNING id),
	paid AS (UPDATE sale SET paid = false WHERE id = 'copy 1'),
	third AS (INSERT INTO sale (id) VALUES ('with 3'), ('with 4'))
INSERT INTO sale (id) SELECT 'with 5' FROM second;
UPDATE sale SET paid = true WHERE id = 'copy 1';
SELECT * FROM road('with');

-- a prepared statement, executed often enough for a generic plan
PREPARE sell(text) AS INSERT INTO sale (id) VALUES ($1);
EXECUTE sell('prepared 1');
EXECUTE sell('prepared 2');
EXECUTE sell('prepared 3');
EXECUTE sell('prepared 4');
EXECUTE sell('prepared 5');
EXECUTE sell('prepared 6');
EXECUTE sell('prepared 7');
DEALLOCATE sell;
SELECT * FROM road('prepared');

-- a view, a rule, functions in SQL and PL/pgSQL
CREATE VIEW sale_view AS SELECT id, price FROM sale;
INSERT INTO sale_view (id) VALUES ('view 1'), ('view 2');
SELECT * FROM road('view');
CREATE TABLE inbox (id text);
CREATE RULE forward AS ON INSERT TO inbox DO INSTEAD INSERT INTO sale (id) VALUES (new.id);
INSERT INTO inbox VALUES ('rule 1'), ('rule 2');
SELECT * FROM road('rule');
CREATE FUNCTION sell(id text) RETURNS text LANGUAGE sql AS
	'INSERT INTO sale (id) VALUES (id) RETURNING id';
SELECT count(sell('function ' || n)) FROM generate_series(1, 5) AS n;
DO $$
BEGIN
	FOR n IN 6..10 LOOP
		BEGIN
			INSERT INTO sale (id) VALUES ('function ' || n);
			IF n % 2 = 0 THEN
				RAISE division_by_zero;
			END IF;
		EXCEPTION WHEN division_by_zero THEN
			NULL;
		END;
	END LOOP;
END $$;
SELECT * FROM road('function');

-- other triggers: one that changes the row, one that skips it, one on another
-- table that inserts here, one here that inserts here, one that reads what this
-- one reads, one at the end of the transaction
CREATE TABLE run (id text);
CREATE FUNCTION triggered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	CASE TG_NAME
		WHEN 'change' THEN
			IF new.id LIKE '% skip' THEN
				RETURN NULL;
			END IF;
			new.id := replace(new.id, 'trigget', 'trigger');
		WHEN 'frames', 'late' THEN
			INSERT INTO sale (id) SELECT format('%s %s %s', new.id, TG_NAME, n) FROM generate_series(1, 2) AS n;
		WHEN 'again' THEN
			IF new.id LIKE 'trigger again 0%' AND length(new.id) < 20 THEN
				INSERT INTO sale (id) VALUES (new.id || '0');
			END IF;
		WHEN 'count', 'zcount' THEN
			PERFORM count(*) FROM commission_rows, commission_rows AS other;
	END CASE;
	RETURN new;
END $$;
CREATE TRIGGER change BEFORE INSERT ON sale FOR EACH ROW EXECUTE FUNCTION triggered();
CREATE TRIGGER again AFTER INSERT ON sale FOR EACH ROW EXECUTE FUNCTION triggered();
CREATE TRIGGER count AFTER INSERT ON sale REFERENCING NEW TABLE AS commission_rows
	FOR EACH STATEMENT EXECUTE FUNCTION triggered();
CREATE TRIGGER zcount AFTER INSERT ON sale REFERENCING NEW TABLE AS commission_rows
	FOR EACH STATEMENT EXECUTE FUNCTION triggered();
CREATE TRIGGER frames AFTER INSERT ON run FOR EACH ROW EXECUTE FUNCTION triggered();
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON run DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION triggered();
INSERT INTO sale (id) VALUES ('trigget 1'), ('trigger skip'), ('trigget 2');
INSERT INTO sale (id) VALUES ('trigger again 0'), ('trigger again 01');
INSERT INTO run VALUES ('trigger run 1'), ('trigger run 2');
SELECT * FROM road('trigger');
DROP TABLE run;
DROP FUNCTION triggered CASCADE;

-- a row that a cascade brings in is an INSERT as well; one that a key moves is not
CREATE TABLE plan (id text PRIMARY KEY);
ALTER TABLE sale ADD plan text REFERENCES plan ON UPDATE CASCADE ON DELETE SET NULL;
INSERT INTO plan VALUES ('pro');
INSERT INTO sale (id, plan) VALUES ('cascade 1', 'pro');
UPDATE plan SET id = 'scale';
DELETE FROM plan;
SELECT * FROM road('cascade');

-- savepoints; a statement that fails; a transaction that is rolled back
BEGIN;
INSERT INTO sale (id) VALUES ('savepoint 1');
SAVEPOINT s;
INSERT INTO sale (id) VALUES ('savepoint 2');
INSERT INTO sale (id) VALUES ('savepoint 1');
ROLLBACK TO s;
INSERT INTO sale (id) VALUES ('savepoint 3');
SAVEPOINT t;
INSERT INTO sale (id) VALUES ('savepoint 4');
RELEASE t;
COMMIT;
BEGIN;
INSERT INTO sale (id) SELECT 'savepoint ' || n FROM generate_series(10, 3010) AS n;
ROLLBACK;
SELECT * FROM road('savepoint');

-- row level security of the table does not hide the rows from the ledger
CREATE ROLE regress_commission_app;
GRANT INSERT, SELECT ON sale TO regress_commission_app;
ALTER TABLE sale ENABLE ROW LEVEL SECURITY;
CREATE POLICY none_seen ON sale FOR SELECT USING (false);
CREATE POLICY inserted ON sale FOR INSERT WITH CHECK (true);
SET ROLE regress_commission_app;
INSERT INTO sale (id) VALUES ('hidden 1'), ('hidden 2');
SELECT count(*) FROM sale;
RESET ROLE;
ALTER TABLE sale DISABLE ROW LEVEL SECURITY;
SELECT * FROM road('hidden');

-- what logical replication applies was accrued where it came from
SET session_replication_role = replica;
INSERT INTO sale (id) VALUES ('replica 1');
UPDATE sale SET paid = false WHERE id = 'insert 1';
RESET session_replication_role;
SELECT * FROM road('replica');
DELETE FROM sale WHERE id = 'replica 1';
UPDATE sale SET paid = true WHERE id = 'insert 1';
SELECT * FROM road('insert');

-- a temporary table and an unlogged one
CREATE UNLOGGED TABLE unlogged_sale (id text, buyer text DEFAULT 'brand', avatar text DEFAULT 'avatar',
									 price int DEFAULT 20, cost int DEFAULT 10);
SELECT commission.attach('unlogged_sale', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost');
INSERT INTO unlogged_sale (id) VALUES ('unlogged 1');
BEGIN;
CREATE TEMP TABLE temp_sale (id text, buyer text DEFAULT 'brand', avatar text DEFAULT 'avatar',
							 price int DEFAULT 20, cost int DEFAULT 10) ON COMMIT DROP;
SELECT commission.attach('temp_sale', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost');
INSERT INTO temp_sale (id) VALUES ('temp 1');
COMMIT;
SELECT source, sum(amount) FROM commission.ledger WHERE source ~ 'unlogged|temp' GROUP BY source ORDER BY source;

SELECT * FROM commission.audit();

DROP TABLE sale, inbox, plan, unlogged_sale CASCADE;
DROP FUNCTION road, sell;
DROP ROLE regress_commission_app;

/*
 * attach.sql
 *		Putting the triggers on the application's table and taking them off:
 *		which columns can carry what, whatever they are called, and what
 *		happens when they change.
 */
SET timezone = 'UTC';

SELECT commission.register_listing('5', '6', 'avatar', 100);
SELECT commission.refer('7', 'ana', 'brand', '2026-01-01');

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

-- each argument with a column of each type: fits or does not
CREATE DOMAIN credits AS integer CHECK (VALUE >= 0);
CREATE DOMAIN price AS credits;
CREATE TYPE mood AS ENUM ('well');
CREATE TABLE typed ("uuid" uuid, "smallint" smallint, "integer" integer, "bigint" bigint,
	"text" text, "varchar(9)" varchar(9), "char(9)" char(9), "name" name, "numeric(9,2)" numeric(9,2),
	"real" real, "double precision" double precision, "money" money, "boolean" boolean,
	"timestamp" timestamp, "timestamptz" timestamptz, "date" date, "jsonb" jsonb, "bytea" bytea,
	"text[]" text[], "enum" mood, "domain of a domain of integer" price);
CREATE FUNCTION fits(argument text, type text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	state text;
BEGIN
	EXECUTE format('SELECT commission.attach(''typed'', %s)', (
		SELECT string_agg(format('%I => %L', a, c), ', ')
		FROM (SELECT argument, type UNION
			  SELECT v, 'text' FROM (VALUES ('generation'), ('buyer')) AS r (v) WHERE v <> argument)
			AS m (a, c)));
	PERFORM commission.detach('typed');
	RETURN true;
EXCEPTION WHEN datatype_mismatch THEN
	RETURN false;
END $$;
SELECT argument, string_agg(attname, ', ' ORDER BY attnum) AS fits
FROM unnest('{generation,buyer,avatar,reference,run,images,model,resolution,model_price,api_cost,
	avatar_pool,avatar_surcharge,reference_pool,reference_surcharge,bundle_frame,paid,occurred_at}'::text[])
	WITH ORDINALITY AS a (argument, n),
	pg_attribute
WHERE attrelid = 'typed'::regclass AND attnum > 0 AND fits(argument, attname)
GROUP BY n, argument ORDER BY n;
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'typed'::regclass;

-- what attach and detach refuse
CREATE VIEW a_view AS SELECT * FROM typed;
CREATE MATERIALIZED VIEW a_matview AS SELECT * FROM typed;
CREATE SEQUENCE a_sequence;
CREATE INDEX an_index ON typed ("text");
CREATE TABLE parted (id text, buyer text, ctid2 tid) PARTITION BY LIST (id);
CREATE TABLE a_partition PARTITION OF parted DEFAULT;
SELECT statement, outcome(format('SELECT commission.%s', statement)) AS outcome
FROM (VALUES
	($$attach(NULL, 'text', 'text')$$),
	($$attach('typed', NULL, 'text')$$),
	($$attach('typed', 'text', NULL)$$),
	($$attach('typed', 'missing', 'text')$$),
	($$attach('typed', 'text', 'missing')$$),
	($$attach('typed', 'text', 'text', paid => 'missing')$$),
	($$attach('typed', 'text', 'text', paid => 'text')$$),
	($$attach('typed', 'TEXT', 'text')$$),
	($$attach('typed', '', 'text')$$),
	($$attach('typed', 'ctid', 'text')$$),
	($$attach('unheard_of', 'text', 'text')$$),
	($$attach('a_view', 'text', 'text')$$),
	($$attach('a_matview', 'text', 'text')$$),
	($$attach('a_sequence', 'text', 'text')$$),
	($$attach('commission.generation', 'generation_id', 'buyer_id')$$),
	($$attach('a_partition', 'id', 'buyer')$$),
	($$detach(NULL)$$),
	($$detach('typed')$$),
	($$detach('a_view')$$),
	($$detach('a_partition')$$)) AS v (statement);
SELECT left(outcome($$SELECT commission.attach('an_index', 'text', 'text')$$), 5);
SELECT commission.attach('typed', 'text', 'text');
SELECT outcome($$SELECT commission.attach('typed', 'text', 'text')$$);
SELECT commission.detach('typed');
SELECT outcome($$SELECT commission.detach('typed')$$);
DROP TABLE typed, parted CASCADE;

-- names that need care, in a schema that is on nobody's path
CREATE SCHEMA "the \ 'app' %s";
CREATE TABLE "the \ 'app' %s"."sales ""of"" \ 'everything'; DROP" (
	"the ""id""" bigint,
	"it's \ the brand" text,
	"ｓｅｌｌｅｒ\000avatar" smallint,
	"a name of sixty-three bytes, the longest that an identifier can" numeric,
	" " int DEFAULT 10,
	"generation" boolean,
	"buyer" timestamp);
SELECT commission.attach(
	'"the \ ''app'' %s"."sales ""of"" \ ''everything''; DROP"',
	'the "id"', 'it''s \ the brand', 'ｓｅｌｌｅｒ\000avatar',
	model_price => 'a name of sixty-three bytes, the longest that an identifier can',
	api_cost => ' ', paid => 'generation', occurred_at => 'buyer');
SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger
WHERE tgrelid = '"the \ ''app'' %s"."sales ""of"" \ ''everything''; DROP"'::regclass
ORDER BY tgname;
INSERT INTO "the \ 'app' %s"."sales ""of"" \ 'everything'; DROP"
VALUES (1, '7', 5, 20, 10, true, '2026-02-01 12:00'), (2, '7', 5, 20, 10, false, '2026-02-01 12:00');
UPDATE "the \ 'app' %s"."sales ""of"" \ 'everything'; DROP" SET "generation" = true;
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET quote_all_identifiers = on;
SELECT commission.detach(format('%I.%I', nspname, relname)::regclass) FROM pg_class
JOIN pg_namespace AS n ON n.oid = relnamespace WHERE relname LIKE 'sales%';
SELECT commission.attach(c.oid, 'the "id"', E'it''s \\ the brand',
	E'ｓｅｌｌｅｒ\\000avatar', model_price => 'a name of sixty-three bytes, the longest that an identifier can', api_cost => ' ')
FROM pg_class AS c WHERE relname LIKE 'sales%';
RESET standard_conforming_strings;
RESET escape_string_warning;
RESET quote_all_identifiers;
INSERT INTO "the \ 'app' %s"."sales ""of"" \ 'everything'; DROP" VALUES (3, '7', 5, 20);
SELECT source, account, kind, amount, CASE WHEN source < '3' THEN occurred_at END AS occurred_at
FROM commission.ledger ORDER BY event_id, line;
DROP SCHEMA "the \ 'app' %s" CASCADE;

-- the session's time zone, where the column has none
CREATE TABLE sale (id uuid, buyer varchar(20), avatar int, price int, cost int, at timestamp, paid boolean);
INSERT INTO sale VALUES ('00000000-0000-4000-8000-000000000000', '7', 5, 20, 10, '2026-02-01');
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost',
						 occurred_at => 'at');
SET timezone = 'America/New_York';
INSERT INTO sale VALUES ('00000000-0000-4000-8000-000000000001', '7', 5, 20, 10, '2026-02-01');
SET timezone = 'UTC';
SELECT DISTINCT source, occurred_at FROM commission.ledger WHERE source LIKE '%-%';

-- columns that are renamed, dropped or altered later: an error that names them
ALTER TABLE sale RENAME price TO list_price;
INSERT INTO sale VALUES ('00000000-0000-4000-8000-000000000002', '7', 5, 20, 10, '2026-02-01');
ALTER TABLE sale RENAME list_price TO price;
ALTER TABLE sale ALTER at TYPE date;
INSERT INTO sale VALUES ('00000000-0000-4000-8000-000000000002', '7', 5, 20, 10, '2026-02-01');
ALTER TABLE sale DROP at;
INSERT INTO sale VALUES ('00000000-0000-4000-8000-000000000002', '7', 5, 20, 10);
SELECT commission.detach('sale');
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost',
						 paid => 'paid');
INSERT INTO sale VALUES ('00000000-0000-4000-8000-000000000002', '7', 5, 20, 10, true);
-- ... a column may stand in another place, or be of another type that fits
ALTER TABLE sale ADD note text, ALTER price TYPE numeric, ALTER id TYPE text;
ALTER TABLE sale DROP buyer, ADD buyer text;
INSERT INTO sale (id, buyer, avatar, price, cost, paid) VALUES
	('00000000-0000-4000-8000-000000000003', '7', 5, 20, 10, true);
-- ... the paid column
ALTER TABLE sale RENAME paid TO settled;
UPDATE sale SET settled = false;
ALTER TABLE sale RENAME settled TO paid;
ALTER TABLE sale DROP paid;
ALTER TABLE sale DROP paid CASCADE;
INSERT INTO sale (id, buyer, avatar, price, cost) VALUES ('00000000-0000-4000-8000-000000000004', '7', 5, 20, 10);
SELECT commission.detach('sale');
INSERT INTO sale (id, buyer, avatar, price, cost) VALUES ('00000000-0000-4000-8000-000000000005', '7', 5, 20, 10);
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'sale'::regclass;
-- ... the table
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost');
ALTER TABLE sale RENAME TO sales;
CREATE SCHEMA regress_commission_elsewhere;
ALTER TABLE sales SET SCHEMA regress_commission_elsewhere;
INSERT INTO regress_commission_elsewhere.sales (id, buyer, avatar, price, cost) VALUES
	('00000000-0000-4000-8000-000000000006', '7', 5, 20, 10);
SELECT source, count(*) FROM commission.ledger WHERE source LIKE '%-%' GROUP BY source ORDER BY source;
SELECT commission.detach('regress_commission_elsewhere.sales');
DROP SCHEMA regress_commission_elsewhere CASCADE;

-- triggers that were made by hand, and wrong
CREATE TABLE sale (id text, buyer text);
CREATE TRIGGER wrong BEFORE INSERT ON sale FOR EACH ROW
	EXECUTE FUNCTION commission_internal.accrue_generation('generation', 'id', 'buyer', 'buyer');
INSERT INTO sale VALUES ('x', 'y');
DROP TRIGGER wrong ON sale;
CREATE TRIGGER wrong AFTER INSERT ON sale FOR EACH STATEMENT
	EXECUTE FUNCTION commission_internal.accrue_generation('generation', 'id', 'buyer', 'buyer');
INSERT INTO sale VALUES ('x', 'y');
DROP TRIGGER wrong ON sale;
CREATE TRIGGER wrong AFTER INSERT OR DELETE ON sale FOR EACH ROW
	EXECUTE FUNCTION commission_internal.accrue_generation('generation', 'id', 'buyer', 'buyer');
INSERT INTO sale VALUES ('x', 'y');
DELETE FROM sale;
DROP TRIGGER wrong ON sale;
CREATE TRIGGER wrong AFTER INSERT ON sale FOR EACH ROW
	EXECUTE FUNCTION commission_internal.accrue_generation('generation', 'id');
INSERT INTO sale VALUES ('x', 'y');
DROP TRIGGER wrong ON sale;
CREATE TRIGGER wrong AFTER INSERT ON sale FOR EACH ROW
	EXECUTE FUNCTION commission_internal.accrue_generation('generation', 'id', 'buyer', 'buyer', 'colour', 'id');
INSERT INTO sale VALUES ('x', 'y');
DROP TRIGGER wrong ON sale;
CREATE TRIGGER wrong AFTER INSERT ON sale FOR EACH ROW
	EXECUTE FUNCTION commission_internal.follow_paid('generation', 'id', 'buyer', 'buyer');
INSERT INTO sale VALUES ('x', 'y');
SELECT commission_internal.accrue_generation();

SELECT * FROM commission.audit();
DROP TABLE sale;
DROP FUNCTION outcome, fits;
DROP DOMAIN price, credits;
DROP TYPE mood;

/*
 * hostile.sql
 *		A hostile role that may create objects tries its roads, and gets
 *		nowhere.  What each grant gives, and a hostile search_path, are in acl;
 *		what needs a session of its own is in test/t/hostile.t.
 *
 * Mallory owns a schema and a table that is attached.  The others have the
 * three grants and may create objects in that schema, too.
 */
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS commission CASCADE;
SET timezone = 'UTC';
\set SHOW_CONTEXT never
CREATE ROLE regress_commission_mallory;
CREATE ROLE regress_commission_reader;
CREATE ROLE regress_commission_writer;
CREATE ROLE regress_commission_operator;
CREATE SCHEMA evil AUTHORIZATION regress_commission_mallory;
GRANT USAGE, CREATE ON SCHEMA evil TO regress_commission_reader, regress_commission_writer,
	regress_commission_operator;

-- a schema of our name that somebody made before is not moved into
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_commission_mallory', current_database()); END $$;
SET ROLE regress_commission_mallory;
CREATE SCHEMA commission;
CREATE TABLE commission.entry (event_id bigint);
RESET ROLE;
CREATE EXTENSION commission;
SET ROLE regress_commission_mallory;
DROP SCHEMA commission CASCADE;
RESET ROLE;
DO $$ BEGIN EXECUTE format('REVOKE CREATE ON DATABASE %I FROM regress_commission_mallory', current_database()); END $$;
CREATE EXTENSION commission;
SELECT commission.grant_reader('regress_commission_reader'), commission.grant_writer('regress_commission_writer'),
	commission.grant_operator('regress_commission_operator');

-- a shop; "secret" is in what nobody but the owner may see as it is
CREATE TABLE sale (id text, buyer text, avatar text DEFAULT 'avatar', price numeric DEFAULT 1000, cost int DEFAULT 10,
	paid boolean DEFAULT true);
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost', paid => 'paid');
SELECT commission.register_account('brand', 'brand.secret@secret.example'),
	commission.register_account('ana', 'ana.secret@secret.example'),
	commission.register_listing('avatar', 'seller', 'avatar', 100, 'Rooftop'),
	commission.refer('brand', 'ana', 'brand', '2020-01-01');
INSERT INTO sale SELECT 'sale ' || n, 'brand' FROM generate_series(1, 40) AS n;
SELECT commission.record_order('order 1', 'brand', 1999) > 0 AS recorded;
SELECT commission.approve_withdrawal(commission.request_withdrawal('ana', 5000, destination => 'batched@secret.example'));
SELECT commission.open_payout_batch() > 0 AS opened;
SELECT commission.request_withdrawal('ana', 5000, destination => 'unbatched@secret.example') > 0 AS requested;
SELECT commission.reverse_generation('sale 7') > 0 AS reversed;
GRANT INSERT, SELECT ON sale TO regress_commission_mallory;

/*
 * 1. What is ours cannot be changed, added to, hung on to or taken away.
 */
CREATE FUNCTION outcome(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE statement;
	RAISE EXCEPTION USING ERRCODE = 'ZZZZZ';
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	RETURN 'fine';
WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SET ROLE regress_commission_mallory;
CREATE FUNCTION evil.trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION evil.same(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE TYPE evil.word AS ENUM ('pool');
RESET ROLE;
CREATE TABLE road (n serial, statement text);
INSERT INTO road (statement) VALUES
	('CREATE TRIGGER t BEFORE INSERT ON commission.entry FOR EACH ROW EXECUTE FUNCTION evil.trigger()'),
	('CREATE TRIGGER t INSTEAD OF INSERT ON commission.earnings FOR EACH ROW EXECUTE FUNCTION evil.trigger()'),
	('CREATE TRIGGER t BEFORE INSERT ON sale FOR EACH ROW EXECUTE FUNCTION evil.trigger()'),
	('DROP TRIGGER commission_accrue ON sale'),
	('ALTER TABLE sale DISABLE TRIGGER commission_accrue'),
	('SELECT commission.detach(''sale'')'),
	('ALTER TABLE commission.entry DISABLE TRIGGER entry_guard'),
	('CREATE RULE r AS ON INSERT TO commission.entry DO INSTEAD NOTHING'),
	('CREATE RULE r AS ON INSERT TO commission.earnings DO INSTEAD NOTHING'),
	('ALTER TABLE commission.entry ENABLE ROW LEVEL SECURITY'),
	('CREATE POLICY p ON commission.account USING (true)'),
	('ALTER TABLE commission.entry DROP CONSTRAINT entry_self_pay_check'),
	('ALTER TABLE commission.entry ADD CHECK (evil.same(amount) > 0) NOT VALID'),
	('ALTER TABLE commission.account ALTER label SET DEFAULT ''mine'''),
	('CREATE INDEX ON commission.entry (evil.same(amount))'),
	('CREATE STATISTICS evil.s ON account_id, kind FROM commission.entry'),
	('CREATE TABLE evil.t () INHERITS (commission.entry)'),
	('CREATE TABLE evil.t (LIKE commission.account INCLUDING ALL)'),
	('CREATE TABLE evil.t (id bigint REFERENCES commission.generation)'),
	('CREATE TABLE evil.t AS TABLE commission.account'),
	('CREATE OR REPLACE VIEW commission.program_terms AS SELECT ''''::text AS term, ''''::text AS value, ''''::text AS description'),
	('ALTER VIEW commission.earnings SET (security_invoker = true)'),
	('CREATE OR REPLACE FUNCTION commission.mask(label text) RETURNS text LANGUAGE sql AS ''SELECT label'''),
	('CREATE FUNCTION commission.mask(label varchar) RETURNS text LANGUAGE sql AS ''SELECT label'''),
	('ALTER FUNCTION commission.audit() RESET search_path'),
	('ALTER FUNCTION commission.surcharge(bigint) SECURITY DEFINER'),
	('DROP FUNCTION commission.audit()'),
	('ALTER TYPE commission.entry_kind ADD VALUE ''bonus'''),
	('CREATE CAST (commission.entry_kind AS text) WITH INOUT AS IMPLICIT'),
	('ALTER SEQUENCE commission.event_id_seq RESTART'),
	('SELECT currval(''commission.event_id_seq'')'),
	('ALTER SCHEMA commission RENAME TO mine'),
	('DROP SCHEMA commission CASCADE'),
	('DROP EXTENSION commission CASCADE'),
	('ALTER EXTENSION commission DROP TABLE commission.entry'),
	('ALTER EXTENSION commission ADD FUNCTION evil.trigger()'),
	('ALTER EXTENSION commission UPDATE'),
	('COMMENT ON EXTENSION commission IS ''mine'''),
	('COMMENT ON COLUMN commission.entry.amount IS ''dollars'''),
	('COMMENT ON FUNCTION commission.audit() IS ''broken'''),
	('GRANT SELECT ON commission.entry TO PUBLIC'),
	('ALTER TABLE commission.entry OWNER TO regress_commission_mallory'),
	('LOCK commission.entry IN ACCESS SHARE MODE'),
	('LOCK commission.rolled IN SHARE UPDATE EXCLUSIVE MODE'),
	('LOCK commission.balance IN ROW EXCLUSIVE MODE'),
	('SELECT * FROM commission.balance FOR UPDATE'),
	('SELECT * FROM sale FOR UPDATE'),
	('REINDEX TABLE commission.entry'),
	('CREATE PUBLICATION p FOR TABLE commission.entry'),
	('CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION evil.trigger()'),
	('SET session_replication_role = replica'),
	('LOAD ''commission'''),
	('CREATE FUNCTION evil.f() RETURNS void LANGUAGE c AS ''$libdir/commission'', ''commission_rollup'''),
	-- our functions as parts of something else
	('CREATE TABLE evil.t (id text); CREATE TRIGGER t BEFORE UPDATE ON evil.t EXECUTE FUNCTION commission_internal.refuse_change()'),
	('CREATE TABLE evil.t (id text); CREATE TRIGGER t AFTER UPDATE ON evil.t FOR EACH ROW EXECUTE FUNCTION commission_internal.follow_withdrawal()'),
	('CREATE AGGREGATE evil.total(bigint, bigint, bigint) (SFUNC = commission.net_margin, STYPE = bigint)'),
	('CREATE FUNCTION evil.f(text) RETURNS text LANGUAGE sql SUPPORT commission_internal.promise_support AS ''SELECT $1'''),
	('SELECT commission_internal.accrue_generation()'),
	('SELECT commission_internal.setting(''cref_secret'')');
SELECT statement, outcome('regress_commission_mallory', statement) AS mallory,
	outcome('regress_commission_reader', statement) AS reader,
	outcome('regress_commission_writer', statement) AS writer,
	outcome('regress_commission_operator', statement) AS operator
FROM road ORDER BY n;

-- nor does COPY know another way
\set VERBOSITY sqlstate
SET ROLE regress_commission_operator;
COPY commission.entry TO STDOUT;
COPY commission.payout_item TO STDOUT;
COPY (SELECT label FROM commission.account) TO STDOUT;
-- and into an attached table it is an INSERT
SET ROLE regress_commission_mallory;
COPY sale (id, buyer) FROM STDIN;
copied	brand
\.
RESET ROLE;
SELECT kind, amount FROM commission.ledger WHERE source = 'copied' ORDER BY line;

-- who has a right has no right to pass it on
SET ROLE regress_commission_reader;
GRANT SELECT ON commission.earnings TO regress_commission_mallory;
GRANT EXECUTE ON FUNCTION commission.audit() TO regress_commission_mallory;
GRANT USAGE ON SCHEMA commission, commission_internal TO regress_commission_mallory;
RESET ROLE;
SELECT has_table_privilege('regress_commission_mallory', 'commission.earnings', 'SELECT'),
	has_function_privilege('regress_commission_mallory', 'commission.audit()', 'EXECUTE'),
	has_schema_privilege('regress_commission_mallory', 'commission', 'USAGE');

-- a view on a table reads with the rights of its owner, who has none; a view
-- on a view that masks needs its reader to have the functions of it
SET ROLE regress_commission_writer;
CREATE VIEW evil.accounts AS SELECT * FROM commission.account;
SELECT * FROM evil.accounts;
SET ROLE regress_commission_reader;
CREATE VIEW evil.recent AS SELECT * FROM commission.recent_commission;
GRANT SELECT ON evil.recent TO regress_commission_mallory;
SELECT count(*) FROM evil.recent;
SET ROLE regress_commission_mallory;
SELECT * FROM evil.recent;
RESET ROLE;

/*
 * 2. What a view masks is masked before anything else sees it.
 *
 * A function that costs next to nothing is called as early as can be, for
 * every row that is not filtered out yet; an operator with an estimator is
 * called by the planner for the most common values.  Both write down what they
 * are given: through a function that is declared to write nothing, or they
 * would not be called so early.
 */
SET ROLE regress_commission_mallory;
CREATE TABLE evil.seen (what text, by text DEFAULT current_user);
GRANT INSERT, SELECT ON evil.seen TO PUBLIC;
CREATE FUNCTION evil.write(text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO evil.seen VALUES ($1);
	RETURN true;
END $$;
CREATE FUNCTION evil.leak(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS
	'BEGIN RETURN evil.write($1); END';
CREATE FUNCTION evil.leak(text, text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS
	'BEGIN RETURN evil.write($1); END';
CREATE OPERATOR evil.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.leak, RESTRICT = eqsel, JOIN = eqjoinsel);
RESET ROLE;
ANALYZE commission.account, commission.withdrawal, commission.generation, commission.listing;
-- every column of every view that a role may read
CREATE FUNCTION look(role text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	command text;
BEGIN
	FOR command IN
		SELECT format('SELECT count(*) FROM %s WHERE %s', c.oid::regclass, predicate)
		FROM pg_class AS c
		JOIN pg_attribute AS a ON a.attrelid = c.oid
		CROSS JOIN LATERAL (VALUES
			(format('evil.leak(%I::text)', attname)),
			(format('%I::text OPERATOR(evil.===) ''x''', attname))) AS p (predicate)
		WHERE c.relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND c.relkind = 'v'
			AND has_table_privilege(role, c.oid, 'SELECT') AND has_schema_privilege(role, c.relnamespace, 'USAGE')
	LOOP
		EXECUTE format('SET LOCAL ROLE %I', role);
		EXECUTE command;
		RESET ROLE;
	END LOOP;
END $$;
SELECT look('regress_commission_reader'), look('regress_commission_operator');
-- the operator has seen where the money of a batch goes, as that view shows; the reader nothing
SELECT DISTINCT by, what FROM evil.seen WHERE what LIKE '%secret%' ORDER BY 1, 2;
SELECT DISTINCT what FROM evil.seen WHERE what LIKE '%@%' AND by = 'regress_commission_reader' ORDER BY 1;
SELECT count(*) > 100 AS called FROM evil.seen;
TRUNCATE evil.seen;
-- statistics are kept from who has no right on the table
SET ROLE regress_commission_reader;
SELECT count(*) FROM pg_stats WHERE schemaname = 'commission';
-- nor does what a function gives, an error, or a plan, have it
SELECT * FROM (
	SELECT t::text FROM commission.audit() AS t
	UNION ALL SELECT t::text FROM commission.explain('sale 1') AS t
	UNION ALL SELECT t::text FROM commission.statement('ana', NULL, NULL) AS t
	UNION ALL SELECT t::text FROM commission.what_if(NULL, NULL, 1, 1, 1) AS t) AS all_of_them (text)
WHERE text LIKE '%secret%';
CREATE FUNCTION evil.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (ANALYZE, VERBOSE, TIMING off, SUMMARY off) ' || query;
END $$;
SELECT plan FROM evil.plan('SELECT * FROM commission.recent_commission ORDER BY event_id DESC') AS plan
WHERE plan LIKE '%secret%';
\set VERBOSITY terse
SELECT DISTINCT buyer::integer FROM commission.recent_commission;
RESET ROLE;

/*
 * 3. The owner of an attached table can say what was sold.  Whatever they have
 * put on the table runs with the rights of who inserts, as on any table, and
 * never with those of the extension.
 */
SET ROLE regress_commission_mallory;
CREATE FUNCTION evil.pure(what text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN RETURN evil.write(what); END';
CREATE FUNCTION evil.pure(value anyelement, what text) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS
	'BEGIN PERFORM evil.write(what); RETURN value; END';
CREATE FUNCTION evil.watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM evil.write(format('%s %s trigger', lower(TG_WHEN), lower(TG_OP)));
	RETURN NEW;
END $$;
CREATE DOMAIN evil.name AS text DEFAULT evil.pure('brand'::text, 'default of a domain') CHECK (evil.pure('domain over text'));
CREATE DOMAIN evil.credits AS numeric CHECK (evil.pure('domain over numeric'));
CREATE DOMAIN evil.flag AS boolean CHECK (evil.pure('domain over boolean'));
CREATE TYPE evil.model AS ENUM ('flux');
CREATE DOMAIN evil.model_name AS evil.model CHECK (evil.pure('domain over an enum'));
CREATE TABLE evil.sale (id text DEFAULT evil.pure('mallory 1'::text, 'default'), buyer evil.name, avatar text DEFAULT 'avatar',
	model evil.model_name DEFAULT 'flux', price evil.credits DEFAULT 1000,
	cost int GENERATED ALWAYS AS (evil.pure(10, 'generated column')) STORED, paid evil.flag DEFAULT true,
	CHECK (evil.pure('constraint')));
CREATE INDEX ON evil.sale (evil.pure(id, 'index'));
CREATE TRIGGER a BEFORE INSERT OR UPDATE ON evil.sale FOR EACH ROW EXECUTE FUNCTION evil.watch();
CREATE TRIGGER b AFTER INSERT OR UPDATE ON evil.sale FOR EACH ROW EXECUTE FUNCTION evil.watch();
CREATE TRIGGER z AFTER INSERT ON evil.sale FOR EACH ROW WHEN (evil.pure('WHEN of a trigger'))
	EXECUTE FUNCTION evil.watch();
CREATE POLICY p ON evil.sale USING (evil.pure('policy')) WITH CHECK (evil.pure('policy'));
ALTER TABLE evil.sale ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
RESET ROLE;
-- casts and operators of our types
GRANT USAGE ON SCHEMA commission, commission_internal TO regress_commission_mallory;
SET ROLE regress_commission_mallory;
CREATE FUNCTION evil.to_word(commission.entry_kind) RETURNS evil.word LANGUAGE plpgsql AS
	'BEGIN PERFORM evil.write(''cast''); RETURN ''pool''; END';
CREATE FUNCTION evil.same(evil.flag, evil.flag) RETURNS boolean LANGUAGE plpgsql AS
	'BEGIN RETURN evil.write(''operator''); END';
CREATE CAST (commission.entry_kind AS evil.word) WITH FUNCTION evil.to_word(commission.entry_kind) AS IMPLICIT;
CREATE OPERATOR evil.= (LEFTARG = evil.flag, RIGHTARG = evil.flag, FUNCTION = evil.same);
RESET ROLE;
TRUNCATE evil.seen;

-- the owner of the extension attaches it, with everything of evil on the path
SET search_path = evil, public;
SELECT commission.attach('evil.sale', 'id', 'buyer', 'avatar', model => 'model', model_price => 'price',
	api_cost => 'cost', paid => 'paid');
SET ROLE regress_commission_mallory;
INSERT INTO evil.sale DEFAULT VALUES;
UPDATE evil.sale SET paid = false;
UPDATE evil.sale SET paid = true;
ALTER TABLE evil.sale RENAME buyer TO other;
ALTER TABLE evil.sale RENAME id TO buyer;
ALTER TABLE evil.sale RENAME other TO id;
INSERT INTO evil.sale (id, buyer) VALUES ('mallory 2', 'brand');
-- and changes names, so that ours is not found
ALTER TRIGGER commission_accrue ON evil.sale RENAME TO harmless;
CREATE TRIGGER commission_accrue AFTER INSERT ON evil.sale FOR EACH ROW EXECUTE FUNCTION evil.watch();
RESET ROLE;
SELECT * FROM commission.audit();
CALL commission.rollup();
SELECT commission.attach('evil.sale', 'id', 'buyer');
SELECT commission.detach('evil.sale');
SELECT tgname, tgfoid::regproc FROM pg_trigger WHERE tgrelid = 'evil.sale'::regclass ORDER BY tgname;
SET ROLE regress_commission_mallory;
INSERT INTO evil.sale (id, buyer) VALUES ('mallory after detach', 'brand');
RESET ROLE;
RESET search_path;
SELECT source, kind, amount, account FROM commission.ledger WHERE source LIKE 'mallory%' ORDER BY event_id, line;
SELECT DISTINCT by, what FROM evil.seen ORDER BY 1, 2;
TRUNCATE evil.seen;

/*
 * 4. Triggers of ours, on a table of one's own, with whatever arguments: that
 * is for writers, and a wrong one says so when it fires.
 */
CREATE TABLE malformed (n serial, command text);
INSERT INTO malformed (command) VALUES
	('AFTER INSERT ON evil.t FOR EACH ROW EXECUTE FUNCTION commission_internal.accrue_generation()'),
	('AFTER INSERT ON evil.t FOR EACH ROW EXECUTE FUNCTION commission_internal.accrue_generation(''generation'')'),
	('AFTER INSERT ON evil.t FOR EACH ROW EXECUTE FUNCTION commission_internal.accrue_generation(''generation'', ''id'', ''buyer'')'),
	('AFTER INSERT ON evil.t FOR EACH ROW EXECUTE FUNCTION commission_internal.accrue_generation(''generation'', ''ctid'', ''buyer'', ''id'')'),
	('AFTER INSERT ON evil.t FOR EACH ROW EXECUTE FUNCTION commission_internal.accrue_generation(''generation'', ''document'', ''buyer'', ''id'')'),
	('AFTER INSERT ON evil.t FOR EACH ROW EXECUTE FUNCTION commission_internal.accrue_generation(''generation'', ''id'', ''buyer'', ''id'', ''kind'', ''id'')'),
	('AFTER INSERT ON evil.t FOR EACH ROW EXECUTE FUNCTION commission_internal.follow_paid(''generation'', ''id'', ''buyer'', ''id'')'),
	('AFTER DELETE ON evil.t FOR EACH ROW EXECUTE FUNCTION commission_internal.accrue_generation(''generation'', ''id'', ''buyer'', ''id'')'),
	('AFTER TRUNCATE ON evil.t EXECUTE FUNCTION commission_internal.accrue_generation(''generation'', ''id'', ''buyer'', ''id'')'),
	('AFTER UPDATE ON evil.t REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION commission_internal.accrue_generation(''generation'', ''id'', ''buyer'', ''id'')'),
	('AFTER UPDATE ON evil.t EXECUTE FUNCTION commission_internal.follow_paid(''generation'', ''id'', ''buyer'', ''id'')'),
	('BEFORE UPDATE ON evil.t FOR EACH ROW EXECUTE FUNCTION commission_internal.follow_paid(''generation'', ''id'', ''buyer'', ''id'')'),
	('AFTER INSERT ON evil.t FOR EACH ROW EXECUTE FUNCTION commission_internal.accrue_order(''generation'', ''id'', ''buyer'', ''id'')'),
	('INSTEAD OF INSERT ON evil.v FOR EACH ROW EXECUTE FUNCTION commission_internal.accrue_generation(''generation'', ''id'', ''buyer'', ''id'')'),
	('AFTER INSERT OR UPDATE OR DELETE ON evil.t FOR EACH ROW WHEN (false) EXECUTE FUNCTION commission_internal.accrue_generation()'),
	('AFTER INSERT ON evil.t FOR EACH ROW EXECUTE FUNCTION commission_internal.accrue_generation(''generation'', ''id'', ''buyer'', ''id'', ''run'')');
SELECT command, outcome('regress_commission_writer', format(
	'CREATE TABLE evil.t (id text, document jsonb);
	 CREATE VIEW evil.v AS SELECT * FROM evil.t;
	 CREATE TRIGGER t %s;
	 INSERT INTO evil.%s VALUES (''x'', ''{}''); UPDATE evil.t SET id = ''y''; DELETE FROM evil.t; TRUNCATE evil.t',
	command, CASE WHEN command LIKE 'INSTEAD%' THEN 'v' ELSE 't' END))
FROM malformed ORDER BY n;
SELECT * FROM commission.audit();

/*
 * 5. Two things that a hostile user does get, and that are for the application
 * to mind.  Who may insert a sale under an id that is known is told the first
 * difference, be it from another's sale.
 */
\set VERBOSITY default
SET ROLE regress_commission_mallory;
INSERT INTO sale (id, buyer) VALUES ('sale 1', 'mallory');
RESET ROLE;
-- And a uuid stands for itself, also one that is the key of another's name.
SELECT commission.refer(commission.account_id('ana')::text, 'mallory', 'brand') AS is_new;
SELECT account, referrer FROM commission.referral_history WHERE referrer = 'mallory';

-- A trigger function on a relation that it was not made for is an error, whatever the event; what is not:
CREATE TABLE stray (x int);
INSERT INTO stray VALUES (1);
CREATE VIEW stray_view AS SELECT * FROM stray;
CREATE FUNCTION fired(function regprocedure, event text, relation text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TRIGGER stray %s ON %s EXECUTE FUNCTION %s', event, relation, function);
	EXECUTE format('INSERT INTO %s VALUES (2)', split_part(relation, ' ', 1));
	EXECUTE format('UPDATE %s SET x = 3', split_part(relation, ' ', 1));
	EXECUTE format('DELETE FROM %s', split_part(relation, ' ', 1));
	RAISE SQLSTATE 'ZZZZZ';
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	RETURN 'fine';
WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT p.oid::regprocedure, event, relation
FROM pg_proc AS p,
	(VALUES ('AFTER INSERT'), ('AFTER UPDATE'), ('AFTER DELETE'), ('BEFORE INSERT'), ('BEFORE UPDATE'), ('BEFORE DELETE'),
		('INSTEAD OF INSERT OR UPDATE OR DELETE')) AS e (event),
	(VALUES ('stray FOR EACH ROW'), ('stray FOR EACH STATEMENT'), ('stray_view FOR EACH ROW')) AS r (relation)
WHERE p.prorettype = 'trigger'::regtype AND p.pronamespace = 'commission_internal'::regnamespace
	AND (event LIKE 'INSTEAD%') = (relation LIKE 'stray_view%')
	AND fired(p.oid, event, relation) = 'fine';
DROP VIEW stray_view;
DROP TABLE stray;
DROP FUNCTION fired;

DROP EXTENSION commission CASCADE;
DROP SCHEMA evil CASCADE;
DROP TABLE sale, road, malformed;
DROP FUNCTION outcome, look;
DROP OWNED BY regress_commission_mallory, regress_commission_reader, regress_commission_writer, regress_commission_operator;
DROP ROLE regress_commission_mallory, regress_commission_reader, regress_commission_writer, regress_commission_operator;

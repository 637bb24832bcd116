/*
 * acl.sql
 *		Nothing is for PUBLIC; what each of the four grants gives and does not
 *		give; and nobody's search_path changes anything.
 */
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS commission CASCADE;
-- ALTER DEFAULT PRIVILEGES gives nothing of ours away, not in a subtransaction either
CREATE ROLE "regress_commission_Default";
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO "regress_commission_Default" WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "regress_commission_Default", PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO "regress_commission_Default";
ALTER DEFAULT PRIVILEGES GRANT ALL ON ROUTINES TO "regress_commission_Default";
ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO "regress_commission_Default";
BEGIN;
CREATE TABLE before_extension ();
SAVEPOINT extension;
CREATE EXTENSION commission;
RELEASE SAVEPOINT extension;
COMMIT;
SELECT has_table_privilege('regress_commission_Default', 'before_extension', 'INSERT') AS default_is_in_force;
DROP TABLE before_extension;
-- ... and an update takes back what is new alone
SELECT commission.grant_reader('"regress_commission_Default"');
CREATE VIEW commission.not_granted AS SELECT 1;
ALTER EXTENSION commission ADD VIEW commission.not_granted;
SELECT commission_internal.revoke_default_privileges();
SELECT has_table_privilege('regress_commission_Default', 'commission.earnings', 'SELECT') AS granted_stays,
	has_table_privilege('regress_commission_Default', 'commission.not_granted', 'SELECT') AS added_before_stays;
BEGIN;
CREATE VIEW commission.added_now AS SELECT 1;
ALTER EXTENSION commission ADD VIEW commission.added_now;
SELECT commission_internal.revoke_default_privileges();
SELECT has_table_privilege('regress_commission_Default', 'commission.added_now', 'SELECT') AS new_goes;
ROLLBACK;
DROP EXTENSION commission;
DROP SCHEMA IF EXISTS commission, commission_internal;
CREATE EXTENSION commission;
SET timezone = 'UTC';
RESET client_min_messages;

-- nothing for PUBLIC, nor for anybody else
SELECT 'schema' AS what, nspname AS name, acl.* FROM pg_namespace, aclexplode(nspacl) AS acl
WHERE nspname IN ('commission', 'commission_internal') AND grantee <> nspowner
UNION ALL
SELECT 'relation', relname, acl.* FROM pg_class, aclexplode(relacl) AS acl
WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND grantee <> relowner
UNION ALL
SELECT 'column', attname, acl.* FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid, aclexplode(attacl) AS acl
WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace)
UNION ALL
SELECT 'type', typname, acl.* FROM pg_type, aclexplode(typacl) AS acl
WHERE typnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND grantee NOT IN (0, typowner)
UNION ALL
SELECT 'function', oid::regprocedure::text, acl.*
FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS acl
WHERE pronamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND grantee <> proowner;
-- what runs with its owner's rights has a path of its own
SELECT oid::regprocedure FROM pg_proc
WHERE pronamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND prosecdef
	AND NOT coalesce(proconfig @> '{"search_path=pg_catalog, pg_temp"}', false);
SELECT relname FROM pg_class WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind = 'v'
	AND reloptions @> '{security_invoker=true}';
-- every function says what it does to the database, and every public object what it is for
SELECT oid::regprocedure FROM pg_proc WHERE pronamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND prorettype <> 'internal'::regtype
	AND (obj_description(oid, 'pg_proc') IS NULL OR provolatile = 'v' AND proparallel <> 'u');
SELECT relname FROM pg_class WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind IN ('r', 'v', 'S')
	AND obj_description(oid, 'pg_class') IS NULL AND relname NOT LIKE '%_event_id_seq1';
DROP OWNED BY "regress_commission_Default";
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC;
DROP ROLE "regress_commission_Default";

-- the roles
CREATE ROLE regress_commission_nobody;
CREATE ROLE regress_commission_reader;
CREATE ROLE "regress commission ""writer""";
CREATE ROLE regress_commission_operator;
CREATE ROLE regress_commission_storefront;
SELECT commission.grant_self_service('regress_commission_storefront');
SELECT commission.grant_reader('regress_commission_reader');
SELECT commission.grant_writer('"regress commission ""writer"""');
SELECT commission.grant_operator('regress_commission_operator');
SELECT commission.grant_operator('regress_commission_operator');
SELECT commission.grant_reader(NULL);
SELECT commission.grant_reader('regress_commission_missing');
GRANT CREATE ON SCHEMA public TO regress_commission_nobody, regress_commission_reader,
	"regress commission ""writer""", regress_commission_operator, regress_commission_storefront;

-- of relations they have but SELECT on views; no role has a right on a table
SELECT grantee::regrole, privilege_type, relkind FROM pg_class, aclexplode(relacl)
WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND grantee <> relowner
GROUP BY 1, 2, 3 ORDER BY grantee::regrole::text, 2, 3;
-- the reader executes nothing that writes; nobody but the owner grants
SELECT role, oid::regprocedure FROM pg_proc, (VALUES ('regress_commission_nobody'), ('regress_commission_reader'),
	('regress commission "writer"'), ('regress_commission_operator'), ('regress_commission_storefront')) AS r (role)
WHERE pronamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND has_function_privilege(role, oid, 'EXECUTE')
	AND (role = 'regress_commission_nobody' OR role = 'regress_commission_reader' AND provolatile = 'v'
		OR proname ~ '^grant_|^refuse_');

-- what stands in schema commission is for applications: one of the grants gives it, all but the grants themselves
-- and what sets up several machines
SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'commission'::regnamespace AND proname NOT LIKE 'grant\_%'
	AND NOT EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee <> proowner);
SELECT oid::regclass FROM pg_class WHERE relnamespace = 'commission'::regnamespace AND relkind = 'v'
	AND NOT EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee <> relowner);
-- of what does not, they have no relation, and no function but triggers of attach() and what a view calls;
-- the planner's rewriting calls the rest
SELECT DISTINCT p.oid::regprocedure::text COLLATE "C" AS internal FROM pg_proc AS p, aclexplode(proacl) AS a
WHERE pronamespace = 'commission_internal'::regnamespace AND a.grantee <> proowner AND prorettype <> 'trigger'::regtype
	AND NOT EXISTS (SELECT FROM pg_depend AS d JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
		WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid)
ORDER BY 1;
SELECT oid::regclass FROM pg_class, aclexplode(relacl) AS a
WHERE relnamespace = 'commission_internal'::regnamespace AND a.grantee <> relowner;

-- what each can and cannot do: the SQLSTATE, or "fine"
SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.record_generation('known', 'brand', 'avatar', model_price => 20, api_cost => 10) IS NOT NULL;
CREATE TABLE attempt (n serial, statement text);
INSERT INTO attempt (statement) VALUES
	('SELECT * FROM commission.earnings'),
	('SELECT * FROM commission.ledger'),
	('SELECT * FROM commission.recent_commission'),
	('SELECT * FROM commission.commission_detail'),
	('SELECT * FROM commission.audit()'),
	('SELECT commission.surcharge(100)'),
	('SELECT commission.mask(''maria'')'),
	('SELECT * FROM commission.entry'),
	('SELECT * FROM commission.account'),
	('SELECT nextval(''commission.event_id_seq'')'),
	('SELECT setval(''commission.event_id_seq'', 1)'),
	('INSERT INTO commission.entry SELECT * FROM commission.entry'),
	('INSERT INTO commission.referral VALUES (NULL, NULL, NULL, NULL)'),
	('UPDATE commission.account SET closed_at = now()'),
	('TRUNCATE commission.entry'),
	('LOCK commission.entry'),
	('COMMENT ON TABLE commission.entry IS NULL'),
	('CREATE TABLE commission.mine ()'),
	('SET commission.brand_ratio = 1'),
	('SELECT set_config(''commission.node_id'', ''1'', true)'),
	('SHOW commission.cref_secret'),
	('SELECT commission.account_id(''x'')'),
	('SELECT commission.register_account(''new'')'),
	('SELECT commission.record_generation(''new'', ''brand'', ''avatar'', model_price => 20, api_cost => 10)'),
	('CREATE TABLE own (id text, buyer text); SELECT commission.attach(''own'', ''id'', ''buyer''); INSERT INTO own VALUES (''x'', ''y''); SELECT commission.detach(''own'')'),
	('CREATE TABLE own (id text, buyer text); CREATE TRIGGER t AFTER INSERT ON own FOR EACH ROW EXECUTE FUNCTION commission_internal.accrue_generation(''generation'', ''id'', ''buyer'', ''buyer'')'),
	('CREATE TABLE own (id text, buyer text); CREATE TRIGGER t AFTER UPDATE ON own FOR EACH ROW EXECUTE FUNCTION commission_internal.follow_paid(''generation'', ''id'', ''buyer'', ''buyer'')'),
	('SELECT commission.attach(''attempt'', ''statement'', ''statement'')'),
	('CREATE TABLE own (id text, pool int); SELECT commission.attach_listings(''own'', ''id'', ''id'', ''avatar'', ''pool''), commission.attach(''own'', ''id'', ''id'')'),
	('CREATE TABLE own (id text, pool int); SELECT commission.attach_listings(''own'', ''id'', ''id'', ''avatar'', ''pool''); INSERT INTO own VALUES (''x'', 100)'),
	('SELECT commission.touch(''seller'', visitor => ''v'')'),
	('SELECT commission.attribute(''new'', NULL, NULL)'),
	('SELECT commission.referral_link(''https://shop.example/'', ''seller'')'),
	('SELECT * FROM commission.materials_for(''seller'', ''https://shop.example/'')'),
	('SELECT commission.net_margin(20, 10), commission.legs(30), commission.project_subscription(1999, 11)'),
	('SELECT commission.request_withdrawal(''seller'', 1, ''bank'')'),
	('SELECT commission.cancel_withdrawal(1)'),
	('SELECT commission.set_payout(''seller'', ''bank'', ''an account'')'),
	('SELECT commission.approve_withdrawal(1)'),
	('SELECT * FROM commission.fraud_signal'),
	('SELECT commission.pay_withdrawal(1, ''t'')'),
	('SELECT commission.open_payout_batch(''bank'')'),
	('SELECT * FROM commission.balance'),
	('SELECT commission.balance_at(''seller'', now())'),
	('SELECT commission.record_order(''o'', ''brand'', 1999)'),
	('CALL commission.purge_touches(''90 days'')'),
	('SELECT commission.refer(''x'', ''y'', ''brand'')'),
	('SELECT commission.close_account(''x'')'),
	('SELECT commission.reopen_account(''x'')'),
	('SELECT commission.register_listing(''l'', ''o'', ''avatar'', 100)'),
	('SELECT commission.set_model_price(''m'', NULL, 1, 1)'),
	('SELECT commission.reverse_generation(''known'', 1)'),
	('SELECT commission.grant_operator(''regress_commission_nobody'')');
SET commission.cref_secret = 'thirty-two bytes or more, and of noise';
SET commission.minimum_payout = 0;
SELECT commission.request_withdrawal('seller', 1, 'bank') IS NOT NULL AS requested;
SELECT set_config('test.withdrawal', (SELECT max(withdrawal)::text FROM commission.withdrawal_status), false) IS NOT NULL;
UPDATE attempt SET statement = replace(statement, '_withdrawal(1', '_withdrawal(' || current_setting('test.withdrawal'));
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
SELECT statement, outcome('regress_commission_nobody', statement) AS nobody,
	outcome('regress_commission_reader', statement) AS reader,
	outcome('regress commission "writer"', statement) AS writer,
	outcome('regress_commission_operator', statement) AS operator,
	outcome('regress_commission_storefront', statement) AS self_service
FROM attempt ORDER BY n;
-- every view is readable as a whole by the reader
SELECT relname FROM pg_class WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind = 'v'
	AND has_table_privilege('regress_commission_reader', oid, 'SELECT')
	AND outcome('regress_commission_reader', format('SELECT * FROM commission.%I', relname)) <> 'fine';

-- a role that may but insert: it accrues, and the error of a violated
-- constraint does not show it the row
CREATE TABLE sale (id text, buyer text, avatar text, price int DEFAULT 20, cost int DEFAULT 10, paid boolean DEFAULT true);
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost', paid => 'paid');
GRANT INSERT ON sale TO regress_commission_nobody;
ALTER TABLE commission.entry ADD CONSTRAINT entry_large CHECK (amount < 1000);
SET ROLE regress_commission_nobody;
INSERT INTO sale VALUES ('inserted', 'brand', 'avatar');
RESET ROLE;
ALTER TABLE commission.entry DROP CONSTRAINT entry_large;
ALTER TABLE commission.entry ADD CONSTRAINT entry_large CHECK (amount < 100) NOT VALID;
SET ROLE regress_commission_nobody;
INSERT INTO sale VALUES ('too large', 'brand', 'avatar');
RESET ROLE;
ALTER TABLE commission.entry DROP CONSTRAINT entry_large;
SELECT source, account, amount FROM commission.ledger WHERE source <> 'known';

-- lastval() is that of the application's own table after an INSERT that pays
CREATE TABLE numbered (id serial, buyer text DEFAULT 'brand', avatar text DEFAULT 'avatar', price int DEFAULT 20, cost int DEFAULT 10);
SELECT commission.attach('numbered', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost');
SELECT setval('numbered_id_seq', 41);
GRANT INSERT ON numbered TO regress_commission_nobody;
GRANT USAGE ON SEQUENCE numbered_id_seq TO regress_commission_nobody;
\c -
SET ROLE regress_commission_nobody;
INSERT INTO numbered DEFAULT VALUES;
SELECT lastval();
RESET ROLE;
\c -
SELECT commission.record_generation('no trace', 'brand', 'avatar', model_price => 20, api_cost => 10) IS NOT NULL;
SELECT commission_internal.draw_event_id() > 0 AS drawn;
SELECT lastval();
SELECT currval('commission.event_id_seq');
DROP TABLE numbered;

-- a hostile search_path: own operators, functions, tables and types of our names
CREATE SCHEMA regress_commission_evil AUTHORIZATION regress_commission_nobody;
GRANT INSERT, UPDATE, SELECT ON sale TO regress_commission_nobody;
SELECT commission.grant_reader('regress_commission_nobody'), commission.grant_writer('regress_commission_nobody'),
	commission.grant_operator('regress_commission_nobody');
SET ROLE regress_commission_nobody;
SET search_path = regress_commission_evil, pg_temp, commission, pg_catalog;
CREATE TABLE regress_commission_evil.caught (what text, by text);
GRANT INSERT ON regress_commission_evil.caught TO PUBLIC;
CREATE FUNCTION regress_commission_evil.evil_boolean(boolean, boolean) RETURNS boolean LANGUAGE sql AS $$
	INSERT INTO regress_commission_evil.caught VALUES ('boolean', current_user) RETURNING true $$;
CREATE FUNCTION regress_commission_evil.evil_uuid(uuid, uuid) RETURNS boolean LANGUAGE sql AS $$
	INSERT INTO regress_commission_evil.caught VALUES ('uuid', current_user) RETURNING true $$;
CREATE FUNCTION regress_commission_evil.evil_bigint(bigint, bigint) RETURNS boolean LANGUAGE sql AS $$
	INSERT INTO regress_commission_evil.caught VALUES ('bigint', current_user) RETURNING true $$;
CREATE FUNCTION regress_commission_evil.evil_text(text, text) RETURNS boolean LANGUAGE sql AS $$
	INSERT INTO regress_commission_evil.caught VALUES ('text', current_user) RETURNING true $$;
CREATE OPERATOR regress_commission_evil.= (LEFTARG = boolean, RIGHTARG = boolean, FUNCTION = regress_commission_evil.evil_boolean);
CREATE OPERATOR regress_commission_evil.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = regress_commission_evil.evil_uuid);
CREATE OPERATOR regress_commission_evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = regress_commission_evil.evil_bigint);
CREATE OPERATOR regress_commission_evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = regress_commission_evil.evil_text);
CREATE FUNCTION regress_commission_evil.now() RETURNS timestamptz LANGUAGE sql AS $$
	INSERT INTO regress_commission_evil.caught VALUES ('now', current_user) RETURNING '1999-01-01'::timestamptz $$;
CREATE FUNCTION regress_commission_evil.sum(bigint) RETURNS bigint LANGUAGE sql AS $$
	INSERT INTO regress_commission_evil.caught VALUES ('sum', current_user) RETURNING 0::bigint $$;
CREATE FUNCTION regress_commission_evil.account_id(text) RETURNS uuid LANGUAGE sql AS $$
	INSERT INTO regress_commission_evil.caught VALUES ('account_id', current_user) RETURNING NULL::uuid $$;
CREATE FUNCTION regress_commission_evil.accrue_generation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RETURN NULL;
END $$;
CREATE TYPE regress_commission_evil.entry_kind AS ENUM ('pool');
CREATE TABLE regress_commission_evil.entry (event_id bigint);
CREATE TEMP TABLE entry (event_id bigint);
CREATE TEMP TABLE generation (event_id bigint);
CREATE TEMP TABLE account (account_id uuid);
CREATE TEMP TABLE listing (listing_id uuid);
CREATE TEMP SEQUENCE event_id_seq;

SELECT commission.register_account('victim', 'Victim');
SELECT commission.register_listing('avatar 2', 'seller', 'avatar', 100, NULL, '{"victim": 10}');
SELECT commission.refer('brand', 'victim', 'brand', '2026-01-01');
SELECT commission.set_model_price('m', NULL, 20, 10);
SELECT commission.record_generation('hostile 1', 'brand', 'avatar 2', model => 'm') IS NOT NULL;
INSERT INTO public.sale VALUES ('hostile 2', 'brand', 'avatar 2');
SELECT commission.reverse_generation('hostile 1', 10) IS NOT NULL;
CREATE TABLE regress_commission_evil.own (id text, buyer text, avatar text, price int, cost int, paid boolean);
SELECT commission.attach('own', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost', paid => 'paid');
INSERT INTO own VALUES ('hostile 3', 'brand', 'avatar 2', 20, 10, true);
UPDATE own SET paid = false;
SELECT count(*) AS rows FROM commission.ledger;
SELECT count(*) AS rows FROM commission.recent_commission;
SELECT count(*) AS rows FROM commission.commission_detail;
SELECT count(*) AS rows FROM commission.earnings;
SELECT count(*) AS rows FROM commission.audit();
RESET ROLE;
SET search_path = public;
SELECT source, line, account, kind, amount FROM commission.ledger WHERE source LIKE 'hostile%' ORDER BY event_id, line;
SELECT DISTINCT * FROM regress_commission_evil.caught;
SELECT * FROM commission.audit();
SET client_min_messages = warning;
DROP SCHEMA regress_commission_evil CASCADE;

-- what was granted is taken back by three commands, all but what this test gave
REVOKE ALL ON ALL ROUTINES IN SCHEMA commission, commission_internal FROM regress_commission_operator;
REVOKE ALL ON ALL TABLES IN SCHEMA commission FROM regress_commission_operator;
REVOKE ALL ON SCHEMA commission, commission_internal FROM regress_commission_operator;
SELECT pg_describe_object(classid, objid, objsubid) FROM pg_shdepend WHERE refobjid = 'regress_commission_operator'::regrole
	AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database());

DROP TABLE attempt, sale;
DROP FUNCTION outcome;
DROP EXTENSION commission CASCADE;
DROP OWNED BY regress_commission_nobody, regress_commission_reader, "regress commission ""writer""", regress_commission_operator, regress_commission_storefront;
DROP ROLE regress_commission_nobody, regress_commission_reader, "regress commission ""writer""", regress_commission_operator, regress_commission_storefront;
DISCARD TEMP;

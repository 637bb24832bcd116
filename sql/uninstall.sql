/*
 * uninstall.sql
 *		Where the extension can be put, how it goes, and that a session lives
 *		on with another of it.
 */
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS commission CASCADE;
RESET client_min_messages;
-- PostgreSQL 18 also tells where in the script an error is
\set SHOW_CONTEXT never

-- the script is not for psql
SELECT setting || '/extension/commission--' || default_version || '.sql' AS script
FROM pg_config, pg_available_extensions AS e WHERE pg_config.name = 'SHAREDIR' AND e.name = 'commission' \gset
\i :script
SELECT count(*) FROM pg_namespace WHERE nspname = 'commission';

/*
 * How many rows each system catalogue has.  (ANALYZE, by autovacuum too, adds
 * to pg_statistic; of the shared ones only dependencies are this database's.)
 */
CREATE FUNCTION catalogue_rows(catalogue regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	rows bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %s%s', catalogue, CASE catalogue WHEN 'pg_shdepend'::regclass
		THEN ' WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())' END) INTO rows;
	RETURN rows;
END $$;
CREATE TABLE catalogue (catalogue regclass, rows bigint);

/*
 * Everything that keeps a plan or looks something up, in a session that has
 * seen another of the extension.
 */
CREATE TABLE sale (id text, buyer text, avatar text, model text, paid boolean);
CREATE FUNCTION exercise() RETURNS TABLE (accrued bigint, refunded bigint, problems bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM commission.register_account('brand', 'maria@example.com');
	PERFORM commission.register_listing('avatar', 'seller', 'avatar', 100, 'Title', '{"bo": 10}');
	PERFORM commission.set_model_price('m', NULL, 20, 10);
	PERFORM commission.refer('brand', 'ana', 'brand');
	PERFORM commission.close_account('seller');
	PERFORM commission.reopen_account('seller');
	PERFORM commission.attach('sale', 'id', 'buyer', 'avatar', model => 'model', paid => 'paid');
	INSERT INTO sale VALUES ('1', 'brand', 'avatar', 'm', true), ('2', 'brand', 'avatar', 'm', false);
	UPDATE sale SET paid = NOT paid;
	PERFORM commission.record_generation('3', 'brand', 'avatar', model => 'm');
	PERFORM commission.record_generation('3', 'brand', 'avatar', model => 'm');
	PERFORM commission.reverse_generation('3', 14);
	PERFORM commission.grant_reader('regress_commission_app');
	RETURN QUERY SELECT sum(amount)::bigint, (SELECT sum(r.refunded)::bigint FROM commission.reversal AS r),
		(SELECT count(*) FROM commission.audit()) FROM commission.ledger;
END $$;
INSERT INTO catalogue SELECT oid, catalogue_rows(oid) FROM pg_class
WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND oid <> 'pg_statistic'::regclass
	AND (NOT relisshared OR oid = 'pg_shdepend'::regclass);

-- it has a schema of its own, and stays in it
CREATE EXTENSION commission SCHEMA public;
CREATE SCHEMA commission;
CREATE EXTENSION commission;
DROP SCHEMA commission;
CREATE ROLE regress_commission_app;
SET ROLE regress_commission_app;
CREATE EXTENSION commission;
RESET ROLE;
-- ... whatever the search_path, were it none or hostile
SET search_path = '';
CREATE EXTENSION commission;
RESET search_path;
ALTER EXTENSION commission SET SCHEMA public;
DROP TABLE commission.entry;
DROP FUNCTION commission_internal.accrue_generation;

-- all of it is the extension's
SELECT 'relation' AS what, relname AS name FROM pg_class AS c WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind IN ('r', 'v', 'S', 'p', 'm', 'c')
	AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('e', 'i'))
UNION ALL
SELECT 'function', proname FROM pg_proc AS p WHERE pronamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace)
	AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e');
-- ... and its tables' and sequences' rows are dumped; those of event_id_seq by event_id_state
SELECT relname FROM pg_class AS c, pg_extension AS e
WHERE extname = 'commission' AND relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind IN ('r', 'S') AND NOT c.oid = ANY (extconfig)
ORDER BY relname;

SELECT * FROM exercise();

-- attached tables are in the way; CASCADE takes the triggers, not the tables,
-- and no catalogue has a row more than before
DROP EXTENSION commission;
DROP EXTENSION commission CASCADE;
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'sale'::regclass;
INSERT INTO sale VALUES ('4', 'brand', 'avatar', 'm', true);
SELECT count(*) FROM sale;
SELECT catalogue FROM catalogue WHERE catalogue_rows(catalogue) > rows;
DROP TABLE catalogue;
DROP FUNCTION catalogue_rows;

-- again, in this session; and once more, in one transaction
TRUNCATE sale;
CREATE EXTENSION commission;
SELECT * FROM exercise();
TRUNCATE sale;
BEGIN;
DROP EXTENSION commission CASCADE;
CREATE EXTENSION commission;
SELECT * FROM exercise();
ROLLBACK;
SELECT count(*) AS generations FROM commission.generation;
INSERT INTO sale VALUES ('5', 'brand', 'avatar', 'm', true);
SELECT count(*) AS generations FROM commission.generation;

-- a table or an index that was altered by hand is named, and no sale goes wrong:
-- the library knows columns by their numbers and types
SELECT commission.record_generation('before', 'brand', 'avatar', model => 'm') IS NOT NULL;
CREATE FUNCTION altered(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	BEGIN
		EXECUTE statement;
	EXCEPTION WHEN OTHERS THEN
		RETURN 'not altered';
	END;
	BEGIN
		PERFORM commission.record_generation('altered', 'brand', 'avatar', model => 'm');
		PERFORM commission.record_order('altered', 'brand', 1999);
		PERFORM commission.reverse_order('altered', 1);
		PERFORM commission.touch('brand');
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
		RAISE SQLSTATE 'ZZZZZ' USING MESSAGE = format('%s: %s; %s', SQLSTATE, SQLERRM, detail);
	END;
	RAISE SQLSTATE 'ZZZZZ' USING MESSAGE = 'fine';
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	RETURN SQLERRM;
END $$;
SET commission.cref_secret = 'of at least thirty-two bytes, as it must be';
SELECT statement, altered(statement) FROM (VALUES
	('ALTER TABLE commission.model_price ALTER model_price TYPE numeric'),
	('ALTER TABLE commission.model_price ALTER model TYPE varchar'),
	('ALTER TABLE commission.model_price ADD more integer'),
	('ALTER TABLE commission.listing ALTER co_author_shares TYPE int[]'),
	('ALTER TABLE commission.referral ALTER attributed_at TYPE timestamp'),
	('ALTER TABLE commission.referral ALTER role TYPE text'),
	('ALTER TABLE commission.touch ALTER landing TYPE varchar'),
	('ALTER TABLE commission.reversal ALTER refunded TYPE numeric'),
	('ALTER TABLE commission.customer_order ALTER kind_derived TYPE text'),
	('ALTER TABLE commission.generation ALTER derived TYPE integer'),
	('ALTER TABLE commission.model_price ALTER model TYPE text COLLATE "POSIX"'),
	('DROP INDEX commission.account_special_idx; CREATE INDEX account_special_idx ON commission.account USING hash (account_id) WHERE closed_at IS NOT NULL OR has_terms OR group_since IS NOT NULL'),
	('DROP INDEX commission.account_special_idx; CREATE INDEX account_special_idx ON commission.account (account_id)'),
	('DROP INDEX commission.account_special_idx; CREATE INDEX account_special_idx ON commission.account (name) WHERE closed_at IS NOT NULL OR has_terms OR group_since IS NOT NULL'),
	('DROP INDEX commission.account_special_idx; CREATE VIEW commission.account_special_idx AS SELECT 1'),
	('ALTER TABLE commission.listing DROP CONSTRAINT listing_pkey; CREATE INDEX listing_pkey ON commission.listing (listing_id, version)'),
	('ALTER TABLE commission.listing DROP CONSTRAINT listing_pkey; CREATE UNIQUE INDEX listing_pkey ON commission.listing (listing_id, version DESC)'),
	('ALTER TABLE commission.listing DROP CONSTRAINT listing_pkey; CREATE UNIQUE INDEX listing_pkey ON commission.listing (listing_id, version)'),
	('UPDATE pg_index SET indisvalid = false WHERE indexrelid = ''commission.account_special_idx''::regclass'),
	('ALTER TABLE commission.listing DROP CONSTRAINT listing_pkey; ALTER TABLE commission.listing ADD CONSTRAINT listing_pkey PRIMARY KEY (listing_id, version) DEFERRABLE'),
	('ALTER TABLE commission.model_price DROP CONSTRAINT model_price_pkey; CREATE UNIQUE INDEX model_price_pkey ON commission.model_price (model text_pattern_ops, resolution)'),
	('ALTER TABLE commission.model_price DROP CONSTRAINT model_price_pkey; CREATE UNIQUE INDEX model_price_pkey ON commission.model_price (model COLLATE "POSIX", resolution)'),
	('DROP INDEX commission.account_special_idx; CREATE INDEX account_special_idx ON commission.referral (account_id) WHERE referrer_id IS NOT NULL'),
	('CREATE DOMAIN public.int8 AS bigint; ALTER TABLE commission.model_price ALTER api_cost TYPE public.int8'),
	('ALTER SEQUENCE commission.event_id_seq RENAME TO former; CREATE TABLE commission.event_id_seq (last_value bigint)'),
	('SELECT 1')) AS v (statement);
DROP FUNCTION altered;
RESET commission.cref_secret;

-- the library without the extension
DROP EXTENSION commission CASCADE;
SELECT commission.record_generation('6', 'brand');

DROP TABLE sale;
DROP FUNCTION exercise;
DROP ROLE regress_commission_app;

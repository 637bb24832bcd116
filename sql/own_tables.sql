/*
 * own_tables.sql
 *		The application's own users, listings and prices as the catalogue: what
 *		is there already, what comes, what changes, and what goes.
 */
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS commission CASCADE;
CREATE EXTENSION commission;
SET timezone = 'UTC';
RESET client_min_messages;

CREATE TYPE shelf AS ENUM ('avatar', 'reference', 'poster');
CREATE TABLE users (id bigint PRIMARY KEY, email text, deleted_at timestamptz, last_seen timestamptz);
CREATE TABLE listings (id uuid PRIMARY KEY, creator_id bigint, shelf shelf, credits numeric, title varchar(2000), split jsonb);
CREATE TABLE posters (id text PRIMARY KEY, creator_id bigint, credits int);
CREATE TABLE models (name text, size text, price int, cost int);
INSERT INTO users VALUES (1, 'nora@studio.example', NULL), (2, 'ines@blog.example', NULL), (3, NULL, '2026-01-01'), (7, 'maria.lopez@gmail.com', NULL);
INSERT INTO listings VALUES ('00000000-0000-4000-8000-00000000000A', 1, 'reference', 100, 'Linen summer', '{"3": 30, "2": 10}');
INSERT INTO posters VALUES ('oak', 1, 100);
INSERT INTO models VALUES ('nano', '2K', 20, 10), ('flux', NULL, 8, 3);

-- what is there already is taken
SELECT commission.attach_accounts('users', 'id', 'email', 'deleted_at');
SELECT commission.attach_listings('listings', 'id', 'creator_id', 'shelf', 'credits', 'title', 'split');
SELECT commission.attach_listings('posters', 'id', 'creator_id', 'avatar', 'credits');
SELECT commission.attach_prices('models', 'name', 'size', 'price', 'cost');
SELECT name, label, closed_at IS NOT NULL AS closed FROM commission.account ORDER BY name;
CREATE VIEW listed AS
	SELECT DISTINCT ON (l.name) coalesce(l.name, l.listing_id::text) AS name, o.name AS owner, l.pool, l.kind, l.title, l.co_author_shares AS shares,
		count(*) OVER (PARTITION BY l.listing_id) AS versions
	FROM commission.listing AS l JOIN commission.account AS o ON o.account_id = l.owner_id
	ORDER BY l.name, l.version DESC;
SELECT * FROM listed;
SELECT * FROM commission.model_price ORDER BY model;

-- what comes: a sign-up, a listing and a model, and at once a sale of them
INSERT INTO users VALUES (9, 'kim@shop.example');
INSERT INTO listings VALUES ('00000000-0000-4000-8000-00000000000B', 9, 'avatar', 83);
INSERT INTO models VALUES ('wan', '4K', 40, 25);
SELECT commission.record_generation('g1', '7', '00000000-0000-4000-8000-00000000000b', '00000000-0000-4000-8000-00000000000a', model => 'wan', resolution => '4K') IS NOT NULL;
SELECT account, kind, amount, source FROM commission.ledger ORDER BY event_id, line;

-- what changes, and only where it does
CREATE VIEW written AS
	SELECT (SELECT count(*) FROM commission.listing) AS versions,
		(SELECT array_agg(xmin::text ORDER BY account_id) FROM commission.account)::text
			|| (SELECT array_agg(xmin::text ORDER BY model) FROM commission.model_price)::text AS rows;
SELECT rows AS before FROM written \gset
UPDATE users SET last_seen = '2026-02-01';
UPDATE users SET email = email, deleted_at = deleted_at;
UPDATE listings SET credits = credits, split = split || '{}';
UPDATE models SET price = price;
INSERT INTO models VALUES ('nano', '2K', 20, 10);
SELECT versions, rows = :'before' AS nothing_was_written FROM written;
UPDATE users SET email = 'nora@atelier.example', deleted_at = NULL WHERE id IN (1, 3);
UPDATE users SET email = NULL, deleted_at = '2026-02-02' WHERE id = 7;
UPDATE listings SET title = NULL, split = NULL;
UPDATE listings SET credits = 120 WHERE id = '00000000-0000-4000-8000-00000000000B';
UPDATE models SET price = 25, cost = 12 WHERE name = 'nano';
SELECT name, label, closed_at IS NOT NULL AS closed FROM commission.account ORDER BY name;
SELECT * FROM listed;
SELECT * FROM commission.model_price ORDER BY model;

-- what the operator says of an account holds until the row says otherwise
SELECT commission.close_account('9'), commission.reopen_account('7');
UPDATE users SET email = 'kim@new.example' WHERE id = 9;
UPDATE users SET deleted_at = '2026-02-03' WHERE id = 7;
SELECT name, label, closed_at IS NOT NULL AS closed FROM commission.account WHERE name IN ('7', '9') ORDER BY name;
UPDATE users SET deleted_at = NULL WHERE id = 7;

-- what goes: the account is closed, and listings and prices stay
DELETE FROM users WHERE id = 2;
UPDATE users SET id = 11 WHERE id = 1;
DELETE FROM listings WHERE creator_id = 9;
DELETE FROM models;
TRUNCATE posters;
SELECT name, label, closed_at IS NOT NULL AS closed FROM commission.account ORDER BY name;
SELECT * FROM listed;
SELECT count(*) FROM commission.model_price;
-- ... and the row may come back, and be open again
INSERT INTO users VALUES (2, 'ines@blog.example');
SELECT closed_at FROM commission.account WHERE name = '2';

-- errors name the row
CREATE FUNCTION outcome(statement text, OUT error text, OUT on_row text) LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	error := 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, on_row = PG_EXCEPTION_CONTEXT;
	error := format('%s: %s%s', SQLSTATE, SQLERRM, ' / ' || nullif(detail, ''));
	on_row := substring(on_row FROM 'commission on [^\n]*');
END $$;
SELECT left(statement, 80) AS statement, o.* FROM (VALUES
	($$INSERT INTO listings VALUES ('00000000-0000-4000-8000-00000000000C', 9, 'avatar', 82)$$),
	($$INSERT INTO listings VALUES ('00000000-0000-4000-8000-00000000000C', 9, 'avatar', 100.5)$$),
	($$INSERT INTO listings VALUES ('00000000-0000-4000-8000-00000000000C', 9, 'poster', 100)$$),
	($$INSERT INTO listings VALUES ('00000000-0000-4000-8000-00000000000C', NULL, 'avatar', 100)$$),
	($$INSERT INTO listings VALUES ('00000000-0000-4000-8000-00000000000C', 9, NULL, 100)$$),
	($$INSERT INTO listings VALUES ('00000000-0000-4000-8000-00000000000C', 9, 'avatar', 100, NULL, '{"9": 30}')$$),
	($$INSERT INTO listings VALUES ('00000000-0000-4000-8000-00000000000C', 9, 'avatar', 100, repeat('x', 1025))$$),
	($$INSERT INTO users VALUES (12, repeat('x', 1025))$$),
	($$INSERT INTO models VALUES (NULL, NULL, 1, 1)$$),
	($$INSERT INTO models VALUES ('wan', NULL, 1, -1)$$),
	($$INSERT INTO models VALUES ('wan', NULL, 1)$$)) AS v (statement), outcome(statement) AS o;
ALTER TABLE models RENAME price TO list_price;
SELECT * FROM outcome($$INSERT INTO models VALUES ('wan', NULL, 1, 1)$$);
ALTER TABLE models RENAME list_price TO price;

-- ... also where a table is taken
CREATE TABLE drafts (id text, creator_id bigint, credits int);
INSERT INTO drafts SELECT 'draft ' || n, 9, 100 FROM generate_series(1, 1500) AS n;
INSERT INTO drafts VALUES ('too small', 9, 1);
SELECT * FROM outcome($$SELECT commission.attach_listings('drafts', 'id', 'creator_id', 'avatar', 'credits')$$);
DELETE FROM drafts WHERE id = 'too small';
INSERT INTO drafts VALUES ('no owner', NULL, 100);
SELECT * FROM outcome($$SELECT commission.attach_listings('drafts', 'id', 'creator_id', 'avatar', 'credits')$$);
DELETE FROM drafts WHERE id = 'no owner';
-- ... of two rows with one key the last counts
INSERT INTO drafts VALUES ('draft 1', 9, 200);
SELECT commission.attach_listings('drafts', 'id', 'creator_id', 'avatar', 'credits');
SELECT count(*), sum(pool) FROM commission.listing WHERE name LIKE 'draft%';

-- what is refused
CREATE TABLE typed (id text, "real" real, "text" text, "json" json, "char" char(9), "boolean" boolean, "avatar" int);
CREATE VIEW a_view AS SELECT * FROM users;
SELECT statement, error FROM (VALUES
	($$attach_accounts(NULL, 'id')$$),
	($$attach_accounts('typed', NULL)$$),
	($$attach_accounts('typed', 'real')$$),
	($$attach_accounts('typed', 'id', 'char')$$),
	($$attach_accounts('typed', 'id', closed => 'text')$$),
	($$attach_accounts('typed', 'id', closed => 'missing')$$),
	($$attach_accounts('a_view', 'id')$$),
	($$attach_accounts('commission.account', 'name')$$),
	($$attach_accounts('users', 'id')$$),
	($$attach_listings('users', 'id', 'id', 'avatar', 'id')$$),
	($$attach_listings('typed', 'id', 'id', 'avatar', 'avatar')$$),
	($$attach_listings('typed', 'id', 'id', 'poster', 'avatar')$$),
	($$attach_listings('typed', 'id', 'id', NULL, 'avatar')$$),
	($$attach_listings('typed', 'id', 'id', 'reference', 'avatar', co_authors => 'json')$$),
	($$attach_listings('typed', 'id', 'id', 'reference', 'avatar')$$),
	($$attach_prices('typed', 'id', 'text', 'avatar', 'avatar')$$),
	($$detach('typed')$$),
	($$attach_prices('typed', 'id', NULL, 'avatar', 'avatar')$$),
	($$attach('typed', 'id', 'id')$$),
	($$detach('typed')$$),
	($$detach('typed')$$)) AS v (statement), outcome('SELECT commission.' || statement);
CREATE TRIGGER wrong BEFORE INSERT ON typed FOR EACH ROW EXECUTE FUNCTION commission_internal.mirror_accounts('account', 'id');
SELECT error FROM outcome($$INSERT INTO typed VALUES ('x')$$);
SELECT commission.detach('typed');
SELECT commission_internal.mirror_accounts();

-- the application's own triggers may have the last word
CREATE FUNCTION raise_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE models SET price = price + 1 WHERE name = NEW.name AND price < 100;
	RETURN NULL;
END $$;
CREATE TRIGGER a_first AFTER INSERT ON models FOR EACH ROW EXECUTE FUNCTION raise_price();
INSERT INTO models VALUES ('raised', NULL, 99, 1);
SELECT model_price FROM commission.model_price WHERE model = 'raised';
CREATE FUNCTION forget_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM users WHERE id = NEW.id;
	RETURN NULL;
END $$;
CREATE TRIGGER a_first AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION forget_user();
INSERT INTO users VALUES (13, 'gone@shop.example');
SELECT label, closed_at IS NOT NULL AS closed FROM commission.account WHERE name = '13';
DROP TRIGGER a_first ON users;

-- a partitioned table: a row that moves is not deleted
CREATE TABLE members (id int, closed boolean, region text) PARTITION BY LIST (region);
CREATE TABLE members_eu PARTITION OF members FOR VALUES IN ('eu');
INSERT INTO members VALUES (21, false, 'eu');
SELECT commission.attach_accounts('members', 'id', closed => 'closed');
CREATE TABLE members_us PARTITION OF members FOR VALUES IN ('us');
UPDATE members SET region = 'us';
INSERT INTO members VALUES (22, true, 'us');
SELECT commission.detach('members_us');
SELECT name, closed_at IS NOT NULL AS closed FROM commission.account WHERE name IN ('21', '22') ORDER BY name;
DELETE FROM members WHERE id = 21;
SELECT closed_at IS NOT NULL AS closed FROM commission.account WHERE name = '21';

-- whoever inserts needs no right on the catalogue, and whoever attaches reads the table
CREATE ROLE regress_commission_writer;
CREATE ROLE regress_commission_web;
SELECT commission.grant_writer('regress_commission_writer');
GRANT TRIGGER ON posters TO regress_commission_writer;
GRANT INSERT ON posters TO regress_commission_web;
SELECT commission.detach('posters');
SET ROLE regress_commission_writer;
SELECT commission.attach_listings('posters', 'id', 'creator_id', 'avatar', 'credits');
RESET ROLE;
GRANT SELECT ON posters TO regress_commission_writer;
SET ROLE regress_commission_writer;
SELECT commission.attach_listings('posters', 'id', 'creator_id', 'avatar', 'credits');
SET ROLE regress_commission_web;
SELECT commission.attach_accounts('posters', 'id');
INSERT INTO posters VALUES ('elm', 9, 90);
RESET ROLE;
SELECT name, owner, pool, kind FROM listed WHERE name = 'elm';

-- audit() knows the triggers; detached, the tables are the application's alone
ALTER TABLE users DISABLE TRIGGER commission_mirror;
SELECT * FROM commission.audit();
ALTER TABLE users ENABLE TRIGGER commission_mirror;
SELECT commission.detach('users'), commission.detach('listings'), commission.detach('models'), commission.detach('members');
INSERT INTO users VALUES (31);
SELECT count(*) FROM commission.account WHERE name = '31';
SELECT * FROM commission.audit();

SET client_min_messages = warning;
DROP TABLE users, listings, posters, models, drafts, typed, members CASCADE;
DROP VIEW listed, written;
DROP TYPE shelf;
DROP FUNCTION outcome, raise_price, forget_user;
DROP EXTENSION commission CASCADE;
DROP ROLE regress_commission_writer, regress_commission_web;

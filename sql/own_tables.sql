/*
 * own_tables.sql
 *		The application's own users, listings and prices as the catalogue: what
 *		is there already, what comes, what changes, and what goes.
 */
SET timezone = 'UTC';

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
	($$attach_accounts('typed', 'id', group_name => 'boolean')$$),
	($$attach_accounts('typed', 'id', group_name => 'missing')$$),
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

-- groups (R43): a column places accounts by hand, as set_group() does
CREATE TABLE partners (id int PRIMARY KEY, email text, plan text);
SELECT commission.set_group_terms('gold', brand_ratio => 0.4) > 0 AS gold, commission.set_group_terms('basic', brand_ratio => 0.2) > 0 AS basic;
SELECT commission.set_tiers('[{"group": "silver", "from": 0}]', 'commission', 30);
SELECT commission.refer('7', '42', 'brand', '2026-01-01');
SELECT commission.record_generation('g2', '7', '00000000-0000-4000-8000-00000000000b', model_price => 40, api_cost => 25) IS NOT NULL;
SELECT commission.set_group('43', 'basic', 'signed'), commission.set_group('44', 'gold', 'signed');
SELECT * FROM commission.apply_tiers();
INSERT INTO partners VALUES (41, 'a@x.example', 'gold'), (42, 'b@x.example', NULL), (43, 'c@x.example', NULL), (44, NULL, 'gold'), (45, NULL, NULL);
SELECT commission.attach_accounts('partners', 'id', 'email', group_name => 'plan');
CREATE VIEW grouped AS
	SELECT account, from_group, to_group, reason, figure FROM commission.group_history ORDER BY change_id;
SELECT * FROM grouped;
SELECT term, value, source FROM commission.terms_of('41') WHERE term = 'brand_ratio';
SELECT count(*) AS moves FROM commission.group_history \gset
-- what changes nothing writes nothing, and what the operator said holds
SELECT commission.set_group('44', 'basic', 'by hand');
SELECT array_agg(xmin::text ORDER BY account_id) AS before FROM commission.account \gset
UPDATE partners SET plan = plan, email = email;
SELECT array_agg(xmin::text ORDER BY account_id)::text = :'before' AS nothing_was_written FROM commission.account;
UPDATE partners SET email = 'd@x.example' WHERE id = 44;
INSERT INTO partners VALUES (46, NULL, 'basic');
UPDATE partners SET plan = 'basic' WHERE id = 45;
UPDATE partners SET plan = 'gold', email = 'b@y.example' WHERE id = 42;
SELECT * FROM commission.apply_tiers();
UPDATE partners SET plan = NULL WHERE id IN (42, 44);
DELETE FROM partners WHERE id = 45;
UPDATE partners SET id = 47 WHERE id = 46;
SELECT * FROM grouped OFFSET :moves;
SELECT name, label, group_name, closed_at IS NOT NULL AS closed FROM commission.account WHERE name ~ '^4' ORDER BY name;
-- errors name the row
SELECT * FROM outcome($$INSERT INTO partners VALUES (48, NULL, '')$$);
SELECT * FROM outcome($$INSERT INTO partners VALUES (48, NULL, repeat('x', 1025))$$);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM outcome($$UPDATE partners SET plan = 'basic' WHERE id = 41$$);
INSERT INTO partners VALUES (48);
COMMIT;
ALTER TABLE partners RENAME plan TO tariff;
SELECT * FROM outcome($$INSERT INTO partners VALUES (49, NULL, 'gold')$$);
ALTER TABLE partners RENAME tariff TO plan;
-- ... and under notice an account does not come into less (R42), except with the row that creates it
SET commission.notice_days = 30;
CREATE FUNCTION outcome_without_time(statement text, OUT error text, OUT on_row text) LANGUAGE sql AS
	$$SELECT regexp_replace(error, ' on [-0-9]+ [0-9:.]+ ?[A-Z]*\.', '.'), on_row FROM outcome(statement)$$;
SELECT * FROM outcome_without_time($$UPDATE partners SET plan = 'basic' WHERE id = 41$$);
SELECT * FROM outcome_without_time($$UPDATE partners SET plan = NULL$$);
INSERT INTO partners VALUES (49, NULL, 'basic');
UPDATE partners SET plan = 'gold' WHERE id IN (48, 49);
SELECT commission.detach('partners');
UPDATE partners SET plan = 'basic' WHERE id = 48;
SELECT * FROM outcome_without_time($$SELECT commission.attach_accounts('partners', 'id', group_name => 'plan')$$);
RESET commission.notice_days;
SELECT commission.attach_accounts('partners', 'id', group_name => 'plan');
SELECT name, label, group_name, closed_at IS NOT NULL AS closed FROM commission.account WHERE name ~ '^4' ORDER BY name;
SELECT * FROM commission.audit();
-- ... without the column, rows leave groups alone
SELECT commission.detach('partners'), commission.attach_accounts('partners', 'id');
UPDATE partners SET plan = 'gold', id = 50 WHERE id = 48;
INSERT INTO partners VALUES (48, NULL, 'gold');
SELECT name, group_name, closed_at IS NOT NULL AS closed FROM commission.account WHERE name IN ('48', '50') ORDER BY name;
SELECT commission.detach('partners');

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
DROP TABLE users, listings, posters, models, drafts, typed, members, partners CASCADE;
DROP VIEW listed, written, grouped;
DROP TYPE shelf;
DROP FUNCTION outcome, outcome_without_time, raise_price, forget_user;
DROP EXTENSION commission CASCADE;
DROP ROLE regress_commission_writer, regress_commission_web;

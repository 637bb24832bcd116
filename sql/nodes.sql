/*
 * nodes.sql
 *		Where a call belongs, once the ledger is on several machines.  The
 *		subscriptions are made up; test/t/nodes.t has real ones.
 */
SET client_min_messages = error;
SET timezone = 'UTC';
SET commission.minimum_payout = 0;
SET commission.cref_secret = 'thirty-two bytes or more, and of noise';

-- every table has its place
SELECT c.relname, p.place
FROM pg_class AS c
FULL JOIN commission_internal.table_place AS p ON p.name = c.relname
WHERE (c.relnamespace = 'commission'::regnamespace AND c.relkind = 'r' OR c.oid IS NULL)
	AND (p.name IS NULL OR c.oid IS NULL);

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT commission.record_generation('g1', 'brand', 'avatar', model_price => 20, api_cost => 10) AS generation;
SELECT commission.record_order('o1', 'brand', 1999) AS first_order;
SELECT commission.request_withdrawal('ana', 5, 'bank') AS withdrawal \gset

/* What a machine refuses that follows these tables. */
CREATE SUBSCRIPTION other CONNECTION '' PUBLICATION other
	WITH (connect = false, enabled = false, create_slot = false, slot_name = NONE);
CREATE PROCEDURE follow(state "char", VARIADIC tables regclass[]) LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL allow_system_table_mods = on;
	DELETE FROM pg_subscription_rel WHERE srsubid = (SELECT oid FROM pg_subscription WHERE subname = 'other');
	INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate)
	SELECT s.oid, t, state FROM pg_subscription AS s CROSS JOIN unnest(tables) AS t WHERE s.subname = 'other';
END $$;
CREATE FUNCTION refused(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE command;
	RETURN 'accepted';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', SQLERRM, detail, hint);
END $$;

-- a node: the catalogue and the money are the hub's
CALL follow('r', 'commission.account');
SELECT command, refused(command) FROM (VALUES
	('SELECT commission.register_account(''ana'')'),
	('SELECT commission.request_withdrawal(''ana'')')) AS c (command);
SELECT command, split_part(refused(command), E'\n', 1) AS refused FROM (VALUES
	('SELECT commission.close_account(''ana'')'),
	('SELECT commission.register_listing(''avatar'', ''seller'', ''avatar'', 120)'),
	('SELECT commission.set_model_price(''nano'', ''2K'', 20, 10)'),
	('SELECT commission.refer(''other'', ''ana'', ''brand'')'),
	('SELECT commission.move_referral(''brand'', ''bo'', ''brand'')'),
	('SELECT commission.end_referral(''brand'', ''brand'')'),
	('SELECT commission.attribute(''new'', NULL, ''brand'')'),
	('SELECT commission.set_material(''banner'', ''banner'', ''Banner'', ''{link}'')'),
	('SELECT commission.hold_account(''ana'', ''to be looked at'')'),
	('SELECT commission.set_payout(''ana'', ''bank'', ''DE02120300000000202051'')'),
	('CALL commission.schedule_withdrawals()'),
	('SELECT commission.approve_withdrawal(3)'),
	('SELECT commission.cancel_withdrawal(3)'),
	('SELECT commission.open_payout_batch(''bank'')')) AS c (command);
-- sales, refunds, clicks and rolling up are the node's own
SELECT refused(command), command FROM (VALUES
	('SELECT commission.record_generation(''g2'', ''brand'', ''avatar'', model_price => 20, api_cost => 10)'),
	('SELECT commission.reverse_generation(''g1'', 5)'),
	('SELECT commission.reverse_order(''o1'', 5)'),
	('SELECT commission.touch(''ana'')'),
	('CALL commission.rollup()'),
	('CALL commission.seal()')) AS c (command);
SELECT * FROM commission.audit();

-- a hub, while tables are copied: no withdrawal
CALL follow('d', 'commission.entry', 'commission.rolled');
SELECT command, refused(command) FROM (VALUES
	('SELECT commission.request_withdrawal(''ana'')'),
	('SELECT commission.approve_withdrawal(' || :withdrawal || ')')) AS c (command);
SELECT refused('CALL commission.schedule_withdrawals()') LIKE 'cannot withdraw%' AS refused;

-- a hub: a sale of a node is refunded and accrued there, and a node rolled up there
CALL follow('r', 'commission.entry', 'commission.rolled');
SELECT refused('SELECT commission.approve_withdrawal(' || :withdrawal || ')');
SET commission.node_id = 1;
SELECT setval('commission.event_id_seq', 100);
SELECT commission.record_generation('n1', 'brand', 'avatar', model_price => 20, api_cost => 10) >> 48 AS node;
SELECT commission.record_order('no1', 'other', 1999, occurred_at => '2026-02-01') AS unreferred;
SELECT command, refused(command) FROM (VALUES
	('CALL commission.rollup()'), ('CALL commission.seal()'),
	('SELECT * FROM commission.next_changes(''crm'')')) AS c (command);
RESET commission.node_id;
SELECT command, refused(command) FROM (VALUES
	('SELECT commission.reverse_generation(''n1'')'),
	('SELECT commission.reverse_order(''no1'', 5)')) AS c (command);
SELECT refused(command), command FROM (VALUES
	('SELECT commission.reverse_generation(''g1'', 5)'),
	('SELECT commission.refer(''other'', ''ana'', ''brand'', ''2026-01-01'', true)'),
	('CALL commission.rollup()'), ('CALL commission.seal()'),
	('SELECT * FROM commission.next_changes(''crm'')')) AS c (command);
SELECT count(*) AS late FROM commission.late_accrual;

-- a sale of a buyer who was moved away: taken, and named until it is moved as well
CALL follow('r', VARIADIC '{}');
SELECT jsonb_array_length(commission.release_buyer('brand', 1) -> 'rows') > 0 AS released;
SELECT commission.release_buyer('brand', -1);
SELECT commission.record_generation('stray', 'brand', 'avatar', model_price => 20, api_cost => 10) > 0 AS accepted;
SELECT problem, detail FROM commission.audit() WHERE problem LIKE '%moved%';
CALL follow('r', 'commission.entry', 'commission.rolled');
SELECT jsonb_array_length(commission.release_buyer('brand', 1) -> 'rows') > 0 AS released;
SELECT problem, detail FROM commission.audit() WHERE problem LIKE '%moved%';

-- one sale and one first order on two nodes: taken, and named
CALL follow('r', VARIADIC '{}');
SET commission.node_id = 2;
INSERT INTO commission.generation SELECT (g).* FROM (
	SELECT jsonb_populate_record(g, jsonb_build_object('event_id', (2::bigint << 48) + 1)) AS g
	FROM commission.generation AS g WHERE g.generation_id = commission.account_id('n1')) AS g;
SELECT commission.record_generation('n1', 'brand', 'avatar', model_price => 20, api_cost => 10) >> 48 AS node;
SELECT commission.record_order('no2', 'other', 1999) AS later, kind
FROM commission.customer_order WHERE customer_id = commission.account_id('other') ORDER BY event_id DESC LIMIT 1;
SELECT kind, event_id >> 48 AS node FROM commission.customer_order
WHERE customer_id = commission.account_id('other') ORDER BY event_id;
INSERT INTO commission.customer_order SELECT (o).* FROM (
	SELECT jsonb_populate_record(o, jsonb_build_object('event_id', (3::bigint << 48) + 1)) AS o
	FROM commission.customer_order AS o WHERE o.order_id = commission.account_id('no1')) AS o;
SELECT problem, event_id >> 48 AS node, detail FROM commission.audit() WHERE problem LIKE '%on two nodes' ORDER BY problem;
SELECT count(*) > 0 AS explained FROM commission.explain('n1');
SELECT count(*) > 0 AS explained FROM commission.explain_order('no1');
RESET commission.node_id;

-- a node that was given no number
CALL follow('r', 'commission.account');
SELECT problem, detail FROM commission.audit() WHERE problem LIKE 'node %';
CALL follow('r', VARIADIC '{}');

-- a sequence that was set back
SELECT last_value FROM commission.event_id_seq \gset
SELECT setval('commission.event_id_seq', 1);
SELECT problem, detail FROM commission.audit() WHERE problem LIKE 'sequence%';
SELECT setval('commission.event_id_seq', :last_value) > 1 AS set_again;

-- what another server keeps
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing;
CREATE TABLE sale (id text, buyer text, avatar text, price int, cost int) PARTITION BY LIST (avatar);
CREATE TABLE sale_here PARTITION OF sale FOR VALUES IN ('avatar');
CREATE FOREIGN TABLE sale_there PARTITION OF sale FOR VALUES IN ('other') SERVER elsewhere;
SELECT refused('SELECT commission.attach(''sale'', ''id'', ''buyer'', ''avatar'', model_price => ''price'', api_cost => ''cost'')');
ALTER TABLE sale DETACH PARTITION sale_there;
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost');
ALTER TABLE sale ATTACH PARTITION sale_there FOR VALUES IN ('other');
SELECT problem, detail FROM commission.audit() WHERE problem LIKE '%partition%';

-- what Citus has made its own
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass);
CREATE TABLE pg_catalog.pg_dist_shard (logicalrelid regclass, shardid bigint);
INSERT INTO pg_dist_shard VALUES ('sale', 102008), ('sale', 102009);
CREATE TABLE sale_102008 (LIKE sale);
SELECT problem, detail FROM commission.audit() WHERE problem LIKE 'shard%';
INSERT INTO sale VALUES ('c1', 'brand', 'avatar', 20, 10);
INSERT INTO pg_dist_partition VALUES ('commission.entry'), ('commission.model_price');
COMMENT ON TABLE commission.entry IS 'as Citus touches it';
ALTER TABLE commission.entry SET (fillfactor = 100);
INSERT INTO sale VALUES ('c2', 'brand', 'avatar', 20, 10);
DROP TABLE pg_catalog.pg_dist_partition, pg_catalog.pg_dist_shard;
INSERT INTO sale VALUES ('c2', 'brand', 'avatar', 20, 10);
RESET allow_system_table_mods;

DROP TABLE sale, sale_102008;
DROP FUNCTION refused;
DROP PROCEDURE follow;
DROP SUBSCRIPTION other;
DROP SERVER elsewhere;
DROP FOREIGN DATA WRAPPER nothing;
DROP EXTENSION commission;

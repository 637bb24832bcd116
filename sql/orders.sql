/*
 * orders.sql
 *		What an order earns the customer's referrer (R30): its kind, given or
 *		left out, the ratio of its kind; replays, refunds, errors.
 */
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE ROLE regress_commission_shop;
GRANT CREATE ON SCHEMA public TO regress_commission_shop;
SELECT commission.grant_writer('regress_commission_shop');
SELECT commission.grant_reader('regress_commission_shop');

CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;
/* What was recorded and what it earned whom, net of refunds. */
CREATE VIEW recorded AS
	SELECT o.order_name AS id, o.kind, o.kind_derived AS derived, o.leg,
		l.account AS earner, l.amount AS earned, l.ratio, o.event_id
	FROM commission.customer_order AS o
	LEFT JOIN commission.ledger AS l ON l.event_id = o.event_id;
GRANT SELECT ON recorded TO regress_commission_shop;
RESET client_min_messages;

-- each customer comes in twice, by function and by table
CREATE TABLE door (door text);
INSERT INTO door VALUES ('function'), ('table');
GRANT SELECT ON door TO regress_commission_shop;
SELECT account AS "referred by ana", count(*) FILTER (WHERE
	commission.refer(account || ' by ' || door, 'ana', role::commission.referral_role, '2026-01-10'))
FROM (VALUES ('cleo', 'brand'), ('carl', 'brand'), ('cora', 'brand'), ('seller', 'creator'))
	AS referred (account, role), door
GROUP BY account ORDER BY account;
SELECT commission.refer('orphan by ' || door, 'gone', 'brand', '2026-01-10') FROM door;
SELECT commission.close_account('gone');

-- the application's role and its table
SET ROLE regress_commission_shop;
CREATE TABLE shop (id text, customer text, amount int, kind text, plan text,
	at timestamptz, paid boolean DEFAULT true);
CREATE FUNCTION record(s shop) RETURNS bigint LANGUAGE sql AS $$
	SELECT commission.record_order(s.id, s.customer, s.amount,
		s.kind::commission.order_kind, s.plan, s.at, s.paid)
$$;
SELECT commission.attach_orders('shop', 'id', 'customer', 'amount', 'kind', 'plan', 'at', 'paid');
CREATE TABLE script (n int, customer text, amount int, kind text, plan text,
	at timestamptz, paid boolean, what text);
INSERT INTO script VALUES
	( 1, 'cleo', 1999, NULL, 'Pro', '2026-01-15', true, 'first order,'),
	( 2, 'cleo', 1999, NULL, 'Pro', '2026-02-15', true, 'then a renewal'),
	( 3, 'cleo', 1999, 'upgrade', 'Scale', '2026-02-20', true, 'an upgrade'),
	( 4, 'cleo', 14999, 'renewal', 'Scale', '2026-03-15', true, 'said to be a renewal'),
	( 5, 'carl', 1999, 'upgrade', NULL, '2026-01-15', true, 'an upgrade is no first order:'),
	( 6, 'carl', 14999, NULL, NULL, '2026-01-16', true, 'the next is'),
	( 7, 'carl', 1999, NULL, NULL, '2026-01-11', true, 'one that comes late is none'),
	( 8, 'cora', 1999, NULL, NULL, '2026-01-09 23:59:59.999999', true, 'before the referral: nothing,'),
	( 9, 'cora', 1999, NULL, NULL, '2026-01-10', true, 'but it was the first'),
	(10, 'nobody', 1999, NULL, NULL, '2026-01-15', true, 'not referred'),
	(11, 'seller', 1999, NULL, NULL, '2026-01-15', true, 'referred for what it sells'),
	(12, 'orphan', 1999, NULL, NULL, '2026-01-15', true, 'the earner''s account is closed'),
	(13, 'cleo', 6, NULL, NULL, '2026-03-20', true, 'less than half a credit'),
	(14, 'cleo', 7, NULL, NULL, '2026-03-20', true, 'more than half a credit'),
	(15, 'new', 0, NULL, NULL, '2026-01-15', true, 'of 0 credits: no order'),
	(16, 'new', 1999, NULL, NULL, '2026-01-15', false, 'not paid: no order'),
	(17, 'new', 1999, NULL, NULL, '2026-01-15', NULL, 'not known to be paid');
CREATE FUNCTION scripted(door text) RETURNS SETOF shop LANGUAGE sql AS $$
	SELECT n || ' by ' || door, customer || ' by ' || door, amount, kind, plan, at, paid
	FROM script ORDER BY n
$$;

-- by function: the event's id, or NULL where nothing is owed to anybody
SELECT count(record(s)) AS paid FROM scripted('function') AS s;
SELECT s.n, s.what, r.kind, r.derived, r.leg, r.earner, r.earned, r.ratio
FROM script AS s LEFT JOIN recorded AS r ON r.id = s.n || ' by function' ORDER BY s.n;

-- by table: the same
INSERT INTO shop SELECT * FROM scripted('table');
SELECT s.n, f, t
FROM script AS s
LEFT JOIN recorded AS f ON f.id = s.n || ' by function'
LEFT JOIN recorded AS t ON t.id = s.n || ' by table'
WHERE (f.kind, f.derived, f.leg, f.earner, f.earned, f.ratio)
	IS DISTINCT FROM (t.kind, t.derived, t.leg, t.earner, t.earned, t.ratio);

-- errors
SELECT statement || E'\n\t' || outcome(statement) AS errors FROM unnest(ARRAY[
	$$SELECT commission.record_order('x', 'cleo by table', 1999, 'first_order')$$,
	$$INSERT INTO shop VALUES ('x', 'cora by table', 1999, 'first_order')$$,
	$$SELECT commission.record_order('x', 'cleo by table', -1)$$,
	$$INSERT INTO shop VALUES ('x', 'cleo by table', -1)$$,
	$$INSERT INTO shop VALUES ('x', 'cleo by table', -1, 'renewal', NULL, now(), false)$$,
	$$SELECT commission.record_order('x', 'cleo by table', 1999, 'trial')$$,
	$$INSERT INTO shop VALUES ('w', 'cleo by table', 1999, NULL), ('x', 'cleo by table', 1999, 'trial')$$,
	$$INSERT INTO shop VALUES ('x', 'cleo by table', 1999, '')$$,
	$$SELECT commission.record_order(NULL, 'cleo by table', 1999)$$,
	$$INSERT INTO shop VALUES (NULL, 'cleo by table', 1999)$$,
	$$SELECT commission.record_order('x', NULL, 1999)$$,
	$$SELECT commission.record_order('x', 'cleo by table', NULL)$$,
	$$INSERT INTO shop VALUES ('x', 'cleo by table', NULL)$$,
	$$SELECT commission.record_order('', 'cleo by table', 1999)$$,
	$$SELECT commission.record_order('x', '', 1999)$$,
	$$SELECT commission.record_order('x', 'cleo by table', 1999, occurred_at => 'infinity')$$,
	$$INSERT INTO shop VALUES ('x', 'cleo by table', 1999, NULL, NULL, '-infinity')$$,
	$$SELECT commission.reverse_order('1 by table')$$,
	$$SELECT FROM commission.customer_order$$])
	AS statement;

-- exactly once (R17): the same again, by either door, whatever the settings are by now
RESET ROLE;
SET commission.first_order_ratio = 0.5;
SET commission.renewal_ratio = 0;
SELECT commission.close_account('ana');
SET ROLE regress_commission_shop;
SELECT count(record(s)) AS paid, count(*) FILTER (WHERE record(s) = r.event_id) AS same_id
FROM door, scripted(door) AS s LEFT JOIN recorded AS r USING (id);
INSERT INTO shop SELECT s.* FROM door, scripted(door) AS s WHERE s.paid;
SELECT count(*) AS orders, count(DISTINCT id) AS ids, sum(earned) AS earned FROM recorded;
RESET ROLE;
RESET commission.first_order_ratio;
RESET commission.renewal_ratio;
SELECT commission.reopen_account('ana');
SET ROLE regress_commission_shop;
-- a kind that was settled may be given, and one that was given left out; so may the time
SELECT commission.record_order('2 by table', 'cleo by table', 1999, 'renewal', 'Pro') IS NOT NULL AS same;
SELECT commission.record_order('3 by table', 'cleo by table', 1999, NULL, 'Scale') IS NOT NULL AS same;

-- each field with other content, by each door: the first difference is named
CREATE TABLE change (n int, field text, value text);
INSERT INTO change VALUES
	(1, 'customer', 'carl'), (2, 'customer', 'carl by table'), (3, 'amount', '2000'),
	(4, 'amount', '0'), (5, 'kind', 'first_order'), (6, 'kind', 'upgrade'), (7, 'plan', 'Scale'),
	(8, 'plan', NULL), (9, 'plan', ''), (10, 'at', '2026-02-15 00:00:00.000001'), (11, 'paid', 'false');
CREATE FUNCTION changed(id text, field text, value text) RETURNS shop LANGUAGE sql AS $$
	SELECT jsonb_populate_record(s, jsonb_build_object(field, value))
	FROM scripted('table') AS s WHERE s.id = changed.id
$$;
SELECT field, value, outcome(format('INSERT INTO shop SELECT (changed(%L, %L, %L)).*',
									'2 by table', field, value)) AS error
FROM change ORDER BY n;
SELECT field, value FROM change
WHERE outcome(format('INSERT INTO shop SELECT (changed(%L, %L, %L)).*', '2 by table', field, value))
	<> outcome(format('SELECT record(changed(%L, %L, %L))', '2 by table', field, value));
-- of several, the first; and within a statement
INSERT INTO shop VALUES ('2 by table', 'carl', 1, 'upgrade');
INSERT INTO shop VALUES ('twice', 'cleo by table', 100), ('twice', 'cleo by table', 101);

RESET ROLE;
-- a refund takes back in proportion, in however many steps (R21)
SELECT commission.reverse_order('1 by table', 1000, 'half a month') IS NOT NULL AS refunded;
SELECT commission.reverse_order('1 by table', 998) IS NOT NULL AS refunded;
SELECT outcome($$SELECT commission.reverse_order('1 by table', 2)$$) AS error;
SELECT kind, counts_as, amount, from_account, source FROM commission.ledger
WHERE source = '1 by table' ORDER BY event_id;
SELECT commission.reverse_order('1 by table') IS NOT NULL AS refunded;
SELECT commission.reverse_order('1 by table') IS NOT NULL AS refunded;
SELECT sum(amount) FROM commission.ledger WHERE source = '1 by table';
-- it was the first order all the same, and its id is taken
SELECT outcome($$SELECT commission.record_order('x', 'cleo by table', 1999, 'first_order')$$) AS error;
SELECT record(s) IS NOT NULL AS same FROM scripted('table') AS s WHERE id = '1 by table';
-- an order that nobody earned on can be refunded, too
SELECT commission.reverse_order('10 by table') IS NOT NULL AS refunded;
SELECT statement || E'\n\t' || outcome(statement) AS errors FROM unnest(ARRAY[
	$$SELECT commission.reverse_order('16 by table')$$,
	$$SELECT commission.reverse_order('2 by table', 0)$$,
	$$SELECT commission.reverse_order('2 by table', 2000)$$,
	$$SELECT commission.reverse_order(NULL)$$])
	AS statement;

-- several machines
SET commission.node_id = 7;
SELECT commission.record_order('of node 7', 'cleo by table', 1999) >> 48 AS node;
SELECT commission.reverse_order('of node 7') >> 48 AS node;
RESET commission.node_id;

SELECT * FROM commission.audit();
DROP TABLE shop CASCADE;
DROP TABLE script, change, door;
DROP VIEW recorded;
DROP EXTENSION commission CASCADE;
DROP FUNCTION outcome;
REVOKE CREATE ON SCHEMA public FROM regress_commission_shop;
DROP ROLE regress_commission_shop;

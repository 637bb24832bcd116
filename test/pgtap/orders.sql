/*
 * orders.sql
 *		Orders: what each kind earns at many amounts and ratios (R3, R30), what
 *		a referral will bring, and what the audit finds.
 */
BEGIN;
SELECT plan(56);

DO $$ BEGIN PERFORM commission.refer('c1', 'ana', 'brand', '2026-01-01'); END $$;

/* Record a new order of a customer of its own and give what it earns. */
CREATE TEMP SEQUENCE n;
CREATE FUNCTION pg_temp.earned(kind commission.order_kind, amount bigint, ratio numeric) RETURNS bigint
	LANGUAGE plpgsql AS $$
DECLARE
	id text := 'o' || nextval('pg_temp.n');
	event bigint;
BEGIN
	PERFORM set_config(format('commission.%s_ratio', kind), ratio::text, true);
	PERFORM commission.refer(id, 'ana', 'brand', '2026-01-01');
	event := commission.record_order(id, id, amount, kind, occurred_at => '2026-02-01');
	RETURN (SELECT l.amount FROM commission.ledger AS l
			WHERE l.event_id = event AND l.kind::text = earned.kind::text AND l.ratio = earned.ratio);
END $$;

SELECT is(pg_temp.earned(kind, amount, ratio), expected, format('%s of %s at %s', kind, amount, ratio))
FROM (VALUES
	('first_order'::commission.order_kind, 1999::bigint, 0.15::numeric, 300::bigint),
	('renewal',		1999,	0.08,	160),
	('upgrade',		1999,	0.10,	200),
	('first_order',	14999,	0.15,	2250),
	('renewal',		14999,	0.08,	1200),
	('upgrade',		14999,	0.10,	1500),
	('first_order',	3,		0.15,	NULL),
	('first_order',	4,		0.15,	1),
	('renewal',		6,		0.08,	NULL),
	('renewal',		7,		0.08,	1),
	('upgrade',		4,		0.10,	NULL),
	('upgrade',		5,		0.10,	1),
	('upgrade',		15,		0.10,	2),
	('upgrade',		25,		0.10,	3),
	('renewal',		1,		0.5,	1),
	('renewal',		1,		0.499999,	NULL),
	('renewal',		100,	0.29,	29),
	('renewal',		100,	0.145,	15),
	('renewal',		100,	0.144999,	14),
	('first_order',	1000000,	0.000001,	1),
	('first_order',	499999,	0.000001,	NULL),
	('first_order',	500000,	0.000001,	1),
	('first_order',	1999,	0,		NULL),
	('upgrade',		1999,	1,		1999),
	('renewal',		1000000000000000,	1,	1000000000000000))
	AS vector (kind, amount, ratio, expected);

SELECT is_empty($$
	SELECT kind, amount, ratio, got
	FROM unnest(enum_range(NULL::commission.order_kind)) AS kind,
		unnest(ARRAY[0.000001, 0.08, 0.125, 0.5, 0.999999]) AS ratio,
		unnest(ARRAY[1, 2, 3, 6, 7, 12, 13, 99, 1001]) AS amount,
		pg_temp.earned(kind, amount, ratio) AS got
	WHERE coalesce(got, 0) <> floor(amount * ratio + 0.5) $$,
	'kinds, amounts and ratios: rounded half up');
SELECT is_empty('SELECT * FROM commission.audit()', 'the audit, with its own arithmetic, agrees');

-- project_subscription
SET LOCAL commission.first_order_ratio = 0.15;
SET LOCAL commission.renewal_ratio = 0.08;
SELECT results_eq(format('SELECT * FROM commission.project_subscription(%L, %L)', price, renewals),
				  format('VALUES (%s::bigint, %s::bigint, %s::bigint)', first_order, renewal, total),
				  format('%s and %s renewals', price, renewals))
FROM (VALUES
	(1999, 11, 300, 160, 2060::bigint),
	(14999, 11, 2250, 1200, 15450),
	(1999, 0, 300, 160, 300),
	(0, 11, 0, 0, 0),
	(4, 2, 1, 0, 1),
	(1999, 2147483647, 300, 160, 343597383820)) AS vector (price, renewals, first_order, renewal, total);
SELECT is_empty('SELECT * FROM commission.project_subscription(NULL, 1)', 'no price');
SELECT throws_ok(statement, code, message, message) FROM (VALUES
	('SELECT commission.project_subscription(-1, 1)', '22023', 'price must not be negative'),
	('SELECT commission.project_subscription(1, -1)', '22023', 'number of renewals must not be negative'),
	('SELECT commission.project_subscription(9223372036854775807, 100)', '22003', 'amount out of range'))
	AS refused (statement, code, message);

-- what was paid once is what the ratio was then (R15)
SELECT commission.record_order('kept', 'c1', 1999, occurred_at => '2026-02-01') AS kept \gset
SET LOCAL commission.first_order_ratio = 1;
SELECT is(commission.record_order('kept', 'c1', 1999, occurred_at => '2026-02-01'), :kept::bigint, 'a replay under another setting');
SELECT is((SELECT array_agg(amount) FROM commission.ledger WHERE event_id = :kept), ARRAY[300::bigint], 'its entry is as it was');

-- R1: an order carries at most 10^15 credits
SELECT throws_ok(format('SELECT commission.record_order(%L, %L, %s)', 'large', 'c1', amount), '22003', message,
				 format('an order of %s credits', amount))
FROM (VALUES
	(1000000000000001, 'amount out of range'),
	(9223372036854775807, 'amount out of range')) AS vector (amount, message);

-- R30, R10: paid only while the customer's account is active, as on generations
DO $$ BEGIN
	PERFORM commission.refer('closed', 'ana', 'brand', '2026-01-01');
	PERFORM commission.close_account('closed');
END $$;
SELECT is(commission.record_order('of a closed customer', 'closed', 1999), NULL, 'a closed customer''s order pays nobody');
SELECT is((SELECT leg FROM commission.customer_order WHERE order_name = 'of a closed customer'), 'a'::"char",
		  'and says why');
DO $$ BEGIN PERFORM commission.reopen_account('closed'); END $$;
SELECT isnt(commission.record_order('of a reopened one', 'closed', 1999), NULL, 'reopened, it pays again');

-- the audit sees what is wrong with an order
CREATE FUNCTION pg_temp.found(corruption text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	problems text;
BEGIN
	ALTER TABLE commission.entry DISABLE TRIGGER ALL;
	ALTER TABLE commission.customer_order DISABLE TRIGGER ALL;
	EXECUTE corruption;
	SELECT string_agg(problem, ', ' ORDER BY problem) INTO problems FROM commission.audit()
	WHERE problem <> 'guard not as installed';	-- the guards are off
	RAISE EXCEPTION USING ERRCODE = 'XX999', MESSAGE = coalesce(problems, 'nothing');
EXCEPTION WHEN SQLSTATE 'XX999' THEN
	RETURN SQLERRM;
END $$;
SELECT is(pg_temp.found(replace(corruption, ':kept', :'kept')), expected, corruption) FROM (VALUES
	('SELECT', 'nothing'),
	('UPDATE commission.entry SET amount = amount + 1 WHERE event_id = :kept', 'entries differ from the facts'),
	('UPDATE commission.entry SET ratio_ppm = 80000 WHERE event_id = :kept', 'entries differ from the facts'),
	('UPDATE commission.entry SET kind = ''renewal'', counts_as = ''renewal'' WHERE event_id = :kept', 'entries differ from the facts'),
	('DELETE FROM commission.entry WHERE event_id = :kept', 'entries differ from the facts'),
	('INSERT INTO commission.entry SELECT event_id, 7, occurred_at, commission.account_id(''ana''), commission.account_id(''c3''),'
	 ' NULL, kind, counts_as, ratio_ppm, 2 FROM commission.entry WHERE event_id = :kept',
	 'entries differ from the facts, entry with another buyer than its event'),
	('UPDATE commission.entry SET occurred_at = now() WHERE event_id = :kept', 'entry with another time than its event'),
	('UPDATE commission.entry SET from_account_id = commission.account_id(''c2'') WHERE event_id = :kept',
	 'entry with another buyer than its event'),
	('UPDATE commission.customer_order SET amount = 2999 WHERE event_id = :kept', 'entries differ from the facts'),
	('UPDATE commission.customer_order SET leg = ''n'' WHERE event_id = :kept',
	 'entries differ from the facts, unreferred leg differs from its sale'),
	('DELETE FROM commission.customer_order WHERE event_id = :kept', 'entry of no event'),
	('UPDATE commission.customer_order SET kind = ''renewal'', ratio_ppm = 150000 WHERE event_id = :kept',
	 'entries differ from the facts, renewal without a first order')) AS planted (corruption, expected);

SELECT * FROM finish();
ROLLBACK;

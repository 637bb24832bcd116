/*
 * audit.sql
 *		audit() finds each of a set of planted corruptions, and nothing in
 *		books that are in order.
 */
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';

CREATE TEMPORARY TABLE corruption (
	number integer GENERATED ALWAYS AS IDENTITY,
	statement text NOT NULL,
	problems text[] NOT NULL	/* what audit() calls it, each once */
);
INSERT INTO corruption (statement, problems) VALUES
	($$UPDATE commission.entry SET amount = amount - 1 WHERE event_id = pg_temp.event('plain') AND kind = 'brand'$$,
	 '{"entries differ from the facts"}'),
	($$UPDATE commission.entry SET amount = 20 WHERE event_id = pg_temp.event('plain') AND kind = 'brand'$$,
	 '{"entries differ from the facts","legs over the cap"}'),
	($$UPDATE commission.entry SET amount = 99 WHERE event_id = pg_temp.event('plain') AND kind = 'pool'$$,
	 '{"credits do not add up","entries differ from the facts","pool not shared exactly"}'),
	($$DELETE FROM commission.entry WHERE event_id = pg_temp.event('plain')$$,
	 '{"generation without entries"}'),
	($$DELETE FROM commission.entry WHERE event_id = pg_temp.event('plain') AND kind = 'creator'$$,
	 '{"entries differ from the facts","lines are not numbered from 1"}'),
	($$DELETE FROM commission.generation WHERE event_id = pg_temp.event('plain')$$,
	 '{"entry of no event"}'),
	($$UPDATE commission.generation SET model_price = 30 WHERE event_id = pg_temp.event('plain')$$,
	 '{"entries differ from the facts"}'),
	($$UPDATE commission.generation SET brand_leg = 'n' WHERE event_id = pg_temp.event('plain')$$,
	 '{"entries differ from the facts","unreferred leg differs from its sale"}'),
	($$UPDATE commission.generation SET buyer_id = commission.account_id('else') WHERE event_id = pg_temp.event('plain')$$,
	 '{"entries differ from the facts","entry with another buyer than its event"}'),
	($$UPDATE commission.generation SET occurred_at = occurred_at - interval '1 day' WHERE event_id = pg_temp.event('plain')$$,
	 '{"entry with another time than its event"}'),
	($$UPDATE commission.entry SET account_id = commission.account_id('nobody') WHERE event_id = pg_temp.event('plain') AND kind = 'brand'$$,
	 '{"entry of an account that does not exist"}'),
	($$ALTER TABLE commission.entry DROP CONSTRAINT entry_self_pay_check;
	   UPDATE commission.entry SET account_id = from_account_id WHERE event_id = pg_temp.event('plain') AND kind = 'creator'$$,
	 '{self-pay}'),
	($$DELETE FROM commission.entry WHERE event_id = pg_temp.refund() AND counts_as = 'brand'$$,
	 '{"refund took another amount"}'),
	($$UPDATE commission.reversal SET refunded = 200$$,
	 '{"refund of more than was paid","refund took another amount"}'),
	($$UPDATE commission.entry SET ratio_ppm = 1 WHERE event_id = pg_temp.event('plain') AND kind = 'creator'$$,
	 '{"entries differ from the facts"}'),
	($$UPDATE commission.entry SET from_account_id = commission.account_id('ben') WHERE event_id = pg_temp.event('plain') AND line = 4$$,
	 '{"entries differ from the facts"}'),
	($$UPDATE commission.entry SET account_id = commission.account_id('ben') WHERE event_id = pg_temp.event('plain') AND line = 4$$,
	 '{"entries differ from the facts"}'),
	($$UPDATE commission.entry SET amount = amount + 7 - 2 * line WHERE event_id = pg_temp.event('plain') AND kind = 'pool'$$,
	 '{"entries differ from the facts"}'),
	($$UPDATE commission.entry SET line = line + 1 WHERE event_id = pg_temp.event('plain') AND line = 4$$,
	 '{"lines are not numbered from 1"}'),
	($$ALTER TABLE commission.entry DROP CONSTRAINT entry_pkey;
	   UPDATE commission.entry SET line = 3 - line WHERE event_id = pg_temp.event('plain') AND line < 3$$,
	 '{"entries differ from the facts"}'),
	($$ALTER TABLE commission.entry DROP CONSTRAINT entry_pkey;
	   INSERT INTO commission.entry SELECT * FROM commission.entry WHERE event_id = pg_temp.event('plain') AND line = 1$$,
	 '{"entries differ from the facts","legs over the cap","lines are not numbered from 1"}'),
	($$ALTER TABLE commission.entry DROP CONSTRAINT entry_pkey;
	   DELETE FROM commission.entry WHERE event_id = pg_temp.event('plain') AND line = 2;
	   INSERT INTO commission.entry SELECT * FROM commission.entry WHERE event_id = pg_temp.event('plain') AND line = 1$$,
	 '{"entries differ from the facts","legs over the cap"}'),
	($$ALTER TABLE commission.entry DROP CONSTRAINT entry_amount_check;
	   UPDATE commission.generation SET brand_leg = 'n' WHERE event_id = pg_temp.event('plain');
	   UPDATE commission.entry SET amount = 0, line = 0 WHERE event_id = pg_temp.event('plain') AND line = 1$$,
	 '{"entries differ from the facts","unreferred leg differs from its sale"}'),
	($$UPDATE commission.generation SET api_cost = -1 WHERE event_id = pg_temp.event('plain')$$,
	 '{"entries differ from the facts","facts that cannot be"}'),
	($$UPDATE commission.listing SET co_author_shares = '{101}'$$, '{"entries differ from the facts"}');
INSERT INTO corruption (statement, problems) VALUES
	($$DELETE FROM commission.reversal$$, '{"entry of no event"}'),
	($$UPDATE commission.reversal SET reversed_event_id = 0$$,
	 '{"reversal of no event","reversal of what was not earned"}'),
	($$UPDATE commission.entry SET account_id = commission.account_id('ben') WHERE event_id = pg_temp.refund() AND counts_as = 'brand'$$,
	 '{"refund took another amount","reversal of what was not earned"}'),
	($$UPDATE commission.customer_order SET ratio_ppm = 200000$$,
	 '{"entries differ from the facts"}'),
	($$UPDATE commission.account SET name = 'anna' WHERE name = 'ana'$$,
	 '{"name kept under another key"}'),
	($$UPDATE commission.generation SET generation_name = 'plane' WHERE generation_name = 'plain'$$,
	 '{"name kept under another key"}'),
	($$UPDATE commission.rolled_kind SET amount = amount + 1 WHERE counts_as = 'pool'$$,
	 '{"rolled-up sum differs from the ledger"}'),
	($$UPDATE commission.rolled_day SET entries = entries + 1 WHERE counts_as = 'pool'$$,
	 '{"rolled-up sum differs from the ledger"}'),
	($$UPDATE commission.rolled_day SET campaign = 'spring' WHERE counts_as = 'brand'$$,
	 '{"rolled-up sum differs from the ledger"}'),
	($$DELETE FROM commission.rolled_referred$$,
	 '{"rolled-up sum differs from the ledger"}'),
	($$UPDATE commission.rolled_referred SET first_earned_at = first_earned_at - interval '1 day'$$,
	 '{"rolled-up sum differs from the ledger"}'),
	($$UPDATE commission.rolled SET event_ids = event_ids - int8multirange(int8range(pg_temp.event('plain'), NULL))$$,
	 '{"rolled-up sum differs from the ledger"}'),
	($$UPDATE commission.rolled SET event_ids = event_ids + '{[281474976710656,281474976710657)}'::int8multirange$$,
	 '{"event ids of another node are rolled up"}'),
	($$SELECT setval('commission.event_id_seq', 1)$$,
	 '{"sequence behind its event ids"}');

SELECT plan((SELECT count(*)::integer + 8 FROM corruption));

CREATE FUNCTION pg_temp.event(name text) RETURNS bigint
	LANGUAGE sql STABLE AS $$
	SELECT event_id FROM commission.generation
	WHERE generation_name = event.name
$$;
CREATE FUNCTION pg_temp.refund() RETURNS bigint
	LANGUAGE sql STABLE AS $$
	SELECT max(event_id) FROM commission.entry WHERE kind = 'reversal'
$$;

/* Plant a corruption with the guards off, audit, and take it back. */
CREATE FUNCTION pg_temp.found(statement text, auditor text DEFAULT 'audit') RETURNS text[]
	LANGUAGE plpgsql AS $$
DECLARE
	problems text[];
BEGIN
	BEGIN
		EXECUTE statement;
		EXECUTE format('SELECT array_agg(DISTINCT problem ORDER BY problem)
			FROM commission.%I() WHERE problem NOT LIKE %L', auditor, '% not as installed')
			INTO problems;
		RAISE EXCEPTION USING ERRCODE = 'ZZ000';
	EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
		RETURN problems;
	END;
END $$;

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100, NULL,
								   '{"stylist": 30}');
SELECT commission.refer('maria', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('seller', 'ana', 'creator', '2026-01-01');
SELECT commission.register_account('ben');
SELECT commission.record_generation('plain', 'maria', 'avatar',
									model_price => 20, api_cost => 10,
									occurred_at => '2026-03-01');
SELECT commission.record_generation('refunded', 'maria', 'avatar',
									model_price => 20, api_cost => 10,
									occurred_at => '2026-03-01');
SELECT commission.record_order('order', 'maria', 1999);
SELECT commission.reverse_generation('refunded', 70);
CALL commission.rollup();

SELECT is_empty('SELECT * FROM commission.audit()', 'books in order');
SELECT is_empty('SELECT * FROM commission_internal.doubtful_generations(0, 1000)',
				'no generation is worked out twice for nothing');

DO $$
DECLARE
	guarded regclass;
BEGIN
	FOR guarded IN SELECT DISTINCT tgrelid FROM pg_trigger
		WHERE tgfoid = 'commission_internal.refuse_change()'::regprocedure
	LOOP
		EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', guarded);
	END LOOP;
END $$;

/* The rolled-up sums stay behind what is planted in the ledger, too. */
SELECT is((SELECT array_agg(x) FROM unnest(pg_temp.found(c.statement)) AS x
		   WHERE x <> 'rolled-up sum differs from the ledger'
			OR c.problems = '{"rolled-up sum differs from the ledger"}'),
		  c.problems, regexp_replace(c.statement, '\s+', ' ', 'g'))
FROM corruption AS c ORDER BY c.number;
/* But for the sequence, which no rollback sets back. */
SELECT setval('commission.event_id_seq', max(event_id)) FROM commission.entry;
SELECT is(pg_temp.found('SELECT'), NULL, 'all taken back');

/* What is sealed need not be read again. */
CALL commission.seal();
SELECT commission.record_generation('later', 'maria', 'avatar', model_price => 20,
									api_cost => 10);
SELECT is(pg_temp.found(statement, 'audit_unsealed'), problems, 'audit_unsealed(): ' || statement)
FROM (VALUES
	('SELECT', NULL),
	($$UPDATE commission.entry SET ratio_ppm = 1 WHERE event_id = pg_temp.event('later') AND line = 1$$,
	 '{"entries differ from the facts"}'::text[]),
	($$DELETE FROM commission.generation WHERE event_id = pg_temp.event('later')$$,
	 '{"entry of no event"}'),
	($$UPDATE commission.entry SET ratio_ppm = 1 WHERE event_id = pg_temp.event('plain') AND line = 1$$,
	 NULL),
	($$UPDATE commission.reversal SET refunded = 200$$,
	 '{"refund of more than was paid","refund took another amount"}')) AS v (statement, problems);

SELECT * FROM finish();
ROLLBACK;

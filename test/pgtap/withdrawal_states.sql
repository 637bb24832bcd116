/*
 * withdrawal_states.sql
 *		Every state of a withdrawal against every other, by the functions and
 *		by an UPDATE that a superuser types, with and without
 *		session_replication_role = replica (R23).
 */
BEGIN;
SELECT plan(299);
SET LOCAL commission.minimum_payout = 0;

CREATE TEMPORARY TABLE state (state commission.withdrawal_state, way text[]);
INSERT INTO state VALUES
	('requested', '{}'),
	('approved', '{approved}'),
	('unknown', '{approved,unknown}'),
	('paid', '{approved,paid}'),
	('cancelled', '{cancelled}'),
	('rejected', '{rejected}'),
	('failed', '{approved,unknown,failed}');

/* R23, written down a second time. */
CREATE TEMPORARY TABLE law (state commission.withdrawal_state,
							next commission.withdrawal_state);
INSERT INTO law VALUES
	('requested', 'approved'), ('requested', 'cancelled'),
	('requested', 'rejected'),
	('approved', 'paid'), ('approved', 'unknown'), ('approved', 'cancelled'),
	('approved', 'rejected'),
	('unknown', 'paid'), ('unknown', 'failed');

CREATE FUNCTION pg_temp.call(withdrawal bigint, state text) RETURNS text
	LANGUAGE sql AS $$
	SELECT format(CASE state
		WHEN 'approved' THEN 'SELECT commission.approve_withdrawal(%s)'
		WHEN 'unknown' THEN 'SELECT commission.mark_withdrawal_unknown(%s)'
		WHEN 'paid' THEN 'SELECT commission.pay_withdrawal(%s, ''T'')'
		WHEN 'cancelled' THEN 'SELECT commission.cancel_withdrawal(%s)'
		WHEN 'rejected' THEN 'SELECT commission.reject_withdrawal(%s, ''R'')'
		WHEN 'failed' THEN 'SELECT commission.fail_withdrawal(%s, ''R'')'
		END, withdrawal)
$$;

CREATE FUNCTION pg_temp.typed(withdrawal bigint, state text) RETURNS text
	LANGUAGE sql AS $$
	SELECT format('UPDATE commission.withdrawal SET state = %L, reason = %L, '
				  'transfer = %L WHERE event_id = %s', state,
				  CASE WHEN state IN ('rejected', 'failed') THEN 'R' END,
				  CASE state WHEN 'paid' THEN 'T' END, withdrawal)
$$;

/* A withdrawal of 7 credits that has come to a state. */
CREATE FUNCTION pg_temp.withdrawal_in(way text[]) RETURNS bigint
	LANGUAGE plpgsql AS $$
DECLARE
	withdrawal bigint := commission.request_withdrawal('maria', 7, 'bank');
	step text;
BEGIN
	FOREACH step IN ARRAY way LOOP
		EXECUTE pg_temp.call(withdrawal, step);
	END LOOP;
	RETURN withdrawal;
END
$$;

CREATE FUNCTION pg_temp.balance() RETURNS bigint LANGUAGE sql AS
	$$SELECT balance FROM commission.balance WHERE account = 'maria'$$;

/* Try a transition by a statement; what came of it, and that it is right. */
CREATE FUNCTION pg_temp.try(way text[], next commission.withdrawal_state,
							lawful boolean, road text) RETURNS SETOF text
	LANGUAGE plpgsql AS $$
DECLARE
	withdrawal bigint := pg_temp.withdrawal_in(way);
	state commission.withdrawal_state :=
		(SELECT w.state FROM commission.withdrawal AS w
		 WHERE w.event_id = withdrawal);
	before bigint := pg_temp.balance();
	statement text := CASE road WHEN 'function' THEN pg_temp.call(withdrawal, next::text)
		ELSE pg_temp.typed(withdrawal, next::text) END;
	name text := format('%s to %s by %s', state, next, road);
BEGIN
	IF road = 'UPDATE on a replica' THEN
		SET LOCAL session_replication_role = replica;
	END IF;
	IF lawful THEN
		RETURN NEXT lives_ok(statement, name);
	ELSE
		RETURN NEXT throws_ok(statement, '55000',
							  format('withdrawal %s is %s', withdrawal, state),
							  name);
	END IF;
	SET LOCAL session_replication_role = origin;
	IF road = 'UPDATE on a replica' THEN
		RETURN;
	END IF;
	RETURN NEXT is(
		(SELECT format('%s, balance changed by %s, %s transitions', w.state,
					   pg_temp.balance() - before,
					   (SELECT count(*) FROM commission.withdrawal_transition AS t
						WHERE t.withdrawal_id = withdrawal))
		 FROM commission.withdrawal AS w WHERE w.event_id = withdrawal),
		format('%s, balance changed by %s, %s transitions',
			   CASE WHEN lawful THEN next ELSE state END,
			   CASE WHEN lawful AND next IN ('cancelled', 'rejected', 'failed')
				THEN 7 ELSE 0 END,
			   cardinality(way) + CASE WHEN lawful THEN 2 ELSE 1 END),
		name || ': state, credits and transitions');
END
$$;

SELECT commission.refer('brand', 'maria', 'brand', '2024-01-01');
SELECT commission.register_listing('portrait', 'pia', 'avatar', 100);
SELECT commission.record_generation('sale', 'brand', 'portrait',
									model_price => 10000000, api_cost => 0,
									occurred_at => '2024-02-01');

SELECT pg_temp.try(s.way, n.state,
				   EXISTS (SELECT FROM law WHERE law.state = s.state
						   AND law.next = n.state), road)
FROM state AS s, state AS n, unnest('{function,UPDATE}'::text[]) AS road
WHERE n.state <> 'requested' OR road <> 'function';

SELECT is_empty('SELECT * FROM commission.audit()', 'the books agree with all of that');

SELECT is(commission_internal.withdrawal_can_become(s.state, n.state),
		  EXISTS (SELECT FROM law WHERE law.state = s.state AND law.next = n.state),
		  format('withdrawal_can_become(%s, %s)', s.state, n.state))
FROM state AS s, state AS n;

/* On a replica the guard stands; what follows a transition comes by itself. */
SELECT pg_temp.try(s.way, n.state,
				   EXISTS (SELECT FROM law WHERE law.state = s.state
						   AND law.next = n.state), 'UPDATE on a replica')
FROM state AS s, state AS n
WHERE s.state <> n.state;

/* What a withdrawal is does not change, whatever its state. */
SELECT throws_ok(format('UPDATE commission.withdrawal SET %s WHERE event_id = %s',
						change, pg_temp.withdrawal_in(s.way)),
				 '55000', NULL, format('%s, %s', s.state, change))
FROM state AS s
CROSS JOIN unnest(ARRAY['event_id = -1', 'account_id = gen_random_uuid()',
	'amount = 8', 'requested_at = now() - interval ''1 day''',
	'method = ''bank''', 'destination = ''elsewhere''']) AS change
WHERE s.state = 'requested'
	OR s.state IN ('approved', 'paid') AND change ~ '^(amount|destination)';

/* What is approved is put into a batch, and taken out of it (R25). */
CREATE TEMPORARY TABLE batched AS
	SELECT pg_temp.withdrawal_in('{approved}') AS withdrawal;
SELECT isnt(commission.open_payout_batch('bank'), NULL, 'a batch is opened');
SELECT throws_ok(format('UPDATE commission.withdrawal SET batch_id = %s WHERE event_id = %s',
						batch, withdrawal), '55000',
				 format('withdrawal %s cannot change its payout batch', withdrawal),
				 format('%s to batch %s', what, batch))
FROM (SELECT 'batched' AS what, withdrawal, '-1' AS batch FROM batched
	  UNION ALL SELECT state::text, pg_temp.withdrawal_in(way), '-1' FROM state
	  WHERE state <> 'approved') AS attempt;
SELECT throws_ok(format('UPDATE commission.withdrawal SET batch_id = -1, state = ''unknown'' WHERE event_id = %s',
						pg_temp.withdrawal_in('{approved}')), '55000', NULL,
				 'a batch and a transition in one UPDATE');
CREATE TEMPORARY TABLE removed AS
	SELECT pg_temp.withdrawal_in('{approved}') AS withdrawal;
SELECT commission.open_payout_batch('bank');
SELECT lives_ok(format('UPDATE commission.withdrawal SET batch_id = NULL WHERE event_id = %s',
					   withdrawal), 'what is approved is taken out of its batch')
FROM removed;
SELECT is((SELECT string_agg(to_state::text, ' ' ORDER BY event_id)
		   FROM commission.withdrawal_transition AS t WHERE t.withdrawal_id = withdrawal),
		  'requested approved approved', 'which is kept') FROM removed;
SELECT throws_ok(pg_temp.call(withdrawal, next), '55000',
				 format('withdrawal %s is in a payout batch', withdrawal),
				 next || ' in a batch')
FROM batched, unnest('{cancelled,rejected}'::text[]) AS next;
SELECT lives_ok(pg_temp.call(withdrawal, 'unknown'), 'in a batch, unknown')
FROM batched;
SELECT lives_ok(pg_temp.call(withdrawal, 'failed'), 'in a batch, failed')
FROM batched;

SELECT * FROM finish();
ROLLBACK;

/*
 * constraints.sql
 *		The ledger's constraints hold for every sale, even those that were
 *		added later: a session keeps plans of them, and of statements, only as
 *		long as they are valid, and never frees one that is in use.
 */
\set VERBOSITY terse

CREATE FUNCTION try_to_sell(generation text) RETURNS boolean LANGUAGE sql AS $$
	SELECT commission.record_generation(generation, 'brand', 'avatar',
										model_price => 20, api_cost => 10) > 0
$$;
SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT try_to_sell('before any other constraint');

-- a constraint of the house, added and dropped
ALTER TABLE commission.entry
	ADD CONSTRAINT house_limit CHECK (amount < 100) NOT VALID;
SELECT try_to_sell('over the limit');
ALTER TABLE commission.entry DROP CONSTRAINT house_limit;
SELECT try_to_sell('over the limit');

-- another one of the same name
ALTER TABLE commission.entry
	ADD CONSTRAINT house_limit CHECK (amount <= 100);
SELECT try_to_sell('within the limit');
ALTER TABLE commission.entry
	DROP CONSTRAINT house_limit,
	ADD CONSTRAINT house_limit CHECK (amount <= 99) NOT VALID;
SELECT try_to_sell('over the other limit');

-- one that calls a function, which is then replaced
CREATE FUNCTION house_limit() RETURNS bigint IMMUTABLE LANGUAGE sql
	AS 'SELECT 100::bigint';
ALTER TABLE commission.entry
	DROP CONSTRAINT house_limit,
	ADD CONSTRAINT house_limit CHECK (amount <= house_limit()) NOT VALID;
SELECT try_to_sell('within the function''s limit');
CREATE OR REPLACE FUNCTION house_limit() RETURNS bigint IMMUTABLE LANGUAGE sql
	AS 'SELECT 99::bigint';
SELECT try_to_sell('over the function''s limit');

-- one whose function sells, too: what is kept is forgotten while in use
CREATE FUNCTION sell_more(amount bigint, event_id bigint) RETURNS boolean
	LANGUAGE plpgsql AS $$
BEGIN
	IF amount = 100 AND event_id < 100 THEN
		CREATE OR REPLACE FUNCTION pg_temp.nothing() RETURNS void
			LANGUAGE sql AS '';
		PERFORM try_to_sell('one more');
	END IF;
	RETURN true;
END
$$;
ALTER TABLE commission.entry
	DROP CONSTRAINT house_limit,
	ADD CONSTRAINT house_limit CHECK (sell_more(amount, event_id)) NOT VALID;
SELECT count(*) FROM commission.entry;
SELECT try_to_sell('and one more');
SELECT count(*) FROM commission.entry;

-- and one that does so while nothing is forgotten
CREATE FUNCTION sell_once(amount bigint, event_id bigint) RETURNS boolean
	LANGUAGE plpgsql AS $$
BEGIN
	IF amount = 100 AND NOT EXISTS (SELECT FROM commission.generation
		WHERE generation_name LIKE 'after %') THEN
		RETURN try_to_sell('after ' || event_id);
	END IF;
	RETURN true;
END
$$;
ALTER TABLE commission.entry
	DROP CONSTRAINT house_limit,
	ADD CONSTRAINT house_limit CHECK (sell_once(amount, event_id)) NOT VALID;
SELECT count(*) FROM commission.entry;
SELECT try_to_sell('one within another');
SELECT count(*) FROM commission.entry;

-- a domain's constraint, which is changed
CREATE DOMAIN credits AS bigint CHECK (VALUE <= 100);
ALTER TABLE commission.entry
	DROP CONSTRAINT house_limit,
	ADD CONSTRAINT house_limit CHECK (amount::credits > 0) NOT VALID;
SELECT try_to_sell('within the domain''s limit');
ALTER DOMAIN credits ADD CONSTRAINT lower CHECK (VALUE <= 99) NOT VALID;
SELECT try_to_sell('over the domain''s limit');

-- after an error, and after one that was caught
ALTER TABLE commission.entry
	DROP CONSTRAINT house_limit,
	ADD CONSTRAINT house_limit CHECK (amount < 100) NOT VALID;
DO $$
BEGIN
	FOR i IN 1..3 LOOP
		BEGIN
			PERFORM try_to_sell('over the limit again');
			RAISE 'was not refused';
		EXCEPTION WHEN check_violation THEN
			RAISE NOTICE '%', SQLERRM;
		END;
	END LOOP;
END
$$;
SELECT try_to_sell('over the limit again');

-- on the events
ALTER TABLE commission.entry DROP CONSTRAINT house_limit;
ALTER TABLE commission.generation
	ADD CONSTRAINT house_price CHECK (model_price < 20) NOT VALID;
SELECT try_to_sell('over the price');

-- the extension dropped and created again in one session
DROP EXTENSION commission CASCADE;
CREATE EXTENSION commission;
SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT try_to_sell('over the price');

-- a trigger that comes back to a kept plan which an outer call still runs, after
-- something has invalidated it: an ANALYZE, as autovacuum does at any time
CREATE FUNCTION register_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.name NOT LIKE '% of %' THEN
		ANALYZE commission.account;
		PERFORM commission.register_account('friend of ' || NEW.name);
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER register_another AFTER INSERT ON commission.account
	FOR EACH ROW EXECUTE FUNCTION register_another();
SELECT commission.register_account(name)
FROM unnest('{one,two,three}'::text[]) AS name;
SELECT name FROM commission.account WHERE name ~ 'one|two|three' ORDER BY name COLLATE "C";
DROP TRIGGER register_another ON commission.account;

-- a withdrawal that comes back is requested again at once
CREATE FUNCTION request_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.kind = 'withdrawal_return' THEN
		ANALYZE commission.withdrawal, commission.withdrawal_transition;
		PERFORM commission.approve_withdrawal(
			commission.request_withdrawal('seller', NEW.amount, 'bank'));
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER request_again AFTER INSERT ON commission.entry
	FOR EACH ROW EXECUTE FUNCTION request_again();
SET commission.minimum_payout = 0;
SELECT commission.cancel_withdrawal(commission.request_withdrawal('seller', 30, 'bank'))
FROM generate_series(1, 3);
SELECT state, count(*), sum(amount) FROM commission.withdrawal GROUP BY state ORDER BY state;
SELECT * FROM commission.audit();

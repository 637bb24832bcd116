/*
 * appender.sql
 *		The ledger is written by the executor's insert path, and through SPI
 *		where an operator has put a trigger or a rule on it or has partitioned
 *		it: the rows are the same.
 */
SET timezone = 'UTC';

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100, co_authors => '{"bo": 30}');
SELECT commission.register_listing('reference', 'other', 'reference', 90);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('seller', 'cy', 'creator', '2026-01-01');

CREATE TABLE sale (id text, buyer text DEFAULT 'brand', avatar text DEFAULT 'avatar', reference text,
	price int DEFAULT 20, cost int DEFAULT 10, paid boolean DEFAULT true, at timestamptz DEFAULT '2026-02-01');
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', 'reference', model_price => 'price', api_cost => 'cost',
						 paid => 'paid', occurred_at => 'at');
CREATE ROLE regress_commission_app;
GRANT INSERT, SELECT, UPDATE ON sale TO regress_commission_app;

/* The same sales, under names that begin so. */
CREATE FUNCTION sell(prefix text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO sale (id) VALUES (prefix || ' one');
	INSERT INTO sale (id, reference, price) SELECT prefix || ' many ' || n, CASE n % 2 WHEN 0 THEN 'reference' END, n
	FROM generate_series(1, 1100) AS n;
	INSERT INTO sale (id) VALUES (prefix || ' one'), (prefix || ' twice'), (prefix || ' twice');
	INSERT INTO sale (id, paid) VALUES (prefix || ' paid later', false);
	UPDATE sale SET paid = true WHERE id = prefix || ' paid later';
	UPDATE sale SET paid = false WHERE id = prefix || ' many 1000';
	UPDATE sale SET paid = true WHERE id = prefix || ' many 1000';
	BEGIN
		INSERT INTO sale (id, price) VALUES (prefix || ' other', 3), (prefix || ' one', 3);
	EXCEPTION WHEN unique_violation THEN
		NULL;
	END;
END $$;
/* What is in the ledger under such names, without them and the event ids. */
CREATE FUNCTION entries(prefix text) RETURNS TABLE (name text, line smallint, amount bigint, occurred_at timestamptz,
	account_id uuid, from_account_id uuid, buyer_id uuid, kind text, counts_as text, ratio_ppm int) LANGUAGE sql AS $$
	SELECT substr(g.generation_name, length(prefix) + 1), e.line, e.amount,
		CASE WHEN r.event_id IS NULL THEN e.occurred_at END, e.account_id, e.from_account_id, e.buyer_id, e.kind::text,
		e.counts_as::text, e.ratio_ppm
	FROM commission.entry AS e LEFT JOIN commission.reversal AS r USING (event_id)
	JOIN commission.generation AS g ON g.event_id = coalesce(r.reversed_event_id, e.event_id)
	WHERE g.generation_name LIKE prefix || ' %'
$$;
CREATE FUNCTION differences(prefix text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM ((SELECT * FROM entries('direct') EXCEPT ALL SELECT * FROM entries(prefix))
		UNION ALL (SELECT * FROM entries(prefix) EXCEPT ALL SELECT * FROM entries('direct'))) AS d
$$;

SET ROLE regress_commission_app;
SELECT sell('direct');
RESET ROLE;
SELECT count(*), sum(amount), count(DISTINCT name) AS sales FROM entries('direct');

-- a trigger on the entries, of each kind; it runs once for each row
CREATE TABLE seen (what text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.seen VALUES (TG_NAME || coalesce(': ' || new.kind, ''));
	RETURN new;
END $$;
CREATE TRIGGER see_after AFTER INSERT ON commission.entry FOR EACH ROW EXECUTE FUNCTION see();
SET ROLE regress_commission_app;
SELECT sell('after row');
RESET ROLE;
SELECT differences('after row');
SELECT what, count(*) FROM seen GROUP BY what ORDER BY what;
DROP TRIGGER see_after ON commission.entry;
CREATE TRIGGER see_before BEFORE INSERT ON commission.entry FOR EACH ROW EXECUTE FUNCTION see();
SET ROLE regress_commission_app;
SELECT sell('before row');
RESET ROLE;
SELECT differences('before row');
DROP TRIGGER see_before ON commission.entry;
TRUNCATE seen;
CREATE TRIGGER see_statement AFTER INSERT ON commission.entry EXECUTE FUNCTION see();
SET ROLE regress_commission_app;
SELECT sell('statement');
RESET ROLE;
SELECT differences('statement'), (SELECT count(*) FROM seen) = count(*) AS for_each FROM entries('statement');
DROP TRIGGER see_statement ON commission.entry;

-- a foreign key is a trigger as well
ALTER TABLE commission.entry ADD CONSTRAINT entry_account_fkey FOREIGN KEY (account_id) REFERENCES commission.account;
SET ROLE regress_commission_app;
SELECT sell('foreign key');
RESET ROLE;
SELECT differences('foreign key');
ALTER TABLE commission.entry DROP CONSTRAINT entry_account_fkey;

-- a rule
CREATE RULE see AS ON INSERT TO commission.entry DO ALSO INSERT INTO public.seen VALUES ('rule');
SET ROLE regress_commission_app;
SELECT sell('rule');
RESET ROLE;
SELECT differences('rule'), count(*) FROM seen WHERE what = 'rule';
DROP RULE see ON commission.entry;

-- ... only on the ledger: the tables that decide what is known must be plain
CREATE TRIGGER see BEFORE INSERT ON commission.generation FOR EACH STATEMENT EXECUTE FUNCTION see();
SELECT sell('generation');
DROP TRIGGER see ON commission.generation;
DROP FUNCTION see;

-- a further index and constraint, which the direct way minds as well
CREATE UNIQUE INDEX entry_largest ON commission.entry ((1)) WHERE amount > 5000000;
ALTER TABLE commission.entry ADD CONSTRAINT entry_large CHECK (amount < 9000000);
SELECT commission.record_generation('large 1', 'x', 'avatar', model_price => 0, api_cost => 0, avatar_pool => 8000000) IS NOT NULL;
SELECT commission.record_generation('large 2', 'x', 'avatar', model_price => 0, api_cost => 0, avatar_pool => 8000000);
\set VERBOSITY terse
SELECT commission.record_generation('large 3', 'x', 'avatar', model_price => 0, api_cost => 0, avatar_pool => 80000000);
\set VERBOSITY default
ALTER TABLE commission.entry DROP CONSTRAINT entry_large;
DROP INDEX commission.entry_largest;

-- a constraint whose function records another sale, while those of the first are computed
CREATE FUNCTION record_another(amount bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('regress.recorded', true) IS DISTINCT FROM 'yes' THEN
		PERFORM set_config('regress.recorded', 'yes', false);
		PERFORM commission.record_generation('another', 'x', 'avatar', model_price => 0, api_cost => 0, avatar_pool => 100);
	END IF;
	RETURN amount < 1000;
END $$;
ALTER TABLE commission.entry ADD CONSTRAINT entry_another CHECK (record_another(amount)) NOT VALID;
SELECT commission.record_generation('with another', 'x', 'avatar', model_price => 0, api_cost => 0, avatar_pool => 200) IS NOT NULL;
\set VERBOSITY terse
SELECT commission.record_generation('over', 'x', 'avatar', model_price => 0, api_cost => 0, avatar_pool => 2000);
\set VERBOSITY default
ALTER TABLE commission.entry DROP CONSTRAINT entry_another;
DROP FUNCTION record_another;
SELECT source, amount FROM commission.ledger WHERE source IN ('another', 'with another', 'over') ORDER BY source;

-- a partitioned ledger
ALTER TABLE commission.entry RENAME TO entry_1;
CREATE TABLE commission.entry (LIKE commission.entry_1 INCLUDING ALL) PARTITION BY RANGE (event_id);
ALTER TABLE commission.entry ATTACH PARTITION commission.entry_1 FOR VALUES FROM (MINVALUE) TO (12000);
CREATE TABLE commission.entry_2 PARTITION OF commission.entry DEFAULT;
SELECT last_value < 12000 AS within_the_first FROM commission.event_id_seq;
SET ROLE regress_commission_app;
SELECT sell('partitioned');
RESET ROLE;
SELECT setval('commission.event_id_seq', 12000);
SET ROLE regress_commission_app;
SELECT sell('second partition');
RESET ROLE;
SELECT differences('partitioned'), differences('second partition'), (SELECT count(*) FROM commission.entry_2) > 0 AS filled;
\set VERBOSITY sqlstate
INSERT INTO commission.entry SELECT event_id, amount, occurred_at, from_account_id, from_account_id, buyer_id, kind, counts_as, ratio_ppm, 99
FROM commission.entry WHERE kind = 'brand' LIMIT 1;
\set VERBOSITY default

-- the tables that are looked up in must be plain
ALTER TABLE commission.listing RENAME TO listing_1;
CREATE TABLE commission.listing (LIKE commission.listing_1 INCLUDING DEFAULTS) PARTITION BY RANGE (version);
SELECT commission.record_generation('no', 'x', 'avatar', model_price => 0, api_cost => 0);
DROP TABLE commission.listing;
ALTER TABLE commission.listing_1 RENAME TO listing;

-- an operator's trigger runs as the owner, and on a path that the inserter has no say in
CREATE TABLE ran (path text, as_inserter boolean);
CREATE FUNCTION see_path() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.ran VALUES (current_setting('search_path'), current_user = 'regress_commission_app');
	RETURN NEW;
END $$;
CREATE TRIGGER see_path AFTER INSERT ON commission.entry FOR EACH ROW EXECUTE FUNCTION see_path();
SET ROLE regress_commission_app;
SET search_path = pg_temp, public;
INSERT INTO sale (id) VALUES ('on a path');
RESET search_path;
RESET ROLE;
SELECT DISTINCT path, as_inserter FROM ran;

DROP TABLE sale, seen, ran;
DROP FUNCTION see_path CASCADE;
DROP FUNCTION sell, differences, entries;
DROP ROLE regress_commission_app;
SET client_min_messages = warning;
DROP EXTENSION commission CASCADE;

/*
 * row_decides.sql
 *		The row as it stands when its statement ends decides (R14): triggers of
 *		the application's that change it in between, rows that move to another
 *		partition, rows that have changed since they were recorded.
 */
SET timezone = 'UTC';

SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('seller', 'bo', 'creator', '2026-01-01');
SELECT commission.refer(n::text, 'ana', 'brand', '2026-01-01') FROM generate_series(1, 400) AS n \g /dev/null

/* One shape for both classes; orders are of customers of their own, so that each is a first one. */
CREATE TABLE plain (id text PRIMARY KEY, buyer text DEFAULT 'brand', avatar text DEFAULT 'avatar',
	price int DEFAULT 20, cost int DEFAULT 10, amount int DEFAULT 1000, at timestamp DEFAULT '2026-02-01',
	part int NOT NULL DEFAULT 1, paid boolean, note text);
CREATE TABLE parted (LIKE plain INCLUDING DEFAULTS) PARTITION BY LIST (part);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
CREATE TABLE parted_3 PARTITION OF parted FOR VALUES IN (3);

CREATE PROCEDURE attach_as(shop regclass, class text) LANGUAGE plpgsql AS $$
BEGIN
	IF class = 'generations' THEN
		PERFORM commission.attach(shop, 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost',
								  paid => 'paid', occurred_at => 'at');
	ELSE
		PERFORM commission.attach_orders(shop, 'id', 'buyer', 'amount', occurred_at => 'at', paid => 'paid');
	END IF;
END $$;
/* What is earned on a sale now. */
CREATE FUNCTION earned(sale text) RETURNS numeric LANGUAGE sql AS $$
	SELECT coalesce(sum(amount), 0) FROM commission.ledger WHERE source = sale
$$;

-- an AFTER trigger of the application's changes paid (or what the case says) in the statement itself
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_LEVEL = 'ROW' THEN
		EXECUTE format('UPDATE %s SET %s WHERE id = $1', TG_ARGV[0], TG_ARGV[1]) USING new.id;
	ELSE
		EXECUTE format('UPDATE %s SET %s WHERE id IN (SELECT id FROM changed)', TG_ARGV[0], TG_ARGV[1]);
	END IF;
	RETURN NULL;
END $$;
CREATE TABLE outcome (class text, shop text, level text, name text, event text, paid text, meddled text,
	is_paid boolean, earned numeric);
CREATE FUNCTION meddled_sale(n int, class text, shop text, level text, name text, event text, paid text, meddled text)
RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	id CONSTANT text := format('%s %s', class, n);
BEGIN
	EXECUTE format('INSERT INTO %s (id, buyer, paid) VALUES ($1, $2, $3)', shop)
		USING id, CASE class WHEN 'orders' THEN n::text ELSE 'brand' END,
			CASE event WHEN 'INSERT' THEN false ELSE paid <> 'true' END;
	IF event = 'INSERT' THEN
		EXECUTE format('DELETE FROM %s WHERE id = $1', shop) USING id;
	END IF;
	EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s %s FOR EACH %s WHEN (pg_trigger_depth() = 0)
					EXECUTE FUNCTION meddle(%L, %L)', name, event, shop,
				   CASE level WHEN 'STATEMENT' THEN 'REFERENCING NEW TABLE AS changed' END, level, shop, meddled);
	IF event = 'INSERT' THEN
		EXECUTE format('INSERT INTO %s (id, buyer, paid) VALUES ($1, $2, $3), ($1 || '' also'', $2, false)', shop)
			USING id, CASE class WHEN 'orders' THEN n::text ELSE 'brand' END, paid::boolean;
	ELSE
		EXECUTE format('UPDATE %s SET paid = $2 WHERE id = $1', shop) USING id, paid::boolean;
	END IF;
	EXECUTE format('DROP TRIGGER %I ON %s', name, shop);
	EXECUTE format('INSERT INTO outcome SELECT $1, $2, $3, $4, $5, $6, $7, paid, earned($8) FROM %s WHERE id = $8', shop)
		USING class, shop, level, name, event, paid, meddled, id;
	RETURN earned(id);
END $$;
CREATE PROCEDURE all_cases(class text) LANGUAGE plpgsql AS $$
BEGIN
	CALL attach_as('plain', class);
	CALL attach_as('parted', class);
	PERFORM meddled_sale((row_number() OVER ())::int, class, shop, level, name, event, paid, meddled)
	FROM unnest('{plain,parted}'::text[]) AS shop, unnest('{ROW,STATEMENT}'::text[]) AS level,
		unnest('{before,z after}'::text[]) AS name, unnest('{INSERT,UPDATE}'::text[]) AS event,
		unnest('{true,false}'::text[]) AS paid,
		unnest('{paid = NOT paid,note = ''seen'',"part = 2, paid = NOT paid",part = 3}'::text[]) AS meddled
	WHERE shop = 'parted' OR meddled NOT LIKE 'part%';
	PERFORM commission.detach('plain');
	PERFORM commission.detach('parted');
END $$;
CALL all_cases('generations');
CALL all_cases('orders');
SELECT class, count(*) AS cases, count(*) FILTER (WHERE is_paid) AS paid, sum(earned) AS earned FROM outcome GROUP BY class;
SELECT * FROM outcome
WHERE earned IS DISTINCT FROM CASE WHEN is_paid THEN CASE class WHEN 'orders' THEN 150 ELSE 115 END ELSE 0 END;
SELECT * FROM commission.audit();

-- ... twice, there and back; in a savepoint that is rolled back; a wallet that cannot be debited
CREATE FUNCTION meddle_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF new.note = 'twice' THEN
		EXECUTE format('UPDATE %I SET paid = NOT paid WHERE id = $1', TG_ARGV[0]) USING new.id;
		EXECUTE format('UPDATE %I SET paid = NOT paid, part = part + 1 WHERE id = $1', TG_ARGV[0]) USING new.id;
	ELSIF new.note = 'savepoint' THEN
		BEGIN
			EXECUTE format('UPDATE %I SET paid = NOT paid WHERE id = $1', TG_ARGV[0]) USING new.id;
			RAISE division_by_zero;
		EXCEPTION WHEN division_by_zero THEN
			NULL;
		END;
	ELSIF new.note = 'wallet' THEN
		BEGIN
			EXECUTE format('UPDATE %I SET paid = false WHERE id = $1', TG_ARGV[0]) USING new.id;
		EXCEPTION WHEN division_by_zero THEN
			NULL;
		END;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER before AFTER INSERT OR UPDATE OF price ON plain FOR EACH ROW WHEN (pg_trigger_depth() = 0)
	EXECUTE FUNCTION meddle_more('plain');
CREATE TRIGGER before AFTER INSERT OR UPDATE OF price ON parted FOR EACH ROW WHEN (pg_trigger_depth() = 0)
	EXECUTE FUNCTION meddle_more('parted');
CALL attach_as('plain', 'generations');
CALL attach_as('parted', 'generations');
INSERT INTO plain (id, paid, note)
SELECT format('plain %s %s', note, paid), paid, note
FROM unnest('{twice,savepoint,wallet}'::text[]) AS note, unnest('{true,false}'::boolean[]) AS paid;
INSERT INTO parted (id, paid, note)
SELECT format('parted %s %s', note, paid), paid, note
FROM unnest('{twice,savepoint,wallet}'::text[]) AS note, unnest('{true,false}'::boolean[]) AS paid;
SELECT id, paid, earned(id) FROM (TABLE plain UNION ALL TABLE parted) AS s WHERE note <> 'seen' ORDER BY id;
-- ... then the wallet has money again
UPDATE plain SET paid = true WHERE id = 'plain wallet t';
SELECT id, paid, earned(id) FROM plain WHERE id = 'plain wallet t';
DROP TRIGGER before ON plain;
DROP TRIGGER before ON parted;
SELECT commission.detach('plain');
SELECT commission.detach('parted');
TRUNCATE plain, parted;
-- ... what another transaction has recorded is compared, whatever went before in this one
CREATE TABLE busy (n int);
CREATE FUNCTION busy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1 .. 5 LOOP
		INSERT INTO busy VALUES (n);
	END LOOP;
	RETURN NULL;
END $$;
CALL attach_as('plain', 'generations');
INSERT INTO plain (id, paid) VALUES ('compared', true);
DELETE FROM plain;
CREATE TRIGGER before AFTER INSERT ON plain FOR EACH STATEMENT EXECUTE FUNCTION busy();
INSERT INTO plain (id, price, paid) VALUES ('compared', 50, true);
SELECT commission.detach('plain');
DROP TRIGGER before ON plain;
DROP TABLE busy;

-- moves record nothing: rows from before attach, rows that owed nothing then, orders likewise
INSERT INTO parted (id, paid) VALUES ('history 1', true), ('history 2', true), ('history 3', true), ('history 4', false);
CALL attach_as('parted', 'generations');
INSERT INTO parted (id, avatar, paid) VALUES ('solo', NULL, true), ('sold', 'avatar', true), ('unpaid', 'avatar', false);
UPDATE parted SET part = 2;
UPDATE parted SET part = 3, avatar = 'avatar' WHERE id = 'solo';
SELECT id, part, paid, earned(id) FROM parted ORDER BY id;
-- ... but a payment on the way counts, and so does a chargeback
UPDATE parted SET part = 1, paid = true WHERE id IN ('history 4', 'unpaid');
UPDATE parted SET part = 1, paid = false WHERE id IN ('history 2', 'sold');
SELECT id, part, paid, earned(id) FROM parted ORDER BY id;
-- ... also where a trigger of the application's then takes the row away
CREATE FUNCTION take_away() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM parted WHERE id = new.id;
	RETURN NULL;
END $$;
INSERT INTO parted (id, paid) VALUES ('taken away', false);
CREATE TRIGGER before AFTER INSERT ON parted FOR EACH ROW EXECUTE FUNCTION take_away();
UPDATE parted SET part = 2, paid = true WHERE id = 'taken away';
DROP TRIGGER before ON parted;
SELECT earned('taken away'), count(*) AS rows FROM parted WHERE id = 'taken away';
-- ... MERGE moves some rows and inserts others
MERGE INTO parted AS p USING (VALUES ('history 1'), ('merged 1'), ('history 3'), ('merged 2')) AS v (id) ON p.id = v.id
WHEN MATCHED THEN UPDATE SET part = 3
WHEN NOT MATCHED THEN INSERT (id, paid) VALUES (v.id, true);
-- ... a row that a query takes out and puts in again is sold
WITH old AS (DELETE FROM parted WHERE id = 'history 3' RETURNING *)
INSERT INTO parted SELECT 'again ' || id, buyer, avatar, price, cost, amount, at, 2, paid, note FROM old;
SELECT id, part, paid, earned(id) FROM parted WHERE id ~ 'history 1|merged|again' ORDER BY id;
-- ... while triggers of the application's move and insert other rows in between
CREATE FUNCTION in_between() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE parted SET part = 5 - part WHERE id = 'aside';
	INSERT INTO parted (id, paid) VALUES (format('beside %s of %s', TG_OP, coalesce(new.id, old.id)), true);
	RETURN NULL;
END $$;
SELECT commission.detach('parted');
INSERT INTO parted (id, part, paid) VALUES ('aside', 2, true), ('history 5', 1, true), ('history 6', 1, true);
CALL attach_as('parted', 'generations');
CREATE TRIGGER before AFTER INSERT OR DELETE ON parted FOR EACH ROW WHEN (pg_trigger_depth() = 0)
	EXECUTE FUNCTION in_between();
CREATE TRIGGER z_after AFTER INSERT OR DELETE ON parted FOR EACH ROW WHEN (pg_trigger_depth() = 0)
	EXECUTE FUNCTION in_between();
UPDATE parted SET part = 3 WHERE id IN ('history 5', 'history 6');
DROP TRIGGER before ON parted;
DROP TRIGGER z_after ON parted;
DROP FUNCTION in_between;
SELECT id, earned(id), count(*) FROM parted WHERE id ~ 'aside|beside|history [56]' GROUP BY id ORDER BY id;
-- ... a statement that fails after it has moved rows leaves nothing behind
BEGIN;
SAVEPOINT s;
UPDATE parted SET part = 1, price = 10 / (id <> 'solo')::int WHERE id IN ('merged 1', 'solo');
ROLLBACK TO s;
INSERT INTO parted (id, paid) VALUES ('after the failure', true);
COMMIT;
SELECT earned('after the failure');
-- ... nor does a partition that is attached with rows in it, which then move
CREATE TABLE parted_4 (LIKE parted INCLUDING DEFAULTS);
INSERT INTO parted_4 (id, part, paid) VALUES ('filled', 4, true);
ALTER TABLE parted ATTACH PARTITION parted_4 FOR VALUES IN (4);
UPDATE parted SET part = 1 WHERE id = 'filled';
SELECT earned('filled');
-- ... where paid is not mapped, either
SELECT commission.detach('parted');
INSERT INTO parted (id) VALUES ('not mapped');
SELECT commission.attach('parted', 'id', 'buyer', 'avatar', model_price => 'price', api_cost => 'cost');
UPDATE parted SET part = 2 WHERE id = 'not mapped';
SELECT earned('not mapped');
SELECT commission.detach('parted');
INSERT INTO parted (id, buyer, paid) VALUES ('order of history', '399', true);
CALL attach_as('parted', 'orders');
UPDATE parted SET part = 2 WHERE id = 'order of history';
SELECT earned('order of history');
SELECT commission.detach('parted');
TRUNCATE parted;

-- paid is followed whatever else has changed since: the listing, the buyer, the time by its zone, what is invalid now
CALL attach_as('plain', 'generations');
CALL attach_as('parted', 'generations');
CREATE FUNCTION charge_back(shop text, change text, move text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	id CONSTANT text := format('%s: %s%s', shop, change, ', moved' || move);
	step text;
	result text := '';
BEGIN
	EXECUTE format('INSERT INTO %s (id, buyer, paid) VALUES (%L, ''brand'', true)', shop, id);
	EXECUTE format('UPDATE %s SET %s WHERE id = %L', shop, change, id);
	FOR step IN SELECT 'paid = false' || coalesce(', part = 2', move) UNION ALL SELECT 'paid = true' || coalesce(', part = 3', move) LOOP
		result := result || earned(id) || ' ';
		EXECUTE format('UPDATE %s SET %s WHERE id = %L', shop, step, id);
	END LOOP;
	RETURN result || earned(id);
END $$;
SELECT change, charge_back('plain', change, NULL) AS plain, charge_back('parted', change, NULL) AS parted,
	charge_back('parted', change, '') AS moved
FROM unnest('{avatar = NULL,"avatar = ''unheard of''",buyer = NULL,buyer = ''other'',price = NULL,price = -1,cost = 99,at = ''infinity'',at = NULL}'::text[]) AS change;
SET timezone = 'America/New_York';
INSERT INTO plain (id, paid) VALUES ('zone', true);
SET timezone = 'UTC';
UPDATE plain SET paid = false WHERE id = 'zone';
SELECT earned('zone');
-- ... the listing's row is deleted, and with it the reference (ON DELETE SET NULL)
CREATE TABLE catalogue (id text PRIMARY KEY);
INSERT INTO catalogue VALUES ('avatar');
ALTER TABLE plain ADD FOREIGN KEY (avatar) REFERENCES catalogue ON DELETE SET NULL NOT VALID;
INSERT INTO plain (id, paid) VALUES ('reference', true);
DELETE FROM catalogue;
UPDATE plain SET paid = false WHERE id = 'reference';
SELECT id, avatar, earned(id) FROM plain WHERE id = 'reference';
-- id changed together with paid: the sale that the row no longer pays is reversed
INSERT INTO parted (id, paid) VALUES ('renamed', true), ('renamed, moved', true);
UPDATE parted SET id = 'new name', paid = false WHERE id = 'renamed';
UPDATE parted SET id = 'new name, moved', paid = false, part = 2 WHERE id = 'renamed, moved';
SELECT name, earned(name) FROM unnest('{renamed,new name,"renamed, moved","new name, moved"}'::text[]) AS name;
UPDATE parted SET paid = true WHERE id LIKE 'new name%';
SELECT name, earned(name) FROM unnest('{renamed,new name,"renamed, moved","new name, moved"}'::text[]) AS name;

-- a declared first order that is paid after another is a renewal
TRUNCATE plain;
SELECT commission.detach('plain');
ALTER TABLE plain ADD kind text, DROP CONSTRAINT plain_avatar_fkey;
SELECT commission.attach_orders('plain', 'id', 'buyer', 'amount', 'kind', paid => 'paid');
INSERT INTO plain (id, buyer, kind, paid) VALUES ('declared', '400', 'first_order', false), ('other', '400', NULL, true);
UPDATE plain SET paid = true WHERE id = 'declared';
INSERT INTO plain (id, buyer, kind, paid) VALUES ('declared too', '400', 'first_order', true);
SELECT source, kind, amount FROM commission.ledger WHERE source IN ('declared', 'other') ORDER BY event_id;
SELECT value FROM commission.explain_order('declared') WHERE what = 'kind';

SELECT * FROM commission.audit();

DROP TABLE plain, parted, outcome, catalogue;
DROP PROCEDURE attach_as, all_cases;
DROP FUNCTION earned, busy, take_away, meddle, meddle_more, meddled_sale, charge_back;

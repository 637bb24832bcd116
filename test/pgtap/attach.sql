/*
 * attach.sql
 *		audit() names each trigger, of an attached table and of our own, that
 *		is not enabled as it was made, and says how it was.
 */
BEGIN;
SET LOCAL client_min_messages = warning;

CREATE TEMPORARY TABLE change (
	number integer GENERATED ALWAYS AS IDENTITY,
	commands text NOT NULL,
	findings text[] NOT NULL DEFAULT '{}'
);
INSERT INTO change (commands, findings) VALUES
	/* What attach() and attach_orders() make. */
	('ALTER TABLE sale DISABLE TRIGGER commission_accrue',
	 '{"accruing trigger not as attached: commission_accrue on public.sale is disabled"}'),
	('ALTER TABLE sale DISABLE TRIGGER commission_paid',
	 '{"accruing trigger not as attached: commission_paid on public.sale is disabled"}'),
	('ALTER TABLE sale ENABLE REPLICA TRIGGER commission_accrue',
	 '{"accruing trigger not as attached: commission_accrue on public.sale fires under replication only"}'),
	('ALTER TABLE sale ENABLE ALWAYS TRIGGER commission_accrue',
	 '{"accruing trigger not as attached: commission_accrue on public.sale fires under replication, too"}'),
	('ALTER TABLE "The app"."Bills" DISABLE TRIGGER ALL',
	 '{"accruing trigger not as attached: commission_accrue on \"The app\".\"Bills\" is disabled","accruing trigger not as attached: commission_paid on \"The app\".\"Bills\" is disabled"}'),
	('ALTER TABLE sale DISABLE TRIGGER ALL; ALTER TABLE sale ENABLE TRIGGER ALL',
	 DEFAULT),
	('ALTER TABLE sale DISABLE TRIGGER note', DEFAULT),
	('ALTER TABLE sale DISABLE TRIGGER ALL; SELECT commission.detach(''sale'')',
	 DEFAULT),
	/* A partitioned table, once; a partition, where it is otherwise. */
	('ALTER TABLE parted DISABLE TRIGGER ALL',
	 '{"accruing trigger not as attached: commission_accrue on public.parted is disabled","accruing trigger not as attached: commission_moved on public.parted is disabled"}'),
	('ALTER TABLE parted_1 DISABLE TRIGGER ALL',
	 '{"accruing trigger not as attached: commission_accrue on public.parted_1 is disabled","accruing trigger not as attached: commission_moved on public.parted_1 is disabled"}'),
	('ALTER TABLE ONLY parted DISABLE TRIGGER ALL',
	 '{"accruing trigger not as attached: commission_accrue on public.parted is disabled","accruing trigger not as attached: commission_moved on public.parted is disabled"}'),
	('ALTER TABLE parted DISABLE TRIGGER ALL; ALTER TABLE parted_1 ENABLE REPLICA TRIGGER commission_accrue',
	 '{"accruing trigger not as attached: commission_accrue on public.parted is disabled","accruing trigger not as attached: commission_accrue on public.parted_1 fires under replication only","accruing trigger not as attached: commission_moved on public.parted is disabled"}'),
	/* Our own: as pg_dump --disable-triggers leaves them, and worse. */
	('ALTER TABLE commission.entry DISABLE TRIGGER ALL; ALTER TABLE commission.entry ENABLE TRIGGER ALL',
	 '{"guard not as installed: entry_guard on commission.entry does not fire under replication","guard not as installed: entry_row_guard on commission.entry does not fire under replication"}'),
	('ALTER TABLE commission.touch ENABLE REPLICA TRIGGER touch_guard',
	 '{"guard not as installed: touch_guard on commission.touch fires under replication only"}'),
	('ALTER TABLE commission.withdrawal DISABLE TRIGGER withdrawal_state_guard',
	 '{"guard not as installed: withdrawal_state_guard on commission.withdrawal is disabled"}'),
	('ALTER TABLE commission.withdrawal DISABLE TRIGGER withdrawal_follower',
	 '{"withdrawal trigger not as installed: withdrawal_follower on commission.withdrawal is disabled"}');

CREATE TABLE sale (id text, buyer text, paid boolean);
CREATE SCHEMA "The app";
CREATE TABLE "The app"."Bills" (id text, payer text, amount int, paid boolean);
CREATE TABLE parted (LIKE sale) PARTITION BY LIST (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN ('1');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN ('2');
CREATE FUNCTION pg_temp.note() RETURNS trigger
	LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER note AFTER INSERT ON sale
	FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
SELECT commission.attach('sale', 'id', 'buyer', paid => 'paid');
SELECT commission.attach_orders('"The app"."Bills"', 'id', 'payer', 'amount',
								paid => 'paid');
SELECT commission.attach('parted', 'id', 'buyer');

/*
 * Make a change, read the part of the audit that is about triggers, do what it
 * says is to be done, read it again, and take it all back.
 */
CREATE FUNCTION pg_temp.found(commands text, OUT findings text[],
							  OUT still text[])
	LANGUAGE plpgsql AS $$
DECLARE
	remedy text;
BEGIN
	BEGIN
		EXECUTE commands;
		SET LOCAL search_path = pg_catalog, pg_temp;
		SELECT coalesce(array_agg(format('%s: %s', problem,
										 split_part(detail, ': ', 1))
								  ORDER BY problem, detail), '{}')
		INTO findings FROM commission_internal.trigger_problem;
		FOR remedy IN SELECT split_part(detail, ': ', 2)
			FROM commission_internal.trigger_problem
		LOOP
			EXECUTE remedy;
		END LOOP;
		SELECT array_agg(detail) INTO still
		FROM commission_internal.trigger_problem;
		RAISE EXCEPTION USING ERRCODE = 'ZZ000';
	EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
		NULL;
	END;
END $$;

SELECT plan((SELECT 2 * count(*)::integer + 3 FROM change));

SELECT is_empty('SELECT * FROM commission.audit()', 'as attached');
SELECT is(f.findings, c.findings, c.commands)
	|| E'\n' || is(f.still, NULL, '... and the remedy')
FROM change AS c
CROSS JOIN LATERAL pg_temp.found(c.commands) AS f
ORDER BY c.number;
SELECT is_empty('SELECT * FROM commission.audit()', 'all taken back');
ALTER TABLE sale DISABLE TRIGGER commission_paid;
SELECT results_eq('SELECT problem FROM commission.audit()',
				  $$VALUES ('accruing trigger not as attached')$$,
				  'audit() has what is found of triggers');

SELECT * FROM finish();
ROLLBACK;

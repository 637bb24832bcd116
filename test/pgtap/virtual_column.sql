/*
 * virtual_column.sql: a generated column that is not stored cannot be mapped.
 * They are PostgreSQL 18's.
 */
BEGIN;

SELECT plan(2);

CREATE TABLE sale (
	id text, buyer text, avatar text, euro integer,
	price bigint GENERATED ALWAYS AS (euro * 100) STORED,
	cost bigint
);

/* Made what it is by EXECUTE, as others cannot read it. */
CREATE FUNCTION pg_temp.make_cost_virtual() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'ALTER TABLE sale DROP cost,
		ADD cost bigint GENERATED ALWAYS AS (euro * 50) VIRTUAL';
END
$$;

SELECT CASE WHEN current_setting('server_version_num')::integer < 180000
	THEN skip('there are none', 1)
	ELSE throws_ok($$
		SELECT pg_temp.make_cost_virtual();
		SELECT commission.attach('sale', 'id', 'buyer', 'avatar',
								 model_price => 'price', api_cost => 'cost')$$,
		'42804', 'column "cost" of relation "sale" cannot carry "api_cost"',
		'a virtual column')
	END;

/* One that is stored is as any other. */
SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.attach('sale', 'id', 'buyer', 'avatar',
						 model_price => 'price', api_cost => 'cost');
INSERT INTO sale VALUES ('1', 'brand', 'avatar', 2, DEFAULT, 10);
SELECT results_eq('SELECT model_price FROM commission.generation',
				  ARRAY[200::bigint], 'a stored one carries its value');

SELECT * FROM finish();
ROLLBACK;

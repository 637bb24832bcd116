/*
 * generations.sql
 *		What a generation earns whom, by each of the rules from R4 to R16.
 *
 * Every case is recorded by both doors; owed() shows the entries of one.
 */
SET timezone = 'UTC';
\pset null '(null)'

CREATE FUNCTION owed(generation text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s %s %s', kind, amount, account), ', '
							   ORDER BY event_id, line), '-')
	FROM commission.ledger WHERE source = generation
$$;

-- brand is referred by ana; each owner by somebody else, but for "unreferred"
SELECT commission.set_model_price('banana', '2K', 20, 10);
SELECT commission.set_model_price('banana', NULL, 15, 5);
SELECT commission.set_model_price('loss', '2K', 10, 25);
SELECT commission.register_listing('avatar', 'owner 1', 'avatar', 100);
SELECT commission.register_listing('reference', 'owner 2', 'reference', 90);
SELECT commission.register_listing('own reference', 'owner 1', 'reference', 90);
SELECT commission.register_listing('unreferred', 'owner 3', 'avatar', 100);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-10');
SELECT commission.refer('owner 1', 'bo', 'creator', '2026-01-10');
SELECT commission.refer('owner 2', 'cy', 'creator', '2026-01-10');

CREATE TABLE the_case (
	n integer PRIMARY KEY,
	about text,
	buyer text DEFAULT 'brand',
	avatar text,
	reference text,
	images smallint,
	model text,
	resolution text,
	model_price numeric,
	api_cost integer,
	avatar_pool bigint,
	avatar_surcharge smallint,
	reference_pool bigint,
	reference_surcharge bigint,
	paid boolean DEFAULT true,
	created_at timestamp DEFAULT '2026-02-01',
	by_table text GENERATED ALWAYS AS ('table ' || n) STORED
);
SELECT commission.attach('the_case', 'by_table', 'buyer', 'avatar', 'reference',
						 images => 'images', model => 'model',
						 resolution => 'resolution',
						 model_price => 'model_price', api_cost => 'api_cost',
						 avatar_pool => 'avatar_pool',
						 avatar_surcharge => 'avatar_surcharge',
						 reference_pool => 'reference_pool',
						 reference_surcharge => 'reference_surcharge',
						 paid => 'paid', occurred_at => 'created_at');

-- R5, R6, R11: which listings
INSERT INTO the_case (n, about, avatar, reference, model, resolution) VALUES
	(10, 'solo', NULL, NULL, 'banana', '2K'),
	(11, 'avatar', 'avatar', NULL, 'banana', '2K'),
	(12, 'reference', NULL, 'reference', 'banana', '2K'),
	(13, 'both, of two owners', 'avatar', 'reference', 'banana', '2K'),
	(14, 'both, of one owner', 'avatar', 'own reference', 'banana', '2K'),
	(15, 'an owner without referrer', 'unreferred', NULL, 'banana', '2K'),
	(16, 'one of each', 'unreferred', 'reference', 'banana', '2K');

-- R8, R9: from the price table, times the images; in part; carried; at a loss
INSERT INTO the_case (n, about, avatar, images, model, resolution, model_price,
					  api_cost) VALUES
	(20, 'four images', 'avatar', 4, 'banana', '2K', NULL, NULL),
	(21, 'no resolution', 'avatar', NULL, 'banana', NULL, NULL, NULL),
	(22, 'the empty resolution', 'avatar', 1, 'banana', '', NULL, NULL),
	(23, 'the price carried', 'avatar', 2, 'banana', '2K', 100, NULL),
	(24, 'the cost carried', 'avatar', 2, 'banana', '2K', NULL, 0),
	(25, 'both carried, no model', 'avatar', 2, NULL, NULL, 50, 10),
	(26, 'a numeric price', 'avatar', 1, NULL, NULL, 50.00, 10),
	(27, 'a loss is clamped', 'avatar', 1, 'loss', '2K', NULL, NULL),
	(28, 'free of charge', 'avatar', 1, NULL, NULL, 0, 0);

-- R4: pool and surcharge carried, each and both
INSERT INTO the_case (n, about, avatar, model_price, api_cost, avatar_pool,
					  avatar_surcharge) VALUES
	(30, 'pool carried: 84 is surcharged 101', 'avatar', 10, 10, 84, NULL),
	(31, 'surcharge carried', 'avatar', 10, 10, NULL, 130),
	(32, 'both carried', 'avatar', 10, 10, 50, 80),
	(33, 'no markup: the pool is owed', 'avatar', 10, 10, 50, 50),
	(34, 'net 3: legs under a credit are not written', 'avatar', 10, 10, 50, 53),
	(35, 'net 4: brand alone', 'avatar', 10, 10, 50, 54),
	(36, 'net 5: both', 'avatar', 10, 10, 50, 55),
	(37, 'nothing at all', 'avatar', 10, 10, 0, 0);

-- R10: from the attribution on; R14: paid or not
INSERT INTO the_case (n, about, avatar, model, resolution, created_at, paid)
VALUES
	(40, 'before the attribution', 'avatar', 'banana', '2K', '2026-01-09 23:59:59.999999', true),
	(41, 'at the attribution', 'avatar', 'banana', '2K', '2026-01-10', true),
	(42, 'long after it', 'avatar', 'banana', '2K', '2126-01-10', true),
	(43, 'unpaid', 'avatar', 'banana', '2K', '2026-02-01', false),
	(44, 'not known to be paid', 'avatar', 'banana', '2K', '2026-02-01', NULL);

-- all of these by the other door, too; the entries must be the same
CREATE FUNCTION by_function(c the_case) RETURNS bigint LANGUAGE sql AS $$
	SELECT commission.record_generation(
		'function ' || c.n, c.buyer, c.avatar, c.reference, NULL, c.images, c.model,
		c.resolution, c.model_price::bigint, c.api_cost, c.avatar_pool,
		c.avatar_surcharge, c.reference_pool, c.reference_surcharge, false, c.paid,
		c.created_at AT TIME ZONE 'UTC')
$$;
SELECT n, about, owed(by_table) AS owed,
	(by_function(c) IS NULL) = (owed(by_table) = '-') AS same_result
FROM the_case AS c ORDER BY n;
SELECT n FROM the_case WHERE owed('function ' || n) <> owed('table ' || n);

-- R10: a window, when there is one; its last microsecond and the next
SET commission.brand_referral_window_days = 30;
INSERT INTO the_case (n, about, avatar, model, resolution, created_at) VALUES
	(50, 'on the last day', 'avatar', 'banana', '2K', '2026-02-09'),
	(51, 'after it', 'avatar', 'banana', '2K', '2026-02-09 00:00:00.000001');
RESET commission.brand_referral_window_days;
SELECT n, about, owed(by_table) AS owed FROM the_case WHERE n BETWEEN 50 AND 59 ORDER BY n;

-- R6: solo generations, where they count
SET commission.marketplace_only = off;
INSERT INTO the_case (n, about, model, resolution) VALUES
	(60, 'solo', 'banana', '2K'),
	(61, 'solo at a loss', 'loss', '2K');
RESET commission.marketplace_only;
SELECT n, about, owed(by_table) AS owed FROM the_case WHERE n BETWEEN 60 AND 69 ORDER BY n;

-- R10, R14: closed accounts; pool shares stay owed
SELECT commission.close_account('brand');
INSERT INTO the_case (n, about, avatar, model, resolution) VALUES
	(70, 'the buyer is closed', 'avatar', 'banana', '2K');
SELECT commission.reopen_account('brand');
SELECT commission.close_account('ana');
INSERT INTO the_case (n, about, avatar, model, resolution) VALUES
	(71, 'the brand''s referrer is closed', 'avatar', 'banana', '2K');
SELECT commission.reopen_account('ana');
SELECT commission.close_account('bo');
INSERT INTO the_case (n, about, avatar, reference, model, resolution) VALUES
	(72, 'one owner''s referrer is closed', 'avatar', 'reference', 'banana', '2K');
SELECT commission.reopen_account('bo');
SELECT commission.close_account('owner 1');
INSERT INTO the_case (n, about, avatar, model, resolution) VALUES
	(73, 'the owner is closed', 'avatar', 'banana', '2K');
SELECT commission.reopen_account('owner 1');
INSERT INTO the_case (n, about, avatar, model, resolution) VALUES
	(74, 'all are open again', 'avatar', 'banana', '2K');
SELECT n, about, owed(by_table) AS owed FROM the_case WHERE n BETWEEN 70 AND 79 ORDER BY n;

-- R16: each frame of a run floors by itself; lists show the run
SELECT frame, commission.record_generation(
	'frame ' || frame, 'brand', reference => 'reference', run => 'the run',
	model_price => 11, api_cost => 0, reference_pool => 0,
	reference_surcharge => 0, occurred_at => '2026-02-01') IS NOT NULL AS recorded
FROM generate_series(1, 4) AS frame;
SELECT account, run, images, legs, amount, headline
FROM commission.recent_commission WHERE run = 'the run' ORDER BY account;
SELECT generation, brand_amount, creator_amount, net_margin
FROM commission.commission_detail WHERE run = 'the run' AND account = 'ana'
ORDER BY event_id;

-- what is wrong is refused, naming it
SELECT commission.set_model_price('dear', NULL, 9223372036854775807, 0);
CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN format('%s: %s%s', SQLSTATE, SQLERRM,
				  CASE WHEN detail <> '' THEN ' / ' || detail END);
END $$;
\pset format unaligned
\pset fieldsep '\n\t'
SELECT statement, outcome(statement)
FROM (VALUES
	($$INSERT INTO the_case (n, avatar, model_price, api_cost) VALUES (80, 'unheard of', 1, 1)$$),
	($$INSERT INTO the_case (n, reference, model_price, api_cost) VALUES (80, 'unheard of', 1, 1)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost) VALUES (80, 'reference', 1, 1)$$),
	($$INSERT INTO the_case (n, reference, model_price, api_cost) VALUES (80, 'avatar', 1, 1)$$),
	($$INSERT INTO the_case (n, avatar, model, resolution) VALUES (80, 'avatar', 'unheard of', '2K')$$),
	($$INSERT INTO the_case (n, avatar, model, resolution) VALUES (80, 'avatar', 'banana', '8K')$$),
	($$INSERT INTO the_case (n, avatar, model) VALUES (80, 'avatar', 'loss')$$),
	($$INSERT INTO the_case (n, avatar) VALUES (80, 'avatar')$$),
	($$INSERT INTO the_case (n, avatar, model_price) VALUES (80, 'avatar', 20)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost) VALUES (80, 'avatar', 20.5, 1)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost) VALUES (80, 'avatar', 'NaN', 1)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost) VALUES (80, 'avatar', 'Infinity', 1)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost) VALUES (80, 'avatar', 9223372036854775808, 1)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost) VALUES (80, 'avatar', 9223372036854775807, 0)$$),
	($$SELECT commission.record_generation('g', 'brand', 'avatar', model_price => 9223372036854775807, api_cost => 9223372036854775807)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost) VALUES (80, 'avatar', -1, 1)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost) VALUES (80, 'avatar', 1, -1)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost, avatar_pool) VALUES (80, 'avatar', 1, 1, -1)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost, avatar_pool) VALUES (80, 'avatar', 1, 1, 9223372036854775807)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost, avatar_surcharge) VALUES (80, 'avatar', 1, 1, 99)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost, images) VALUES (80, 'avatar', 1, 1, 0)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost, buyer) VALUES (80, 'avatar', 1, 1, NULL)$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost, buyer) VALUES (80, 'avatar', 1, 1, '')$$),
	($$INSERT INTO the_case (n, avatar, model_price, api_cost, created_at) VALUES (80, 'avatar', 1, 1, 'infinity')$$),
	($$SELECT commission.record_generation(NULL, 'brand', 'avatar', model_price => 1, api_cost => 1)$$),
	($$SELECT commission.record_generation('g', NULL, 'avatar', model_price => 1, api_cost => 1)$$),
	($$SELECT commission.record_generation('', 'brand', 'avatar', model_price => 1, api_cost => 1)$$),
	($$SELECT commission.record_generation('g', 'brand', '', model_price => 1, api_cost => 1)$$),
	($$SELECT commission.record_generation('g', 'brand', 'avatar', run => '', model_price => 1, api_cost => 1)$$),
	($$SELECT commission.record_generation('g', 'brand', 'avatar', images => -1, model_price => 1, api_cost => 1)$$),
	($$SELECT commission.record_generation('g', 'brand', 'avatar', model => 'banana', resolution => '2K', images => 2147483647)$$),
	($$SELECT commission.record_generation('dear', 'brand', 'avatar', model => 'dear', images => 2)$$),
	($$SELECT commission.record_generation('g', 'brand', 'avatar', model_price => 1, api_cost => 1, occurred_at => '-infinity')$$)) AS v (statement);
\pset format aligned
-- ... and so where it came up in a statement of many
INSERT INTO the_case (n, avatar, model_price, api_cost)
SELECT n, CASE n WHEN 1500 THEN 'unheard of' ELSE 'avatar' END, 20, 10
FROM generate_series(1001, 3000) AS n;
SELECT count(*) FROM the_case WHERE n >= 1001;
SELECT owed('g'), owed('table 80');

-- R1: a generation carries at most 10^15 credits, given or derived, in each amount and in all
SELECT commission.set_model_price('costly', NULL, 0, 500000000000001);
SELECT commission.register_listing('large', 'seller', 'avatar', 900000000000000);
SELECT amounts, outcome(format('SELECT commission.record_generation(%L, ''brand'', %s)', amounts, amounts)) AS outcome
FROM (VALUES
	($$'avatar', model_price => 999999999999880, api_cost => 1000000000000000$$),
	($$'avatar', model_price => 999999999999881, api_cost => 0$$),
	($$'avatar', model_price => 1000000000000001, api_cost => 0$$),
	($$'avatar', model_price => 0, api_cost => 1000000000000001$$),
	($$'avatar', model_price => 0, api_cost => 0, avatar_surcharge => 1000000000000000, avatar_pool => 1000000000000000$$),
	($$'avatar', model_price => 0, api_cost => 0, avatar_surcharge => 1000000000000001, avatar_pool => 1$$),
	($$'large', model_price => 0, api_cost => 0$$),
	($$'large', model_price => 0, api_cost => 0, avatar_pool => 833333333333333$$),
	($$'avatar', model => 'dear'$$),
	($$'avatar', model => 'costly', images => 2$$)) AS v (amounts);

-- the number of images is one of int32, whatever the column's type
ALTER TABLE the_case ALTER images TYPE bigint;
SELECT images, outcome(format('INSERT INTO the_case (n, avatar, model_price, api_cost, images)
	VALUES (%s, ''avatar'', 1, 1, %s)', 4000 + n, images)) AS outcome
FROM unnest('{2147483647,2147483648,4294967297,-2147483648,-2147483649}'::bigint[]) WITH ORDINALITY AS v (images, n);
SELECT generation_name, images FROM commission.generation WHERE generation_name ~ '^table 400';

SELECT * FROM commission.audit();

DROP TABLE the_case CASCADE;
DROP FUNCTION outcome, owed;
\pset null ''

-- what images multiplies is said where it is mapped
SELECT oid::regproc, obj_description(oid, 'pg_proc')
	~ 'images multiplies the price and cost that are derived,? (and nothing else: the|not the) pool and surcharge'
	AS is_said
FROM pg_proc
WHERE oid = ANY ('{commission.attach,commission.record_generation}'::regproc[])
ORDER BY 1;

/*
 * refusals.sql
 *		What the extension refuses, whoever tries.
 */
CREATE TEMP TABLE refusal (
	attempt integer GENERATED ALWAYS AS IDENTITY,
	what text,
	sqlstate text,
	message text
);

/* Try a command, and keep the error that refuses it. */
CREATE FUNCTION pg_temp.try(what text, command text) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE command;
	RAISE 'this was not refused: %', what;
EXCEPTION
	WHEN raise_exception THEN
		RAISE;
	WHEN OTHERS THEN
		INSERT INTO refusal (what, sqlstate, message)
		VALUES (what, SQLSTATE, SQLERRM);
END $$;

\o /dev/null
SELECT pg_temp.try(what, command) FROM (VALUES
	('a listing that is not registered', $$
		INSERT INTO app.generations (run_id, brand_id, avatar_id, images, model, resolution, created_at)
		VALUES (0, 210, 4711, 1, 'nano-banana-2', '2K', now())$$),
	('a photo set used as an avatar', $$
		INSERT INTO app.generations (run_id, brand_id, avatar_id, images, model, resolution, created_at)
		VALUES (0, 210, 1, 1, 'nano-banana-2', '2K', now())$$),
	('a model without a price', $$
		INSERT INTO app.generations (run_id, brand_id, avatar_id, images, model, resolution, created_at)
		VALUES (0, 210, 3, 1, 'nano-banana-3', '2K', now())$$),
	('a known generation with other content', $$
		SELECT commission.record_generation(id::text, '260', avatar_id::text, photo_set_id::text, model => model, resolution => resolution) FROM app.generations WHERE paid AND avatar_id IS NOT NULL AND brand_id <> 260 ORDER BY id LIMIT 1$$),
	('a surcharge under the pool', $$
		SELECT commission.record_generation('x-1', '210', avatar => '3', model => 'imagen-4', resolution => '2K', avatar_pool => 100, avatar_surcharge => 99)$$),
	('an account referred by itself', $$
		SELECT commission.refer('7', '7', 'brand')$$),
	('a pool under the smallest', $$
		SELECT commission.register_listing('l-1', '101', 'avatar', 82)$$),
	('the owner among the co-authors', $$
		SELECT commission.register_listing('l-1', '101', 'avatar', 100, NULL, '{"101": 5}')$$),
	('six co-authors', $$
		SELECT commission.register_listing('l-1', '101', 'avatar', 100, NULL, '{"1": 1, "2": 1, "3": 1, "4": 1, "5": 1, "6": 1}')$$),
	('a refund beyond what was paid', $$
		SELECT commission.reverse_generation(id::text, 1000000) FROM app.generations WHERE paid AND avatar_id IS NOT NULL ORDER BY id LIMIT 1$$),
	('a change of the ledger', $$
		UPDATE commission.entry SET amount = amount + 1$$),
	('a deletion from the ledger', $$
		DELETE FROM commission.entry$$),
	('a leg on the earner''s own purchase', $$
		INSERT INTO commission.entry (event_id, line, account_id, from_account_id, kind, counts_as, amount, occurred_at)
		VALUES (1, 1, commission.account_id('7'), commission.account_id('7'), 'brand', 'brand', 5, now())$$),
	('a ratio of more than one', $$
		SET commission.brand_ratio = 1.01$$),
	('a setting that does not exist', $$
		SET commission.brand_ration = 0.3$$)
) AS v (what, command);
\o

\echo 'What was tried, and refused:'
SELECT what, sqlstate, message FROM refusal ORDER BY attempt;

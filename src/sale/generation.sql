/*
 * generation.sql: generations (R4 to R17).
 */

CREATE TABLE commission.generation (
	event_id bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	model_price bigint NOT NULL,
	api_cost bigint NOT NULL,
	avatar_version bigint,
	avatar_pool bigint,
	avatar_surcharge bigint,
	reference_version bigint,
	reference_pool bigint,
	reference_surcharge bigint,
	brand_terms bigint,
	avatar_terms bigint,
	reference_terms bigint,
	cap_terms bigint,
	generation_id uuid NOT NULL,
	buyer_id uuid NOT NULL,
	run_id uuid,
	images integer NOT NULL,
	brand_ratio_ppm integer NOT NULL,
	avatar_ratio_ppm integer NOT NULL,
	reference_ratio_ppm integer NOT NULL,
	total_cap_ratio_ppm integer NOT NULL,
	derived smallint NOT NULL,
	bundle_frame boolean NOT NULL,
	brand_leg "char" NOT NULL,
	avatar_leg "char" NOT NULL,
	reference_leg "char" NOT NULL,
	generation_name text,
	buyer_name text,
	run_name text,
	model text,
	resolution text,
	CONSTRAINT generation_pkey PRIMARY KEY (event_id)
);
COMMENT ON TABLE commission.generation IS
	'generations that somebody earned on, or may yet earn on (R37), with their facts as they were';
COMMENT ON COLUMN commission.generation.model_price IS
	'credits that the buyer paid for the model, of all images';
COMMENT ON COLUMN commission.generation.api_cost IS
	'credits that the API cost, of all images';
COMMENT ON COLUMN commission.generation.avatar_version IS
	'the version of the avatar listing; NULL: none was used';
COMMENT ON COLUMN commission.generation.avatar_pool IS
	'credits for the listing''s owner and co-authors';
COMMENT ON COLUMN commission.generation.avatar_surcharge IS
	'credits that the buyer paid for the listing';
COMMENT ON COLUMN commission.generation.reference_version IS
	'the version of the reference listing; NULL: none was used';
COMMENT ON COLUMN commission.generation.reference_pool IS
	'0 on a bundle frame (R7)';
COMMENT ON COLUMN commission.generation.reference_surcharge IS
	'0 on a bundle frame (R7)';
COMMENT ON COLUMN commission.generation.brand_terms IS
	'the version of commission.terms_version that states brand_ratio_ppm (R40), and likewise of the other ratios; NULL: the setting in force';
COMMENT ON COLUMN commission.generation.run_id IS
	'the run that it is a frame of (R16); NULL: it is a run of its own';
COMMENT ON COLUMN commission.generation.brand_ratio_ppm IS
	'the ratio of the brand leg in parts per million: its earner''s, or, of a leg that was not paid, the programme''s (R15, R40); likewise avatar_ratio_ppm and reference_ratio_ppm of the creator legs. total_cap_ratio_ppm is the programme''s';
COMMENT ON COLUMN commission.generation.derived IS
	'which amounts were not given by the application: 1 model price, 2 API cost, 4 avatar pool, 8 avatar surcharge, 16 reference pool, 32 reference surcharge';
COMMENT ON COLUMN commission.generation.brand_leg IS
	'p: it applied; otherwise why not. n: no referral (commission.late_accrual has what was accrued late), b: from before the attribution, w: the window was over, s: self-pay, c: the earner''s account was closed, a: the buyer''s account was closed';
COMMENT ON COLUMN commission.generation.avatar_leg IS
	'the creator leg of the avatar''s owner, likewise; o: the owner is that of the avatar, which has the leg; -: no such listing';
COMMENT ON COLUMN commission.generation.reference_leg IS
	'the creator leg of the reference''s owner, likewise';
COMMENT ON COLUMN commission.generation.generation_name IS
	'the application''s identifier, where the key does not tell it; buyer_name and run_name likewise';

CREATE UNIQUE INDEX generation_generation_id_key
	ON commission.generation (generation_id, (event_id >> 48));
COMMENT ON INDEX commission.generation_generation_id_key IS
	'a node records a generation once (R17); a hub takes what two nodes have recorded, and audit() names it';
CREATE INDEX generation_run_idx ON commission.generation (run_id, event_id)
	WHERE run_id IS NOT NULL;

CREATE FUNCTION commission.record_generation(
	generation text, buyer text,
	avatar text DEFAULT NULL, reference text DEFAULT NULL,
	run text DEFAULT NULL, images integer DEFAULT 1,
	model text DEFAULT NULL, resolution text DEFAULT NULL,
	model_price bigint DEFAULT NULL, api_cost bigint DEFAULT NULL,
	avatar_pool bigint DEFAULT NULL, avatar_surcharge bigint DEFAULT NULL,
	reference_pool bigint DEFAULT NULL,
	reference_surcharge bigint DEFAULT NULL,
	bundle_frame boolean DEFAULT false, paid boolean DEFAULT true,
	occurred_at timestamptz DEFAULT now())
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_record_generation';
COMMENT ON FUNCTION commission.record_generation(text, text, text, text, text, integer, text, text, bigint, bigint, bigint, bigint, bigint, bigint, boolean, boolean, timestamptz) IS
	'records a generation and appends the legs and pool shares that it owes, amounts in credits; an amount that is NULL is derived: pool and surcharge from the listing (R4), price and cost from the price table (R9); images multiplies the price and cost that are derived and nothing else: the pool and surcharge are charged once for the generation, however many images it has; returns the event id, that of the recorded one where the same arrives again, NULL where nothing is owed to anybody, or where it is deferred (R38); 23505 for other content under a known id (R17), 23503 for a listing or model that does not exist, unless commission.on_unknown is defer, 22023 for a negative amount, a surcharge under the pool, images under 1, a listing of the other kind or an empty name, 22004 for a NULL generation or buyer or a generation without model and prices, 22003 for more than 10^15 credits in an amount or in all (R1), 22008 for an infinite time';

CREATE FUNCTION commission_internal.accrue_generation() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_accrue_generation';
COMMENT ON FUNCTION commission_internal.accrue_generation() IS
	'trigger, put by attach(), that records the generations inserted into the application''s table; 42703 for a mapped column that is gone, 42804 for one whose type can no longer carry its value, and the errors of record_generation';

CREATE FUNCTION commission_internal.follow_paid() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_follow_paid';
COMMENT ON FUNCTION commission_internal.follow_paid() IS
	'trigger, put by attach() where paid is mapped and on partitioned tables: an UPDATE that makes a row paid records it, one that makes it unpaid reverses it in full, whatever else of the row has changed, and one that moves it to another partition does neither (R14); errors as accrue_generation';

CREATE FUNCTION commission.attach(
	relation regclass, generation name, buyer name,
	avatar name DEFAULT NULL, reference name DEFAULT NULL,
	run name DEFAULT NULL, images name DEFAULT NULL,
	model name DEFAULT NULL, resolution name DEFAULT NULL,
	model_price name DEFAULT NULL, api_cost name DEFAULT NULL,
	avatar_pool name DEFAULT NULL, avatar_surcharge name DEFAULT NULL,
	reference_pool name DEFAULT NULL, reference_surcharge name DEFAULT NULL,
	bundle_frame name DEFAULT NULL, paid name DEFAULT NULL,
	occurred_at name DEFAULT NULL)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'commission_attach';
COMMENT ON FUNCTION commission.attach(regclass, name, name, name, name, name, name, name, name, name, name, name, name, name, name, name, name, name) IS
	'puts the accruing triggers on a plain or partitioned table; each argument names the column that carries the value of that name of record_generation: identifiers as uuid, smallint to bigint, text or varchar, amounts as smallint to bigint or numeric, counts as smallint to bigint, flags as boolean, times as timestamp with or without time zone (then in the session''s); a row is one generation: the column of images multiplies the price and cost that are derived, not the pool and surcharge, which a row is charged once; where paid is mapped, an UPDATE of it records or reverses the sale, and what an AFTER trigger of the application''s makes of it in the same statement has the last word (R14); a sale is known by its id, so a row''s id should stay what it is; a partition that is detached no longer accrues; the caller needs TRIGGER on the table; 42703 for a column that is missing, 42804 for one of another type, 42809 for what is not a table or is a partition, 42710 for a table that is attached already, 55000 for one that has a foreign partition, 22004 for a NULL relation, generation or buyer';

CREATE FUNCTION commission.detach(relation regclass) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_detach';
COMMENT ON FUNCTION commission.detach(regclass) IS
	'takes the triggers off again; what is in the ledger stays; 42704 for a table that is not attached, 42809 for what is not a table or for a partition that was attached with its partitioned table, 22004 for NULL';

/*
 * header.sql: the head of the install script.
 */

\echo Use "CREATE EXTENSION commission" to load this file. \quit

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE SCHEMA commission;
COMMENT ON SCHEMA commission IS
	'commission on sales, accrued in the transaction of the sale';
/*
 * types.sql: the vocabulary.
 */

CREATE TYPE commission.entry_kind AS ENUM (
	'brand', 'creator', 'pool', 'first_order', 'renewal', 'upgrade',
	'reversal', 'withdrawal', 'withdrawal_return');
COMMENT ON TYPE commission.entry_kind IS
	'what an entry of the ledger is (R18)';

CREATE TYPE commission.listing_kind AS ENUM ('avatar', 'reference');
COMMENT ON TYPE commission.listing_kind IS
	'what a listing is used as: an avatar or a reference, a photo set (R6)';

CREATE TYPE commission.referral_role AS ENUM ('brand', 'creator');
COMMENT ON TYPE commission.referral_role IS
	'what an account was referred for: what it buys, or what its listings sell (R29)';

CREATE TYPE commission.order_kind AS ENUM (
	'first_order', 'renewal', 'upgrade');
COMMENT ON TYPE commission.order_kind IS
	'what an order is to its customer''s subscription (R30)';

CREATE TYPE commission.withdrawal_state AS ENUM (
	'requested', 'approved', 'unknown', 'paid',
	'cancelled', 'rejected', 'failed');
COMMENT ON TYPE commission.withdrawal_state IS
	'how far a withdrawal has come (R23); unknown: whether its transfer arrived is not known';

CREATE TYPE commission.attribution_outcome AS ENUM (
	'attributed', 'already_attributed', 'expired', 'self_referral',
	'invalid_token', 'unknown_referrer', 'existing_account');
COMMENT ON TYPE commission.attribution_outcome IS
	'what became of an attempt to attribute an account (R28)';

CREATE TYPE commission.material_kind AS ENUM (
	'banner', 'comparison_chart', 'code_snippet', 'text');
COMMENT ON TYPE commission.material_kind IS
	'what a promotional material is: banners and comparison charts are HTML';
/*
 * identifier.sql: the application's identifiers as uuids.
 */

CREATE FUNCTION commission.account_id(name text) RETURNS uuid
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_account_id';
COMMENT ON FUNCTION commission.account_id(text) IS
	'the key under which an account, listing, generation, order or run that the application names so is kept: a uuid stands for itself, a whole number is embedded in a version-8 uuid, any other text becomes a version-5 uuid; NULL for NULL; 22023 for an empty or over-long name';

CREATE FUNCTION commission.identifier_name(id uuid) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_identifier_name';
COMMENT ON FUNCTION commission.identifier_name(uuid) IS
	'the number or uuid that a key stands for; of a text, which cannot be had back, the uuid; NULL for NULL';
/*
 * ratio.sql: stored ratios as decimals (R2).
 */

CREATE FUNCTION commission.ratio(ratio_ppm integer) RETURNS numeric
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_ratio';
COMMENT ON FUNCTION commission.ratio(integer) IS
	'a stored ratio, held in parts per million, as a decimal with two or as many fractional digits as it needs: 300000 is 0.30 (R2); NULL for NULL';
/*
 * margin.sql: surcharge and net margin (R4 to R8).
 */

CREATE FUNCTION commission.surcharge(pool bigint) RETURNS bigint
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_surcharge';
COMMENT ON FUNCTION commission.surcharge(bigint) IS
	'credits that the buyer pays for a listing''s pool: the pool and commission.platform_markup_ratio of it, rounded up (R4); NULL for NULL; 22023 for a negative pool, 22003 where the result leaves bigint';

CREATE FUNCTION commission.net_margin(model_price bigint, api_cost bigint,
									  surcharge bigint DEFAULT 0,
									  pool bigint DEFAULT 0) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_net_margin';
COMMENT ON FUNCTION commission.net_margin(bigint, bigint, bigint, bigint) IS
	'credits that the platform keeps of a generation before commission: surcharge less pool, and model price less API cost but never less than 0 (R5, R8); NULL for NULL; 22023 for a negative amount or a surcharge under the pool, 22003 where the result leaves bigint';
/*
 * legs.sql: commission legs and their cap (R10 to R12).
 */

CREATE FUNCTION commission.legs(net_margin bigint, brand boolean DEFAULT true,
								creators integer DEFAULT 1)
	RETURNS TABLE (leg commission.entry_kind, ratio numeric, amount bigint)
	LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 2
	AS 'MODULE_PATHNAME', 'commission_legs';
COMMENT ON FUNCTION commission.legs(bigint, boolean, integer) IS
	'the legs of a generation with this net margin under the ratios in force, brand first: its nominal ratio and credits, each scaled to the cap and rounded down by itself (R10 to R12); a leg of 0 credits has no row; none for NULL; 22023 for a negative net margin or number of creators';

CREATE FUNCTION commission.legs(net_margin bigint, brand boolean,
								creators integer, brand_ratio numeric,
								creator_ref_ratio numeric,
								total_cap_ratio numeric)
	RETURNS TABLE (leg commission.entry_kind, ratio numeric, amount bigint)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 2
	AS 'MODULE_PATHNAME', 'commission_legs_at';
COMMENT ON FUNCTION commission.legs(bigint, boolean, integer, numeric, numeric, numeric) IS
	'the same under the ratios given, decimals from 0 to 1 with at most six fractional digits (R2); 22023 for any other';
/*
 * shares.sql: how a pool is shared (R19).
 */

CREATE FUNCTION commission.pool_shares(charged bigint, shares bigint[])
	RETURNS bigint[]
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_pool_shares';
COMMENT ON FUNCTION commission.pool_shares(bigint, bigint[]) IS
	'credits that the owner (first) and the co-authors get of a charged pool whose listing is split as given: in proportion, by largest remainder, ties to the earlier, together exactly what was charged (R19); NULL for NULL; 22023 for negative amounts, more than six shares or shares of 0 in all, 22003 where their sum leaves bigint';
/*
 * mask.sql: how a buyer is shown to others (R34).
 */

CREATE FUNCTION commission.mask(label text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_mask';
COMMENT ON FUNCTION commission.mask(text) IS
	'an e-mail address or name as others may see it: first character and four stars, of an address the domain likewise with its last label kept (R34); four stars for an empty one; NULL for NULL';
/*
 * token.sql: cref tokens, the first touch signed (R27).
 */

CREATE FUNCTION commission.sign_cref(referrer text,
									 touched_at timestamptz DEFAULT now(),
									 campaign text DEFAULT NULL) RETURNS text
	LANGUAGE c STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_sign_cref';
COMMENT ON FUNCTION commission.sign_cref(text, timestamptz, text) IS
	'a token for a cookie or browser storage that carries the referrer, the first touch to the microsecond and the campaign, in letters, digits, - and _, signed under commission.cref_secret (R27); NULL for a NULL referrer or touched_at, while a NULL campaign is none; 22023 for an empty referrer or where referrer or campaign is over 1024 bytes of UTF-8, 22008 for an infinite touched_at, 55000 where the secret is not set or has less than 32 bytes';

CREATE FUNCTION commission.read_cref(token text)
	RETURNS TABLE (referrer text, touched_at timestamptz, campaign text)
	LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 1
	AS 'MODULE_PATHNAME', 'commission_read_cref';
COMMENT ON FUNCTION commission.read_cref(text) IS
	'what a token of sign_cref says, if it was signed under commission.cref_secret or commission.cref_secret_previous, however long ago (R27); no row for NULL; 22023, always in the same words, for any other text; 55000 where neither secret is set and has at least 32 bytes';
/*
 * ledger.sql: the entries, and the guards of everything that is only ever
 * appended to (R18).
 */

CREATE SEQUENCE commission.event_id_seq AS bigint MAXVALUE 281474976710655;
COMMENT ON SEQUENCE commission.event_id_seq IS
	'the lower 48 bits of event ids; commission.node_id stands above them';

CREATE TABLE commission.entry (
	event_id bigint NOT NULL,
	amount bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	account_id uuid NOT NULL,
	from_account_id uuid,
	buyer_id uuid,
	kind commission.entry_kind NOT NULL,
	counts_as commission.entry_kind NOT NULL,
	ratio_ppm integer,
	line smallint NOT NULL,
	CONSTRAINT entry_pkey PRIMARY KEY (event_id, line),
	CONSTRAINT entry_self_pay_check CHECK (
		CASE counts_as
			WHEN 'pool' THEN true
			WHEN 'creator' THEN (account_id <> from_account_id
				AND account_id <> buyer_id
				AND from_account_id <> buyer_id) IS TRUE
			WHEN 'withdrawal' THEN true
			ELSE (account_id <> from_account_id) IS TRUE
		END),
	CONSTRAINT entry_counts_as_check CHECK (
		CASE kind
			WHEN 'reversal' THEN counts_as NOT IN (
				'reversal', 'withdrawal', 'withdrawal_return')
			WHEN 'withdrawal_return' THEN counts_as = 'withdrawal'
			ELSE counts_as = kind
		END),
	CONSTRAINT entry_amount_check CHECK (
		CASE kind
			WHEN 'reversal' THEN amount <> 0
			WHEN 'withdrawal' THEN amount < 0
			ELSE amount > 0
		END)
);
COMMENT ON TABLE commission.entry IS
	'the ledger: every credit that an account earned, lost or withdrew, in entries that are never changed or removed (R18)';
COMMENT ON COLUMN commission.entry.event_id IS
	'the generation, order, reversal or withdrawal that it is part of';
COMMENT ON COLUMN commission.entry.amount IS
	'credits, below zero where they leave the balance';
COMMENT ON COLUMN commission.entry.occurred_at IS
	'when the sale, refund or request was';
COMMENT ON COLUMN commission.entry.from_account_id IS
	'the account whose activity earned it: the buyer of a brand leg or pool share, the listing''s owner of a creator leg';
COMMENT ON COLUMN commission.entry.buyer_id IS
	'the buyer, where that is not from_account_id: of a creator leg (R13)';
COMMENT ON COLUMN commission.entry.counts_as IS
	'the kind of earning that it adds to or takes from: of a reversal the kind that it reverses, of a returned withdrawal ''withdrawal''';
COMMENT ON COLUMN commission.entry.ratio_ppm IS
	'the nominal ratio of a leg in parts per million (R15)';
COMMENT ON COLUMN commission.entry.line IS
	'its number within the event, from 1';
COMMENT ON CONSTRAINT entry_self_pay_check ON commission.entry IS
	'nobody earns on what they bought or sold themselves, and so it is known from whom (R13)';
COMMENT ON CONSTRAINT entry_counts_as_check ON commission.entry IS
	'an entry counts as what it is, a reversal as what it reverses: nothing gets round a rule, or into a sum, under another name';
COMMENT ON CONSTRAINT entry_amount_check ON commission.entry IS
	'an entry of 0 credits is not written (R14), and only reversals and withdrawals take credits away';

/*
 * The one index for the reader: each costs every sale as many insertions as it
 * has legs.  What else would be asked of the ledger is rolled up (rollup.sql).
 */
CREATE INDEX entry_account_idx ON commission.entry (account_id, event_id)
	INCLUDE (counts_as, amount, occurred_at);

CREATE FUNCTION commission.refuse_change() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_refuse_change';
COMMENT ON FUNCTION commission.refuse_change() IS
	'trigger that refuses to change or remove what is only ever appended to (R18): 55000';

/*
 * The statement trigger refuses even where no row would be hit; the row
 * trigger refuses what logical replication applies, which fires no statement
 * triggers.  ALWAYS: under session_replication_role = replica, too.
 */
CREATE TRIGGER entry_guard
	BEFORE UPDATE OR DELETE OR TRUNCATE ON commission.entry
	FOR EACH STATEMENT EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER entry_row_guard
	BEFORE UPDATE OR DELETE ON commission.entry
	FOR EACH ROW EXECUTE FUNCTION commission.refuse_change();
ALTER TABLE commission.entry
	ENABLE ALWAYS TRIGGER entry_guard,
	ENABLE ALWAYS TRIGGER entry_row_guard;
/*
 * catalogue.sql: accounts and model prices.
 *
 * A sale reads these tables by the C of resolve.c, by index; it locks nothing
 * in them.
 */

CREATE TABLE commission.account (
	account_id uuid NOT NULL,
	registered_at timestamptz NOT NULL DEFAULT now(),
	closed_at timestamptz,
	name text COLLATE "C" NOT NULL,
	label text,
	CONSTRAINT account_pkey PRIMARY KEY (account_id),
	CONSTRAINT account_name_key UNIQUE (name)
);
COMMENT ON TABLE commission.account IS
	'buyers, owners, co-authors and referrers, each created when first named in the catalogue';
COMMENT ON COLUMN commission.account.account_id IS
	'commission.account_id(name)';
COMMENT ON COLUMN commission.account.closed_at IS
	'NULL: active. A closed account earns no leg and brings none (R10, R14)';
COMMENT ON COLUMN commission.account.name IS
	'the application''s identifier; kept for all, so that a predicate on it finds an index';
COMMENT ON COLUMN commission.account.label IS
	'e-mail address or name, shown masked (R34)';

CREATE INDEX account_closed_idx ON commission.account (account_id)
	WHERE closed_at IS NOT NULL;
COMMENT ON INDEX commission.account_closed_idx IS
	'the closed accounts, few of many: what every sale asks for';

CREATE TABLE commission.model_price (
	model_price bigint NOT NULL,
	api_cost bigint NOT NULL,
	model text COLLATE "C" NOT NULL,
	resolution text COLLATE "C" NOT NULL,
	CONSTRAINT model_price_pkey PRIMARY KEY (model, resolution),
	CONSTRAINT model_price_amount_check CHECK (model_price >= 0
											   AND api_cost >= 0)
);
COMMENT ON TABLE commission.model_price IS
	'credits for one image of a model at a resolution: what the buyer pays and what the API costs (R9); a model without resolutions has the empty one';

CREATE FUNCTION commission.register_account(account text,
											label text DEFAULT NULL)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_register_account';
COMMENT ON FUNCTION commission.register_account(text, text) IS
	'makes an account known; a label (e-mail address or name, shown masked) replaces the former, NULL leaves it; a closed account stays closed; 22004 for a NULL account, 22023 for an empty or over-long one';

CREATE FUNCTION commission.close_account(account text) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_close_account';
COMMENT ON FUNCTION commission.close_account(text) IS
	'from now on the account earns no leg, and its purchases bring none to its referrer; pool shares stay owed (R10, R14); an account that was not known is created closed; 22004, 22023 as register_account';

CREATE FUNCTION commission.reopen_account(account text) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_reopen_account';
COMMENT ON FUNCTION commission.reopen_account(text) IS
	'undoes close_account for sales from now on; 22004, 22023 as register_account';

CREATE FUNCTION commission.set_model_price(model text, resolution text,
										   model_price bigint,
										   api_cost bigint) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_set_model_price';
COMMENT ON FUNCTION commission.set_model_price(text, text, bigint, bigint) IS
	'sets what an image of a model at a resolution costs the buyer and what its API call costs, in credits (R9); a NULL resolution is that of generations that have none; 22004 for any other NULL, 22023 for an empty model or a negative amount';
/*
 * listing.sql: listings and their co-authors (R4, R19).
 *
 * Listings are appended to: each registration that changes something is a new
 * version, and a generation refers to the version that it was shared by.
 */
CREATE TABLE commission.listing (
	listing_id uuid NOT NULL,
	version bigint NOT NULL,
	owner_id uuid NOT NULL,
	pool bigint NOT NULL,
	registered_at timestamptz NOT NULL DEFAULT now(),
	kind commission.listing_kind NOT NULL,
	co_author_ids uuid[],
	co_author_shares bigint[],
	name text NOT NULL,
	title text,
	CONSTRAINT listing_pkey PRIMARY KEY (listing_id, version),
	CONSTRAINT listing_version_key UNIQUE (version),
	CONSTRAINT listing_pool_check CHECK (pool > 0),
	CONSTRAINT listing_co_authors_check CHECK (
		coalesce(cardinality(co_author_ids), 0) BETWEEN 0 AND 5
		AND coalesce(cardinality(co_author_ids), 0) =
			coalesce(cardinality(co_author_shares), 0)
		AND NOT owner_id = ANY (coalesce(co_author_ids, '{}')))
);
COMMENT ON TABLE commission.listing IS
	'listings, a row for each version; the highest is the one in force (R19)';
COMMENT ON COLUMN commission.listing.version IS
	'drawn like an event id';
COMMENT ON COLUMN commission.listing.pool IS
	'credits that are shared for one use';
COMMENT ON COLUMN commission.listing.co_author_ids IS
	'at most five; NULL: none';
COMMENT ON COLUMN commission.listing.co_author_shares IS
	'credits of the pool for each of them; the owner has the rest';
COMMENT ON CONSTRAINT listing_co_authors_check ON commission.listing IS
	'at most five co-authors, none of them the owner (R19)';

CREATE TRIGGER listing_guard
	BEFORE UPDATE OR DELETE OR TRUNCATE ON commission.listing
	FOR EACH STATEMENT EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER listing_row_guard
	BEFORE UPDATE OR DELETE ON commission.listing
	FOR EACH ROW EXECUTE FUNCTION commission.refuse_change();
ALTER TABLE commission.listing
	ENABLE ALWAYS TRIGGER listing_guard,
	ENABLE ALWAYS TRIGGER listing_row_guard;

CREATE FUNCTION commission.register_listing(listing text, owner text,
											kind commission.listing_kind,
											pool bigint,
											title text DEFAULT NULL,
											co_authors jsonb DEFAULT NULL)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_register_listing';
COMMENT ON FUNCTION commission.register_listing(text, text, commission.listing_kind, bigint, text, jsonb) IS
	'sets a listing''s owner, kind, pool in credits, title and co-authors, {"account": credits, ...}, the owner having the rest; in force from the next generation on (R19); a NULL title keeps the former; 22004 for a NULL listing, owner, kind or pool; 22023 for empty names, a pool under commission.minimum_pool (R4), more than five co-authors, the owner among them, one twice, shares that are no whole number from 1 or that exceed the pool; 55000 where the version in force is of a node higher than commission.node_id';
/*
 * referral.sql: who referred whom, and every change of that (R29).
 */

CREATE TABLE commission.referral (
	account_id uuid NOT NULL,
	referrer_id uuid NOT NULL,
	attributed_at timestamptz NOT NULL,
	role commission.referral_role NOT NULL,
	CONSTRAINT referral_pkey PRIMARY KEY (account_id, role),
	CONSTRAINT referral_self_check CHECK (account_id <> referrer_id)
);
COMMENT ON TABLE commission.referral IS
	'who referred an account, as a brand (what it buys) or as a creator (what its listings sell): the referrers in force, one for each role (R29)';
COMMENT ON COLUMN commission.referral.attributed_at IS
	'sales from then on pay the brand leg (R10)';
COMMENT ON CONSTRAINT referral_self_check ON commission.referral IS
	'an account cannot be referred by itself (R13)';

CREATE TABLE commission.referral_change (
	change_id bigint NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now(),
	attributed_at timestamptz,
	signed_up_at timestamptz NOT NULL,
	account_id uuid NOT NULL,
	referrer_id uuid,
	role commission.referral_role NOT NULL,
	is_first boolean NOT NULL,
	is_signup boolean NOT NULL,
	campaign text COLLATE "C",
	reason text,
	CONSTRAINT referral_change_pkey PRIMARY KEY (change_id),
	CONSTRAINT referral_change_self_check CHECK (account_id <> referrer_id),
	CONSTRAINT referral_change_ended_check CHECK (
		(referrer_id IS NULL) = (attributed_at IS NULL))
);
COMMENT ON TABLE commission.referral_change IS
	'each referral that was ever set, moved or ended: what was earned stays with the referrer of the time (R29)';
COMMENT ON COLUMN commission.referral_change.change_id IS
	'drawn like an event id; the highest of an account and role is the one in force';
COMMENT ON COLUMN commission.referral_change.signed_up_at IS
	'when the account signed up, as far as it is known here';
COMMENT ON COLUMN commission.referral_change.referrer_id IS
	'NULL: the referral was ended';
COMMENT ON COLUMN commission.referral_change.is_first IS
	'the account''s first referral to this referrer for the role, whose campaign its earnings are shown under';
COMMENT ON COLUMN commission.referral_change.is_signup IS
	'the first for any role, by which the account is counted once';
COMMENT ON COLUMN commission.referral_change.campaign IS
	'the campaign of the first touch; NULL: none';
COMMENT ON COLUMN commission.referral_change.reason IS
	'the operator''s, for moving or ending it';
COMMENT ON CONSTRAINT referral_change_self_check ON commission.referral_change IS
	'an account cannot be referred by itself (R13)';
COMMENT ON CONSTRAINT referral_change_ended_check ON commission.referral_change IS
	'a referral that is ended has neither a referrer nor a time';

CREATE INDEX referral_change_account_idx
	ON commission.referral_change (account_id, role, change_id);
CREATE UNIQUE INDEX referral_change_first_idx
	ON commission.referral_change (account_id, referrer_id, role)
	WHERE is_first;
CREATE UNIQUE INDEX referral_change_signup_idx
	ON commission.referral_change (account_id, referrer_id)
	WHERE is_signup;
CREATE INDEX referral_change_referrer_idx
	ON commission.referral_change
	(referrer_id, ((signed_up_at AT TIME ZONE 'UTC')::date))
	WHERE is_first;
CREATE INDEX referral_change_campaign_idx
	ON commission.referral_change (campaign)
	WHERE is_first AND campaign IS NOT NULL;

CREATE TRIGGER referral_change_guard
	BEFORE UPDATE OR DELETE OR TRUNCATE ON commission.referral_change
	FOR EACH STATEMENT EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER referral_change_row_guard
	BEFORE UPDATE OR DELETE ON commission.referral_change
	FOR EACH ROW EXECUTE FUNCTION commission.refuse_change();
ALTER TABLE commission.referral_change
	ENABLE ALWAYS TRIGGER referral_change_guard,
	ENABLE ALWAYS TRIGGER referral_change_row_guard;

CREATE VIEW commission.referral_history AS
	SELECT a.name AS account,
		c.role,
		r.name AS referrer,
		c.attributed_at,
		c.signed_up_at,
		c.campaign,
		c.reason,
		c.changed_at,
		c.change_id,
		c.account_id
	FROM commission.referral_change AS c
	JOIN commission.account AS a ON a.account_id = c.account_id
	LEFT JOIN commission.account AS r ON r.account_id = c.referrer_id;
COMMENT ON VIEW commission.referral_history IS
	'each referral that was ever set, moved or ended (R29): the referrer from then on, NULL where it was ended, and the operator''s reason; read it with ORDER BY change_id DESC LIMIT n';

CREATE FUNCTION commission.refer(account text, referrer text,
								 role commission.referral_role,
								 attributed_at timestamptz DEFAULT now())
	RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_refer';
COMMENT ON FUNCTION commission.refer(text, text, commission.referral_role, timestamptz) IS
	'the operator''s referral: true if it is set now, false if the account has a referrer for the role already, which is left as it is (R29); 23514 for an account referred by itself (R13), 22004 for a NULL account, referrer or role, 22023 for an empty or over-long name, 22008 for an infinite time';

CREATE FUNCTION commission.move_referral(account text, referrer text,
										 role commission.referral_role,
										 attributed_at timestamptz DEFAULT now(),
										 reason text DEFAULT NULL)
	RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_move_referral';
COMMENT ON FUNCTION commission.move_referral(text, text, commission.referral_role, timestamptz, text) IS
	'gives an account another referrer for the role: true if it is moved, false if that is its referrer already; what was earned until then stays where it is, and referral_history keeps who was before (R29); 55000 for an account without a referrer for the role, else errors as refer';

CREATE FUNCTION commission.end_referral(account text,
										role commission.referral_role,
										reason text DEFAULT NULL)
	RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_end_referral';
COMMENT ON FUNCTION commission.end_referral(text, commission.referral_role, text) IS
	'ends an account''s referral for the role: true if it is ended, false if there was none; what was earned until then stays where it is, and referral_history keeps who was before (R29); 22004 for a NULL account or role, 22023 for an empty or over-long name';
/*
 * attribution.sql: a sign-up completes a first touch (R28).
 */

CREATE TABLE commission.attempt (
	attempt_id bigint NOT NULL,
	attempted_at timestamptz NOT NULL DEFAULT now(),
	signed_up_at timestamptz NOT NULL,
	touched_at timestamptz,
	account_id uuid NOT NULL,
	role commission.referral_role NOT NULL,
	outcome commission.attribution_outcome NOT NULL,
	referrer_name text,
	campaign text,
	CONSTRAINT attempt_pkey PRIMARY KEY (attempt_id)
);
COMMENT ON TABLE commission.attempt IS
	'each attempt to attribute an account, and what became of it (R28)';
COMMENT ON COLUMN commission.attempt.attempt_id IS
	'drawn like an event id';
COMMENT ON COLUMN commission.attempt.signed_up_at IS
	'as the application said';
COMMENT ON COLUMN commission.attempt.touched_at IS
	'the first touch, by a token that is good; NULL: it was not. referrer_name likewise';
COMMENT ON COLUMN commission.attempt.referrer_name IS
	'as the token names it, known here or not';
COMMENT ON COLUMN commission.attempt.campaign IS
	'NULL: none';

CREATE INDEX attempt_account_idx ON commission.attempt (account_id, attempt_id);

CREATE TRIGGER attempt_guard
	BEFORE UPDATE OR DELETE OR TRUNCATE ON commission.attempt
	FOR EACH STATEMENT EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER attempt_row_guard
	BEFORE UPDATE OR DELETE ON commission.attempt
	FOR EACH ROW EXECUTE FUNCTION commission.refuse_change();
ALTER TABLE commission.attempt
	ENABLE ALWAYS TRIGGER attempt_guard,
	ENABLE ALWAYS TRIGGER attempt_row_guard;

CREATE VIEW commission.attribution_attempt AS
	SELECT a.name AS account,
		t.role,
		t.outcome,
		CASE t.outcome
			WHEN 'attributed' THEN 'the sign-up completed the touch'
			WHEN 'already_attributed' THEN
				'the account had a referrer for the role'
			WHEN 'expired' THEN 'the touch had run out when the account signed up'
			WHEN 'self_referral' THEN 'the account is the token''s referrer'
			WHEN 'invalid_token' THEN
				'there was no token, or it was not signed under a secret in force'
			WHEN 'unknown_referrer' THEN
				'the token''s referrer was not known or was closed'
			WHEN 'existing_account' THEN
				'the account signed up or was known before the touch'
		END AS reason,
		t.referrer_name AS referrer,
		t.campaign,
		t.touched_at,
		t.signed_up_at,
		t.attempted_at,
		t.attempt_id,
		t.account_id
	FROM commission.attempt AS t
	JOIN commission.account AS a ON a.account_id = t.account_id
	ORDER BY t.attempt_id DESC;
COMMENT ON VIEW commission.attribution_attempt IS
	'each attempt to attribute an account, newest first: its outcome and what that means (R28), and the token''s referrer, campaign and first touch, NULL where the token was not good';

CREATE FUNCTION commission.attribute(account text, token text,
									 role commission.referral_role,
									 signed_up_at timestamptz DEFAULT now(),
									 label text DEFAULT NULL)
	RETURNS commission.attribution_outcome
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_attribute';
COMMENT ON FUNCTION commission.attribute(text, text, commission.referral_role, timestamptz, text) IS
	'completes the first touch that a token of touch carries by the sign-up of an account, which then has the token''s referrer for the role from signed_up_at on; of several transactions at once one is attributed, and the others wait for it and are already_attributed. Where several reasons against it hold, the first of invalid_token, unknown_referrer (or a closed one), self_referral, already_attributed, existing_account (signed up, or known here, before the touch) and expired (signed up later than commission.attribution_window_days after the touch) is given (R28); attribution_attempt keeps each. The account is made known in any case, with a label (e-mail address or name, shown masked) that replaces the former unless it is NULL. A NULL token is invalid_token, a NULL signed_up_at is now; 22004 for a NULL account or role, 22023 for an empty or over-long account, 22008 for an infinite time, 55000 where neither commission.cref_secret nor commission.cref_secret_previous is set and has at least 32 bytes';
/*
 * touch.sql: clicks, and the first touch that a token carries (R26).
 */

CREATE TABLE commission.touch (
	touched_at timestamptz NOT NULL,
	referrer_id uuid NOT NULL,
	campaign text COLLATE "C",
	landing text
);
COMMENT ON TABLE commission.touch IS
	'clicks on referral links, each counted for the account whose link it was';
COMMENT ON COLUMN commission.touch.referrer_id IS
	'whose link was clicked, which need not be who was touched first';
COMMENT ON COLUMN commission.touch.campaign IS
	'NULL: none';
COMMENT ON COLUMN commission.touch.landing IS
	'the page that the visitor landed on, as the application names it';

CREATE INDEX touch_referrer_idx ON commission.touch
	(referrer_id, ((touched_at AT TIME ZONE 'UTC')::date));
CREATE INDEX touch_campaign_idx ON commission.touch (campaign)
	WHERE campaign IS NOT NULL;

CREATE TRIGGER touch_guard
	BEFORE UPDATE OR DELETE OR TRUNCATE ON commission.touch
	FOR EACH STATEMENT EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER touch_row_guard
	BEFORE UPDATE OR DELETE ON commission.touch
	FOR EACH ROW EXECUTE FUNCTION commission.refuse_change();
ALTER TABLE commission.touch
	ENABLE ALWAYS TRIGGER touch_guard,
	ENABLE ALWAYS TRIGGER touch_row_guard;

CREATE FUNCTION commission.touch(cref text, token text DEFAULT NULL,
								 campaign text DEFAULT NULL,
								 landing text DEFAULT NULL,
								 touched_at timestamptz DEFAULT now())
	RETURNS text
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_touch';
COMMENT ON FUNCTION commission.touch(text, text, text, text, timestamptz) IS
	'records a click on the link of cref and returns the token for the visitor to keep: the one given while its first touch is alive, that is until commission.attribution_window_days after it and unless its referrer is closed, else a new one for cref, else NULL, whereupon the visitor keeps none (R26); a cref that names no active account, whatever a visitor may have typed, is no click and no error; a campaign that is empty or over 1024 bytes of UTF-8 is none, a landing page is cut to 2048 bytes; a NULL touched_at is now; 22008 for an infinite one, 55000 where a token is to be read or signed and commission.cref_secret is not set or has less than 32 bytes';
/*
 * link.sql: referral links (R27).
 */

CREATE FUNCTION commission.referral_link(base text, cref text,
										 campaign text DEFAULT NULL)
	RETURNS text
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_referral_link';
COMMENT ON FUNCTION commission.referral_link(text, text, text) IS
	'the URL of a page with the parameters cref and campaign at the end of its query, escaped as UTF-8; the other parameters and the fragment stay as they are, while a cref and a campaign that the page''s URL has already are replaced: a shared link that is shared again is the link of who shares it now; a NULL or empty campaign is none; NULL for a NULL base or cref, 22023 for an empty or over-long cref';
/*
 * material.sql: promotional materials, for every account to use at once.
 */

CREATE TABLE commission.material (
	updated_at timestamptz NOT NULL DEFAULT now(),
	kind commission.material_kind NOT NULL,
	name text COLLATE "C" NOT NULL,
	title text NOT NULL,
	body text NOT NULL,
	CONSTRAINT material_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE commission.material IS
	'promotional materials, in which {link} stands for the affiliate''s own link';
COMMENT ON COLUMN commission.material.body IS
	'HTML where the kind is banner or comparison_chart';

CREATE FUNCTION commission.set_material(material text,
										kind commission.material_kind,
										title text, body text)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_set_material';
COMMENT ON FUNCTION commission.set_material(text, commission.material_kind, text, text) IS
	'sets a promotional material, in whose body each {link} stands for the link of the affiliate who takes it; the body of a banner or comparison chart is HTML; 22004 for any NULL, 22023 for an empty or over-long name or an empty title or body';

CREATE FUNCTION commission.remove_material(material text) RETURNS boolean
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_remove_material';
COMMENT ON FUNCTION commission.remove_material(text) IS
	'takes a promotional material away: true if it was there; 22004 for NULL, 22023 for an empty or over-long name';

CREATE FUNCTION commission.fill_material(kind commission.material_kind,
										 body text, link text)
	RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_fill_material';
COMMENT ON FUNCTION commission.fill_material(commission.material_kind, text, text) IS
	'a body with the link in place of each {link}: escaped for HTML in a banner or comparison chart, percent-escaped in a code snippet where a character could end a string literal, as it is in a text; NULL for NULL';

CREATE FUNCTION commission.materials_for(account text, base text,
										 campaign text DEFAULT NULL)
	RETURNS TABLE (material text, kind commission.material_kind, title text,
				   body text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT m.name, m.kind, m.title,
		commission.fill_material(m.kind, m.body, l.link)
	FROM commission.referral_link(materials_for.base, materials_for.account,
								  materials_for.campaign) AS l (link),
		commission.material AS m
	WHERE l.link IS NOT NULL
	ORDER BY m.kind, m.name;
END;
COMMENT ON FUNCTION commission.materials_for(text, text, text) IS
	'every promotional material, ready for an affiliate to use: with referral_link(base, account, campaign) in place of {link}, escaped for its kind; any account may, without approval; no row for a NULL account or base, 22023 for an empty or over-long account';
/*
 * generation.sql: generations, recorded through two doors (R4 to R17).
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
	generation_id uuid NOT NULL,
	buyer_id uuid NOT NULL,
	run_id uuid,
	images integer NOT NULL,
	brand_ratio_ppm integer NOT NULL,
	creator_ref_ratio_ppm integer NOT NULL,
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
	CONSTRAINT generation_pkey PRIMARY KEY (event_id),
	CONSTRAINT generation_generation_id_key UNIQUE (generation_id)
);
COMMENT ON TABLE commission.generation IS
	'generations that somebody earned on, with their facts as they were';
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
COMMENT ON COLUMN commission.generation.run_id IS
	'the run that it is a frame of (R16); NULL: it is a run of its own';
COMMENT ON COLUMN commission.generation.brand_ratio_ppm IS
	'the setting in force, in parts per million (R15), as are creator_ref_ratio_ppm and total_cap_ratio_ppm';
COMMENT ON COLUMN commission.generation.derived IS
	'which amounts were not given by the application: 1 model price, 2 API cost, 4 avatar pool, 8 avatar surcharge, 16 reference pool, 32 reference surcharge';
COMMENT ON COLUMN commission.generation.brand_leg IS
	'p: it applied; otherwise why not. n: no referral, b: from before the attribution, w: the window was over, s: self-pay, c: the earner''s account was closed, a: the buyer''s account was closed';
COMMENT ON COLUMN commission.generation.avatar_leg IS
	'the creator leg of the avatar''s owner, likewise; o: the owner is that of the avatar, which has the leg; -: no such listing';
COMMENT ON COLUMN commission.generation.reference_leg IS
	'the creator leg of the reference''s owner, likewise';
COMMENT ON COLUMN commission.generation.generation_name IS
	'the application''s identifier, where the key does not tell it; buyer_name and run_name likewise';

CREATE INDEX generation_run_idx ON commission.generation (run_id, event_id)
	WHERE run_id IS NOT NULL;

CREATE TRIGGER generation_guard
	BEFORE UPDATE OR DELETE OR TRUNCATE ON commission.generation
	FOR EACH STATEMENT EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER generation_row_guard
	BEFORE UPDATE OR DELETE ON commission.generation
	FOR EACH ROW EXECUTE FUNCTION commission.refuse_change();
ALTER TABLE commission.generation
	ENABLE ALWAYS TRIGGER generation_guard,
	ENABLE ALWAYS TRIGGER generation_row_guard;

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
	'records a generation and appends the legs and pool shares that it owes, amounts in credits; an amount that is NULL is derived: pool and surcharge from the listing (R4), price and cost from the price table (R9); returns the event id, that of the recorded one where the same arrives again, NULL where nothing is owed to anybody; 23505 for other content under a known id (R17), 23503 for a listing or model that is not known, 22023 for a negative amount, a surcharge under the pool, images under 1, a listing of the other kind or an empty name, 22004 for a NULL generation or buyer or a generation without model and prices, 22003 for amounts that leave bigint, 22008 for an infinite time';

CREATE FUNCTION commission.accrue_generation() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_accrue_generation';
COMMENT ON FUNCTION commission.accrue_generation() IS
	'trigger, put by attach(), that records the generations inserted into the application''s table; 42703 for a mapped column that is gone, 42804 for one whose type can no longer carry its value, and the errors of record_generation';

CREATE FUNCTION commission.follow_paid() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_follow_paid';
COMMENT ON FUNCTION commission.follow_paid() IS
	'trigger, put by attach() where paid is mapped: an UPDATE that makes a row paid records it, one that makes it unpaid reverses it in full (R14); errors as accrue_generation';

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
	'puts the accruing triggers on a plain or partitioned table; each argument names the column that carries the value of that name of record_generation: identifiers as uuid, smallint to bigint, text or varchar, amounts as smallint to bigint or numeric, counts as smallint to bigint, flags as boolean, times as timestamp with or without time zone (then in the session''s); the caller needs TRIGGER on the table; 42703 for a column that is missing, 42804 for one of another type, 42809 for what is not a table or is a partition, 42710 for a table that is attached already, 22004 for a NULL relation, generation or buyer';

CREATE FUNCTION commission.detach(relation regclass) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_detach';
COMMENT ON FUNCTION commission.detach(regclass) IS
	'takes the triggers off again; what is in the ledger stays; 42704 for a table that is not attached, 42809 for what is not a table or for a partition that was attached with its partitioned table, 22004 for NULL';
/*
 * reversal.sql: refunds (R21).
 */

CREATE TABLE commission.reversal (
	event_id bigint NOT NULL,
	reversed_event_id bigint NOT NULL,
	refunded bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	unpaid boolean NOT NULL,
	reason text,
	CONSTRAINT reversal_pkey PRIMARY KEY (event_id),
	CONSTRAINT reversal_refunded_check CHECK (refunded > 0
											  OR unpaid AND refunded < 0)
);
COMMENT ON TABLE commission.reversal IS
	'refunds of generations and orders (R21)';
COMMENT ON COLUMN commission.reversal.refunded IS
	'credits that the buyer got back; below zero where a sale that had been made unpaid was paid again';
COMMENT ON COLUMN commission.reversal.unpaid IS
	'an UPDATE of the application''s paid column, not a refund (R14)';

CREATE INDEX reversal_reversed_idx ON commission.reversal (reversed_event_id);

CREATE TRIGGER reversal_guard
	BEFORE UPDATE OR DELETE OR TRUNCATE ON commission.reversal
	FOR EACH STATEMENT EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER reversal_row_guard
	BEFORE UPDATE OR DELETE ON commission.reversal
	FOR EACH ROW EXECUTE FUNCTION commission.refuse_change();
ALTER TABLE commission.reversal
	ENABLE ALWAYS TRIGGER reversal_guard,
	ENABLE ALWAYS TRIGGER reversal_row_guard;

CREATE FUNCTION commission.reverse_generation(generation text,
											  refunded bigint DEFAULT NULL,
											  reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_reverse_generation';
COMMENT ON FUNCTION commission.reverse_generation(text, bigint, text) IS
	'refunds that many credits of what the buyer paid for a generation, all that is left for NULL, and takes from each who earned on it in proportion: after r of t refunded, an entry of a has kept floor(a * (t - r) / t) (R21); returns the reversal''s event id, NULL where nothing was left to refund; 23503 for a generation that is not in the ledger, 22023 for an amount under 1 or over what is left, 22004 for a NULL generation';
/*
 * order.sql: subscription orders, recorded through two doors (R30).
 */

CREATE TABLE commission.customer_order (
	event_id bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	amount bigint NOT NULL,
	order_id uuid NOT NULL,
	customer_id uuid NOT NULL,
	kind commission.order_kind NOT NULL,
	ratio_ppm integer NOT NULL,
	kind_derived boolean NOT NULL,
	leg "char" NOT NULL,
	order_name text,
	customer_name text,
	plan text,
	CONSTRAINT customer_order_pkey PRIMARY KEY (event_id),
	CONSTRAINT customer_order_order_id_key UNIQUE (order_id),
	CONSTRAINT customer_order_amount_check CHECK (amount > 0)
);
COMMENT ON TABLE commission.customer_order IS
	'paid orders with their facts as they were, also those that nobody earned on: which order is a customer''s first depends on them';
COMMENT ON COLUMN commission.customer_order.amount IS
	'credits that the customer paid';
COMMENT ON COLUMN commission.customer_order.ratio_ppm IS
	'the setting in force for its kind, in parts per million (R15)';
COMMENT ON COLUMN commission.customer_order.kind_derived IS
	'the application left the kind out';
COMMENT ON COLUMN commission.customer_order.leg IS
	'p: it earned the customer''s referrer a commission; otherwise why not. n: no referral, b: from before the attribution, s: self-pay, c: the earner''s account was closed';
COMMENT ON COLUMN commission.customer_order.order_name IS
	'the application''s identifier, where the key does not tell it; customer_name likewise';

CREATE UNIQUE INDEX customer_order_first_idx
	ON commission.customer_order (customer_id) WHERE kind = 'first_order';
COMMENT ON INDEX commission.customer_order_first_idx IS
	'a customer has one first order (R30)';
CREATE INDEX customer_order_customer_idx
	ON commission.customer_order (customer_id, event_id);

CREATE TRIGGER customer_order_guard
	BEFORE UPDATE OR DELETE OR TRUNCATE ON commission.customer_order
	FOR EACH STATEMENT EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER customer_order_row_guard
	BEFORE UPDATE OR DELETE ON commission.customer_order
	FOR EACH ROW EXECUTE FUNCTION commission.refuse_change();
ALTER TABLE commission.customer_order
	ENABLE ALWAYS TRIGGER customer_order_guard,
	ENABLE ALWAYS TRIGGER customer_order_row_guard;

CREATE FUNCTION commission.record_order(
	order_id text, customer text, amount bigint,
	kind commission.order_kind DEFAULT NULL, plan text DEFAULT NULL,
	occurred_at timestamptz DEFAULT now(), paid boolean DEFAULT true)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_record_order';
COMMENT ON FUNCTION commission.record_order(text, text, bigint, commission.order_kind, text, timestamptz, boolean) IS
	'records an order of amount credits and appends what it owes the customer''s referrer, rounded half up (R30); a kind that is NULL is the customer''s first order, then a renewal; returns the event id, that of the recorded one where the same arrives again, NULL where nothing is owed to anybody; 23505 for other content under a known id (R17) and for a second first order of a customer, 22023 for a negative amount or an empty name, 22004 for a NULL order, customer or amount, 22008 for an infinite time';

CREATE FUNCTION commission.accrue_order() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_accrue_order';
COMMENT ON FUNCTION commission.accrue_order() IS
	'trigger, put by attach_orders(), that records the orders inserted into the application''s table; 42703 for a mapped column that is gone, 42804 for one whose type can no longer carry its value, and the errors of record_order';

CREATE FUNCTION commission.follow_paid_order() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_follow_paid_order';
COMMENT ON FUNCTION commission.follow_paid_order() IS
	'trigger, put by attach_orders() where paid is mapped: an UPDATE that makes a row paid records it, one that makes it unpaid reverses it in full (R14); errors as accrue_order';

CREATE FUNCTION commission.attach_orders(
	relation regclass, order_id name, customer name, amount name,
	kind name DEFAULT NULL, plan name DEFAULT NULL,
	occurred_at name DEFAULT NULL, paid name DEFAULT NULL)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'commission_attach_orders';
COMMENT ON FUNCTION commission.attach_orders(regclass, name, name, name, name, name, name, name) IS
	'puts the accruing triggers on the application''s table of orders, as attach() does on that of generations; kind as text, varchar or an enum that has the labels of commission.order_kind; detach() takes them off; errors as attach';

CREATE FUNCTION commission.reverse_order(order_id text,
										 refunded bigint DEFAULT NULL,
										 reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_reverse_order';
COMMENT ON FUNCTION commission.reverse_order(text, bigint, text) IS
	'refunds that many credits of what the customer paid for an order, all that is left for NULL, as reverse_generation does of a generation (R21); returns and raises the same; a refunded first order remains the customer''s first';

CREATE FUNCTION commission.project_subscription(price bigint,
												renewals integer)
	RETURNS TABLE (first_order bigint, renewal bigint, total bigint)
	LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 1
	AS 'MODULE_PATHNAME', 'commission_project_subscription';
COMMENT ON FUNCTION commission.project_subscription(bigint, integer) IS
	'what one referral that subscribes at this price and renews so often brings under the ratios in force, in credits: the first order, each renewal, all together, each order rounded half up by itself (R30); no row for NULL; 22023 for a negative price or number, 22003 where the total leaves bigint';

CREATE VIEW commission.monthly_subscription AS
	SELECT a.name AS account,
		m.month,
		m.active_referrals,
		m.first_orders,
		m.renewals,
		m.upgrades,
		m.amount,
		a.account_id
	FROM commission.account AS a
	CROSS JOIN LATERAL (
		SELECT o.month,
			count(DISTINCT o.customer_id) FILTER (WHERE o.amount > 0)
				AS active_referrals,
			count(*) FILTER (WHERE o.amount > 0 AND o.kind = 'first_order')
				AS first_orders,
			count(*) FILTER (WHERE o.amount > 0 AND o.kind = 'renewal')
				AS renewals,
			count(*) FILTER (WHERE o.amount > 0 AND o.kind = 'upgrade')
				AS upgrades,
			sum(o.amount)::bigint AS amount
		FROM (
			/* What each order brought in a month, less its refunds then. */
			SELECT date_trunc('month', e.occurred_at AT TIME ZONE 'UTC')::date
					AS month,
				e.counts_as AS kind,
				e.from_account_id AS customer_id,
				sum(e.amount) AS amount
			FROM commission.entry AS e
			LEFT JOIN commission.reversal AS r ON r.event_id = e.event_id
			WHERE e.account_id = a.account_id
				AND e.counts_as IN ('first_order', 'renewal', 'upgrade')
			GROUP BY date_trunc('month', e.occurred_at AT TIME ZONE 'UTC'),
				e.counts_as, e.from_account_id,
				coalesce(r.reversed_event_id, e.event_id)
		) AS o
		GROUP BY o.month
	) AS m;
COMMENT ON VIEW commission.monthly_subscription IS
	'what an affiliate''s subscriptions brought in a UTC month (R30), an order standing in the month of its own time and a refund in that of the refund, so that a month is not changed by a refund in a later one and all months add up to subscription_lifetime of earnings: first_orders, renewals and upgrades that left the account credits in the month (one that was refunded in full within it does not count), active_referrals, the customers who made any of them, and the amount in credits, net of refunds, below zero where these were more';
/*
 * withdrawal.sql: withdrawals (R23, R24).
 *
 * What a withdrawal is never changes; its state does, by an UPDATE, whoever
 * types it.  Two triggers stand by: the guard refuses what is no transition of
 * R23, under session_replication_role = replica, too; and the follower keeps
 * who made the transition and when, and gives the credits back where the
 * transfer is not to be.
 */

CREATE TABLE commission.withdrawal (
	event_id bigint NOT NULL,
	account_id uuid NOT NULL,
	amount bigint NOT NULL,
	requested_at timestamptz NOT NULL,
	batch_id bigint,
	state commission.withdrawal_state NOT NULL DEFAULT 'requested',
	method text COLLATE "C" NOT NULL,
	destination text NOT NULL,
	reason text,
	transfer text,
	CONSTRAINT withdrawal_pkey PRIMARY KEY (event_id),
	CONSTRAINT withdrawal_amount_check CHECK (amount > 0),
	CONSTRAINT withdrawal_reason_check CHECK (
		(reason IS NOT NULL) = (state IN ('rejected', 'failed'))),
	CONSTRAINT withdrawal_transfer_check CHECK (
		(transfer IS NOT NULL) = (state = 'paid'))
);
COMMENT ON TABLE commission.withdrawal IS
	'withdrawals; only their state changes (R23)';
COMMENT ON COLUMN commission.withdrawal.event_id IS
	'the withdrawal''s number; its entry in the ledger has it, too';
COMMENT ON COLUMN commission.withdrawal.amount IS
	'credits to be paid out';
COMMENT ON COLUMN commission.withdrawal.batch_id IS
	'the payout batch that it is in (R25); NULL: none';
COMMENT ON COLUMN commission.withdrawal.method IS
	'by what the money travels: paypal, wise, bank, ...';
COMMENT ON COLUMN commission.withdrawal.destination IS
	'where to, in the method''s own terms; shown to readers masked';
COMMENT ON CONSTRAINT withdrawal_reason_check ON commission.withdrawal IS
	'why it was rejected or failed is said, and only then';
COMMENT ON CONSTRAINT withdrawal_transfer_check ON commission.withdrawal IS
	'of what is paid the transfer is known, and only then';

CREATE INDEX withdrawal_account_idx
	ON commission.withdrawal (account_id, event_id);
CREATE INDEX withdrawal_approved_idx ON commission.withdrawal (method, event_id)
	WHERE state = 'approved' AND batch_id IS NULL;
CREATE INDEX withdrawal_batch_idx ON commission.withdrawal (batch_id, event_id)
	WHERE batch_id IS NOT NULL;

CREATE TABLE commission.withdrawal_transition (
	event_id bigint NOT NULL,
	withdrawal_id bigint NOT NULL,
	changed_at timestamptz NOT NULL,
	from_state commission.withdrawal_state,
	to_state commission.withdrawal_state NOT NULL,
	changed_by text NOT NULL,
	CONSTRAINT withdrawal_transition_pkey PRIMARY KEY (event_id)
);
COMMENT ON TABLE commission.withdrawal_transition IS
	'the way of each withdrawal, from its request on (R23)';
COMMENT ON COLUMN commission.withdrawal_transition.event_id IS
	'of the request the withdrawal''s own; the entry that gives the credits back has that of its transition';
COMMENT ON COLUMN commission.withdrawal_transition.from_state IS
	'NULL: the request';
COMMENT ON COLUMN commission.withdrawal_transition.changed_by IS
	'the role that had logged in (session_user)';

CREATE INDEX withdrawal_transition_withdrawal_idx
	ON commission.withdrawal_transition (withdrawal_id, event_id);

CREATE FUNCTION commission.withdrawal_can_become(
	state commission.withdrawal_state, next commission.withdrawal_state)
	RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_withdrawal_can_become';
COMMENT ON FUNCTION commission.withdrawal_can_become(commission.withdrawal_state, commission.withdrawal_state) IS
	'whether a withdrawal goes from the one state to the other (R23); NULL for NULL';

CREATE FUNCTION commission.guard_withdrawal() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_guard_withdrawal';
COMMENT ON FUNCTION commission.guard_withdrawal() IS
	'trigger that refuses every UPDATE of a withdrawal but a transition of R23 and its being put into a batch (R25): 55000';

CREATE FUNCTION commission.follow_withdrawal() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_follow_withdrawal';
COMMENT ON FUNCTION commission.follow_withdrawal() IS
	'trigger that keeps each transition of a withdrawal, and appends the entry that gives the credits back when it is cancelled, rejected or failed (R23)';

/*
 * The follower is not ENABLE ALWAYS: what replication applies brings the
 * transition and the entry with it.
 */
CREATE TRIGGER withdrawal_state_guard
	BEFORE UPDATE ON commission.withdrawal
	FOR EACH ROW EXECUTE FUNCTION commission.guard_withdrawal();
CREATE TRIGGER withdrawal_guard
	BEFORE DELETE OR TRUNCATE ON commission.withdrawal
	FOR EACH STATEMENT EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER withdrawal_row_guard
	BEFORE DELETE ON commission.withdrawal
	FOR EACH ROW EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER withdrawal_follower
	AFTER UPDATE ON commission.withdrawal
	FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
	EXECUTE FUNCTION commission.follow_withdrawal();
ALTER TABLE commission.withdrawal
	ENABLE ALWAYS TRIGGER withdrawal_state_guard,
	ENABLE ALWAYS TRIGGER withdrawal_guard,
	ENABLE ALWAYS TRIGGER withdrawal_row_guard;

CREATE TRIGGER withdrawal_transition_guard
	BEFORE UPDATE OR DELETE OR TRUNCATE ON commission.withdrawal_transition
	FOR EACH STATEMENT EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER withdrawal_transition_row_guard
	BEFORE UPDATE OR DELETE ON commission.withdrawal_transition
	FOR EACH ROW EXECUTE FUNCTION commission.refuse_change();
ALTER TABLE commission.withdrawal_transition
	ENABLE ALWAYS TRIGGER withdrawal_transition_guard,
	ENABLE ALWAYS TRIGGER withdrawal_transition_row_guard;

CREATE FUNCTION commission.request_withdrawal(account text,
											  amount bigint DEFAULT NULL,
											  method text DEFAULT 'paypal',
											  destination text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_request_withdrawal';
COMMENT ON FUNCTION commission.request_withdrawal(text, bigint, text, text) IS
	'takes that many credits out of an account''s balance to be paid out, all that is available for NULL, and returns the withdrawal''s number (R23, R24); without a destination it goes to the account''s label or, if it has none, its name; a closed account can withdraw what it has; 22023 for less than commission.minimum_payout or more than is available, or an empty or over-long name, method or destination, 23503 for an account that is not known, 22004 for a NULL account or method';

CREATE FUNCTION commission.approve_withdrawal(withdrawal bigint) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_approve_withdrawal';
COMMENT ON FUNCTION commission.approve_withdrawal(bigint) IS
	'requested to approved: it may be paid and taken into a payout batch (R23); 55000 from any other state, which is named, 23503 for a withdrawal that is not known, 22004 for NULL';

CREATE FUNCTION commission.cancel_withdrawal(withdrawal bigint) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_cancel_withdrawal';
COMMENT ON FUNCTION commission.cancel_withdrawal(bigint) IS
	'requested or approved to cancelled, by the account: the credits come back (R23); 55000 from any other state or where it is in a payout batch, other errors as approve_withdrawal';

CREATE FUNCTION commission.reject_withdrawal(withdrawal bigint, reason text)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_reject_withdrawal';
COMMENT ON FUNCTION commission.reject_withdrawal(bigint, text) IS
	'requested or approved to rejected, by the operator, who says why: the credits come back (R23); 22004 for a NULL reason, 22023 for an empty one, other errors as cancel_withdrawal';

CREATE FUNCTION commission.pay_withdrawal(withdrawal bigint, transfer text)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_pay_withdrawal';
COMMENT ON FUNCTION commission.pay_withdrawal(bigint, text) IS
	'approved or unknown to paid, by that transfer, the payment provider''s number of it (R23); 22004 for a NULL transfer, 22023 for an empty one, other errors as approve_withdrawal';

CREATE FUNCTION commission.mark_withdrawal_unknown(withdrawal bigint)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_mark_withdrawal_unknown';
COMMENT ON FUNCTION commission.mark_withdrawal_unknown(bigint) IS
	'approved to unknown: the transfer was tried and how it ended is not known (R23); errors as approve_withdrawal';

CREATE FUNCTION commission.fail_withdrawal(withdrawal bigint, reason text)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_fail_withdrawal';
COMMENT ON FUNCTION commission.fail_withdrawal(bigint, text) IS
	'unknown to failed: the transfer did not arrive, and the credits come back (R23); errors as reject_withdrawal';
/*
 * payout.sql: payout batches (R25).
 */

CREATE TABLE commission.payout_batch (
	batch_id bigint NOT NULL,
	opened_at timestamptz NOT NULL,
	method text COLLATE "C" NOT NULL,
	opened_by text NOT NULL,
	CONSTRAINT payout_batch_pkey PRIMARY KEY (batch_id)
);
COMMENT ON TABLE commission.payout_batch IS
	'batches in which withdrawals are paid out; each withdrawal knows its own (R25)';
COMMENT ON COLUMN commission.payout_batch.batch_id IS
	'drawn like an event id';
COMMENT ON COLUMN commission.payout_batch.opened_by IS
	'the role that had logged in (session_user)';

CREATE TRIGGER payout_batch_guard
	BEFORE UPDATE OR DELETE OR TRUNCATE ON commission.payout_batch
	FOR EACH STATEMENT EXECUTE FUNCTION commission.refuse_change();
CREATE TRIGGER payout_batch_row_guard
	BEFORE UPDATE OR DELETE ON commission.payout_batch
	FOR EACH ROW EXECUTE FUNCTION commission.refuse_change();
ALTER TABLE commission.payout_batch
	ENABLE ALWAYS TRIGGER payout_batch_guard,
	ENABLE ALWAYS TRIGGER payout_batch_row_guard;

CREATE VIEW commission.payout_item AS
	SELECT w.batch_id AS batch,
		w.event_id AS withdrawal,
		'commission-withdrawal-' || w.event_id AS sender_item_id,
		a.name AS account,
		w.destination AS receiver,
		w.amount / 100 || '.' || lpad((w.amount % 100)::text, 2, '0')
			AS dollars,
		w.state
	FROM commission.withdrawal AS w
	JOIN commission.account AS a ON a.account_id = w.account_id
	WHERE w.batch_id IS NOT NULL;
COMMENT ON VIEW commission.payout_item IS
	'what is in each payout batch (R25), for the operator: the idempotency key, the destination unmasked and the amount in US dollars';

CREATE FUNCTION commission.open_payout_batch(method text DEFAULT 'paypal')
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_open_payout_batch';
COMMENT ON FUNCTION commission.open_payout_batch(text) IS
	'gathers the approved withdrawals of a method that are in no batch, the oldest 15000 of them, which is what PayPal takes at once, and returns the batch''s number, NULL where there are none (R25); of two calls at once each takes others; 22004 for a NULL method';

CREATE FUNCTION commission.payout_batch_json(batch bigint) RETURNS jsonb
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_payout_batch_json';
COMMENT ON FUNCTION commission.payout_batch_json(bigint) IS
	'what of a batch is neither paid nor failed, as the body of PayPal''s POST /v1/payments/payouts; sender_batch_id and sender_item_id are always the same for the same batch and withdrawal, so that sending it again pays nobody twice (R25); 23503 for a batch that is not known, 22023 for one of another method than paypal, 22004 for NULL';

CREATE FUNCTION commission.payout_batch_csv(batch bigint) RETURNS text
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_payout_batch_csv';
COMMENT ON FUNCTION commission.payout_batch_csv(bigint) IS
	'what of a batch is neither paid nor failed, as CSV (RFC 4180) with a header; a cell that a spreadsheet would take for a formula has an apostrophe before it (R25); 23503 for a batch that is not known, 22004 for NULL';

CREATE FUNCTION commission.import_payout_result(batch bigint, result jsonb)
	RETURNS TABLE (withdrawal bigint, transaction_status text,
				   state commission.withdrawal_state, changed boolean)
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_import_payout_result';
COMMENT ON FUNCTION commission.import_payout_result(bigint, jsonb) IS
	'takes PayPal''s answer to GET /v1/payments/payouts/{id}, all of it or a page: SUCCESS pays a withdrawal, FAILED fails it, anything else makes it unknown, and what is settled already stays as it is, with a warning where the answer contradicts it (R25); returns a row for each item: the state that the withdrawal is in now and whether that is new; 22023 for an answer of another shape, batch or method, 23503 for a batch that is not known, 22004 for NULL';

/* For audit(). */
CREATE VIEW commission.withdrawal_problem AS
	/* R23: the way of a withdrawal, and its entries along it. */
	SELECT 'withdrawal without its way' AS problem, w.event_id,
		format('it is %s; its transitions are %s', w.state, way.states)
			AS detail
	FROM commission.withdrawal AS w
	CROSS JOIN LATERAL (
		SELECT array_agg(t.to_state ORDER BY t.event_id) AS states,
			bool_and(CASE
				WHEN t.before IS NULL THEN t.from_state IS NULL
					AND t.to_state = 'requested' AND t.event_id = w.event_id
				ELSE t.from_state = t.before
					AND commission.withdrawal_can_become(t.before, t.to_state)
			END) AS lawful
		FROM (SELECT t.*, lag(t.to_state) OVER (ORDER BY t.event_id) AS before
			  FROM commission.withdrawal_transition AS t
			  WHERE t.withdrawal_id = w.event_id) AS t) AS way
	WHERE way.states[cardinality(way.states)] IS DISTINCT FROM w.state
		OR NOT way.lawful
	UNION ALL
	SELECT 'transition of no withdrawal', t.event_id,
		format('it is of %s', t.withdrawal_id)
	FROM commission.withdrawal_transition AS t
	WHERE NOT EXISTS (SELECT FROM commission.withdrawal AS w
					  WHERE w.event_id = t.withdrawal_id)
	UNION ALL
	SELECT 'withdrawal and entries differ', w.event_id,
		format('it is %s, of %s credits; its entries are %s',
			   w.state, w.amount, e.amounts)
	FROM commission.withdrawal AS w
	CROSS JOIN LATERAL (
		SELECT array_agg(e.amount ORDER BY e.event_id, e.line) AS amounts,
			bool_and(e.account_id = w.account_id AND e.from_account_id IS NULL
					 AND e.counts_as = 'withdrawal'
					 AND e.kind::text = CASE t.to_state
						WHEN 'requested' THEN 'withdrawal'
						ELSE 'withdrawal_return' END) AS fitting
		FROM commission.withdrawal_transition AS t
		JOIN commission.entry AS e ON e.event_id = t.event_id
		WHERE t.withdrawal_id = w.event_id) AS e
	WHERE e.amounts IS DISTINCT FROM ARRAY[-w.amount]
			|| CASE WHEN w.state IN ('cancelled', 'rejected', 'failed')
				THEN ARRAY[w.amount] END
		OR NOT e.fitting
	UNION ALL
	SELECT 'withdrawal in a batch that is not its own', w.event_id,
		format('it is in %s, by %s', w.batch_id, w.method)
	FROM commission.withdrawal AS w
	WHERE w.batch_id IS NOT NULL
		AND NOT EXISTS (SELECT FROM commission.payout_batch AS b
						WHERE b.batch_id = w.batch_id
							AND b.method = w.method)
	UNION ALL
	/* Only reversals take a balance below zero (R21, R24). */
	SELECT 'more withdrawn than earned', NULL,
		format('account %s: %s credits', e.account_id, sum(e.amount))
	FROM commission.entry AS e
	WHERE e.kind <> 'reversal'
	GROUP BY e.account_id
	HAVING sum(e.amount) < 0;
COMMENT ON VIEW commission.withdrawal_problem IS
	'withdrawals whose state, transitions, entries or batches do not agree (R23 to R25), and accounts that withdrew more than they earned';
/*
 * rollup.sql: sums of the ledger, kept so that reading stays fast.
 *
 * commission.rolled says which event ids the sums below have in them; every
 * other entry is read from the ledger itself.  A reader adds both, in one
 * snapshot, so its answer is exact whether rollup() has just run or never.
 *
 * All is kept per node (event_id >> 48), so that the ledgers of several
 * machines can be read as one.
 */

CREATE TABLE commission.rolled (
	node_id smallint NOT NULL,
	event_ids int8multirange NOT NULL,
	CONSTRAINT rolled_pkey PRIMARY KEY (node_id)
);
COMMENT ON TABLE commission.rolled IS
	'the event ids of each node whose entries are in the rolled-up sums; nothing may come to the ledger under one of them any more';

CREATE TABLE commission.rolled_kind (
	account_id uuid NOT NULL,
	amount bigint NOT NULL,
	entries bigint NOT NULL,
	counts_as commission.entry_kind NOT NULL,
	node_id smallint NOT NULL,
	CONSTRAINT rolled_kind_pkey
		PRIMARY KEY (account_id, counts_as, node_id) INCLUDE (amount, entries)
) WITH (fillfactor = 70);
COMMENT ON TABLE commission.rolled_kind IS
	'rolled-up sums of an account''s entries, in credits, by what they count as';

CREATE TABLE commission.rolled_day (
	account_id uuid NOT NULL,
	amount bigint NOT NULL,
	entries bigint NOT NULL,
	day date NOT NULL,
	counts_as commission.entry_kind NOT NULL,
	node_id smallint NOT NULL,
	campaign text COLLATE "C" NOT NULL,
	CONSTRAINT rolled_day_pkey
		PRIMARY KEY (account_id, day, counts_as, node_id, campaign)
) WITH (fillfactor = 90);
COMMENT ON TABLE commission.rolled_day IS
	'rolled-up sums of an account''s entries, in credits, by UTC day, what they count as and the campaign that the referred account came by';
COMMENT ON COLUMN commission.rolled_day.campaign IS
	'empty: none, and of what is no commission';

CREATE INDEX rolled_day_campaign_idx
	ON commission.rolled_day ((nullif(campaign, '')))
	WHERE nullif(campaign, '') IS NOT NULL;

CREATE TABLE commission.rolled_referred (
	account_id uuid NOT NULL,
	from_account_id uuid NOT NULL,
	first_earned_at timestamptz,
	last_earned_at timestamptz,
	amount bigint NOT NULL,
	entries bigint NOT NULL,
	counts_as commission.entry_kind NOT NULL,
	node_id smallint NOT NULL,
	CONSTRAINT rolled_referred_pkey
		PRIMARY KEY (account_id, from_account_id, counts_as, node_id)
) WITH (fillfactor = 90);
COMMENT ON TABLE commission.rolled_referred IS
	'rolled-up sums of an account''s entries, in credits, by the account whose activity earned them and what they count as';
COMMENT ON COLUMN commission.rolled_referred.first_earned_at IS
	'the time of the earliest sale; NULL: reversals only';
COMMENT ON COLUMN commission.rolled_referred.last_earned_at IS
	'the time of the latest sale; NULL: reversals only';

CREATE FUNCTION commission.ranges(event_ids int8multirange,
								  OUT first_event_id bigint,
								  OUT end_event_id bigint)
	RETURNS SETOF record
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 2
	AS 'MODULE_PATHNAME', 'commission_ranges';
COMMENT ON FUNCTION commission.ranges(int8multirange) IS
	'the ranges of event ids that are in a multirange, each up to but without end_event_id; unlike unnest(), with the planner expecting few';

/*
 * The ranges of event ids that have to be read from the ledger: as a rule the
 * one after the last rollup().
 */
CREATE VIEW commission.unrolled AS
	SELECT r.first_event_id, r.end_event_id
	FROM commission.ranges('{[0,9223372036854775807)}'
						   - coalesce((SELECT range_agg(n.event_ids)
									   FROM commission.rolled AS n), '{}')) AS r;
COMMENT ON VIEW commission.unrolled IS
	'the ranges of event ids, each up to but without end_event_id, that are in no rolled-up sum';

/* What a reader sums up: rolled-up rows, and entries that are not yet. */
CREATE VIEW commission.kind_part AS
	SELECT r.account_id, r.counts_as, r.amount, r.entries
	FROM commission.rolled_kind AS r
	UNION ALL
	SELECT e.account_id, e.counts_as, e.amount, 1
	FROM commission.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id;
COMMENT ON VIEW commission.kind_part IS
	'rows whose sums are exact at any moment: of amount, in credits, and entries by account and what they count as';

CREATE VIEW commission.day_part AS
	SELECT r.account_id, r.day, r.counts_as, r.amount, r.entries
	FROM commission.rolled_day AS r
	UNION ALL
	SELECT e.account_id, (e.occurred_at AT TIME ZONE 'UTC')::date, e.counts_as,
		e.amount, 1
	FROM commission.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id;
COMMENT ON VIEW commission.day_part IS
	'the same by account, UTC day and what they count as';

CREATE VIEW commission.referred_part AS
	SELECT r.account_id, r.from_account_id, r.counts_as, r.amount, r.entries,
		r.first_earned_at, r.last_earned_at
	FROM commission.rolled_referred AS r
	UNION ALL
	SELECT e.account_id, e.from_account_id, e.counts_as, e.amount, 1,
		CASE WHEN e.kind <> 'reversal' THEN e.occurred_at END,
		CASE WHEN e.kind <> 'reversal' THEN e.occurred_at END
	FROM commission.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id
	WHERE e.counts_as NOT IN ('pool', 'withdrawal');
COMMENT ON VIEW commission.referred_part IS
	'the same of commission, by account, the account whose activity earned it and what it counts as, with the times of the earliest and the latest sale (NULL: of a reversal)';

/*
 * The campaign of a commission: that of the referred account's first referral
 * to the earner for the role, be it in force still or not.  It is there before
 * the commission is, and never changes.
 *
 * That there is always a campaign, if an empty one, keeps the join an outer
 * one whatever is asked of it: it starts from the entries.  The other way
 * round, it would read an account's entries again for each of its referrals.
 */
CREATE VIEW commission.campaign_entry AS
	SELECT e.event_id,
		e.account_id,
		(e.occurred_at AT TIME ZONE 'UTC')::date AS day,
		e.counts_as,
		e.amount,
		coalesce(c.campaign, '') AS campaign
	FROM commission.entry AS e
	LEFT JOIN commission.referral_change AS c
		ON c.is_first
		AND c.account_id = e.from_account_id AND c.referrer_id = e.account_id
		AND c.role = CASE e.counts_as
			WHEN 'pool' THEN NULL
			WHEN 'withdrawal' THEN NULL
			WHEN 'creator' THEN 'creator'::commission.referral_role
			ELSE 'brand'::commission.referral_role
		END;
COMMENT ON VIEW commission.campaign_entry IS
	'the ledger''s entries with their UTC day and the campaign that the referred account came by (empty: none, and of what is no commission)';

CREATE VIEW commission.campaign_part AS
	SELECT r.account_id, r.day, r.counts_as, nullif(r.campaign, '') AS campaign,
		r.amount
	FROM commission.rolled_day AS r
	WHERE r.counts_as NOT IN ('pool', 'withdrawal')
	UNION ALL
	SELECT e.account_id, e.day, e.counts_as, nullif(e.campaign, ''), e.amount
	FROM commission.unrolled AS u
	JOIN commission.campaign_entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id
	WHERE e.counts_as NOT IN ('pool', 'withdrawal');
COMMENT ON VIEW commission.campaign_part IS
	'the same of commission, by account, UTC day, what it counts as and the campaign that the referred account came by (NULL: none)';

/* For audit(): what rollup() got wrong, or somebody else. */
CREATE VIEW commission.rolled_problem AS
	SELECT 'event ids of another node are rolled up' AS problem,
		format('node %s has %s', r.node_id, r.event_ids) AS detail
	FROM commission.rolled AS r
	WHERE NOT r.event_ids <@ int8range(r.node_id::bigint << 48,
									   (r.node_id::bigint + 1) << 48)
	UNION ALL
	SELECT 'rolled-up sum differs from the ledger',
		format('%s of account %s on %s, campaign %L: %s credits in %s entries; the ledger has %s in %s',
			   r.counts_as, r.account_id, r.day, r.campaign, r.amount,
			   r.entries, e.amount, e.entries)
	FROM commission.rolled_day AS r
	FULL JOIN (
		SELECT n.node_id, e.account_id, e.day, e.counts_as, e.campaign,
			sum(e.amount) AS amount, count(*) AS entries
		FROM commission.rolled AS n
		CROSS JOIN LATERAL commission.ranges(n.event_ids) AS i
		JOIN commission.campaign_entry AS e ON e.event_id >= i.first_event_id
			AND e.event_id < i.end_event_id
		GROUP BY n.node_id, e.account_id, e.day, e.counts_as, e.campaign
	) AS e USING (account_id, day, counts_as, node_id, campaign)
	WHERE r.amount IS DISTINCT FROM e.amount
		OR r.entries IS DISTINCT FROM e.entries
	UNION ALL
	SELECT 'rolled-up sum differs from the ledger',
		format('%s of account %s: %s credits in %s entries; its days have %s in %s',
			   r.counts_as, r.account_id, r.amount, r.entries,
			   d.amount, d.entries)
	FROM commission.rolled_kind AS r
	FULL JOIN (
		SELECT d.account_id, d.counts_as, d.node_id, sum(d.amount) AS amount,
			sum(d.entries) AS entries
		FROM commission.rolled_day AS d
		GROUP BY d.account_id, d.counts_as, d.node_id
	) AS d USING (account_id, counts_as, node_id)
	WHERE r.amount IS DISTINCT FROM d.amount
		OR r.entries IS DISTINCT FROM d.entries
	UNION ALL
	SELECT 'rolled-up sum differs from the ledger',
		format('%s of account %s from account %s: %s credits in %s entries from %s to %s; the ledger has %s in %s from %s to %s',
			   r.counts_as, r.account_id, r.from_account_id, r.amount,
			   r.entries, r.first_earned_at, r.last_earned_at, e.amount,
			   e.entries, e.first_earned_at, e.last_earned_at)
	FROM commission.rolled_referred AS r
	FULL JOIN (
		SELECT n.node_id, e.account_id, e.from_account_id, e.counts_as,
			sum(e.amount) AS amount, count(*) AS entries,
			min(e.occurred_at) FILTER (WHERE e.kind <> 'reversal')
				AS first_earned_at,
			max(e.occurred_at) FILTER (WHERE e.kind <> 'reversal')
				AS last_earned_at
		FROM commission.rolled AS n
		CROSS JOIN LATERAL commission.ranges(n.event_ids) AS i
		JOIN commission.entry AS e ON e.event_id >= i.first_event_id
			AND e.event_id < i.end_event_id
		WHERE e.counts_as NOT IN ('pool', 'withdrawal')
		GROUP BY n.node_id, e.account_id, e.from_account_id, e.counts_as
	) AS e USING (account_id, from_account_id, counts_as, node_id)
	WHERE r.amount IS DISTINCT FROM e.amount
		OR r.entries IS DISTINCT FROM e.entries
		OR r.first_earned_at IS DISTINCT FROM e.first_earned_at
		OR r.last_earned_at IS DISTINCT FROM e.last_earned_at;
COMMENT ON VIEW commission.rolled_problem IS
	'rolled-up sums that are not those of the ledger''s entries under the event ids in commission.rolled';

CREATE PROCEDURE commission.rollup()
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'commission_rollup';
COMMENT ON PROCEDURE commission.rollup() IS
	'adds what is new in this node''s ledger to the sums that screens read; they show the same with or without it, only faster. It waits up to two seconds for transactions that have written to the ledger, and leaves out what one that stays open may yet commit; it holds up no sale and no reader; of two at once the second waits for the first';
/*
 * report.sql: the screens (R31 to R34).
 *
 * A view reads with the rights of the extension's owner.  A predicate on the
 * account reaches commission.account by its name, and by is_name_of() every
 * table that is kept by the account's key, in the order of that table's
 * index: ORDER BY event_id DESC LIMIT n reads n rows and sorts nothing.  What
 * a row shows besides comes from look-ups by key, so that a row costs the
 * same however large the ledger is.
 */

CREATE FUNCTION commission.identifier_key(name text) RETURNS uuid
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_identifier_key';
COMMENT ON FUNCTION commission.identifier_key(text) IS
	'account_id(), but NULL for an empty or over-long name';

CREATE FUNCTION commission.is_name_of_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_is_name_of_support';
COMMENT ON FUNCTION commission.is_name_of_support(internal) IS
	'planner support of is_name_of()';

CREATE FUNCTION commission.is_name_of(name text, id uuid) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission.is_name_of_support
	AS 'MODULE_PATHNAME', 'commission_is_name_of';
COMMENT ON FUNCTION commission.is_name_of(text, uuid) IS
	'true: the promise of a view that name is the identifier kept under id, by which the planner finds a name''s rows through their key';

CREATE FUNCTION commission.is_same_account_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_is_same_account_support';
COMMENT ON FUNCTION commission.is_same_account_support(internal) IS
	'planner support of is_same_account()';

CREATE FUNCTION commission.is_same_account(account_id uuid,
										   other_account_id uuid)
	RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000
	SUPPORT commission.is_same_account_support
	AS 'MODULE_PATHNAME', 'commission_is_same_account';
COMMENT ON FUNCTION commission.is_same_account(uuid, uuid) IS
	'whether two accounts'' keys are equal, at a cost that makes the planner look for an index; NULL for NULL';

CREATE FUNCTION commission.is_same_event_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_is_same_event_support';
COMMENT ON FUNCTION commission.is_same_event_support(internal) IS
	'planner support of is_same_event()';

CREATE FUNCTION commission.is_same_event(event_id bigint,
										 other_event_id bigint)
	RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	SUPPORT commission.is_same_event_support
	AS 'MODULE_PATHNAME', 'commission_is_same_event';
COMMENT ON FUNCTION commission.is_same_event(bigint, bigint) IS
	'whether two event ids are equal; a join on it is looked up in an index, event by event, and never merged; NULL for NULL';

CREATE FUNCTION commission.setting(name text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_setting';
COMMENT ON FUNCTION commission.setting(text) IS
	'a setting of the programme as it is in force, named without "commission."; 42704 for one that does not exist, 42501 for a secret';

CREATE VIEW commission.earnings AS
	SELECT a.name AS account,
		coalesce(ever.lifetime, 0)::bigint AS lifetime,
		coalesce(recent.amount, 0)::bigint AS last_30_days,
		coalesce(ever.brand, 0)::bigint AS brand_lifetime,
		coalesce(ever.creator, 0)::bigint AS creator_lifetime,
		coalesce(ever.pool, 0)::bigint AS pool_lifetime,
		coalesce(ever.subscription, 0)::bigint AS subscription_lifetime
	FROM commission.account AS a
	CROSS JOIN LATERAL (
		SELECT sum(p.amount) FILTER (
				WHERE p.counts_as NOT IN ('pool', 'withdrawal')) AS lifetime,
			sum(p.amount) FILTER (WHERE p.counts_as = 'brand') AS brand,
			sum(p.amount) FILTER (WHERE p.counts_as = 'creator') AS creator,
			sum(p.amount) FILTER (WHERE p.counts_as = 'pool') AS pool,
			sum(p.amount) FILTER (
				WHERE p.counts_as IN ('first_order', 'renewal', 'upgrade'))
				AS subscription
		FROM commission.kind_part AS p
		WHERE p.account_id = a.account_id) AS ever
	CROSS JOIN LATERAL (
		SELECT sum(p.amount) AS amount
		FROM commission.day_part AS p
		WHERE p.account_id = a.account_id
			AND p.day BETWEEN (now() AT TIME ZONE 'UTC')::date - 29
				AND (now() AT TIME ZONE 'UTC')::date
			AND p.counts_as NOT IN ('pool', 'withdrawal')) AS recent;
COMMENT ON VIEW commission.earnings IS
	'the earnings card (R31): what each account has earned, in credits and net of reversals; lifetime and last_30_days are commission, that is legs and subscriptions; pool shares stand apart; days are UTC days, by the time of the sale, and of a reversal by the time of the reversal';

CREATE VIEW commission.daily_earnings AS
	SELECT a.name AS account,
		sum.day,
		sum.counts_as AS kind,
		sum.amount,
		sum.entries,
		a.account_id
	FROM commission.account AS a
	CROSS JOIN LATERAL (
		SELECT p.day, p.counts_as, sum(p.amount)::bigint AS amount,
			sum(p.entries)::bigint AS entries
		FROM commission.day_part AS p
		WHERE p.account_id = a.account_id
			AND p.counts_as <> 'withdrawal'
		GROUP BY p.day, p.counts_as) AS sum;
COMMENT ON VIEW commission.daily_earnings IS
	'for charts: what each account earned on each UTC day by each kind, in credits and net of that day''s reversals, and by how many entries; a day without entries has no row';

CREATE VIEW commission.ledger AS
	SELECT e.event_id,
		e.line,
		a.name AS account,
		e.kind,
		e.amount,
		commission.ratio(e.ratio_ppm) AS ratio,
		coalesce(f.name, g.buyer_name, o.customer_name,
				 commission.identifier_name(e.from_account_id)) AS from_account,
		coalesce(g.generation_name, o.order_name,
				 commission.identifier_name(coalesce(g.generation_id,
													 o.order_id)),
				 w.withdrawal_id::text) AS source,
		e.occurred_at,
		e.counts_as,
		e.account_id
	FROM commission.entry AS e
	JOIN commission.account AS a ON a.account_id = e.account_id
	LEFT JOIN commission.account AS f ON f.account_id = e.from_account_id
	LEFT JOIN commission.reversal AS r
		ON commission.is_same_event(r.event_id, e.event_id)
	LEFT JOIN commission.generation AS g
		ON commission.is_same_event(
			g.event_id, coalesce(r.reversed_event_id, e.event_id))
	LEFT JOIN commission.customer_order AS o
		ON commission.is_same_event(
			o.event_id, coalesce(r.reversed_event_id, e.event_id))
	LEFT JOIN commission.withdrawal_transition AS w
		ON commission.is_same_event(w.event_id, e.event_id)
	WHERE commission.is_name_of(a.name, e.account_id);
COMMENT ON VIEW commission.ledger IS
	'every entry of the ledger (R18): amounts in credits, below zero where they leave the balance; source is the application''s id of the generation or order that it is for, or the number of the withdrawal; read it with ORDER BY event_id DESC LIMIT n';

/*
 * The last of an account's legs on an event stands for them all: of a run of
 * many frames, that on the last frame.  That there is no later one is looked
 * up for each: IS TRUE keeps the planner from making an anti-join of it, whose
 * estimate would mislead it.
 */
CREATE VIEW commission.recent_commission AS
	SELECT a.name AS account,
		coalesce(g.run_name, commission.identifier_name(g.run_id),
				 g.generation_name,
				 commission.identifier_name(g.generation_id)) AS run,
		last.event_id,
		g.occurred_at,
		buyer.label AS buyer,
		run.images,
		run.titles,
		CASE WHEN run.brand AND run.creator THEN 'Brand + Creator'
			WHEN run.brand THEN 'Brand'
			ELSE 'Creator'
		END AS legs,
		run.amount,
		format('%s generated %s %s%s', buyer.label, run.images,
			   CASE run.images WHEN 1 THEN 'image' ELSE 'images' END,
			   ' with "' || nullif(array_to_string(run.titles, '" and "'), '')
			   || '"') AS headline,
		last.account_id
	FROM commission.entry AS last
	JOIN commission.account AS a ON a.account_id = last.account_id
	JOIN commission.generation AS g
		ON commission.is_same_event(g.event_id, last.event_id)
	LEFT JOIN commission.account AS b ON b.account_id = g.buyer_id
	CROSS JOIN LATERAL (
		SELECT commission.mask(coalesce(b.label, b.name, g.buyer_name,
										commission.identifier_name(g.buyer_id)))
	) AS buyer (label)
	CROSS JOIN LATERAL (
		SELECT sum(frame.images)::bigint AS images,
			bool_or(leg.brand) AS brand,
			bool_or(leg.creator) AS creator,
			sum(leg.amount + taken.amount)::bigint AS amount,
			ARRAY(
				SELECT coalesce(l.title, l.name)
				FROM commission.listing AS l
				WHERE l.version = ANY (array_agg(frame.avatar_version)
									   || array_agg(frame.reference_version))
				GROUP BY coalesce(l.title, l.name)
				ORDER BY min(l.kind), min(l.version)) AS titles
		FROM (
			SELECT f.event_id, f.images, f.avatar_version, f.reference_version
			FROM commission.generation AS f
			WHERE f.run_id = g.run_id
			UNION ALL
			SELECT g.event_id, g.images, g.avatar_version, g.reference_version
			WHERE g.run_id IS NULL
		) AS frame
		CROSS JOIN LATERAL (
			SELECT bool_or(l.kind = 'brand') AS brand,
				bool_or(l.kind = 'creator') AS creator,
				sum(l.amount) AS amount
			FROM commission.entry AS l
			WHERE l.event_id = frame.event_id
				AND l.account_id = last.account_id
				AND l.kind IN ('brand', 'creator')
			HAVING count(*) > 0
		) AS leg
		CROSS JOIN LATERAL (
			SELECT coalesce(sum(t.amount), 0) AS amount
			FROM commission.reversal AS r
			JOIN commission.entry AS t ON t.event_id = r.event_id
			WHERE r.reversed_event_id = frame.event_id
				AND t.account_id = last.account_id
				AND t.counts_as IN ('brand', 'creator')
		) AS taken
	) AS run
	WHERE commission.is_name_of(a.name, last.account_id)
		AND last.kind IN ('brand', 'creator')
		AND (NOT EXISTS (
			SELECT
			FROM commission.entry AS l
			WHERE l.event_id = last.event_id AND l.line > last.line
				AND l.account_id = last.account_id
				AND l.kind IN ('brand', 'creator'))) IS TRUE
		AND (NOT EXISTS (
			SELECT
			FROM commission.generation AS f
			JOIN commission.entry AS l ON l.event_id = f.event_id
			WHERE f.run_id = g.run_id AND f.event_id > g.event_id
				AND l.account_id = last.account_id
				AND l.kind IN ('brand', 'creator'))) IS TRUE;
COMMENT ON VIEW commission.recent_commission IS
	'the recent list (R32): a row for each account and run that paid it, with the event id and time of the last frame that did, the buyer masked (R34), the images of those frames and the titles of their listings, the legs that paid, and the credits net of reversals; read it with ORDER BY event_id DESC LIMIT n';

CREATE VIEW commission.commission_detail AS
	SELECT a.name AS account,
		coalesce(g.generation_name,
				 commission.identifier_name(g.generation_id)) AS generation,
		coalesce(g.run_name, commission.identifier_name(g.run_id)) AS run,
		g.occurred_at,
		commission.mask(coalesce(b.label, b.name, g.buyer_name,
								 commission.identifier_name(g.buyer_id)))
			AS buyer,
		g.images,
		array_remove(ARRAY[coalesce(avatar.title, avatar.name),
						   coalesce(reference.title, reference.name)], NULL)
			AS titles,
		leg.brand_amount,
		commission.ratio(leg.brand_ratio_ppm) AS brand_ratio,
		leg.creator_amount,
		commission.ratio(leg.creator_ratio_ppm) AS creator_ratio,
		g.model_price + paid.surcharge AS buyer_total,
		g.model_price,
		paid.surcharge,
		paid.pool,
		paid.surcharge - paid.pool AS markup,
		g.api_cost,
		greatest(g.model_price - g.api_cost, 0) AS generation_margin,
		paid.surcharge - paid.pool + greatest(g.model_price - g.api_cost, 0)
			AS net_margin,
		paid.surcharge - paid.pool + greatest(g.model_price - g.api_cost, 0)
			- leg.all_amount AS platform_take,
		(SELECT coalesce(sum(t.amount), 0)::bigint
		 FROM commission.reversal AS r
		 JOIN commission.entry AS t ON t.event_id = r.event_id
		 WHERE r.reversed_event_id = g.event_id
			AND t.account_id = last.account_id
			AND t.counts_as IN ('brand', 'creator')) AS reversed,
		(SELECT coalesce(sum(r.refunded), 0)::bigint
		 FROM commission.reversal AS r
		 WHERE r.reversed_event_id = g.event_id) AS refunded,
		last.event_id,
		last.account_id
	FROM commission.entry AS last
	JOIN commission.account AS a ON a.account_id = last.account_id
	JOIN commission.generation AS g
		ON commission.is_same_event(g.event_id, last.event_id)
	LEFT JOIN commission.account AS b ON b.account_id = g.buyer_id
	LEFT JOIN commission.listing AS avatar
		ON avatar.version = g.avatar_version
	LEFT JOIN commission.listing AS reference
		ON reference.version = g.reference_version
	CROSS JOIN LATERAL (
		SELECT coalesce(g.avatar_surcharge, 0)
				+ coalesce(g.reference_surcharge, 0) AS surcharge,
			coalesce(g.avatar_pool, 0) + coalesce(g.reference_pool, 0) AS pool
	) AS paid
	CROSS JOIN LATERAL (
		SELECT sum(l.amount) FILTER (
				WHERE l.account_id = last.account_id AND l.kind = 'brand')::bigint
				AS brand_amount,
			max(l.ratio_ppm) FILTER (
				WHERE l.account_id = last.account_id AND l.kind = 'brand')
				AS brand_ratio_ppm,
			sum(l.amount) FILTER (
				WHERE l.account_id = last.account_id AND l.kind = 'creator')::bigint
				AS creator_amount,
			max(l.ratio_ppm) FILTER (
				WHERE l.account_id = last.account_id AND l.kind = 'creator')
				AS creator_ratio_ppm,
			sum(l.amount)::bigint AS all_amount
		FROM commission.entry AS l
		WHERE l.event_id = last.event_id
			AND l.kind IN ('brand', 'creator')
	) AS leg
	WHERE commission.is_name_of(a.name, last.account_id)
		AND commission.is_name_of(
			coalesce(g.generation_name,
					 commission.identifier_name(g.generation_id)),
			g.generation_id)
		AND last.kind IN ('brand', 'creator')
		AND (NOT EXISTS (
			SELECT
			FROM commission.entry AS l
			WHERE l.event_id = last.event_id AND l.line > last.line
				AND l.account_id = last.account_id
				AND l.kind IN ('brand', 'creator'))) IS TRUE;
COMMENT ON VIEW commission.commission_detail IS
	'the details of a generation for an account that it paid (R33), in credits as they were at the sale: the account''s legs with their nominal ratios, NULL where there was none, and where every credit went (R20): buyer_total = pool + api_cost + everybody''s legs + platform_take, the clamp of R8 apart; reversed is what reversals took from the account since (below zero), refunded what the buyer got back; found by generation or event_id, read as a list with ORDER BY event_id DESC LIMIT n';

CREATE VIEW commission.program_terms AS
	SELECT t.term, t.value, t.description
	FROM (
		SELECT commission.setting('brand_ratio') AS brand_ratio,
			commission.setting('creator_ref_ratio') AS creator_ref_ratio,
			commission.setting('total_cap_ratio') AS total_cap_ratio,
			commission.setting('brand_referral_window_days') AS brand_window,
			commission.setting('attribution_window_days') AS touch_window,
			commission.setting('first_order_ratio') AS first_order_ratio,
			commission.setting('renewal_ratio') AS renewal_ratio,
			commission.setting('upgrade_ratio') AS upgrade_ratio,
			commission.setting('minimum_payout') AS minimum_payout,
			commission.setting('hold_days') AS hold_days,
			commission.setting('minimum_pool') AS minimum_pool,
			commission.setting('marketplace_only') AS marketplace_only,
			commission.setting('platform_markup_ratio') AS markup_ratio
	) AS s
	CROSS JOIN LATERAL (VALUES
		('brand_ratio', s.brand_ratio,
		 'share of the net margin of each paid generation of a brand that you referred'),
		('creator_ref_ratio', s.creator_ref_ratio,
		 'share of the net margin of each generation by another brand with a listing of a creator that you referred'),
		('total_cap_ratio', s.total_cap_ratio,
		 'share of the net margin that all legs of one generation together never exceed; they are scaled down alike'),
		('brand_referral_window_days', s.brand_window,
		 CASE s.brand_window
			WHEN '0' THEN 'the brand leg recurs for life: 0 is no limit in days'
			ELSE 'days after attribution for which the brand leg recurs'
		 END || '; the creator leg has no limit'),
		('attribution_window_days', s.touch_window,
		 'days from a visitor''s first touch in which their sign-up counts as your referral'),
		('first_order_ratio', s.first_order_ratio,
		 'share of the first order of a customer that you referred'),
		('renewal_ratio', s.renewal_ratio,
		 'share of each renewal; it recurs for as long as the customer pays'),
		('upgrade_ratio', s.upgrade_ratio,
		 'share of each upgrade'),
		('minimum_payout', s.minimum_payout,
		 CASE s.minimum_payout
			WHEN '0' THEN 'credits: there is no least amount to withdraw'
			ELSE 'credits: the least amount to withdraw, $'
				|| (s.minimum_payout::numeric / 100)::numeric(20, 2)
		 END || '; paid by PayPal or another method that the platform offers'),
		('hold_days', s.hold_days,
		 CASE s.hold_days
			WHEN '0' THEN 'earnings can be withdrawn at once'
			ELSE 'days before an earning can be withdrawn'
		 END),
		('minimum_pool', s.minimum_pool,
		 'credits: the least pool of a listing, which its owner and co-authors share'),
		('platform_markup_ratio', s.markup_ratio,
		 'what the platform adds to a pool, rounded up to the credit; part of the net margin'),
		('marketplace_only', s.marketplace_only,
		 CASE s.marketplace_only
			WHEN 'on' THEN 'only generations that use a listing pay'
			ELSE 'generations without a listing pay, too'
		 END)
	) AS t (term, value, description);
COMMENT ON VIEW commission.program_terms IS
	'the programme''s terms as they are in force now: ratios as decimals, money in credits, windows in days; what was earned is never altered by a later change (R15)';
/*
 * balance.sql: what an account has, now and at any time past (R18, R22, R24).
 */

CREATE FUNCTION commission.held_since() RETURNS timestamptz
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_held_since';
COMMENT ON FUNCTION commission.held_since() IS
	'earnings of sales after this time are held: commission.hold_days before the transaction''s start; infinity where nothing is held (R24)';

/*
 * The sums stand here and nowhere else; a withdrawal is checked against them,
 * too.  What is held is what was earned by young sales less what was taken
 * back of just that: a reversal of anything older is never held back.  It is
 * younger than its sale, so that one of a young sale is among the young
 * entries.
 */
CREATE VIEW commission.balance AS
	SELECT a.name AS account,
		coalesce(sum.balance, 0)::bigint AS balance,
		(coalesce(sum.balance, 0) - coalesce(young.held, 0))::bigint
			AS available,
		coalesce(young.held, 0)::bigint AS held,
		coalesce(withdrawal.open, 0)::bigint AS in_withdrawal,
		coalesce(withdrawal.paid, 0)::bigint AS withdrawn,
		a.account_id
	FROM commission.account AS a
	CROSS JOIN LATERAL (
		SELECT sum(p.amount) AS balance
		FROM commission.kind_part AS p
		WHERE p.account_id = a.account_id) AS sum
	CROSS JOIN LATERAL (
		SELECT sum(e.amount) AS held
		FROM commission.entry AS e
		LEFT JOIN commission.reversal AS r ON r.event_id = e.event_id
		LEFT JOIN LATERAL (
			SELECT sale.occurred_at
			FROM commission.entry AS sale
			WHERE sale.event_id = r.reversed_event_id
			LIMIT 1) AS reversed ON true
		WHERE e.account_id = a.account_id
			AND e.counts_as <> 'withdrawal'
			AND e.occurred_at > commission.held_since()
			AND coalesce(reversed.occurred_at, e.occurred_at)
				> commission.held_since()
			AND commission.held_since() < 'infinity') AS young
	CROSS JOIN LATERAL (
		SELECT sum(w.amount) FILTER (
				WHERE w.state IN ('requested', 'approved', 'unknown')) AS open,
			sum(w.amount) FILTER (WHERE w.state = 'paid') AS paid
		FROM commission.withdrawal AS w
		WHERE w.account_id = a.account_id) AS withdrawal;
COMMENT ON VIEW commission.balance IS
	'what each account has, in credits (R18): the balance, below zero where more was refunded than is left; of that, what is available to be withdrawn and what is held because its sale is younger than commission.hold_days (R24); and what has left it, being withdrawn or paid out';

CREATE FUNCTION commission.balance_at(account text, at timestamptz)
	RETURNS bigint
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT (SELECT coalesce(sum(e.amount), 0)::bigint
			FROM commission.entry AS e
			WHERE e.account_id = a.account_id
				AND e.occurred_at <= balance_at.at)
	FROM commission.account AS a
	WHERE a.account_id = commission.account_id(balance_at.account)
		AND balance_at.at IS NOT NULL;
END;
COMMENT ON FUNCTION commission.balance_at(text, timestamptz) IS
	'an account''s balance at a time, in credits: all that was sold, refunded, requested or returned until then, that moment included (R22); NULL for an account that is not known, and for NULL; 22023 for an empty or over-long name';

CREATE FUNCTION commission.statement(account text, since date, until date)
	RETURNS TABLE (occurred_at timestamptz, event_id bigint, line smallint,
				   what text, source text, amount bigint, balance bigint)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH period AS (
		SELECT a.account_id, t.since, t.until,
			(SELECT coalesce(sum(e.amount), 0)
			 FROM commission.entry AS e
			 WHERE e.account_id = a.account_id
				AND e.occurred_at < t.since) AS opening
		FROM commission.account AS a
		CROSS JOIN (
			SELECT coalesce(statement.since, '-infinity')::timestamp
					AT TIME ZONE 'UTC' AS since,
				(coalesce(statement.until, 'infinity') + 1)::timestamp
					AT TIME ZONE 'UTC' AS until) AS t
		WHERE a.account_id = commission.account_id(statement.account)
			AND t.since < t.until
	), line AS (
		SELECT 1 AS part, p.since AS occurred_at, NULL::bigint AS event_id,
			NULL::smallint AS line, 'opening balance' AS what,
			NULL::text AS source, p.opening AS change
		FROM period AS p
		UNION ALL
		SELECT 2, e.occurred_at, e.event_id, e.line,
			CASE e.kind WHEN 'reversal' THEN 'reversal of ' || e.counts_as
				ELSE replace(e.kind::text, '_', ' ')
			END,
			l.source, e.amount
		FROM period AS p
		JOIN commission.entry AS e ON e.account_id = p.account_id
			AND e.occurred_at >= p.since AND e.occurred_at < p.until
		LEFT JOIN commission.ledger AS l ON l.event_id = e.event_id
			AND l.line = e.line
		UNION ALL
		SELECT 3, p.until, NULL, NULL, 'closing balance', NULL, 0
		FROM period AS p
	)
	SELECT l.occurred_at, l.event_id, l.line, l.what, l.source,
		CASE l.part WHEN 2 THEN l.change END::bigint,
		(sum(l.change) OVER (ORDER BY l.part, l.occurred_at, l.event_id, l.line
							 ROWS UNBOUNDED PRECEDING))::bigint
	FROM line AS l
	ORDER BY l.part, l.occurred_at, l.event_id, l.line;
END;
COMMENT ON FUNCTION commission.statement(text, date, date) IS
	'an account''s statement over UTC days, both included, NULL being without bound (R22): the opening balance, each entry with what it is and the sale or withdrawal that it is for, by the time of the sale, and the closing balance; amounts and the running balance in credits; no row for an account that is not known or a period that ends before it begins; 22023 for an empty or over-long name';

CREATE VIEW commission.withdrawal_status AS
	SELECT a.name AS account,
		w.event_id AS withdrawal,
		w.state,
		w.amount,
		w.method,
		commission.mask(w.destination) AS destination,
		w.requested_at,
		last.changed_at,
		last.changed_by,
		w.batch_id AS batch,
		w.transfer,
		w.reason,
		w.account_id
	FROM commission.withdrawal AS w
	JOIN commission.account AS a ON a.account_id = w.account_id
	LEFT JOIN LATERAL (
		SELECT t.changed_at, t.changed_by
		FROM commission.withdrawal_transition AS t
		WHERE t.withdrawal_id = w.event_id
		ORDER BY t.event_id DESC
		LIMIT 1) AS last ON true;
COMMENT ON VIEW commission.withdrawal_status IS
	'the withdrawals (R23): state, credits, method, the destination masked (R34), when each was requested, when and by whom it was last changed, its payout batch, the transfer that paid it and the reason for which it was rejected or failed; read it with ORDER BY withdrawal DESC LIMIT n';

CREATE VIEW commission.withdrawal_history AS
	SELECT a.name AS account,
		t.withdrawal_id AS withdrawal,
		t.from_state,
		t.to_state,
		t.changed_at,
		t.changed_by,
		t.event_id
	FROM commission.withdrawal_transition AS t
	JOIN commission.withdrawal AS w ON w.event_id = t.withdrawal_id
	JOIN commission.account AS a ON a.account_id = w.account_id;
COMMENT ON VIEW commission.withdrawal_history IS
	'each transition of each withdrawal, the request first (R23): when it was, and by whom; read it with ORDER BY event_id';
/*
 * funnel.sql: what an affiliate's links bring (R35, R36).
 *
 * Each is in real time, and exact.  Clicks and sign-ups are counted from the
 * touches and the referrals, by the indexes of the account and day or of the
 * campaign.  Conversions and earnings are rolled-up sums and, in one pass each,
 * the entries that are not in them yet: of one account by the ledger's index
 * of it, of one campaign all.  Those are summed before anything is joined to
 * them, so that no account's entries are read once for each of its referrals.
 */

CREATE VIEW commission.funnel AS
	SELECT f.account,
		f.campaign,
		f.day,
		sum(f.clicks)::bigint AS clicks,
		sum(f.signups)::bigint AS signups,
		sum(f.conversions)::bigint AS conversions,
		sum(f.earnings)::bigint AS earnings,
		f.account_id
	FROM (
		SELECT a.name AS account, a.account_id, t.campaign,
			(t.touched_at AT TIME ZONE 'UTC')::date AS day,
			1 AS clicks, 0 AS signups, 0 AS conversions, 0::numeric AS earnings
		FROM commission.touch AS t
		JOIN commission.account AS a ON a.account_id = t.referrer_id
		WHERE commission.is_name_of(a.name, a.account_id)
		UNION ALL
		SELECT a.name, a.account_id, r.campaign,
			(r.signed_up_at AT TIME ZONE 'UTC')::date,
			0, 1, 0, 0
		FROM commission.referral_change AS r
		JOIN commission.account AS a ON a.account_id = r.referrer_id
		WHERE r.is_first AND r.is_signup
			AND commission.is_name_of(a.name, a.account_id)
		UNION ALL
		SELECT a.name, a.account_id, r.campaign,
			(paid.first_at AT TIME ZONE 'UTC')::date,
			0, 0, 1, 0
		FROM (
			SELECT p.account_id, p.from_account_id,
				min(p.first_earned_at) AS first_at
			FROM commission.referred_part AS p
			GROUP BY p.account_id, p.from_account_id) AS paid
		JOIN commission.account AS a ON a.account_id = paid.account_id
		JOIN commission.referral_change AS r
			ON r.referrer_id = paid.account_id
			AND r.account_id = paid.from_account_id
		WHERE r.is_first AND r.is_signup AND paid.first_at IS NOT NULL
			AND commission.is_name_of(a.name, paid.account_id)
		UNION ALL
		SELECT a.name, a.account_id, earned.campaign, earned.day,
			0, 0, 0, earned.amount
		FROM (
			SELECT p.account_id, p.campaign, p.day, sum(p.amount) AS amount
			FROM commission.campaign_part AS p
			GROUP BY p.account_id, p.campaign, p.day) AS earned
		JOIN commission.account AS a ON a.account_id = earned.account_id
		WHERE commission.is_name_of(a.name, earned.account_id)
	) AS f
	GROUP BY f.account, f.account_id, f.campaign, f.day;
COMMENT ON VIEW commission.funnel IS
	'clicks, sign-ups, conversions and earnings of each referrer, campaign (NULL: none) and UTC day, in real time (R35): clicks on the referrer''s links; sign-ups of referred accounts, each counted once, on the day it signed up; conversions, a referred account''s first event that paid its referrer, on the day of that event; earnings in credits net of reversals, by the time of the sale or refund, under the campaign that the referred account came by';

CREATE VIEW commission.referral_earnings AS
	SELECT a.name AS account,
		commission.mask(coalesce(b.label, b.name)) AS referred,
		r.role,
		r.signed_up_at,
		r.campaign,
		(SELECT o.plan
		 FROM commission.customer_order AS o
		 WHERE o.customer_id = r.account_id AND o.plan IS NOT NULL
		 ORDER BY o.event_id DESC
		 LIMIT 1) AS plan,
		coalesce(e.amount, 0)::bigint AS lifetime,
		e.last_earned_at,
		EXISTS (
			SELECT FROM commission.referral AS f
			WHERE f.account_id = r.account_id AND f.role = r.role
				AND f.referrer_id = r.referrer_id) AS in_force,
		a.account_id
	FROM commission.referral_change AS r
	JOIN commission.account AS a ON a.account_id = r.referrer_id
	JOIN commission.account AS b ON b.account_id = r.account_id
	LEFT JOIN (
		SELECT p.account_id, p.from_account_id,
			p.counts_as = 'creator' AS is_creator,
			sum(p.amount) AS amount, max(p.last_earned_at) AS last_earned_at
		FROM commission.referred_part AS p
		GROUP BY p.account_id, p.from_account_id, p.counts_as = 'creator') AS e
		ON e.account_id = r.referrer_id
		AND e.from_account_id = r.account_id
		AND e.is_creator = (r.role = 'creator')
	WHERE r.is_first AND commission.is_name_of(a.name, a.account_id);
COMMENT ON VIEW commission.referral_earnings IS
	'the accounts that each account referred, masked (R34), for each role: when they signed up, through which campaign (NULL: none), the plan of their latest order that names one, what they have earned the account in credits and net of reversals, and when last (R36); in_force: false where the operator has moved or ended the referral, whose earnings stay';
/*
 * explain.sql: how a generation came to its credits, step by step.
 *
 * Everything comes from the facts that were kept with the generation, never
 * from the settings or referrals in force now.
 */

CREATE FUNCTION commission.leg_reason(leg "char", use text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE leg
	WHEN 'n' THEN CASE use
		WHEN 'brand' THEN 'the buyer was not referred by anybody'
		ELSE 'the owner of the listing was not referred by anybody' END
	WHEN 'b' THEN 'the generation was made before the buyer was referred'
	WHEN 'w' THEN 'the days after the referral in which a brand pays were over'
	WHEN 's' THEN CASE use
		WHEN 'brand' THEN 'the referrer is the buyer, and nobody earns on their own purchase'
		ELSE 'buyer, owner and referrer are not three different accounts, and nobody earns on their own purchase or listing' END
	WHEN 'c' THEN 'the referrer''s account was closed'
	WHEN 'a' THEN 'the buyer''s account was closed'
	WHEN 'm' THEN 'only generations that use a listing pay'
	WHEN 'o' THEN 'the avatar has the same owner, and an owner''s referrer earns once'
	WHEN '-' THEN 'there was no such listing'
END;
COMMENT ON FUNCTION commission.leg_reason("char", text) IS
	'why a leg (of use brand, avatar or reference) was not paid, from the letter in commission.generation; NULL for one that applied';

/* What a leg came to: the product, and what rounding down made of it. */
CREATE FUNCTION commission.leg_arithmetic(net_margin bigint, ratio_ppm integer,
										  sum_ppm integer, cap_ppm integer)
	RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT format('%s * %s%s = %s', net_margin, commission.ratio(ratio_ppm),
				  CASE WHEN sum_ppm > cap_ppm
					  THEN format(' * %s / %s', commission.ratio(cap_ppm),
								  commission.ratio(sum_ppm))
					  ELSE '' END,
				  CASE
					  WHEN mod(q.dividend, q.divisor) = 0
					  THEN (q.dividend / q.divisor)::bigint::text
					  ELSE format('%s%s, rounded down to %s',
								  trim_scale(div(q.dividend * 1000000,
												 q.divisor) / 1000000),
								  CASE WHEN mod(q.dividend * 1000000,
												q.divisor) = 0
									  THEN '' ELSE '...' END,
								  div(q.dividend, q.divisor))
				  END)
	FROM (
		SELECT net_margin::numeric * ratio_ppm
				* CASE WHEN sum_ppm > cap_ppm THEN cap_ppm ELSE 1 END,
			1000000::numeric
				* CASE WHEN sum_ppm > cap_ppm THEN sum_ppm ELSE 1 END
	) AS q (dividend, divisor);
END;
COMMENT ON FUNCTION commission.leg_arithmetic(bigint, integer, integer, integer) IS
	'a leg worked out on paper (R3, R12): 100 * 0.30 * 0.50 / 0.70 = 21.428571..., rounded down to 21';

CREATE FUNCTION commission.explain(generation text)
	RETURNS TABLE (step integer, what text, value text)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH fact AS (
		SELECT g.*,
			coalesce(g.avatar_pool, 0) + coalesce(g.reference_pool, 0) AS pool,
			coalesce(g.avatar_surcharge, 0)
				+ coalesce(g.reference_surcharge, 0) AS surcharge,
			CASE WHEN g.brand_leg = 'p' THEN g.brand_ratio_ppm ELSE 0 END
				+ CASE WHEN g.avatar_leg = 'p' THEN g.creator_ref_ratio_ppm
					ELSE 0 END
				+ CASE WHEN g.reference_leg = 'p' THEN g.creator_ref_ratio_ppm
					ELSE 0 END AS sum_ppm
		FROM commission.generation AS g
		WHERE g.generation_id = commission.identifier_key(explain.generation)
	), net AS (
		SELECT f.event_id,
			f.model_price + f.surcharge AS buyer_total,
			f.surcharge - f.pool AS markup,
			greatest(f.model_price - f.api_cost, 0) AS margin,
			f.surcharge - f.pool + greatest(f.model_price - f.api_cost, 0)
				AS margins
		FROM fact AS f
	), owed AS (
		SELECT e.*, a.name AS account
		FROM fact AS f
		JOIN commission.entry AS e ON e.event_id = f.event_id
		JOIN commission.account AS a ON a.account_id = e.account_id
	), usage AS (
		/* How each listing was used. */
		SELECT u.position, u.use, l.owner_id, o.name AS owner, u.leg, u.pool,
			u.surcharge, u.pool_derived, u.surcharge_derived,
			f.bundle_frame AND u.use = 'reference' AS bundled,
			coalesce(l.title, l.name) AS title
		FROM fact AS f
		CROSS JOIN LATERAL (VALUES
			(1, 'avatar', f.avatar_version, f.avatar_leg, f.avatar_pool,
			 f.avatar_surcharge, f.derived & 4 <> 0, f.derived & 8 <> 0),
			(2, 'reference', f.reference_version, f.reference_leg,
			 f.reference_pool, f.reference_surcharge,
			 f.derived & 16 <> 0, f.derived & 32 <> 0))
			AS u (position, use, version, leg, pool, surcharge, pool_derived,
				  surcharge_derived)
		JOIN commission.listing AS l ON l.version = u.version
		LEFT JOIN commission.account AS o ON o.account_id = l.owner_id
	), refund AS (
		SELECT r.event_id, r.refunded, r.occurred_at, r.unpaid, r.reason,
			sum(r.refunded) OVER (ORDER BY r.event_id) AS refunded_so_far,
			n.buyer_total
		FROM fact AS f
		JOIN net AS n ON true
		JOIN commission.reversal AS r ON r.reversed_event_id = f.event_id
	), line AS (
		/* 100: what went in. */
		SELECT 100 AS part, 0 AS position, 'generation' AS what,
			explain.generation || coalesce(
				', a frame of run ' || coalesce(f.run_name,
					commission.identifier_name(f.run_id)), '')
			|| ', of ' || to_char(f.occurred_at AT TIME ZONE 'UTC',
								  'YYYY-MM-DD HH24:MI:SS') || ' UTC' AS value
		FROM fact AS f
		UNION ALL
		SELECT 101, 0, 'buyer',
			commission.mask(coalesce(b.label, b.name, f.buyer_name,
									 commission.identifier_name(f.buyer_id)))
		FROM fact AS f
		LEFT JOIN commission.account AS b ON b.account_id = f.buyer_id
		UNION ALL
		SELECT 102, p.position, p.what,
			format('%s credits, %s', p.credits,
				   CASE WHEN p.derived
					   THEN format('from the price list: %s * %s%s', f.images,
								   f.model,
								   coalesce(' at ' || nullif(f.resolution, ''), ''))
					   ELSE 'as recorded with the generation' END)
		FROM fact AS f
		CROSS JOIN LATERAL (VALUES
			(1, 'model price', f.model_price, f.derived & 1 <> 0),
			(2, 'API cost', f.api_cost, f.derived & 2 <> 0))
			AS p (position, what, credits, derived)
		UNION ALL
		SELECT 110, u.position * 10, u.use || ' listing',
			format('"%s" of %s', u.title, u.owner)
		FROM usage AS u
		UNION ALL
		SELECT 110, u.position * 10 + 1, u.use || ' pool',
			CASE
				WHEN u.bundled THEN '0 credits: a frame of a bundle, whose listing was paid for before'
				ELSE format('%s credits, %s', u.pool,
							CASE WHEN u.pool_derived THEN 'the listing''s'
								ELSE 'as recorded with the generation' END)
			END
		FROM usage AS u
		UNION ALL
		SELECT 110, u.position * 10 + 2, u.use || ' surcharge',
			format('%s credits, %s', u.surcharge,
				   CASE WHEN u.surcharge_derived
					   THEN 'the pool and the platform''s markup on it, rounded up'
					   ELSE 'as recorded with the generation' END)
		FROM usage AS u
		WHERE NOT u.bundled
		UNION ALL
		SELECT 110, 99, 'listing', 'none: a solo generation'
		FROM fact AS f
		WHERE f.avatar_version IS NULL AND f.reference_version IS NULL
		UNION ALL
		/* 200: the net margin. */
		SELECT 200, 0, 'buyer total',
			format('%s + %s = %s credits: model price and surcharges',
				   f.model_price, f.surcharge, n.buyer_total)
		FROM fact AS f, net AS n
		UNION ALL
		SELECT 201, 0, 'marketplace markup',
			format('%s - %s = %s credits: surcharges less pools', f.surcharge,
				   f.pool, n.markup)
		FROM fact AS f, net AS n
		UNION ALL
		SELECT 202, 0, 'generation margin',
			format(CASE WHEN f.api_cost > f.model_price
					   THEN '%s - %s is below zero and counts as %s credits'
					   ELSE '%s - %s = %s credits: model price less API cost' END,
				   f.model_price, f.api_cost, n.margin)
		FROM fact AS f, net AS n
		UNION ALL
		SELECT 203, 0, 'net margin',
			format('%s + %s = %s credits', n.markup, n.margin, n.margins)
		FROM net AS n
		UNION ALL
		/* 300: the ratios. */
		SELECT 300, t.position, t.what, commission.ratio(t.ratio_ppm)::text
		FROM fact AS f
		CROSS JOIN LATERAL (VALUES
			(1, 'brand ratio at the time', f.brand_ratio_ppm),
			(2, 'creator ratio at the time', f.creator_ref_ratio_ppm),
			(3, 'cap at the time', f.total_cap_ratio_ppm))
			AS t (position, what, ratio_ppm)
		UNION ALL
		SELECT 301, 0, 'ratios that apply',
			CASE
				WHEN f.sum_ppm = 0 THEN 'none'
				WHEN f.sum_ppm <= f.total_cap_ratio_ppm
				THEN format('together %s, within the cap',
							commission.ratio(f.sum_ppm))
				ELSE format('together %s, over the cap: each is scaled by %s / %s',
							commission.ratio(f.sum_ppm),
							commission.ratio(f.total_cap_ratio_ppm),
							commission.ratio(f.sum_ppm))
			END
		FROM fact AS f
		UNION ALL
		/* 400: the legs. */
		SELECT 400, l.position, l.what,
			CASE
				WHEN l.leg <> 'p'
				THEN 'not paid: ' || commission.leg_reason(l.leg, l.use)
				ELSE coalesce(
					l.amount || ' credits to ' || l.account || ': ',
					'not paid, less than a credit: ')
					|| commission.leg_arithmetic(n.margins, l.ratio_ppm,
												 f.sum_ppm,
												 f.total_cap_ratio_ppm)
			END
		FROM fact AS f
		CROSS JOIN net AS n
		CROSS JOIN LATERAL (
			SELECT 0 AS position, 'brand leg' AS what, 'brand' AS use,
				f.brand_leg AS leg, f.brand_ratio_ppm AS ratio_ppm,
				o.amount, o.account
			FROM (VALUES (1)) AS always (one)
			LEFT JOIN owed AS o ON o.kind = 'brand'
			UNION ALL
			SELECT u.position, format('creator leg (%s)', u.use), u.use,
				u.leg, f.creator_ref_ratio_ppm,
				o.amount, o.account
			FROM usage AS u
			LEFT JOIN owed AS o ON o.kind = 'creator' AND u.leg = 'p'
				AND o.from_account_id = u.owner_id
		) AS l
		UNION ALL
		SELECT 401, 0, 'legs together',
			format('%s credits, within the cap of %s * %s = %s%s',
				   coalesce((SELECT sum(o.amount) FROM owed AS o
							 WHERE o.kind <> 'pool'), 0),
				   n.margins, commission.ratio(f.total_cap_ratio_ppm), c.cap,
				   CASE WHEN c.cap = trunc(c.cap) THEN ''
					   ELSE ', rounded down to ' || trunc(c.cap) END)
		FROM fact AS f
		CROSS JOIN net AS n
		CROSS JOIN LATERAL (
			SELECT trim_scale(n.margins::numeric * f.total_cap_ratio_ppm
							  / 1000000)) AS c (cap)
		UNION ALL
		/* 500: where every credit went. */
		SELECT 500, o.line, 'pool share',
			format('%s credits to %s', o.amount, o.account)
		FROM owed AS o
		WHERE o.kind = 'pool'
		UNION ALL
		SELECT 501, 0, 'platform',
			format('%s - %s = %s credits: net margin less legs', n.margins,
				   l.legs, n.margins - l.legs)
		FROM net AS n
		CROSS JOIN (SELECT coalesce(sum(o.amount), 0) FROM owed AS o
					WHERE o.kind <> 'pool') AS l (legs)
		UNION ALL
		SELECT 502, 0, 'where it all went',
			format('%s credits = pool %s + API cost %s + legs %s + platform %s%s',
				   n.buyer_total, f.pool, f.api_cost, l.legs,
				   n.margins - l.legs,
				   CASE WHEN f.api_cost > f.model_price
					   THEN format(', less %s that the API cost over the model price and the platform bore',
								   f.api_cost - f.model_price)
					   ELSE '' END)
		FROM fact AS f
		CROSS JOIN net AS n
		CROSS JOIN (SELECT coalesce(sum(o.amount), 0) FROM owed AS o
					WHERE o.kind <> 'pool') AS l (legs)
		UNION ALL
		/* 600 on: refunds, one after the other. */
		SELECT 600 + (row_number() OVER (ORDER BY r.event_id))::integer, 0,
			CASE WHEN NOT r.unpaid THEN 'refund'
				WHEN r.refunded > 0 THEN 'made unpaid'
				ELSE 'paid again' END,
			format('%s of %s credits on %s UTC, %s refunded in all%s',
				   abs(r.refunded), r.buyer_total,
				   to_char(r.occurred_at AT TIME ZONE 'UTC',
						   'YYYY-MM-DD HH24:MI:SS'),
				   r.refunded_so_far, coalesce(': ' || r.reason, ''))
		FROM refund AS r
		UNION ALL
		SELECT 600 + r.number, o.line,
			CASE WHEN k.kept > k.kept_before THEN 'given again to '
				ELSE 'taken back from ' END || o.account,
			format('%s credits of %s %s: kept are %s * (%s - %s) / %s%s',
				   abs(k.kept - k.kept_before), o.amount,
				   CASE o.kind WHEN 'pool' THEN 'pool share'
					   ELSE o.kind || ' leg' END,
				   o.amount, r.buyer_total, r.refunded_so_far, r.buyer_total,
				   CASE WHEN k.kept * r.buyer_total
						   = o.amount * (r.buyer_total - r.refunded_so_far)
					   THEN ' = ' ELSE ', rounded down to ' END || k.kept)
		FROM (SELECT *, (row_number() OVER (ORDER BY event_id))::integer
				AS number FROM refund) AS r
		CROSS JOIN owed AS o
		CROSS JOIN LATERAL (
			SELECT div(o.amount * (r.buyer_total - r.refunded_so_far),
					   r.buyer_total) AS kept,
				div(o.amount * (r.buyer_total - r.refunded_so_far + r.refunded),
					r.buyer_total) AS kept_before
		) AS k
		WHERE k.kept <> k.kept_before
		UNION ALL
		/* What is not in the ledger. */
		SELECT 900, t.position, t.what, t.value
		FROM (VALUES
			(1, 'generation', explain.generation || ' is not in the ledger'),
			(2, 'why', 'it was never recorded, or nobody earned anything on it: it was not paid, used no listing, or left a net margin too small for a credit to anybody'))
			AS t (position, what, value)
		WHERE NOT EXISTS (SELECT FROM fact)
	)
	SELECT (row_number() OVER (ORDER BY l.part, l.position))::integer,
		l.what, l.value
	FROM line AS l
	ORDER BY 1;
END;
COMMENT ON FUNCTION commission.explain(text) IS
	'how a generation came to what it paid, in words: what went in, the net margin, the ratios and the cap at the time, each leg with its arithmetic or why it was not paid, where every credit went, and each refund; the buyer is masked (R34), earners are named by their account; two rows for a generation that is not in the ledger; none for NULL';
/*
 * what_if.sql: a period's generations under other ratios.
 */

CREATE FUNCTION commission.what_if(since timestamptz, until timestamptz,
								   brand_ratio numeric,
								   creator_ref_ratio numeric,
								   total_cap_ratio numeric)
	RETURNS TABLE (account text, actual bigint, would_be bigint,
				   difference bigint)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH fact AS (
		SELECT g.event_id, g.buyer_id, g.brand_leg, g.avatar_leg,
			g.reference_leg, g.avatar_version, g.reference_version,
			g.model_price + coalesce(g.avatar_surcharge, 0)
				+ coalesce(g.reference_surcharge, 0) AS buyer_total,
			(SELECT sum(r.refunded)
			 FROM commission.reversal AS r
			 WHERE r.reversed_event_id = g.event_id) AS refunded,
			commission.net_margin(g.model_price, g.api_cost,
								  coalesce(g.avatar_surcharge, 0)
								  + coalesce(g.reference_surcharge, 0),
								  coalesce(g.avatar_pool, 0)
								  + coalesce(g.reference_pool, 0))
				AS net_margin,
			g.brand_leg = 'p' AS brand,
			(g.avatar_leg = 'p')::integer + (g.reference_leg = 'p')::integer
				AS creators,
			g.brand_ratio_ppm, g.creator_ref_ratio_ppm, g.total_cap_ratio_ppm
		FROM commission.generation AS g
		WHERE g.occurred_at >= coalesce(what_if.since, '-infinity')
			AND g.occurred_at < coalesce(what_if.until, 'infinity')
	), replay AS MATERIALIZED (
		/* Sales are many, but few differ in what their legs depend on. */
		SELECT c.*, l.brand_amount, l.creator_amount
		FROM (SELECT DISTINCT f.net_margin, f.brand, f.creators,
				f.brand_ratio_ppm, f.creator_ref_ratio_ppm,
				f.total_cap_ratio_ppm
			  FROM fact AS f) AS c
		CROSS JOIN LATERAL (
			SELECT coalesce(max(o.amount) FILTER (WHERE o.leg = 'brand'), 0)
					AS brand_amount,
				coalesce(max(o.amount) FILTER (WHERE o.leg = 'creator'), 0)
					AS creator_amount
			FROM commission.legs(
				c.net_margin, c.brand, c.creators,
				coalesce(what_if.brand_ratio,
						 commission.ratio(c.brand_ratio_ppm)),
				coalesce(what_if.creator_ref_ratio,
						 commission.ratio(c.creator_ref_ratio_ppm)),
				coalesce(what_if.total_cap_ratio,
						 commission.ratio(c.total_cap_ratio_ppm))) AS o
		) AS l
	), leg AS (
		/* The legs that applied, with the account on whose activity. */
		SELECT f.event_id, f.buyer_total, f.refunded, l.kind, l.role, l.would_be,
			coalesce(v.owner_id, f.buyer_id) AS from_account_id
		FROM fact AS f
		JOIN replay AS r USING (net_margin, brand, creators, brand_ratio_ppm,
								creator_ref_ratio_ppm, total_cap_ratio_ppm)
		CROSS JOIN LATERAL (VALUES
			(f.brand_leg, 'brand'::commission.entry_kind,
			 'brand'::commission.referral_role, r.brand_amount, NULL::bigint),
			(f.avatar_leg, 'creator', 'creator', r.creator_amount,
			 f.avatar_version),
			(f.reference_leg, 'creator', 'creator', r.creator_amount,
			 f.reference_version)) AS l (leg, kind, role, would_be, version)
		LEFT JOIN commission.listing AS v ON v.version = l.version
		WHERE l.leg = 'p'
	), share AS (
		/* A leg that had come to nothing is nowhere but in the referral. */
		SELECT coalesce(e.account_id, b.referrer_id) AS account_id,
			CASE WHEN l.refunded IS NULL THEN coalesce(e.amount, 0)
				ELSE div(coalesce(e.amount, 0) * (l.buyer_total - l.refunded),
						 l.buyer_total) END AS actual,
			CASE WHEN l.refunded IS NULL THEN l.would_be
				ELSE div(l.would_be * (l.buyer_total - l.refunded),
						 l.buyer_total) END AS would_be
		FROM leg AS l
		LEFT JOIN commission.entry AS e ON e.event_id = l.event_id
			AND e.kind = l.kind AND e.from_account_id = l.from_account_id
		LEFT JOIN commission.referral AS b
			ON b.account_id = l.from_account_id AND b.role = l.role
	)
	SELECT a.name, sum(s.actual)::bigint, sum(s.would_be)::bigint,
		(sum(s.would_be) - sum(s.actual))::bigint
	FROM share AS s
	JOIN commission.account AS a ON a.account_id = s.account_id
	GROUP BY a.name
	HAVING sum(s.actual) <> 0 OR sum(s.would_be) <> 0
	ORDER BY a.name;
END;
COMMENT ON FUNCTION commission.what_if(timestamptz, timestamptz, numeric, numeric, numeric) IS
	'the commission, in credits and net of refunds, that each account earned on the recorded generations from since up to but without until, what it would have earned under these ratios, and the difference; nothing is written. NULL for since or until is no bound, NULL for a ratio the one that was applied to each generation. Who earns is as it was: a leg that was not paid for another reason than its amount stays unpaid, and one that had come to less than a credit is its referrer''s of today; a generation on which nobody earned anything was not recorded and is not replayed; 22023 for a ratio that is not a decimal from 0 to 1 with at most six fractional digits';
/*
 * audit.sql: the books, checked (R20).
 */

CREATE VIEW commission.refunded_event AS
	SELECT s.event_id, s.buyer_total, r.refunded
	FROM (SELECT v.reversed_event_id, sum(v.refunded) AS refunded
		  FROM commission.reversal AS v
		  GROUP BY v.reversed_event_id) AS r
	JOIN (SELECT g.event_id,
				g.model_price::numeric + coalesce(g.avatar_surcharge, 0)
					+ coalesce(g.reference_surcharge, 0) AS buyer_total
		  FROM commission.generation AS g
		  UNION ALL
		  SELECT o.event_id, o.amount
		  FROM commission.customer_order AS o) AS s
		ON s.event_id = r.reversed_event_id;
COMMENT ON VIEW commission.refunded_event IS
	'generations and orders of which something was refunded: what the buyer paid and what was refunded in all, in credits';

/*
 * Without JIT: the query has hundreds of expressions, and compiling them takes
 * seconds, even where the ledger is read in less.
 */
CREATE FUNCTION commission.audit()
	RETURNS TABLE (problem text, event_id bigint, detail text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off
BEGIN ATOMIC
	/* What each generation owed, recomputed from its facts. */
	WITH fact AS (
		SELECT g.*, sum.pool, sum.surcharge,
			g.model_price >= 0 AND g.api_cost >= 0
				AND g.model_price + sum.surcharge <= 9223372036854775807
				AND coalesce(g.avatar_pool BETWEEN 0 AND g.avatar_surcharge,
							 g.avatar_version IS NULL)
				AND coalesce(g.reference_pool BETWEEN 0 AND g.reference_surcharge,
							 g.reference_version IS NULL)
				AND g.brand_ratio_ppm BETWEEN 0 AND 1000000
				AND g.creator_ref_ratio_ppm BETWEEN 0 AND 1000000
				AND g.total_cap_ratio_ppm BETWEEN 0 AND 1000000 AS possible
		FROM commission.generation AS g
		CROSS JOIN LATERAL (
			SELECT coalesce(g.avatar_pool, 0)::numeric
					+ coalesce(g.reference_pool, 0) AS pool,
				coalesce(g.avatar_surcharge, 0)::numeric
					+ coalesce(g.reference_surcharge, 0) AS surcharge) AS sum
	), owed AS (
		SELECT f.event_id, f.occurred_at, f.buyer_id, f.pool,
			f.model_price, f.api_cost, f.surcharge, f.possible,
			m.net_margin,
			(m.net_margin::numeric * f.total_cap_ratio_ppm / 1000000)
				AS cap,
			ARRAY(
				SELECT format('%s %s at %s from %s', l.leg, l.amount, l.ratio,
							  CASE l.leg WHEN 'brand' THEN f.buyer_id
								ELSE sellers.ids[l.n] END)
				FROM (SELECT l.*, row_number() OVER (PARTITION BY l.leg
													 ORDER BY l.ordinality) AS n
					  FROM commission.legs(m.net_margin, f.brand_leg = 'p',
										   (f.avatar_leg = 'p')::integer
										   + (f.reference_leg = 'p')::integer,
										   commission.ratio(f.brand_ratio_ppm),
										   commission.ratio(f.creator_ref_ratio_ppm),
										   commission.ratio(f.total_cap_ratio_ppm))
						WITH ORDINALITY AS l) AS l
				ORDER BY l.ordinality)
			|| ARRAY(
				SELECT format('pool %s from %s to %s', s.amount, f.buyer_id,
							  s.author)
				FROM (VALUES (1, f.avatar_version, f.avatar_pool),
					  (2, f.reference_version, f.reference_pool))
					AS u (use, version, pool)
				JOIN commission.listing AS l ON l.version = u.version
					AND u.pool >= 0
				CROSS JOIN LATERAL (
					SELECT l.pool - coalesce(sum(c.share), 0) AS owner_share,
						coalesce(min(c.share), 1) AS least
					FROM unnest(l.co_author_shares) AS c (share)) AS split
				CROSS JOIN LATERAL unnest(
					ARRAY[l.owner_id] || l.co_author_ids,
					CASE WHEN split.owner_share >= 0 AND split.least > 0 THEN
						commission.pool_shares(u.pool,
							split.owner_share::bigint || l.co_author_shares)
					END)
					WITH ORDINALITY AS s (author, amount, position)
				WHERE s.amount > 0
				ORDER BY u.use, s.position) AS entries
		FROM fact AS f
		CROSS JOIN LATERAL (
			SELECT CASE WHEN f.possible THEN
					commission.net_margin(f.model_price, f.api_cost,
										  f.surcharge::bigint, f.pool::bigint)
				END AS net_margin) AS m
		CROSS JOIN LATERAL (
			SELECT array_agg(l.owner_id ORDER BY u.use) AS ids
			FROM (VALUES (1, f.avatar_version, f.avatar_leg),
				  (2, f.reference_version, f.reference_leg))
				AS u (use, version, leg)
			JOIN commission.listing AS l ON l.version = u.version
			WHERE u.leg = 'p') AS sellers
	), paid AS (
		SELECT e.event_id,
			array_agg(format('%s %s%s from %s%s', e.kind, e.amount,
							 ' at ' || commission.ratio(e.ratio_ppm),
							 e.from_account_id,
							 CASE e.kind
								WHEN 'pool' THEN format(' to %s', e.account_id)
							 END) ORDER BY e.line) AS entries,
			sum(e.amount) FILTER (WHERE e.kind = 'pool') AS pool,
			sum(e.amount) FILTER (WHERE e.kind IN ('brand', 'creator'))
				AS legs,
			count(*) AS lines,
			max(e.line) AS last_line,
			bool_or(e.occurred_at <> g.occurred_at) AS other_time,
			bool_or(e.buyer_id IS DISTINCT FROM
					CASE e.kind WHEN 'creator' THEN g.buyer_id END)
				AS other_buyer
		FROM commission.entry AS e
		JOIN commission.generation AS g ON g.event_id = e.event_id
		GROUP BY e.event_id
	)
	SELECT check_.problem, check_.event_id, check_.detail
	FROM owed AS o
	LEFT JOIN paid AS p ON p.event_id = o.event_id
	CROSS JOIN LATERAL (
		SELECT 'generation without entries' AS problem, o.event_id,
			'its facts give ' || array_to_string(o.entries, ', ') AS detail
		WHERE p.event_id IS NULL
		UNION ALL
		SELECT 'facts that cannot be', o.event_id,
			'an amount below zero or beyond bigint, a surcharge under its pool, or a ratio over 1'
		WHERE NOT o.possible
		UNION ALL
		SELECT 'entries differ from the facts', o.event_id,
			format('the ledger has %s; the facts give %s',
				   array_to_string(p.entries, ', '),
				   array_to_string(o.entries, ', '))
		WHERE p.entries <> o.entries
		UNION ALL
		SELECT 'legs over the cap', o.event_id,
			format('legs of %s credits on a cap of %s', p.legs, trim_scale(o.cap))
		WHERE p.legs > o.cap
		UNION ALL
		SELECT 'pool not shared exactly', o.event_id,
			format('shares of %s credits of a pool of %s',
				   coalesce(p.pool, 0), o.pool)
		WHERE p.event_id IS NOT NULL AND coalesce(p.pool, 0) <> o.pool
		UNION ALL
		SELECT 'credits do not add up', o.event_id,
			format('the buyer paid %s credits; pool %s, API cost %s, legs %s and the platform''s take %s',
				   o.model_price::numeric + o.surcharge, coalesce(p.pool, 0),
				   o.api_cost, coalesce(p.legs, 0),
				   o.net_margin - coalesce(p.legs, 0))
		WHERE p.event_id IS NOT NULL
			AND o.model_price::numeric + o.surcharge
				+ greatest(o.api_cost - o.model_price, 0)
				<> coalesce(p.pool, 0)::numeric + o.api_cost + coalesce(p.legs, 0)
				+ (o.net_margin - coalesce(p.legs, 0))
		UNION ALL
		SELECT 'platform pays on top', o.event_id,
			format('legs of %s credits on a net margin of %s',
				   p.legs, o.net_margin)
		WHERE p.legs > o.net_margin
		UNION ALL
		SELECT 'lines are not numbered from 1', o.event_id,
			format('%s lines, the last of them %s', p.lines, p.last_line)
		WHERE p.lines <> p.last_line
		UNION ALL
		SELECT 'entry with another time than its event', o.event_id, NULL
		WHERE p.other_time
		UNION ALL
		SELECT 'entry with another buyer than its event', o.event_id, NULL
		WHERE p.other_buyer
	) AS check_
	UNION ALL
	SELECT 'self-pay', e.event_id,
		format('%s entry of account %s', e.kind, e.account_id)
	FROM commission.entry AS e
	WHERE e.counts_as NOT IN ('pool', 'withdrawal')
		AND (e.account_id = e.from_account_id
			 OR e.counts_as = 'creator'
			 AND e.buyer_id IN (e.account_id, e.from_account_id))
	UNION ALL
	SELECT 'entry that counts as another kind', e.event_id,
		format('line %s: %s, counted as %s', e.line, e.kind, e.counts_as)
	FROM commission.entry AS e
	WHERE NOT CASE e.kind
			WHEN 'reversal' THEN e.counts_as NOT IN (
				'reversal', 'withdrawal', 'withdrawal_return')
			WHEN 'withdrawal_return' THEN e.counts_as = 'withdrawal'
			ELSE e.counts_as = e.kind
		END
	UNION ALL
	SELECT 'entry of no event', e.event_id, format('line %s', e.line)
	FROM commission.entry AS e
	WHERE NOT EXISTS (SELECT FROM commission.generation AS g
					  WHERE g.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.customer_order AS c
						WHERE c.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.reversal AS r
						WHERE r.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.withdrawal_transition AS t
						WHERE t.event_id = e.event_id)
	UNION ALL
	SELECT 'entry of an account that is not known', e.event_id,
		format('line %s of account %s', e.line, e.account_id)
	FROM commission.entry AS e
	WHERE NOT EXISTS (SELECT FROM commission.account AS a
					  WHERE a.account_id = e.account_id)
	UNION ALL
	/* What each order owed, recomputed from its facts. */
	SELECT check_.problem, check_.event_id, check_.detail
	FROM commission.customer_order AS o
	CROSS JOIN LATERAL (
		SELECT div(o.amount::numeric * o.ratio_ppm + 500000, 1000000)
	) AS r (amount)
	CROSS JOIN LATERAL (
		SELECT CASE WHEN o.leg = 'p' AND r.amount > 0
				THEN format('%s %s at %s', o.kind, r.amount,
							commission.ratio(o.ratio_ppm))
			END
	) AS w (entries)
	CROSS JOIN LATERAL (
		SELECT string_agg(format('%s %s at %s', e.kind, e.amount,
								 commission.ratio(e.ratio_ppm)),
						  ', ' ORDER BY e.line),
			bool_or(e.occurred_at <> o.occurred_at),
			bool_or(e.from_account_id IS DISTINCT FROM o.customer_id)
		FROM commission.entry AS e
		WHERE e.event_id = o.event_id
	) AS p (entries, other_time, other_buyer)
	CROSS JOIN LATERAL (
		SELECT 'entries differ from the facts' AS problem, o.event_id,
			format('the ledger has %s; the facts give %s',
				   coalesce(p.entries, 'nothing'),
				   coalesce(w.entries, 'nothing')) AS detail
		WHERE p.entries IS DISTINCT FROM w.entries
		UNION ALL
		SELECT 'entry with another time than its event', o.event_id, NULL
		WHERE p.other_time
		UNION ALL
		SELECT 'entry with another buyer than its event', o.event_id, NULL
		WHERE p.other_buyer
		UNION ALL
		SELECT 'renewal without a first order', o.event_id,
			'the application left the kind out'
		WHERE o.kind = 'renewal' AND o.kind_derived
			AND NOT EXISTS (SELECT FROM commission.customer_order AS f
							WHERE f.customer_id = o.customer_id
								AND f.kind = 'first_order')
	) AS check_
	UNION ALL
	/* R21: what each entry of a refunded event has kept. */
	SELECT 'refund took another amount', o.event_id,
		format('%s of %s credits has kept %s instead of %s',
			   o.counts_as, o.amount, o.amount + taken.amount, o.kept)
	FROM (
		SELECT e.event_id, e.account_id, e.from_account_id, e.counts_as,
			sum(e.amount) AS amount,
			sum(div(e.amount::numeric * (r.buyer_total - r.refunded),
					r.buyer_total)) AS kept
		FROM commission.refunded_event AS r
		JOIN commission.entry AS e ON e.event_id = r.event_id
		GROUP BY e.event_id, e.account_id, e.from_account_id, e.counts_as
	) AS o
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(e.amount), 0)
		FROM commission.reversal AS v
		JOIN commission.entry AS e ON e.event_id = v.event_id
		WHERE v.reversed_event_id = o.event_id
			AND e.account_id = o.account_id
			AND e.from_account_id = o.from_account_id
			AND e.counts_as = o.counts_as
	) AS taken (amount)
	WHERE o.amount + taken.amount <> o.kept
	UNION ALL
	SELECT 'reversal of what was not earned', e.event_id,
		format('line %s: %s of %s credits, counted as %s', e.line, e.kind,
			   e.amount, e.counts_as)
	FROM commission.reversal AS v
	JOIN commission.entry AS e ON e.event_id = v.event_id
	WHERE e.kind <> 'reversal'
		OR e.occurred_at <> v.occurred_at
		OR NOT EXISTS (SELECT FROM commission.entry AS o
					   WHERE o.event_id = v.reversed_event_id
						AND o.account_id = e.account_id
						AND o.from_account_id = e.from_account_id
						AND o.counts_as = e.counts_as)
	UNION ALL
	SELECT 'refund of more than was paid', r.event_id,
		format('%s credits were refunded of %s', r.refunded, r.buyer_total)
	FROM commission.refunded_event AS r
	WHERE r.refunded NOT BETWEEN 0 AND r.buyer_total
	UNION ALL
	SELECT 'reversal of no event', r.event_id,
		format('it reverses %s', r.reversed_event_id)
	FROM commission.reversal AS r
	WHERE NOT EXISTS (SELECT FROM commission.refunded_event AS e
					  WHERE e.event_id = r.reversed_event_id)
	UNION ALL
	SELECT p.problem, p.event_id, p.detail
	FROM commission.withdrawal_problem AS p
	UNION ALL
	/* R29: a referral in force is the last of its changes. */
	SELECT 'referral differs from its changes', NULL,
		format('%s of account %s: referrer %s; the last change has %s',
			   coalesce(r.role, c.role), coalesce(r.account_id, c.account_id),
			   coalesce(r.referrer_id::text, 'none'),
			   coalesce(c.referrer_id::text, 'none'))
	FROM commission.referral AS r
	FULL JOIN (SELECT DISTINCT ON (h.account_id, h.role) h.*
			   FROM commission.referral_change AS h
			   ORDER BY h.account_id, h.role, h.change_id DESC) AS c
		ON c.account_id = r.account_id AND c.role = r.role
	WHERE (r.referrer_id, r.attributed_at)
		IS DISTINCT FROM (c.referrer_id, c.attributed_at)
	UNION ALL
	SELECT 'referral of an account that is not known', NULL,
		format('%s of account %s', r.role, r.account_id)
	FROM commission.referral AS r
	WHERE NOT EXISTS (SELECT FROM commission.account AS a
					  WHERE a.account_id = r.account_id)
		OR NOT EXISTS (SELECT FROM commission.account AS a
					   WHERE a.account_id = r.referrer_id)
	UNION ALL
	SELECT 'touch of a referrer that is not known', NULL,
		format('%s touches of account %s', count(*), t.referrer_id)
	FROM commission.touch AS t
	WHERE NOT EXISTS (SELECT FROM commission.account AS a
					  WHERE a.account_id = t.referrer_id)
	GROUP BY t.referrer_id
	UNION ALL
	SELECT 'reversal of what was not earned', e.event_id,
		format('line %s takes %s credits of %s from account %s', e.line,
			   -e.amount, e.counts_as, e.account_id)
	FROM commission.reversal AS r
	JOIN commission.entry AS e ON e.event_id = r.event_id
	WHERE e.kind <> 'reversal'
		OR NOT EXISTS (SELECT FROM commission.entry AS o
					   WHERE o.event_id = r.reversed_event_id
						AND o.account_id = e.account_id
						AND o.counts_as = e.counts_as
						AND o.from_account_id = e.from_account_id)
	UNION ALL
	/* What the views take for granted when they look a name up by its key. */
	SELECT 'name kept under another key', n.event_id,
		format('%s "%s" is kept under %s', n.what, n.name, n.id)
	FROM (
		SELECT 'account' AS what, NULL::bigint AS event_id, a.name,
			a.account_id AS id
		FROM commission.account AS a
		UNION ALL
		SELECT 'generation', g.event_id, g.generation_name, g.generation_id
		FROM commission.generation AS g
		UNION ALL
		SELECT 'order', o.event_id, o.order_name, o.order_id
		FROM commission.customer_order AS o) AS n
	WHERE n.id <> commission.identifier_key(n.name)
	UNION ALL
	/* rollup() relies on ids being drawn in ascending order. */
	SELECT 'event id that was not drawn yet', max(e.event_id),
		format('the sequence has come to %s', s.last_value)
	FROM commission.event_id_seq AS s
	JOIN commission.entry AS e
		ON e.event_id > (commission.setting('node_id')::bigint << 48)
			+ s.last_value - (NOT s.is_called)::integer
		AND e.event_id < (commission.setting('node_id')::bigint + 1) << 48
	GROUP BY s.last_value
	UNION ALL
	SELECT p.problem, NULL, p.detail
	FROM commission.rolled_problem AS p
	UNION ALL
	/* A statement trigger does not see what is put in through the parent. */
	SELECT 'attached table became a partition', NULL,
		format('%s: detach it, and attach the partitioned table',
			   t.tgrelid::regclass)
	FROM pg_trigger AS t
	JOIN pg_class AS c ON c.oid = t.tgrelid
	WHERE t.tgfoid IN ('commission.accrue_generation()'::regprocedure,
					   'commission.accrue_order()'::regprocedure)
		AND c.relispartition AND t.tgnewtable IS NOT NULL;
END;
COMMENT ON FUNCTION commission.audit() IS
	'a row for each thing that is wrong with the books, none if all is well: every generation and order recomputed from its stored facts, legs within the cap (R12), pools shared exactly (R19), every credit accounted for (R20), no self-pay (R13), refunds by their law (R21), withdrawals by theirs with their entries (R23), rolled-up sums against the ledger, no strays';
/*
 * privileges.sql: nothing for PUBLIC, and three roles' worth of grants.
 */

CREATE FUNCTION commission.grant_reader(role regrole) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_grant_reader';
COMMENT ON FUNCTION commission.grant_reader(regrole) IS
	'lets a role read the views and use the functions that only read; 22004 for NULL, 42704 for a role that does not exist';

CREATE FUNCTION commission.grant_writer(role regrole) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_grant_writer';
COMMENT ON FUNCTION commission.grant_writer(regrole) IS
	'lets a role record and attach sales and attribute accounts: whoever can say what was sold can make the ledger owe; 22004 for NULL, 42704 for a role that does not exist';

CREATE FUNCTION commission.grant_operator(role regrole) RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_grant_operator';
COMMENT ON FUNCTION commission.grant_operator(regrole) IS
	'lets a role keep the catalogue, refund sales and handle withdrawals; 22004 for NULL, 42704 for a role that does not exist';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA commission FROM PUBLIC;
REVOKE ALL ON ALL PROCEDURES IN SCHEMA commission FROM PUBLIC;
/*
 * dump.sql: what pg_dump is to carry; without this it leaves out the rows of
 * an extension's tables and the state of its sequences.
 */

SELECT pg_extension_config_dump('commission.account', '');
SELECT pg_extension_config_dump('commission.attempt', '');
SELECT pg_extension_config_dump('commission.customer_order', '');
SELECT pg_extension_config_dump('commission.entry', '');
SELECT pg_extension_config_dump('commission.event_id_seq', '');
SELECT pg_extension_config_dump('commission.generation', '');
SELECT pg_extension_config_dump('commission.listing', '');
SELECT pg_extension_config_dump('commission.material', '');
SELECT pg_extension_config_dump('commission.model_price', '');
SELECT pg_extension_config_dump('commission.payout_batch', '');
SELECT pg_extension_config_dump('commission.referral', '');
SELECT pg_extension_config_dump('commission.referral_change', '');
SELECT pg_extension_config_dump('commission.reversal', '');
SELECT pg_extension_config_dump('commission.withdrawal', '');
SELECT pg_extension_config_dump('commission.withdrawal_transition', '');
SELECT pg_extension_config_dump('commission.rolled', '');
SELECT pg_extension_config_dump('commission.rolled_day', '');
SELECT pg_extension_config_dump('commission.rolled_kind', '');
SELECT pg_extension_config_dump('commission.rolled_referred', '');
SELECT pg_extension_config_dump('commission.touch', '');

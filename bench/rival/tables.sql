/*
 * tables.sql: what a programme of one's own would keep.  The ledger is that
 * of the extension, column by column, with its indexes and constraints; the
 * catalogue is what the rules need, one row a listing.
 *
 * :lean is a ledger as narrow as the sums of a programme without refunds,
 * withdrawals and statements allow: no time, buyer or counts_as in an entry, the
 * facts alone that vary in an event, and no columns beside the keys in indexes.
 */
CREATE SCHEMA rival;
CREATE SEQUENCE rival.event_id_seq;
\if :lean
CREATE TABLE rival.generation (
	event_id bigint PRIMARY KEY,
	occurred_at timestamptz NOT NULL,
	model_price bigint NOT NULL,
	api_cost bigint NOT NULL,
	avatar_version bigint NOT NULL,
	avatar_pool bigint NOT NULL,
	generation_id uuid NOT NULL UNIQUE,
	buyer_id uuid NOT NULL,
	brand_leg "char" NOT NULL,
	avatar_leg "char" NOT NULL
);
CREATE TABLE rival.entry (
	event_id bigint NOT NULL,
	amount bigint NOT NULL CHECK (amount > 0),
	account_id uuid NOT NULL,
	from_account_id uuid NOT NULL CHECK (from_account_id <> account_id OR kind = 'pool'),
	kind commission.entry_kind NOT NULL,
	ratio_ppm integer,
	line smallint NOT NULL,
	PRIMARY KEY (event_id, line)
);
CREATE INDEX ON rival.entry (account_id, event_id);
\else
CREATE TABLE rival.generation (LIKE commission.generation INCLUDING ALL);
CREATE TABLE rival.entry (LIKE commission.entry INCLUDING ALL);
\endif
CREATE TABLE rival.account (account_id uuid PRIMARY KEY, closed_at timestamptz);
CREATE TABLE rival.referral (
	account_id uuid,
	role commission.referral_role,
	referrer_id uuid NOT NULL,
	attributed_at timestamptz NOT NULL,
	PRIMARY KEY (account_id, role)
);
CREATE TABLE rival.listing (
	listing_id uuid PRIMARY KEY,
	version bigint NOT NULL,
	owner_id uuid NOT NULL,
	pool bigint NOT NULL,
	author_ids uuid[],		-- NULL: the owner alone
	author_shares bigint[]
);
CREATE TABLE rival.terms (
	brand_ratio_ppm integer NOT NULL,
	creator_ref_ratio_ppm integer NOT NULL,
	total_cap_ratio_ppm integer NOT NULL,
	markup_ppm integer NOT NULL,
	brand_window interval
);

INSERT INTO rival.account SELECT account_id, closed_at FROM commission.account;
INSERT INTO rival.referral
	SELECT account_id, role, referrer_id, attributed_at FROM commission.referral;
INSERT INTO rival.listing
	SELECT listing_id, version, owner_id, pool FROM commission.listing;
INSERT INTO rival.terms VALUES (300000, 200000, 500000, 200000, NULL);
VACUUM ANALYZE rival.account, rival.referral, rival.listing, rival.terms;

CREATE VIEW ledger AS SELECT * FROM rival.entry;

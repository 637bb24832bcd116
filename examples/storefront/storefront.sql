/*
 * storefront.sql: the tables of the example, which any shop has, and what ties
 * them to the ledger.  For an empty database, or the demo's, as a superuser.
 */
CREATE EXTENSION IF NOT EXISTS commission;

CREATE SCHEMA shop;
CREATE TABLE shop.users (
	id text PRIMARY KEY DEFAULT 'u-' || gen_random_uuid(),
	email text NOT NULL UNIQUE,
	created_at timestamptz NOT NULL DEFAULT now(),
	role text NOT NULL DEFAULT 'affiliate',			-- or operator, in the portal
	code text NOT NULL DEFAULT gen_random_uuid(),	-- in the confirmation mail
	cref text										-- the first touch at sign-up
);
CREATE TABLE shop.listings (
	id text PRIMARY KEY,
	owner_id text NOT NULL REFERENCES shop.users,
	kind text NOT NULL,
	pool bigint NOT NULL,
	title text NOT NULL
);
CREATE TABLE shop.generations (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	user_id text NOT NULL REFERENCES shop.users,
	photo_set text NOT NULL REFERENCES shop.listings,
	model text NOT NULL,
	resolution text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);

/* From here on the application writes to its own tables only. */
SELECT commission.set_model_price('nano-banana-2', '2K', 20, 10);
SELECT commission.attach_accounts('shop.users', account => 'id', label => 'email');
SELECT commission.attach_listings('shop.listings', listing => 'id',
								  owner => 'owner_id', kind => 'kind',
								  pool => 'pool', title => 'title');
SELECT commission.attach('shop.generations', generation => 'id', buyer => 'user_id',
						 reference => 'photo_set', model => 'model',
						 resolution => 'resolution', occurred_at => 'created_at');

INSERT INTO shop.users (id, email) VALUES
	('you', 'you@studio.example'), ('nora', 'nora@studio.example');
INSERT INTO shop.users (id, email, role) VALUES
	('operator', 'operator@shop.example', 'operator');
INSERT INTO shop.listings VALUES
	('linen-summer', 'nora', 'reference', 100, 'Linen summer'),
	('quiet-kitchen', 'nora', 'reference', 120, 'Quiet kitchen');

CREATE ROLE storefront LOGIN;
SELECT commission.grant_self_service('storefront');
GRANT USAGE ON SCHEMA shop TO storefront;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA shop TO storefront;

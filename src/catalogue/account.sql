/*
 * account.sql: accounts and model prices.
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

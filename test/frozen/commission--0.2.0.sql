/*
 * header.sql: the head of the install script.
 */

\echo Use "CREATE EXTENSION commission" to load this file. \quit

SET LOCAL search_path TO pg_catalog, pg_temp;

CREATE SCHEMA commission;
COMMENT ON SCHEMA commission IS
	'commission on sales, accrued in the transaction of the sale';

CREATE SCHEMA commission_internal;
COMMENT ON SCHEMA commission_internal IS
	'what the extension''s own functions, views and triggers use; not for applications';

CREATE SCHEMA commission_portal;
COMMENT ON SCHEMA commission_portal IS
	'what each account sees of itself, by whatever SQL (R50)';
/*
 * types.sql: the vocabulary.
 */

CREATE TYPE commission.entry_kind AS ENUM (
	'brand', 'creator', 'pool', 'first_order', 'renewal', 'upgrade',
	'reversal', 'withdrawal', 'withdrawal_return', 'adjustment');
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
	'invalid_token', 'unknown_referrer', 'existing_account', 'no_touch', 'invalid_coupon');
COMMENT ON TYPE commission.attribution_outcome IS
	'what became of an attempt to attribute an account (R28)';

CREATE TYPE commission.material_kind AS ENUM (
	'banner', 'comparison_chart', 'code_snippet', 'text');
COMMENT ON TYPE commission.material_kind IS
	'what a promotional material is: banners and comparison charts are HTML';
/*
 * settings.sql: the settings, as SQL reads them.
 */

CREATE FUNCTION commission_internal.setting(name text) RETURNS text
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_setting';
COMMENT ON FUNCTION commission_internal.setting(text) IS
	'a setting of the programme as it is in force, named without "commission."; 42704 for one that does not exist, 42501 for a secret';

/* A parallel worker has the setting, but not what its leader's transaction did. */
CREATE FUNCTION commission_internal.portal_setting() RETURNS text
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'commission_portal_setting';
COMMENT ON FUNCTION commission_internal.portal_setting() IS
	'commission.portal_account, if this transaction has set it; NULL if it is empty or was set before';

CREATE FUNCTION commission_internal.use_setting(name text, value text)
	RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_use_setting';
COMMENT ON FUNCTION commission_internal.use_setting(text, text) IS
	'sets a setting, named without "commission.", until the calling block with an EXCEPTION clause, or function with a SET clause, ends; whoever owns the extension, superuser or not';
/*
 * argument.sql: checks of arguments that several functions share.
 */

CREATE FUNCTION commission_internal.required(value anyelement, what text) RETURNS anyelement
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	IF value IS NULL THEN
		RAISE '% must not be NULL', what USING ERRCODE = 'null_value_not_allowed';
	ELSIF value::text = '' THEN
		RAISE '% must not be empty', what USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN value;
END $$;
COMMENT ON FUNCTION commission_internal.required(anyelement, text) IS
	'the value of an argument that must be given; 22004 for NULL, 22023 for an empty one';

CREATE FUNCTION commission_internal.identifier(name text, what text) RETURNS text
	LANGUAGE c IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_identifier';
COMMENT ON FUNCTION commission_internal.identifier(text, text) IS
	'the spelling under which an argument that names something is kept: that of a uuid is in lower case; 22004 for NULL, 22023 for an empty or over-long name';

CREATE FUNCTION commission_internal.bounded(value text, what text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	max_bytes CONSTANT integer := 1024;
BEGIN
	IF octet_length(value) > max_bytes THEN
		RAISE '% is too long', what
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It has %s bytes; at most %s are allowed.',
								octet_length(value), max_bytes);
	END IF;
	RETURN value;
END $$;
COMMENT ON FUNCTION commission_internal.bounded(text, text) IS
	'the value of a text argument that lists show row by row; NULL for NULL; 22023 for one of more than 1024 bytes';

CREATE FUNCTION commission_internal.finite(at timestamptz, what text) RETURNS timestamptz
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
	IF NOT isfinite(at) THEN
		RAISE '% must be a finite time', what USING ERRCODE = 'datetime_field_overflow';
	END IF;
	RETURN coalesce(at, now());
END $$;
COMMENT ON FUNCTION commission_internal.finite(timestamptz, text) IS
	'the value of an argument that is a time, now for NULL; 22008 for an infinite one';

/* Not STRICT, so that it is inlined. */
CREATE FUNCTION commission_internal.utc(at timestamptz) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(at AT TIME ZONE INTERVAL '0',
			   CASE WHEN at < '0001-01-01 00:00:00+00' THEN 'YYYY-MM-DD HH24:MI:SS BC'
				ELSE 'YYYY-MM-DD HH24:MI:SS' END) || ' UTC';
COMMENT ON FUNCTION commission_internal.utc(timestamptz) IS
	'a time in UTC, to the second, in words; NULL for NULL';
/*
 * identifier.sql: the application's identifiers as uuids.
 */

CREATE FUNCTION commission.account_id(name text) RETURNS uuid
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_account_id';
COMMENT ON FUNCTION commission.account_id(text) IS
	'the key under which an account, listing, generation, order or run that the application names so is kept: a uuid stands for itself, a whole number is embedded in a version-8 uuid, any other text becomes a version-5 uuid; NULL for NULL; 22023 for an empty or over-long name';

CREATE FUNCTION commission_internal.identifier_name(id uuid) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_identifier_name';
COMMENT ON FUNCTION commission_internal.identifier_name(uuid) IS
	'the number or uuid that a key stands for; for a text, which a key does not give back, the uuid; NULL for NULL';
/*
 * ratio.sql: stored ratios as decimals (R2).
 */

CREATE FUNCTION commission_internal.ratio(ratio_ppm integer) RETURNS numeric
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_ratio';
COMMENT ON FUNCTION commission_internal.ratio(integer) IS
	'a stored ratio, held in parts per million, as a decimal with two or as many fractional digits as it needs: 300000 is 0.30 (R2); NULL for NULL';

CREATE FUNCTION commission_internal.ratio_ppm(ratio numeric, what text) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_ratio_ppm';
COMMENT ON FUNCTION commission_internal.ratio_ppm(numeric, text) IS
	'an argument that is a ratio, in parts per million; NULL for NULL; 22023 for what is no decimal from 0 to 1 with at most six fractional digits';
/*
 * margin.sql: what a generation's credits come to: surcharge and net margin
 * (R4 to R8), legs and their cap (R10 to R12), shares of a pool (R19).
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

CREATE FUNCTION commission.legs(net_margin bigint, brand boolean DEFAULT true,
								creators integer DEFAULT 1)
	RETURNS TABLE (leg commission.entry_kind, ratio numeric, amount bigint)
	LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 2
	AS 'MODULE_PATHNAME', 'commission_legs';
COMMENT ON FUNCTION commission.legs(bigint, boolean, integer) IS
	'the legs of a generation with this net margin under the settings in force, brand first: its nominal ratio and credits, each scaled to the cap and rounded down by itself (R10 to R12); a leg of 0 credits has no row; none for NULL; 22023 for a negative net margin or number of creators';

CREATE FUNCTION commission.legs(net_margin bigint, brand boolean,
								creators integer, brand_ratio numeric,
								creator_ref_ratio numeric,
								total_cap_ratio numeric)
	RETURNS TABLE (leg commission.entry_kind, ratio numeric, amount bigint)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 2
	AS 'MODULE_PATHNAME', 'commission_legs_at';
COMMENT ON FUNCTION commission.legs(bigint, boolean, integer, numeric, numeric, numeric) IS
	'the same under the ratios given, decimals from 0 to 1 with at most six fractional digits (R2); 22023 for any other';

CREATE FUNCTION commission.legs(net_margin bigint, ratios numeric[],
								total_cap_ratio numeric)
	RETURNS TABLE (leg integer, ratio numeric, amount bigint)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 3
	AS 'MODULE_PATHNAME', 'commission_legs_each';
COMMENT ON FUNCTION commission.legs(bigint, numeric[], numeric) IS
	'the legs of a generation with this net margin, each with a ratio of its own, as those of several referrers have, under one cap: the number of the ratio, from 1, the ratio and the credits; where the ratios add up to more than total_cap_ratio, each leg is ratio * cap / sum of the net margin, rounded down by itself (R12, R40); a leg of 0 credits has no row; none for NULL; 22023 for a negative net margin, for what is no ratio, and for more than 1001 ratios';

CREATE FUNCTION commission_internal.pool_shares(charged bigint, shares bigint[])
	RETURNS bigint[]
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_pool_shares';
COMMENT ON FUNCTION commission_internal.pool_shares(bigint, bigint[]) IS
	'credits that the owner (first) and the co-authors get of a charged pool whose listing is split as given: in proportion, by largest remainder, ties to the earlier, together exactly what was charged (R19); NULL for NULL; 22023 for negative amounts, more than six shares or shares of 0 in all, 22003 where their sum leaves bigint';
/*
 * mask.sql: how a buyer is shown to others (R34).
 */

CREATE FUNCTION commission.mask(label text) RETURNS text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_mask';
COMMENT ON FUNCTION commission.mask(text) IS
	'an e-mail address or name as others may see it: its first character and four stars, and of an address the same of the domain, whose last label is kept (R34). Whatever is not plainly an address (no blank, one @ with something before it, and after it a domain that ends in a dot and ASCII letters) is masked as a name; four stars for an empty one; NULL for NULL';
/*
 * mailbox.sql: which spellings of an address reach one mailbox (R47).
 */

CREATE FUNCTION commission_internal.mailbox(address text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN split_part(lower(address COLLATE "C"), '@', 2) = ANY (ARRAY[
		'gmail.com', 'googlemail.com', 'outlook.com', 'hotmail.com', 'live.com',
		'msn.com', 'yahoo.com', 'icloud.com', 'me.com', 'mac.com', 'proton.me',
		'protonmail.com', 'pm.me', 'fastmail.com', 'gmx.com', 'gmx.net', 'gmx.de'])
	THEN replace(split_part(split_part(
			lower(address COLLATE "C"), '@', 1), '+', 1), '.', '') || '@'
		|| replace(split_part(lower(address COLLATE "C"), '@', 2),
			'googlemail.com', 'gmail.com')
	ELSE lower(address COLLATE "C")
END;
COMMENT ON FUNCTION commission_internal.mailbox(text) IS
	'an e-mail address without what makes no difference to who reads it: upper case and, at the usual providers, dots and what follows a +; of any other text, lower case; NULL for NULL';
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
 * entry.sql: the entries of the ledger (R18).
 */

/*
 * SQL adds up bigint as numeric, so a sum itself cannot overflow; what is shown
 * of it is a bigint.  A cast would fail the whole view for one account's sum.
 */
CREATE FUNCTION commission_internal.credits(sum numeric) RETURNS bigint
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN sum BETWEEN -9223372036854775808 AND 9223372036854775807
		THEN sum::bigint
END;
COMMENT ON FUNCTION commission_internal.credits(numeric) IS
	'a sum of credits as bigint; NULL for NULL and for a sum outside the range of bigint, which audit() names (R1)';

CREATE SEQUENCE commission.event_id_seq AS bigint MAXVALUE 281474976710654;
COMMENT ON SEQUENCE commission.event_id_seq IS
	'the lower 48 bits of event ids; commission.node_id stands above them';

CREATE FUNCTION commission_internal.draw_event_id() RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_draw_event_id';
COMMENT ON FUNCTION commission_internal.draw_event_id() IS
	'the next event id of this node, drawn without nextval(), so that lastval() stays what it was; 2200H where the sequence has come to its end';

CREATE FUNCTION commission_internal.node_event_ids(node integer)
	RETURNS int8range
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN int8range(node::bigint << 48, (node::bigint << 48) + 281474976710655);
COMMENT ON FUNCTION commission_internal.node_event_ids(integer) IS
	'the event ids of a node; it ends before the id with all 48 bits set, which is never drawn, so that it fits in bigint for node 32767, too';

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
			WHEN 'adjustment' THEN true
			ELSE (account_id <> from_account_id) IS TRUE
		END),
	CONSTRAINT entry_counts_as_check CHECK (
		CASE kind
			WHEN 'reversal' THEN counts_as NOT IN (
				'reversal', 'withdrawal', 'withdrawal_return', 'adjustment')
			WHEN 'withdrawal_return' THEN counts_as = 'withdrawal'
			ELSE counts_as = kind
		END),
	CONSTRAINT entry_amount_check CHECK (
		CASE kind
			WHEN 'reversal' THEN amount <> 0
			WHEN 'withdrawal' THEN amount < 0
			WHEN 'adjustment' THEN amount <> 0
			ELSE amount > 0
		END)
);
COMMENT ON TABLE commission.entry IS
	'the ledger: every credit that an account earned, lost or withdrew, in entries that are never updated or deleted (R18)';
COMMENT ON COLUMN commission.entry.event_id IS
	'the generation, order, reversal, withdrawal or adjustment that it is part of';
COMMENT ON COLUMN commission.entry.amount IS
	'credits, below zero where they leave the balance';
COMMENT ON COLUMN commission.entry.occurred_at IS
	'the time of the sale, refund, request or adjustment';
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
	'nobody earns on what they bought or sold themselves, so each commission says whose activity earned it (R13)';
COMMENT ON CONSTRAINT entry_counts_as_check ON commission.entry IS
	'an entry counts as its kind, a reversal as what it reverses, so no entry evades a rule or enters a sum under another kind';
COMMENT ON CONSTRAINT entry_amount_check ON commission.entry IS
	'no entry is of 0 credits (R14), and only reversals, withdrawals and adjustments take credits away';

/*
 * The only index for readers: each costs every sale as many insertions as it
 * has legs.  Other questions are answered by rolled-up sums (rollup.sql).
 */
CREATE INDEX entry_account_idx ON commission.entry (account_id, event_id)
	INCLUDE (counts_as, amount, occurred_at);

CREATE FUNCTION commission_internal.refuse_change() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	RAISE 'cannot update or delete rows of "%.%"', TG_TABLE_SCHEMA,
			TG_TABLE_NAME
		USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Correct an error by a further entry: a refund by reverse_generation, a new version by register_listing.';
END $$;
COMMENT ON FUNCTION commission_internal.refuse_change() IS
	'trigger that refuses to update or delete rows of a table that is only ever appended to (R18): 55000';
/*
 * place.sql: where a call belongs, once the ledger is on several machines.
 *
 * One machine, the hub, writes the catalogue and pays; the others, the nodes,
 * sell, and each has a ledger of its own.  The catalogue comes down and the
 * ledgers come up by logical replication, so a machine is what it follows: who
 * follows the accounts is a node, who follows entries or rolled-up sums is a
 * hub.  A machine that follows nothing is both, and is refused nothing.
 */

/* The one list: a new table stands here. */
CREATE VIEW commission_internal.table_place (name, place, own_id) AS VALUES
	('account', 'catalogue', NULL::text),
	('coupon', 'catalogue', NULL),
	('group_change', 'catalogue', NULL),
	('listing', 'catalogue', NULL),
	('material', 'catalogue', NULL),
	('model_price', 'catalogue', NULL),
	('referral', 'catalogue', NULL),
	('referral_change', 'catalogue', NULL),
	('terms_version', 'catalogue', NULL),
	('adjustment', 'hub', NULL),
	('attempt', 'hub', NULL),
	('hold_change', 'hub', NULL),
	('payout_batch', 'hub', NULL),
	('payout_change', 'hub', NULL),
	('tier_version', 'hub', NULL),
	('withdrawal', 'hub', NULL),
	('withdrawal_transition', 'hub', NULL),
	('customer_order', 'ledger', 'event_id'),
	('entry', 'ledger', 'event_id'),
	('generation', 'ledger', 'event_id'),
	('late_accrual', 'ledger', 'event_id'),
	('reversal', 'ledger', 'event_id'),
	('seal_block', 'ledger', 'block'),
	('touch', 'ledger', NULL),
	('unreferred_leg', 'ledger', 'sale_event_id'),
	('rolled', 'sums', 'node_id'),
	('rolled_day', 'sums', 'node_id'),
	('rolled_kind', 'sums', 'node_id'),
	('rolled_referred', 'sums', 'node_id'),
	('rolled_hour', 'held', 'node_id'),
	('change_batch', 'machine', NULL),
	('consumer', 'machine', NULL),
	('deferred_change', 'machine', NULL),
	('deferred_generation', 'machine', NULL),
	('event_id_state', 'machine', NULL),
	('moved_buyer', 'machine', NULL),
	('portal_role', 'machine', NULL),
	('touch_count', 'machine', NULL);
COMMENT ON VIEW commission_internal.table_place IS
	'where each table is written and who follows it: catalogue, at the hub, and nodes follow; hub, at the hub, and nobody follows; ledger and sums, on every machine, and the hub follows what was written on a node, by the column own_id (NULL: all rows); held, as sums, and a hub of sums alone follows; machine, on every machine, and nobody follows';

CREATE FUNCTION commission_internal.follows(VARIADIC tables regclass[])
	RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN EXISTS (SELECT FROM pg_subscription_rel AS s
			   WHERE s.srrelid = ANY (tables));
COMMENT ON FUNCTION commission_internal.follows(regclass[]) IS
	'whether one of the tables is in a subscription of this database, enabled or not';

CREATE FUNCTION commission_internal.is_node() RETURNS boolean
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN commission_internal.follows('commission.account');
END $$;
COMMENT ON FUNCTION commission_internal.is_node() IS
	'whether this database follows the catalogue of a hub';

CREATE FUNCTION commission_internal.is_hub() RETURNS boolean
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN commission_internal.follows('commission.entry', 'commission.rolled');
END $$;
COMMENT ON FUNCTION commission_internal.is_hub() IS
	'whether this database follows the ledger of a node, or its rolled-up sums';

CREATE FUNCTION commission_internal.is_held_here(event_id bigint)
	RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN event_id >> 48 = commission_internal.setting('node_id')::bigint
	OR NOT commission_internal.is_hub();
COMMENT ON FUNCTION commission_internal.is_held_here(bigint) IS
	'whether a sale is refunded, and its late legs are accrued, in this database: false at a hub for the sales of its nodes';

CREATE FUNCTION commission_internal.refuse_on_node(relation text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF commission_internal.is_node() THEN
		RAISE '"commission.%" is written at the hub only', relation
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('This database is a node: it follows the hub''s catalogue by subscription "%s".',
					(SELECT min(s.subname::text)
					 FROM pg_subscription_rel AS r
					 JOIN pg_subscription AS s ON s.oid = r.srsubid
					 WHERE r.srrelid = 'commission.account'::regclass)),
				HINT = 'Make the same call at the hub. What it changes in the catalogue comes here by itself.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.refuse_on_node(text) IS
	'refuses, on a node, to write a table that the hub writes: 55000';

CREATE FUNCTION commission_internal.keep_at_hub() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF TG_TABLE_SCHEMA <> 'commission' THEN
		RAISE 'function "keep_at_hub" must be fired by a table of the extension'
			USING ERRCODE = 'trigger_protocol_violated';
	END IF;
	PERFORM commission_internal.refuse_on_node(TG_TABLE_NAME);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION commission_internal.keep_at_hub() IS
	'trigger of the tables that the hub writes: refuses to write them on a node, 55000. What replication applies does not fire it';

CREATE FUNCTION commission_internal.refuse_withdrawal() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	copied text;
BEGIN
	PERFORM commission_internal.refuse_on_node('withdrawal');
	SELECT string_agg(r.srrelid::regclass::text, ', ' ORDER BY r.srrelid::regclass::text)
	INTO copied
	FROM pg_subscription_rel AS r
	JOIN pg_class AS c ON c.oid = r.srrelid
		AND c.relnamespace = 'commission'::regnamespace
	WHERE r.srsubstate <> 'r';
	IF copied IS NOT NULL THEN
		RAISE 'cannot withdraw while ledgers of nodes are being copied'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('Tables that are not ready: %s.', copied),
				HINT = 'Wait until tables_not_ready of commission.node_status is 0.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.refuse_withdrawal() IS
	'refuses, on a node, and at a hub whose tables are still being copied, to request or approve withdrawals: 55000';

CREATE TABLE commission.moved_buyer (
	account_id uuid NOT NULL,
	moved_at timestamptz NOT NULL DEFAULT now(),
	sales bigint NOT NULL DEFAULT 0,
	node_id smallint NOT NULL,
	CONSTRAINT moved_buyer_pkey PRIMARY KEY (account_id)
);
COMMENT ON TABLE commission.moved_buyer IS
	'the buyers whose sales another node holds now, and which: what this one has of them is refunded and accrued late there';
COMMENT ON COLUMN commission.moved_buyer.sales IS
	'how many sales and orders of the buyer were here then: one more came to the wrong node';

CREATE FUNCTION commission_internal.refuse_elsewhere(event_id bigint,
													 what text)
	RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	moved smallint;
BEGIN
	SELECT m.node_id INTO moved
	FROM (SELECT g.buyer_id FROM commission.generation AS g
		  WHERE g.event_id = refuse_elsewhere.event_id
		  UNION ALL
		  SELECT o.customer_id FROM commission.customer_order AS o
		  WHERE o.event_id = refuse_elsewhere.event_id) AS s
	JOIN commission.moved_buyer AS m ON m.account_id = s.buyer_id;
	IF FOUND THEN
		RAISE 'cannot refund % of a buyer who was moved to node %', what, moved
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'A sale is refunded on the node that holds it.',
				HINT = format('Make the same call on node %s.', moved);
	END IF;
	IF NOT commission_internal.is_held_here(event_id) THEN
		RAISE 'cannot refund % of node % at a hub', what, event_id >> 48
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'A sale is refunded on the node that holds it.',
				HINT = 'Make the same call on the node that the buyer''s sales are routed to.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.refuse_elsewhere(bigint, text) IS
	'refuses to refund, at a hub, a sale of a node, and on a node that of a buyer who was moved to another: 55000';

CREATE FUNCTION commission_internal.refuse_as_node() RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF commission_internal.is_hub() THEN
		RAISE 'the ledger of node % settles on that node only',
				commission_internal.setting('node_id')
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'This database is a hub, and another transaction of the node may still be on its way here.',
				HINT = 'Make the same call on the node, and at the hub with commission.node_id = 0 for the hub''s own ledger.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.refuse_as_node() IS
	'refuses, at a hub, to roll up, seal or follow as a node: 55000';
/*
 * account.sql: accounts.
 *
 * A sale reads commission.account by the C of resolve.c, by index, and locks
 * nothing in it.  Whatever else changes who an account is or who referred it
 * takes locks in one order, so that the roads of a sign-up wait for one
 * another and never deadlock: accounts are created, in the order of their
 * keys; then the account's row is locked; then commission.referral changes.
 *
 * The functions that applications call run as the extension's owner with a
 * search_path of their own, and those of commission_internal within them.  A
 * kept plan outlives the size of the tables that it was made for, so it is
 * made without sequential scans: one statement may fill a table.
 */

CREATE TABLE commission.account (
	account_id uuid NOT NULL,
	registered_at timestamptz NOT NULL DEFAULT now(),
	closed_at timestamptz,
	group_since timestamptz,
	has_terms boolean NOT NULL DEFAULT false,
	name text COLLATE "C" NOT NULL,
	label text,
	group_name text COLLATE "C",
	CONSTRAINT account_pkey PRIMARY KEY (account_id),
	CONSTRAINT account_name_key UNIQUE (name)
);
COMMENT ON TABLE commission.account IS
	'buyers, owners, co-authors and referrers, each created when first named in the catalogue';
COMMENT ON COLUMN commission.account.account_id IS
	'commission.account_id(name)';
COMMENT ON COLUMN commission.account.closed_at IS
	'NULL: active. A closed account earns no leg and brings none (R10, R14)';
COMMENT ON COLUMN commission.account.group_since IS
	'when it came into its group, or was taken out of one: the last of its changes in commission.group_change; NULL: it never was in a group';
COMMENT ON COLUMN commission.account.has_terms IS
	'it has versions of its own in commission.terms_version';
COMMENT ON COLUMN commission.account.group_name IS
	'the group that it is in (R43); NULL: none';
COMMENT ON COLUMN commission.account.name IS
	'the application''s identifier; kept for all, so that a predicate on it finds an index';
COMMENT ON COLUMN commission.account.label IS
	'e-mail address or name of at most 1024 bytes, shown masked (R34)';

CREATE INDEX account_special_idx ON commission.account (account_id)
	WHERE closed_at IS NOT NULL OR has_terms OR group_since IS NOT NULL;
COMMENT ON INDEX commission.account_special_idx IS
	'the accounts that are out of the ordinary, few of many: closed, with terms of their own, or in a group. What every sale asks for';
CREATE INDEX account_group_idx ON commission.account (group_name)
	WHERE group_name IS NOT NULL;

/*
 * An account has two unique keys, and both are inserted by whoever races:
 * ON CONFLICT without a target waits for either.
 */
CREATE FUNCTION commission_internal.know_account(
	name text, label text DEFAULT NULL, registered_at timestamptz DEFAULT now())
	RETURNS uuid
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
DECLARE
	id CONSTANT uuid := commission.account_id(name);
BEGIN
	INSERT INTO commission.account (account_id, registered_at, name, label)
	VALUES (id, registered_at, name, commission_internal.bounded(label, 'label'))
	ON CONFLICT DO NOTHING;
	IF NOT FOUND AND label IS NOT NULL THEN
		UPDATE commission.account AS a SET label = know_account.label
		WHERE a.account_id = id AND a.label IS DISTINCT FROM know_account.label;
	END IF;
	RETURN id;
END $$;
COMMENT ON FUNCTION commission_internal.know_account(text, text, timestamptz) IS
	'the key of an account by the name that identifier() gives, which is created unless it exists; a label that is not NULL replaces the former, 22023 for one of more than 1024 bytes';

CREATE FUNCTION commission_internal.know_accounts(VARIADIC names text[])
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	INSERT INTO commission.account (account_id, name)
	SELECT commission.account_id(n.name), n.name FROM unnest(names) AS n (name)
	ORDER BY 1
	ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION commission_internal.know_accounts(text[]) IS
	'creates the accounts of these names, as identifier() gives them, that do not exist: in the order of their keys, so that two transactions that name the same accounts cannot deadlock';

/*
 * The last of two rows that name one account counts.  An account that exists
 * is written to only where something changes.
 */
CREATE FUNCTION commission_internal.take_accounts(
	names text[], labels text[], closed boolean[], groups text[],
	keep_labels boolean, grouped_by text)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	IF grouped_by IS NOT NULL THEN
		PERFORM commission_internal.take_groups(names, groups, grouped_by);
	END IF;
	WITH given AS MATERIALIZED (
		SELECT DISTINCT ON (g.name) commission.account_id(g.name) AS account_id,
			g.name, g.closed,
			commission_internal.bounded(g.label, format('label of account "%s"', g.name))
				AS label
		FROM unnest(names, labels, closed) WITH ORDINALITY AS g (name, label, closed, n)
		ORDER BY g.name, g.n DESC
	), added AS (
		INSERT INTO commission.account (account_id, name, label, closed_at)
		SELECT g.account_id, g.name, g.label, CASE WHEN g.closed THEN now() END
		FROM given AS g
		ORDER BY g.account_id
		ON CONFLICT DO NOTHING
	)
	UPDATE commission.account AS a
	SET label = CASE WHEN keep_labels THEN a.label ELSE g.label END,
		closed_at = CASE g.closed WHEN true THEN coalesce(a.closed_at, now())
			WHEN false THEN NULL ELSE a.closed_at END
	FROM given AS g
	WHERE a.account_id = g.account_id
		AND (NOT keep_labels AND a.label IS DISTINCT FROM g.label
			 OR g.closed <> (a.closed_at IS NOT NULL));
END $$;
COMMENT ON FUNCTION commission_internal.take_accounts(text[], text[], boolean[], text[], boolean, text) IS
	'registers accounts by the names that identifier() gives, with labels, NULL too unless they are kept, and closes or reopens each where closed is not NULL; grouped_by: the table whose rows say the groups (take_groups), NULL: these stay; 22023 for a label of more than 1024 bytes';

CREATE FUNCTION commission.register_account(account text,
											label text DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	PERFORM commission_internal.know_account(
		commission_internal.identifier(account, 'account'), label);
END $$;
COMMENT ON FUNCTION commission.register_account(text, text) IS
	'registers an account unless it exists; a label (an e-mail address or name, shown masked) replaces the former one, NULL leaves it; a closed account stays closed; 22004 for a NULL account, 22023 for an empty account or for an account or label of more than 1024 bytes';

CREATE FUNCTION commission.close_account(account text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	id CONSTANT uuid := commission_internal.know_account(
		commission_internal.identifier(account, 'account'));
BEGIN
	UPDATE commission.account AS a SET closed_at = now()
	WHERE a.account_id = id AND a.closed_at IS NULL;
END $$;
COMMENT ON FUNCTION commission.close_account(text) IS
	'closes an account: from now on it earns no leg, and what it buys and orders brings none to its referrer; pool shares stay owed (R10, R14, R30); an account that does not exist is created closed; 22004, 22023 as register_account';

CREATE FUNCTION commission.reopen_account(account text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	id CONSTANT uuid := commission_internal.know_account(
		commission_internal.identifier(account, 'account'));
BEGIN
	UPDATE commission.account AS a SET closed_at = NULL
	WHERE a.account_id = id AND a.closed_at IS NOT NULL;
END $$;
COMMENT ON FUNCTION commission.reopen_account(text) IS
	'undoes close_account for sales from now on; 22004, 22023 as register_account';
/*
 * terms.sql: the terms of accounts, groups and the programme, in versions
 * (R40 to R42), and the groups that accounts are in (R43).
 *
 * A sale reads them by the C of terms.c, and locks nothing.  Whoever announces
 * terms or moves an account locks commission.terms_version: one after the
 * other, so that each is compared with what the others have announced.
 */

CREATE TABLE commission.terms_version (
	version bigint NOT NULL,
	valid_from timestamptz NOT NULL,
	announced_at timestamptz NOT NULL DEFAULT now(),
	subject_id uuid NOT NULL,
	first_order_amount bigint,
	minimum_payout bigint,
	brand_ratio_ppm bigint,
	creator_ref_ratio_ppm bigint,
	first_order_ratio_ppm bigint,
	renewal_ratio_ppm bigint,
	upgrade_ratio_ppm bigint,
	upgraded_renewal_ratio_ppm bigint,
	total_cap_ratio_ppm bigint,
	renewals bigint,
	days bigint,
	scope "char" NOT NULL,
	announced_by text NOT NULL DEFAULT session_user,
	group_name text COLLATE "C",
	reason text,
	CONSTRAINT terms_version_pkey PRIMARY KEY (version),
	CONSTRAINT terms_version_scope_check CHECK (
		CASE scope
			WHEN 'a' THEN group_name IS NULL AND total_cap_ratio_ppm IS NULL
			WHEN 'g' THEN group_name IS NOT NULL AND total_cap_ratio_ppm IS NULL
			WHEN 'p' THEN group_name IS NULL
				AND subject_id = '00000000-0000-0000-0000-000000000000'
			ELSE false
		END)
);
COMMENT ON TABLE commission.terms_version IS
	'each version of the terms of an account, a group or the programme (R42): what it states, from valid_from until the next version of the same begins; a term that is NULL is not stated, and inherited (R40). Ratios are in parts per million';
COMMENT ON COLUMN commission.terms_version.version IS
	'drawn like an event id';
COMMENT ON COLUMN commission.terms_version.subject_id IS
	'the account; the key of the group''s name; 0 of the programme';
COMMENT ON COLUMN commission.terms_version.first_order_amount IS
	'credits for a first order, in place of its ratio; never more than the order (R41)';
COMMENT ON COLUMN commission.terms_version.minimum_payout IS
	'credits (R24)';
COMMENT ON COLUMN commission.terms_version.renewals IS
	'how many renewals of a customer pay';
COMMENT ON COLUMN commission.terms_version.days IS
	'for how many days from the attribution orders pay';
COMMENT ON COLUMN commission.terms_version.scope IS
	'a: an account, g: a group, p: the programme';
COMMENT ON COLUMN commission.terms_version.announced_by IS
	'the role that had logged in (session_user)';
COMMENT ON CONSTRAINT terms_version_scope_check ON commission.terms_version IS
	'the cap is the programme''s alone (R40)';

CREATE INDEX terms_version_subject_idx
	ON commission.terms_version (scope, subject_id, valid_from, version);
CREATE INDEX terms_version_program_idx
	ON commission.terms_version (valid_from, version) WHERE scope = 'p';
COMMENT ON INDEX commission.terms_version_program_idx IS
	'without a page until the programme announces its first terms: that is all that a sale asks of it';

CREATE TABLE commission.group_change (
	change_id bigint NOT NULL,
	valid_from timestamptz NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now(),
	account_id uuid NOT NULL,
	figure bigint,
	by_tier boolean NOT NULL,
	changed_by text NOT NULL DEFAULT session_user,
	from_group text COLLATE "C",
	to_group text COLLATE "C",
	reason text,
	CONSTRAINT group_change_pkey PRIMARY KEY (change_id),
	CONSTRAINT group_change_figure_check CHECK ((figure IS NOT NULL) = by_tier)
);
COMMENT ON TABLE commission.group_change IS
	'each move of an account into a group or out of one (R43)';
COMMENT ON COLUMN commission.group_change.change_id IS
	'drawn like an event id; the highest of an account is the one in force';
COMMENT ON COLUMN commission.group_change.valid_from IS
	'sales from then on are under the group''s terms';
COMMENT ON COLUMN commission.group_change.figure IS
	'what was measured, of a move by apply_tiers(); NULL: by hand';
COMMENT ON COLUMN commission.group_change.changed_by IS
	'the role that had logged in (session_user)';
COMMENT ON COLUMN commission.group_change.to_group IS
	'NULL: none';

CREATE INDEX group_change_account_idx
	ON commission.group_change (account_id, valid_from, change_id);

CREATE FUNCTION commission_internal.terms_at(account_id uuid, group_name text,
											 at timestamptz,
											 ignored bigint DEFAULT NULL)
	RETURNS TABLE (term text, value bigint, version bigint, scope "char")
	LANGUAGE c STABLE PARALLEL SAFE ROWS 10
	AS 'MODULE_PATHNAME', 'commission_terms_at';
COMMENT ON FUNCTION commission_internal.terms_at(uuid, text, timestamptz, bigint) IS
	'the terms that an account (NULL: one without terms of its own) in a group (NULL: none) has by any version at a moment, as if the version ignored were not there: of each the value, ratios in parts per million, the version and its scope (R40); what has no row is as the settings have it';

CREATE FUNCTION commission_internal.group_at(account_id uuid, at timestamptz)
	RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
	SELECT c.to_group FROM commission.group_change AS c
	WHERE c.account_id = group_at.account_id AND c.valid_from <= at
	ORDER BY c.valid_from DESC, c.change_id DESC LIMIT 1);
COMMENT ON FUNCTION commission_internal.group_at(uuid, timestamptz) IS
	'the group that an account is in at a moment; NULL: none';

CREATE VIEW commission_internal.program_setting AS
	SELECT s.term, s.position, s.is_ratio,
		nullif(s.setting, '')::numeric AS value
	FROM (VALUES
		('brand_ratio', 1, true, commission_internal.setting('brand_ratio')),
		('creator_ref_ratio', 2, true, commission_internal.setting('creator_ref_ratio')),
		('first_order_ratio', 3, true, commission_internal.setting('first_order_ratio')),
		('first_order_amount', 4, false, NULL),
		('renewal_ratio', 5, true, commission_internal.setting('renewal_ratio')),
		('upgrade_ratio', 6, true, commission_internal.setting('upgrade_ratio')),
		('upgraded_renewal_ratio', 7, true,
		 commission_internal.setting('upgraded_renewal_ratio')),
		('renewals', 8, false, NULL),
		('days', 9, false, NULL),
		('minimum_payout', 10, false, commission_internal.setting('minimum_payout')),
		('total_cap_ratio', 11, true, commission_internal.setting('total_cap_ratio')))
		AS s (term, position, is_ratio, setting);
COMMENT ON VIEW commission_internal.program_setting IS
	'each term (R41) and the value that the settings give it: a ratio, credits, a number; NULL: none';

/*
 * A flat amount is in place of the ratio, and upgraded renewals are as any
 * renewal where nobody states otherwise.  In PL/pgSQL, which keeps the plan.
 */
CREATE FUNCTION commission_internal.resolved_terms(
	account_id uuid, group_name text, at timestamptz, ignored bigint DEFAULT NULL)
	RETURNS TABLE (term text, value numeric, version bigint, scope "char",
				   "position" integer)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET plan_cache_mode = force_generic_plan
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH stated AS MATERIALIZED (
		SELECT t.term, t.value, t.version, t.scope
		FROM commission_internal.terms_at(resolved_terms.account_id,
			resolved_terms.group_name, resolved_terms.at, resolved_terms.ignored) AS t
	), resolved AS MATERIALIZED (
		SELECT s.term, s.position,
			CASE WHEN t.term IS NULL THEN s.value
				WHEN s.is_ratio THEN commission_internal.ratio(t.value::integer)
				ELSE t.value END AS value,
			t.version, t.scope
		FROM commission_internal.program_setting AS s
		LEFT JOIN stated AS t ON t.term = s.term
		WHERE s.term <> 'first_order_ratio'
			OR NOT EXISTS (SELECT FROM stated AS f WHERE f.term = 'first_order_amount')
	)
	SELECT r.term, coalesce(r.value, n.value), coalesce(r.version, n.version),
		coalesce(r.scope, n.scope), r.position
	FROM resolved AS r
	LEFT JOIN resolved AS n ON r.term = 'upgraded_renewal_ratio'
		AND r.value IS NULL AND n.term = 'renewal_ratio';
END $$;
COMMENT ON FUNCTION commission_internal.resolved_terms(uuid, text, timestamptz, bigint) IS
	'the same with what the settings have where no version states a term (version and scope NULL): ratios as decimals, credits, numbers; NULL: no limit, or a flat amount that there is none of; first_order_ratio has no row where first_order_amount applies';

CREATE FUNCTION commission_internal.minimum_payout(account_id uuid)
	RETURNS bigint
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN coalesce((
		SELECT t.value
		FROM commission_internal.terms_at(account_id,
			commission_internal.group_at(account_id, now()), now()) AS t
		WHERE t.term = 'minimum_payout'),
	commission_internal.setting('minimum_payout')::bigint);
COMMENT ON FUNCTION commission_internal.minimum_payout(uuid) IS
	'the smallest withdrawal of an account in credits, closed or not (R24, R40)';

/* A term of a version in its scope, or no row. */
CREATE VIEW commission_internal.stated_term AS
	SELECT v.version, v.scope, v.subject_id, v.valid_from, t.term, t.value
	FROM commission.terms_version AS v
	CROSS JOIN LATERAL (VALUES
		('brand_ratio', v.brand_ratio_ppm),
		('creator_ref_ratio', v.creator_ref_ratio_ppm),
		('first_order_ratio', v.first_order_ratio_ppm),
		('first_order_amount', v.first_order_amount),
		('renewal_ratio', v.renewal_ratio_ppm),
		('upgrade_ratio', v.upgrade_ratio_ppm),
		('upgraded_renewal_ratio', v.upgraded_renewal_ratio_ppm),
		('renewals', v.renewals),
		('days', v.days),
		('minimum_payout', v.minimum_payout),
		('total_cap_ratio', v.total_cap_ratio_ppm)) AS t (term, value)
	WHERE t.value IS NOT NULL;
COMMENT ON VIEW commission_internal.stated_term IS
	'each term that a version states, ratios in parts per million';

CREATE FUNCTION commission_internal.terms_source(scope "char", group_name text)
	RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE scope
	WHEN 'a' THEN 'account'
	WHEN 'g' THEN 'group ' || group_name
	WHEN 'p' THEN 'programme'
	ELSE 'settings' END;
COMMENT ON FUNCTION commission_internal.terms_source("char", text) IS
	'whose terms those of a version are, in words; NULL, of no version: the settings';

CREATE FUNCTION commission_internal.terms_owner(version bigint) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
	SELECT CASE v.scope WHEN 'a' THEN 'account' WHEN 'g' THEN 'group' ELSE 'programme' END
	FROM commission.terms_version AS v
	WHERE v.version = terms_owner.version);
COMMENT ON FUNCTION commission_internal.terms_owner(bigint) IS
	'whose terms a version has, without the name, for explain(), which other affiliates may read; NULL for NULL';

CREATE FUNCTION commission_internal.stated_ratio(ratio_ppm integer, version bigint)
	RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN commission_internal.ratio(ratio_ppm) || CASE WHEN version IS NULL THEN ''
	ELSE format(', by the terms of the %s (version %s)',
				commission_internal.terms_owner(version), version) END;
COMMENT ON FUNCTION commission_internal.stated_ratio(integer, bigint) IS
	'a ratio that is kept with a sale, and whose terms it came from, for explain(); NULL for a NULL ratio';
/*
 * price.sql: prices of models (R9), which a sale reads by the C of price.c.
 */

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

CREATE FUNCTION commission_internal.price(amount bigint, what text) RETURNS bigint
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	IF commission_internal.required(amount, what) < 0 THEN
		RAISE '% must not be negative', what
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s credits.', amount);
	END IF;
	RETURN amount;
END $$;
COMMENT ON FUNCTION commission_internal.price(bigint, text) IS
	'the value of an argument that is a price in credits; 22004 for NULL, 22023 for one below zero';

/* The last of two rows that price one model counts. */
CREATE FUNCTION commission_internal.take_prices(models text[], resolutions text[],
												model_prices bigint[],
												api_costs bigint[])
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	/* The names are keys of an index, as identifiers are. */
	PERFORM commission_internal.identifier(g.model, 'model'),
		CASE WHEN g.resolution <> ''
			THEN commission_internal.identifier(g.resolution, 'resolution') END
	FROM unnest(models, resolutions) AS g (model, resolution);
	INSERT INTO commission.model_price AS p (model, resolution, model_price, api_cost)
	SELECT DISTINCT ON (1, 2) g.model, coalesce(g.resolution, ''),
		commission_internal.price(g.model_price, 'model price'),
		commission_internal.price(g.api_cost, 'API cost')
	FROM unnest(models, resolutions, model_prices, api_costs)
		WITH ORDINALITY AS g (model, resolution, model_price, api_cost, n)
	ORDER BY 1, 2, g.n DESC
	ON CONFLICT ON CONSTRAINT model_price_pkey DO UPDATE
	SET model_price = excluded.model_price, api_cost = excluded.api_cost
	WHERE (p.model_price, p.api_cost) <> (excluded.model_price, excluded.api_cost);
	PERFORM commission_internal.accrue_deferred_prices(models, resolutions);
END $$;
COMMENT ON FUNCTION commission_internal.take_prices(text[], text[], bigint[], bigint[]) IS
	'sets prices of models; errors as set_model_price';

CREATE FUNCTION commission.set_model_price(model text, resolution text,
										   model_price bigint,
										   api_cost bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM commission_internal.take_prices(ARRAY[model], ARRAY[resolution],
		ARRAY[model_price], ARRAY[api_cost]);
END $$;
COMMENT ON FUNCTION commission.set_model_price(text, text, bigint, bigint) IS
	'sets what an image of a model at a resolution costs the buyer and what its API call costs, in credits (R9); a NULL resolution is that of generations that have none; 22004 for any other NULL, 22023 for an empty or over-long name or a negative amount';
/*
 * listing.sql: listings and their co-authors (R4, R19).
 *
 * Listings are appended to: each registration that changes something is a new
 * version, and a generation refers to the version by which its pool was
 * shared.  A sale reads the highest under its own snapshot, without a lock.
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
	'at most five, in the order that decides ties (R19): by the length of their names in bytes, then bytewise; NULL: none';
COMMENT ON COLUMN commission.listing.co_author_shares IS
	'credits of the pool for each of them; the owner has the rest';
COMMENT ON CONSTRAINT listing_co_authors_check ON commission.listing IS
	'at most five co-authors, none of them the owner (R19)';

CREATE FUNCTION commission_internal.co_authors(
	co_authors jsonb, listing text, owner text, pool bigint,
	OUT names text[], OUT shares bigint[])
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
	author record;
	problem text;
	total numeric := 0;
BEGIN
	IF jsonb_typeof(co_authors) <> 'object' THEN
		problem := 'They are not an object.';
		co_authors := '{}';
	END IF;
	FOR author IN
		SELECT i.name, a.key, a.value #>> '{}' AS share,
			jsonb_typeof(a.value) = 'number' AS is_number
		FROM jsonb_each(co_authors) AS a,
			commission_internal.identifier(a.key, 'co-author') AS i (name)
		ORDER BY octet_length(i.name), i.name COLLATE "C"
	LOOP
		problem := CASE
			WHEN cardinality(names) = 5 THEN 'A listing has at most 5 co-authors.'
			WHEN author.name = owner THEN 'The owner cannot be a co-author.'
			WHEN author.name = ANY (names) THEN format('"%s" is named twice.', author.key)
			WHEN NOT author.is_number THEN
				format('The share of "%s" is not a number.', author.key)
			WHEN author.share::numeric < 1 OR author.share::numeric % 1 <> 0 THEN
				format('The share of "%s" is %s; it must be a whole number of at least 1.',
					   author.key, author.share)
			WHEN total + author.share::numeric > pool THEN
				format('Their shares are %s credits of a pool of %s.',
					   total + author.share::numeric, pool)
		END;
		EXIT WHEN problem IS NOT NULL;
		names := names || author.name;
		shares := shares || author.share::numeric::bigint;
		total := total + author.share::numeric;
	END LOOP;
	IF problem IS NOT NULL THEN
		RAISE 'invalid co-authors of listing "%"', listing
			USING ERRCODE = 'invalid_parameter_value', DETAIL = problem,
				HINT = 'Give a JSON object that maps accounts to whole credits of the pool, such as {"maria": 30}; the owner has the rest.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.co_authors(jsonb, text, text, bigint) IS
	'the names and shares of the co-authors, NULL where there are none, in the order that decides ties; 22023 for what R19 does not allow';

CREATE FUNCTION commission_internal.check_listings(listings text[], pools bigint[])
	RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
	minimum CONSTANT bigint := commission_internal.setting('minimum_pool');
	node CONSTANT bigint := commission_internal.setting('node_id');
	refused record;
BEGIN
	SELECT g.listing, g.pool, l.version >> 48 AS node INTO refused
	FROM unnest(listings, pools) AS g (listing, pool)
	LEFT JOIN LATERAL (
		SELECT l.version FROM commission.listing AS l
		WHERE l.listing_id = commission.account_id(g.listing)
		ORDER BY l.version DESC LIMIT 1) AS l ON true
	WHERE g.pool < minimum OR l.version >> 48 > node
	LIMIT 1;
	IF refused.pool < minimum THEN
		RAISE 'pool of listing "%" is less than the minimum', refused.listing
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s credits; commission.minimum_pool is %s.',
								refused.pool, minimum);
	ELSIF FOUND THEN
		RAISE 'listing "%" is registered by a higher node', refused.listing
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('Its version in force is of node %s; commission.node_id is %s.',
								refused.node, node),
				HINT = 'Register it on that node, or raise commission.node_id.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.check_listings(text[], bigint[]) IS
	'refuses a pool under commission.minimum_pool (22023, R4), and a listing whose version in force is of a higher node (55000)';

/*
 * The last of two rows that name one listing counts.  A version is added only
 * where something changes.
 */
CREATE FUNCTION commission_internal.take_listings(
	listings text[], owners text[], kinds text[], pools bigint[], titles text[],
	co_authors jsonb[], keep_titles boolean)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	PERFORM commission_internal.check_listings(listings, pools);
	PERFORM commission_internal.know_accounts(VARIADIC owners || ARRAY(
		SELECT unnest(a.names)
		FROM unnest(listings, owners, pools, co_authors)
			AS g (listing, owner, pool, co_authors)
		CROSS JOIN LATERAL commission_internal.co_authors(
			g.co_authors, g.listing, g.owner, g.pool) AS a
		WHERE g.co_authors IS NOT NULL));

	INSERT INTO commission.listing (listing_id, version, owner_id, pool, kind,
		co_author_ids, co_author_shares, name, title)
	SELECT g.listing_id, commission_internal.draw_event_id(), g.owner_id, g.pool,
		g.kind, a.ids, a.shares, g.name,
		CASE WHEN keep_titles THEN coalesce(g.title, former.title) ELSE g.title END
	FROM (
		SELECT DISTINCT ON (g.name) g.name, g.owner, g.pool, g.co_authors,
			commission.account_id(g.name) AS listing_id,
			commission.account_id(g.owner) AS owner_id,
			g.kind::commission.listing_kind AS kind,
			commission_internal.bounded(g.title, format('title of listing "%s"', g.name))
				AS title
		FROM unnest(listings, owners, kinds, pools, titles, co_authors)
			WITH ORDINALITY AS g (name, owner, kind, pool, title, co_authors, n)
		ORDER BY g.name, g.n DESC) AS g
	LEFT JOIN LATERAL (
		SELECT (SELECT array_agg(commission.account_id(n.name) ORDER BY n.n)
				FROM unnest(c.names) WITH ORDINALITY AS n (name, n)) AS ids,
			c.shares
		FROM commission_internal.co_authors(g.co_authors, g.name, g.owner, g.pool) AS c
		WHERE g.co_authors IS NOT NULL) AS a ON true
	LEFT JOIN LATERAL (
		SELECT l.* FROM commission.listing AS l
		WHERE l.listing_id = g.listing_id
		ORDER BY l.version DESC LIMIT 1) AS former ON true
	WHERE (former.owner_id, former.pool, former.kind, former.co_author_ids,
		   former.co_author_shares)
		IS DISTINCT FROM (g.owner_id, g.pool, g.kind, a.ids, a.shares)
		OR former.title IS DISTINCT FROM g.title
		AND NOT (keep_titles AND g.title IS NULL);
	PERFORM commission_internal.accrue_deferred_listings(ARRAY(
		SELECT commission.account_id(g.name) FROM unnest(listings) AS g (name)));
END $$;
COMMENT ON FUNCTION commission_internal.take_listings(text[], text[], text[], bigint[], text[], jsonb[], boolean) IS
	'registers listings by the names that identifier() gives, all that is not NULL elsewhere given, with titles, NULL too unless they are kept; errors as register_listing';

CREATE FUNCTION commission.register_listing(listing text, owner text,
											kind commission.listing_kind,
											pool bigint,
											title text DEFAULT NULL,
											co_authors jsonb DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	PERFORM commission_internal.take_listings(
		ARRAY[commission_internal.identifier(listing, 'listing')],
		ARRAY[commission_internal.identifier(owner, 'owner')],
		ARRAY[commission_internal.required(kind, 'kind')::text],
		ARRAY[commission_internal.required(pool, 'pool')],
		ARRAY[title], ARRAY[co_authors], true);
END $$;
COMMENT ON FUNCTION commission.register_listing(text, text, commission.listing_kind, bigint, text, jsonb) IS
	'sets a listing''s owner, kind, pool in credits, title and co-authors, {"account": credits, ...}, the owner having the rest; in force from the next generation on (R19). A credit that is left over where a pool is shared in proportion goes to the earlier of equals: the owner, then the co-authors, shorter names (in bytes) first, then bytewise, because jsonb keeps neither the order of its keys nor a key that is written twice, of which it takes the last. A NULL title keeps the former; 22004 for a NULL listing, owner, kind or pool; 22023 for an empty name, a name or title of more than 1024 bytes, a pool under commission.minimum_pool (R4), more than five co-authors, the owner among them, one account under two spellings, shares that are no whole number from 1 or that exceed the pool; 55000 where the version in force is of a node higher than commission.node_id';
/*
 * referral.sql: who referred whom, and every change of that (R29).
 *
 * commission.referral has the referrers in force, which is all that a sale
 * reads; commission.referral_change has each that ever was, and the
 * affiliate's screens read that one, since what was earned stays with whoever
 * earned it.  Whoever changes an account's referrer locks the account's row
 * first: the changes of an account are numbered in the order in which they
 * are made.  A sale waits for none of it, nor does another account's sign-up.
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
	accrues_past boolean NOT NULL,
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
	'the account''s first referral to this referrer for the role, under whose campaign its earnings are shown';
COMMENT ON COLUMN commission.referral_change.is_signup IS
	'the first for any role, by which the account is counted once';
COMMENT ON COLUMN commission.referral_change.accrues_past IS
	'what was sold before it is accrued, too (R37): by the call that made it and, where the ledger is on several nodes, by accrue_deferred() on each';
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
	(referrer_id, ((signed_up_at AT TIME ZONE INTERVAL '0')::date))
	WHERE is_first;
CREATE INDEX referral_change_signup_time_idx
	ON commission.referral_change (changed_at)
	WHERE is_signup;
CREATE INDEX referral_change_campaign_idx
	ON commission.referral_change (campaign)
	WHERE is_first AND campaign IS NOT NULL;

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

CREATE FUNCTION commission_internal.lock_account(account_id uuid) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	PERFORM FROM commission.account AS a
	WHERE a.account_id = lock_account.account_id FOR NO KEY UPDATE;
END $$;
COMMENT ON FUNCTION commission_internal.lock_account(uuid) IS
	'locks the row of an account whose referrer is to change, until the transaction ends';

/*
 * Where nobody says when the account signed up, it is what was said when it
 * was first referred for the role, or else the earliest that is known here.
 * Under the account's lock a conflict can only be with a change that a later
 * snapshot would see: ON CONFLICT makes it 40001 instead of 23505.  The queries on
 * what was before name the argument, not the account's column: 18 would hash the
 * whole table for that, whatever enable_seqscan says.
 */
CREATE FUNCTION commission_internal.append_referral_change(
	account_id uuid, role commission.referral_role, referrer_id uuid,
	attributed_at timestamptz, reason text DEFAULT NULL,
	signed_up_at timestamptz DEFAULT NULL, campaign text DEFAULT NULL,
	accrues_past boolean DEFAULT false)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
#variable_conflict use_variable
BEGIN
	INSERT INTO commission.referral_change (change_id, attributed_at,
		signed_up_at, account_id, referrer_id, role, is_first, is_signup,
		accrues_past, campaign, reason)
	SELECT commission_internal.draw_event_id(), attributed_at,
		coalesce(signed_up_at,
			(SELECT c.signed_up_at FROM commission.referral_change AS c
			 WHERE c.account_id = append_referral_change.account_id
				AND c.role = append_referral_change.role
			 ORDER BY c.change_id DESC LIMIT 1),
			least(a.registered_at, attributed_at)),
		account_id, referrer_id, role,
		referrer_id IS NOT NULL AND NOT EXISTS (
			SELECT FROM commission.referral_change AS c
			WHERE c.account_id = append_referral_change.account_id
				AND c.role = append_referral_change.role
				AND c.referrer_id = append_referral_change.referrer_id),
		referrer_id IS NOT NULL AND NOT EXISTS (
			SELECT FROM commission.referral_change AS c
			WHERE c.account_id = append_referral_change.account_id
				AND c.referrer_id = append_referral_change.referrer_id),
		accrues_past, campaign, commission_internal.bounded(reason, 'reason')
	FROM commission.account AS a
	WHERE a.account_id = append_referral_change.account_id
	ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION commission_internal.append_referral_change(uuid, commission.referral_role, uuid, timestamptz, text, timestamptz, text, boolean) IS
	'appends to referral_change that an account, whose row is locked, has another referrer for a role, or none for NULL; 22023 for a reason of more than 1024 bytes';

CREATE FUNCTION commission_internal.set_referral(
	account_id uuid, role commission.referral_role, referrer_id uuid,
	attributed_at timestamptz, signed_up_at timestamptz DEFAULT NULL,
	campaign text DEFAULT NULL, accrue_past boolean DEFAULT false)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	PERFORM commission_internal.lock_account(account_id);
	INSERT INTO commission.referral (account_id, role, referrer_id, attributed_at)
	VALUES (account_id, role, referrer_id, attributed_at)
	ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM commission_internal.append_referral_change(account_id, role, referrer_id,
		attributed_at, NULL, signed_up_at, campaign, accrue_past);
	IF accrue_past THEN
		PERFORM commission_internal.accrue_late(account_id, role);
	END IF;
	RETURN true;
END $$;
COMMENT ON FUNCTION commission_internal.set_referral(uuid, commission.referral_role, uuid, timestamptz, timestamptz, text, boolean) IS
	'gives an account that exists its referrer for a role and, where asked to, accrues what it brought since attributed_at (R37); false if it has one (R29)';

CREATE FUNCTION commission_internal.two_accounts(account text, referrer text)
	RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	IF commission_internal.identifier(account, 'account')
		= commission_internal.identifier(referrer, 'referrer')
	THEN
		RAISE 'an account cannot be referred by itself'
			USING ERRCODE = 'check_violation',
				DETAIL = format('Account and referrer are both "%s".', account);
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.two_accounts(text, text) IS
	'that an account and its referrer are two (R13): 23514 otherwise; 22004 for NULL, 22023 for an empty or over-long name';

CREATE FUNCTION commission.refer(account text, referrer text,
								 role commission.referral_role,
								 attributed_at timestamptz DEFAULT now(),
								 accrue_past boolean DEFAULT false)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	PERFORM commission_internal.two_accounts(account, referrer);
	role := commission_internal.required(role, 'role');
	attributed_at := commission_internal.finite(attributed_at, 'attributed_at');
	PERFORM commission_internal.know_accounts(
		commission_internal.identifier(account, 'account'),
		commission_internal.identifier(referrer, 'referrer'));
	RETURN commission_internal.set_referral(commission.account_id(account), role,
		commission.account_id(referrer), attributed_at,
		accrue_past => accrue_past);
END $$;
COMMENT ON FUNCTION commission.refer(text, text, commission.referral_role, timestamptz, boolean) IS
	'sets the operator''s referral: true if it is set now, false if the account already has a referrer for the role, who stays (R29); where it is set and accrue_past is true, what the account bought, ordered or sold since attributed_at without a referrer is accrued now (R37); of several transactions at once one sets it, and the others wait for it; 23514 for an account referred by itself (R13), 22004 for a NULL account, referrer or role, 22023 for an empty or over-long name, 22008 for an infinite time';

CREATE FUNCTION commission.move_referral(account text, referrer text,
										 role commission.referral_role,
										 attributed_at timestamptz DEFAULT now(),
										 reason text DEFAULT NULL)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	id uuid;
	new_referrer uuid;
	former uuid;
BEGIN
	PERFORM commission_internal.two_accounts(account, referrer);
	role := commission_internal.required(role, 'role');
	attributed_at := commission_internal.finite(attributed_at, 'attributed_at');
	id := commission.account_id(account);
	new_referrer := commission_internal.know_account(
		commission_internal.identifier(referrer, 'referrer'));
	PERFORM commission_internal.lock_account(id);
	SELECT r.referrer_id INTO former FROM commission.referral AS r
	WHERE r.account_id = id AND r.role = move_referral.role FOR UPDATE;
	IF NOT FOUND THEN
		RAISE 'account "%" has no referrer as a %', account, role
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Give it one with refer().';
	ELSIF former = new_referrer THEN
		RETURN false;
	END IF;
	UPDATE commission.referral AS r
	SET referrer_id = new_referrer, attributed_at = move_referral.attributed_at
	WHERE r.account_id = id AND r.role = move_referral.role;
	PERFORM commission_internal.append_referral_change(id, role, new_referrer,
		attributed_at, reason);
	RETURN true;
END $$;
COMMENT ON FUNCTION commission.move_referral(text, text, commission.referral_role, timestamptz, text) IS
	'gives an account another referrer for the role: true if it is moved, false if that is its referrer already; what was earned until then stays where it is, and referral_history keeps who was before (R29); 55000 for an account without a referrer for the role, 22023 for a reason of more than 1024 bytes, otherwise errors as refer';

CREATE FUNCTION commission.end_referral(account text,
										role commission.referral_role,
										reason text DEFAULT NULL)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	id CONSTANT uuid := commission.account_id(
		commission_internal.identifier(account, 'account'));
BEGIN
	role := commission_internal.required(role, 'role');
	PERFORM commission_internal.lock_account(id);
	DELETE FROM commission.referral AS r
	WHERE r.account_id = id AND r.role = end_referral.role;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM commission_internal.append_referral_change(id, role, NULL, NULL, reason);
	RETURN true;
END $$;
COMMENT ON FUNCTION commission.end_referral(text, commission.referral_role, text) IS
	'ends an account''s referral for the role: true if it is ended, false if there was none; what was earned until then stays where it is, and referral_history keeps who was before (R29); 22004 for a NULL account or role, 22023 for an empty or over-long name or a reason of more than 1024 bytes';
/*
 * attribution.sql: a sign-up completes a first touch (R28).
 *
 * Several roads of an application can lead here at once.  They race for the
 * row of the account and role in commission.referral: one inserts it, the
 * others wait for that one and find it there.  Each leaves a row in
 * commission.attempt.
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
	coupon text,
	CONSTRAINT attempt_pkey PRIMARY KEY (attempt_id)
);
COMMENT ON TABLE commission.attempt IS
	'each attempt to attribute an account, and what became of it (R28)';
COMMENT ON COLUMN commission.attempt.attempt_id IS
	'drawn like an event id';
COMMENT ON COLUMN commission.attempt.signed_up_at IS
	'as the application said';
COMMENT ON COLUMN commission.attempt.touched_at IS
	'the first touch that the token carries; NULL: there was no token, or it was not good. referrer_name likewise';
COMMENT ON COLUMN commission.attempt.referrer_name IS
	'as the token names it, whether it exists here or not';
COMMENT ON COLUMN commission.attempt.campaign IS
	'NULL: none';
COMMENT ON COLUMN commission.attempt.coupon IS
	'the code that was redeemed (R44), at signed_up_at; NULL: the attempt was a sign-up';

CREATE INDEX attempt_account_idx ON commission.attempt (account_id, attempt_id);
CREATE INDEX attempt_quick_idx
	ON commission.attempt ((signed_up_at - touched_at))
	WHERE outcome = 'attributed';
CREATE INDEX attempt_coupon_idx ON commission.attempt (campaign)
	WHERE outcome = 'attributed' AND coupon IS NOT NULL;

CREATE VIEW commission.attribution_attempt AS
	SELECT a.name AS account,
		t.role,
		t.outcome,
		CASE t.outcome
			WHEN 'invalid_coupon' THEN
				'the coupon did not exist, was not valid at that time, or was used up'
			WHEN 'attributed' THEN CASE WHEN t.coupon IS NULL
				THEN 'the sign-up completed the touch' ELSE 'the coupon referred the account' END
			WHEN 'already_attributed' THEN
				'the account had a referrer for the role'
			WHEN 'expired' THEN 'the touch had run out when the account signed up'
			WHEN 'self_referral' THEN format('the account is the %s''s referrer', by.what)
			WHEN 'no_touch' THEN 'the sign-up brought no token'
			WHEN 'invalid_token' THEN
				'the token was not signed under a secret in force'
			WHEN 'unknown_referrer' THEN
				format('the %s''s referrer did not exist or was closed', by.what)
			WHEN 'existing_account' THEN
				'the account signed up, was registered, bought or ordered before the touch'
		END AS reason,
		t.referrer_name AS referrer,
		t.campaign,
		t.touched_at,
		t.signed_up_at,
		t.attempted_at,
		t.attempt_id,
		t.account_id,
		t.coupon
	FROM commission.attempt AS t
	JOIN commission.account AS a ON a.account_id = t.account_id
	CROSS JOIN LATERAL (
		SELECT CASE WHEN t.coupon IS NULL THEN 'token' ELSE 'coupon' END AS what) AS by
	ORDER BY t.attempt_id DESC;
COMMENT ON VIEW commission.attribution_attempt IS
	'each attempt to attribute an account, newest first: its outcome and what that means (R28), and the token''s referrer, campaign and first touch, NULL where the token was not good, or the coupon (R44), at signed_up_at, and its referrer';

CREATE FUNCTION commission_internal.read_touch(
	token text, at timestamptz, OUT referrer text, OUT touched_at timestamptz,
	OUT campaign text, OUT referrer_id uuid, OUT is_in_window boolean)
	LANGUAGE c STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_read_touch';
COMMENT ON FUNCTION commission_internal.read_touch(text, timestamptz) IS
	'the first touch that a token carries, and whether a sign-up at a moment is within commission.attribution_window_days of it, to the microsecond (R26); referrer_id is NULL where the referrer cannot be an account''s name; NULL for a NULL token and for one that is not good; 55000 where neither secret is set and has at least 32 bytes';

CREATE FUNCTION commission_internal.is_known_before(account_id uuid, at timestamptz)
	RETURNS boolean
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM commission.account AS a
				   WHERE a.account_id = is_known_before.account_id
					   AND a.registered_at < at)
		OR EXISTS (SELECT FROM commission.customer_order AS o
				   WHERE o.customer_id = is_known_before.account_id
					   AND o.occurred_at < at)
		OR EXISTS (SELECT FROM commission.unreferred_leg AS u
				   WHERE u.account_id = is_known_before.account_id
					   AND u.leg = 'b' AND u.occurred_at < at);
END $$;
COMMENT ON FUNCTION commission_internal.is_known_before(uuid, timestamptz) IS
	'whether an account was registered, had bought or had ordered before a moment (R28); of what it bought, the generations without a referrer answer, because whoever has one is registered';

/*
 * R44: a referral by a coupon that was redeemed after the touch gives way to
 * it.  What it has earned stays where it is (R29).
 */
CREATE FUNCTION commission_internal.is_by_coupon(
	account_id uuid, role commission.referral_role, after timestamptz)
	RETURNS boolean
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
	RETURN EXISTS (SELECT FROM commission.referral AS r
				   JOIN commission.attempt AS t ON t.account_id = r.account_id
				   WHERE r.account_id = is_by_coupon.account_id
					   AND r.role = is_by_coupon.role AND r.role = 'brand'
					   AND r.attributed_at > after
					   AND t.coupon IS NOT NULL AND t.outcome = 'attributed'
					   AND t.signed_up_at = r.attributed_at);
END $$;
COMMENT ON FUNCTION commission_internal.is_by_coupon(uuid, commission.referral_role, timestamptz) IS
	'whether the account''s referrer for a role is that of a coupon that was redeemed after a moment';

CREATE FUNCTION commission_internal.complete_touch(
	account_id uuid, role commission.referral_role, referrer_id uuid,
	touched_at timestamptz, signed_up_at timestamptz, campaign text)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	IF commission_internal.set_referral(account_id, role, referrer_id, signed_up_at,
										signed_up_at, campaign, true)
	THEN
		RETURN true;
	ELSIF NOT commission_internal.is_by_coupon(account_id, role, touched_at) THEN
		RETURN false;
	END IF;
	UPDATE commission.referral AS r
	SET referrer_id = complete_touch.referrer_id, attributed_at = signed_up_at
	WHERE r.account_id = complete_touch.account_id AND r.role = complete_touch.role;
	PERFORM commission_internal.append_referral_change(account_id, role, referrer_id,
		signed_up_at, 'a first touch from before the coupon', signed_up_at, campaign);
	PERFORM commission_internal.accrue_late(account_id, role);
	RETURN true;
END $$;
COMMENT ON FUNCTION commission_internal.complete_touch(uuid, commission.referral_role, uuid, timestamptz, timestamptz, text) IS
	'gives an account the referrer of its live first touch, from the sign-up on: false if it has one by other means than a later coupon (R28, R44)';

CREATE FUNCTION commission.attribute(account text, token text,
									 role commission.referral_role,
									 signed_up_at timestamptz DEFAULT now(),
									 label text DEFAULT NULL)
	RETURNS commission.attribution_outcome
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	roles CONSTANT commission.referral_role[] := CASE WHEN role IS NULL
		THEN enum_range(role) ELSE ARRAY[role] END;
	id uuid;
	first record;
	referrer_is_active boolean;
	outcome commission.attribution_outcome;
	result commission.attribution_outcome;
BEGIN
	account := commission_internal.identifier(account, 'account');
	signed_up_at := commission_internal.finite(signed_up_at, 'signed_up_at');
	token := nullif(token, '');
	SELECT t.* INTO first FROM commission_internal.read_touch(token, signed_up_at) AS t;

	/* Looked for before the account itself is created: they may be one. */
	referrer_is_active := EXISTS (SELECT FROM commission.account AS a
		WHERE a.account_id = first.referrer_id AND a.closed_at IS NULL);
	id := commission_internal.know_account(account, label, signed_up_at);
	FOREACH role IN ARRAY roles LOOP
		outcome := CASE
			WHEN token IS NULL THEN 'no_touch'
			WHEN first.touched_at IS NULL THEN 'invalid_token'
			WHEN NOT referrer_is_active THEN 'unknown_referrer'
			WHEN first.referrer_id = id THEN 'self_referral'
			WHEN EXISTS (SELECT FROM commission.referral AS r
						 WHERE r.account_id = id AND r.role = attribute.role)
				AND NOT (first.is_in_window
						 AND commission_internal.is_by_coupon(id, role, first.touched_at))
				THEN 'already_attributed'
			WHEN signed_up_at < first.touched_at
				OR commission_internal.is_known_before(id, first.touched_at)
				THEN 'existing_account'
			WHEN NOT first.is_in_window THEN 'expired'
			/* From the sign-up on, by whichever road and however late. */
			WHEN commission_internal.complete_touch(id, role, first.referrer_id,
				first.touched_at, signed_up_at, first.campaign) THEN 'attributed'
			ELSE 'already_attributed'
		END;
		INSERT INTO commission.attempt (attempt_id, signed_up_at, touched_at,
			account_id, role, outcome, referrer_name, campaign)
		VALUES (commission_internal.draw_event_id(), signed_up_at, first.touched_at,
			id, role, outcome, first.referrer, first.campaign);
		IF result IS NULL OR outcome = 'attributed' THEN
			result := outcome;
		END IF;
	END LOOP;
	RETURN result;
END $$;
COMMENT ON FUNCTION commission.attribute(text, text, commission.referral_role, timestamptz, text) IS
	'completes, by the sign-up of an account, the first touch that a token of touch() carries: the account has the token''s referrer for the role from signed_up_at on, and what it bought, ordered or sold since then without a referrer is accrued now (R37). Of several transactions at once one is attributed, and the others wait for it and are already_attributed; under REPEATABLE READ and SERIALIZABLE they may be told to try again (40001). Where several reasons against it hold, the outcome is the first of no_touch (a NULL or empty token), invalid_token, unknown_referrer (or a closed one), self_referral, already_attributed, existing_account (signed up, registered here, or in the ledger as a buyer or customer, before the touch) and expired (signed up later than commission.attribution_window_days after the touch) (R28); attribution_attempt keeps each. A referral by a coupon that was redeemed after the touch does not count as a referrer: it gives way (R44). A NULL role is both roles, each attempted and kept by itself: the outcome is attributed if either is, else that of the brand role. The account is registered in any case, with a label (an e-mail address or name, shown masked) that replaces the former unless it is NULL. A NULL signed_up_at is now; 22004 for a NULL account, 22023 for an empty account or for an account or label of more than 1024 bytes, 22008 for an infinite time, 55000 where there is a token and neither commission.cref_secret nor commission.cref_secret_previous is set and has at least 32 bytes';
/*
 * touch.sql: clicks, and the first touch that a token carries (R26).
 */

CREATE TABLE commission.touch (
	touched_at timestamptz NOT NULL,
	referrer_id uuid NOT NULL,
	visit uuid,
	campaign text COLLATE "C",
	landing text
);
COMMENT ON TABLE commission.touch IS
	'clicks on referral links, each counted for the account whose link it was';
COMMENT ON COLUMN commission.touch.referrer_id IS
	'whose link was clicked, which need not be who was touched first';
COMMENT ON COLUMN commission.touch.visit IS
	'the visitor, the link and the UTC day, under a keyed hash that tells nobody who it was; NULL: the visitor is not known, and each call is a click';
COMMENT ON COLUMN commission.touch.campaign IS
	'NULL: none';
COMMENT ON COLUMN commission.touch.landing IS
	'the page that the visitor landed on, as the application names it';

/*
 * A day is UTC's whatever the session's TimeZone.  By its name, UTC would from
 * PostgreSQL 18 on be looked for among the abbreviations of that one first.
 */
CREATE INDEX touch_referrer_idx ON commission.touch
	(referrer_id, ((touched_at AT TIME ZONE INTERVAL '0')::date));
CREATE INDEX touch_campaign_idx ON commission.touch (campaign)
	WHERE campaign IS NOT NULL;

CREATE UNIQUE INDEX touch_visit_idx ON commission.touch (visit)
	WHERE visit IS NOT NULL;

CREATE TABLE commission.touch_count (
	referrer_id uuid NOT NULL,
	clicks bigint NOT NULL,
	day date NOT NULL,
	campaign text COLLATE "C",
	CONSTRAINT touch_count_key UNIQUE NULLS NOT DISTINCT (referrer_id, day, campaign)
);
COMMENT ON TABLE commission.touch_count IS
	'how many clicks were removed from commission.touch, of each link and UTC day';
COMMENT ON COLUMN commission.touch_count.campaign IS
	'NULL: none';

CREATE INDEX touch_count_campaign_idx ON commission.touch_count (campaign)
	WHERE campaign IS NOT NULL;

/* Whoever removes clicks, and by whatever road, the funnel stays exact. */
CREATE FUNCTION commission_internal.count_touches() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO commission.touch_count AS c (referrer_id, clicks, day, campaign)
	SELECT g.referrer_id, count(*), (g.touched_at AT TIME ZONE INTERVAL '0')::date,
		g.campaign
	FROM removed AS g
	GROUP BY 1, 3, 4
	ORDER BY 1, 3, 4
	ON CONFLICT ON CONSTRAINT touch_count_key DO UPDATE
	SET clicks = c.clicks + excluded.clicks;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION commission_internal.count_touches() IS
	'trigger of commission.touch that keeps how many clicks a DELETE removes';

CREATE TRIGGER touch_counter
	AFTER DELETE ON commission.touch REFERENCING OLD TABLE AS removed
	FOR EACH STATEMENT EXECUTE FUNCTION commission_internal.count_touches();

CREATE PROCEDURE commission.purge_touches(older_than interval)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF commission_internal.required(older_than, 'older_than') < INTERVAL '0' THEN
		RAISE 'older_than must not be negative'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s.', older_than);
	END IF;
	LOCK TABLE commission.touch_count IN SHARE ROW EXCLUSIVE MODE;
	DELETE FROM commission.touch AS t
	WHERE t.touched_at < date_trunc('day', (now() - older_than)
		AT TIME ZONE INTERVAL '0') AT TIME ZONE INTERVAL '0';
END $$;
COMMENT ON PROCEDURE commission.purge_touches(interval) IS
	'removes the clicks of the UTC days that ended that long ago, with their landing pages and visits, and keeps how many there were of each link and day: the funnel stays exact. Delays no visitor; a second call at the same time waits for the first. A click that is reported again afterwards with its former touched_at counts again; 22004 for NULL, 22023 for a negative interval';

CREATE FUNCTION commission.touch(cref text, token text DEFAULT NULL,
								 campaign text DEFAULT NULL,
								 landing text DEFAULT NULL,
								 touched_at timestamptz DEFAULT now(),
								 visitor text DEFAULT NULL)
	RETURNS text
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_touch';
COMMENT ON FUNCTION commission.touch(text, text, text, text, timestamptz, text) IS
	'records a click on the link of cref and returns the token for the visitor to keep: the one given while its first touch is alive, that is until commission.attribution_window_days after it and unless its referrer is closed, else a new one for cref, else NULL, whereupon the visitor keeps none (R26); a cref that names no active account, whatever a visitor may have typed, is no click and no error; a campaign that is empty or over 1024 bytes of UTF-8 is none, a landing page is cut to 2048 bytes; a visitor, whatever the application knows one by, makes one click a UTC day on one link, that is on one cref and campaign, however often the page is loaded (where two loads arrive at once, the second waits for the first), and is kept under a keyed hash only; without one, or with an empty one, each call is a click; a NULL touched_at is now; 22008 for an infinite one, 55000 where a token is to be read or signed, or a click has a visitor, and commission.cref_secret is not set or has less than 32 bytes';
/*
 * link.sql: referral links: ?cref=<account>&campaign=<campaign> (R27).
 */

CREATE FUNCTION commission_internal.percent_encode(value text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
	SELECT string_agg(concat(p.kept, regexp_replace(
		upper(encode(convert_to(p.escaped[1], 'UTF8'), 'hex')), '..', '%\&', 'g')),
		'' ORDER BY p.n)
	FROM ROWS FROM (regexp_split_to_table(value, '[^A-Za-z0-9._~-]+'),
					regexp_matches(value, '[^A-Za-z0-9._~-]+', 'g'))
		WITH ORDINALITY AS p (kept, escaped, n));
COMMENT ON FUNCTION commission_internal.percent_encode(text) IS
	'a text with %XX for each byte of its UTF-8 form that is not unreserved (RFC 3986); NULL for NULL';

CREATE FUNCTION commission.referral_link(base text, cref text,
										 campaign text DEFAULT NULL)
	RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	/* cref and campaign, each letter of them escaped or not */
	replaced CONSTANT text := '^((c|%63)(r|%72)(e|%65)(f|%66)'
		'|(c|%63)(a|%61)(m|%6[Dd])(p|%70)(a|%61)(i|%69)(g|%67)(n|%6[Ee]))(=|$)';
	/* what is before the query, the query, and the fragment */
	part CONSTANT text[] := regexp_match(base, '^([^?#]*)(?:\?([^#]*))?(#.*)?$');
	query text;
BEGIN
	IF base IS NULL OR cref IS NULL THEN
		RETURN NULL;
	END IF;
	PERFORM commission_internal.identifier(cref, 'account');
	SELECT string_agg(p.parameter, '&' ORDER BY p.n) INTO query
	FROM unnest(string_to_array(part[2], '&')) WITH ORDINALITY AS p (parameter, n)
	WHERE p.parameter <> '' AND p.parameter !~ replaced;
	RETURN concat(part[1], '?', query || '&',
		'cref=', commission_internal.percent_encode(cref),
		'&campaign=' || commission_internal.percent_encode(
			nullif(commission_internal.bounded(campaign, 'campaign'), '')),
		part[3]);
END $$;
COMMENT ON FUNCTION commission.referral_link(text, text, text) IS
	'the URL of a page with the parameters cref and campaign at the end of its query, escaped as UTF-8; the other parameters and the fragment stay as they are, while a cref and a campaign that the page''s URL already has are replaced: a shared link that is shared again is the link of whoever shares it now; a NULL or empty campaign is none; NULL for a NULL base or cref, 22023 for an empty cref or for a cref or campaign of more than 1024 bytes';
/*
 * material.sql: promotional materials that any account can use at once.
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
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	/* The name is the key of an index, as identifiers are. */
	PERFORM commission_internal.identifier(material, 'material');
	INSERT INTO commission.material (name, kind, title, body)
	VALUES (material, commission_internal.required(kind, 'kind'),
			commission_internal.required(title, 'title'),
			commission_internal.required(body, 'body'))
	ON CONFLICT (name) DO UPDATE SET updated_at = now(),
		kind = excluded.kind, title = excluded.title, body = excluded.body;
END $$;
COMMENT ON FUNCTION commission.set_material(text, commission.material_kind, text, text) IS
	'sets a promotional material, in whose body each {link} stands for the link of the affiliate who takes it; the body of a banner or comparison chart is HTML; 22004 for any NULL, 22023 for an empty or over-long name or an empty title or body';

CREATE FUNCTION commission.remove_material(material text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM commission_internal.identifier(material, 'material');
	DELETE FROM commission.material AS m WHERE m.name = material;
	RETURN FOUND;
END $$;
COMMENT ON FUNCTION commission.remove_material(text) IS
	'removes a promotional material: true if it was there; 22004 for NULL, 22023 for an empty or over-long name';

/*
 * In code, whatever could end a string literal of any language or mean
 * something in it is percent-escaped, which leaves the URL the same.
 */
CREATE FUNCTION commission_internal.fill_material(kind commission.material_kind,
												  body text, link text)
	RETURNS text
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
	IF kind = 'code_snippet' THEN
		FOR code IN 1 .. 127 LOOP
			IF code <= 32 OR code = 127 OR strpos('"''`\<>$^{|}', chr(code)) > 0 THEN
				link := replace(link, chr(code), '%' || upper(lpad(to_hex(code), 2, '0')));
			END IF;
		END LOOP;
	ELSIF kind IN ('banner', 'comparison_chart') THEN
		link := replace(replace(replace(replace(replace(link,
			'&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;');
	END IF;
	RETURN replace(body, '{link}', link);
END $$;
COMMENT ON FUNCTION commission_internal.fill_material(commission.material_kind, text, text) IS
	'a body with the link in place of each {link}: escaped for HTML in a banner or comparison chart, percent-escaped in a code snippet where a character could end a string literal, as it is in a text; NULL for NULL';

CREATE FUNCTION commission.materials_for(account text, base text,
										 campaign text DEFAULT NULL)
	RETURNS TABLE (material text, kind commission.material_kind, title text,
				   body text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT m.name, m.kind, m.title,
		commission_internal.fill_material(m.kind, m.body, l.link)
	FROM commission.referral_link(materials_for.base, materials_for.account,
								  materials_for.campaign) AS l (link),
		commission.material AS m
	WHERE l.link IS NOT NULL
	ORDER BY m.kind, m.name;
END;
COMMENT ON FUNCTION commission.materials_for(text, text, text) IS
	'every promotional material, ready for an affiliate to use: with referral_link(base, account, campaign) in place of {link}, escaped for its kind; any account may, without approval; no row for a NULL account or base, 22023 for an empty or over-long account';
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
/*
 * generation_fact.sql: what a generation's facts come to (R5, R8, R12, R20).
 *
 * In numeric, which nothing overflows: audit() looks at facts that cannot be,
 * too.
 */

CREATE VIEW commission_internal.generation_fact AS
	SELECT sum.surcharge,
		sum.pool,
		sum.surcharge - sum.pool AS markup,
		sum.margin AS generation_margin,
		sum.surcharge - sum.pool + sum.margin AS net_margin,
		g.model_price + sum.surcharge AS buyer_total,
		CASE WHEN g.brand_leg = 'p' THEN g.brand_ratio_ppm ELSE 0 END
			+ CASE WHEN g.avatar_leg = 'p' THEN g.avatar_ratio_ppm ELSE 0 END
			+ CASE WHEN g.reference_leg = 'p' THEN g.reference_ratio_ppm ELSE 0 END
			AS ratios_ppm,
		array_remove(ARRAY[
			CASE g.brand_leg WHEN 'p' THEN g.brand_ratio_ppm END,
			CASE g.avatar_leg WHEN 'p' THEN g.avatar_ratio_ppm END,
			CASE g.reference_leg WHEN 'p' THEN g.reference_ratio_ppm END], NULL)
			AS in_time_ppm,
		g.model_price >= 0 AND g.api_cost >= 0
			AND g.model_price + sum.surcharge <= 1000000000000000
			AND coalesce(g.avatar_pool BETWEEN 0 AND g.avatar_surcharge,
						 g.avatar_version IS NULL)
			AND coalesce(g.reference_pool BETWEEN 0 AND g.reference_surcharge,
						 g.reference_version IS NULL)
			AND g.brand_ratio_ppm BETWEEN 0 AND 1000000
			AND g.avatar_ratio_ppm BETWEEN 0 AND 1000000
			AND g.reference_ratio_ppm BETWEEN 0 AND 1000000
			AND g.total_cap_ratio_ppm BETWEEN 0 AND 1000000 AS possible,
		g.*
	FROM commission.generation AS g
	CROSS JOIN LATERAL (
		SELECT coalesce(g.avatar_surcharge, 0)::numeric
				+ coalesce(g.reference_surcharge, 0) AS surcharge,
			coalesce(g.avatar_pool, 0)::numeric
				+ coalesce(g.reference_pool, 0) AS pool,
			greatest(g.model_price::numeric - g.api_cost, 0) AS margin) AS sum;
COMMENT ON VIEW commission_internal.generation_fact IS
	'generations with the sums of their facts, in credits: surcharge and pool of all listings, markup, generation_margin (R8) and net_margin (R5), buyer_total (R20), in_time_ppm, the ratios of the legs that applied, ratios_ppm, what they add up to (R12), and whether the facts are possible';
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

CREATE FUNCTION commission.reverse_generation(generation text,
											  refunded bigint DEFAULT NULL,
											  reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_reverse_generation';
COMMENT ON FUNCTION commission.reverse_generation(text, bigint, text) IS
	'refunds that many credits of what the buyer paid for a generation, all that is left for NULL, and takes from each who earned on it in proportion: after r of t refunded, an entry of a has kept floor(a * (t - r) / t) (R21); returns the reversal''s event id, NULL where nothing was left to refund, or where the generation is deferred, which it is refunded of when it is accrued (R38); 23503 for a generation that is not in the ledger, 22023 for an amount under 1 or over what is left, 22004 for a NULL generation';
/*
 * unreferred.sql: what waits for a sign-up that is completed late, and what was
 * then accrued (R37); which event is for which sale.
 */

CREATE TABLE commission.unreferred_leg (
	account_id uuid NOT NULL,
	occurred_at timestamptz NOT NULL,
	sale_event_id bigint NOT NULL,
	leg "char" NOT NULL,
	CONSTRAINT unreferred_leg_leg_check CHECK (leg IN ('b', 'a', 'r', 'o'))
);
COMMENT ON TABLE commission.unreferred_leg IS
	'the legs that a recorded sale did not pay only because nobody had referred the account: by an index, what a sign-up that is completed late has to accrue. A sale whose legs are all referred is not in it';
COMMENT ON COLUMN commission.unreferred_leg.account_id IS
	'the buyer, customer or owner of the listing, whose referrer would have earned';
COMMENT ON COLUMN commission.unreferred_leg.occurred_at IS
	'the time of the sale';
COMMENT ON COLUMN commission.unreferred_leg.leg IS
	'b: the brand leg of a generation, a and r: the creator leg of its avatar and of its reference, o: an order';

CREATE INDEX unreferred_leg_account_idx
	ON commission.unreferred_leg (account_id, occurred_at);

CREATE TABLE commission.late_accrual (
	event_id bigint NOT NULL,
	sale_event_id bigint NOT NULL,
	amount bigint NOT NULL,
	terms bigint,
	flat_amount bigint,
	accrued_at timestamptz NOT NULL DEFAULT now(),
	account_id uuid NOT NULL,
	ratio_ppm integer,
	ratios_ppm integer NOT NULL,
	leg "char" NOT NULL,
	CONSTRAINT late_accrual_pkey PRIMARY KEY (event_id),
	CONSTRAINT late_accrual_sale_key UNIQUE (sale_event_id, leg),
	CONSTRAINT late_accrual_amount_check CHECK (amount >= 0)
);
COMMENT ON TABLE commission.late_accrual IS
	'legs that were accrued after their sale, each once, whatever is ended and attributed again (R37)';
COMMENT ON COLUMN commission.late_accrual.sale_event_id IS
	'the generation or order';
COMMENT ON COLUMN commission.late_accrual.amount IS
	'credits of the leg before any refund; 0: it came to less than a credit, and has no entry';
COMMENT ON COLUMN commission.late_accrual.account_id IS
	'the referrer who earned it';
COMMENT ON COLUMN commission.late_accrual.ratio_ppm IS
	'the leg''s nominal ratio in parts per million: the referrer''s at the time of the sale or, where the programme''s applies, what is kept with the sale (R15, R40); NULL: flat_amount';
COMMENT ON COLUMN commission.late_accrual.terms IS
	'the version of commission.terms_version that states it; NULL: the setting in force at the sale';
COMMENT ON COLUMN commission.late_accrual.flat_amount IS
	'as in commission.customer_order';
COMMENT ON COLUMN commission.late_accrual.ratios_ppm IS
	'what the ratios of the legs that the sale has paid until now, this one included, add up to (R12)';
COMMENT ON COLUMN commission.late_accrual.leg IS
	'as in commission.unreferred_leg';

/* OFFSET 0: a late leg's entries are read by their key, not with all others. */
CREATE VIEW commission_internal.sale_entry AS
	SELECT e.event_id AS sale_event_id, e.*
	FROM commission.entry AS e
	WHERE e.kind <> 'reversal'
	UNION ALL
	SELECT l.sale_event_id, e.*
	FROM commission.late_accrual AS l
	CROSS JOIN LATERAL (
		SELECT * FROM commission.entry AS e
		WHERE e.event_id = l.event_id AND e.kind <> 'reversal' OFFSET 0) AS e;
COMMENT ON VIEW commission_internal.sale_entry IS
	'what each generation and order has earned anybody, in time or late. Read it by sale_event_id';

CREATE VIEW commission_internal.event_sale AS
	SELECT r.event_id, r.reversed_event_id AS sale_event_id
	FROM commission.reversal AS r
	UNION ALL
	SELECT l.event_id, l.sale_event_id
	FROM commission.late_accrual AS l;
COMMENT ON VIEW commission_internal.event_sale IS
	'the generation or order that each refund and late leg is for: the events that may hold reversals of it';
/*
 * order.sql: subscription orders (R30).
 */

CREATE TABLE commission.customer_order (
	event_id bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	amount bigint NOT NULL,
	terms bigint,
	flat_amount bigint,
	order_id uuid NOT NULL,
	customer_id uuid NOT NULL,
	kind commission.order_kind NOT NULL,
	ratio_ppm integer,
	renewal integer,
	kind_derived boolean NOT NULL,
	leg "char" NOT NULL,
	order_name text,
	customer_name text,
	plan text,
	coupon text,
	CONSTRAINT customer_order_pkey PRIMARY KEY (event_id),
	CONSTRAINT customer_order_amount_check CHECK (amount BETWEEN 1 AND 1000000000000000),
	CONSTRAINT customer_order_flat_check CHECK ((ratio_ppm IS NULL) = (flat_amount IS NOT NULL))
);
COMMENT ON TABLE commission.customer_order IS
	'paid orders with their facts as they were, also those that nobody earned on: which order is a customer''s first depends on them';
COMMENT ON COLUMN commission.customer_order.amount IS
	'credits that the customer paid, at most 10^15 (R1)';
COMMENT ON COLUMN commission.customer_order.terms IS
	'the version of commission.terms_version that states ratio_ppm or flat_amount (R40); NULL: the setting in force';
COMMENT ON COLUMN commission.customer_order.flat_amount IS
	'credits that a first order earns in place of a ratio, at most the order''s amount (R41)';
COMMENT ON COLUMN commission.customer_order.ratio_ppm IS
	'the ratio of its kind, in parts per million: the earner''s or, of an order that paid nobody in time, the programme''s (R15, R40); NULL: flat_amount';
COMMENT ON COLUMN commission.customer_order.renewal IS
	'the customer''s which renewal it is, where the terms pay so many only; NULL: they did not ask';
COMMENT ON COLUMN commission.customer_order.kind_derived IS
	'the application left the kind out, or declared a first order that was paid after another';
COMMENT ON COLUMN commission.customer_order.leg IS
	'p: it earned the customer''s referrer a commission; otherwise why not. n: no referral (commission.late_accrual has what was accrued late), b: from before the attribution, w: the days in which orders pay were over, m: the renewals that pay were over, s: self-pay, c: the earner''s account was closed, a: the customer''s account was closed';
COMMENT ON COLUMN commission.customer_order.order_name IS
	'the application''s identifier, where the key does not tell it; customer_name likewise';

CREATE UNIQUE INDEX customer_order_order_id_key
	ON commission.customer_order (order_id, (event_id >> 48));
COMMENT ON INDEX commission.customer_order_order_id_key IS
	'a node records an order once (R17); a hub takes what two nodes have recorded, and audit() names it';
CREATE UNIQUE INDEX customer_order_first_idx
	ON commission.customer_order (customer_id, (event_id >> 48))
	WHERE kind = 'first_order';
COMMENT ON INDEX commission.customer_order_first_idx IS
	'a customer has one first order (R30) on a node; a hub takes those of two, and audit() names them';
CREATE UNIQUE INDEX customer_order_renewal_idx
	ON commission.customer_order (customer_id, renewal, (event_id >> 48)) WHERE renewal IS NOT NULL;
COMMENT ON INDEX commission.customer_order_renewal_idx IS
	'of two renewals that are counted at once, one waits for the other (R41)';
CREATE INDEX customer_order_customer_idx
	ON commission.customer_order (customer_id, event_id);

CREATE FUNCTION commission.record_order(
	order_id text, customer text, amount bigint,
	kind commission.order_kind DEFAULT NULL, plan text DEFAULT NULL,
	occurred_at timestamptz DEFAULT now(), paid boolean DEFAULT true,
	coupon text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_record_order';
COMMENT ON FUNCTION commission.record_order(text, text, bigint, commission.order_kind, text, timestamptz, boolean, text) IS
	'records an order of amount credits and appends what it owes the customer''s referrer, rounded half up (R30); a kind that is NULL is the customer''s first order, then a renewal; nothing is owed while the customer''s account is closed; a coupon refers a customer who has no referrer, by redeem_coupon(), whose outcome attribution_attempt keeps; returns the event id, that of the recorded one where the same arrives again, NULL where nothing is owed to anybody; 23505 for other content under a known id (R17) and for a second first order of a customer, 22023 for a negative amount or an empty name, 22003 for more than 10^15 credits (R1), 22004 for a NULL order, customer or amount, 22008 for an infinite time';

CREATE FUNCTION commission_internal.accrue_order() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_accrue_order';
COMMENT ON FUNCTION commission_internal.accrue_order() IS
	'trigger, put by attach_orders(), that records the orders inserted into the application''s table; 42703 for a mapped column that is gone, 42804 for one whose type can no longer carry its value, and the errors of record_order';

CREATE FUNCTION commission_internal.follow_paid_order() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_follow_paid_order';
COMMENT ON FUNCTION commission_internal.follow_paid_order() IS
	'trigger, put by attach_orders() where paid is mapped and on partitioned tables: an UPDATE that makes a row paid records it, as a renewal where it was declared a first order and the customer has one by now; one that makes it unpaid reverses it in full, whatever else of the row has changed, and one that moves it to another partition does neither (R14); errors as accrue_order';

CREATE FUNCTION commission.attach_orders(
	relation regclass, order_id name, customer name, amount name,
	kind name DEFAULT NULL, plan name DEFAULT NULL,
	occurred_at name DEFAULT NULL, paid name DEFAULT NULL,
	coupon name DEFAULT NULL)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'commission_attach_orders';
COMMENT ON FUNCTION commission.attach_orders(regclass, name, name, name, name, name, name, name, name) IS
	'puts the accruing triggers on the application''s table of orders, as attach() does on that of generations; kind as text, varchar or an enum that has the labels of commission.order_kind, coupon as text or varchar; detach() takes them off; errors as attach';

CREATE FUNCTION commission.reverse_order(order_id text,
										 refunded bigint DEFAULT NULL,
										 reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_reverse_order';
COMMENT ON FUNCTION commission.reverse_order(text, bigint, text) IS
	'refunds that many credits of what the customer paid for an order, all that is left for NULL, as reverse_generation does of a generation (R21); returns and raises the same; a refunded first order remains the customer''s first';

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
			commission_internal.credits(sum(o.amount)) AS amount
		FROM (
			/* What each order brought in a month, less its refunds then. */
			SELECT date_trunc('month', e.occurred_at AT TIME ZONE INTERVAL '0')::date
					AS month,
				e.counts_as AS kind,
				e.from_account_id AS customer_id,
				sum(e.amount) AS amount
			FROM commission.entry AS e
			LEFT JOIN LATERAL (
				SELECT s.sale_event_id FROM commission_internal.event_sale AS s
				WHERE s.event_id = e.event_id LIMIT 1) AS s ON true
			WHERE e.account_id = a.account_id
				AND e.counts_as IN ('first_order', 'renewal', 'upgrade')
			GROUP BY date_trunc('month', e.occurred_at AT TIME ZONE INTERVAL '0'),
				e.counts_as, e.from_account_id,
				coalesce(s.sale_event_id, e.event_id)
		) AS o
		GROUP BY o.month
	) AS m;
COMMENT ON VIEW commission.monthly_subscription IS
	'what an affiliate''s subscriptions brought in a UTC month (R30), an order standing in the month of its own time and a refund in that of the refund, so that a month is not changed by a refund in a later one and all months add up to subscription_lifetime of earnings: first_orders, renewals and upgrades that left the account credits in the month (one that was refunded in full within it does not count), active_referrals, the customers who made any of them, and the amount in credits, net of refunds, below zero where these were more';
/*
 * late.sql: what a sign-up that is completed late earns the referrer (R37).
 *
 * A late leg is an event of its own, since nothing is ever added to an event
 * that may be in a rolled-up sum.  It points to its sale, and its entries are
 * what they would be had it been paid in time: the leg at the time of the
 * sale and, for each refund that was there before it, what that refund would
 * have taken, at the time of the refund.  A later refund of the sale takes
 * from late legs as from the others.
 */

/*
 * Each leg by itself, in a branch of its own: what is asked of its status is a
 * filter on the generation, and reads no more of it.
 */
CREATE VIEW commission_internal.sale_leg AS
	SELECT f.event_id AS sale_event_id, 'b'::"char" AS leg, f.brand_leg AS status,
		'brand'::commission.referral_role AS role, 'brand'::commission.entry_kind AS kind,
		f.buyer_id AS account_id, f.buyer_id, f.occurred_at, f.net_margin AS base,
		f.buyer_total, f.brand_ratio_ppm AS ratio_ppm, f.brand_terms AS terms,
		NULL::bigint AS flat_amount, f.total_cap_ratio_ppm AS cap_ppm, f.in_time_ppm
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT f.event_id, 'a', f.avatar_leg, 'creator', 'creator',
		coalesce(v.owner_id, f.buyer_id), f.buyer_id,
		f.occurred_at, f.net_margin, f.buyer_total, f.avatar_ratio_ppm,
		f.avatar_terms, NULL, f.total_cap_ratio_ppm, f.in_time_ppm
	FROM commission_internal.generation_fact AS f
	LEFT JOIN commission.listing AS v ON v.version = f.avatar_version
	UNION ALL
	SELECT f.event_id, 'r', f.reference_leg, 'creator', 'creator',
		coalesce(v.owner_id, f.buyer_id), f.buyer_id,
		f.occurred_at, f.net_margin, f.buyer_total, f.reference_ratio_ppm,
		f.reference_terms, NULL, f.total_cap_ratio_ppm, f.in_time_ppm
	FROM commission_internal.generation_fact AS f
	LEFT JOIN commission.listing AS v ON v.version = f.reference_version
	UNION ALL
	SELECT o.event_id, 'o', o.leg, 'brand', o.kind::text::commission.entry_kind,
		o.customer_id, o.customer_id, o.occurred_at, o.amount, o.amount,
		o.ratio_ppm, o.terms, o.flat_amount, NULL, '{}'
	FROM commission.customer_order AS o;
COMMENT ON VIEW commission_internal.sale_leg IS
	'the legs of each generation and order: the letter of commission.unreferred_leg, whether it was paid in time (status), on whose activity (account_id), and what its amount depends on: base, the net margin or the order''s amount, in credits, the ratios, or the flat amount, and the version of the terms. Read it by sale_event_id';

CREATE FUNCTION commission_internal.leg_amount(base numeric, ratio_ppm integer,
											   ratios_ppm bigint,
											   cap_ppm integer)
	RETURNS numeric
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN cap_ppm IS NULL THEN div(base * ratio_ppm + 500000, 1000000)
	WHEN ratios_ppm <= cap_ppm THEN div(base * ratio_ppm, 1000000)
	ELSE div(base * ratio_ppm * cap_ppm, ratios_ppm * 1000000::numeric)
END;
COMMENT ON FUNCTION commission_internal.leg_amount(numeric, integer, bigint, integer) IS
	'a leg in credits: of a generation rounded down and scaled to the cap (R3, R12), of an order, which has no cap, rounded half up (R30)';

/*
 * Who has earned loses nothing: a late leg is what it would have been beside
 * those that were paid before it, but at most what they leave of the cap.
 */
CREATE FUNCTION commission_internal.late_amounts(base numeric, cap_ppm integer,
												 in_time_ppm integer[],
												 late_ppm integer[])
	RETURNS numeric[]
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	sum_ppm bigint := (SELECT coalesce(sum(r.ppm), 0) FROM unnest(in_time_ppm) AS r (ppm));
	remaining numeric := div(base * cap_ppm, 1000000);
	ratio_ppm integer;
	amount numeric;
	amounts numeric[] := '{}';
BEGIN
	FOREACH ratio_ppm IN ARRAY in_time_ppm LOOP
		remaining := remaining - commission_internal.leg_amount(base, ratio_ppm,
																sum_ppm, cap_ppm);
	END LOOP;
	FOREACH ratio_ppm IN ARRAY late_ppm LOOP
		sum_ppm := sum_ppm + ratio_ppm;
		amount := least(remaining, commission_internal.leg_amount(base, ratio_ppm,
																  sum_ppm, cap_ppm));
		remaining := remaining - amount;
		amounts := amounts || amount;
	END LOOP;
	RETURN amounts;
END $$;
COMMENT ON FUNCTION commission_internal.late_amounts(numeric, integer, integer[], integer[]) IS
	'what the late legs of a sale come to in credits, one after the other, beside those that were paid in time (R37); ratios in parts per million, a NULL cap for an order';

/*
 * The referrer's own terms are found as they were at the time of the sale; the
 * programme's are kept with the sale.  (What they say of renewals after an
 * upgrade stands before what the referrer's say of any renewal.)
 */
CREATE FUNCTION commission_internal.late_rate(
	referrer_id uuid, at timestamptz, kind commission.entry_kind, is_upgraded boolean,
	INOUT ratio_ppm integer, INOUT terms bigint, INOUT flat_amount bigint,
	OUT renewals bigint, OUT days bigint)
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
	own_ratio CONSTANT text :=
		CASE kind WHEN 'creator' THEN 'creator_ref' ELSE kind::text END || '_ratio';
	of_upgraded boolean := is_upgraded
		AND commission_internal.setting('upgraded_renewal_ratio') <> '';
	t record;
BEGIN
	FOR t IN
		SELECT s.* FROM commission_internal.terms_at(referrer_id,
			commission_internal.group_at(referrer_id, at), at) AS s
		ORDER BY s.term = 'upgraded_renewal_ratio' DESC
	LOOP
		CASE
			WHEN t.term = 'renewals' THEN renewals := t.value;
			WHEN t.term = 'days' THEN days := t.value;
			WHEN t.term = 'upgraded_renewal_ratio' AND is_upgraded THEN
				of_upgraded := true;
				IF t.scope <> 'p' THEN
					ratio_ppm := t.value;
					terms := t.version;
				END IF;
			WHEN t.scope = 'p' OR of_upgraded THEN NULL;
			WHEN t.term = 'first_order_amount' AND kind = 'first_order' THEN
				flat_amount := t.value;
				ratio_ppm := NULL;
				terms := t.version;
			WHEN t.term = own_ratio THEN
				ratio_ppm := t.value;
				flat_amount := NULL;
				terms := t.version;
			ELSE NULL;
		END CASE;
	END LOOP;
END $$;
COMMENT ON FUNCTION commission_internal.late_rate(uuid, timestamptz, commission.entry_kind, boolean, integer, bigint, bigint) IS
	'the ratio or flat amount of a late leg of a kind for a referrer, in place of those that are kept with the sale, and its terms'' version, the renewals and the days that pay (NULL: no limit), as they were at the time of the sale (R37, R40)';

CREATE VIEW commission_internal.late_due AS
	SELECT u.account_id, s.role, u.sale_event_id, u.leg, u.occurred_at,
		r.referrer_id, rate.ratio_ppm, rate.terms, rate.flat_amount,
		coalesce((SELECT sum(p.ppm) FROM unnest(s.in_time_ppm || late.late_ppm) AS p (ppm)),
				 0)::integer AS ratios_ppm,
		CASE WHEN rate.flat_amount IS NULL
			THEN (commission_internal.late_amounts(s.base, s.cap_ppm, s.in_time_ppm,
					late.late_ppm))[cardinality(late.late_ppm)]::bigint
			ELSE least(rate.flat_amount, s.base::bigint) END AS amount
	FROM commission.unreferred_leg AS u
	CROSS JOIN LATERAL (
		SELECT * FROM commission_internal.sale_leg AS s
		WHERE s.sale_event_id = u.sale_event_id AND s.leg = u.leg LIMIT 1) AS s
	JOIN commission.referral AS r
		ON r.account_id = u.account_id AND r.role = s.role
	CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE o.kind = 'upgrade') > 0 AS upgraded,
			count(*) FILTER (WHERE o.kind = 'renewal'
							 AND o.occurred_at >= r.attributed_at) AS renewals
		FROM commission.customer_order AS o
		WHERE s.kind = 'renewal' AND o.customer_id = u.account_id
			AND o.event_id < u.sale_event_id) AS before
	CROSS JOIN LATERAL commission_internal.late_rate(
		r.referrer_id, u.occurred_at, s.kind, before.upgraded,
		s.ratio_ppm, s.terms, s.flat_amount) AS rate
	CROSS JOIN LATERAL (
		SELECT ARRAY(
			SELECT l.ratio_ppm FROM commission.late_accrual AS l
			WHERE l.sale_event_id = u.sale_event_id
			ORDER BY l.event_id) || coalesce(rate.ratio_ppm, 0) AS late_ppm) AS late
	WHERE u.occurred_at >= r.attributed_at
		AND s.base > 0
		AND commission_internal.is_held_here(u.sale_event_id)
		AND NOT EXISTS (SELECT FROM commission.moved_buyer AS m
						WHERE m.account_id = s.buyer_id)
		AND (u.leg <> 'b' OR commission_internal.setting('brand_referral_window_days') = '0'
			 OR extract(epoch FROM u.occurred_at) - extract(epoch FROM r.attributed_at)
				<= 86400 * commission_internal.setting('brand_referral_window_days')::numeric)
		AND (u.leg <> 'o' OR rate.days IS NULL
			 OR extract(epoch FROM u.occurred_at) - extract(epoch FROM r.attributed_at)
				<= 86400 * rate.days)
		AND (s.kind <> 'renewal' OR rate.renewals IS NULL
			 OR before.renewals < rate.renewals)
		AND (s.role = 'brand' OR s.buyer_id NOT IN (u.account_id, r.referrer_id))
		AND NOT EXISTS (SELECT FROM commission.account AS a
						WHERE a.account_id = r.referrer_id AND a.closed_at IS NOT NULL)
		AND NOT EXISTS (SELECT FROM commission.late_accrual AS l
						WHERE l.sale_event_id = u.sale_event_id AND l.leg = u.leg);
COMMENT ON VIEW commission_internal.late_due IS
	'the unreferred legs that the referrals in force would pay if they were accrued now, in credits before refunds (R10 to R14, R37, R41)';

/*
 * What a sign-up that the hub was told of accrues on a node.  Most legs wait
 * for ever: the way is from the referrals that accrue the past to theirs.
 */
CREATE VIEW commission_internal.late_arrived AS
	SELECT d.account_id, d.role, count(*) AS legs
	FROM commission.referral AS r
	CROSS JOIN LATERAL (
		SELECT c.accrues_past FROM commission.referral_change AS c
		WHERE c.account_id = r.account_id AND c.role = r.role
		ORDER BY c.change_id DESC LIMIT 1) AS last
	JOIN commission_internal.late_due AS d
		ON d.account_id = r.account_id AND d.role = r.role
	WHERE last.accrues_past
	GROUP BY d.account_id, d.role;
COMMENT ON VIEW commission_internal.late_arrived IS
	'the accounts whose referral accrues the past, with how many legs are due by it';

CREATE VIEW commission_internal.late_owed AS
	SELECT l.event_id, e.amount::bigint AS amount, e.occurred_at,
		l.account_id, s.account_id AS from_account_id,
		CASE s.role WHEN 'creator' THEN s.buyer_id END AS buyer_id,
		e.kind, s.kind AS counts_as,
		CASE e.kind WHEN 'reversal' THEN NULL ELSE l.ratio_ppm END AS ratio_ppm,
		(row_number() OVER (PARTITION BY l.event_id ORDER BY e.position))::smallint
			AS line
	FROM commission.late_accrual AS l
	CROSS JOIN LATERAL (
		SELECT * FROM commission_internal.sale_leg AS s
		WHERE s.sale_event_id = l.sale_event_id AND s.leg = l.leg LIMIT 1) AS s
	CROSS JOIN LATERAL (
		SELECT 0::bigint AS position, l.amount::numeric, s.occurred_at, s.kind
		UNION ALL
		SELECT r.event_id,
			div(l.amount * (s.buyer_total - r.so_far), s.buyer_total)
				- div(l.amount * (s.buyer_total - r.so_far + r.refunded), s.buyer_total),
			r.occurred_at, 'reversal'
		FROM (SELECT v.event_id, v.occurred_at, v.refunded,
				sum(v.refunded) OVER (ORDER BY v.event_id) AS so_far
			  FROM commission.reversal AS v
			  WHERE v.reversed_event_id = l.sale_event_id
				AND v.event_id < l.event_id) AS r) AS e
	WHERE e.amount <> 0;
COMMENT ON VIEW commission_internal.late_owed IS
	'the entries of each late leg: the leg, and what the refunds that were there before it take (R21, R37)';

CREATE FUNCTION commission_internal.end_absence(what "char", hash bigint)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_end_absence';
COMMENT ON FUNCTION commission_internal.end_absence("char", bigint) IS
	'waits for the open transactions whose sales found that something is not there, and lets no other find so until the transaction ends: the referrer (r) of the account, the listing (l) or the price (p) with this hash; NULL: all of the kind';

CREATE FUNCTION commission_internal.accrue_late(account_id uuid,
												role commission.referral_role)
	RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_accrue_late';
COMMENT ON FUNCTION commission_internal.accrue_late(uuid, commission.referral_role) IS
	'accrues what an account bought, ordered or sold since it was referred and no referrer was there to be paid (R37); by what is committed by now, under any isolation level';
/*
 * deferred.sql: sales that wait for a listing or a price (R38).
 *
 * A sale that finds a listing or price absent shares a lock on the absence
 * (absence.c) and is kept here; the call that makes it known takes the lock and
 * then looks here.  So no sale is left behind.
 */

CREATE TABLE commission.deferred_generation (
	deferred_id bigint NOT NULL,
	deferred_at timestamptz NOT NULL DEFAULT now(),
	occurred_at timestamptz NOT NULL,
	generation_id uuid NOT NULL,
	missing_listing uuid,
	waits_for text,
	relation text,
	content text[] NOT NULL,
	settings jsonb NOT NULL,
	CONSTRAINT deferred_generation_pkey PRIMARY KEY (generation_id)
);
COMMENT ON TABLE commission.deferred_generation IS
	'generations that wait for a listing or a price to be known, whole (R38); a row is deleted when the generation is accrued';
COMMENT ON COLUMN commission.deferred_generation.deferred_id IS
	'drawn like an event id: the order in which they are accrued';
COMMENT ON COLUMN commission.deferred_generation.missing_listing IS
	'the key of the listing that it waits for; NULL: it waits for a price';
COMMENT ON COLUMN commission.deferred_generation.waits_for IS
	'the same in words, or why it could not be accrued';
COMMENT ON COLUMN commission.deferred_generation.relation IS
	'the application''s table; NULL: record_generation() was called';
COMMENT ON COLUMN commission.deferred_generation.content IS
	'the arguments of record_generation(), but for paid and occurred_at';
COMMENT ON COLUMN commission.deferred_generation.settings IS
	'the settings at the time of the sale (R15)';

CREATE INDEX deferred_generation_listing_idx
	ON commission.deferred_generation (missing_listing);

CREATE TABLE commission.deferred_change (
	change_id bigint NOT NULL,
	occurred_at timestamptz NOT NULL DEFAULT now(),
	refunded bigint,
	generation_id uuid NOT NULL,
	what text NOT NULL,
	reason text,
	CONSTRAINT deferred_change_pkey PRIMARY KEY (generation_id, change_id),
	CONSTRAINT deferred_change_what_check CHECK (what IN ('refund', 'unpaid', 'paid'))
);
COMMENT ON TABLE commission.deferred_change IS
	'what happened to deferred generations meanwhile; deleted with them';
COMMENT ON COLUMN commission.deferred_change.refunded IS
	'credits of a refund; NULL: all that is left';

CREATE VIEW commission.deferred_sale AS
	SELECT d.relation,
		d.content[1] AS generation,
		d.waits_for,
		d.deferred_at,
		d.occurred_at,
		d.generation_id
	FROM commission.deferred_generation AS d;
COMMENT ON VIEW commission.deferred_sale IS
	'the sales that wait for a listing or a price (R38): the application''s table (NULL: a call of record_generation), the generation, what it waits for or why it could not be accrued, and when it was deferred';

CREATE FUNCTION commission_internal.defer_generation(
	generation_id uuid, content text[], occurred_at timestamptz,
	missing_listing uuid, waits_for text, relation regclass)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
#variable_conflict use_variable
DECLARE
	former commission.deferred_generation;
	difference record;
BEGIN
	INSERT INTO commission.deferred_generation (deferred_id, occurred_at,
		generation_id, missing_listing, waits_for, relation, content, settings)
	SELECT commission_internal.draw_event_id(), occurred_at, generation_id,
		missing_listing, waits_for, relation::text, content,
		jsonb_object_agg(s.name, commission_internal.setting(s.name))
	FROM unnest(ARRAY['brand_ratio', 'creator_ref_ratio', 'total_cap_ratio',
		'platform_markup_ratio', 'brand_referral_window_days', 'marketplace_only'])
		AS s (name)
	ON CONFLICT ON CONSTRAINT deferred_generation_pkey DO NOTHING;
	IF FOUND THEN
		RETURN;
	END IF;
	SELECT d.* INTO former FROM commission.deferred_generation AS d
	WHERE d.generation_id = defer_generation.generation_id FOR UPDATE;
	SELECT c.what, c.there, c.here INTO difference
	FROM (
		SELECT n.what, former.content[n.n] AS there, content[n.n] AS here
		FROM unnest(ARRAY['generation', 'buyer', 'avatar', 'reference', 'run',
			'number of images', 'model', 'resolution', 'model price', 'API cost',
			'avatar pool', 'avatar surcharge', 'reference pool',
			'reference surcharge', 'bundle frame']) WITH ORDINALITY AS n (what, n)
		UNION ALL
		SELECT 'time', former.occurred_at::text, occurred_at::text
		WHERE occurred_at <> now()) AS c
	WHERE c.there IS DISTINCT FROM c.here LIMIT 1;
	IF FOUND THEN
		RAISE 'generation "%" is already deferred with other content', content[1]
			USING ERRCODE = 'unique_violation',
				DETAIL = format('Its %s is %s there, and %s here.', difference.what,
					coalesce(difference.there, 'missing'),
					coalesce(difference.here, 'missing'));
	END IF;
	UPDATE commission.deferred_generation AS d
	SET missing_listing = defer_generation.missing_listing,
		waits_for = defer_generation.waits_for
	WHERE d.generation_id = former.generation_id;
END $$;
COMMENT ON FUNCTION commission_internal.defer_generation(uuid, text[], timestamptz, uuid, text, regclass) IS
	'keeps a generation that waits for a listing or a price; 23505 for another of its id';

CREATE FUNCTION commission_internal.change_deferred(
	generation_id uuid, what text, refunded bigint, reason text)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	PERFORM FROM commission.deferred_generation AS d
	WHERE d.generation_id = change_deferred.generation_id FOR UPDATE;
	IF FOUND THEN
		INSERT INTO commission.deferred_change (change_id, refunded, generation_id,
			what, reason)
		VALUES (commission_internal.draw_event_id(), refunded, generation_id, what,
			reason);
		RETURN true;
	END IF;
	RETURN false;
END $$;
COMMENT ON FUNCTION commission_internal.change_deferred(uuid, text, bigint, text) IS
	'keeps with a deferred generation that it was refunded, made unpaid or paid again; false if it is not deferred';

CREATE FUNCTION commission_internal.append_reversal(
	event_id bigint, refunded bigint, unpaid boolean, occurred_at timestamptz,
	reason text)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_append_reversal';
COMMENT ON FUNCTION commission_internal.append_reversal(bigint, bigint, boolean, timestamptz, text) IS
	'appends what happened to a generation while it was deferred: a refund of at most what is left (NULL: of all), or that it was made unpaid (refunded NULL) or paid again';

/*
 * The settings are those of the sale's moment until the block ends.  What
 * still waits for something else is deferred again, by the sale itself; what
 * cannot be recorded stays, and says why, so that nothing fails for its sake.
 */
CREATE FUNCTION commission_internal.accrue_one(d commission.deferred_generation)
	RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	c CONSTANT text[] := d.content;
	message text;
BEGIN
	PERFORM commission_internal.use_setting(s.key, s.value)
	FROM jsonb_each_text(d.settings || '{"on_unknown": "defer"}') AS s;
	UPDATE commission.deferred_generation AS w SET waits_for = NULL
	WHERE w.generation_id = d.generation_id;
	PERFORM commission.record_generation(c[1], c[2], c[3], c[4], c[5], c[6]::integer,
		c[7], c[8], c[9]::bigint, c[10]::bigint, c[11]::bigint, c[12]::bigint,
		c[13]::bigint, c[14]::bigint, c[15]::boolean, true, d.occurred_at);
	DELETE FROM commission.deferred_generation AS w
	WHERE w.generation_id = d.generation_id AND w.waits_for IS NULL;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM commission_internal.append_reversal(g.event_id,
		CASE h.what WHEN 'refund' THEN h.refunded WHEN 'paid' THEN 0 END, h.what <> 'refund', h.occurred_at, h.reason)
	FROM commission.generation AS g
	JOIN commission.deferred_change AS h ON h.generation_id = g.generation_id
	WHERE g.generation_id = d.generation_id
	ORDER BY h.change_id;
	DELETE FROM commission.deferred_change AS h WHERE h.generation_id = d.generation_id;
	RETURN true;
EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	UPDATE commission.deferred_generation AS w SET waits_for = message
	WHERE w.generation_id = d.generation_id;
	RETURN false;
END $$;
COMMENT ON FUNCTION commission_internal.accrue_one(commission.deferred_generation) IS
	'accrues a deferred generation under the settings of its moment, with what has happened to it since; false if it still waits';

CREATE FUNCTION commission_internal.accrue_deferred_listings(listing_ids uuid[])
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	d commission.deferred_generation;
BEGIN
	PERFORM commission_internal.end_absence('l', CASE cardinality(listing_ids)
		WHEN 1 THEN uuid_hash_extended(listing_ids[1], 0) END);
	FOR d IN SELECT w.* FROM commission.deferred_generation AS w
			 WHERE w.missing_listing = ANY (listing_ids)
			 ORDER BY w.deferred_id FOR UPDATE LOOP
		PERFORM commission_internal.accrue_one(d);
	END LOOP;
END $$;
COMMENT ON FUNCTION commission_internal.accrue_deferred_listings(uuid[]) IS
	'accrues what waits for listings that this transaction has registered';

CREATE FUNCTION commission_internal.accrue_deferred_prices(models text[],
														   resolutions text[])
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	d commission.deferred_generation;
BEGIN
	PERFORM commission_internal.end_absence('p', CASE cardinality(models)
		WHEN 1 THEN hashtextextended(models[1] COLLATE "C",
			hashtextextended(coalesce(resolutions[1], '') COLLATE "C", 0)) END);
	FOR d IN SELECT w.* FROM commission.deferred_generation AS w
			 WHERE w.missing_listing IS NULL
				AND (w.content[7], coalesce(w.content[8], '')) IN (
					SELECT p.model, coalesce(p.resolution, '')
					FROM unnest(models, resolutions) AS p (model, resolution))
			 ORDER BY w.deferred_id FOR UPDATE LOOP
		PERFORM commission_internal.accrue_one(d);
	END LOOP;
END $$;
COMMENT ON FUNCTION commission_internal.accrue_deferred_prices(text[], text[]) IS
	'accrues what waits for prices that this transaction has set';

CREATE FUNCTION commission.accrue_deferred() RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	d commission.deferred_generation;
	late record;
	accrued bigint := 0;
BEGIN
	FOR d IN SELECT w.* FROM commission.deferred_generation AS w
			 ORDER BY w.deferred_id FOR UPDATE LOOP
		accrued := accrued + commission_internal.accrue_one(d)::integer;
	END LOOP;
	/* A node is told of a late referral, and of nothing that comes with it. */
	IF commission_internal.is_node() THEN
		FOR late IN SELECT w.* FROM commission_internal.late_arrived AS w
					ORDER BY w.account_id, w.role LOOP
			PERFORM commission_internal.accrue_late(late.account_id, late.role);
			accrued := accrued + late.legs;
		END LOOP;
	END IF;
	RETURN accrued;
END $$;
COMMENT ON FUNCTION commission.accrue_deferred() IS
	'accrues, in their order and under the settings of their own moment, the deferred sales whose listings and prices are known by now, and returns how many (R38); register_listing() and set_model_price() do so by themselves for what they make known. On a node, where listings, prices and referrals arrive from the hub, call it beside rollup(): it accrues there, too, the legs of sales whose referrer the hub was told of late (R37), and counts them';

/* For audit(). */
CREATE VIEW commission_internal.deferred_problem AS
	SELECT 'deferred sale waits' AS problem, NULL::bigint AS event_id,
		format('generation %s since %s: %s', d.content[1], d.deferred_at, d.waits_for)
			AS detail
	FROM commission.deferred_generation AS d;
COMMENT ON VIEW commission_internal.deferred_problem IS
	'sales that still wait for a listing or a price (R38)';
/*
 * hold.sql: holds of accounts (R46).
 *
 * An account is held by its last hold until it is released.  Whoever holds or
 * releases an account locks its row first, so that the changes of an account
 * are numbered in the order in which they are made; a request of a withdrawal
 * takes the same lock.  An approval and a batch take none: they honour every hold
 * that has committed, and one that commits later stops the withdrawal on its
 * further way.
 */

CREATE TABLE commission.hold_change (
	change_id bigint NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now(),
	account_id uuid NOT NULL,
	is_hold boolean NOT NULL,
	changed_by text NOT NULL DEFAULT session_user,
	reason text,
	CONSTRAINT hold_change_pkey PRIMARY KEY (change_id),
	CONSTRAINT hold_change_reason_check CHECK (reason IS NOT NULL OR NOT is_hold)
);
COMMENT ON TABLE commission.hold_change IS
	'each hold of an account and each release (R46)';
COMMENT ON COLUMN commission.hold_change.change_id IS
	'drawn like an event id; the highest of an account is the one in force';
COMMENT ON COLUMN commission.hold_change.is_hold IS
	'false: a release, which ends every hold before it';
COMMENT ON COLUMN commission.hold_change.changed_by IS
	'the role that had logged in (session_user)';
COMMENT ON CONSTRAINT hold_change_reason_check ON commission.hold_change IS
	'every hold has a reason';

CREATE INDEX hold_change_account_idx
	ON commission.hold_change (account_id, change_id);

CREATE VIEW commission.account_hold AS
	SELECT a.name AS account,
		h.changed_at AS held_at,
		r.changed_at AS released_at,
		h.reason,
		r.reason AS release_reason,
		h.changed_by AS held_by,
		r.changed_by AS released_by,
		h.change_id AS hold_id,
		h.account_id
	FROM commission.hold_change AS h
	JOIN commission.account AS a ON a.account_id = h.account_id
	LEFT JOIN LATERAL (
		SELECT c.changed_at, c.reason, c.changed_by
		FROM commission.hold_change AS c
		WHERE c.account_id = h.account_id AND c.change_id > h.change_id
			AND NOT c.is_hold
		ORDER BY c.change_id
		LIMIT 1) AS r ON true
	WHERE h.is_hold;
COMMENT ON VIEW commission.account_hold IS
	'each hold of an account, and its release (R46): when, why and by whom; in force while released_at is NULL; read it with ORDER BY hold_id DESC LIMIT n';

CREATE FUNCTION commission_internal.locked_account(account text)
	RETURNS commission.account
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
	AS $$
DECLARE
	locked commission.account;
BEGIN
	SELECT a.* INTO locked FROM commission.account AS a
	WHERE a.account_id = commission.account_id(
		commission_internal.required(account, 'account'))
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE 'account "%" does not exist', account
			USING ERRCODE = 'foreign_key_violation';
	END IF;
	RETURN locked;
END $$;
COMMENT ON FUNCTION commission_internal.locked_account(text) IS
	'locks an account''s row and returns it; 23503 for one that does not exist, 22004 for NULL, 22023 for an empty or over-long name';

CREATE FUNCTION commission.hold_account(account text, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM commission_internal.required(reason, 'reason');
	INSERT INTO commission.hold_change (account_id, change_id, is_hold, reason)
	VALUES ((commission_internal.locked_account(account)).account_id,
		commission_internal.draw_event_id(), true,
		commission_internal.bounded(reason, 'reason'));
END $$;
COMMENT ON FUNCTION commission.hold_account(text, text) IS
	'holds an account: it keeps earning and withdraws nothing (R46). It requests no withdrawal; those that it has are not approved and not put into a payout batch, and a batch is exported without them. A held account can be held again, for a further reason; 23503 for an account that does not exist, 22004 for NULL, 22023 for an empty or over-long account or reason';

CREATE FUNCTION commission.release_account(account text,
										   reason text DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off
	AS $$
DECLARE
	locked CONSTANT commission.account :=
		commission_internal.locked_account(account);
BEGIN
	IF NOT EXISTS (SELECT FROM commission.account_hold AS h
				   WHERE h.account_id = locked.account_id
					   AND h.released_at IS NULL)
	THEN
		RAISE 'account "%" is not held', account
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	INSERT INTO commission.hold_change (account_id, change_id, is_hold, reason)
	VALUES (locked.account_id, commission_internal.draw_event_id(), false,
		commission_internal.bounded(reason, 'reason'));
END $$;
COMMENT ON FUNCTION commission.release_account(text, text) IS
	'ends every hold of an account; its withdrawals go on from where they were (R46); 55000 for an account that is not held, 23503 for one that does not exist, 22004 for a NULL account, 22023 for an empty or over-long account or an over-long reason';
/*
 * address.sql: where an account is paid, and whether by the calendar.
 *
 * Locks: the account's row, as for a request of a withdrawal.
 */

CREATE TABLE commission.payout_change (
	change_id bigint NOT NULL,
	changed_at timestamptz NOT NULL DEFAULT now(),
	account_id uuid NOT NULL,
	automatic boolean NOT NULL,
	changed_by text NOT NULL DEFAULT session_user,
	method text COLLATE "C" NOT NULL,
	destination text NOT NULL,
	destination_key bigint NOT NULL GENERATED ALWAYS AS (hashtextextended(
		replace(replace(regexp_replace(
			lower(destination COLLATE "C"),
			'\+[^@]*@', '@'), '.', ''), '@googlemail', '@gmail'), 0)) STORED,
	CONSTRAINT payout_change_pkey PRIMARY KEY (change_id)
);
COMMENT ON TABLE commission.payout_change IS
	'each payout address that an account ever had';
COMMENT ON COLUMN commission.payout_change.change_id IS
	'drawn like an event id; the highest of an account is the one in force';
COMMENT ON COLUMN commission.payout_change.automatic IS
	'whether schedule_withdrawals() requests the account''s withdrawals';
COMMENT ON COLUMN commission.payout_change.changed_by IS
	'the role that had logged in (session_user)';
COMMENT ON COLUMN commission.payout_change.method IS
	'how the money travels: paypal, wise, bank, ...';
COMMENT ON COLUMN commission.payout_change.destination IS
	'where the money goes, in the method''s own terms; readers see it masked';
COMMENT ON COLUMN commission.payout_change.destination_key IS
	'the same where mailbox() of the destination is the same';

CREATE INDEX payout_change_account_idx
	ON commission.payout_change (account_id, change_id);
CREATE INDEX payout_change_destination_idx
	ON commission.payout_change (destination_key, account_id);

/* The first address replaces none; automatic alone is no other address. */
CREATE VIEW commission_internal.payout_address_change AS
	SELECT c.*,
		lag(c.method || ' ' || c.destination)
			OVER (PARTITION BY c.account_id ORDER BY c.change_id)
			<> c.method || ' ' || c.destination AS is_other
	FROM commission.payout_change AS c;
COMMENT ON VIEW commission_internal.payout_address_change IS
	'each payout address that an account ever had; is_other: it replaced another one, NULL of the first';

CREATE VIEW commission_internal.payout_address AS
	SELECT DISTINCT ON (c.account_id) c.*,
		max(c.changed_at) FILTER (WHERE c.is_other)
			OVER (PARTITION BY c.account_id)
			+ make_interval(days => commission_internal.setting(
				'address_pause_days')::integer) AS paused_until
	FROM commission_internal.payout_address_change AS c
	ORDER BY c.account_id, c.change_id DESC;
COMMENT ON VIEW commission_internal.payout_address IS
	'the payout address of each account that has one, unmasked; paused_until: commission.address_pause_days after its last change, NULL where it is the first';

CREATE VIEW commission.payout_address_history AS
	SELECT a.name AS account,
		c.method,
		commission.mask(c.destination) AS destination,
		c.automatic,
		c.changed_at,
		c.changed_by,
		coalesce(c.is_other, false) AS is_other,
		c.change_id,
		c.account_id
	FROM commission_internal.payout_address_change AS c
	JOIN commission.account AS a ON a.account_id = c.account_id;
COMMENT ON VIEW commission.payout_address_history IS
	'each payout address that an account ever had, masked (R34), when it was set and by whom, and whether it replaced another one (is_other), which pauses payouts for commission.address_pause_days; the highest change_id of an account is in force; read it with ORDER BY change_id DESC LIMIT n';

CREATE FUNCTION commission.set_payout(account text, method text,
									  destination text,
									  automatic boolean DEFAULT true)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
	AS $$
#variable_conflict use_variable
DECLARE
	locked commission.account;
BEGIN
	PERFORM commission_internal.identifier(method, 'method'),
		commission_internal.required(destination, 'destination'),
		commission_internal.required(automatic, 'automatic');
	locked := commission_internal.locked_account(account);
	PERFORM commission_internal.check_destination(method, destination,
		locked.name);
	INSERT INTO commission.payout_change (change_id, account_id, automatic,
		method, destination)
	SELECT commission_internal.draw_event_id(), locked.account_id, automatic,
		method, destination
	WHERE NOT EXISTS (
		SELECT FROM commission_internal.payout_address AS p
		WHERE p.account_id = locked.account_id AND p.automatic = automatic
			AND p.method = method AND p.destination = destination);
END $$;
COMMENT ON FUNCTION commission.set_payout(text, text, text, boolean) IS
	'sets where an account is paid: by which method (paypal, wise, bank, ...), and to which destination, in the method''s own terms; automatic: schedule_withdrawals() requests its withdrawals. What was set before is kept. Another address than the one before stops the account''s payouts for commission.address_pause_days; withdrawals that were requested keep their destination. 23503 for an account that does not exist, 22004 for NULL, 22023 for an empty or over-long account, method or destination, and for a destination that PayPal cannot pay';
/*
 * withdrawal.sql: withdrawals (R23, R24, R39).
 *
 * A withdrawal is changed by an UPDATE of its state, whoever types it, and
 * three triggers stand by.  The guard refuses whatever is not a transition of
 * R23, under session_replication_role = replica, too.  The admission refuses to
 * approve what has an obstacle.  The follower keeps who made the transition and
 * when, and gives the credits back if the transfer is not to be.
 *
 * Locks: a request takes its account's row, so that requests of one account
 * follow one another, and then reads what is committed by now under any
 * isolation level (latest_balance()).  Sales and refunds take no such lock and
 * never wait: a refund that commits later may take the balance below zero, and
 * the withdrawal is then stopped at its approval or its batch.  A transition
 * takes the withdrawal's row.
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
	destination_key bigint NOT NULL GENERATED ALWAYS AS (hashtextextended(
		replace(replace(regexp_replace(
			lower(destination COLLATE "C"),
			'\+[^@]*@', '@'), '.', ''), '@googlemail', '@gmail'), 0)) STORED,
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
	'the payout batch that it is in (R25); NULL if it is in none';
COMMENT ON COLUMN commission.withdrawal.method IS
	'how the money travels: paypal, wise, bank, ...';
COMMENT ON COLUMN commission.withdrawal.destination IS
	'where the money goes, in the method''s own terms; readers see it masked';
COMMENT ON COLUMN commission.withdrawal.destination_key IS
	'the same where mailbox() of the destination is the same';
COMMENT ON CONSTRAINT withdrawal_reason_check ON commission.withdrawal IS
	'a rejected or failed withdrawal has a reason, no other has one';
COMMENT ON CONSTRAINT withdrawal_transfer_check ON commission.withdrawal IS
	'a paid withdrawal has its transfer, no other has one';

CREATE INDEX withdrawal_account_idx
	ON commission.withdrawal (account_id, event_id);
CREATE INDEX withdrawal_destination_idx
	ON commission.withdrawal (destination_key, account_id);
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
	reason text,
	transfer text,
	CONSTRAINT withdrawal_transition_pkey PRIMARY KEY (event_id)
);
COMMENT ON TABLE commission.withdrawal_transition IS
	'the transitions of each withdrawal, its request first (R23); one from approved to approved took it out of its payout batch (R25)';
COMMENT ON COLUMN commission.withdrawal_transition.event_id IS
	'the request has the withdrawal''s own; an entry that gives the credits back has that of its transition';
COMMENT ON COLUMN commission.withdrawal_transition.from_state IS
	'NULL for the request';
COMMENT ON COLUMN commission.withdrawal_transition.changed_by IS
	'the role that had logged in (session_user)';
COMMENT ON COLUMN commission.withdrawal_transition.reason IS
	'of what was rejected or failed, as the withdrawal has it; transfer, of what was paid, likewise';

CREATE INDEX withdrawal_transition_withdrawal_idx
	ON commission.withdrawal_transition (withdrawal_id, event_id);

CREATE FUNCTION commission_internal.withdrawal_can_become(
	state commission.withdrawal_state, next commission.withdrawal_state)
	RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE state
	WHEN 'requested' THEN next IN ('approved', 'cancelled', 'rejected')
	WHEN 'approved' THEN next IN ('unknown', 'paid', 'cancelled', 'rejected')
	WHEN 'unknown' THEN next IN ('paid', 'failed')
	ELSE false
END;
COMMENT ON FUNCTION commission_internal.withdrawal_can_become(commission.withdrawal_state, commission.withdrawal_state) IS
	'whether a withdrawal can go from one state to the other (R23); NULL for NULL';

CREATE FUNCTION commission_internal.guard_withdrawal() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	/* What is generated has no value yet. */
	mutable CONSTANT text[] :=
		'{state,batch_id,reason,transfer,destination_key}';
	changed text;
	onward text[];
BEGIN
	SELECT o.key INTO changed
	FROM jsonb_each(to_jsonb(OLD) - mutable) AS o
	WHERE o.value <> to_jsonb(NEW) -> o.key;
	IF FOUND THEN
		RAISE 'column "%" of withdrawal % cannot change', changed, OLD.event_id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Cancel the withdrawal, and request another.';
	END IF;

	IF NEW.batch_id IS DISTINCT FROM OLD.batch_id THEN
		IF OLD.state <> 'approved' OR NEW.state <> 'approved'
			OR num_nonnulls(OLD.batch_id, NEW.batch_id) = 2
		THEN
			RAISE 'withdrawal % cannot change its payout batch', OLD.event_id
				USING ERRCODE = 'object_not_in_prerequisite_state',
					DETAIL = format('It is %s, and in %s. Only approved withdrawals that are in no batch are put into one, and only approved withdrawals are taken out of one.',
						OLD.state, coalesce('batch ' || OLD.batch_id, 'no batch'));
		END IF;
		RETURN NEW;
	END IF;

	IF NOT commission_internal.withdrawal_can_become(OLD.state, NEW.state) THEN
		onward := ARRAY(
			SELECT s FROM unnest(enum_range(OLD.state)) AS s
			WHERE commission_internal.withdrawal_can_become(OLD.state, s)
			ORDER BY s);
		RAISE 'withdrawal % is %', OLD.event_id, OLD.state
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = CASE onward
					WHEN '{}' THEN
						format('It is settled, and cannot become %s.', NEW.state)
					ELSE
						format('It cannot become %s, only %s or %s.', NEW.state,
							array_to_string(trim_array(onward, 1), ', '),
							onward[cardinality(onward)]) END;
	ELSIF NEW.state IN ('cancelled', 'rejected') AND OLD.batch_id IS NOT NULL THEN
		RAISE 'withdrawal % is in a payout batch', OLD.event_id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'Its transfer may be under way.',
				HINT = 'If it was certainly never sent, take it out with remove_from_batch() first.';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION commission_internal.guard_withdrawal() IS
	'trigger that refuses every UPDATE of a withdrawal except a transition of R23 and its being put into a payout batch or taken out of one (R25): 55000';

CREATE FUNCTION commission_internal.admit_withdrawal() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	obstacle text := commission_internal.withdrawal_obstacle(NEW.account_id);
BEGIN
	PERFORM commission_internal.refuse_withdrawal();
	IF obstacle IS NOT NULL THEN
		RAISE 'withdrawal % cannot be approved', NEW.event_id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = obstacle,
				HINT = 'Approve it once nothing stands in its way, or use reject_withdrawal().';
	END IF;
	RETURN NEW;
END $$;
COMMENT ON FUNCTION commission_internal.admit_withdrawal() IS
	'trigger that refuses to approve a withdrawal in whose way something stands (R39, R46): 55000';

/*
 * The INSERT locks the ledger before it draws the id, which settle.c relies
 * on.
 */
CREATE FUNCTION commission_internal.append_withdrawal_entry(
	kind commission.entry_kind, account_id uuid, amount bigint) RETURNS bigint
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	INSERT INTO commission.entry
		(event_id, line, kind, counts_as, amount, account_id, occurred_at)
	VALUES (commission_internal.draw_event_id(), 1,
		append_withdrawal_entry.kind, 'withdrawal',
		append_withdrawal_entry.amount, append_withdrawal_entry.account_id,
		now())
	RETURNING event_id;
END;
COMMENT ON FUNCTION commission_internal.append_withdrawal_entry(commission.entry_kind, uuid, bigint) IS
	'appends the entry that takes credits out of an account''s balance or gives them back, and returns its event id (R23)';

CREATE FUNCTION commission_internal.follow_withdrawal() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF TG_RELID <> 'commission.withdrawal'::regclass THEN
		RAISE 'function "follow_withdrawal" must be fired by "commission.withdrawal"'
			USING ERRCODE = 'trigger_protocol_violated';
	END IF;
	INSERT INTO commission.withdrawal_transition (event_id, withdrawal_id,
		changed_at, from_state, to_state, changed_by, reason, transfer)
	VALUES (
		CASE WHEN NEW.state IN ('cancelled', 'rejected', 'failed')
			THEN commission_internal.append_withdrawal_entry('withdrawal_return',
				NEW.account_id, NEW.amount)
			ELSE commission_internal.draw_event_id()
		END,
		NEW.event_id, now(), OLD.state, NEW.state, session_user, NEW.reason,
		NEW.transfer);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION commission_internal.follow_withdrawal() IS
	'trigger that keeps each transition of a withdrawal, and appends the entry that gives the credits back when it is cancelled, rejected or failed (R23); 39P01 on another table';

/*
 * Only the guard is ENABLE ALWAYS: what replication applies was admitted where
 * it comes from, and brings the transition and the entry with it.
 */
CREATE TRIGGER withdrawal_admission
	BEFORE UPDATE ON commission.withdrawal
	FOR EACH ROW WHEN (OLD.state = 'requested' AND NEW.state = 'approved')
	EXECUTE FUNCTION commission_internal.admit_withdrawal();
CREATE TRIGGER withdrawal_state_guard
	BEFORE UPDATE ON commission.withdrawal
	FOR EACH ROW EXECUTE FUNCTION commission_internal.guard_withdrawal();
CREATE TRIGGER withdrawal_follower
	AFTER UPDATE ON commission.withdrawal
	FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state
					   OR OLD.batch_id IS NOT NULL AND NEW.batch_id IS NULL)
	EXECUTE FUNCTION commission_internal.follow_withdrawal();
ALTER TABLE commission.withdrawal
	ENABLE ALWAYS TRIGGER withdrawal_state_guard;

CREATE FUNCTION commission_internal.lock_withdrawal(withdrawal bigint)
	RETURNS commission.withdrawal
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
	AS $$
DECLARE
	locked commission.withdrawal;
BEGIN
	PERFORM commission_internal.refuse_on_node('withdrawal');
	SELECT w.* INTO locked FROM commission.withdrawal AS w
	WHERE w.event_id = commission_internal.required(withdrawal, 'withdrawal')
	FOR NO KEY UPDATE;
	IF NOT FOUND THEN
		RAISE 'withdrawal % does not exist', withdrawal
			USING ERRCODE = 'foreign_key_violation';
	END IF;
	RETURN locked;
END $$;
COMMENT ON FUNCTION commission_internal.lock_withdrawal(bigint) IS
	'locks a withdrawal''s row and returns it; 23503 for one that does not exist, 22004 for NULL';

CREATE FUNCTION commission_internal.move_withdrawal(
	withdrawal bigint, next commission.withdrawal_state,
	reason text DEFAULT NULL, transfer text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
	AS $$
BEGIN
	PERFORM commission_internal.lock_withdrawal(withdrawal);
	UPDATE commission.withdrawal AS w
	SET state = next, reason = move_withdrawal.reason,
		transfer = move_withdrawal.transfer
	WHERE w.event_id = withdrawal;
END $$;
COMMENT ON FUNCTION commission_internal.move_withdrawal(bigint, commission.withdrawal_state, text, text) IS
	'the UPDATE that is a transition (R23), for the functions that are named after one; 55000 where there is no such transition, 23503 for a withdrawal that does not exist, 22004 for NULL';

CREATE FUNCTION commission.approve_withdrawal(withdrawal bigint)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'approved');
COMMENT ON FUNCTION commission.approve_withdrawal(bigint) IS
	'requested to approved: it may be paid and put into a payout batch (R23); 55000 from any other state, and while the account''s balance is below zero (R39), the account is held (R46) or its payout address was changed within commission.address_pause_days; 23503 for a withdrawal that does not exist, 22004 for NULL';

CREATE FUNCTION commission.cancel_withdrawal(withdrawal bigint)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'cancelled');
COMMENT ON FUNCTION commission.cancel_withdrawal(bigint) IS
	'requested or approved to cancelled, by the account: the credits come back (R23); 55000 from any other state and in a payout batch, other errors as approve_withdrawal';

CREATE FUNCTION commission.reject_withdrawal(withdrawal bigint, reason text)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'rejected',
	reason => commission_internal.required(reason, 'reason'));
COMMENT ON FUNCTION commission.reject_withdrawal(bigint, text) IS
	'requested or approved to rejected, by the operator, who gives a reason: the credits come back (R23); 22004 for a NULL reason, 22023 for an empty one, other errors as cancel_withdrawal';

CREATE FUNCTION commission.pay_withdrawal(withdrawal bigint, transfer text)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'paid',
	transfer => commission_internal.required(transfer, 'transfer'));
COMMENT ON FUNCTION commission.pay_withdrawal(bigint, text) IS
	'approved or unknown to paid, by that transfer, the payment provider''s number of it (R23); a transfer that was made can always be recorded, whatever the balance (R39); 55000 from any other state, 23503 for a withdrawal that does not exist, 22004 for NULL, 22023 for an empty transfer';

CREATE FUNCTION commission.mark_withdrawal_unknown(withdrawal bigint)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'unknown');
COMMENT ON FUNCTION commission.mark_withdrawal_unknown(bigint) IS
	'approved to unknown: the transfer was tried, and its outcome is not known (R23); 55000 from any other state, 23503 for a withdrawal that does not exist, 22004 for NULL';

CREATE FUNCTION commission.fail_withdrawal(withdrawal bigint, reason text)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
RETURN commission_internal.move_withdrawal(withdrawal, 'failed',
	reason => commission_internal.required(reason, 'reason'));
COMMENT ON FUNCTION commission.fail_withdrawal(bigint, text) IS
	'unknown to failed: the transfer did not arrive, and the credits come back (R23); 55000 from any other state, 23503 for a withdrawal that does not exist, 22004 for NULL, 22023 for an empty reason';
/*
 * payout.sql: payout batches (R25, R39, R46).
 *
 * Locks: a batch takes the rows of its withdrawals and skips those that
 * somebody else has taken.
 *
 * What an account has in a batch when it is held stays there, for nobody here
 * knows whether the batch was sent: what is taken out of a batch that was sent
 * is paid twice, and PayPal's answer would not find it.  But no export carries
 * it while the account is held (sendable_item).
 */

CREATE TABLE commission.payout_batch (
	batch_id bigint NOT NULL,
	opened_at timestamptz NOT NULL,
	method text COLLATE "C" NOT NULL,
	opened_by text NOT NULL,
	sender_batch_id text COLLATE "C" NOT NULL
		DEFAULT 'commission-' || gen_random_uuid(),
	CONSTRAINT payout_batch_pkey PRIMARY KEY (batch_id)
);
COMMENT ON TABLE commission.payout_batch IS
	'batches in which withdrawals are paid out; each withdrawal names its own (R25)';
COMMENT ON COLUMN commission.payout_batch.batch_id IS
	'drawn like an event id';
COMMENT ON COLUMN commission.payout_batch.opened_by IS
	'the role that had logged in (session_user)';
COMMENT ON COLUMN commission.payout_batch.sender_batch_id IS
	'what PayPal knows the batch by: the same whenever it is sent, and random, so that no two databases that pay from one PayPal account share it';

CREATE VIEW commission.payout_item AS
	SELECT w.batch_id AS batch,
		w.event_id AS withdrawal,
		'commission-withdrawal-' || w.event_id AS sender_item_id,
		a.name AS account,
		w.destination AS receiver,
		w.amount / 100 || '.' || lpad((w.amount % 100)::text, 2, '0')
			AS dollars,
		w.state,
		w.account_id
	FROM commission.withdrawal AS w
	JOIN commission.account AS a ON a.account_id = w.account_id
	WHERE w.batch_id IS NOT NULL;
COMMENT ON VIEW commission.payout_item IS
	'what is in each payout batch (R25), for the operator: the item''s key, the destination unmasked and the amount in US dollars';

CREATE VIEW commission_internal.sendable_item AS
	SELECT i.*
	FROM commission.payout_item AS i
	WHERE NOT EXISTS (SELECT FROM commission.account_hold AS h
					  WHERE h.account_id = i.account_id
						  AND h.released_at IS NULL);
COMMENT ON VIEW commission_internal.sendable_item IS
	'what a payout batch is exported with: the items of accounts that are not held (R46)';

CREATE FUNCTION commission.open_payout_batch(method text DEFAULT 'paypal')
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
	AS $$
DECLARE
	taken bigint[];
	batch bigint;
BEGIN
	PERFORM commission_internal.refuse_on_node('payout_batch');
	PERFORM commission_internal.required(method, 'method');
	/*
	 * PayPal takes 15000 items in one call.  What stands in an account's way is
	 * asked once, however many withdrawals it has.
	 */
	taken := ARRAY(
		SELECT w.event_id
		FROM (
			SELECT a.account_id FROM commission.withdrawal AS a
			WHERE a.method = open_payout_batch.method
				AND a.state = 'approved' AND a.batch_id IS NULL
			GROUP BY a.account_id
			ORDER BY min(a.event_id)) AS a
		CROSS JOIN LATERAL (
			SELECT w.event_id FROM commission.withdrawal AS w
			WHERE w.account_id = a.account_id
				AND w.method = open_payout_batch.method
				AND w.state = 'approved' AND w.batch_id IS NULL
			ORDER BY w.event_id FOR NO KEY UPDATE SKIP LOCKED) AS w
		WHERE commission_internal.withdrawal_obstacle(a.account_id) IS NULL
		LIMIT 15000);
	IF taken = '{}' THEN
		RETURN NULL;
	END IF;
	batch := commission_internal.draw_event_id();
	INSERT INTO commission.payout_batch (batch_id, opened_at, method, opened_by)
	VALUES (batch, now(), method, session_user);
	UPDATE commission.withdrawal SET batch_id = batch
	WHERE event_id = ANY (taken);
	RETURN batch;
END $$;
COMMENT ON FUNCTION commission.open_payout_batch(text) IS
	'puts the approved withdrawals of a method that are in no batch into a new one, 15000 of them, which is what PayPal takes at once, those accounts first that wait longest, and returns the batch''s number, NULL where there are none (R25); leaves out those of accounts whose balance is below zero (R39), that are held (R46) or whose payout address was changed within commission.address_pause_days; two calls at once take different withdrawals; 22004 for a NULL method, 22023 for an empty one';

CREATE FUNCTION commission_internal.known_batch(
	batch bigint, must_be text DEFAULT NULL) RETURNS commission.payout_batch
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	known commission.payout_batch;
BEGIN
	SELECT b.* INTO known FROM commission.payout_batch AS b
	WHERE b.batch_id = commission_internal.required(batch, 'batch');
	IF NOT FOUND THEN
		RAISE 'payout batch % does not exist', batch
			USING ERRCODE = 'foreign_key_violation';
	ELSIF known.method <> must_be THEN
		RAISE 'payout batch % is not PayPal''s', batch
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('Its method is "%s".', known.method),
				HINT = 'Use payout_batch_csv() to export it, and pay_withdrawal() or fail_withdrawal() to settle it.';
	END IF;
	RETURN known;
END $$;
COMMENT ON FUNCTION commission_internal.known_batch(bigint, text) IS
	'the row of a payout batch; 23503 for one that does not exist, 22023 for one of another method than it must be, 22004 for NULL';

CREATE FUNCTION commission.remove_from_batch(withdrawal bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
	AS $$
BEGIN
	IF (commission_internal.lock_withdrawal(withdrawal)).batch_id IS NULL THEN
		RAISE 'withdrawal % is in no payout batch', withdrawal
			USING ERRCODE = 'object_not_in_prerequisite_state';
	END IF;
	UPDATE commission.withdrawal AS w SET batch_id = NULL
	WHERE w.event_id = withdrawal;
END $$;
COMMENT ON FUNCTION commission.remove_from_batch(bigint) IS
	'takes an approved withdrawal out of its payout batch, so that it can be cancelled, rejected or put into another (R25); only for what was certainly never sent: what was sent would be paid twice; 55000 for a withdrawal that is in no batch or no longer approved, 23503 for one that does not exist, 22004 for NULL';

CREATE FUNCTION commission.cancel_payout_batch(batch bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
	AS $$
BEGIN
	PERFORM commission_internal.known_batch(batch);
	UPDATE commission.withdrawal SET batch_id = NULL WHERE batch_id = batch;
END $$;
COMMENT ON FUNCTION commission.cancel_payout_batch(bigint) IS
	'takes all withdrawals out of a payout batch that was never sent, as remove_from_batch does (R25); 55000 where one of them is no longer approved, since the batch was then sent, 23503 for a batch that does not exist, 22004 for NULL';

CREATE FUNCTION commission_internal.sendable_batch(batch bigint)
	RETURNS commission.payout_batch
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	known commission.payout_batch :=
		commission_internal.known_batch(batch, 'paypal');
BEGIN
	/* PayPal remembers for 30 days; one of them is left for the sending. */
	IF known.opened_at < now() - interval '29 days' THEN
		RAISE 'payout batch % is too old to be sent', batch
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('It was opened at %s. PayPal refuses a sender_batch_id that it has had for 30 days only, and would then pay the batch again.',
					known.opened_at),
				HINT = 'Take PayPal''s answer with import_payout_result(). Of what PayPal never had, use fail_withdrawal() on unknown and remove_from_batch() on approved withdrawals.';
	END IF;
	RETURN known;
END $$;
COMMENT ON FUNCTION commission_internal.sendable_batch(bigint) IS
	'the row of a batch that PayPal would recognize if it had it already; 55000 for one opened more than 29 days ago, other errors as known_batch';

/* PayPal rejects a whole batch for one receiver that is none of these. */
CREATE FUNCTION commission_internal.paypal_recipient_type(destination text)
	RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
	WHEN length(destination) <= 127
		AND destination ~ ('^[\w!#$%&''*+/=?^`{|}~-]+(?:\.[\w!#$%&''*+/=?^`{|}~-]+)*'
			|| '@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$'
			COLLATE "C")
	THEN 'EMAIL'
	WHEN destination ~ '^\+?[0-9]([ -]?[0-9]){6,14}$' THEN 'PHONE'
	WHEN destination ~ '^[2-9A-HJ-NP-Z]{13}$' THEN 'PAYPAL_ID'
END;
COMMENT ON FUNCTION commission_internal.paypal_recipient_type(text) IS
	'what PayPal calls a receiver: EMAIL, PHONE or PAYPAL_ID; NULL for what is none of these, and for NULL';

CREATE FUNCTION commission.payout_batch_json(batch bigint) RETURNS jsonb
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT jsonb_build_object(
		'sender_batch_header', jsonb_build_object(
			'sender_batch_id', b.sender_batch_id,
			'email_subject', 'You have a payout'),
		'items', (
			SELECT coalesce(jsonb_agg(jsonb_build_object(
				'recipient_type',
				commission_internal.paypal_recipient_type(i.receiver),
				'amount', jsonb_build_object('value', i.dollars, 'currency', 'USD'),
				'receiver', i.receiver,
				'note', 'Withdrawal ' || i.withdrawal,
				'sender_item_id', i.sender_item_id) ORDER BY i.withdrawal), '[]')
			FROM commission_internal.sendable_item AS i
			WHERE i.batch = b.batch_id AND i.state IN ('approved', 'unknown')))
	FROM commission_internal.sendable_batch(payout_batch_json.batch) AS b;
END;
COMMENT ON FUNCTION commission.payout_batch_json(bigint) IS
	'the items of a batch that are neither paid nor failed, as the body of PayPal''s POST /v1/payments/payouts (R25), without those of accounts that are held (R46); PayPal refuses a sender_batch_id that it has had within 30 days, so that until then sending the batch again, after a timeout say, pays nobody twice; 55000 for a batch that was opened more than 29 days ago: take its answer with import_payout_result(), and fail what PayPal never had; 22023 for a batch of another method than paypal, 23503 for one that does not exist, 22004 for NULL';

CREATE FUNCTION commission_internal.csv_cell(value text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN value ~ E'[,"\r\n]' THEN '"' ELSE '' END
	|| CASE WHEN value ~ E'^[=+@\t\r\n-]' THEN '''' ELSE '' END
	|| replace(value, '"', '""')
	|| CASE WHEN value ~ E'[,"\r\n]' THEN '"' ELSE '' END;
COMMENT ON FUNCTION commission_internal.csv_cell(text) IS
	'a cell of CSV: quoted where it must be (RFC 4180), with an apostrophe before what a spreadsheet would take for a formula; NULL for NULL';

CREATE FUNCTION commission.payout_batch_csv(batch bigint) RETURNS text
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT E'sender_item_id,account,receiver,amount,currency\r\n' || coalesce((
		SELECT string_agg(concat_ws(',', i.sender_item_id,
				commission_internal.csv_cell(i.account),
				commission_internal.csv_cell(i.receiver),
				i.dollars, E'USD\r\n'), '' ORDER BY i.withdrawal)
		FROM commission_internal.sendable_item AS i
		WHERE i.batch = b.batch_id AND i.state = 'approved'), '')
	FROM commission_internal.known_batch(payout_batch_csv.batch) AS b;
END;
COMMENT ON FUNCTION commission.payout_batch_csv(bigint) IS
	'the items of a batch that are approved, without those of accounts that are held (R46), as CSV (RFC 4180) with a header; a cell that a spreadsheet would take for a formula has an apostrophe before it (R25); a bank does not know what it has had already, so that an item whose transfer is unknown is left out, and the file must not be sent twice; 23503 for a batch that does not exist, 22004 for NULL';

/* For audit(). */
CREATE VIEW commission_internal.withdrawal_problem AS
	/* R23: the way of a withdrawal, and its entries along it. */
	SELECT 'withdrawal without its transitions' AS problem, w.event_id,
		format('it is %s; its transitions are %s', w.state, way.states)
			AS detail
	FROM commission.withdrawal AS w
	CROSS JOIN LATERAL (
		SELECT array_agg(t.to_state ORDER BY t.event_id) AS states,
			string_agg(t.reason, '' ORDER BY t.event_id) AS reason,
			string_agg(t.transfer, '' ORDER BY t.event_id) AS transfer,
			bool_and(CASE
				WHEN t.before IS NULL THEN t.from_state IS NULL
					AND t.to_state = 'requested' AND t.event_id = w.event_id
				ELSE t.from_state = t.before
					AND (commission_internal.withdrawal_can_become(t.before, t.to_state)
						OR t.before = 'approved' AND t.to_state = 'approved')
			END) AS lawful
		FROM (SELECT t.*, lag(t.to_state) OVER (ORDER BY t.event_id) AS before
			  FROM commission.withdrawal_transition AS t
			  WHERE t.withdrawal_id = w.event_id) AS t) AS way
	WHERE way.states[cardinality(way.states)] IS DISTINCT FROM w.state
		OR NOT way.lawful
		OR way.reason IS DISTINCT FROM w.reason
		OR way.transfer IS DISTINCT FROM w.transfer
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
	/* Only reversals and adjustments take a balance below zero (R21, R24, R45). */
	SELECT 'more withdrawn than earned', NULL,
		format('account %s: %s credits', e.account_id, sum(e.amount))
	FROM commission.entry AS e
	WHERE e.kind <> 'reversal' AND NOT (e.kind = 'adjustment' AND e.amount < 0)
	GROUP BY e.account_id
	HAVING sum(e.amount) < 0;
COMMENT ON VIEW commission_internal.withdrawal_problem IS
	'withdrawals whose state, transitions, entries or batches do not agree (R23 to R25), and accounts that withdrew more than they earned';
/*
 * answer.sql: what PayPal answers to a payout batch (R25).
 *
 * Locks: the rows of the withdrawals, in their order.
 */

CREATE FUNCTION commission_internal.json_string(value jsonb,
												VARIADIC path text[])
	RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE jsonb_typeof(value #> path)
	WHEN 'string' THEN nullif(value #>> path, '')
END;
COMMENT ON FUNCTION commission_internal.json_string(jsonb, text[]) IS
	'the string at a path; NULL if there is nothing, an empty string or another type';

CREATE FUNCTION commission_internal.is_amount(amount jsonb, dollars text)
	RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN amount ->> 'currency' IS NOT DISTINCT FROM 'USD'
	AND CASE WHEN amount ->> 'value' ~ '^[0-9]{1,20}(\.[0-9]{1,6})?$'
		THEN (amount ->> 'value')::numeric = dollars::numeric ELSE false END;
COMMENT ON FUNCTION commission_internal.is_amount(jsonb, text) IS
	'whether PayPal''s amount is that many US dollars; NULL for NULL';

CREATE FUNCTION commission_internal.payout_answer(
	known commission.payout_batch, result jsonb)
	RETURNS TABLE (withdrawal bigint, status text, outcome commission.withdrawal_state,
				   transfer text, reason text, problem text)
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH item AS (
		SELECT e.position, e.item #> '{payout_item,amount}' AS amount,
			commission_internal.json_string(e.item, 'payout_item', 'sender_item_id') AS key,
			commission_internal.json_string(e.item, 'transaction_status') AS status,
			coalesce(commission_internal.json_string(e.item, 'transaction_id'),
					 commission_internal.json_string(e.item, 'payout_item_id')) AS transfer,
			coalesce(nullif(concat_ws(': ',
				commission_internal.json_string(e.item, 'errors', 'name'),
				commission_internal.json_string(e.item, 'errors', 'message')), ''),
				commission_internal.json_string(e.item, 'transaction_status')) AS reason
		FROM jsonb_array_elements(CASE jsonb_typeof(payout_answer.result -> 'items')
			WHEN 'array' THEN payout_answer.result -> 'items' ELSE '[]' END)
			WITH ORDINALITY AS e (item, position)
	), batch AS (
		SELECT commission_internal.json_string(payout_answer.result,
			'batch_header', 'sender_batch_header', 'sender_batch_id') AS key
	)
	SELECT NULL, NULL, NULL, NULL, NULL, p.problem
	FROM batch AS b
	CROSS JOIN LATERAL (SELECT CASE
		WHEN jsonb_typeof(payout_answer.result -> 'items') IS DISTINCT FROM 'array'
		THEN 'It has no array "items".'
		WHEN b.key <> (payout_answer.known).sender_batch_id
		THEN format('It is of batch "%s"; this one is "%s".',
			b.key, (payout_answer.known).sender_batch_id) END AS problem) AS p
	WHERE p.problem IS NOT NULL
	UNION ALL
	(SELECT i.withdrawal, a.status, CASE
			WHEN a.status = 'SUCCESS' THEN 'paid'
			WHEN a.status IN ('FAILED', 'RETURNED', 'REVERSED', 'REFUNDED', 'BLOCKED')
			THEN 'failed'
			ELSE 'unknown'
		END::commission.withdrawal_state, a.transfer, a.reason, CASE
			WHEN a.key IS NULL OR a.status IS NULL
			THEN 'An item has no payout_item.sender_item_id or no transaction_status.'
			WHEN i.withdrawal IS NULL
			THEN format('Item "%s" is not of this batch.', a.key)
			WHEN a.transfer IS NULL
			THEN format('Item "%s" has no transaction_id and no payout_item_id.', a.key)
			WHEN NOT commission_internal.is_amount(a.amount, i.dollars)
			THEN format('Item "%s" is of %s %s; %s USD were sent.', a.key,
				a.amount ->> 'value', a.amount ->> 'currency', i.dollars)
		END
	FROM item AS a
	LEFT JOIN commission.payout_item AS i
		ON i.batch = (payout_answer.known).batch_id AND i.sender_item_id = a.key
	ORDER BY i.withdrawal, a.position);
END;
COMMENT ON FUNCTION commission_internal.payout_answer(commission.payout_batch, jsonb) IS
	'a row for each item of PayPal''s answer to a batch, in the order of withdrawals: what it makes of the withdrawal, or the problem for which the answer cannot be taken';

CREATE FUNCTION commission.import_payout_result(batch bigint, result jsonb)
	RETURNS TABLE (withdrawal bigint, transaction_status text,
				   state commission.withdrawal_state, changed boolean)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	item record;
	before commission.withdrawal_state;
BEGIN
	PERFORM commission_internal.required(result, 'result');
	FOR item IN
		SELECT a.* FROM commission_internal.known_batch(batch, 'paypal') AS b,
			commission_internal.payout_answer(b, result) AS a
	LOOP
		IF item.problem IS NOT NULL THEN
			RAISE 'invalid payout result'
				USING ERRCODE = 'invalid_parameter_value',
					DETAIL = item.problem,
					HINT = 'Pass PayPal''s answer to GET /v1/payments/payouts/{id} as it is.';
		END IF;
		withdrawal := item.withdrawal;
		transaction_status := item.status;
		before := (commission_internal.lock_withdrawal(item.withdrawal)).state;
		IF before IN ('approved', 'unknown') THEN
			state := item.outcome;
			/* R23: what is approved fails by way of unknown. */
			IF before = 'approved' AND state <> 'paid' THEN
				PERFORM commission_internal.move_withdrawal(withdrawal, 'unknown');
			END IF;
			IF state <> 'unknown' THEN
				PERFORM commission_internal.move_withdrawal(withdrawal, state,
					CASE state WHEN 'failed' THEN item.reason END,
					CASE state WHEN 'paid' THEN item.transfer END);
			END IF;
		ELSE
			state := before;
			IF item.outcome <> before AND 'paid' IN (before, item.outcome) THEN
				RAISE WARNING 'withdrawal % is %, but its transfer is %',
					withdrawal, before, item.status
					USING HINT = 'The withdrawal stays as it is. Find out where the money is.';
			END IF;
		END IF;
		changed := state <> before;
		RETURN NEXT;
	END LOOP;
END $$;
COMMENT ON FUNCTION commission.import_payout_result(bigint, jsonb) IS
	'takes PayPal''s answer to GET /v1/payments/payouts/{id}, all of it or a page: SUCCESS pays a withdrawal, FAILED, RETURNED, REVERSED, REFUNDED and BLOCKED fail it, anything else makes it unknown; a settled withdrawal stays as it is, with a warning where the answer contradicts it (R25); returns a row for each item: the state that the withdrawal is in now and whether that is new; 22023 for an answer of another shape, batch or method, or of another amount or currency than was sent: nothing of it is taken; 23503 for a batch that does not exist, 22004 for NULL';
/*
 * settle.sql: event ids under which nothing can come to the ledger any more.
 */

CREATE VIEW commission_internal.present_event AS
	SELECT e.event_id FROM commission.entry AS e
	UNION ALL
	SELECT t.event_id FROM commission.withdrawal_transition AS t;
COMMENT ON VIEW commission_internal.present_event IS
	'the event ids of entries and of transitions of withdrawals, which are settled wherever they can be seen: an event is one transaction''s';

CREATE FUNCTION commission_internal.settle(
	done int8multirange, wait_ms integer, gaps_max integer)
	RETURNS int8multirange
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_settle';
COMMENT ON FUNCTION commission_internal.settle(int8multirange, integer, integer) IS
	'the event ids of this node that are not done and under which nothing will come to the ledger any more. Transactions that have drawn event ids are waited for so many milliseconds; if one is still open then, up to so many ranges of ids that may be its own are left out, and everything from the last of these on. The transaction''s commit is synchronous. 25000 under REPEATABLE READ and SERIALIZABLE, which could not see what has settled';
/*
 * rollup.sql: sums of the ledger, kept so that reading stays fast.
 *
 * commission.rolled says which event ids the sums below have in them; every
 * other entry is read from the ledger itself.  A reader adds both, in one
 * snapshot, so the answer is exact whether rollup() has just run or never.
 *
 * Everything is kept per node (event_id >> 48), so that the ledgers of several
 * machines can be read as one.  Sums are numeric, as SQL adds up bigint: the
 * sum of one account, however large, never prevents that of another (R1).
 */

CREATE TABLE commission.rolled (
	node_id smallint NOT NULL,
	event_ids int8multirange NOT NULL,
	CONSTRAINT rolled_pkey PRIMARY KEY (node_id)
);
COMMENT ON TABLE commission.rolled IS
	'the event ids of each node whose entries are in the rolled-up sums; no entry is ever added under one of them';

CREATE TABLE commission.rolled_kind (
	account_id uuid NOT NULL,
	amount numeric NOT NULL,
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
	amount numeric NOT NULL,
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
	amount numeric NOT NULL,
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

CREATE TABLE commission.rolled_hour (
	account_id uuid NOT NULL,
	sold_by timestamptz NOT NULL,
	amount numeric NOT NULL,
	node_id smallint NOT NULL,
	CONSTRAINT rolled_hour_pkey PRIMARY KEY (account_id, sold_by, node_id)
) WITH (fillfactor = 90);
COMMENT ON TABLE commission.rolled_hour IS
	'rolled-up sums of what an account earned on a node less what was taken back of it, in credits, by the hour of the sale: what a hub of sums, which has no entries of its nodes, knows by what it must hold (R24). A machine whose commission.node_id is 0 keeps none';
COMMENT ON COLUMN commission.rolled_hour.sold_by IS
	'the end of the hour';

CREATE FUNCTION commission_internal.ranges(event_ids int8multirange,
								  OUT first_event_id bigint,
								  OUT end_event_id bigint)
	RETURNS SETOF record
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE ROWS 2
	AS 'MODULE_PATHNAME', 'commission_ranges';
COMMENT ON FUNCTION commission_internal.ranges(int8multirange) IS
	'the ranges of event ids that are in a multirange, each up to but without end_event_id; unlike unnest(), with the planner expecting few';

/*
 * The ranges of event ids that have to be read from the ledger: as a rule the
 * one after the last rollup().
 */
CREATE VIEW commission_internal.unrolled AS
	SELECT r.first_event_id, r.end_event_id
	FROM commission_internal.ranges('{[0,9223372036854775807)}'
						   - coalesce((SELECT range_agg(n.event_ids)
									   FROM commission.rolled AS n), '{}')) AS r;
COMMENT ON VIEW commission_internal.unrolled IS
	'the ranges of event ids, each up to but without end_event_id, that are in no rolled-up sum';

/* A hub of sums follows the sums of its nodes, and not their entries. */
CREATE VIEW commission_internal.sums_only_node AS
	SELECT r.node_id
	FROM commission.rolled AS r
	WHERE NOT EXISTS (
		SELECT FROM commission.entry AS e
		WHERE e.event_id >= r.node_id::bigint << 48
			AND e.event_id <= (r.node_id::bigint << 48) + 281474976710655);
COMMENT ON VIEW commission_internal.sums_only_node IS
	'the nodes of which there are rolled-up sums here, and no entries';

CREATE FUNCTION commission_internal.hour_end(at timestamptz) RETURNS timestamptz
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN date_bin(INTERVAL '1 hour', at, '2000-01-01 00:00:00+00') + INTERVAL '1 hour';
COMMENT ON FUNCTION commission_internal.hour_end(timestamptz) IS
	'the end of the hour of a moment, under whichever TimeZone';

CREATE VIEW commission_internal.sold_entry AS
	SELECT e.event_id, e.account_id, e.amount, e.occurred_at,
		coalesce(reversed.occurred_at, e.occurred_at) AS sold_at
	FROM commission.entry AS e
	LEFT JOIN LATERAL (
		SELECT s.sale_event_id FROM commission_internal.event_sale AS s
		WHERE s.event_id = e.event_id LIMIT 1) AS sale ON true
	LEFT JOIN LATERAL (
		SELECT g.occurred_at FROM commission.generation AS g
		WHERE g.event_id = sale.sale_event_id
		UNION ALL
		SELECT o.occurred_at FROM commission.customer_order AS o
		WHERE o.event_id = sale.sale_event_id
		LIMIT 1) AS reversed ON true
	WHERE e.counts_as NOT IN ('withdrawal', 'adjustment');
COMMENT ON VIEW commission_internal.sold_entry IS
	'what was earned and taken back, with the time of the sale';

/* What a reader sums up: rolled-up rows, and entries that are not yet. */
CREATE VIEW commission_internal.kind_sums AS
	SELECT r.account_id, r.counts_as, r.amount, r.entries
	FROM commission.rolled_kind AS r
	UNION ALL
	SELECT e.account_id, e.counts_as, e.amount::numeric, 1
	FROM commission_internal.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id;
COMMENT ON VIEW commission_internal.kind_sums IS
	'rows whose sums are exact at any moment: of amount, in credits, and entries by account and what they count as';

CREATE VIEW commission_internal.day_sums AS
	SELECT r.account_id, r.day, r.counts_as, r.amount, r.entries
	FROM commission.rolled_day AS r
	UNION ALL
	SELECT e.account_id, (e.occurred_at AT TIME ZONE INTERVAL '0')::date, e.counts_as,
		e.amount::numeric, 1
	FROM commission_internal.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id;
COMMENT ON VIEW commission_internal.day_sums IS
	'the same by account, UTC day and what they count as';

CREATE VIEW commission_internal.referred_sums AS
	SELECT r.account_id, r.from_account_id, r.counts_as, r.amount, r.entries,
		r.first_earned_at, r.last_earned_at
	FROM commission.rolled_referred AS r
	UNION ALL
	SELECT e.account_id, e.from_account_id, e.counts_as, e.amount::numeric, 1,
		CASE WHEN e.kind <> 'reversal' THEN e.occurred_at END,
		CASE WHEN e.kind <> 'reversal' THEN e.occurred_at END
	FROM commission_internal.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id
	WHERE e.counts_as NOT IN ('pool', 'withdrawal', 'adjustment');
COMMENT ON VIEW commission_internal.referred_sums IS
	'the same of commission, by account, the account whose activity earned it and what it counts as, with the times of the earliest and the latest sale (NULL: of a reversal)';

/*
 * The campaign of a commission: that of the referred account's first referral
 * to the earner for the role, whether or not it is still in force.  It is
 * there before the commission is, and never changes.
 *
 * There is always a campaign, if an empty one, so that the join stays an outer
 * one whatever a query asks for: it starts from the entries.  The other way
 * round, it would read an account's entries again for each of its referrals.
 */
CREATE VIEW commission_internal.campaign_entry AS
	SELECT e.event_id,
		e.account_id,
		(e.occurred_at AT TIME ZONE INTERVAL '0')::date AS day,
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
			WHEN 'adjustment' THEN NULL
			WHEN 'creator' THEN 'creator'::commission.referral_role
			ELSE 'brand'::commission.referral_role
		END;
COMMENT ON VIEW commission_internal.campaign_entry IS
	'the ledger''s entries with their UTC day and the campaign that the referred account came by (empty: none, and of what is no commission)';

CREATE VIEW commission_internal.campaign_sums AS
	SELECT r.account_id, r.day, r.counts_as, nullif(r.campaign, '') AS campaign,
		r.amount
	FROM commission.rolled_day AS r
	WHERE r.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')
	UNION ALL
	SELECT e.account_id, e.day, e.counts_as, nullif(e.campaign, ''), e.amount::numeric
	FROM commission_internal.unrolled AS u
	JOIN commission_internal.campaign_entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id
	WHERE e.counts_as NOT IN ('pool', 'withdrawal', 'adjustment');
COMMENT ON VIEW commission_internal.campaign_sums IS
	'the same of commission, by account, UTC day, what it counts as and the campaign that the referred account came by (NULL: none)';

/*
 * For audit(): rolled-up sums that are wrong, and sums that the screens cannot
 * show.
 */
CREATE VIEW commission_internal.rolled_day_problem AS
	SELECT format('%s of account %s on %s, campaign %L: %s credits in %s entries; the ledger has %s in %s',
			counts_as, account_id, day, campaign, r.amount, r.entries,
			e.amount, e.entries) AS detail
	FROM commission.rolled_day AS r
	FULL JOIN (
		SELECT n.node_id, e.account_id, e.day, e.counts_as, e.campaign,
			sum(e.amount) AS amount, count(*) AS entries
		FROM commission.rolled AS n
		CROSS JOIN LATERAL commission_internal.ranges(n.event_ids) AS i
		JOIN commission_internal.campaign_entry AS e
			ON e.event_id >= i.first_event_id AND e.event_id < i.end_event_id
		GROUP BY n.node_id, e.account_id, e.day, e.counts_as, e.campaign
	) AS e USING (account_id, day, counts_as, node_id, campaign)
	WHERE (r.amount, r.entries) IS DISTINCT FROM (e.amount, e.entries)
		AND node_id NOT IN (SELECT n.node_id FROM commission_internal.sums_only_node AS n);
COMMENT ON VIEW commission_internal.rolled_day_problem IS
	'rows of commission.rolled_day that are not the sums of their entries';

CREATE VIEW commission_internal.rolled_kind_problem AS
	SELECT format('%s of account %s: %s credits in %s entries; its days have %s in %s',
			counts_as, account_id, r.amount, r.entries, d.amount, d.entries)
			AS detail
	FROM commission.rolled_kind AS r
	FULL JOIN (
		SELECT d.account_id, d.counts_as, d.node_id, sum(d.amount) AS amount,
			sum(d.entries) AS entries
		FROM commission.rolled_day AS d
		GROUP BY d.account_id, d.counts_as, d.node_id
	) AS d USING (account_id, counts_as, node_id)
	WHERE (r.amount, r.entries) IS DISTINCT FROM (d.amount, d.entries);
COMMENT ON VIEW commission_internal.rolled_kind_problem IS
	'rows of commission.rolled_kind that are not the sums of their days';

CREATE VIEW commission_internal.rolled_referred_problem AS
	SELECT format('%s of account %s from account %s: %s credits in %s entries from %s to %s; the ledger has %s in %s from %s to %s',
			counts_as, account_id, from_account_id, r.amount, r.entries,
			r.first_earned_at, r.last_earned_at, e.amount, e.entries,
			e.first_earned_at, e.last_earned_at) AS detail
	FROM commission.rolled_referred AS r
	FULL JOIN (
		SELECT n.node_id, e.account_id, e.from_account_id, e.counts_as,
			sum(e.amount) AS amount, count(*) AS entries,
			min(e.occurred_at) FILTER (WHERE e.kind <> 'reversal')
				AS first_earned_at,
			max(e.occurred_at) FILTER (WHERE e.kind <> 'reversal')
				AS last_earned_at
		FROM commission.rolled AS n
		CROSS JOIN LATERAL commission_internal.ranges(n.event_ids) AS i
		JOIN commission.entry AS e
			ON e.event_id >= i.first_event_id AND e.event_id < i.end_event_id
		WHERE e.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')
		GROUP BY n.node_id, e.account_id, e.from_account_id, e.counts_as
	) AS e USING (account_id, from_account_id, counts_as, node_id)
	WHERE (r.amount, r.entries, r.first_earned_at, r.last_earned_at)
		IS DISTINCT FROM
		(e.amount, e.entries, e.first_earned_at, e.last_earned_at)
		AND node_id NOT IN (SELECT n.node_id FROM commission_internal.sums_only_node AS n);
COMMENT ON VIEW commission_internal.rolled_referred_problem IS
	'rows of commission.rolled_referred that are not the sums of their entries';

CREATE VIEW commission_internal.rolled_hour_problem AS
	SELECT format('sales of account %s by %s: %s credits; the ledger has %s',
			account_id, sold_by, r.amount, e.amount) AS detail
	FROM (SELECT h.* FROM commission.rolled_hour AS h
		  WHERE h.node_id = commission_internal.setting('node_id')::smallint) AS r
	FULL JOIN (
		SELECT n.node_id, e.account_id,
			commission_internal.hour_end(e.sold_at) AS sold_by, sum(e.amount) AS amount
		FROM commission.rolled AS n
		CROSS JOIN LATERAL commission_internal.ranges(n.event_ids) AS i
		JOIN commission_internal.sold_entry AS e
			ON e.event_id >= i.first_event_id AND e.event_id < i.end_event_id
		WHERE n.node_id <> 0
			AND n.node_id = commission_internal.setting('node_id')::smallint
		GROUP BY 1, 2, 3
	) AS e USING (account_id, sold_by, node_id)
	WHERE r.amount IS DISTINCT FROM e.amount;
COMMENT ON VIEW commission_internal.rolled_hour_problem IS
	'rows of this node in commission.rolled_hour that are not the sums of their entries';

CREATE VIEW commission_internal.rolled_problem AS
	SELECT 'event ids of another node are rolled up' AS problem,
		format('node %s has %s', r.node_id, r.event_ids) AS detail
	FROM commission.rolled AS r
	WHERE NOT r.event_ids <@ commission_internal.node_event_ids(r.node_id)
	UNION ALL
	SELECT 'rolled-up sum differs from the ledger', d.detail
	FROM (
		SELECT p.detail FROM commission_internal.rolled_day_problem AS p
		UNION ALL
		SELECT p.detail FROM commission_internal.rolled_kind_problem AS p
		UNION ALL
		SELECT p.detail FROM commission_internal.rolled_referred_problem AS p
		UNION ALL
		SELECT p.detail FROM commission_internal.rolled_hour_problem AS p
	) AS d
	UNION ALL
	SELECT 'sum is outside the range of bigint',
		format('account %s has %s credits%s; screens show NULL',
			   p.account_id, sum(p.amount), ' of ' || p.counts_as)
	FROM commission_internal.kind_sums AS p
	GROUP BY GROUPING SETS ((p.account_id, p.counts_as), (p.account_id))
	HAVING commission_internal.credits(sum(p.amount)) IS NULL;
COMMENT ON VIEW commission_internal.rolled_problem IS
	'rolled-up sums that are not those of the ledger''s entries under the event ids in commission.rolled, and sums that screens cannot show (R1)';

CREATE PROCEDURE commission.rollup()
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'commission_rollup';
COMMENT ON PROCEDURE commission.rollup() IS
	'adds what is new in this node''s ledger to the sums that screens read, which makes them faster and changes nothing that they show; waits up to two seconds for transactions that have written to the ledger, and leaves what a still-open transaction may commit to the next call; delays no sale and no reader; a second call at the same time waits for the first; 55000 at a hub under another commission.node_id than 0, since a node is rolled up on that node, whose sums come to the hub';
/*
 * planner.sql: how the views are found by index by the names that
 * applications use (planner.c).
 */

CREATE FUNCTION commission_internal.identifier_key(name text) RETURNS uuid
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_identifier_key';
COMMENT ON FUNCTION commission_internal.identifier_key(text) IS
	'account_id(), but NULL for an empty or over-long name';

CREATE FUNCTION commission_internal.account_keys(names text[]) RETURNS uuid[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ARRAY(SELECT commission_internal.identifier_key(n.name)
			 FROM unnest(names) AS n (name));
COMMENT ON FUNCTION commission_internal.account_keys(text[]) IS
	'the keys of accounts'' names';

CREATE FUNCTION commission_internal.generation_event(generation text) RETURNS bigint
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off
	AS $$
BEGIN
	/* Plus zero: a plain minimum may be looked for in the order of event ids. */
	RETURN (SELECT min(g.event_id + 0) FROM commission.generation AS g
			WHERE g.generation_id
				= commission_internal.identifier_key(generation_event.generation));
END $$;
COMMENT ON FUNCTION commission_internal.generation_event(text) IS
	'the event id of a generation; NULL for one that is not in the ledger';

/*
 * Each of the next is one statement, whose plan is kept.  It calls no function
 * in SQL that cannot be inlined: the body of such a function is planned again
 * in every query.
 */
CREATE FUNCTION commission_internal.generation_events(generations text[]) RETURNS bigint[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
	AS $$
BEGIN
	RETURN ARRAY(
		SELECT e.event_id
		FROM unnest(generations) AS n (name)
		JOIN commission.generation AS g
			ON g.generation_id = commission_internal.identifier_key(n.name)
		CROSS JOIN LATERAL (
			SELECT g.event_id
			UNION ALL
			SELECT l.event_id FROM commission.late_accrual AS l
			WHERE l.sale_event_id = g.event_id) AS e);
END $$;
COMMENT ON FUNCTION commission_internal.generation_events(text[]) IS
	'the event ids of generations, given by name, and of their late legs';

CREATE FUNCTION commission_internal.run_events(run_keys text[]) RETURNS bigint[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
	AS $$
BEGIN
	RETURN ARRAY(
		SELECT e.event_id
		FROM unnest(run_keys) AS k (run_key)
		CROSS JOIN LATERAL (
			SELECT g.event_id
			FROM commission.generation AS g
			WHERE k.run_key LIKE 'run:%'
				AND g.run_id = commission_internal.identifier_key(substr(k.run_key, 5))
			UNION ALL
			SELECT g.event_id
			FROM commission.generation AS g
			WHERE k.run_key LIKE 'generation:%'
				AND g.generation_id
					= commission_internal.identifier_key(substr(k.run_key, 12))) AS g
		CROSS JOIN LATERAL (
			SELECT g.event_id
			UNION ALL
			SELECT l.event_id FROM commission.late_accrual AS l
			WHERE l.sale_event_id = g.event_id) AS e);
END $$;
COMMENT ON FUNCTION commission_internal.run_events(text[]) IS
	'the event ids of the frames of runs and of their late legs, given by the run_key of commission.commission_detail';

CREATE FUNCTION commission_internal.source_events(sources text[]) RETURNS bigint[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
	AS $$
BEGIN
	RETURN ARRAY(
		SELECT e.event_id
		FROM unnest(sources) AS s (source)
		CROSS JOIN LATERAL (
			SELECT g.event_id FROM commission.generation AS g
			WHERE g.generation_id = commission_internal.identifier_key(s.source)
			UNION ALL
			SELECT o.event_id FROM commission.customer_order AS o
			WHERE o.order_id = commission_internal.identifier_key(s.source)) AS sale
		CROSS JOIN LATERAL (
			SELECT sale.event_id
			UNION ALL
			SELECT r.event_id FROM commission_internal.event_sale AS r
			WHERE r.sale_event_id = sale.event_id) AS e
		UNION ALL
		SELECT t.event_id
		FROM unnest(sources) AS s (source)
		JOIN commission.withdrawal_transition AS t
			ON t.withdrawal_id = CASE
				WHEN s.source ~ '^[0-9]{1,18}$' THEN s.source::bigint
				WHEN s.source ~ '^[0-9]{19}$'
					AND s.source <= '9223372036854775807' COLLATE "C"
					THEN s.source::bigint
				END
		UNION ALL
		SELECT a.event_id
		FROM unnest(sources) AS s (source)
		JOIN commission.adjustment AS a
			ON a.adjustment_id = commission_internal.identifier_key(s.source));
END $$;
COMMENT ON FUNCTION commission_internal.source_events(text[]) IS
	'the event ids of generations, orders, withdrawals and adjustments, given by the names under which commission.ledger shows them, and of their late legs and reversals';

CREATE FUNCTION commission_internal.promise_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_promise_support';
COMMENT ON FUNCTION commission_internal.promise_support(internal) IS
	'planner support of the promises: is_name_of() and its like';

CREATE FUNCTION commission_internal.is_name_of(name text, id uuid) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_name_of(text, uuid) IS
	'true: the promise of a view that id is the key of the account of that name; a comparison with the name then finds the key by index';

CREATE FUNCTION commission_internal.is_generation_of(generation text, event_id bigint)
	RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_generation_of(text, bigint) IS
	'true: the promise of a view that the event is that generation';

CREATE FUNCTION commission_internal.is_name_from(name text, id uuid) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_name_from(text, uuid) IS
	'true: the promise of a view that id is the key of the account of that name, for a column that no index begins with';

CREATE FUNCTION commission_internal.is_run_of(run_key text, event_id bigint) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_run_of(text, bigint) IS
	'true: the promise of a view that the event is a frame of the run with that key';

CREATE FUNCTION commission_internal.is_source_of(source text, event_id bigint) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_source_of(text, bigint) IS
	'true: the promise of a view that the event is among source_events() of that source';

CREATE FUNCTION commission_internal.is_same_account_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_is_same_account_support';
COMMENT ON FUNCTION commission_internal.is_same_account_support(internal) IS
	'planner support of is_same_account()';

CREATE FUNCTION commission_internal.is_same_account(account_id uuid,
													other_account_id uuid)
	RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000
	SUPPORT commission_internal.is_same_account_support
	AS 'MODULE_PATHNAME', 'commission_is_same_account';
COMMENT ON FUNCTION commission_internal.is_same_account(uuid, uuid) IS
	'whether two accounts'' keys are equal, at a cost that makes the planner look for an index; NULL for NULL';

CREATE FUNCTION commission_internal.reads_all_support(internal) RETURNS internal
	LANGUAGE c STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_reads_all_support';
COMMENT ON FUNCTION commission_internal.reads_all_support(internal) IS
	'planner support of reads_all()';

CREATE FUNCTION commission_internal.reads_all(name text, account_id uuid) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.reads_all_support
	AS 'MODULE_PATHNAME', 'commission_reads_all';
COMMENT ON FUNCTION commission_internal.reads_all(text, uuid) IS
	'whether a query reads a view for all accounts: true where it compares neither column with anything, nor joins by one (all_accounts.c)';
/*
 * account.sql: whose rows schema commission_portal shows (R50).
 *
 * A grant is for a role itself, not for its members: whoever a statement runs
 * as (current_user: after SET ROLE, and in a function that is SECURITY DEFINER)
 * sees what that role may see.
 */

CREATE TABLE commission.portal_role (
	role_id oid,
	role name NOT NULL,
	account_id uuid,
	CONSTRAINT portal_role_pkey PRIMARY KEY (role)
);
COMMENT ON TABLE commission.portal_role IS
	'the roles that see schema commission_portal, and the account of each (R50)';
COMMENT ON COLUMN commission.portal_role.role_id IS
	'the role''s OID: a role that is later made under the same name is another one; NULL: there was no such role when the row was restored';
COMMENT ON COLUMN commission.portal_role.account_id IS
	'the account whose rows the role sees; NULL: whichever a transaction names by commission.portal_account';

CREATE FUNCTION commission_internal.identify_role() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	NEW.role_id := (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = NEW.role);
	RETURN NEW;
END $$;
COMMENT ON FUNCTION commission_internal.identify_role() IS
	'trigger of commission.portal_role that looks up the OID of the role, which is another one where a dump is restored';

CREATE TRIGGER portal_role_identify
	BEFORE INSERT ON commission.portal_role
	FOR EACH ROW EXECUTE FUNCTION commission_internal.identify_role();
ALTER TABLE commission.portal_role
	ENABLE ALWAYS TRIGGER portal_role_identify;

CREATE VIEW commission_internal.role_account AS
	SELECT r.role_id,
		coalesce(r.account_id, commission_internal.identifier_key(
			commission_internal.portal_setting())) AS account_id
	FROM commission.portal_role AS r
	WHERE r.role = pg_get_userbyid(r.role_id);
COMMENT ON VIEW commission_internal.role_account IS
	'the account whose rows each role sees, NULL where the transaction has named none';

/*
 * Views ask for it in a sub-select, which each execution of a plan evaluates
 * once: a plan that is kept knows no account, and has an index condition on it
 * as on a constant.
 */
CREATE VIEW commission_internal.own_account WITH (security_barrier) AS
	SELECT r.account_id
	FROM commission_internal.role_account AS r
	WHERE r.role_id = quote_ident(current_user)::regrole;
COMMENT ON VIEW commission_internal.own_account IS
	'the account whose rows the current role sees; no row for a role that has been granted none';

/*
 * What has to be SECURITY DEFINER goes by the session's role instead, and the
 * view or function that calls it asks whether that is the current one: in a
 * function of somebody else's that is SECURITY DEFINER, too, it shows nothing.
 */
CREATE FUNCTION commission_internal.outer_role() RETURNS regrole
	LANGUAGE c STABLE PARALLEL RESTRICTED
	AS 'MODULE_PATHNAME', 'commission_outer_role';
COMMENT ON FUNCTION commission_internal.outer_role() IS
	'the role that the session has (SET ROLE), whatever functions that are SECURITY DEFINER are being executed';

CREATE VIEW commission_internal.viewer AS
	SELECT r.account_id
	FROM commission_internal.role_account AS r
	WHERE r.role_id = commission_internal.outer_role();
COMMENT ON VIEW commission_internal.viewer IS
	'the account whose rows the session''s role sees; no row for a role that has been granted none';

CREATE VIEW commission_internal.named_account AS
	SELECT a.account_id,
		CASE WHEN NOT EXISTS (SELECT FROM commission_internal.viewer AS v)
				OR a.account_id = (SELECT v.account_id FROM commission_internal.viewer AS v)
			THEN a.name
			ELSE commission.mask(coalesce(a.label, a.name))
		END AS name
	FROM commission.account AS a;
COMMENT ON VIEW commission_internal.named_account IS
	'the accounts by their names, all but its own masked for a role that sees schema commission_portal (R34, R50)';
/*
 * announce.sql: announcing terms (R41, R42).
 *
 * Whoever lowers anything for anybody begins commission.notice_days later.
 * What a version lowers is told by comparing, for each account that it concerns
 * and at each moment at which anything announced begins, what applies with it
 * and without it.
 */

CREATE FUNCTION commission_internal.lock_terms() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	LOCK TABLE commission.terms_version IN SHARE ROW EXCLUSIVE MODE;
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE 'cannot change terms under isolation level %',
				upper(current_setting('transaction_isolation'))
			USING ERRCODE = 'invalid_transaction_state',
				HINT = 'Begin the transaction with ISOLATION LEVEL READ COMMITTED.';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.lock_terms() IS
	'makes changes of terms and groups follow one another, until the transaction ends: each sees what the one before it has announced; 25000 under REPEATABLE READ and SERIALIZABLE, which would not';

CREATE FUNCTION commission_internal.lowered_terms(
	account_id uuid, group_before text, group_after text, since timestamptz,
	ignored bigint)
	RETURNS TABLE (term text, before numeric, after numeric, at timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(a.term, b.term), b.value, a.value, m.at
	FROM (
		SELECT since AS at
		UNION
		SELECT v.valid_from
		FROM commission.terms_version AS v
		WHERE v.valid_from > since AND v.subject_id IN (account_id,
			commission_internal.identifier_key(group_before),
			commission_internal.identifier_key(group_after),
			'00000000-0000-0000-0000-000000000000')) AS m
	CROSS JOIN LATERAL commission_internal.resolved_terms(
		account_id, group_after, m.at) AS a
	JOIN LATERAL commission_internal.resolved_terms(
			account_id, group_before, m.at, ignored) AS b
		ON b.term = a.term
		OR (b.term = 'first_order_ratio' AND a.term = 'first_order_amount'
			AND a.value IS NOT NULL)
		OR (b.term = 'first_order_amount' AND a.term = 'first_order_ratio'
			AND b.value IS NOT NULL)
	WHERE CASE
			WHEN a.term = 'minimum_payout' THEN a.value > b.value
			WHEN a.term IN ('renewals', 'days')
			THEN a.value < coalesce(b.value, 'Infinity')
			WHEN a.term = b.term THEN a.value < b.value
			/* An amount for a ratio, or the other way: less of some order. */
			WHEN a.term = 'first_order_amount' THEN b.value > 0
			ELSE b.value > 0 AND a.value < 1
		END;
END;
COMMENT ON FUNCTION commission_internal.lowered_terms(uuid, text, text, timestamptz, bigint) IS
	'what an account (NULL: one without terms of its own) has less of, at any time from a moment on, in group_after than without the version ignored and in group_before: the term, both values, and from when (R42)';

CREATE FUNCTION commission_internal.check_notice(
	account_id uuid, group_before text, group_after text, since timestamptz,
	version bigint DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
	notice_days CONSTANT integer := commission_internal.setting('notice_days');
	lowered record;
BEGIN
	IF since >= now() + notice_days * interval '24 hours' THEN
		RETURN;
	END IF;
	SELECT l.* INTO lowered
	FROM commission_internal.lowered_terms(account_id, group_before, group_after,
										   since, version) AS l
	ORDER BY l.at, l.term LIMIT 1;
	IF FOUND THEN
		RAISE 'terms cannot be lowered without notice'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('%s of %s would become %s instead of %s on %s.',
					lowered.term,
					coalesce((SELECT format('account "%s"', a.name)
							  FROM commission.account AS a
							  WHERE a.account_id = check_notice.account_id),
							 'group "' || group_after || '"', 'everybody'),
					lowered.after, coalesce(lowered.before::text, 'no limit'),
					commission_internal.utc(lowered.at)),
				HINT = format('What lowers anything begins at %s or later.',
					commission_internal.utc(now() + notice_days * interval '24 hours'));
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.check_notice(uuid, text, text, timestamptz, bigint) IS
	'refuses a version, or a move from a group to another, that begins sooner than commission.notice_days from now and lowers anything for an account (R42): 22023';

/* Accounts that nothing of their own sets apart are concerned alike. */
CREATE FUNCTION commission_internal.announce(v commission.terms_version)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
DECLARE
	concerned record;
BEGIN
	PERFORM commission_internal.lock_terms();
	v.version := commission_internal.draw_event_id();
	v.announced_at := now();
	v.announced_by := session_user;
	INSERT INTO commission.terms_version SELECT v.*;
	UPDATE commission.account AS a SET has_terms = true
	WHERE v.scope = 'a' AND a.account_id = v.subject_id AND NOT a.has_terms;
	FOR concerned IN
		SELECT DISTINCT CASE WHEN a.has_terms THEN a.account_id END AS account_id,
			a.group_name
		FROM commission.account AS a
		WHERE CASE v.scope WHEN 'a' THEN a.account_id = v.subject_id
			WHEN 'g' THEN a.group_name = v.group_name
			ELSE a.has_terms OR a.group_name IS NOT NULL END
		UNION
		SELECT NULL, NULL WHERE v.scope = 'p'
	LOOP
		PERFORM commission_internal.check_notice(concerned.account_id,
			concerned.group_name, concerned.group_name, v.valid_from, v.version);
	END LOOP;
	RETURN v.version;
END $$;
COMMENT ON FUNCTION commission_internal.announce(commission.terms_version) IS
	'appends a version of terms and returns its number; 22023 where it lowers anything for anybody without notice (R42)';

CREATE FUNCTION commission_internal.check_term(value bigint, lowest bigint,
											   highest bigint, what text)
	RETURNS bigint
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	IF value NOT BETWEEN lowest AND highest THEN
		RAISE '% must be from % to %', what, lowest, highest
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s.', value);
	END IF;
	RETURN value;
END $$;
COMMENT ON FUNCTION commission_internal.check_term(bigint, bigint, bigint, text) IS
	'the value of a term that is no ratio; NULL for NULL; 22023 for one that is out of its range';

CREATE FUNCTION commission_internal.stated(
	brand_ratio numeric, creator_ref_ratio numeric, first_order_ratio numeric,
	renewal_ratio numeric, upgrade_ratio numeric, upgraded_renewal_ratio numeric,
	first_order_amount bigint, renewals integer, days integer,
	minimum_payout bigint, valid_from timestamptz, reason text)
	RETURNS commission.terms_version
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
#variable_conflict use_variable
DECLARE
	v commission.terms_version;
BEGIN
	v.brand_ratio_ppm := commission_internal.ratio_ppm(brand_ratio, 'brand_ratio');
	v.creator_ref_ratio_ppm := commission_internal.ratio_ppm(creator_ref_ratio, 'creator_ref_ratio');
	v.first_order_ratio_ppm := commission_internal.ratio_ppm(first_order_ratio, 'first_order_ratio');
	v.renewal_ratio_ppm := commission_internal.ratio_ppm(renewal_ratio, 'renewal_ratio');
	v.upgrade_ratio_ppm := commission_internal.ratio_ppm(upgrade_ratio, 'upgrade_ratio');
	v.upgraded_renewal_ratio_ppm := commission_internal.ratio_ppm(upgraded_renewal_ratio, 'upgraded_renewal_ratio');
	v.first_order_amount := commission_internal.check_term(first_order_amount, 0,
		1000000000000000, 'first_order_amount');
	v.renewals := commission_internal.check_term(renewals, 0, 2147483647, 'renewals');
	v.days := commission_internal.check_term(days, 1, 36525, 'days');
	v.minimum_payout := commission_internal.check_term(minimum_payout, 0,
		1000000000000000, 'minimum_payout');
	v.valid_from := commission_internal.finite(valid_from, 'valid_from');
	v.reason := commission_internal.bounded(reason, 'reason');
	RETURN v;
END $$;
COMMENT ON FUNCTION commission_internal.stated(numeric, numeric, numeric, numeric, numeric, numeric, bigint, integer, integer, bigint, timestamptz, text) IS
	'a version of terms that states these, of nobody yet; 22023 for a value out of its range, 22008 for an infinite time';

CREATE FUNCTION commission.set_terms(
	account text, brand_ratio numeric DEFAULT NULL, creator_ref_ratio numeric DEFAULT NULL,
	first_order_ratio numeric DEFAULT NULL, renewal_ratio numeric DEFAULT NULL,
	upgrade_ratio numeric DEFAULT NULL, upgraded_renewal_ratio numeric DEFAULT NULL,
	first_order_amount bigint DEFAULT NULL, renewals integer DEFAULT NULL,
	days integer DEFAULT NULL, minimum_payout bigint DEFAULT NULL,
	valid_from timestamptz DEFAULT now(), reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
	v commission.terms_version := commission_internal.stated(brand_ratio, creator_ref_ratio, first_order_ratio, renewal_ratio,
		upgrade_ratio, upgraded_renewal_ratio, first_order_amount, renewals, days,
		minimum_payout, valid_from, reason);
BEGIN
	v.scope := 'a';
	v.subject_id := commission_internal.know_account(
		commission_internal.identifier(account, 'account'));
	RETURN commission_internal.announce(v);
END $$;
COMMENT ON FUNCTION commission.set_terms(text, numeric, numeric, numeric, numeric, numeric, numeric, bigint, integer, integer, bigint, timestamptz, text) IS
	'announces the account''s own terms, and returns the version (R40): each term states what whoever earns by it gets: ratios are decimals from 0 to 1 (R2), first_order_amount credits in place of first_order_ratio and never more than the order, renewals how many renewals of a customer pay, days for how many days from the attribution orders pay, upgraded_renewal_ratio what renewals after an upgrade pay, minimum_payout credits (R41); what is NULL is not stated, and is as its group, the programme or the settings have it; it is in force from valid_from, by the time of a sale, until the next version of the same begins; of two that begin at once the one announced last counts; 22023 where it lowers anything for anybody and begins sooner than commission.notice_days from now (R42); 22023 also for a value out of its range or a reason of more than 1024 bytes, 22008 for an infinite time, 25000 under REPEATABLE READ and SERIALIZABLE; 22004 for a NULL account, 22023 for an empty or over-long one';

CREATE FUNCTION commission.set_group_terms(
	group_name text, brand_ratio numeric DEFAULT NULL, creator_ref_ratio numeric DEFAULT NULL,
	first_order_ratio numeric DEFAULT NULL, renewal_ratio numeric DEFAULT NULL,
	upgrade_ratio numeric DEFAULT NULL, upgraded_renewal_ratio numeric DEFAULT NULL,
	first_order_amount bigint DEFAULT NULL, renewals integer DEFAULT NULL,
	days integer DEFAULT NULL, minimum_payout bigint DEFAULT NULL,
	valid_from timestamptz DEFAULT now(), reason text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
	v commission.terms_version := commission_internal.stated(brand_ratio, creator_ref_ratio, first_order_ratio, renewal_ratio,
		upgrade_ratio, upgraded_renewal_ratio, first_order_amount, renewals, days,
		minimum_payout, valid_from, reason);
BEGIN
	v.scope := 'g';
	v.group_name := commission_internal.identifier(group_name, 'group_name');
	v.subject_id := commission.account_id(v.group_name);
	RETURN commission_internal.announce(v);
END $$;
COMMENT ON FUNCTION commission.set_group_terms(text, numeric, numeric, numeric, numeric, numeric, numeric, bigint, integer, integer, bigint, timestamptz, text) IS
	'announces the terms of a group, for each account in it that has none of its own; as set_terms';

CREATE FUNCTION commission.announce_terms(
	brand_ratio numeric DEFAULT NULL, creator_ref_ratio numeric DEFAULT NULL,
	first_order_ratio numeric DEFAULT NULL, renewal_ratio numeric DEFAULT NULL,
	upgrade_ratio numeric DEFAULT NULL, upgraded_renewal_ratio numeric DEFAULT NULL,
	first_order_amount bigint DEFAULT NULL, renewals integer DEFAULT NULL,
	days integer DEFAULT NULL, minimum_payout bigint DEFAULT NULL,
	valid_from timestamptz DEFAULT now(), reason text DEFAULT NULL,
	total_cap_ratio numeric DEFAULT NULL)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
	v commission.terms_version := commission_internal.stated(brand_ratio, creator_ref_ratio, first_order_ratio, renewal_ratio,
		upgrade_ratio, upgraded_renewal_ratio, first_order_amount, renewals, days,
		minimum_payout, valid_from, reason);
BEGIN
	v.total_cap_ratio_ppm := commission_internal.ratio_ppm(total_cap_ratio,
		'total_cap_ratio');
	v.scope := 'p';
	v.subject_id := '00000000-0000-0000-0000-000000000000';
	RETURN commission_internal.announce(v);
END $$;
COMMENT ON FUNCTION commission.announce_terms(numeric, numeric, numeric, numeric, numeric, numeric, bigint, integer, integer, bigint, timestamptz, text, numeric) IS
	'announces the programme''s terms, which take the place of the settings: of what is NULL the settings apply, so that a version that states nothing gives back to them; total_cap_ratio is what all legs of a generation together never exceed (R12); as set_terms';
/*
 * group.sql: moving accounts into groups (R43).
 */

CREATE FUNCTION commission_internal.move_accounts(
	account_ids uuid[], to_group text, valid_from timestamptz, figure bigint,
	reason text)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
#variable_conflict use_variable
BEGIN
	INSERT INTO commission.group_change (change_id, valid_from, account_id, figure,
		by_tier, from_group, to_group, reason)
	SELECT commission_internal.draw_event_id(),
		greatest(valid_from, a.group_since), a.account_id, figure,
		figure IS NOT NULL, a.group_name, to_group, reason
	FROM commission.account AS a
	WHERE a.account_id = ANY (account_ids);
	UPDATE commission.account AS a
	SET group_name = to_group, group_since = greatest(valid_from, a.group_since)
	WHERE a.account_id = ANY (account_ids);
END $$;
COMMENT ON FUNCTION commission_internal.move_accounts(uuid[], text, timestamptz, bigint, text) IS
	'moves accounts into a group, or out of any for NULL, from a moment on, but never before the last move of each; figure: what was measured, NULL: they are placed by hand';

CREATE FUNCTION commission_internal.is_placed_by_hand(account_id uuid)
	RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce((
	SELECT NOT c.by_tier AND c.to_group IS NOT NULL
	FROM commission.group_change AS c
	WHERE c.account_id = is_placed_by_hand.account_id
	ORDER BY c.valid_from DESC, c.change_id DESC LIMIT 1), false);
COMMENT ON FUNCTION commission_internal.is_placed_by_hand(uuid) IS
	'whether an account is in the group that it was placed in by hand, where tiers leave it';

CREATE FUNCTION commission.set_group(account text, group_name text,
									 reason text DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
	moved commission.account;
BEGIN
	PERFORM commission_internal.bounded(reason, 'reason');
	IF group_name IS NOT NULL THEN
		group_name := commission_internal.identifier(group_name, 'group_name');
	END IF;
	PERFORM commission_internal.know_account(
		commission_internal.identifier(account, 'account'));
	PERFORM commission_internal.lock_terms();
	moved := commission_internal.locked_account(account);
	IF moved.group_name IS NOT DISTINCT FROM group_name
		AND (group_name IS NULL
			 OR commission_internal.is_placed_by_hand(moved.account_id))
	THEN
		RETURN;
	END IF;
	PERFORM commission_internal.check_notice(moved.account_id, moved.group_name,
											 group_name, now());
	PERFORM commission_internal.move_accounts(ARRAY[moved.account_id], group_name,
											  now(), NULL, reason);
END $$;
COMMENT ON FUNCTION commission.set_group(text, text, text) IS
	'moves an account into a group by hand, from now on: apply_tiers() leaves it there; NULL takes it out, and leaves it to the tiers again (R43). The group need not have terms yet. 22023 where the move lowers anything for the account and commission.notice_days is above 0 (R42): state what it has by set_terms(), move it, and let a version of set_terms() that states nothing begin after the notice; 22023 for an empty or over-long account or group or an over-long reason, 22004 for a NULL account, 25000 under REPEATABLE READ and SERIALIZABLE';

/*
 * An account that was placed by hand is where the rows say unless they say
 * otherwise; what tiers say counts for nothing, and is left alone for NULL.
 */
CREATE FUNCTION commission_internal.group_moves(names text[], groups text[])
	RETURNS TABLE (account_id uuid, from_group text, to_group text,
				   registered_at timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT g.account_id, a.group_name, g.group_name, a.registered_at
	FROM (
		SELECT DISTINCT ON (r.name) commission.account_id(r.name) AS account_id,
			CASE WHEN r.group_name IS NOT NULL THEN commission_internal.identifier(
				r.group_name, format('group_name of account "%s"', r.name))
				END AS group_name
		FROM unnest(names, groups) WITH ORDINALITY AS r (name, group_name, n)
		ORDER BY r.name, r.n DESC) AS g
	LEFT JOIN commission.account AS a ON a.account_id = g.account_id
	WHERE g.group_name IS DISTINCT FROM CASE WHEN a.group_name IS NOT NULL
		AND commission_internal.is_placed_by_hand(a.account_id) THEN a.group_name END
	ORDER BY g.account_id;
END;
COMMENT ON FUNCTION commission_internal.group_moves(text[], text[]) IS
	'the accounts, by the names that identifier() gives, that must be moved so that each is in the group that it is given by hand, or for NULL in none by hand, where tiers may have it in one; registered_at is NULL of an account that does not exist; the last of two rows that name one account counts; 22023 for an empty or over-long group';

/*
 * Most rows move nobody, and take no lock.  The locks come in the order of
 * set_group().
 */
CREATE FUNCTION commission_internal.take_groups(names text[], groups text[],
												relation text)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
DECLARE
	moved record;
BEGIN
	IF NOT EXISTS (SELECT FROM commission_internal.group_moves(names, groups)) THEN
		RETURN;
	END IF;
	PERFORM commission_internal.know_accounts(VARIADIC names);
	PERFORM commission_internal.lock_terms();
	PERFORM commission_internal.check_notice(m.account_id, m.from_group, m.to_group,
											 now())
	FROM commission_internal.group_moves(names, groups) AS m
	WHERE m.registered_at < now();
	FOR moved IN
		SELECT m.to_group, array_agg(m.account_id) AS account_ids
		FROM commission_internal.group_moves(names, groups) AS m
		GROUP BY m.to_group
	LOOP
		PERFORM commission_internal.move_accounts(moved.account_ids, moved.to_group,
			now(), NULL, format('row of "%s"', relation));
	END LOOP;
END $$;
COMMENT ON FUNCTION commission_internal.take_groups(text[], text[], text) IS
	'places accounts in groups by hand, as the rows of an application''s table say, from now on; an account that this transaction creates has nothing to lose (R42); errors as set_group';

CREATE VIEW commission.group_history AS
	SELECT a.name AS account,
		c.from_group,
		c.to_group,
		c.changed_at,
		c.reason,
		c.figure,
		c.valid_from,
		c.changed_by,
		c.change_id,
		c.account_id
	FROM commission.group_change AS c
	JOIN commission.account AS a ON a.account_id = c.account_id
	WHERE commission_internal.is_name_of(a.name, c.account_id);
COMMENT ON VIEW commission.group_history IS
	'each move of an account from a group (NULL: none) to another (R43): when, why, and by whom, and of a move by apply_tiers() the figure that caused it, NULL of one by hand; valid_from: sales from then on are under the group''s terms; read it with ORDER BY change_id DESC LIMIT n';
/*
 * terms_of.sql: what applies, what was announced, and what applied before
 * (R40 to R42).
 */

CREATE VIEW commission.terms_history AS
	SELECT CASE v.scope WHEN 'a' THEN 'account' WHEN 'g' THEN 'group'
			ELSE 'programme' END AS scope,
		a.name AS account,
		v.group_name,
		v.valid_from,
		v.reason,
		commission_internal.ratio(v.brand_ratio_ppm::integer) AS brand_ratio,
		commission_internal.ratio(v.creator_ref_ratio_ppm::integer) AS creator_ref_ratio,
		commission_internal.ratio(v.first_order_ratio_ppm::integer) AS first_order_ratio,
		commission_internal.ratio(v.renewal_ratio_ppm::integer) AS renewal_ratio,
		commission_internal.ratio(v.upgrade_ratio_ppm::integer) AS upgrade_ratio,
		commission_internal.ratio(v.upgraded_renewal_ratio_ppm::integer)
			AS upgraded_renewal_ratio,
		v.first_order_amount,
		v.renewals,
		v.days,
		v.minimum_payout,
		commission_internal.ratio(v.total_cap_ratio_ppm::integer) AS total_cap_ratio,
		v.announced_at,
		v.announced_by,
		v.version,
		a.account_id
	FROM commission.terms_version AS v
	LEFT JOIN commission.account AS a
		ON v.scope = 'a' AND a.account_id = v.subject_id;
COMMENT ON VIEW commission.terms_history IS
	'each version of terms (R42): of an account, a group or the programme (scope), what it states, NULL being inherited, from when it is in force, until the next of the same begins, why, and when and by whom it was announced; read it with ORDER BY version DESC LIMIT n';

CREATE VIEW commission.announced_terms AS
	SELECT h.*
	FROM commission.terms_history AS h
	JOIN commission.terms_version AS v ON v.version = h.version
	WHERE v.valid_from > now()
		AND NOT EXISTS (SELECT FROM commission.terms_version AS o
						WHERE o.scope = v.scope AND o.subject_id = v.subject_id
							AND o.valid_from = v.valid_from
							AND o.version > v.version);
COMMENT ON VIEW commission.announced_terms IS
	'the versions of terms that are announced and not in force yet (R42), as in terms_history, without those in whose place another was announced since';

CREATE FUNCTION commission_internal.terms_moments(account_id uuid,
												  after timestamptz)
	RETURNS SETOF timestamptz
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT v.valid_from FROM commission.terms_version AS v
	WHERE v.valid_from > after AND v.subject_id IN (
		terms_moments.account_id, '00000000-0000-0000-0000-000000000000')
	UNION
	SELECT v.valid_from
	FROM commission.terms_version AS v
	WHERE v.valid_from > after AND v.scope = 'g' AND v.group_name IN (
		SELECT c.to_group FROM commission.group_change AS c
		WHERE c.account_id = terms_moments.account_id)
	UNION
	SELECT c.valid_from FROM commission.group_change AS c
	WHERE c.account_id = terms_moments.account_id AND c.valid_from > after;
END;
COMMENT ON FUNCTION commission_internal.terms_moments(uuid, timestamptz) IS
	'the moments after another at which the terms of an account may change';

CREATE FUNCTION commission.terms_of(account text, at timestamptz DEFAULT now())
	RETURNS TABLE (term text, value numeric, source text, until timestamptz,
				   since timestamptz, version bigint)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off SET plan_cache_mode = force_generic_plan
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH subject AS MATERIALIZED (
		SELECT s.account_id, g.group_name,
			(SELECT max(c.valid_from) FROM commission.group_change AS c
			 WHERE c.account_id = s.account_id AND c.valid_from <= terms_of.at) AS group_since
		FROM (SELECT commission_internal.identifier_key(terms_of.account)
				AS account_id) AS s
		CROSS JOIN LATERAL (
			SELECT commission_internal.group_at(s.account_id, terms_of.at) AS group_name) AS g
	), later AS MATERIALIZED (
		SELECT m.at, t.term, t.value
		FROM subject AS s
		CROSS JOIN LATERAL commission_internal.terms_moments(s.account_id,
															 terms_of.at) AS m (at)
		CROSS JOIN LATERAL commission_internal.resolved_terms(s.account_id,
			commission_internal.group_at(s.account_id, m.at), m.at) AS t
	)
	SELECT t.term, t.value,
		commission_internal.terms_source(t.scope, s.group_name),
		(SELECT min(m.at)
		 FROM (SELECT DISTINCT l.at FROM later AS l) AS m
		 LEFT JOIN later AS l ON l.at = m.at AND l.term = t.term
		 WHERE l.value IS DISTINCT FROM t.value),
		greatest(v.valid_from, CASE t.scope WHEN 'g' THEN s.group_since END),
		t.version
	FROM subject AS s
	CROSS JOIN LATERAL commission_internal.resolved_terms(
		s.account_id, s.group_name, terms_of.at) AS t
	LEFT JOIN commission.terms_version AS v ON v.version = t.version
	ORDER BY t.position;
END $$;
COMMENT ON FUNCTION commission.terms_of(text, timestamptz) IS
	'the terms of an account at a moment (R40): of each the value (a ratio as a decimal, credits, a number; NULL: no limit, or no flat amount), whose it is (account, group NAME, programme or settings), until when it is announced to apply, NULL being until further notice, since when, and the version that states it (both NULL of the settings, which can change without notice: R42); first_order_ratio has no row where first_order_amount applies; of an account that does not exist or is NULL, the programme''s';

CREATE VIEW commission_internal.program_value AS
	SELECT max(r.value::text) FILTER (WHERE r.term = 'brand_ratio') AS brand_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'creator_ref_ratio')
			AS creator_ref_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'total_cap_ratio') AS total_cap_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'first_order_ratio')
			AS first_order_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'first_order_amount')
			AS first_order_amount,
		max(r.value::text) FILTER (WHERE r.term = 'renewal_ratio') AS renewal_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'upgrade_ratio') AS upgrade_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'upgraded_renewal_ratio')
			AS upgraded_renewal_ratio,
		max(r.value::text) FILTER (WHERE r.term = 'renewals') AS renewals,
		max(r.value::text) FILTER (WHERE r.term = 'days') AS days,
		max(r.value::text) FILTER (WHERE r.term = 'minimum_payout') AS minimum_payout,
		commission_internal.setting('brand_referral_window_days') AS brand_window,
		commission_internal.setting('attribution_window_days') AS touch_window,
		commission_internal.setting('hold_days') AS hold_days,
		commission_internal.setting('minimum_pool') AS minimum_pool,
		commission_internal.setting('marketplace_only') AS marketplace_only,
		commission_internal.setting('platform_markup_ratio') AS markup_ratio,
		commission_internal.setting('notice_days') AS notice_days
	FROM commission_internal.resolved_terms(NULL, NULL, now()) AS r;
COMMENT ON VIEW commission_internal.program_value IS
	'the one row of what the programme''s terms are now, in text; NULL for what they do not state';

CREATE VIEW commission.program_terms AS
	SELECT t.term, t.value, t.description
	FROM commission_internal.program_value AS s
	CROSS JOIN LATERAL (VALUES
		('brand_ratio', s.brand_ratio,
		 'share of the net margin of each paid generation of a brand that you referred'),
		('creator_ref_ratio', s.creator_ref_ratio,
		 'share of the net margin of each generation by another brand with a listing of a creator that you referred'),
		('total_cap_ratio', s.total_cap_ratio,
		 'share of the net margin that all legs of one generation together never exceed; all are scaled down in proportion'),
		('brand_referral_window_days', s.brand_window,
		 CASE s.brand_window
			WHEN '0' THEN 'the brand leg recurs for life: 0 is no limit in days'
			ELSE 'days after attribution for which the brand leg recurs'
		 END || '; the creator leg has no limit'),
		('attribution_window_days', s.touch_window,
		 'days from a visitor''s first touch in which their sign-up counts as your referral'),
		('first_order_ratio', s.first_order_ratio,
		 'share of the first order of a customer that you referred'),
		('first_order_amount', s.first_order_amount,
		 'credits for the first order of a customer that you referred, at most the order'),
		('renewal_ratio', s.renewal_ratio,
		 CASE WHEN s.renewals IS NULL
			THEN 'share of each renewal; it recurs for as long as the customer pays'
			ELSE 'share of each renewal' END),
		('upgrade_ratio', s.upgrade_ratio,
		 'share of each upgrade'),
		('upgraded_renewal_ratio', nullif(s.upgraded_renewal_ratio, s.renewal_ratio),
		 'share of each renewal after an upgrade'),
		('renewals', s.renewals,
		 'renewals of a customer that pay'),
		('days', s.days,
		 'days after attribution in which a customer''s orders pay'),
		('minimum_payout', s.minimum_payout,
		 CASE s.minimum_payout
			WHEN '0' THEN 'credits: there is no minimum withdrawal'
			ELSE 'credits: the minimum withdrawal, $'
				|| (s.minimum_payout::numeric / 100)::numeric(20, 2)
		 END || '; paid by PayPal or another method that the platform offers'),
		('hold_days', s.hold_days,
		 CASE s.hold_days
			WHEN '0' THEN 'earnings can be withdrawn at once'
			ELSE 'days before an earning can be withdrawn'
		 END),
		('minimum_pool', s.minimum_pool,
		 'credits: the minimum pool of a listing, which its owner and co-authors share'),
		('platform_markup_ratio', s.markup_ratio,
		 'what the platform adds to a pool, rounded up to the credit; part of the net margin'),
		('marketplace_only', s.marketplace_only,
		 CASE s.marketplace_only
			WHEN 'on' THEN 'only generations that use a listing pay'
			ELSE 'generations without a listing also pay'
		 END),
		('notice_days', nullif(s.notice_days, '0'),
		 'days before which whatever lowers these terms for anybody is announced')
	) AS t (term, value, description)
	WHERE t.value IS NOT NULL;
COMMENT ON VIEW commission.program_terms IS
	'the programme''s terms as they are in force now, as announced or, where they are not, as the settings have them: ratios as decimals, money in credits, windows in days; terms_of() has those of an account; what was earned is never altered by a later change (R15)';

CREATE FUNCTION commission.project_subscription(price bigint, renewals integer,
												account text DEFAULT NULL)
	RETURNS TABLE (first_order bigint, renewal bigint, total bigint)
	LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 1
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	t CONSTANT jsonb := (SELECT jsonb_object_agg(o.term, o.value)
						 FROM commission.terms_of(account) AS o);
	flat CONSTANT bigint := t->>'first_order_amount';
	paying CONSTANT bigint := least(renewals, (t->>'renewals')::bigint);
	sum numeric;
BEGIN
	IF price IS NULL OR renewals IS NULL THEN
		RETURN;
	ELSIF price < 0 THEN
		RAISE 'price must not be negative'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s credits.', price);
	ELSIF renewals < 0 THEN
		RAISE 'number of renewals must not be negative'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	first_order := CASE WHEN flat IS NULL
		THEN round(price * (t->>'first_order_ratio')::numeric)
		ELSE least(flat, price) END;
	renewal := round(price * (t->>'renewal_ratio')::numeric);
	sum := first_order::numeric + renewal::numeric * paying;
	IF sum > 9223372036854775807 THEN
		RAISE 'amount out of range'
			USING ERRCODE = 'numeric_value_out_of_range',
				DETAIL = format('It is %s credits.', sum);
	END IF;
	total := sum;
	RETURN NEXT;
END $$;
COMMENT ON FUNCTION commission.project_subscription(bigint, integer, text) IS
	'what one referral that subscribes at this price and renews so often brings an account (NULL: one without terms of its own) under the terms in force (R40), in credits: the first order, each renewal, all together, with as many renewals as pay, each order rounded half up by itself (R30); no row for a NULL price or number; 22023 for a negative price or number, 22003 where the total leaves bigint';
/*
 * adjustment.sql: the operator's own entries (R45).
 */

CREATE TABLE commission.adjustment (
	event_id bigint NOT NULL,
	occurred_at timestamptz NOT NULL,
	amount bigint NOT NULL,
	adjusted_at timestamptz NOT NULL DEFAULT now(),
	adjustment_id uuid NOT NULL,
	account_id uuid NOT NULL,
	adjusted_by text NOT NULL DEFAULT session_user,
	name text NOT NULL,
	reason text NOT NULL,
	CONSTRAINT adjustment_pkey PRIMARY KEY (event_id),
	CONSTRAINT adjustment_adjustment_id_key UNIQUE (adjustment_id),
	CONSTRAINT adjustment_amount_check CHECK (
		amount BETWEEN -1000000000000000 AND 1000000000000000 AND amount <> 0)
);
COMMENT ON TABLE commission.adjustment IS
	'bonuses and corrections, each of which is an entry of the ledger (R45)';
COMMENT ON COLUMN commission.adjustment.amount IS
	'credits, below zero where they leave the balance; at most 10^15 (R1)';
COMMENT ON COLUMN commission.adjustment.adjusted_by IS
	'the role that had logged in (session_user)';
COMMENT ON COLUMN commission.adjustment.name IS
	'the operator''s identifier';
COMMENT ON COLUMN commission.adjustment.reason IS
	'which the account sees';

CREATE FUNCTION commission_internal.check_adjustment(amount bigint, reason text)
	RETURNS void
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	IF commission_internal.required(amount, 'amount') = 0 THEN
		RAISE 'adjustment must not be of 0 credits'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF amount NOT BETWEEN -1000000000000000 AND 1000000000000000 THEN
		RAISE 'adjustment is too large'
			USING ERRCODE = 'numeric_value_out_of_range',
				DETAIL = format('It is %s credits; at most 1000000000000000 are allowed.',
					amount);
	END IF;
	PERFORM commission_internal.bounded(
		commission_internal.required(reason, 'reason'), 'reason');
END $$;
COMMENT ON FUNCTION commission_internal.check_adjustment(bigint, text) IS
	'that an adjustment has an amount that can be, and a reason; 22004, 22023, 22003';

CREATE FUNCTION commission.adjust(adjustment text, account text, amount bigint,
								  reason text,
								  occurred_at timestamptz DEFAULT now())
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_variable
DECLARE
	event CONSTANT bigint := commission_internal.draw_event_id();
	id uuid;
	recorded commission.adjustment;
	difference record;
BEGIN
	adjustment := commission_internal.identifier(adjustment, 'adjustment');
	PERFORM commission_internal.check_adjustment(amount, reason);
	occurred_at := commission_internal.finite(occurred_at, 'occurred_at');
	id := commission_internal.know_account(
		commission_internal.identifier(account, 'account'));
	INSERT INTO commission.adjustment (event_id, occurred_at, amount, adjustment_id,
		account_id, name, reason)
	VALUES (event, occurred_at, amount, commission.account_id(adjustment), id,
		adjustment, reason)
	ON CONFLICT ON CONSTRAINT adjustment_adjustment_id_key DO NOTHING;
	IF FOUND THEN
		INSERT INTO commission.entry (event_id, line, amount, occurred_at, account_id,
			kind, counts_as)
		VALUES (event, 1, amount, occurred_at, id, 'adjustment', 'adjustment');
		RETURN event;
	END IF;
	SELECT a.* INTO recorded FROM commission.adjustment AS a
	WHERE a.adjustment_id = commission.account_id(adjustment);
	SELECT d.* INTO difference
	FROM (VALUES
		('account', (SELECT a.name FROM commission.account AS a
					 WHERE a.account_id = recorded.account_id),
		 (SELECT a.name FROM commission.account AS a WHERE a.account_id = id)),
		('amount', recorded.amount::text, amount::text),
		('reason', recorded.reason, reason),
		('time', recorded.occurred_at::text,
		 CASE WHEN occurred_at = now() THEN recorded.occurred_at::text
			ELSE occurred_at::text END)) AS d (what, there, here)
	WHERE d.there <> d.here LIMIT 1;
	IF FOUND THEN
		RAISE 'adjustment "%" is already recorded with other content', adjustment
			USING ERRCODE = 'unique_violation',
				DETAIL = format('Its %s is %s there, and %s here.', difference.what,
					difference.there, difference.here),
				HINT = 'Use another id for another adjustment.';
	END IF;
	RETURN recorded.event_id;
END $$;
COMMENT ON FUNCTION commission.adjust(text, text, bigint, text, timestamptz) IS
	'gives an account credits, or takes them for a negative amount, and returns the event id (R45): a bonus, a correction. They count in the balance and can be withdrawn at once, stand in the statement with the reason, which the account sees, and apart in the card; a balance may fall below zero. An adjustment is known by its id: the same again returns what is recorded, 23505 for other content (R17); what was wrong is put right by a further one. 22023 for 0 credits or an empty or over-long adjustment, account or reason, 22003 for more than 10^15 credits (R1), 22004 for NULL, 22008 for an infinite time; 55000 on a node';

/* For audit(). */
CREATE VIEW commission_internal.adjustment_problem AS
	SELECT 'entries differ from the facts' AS problem, event_id,
		format('the ledger has adjustments of %s credits in %s lines; the facts give %s',
			   coalesce(e.amount, 0), coalesce(e.lines, 0), coalesce(a.amount, 0)) AS detail
	FROM commission.adjustment AS a
	FULL JOIN (
		SELECT e.event_id, min(e.account_id::text)::uuid AS account_id,
			sum(e.amount) AS amount, count(*) AS lines, min(e.occurred_at) AS occurred_at
		FROM commission.entry AS e
		WHERE e.kind = 'adjustment'
		GROUP BY e.event_id) AS e USING (event_id)
	WHERE (a.account_id, a.amount, a.occurred_at, 1)
		IS DISTINCT FROM (e.account_id, e.amount, e.occurred_at, e.lines);
COMMENT ON VIEW commission_internal.adjustment_problem IS
	'adjustments whose entry is not what their facts give (R45)';
/*
 * coupon.sql: codes that refer whoever orders with them (R44).
 *
 * Of a code whose uses are counted, two redemptions that refer somebody wait
 * for one another; all others wait for nothing but the account's row, as a
 * sign-up does.
 */

CREATE TABLE commission.coupon (
	coupon text COLLATE "C" NOT NULL,
	referrer_id uuid NOT NULL,
	valid_from timestamptz NOT NULL,
	valid_until timestamptz,
	uses integer,
	used integer NOT NULL DEFAULT 0,
	CONSTRAINT coupon_pkey PRIMARY KEY (coupon)
);
COMMENT ON TABLE commission.coupon IS
	'the codes that refer, and whose they are (R44)';
COMMENT ON COLUMN commission.coupon.valid_until IS
	'from then on it refers nobody; NULL: never';
COMMENT ON COLUMN commission.coupon.uses IS
	'how many accounts it may refer; NULL: any number';
COMMENT ON COLUMN commission.coupon.used IS
	'how many it has referred; counted only while uses is not NULL';

CREATE VIEW commission.coupon_status AS
	SELECT c.coupon,
		a.name AS referrer,
		c.valid_from,
		c.valid_until,
		c.uses,
		(SELECT count(*) FROM commission.attempt AS t
		 WHERE t.campaign = c.coupon AND t.coupon IS NOT NULL
			AND t.outcome = 'attributed') AS used,
		c.uses - least(c.used, c.uses) AS remaining,
		(now() >= c.valid_from AND coalesce(now() < c.valid_until, true)
			AND coalesce(c.used < c.uses, true)
			AND a.closed_at IS NULL) AS is_valid,
		c.referrer_id
	FROM commission.coupon AS c
	JOIN commission.account AS a ON a.account_id = c.referrer_id;
COMMENT ON VIEW commission.coupon_status IS
	'each coupon and whose it is (R44): from valid_from up to but without valid_until (NULL: without end); uses: how many accounts set_coupon() lets it refer (NULL: any number); used: how many it has referred in all, by whatever uses and referrer it had, as this machine''s attribution_attempt keeps them; remaining: how many it still may refer, not counting those that it referred while uses was NULL (NULL: any number); is_valid: whether it refers now, which that of a closed referrer does not';

CREATE FUNCTION commission.set_coupon(coupon text, referrer text,
									  valid_from timestamptz DEFAULT now(),
									  valid_until timestamptz DEFAULT NULL,
									  uses integer DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_variable
BEGIN
	/* The code is the key of an index, as identifiers are. */
	PERFORM commission_internal.identifier(coupon, 'coupon');
	valid_from := commission_internal.finite(valid_from, 'valid_from');
	IF NOT isfinite(valid_until) OR valid_until <= valid_from THEN
		RAISE 'valid_until must be after valid_from'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s.', valid_until);
	END IF;
	PERFORM commission_internal.check_term(uses, 1, 2147483647, 'uses');
	INSERT INTO commission.coupon (coupon, referrer_id, valid_from, valid_until, uses)
	VALUES (coupon, commission_internal.know_account(
				commission_internal.identifier(referrer, 'referrer')),
			valid_from, valid_until, uses)
	ON CONFLICT ON CONSTRAINT coupon_pkey DO UPDATE
	SET referrer_id = excluded.referrer_id, valid_from = excluded.valid_from,
		valid_until = excluded.valid_until, uses = excluded.uses;
END $$;
COMMENT ON FUNCTION commission.set_coupon(text, text, timestamptz, timestamptz, integer) IS
	'gives a code to a referrer, or sets anew what a code is: from valid_from up to but without valid_until (NULL: without end) it refers whoever redeems it and has no brand referrer, as many accounts as uses says in all, those left out that it referred while uses was NULL, which is any number (R44); codes are compared letter by letter; 22004 for a NULL coupon or referrer, 22023 for an empty or over-long one, uses below 1 or a valid_until that is not after valid_from, 22008 for an infinite valid_from';

CREATE FUNCTION commission.end_coupon(coupon text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	PERFORM commission_internal.identifier(coupon, 'coupon');
	UPDATE commission.coupon AS c SET valid_until = now()
	WHERE c.coupon = end_coupon.coupon
		AND (c.valid_until IS NULL OR c.valid_until > now());
	RETURN FOUND;
END $$;
COMMENT ON FUNCTION commission.end_coupon(text) IS
	'ends a code now: true if it was still valid or to be valid; whom it has referred stay referred (R44); 22004 for NULL, 22023 for an empty or over-long code';

/* The use is counted last but one: what follows it cannot refuse. */
CREATE FUNCTION commission_internal.use_coupon(c commission.coupon, account_id uuid,
											   at timestamptz)
	RETURNS commission.attribution_outcome
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	PERFORM commission_internal.lock_account(account_id);
	IF EXISTS (SELECT FROM commission.referral AS r
			   WHERE r.account_id = use_coupon.account_id AND r.role = 'brand')
	THEN
		RETURN 'already_attributed';
	END IF;
	IF c.uses IS NOT NULL THEN
		UPDATE commission.coupon AS o SET used = o.used + 1
		WHERE o.coupon = c.coupon AND o.used < o.uses;
		IF NOT FOUND THEN
			RETURN 'invalid_coupon';
		END IF;
	END IF;
	PERFORM commission_internal.set_referral(account_id, 'brand', c.referrer_id, at,
											 campaign => c.coupon, accrue_past => true);
	RETURN 'attributed';
END $$;
COMMENT ON FUNCTION commission_internal.use_coupon(commission.coupon, uuid, timestamptz) IS
	'refers an account by a code that is valid, unless it has a brand referrer or the code''s uses are used up';

CREATE FUNCTION commission_internal.redeem(account text, coupon text, at timestamptz)
	RETURNS commission.attribution_outcome
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
	id CONSTANT uuid := commission_internal.know_account(account);
	c commission.coupon;
	outcome commission.attribution_outcome;
BEGIN
	SELECT o.* INTO c FROM commission.coupon AS o WHERE o.coupon = redeem.coupon;
	outcome := CASE
		WHEN c.coupon IS NULL OR at < c.valid_from OR at >= c.valid_until
			OR c.used >= c.uses THEN 'invalid_coupon'
		WHEN EXISTS (SELECT FROM commission.account AS a
					 WHERE a.account_id = c.referrer_id AND a.closed_at IS NOT NULL)
			THEN 'unknown_referrer'
		WHEN c.referrer_id = id THEN 'self_referral'
		ELSE commission_internal.use_coupon(c, id, at)
	END;
	INSERT INTO commission.attempt (attempt_id, signed_up_at, account_id, role, outcome,
		referrer_name, campaign, coupon)
	SELECT commission_internal.draw_event_id(), at, id, 'brand', outcome, r.name,
		c.coupon, left(coupon, 256)
	FROM (SELECT) AS one
	LEFT JOIN commission.account AS r ON r.account_id = c.referrer_id;
	RETURN outcome;
END $$;
COMMENT ON FUNCTION commission_internal.redeem(text, text, timestamptz) IS
	'redeems a code for an account, by the name that identifier() gives, and keeps the attempt, of a code its first 256 characters; whatever the code is, it is no error';

CREATE FUNCTION commission.redeem_coupon(account text, coupon text,
										 at timestamptz DEFAULT now())
	RETURNS commission.attribution_outcome
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	RETURN commission_internal.redeem(
		commission_internal.identifier(account, 'account'), coalesce(coupon, ''),
		commission_internal.finite(at, 'at'));
END $$;
COMMENT ON FUNCTION commission.redeem_coupon(text, text, timestamptz) IS
	'refers an account by a code, as a brand, from a moment on: what it bought or ordered since then without a referrer is accrued now (R37, R44). The outcome is the first of invalid_coupon (no such code, not valid then, used up), unknown_referrer (a closed one), self_referral and already_attributed that holds, else attributed; attribution_attempt keeps each. A live first touch wins: a sign-up that completes one from before then takes the account over for what it buys from now on, whatever it bought before. Never more accounts than the code''s uses are referred: whoever may be the last waits for the one before. The code is the campaign that funnel shows. record_order() and attach_orders() do the same with the coupon of an order, by its time; an account is registered in any case; 22004 for a NULL account, 22023 for an empty or over-long one, 22008 for an infinite time';
/*
 * report.sql: the card, the chart, the ledger and the terms (R18, R31).
 *
 * A view reads with the rights of the extension's owner.  What a row shows
 * besides its own columns comes from look-ups by key, so that a row costs the
 * same however large the ledger is.
 */

CREATE FUNCTION commission.dollars(credits bigint) RETURNS numeric
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (credits / 100::numeric)::numeric(20, 2);
COMMENT ON FUNCTION commission.dollars(bigint) IS
	'an amount of credits in US dollars, with two decimals: 1999 is 19.99 (R1); NULL for NULL';

CREATE VIEW commission_internal.lifetime_sums AS
	SELECT p.account_id,
		sum(p.amount) FILTER (
			WHERE p.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')) AS lifetime,
		sum(p.amount) FILTER (WHERE p.counts_as = 'brand') AS brand,
		sum(p.amount) FILTER (WHERE p.counts_as = 'creator') AS creator,
		sum(p.amount) FILTER (WHERE p.counts_as = 'pool') AS pool,
		sum(p.amount) FILTER (
			WHERE p.counts_as IN ('first_order', 'renewal', 'upgrade'))
			AS subscription,
		sum(p.amount) FILTER (WHERE p.counts_as = 'adjustment') AS adjustments
	FROM commission_internal.kind_sums AS p
	GROUP BY p.account_id;
COMMENT ON VIEW commission_internal.lifetime_sums IS
	'what each account that has entries has earned, in credits';

/*
 * The lifetime sums are read for each account by index, or for all accounts in
 * one pass: see reads_all().  The sum of 30 days is a sub-select, so that a top
 * ten by another column takes it of ten accounts.
 */
CREATE VIEW commission.earnings AS
	SELECT a.name AS account,
		commission_internal.credits(coalesce(one.lifetime, every.lifetime, 0)) AS lifetime,
		(SELECT commission_internal.credits(coalesce(sum(p.amount), 0))
		 FROM commission_internal.day_sums AS p
		 WHERE p.account_id = a.account_id
			AND p.day BETWEEN (now() AT TIME ZONE INTERVAL '0')::date - 29
				AND (now() AT TIME ZONE INTERVAL '0')::date
			AND p.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')) AS last_30_days,
		commission_internal.credits(coalesce(one.brand, every.brand, 0)) AS brand_lifetime,
		commission_internal.credits(coalesce(one.creator, every.creator, 0)) AS creator_lifetime,
		commission_internal.credits(coalesce(one.pool, every.pool, 0)) AS pool_lifetime,
		commission_internal.credits(coalesce(one.subscription, every.subscription, 0))
			AS subscription_lifetime,
		a.account_id,
		commission_internal.credits(coalesce(one.adjustments, every.adjustments, 0))
			AS adjustments
	FROM commission.account AS a
	LEFT JOIN LATERAL (
		SELECT s.* FROM commission_internal.lifetime_sums AS s
		WHERE s.account_id = a.account_id LIMIT 1) AS one
		ON NOT commission_internal.reads_all(a.name, a.account_id)
	LEFT JOIN commission_internal.lifetime_sums AS every
		ON every.account_id = a.account_id
		AND commission_internal.reads_all(a.name, a.account_id);
COMMENT ON VIEW commission.earnings IS
	'the earnings card (R31): what each account has earned, in credits and net of reversals; account is compared as text, a uuid in lower case: account_id = commission.account_id($1) takes either; lifetime and last_30_days are commission, that is legs and subscriptions; pool shares and adjustments (R45) stand apart; days are UTC days, by the time of the sale, and of a reversal by the time of the reversal';

CREATE VIEW commission.daily_earnings AS
	SELECT a.name AS account,
		sum.day,
		sum.counts_as AS kind,
		sum.amount,
		sum.entries,
		a.account_id
	FROM commission.account AS a
	CROSS JOIN LATERAL (
		SELECT p.day, p.counts_as, commission_internal.credits(sum(p.amount)) AS amount,
			sum(p.entries)::bigint AS entries
		FROM commission_internal.day_sums AS p
		WHERE p.account_id = a.account_id
			AND p.counts_as <> 'withdrawal'
		GROUP BY p.day, p.counts_as) AS sum;
COMMENT ON VIEW commission.daily_earnings IS
	'for charts: what each account earned on each UTC day by each kind, in credits and net of that day''s reversals, and by how many entries; a day without entries has no row';

/*
 * LIMIT 1 keeps the planner from merging two tables that are both in the order
 * of event ids: for an account that earned long ago it would read the one of
 * them from its end to there.
 */
CREATE VIEW commission.ledger AS
	SELECT e.event_id,
		e.line,
		a.name AS account,
		e.kind,
		e.amount,
		commission_internal.ratio(e.ratio_ppm) AS ratio,
		named.from_account,
		named.source,
		e.occurred_at,
		e.counts_as,
		e.account_id
	FROM commission.entry AS e
	JOIN commission.account AS a ON a.account_id = e.account_id
	LEFT JOIN commission.account AS f ON f.account_id = e.from_account_id
	LEFT JOIN LATERAL (
		SELECT s.sale_event_id FROM commission_internal.event_sale AS s
		WHERE s.event_id = e.event_id LIMIT 1) AS s ON true
	LEFT JOIN LATERAL (
		SELECT g.generation_id, g.generation_name, g.buyer_name
		FROM commission.generation AS g
		WHERE g.event_id = coalesce(s.sale_event_id, e.event_id)
		LIMIT 1) AS g ON true
	LEFT JOIN LATERAL (
		SELECT o.order_id, o.order_name, o.customer_name
		FROM commission.customer_order AS o
		WHERE o.event_id = coalesce(s.sale_event_id, e.event_id)
		LIMIT 1) AS o ON true
	LEFT JOIN LATERAL (
		SELECT t.withdrawal_id FROM commission.withdrawal_transition AS t
		WHERE t.event_id = e.event_id LIMIT 1) AS w ON true
	CROSS JOIN LATERAL (
		SELECT coalesce(f.name, g.buyer_name, o.customer_name,
						commission_internal.identifier_name(e.from_account_id))
				AS from_account,
			coalesce(g.generation_name, o.order_name,
					 commission_internal.identifier_name(
						coalesce(g.generation_id, o.order_id)),
					 w.withdrawal_id::text,
					 (SELECT j.name FROM commission.adjustment AS j
					  WHERE j.event_id = e.event_id)) AS source) AS named
	WHERE commission_internal.is_name_of(a.name, e.account_id)
		AND commission_internal.is_name_from(named.from_account, e.from_account_id)
		AND commission_internal.is_source_of(named.source, e.event_id);
COMMENT ON VIEW commission.ledger IS
	'every entry of the ledger (R18): amounts in credits, below zero where they leave the balance; source is the application''s id of the generation or order that it is for, the number of the withdrawal, or the id of the adjustment. Read a page with ORDER BY event_id DESC LIMIT n; entries of a source are found by index, also in an inner join, but an outer join by source reads the whole ledger: use LEFT JOIN LATERAL (SELECT ... WHERE source = t.id::text OFFSET 0); those of a from_account are found only together with an account. Names are compared as text, a uuid in lower case: account_id = commission.account_id($1) takes either';
/*
 * detail.sql: what each generation, run and order brought (R32, R33).
 *
 * A predicate on the account reaches the ledger by the account's key, in the
 * order of its index: ORDER BY event_id DESC LIMIT n reads n rows and sorts
 * nothing.
 */

/* Neither this nor the next is STRICT, which would keep it from being inlined. */
CREATE FUNCTION commission_internal.applied_ratio(ratio_ppm integer,
												  ratios_ppm integer,
												  cap_ppm integer)
	RETURNS numeric
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN ratios_ppm > cap_ppm
		THEN trim_scale(commission_internal.ratio(ratio_ppm) * cap_ppm / ratios_ppm)
	ELSE commission_internal.ratio(ratio_ppm)
END;
COMMENT ON FUNCTION commission_internal.applied_ratio(integer, integer, integer) IS
	'a leg''s ratio, scaled to the cap where the ratios that apply exceed it (R12), as a decimal; all in parts per million; NULL for NULL';

CREATE FUNCTION commission_internal.refund_state(refunded numeric, paid numeric)
	RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN refunded = 0 THEN 'paid'
	WHEN refunded < paid THEN 'partly refunded'
	WHEN refunded >= paid THEN 'refunded'
END;
COMMENT ON FUNCTION commission_internal.refund_state(numeric, numeric) IS
	'what was paid and refunded, in a word; NULL for NULL';

/*
 * The last of an account's legs on a sale, be it a late one (R37), stands for
 * them all: of a run of many frames, that on the last frame.  That there is no
 * later one is looked up for each: IS TRUE keeps the planner from making an
 * anti-join of it, whose estimate would mislead it.
 */
CREATE VIEW commission_internal.last_leg AS
	SELECT last.event_id, last.account_id, last.occurred_at,
		coalesce(late.sale_event_id, last.event_id) AS sale_event_id
	FROM commission.entry AS last
	LEFT JOIN LATERAL (
		SELECT l.sale_event_id FROM commission.late_accrual AS l
		WHERE l.event_id = last.event_id LIMIT 1) AS late ON true
	WHERE last.kind IN ('brand', 'creator')
		AND (NOT EXISTS (
			SELECT
			FROM commission.entry AS l
			WHERE l.event_id = last.event_id AND l.line > last.line
				AND l.account_id = last.account_id
				AND l.kind IN ('brand', 'creator'))) IS TRUE
		AND (NOT EXISTS (
			SELECT
			FROM commission.late_accrual AS l
			WHERE l.sale_event_id = coalesce(late.sale_event_id, last.event_id)
				AND l.event_id > last.event_id
				AND l.account_id = last.account_id AND l.amount > 0)) IS TRUE;
COMMENT ON VIEW commission_internal.last_leg IS
	'each generation (sale_event_id) that paid an account a leg, once for each of the accounts, with the event of its last leg';

CREATE VIEW commission_internal.paid_frame AS
	SELECT leg.*, refund.refunded, taken.reversed, f.*
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (
		SELECT l.account_id,
			sum(l.amount) FILTER (WHERE l.kind = 'brand') AS brand_amount,
			max(l.ratio_ppm) FILTER (WHERE l.kind = 'brand') AS brand_leg_ppm,
			sum(l.amount) FILTER (WHERE l.kind = 'creator') AS creator_amount,
			max(l.ratio_ppm) FILTER (WHERE l.kind = 'creator') AS creator_leg_ppm,
			(count(*) FILTER (WHERE l.kind = 'creator'))::integer AS creator_legs,
			sum(l.amount) AS amount
		FROM commission_internal.sale_entry AS l
		WHERE l.sale_event_id = f.event_id AND l.kind IN ('brand', 'creator')
		GROUP BY l.account_id) AS leg
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(r.refunded), 0) AS refunded
		FROM commission.reversal AS r
		WHERE r.reversed_event_id = f.event_id) AS refund
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(t.amount), 0) AS reversed
		FROM commission_internal.event_sale AS r
		CROSS JOIN LATERAL (
			SELECT sum(t.amount) AS amount
			FROM commission.entry AS t
			WHERE t.event_id = r.event_id AND t.account_id = leg.account_id
				AND t.kind = 'reversal'
				AND t.counts_as IN ('brand', 'creator')) AS t
		WHERE r.sale_event_id = f.event_id) AS taken;
COMMENT ON VIEW commission_internal.paid_frame IS
	'each generation with each account that it paid a leg: the account''s legs (an amount is NULL where there was none), what reversals took of them (below zero), what the buyer got back, and the generation''s facts';

CREATE VIEW commission.recent_commission AS
	SELECT a.name AS account,
		coalesce(g.run_name, commission_internal.identifier_name(g.run_id),
				 g.generation_name,
				 commission_internal.identifier_name(g.generation_id)) AS run,
		last.event_id,
		last.occurred_at,
		named.buyer,
		run.images,
		run.titles,
		CASE WHEN run.brand AND run.creator THEN 'Brand + Creator'
			WHEN run.brand THEN 'Brand'
			ELSE 'Creator'
		END AS legs,
		run.amount,
		format('%s generated %s %s%s', named.buyer, run.images,
			   CASE run.images WHEN 1 THEN 'image' ELSE 'images' END,
			   ' with "' || nullif(array_to_string(run.titles, '" and "'), '')
			   || '"') AS headline,
		last.account_id,
		named.run_key,
		run.reversed,
		commission_internal.refund_state(run.refunded, run.buyer_total) AS state
	FROM commission_internal.last_leg AS last
	JOIN commission.account AS a ON a.account_id = last.account_id
	CROSS JOIN LATERAL (
		SELECT * FROM commission.generation AS g
		WHERE g.event_id = last.sale_event_id LIMIT 1) AS g
	LEFT JOIN commission.account AS b ON b.account_id = g.buyer_id
	CROSS JOIN LATERAL (
		SELECT coalesce('run:' || g.run_id::text,
						'generation:' || g.generation_id::text) AS run_key,
			commission.mask(coalesce(b.label, b.name, g.buyer_name,
									 commission_internal.identifier_name(g.buyer_id)))
				AS buyer) AS named
	CROSS JOIN LATERAL (
		SELECT sum(f.images)::bigint AS images,
			bool_or(f.brand_amount > 0) AS brand,
			bool_or(f.creator_amount > 0) AS creator,
			commission_internal.credits(sum(f.amount + f.reversed)) AS amount,
			commission_internal.credits(sum(f.reversed)) AS reversed,
			sum(f.refunded) AS refunded, sum(f.buyer_total) AS buyer_total,
			ARRAY(
				SELECT coalesce(l.title, l.name)
				FROM commission.listing AS l
				WHERE l.version = ANY (array_agg(f.avatar_version)
									   || array_agg(f.reference_version))
				GROUP BY coalesce(l.title, l.name)
				ORDER BY min(l.kind), min(l.version)) AS titles
		FROM (
			SELECT p.* FROM commission_internal.paid_frame AS p
			WHERE (p.run_id = g.run_id OR p.event_id = g.event_id)
				AND p.account_id = last.account_id) AS f) AS run
	WHERE commission_internal.is_name_of(a.name, last.account_id)
		AND commission_internal.is_run_of(named.run_key, last.event_id)
		AND (NOT EXISTS (
			SELECT
			FROM commission.generation AS f
			JOIN commission.entry AS l ON l.event_id = f.event_id
			WHERE f.run_id = g.run_id AND f.event_id > last.event_id
				AND l.account_id = last.account_id
				AND l.counts_as IN ('brand', 'creator'))) IS TRUE
		AND (NOT EXISTS (
			SELECT
			FROM commission.generation AS f
			JOIN commission.late_accrual AS l ON l.sale_event_id = f.event_id
			WHERE f.run_id = g.run_id AND l.event_id > last.event_id
				AND l.account_id = last.account_id AND l.amount > 0)) IS TRUE;
COMMENT ON VIEW commission.recent_commission IS
	'the recent list (R32): a row for each account and run that paid it, with the event id and the time of sale of the last leg that did, be it a late one (R37), the buyer masked (R34), the images of those frames and the titles of their listings, the legs that paid, the credits net of reversals, what reversals took (reversed, below zero) and whether those frames are paid, partly refunded or refunded (state); run_key finds the row''s details in run_detail and commission_detail. Read it with ORDER BY event_id DESC LIMIT n';

CREATE VIEW commission.commission_detail AS
	SELECT a.name AS account,
		named.generation,
		coalesce(g.run_name, commission_internal.identifier_name(g.run_id)) AS run,
		last.occurred_at,
		commission.mask(coalesce(b.label, b.name, g.buyer_name,
								 commission_internal.identifier_name(g.buyer_id)))
			AS buyer,
		g.images::bigint AS images,
		array_remove(ARRAY[coalesce(avatar.title, avatar.name),
						   coalesce(reference.title, reference.name)], NULL)
			AS titles,
		g.brand_amount::bigint AS brand_amount,
		commission_internal.ratio(g.brand_leg_ppm) AS brand_ratio,
		g.creator_amount::bigint AS creator_amount,
		commission_internal.ratio(g.creator_leg_ppm) AS creator_ratio,
		g.buyer_total::bigint AS buyer_total,
		g.model_price,
		g.surcharge::bigint AS surcharge,
		g.pool::bigint AS pool,
		g.markup::bigint AS markup,
		g.api_cost,
		g.generation_margin::bigint AS generation_margin,
		g.net_margin::bigint AS net_margin,
		(g.net_margin - legs.amount)::bigint AS platform_take,
		g.reversed::bigint AS reversed,
		g.refunded::bigint AS refunded,
		last.event_id,
		last.account_id,
		commission_internal.ratio(g.total_cap_ratio_ppm) AS total_cap_ratio,
		commission_internal.applied_ratio(g.brand_leg_ppm,
			greatest(g.ratios_ppm, late.brand_ppm), g.total_cap_ratio_ppm)
			AS brand_ratio_applied,
		commission_internal.applied_ratio(g.creator_leg_ppm,
			greatest(g.ratios_ppm, late.creator_ppm), g.total_cap_ratio_ppm)
			AS creator_ratio_applied,
		g.creator_legs,
		(legs.amount - g.amount)::bigint AS other_legs,
		named.run_key
	FROM commission_internal.last_leg AS last
	JOIN commission.account AS a ON a.account_id = last.account_id
	CROSS JOIN LATERAL (
		SELECT p.* FROM commission_internal.paid_frame AS p
		WHERE p.event_id = last.sale_event_id AND p.account_id = last.account_id
		LIMIT 1) AS g
	LEFT JOIN commission.account AS b ON b.account_id = g.buyer_id
	LEFT JOIN commission.listing AS avatar ON avatar.version = g.avatar_version
	LEFT JOIN commission.listing AS reference
		ON reference.version = g.reference_version
	CROSS JOIN LATERAL (
		SELECT coalesce('run:' || g.run_id::text,
						'generation:' || g.generation_id::text) AS run_key,
			coalesce(g.generation_name,
					 commission_internal.identifier_name(g.generation_id))
				AS generation) AS named
	CROSS JOIN LATERAL (
		SELECT max(l.ratios_ppm) FILTER (WHERE l.leg = 'b') AS brand_ppm,
			max(l.ratios_ppm) FILTER (WHERE l.leg <> 'b') AS creator_ppm
		FROM commission.late_accrual AS l
		WHERE l.sale_event_id = last.sale_event_id
			AND l.account_id = last.account_id AND l.amount > 0) AS late
	CROSS JOIN LATERAL (
		SELECT sum(l.amount) AS amount
		FROM commission_internal.sale_entry AS l
		WHERE l.sale_event_id = last.sale_event_id
			AND l.kind IN ('brand', 'creator')) AS legs
	WHERE commission_internal.is_name_of(a.name, last.account_id)
		AND commission_internal.is_generation_of(named.generation, last.event_id)
		AND commission_internal.is_run_of(named.run_key, last.event_id);
COMMENT ON VIEW commission.commission_detail IS
	'the details of a generation for an account that it paid (R33), in credits as they were at the sale: the account''s legs with their nominal ratios and the ratios that the cap left of them (applied; R12; of a late leg, which takes nothing from those paid before it, at most: R37), NULL where there was none, how many creator legs the account had, and where every credit went (R20): buyer_total = pool + api_cost + brand_amount + creator_amount + other_legs (what other accounts'' legs came to) + platform_take, less what api_cost exceeds model_price by, which the platform bears (R8). reversed is what reversals took from the account since (below zero), refunded what the buyer got back. Find it by generation, event_id or run_key; read it as a list with ORDER BY event_id DESC LIMIT n';

CREATE VIEW commission.run_detail AS
	SELECT r.account, r.account_id, r.run_key, r.run, r.event_id, r.occurred_at,
		r.buyer, sum.frames, r.images, r.titles, sum.brand_amount, sum.creator_amount,
		sum.other_legs, sum.buyer_total, sum.model_price, sum.surcharge, sum.pool,
		sum.markup, sum.api_cost, sum.generation_margin, sum.net_margin,
		sum.platform_take, r.reversed, sum.refunded, r.state
	FROM commission.recent_commission AS r
	CROSS JOIN LATERAL (
		SELECT count(*) AS frames,
			commission_internal.credits(sum(d.brand_amount)) AS brand_amount,
			commission_internal.credits(sum(d.creator_amount)) AS creator_amount,
			commission_internal.credits(sum(d.other_legs)) AS other_legs,
			commission_internal.credits(sum(d.buyer_total)) AS buyer_total,
			commission_internal.credits(sum(d.model_price)) AS model_price,
			commission_internal.credits(sum(d.surcharge)) AS surcharge,
			commission_internal.credits(sum(d.pool)) AS pool,
			commission_internal.credits(sum(d.markup)) AS markup,
			commission_internal.credits(sum(d.api_cost)) AS api_cost,
			commission_internal.credits(sum(d.generation_margin)) AS generation_margin,
			commission_internal.credits(sum(d.net_margin)) AS net_margin,
			commission_internal.credits(sum(d.platform_take)) AS platform_take,
			commission_internal.credits(sum(d.refunded)) AS refunded
		FROM commission.commission_detail AS d
		WHERE d.account_id = r.account_id AND d.run_key = r.run_key) AS sum;
COMMENT ON VIEW commission.run_detail IS
	'a row of recent_commission with the sums of commission_detail over the frames of the run that paid the account (R16, R33), in credits. Read it by account and run_key';

/*
 * Who has many generations may have few orders, or none.  So the account's
 * entries are passed by in the index, which has counts_as and not the kind, and
 * only those of orders are read.  (What an order that accrues late has been
 * refunded before is in the same event, and below zero.)
 */
CREATE VIEW commission.recent_order AS
	SELECT a.name AS account,
		named.order_id,
		k.event_id,
		k.occurred_at,
		commission.mask(coalesce(b.label, b.name, o.customer_name,
								 commission_internal.identifier_name(o.customer_id)))
			AS buyer,
		o.plan,
		o.kind,
		o.amount AS order_amount,
		commission_internal.ratio(e.ratio_ppm) AS ratio,
		(e.amount + taken.amount)::bigint AS amount,
		taken.amount::bigint AS reversed,
		commission_internal.refund_state(refund.amount, o.amount) AS state,
		k.account_id
	FROM commission.entry AS k
	JOIN commission.entry AS e ON e.account_id = k.account_id
		AND e.event_id = k.event_id AND e.kind = k.counts_as
		AND e.amount = k.amount
	JOIN commission.account AS a ON a.account_id = k.account_id
	LEFT JOIN LATERAL (
		SELECT l.sale_event_id FROM commission.late_accrual AS l
		WHERE l.event_id = k.event_id LIMIT 1) AS late ON true
	CROSS JOIN LATERAL (
		SELECT * FROM commission.customer_order AS o
		WHERE o.event_id = coalesce(late.sale_event_id, k.event_id) LIMIT 1) AS o
	LEFT JOIN commission.account AS b ON b.account_id = o.customer_id
	CROSS JOIN LATERAL (
		SELECT coalesce(o.order_name, commission_internal.identifier_name(o.order_id))
			AS order_id) AS named
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(r.refunded), 0) AS amount
		FROM commission.reversal AS r
		WHERE r.reversed_event_id = o.event_id) AS refund
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(t.amount), 0) AS amount
		FROM commission_internal.event_sale AS r
		CROSS JOIN LATERAL (
			SELECT sum(t.amount) AS amount
			FROM commission.entry AS t
			WHERE t.event_id = r.event_id AND t.account_id = k.account_id
				AND t.kind = 'reversal') AS t
		WHERE r.sale_event_id = o.event_id) AS taken
	WHERE k.counts_as IN ('first_order', 'renewal', 'upgrade')
		AND commission_internal.is_name_of(a.name, k.account_id)
		AND commission_internal.is_source_of(named.order_id, k.event_id);
COMMENT ON VIEW commission.recent_order IS
	'a row for each account and order that paid it (R30): the customer masked (R34), what the customer paid (order_amount), the account''s ratio, and its credits net of reversals, what these took (reversed, below zero), and whether the order is paid, partly refunded or refunded (state); read it with ORDER BY event_id DESC LIMIT n';
/*
 * balance.sql: what an account has, now and at any time past (R18, R22, R24).
 */

CREATE FUNCTION commission_internal.held_since() RETURNS timestamptz
	LANGUAGE c STABLE STRICT PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_held_since';
COMMENT ON FUNCTION commission_internal.held_since() IS
	'earnings of sales after this time are held: commission.hold_days before the transaction''s start; infinity where nothing is held (R24)';

/*
 * Held is what young sales earned, less what was taken back of it: the reversal
 * of an older sale is never held back.  A reversal is younger than its sale, so
 * that the reversal of a young sale is among the young entries.
 */
CREATE VIEW commission_internal.held_entry AS
	SELECT e.account_id, e.amount::numeric
	FROM commission_internal.sold_entry AS e
	WHERE e.occurred_at > commission_internal.held_since()
		AND e.sold_at > commission_internal.held_since()
		AND commission_internal.held_since() < 'infinity'
	UNION ALL
	SELECT h.account_id, h.amount
	FROM commission.rolled_hour AS h
	WHERE h.sold_by > commission_internal.held_since()
		AND commission_internal.held_since() < 'infinity'
		AND h.node_id = ANY (ARRAY(
			SELECT n.node_id FROM commission_internal.sums_only_node AS n));
COMMENT ON VIEW commission_internal.held_entry IS
	'the amounts that are held (R24): of entries to the microsecond, and at a hub of sums, for nodes of which it has no entries, until the hour of the sale is over';

CREATE VIEW commission_internal.balance_sums AS
	SELECT p.account_id, sum(p.amount) AS balance, sum(p.held) AS held,
		sum(p.open) AS open, sum(p.paid) AS paid
	FROM (
		SELECT k.account_id, k.amount, NULL::bigint AS held, NULL::bigint AS open,
			NULL::bigint AS paid
		FROM commission_internal.kind_sums AS k
		UNION ALL
		SELECT h.account_id, NULL, h.amount, NULL, NULL
		FROM commission_internal.held_entry AS h
		UNION ALL
		SELECT w.account_id, NULL, NULL,
			CASE WHEN w.state IN ('requested', 'approved', 'unknown') THEN w.amount END,
			CASE w.state WHEN 'paid' THEN w.amount END
		FROM commission.withdrawal AS w) AS p
	GROUP BY p.account_id;
COMMENT ON VIEW commission_internal.balance_sums IS
	'the sums of each account that has entries, in credits: its balance, what is held of it, and its withdrawals that are open and paid';

/*
 * Withdrawals are checked against these sums, too.  For each account by index,
 * or for all accounts in one pass: see reads_all().
 */
CREATE VIEW commission.balance AS
	SELECT a.name AS account,
		commission_internal.credits(sum.balance) AS balance,
		commission_internal.credits(sum.balance - sum.held) AS available,
		commission_internal.credits(sum.held) AS held,
		commission_internal.credits(sum.open) AS in_withdrawal,
		commission_internal.credits(sum.paid) AS withdrawn,
		a.account_id
	FROM commission.account AS a
	LEFT JOIN LATERAL (
		SELECT s.* FROM commission_internal.balance_sums AS s
		WHERE s.account_id = a.account_id LIMIT 1) AS one
		ON NOT commission_internal.reads_all(a.name, a.account_id)
	LEFT JOIN commission_internal.balance_sums AS every
		ON every.account_id = a.account_id
		AND commission_internal.reads_all(a.name, a.account_id)
	CROSS JOIN LATERAL (
		SELECT coalesce(one.balance, every.balance, 0) AS balance,
			coalesce(one.held, every.held, 0) AS held,
			coalesce(one.open, every.open, 0) AS open,
			coalesce(one.paid, every.paid, 0) AS paid) AS sum;
COMMENT ON VIEW commission.balance IS
	'what each account has, in credits (R18): the balance, below zero where more was refunded than is left; of that, what is available to be withdrawn and what is held because its sale is younger than commission.hold_days (R24); and what has left it, being withdrawn or paid out';

CREATE FUNCTION commission_internal.latest_balance(account_id uuid)
	RETURNS commission.balance
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_latest_balance';
COMMENT ON FUNCTION commission_internal.latest_balance(uuid) IS
	'an account''s row of the balance by what is committed by now, under any isolation level; NULL for an account that does not exist, and for NULL';

CREATE FUNCTION commission.balance_at(account text, at timestamptz)
	RETURNS bigint
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT (SELECT commission_internal.credits(coalesce(sum(e.amount), 0))
			FROM commission.entry AS e
			WHERE e.account_id = a.account_id
				AND e.occurred_at <= balance_at.at)
	FROM commission.account AS a
	WHERE a.account_id = commission.account_id(balance_at.account)
		AND balance_at.at IS NOT NULL;
END;
COMMENT ON FUNCTION commission.balance_at(text, timestamptz) IS
	'an account''s balance at a time, in credits: all that was sold, refunded, requested or returned until then, that moment included (R22); NULL for an account that does not exist, and for NULL; 22023 for an empty or over-long name';

/* Dates reach further than timestamps do. */
CREATE FUNCTION commission_internal.day_start(day date, later integer DEFAULT 0)
	RETURNS timestamptz
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN day > '294276-12-30'::date THEN 'infinity'
	ELSE (day + later)::timestamp AT TIME ZONE INTERVAL '0' END;
COMMENT ON FUNCTION commission_internal.day_start(date, integer) IS
	'when a UTC day starts, or one so many days later; infinity beyond the end of the calendar; NULL for NULL';

CREATE VIEW commission_internal.statement_line AS
	SELECT l.account_id, l.occurred_at, l.event_id, l.line,
		CASE l.kind WHEN 'reversal' THEN 'reversal of ' || l.counts_as
			WHEN 'adjustment' THEN (
				SELECT 'adjustment: ' || j.reason FROM commission.adjustment AS j
				WHERE j.event_id = l.event_id)
			ELSE replace(l.kind::text, '_', ' ')
		END AS what,
		l.source, l.amount
	FROM commission.ledger AS l;
COMMENT ON VIEW commission_internal.statement_line IS
	'each entry as a line of its account''s statement (R22)';

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
			SELECT commission_internal.day_start(
					coalesce(statement.since, '-infinity')) AS since,
				commission_internal.day_start(
					coalesce(statement.until, 'infinity'), 1) AS until) AS t
		WHERE a.account_id = commission.account_id(statement.account)
			AND coalesce(statement.since <= statement.until, true)
	), line AS (
		SELECT 1 AS part, p.since AS occurred_at, NULL::bigint AS event_id,
			NULL::smallint AS line, 'opening balance' AS what,
			NULL::text AS source, p.opening AS change
		FROM period AS p
		UNION ALL
		SELECT 2, l.occurred_at, l.event_id, l.line, l.what, l.source, l.amount
		FROM period AS p
		JOIN commission_internal.statement_line AS l
			ON l.account_id = p.account_id
			AND l.occurred_at >= p.since AND l.occurred_at < p.until
		UNION ALL
		SELECT 3, p.until, NULL, NULL, 'closing balance', NULL, 0
		FROM period AS p
	)
	SELECT l.occurred_at, l.event_id, l.line, l.what, l.source,
		CASE l.part WHEN 2 THEN l.change END::bigint,
		commission_internal.credits(
			sum(l.change) OVER (ORDER BY l.part, l.occurred_at, l.event_id,
								l.line ROWS UNBOUNDED PRECEDING))
	FROM line AS l
	ORDER BY l.part, l.occurred_at, l.event_id, l.line;
END;
COMMENT ON FUNCTION commission.statement(text, date, date) IS
	'an account''s statement over UTC days, both included, NULL being without bound (R22): the opening balance, each entry with what it is, of an adjustment the reason (R45), and the sale, withdrawal or adjustment that it is for, by the time of the sale, and the closing balance; amounts and the running balance in credits; no row for an account that does not exist or a period that ends before it begins; 22023 for an empty or over-long name';

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
		t.reason,
		t.transfer,
		t.event_id,
		w.account_id
	FROM commission.withdrawal_transition AS t
	JOIN commission.withdrawal AS w ON w.event_id = t.withdrawal_id
	JOIN commission.account AS a ON a.account_id = w.account_id;
COMMENT ON VIEW commission.withdrawal_history IS
	'each transition of each withdrawal, the request first (R23): when it was, by whom, and the reason or the transfer; read it with ORDER BY event_id';
/*
 * tier.sql: groups that follow from what an account has brought (R43).
 *
 * No sale sums anything: whoever calls apply_tiers(), a scheduler as a rule,
 * does.
 */

CREATE TABLE commission.tier_version (
	version bigint NOT NULL,
	set_at timestamptz NOT NULL DEFAULT now(),
	days integer NOT NULL,
	measure text NOT NULL,
	set_by text NOT NULL DEFAULT session_user,
	group_names text[] NOT NULL,
	figures bigint[] NOT NULL,
	CONSTRAINT tier_version_pkey PRIMARY KEY (version),
	CONSTRAINT tier_version_measure_check CHECK (
		measure IN ('commission', 'net_margin', 'active_customers'))
);
COMMENT ON TABLE commission.tier_version IS
	'each setting of the tiers; the last is in force (R43)';
COMMENT ON COLUMN commission.tier_version.version IS
	'drawn like an event id';
COMMENT ON COLUMN commission.tier_version.days IS
	'the days that are measured: UTC days, the current one included';
COMMENT ON COLUMN commission.tier_version.figures IS
	'from how much on an account is in the group of the same position, ascending: credits, or customers';

CREATE FUNCTION commission.set_tiers(tiers jsonb, measure text, days integer)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	PERFORM commission_internal.required(tiers, 'tiers');
	IF commission_internal.required(measure, 'measure')
		NOT IN ('commission', 'net_margin', 'active_customers')
	THEN
		RAISE 'invalid measure of tiers: "%"', measure
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'The measures are commission, net_margin and active_customers.';
	END IF;
	PERFORM commission_internal.check_term(
		commission_internal.required(days, 'days'), 1, 36525, 'days');
	IF jsonb_typeof(tiers) <> 'array' OR EXISTS (
		SELECT FROM jsonb_array_elements(tiers) AS t (tier)
		WHERE (jsonb_typeof(t.tier->'group') = 'string' AND t.tier->>'group' <> ''
			   AND octet_length(t.tier->>'group') <= 1024
			   AND jsonb_typeof(t.tier->'from') = 'number'
			   AND t.tier->>'from' ~ '^[0-9]{1,18}$') IS NOT TRUE)
		OR (SELECT count(DISTINCT t.tier->>'group') < count(*)
				OR count(DISTINCT t.tier->>'from') < count(*)
			FROM jsonb_array_elements(tiers) AS t (tier))
	THEN
		RAISE 'invalid tiers'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'Tiers are a JSON array of objects with a "group" and, in "from", the whole number from which on an account is in it, none of them twice.',
				HINT = 'For example: [{"group": "silver", "from": 10000}, {"group": "gold", "from": 100000}].';
	END IF;
	INSERT INTO commission.tier_version (version, days, measure, group_names, figures)
	SELECT commission_internal.draw_event_id(), days, measure,
		coalesce(array_agg(t.tier->>'group' ORDER BY (t.tier->>'from')::bigint), '{}'),
		coalesce(array_agg((t.tier->>'from')::bigint ORDER BY (t.tier->>'from')::bigint), '{}')
	FROM jsonb_array_elements(tiers) AS t (tier);
END $$;
COMMENT ON FUNCTION commission.set_tiers(jsonb, text, integer) IS
	'sets the tiers that apply_tiers() moves accounts by: a group for each figure from which on an account is in it, measured over so many UTC days, the current one included: commission (credits of legs and subscriptions, net of refunds), net_margin (credits, of the generations that paid the account, net of refunds) or active_customers (accounts whose purchases or orders earned it anything); an empty array: no tiers, so that whoever came into a group by one leaves it; 22023 for anything else, 22004 for NULL';

CREATE FUNCTION commission_internal.tier_figures(measure text, first_day date,
												 last_day date)
	RETURNS TABLE (account_id uuid, figure bigint)
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
#variable_conflict use_column
DECLARE
	since CONSTANT timestamptz := commission_internal.day_start(first_day);
	until CONSTANT timestamptz := commission_internal.day_start(last_day, 1);
BEGIN
	IF measure = 'commission' THEN
		RETURN QUERY
		SELECT p.account_id, commission_internal.credits(sum(p.amount))
		FROM commission_internal.day_sums AS p
		WHERE p.day BETWEEN first_day AND last_day
			AND p.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')
		GROUP BY p.account_id;
	ELSIF measure = 'net_margin' THEN
		RETURN QUERY
		SELECT l.account_id, commission_internal.credits(sum(
			div(f.net_margin * (f.buyer_total - r.refunded), f.buyer_total)))
		FROM commission_internal.generation_fact AS f
		CROSS JOIN LATERAL (
			SELECT coalesce(sum(r.refunded), 0) AS refunded
			FROM commission.reversal AS r
			WHERE r.reversed_event_id = f.event_id) AS r
		CROSS JOIN LATERAL (
			SELECT DISTINCT e.account_id
			FROM commission_internal.sale_entry AS e
			WHERE e.sale_event_id = f.event_id AND e.kind IN ('brand', 'creator')) AS l
		WHERE f.occurred_at >= since AND f.occurred_at < until
			AND f.buyer_total > 0
		GROUP BY l.account_id;
	ELSE
		RETURN QUERY
		SELECT c.account_id, count(*)
		FROM (SELECT e.account_id
			  FROM commission.entry AS e
			  WHERE e.occurred_at >= since AND e.occurred_at < until
				AND e.counts_as IN ('brand', 'first_order', 'renewal', 'upgrade')
			  GROUP BY e.account_id, e.from_account_id
			  HAVING sum(e.amount) > 0) AS c
		GROUP BY c.account_id;
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.tier_figures(text, date, date) IS
	'what set_tiers() measures, of each account that has any, over UTC days, both included';

CREATE FUNCTION commission.apply_tiers(at timestamptz DEFAULT now())
	RETURNS TABLE (account text, from_group text, to_group text, figure bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
	tiers commission.tier_version;
	today date;
	moved record;
BEGIN
	at := commission_internal.finite(at, 'at');
	today := (at AT TIME ZONE INTERVAL '0')::date;
	PERFORM commission_internal.lock_terms();
	SELECT t.* INTO tiers FROM commission.tier_version AS t
	ORDER BY t.version DESC LIMIT 1;
	FOR moved IN
		SELECT a.account_id, a.name, a.group_name, f.figure, t.group_name AS tier
		FROM commission.account AS a
		LEFT JOIN commission_internal.tier_figures(tiers.measure,
				today - tiers.days + 1, today) AS m ON m.account_id = a.account_id
		CROSS JOIN LATERAL (SELECT coalesce(m.figure, 0) AS figure) AS f
		LEFT JOIN LATERAL (
			SELECT t.group_name
			FROM unnest(tiers.group_names, tiers.figures) AS t (group_name, figure)
			WHERE t.figure <= f.figure
			ORDER BY t.figure DESC LIMIT 1) AS t
			ON m.account_id IS NOT NULL OR a.group_name IS NOT NULL
		WHERE tiers.version IS NOT NULL
			AND a.group_name IS DISTINCT FROM t.group_name
			AND coalesce(a.group_since <= at, true)
			AND NOT commission_internal.is_placed_by_hand(a.account_id)
		ORDER BY a.name
	LOOP
		PERFORM commission_internal.move_accounts(ARRAY[moved.account_id], moved.tier, at,
			moved.figure, format('%s of %s days', tiers.measure, tiers.days));
		account := moved.name;
		from_group := moved.group_name;
		to_group := moved.tier;
		figure := moved.figure;
		RETURN NEXT;
	END LOOP;
END $$;
COMMENT ON FUNCTION commission.apply_tiers(timestamptz) IS
	'moves each account into the group that its figure of the days up to a moment gives it by the tiers (set_tiers), up or down, or out of any, for sales from that moment on, and returns the moves with the figure that caused each, which group_history keeps (R43). A further call changes nothing. An account that was placed by hand stays, and so does one that was moved after that moment. Moves by tiers are bound by no notice: what they take was said beforehand. 22008 for an infinite time, 25000 under REPEATABLE READ and SERIALIZABLE';
/*
 * exclusion.sql: why an account is not paid (R24, R39, R46).
 */

/* The one place that says why: a further reason is a further arm. */
CREATE VIEW commission.payout_exclusion AS
	SELECT b.account,
		x.reason,
		x.detail,
		x.is_obstacle,
		b.account_id
	FROM commission.balance AS b
	JOIN commission.account AS a ON a.account_id = b.account_id
	LEFT JOIN commission_internal.payout_address AS p
		ON p.account_id = b.account_id
	CROSS JOIN LATERAL (
		SELECT CASE WHEN a.closed_at IS NULL
			THEN greatest(commission_internal.minimum_payout(b.account_id), 1)
			ELSE 1 END AS minimum) AS m
	CROSS JOIN LATERAL (
		SELECT 'held' AS reason, true AS is_obstacle,
			format('Account "%s" is held.', b.account) AS detail
		WHERE EXISTS (SELECT FROM commission.account_hold AS h
					  WHERE h.account_id = b.account_id
						  AND h.released_at IS NULL)
		UNION ALL
		SELECT 'below zero', true,
			format('The balance of account "%s" is %s credits.',
				b.account, b.balance)
		WHERE b.balance < 0
		UNION ALL
		SELECT 'address changed', true,
			format('The payout address of account "%s" was changed; payouts pause until %s.',
				b.account, p.paused_until)
		WHERE p.paused_until > now()
		UNION ALL
		SELECT 'no address', false,
			format('Account "%s" has no payout address.', b.account)
		WHERE p.account_id IS NULL AND b.available > 0
		UNION ALL
		SELECT 'not automatic', false,
			format('Account "%s" requests its withdrawals itself.', b.account)
		WHERE NOT p.automatic
		UNION ALL
		SELECT 'below the minimum', false,
			format('Account "%s" has %s credits available; the minimum is %s.',
				b.account, b.available, m.minimum)
		WHERE b.available < m.minimum AND b.balance >= 0
			AND (b.available > 0 OR p.account_id IS NOT NULL)) AS x;
COMMENT ON VIEW commission.payout_exclusion IS
	'why an account is left out by schedule_withdrawals(), as a sentence, a row for each reason: held (R46), below zero (R39), address changed (for commission.address_pause_days), no address, not automatic, below the minimum (R24); is_obstacle: true for the first three, which stop every withdrawal of the account, requested as it may be; accounts that have nothing and no address are not shown';

CREATE FUNCTION commission_internal.withdrawal_obstacle(account_id uuid)
	RETURNS text
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_withdrawal_obstacle';
COMMENT ON FUNCTION commission_internal.withdrawal_obstacle(uuid) IS
	'why no withdrawal of an account may be requested, approved or put into a payout batch, by what is committed by now under any isolation level, in sentences; NULL if nothing stands in the way, and for NULL';
/*
 * seal.sql: blocks of what has settled, each sealed by a hash over its rows and
 * over the block before (R48).  doc/seals.md states the byte form.
 *
 * Locks: ShareUpdateExclusiveLock on commission.seal_block, so that there is
 * one seal() at a time; nothing that a sale or a reader needs.
 */

CREATE FUNCTION commission_internal.row_bytes(VARIADIC "any") RETURNS bytea
	LANGUAGE c STABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'commission_row_bytes';
COMMENT ON FUNCTION commission_internal.row_bytes("any") IS
	'the byte form of a row of these columns, as doc/seals.md states it; 0A000 for a type that has none';

/*
 * The list of what is sealed, in two halves.  A table that is only ever appended to
 * belongs here if it has event ids, which the transaction of its rows draws.
 * What is sealed stays as it is: a column that is added to a table is added at
 * the end of its line, and is NULL in the rows that are there.
 */
CREATE VIEW commission_internal.sealed_change AS
	SELECT r.change_id AS event_id, commission_internal.row_bytes('payout_change'::text,
		r.change_id, r.changed_at, r.account_id, r.method, r.destination,
		r.automatic, r.changed_by) AS bytes
	FROM commission.payout_change AS r
	UNION ALL
	SELECT r.change_id, commission_internal.row_bytes('hold_change'::text,
		r.change_id, r.changed_at, r.account_id, r.is_hold, r.reason,
		r.changed_by)
	FROM commission.hold_change AS r
	UNION ALL
	SELECT r.change_id, commission_internal.row_bytes('referral_change'::text,
		r.change_id, r.changed_at, r.account_id, r.role, r.referrer_id,
		r.attributed_at, r.signed_up_at, r.is_first, r.is_signup, r.campaign,
		r.reason, r.accrues_past)
	FROM commission.referral_change AS r
	UNION ALL
	SELECT r.attempt_id, commission_internal.row_bytes('attempt'::text,
		r.attempt_id, r.attempted_at, r.account_id, r.role, r.signed_up_at,
		r.touched_at, r.outcome, r.referrer_name, r.campaign, r.coupon)
	FROM commission.attempt AS r
	UNION ALL
	SELECT r.version, commission_internal.row_bytes('terms_version'::text,
		r.version, r.announced_at, r.valid_from, r.scope, r.subject_id,
		r.group_name, r.brand_ratio_ppm, r.creator_ref_ratio_ppm,
		r.first_order_ratio_ppm, r.renewal_ratio_ppm, r.upgrade_ratio_ppm,
		r.upgraded_renewal_ratio_ppm, r.first_order_amount, r.renewals, r.days,
		r.minimum_payout, r.total_cap_ratio_ppm, r.announced_by, r.reason)
	FROM commission.terms_version AS r
	UNION ALL
	SELECT r.event_id, commission_internal.row_bytes('adjustment'::text,
		r.event_id, r.occurred_at, r.adjusted_at, r.adjustment_id, r.name,
		r.account_id, r.amount, r.reason, r.adjusted_by)
	FROM commission.adjustment AS r
	UNION ALL
	SELECT r.version, commission_internal.row_bytes('tier_version'::text,
		r.version, r.set_at, r.measure, r.days, r.group_names, r.figures,
		r.set_by)
	FROM commission.tier_version AS r
	UNION ALL
	SELECT r.change_id, commission_internal.row_bytes('group_change'::text,
		r.change_id, r.changed_at, r.valid_from, r.account_id, r.from_group,
		r.to_group, r.by_tier, r.figure, r.changed_by, r.reason)
	FROM commission.group_change AS r
	UNION ALL
	SELECT r.version, commission_internal.row_bytes('listing'::text,
		r.version, r.listing_id, r.name, r.registered_at, r.owner_id, r.pool,
		r.kind, r.co_author_ids, r.co_author_shares, r.title)
	FROM commission.listing AS r;
COMMENT ON VIEW commission_internal.sealed_change IS
	'what is sealed of the catalogue, of addresses, holds and attempts, in its byte form';

CREATE VIEW commission_internal.sealed_row AS
	SELECT r.event_id, commission_internal.row_bytes('entry'::text,
		r.event_id, r.line, r.amount, r.occurred_at, r.account_id,
		r.from_account_id, r.buyer_id, r.kind, r.counts_as, r.ratio_ppm) AS bytes,
		true AS is_entry
	FROM commission.entry AS r
	UNION ALL
	SELECT r.event_id, commission_internal.row_bytes('generation'::text,
		r.event_id, r.occurred_at, r.generation_id, r.generation_name,
		r.buyer_id, r.buyer_name, r.run_id, r.run_name, r.model, r.resolution,
		r.images, r.model_price, r.api_cost,
		r.avatar_version, r.avatar_pool, r.avatar_surcharge,
		r.reference_version, r.reference_pool, r.reference_surcharge,
		r.bundle_frame, r.derived, r.brand_ratio_ppm, r.avatar_ratio_ppm,
		r.reference_ratio_ppm, r.total_cap_ratio_ppm, r.brand_terms,
		r.avatar_terms, r.reference_terms, r.cap_terms, r.brand_leg,
		r.avatar_leg, r.reference_leg), false
	FROM commission.generation AS r
	UNION ALL
	SELECT r.event_id, commission_internal.row_bytes('customer_order'::text,
		r.event_id, r.occurred_at, r.order_id, r.order_name, r.customer_id,
		r.customer_name, r.amount, r.kind, r.kind_derived, r.plan, r.coupon,
		r.ratio_ppm, r.flat_amount, r.terms, r.renewal, r.leg), false
	FROM commission.customer_order AS r
	UNION ALL
	SELECT r.event_id, commission_internal.row_bytes('late_accrual'::text,
		r.event_id, r.sale_event_id, r.leg, r.accrued_at, r.account_id,
		r.amount, r.ratio_ppm, r.flat_amount, r.terms, r.ratios_ppm), false
	FROM commission.late_accrual AS r
	UNION ALL
	SELECT r.event_id, commission_internal.row_bytes('reversal'::text,
		r.event_id, r.reversed_event_id, r.refunded, r.occurred_at, r.unpaid,
		r.reason), false
	FROM commission.reversal AS r
	UNION ALL
	/* What of a withdrawal never changes; its transitions are the next. */
	SELECT r.event_id, commission_internal.row_bytes('withdrawal'::text,
		r.event_id, r.account_id, r.amount, r.requested_at, r.method,
		r.destination), false
	FROM commission.withdrawal AS r
	UNION ALL
	SELECT r.event_id, commission_internal.row_bytes('withdrawal_transition'::text,
		r.event_id, r.withdrawal_id, r.changed_at, r.from_state, r.to_state,
		r.changed_by, r.reason, r.transfer), false
	FROM commission.withdrawal_transition AS r
	UNION ALL
	SELECT r.batch_id, commission_internal.row_bytes('payout_batch'::text,
		r.batch_id, r.opened_at, r.method, r.opened_by, r.sender_batch_id), false
	FROM commission.payout_batch AS r
	UNION ALL
	SELECT c.event_id, c.bytes, false FROM commission_internal.sealed_change AS c;
COMMENT ON VIEW commission_internal.sealed_row IS
	'every row that is sealed, in its byte form, which begins with the name of its table, with the event id by which it belongs to a block';

CREATE TABLE commission.seal_block (
	block bigint NOT NULL,
	sealed_at timestamptz NOT NULL,
	entries bigint NOT NULL,
	event_ids int8multirange NOT NULL,
	previous bytea NOT NULL,
	hash bytea NOT NULL,
	CONSTRAINT seal_block_pkey PRIMARY KEY (block)
);
COMMENT ON TABLE commission.seal_block IS
	'the sealed blocks of the ledger (R48)';
COMMENT ON COLUMN commission.seal_block.block IS
	'numbered by each node from 1, with commission.node_id above the lower 48 bits as in event ids';
COMMENT ON COLUMN commission.seal_block.entries IS
	'how many entries are in it';
COMMENT ON COLUMN commission.seal_block.event_ids IS
	'the event ids whose rows are in it';
COMMENT ON COLUMN commission.seal_block.previous IS
	'the hash of the node''s block before; 32 bytes of 0 in its first';
COMMENT ON COLUMN commission.seal_block.hash IS
	'SHA-256 over previous and the block, as doc/seals.md states';

CREATE FUNCTION commission_internal.block_rows(
	event_ids int8multirange, OUT entries bigint, OUT bytes bytea)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT count(*) FILTER (WHERE s.is_entry),
		coalesce(string_agg(s.bytes, '' ORDER BY s.event_id, s.bytes), '')
	FROM commission_internal.ranges(event_ids) AS r
	JOIN commission_internal.sealed_row AS s
		ON s.event_id >= r.first_event_id AND s.event_id < r.end_event_id;
END;
COMMENT ON FUNCTION commission_internal.block_rows(int8multirange) IS
	'how many entries there are under these event ids, and the byte forms of all rows there, in the order of their event ids and then of their bytes';

CREATE FUNCTION commission_internal.block_hash(
	previous bytea, block bigint, sealed_at timestamptz,
	event_ids int8multirange, row_bytes bytea) RETURNS bytea
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT sha256(previous || commission_internal.row_bytes(block, sealed_at,
			array_agg(r.first_event_id ORDER BY r.first_event_id),
			array_agg(r.end_event_id ORDER BY r.first_event_id)) || row_bytes)
	FROM commission_internal.ranges(event_ids) AS r;
END;
COMMENT ON FUNCTION commission_internal.block_hash(bytea, bigint, timestamptz, int8multirange, bytea) IS
	'the hash of a block, whose rows block_rows() has read';

CREATE FUNCTION commission_internal.block_event_ids(event_ids int8multirange)
	RETURNS int8multirange
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	/* The end fits in bigint for the last node, too. */
	SELECT event_ids * int8multirange(int8range(NULL,
		least(min(s.event_id), 9223372036854725807) + 50000))
	FROM commission_internal.ranges(event_ids) AS r
	CROSS JOIN LATERAL (
		SELECT s.event_id FROM commission_internal.sealed_row AS s
		WHERE s.event_id >= r.first_event_id AND s.event_id < r.end_event_id
		ORDER BY s.event_id LIMIT 1) AS s
	HAVING count(*) > 0;
END;
COMMENT ON FUNCTION commission_internal.block_event_ids(int8multirange) IS
	'which of these event ids the next block has: up to the first with a row, and 50000 from there; NULL where none has';

CREATE PROCEDURE commission.seal()
	LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
	AS $$
DECLARE
	node CONSTANT bigint := commission_internal.setting('node_id');
	settled int8multirange;
	last commission.seal_block;
	next commission.seal_block;
	contents record;
BEGIN
	LOCK TABLE commission.seal_block IN SHARE UPDATE EXCLUSIVE MODE;
	SELECT commission_internal.settle(coalesce(range_agg(b.event_ids), '{}'), 2000, 100)
	INTO settled
	FROM commission.seal_block AS b
	WHERE b.block BETWEEN node << 48 AND (node << 48) + 281474976710655;
	SELECT b.* INTO last FROM commission.seal_block AS b
	WHERE b.block BETWEEN node << 48 AND (node << 48) + 281474976710655
	ORDER BY b.block DESC LIMIT 1;
	next.block := coalesce(last.block, node << 48);
	next.hash := coalesce(last.hash, decode(repeat('00', 32), 'hex'));

	LOOP
		next.event_ids := commission_internal.block_event_ids(settled);
		EXIT WHEN next.event_ids IS NULL;
		SELECT r.* INTO contents FROM commission_internal.block_rows(next.event_ids) AS r;
		next.block := next.block + 1;
		next.sealed_at := clock_timestamp();
		next.entries := contents.entries;
		next.previous := next.hash;
		next.hash := commission_internal.block_hash(next.previous, next.block,
			next.sealed_at, next.event_ids, contents.bytes);
		INSERT INTO commission.seal_block SELECT next.*;
		settled := settled - next.event_ids;
	END LOOP;
END $$;
COMMENT ON PROCEDURE commission.seal() IS
	'seals what has settled of this node''s ledger since the last call in blocks of up to 50000 event ids, each by a SHA-256 over its entries and the facts of its events and over the block before (R48); waits up to two seconds for transactions that have written to the ledger, and leaves what a still-open transaction may commit to the next call; delays no sale and no reader; a second call at the same time waits for the first; 25000 under REPEATABLE READ and SERIALIZABLE';

CREATE FUNCTION commission.verify_seals()
	RETURNS TABLE (block bigint, problem text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off SET work_mem = '64MB'
BEGIN ATOMIC
	SELECT b.block, p.problem
	FROM (
		SELECT s.*,
			lag(s.block, 1, s.block >> 48 << 48)
				OVER (PARTITION BY s.block >> 48 ORDER BY s.block) AS block_before,
			lag(s.hash, 1, decode(repeat('00', 32), 'hex'))
				OVER (PARTITION BY s.block >> 48 ORDER BY s.block) AS hash_before
		FROM commission.seal_block AS s) AS b
	CROSS JOIN LATERAL commission_internal.block_rows(b.event_ids) AS r
	CROSS JOIN LATERAL (
		SELECT 'blocks before it are missing' AS problem
		WHERE b.block <> b.block_before + 1
		UNION ALL
		SELECT 'it was sealed upon another block than the one before it'
		WHERE b.block = b.block_before + 1 AND b.previous <> b.hash_before
		UNION ALL
		SELECT CASE WHEN r.entries = b.entries
			THEN 'it is not what was sealed'
			ELSE format('it is not what was sealed: it had %s entries, and has %s',
						b.entries, r.entries) END
		WHERE b.entries <> r.entries
			OR b.hash <> commission_internal.block_hash(b.previous, b.block,
				b.sealed_at, b.event_ids, r.bytes)) AS p
	ORDER BY b.block;
END;
COMMENT ON FUNCTION commission.verify_seals() IS
	'a row for each problem of a sealed block, none if all blocks are what was sealed, the first changed block first (R48): an entry or a fact of an event was changed, removed or inserted, or a block was. Only a hash that was published elsewhere shows that the last blocks are there and that nobody sealed everything again. Reads everything that is sealed';

CREATE VIEW commission.seal_status AS
	SELECT b.node,
		b.blocks,
		b.entries,
		b.block AS last_block,
		l.hash AS last_hash,
		l.sealed_at,
		u.entries AS unsealed_entries
	FROM (
		SELECT (s.block >> 48)::integer AS node, count(*) AS blocks,
			sum(s.entries)::bigint AS entries, max(s.block) AS block,
			range_agg(s.event_ids) AS event_ids
		FROM commission.seal_block AS s
		GROUP BY s.block >> 48) AS b
	JOIN commission.seal_block AS l ON l.block = b.block
	CROSS JOIN LATERAL (
		SELECT count(*) AS entries
		FROM commission_internal.ranges(
			int8multirange(commission_internal.node_event_ids(b.node)) - b.event_ids) AS r
		JOIN commission.entry AS e
			ON e.event_id >= r.first_event_id AND e.event_id < r.end_event_id) AS u;
COMMENT ON VIEW commission.seal_status IS
	'of each node that has sealed: how many blocks and entries, the last block with its hash, which is to be published elsewhere, and when it was sealed, and how many entries are not sealed yet (R48)';
/*
 * follower.sql: what other systems follow the ledger by (R49).
 *
 * Changes are numbered in batches, each of what had settled when it was
 * appended: the order in which things settle is the one order in which nothing
 * that commits late is skipped.  A batch says which event ids it has; what its
 * changes are, the ledger says, which never changes.
 *
 * Locks: ShareUpdateExclusiveLock on commission.change_batch while a batch is
 * appended and to the end of that transaction.  Nobody waits for it: who finds
 * it held is given what is there.
 */

CREATE TABLE commission.change_batch (
	first_position bigint NOT NULL,
	settled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	changes integer NOT NULL,
	event_ids int8multirange NOT NULL,
	given int8multirange NOT NULL,
	CONSTRAINT change_batch_pkey PRIMARY KEY (first_position),
	CONSTRAINT change_batch_changes_check CHECK (changes > 0)
);
COMMENT ON TABLE commission.change_batch IS
	'the changes that followers are given, in batches of what had settled (R49)';
COMMENT ON COLUMN commission.change_batch.first_position IS
	'the position of its first change; each node counts from 1, with commission.node_id above the lower 48 bits as in event ids';
COMMENT ON COLUMN commission.change_batch.changes IS
	'how many changes it has';
COMMENT ON COLUMN commission.change_batch.event_ids IS
	'the event ids whose changes are in it, in their order';
COMMENT ON COLUMN commission.change_batch.given IS
	'the event ids of the node whose changes are in it or in a batch before it';

CREATE TABLE commission.consumer (
	consumer text COLLATE "C" NOT NULL,
	position bigint NOT NULL DEFAULT 0,
	registered_at timestamptz NOT NULL DEFAULT now(),
	acknowledged_at timestamptz,
	CONSTRAINT consumer_pkey PRIMARY KEY (consumer)
);
COMMENT ON TABLE commission.consumer IS
	'how far each consumer has followed the ledger (R49)';
COMMENT ON COLUMN commission.consumer.position IS
	'the last position that it has acknowledged; 0: none';
COMMENT ON COLUMN commission.consumer.acknowledged_at IS
	'when it last acknowledged; NULL: never';

/* Other transitions of withdrawals have an entry. */
CREATE VIEW commission_internal.change AS
	SELECT e.event_id, e.line FROM commission.entry AS e
	UNION ALL
	SELECT t.event_id, NULL FROM commission.withdrawal_transition AS t
	WHERE t.to_state IN ('approved', 'unknown', 'paid');
COMMENT ON VIEW commission_internal.change IS
	'what followers are given: entries, and transitions of withdrawals that have none (line is NULL)';

/* OFFSET 0: range by range, whatever order is wanted. */
CREATE FUNCTION commission_internal.changes_of(event_ids int8multirange)
	RETURNS TABLE (event_id bigint, line smallint)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.event_id, c.line
	FROM commission_internal.ranges(event_ids) AS r
	CROSS JOIN LATERAL (
		SELECT c.event_id, c.line FROM commission_internal.change AS c
		WHERE c.event_id >= r.first_event_id AND c.event_id < r.end_event_id
		OFFSET 0) AS c;
END;
COMMENT ON FUNCTION commission_internal.changes_of(int8multirange) IS
	'the changes under these event ids, in no order';

CREATE FUNCTION commission_internal.last_batch(node integer)
	RETURNS commission.change_batch
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT b.* FROM commission.change_batch AS b
	WHERE b.first_position >= lower(commission_internal.node_event_ids(node))
		AND b.first_position < upper(commission_internal.node_event_ids(node))
	ORDER BY b.first_position DESC LIMIT 1;
END;
COMMENT ON FUNCTION commission_internal.last_batch(integer) IS
	'a node''s last batch of changes; NULL where it has none';

/* A batch has 5000 event ids at most; their end fits in bigint for any node. */
CREATE FUNCTION commission_internal.append_changes() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	node CONSTANT integer := commission_internal.setting('node_id');
	last commission.change_batch;
	first_event_id bigint;
	settled int8multirange;
	changes integer;
BEGIN
	BEGIN
		LOCK TABLE commission.change_batch IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
	EXCEPTION WHEN lock_not_available THEN
		RETURN;
	END;
	last := commission_internal.last_batch(node);
	last.given := coalesce(last.given, '{}');
	SELECT min(c.event_id) INTO first_event_id
	FROM commission_internal.ranges(
		int8multirange(commission_internal.node_event_ids(node)) - last.given) AS r
	CROSS JOIN LATERAL (
		SELECT c.event_id FROM commission_internal.change AS c
		WHERE c.event_id >= r.first_event_id AND c.event_id < r.end_event_id
		ORDER BY c.event_id LIMIT 1) AS c;
	IF first_event_id IS NULL THEN
		RETURN;
	END IF;

	settled := commission_internal.settle(last.given + int8multirange(int8range(
			least(first_event_id, 9223372036854770807) + 5000, NULL)), 100, 10000);
	SELECT count(*) INTO changes FROM commission_internal.changes_of(settled);
	IF changes > 0 THEN
		INSERT INTO commission.change_batch
			(first_position, changes, event_ids, given)
		VALUES (coalesce(last.first_position + last.changes, (node::bigint << 48) + 1),
			changes, settled, last.given + settled);
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.append_changes() IS
	'appends a batch of the changes that have settled since the last, if there are any and nobody else is appending one; 25000 under REPEATABLE READ and SERIALIZABLE where there are any';

CREATE FUNCTION commission_internal.next_position(after bigint) RETURNS bigint
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce((
		SELECT CASE WHEN after + 1 < b.first_position + b.changes
			THEN after + 1 END
		FROM commission.change_batch AS b
		WHERE b.first_position <= after + 1
		ORDER BY b.first_position DESC LIMIT 1), (
		SELECT min(b.first_position) FROM commission.change_batch AS b
		WHERE b.first_position > after));
COMMENT ON FUNCTION commission_internal.next_position(bigint) IS
	'the position of the first change after this one; NULL where no batch has any';

CREATE FUNCTION commission_internal.changes(first bigint, n integer)
	RETURNS TABLE ("position" bigint, event_id bigint, line smallint)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.position, c.event_id, c.line
	FROM commission.change_batch AS b
	CROSS JOIN LATERAL (
		SELECT b.first_position - 1
				+ row_number() OVER (ORDER BY c.event_id, c.line) AS position,
			c.event_id, c.line
		FROM commission_internal.changes_of(b.event_ids) AS c) AS c
	WHERE b.first_position < first + n
		AND b.first_position >= (SELECT max(s.first_position)
								 FROM commission.change_batch AS s
								 WHERE s.first_position <= first)
		AND c.position >= first AND c.position < first + n;
END;
COMMENT ON FUNCTION commission_internal.changes(bigint, integer) IS
	'the changes of n positions from the first, which a batch has';

CREATE FUNCTION commission_internal.transition_detail(event_id bigint)
	RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
	SELECT jsonb_strip_nulls(jsonb_build_object(
		'from_state', t.from_state, 'state', t.to_state,
		'amount', w.amount, 'method', w.method,
		'transfer', t.transfer, 'reason', t.reason))
	FROM commission.withdrawal_transition AS t
	JOIN commission.withdrawal AS w ON w.event_id = t.withdrawal_id
	WHERE t.event_id = transition_detail.event_id);
COMMENT ON FUNCTION commission_internal.transition_detail(bigint) IS
	'a transition of a withdrawal, for change_detail(); NULL for another event';

CREATE FUNCTION commission_internal.change_detail(
	event_id bigint, line smallint)
	RETURNS TABLE (what text, account text, amount bigint, source text,
				   occurred_at timestamptz, detail jsonb)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT e.kind::text, e.account, e.amount, e.source, e.occurred_at,
		jsonb_strip_nulls(jsonb_build_object(
			'counts_as', e.counts_as, 'ratio', e.ratio,
			'from_account', e.from_account,
			'reversed_event_id', r.reversed_event_id,
			'reason', coalesce(r.reason, j.reason),
			'withdrawal', commission_internal.transition_detail(e.event_id)))
	FROM commission.ledger AS e
	LEFT JOIN commission.reversal AS r ON r.event_id = e.event_id
	LEFT JOIN commission.adjustment AS j ON j.event_id = e.event_id
	WHERE e.event_id = change_detail.event_id AND e.line = change_detail.line
	UNION ALL
	SELECT 'withdrawal_' || t.to_state, a.name, NULL, t.withdrawal_id::text,
		t.changed_at, jsonb_build_object('withdrawal',
			commission_internal.transition_detail(t.event_id))
	FROM commission.withdrawal_transition AS t
	JOIN commission.withdrawal AS w ON w.event_id = t.withdrawal_id
	JOIN commission.account AS a ON a.account_id = w.account_id
	WHERE t.event_id = change_detail.event_id AND change_detail.line IS NULL;
END;
COMMENT ON FUNCTION commission_internal.change_detail(bigint, smallint) IS
	'what next_changes() says of a change';

CREATE FUNCTION commission.next_changes(consumer text, n integer DEFAULT 1000)
	RETURNS TABLE ("position" bigint, what text, account text, amount bigint,
				   source text, event_id bigint, line smallint,
				   occurred_at timestamptz, detail jsonb)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
	AS $$
#variable_conflict use_column
DECLARE
	followed bigint;
	last commission.change_batch;
	first bigint;
BEGIN
	PERFORM commission_internal.required(next_changes.consumer, 'consumer'),
		commission_internal.bounded(next_changes.consumer, 'consumer');
	IF commission_internal.required(n, 'n') NOT BETWEEN 1 AND 10000 THEN
		RAISE 'n must be from 1 to 10000'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is %s.', n);
	END IF;
	SELECT c.position INTO followed FROM commission.consumer AS c
	WHERE c.consumer = next_changes.consumer;
	IF NOT FOUND THEN
		INSERT INTO commission.consumer (consumer) VALUES (next_changes.consumer)
		ON CONFLICT DO NOTHING;
		followed := 0;
	END IF;

	last := commission_internal.last_batch(
		commission_internal.setting('node_id')::integer);
	IF last.first_position IS NULL
		OR last.first_position + last.changes <= followed + n
	THEN
		PERFORM commission_internal.append_changes();
	END IF;
	first := commission_internal.next_position(followed);
	RETURN QUERY
	SELECT c.position, d.what, d.account, d.amount, d.source, c.event_id, c.line,
		d.occurred_at, d.detail
	FROM commission_internal.changes(first, n) AS c
	CROSS JOIN LATERAL commission_internal.change_detail(c.event_id, c.line) AS d
	ORDER BY c.position;
END $$;
COMMENT ON FUNCTION commission.next_changes(text, integer) IS
	'the next n changes of the ledger that a consumer has not acknowledged, in one order for all consumers, without a gap and without a duplicate (R49): entries, what being their kind and amount their credits, and transitions of withdrawals that have no entry, what being withdrawal_approved, withdrawal_unknown or withdrawal_paid and line and amount NULL; source as in ledger; detail has counts_as, ratio, from_account, the reversed event, the reason of a reversal or adjustment, and of a withdrawal its state, amount, method, transfer and reason. The same until they are acknowledged, to several callers at once, too. Act on them once the transaction has committed. A name that is new is a consumer from the beginning of the ledger. What an open or prepared transaction may still commit comes later, and keeps back nothing else. There may be fewer than n although more follow; there is none where nothing is new, or while another transaction that was given something new is open; 22004 for NULL, 22023 for an empty consumer or one of more than 1024 bytes, or n outside 1 to 10000, 25000 under REPEATABLE READ and SERIALIZABLE';

CREATE FUNCTION commission.acknowledge(consumer text, "position" bigint)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	last bigint;
BEGIN
	PERFORM commission_internal.required(acknowledge.consumer, 'consumer'),
		commission_internal.required(acknowledge.position, 'position');
	SELECT b.first_position + b.changes - 1 INTO last
	FROM commission.change_batch AS b
	WHERE b.first_position <= acknowledge.position
	ORDER BY b.first_position DESC LIMIT 1;
	IF acknowledge.position > coalesce(last, 0) THEN
		RAISE 'position % was not given', acknowledge.position
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('The last one before it is %s.', coalesce(last, 0)),
				HINT = 'Acknowledge the position of a row of next_changes() whose transaction has committed.';
	END IF;
	UPDATE commission.consumer AS c
	SET position = greatest(c.position, acknowledge.position), acknowledged_at = now()
	WHERE c.consumer = acknowledge.consumer;
	IF NOT FOUND THEN
		RAISE 'consumer "%" does not exist', acknowledge.consumer
			USING ERRCODE = 'foreign_key_violation',
				HINT = 'Call next_changes() first.';
	END IF;
END $$;
COMMENT ON FUNCTION commission.acknowledge(text, bigint) IS
	'moves a consumer on: it is given what comes after this position (R49); one that it has passed changes nothing; 22023 for a position that was not given, 23503 for a consumer that does not exist, 22004 for NULL';

/* Not by changes_of(), which reads with the rights of who reads this. */
CREATE VIEW commission.consumer_status AS
	SELECT c.consumer,
		c.position,
		c.acknowledged_at,
		coalesce(b.changes, 0) + u.changes AS changes_behind,
		CASE WHEN coalesce(b.changes, 0) + u.changes > 0
			THEN coalesce(b.settled_at, c.acknowledged_at, c.registered_at)
		END AS behind_since
	FROM commission.consumer AS c
	CROSS JOIN LATERAL (
		SELECT sum(least(b.changes, b.first_position + b.changes - 1 - c.position))::bigint
				AS changes,
			min(b.settled_at) AS settled_at
		FROM commission.change_batch AS b
		WHERE b.first_position + b.changes > c.position + 1
			AND b.first_position >= coalesce((SELECT max(s.first_position)
											  FROM commission.change_batch AS s
											  WHERE s.first_position <= c.position), 0)) AS b
	CROSS JOIN (
		SELECT count(*) AS changes
		FROM commission_internal.node_event_ids(
			commission_internal.setting('node_id')::integer) AS n (event_ids)
		CROSS JOIN LATERAL commission_internal.ranges(
			int8multirange(n.event_ids) - coalesce((
				SELECT l.given FROM commission.change_batch AS l
				WHERE l.first_position >= lower(n.event_ids)
					AND l.first_position < upper(n.event_ids)
				ORDER BY l.first_position DESC LIMIT 1), '{}')) AS r
		JOIN commission_internal.change AS e
			ON e.event_id >= r.first_event_id AND e.event_id < r.end_event_id) AS u;
COMMENT ON VIEW commission.consumer_status IS
	'of each consumer of next_changes() how far it has acknowledged, how many changes of the ledger it is behind, and since when at the earliest, NULL where it is behind by none (R49)';
/*
 * request.sql: requests of withdrawals (R24, R39, R46).
 */

CREATE FUNCTION commission_internal.check_destination(
	method text, destination text, account text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF octet_length(destination) > 1024 THEN
		RAISE 'destination is too long'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It has %s bytes; a destination has at most 1024.',
					octet_length(destination));
	ELSIF method = 'paypal'
		AND commission_internal.paypal_recipient_type(destination) IS NULL
	THEN
		RAISE 'PayPal cannot pay the destination of account "%"', account
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'It is neither an e-mail address nor a telephone number nor a PayPal id.',
				HINT = 'Pass a destination, or give the account its e-mail address as label by register_account().';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.check_destination(text, text, text) IS
	'refuses a destination that is over-long or that its method cannot pay: 22023';

CREATE FUNCTION commission_internal.check_withdrawal_amount(
	amount bigint, has commission.balance, minimum bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF amount > has.available OR has.available < 1 THEN
		RAISE 'withdrawal exceeds the available balance'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('Account "%s" has %s credits available: its balance is %s, of which %s are held.',
					has.account, has.available, has.balance, has.held);
	ELSIF amount < greatest(minimum, 1) THEN
		RAISE 'withdrawal is less than the minimum'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s credits of %s available; the minimum is %s.',
					amount, has.available, greatest(minimum, 1));
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.check_withdrawal_amount(bigint, commission.balance, bigint) IS
	'refuses to withdraw more than is available or less than the minimum, in credits (R24): 22023';

CREATE FUNCTION commission_internal.check_obstacle(
	earner commission.account, to_address boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	obstacle CONSTANT text :=
		commission_internal.withdrawal_obstacle(earner.account_id);
	pause CONSTANT integer := commission_internal.setting('address_pause_days');
BEGIN
	IF obstacle IS NOT NULL THEN
		RAISE 'account "%" cannot withdraw', earner.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = obstacle;
	ELSIF pause > 0 AND to_address IS NOT TRUE THEN
		RAISE 'account "%" can withdraw to its payout address only', earner.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('A change of the address pauses payouts for %s days, which another destination would evade.',
					pause),
				HINT = 'Set the address with set_payout().';
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.check_obstacle(commission.account, boolean) IS
	'refuses to withdraw while something stands in the way (R46), and, while commission.address_pause_days is above 0, to another destination than the payout address: 55000';

CREATE FUNCTION commission.request_withdrawal(account text,
											  amount bigint DEFAULT NULL,
											  method text DEFAULT 'paypal',
											  destination text DEFAULT NULL)
	RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
	AS $$
DECLARE
	earner commission.account;
	kept text;
	target text;
	has commission.balance;
	credits bigint;
	withdrawal bigint;
BEGIN
	PERFORM commission_internal.refuse_withdrawal();
	/* The method is a key of an index, as identifiers are. */
	PERFORM commission.account_id(
		commission_internal.required(method, 'method'));
	IF destination = '' THEN
		RAISE 'destination must not be empty'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	earner := commission_internal.locked_account(account);
	SELECT p.destination INTO kept
	FROM commission_internal.payout_address AS p
	WHERE p.account_id = earner.account_id
		AND p.method = request_withdrawal.method;
	target := coalesce(destination, kept, nullif(earner.label, ''), earner.name);

	has := commission_internal.latest_balance(earner.account_id);
	credits := coalesce(amount, has.available);
	PERFORM commission_internal.check_withdrawal_amount(credits, has,
		CASE WHEN earner.closed_at IS NULL
			THEN commission_internal.minimum_payout(earner.account_id) ELSE 1 END);
	PERFORM commission_internal.check_destination(method, target, earner.name);
	PERFORM commission_internal.check_obstacle(earner, target = kept);

	withdrawal := commission_internal.append_withdrawal_entry('withdrawal',
		earner.account_id, -credits);
	INSERT INTO commission.withdrawal (event_id, account_id, amount,
		requested_at, method, destination)
	VALUES (withdrawal, earner.account_id, credits, now(), method, target);
	INSERT INTO commission.withdrawal_transition (event_id, withdrawal_id,
		changed_at, to_state, changed_by)
	VALUES (withdrawal, withdrawal, now(), 'requested', session_user);
	RETURN withdrawal;
END $$;
COMMENT ON FUNCTION commission.request_withdrawal(text, bigint, text, text) IS
	'takes that many credits out of an account''s balance to be paid out, all that is available for NULL, and returns the withdrawal''s number (R23, R24); without a destination it goes to the account''s payout address of that method (set_payout), or else to its label or, if it has none, its name; by paypal the destination is an e-mail address, a telephone number or a PayPal id; a closed account withdraws what it has, whatever the minimum (R39); 55000 while the account is held (R46), while its payouts pause after a change of its address, and, where commission.address_pause_days is above 0, for another destination than that address; 55000 on a node, and at a hub while tables are being copied; 22023 for less than commission.minimum_payout, or what the account''s terms state in its place, or more than is available, for a destination that PayPal cannot pay, or for an empty or over-long account, method or destination, 23503 for an account that does not exist, 22004 for a NULL account or method';
/*
 * schedule.sql: payouts by the calendar.
 *
 * Locks: the rows of the accounts that are due, in the order of their keys,
 * until the transaction ends.  Sales take no such lock.
 */

/*
 * Whatever has come between is seen under the account's lock, so that no
 * request is refused: none needs a subtransaction, of which thousands in one
 * transaction would slow every other session's snapshots.
 */
CREATE PROCEDURE commission.schedule_withdrawals(method text DEFAULT NULL)
	LANGUAGE plpgsql
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off
	AS $$
DECLARE
	due text;
BEGIN
	PERFORM commission_internal.refuse_withdrawal();
	FOR due IN
		SELECT a.name
		FROM commission_internal.payout_address AS p
		JOIN commission.account AS a ON a.account_id = p.account_id
		WHERE p.automatic
			AND p.method = coalesce(schedule_withdrawals.method, p.method)
			AND NOT EXISTS (SELECT FROM commission.payout_exclusion AS x
							WHERE x.account_id = p.account_id)
		ORDER BY a.account_id
	LOOP
		PERFORM commission_internal.locked_account(due);
		PERFORM commission.request_withdrawal(due, method => p.method)
		FROM commission_internal.payout_address AS p
		WHERE p.account_id = commission.account_id(due) AND p.automatic
			AND p.method = coalesce(schedule_withdrawals.method, p.method)
			AND NOT EXISTS (SELECT FROM commission.payout_exclusion AS x
							WHERE x.account_id = p.account_id);
	END LOOP;
END $$;
COMMENT ON PROCEDURE commission.schedule_withdrawals(text) IS
	'requests for each account whose payout address is automatic, of one method or of all for NULL, a withdrawal of all that is available to that address; payout_exclusion says who is left out and why. Two calls at once request nothing twice. Under REPEATABLE READ and above, 55000, 22023 or 40001 where an account has changed since the transaction began';
/*
 * funnel.sql: what an affiliate's links bring (R35, R36).
 *
 * Both views are exact at any moment.  Clicks and sign-ups are counted from the
 * touches, the counts of purged ones and the referrals, by the indexes of the
 * account and day or of the campaign.  Conversions and earnings are rolled-up
 * sums and, in one pass each, the entries that are not in them yet: those of an
 * account by the ledger's index, for a campaign all of them.  They are summed
 * before they are joined, so that no account's entries are read once for each
 * of its referrals.
 */

CREATE VIEW commission.funnel AS
	SELECT f.account,
		f.campaign,
		f.day,
		sum(f.clicks)::bigint AS clicks,
		sum(f.signups)::bigint AS signups,
		sum(f.conversions)::bigint AS conversions,
		commission_internal.credits(sum(f.earnings)) AS earnings,
		f.account_id
	FROM (
		SELECT a.name AS account, a.account_id, t.campaign,
			(t.touched_at AT TIME ZONE INTERVAL '0')::date AS day,
			1 AS clicks, 0 AS signups, 0 AS conversions, 0::numeric AS earnings
		FROM commission.touch AS t
		JOIN commission.account AS a ON a.account_id = t.referrer_id
		WHERE commission_internal.is_name_of(a.name, a.account_id)
		UNION ALL
		SELECT a.name, a.account_id, c.campaign, c.day, c.clicks, 0, 0, 0
		FROM commission.touch_count AS c
		JOIN commission.account AS a ON a.account_id = c.referrer_id
		WHERE commission_internal.is_name_of(a.name, a.account_id)
		UNION ALL
		SELECT a.name, a.account_id, r.campaign,
			(r.signed_up_at AT TIME ZONE INTERVAL '0')::date,
			0, 1, 0, 0
		FROM commission.referral_change AS r
		JOIN commission.account AS a ON a.account_id = r.referrer_id
		WHERE r.is_first AND r.is_signup
			AND commission_internal.is_name_of(a.name, a.account_id)
		UNION ALL
		SELECT a.name, a.account_id, r.campaign,
			(paid.first_at AT TIME ZONE INTERVAL '0')::date,
			0, 0, 1, 0
		FROM (
			SELECT p.account_id, p.from_account_id,
				min(p.first_earned_at) AS first_at
			FROM commission_internal.referred_sums AS p
			GROUP BY p.account_id, p.from_account_id) AS paid
		JOIN commission.account AS a ON a.account_id = paid.account_id
		JOIN commission.referral_change AS r
			ON r.referrer_id = paid.account_id
			AND r.account_id = paid.from_account_id
		WHERE r.is_first AND r.is_signup AND paid.first_at IS NOT NULL
			AND commission_internal.is_name_of(a.name, paid.account_id)
		UNION ALL
		SELECT a.name, a.account_id, earned.campaign, earned.day,
			0, 0, 0, earned.amount
		FROM (
			SELECT p.account_id, p.campaign, p.day, sum(p.amount) AS amount
			FROM commission_internal.campaign_sums AS p
			GROUP BY p.account_id, p.campaign, p.day) AS earned
		JOIN commission.account AS a ON a.account_id = earned.account_id
		WHERE commission_internal.is_name_of(a.name, earned.account_id)
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
		commission_internal.credits(coalesce(e.amount, 0)) AS lifetime,
		e.last_earned_at,
		EXISTS (
			SELECT FROM commission.referral AS f
			WHERE f.account_id = r.account_id AND f.role = r.role
				AND f.referrer_id = r.referrer_id) AS in_force,
		a.account_id,
		r.change_id AS referral_id,
		(SELECT count(*)
		 FROM commission.customer_order AS o
		 WHERE o.customer_id = r.account_id AND r.role = 'brand'
			AND (EXISTS (SELECT FROM commission_internal.sale_entry AS t
						 WHERE t.sale_event_id = o.event_id
							AND t.account_id = r.referrer_id)) IS TRUE) AS orders
	FROM commission.referral_change AS r
	JOIN commission.account AS a ON a.account_id = r.referrer_id
	JOIN commission.account AS b ON b.account_id = r.account_id
	LEFT JOIN (
		SELECT p.account_id, p.from_account_id,
			p.counts_as = 'creator' AS is_creator,
			sum(p.amount) AS amount, max(p.last_earned_at) AS last_earned_at
		FROM commission_internal.referred_sums AS p
		GROUP BY p.account_id, p.from_account_id, p.counts_as = 'creator') AS e
		ON e.account_id = r.referrer_id
		AND e.from_account_id = r.account_id
		AND e.is_creator = (r.role = 'creator')
	WHERE r.is_first AND commission_internal.is_name_of(a.name, a.account_id);
COMMENT ON VIEW commission.referral_earnings IS
	'the accounts that each account referred, masked (R34), for each role: when they signed up, through which campaign (NULL: none), the plan of their latest order that names one, what they have earned the account in credits and net of reversals, and when last (R36); in_force: false where the operator has moved or ended the referral, whose earnings stay; orders: how many of their orders paid the account, refunded or not; referral_id tells the rows apart';
/*
 * referral_signal.sql: what a reviewer of referrals should look at (R47).
 *
 * A rule looks at what the last commission.signal_days brought, by index, and at
 * whatever else it needs by key: OFFSET 0 keeps the planner from joining with
 * whole tables.
 */

CREATE FUNCTION commission_internal.signals_since() RETURNS timestamptz
	LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE commission_internal.setting('signal_days') WHEN '0' THEN '-infinity'
	ELSE now() - make_interval(days =>
		commission_internal.setting('signal_days')::integer) END;
COMMENT ON FUNCTION commission_internal.signals_since() IS
	'what was recorded from then on is looked at for fraud: commission.signal_days before the transaction''s start; -infinity for 0';

CREATE VIEW commission_internal.recent_signup AS
	SELECT c.change_id, c.account_id, c.referrer_id, c.role, c.signed_up_at,
		c.changed_at
	FROM commission.referral_change AS c
	WHERE c.is_signup
		AND c.changed_at >= commission_internal.signals_since();
COMMENT ON VIEW commission_internal.recent_signup IS
	'each account and referrer whose first referral was recorded in the last commission.signal_days';

CREATE VIEW commission_internal.recent_referrer AS
	SELECT s.referrer_id FROM commission_internal.recent_signup AS s
	GROUP BY s.referrer_id;
COMMENT ON VIEW commission_internal.recent_referrer IS
	'the referrers of these';

/* mailbox() is called only where what it may leave of the names is the same. */
CREATE VIEW commission_internal.mailbox_signal AS
	SELECT 'same_mailbox' AS rule, s.referrer_id AS account_id,
		s.account_id AS other_id,
		jsonb_build_object('address', commission.mask(r.address),
			'referred_address', commission.mask(a.address)) AS evidence,
		s.changed_at AS since
	FROM commission_internal.recent_signup AS s
	CROSS JOIN LATERAL (
		SELECT coalesce(nullif(a.label, ''), a.name) COLLATE "C" AS address
		FROM commission.account AS a WHERE a.account_id = s.account_id
		OFFSET 0) AS a
	CROSS JOIN LATERAL (
		SELECT coalesce(nullif(r.label, ''), r.name) COLLATE "C" AS address
		FROM commission.account AS r WHERE r.account_id = s.referrer_id
		OFFSET 0) AS r
	WHERE CASE WHEN a.address LIKE '%@%'
			AND replace(lower(split_part(split_part(a.address, '@', 1), '+', 1)), '.', '')
				= replace(lower(split_part(split_part(r.address, '@', 1), '+', 1)), '.', '')
		THEN commission_internal.mailbox(a.address)
			= commission_internal.mailbox(r.address)
		ELSE false END;
COMMENT ON VIEW commission_internal.mailbox_signal IS
	'referrers whose e-mail address reaches the mailbox of the account that they referred';

/* The referral that came second closes the circle. */
CREATE VIEW commission_internal.mutual_signal AS
	SELECT 'mutual_referral' AS rule, s.referrer_id AS account_id,
		s.account_id AS other_id,
		jsonb_build_object('first', c.changed_at, 'second', s.changed_at)
			AS evidence,
		s.changed_at AS since
	FROM commission_internal.recent_referrer AS r
	CROSS JOIN LATERAL (
		SELECT c.change_id, c.referrer_id, c.changed_at
		FROM commission.referral_change AS c
		WHERE c.is_signup AND c.account_id = r.referrer_id
		OFFSET 0) AS c
	CROSS JOIN LATERAL (
		SELECT s.* FROM commission_internal.recent_signup AS s
		WHERE s.account_id = c.referrer_id AND s.referrer_id = r.referrer_id
			AND s.change_id > c.change_id
		OFFSET 0) AS s;
COMMENT ON VIEW commission_internal.mutual_signal IS
	'accounts that referred one another';

CREATE VIEW commission_internal.burst_signal AS
	SELECT DISTINCT ON (b.referrer_id) 'signup_burst' AS rule,
		b.referrer_id AS account_id, NULL::uuid AS other_id,
		jsonb_build_object('signups', b.signups, 'from', b.signed_up_at,
			'minutes', t.minutes) AS evidence,
		b.signed_up_at AS since
	FROM (
		SELECT commission_internal.setting('signal_burst_minutes')::integer AS minutes,
			commission_internal.setting('signal_burst_signups')::integer AS signups
		) AS t
	CROSS JOIN LATERAL (
		SELECT s.referrer_id, s.signed_up_at,
			count(*) OVER (PARTITION BY s.referrer_id ORDER BY s.signed_up_at
				RANGE BETWEEN CURRENT ROW
				AND make_interval(mins => t.minutes) FOLLOWING) AS signups
		FROM commission_internal.recent_signup AS s) AS b
	WHERE b.signups >= t.signups
	ORDER BY b.referrer_id, b.signups DESC, b.signed_up_at;
COMMENT ON VIEW commission_internal.burst_signal IS
	'referrers of whom at least commission.signal_burst_signups accounts signed up within commission.signal_burst_minutes: the largest burst of each';
/*
 * signup_signal.sql: what is odd between click, sign-up and sale (R47).
 */

/* The attempt and the referral that it set are one transaction's. */
CREATE VIEW commission_internal.quick_signal AS
	SELECT 'quick_signup' AS rule, s.referrer_id AS account_id,
		s.account_id AS other_id,
		jsonb_build_object('clicked_at', t.touched_at,
			'signed_up_at', t.signed_up_at) AS evidence,
		t.signed_up_at AS since
	FROM commission.attempt AS t
	CROSS JOIN LATERAL (
		SELECT s.* FROM commission_internal.recent_signup AS s
		WHERE s.account_id = t.account_id AND s.role = t.role
			AND s.changed_at = t.attempted_at
		OFFSET 0) AS s
	WHERE t.outcome = 'attributed'
		AND t.signed_up_at - t.touched_at < make_interval(secs =>
			commission_internal.setting('signal_signup_seconds')::integer);
COMMENT ON VIEW commission_internal.quick_signal IS
	'sign-ups less than commission.signal_signup_seconds after the click that they completed';

/* What is rolled up is found by its key, the rest is read once. */
CREATE VIEW commission_internal.recent_conversion AS
	SELECT s.referrer_id, s.account_id, s.signed_up_at, r.first_earned_at
	FROM commission_internal.recent_signup AS s
	JOIN commission.rolled_referred AS r ON r.account_id = s.referrer_id
		AND r.from_account_id = s.account_id
	WHERE r.first_earned_at IS NOT NULL
	UNION ALL
	SELECT s.referrer_id, s.account_id, s.signed_up_at, e.occurred_at
	FROM commission_internal.unrolled AS u
	JOIN commission.entry AS e
		ON e.event_id >= u.first_event_id AND e.event_id < u.end_event_id
	JOIN commission_internal.recent_signup AS s ON s.referrer_id = e.account_id
		AND s.account_id = e.from_account_id
	WHERE e.counts_as NOT IN ('pool', 'withdrawal', 'adjustment') AND e.kind <> 'reversal';
COMMENT ON VIEW commission_internal.recent_conversion IS
	'rows of which the least first_earned_at is when an account whose first referral was recorded in the last commission.signal_days first paid the referrer';

/* Of clicks that were removed the day is kept, and each is taken for one before. */
CREATE VIEW commission_internal.clickless_signal AS
	SELECT 'conversion_without_click' AS rule, c.referrer_id AS account_id,
		c.account_id AS other_id,
		jsonb_build_object('signed_up_at', c.signed_up_at,
			'converted_at', c.first_at) AS evidence,
		c.first_at AS since
	FROM (
		SELECT c.referrer_id, c.account_id, c.signed_up_at,
			min(c.first_earned_at) AS first_at,
			/* What came before our era has no day a window before it. */
			(greatest(c.signed_up_at, '0001-01-01 00:00+00')
				AT TIME ZONE INTERVAL '0')::date AS day,
			commission_internal.setting('attribution_window_days')::integer
				AS days
		FROM commission_internal.recent_conversion AS c
		GROUP BY c.referrer_id, c.account_id, c.signed_up_at) AS c
	WHERE NOT EXISTS (
			SELECT FROM commission.touch AS t
			WHERE t.referrer_id = c.referrer_id
				AND (t.touched_at AT TIME ZONE INTERVAL '0')::date
					BETWEEN c.day - c.days AND c.day
				AND t.touched_at <= c.signed_up_at
			OFFSET 0)
		AND NOT EXISTS (
			SELECT FROM commission.touch_count AS n
			WHERE n.referrer_id = c.referrer_id
				AND n.day BETWEEN c.day - c.days AND c.day
			OFFSET 0);
COMMENT ON VIEW commission_internal.clickless_signal IS
	'referred accounts that paid their referrer although nobody had clicked on the referrer''s links in the commission.attribution_window_days before they signed up; those that the operator referred among them';
/*
 * reversal_signal.sql: referrers whose sales are refunded (R47).
 */

CREATE VIEW commission_internal.reversal_signal AS
	SELECT 'refunded_sales' AS rule, t.account_id, NULL::uuid AS other_id,
		jsonb_build_object('refunded_sales', t.sales, 'taken_back', t.taken,
			'earned', k.kept + t.taken) AS evidence,
		t.since
	FROM (
		SELECT e.account_id, count(DISTINCT r.reversed_event_id) AS sales,
			-sum(e.amount) AS taken, min(r.occurred_at) AS since
		FROM commission.reversal AS r
		CROSS JOIN LATERAL (
			SELECT e.account_id, e.amount FROM commission.entry AS e
			WHERE e.event_id = r.event_id AND e.counts_as <> 'pool'
			OFFSET 0) AS e
		WHERE r.occurred_at >= (SELECT commission_internal.signals_since())
		GROUP BY e.account_id
		HAVING count(DISTINCT r.reversed_event_id)
			>= commission_internal.setting('signal_refunds')::integer) AS t
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(s.amount), 0) AS kept
		FROM commission_internal.kind_sums AS s
		WHERE s.account_id = t.account_id
			AND s.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')) AS k
	WHERE t.taken >= (k.kept + t.taken)
		* commission_internal.setting('signal_refund_ratio')::numeric;
COMMENT ON VIEW commission_internal.reversal_signal IS
	'referrers of whose commission, in credits, the refunds of the last commission.signal_days took back at least commission.signal_refund_ratio, in at least commission.signal_refunds sales';
/*
 * destination_signal.sql: payout destinations of several accounts (R47).
 */

CREATE VIEW commission_internal.destination_use AS
	SELECT c.destination_key, c.account_id, c.changed_at AS used_at, c.destination
	FROM commission.payout_change AS c
	UNION ALL
	SELECT w.destination_key, w.account_id, w.requested_at, w.destination
	FROM commission.withdrawal AS w;
COMMENT ON VIEW commission_internal.destination_use IS
	'each payout address and each withdrawal, by where its money goes';

/* Two accounts have two hashes; uuid itself has no min() before PostgreSQL 18. */
CREATE VIEW commission_internal.destination_signal AS
	SELECT 'shared_destination' AS rule, x.account_id,
		d.accounts[CASE x.n WHEN 1 THEN 2 ELSE 1 END] AS other_id,
		jsonb_build_object('destination', commission.mask(d.destination),
			'accounts', cardinality(d.accounts)) AS evidence,
		d.since
	FROM (
		SELECT u.destination_key FROM commission_internal.destination_use AS u
		GROUP BY u.destination_key
		HAVING min(uuid_hash_extended(u.account_id, 0))
			<> max(uuid_hash_extended(u.account_id, 0))) AS k
	CROSS JOIN LATERAL (
		SELECT array_agg(DISTINCT u.account_id) AS accounts,
			min(u.destination COLLATE "C") AS destination,
			max(u.used_at) AS since
		FROM commission_internal.destination_use AS u
		WHERE u.destination_key = k.destination_key
		GROUP BY commission_internal.mailbox(u.destination)
		HAVING max(u.used_at) >= commission_internal.signals_since()) AS d
	CROSS JOIN LATERAL unnest(d.accounts) WITH ORDINALITY AS x (account_id, n)
	WHERE cardinality(d.accounts) > 1;
COMMENT ON VIEW commission_internal.destination_signal IS
	'accounts that share a payout destination, used in the last commission.signal_days, with others: one of them, and how many they are';
/*
 * fraud_signal.sql: what a reviewer should look at (R47).  Each rule is a view
 * beside its subject.
 */

/* To compile them takes longer than to run them. */
CREATE FUNCTION commission_internal.fraud_signals()
	RETURNS TABLE (rule text, account_id uuid, other_id uuid, evidence jsonb,
				   since timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off SET work_mem = '64MB'
BEGIN ATOMIC
	SELECT * FROM commission_internal.mailbox_signal
	UNION ALL
	SELECT * FROM commission_internal.destination_signal
	UNION ALL
	SELECT * FROM commission_internal.mutual_signal
	UNION ALL
	SELECT * FROM commission_internal.quick_signal
	UNION ALL
	SELECT * FROM commission_internal.reversal_signal
	UNION ALL
	SELECT * FROM commission_internal.burst_signal
	UNION ALL
	SELECT * FROM commission_internal.clickless_signal;
END;
COMMENT ON FUNCTION commission_internal.fraud_signals() IS
	'the rows of fraud_signal';

CREATE VIEW commission.fraud_signal AS
	SELECT s.rule,
		a.name AS account,
		o.name AS other,
		s.evidence,
		s.since,
		s.account_id
	FROM commission_internal.fraud_signals() AS s
	JOIN commission.account AS a ON a.account_id = s.account_id
	LEFT JOIN commission.account AS o ON o.account_id = s.other_id;
COMMENT ON VIEW commission.fraud_signal IS
	'what a reviewer should look at, of what was recorded in the last commission.signal_days (R47): the rule, the account (of a referral the referrer), the other account if there is one, the evidence and since when. Rules: same_mailbox, shared_destination, mutual_referral, quick_signup, refunded_sales, signup_burst, conversion_without_click. It decides nothing; hold_account() does';
/*
 * generation_step.sql: how a generation came to its credits, step by step.
 *
 * Everything comes from the facts that were kept with the generation, never
 * from the settings or referrals in force now.
 */

CREATE FUNCTION commission_internal.leg_reason(leg "char", use text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE leg
	WHEN 'n' THEN CASE use
		WHEN 'brand' THEN 'the buyer was not referred by anybody'
		WHEN 'order' THEN 'the customer was not referred by anybody'
		ELSE 'the owner of the listing was not referred by anybody' END
	WHEN 'b' THEN CASE use
		WHEN 'order' THEN 'the order was placed before the customer was referred'
		ELSE 'the generation was made before the buyer was referred' END
	WHEN 'w' THEN CASE use
		WHEN 'order' THEN 'the days after the referral in which orders pay were over'
		ELSE 'the days after the referral in which a brand pays were over' END
	WHEN 'm' THEN 'as many renewals of the customer as pay had paid'
	WHEN 's' THEN CASE use
		WHEN 'brand' THEN 'the referrer is the buyer, and nobody earns on their own purchase'
		WHEN 'order' THEN 'the referrer is the customer, and nobody earns on their own purchase'
		ELSE 'buyer, owner and referrer are not three different accounts, and nobody earns on their own purchase or listing' END
	WHEN 'c' THEN 'the referrer''s account was closed'
	WHEN 'a' THEN CASE use
		WHEN 'order' THEN 'the customer''s account was closed'
		ELSE 'the buyer''s account was closed' END
	WHEN 'o' THEN 'the avatar has the same owner, and an owner''s referrer earns once'
	WHEN '-' THEN 'there was no such listing'
END;
COMMENT ON FUNCTION commission_internal.leg_reason("char", text) IS
	'why a leg (of use brand, avatar, reference or order) was not paid, from the letter that is kept with the sale; NULL for one that applied';

/* What a leg came to: the product, and what rounding down made of it. */
CREATE FUNCTION commission_internal.leg_arithmetic(net_margin bigint, ratio_ppm integer,
										  sum_ppm integer, cap_ppm integer)
	RETURNS text
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	scaled CONSTANT boolean := sum_ppm > cap_ppm;
	dividend CONSTANT numeric := net_margin::numeric * ratio_ppm
		* CASE WHEN scaled THEN cap_ppm ELSE 1 END;
	divisor CONSTANT numeric := 1000000::numeric
		* CASE WHEN scaled THEN sum_ppm ELSE 1 END;
BEGIN
	RETURN format('%s * %s%s = %s', net_margin, commission_internal.ratio(ratio_ppm),
		CASE WHEN scaled
			THEN format(' * %s / %s', commission_internal.ratio(cap_ppm),
						commission_internal.ratio(sum_ppm))
			ELSE '' END,
		CASE WHEN mod(dividend, divisor) = 0
			THEN (dividend / divisor)::bigint::text
			ELSE format('%s%s, rounded down to %s',
						trim_scale(div(dividend * 1000000, divisor) / 1000000),
						CASE WHEN mod(dividend * 1000000, divisor) = 0
							THEN '' ELSE '...' END,
						div(dividend, divisor))
		END);
END $$;
COMMENT ON FUNCTION commission_internal.leg_arithmetic(bigint, integer, integer, integer) IS
	'a leg worked out on paper (R3, R12): 100 * 0.30 * 0.50 / 0.70 = 21.428571..., rounded down to 21';

/* How each listing was used. */
CREATE VIEW commission_internal.generation_use AS
	SELECT f.event_id, u.position, u.use, l.owner_id, o.name AS owner, u.leg,
		u.pool, u.surcharge, u.pool_derived, u.surcharge_derived,
		f.bundle_frame AND u.use = 'reference' AS bundled,
		coalesce(l.title, l.name) AS title
	FROM commission.generation AS f
	CROSS JOIN LATERAL (VALUES
		(1, 'avatar', f.avatar_version, f.avatar_leg, f.avatar_pool,
		 f.avatar_surcharge, f.derived & 4 <> 0, f.derived & 8 <> 0),
		(2, 'reference', f.reference_version, f.reference_leg, f.reference_pool,
		 f.reference_surcharge, f.derived & 16 <> 0, f.derived & 32 <> 0))
		AS u (position, use, version, leg, pool, surcharge, pool_derived,
			  surcharge_derived)
	JOIN commission.listing AS l ON l.version = u.version
	LEFT JOIN commission_internal.named_account AS o ON o.account_id = l.owner_id;
COMMENT ON VIEW commission_internal.generation_use IS
	'the listings that each generation used, with their legs, pools and surcharges';

CREATE VIEW commission_internal.fact_step AS
	SELECT f.event_id, 100 AS part, 0 AS position, 'generation' AS what,
		coalesce(f.generation_name,
				 commission_internal.identifier_name(f.generation_id)) || coalesce(
			', a frame of run ' || coalesce(f.run_name,
				commission_internal.identifier_name(f.run_id)), '')
		|| ', of ' || commission_internal.utc(f.occurred_at) AS value
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT f.event_id, 101, 0, 'buyer',
		commission.mask(coalesce(b.label, b.name, f.buyer_name,
								 commission_internal.identifier_name(f.buyer_id)))
	FROM commission_internal.generation_fact AS f
	LEFT JOIN commission.account AS b ON b.account_id = f.buyer_id
	UNION ALL
	SELECT f.event_id, 102, p.position, p.what,
		format('%s credits, %s', p.credits,
			   CASE WHEN p.derived
				   THEN format('from the price list: %s * %s%s', f.images,
							   f.model,
							   coalesce(' at ' || nullif(f.resolution, ''), ''))
				   ELSE 'as recorded with the generation' END)
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (VALUES
		(1, 'model price', f.model_price, f.derived & 1 <> 0),
		(2, 'API cost', f.api_cost, f.derived & 2 <> 0))
		AS p (position, what, credits, derived)
	UNION ALL
	SELECT u.event_id, 110, u.position * 10, u.use || ' listing',
		format('"%s" of %s', u.title, u.owner)
	FROM commission_internal.generation_use AS u
	UNION ALL
	SELECT u.event_id, 110, u.position * 10 + 1, u.use || ' pool',
		CASE
			WHEN u.bundled THEN '0 credits: a frame of a bundle, whose listing was paid for before'
			ELSE format('%s credits, %s', u.pool,
						CASE WHEN u.pool_derived THEN 'the listing''s'
							ELSE 'as recorded with the generation' END)
		END
	FROM commission_internal.generation_use AS u
	UNION ALL
	SELECT u.event_id, 110, u.position * 10 + 2, u.use || ' surcharge',
		format('%s credits, %s', u.surcharge,
			   CASE WHEN u.surcharge_derived
				   THEN 'the pool and the platform''s markup on it, rounded up'
				   ELSE 'as recorded with the generation' END)
	FROM commission_internal.generation_use AS u
	WHERE NOT u.bundled
	UNION ALL
	SELECT f.event_id, 110, 99, 'listing', 'none: a solo generation'
	FROM commission_internal.generation_fact AS f
	WHERE f.avatar_version IS NULL AND f.reference_version IS NULL;
COMMENT ON VIEW commission_internal.fact_step IS
	'what went into each generation, in words';

CREATE VIEW commission_internal.margin_step AS
	SELECT f.event_id, 200 AS part, 0 AS position, 'buyer total' AS what,
		format('%s + %s = %s credits: model price and surcharges',
			   f.model_price, f.surcharge, f.buyer_total) AS value
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT f.event_id, 201, 0, 'marketplace markup',
		format('%s - %s = %s credits: surcharges less pools', f.surcharge,
			   f.pool, f.markup)
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT f.event_id, 202, 0, 'generation margin',
		format(CASE WHEN f.api_cost > f.model_price
				   THEN '%s - %s is below zero and counts as %s credits'
				   ELSE '%s - %s = %s credits: model price less API cost' END,
			   f.model_price, f.api_cost, f.generation_margin)
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT f.event_id, 203, 0, 'net margin',
		format('%s + %s = %s credits', f.markup, f.generation_margin, f.net_margin)
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT f.event_id, 300, t.position, t.what,
		commission_internal.stated_ratio(t.ratio_ppm, t.terms)
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (VALUES
		(1, 'brand ratio at the time', f.brand_ratio_ppm, f.brand_terms, true),
		(2, 'creator ratio (avatar) at the time', f.avatar_ratio_ppm,
		 f.avatar_terms, f.avatar_version IS NOT NULL),
		(3, 'creator ratio (reference) at the time', f.reference_ratio_ppm,
		 f.reference_terms, f.reference_version IS NOT NULL),
		(4, 'cap at the time', f.total_cap_ratio_ppm, f.cap_terms, true))
		AS t (position, what, ratio_ppm, terms, is_used)
	WHERE t.is_used
	UNION ALL
	SELECT f.event_id, 301, 0, 'ratios that apply',
		CASE
			WHEN f.ratios_ppm = 0 THEN 'none'
			WHEN f.ratios_ppm <= f.total_cap_ratio_ppm
			THEN format('together %s, within the cap',
						commission_internal.ratio(f.ratios_ppm))
			ELSE format('together %s, over the cap: each is scaled by %s / %s',
						commission_internal.ratio(f.ratios_ppm),
						commission_internal.ratio(f.total_cap_ratio_ppm),
						commission_internal.ratio(f.ratios_ppm))
		END
	FROM commission_internal.generation_fact AS f;
COMMENT ON VIEW commission_internal.margin_step IS
	'each generation''s net margin and ratios, in words';

CREATE VIEW commission_internal.leg_step AS
	SELECT f.event_id, 400 AS part, l.position, l.what,
		CASE
			WHEN l.leg <> 'p'
			THEN CASE WHEN late.is_late THEN 'not paid in time: ' ELSE 'not paid: ' END
				|| commission_internal.leg_reason(l.leg, l.use)
			ELSE coalesce(o.amount || ' credits to ' || o.account || ': ',
						  'not paid, less than a credit: ')
				|| commission_internal.leg_arithmetic(f.net_margin::bigint, l.ratio_ppm,
													  f.ratios_ppm, f.total_cap_ratio_ppm)
		END AS value
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (
		SELECT 0 AS position, 'brand leg' AS what, 'brand' AS use,
			'brand'::commission.entry_kind AS kind, f.brand_leg AS leg,
			f.brand_ratio_ppm AS ratio_ppm, f.buyer_id AS from_account_id
		UNION ALL
		SELECT u.position * 10, format('creator leg (%s)', u.use), u.use, 'creator', u.leg,
			CASE u.use WHEN 'avatar' THEN f.avatar_ratio_ppm
				ELSE f.reference_ratio_ppm END, u.owner_id
		FROM commission_internal.generation_use AS u
		WHERE u.event_id = f.event_id) AS l
	LEFT JOIN LATERAL (
		SELECT e.amount, a.name AS account
		FROM commission.entry AS e
		JOIN commission_internal.named_account AS a ON a.account_id = e.account_id
		WHERE e.event_id = f.event_id AND e.kind = l.kind AND l.leg = 'p'
			AND e.from_account_id = l.from_account_id) AS o ON true
	CROSS JOIN LATERAL (
		SELECT EXISTS (SELECT FROM commission.late_accrual AS t
					   WHERE t.sale_event_id = f.event_id
						   AND t.leg::text = left(l.use, 1)) AS is_late) AS late
	UNION ALL
	SELECT f.event_id, 401, 0, 'legs together',
		format('%s credits, within the cap of %s * %s = %s%s', l.legs, f.net_margin,
			   commission_internal.ratio(f.total_cap_ratio_ppm), c.cap,
			   CASE WHEN c.cap = trunc(c.cap) THEN ''
				   ELSE ', rounded down to ' || trunc(c.cap) END)
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(e.amount), 0) AS legs
		FROM commission_internal.sale_entry AS e
		WHERE e.sale_event_id = f.event_id AND e.kind <> 'pool') AS l
	CROSS JOIN LATERAL (
		SELECT trim_scale(f.net_margin * f.total_cap_ratio_ppm / 1000000)) AS c (cap);
COMMENT ON VIEW commission_internal.leg_step IS
	'each generation''s legs with their arithmetic, or why they were not paid, in words';

CREATE VIEW commission_internal.outcome_step AS
	SELECT e.event_id, 500 AS part, e.line::integer AS position, 'pool share' AS what,
		format('%s credits to %s', e.amount, a.name) AS value
	FROM commission.entry AS e
	JOIN commission_internal.named_account AS a ON a.account_id = e.account_id
	WHERE e.kind = 'pool'
	UNION ALL
	SELECT f.event_id, 501, 0, 'platform',
		format('%s - %s = %s credits: net margin less legs', f.net_margin, l.legs,
			   f.net_margin - l.legs)
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(e.amount), 0) AS legs
		FROM commission_internal.sale_entry AS e
		WHERE e.sale_event_id = f.event_id AND e.kind <> 'pool') AS l
	UNION ALL
	SELECT f.event_id, 502, 0, 'where it all went',
		format('%s credits = pool %s + API cost %s + legs %s + platform %s%s',
			   f.buyer_total, f.pool, f.api_cost, l.legs, f.net_margin - l.legs,
			   CASE WHEN f.api_cost > f.model_price
				   THEN format(', less %s that the API cost over the model price and the platform bore',
							   f.api_cost - f.model_price)
				   ELSE '' END)
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(e.amount), 0) AS legs
		FROM commission_internal.sale_entry AS e
		WHERE e.sale_event_id = f.event_id AND e.kind <> 'pool') AS l;
COMMENT ON VIEW commission_internal.outcome_step IS
	'where every credit of each generation went, in words';
/*
 * order_step.sql: how an order came to its credits, step by step.
 */

CREATE VIEW commission_internal.order_step AS
	SELECT o.event_id, s.part, 0 AS position, s.what, s.value
	FROM commission.customer_order AS o
	LEFT JOIN commission.account AS c ON c.account_id = o.customer_id
	LEFT JOIN LATERAL (
		SELECT e.amount, a.name AS account
		FROM commission.entry AS e
		JOIN commission_internal.named_account AS a ON a.account_id = e.account_id
		WHERE e.event_id = o.event_id
		LIMIT 1) AS paid ON true
	CROSS JOIN LATERAL (
		SELECT EXISTS (SELECT FROM commission.late_accrual AS t
					   WHERE t.sale_event_id = o.event_id) AS is_late) AS late
	CROSS JOIN LATERAL (
		SELECT trim_scale(o.amount * commission_internal.ratio(o.ratio_ppm))) AS exact (amount)
	CROSS JOIN LATERAL (VALUES
		(100, 'order',
		 coalesce(o.order_name, commission_internal.identifier_name(o.order_id))
		 || ', of ' || commission_internal.utc(o.occurred_at)),
		(101, 'customer',
		 commission.mask(coalesce(c.label, c.name, o.customer_name,
								  commission_internal.identifier_name(o.customer_id)))),
		(102, 'amount', format('%s credits%s', o.amount, ', plan ' || o.plan)),
		(103, 'kind', format('%s, %s', replace(o.kind::text, '_', ' '),
			CASE WHEN o.kind_derived THEN 'by the customer''s earlier orders'
				ELSE 'as recorded with the order' END)),
		(300, CASE WHEN o.flat_amount IS NULL THEN 'ratio at the time'
				ELSE 'flat amount at the time' END,
		 coalesce(commission_internal.stated_ratio(o.ratio_ppm, o.terms),
				  format('%s credits, by the terms of the %s (version %s)', o.flat_amount,
						 commission_internal.terms_owner(o.terms), o.terms))),
		(400, 'commission', CASE
			WHEN o.leg <> 'p'
			THEN CASE WHEN late.is_late THEN 'not paid in time: ' ELSE 'not paid: ' END
				|| commission_internal.leg_reason(o.leg, 'order')
			ELSE coalesce(paid.amount || ' credits to ' || paid.account || ': ',
						  'not paid, less than a credit: ')
				|| CASE WHEN o.flat_amount IS NOT NULL
					THEN 'the flat amount, but at most that of the order'
					ELSE format('%s * %s = %s', o.amount,
								commission_internal.ratio(o.ratio_ppm), exact.amount) END
				|| CASE WHEN exact.amount <> trunc(exact.amount)
					THEN ', rounded half up to ' || round(exact.amount) ELSE '' END
			END)) AS s (part, what, value);
COMMENT ON VIEW commission_internal.order_step IS
	'how each order came to its commission, in words';
/*
 * late_step.sql: what a sale paid late, step by step (R37).
 */

CREATE VIEW commission_internal.late_step AS
	SELECT l.sale_event_id AS event_id, 400 AS part,
		CASE l.leg WHEN 'r' THEN 21 WHEN 'a' THEN 11 ELSE 1 END AS position,
		CASE l.leg WHEN 'o' THEN 'late commission' WHEN 'b' THEN 'late brand leg'
			WHEN 'a' THEN 'late creator leg (avatar)'
			ELSE 'late creator leg (reference)' END AS what,
		format('%s credits to %s, accrued on %s after %s was referred: ',
			   l.amount, a.name, commission_internal.utc(l.accrued_at),
			   CASE l.leg WHEN 'o' THEN 'the customer' WHEN 'b' THEN 'the buyer'
				ELSE 'the owner' END)
		|| CASE l.leg WHEN 'o'
			THEN coalesce('a flat amount of ' || l.flat_amount || ', at most the order',
						  format('%s * %s, rounded half up', s.base,
								 commission_internal.ratio(l.ratio_ppm)))
			ELSE commission_internal.leg_arithmetic(s.base::bigint, l.ratio_ppm,
													l.ratios_ppm, s.cap_ppm) END
		|| CASE WHEN l.amount < commission_internal.leg_amount(
				s.base, l.ratio_ppm, l.ratios_ppm, s.cap_ppm)
			THEN format(', of which the legs paid before it left %s', l.amount)
			ELSE '' END
		|| CASE WHEN l.terms IS DISTINCT FROM s.terms
			THEN format(', by the terms of the %s (version %s)',
						commission_internal.terms_owner(l.terms), l.terms)
			ELSE '' END AS value
	FROM commission.late_accrual AS l
	JOIN commission_internal.named_account AS a ON a.account_id = l.account_id
	CROSS JOIN LATERAL (
		SELECT * FROM commission_internal.sale_leg AS s
		WHERE s.sale_event_id = l.sale_event_id AND s.leg = l.leg LIMIT 1) AS s;
COMMENT ON VIEW commission_internal.late_step IS
	'the legs of each generation and order that were accrued late, with their arithmetic, in words';
/*
 * reversal_step.sql: the refunds of each sale, one after the other (R21).
 */

CREATE VIEW commission_internal.sale_total AS
	SELECT f.event_id, f.buyer_total
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT o.event_id, o.amount
	FROM commission.customer_order AS o;
COMMENT ON VIEW commission_internal.sale_total IS
	'what the buyer of each generation and order paid, in credits';

CREATE VIEW commission_internal.sale_refund AS
	SELECT r.reversed_event_id AS event_id, r.refunded, r.occurred_at, r.unpaid,
		CASE WHEN NOT EXISTS (SELECT FROM commission_internal.viewer AS v)
			THEN r.reason END AS reason,
		sum(r.refunded) OVER so_far AS refunded_so_far,
		(row_number() OVER so_far)::integer AS number,
		t.buyer_total
	FROM commission.reversal AS r
	JOIN commission_internal.sale_total AS t ON t.event_id = r.reversed_event_id
	WINDOW so_far AS (PARTITION BY r.reversed_event_id ORDER BY r.event_id);
COMMENT ON VIEW commission_internal.sale_refund IS
	'the refunds of each generation and order, numbered from 1, in credits; their reasons are for the platform, not for who sees schema commission_portal';

CREATE VIEW commission_internal.reversal_step AS
	SELECT r.event_id, 600 + r.number AS part, 0 AS position,
		CASE WHEN NOT r.unpaid THEN 'refund'
			WHEN r.refunded > 0 THEN 'made unpaid'
			ELSE 'paid again' END AS what,
		format('%s of %s credits on %s, %s refunded in all%s',
			   abs(r.refunded), r.buyer_total, commission_internal.utc(r.occurred_at),
			   r.refunded_so_far, coalesce(': ' || r.reason, '')) AS value
	FROM commission_internal.sale_refund AS r
	UNION ALL
	SELECT r.event_id, 600 + r.number,
		(row_number() OVER (PARTITION BY r.event_id, r.number
							ORDER BY o.event_id, o.line))::integer,
		CASE WHEN k.kept > k.kept_before THEN 'given again to '
			ELSE 'taken back from ' END || a.name,
		format('%s credits of %s %s: kept are %s * (%s - %s) / %s%s',
			   abs(k.kept - k.kept_before), o.amount,
			   CASE o.kind
				WHEN 'pool' THEN 'pool share'
				WHEN 'brand' THEN 'brand leg'
				WHEN 'creator' THEN 'creator leg'
				ELSE 'commission' END,
			   o.amount, r.buyer_total, r.refunded_so_far, r.buyer_total,
			   CASE WHEN k.kept * r.buyer_total
					   = o.amount * (r.buyer_total - r.refunded_so_far)
				   THEN ' = ' ELSE ', rounded down to ' END || k.kept)
	FROM commission_internal.sale_refund AS r
	JOIN commission_internal.sale_entry AS o ON o.sale_event_id = r.event_id
	JOIN commission_internal.named_account AS a ON a.account_id = o.account_id
	CROSS JOIN LATERAL (
		SELECT div(o.amount * (r.buyer_total - r.refunded_so_far), r.buyer_total) AS kept,
			div(o.amount * (r.buyer_total - r.refunded_so_far + r.refunded),
				r.buyer_total) AS kept_before) AS k
	WHERE k.kept <> k.kept_before;
COMMENT ON VIEW commission_internal.reversal_step IS
	'the refunds of each sale and what they took, in words';
/*
 * explain.sql: how a sale came to its credits, step by step.  The steps stand
 * beside the subjects that they tell of.
 */

CREATE VIEW commission_internal.sale_step AS
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.fact_step AS s
	UNION ALL
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.margin_step AS s
	UNION ALL
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.leg_step AS s
	UNION ALL
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.outcome_step AS s
	UNION ALL
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.order_step AS s
	UNION ALL
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.late_step AS s
	UNION ALL
	SELECT s.event_id, s.part, s.position, s.what, s.value
	FROM commission_internal.reversal_step AS s;
COMMENT ON VIEW commission_internal.sale_step IS
	'how each generation and order came to its credits, in words; in the order of part and position';

/* In PL/pgSQL, which keeps the plan: making it takes longer than running it. */
CREATE FUNCTION commission_internal.explain_sale(event_id bigint, kind text,
												 name text, why text)
	RETURNS TABLE (step integer, what text, value text)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
	SET max_parallel_workers_per_gather = 0 SET jit = off
	SET plan_cache_mode = force_generic_plan
	AS $$
BEGIN
	IF explain_sale.event_id IS NULL THEN
		RETURN QUERY VALUES (1, kind, name || ' is not in the ledger'), (2, 'why', why);
		RETURN;
	END IF;
	RETURN QUERY
		SELECT (row_number() OVER (ORDER BY s.part, s.position))::integer, s.what, s.value
		FROM commission_internal.sale_step AS s
		WHERE s.event_id = explain_sale.event_id
		ORDER BY 1;
END $$;
COMMENT ON FUNCTION commission_internal.explain_sale(bigint, text, text, text) IS
	'the steps of a generation or order, numbered; for a NULL event that the kind of sale of this name is not in the ledger, and why that may be';

CREATE FUNCTION commission.explain(generation text)
	RETURNS TABLE (step integer, what text, value text)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off
BEGIN ATOMIC
	SELECT s.step, s.what, s.value
	FROM commission_internal.explain_sale(
		commission_internal.generation_event(explain.generation),
		'generation', explain.generation,
		'it was never recorded, or nobody earned anything on it: it was not paid, used no listing, or left a net margin too small for a credit to anybody') AS s;
END;
COMMENT ON FUNCTION commission.explain(text) IS
	'how a generation came to what it paid, in words: what went in, the net margin, the ratios and the cap at the time, each with whose terms it came from unless the settings had it (R40), each leg with its arithmetic or why it was not paid, each that was accrued late (R37), where every credit went, and each refund; the buyer is masked (R34), earners are named by their account (to a role that sees schema commission_portal, masked like everybody else: R50); two rows for a generation that is not in the ledger; none for NULL';

CREATE FUNCTION commission.explain_order(order_id text)
	RETURNS TABLE (step integer, what text, value text)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off
BEGIN ATOMIC
	SELECT s.step, s.what, s.value
	FROM commission_internal.explain_sale(
		(SELECT min(o.event_id + 0) FROM commission.customer_order AS o
		 WHERE o.order_id = commission_internal.identifier_key(explain_order.order_id)),
		'order', explain_order.order_id,
		'it was never recorded: it was not paid, or its amount was 0') AS s;
END;
COMMENT ON FUNCTION commission.explain_order(text) IS
	'how an order came to the commission that it paid, in words: the order, its ratio at the time, the arithmetic or why nothing was paid (R30), and each refund; the customer is masked (R34); two rows for an order that is not in the ledger; none for NULL';
/*
 * what_if.sql: a period's generations under other ratios.
 */

CREATE FUNCTION commission_internal.paid_ratios(since timestamptz, until timestamptz,
												brand_ratio numeric,
												creator_ref_ratio numeric)
	RETURNS TABLE (sale_event_id bigint, leg "char", kind commission.entry_kind,
				   role commission.referral_role, from_account_id uuid,
				   event_id bigint, account_id uuid, ratio numeric)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	/* An account's own terms, or its group's, stand. */
	SELECT f.event_id AS sale_event_id, s.leg, s.kind, s.role,
		s.account_id AS from_account_id, l.event_id, l.account_id,
		coalesce(CASE WHEN v.scope IS NULL OR v.scope = 'p' THEN
					CASE s.role WHEN 'brand' THEN paid_ratios.brand_ratio
						ELSE paid_ratios.creator_ref_ratio END
				 END, commission_internal.ratio(coalesce(l.ratio_ppm, s.ratio_ppm)))
			AS ratio
	FROM commission.generation AS f
	CROSS JOIN LATERAL (
		SELECT * FROM commission_internal.sale_leg AS s
		WHERE s.sale_event_id = f.event_id OFFSET 0) AS s
	LEFT JOIN commission.late_accrual AS l
		ON l.sale_event_id = s.sale_event_id AND l.leg = s.leg
	LEFT JOIN commission.terms_version AS v
		ON v.version = CASE WHEN l.event_id IS NULL THEN s.terms ELSE l.terms END
	WHERE f.occurred_at >= coalesce(paid_ratios.since, '-infinity')
		AND f.occurred_at < coalesce(paid_ratios.until, 'infinity')
		AND (s.status = 'p' OR l.event_id IS NOT NULL);
END;
COMMENT ON FUNCTION commission_internal.paid_ratios(timestamptz, timestamptz, numeric, numeric) IS
	'the legs that were paid on a period''s generations, in time (event_id and account_id are NULL) or late, with the account whose activity earned each and its ratio under these of the programme; NULL for the one that was applied';

CREATE FUNCTION commission_internal.replayed_legs(since timestamptz, until timestamptz,
												  brand_ratio numeric,
												  creator_ref_ratio numeric,
												  total_cap_ratio numeric)
	RETURNS TABLE (event_id bigint, buyer_total numeric, refunded numeric,
				   kind commission.entry_kind, role commission.referral_role,
				   account_id uuid, from_account_id uuid, would_be bigint)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH fact AS (
		SELECT g.event_id, g.buyer_total, g.net_margin::bigint AS net_margin,
			(SELECT sum(r.refunded) FROM commission.reversal AS r
			 WHERE r.reversed_event_id = g.event_id) AS refunded,
			coalesce(replayed_legs.total_cap_ratio,
					 commission_internal.ratio(g.total_cap_ratio_ppm)) AS cap
		FROM commission_internal.generation_fact AS g
		WHERE g.occurred_at >= coalesce(replayed_legs.since, '-infinity')
			AND g.occurred_at < coalesce(replayed_legs.until, 'infinity')
	), ratio AS (
		SELECT * FROM commission_internal.paid_ratios(
			replayed_legs.since, replayed_legs.until, replayed_legs.brand_ratio,
			replayed_legs.creator_ref_ratio)
	), sale AS (
		SELECT r.sale_event_id,
			coalesce(array_agg(r.leg ORDER BY r.leg DESC)
					 FILTER (WHERE r.event_id IS NULL), '{}') AS legs,
			coalesce(array_agg(r.ratio ORDER BY r.leg DESC)
					 FILTER (WHERE r.event_id IS NULL), '{}') AS ratios
		FROM ratio AS r
		GROUP BY r.sale_event_id
	), replay AS MATERIALIZED (
		/* There are many sales, but few combinations of what legs depend on. */
		SELECT c.net_margin, c.cap, c.ratios, ARRAY(
			SELECT coalesce(o.amount, 0)
			FROM generate_subscripts(c.ratios, 1) AS n (leg)
			LEFT JOIN commission.legs(c.net_margin, c.ratios, c.cap) AS o USING (leg)
			ORDER BY leg) AS amounts
		FROM (SELECT DISTINCT f.net_margin, f.cap, s.ratios
			  FROM sale AS s JOIN fact AS f ON f.event_id = s.sale_event_id) AS c
	)
	SELECT coalesce(r.event_id, f.event_id) AS event_id, f.buyer_total, f.refunded,
		r.kind, r.role, r.account_id, r.from_account_id,
		CASE WHEN r.event_id IS NULL
			THEN p.amounts[array_position(s.legs, r.leg)]
			/* Late legs take what those leave of the cap, one after the other. */
			ELSE (commission_internal.late_amounts(f.net_margin,
					(f.cap * 1000000)::integer,
					ARRAY(SELECT (t.ratio * 1000000)::integer
						  FROM unnest(s.ratios) AS t (ratio)),
					array_agg((r.ratio * 1000000)::integer)
						FILTER (WHERE r.event_id IS NOT NULL)
						OVER (PARTITION BY f.event_id ORDER BY r.event_id)))
				[count(r.event_id) OVER (PARTITION BY f.event_id ORDER BY r.event_id)]
		END AS would_be
	FROM ratio AS r
	JOIN fact AS f ON f.event_id = r.sale_event_id
	JOIN sale AS s ON s.sale_event_id = r.sale_event_id
	JOIN replay AS p ON p.net_margin = f.net_margin AND p.cap = f.cap
		AND p.ratios = s.ratios;
END;
COMMENT ON FUNCTION commission_internal.replayed_legs(timestamptz, timestamptz, numeric, numeric, numeric) IS
	'the same legs with the credits that they would be, late ones out of what those in time leave of the cap, and what the buyer paid and got back';

CREATE FUNCTION commission.what_if(since timestamptz, until timestamptz,
								   brand_ratio numeric,
								   creator_ref_ratio numeric,
								   total_cap_ratio numeric)
	RETURNS TABLE (account text, actual bigint, would_be bigint,
				   difference bigint)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	WITH share AS (
		/* A leg of less than a credit has no entry: the referral has its earner. */
		SELECT coalesce(e.account_id, l.account_id, b.referrer_id) AS account_id,
			coalesce(div(coalesce(e.amount, 0) * (l.buyer_total - l.refunded),
						 l.buyer_total), e.amount, 0) AS actual,
			coalesce(div(l.would_be * (l.buyer_total - l.refunded), l.buyer_total),
					 l.would_be) AS would_be
		FROM commission_internal.replayed_legs(
			what_if.since, what_if.until, what_if.brand_ratio,
			what_if.creator_ref_ratio, what_if.total_cap_ratio) AS l
		LEFT JOIN commission.entry AS e ON e.event_id = l.event_id
			AND e.kind = l.kind AND e.from_account_id = l.from_account_id
		LEFT JOIN commission.referral AS b
			ON b.account_id = l.from_account_id AND b.role = l.role
	)
	SELECT a.name, commission_internal.credits(sum(s.actual)),
		commission_internal.credits(sum(s.would_be)),
		commission_internal.credits(sum(s.would_be) - sum(s.actual))
	FROM share AS s
	JOIN commission.account AS a ON a.account_id = s.account_id
	GROUP BY a.name
	HAVING sum(s.actual) <> 0 OR sum(s.would_be) <> 0
	ORDER BY a.name;
END;
COMMENT ON FUNCTION commission.what_if(timestamptz, timestamptz, numeric, numeric, numeric) IS
	'the commission, in credits and net of refunds, that each account earned on the recorded generations from since up to but without until, what it would have earned under these ratios, and the difference; nothing is written. NULL for since or until is no bound, NULL for a ratio the one that was applied to each generation. The ratios are the programme''s: a leg that was paid by the terms of an account or a group keeps its own (R40). Who earns does not change: a leg that was unpaid for any reason except its amount stays unpaid, a leg of less than a credit goes to today''s referrer, and a late leg (R37) still comes after those that were paid before it; a generation that was not recorded is not replayed; 22023 for a ratio that is not a decimal from 0 to 1 with at most six fractional digits';
/*
 * attach_catalogue.sql: the application's own tables as the catalogue.
 */

CREATE FUNCTION commission_internal.mirror_accounts() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_mirror_accounts';
COMMENT ON FUNCTION commission_internal.mirror_accounts() IS
	'trigger, put by attach_accounts(), that registers, closes, reopens and groups accounts as the rows of the application''s table are; 42703 for a mapped column that is gone, 42804 for one whose type can no longer carry its value, and the errors of register_account and set_group';

CREATE FUNCTION commission_internal.mirror_listings() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_mirror_listings';
COMMENT ON FUNCTION commission_internal.mirror_listings() IS
	'trigger, put by attach_listings(), that registers listings as the rows of the application''s table are; 42703 for a mapped column that is gone, 42804 for one whose type can no longer carry its value, 22003 for a pool of more than 10^15 credits, and the errors of register_listing';

CREATE FUNCTION commission_internal.mirror_prices() RETURNS trigger
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_mirror_prices';
COMMENT ON FUNCTION commission_internal.mirror_prices() IS
	'trigger, put by attach_prices(), that sets the prices of models as the rows of the application''s table are; 42703 for a mapped column that is gone, 42804 for one whose type can no longer carry its value, 22003 for a price of more than 10^15 credits, and the errors of set_model_price';

CREATE FUNCTION commission.attach_accounts(
	relation regclass, account name, label name DEFAULT NULL,
	closed name DEFAULT NULL, group_name name DEFAULT NULL)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'commission_attach_accounts';
COMMENT ON FUNCTION commission.attach_accounts(regclass, name, name, name, name) IS
	'keeps the accounts what the application''s table says: registers those of its rows now, and those of rows that are inserted or updated from now on; each argument names a column: account as an identifier, label as text, varchar or an enum, closed as a boolean or as a time that is NULL while the account is open, group_name as text, varchar or an enum. A mapped label is the account''s, NULL too. A mapped closed closes or reopens the account when the row is taken and when an UPDATE changes it, so that what an operator closed or reopened meanwhile stays; without it, a row reopens nothing. A mapped group_name places the account in that group by hand, as set_group does, at the same times, so that what set_group or apply_tiers did meanwhile stays; NULL takes it out of a group that it was placed in by hand, and leaves one that tiers gave it (R43); group_history has the table as the reason. A row that lowers anything for an account by another group is refused while commission.notice_days is above 0, and with it the UPDATE, or the attaching of the whole table (R42): give the account what it has by set_terms first, as the comment on set_group says; an account that the row creates has nothing to lose, and may come into any group. A row that changes a group waits for other changes of terms and groups until their transactions end, and is refused under REPEATABLE READ and SERIALIZABLE (25000). A DELETE closes the account, as does an UPDATE that gives the row another key; TRUNCATE does nothing. An UPDATE that changes none of these columns does nothing. The caller needs TRIGGER and SELECT on the table, whose owner needs nothing from then on; detach() takes the triggers off and leaves the accounts and their groups; errors as attach, register_account and set_group, the row being named in the context';

CREATE FUNCTION commission.attach_listings(
	relation regclass, listing name, owner name, kind name, pool name,
	title name DEFAULT NULL, co_authors name DEFAULT NULL)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'commission_attach_listings';
COMMENT ON FUNCTION commission.attach_listings(regclass, name, name, name, name, name, name) IS
	'keeps the listings what the application''s table says: registers those of its rows now, and those of rows that are inserted or updated from now on (R19); each argument names a column: listing and owner as identifiers, kind and title as text, varchar or an enum, pool as an amount in credits, co_authors as jsonb; kind may be ''avatar'' or ''reference'' where no column has that name: the kind of all rows. A mapped title is the listing''s, NULL too. An UPDATE that changes none of these columns does nothing, and neither do DELETE and TRUNCATE: a listing that was sold stays. The caller needs TRIGGER and SELECT on the table; detach() takes the triggers off and leaves the listings; errors as attach and register_listing, 22003 for a pool of more than 10^15 credits, the row being named in the context or the message';

CREATE FUNCTION commission.attach_prices(
	relation regclass, model name, resolution name, model_price name,
	api_cost name)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS 'MODULE_PATHNAME', 'commission_attach_prices';
COMMENT ON FUNCTION commission.attach_prices(regclass, name, name, name, name) IS
	'keeps the prices of models what the application''s table says: sets those of its rows now, and those of rows that are inserted or updated from now on (R9); each argument names a column: model and resolution as text, varchar or an enum, model_price and api_cost as amounts in credits for one image; a NULL resolution is that of models that have none. An UPDATE that changes none of these columns does nothing, and neither do DELETE and TRUNCATE: the price stays until it is set again. The caller needs TRIGGER and SELECT on the table; detach() takes the triggers off and leaves the prices; errors as attach and set_model_price, 22003 for a price of more than 10^15 credits, the row being named in the context';
/*
 * backfill.sql: sales that were in the application's table before it was
 * attached.
 */

CREATE PROCEDURE commission.backfill(relation regclass,
									 since timestamptz DEFAULT NULL)
	LANGUAGE c
	AS 'MODULE_PATHNAME', 'commission_backfill';
COMMENT ON PROCEDURE commission.backfill(regclass, timestamptz) IS
	'records the rows of an attached table that are paid and not in the ledger yet, those of a time from since on (NULL: all), in the order of the mapped occurred_at, as their INSERT would now: under the listings, referrals and settings in force. Sales go on meanwhile, and each is recorded once: a sale that is made unpaid before it is reached is recorded and reversed. It commits after each 10,000 rows and tells of each 100,000 by a NOTICE; interrupted, or stopped by an error, which names the sale, it is called again and skips what is recorded. A second call at the same time, on whatever table, waits for the first. Rows are read as they were when it began. The caller needs SELECT on the mapped columns; 55000 for a table that is not attached or that is attached without occurred_at, 25001 in a transaction block or function, 22004 for a NULL relation, 42P01 for one that does not exist, 40P01 where it waited for a sale that waited for it, which goes on, and the errors of record_generation or record_order';
/*
 * attach.sql: the triggers, on the application's tables and on our own,
 * checked.
 */

CREATE FUNCTION commission_internal.holds_recorded_sale(relation regclass,
														id_column name)
	RETURNS boolean
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	held boolean;
BEGIN
	EXECUTE format('
		SELECT EXISTS (
			SELECT FROM (SELECT t.%1$I::text AS id FROM %2$s AS t
						 LIMIT 100) AS r
			CROSS JOIN commission_internal.identifier_key(r.id) AS key
			WHERE EXISTS (SELECT FROM commission.generation AS g
						  WHERE g.generation_id = key)
				OR EXISTS (SELECT FROM commission.customer_order AS o
						   WHERE o.order_id = key))', id_column, relation)
	INTO held;
	RETURN held;
END $$;
COMMENT ON FUNCTION commission_internal.holds_recorded_sale(regclass, name) IS
	'whether one of up to 100 rows of a table has the identifier of a recorded sale in the column; NULL for NULL';

/*
 * DETACH PARTITION takes the triggers off and leaves nothing behind that says
 * so, but the table still has the columns and indexes of one that is attached,
 * and rows that were recorded while it was.  A CASE sees to it that only a table
 * that looks the part is read.
 */
CREATE VIEW commission_internal.detached_problem AS
	SELECT 'detached partition does not accrue' AS problem,
		format('%s is like the partitions of %s: attach it if sales are inserted into it, else drop it or move it to another schema',
			   c.oid::regclass, p.oid::regclass) AS detail
	FROM pg_trigger AS t
	JOIN pg_class AS p ON p.oid = t.tgrelid AND p.relkind = 'p'
		AND NOT p.relispartition
	JOIN pg_class AS c ON c.relnamespace = p.relnamespace
		AND c.relkind = 'r' AND NOT c.relispartition AND c.oid > p.oid
	CROSS JOIN LATERAL (
		SELECT array_agg(format('%s %s', a.attname, a.atttypid)
						 ORDER BY a.attname) FILTER (WHERE a.attrelid = p.oid),
			array_agg(format('%s %s', a.attname, a.atttypid)
					  ORDER BY a.attname) FILTER (WHERE a.attrelid = c.oid)
		FROM pg_attribute AS a
		WHERE a.attrelid IN (p.oid, c.oid) AND a.attnum > 0
			AND NOT a.attisdropped
	) AS columns (attached, detached)
	WHERE t.tgfoid IN ('commission_internal.accrue_generation()'::regprocedure,
					   'commission_internal.accrue_order()'::regprocedure)
		AND CASE WHEN columns.detached = columns.attached THEN
			/* The trigger's arguments: the identifier's name, its column, ... */
			commission_internal.holds_recorded_sale(c.oid,
				convert_from(decode(split_part(encode(t.tgargs, 'escape'),
											   '\000', 2), 'escape'),
							 getdatabaseencoding())::name) END
		AND (SELECT count(*) FROM pg_index AS i WHERE i.indrelid = c.oid)
			>= (SELECT count(*) FROM pg_index AS i WHERE i.indrelid = p.oid)
		AND NOT EXISTS (
			SELECT FROM pg_trigger AS o
			WHERE o.tgrelid = c.oid
				AND o.tgfoid IN ('commission_internal.accrue_generation()'::regprocedure,
								 'commission_internal.accrue_order()'::regprocedure));
COMMENT ON VIEW commission_internal.detached_problem IS
	'for audit(): tables that do not accrue and look as if they had been detached from an attached partitioned table: they are in its schema, younger than it, with its columns and no fewer indexes';

/* For audit(). */
CREATE VIEW commission_internal.trigger_problem AS
	/* A statement trigger does not see what is put in through the parent. */
	SELECT 'attached table became a partition' AS problem,
		format('%s: detach it, and attach the partitioned table',
			   t.tgrelid::regclass) AS detail
	FROM pg_trigger AS t
	JOIN pg_class AS c ON c.oid = t.tgrelid
	WHERE t.tgfoid IN ('commission_internal.accrue_generation()'::regprocedure,
					   'commission_internal.accrue_order()'::regprocedure)
		AND c.relispartition AND t.tgnewtable IS NOT NULL
	UNION ALL
	SELECT d.problem, d.detail
	FROM commission_internal.detached_problem AS d
	UNION ALL
	/*
	 * What accrues fires for what is done here, and not for what replication
	 * applies; guards fire for both.  A partition is named where it differs
	 * from its partitioned table.
	 */
	SELECT made.problem,
		format('%1$I on %2$s %3$s: ALTER TABLE %2$s %4$s TRIGGER %1$I',
			   t.tgname, t.tgrelid::regclass,
			   CASE t.tgenabled
				WHEN 'D' THEN 'is disabled'
				WHEN 'O' THEN 'does not fire under replication'
				WHEN 'R' THEN 'fires under replication only'
				WHEN 'A' THEN 'fires under replication, too'
			   END,
			   CASE made.enabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END)
	FROM (VALUES
		  ('commission_internal.accrue_generation()'::regprocedure, 'O'::"char",
		   'accruing trigger not as attached'),
		  ('commission_internal.accrue_order()', 'O', 'accruing trigger not as attached'),
		  ('commission_internal.follow_paid()', 'O', 'accruing trigger not as attached'),
		  ('commission_internal.follow_paid_order()', 'O',
		   'accruing trigger not as attached'),
		  ('commission_internal.mirror_accounts()', 'O',
		   'catalogue trigger not as attached'),
		  ('commission_internal.mirror_listings()', 'O',
		   'catalogue trigger not as attached'),
		  ('commission_internal.mirror_prices()', 'O',
		   'catalogue trigger not as attached'),
		  ('commission_internal.count_touches()', 'O',
		   'touch trigger not as installed'),
		  ('commission_internal.admit_withdrawal()', 'O',
		   'withdrawal trigger not as installed'),
		  ('commission_internal.follow_withdrawal()', 'O',
		   'withdrawal trigger not as installed'),
		  ('commission_internal.keep_at_hub()', 'O', 'guard not as installed'),
		  ('commission_internal.guard_withdrawal()', 'A', 'guard not as installed'),
		  ('commission_internal.refuse_change()', 'A', 'guard not as installed'))
		AS made (function, enabled, problem)
	JOIN pg_trigger AS t ON t.tgfoid = made.function
	LEFT JOIN pg_trigger AS parent ON parent.oid = t.tgparentid
	WHERE t.tgenabled <> made.enabled
		AND t.tgenabled IS DISTINCT FROM parent.tgenabled;
COMMENT ON VIEW commission_internal.trigger_problem IS
	'attached tables whose triggers do not see every sale, and guards that do not always guard: triggers that are disabled, or enabled otherwise than they were made, attached tables that have become partitions, and partitions that were detached';
/*
 * entry_problem.sql: the ledger, checked by itself (for audit()).
 */

CREATE FUNCTION commission_internal.entry_problem(first_event_id bigint,
												 last_event_id bigint)
	RETURNS TABLE (problem text, event_id bigint, detail text)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH entry AS NOT MATERIALIZED (
		SELECT * FROM commission.entry AS e
		WHERE e.event_id BETWEEN first_event_id AND last_event_id)
	SELECT 'self-pay' AS problem, e.event_id,
		format('%s entry of account %s', e.kind, e.account_id) AS detail
	FROM entry AS e
	WHERE e.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')
		AND (e.account_id = e.from_account_id
			 OR e.counts_as = 'creator'
			 AND e.buyer_id IN (e.account_id, e.from_account_id))
	UNION ALL
	SELECT 'entry that counts as another kind', e.event_id,
		format('line %s: %s, counted as %s', e.line, e.kind, e.counts_as)
	FROM entry AS e
	WHERE NOT CASE e.kind
			WHEN 'reversal' THEN e.counts_as NOT IN (
				'reversal', 'withdrawal', 'withdrawal_return', 'adjustment')
			WHEN 'withdrawal_return' THEN e.counts_as = 'withdrawal'
			ELSE e.counts_as = e.kind
		END
	UNION ALL
	SELECT 'entry of no event', e.event_id, format('line %s', e.line)
	FROM entry AS e
	WHERE NOT EXISTS (SELECT FROM commission.generation AS g
					  WHERE g.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.customer_order AS c
						WHERE c.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.reversal AS r
						WHERE r.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.late_accrual AS l
						WHERE l.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.withdrawal_transition AS t
						WHERE t.event_id = e.event_id)
		AND NOT EXISTS (SELECT FROM commission.adjustment AS a
						WHERE a.event_id = e.event_id)
	UNION ALL
	SELECT 'entry of an account that does not exist', e.event_id,
		format('line %s of account %s', e.line, e.account_id)
	FROM entry AS e
	WHERE NOT EXISTS (SELECT FROM commission.account AS a
					  WHERE a.account_id = e.account_id)
	UNION ALL
	/* rollup() relies on ids being drawn in ascending order. */
	SELECT 'sequence behind its event ids', max(e.event_id),
		format('commission.event_id_seq has come to %s, and node %s has recorded event number %s: call setval() with that, or give the machine another commission.node_id',
			s.last_value - (NOT s.is_called)::integer,
			commission_internal.setting('node_id'), max(e.event_id) & 281474976710655)
	FROM commission.event_id_seq AS s
	JOIN entry AS e
		ON e.event_id > (commission_internal.setting('node_id')::bigint << 48)
			+ s.last_value - (NOT s.is_called)::integer
		AND e.event_id <= (commission_internal.setting('node_id')::bigint << 48)
			+ 281474976710655
	GROUP BY s.last_value, s.is_called;
END;
COMMENT ON FUNCTION commission_internal.entry_problem(bigint, bigint) IS
	'of the entries from one event id to another, those that break a rule whatever they are for (R13, R18), or that belong to no event or account, and a sequence that is behind their event ids';
/*
 * generation_problem.sql: generations, recomputed from their facts (for audit()).
 *
 * Twice: all of them line by line, without a text, an array or a sort for each;
 * and what is then named is worked out once more, to say what is wrong with it.
 */

CREATE VIEW commission_internal.listing_split AS
	SELECT l.version, l.owner_id, ARRAY[l.owner_id] || l.co_author_ids AS authors,
		CASE WHEN split.owner_share >= 0 AND split.least > 0
			THEN split.owner_share::bigint || l.co_author_shares END AS shares
	FROM commission.listing AS l
	CROSS JOIN LATERAL (
		SELECT l.pool - coalesce(sum(c.share), 0) AS owner_share,
			coalesce(min(c.share), 1) AS least
		FROM unnest(l.co_author_shares) AS c (share)) AS split;
COMMENT ON VIEW commission_internal.listing_split IS
	'the authors of each version of a listing, owner first, with their shares of its pool in credits; NULL shares: there are none that could be (R19)';

CREATE VIEW commission_internal.generation_owed AS
	SELECT f.event_id, f.possible, f.pool, f.buyer_total, f.model_price, f.api_cost,
		due.net_margin,
		due.net_margin * f.total_cap_ratio_ppm / 1000000 AS cap,
		ARRAY(
			SELECT format('%s %s at %s from %s', applied.kinds[l.leg], l.amount, l.ratio,
						  applied.accounts[l.leg])
			FROM commission.legs(due.net_margin::bigint, applied.ratios,
								 commission_internal.ratio(f.total_cap_ratio_ppm)) AS l
			ORDER BY l.leg)
		|| ARRAY(
			SELECT format('pool %s from %s to %s', s.amount, f.buyer_id, s.author)
			FROM (VALUES (1, f.avatar_version, f.avatar_pool),
				  (2, f.reference_version, f.reference_pool))
				AS u (use, version, pool)
			JOIN commission_internal.listing_split AS l
				ON l.version = u.version AND u.pool >= 0
			CROSS JOIN LATERAL unnest(
				l.authors,
				commission_internal.pool_shares(u.pool, l.shares))
				WITH ORDINALITY AS s (author, amount, position)
			WHERE s.amount > 0
			ORDER BY u.use, s.position) AS entries
	FROM commission_internal.generation_fact AS f
	CROSS JOIN LATERAL (
		SELECT CASE WHEN f.possible THEN f.net_margin END AS net_margin) AS due
	CROSS JOIN LATERAL (
		SELECT array_agg(u.kind ORDER BY u.use) AS kinds,
			array_agg(coalesce(l.owner_id, f.buyer_id) ORDER BY u.use) AS accounts,
			coalesce(array_agg(commission_internal.ratio(u.ratio_ppm) ORDER BY u.use)
					 FILTER (WHERE f.possible), '{}') AS ratios
		FROM (VALUES (0, 'brand', NULL, f.brand_leg, f.brand_ratio_ppm),
			  (1, 'creator', f.avatar_version, f.avatar_leg, f.avatar_ratio_ppm),
			  (2, 'creator', f.reference_version, f.reference_leg,
			   f.reference_ratio_ppm)) AS u (use, kind, version, leg, ratio_ppm)
		LEFT JOIN commission.listing AS l ON l.version = u.version
		WHERE u.leg = 'p') AS applied;
COMMENT ON VIEW commission_internal.generation_owed IS
	'what each generation owes by its facts: whether they are possible, its sums in credits, the cap on its legs, and its entries, each as text';

CREATE VIEW commission_internal.generation_paid AS
	SELECT e.event_id,
		array_agg(format('%s %s%s from %s%s', e.kind, e.amount,
						 ' at ' || commission_internal.ratio(e.ratio_ppm),
						 e.from_account_id,
						 CASE e.kind
							WHEN 'pool' THEN format(' to %s', e.account_id)
						 END) ORDER BY e.line) AS entries,
		sum(e.amount) FILTER (WHERE e.kind = 'pool') AS pool,
		sum(e.amount) FILTER (WHERE e.kind IN ('brand', 'creator')) AS legs,
		count(*) AS lines,
		max(e.line) AS last_line,
		bool_or(e.occurred_at <> g.occurred_at) AS other_time,
		bool_or(e.buyer_id IS DISTINCT FROM
				CASE e.kind WHEN 'creator' THEN g.buyer_id END) AS other_buyer
	FROM commission.entry AS e
	JOIN commission.generation AS g ON g.event_id = e.event_id
	GROUP BY e.event_id;
COMMENT ON VIEW commission_internal.generation_paid IS
	'what the ledger has of each generation: its entries, each as text, and their sums in credits';

/*
 * OFFSET 0: the facts, and what they give, are worked out once.
 */
CREATE FUNCTION commission_internal.generations_due(first_event_id bigint,
												   last_event_id bigint)
	RETURNS TABLE (event_id bigint, occurred_at timestamptz, buyer_id uuid,
		possible boolean, pool numeric, net_margin numeric, total_cap_ratio_ppm integer,
		brand_ratio_ppm integer, avatar_ratio_ppm integer, reference_ratio_ppm integer,
		avatar_owner_id uuid, reference_owner_id uuid,
		brand bigint, avatar bigint, reference bigint, authors uuid[], shares bigint[])
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT g.event_id, g.occurred_at, g.buyer_id, g.possible, g.pool,
		g.net_margin, g.total_cap_ratio_ppm,
		g.brand_ratio_ppm, g.avatar_ratio_ppm, g.reference_ratio_ppm,
		a.owner_id AS avatar_owner_id, r.owner_id AS reference_owner_id,
		CASE WHEN g.possible AND g.brand_leg = 'p' THEN
			commission_internal.leg_amount(g.net_margin, g.brand_ratio_ppm,
				g.ratios_ppm, g.total_cap_ratio_ppm)::bigint ELSE 0 END AS brand,
		CASE WHEN g.possible AND g.avatar_leg = 'p' THEN
			commission_internal.leg_amount(g.net_margin, g.avatar_ratio_ppm,
				g.ratios_ppm, g.total_cap_ratio_ppm)::bigint ELSE 0 END AS avatar,
		CASE WHEN g.possible AND g.reference_leg = 'p' THEN
			commission_internal.leg_amount(g.net_margin, g.reference_ratio_ppm,
				g.ratios_ppm, g.total_cap_ratio_ppm)::bigint ELSE 0 END AS reference,
		CASE WHEN g.avatar_pool > 0 THEN a.authors END
		|| CASE WHEN g.reference_pool > 0 THEN r.authors END AS authors,
		CASE WHEN g.possible AND g.avatar_pool > 0 THEN
			commission_internal.pool_shares(g.avatar_pool, a.shares) END
		|| CASE WHEN g.possible AND g.reference_pool > 0 THEN
			commission_internal.pool_shares(g.reference_pool, r.shares) END AS shares
	FROM (
		SELECT * FROM commission_internal.generation_fact AS f
		WHERE f.event_id BETWEEN first_event_id AND last_event_id OFFSET 0) AS g
	LEFT JOIN commission_internal.listing_split AS a ON a.version = g.avatar_version
	LEFT JOIN commission_internal.listing_split AS r ON r.version = g.reference_version
	OFFSET 0;
END;
COMMENT ON FUNCTION commission_internal.generations_due(bigint, bigint) IS
	'what each generation from one event id to another owes by its facts, in credits: the legs, 0 for none, and the shares of its pools with their authors';

/*
 * The lines are the legs that come to a credit, then the shares.  Each that is
 * due and there gives a bit.  A share of 0 credits has no line; such a
 * generation is in doubt for nothing.
 */
CREATE FUNCTION commission_internal.doubtful_generations(first_event_id bigint,
														last_event_id bigint)
	RETURNS SETOF bigint
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT d.event_id
	FROM (
		SELECT d.*, (d.brand > 0)::integer AS brand_line,
			(d.brand > 0)::integer + (d.avatar > 0)::integer AS avatar_line,
			(d.brand > 0)::integer + (d.avatar > 0)::integer
				+ (d.reference > 0)::integer AS legs
		FROM commission_internal.generations_due(first_event_id, last_event_id) AS d) AS d
	CROSS JOIN LATERAL (
		SELECT count(*) AS lines,
			sum(e.amount) FILTER (WHERE e.kind = 'pool') AS pool,
			bit_or(1 << e.line) FILTER (WHERE CASE
				WHEN e.amount <= 0 OR e.occurred_at <> d.occurred_at THEN false
				WHEN e.kind = 'brand' THEN e.buyer_id IS NULL
					AND (e.line, e.amount, e.ratio_ppm, e.from_account_id)
					= (d.brand_line, d.brand, d.brand_ratio_ppm, d.buyer_id)
				WHEN e.kind = 'pool' THEN e.buyer_id IS NULL AND e.ratio_ppm IS NULL
					AND (e.amount, e.account_id, e.from_account_id)
					= (d.shares[e.line - d.legs], d.authors[e.line - d.legs], d.buyer_id)
				WHEN d.avatar > 0 AND e.line = d.avatar_line THEN
					(e.kind, e.amount, e.ratio_ppm, e.from_account_id, e.buyer_id)
					= ('creator', d.avatar, d.avatar_ratio_ppm, d.avatar_owner_id, d.buyer_id)
				ELSE
					(e.line, e.kind, e.amount, e.ratio_ppm, e.from_account_id, e.buyer_id)
					= (d.legs, 'creator', d.reference, d.reference_ratio_ppm,
					   d.reference_owner_id, d.buyer_id)
				END) AS right_lines
		FROM commission.entry AS e
		WHERE e.event_id = d.event_id) AS p
	WHERE NOT d.possible
		OR p.lines <> d.legs + coalesce(cardinality(d.shares), 0)
		OR coalesce(p.right_lines, 0) <> (2 << p.lines::integer) - 2
		OR coalesce(p.pool, 0) <> d.pool
		OR (d.brand + d.avatar + d.reference) * 1000000::numeric
			> d.net_margin * d.total_cap_ratio_ppm;
END;
COMMENT ON FUNCTION commission_internal.doubtful_generations(bigint, bigint) IS
	'the generations from one event id to another whose facts are impossible or whose entries are not, line by line, what the facts give, and some whose entries are';

CREATE FUNCTION commission_internal.generation_problem(first_event_id bigint,
													  last_event_id bigint)
	RETURNS TABLE (problem text, event_id bigint, detail text)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT check_.problem, o.event_id, check_.detail
	FROM commission_internal.doubtful_generations(first_event_id, last_event_id)
		AS d (event_id)
	CROSS JOIN LATERAL (
		SELECT * FROM commission_internal.generation_owed AS o
		WHERE o.event_id = d.event_id OFFSET 0) AS o
	LEFT JOIN LATERAL (
		SELECT * FROM commission_internal.generation_paid AS p
		WHERE p.event_id = d.event_id OFFSET 0) AS p ON true
	CROSS JOIN LATERAL (
		SELECT 'generation without entries' AS problem,
			'its facts give ' || array_to_string(o.entries, ', ') AS detail
		WHERE p.event_id IS NULL AND cardinality(o.entries) > 0
		UNION ALL
		SELECT 'facts that cannot be',
			'an amount below zero or beyond bigint, a surcharge under its pool, or a ratio over 1'
		WHERE NOT o.possible
		UNION ALL
		SELECT 'entries differ from the facts',
			format('the ledger has %s; the facts give %s',
				   array_to_string(p.entries, ', '),
				   array_to_string(o.entries, ', '))
		WHERE p.entries <> o.entries
		UNION ALL
		SELECT 'legs over the cap',
			format('legs of %s credits on a cap of %s', p.legs, trim_scale(o.cap))
		WHERE p.legs > o.cap
		UNION ALL
		SELECT 'pool not shared exactly',
			format('shares of %s credits of a pool of %s',
				   coalesce(p.pool, 0), o.pool)
		WHERE p.event_id IS NOT NULL AND coalesce(p.pool, 0) <> o.pool
		UNION ALL
		SELECT 'credits do not add up',
			format('the buyer paid %s credits; pool %s, API cost %s, legs %s and the platform''s take %s',
				   o.buyer_total, coalesce(p.pool, 0),
				   o.api_cost, coalesce(p.legs, 0),
				   o.net_margin - coalesce(p.legs, 0))
		WHERE p.event_id IS NOT NULL
			AND o.buyer_total
				+ greatest(o.api_cost - o.model_price, 0)
				<> coalesce(p.pool, 0)::numeric + o.api_cost + coalesce(p.legs, 0)
				+ (o.net_margin - coalesce(p.legs, 0))
		UNION ALL
		SELECT 'platform pays on top',
			format('legs of %s credits on a net margin of %s',
				   p.legs, o.net_margin)
		WHERE p.legs > o.net_margin
		UNION ALL
		SELECT 'lines are not numbered from 1',
			format('%s lines, the last of them %s', p.lines, p.last_line)
		WHERE p.lines <> p.last_line
		UNION ALL
		SELECT 'entry with another time than its event', NULL
		WHERE p.other_time
		UNION ALL
		SELECT 'entry with another buyer than its event', NULL
		WHERE p.other_buyer
	) AS check_;
END;
COMMENT ON FUNCTION commission_internal.generation_problem(bigint, bigint) IS
	'the generations from one event id to another whose facts are impossible, or whose entries are not what the facts give (R5 to R20)';
/*
 * order_problem.sql: orders, recomputed from their facts (for audit()).
 */

CREATE VIEW commission_internal.order_problem AS
	SELECT check_.problem, o.event_id, check_.detail
	FROM commission.customer_order AS o
	CROSS JOIN LATERAL (
		SELECT CASE WHEN o.flat_amount IS NULL
			THEN div(o.amount::numeric * o.ratio_ppm + 500000, 1000000)
			ELSE least(o.flat_amount, o.amount) END
	) AS r (amount)
	CROSS JOIN LATERAL (
		SELECT CASE WHEN o.leg = 'p' AND r.amount > 0
				THEN concat(o.kind, ' ', r.amount,
							' at ' || commission_internal.ratio(o.ratio_ppm))
			END
	) AS w (entries)
	CROSS JOIN LATERAL (
		SELECT string_agg(concat(e.kind, ' ', e.amount,
								 ' at ' || commission_internal.ratio(e.ratio_ppm)),
						  ', ' ORDER BY e.line),
			bool_or(e.occurred_at <> o.occurred_at),
			bool_or(e.from_account_id IS DISTINCT FROM o.customer_id)
		FROM commission.entry AS e
		WHERE e.event_id = o.event_id
	) AS p (entries, other_time, other_buyer)
	CROSS JOIN LATERAL (
		SELECT 'entries differ from the facts' AS problem,
			format('the ledger has %s; the facts give %s',
				   coalesce(p.entries, 'nothing'),
				   coalesce(w.entries, 'nothing')) AS detail
		WHERE p.entries IS DISTINCT FROM w.entries
		UNION ALL
		SELECT 'entry with another time than its event', NULL
		WHERE p.other_time
		UNION ALL
		SELECT 'entry with another buyer than its event', NULL
		WHERE p.other_buyer
		UNION ALL
		SELECT 'renewal without a first order',
			'the application left the kind out'
		WHERE o.kind = 'renewal' AND o.kind_derived
			AND NOT EXISTS (SELECT FROM commission.customer_order AS f
							WHERE f.customer_id = o.customer_id
								AND f.kind = 'first_order')
	) AS check_;
COMMENT ON VIEW commission_internal.order_problem IS
	'orders whose entries are not what the facts give (R30)';
/*
 * late_problem.sql: late legs, recomputed from the facts of their sales (for
 * audit()).
 */

CREATE VIEW commission_internal.late_problem AS
	SELECT 'late leg of another amount' AS problem, l.event_id,
		format('%s credits at %s of %s; the facts give %s', l.amount,
			   commission_internal.ratio(l.ratio_ppm),
			   commission_internal.ratio(l.ratios_ppm), due.amount) AS detail
	FROM (SELECT l.*,
			row_number() OVER earlier AS n,
			array_agg(coalesce(l.ratio_ppm, 0)) OVER earlier AS late_ppm
		  FROM commission.late_accrual AS l
		  WINDOW earlier AS (PARTITION BY l.sale_event_id ORDER BY l.event_id)) AS l
	LEFT JOIN LATERAL (
		SELECT * FROM commission_internal.sale_leg AS s
		WHERE s.sale_event_id = l.sale_event_id AND s.leg = l.leg LIMIT 1) AS s ON true
	CROSS JOIN LATERAL (
		SELECT CASE WHEN l.flat_amount IS NULL
			THEN (commission_internal.late_amounts(
				s.base, s.cap_ppm, s.in_time_ppm, l.late_ppm))[l.n]
			ELSE least(l.flat_amount, s.base) END AS amount) AS due
	WHERE (l.amount, l.ratios_ppm, 'n') IS DISTINCT FROM
		(due.amount, (
			SELECT sum(p.ppm) FROM unnest(s.in_time_ppm || l.late_ppm) AS p (ppm)),
		 s.status)
		OR l.terms IS NOT DISTINCT FROM s.terms
			AND (l.ratio_ppm, l.flat_amount) IS DISTINCT FROM (s.ratio_ppm, s.flat_amount)
	UNION ALL
	SELECT 'entries of a late leg differ', event_id,
		format('line %s: %s; the facts give %s', line,
			   coalesce(e.what, 'nothing'), coalesce(o.what, 'nothing'))
	FROM (SELECT o.event_id, o.line, format('%s of %s, %s credits at %s from %s to %s, buyer %s, %s',
				o.kind, o.counts_as, o.amount, o.ratio_ppm, o.from_account_id,
				o.account_id, o.buyer_id, o.occurred_at) AS what
		  FROM commission_internal.late_owed AS o) AS o
	FULL JOIN (SELECT e.event_id, e.line, format('%s of %s, %s credits at %s from %s to %s, buyer %s, %s',
				e.kind, e.counts_as, e.amount, e.ratio_ppm, e.from_account_id,
				e.account_id, e.buyer_id, e.occurred_at) AS what
			   FROM commission.late_accrual AS l
			   JOIN commission.entry AS e ON e.event_id = l.event_id) AS e
		USING (event_id, line)
	WHERE o.what IS DISTINCT FROM e.what
	UNION ALL
	SELECT 'unreferred leg differs from its sale', sale_event_id,
		format('leg %s of account %s at %s; the facts give account %s at %s', leg,
			   u.account_id, u.occurred_at, s.account_id, s.occurred_at)
	FROM commission.unreferred_leg AS u
	FULL JOIN (SELECT * FROM commission_internal.sale_leg AS s
			   WHERE s.status = 'n') AS s USING (sale_event_id, leg)
	WHERE (u.account_id, u.occurred_at) IS DISTINCT FROM (s.account_id, s.occurred_at);
COMMENT ON VIEW commission_internal.late_problem IS
	'late legs that are not what their sales'' facts give (R37), and legs without a referrer that a late sign-up would not find';
/*
 * terms_problem.sql: the terms that sales keep, and the groups of accounts (for
 * audit()).
 */

CREATE VIEW commission_internal.terms_problem AS
	SELECT 'ratio is not that of its terms' AS problem, k.event_id,
		format('leg %s has %s by version %s', k.leg, k.value, k.version) AS detail
	FROM (
		SELECT s.sale_event_id AS event_id, s.leg::text AS leg, s.occurred_at,
			s.terms AS version, coalesce(s.flat_amount, s.ratio_ppm) AS value
		FROM commission_internal.sale_leg AS s
		UNION ALL
		SELECT g.event_id, 'cap', g.occurred_at, g.cap_terms, g.total_cap_ratio_ppm
		FROM commission.generation AS g
		UNION ALL
		SELECT l.event_id, l.leg::text, s.occurred_at, l.terms,
			coalesce(l.flat_amount, l.ratio_ppm)
		FROM commission.late_accrual AS l
		CROSS JOIN LATERAL (
			SELECT s.occurred_at FROM commission_internal.sale_leg AS s
			WHERE s.sale_event_id = l.sale_event_id AND s.leg = l.leg LIMIT 1) AS s) AS k
	WHERE k.version IS NOT NULL
		AND NOT EXISTS (SELECT FROM commission_internal.stated_term AS t
						WHERE t.version = k.version AND t.value = k.value
							AND t.valid_from <= k.occurred_at)
	UNION ALL
	SELECT 'account differs from its terms', NULL,
		format('account %s: has_terms is %s', a.account_id, a.has_terms)
	FROM commission.account AS a
	WHERE a.has_terms <> EXISTS (SELECT FROM commission.terms_version AS v
								 WHERE v.scope = 'a' AND v.subject_id = a.account_id)
	UNION ALL
	SELECT 'group differs from its changes', NULL,
		format('account %s is in group %L since %s; the last change has group %L since %s',
			   account_id, a.group_name, a.group_since, c.to_group, c.valid_from)
	FROM (SELECT a.account_id, a.group_name, a.group_since
		  FROM commission.account AS a
		  WHERE a.group_since IS NOT NULL OR a.group_name IS NOT NULL) AS a
	FULL JOIN (
		SELECT DISTINCT ON (c.account_id) c.account_id, c.to_group, c.valid_from
		FROM commission.group_change AS c
		ORDER BY c.account_id, c.valid_from DESC, c.change_id DESC) AS c
		USING (account_id)
	WHERE (a.group_name, a.group_since) IS DISTINCT FROM (c.to_group, c.valid_from);
COMMENT ON VIEW commission_internal.terms_problem IS
	'sales that keep another ratio than the version of terms states that they name, or one that had not begun (R40), and accounts that are not as their terms and moves say';
/*
 * reversal_problem.sql: refunds, checked against what they reverse (for audit()).
 */

CREATE VIEW commission_internal.refunded_event AS
	SELECT s.event_id, s.buyer_total, r.refunded
	FROM (SELECT v.reversed_event_id, sum(v.refunded) AS refunded
		  FROM commission.reversal AS v
		  GROUP BY v.reversed_event_id) AS r
	JOIN commission_internal.sale_total AS s ON s.event_id = r.reversed_event_id;
COMMENT ON VIEW commission_internal.refunded_event IS
	'generations and orders of which something was refunded: what the buyer paid and what was refunded in all, in credits';

CREATE VIEW commission_internal.reversal_problem AS
	/* R21: what each entry of a refunded event has kept. */
	SELECT 'refund took another amount' AS problem, o.event_id,
		format('%s of %s credits has kept %s instead of %s',
			   o.counts_as, o.amount, o.amount + taken.amount, o.kept) AS detail
	FROM (
		SELECT r.event_id, e.account_id, e.from_account_id, e.counts_as,
			sum(e.amount) AS amount,
			sum(div(e.amount::numeric * (r.buyer_total - r.refunded),
					r.buyer_total)) AS kept
		FROM commission_internal.refunded_event AS r
		CROSS JOIN LATERAL (
			SELECT * FROM commission_internal.sale_entry AS e
			WHERE e.sale_event_id = r.event_id OFFSET 0) AS e
		GROUP BY r.event_id, e.account_id, e.from_account_id, e.counts_as
	) AS o
	CROSS JOIN LATERAL (
		SELECT coalesce(sum(e.amount), 0)
		FROM commission_internal.event_sale AS v
		CROSS JOIN LATERAL (
			SELECT * FROM commission.entry AS e
			WHERE e.event_id = v.event_id AND e.kind = 'reversal' OFFSET 0) AS e
		WHERE v.sale_event_id = o.event_id
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
		OR NOT EXISTS (SELECT FROM commission_internal.sale_entry AS o
					   WHERE o.sale_event_id = v.reversed_event_id
						AND o.account_id = e.account_id
						AND o.from_account_id = e.from_account_id
						AND o.counts_as = e.counts_as)
	UNION ALL
	SELECT 'refund of more than was paid', r.event_id,
		format('%s credits were refunded of %s', r.refunded, r.buyer_total)
	FROM commission_internal.refunded_event AS r
	WHERE r.refunded NOT BETWEEN 0 AND r.buyer_total
	UNION ALL
	SELECT 'reversal of no event', r.event_id,
		format('it reverses %s', r.reversed_event_id)
	FROM commission.reversal AS r
	WHERE NOT EXISTS (SELECT FROM commission_internal.refunded_event AS e
					  WHERE e.event_id = r.reversed_event_id);
COMMENT ON VIEW commission_internal.reversal_problem IS
	'refunds that took another amount than R21 says, or of more than was paid, or of nothing';
/*
 * referral_problem.sql: referrals and touches, checked (for audit()).
 */

CREATE VIEW commission_internal.referral_problem AS
	/* R29: a referral in force is the last of its changes. */
	SELECT 'referral differs from its changes' AS problem, NULL::bigint AS event_id,
		format('%s of account %s: referrer %s; the last change has %s',
			   coalesce(r.role, c.role), coalesce(r.account_id, c.account_id),
			   coalesce(r.referrer_id::text, 'none'),
			   coalesce(c.referrer_id::text, 'none')) AS detail
	FROM commission.referral AS r
	FULL JOIN (SELECT DISTINCT ON (h.account_id, h.role) h.*
			   FROM commission.referral_change AS h
			   ORDER BY h.account_id, h.role, h.change_id DESC) AS c
		ON c.account_id = r.account_id AND c.role = r.role
	WHERE (r.referrer_id, r.attributed_at)
		IS DISTINCT FROM (c.referrer_id, c.attributed_at)
	UNION ALL
	SELECT 'referral of an account that does not exist', NULL,
		format('%s of account %s', r.role, r.account_id)
	FROM commission.referral AS r
	WHERE NOT EXISTS (SELECT FROM commission.account AS a
					  WHERE a.account_id = r.account_id)
		OR NOT EXISTS (SELECT FROM commission.account AS a
					   WHERE a.account_id = r.referrer_id)
	UNION ALL
	SELECT 'touch of a referrer that does not exist', NULL,
		format('%s touches of account %s', count(*), t.referrer_id)
	FROM commission.touch AS t
	WHERE NOT EXISTS (SELECT FROM commission.account AS a
					  WHERE a.account_id = t.referrer_id)
	GROUP BY t.referrer_id;
COMMENT ON VIEW commission_internal.referral_problem IS
	'referrals that are not the last of their changes (R29), and referrals and touches of accounts that are not there';
/*
 * publication.sql: what travels between a hub and its nodes, and how it is.
 *
 * CREATE SUBSCRIPTION cannot run in a function, so two commands a machine are
 * left to the operator (doc/nodes.md).  One publication and one subscription a
 * node, so that entries, facts and rolled-up sums arrive in the order of their
 * commits: the hub is at any moment as the node was a moment before.
 */

CREATE FUNCTION commission_internal.published_tables(places text[])
	RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT string_agg(format('commission.%I', p.name)
		|| CASE WHEN p.own_id = 'node_id'
			THEN format(' WHERE (node_id = %s)', commission_internal.setting('node_id'))
			WHEN p.own_id IS NOT NULL
			THEN format(' WHERE (%1$I >= %2$s AND %1$I <= %3$s)', p.own_id, lower(n.ids),
				upper(n.ids) - 1)
			ELSE '' END, ', ' ORDER BY p.name)
	FROM commission_internal.table_place AS p
	CROSS JOIN commission_internal.node_event_ids(
		commission_internal.setting('node_id')::integer) AS n (ids)
	WHERE p.place = ANY (places);
END;
COMMENT ON FUNCTION commission_internal.published_tables(text[]) IS
	'the tables of these places as CREATE PUBLICATION names them: of the ledger only what was written under commission.node_id, so that what a moved buyer has brought along does not go up again';

/* Rows of clicks may be removed on a node: a hub removes its own. */
CREATE FUNCTION commission.create_publications() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made record;
BEGIN
	IF commission_internal.is_node() AND commission_internal.setting('node_id') = '0' THEN
		RAISE 'this node has no number'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = 'commission.node_id is 0, which is the hub''s.',
				HINT = 'Give each node a number of its own, by ALTER SYSTEM SET commission.node_id, before anything is sold on it.';
	END IF;
	FOR made IN
		SELECT p.name, commission_internal.published_tables(p.places) AS tables,
			p.actions
		FROM (VALUES
			('commission_catalogue', ARRAY['catalogue'], 'insert, update, delete, truncate'),
			('commission_ledger', ARRAY['ledger', 'sums'], 'insert, update'),
			('commission_sums', ARRAY['sums', 'held'], 'insert, update'))
			AS p (name, places, actions)
	LOOP
		IF EXISTS (SELECT FROM pg_publication AS p WHERE p.pubname = made.name) THEN
			EXECUTE format('ALTER PUBLICATION %s SET TABLE %s', made.name, made.tables);
		ELSE
			EXECUTE format('CREATE PUBLICATION %s FOR TABLE %s WITH (publish = %L)',
				made.name, made.tables, made.actions);
		END IF;
	END LOOP;
END $$;
COMMENT ON FUNCTION commission.create_publications() IS
	'makes the publications that a hub and its nodes follow each other by, or brings them up to date: commission_catalogue, which nodes follow at the hub; commission_ledger, which the hub follows on each node; and commission_sums, the rolled-up sums alone, which a hub of sums follows instead. Call it again after an update of the extension and after a change of commission.node_id, and refresh the subscriptions (ALTER SUBSCRIPTION ... REFRESH PUBLICATION). For the extension''s owner, who needs CREATE on the database; 55000 on a node whose commission.node_id is 0';

/* By name: PostgreSQL does not say from which node a subscription's rows come. */
CREATE VIEW commission_internal.followed_ledger AS
	SELECT s.oid AS subid, s.subname::text AS subscription, s.subenabled AS is_enabled,
		bool_or(c.relname = 'account') AS is_catalogue,
		count(*) FILTER (WHERE r.srsubstate <> 'r') AS tables_not_ready,
		CASE WHEN bool_or(c.relname = 'account') THEN 0
			ELSE substring(s.subname FROM '[0-9]{1,5}$')::integer END AS node
	FROM pg_subscription AS s
	JOIN pg_subscription_rel AS r ON r.srsubid = s.oid
	JOIN pg_class AS c ON c.oid = r.srrelid
		AND c.relnamespace = 'commission'::regnamespace
	GROUP BY s.oid, s.subname, s.subenabled;
COMMENT ON VIEW commission_internal.followed_ledger IS
	'the subscriptions that bring tables of ours: those of nodes by the number at the end of their names';

/* From node to node by the index, however many entries each has. */
CREATE VIEW commission_internal.known_node AS
	WITH RECURSIVE next AS (
		SELECT min(e.event_id) >> 48 AS node FROM commission.entry AS e
		UNION ALL
		SELECT (SELECT e.event_id >> 48 FROM commission.entry AS e
				WHERE e.event_id > (n.node << 48) + 281474976710655
				ORDER BY e.event_id LIMIT 1)
		FROM next AS n WHERE n.node < 32767
	)
	SELECT n.node::integer AS node FROM next AS n WHERE n.node IS NOT NULL
	UNION
	SELECT r.node_id FROM commission.rolled AS r;
COMMENT ON VIEW commission_internal.known_node IS
	'the nodes of which there are entries or rolled-up sums here';

CREATE VIEW commission.node_status AS
	SELECT coalesce(k.node, f.node) AS node,
		f.subscription,
		f.is_enabled,
		f.tables_not_ready,
		extract(epoch FROM clock_timestamp() - m.last_message_at)::bigint
			AS seconds_since_message,
		e.errors,
		(SELECT max(l.event_id) FROM commission.entry AS l
		 WHERE l.event_id >= k.node::bigint << 48
			AND l.event_id <= (k.node::bigint << 48) + 281474976710655) AS newest_event,
		(SELECT upper(r.event_ids) - 1 FROM commission.rolled AS r
		 WHERE r.node_id = k.node) AS rolled_up_to
	FROM commission_internal.known_node AS k
	FULL JOIN commission_internal.followed_ledger AS f ON f.node = k.node
	LEFT JOIN LATERAL (
		SELECT max(s.last_msg_receipt_time) AS last_message_at
		FROM pg_stat_subscription AS s
		WHERE s.subid = f.subid AND s.relid IS NULL) AS m ON true
	LEFT JOIN LATERAL (
		SELECT s.apply_error_count + s.sync_error_count AS errors
		FROM pg_stat_subscription_stats AS s WHERE s.subid = f.subid) AS e ON true;
COMMENT ON VIEW commission.node_status IS
	'the machines that this one knows of: at a hub its nodes, on a node the hub (0) and itself. The subscription by which a machine is followed, that of a node being known by the number at the end of its name, NULL for what was written here; whether it is enabled; how many of its tables are still being copied; the seconds since its last message (NULL: nothing is connected), which PostgreSQL sends every few seconds; how many errors it has met; the newest event in the ledger here, and the one up to which it is rolled up';

CREATE FUNCTION commission.catalogue_digest()
	RETURNS TABLE (table_name text, entries bigint, digest text)
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET jit = off AS $$
BEGIN
	FOR table_name IN
		SELECT p.name FROM commission_internal.table_place AS p
		WHERE p.place = 'catalogue' ORDER BY p.name
	LOOP
		RETURN QUERY EXECUTE format(
			'SELECT %1$L, count(*), md5(coalesce(sum((''x'' || left(md5(t::text), 16))::bit(64)::bigint), 0)::text)
			FROM commission.%1$I AS t', table_name);
	END LOOP;
END $$;
COMMENT ON FUNCTION commission.catalogue_digest() IS
	'of each table of the catalogue how many rows it has and a digest of them all, whatever their order: the same on a hub and on a node that has all of the hub''s catalogue, in databases of one encoding and one version of the extension. A node that was restored from a backup shows by it what it has missed. Reads the whole catalogue';
/*
 * buyer.sql: moving a buyer from one node to another.
 *
 * The new node needs the buyer's history: a refund takes back what was earned,
 * a row that becomes unpaid finds its sale, and a second first order would be
 * one.  The rows come as they are, under the event ids of the node that
 * recorded them, and do not go up to the hub again.  That node keeps them, and
 * refunds and accrues nothing of them any more.  A further sale of the buyer is
 * not refused there, because a sale would have to look; audit() counts them.
 *
 * Locks: the buyer's sales, as a refund does, so that each refund is either in
 * the history or refused.
 */

CREATE VIEW commission_internal.moved_sale AS
	SELECT m.account_id, m.node_id, m.sales, s.event_id, s.buyer_name
	FROM commission.moved_buyer AS m
	JOIN (SELECT g.buyer_id, g.event_id, g.buyer_name FROM commission.generation AS g
		  UNION ALL
		  SELECT o.customer_id, o.event_id, o.customer_name
		  FROM commission.customer_order AS o) AS s ON s.buyer_id = m.account_id
	WHERE s.event_id >> 48 = (SELECT commission_internal.setting('node_id')::bigint)
		OR NOT (SELECT commission_internal.is_hub());
COMMENT ON VIEW commission_internal.moved_sale IS
	'the sales and orders here of buyers who were moved to another node, at a hub its own only';

CREATE FUNCTION commission_internal.buyer_history(buyer_id uuid)
	RETURNS TABLE (name text, content jsonb)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH sale AS MATERIALIZED (
		SELECT g.event_id FROM commission.generation AS g
		WHERE g.buyer_id = buyer_history.buyer_id
		UNION ALL
		SELECT o.event_id FROM commission.customer_order AS o
		WHERE o.customer_id = buyer_history.buyer_id
	), event AS MATERIALIZED (
		SELECT s.event_id FROM sale AS s
		UNION ALL
		SELECT r.event_id FROM sale AS s
		JOIN commission_internal.event_sale AS r ON r.sale_event_id = s.event_id
	)
	SELECT 'generation', to_jsonb(t) FROM event JOIN commission.generation AS t USING (event_id)
	UNION ALL
	SELECT 'customer_order', to_jsonb(t)
	FROM event JOIN commission.customer_order AS t USING (event_id)
	UNION ALL
	SELECT 'reversal', to_jsonb(t) FROM event JOIN commission.reversal AS t USING (event_id)
	UNION ALL
	SELECT 'late_accrual', to_jsonb(t)
	FROM event JOIN commission.late_accrual AS t USING (event_id)
	UNION ALL
	SELECT 'unreferred_leg', to_jsonb(t)
	FROM sale JOIN commission.unreferred_leg AS t ON t.sale_event_id = sale.event_id
	UNION ALL
	SELECT 'entry', to_jsonb(t) FROM event JOIN commission.entry AS t USING (event_id);
END;
COMMENT ON FUNCTION commission_internal.buyer_history(uuid) IS
	'the rows of the ledger that are of what an account bought and ordered, each with the name of its table';

CREATE FUNCTION commission.release_buyer(buyer text, to_node integer)
	RETURNS jsonb
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	id CONSTANT uuid := commission.account_id(
		commission_internal.identifier(buyer, 'buyer'));
BEGIN
	IF commission_internal.required(to_node, 'to_node')
		= commission_internal.setting('node_id')::integer
	THEN
		RAISE 'buyer "%" is on node % already', buyer, to_node
			USING ERRCODE = 'object_not_in_prerequisite_state';
	ELSIF to_node NOT BETWEEN 0 AND 32767 THEN
		RAISE 'no machine can be node %', to_node
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'commission.node_id is from 0 to 32767.';
	ELSIF EXISTS (SELECT FROM commission.deferred_generation AS d
				  WHERE d.content[2] = buyer)
	THEN
		RAISE 'sales of buyer "%" are deferred', buyer
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Make known what they wait for, and call accrue_deferred().';
	END IF;
	INSERT INTO commission.moved_buyer AS m (account_id, node_id)
	VALUES (id, to_node)
	ON CONFLICT (account_id) DO UPDATE
	SET node_id = excluded.node_id, moved_at = now();
	PERFORM FROM commission.generation AS g WHERE g.buyer_id = id
	ORDER BY g.event_id FOR NO KEY UPDATE;
	PERFORM FROM commission.customer_order AS o WHERE o.customer_id = id
	ORDER BY o.event_id FOR NO KEY UPDATE;
	UPDATE commission.moved_buyer AS m
	SET sales = (SELECT count(*) FROM commission_internal.moved_sale AS s
				 WHERE s.account_id = id)
	WHERE m.account_id = id;
	RETURN jsonb_build_object('buyer', buyer, 'node', to_node, 'rows', coalesce((
		SELECT jsonb_agg(jsonb_build_array(h.name, h.content))
		FROM commission_internal.buyer_history(id) AS h), '[]'));
END $$;
COMMENT ON FUNCTION commission.release_buyer(text, integer) IS
	'gives what this node''s ledger has of what a buyer bought and ordered, for take_buyer() on the node that the buyer''s sales are routed to from now on; from then on this node refunds nothing of it and accrues nothing late on it (55000). Stop the buyer''s sales before, and route them to the other node after: examples/nodes/move-buyer does all of it; 55000 while sales of the buyer are deferred, and for this node''s own number, 22004 for NULL, 22023 for an empty or over-long name and a number that no node can have';

CREATE FUNCTION commission.take_buyer(history jsonb) RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	relation text;
	taken bigint := 0;
	n bigint;
BEGIN
	IF history ->> 'node' IS DISTINCT FROM commission_internal.setting('node_id') THEN
		RAISE 'buyer "%" was released to node %', history ->> 'buyer', history ->> 'node'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('commission.node_id is %s here.',
					commission_internal.setting('node_id'));
	END IF;
	FOREACH relation IN ARRAY ARRAY['generation', 'customer_order', 'reversal',
		'late_accrual', 'unreferred_leg', 'entry']
	LOOP
		EXECUTE format('
			INSERT INTO commission.%1$I
			SELECT r.* FROM jsonb_array_elements($1) AS h (row)
			CROSS JOIN LATERAL jsonb_populate_record(NULL::commission.%1$I, h.row -> 1) AS r
			WHERE h.row ->> 0 = %1$L%2$s
			ON CONFLICT DO NOTHING', relation,
			CASE relation WHEN 'unreferred_leg' THEN '
				AND NOT EXISTS (SELECT FROM commission.unreferred_leg AS u
					WHERE u.account_id = r.account_id AND u.occurred_at = r.occurred_at
						AND u.sale_event_id = r.sale_event_id AND u.leg = r.leg)' END)
			USING history -> 'rows';
		GET DIAGNOSTICS n = ROW_COUNT;
		taken := taken + n;
	END LOOP;
	DELETE FROM commission.moved_buyer AS m
	WHERE m.account_id = commission.account_id(history ->> 'buyer');
	RETURN taken;
END $$;
COMMENT ON FUNCTION commission.take_buyer(jsonb) IS
	'takes a buyer''s history, as release_buyer() gave it on another node, into the ledger of this one, where the buyer''s sales are refunded and accrued late from now on, and returns how many rows are new; the event ids stay those of the node that recorded them, so that nothing of it goes up to the hub again; 55000 where it was released to another node';
/*
 * node_problem.sql: what goes wrong only once there are several machines (for
 * audit()).
 */

CREATE FUNCTION commission_internal.has_several_nodes() RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT coalesce(min(e.event_id) >> 48 <> max(e.event_id) >> 48, false)
	FROM commission.entry AS e;
END;
COMMENT ON FUNCTION commission_internal.has_several_nodes() IS
	'whether the ledger has entries of more than one node';

/*
 * Uniqueness is a node's: what two nodes have recorded came to the wrong one of
 * them.  A node itself has rows of another where a buyer was moved here.
 */
CREATE VIEW commission_internal.twice_problem AS
	WITH twice AS (
		SELECT 'generation on two nodes' AS problem, g.generation_id AS id,
			min(g.event_id) AS event_id, max(g.event_id) AS other_event_id
		FROM commission.generation AS g
		WHERE commission_internal.has_several_nodes()
		GROUP BY g.generation_id HAVING count(*) > 1
		UNION ALL
		SELECT 'order on two nodes', o.order_id, min(o.event_id), max(o.event_id)
		FROM commission.customer_order AS o
		WHERE commission_internal.has_several_nodes()
		GROUP BY o.order_id HAVING count(*) > 1
		UNION ALL
		SELECT 'first order on two nodes', o.customer_id, min(o.event_id),
			max(o.event_id)
		FROM commission.customer_order AS o
		WHERE commission_internal.has_several_nodes() AND o.kind = 'first_order'
		GROUP BY o.customer_id HAVING count(*) > 1
	)
	SELECT t.problem, t.event_id,
		format('%s is on node %s and, as event %s, on node %s',
			coalesce(CASE WHEN t.problem LIKE 'first%' THEN coalesce(a.name, o.customer_name)
				ELSE coalesce(g.generation_name, o.order_name) END,
				commission_internal.identifier_name(t.id)),
			t.event_id >> 48, t.other_event_id, t.other_event_id >> 48) AS detail
	FROM twice AS t
	LEFT JOIN commission.generation AS g ON g.event_id = t.event_id
	LEFT JOIN commission.customer_order AS o ON o.event_id = t.event_id
	LEFT JOIN commission.account AS a ON a.account_id = t.id;
COMMENT ON VIEW commission_internal.twice_problem IS
	'sales that are recorded on two nodes, and customers with a first order on two (R17, R30)';

/* Moving the buyer once more takes along what came since. */
CREATE VIEW commission_internal.moved_problem AS
	SELECT 'sale of a moved buyer' AS problem, max(s.event_id) AS event_id,
		format('%s was moved to node %s with %s sales, and %s are here: route the buyer there, and move what came since',
			coalesce(min(a.name), min(s.buyer_name),
				commission_internal.identifier_name(s.account_id)),
			s.node_id, s.sales, count(*)) AS detail
	FROM commission_internal.moved_sale AS s
	LEFT JOIN commission.account AS a USING (account_id)
	GROUP BY s.account_id, s.node_id, s.sales
	HAVING count(*) > s.sales;
COMMENT ON VIEW commission_internal.moved_problem IS
	'buyers who were moved to another node, and were sold to here after that';

/* A machine that was set up by half. */
CREATE VIEW commission_internal.setup_problem AS
	SELECT 'node without a number' AS problem, NULL::bigint AS event_id,
		'this database follows the catalogue of a hub, and its event ids are those of the hub: set commission.node_id'
			AS detail
	WHERE commission_internal.is_node() AND NOT commission_internal.is_hub()
		AND commission_internal.setting('node_id') = '0'
	UNION ALL
	SELECT 'publication of another node', NULL,
		format('it publishes %s, and commission.node_id is %s: call create_publications() again',
			r.rowfilter, commission_internal.setting('node_id'))
	FROM pg_publication_tables AS r
	WHERE r.pubname = 'commission_ledger' AND r.schemaname = 'commission'
		AND r.tablename = 'rolled'
		AND r.rowfilter NOT LIKE format('%%= %s)', commission_internal.setting('node_id'));
COMMENT ON VIEW commission_internal.setup_problem IS
	'a node whose commission.node_id is not set, or is another than when its publications were made';

/* A trigger is not inherited by whoever was there before, or came by DETACH. */
CREATE VIEW commission_internal.attached_table AS
	SELECT DISTINCT t.tgrelid::regclass AS relation
	FROM pg_trigger AS t
	WHERE t.tgfoid IN ('commission_internal.accrue_generation()'::regprocedure,
					   'commission_internal.accrue_order()'::regprocedure)
		AND t.tgparentid = 0;
COMMENT ON VIEW commission_internal.attached_table IS
	'the tables of sales that are attached';

CREATE FUNCTION commission_internal.untriggered_shards()
	RETURNS SETOF regclass
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF to_regclass('pg_catalog.pg_dist_shard') IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE '
		SELECT s.shard
		FROM commission_internal.attached_table AS a
		JOIN pg_dist_shard AS d ON d.logicalrelid = a.relation
		JOIN pg_class AS c ON c.oid = a.relation
		CROSS JOIN LATERAL to_regclass(format(''%I.%I'', c.relnamespace::regnamespace::text,
			c.relname || ''_'' || d.shardid)) AS s (shard)
		WHERE s.shard IS NOT NULL AND NOT EXISTS (
			SELECT FROM pg_trigger AS t
			WHERE t.tgrelid = s.shard AND t.tgfoid IN (
				''commission_internal.accrue_generation()''::regprocedure,
				''commission_internal.accrue_order()''::regprocedure))';
END $$;
COMMENT ON FUNCTION commission_internal.untriggered_shards() IS
	'the shards in this database of tables that are attached and that Citus distributes, which have no accruing trigger';

CREATE VIEW commission_internal.partition_problem AS
	SELECT CASE c.relkind WHEN 'f' THEN 'foreign partition of an attached table'
			ELSE 'partition without an accruing trigger' END AS problem,
		format('%s of %s', p.relid, a.relation) AS detail
	FROM commission_internal.attached_table AS a
	CROSS JOIN LATERAL pg_partition_tree(a.relation) AS p
	JOIN pg_class AS c ON c.oid = p.relid
	WHERE p.level > 0 AND p.isleaf
		AND (c.relkind = 'f' OR NOT EXISTS (
			SELECT FROM pg_trigger AS t
			WHERE t.tgrelid = p.relid AND t.tgfoid IN (
				'commission_internal.accrue_generation()'::regprocedure,
				'commission_internal.accrue_order()'::regprocedure)))
	UNION ALL
	SELECT 'shard without an accruing trigger',
		format('%s: detach the table and attach it at Citus''s coordinator', s)
	FROM commission_internal.untriggered_shards() AS s;
COMMENT ON VIEW commission_internal.partition_problem IS
	'partitions and shards of attached tables that do not accrue, or accrue on another server';
/*
 * audit.sql: the books, checked (R20).  What is wrong with each subject, a view
 * beside the subject says.
 */

CREATE VIEW commission_internal.name_problem AS
	SELECT 'name kept under another key' AS problem, n.event_id,
		format('%s "%s" is kept under %s', n.what, n.name, n.id) AS detail
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
	WHERE n.id <> commission_internal.identifier_key(n.name);
COMMENT ON VIEW commission_internal.name_problem IS
	'identifiers that are kept under another key than their own, which the views look them up by';

CREATE VIEW commission_internal.other_problem AS
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.deferred_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.late_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.terms_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.adjustment_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.reversal_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.withdrawal_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.referral_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.name_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.twice_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.moved_problem AS p
	UNION ALL
	SELECT p.problem, p.event_id, p.detail FROM commission_internal.setup_problem AS p
	UNION ALL
	SELECT p.problem, NULL, p.detail FROM commission_internal.partition_problem AS p
	UNION ALL
	SELECT p.problem, NULL, p.detail FROM commission_internal.trigger_problem AS p;
COMMENT ON VIEW commission_internal.other_problem IS
	'what is wrong but for sales, entries and rolled-up sums';

/*
 * Without JIT: the query has hundreds of expressions, and compiling them takes
 * seconds, even where the ledger is read in less.  And with memory for sums by
 * account and day, which are sorted otherwise.
 */
CREATE FUNCTION commission.audit()
	RETURNS TABLE (problem text, event_id bigint, detail text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off SET work_mem = '64MB'
BEGIN ATOMIC
	SELECT p.* FROM commission_internal.entry_problem(
		-9223372036854775808, 9223372036854775807) AS p
	UNION ALL
	SELECT p.* FROM commission_internal.generation_problem(
		-9223372036854775808, 9223372036854775807) AS p
	UNION ALL
	SELECT p.* FROM commission_internal.order_problem AS p
	UNION ALL
	SELECT p.problem, NULL, p.detail FROM commission_internal.rolled_problem AS p
	UNION ALL
	SELECT p.* FROM commission_internal.other_problem AS p;
END;
COMMENT ON FUNCTION commission.audit() IS
	'a row for each thing that is wrong with the books, none if there is nothing wrong: every generation and order recomputed from its stored facts, legs within the cap (R12), pools shared exactly (R19), every credit accounted for (R20), no self-pay (R13), late legs (R37) and refunds by their law (R21), withdrawals by theirs with their entries (R23), no sale on two nodes or of a buyer who was moved away, rolled-up sums against the ledger, no strays; and the triggers on attached tables and on the ledger as they were made';

CREATE VIEW commission_internal.unsealed AS
	SELECT r.first_event_id, r.end_event_id - 1 AS last_event_id
	FROM commission_internal.ranges('{[0,9223372036854775807)}'
						   - coalesce((SELECT range_agg(b.event_ids)
									   FROM commission.seal_block AS b), '{}')) AS r;
COMMENT ON VIEW commission_internal.unsealed IS
	'the ranges of event ids, each with its first and last, that are in no sealed block';

CREATE FUNCTION commission.audit_unsealed()
	RETURNS TABLE (problem text, event_id bigint, detail text)
	LANGUAGE sql STABLE PARALLEL SAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET jit = off
BEGIN ATOMIC
	SELECT p.* FROM commission_internal.unsealed AS u
	CROSS JOIN LATERAL commission_internal.entry_problem(
		u.first_event_id, u.last_event_id) AS p
	UNION ALL
	SELECT p.* FROM commission_internal.unsealed AS u
	CROSS JOIN LATERAL commission_internal.generation_problem(
		u.first_event_id, u.last_event_id) AS p
	UNION ALL
	SELECT p.* FROM commission_internal.unsealed AS u
	JOIN commission_internal.order_problem AS p
		ON p.event_id BETWEEN u.first_event_id AND u.last_event_id
	UNION ALL
	SELECT p.* FROM commission_internal.other_problem AS p;
END;
COMMENT ON FUNCTION commission.audit_unsealed() IS
	'as audit(), but without recomputing the sales, and reading again the entries, that are in a sealed block, and without adding up the rolled-up sums anew: what audit() found right before it was sealed is so while verify_seals() finds nothing (R48)';
/*
 * guard.sql: nothing that is only ever appended to is changed or removed (R18).
 *
 * The statement trigger refuses even where no row would be hit; the row
 * trigger refuses what logical replication applies, which fires no statement
 * triggers.  ALWAYS: under session_replication_role = replica, too.
 */

/*
 * Every table is guarded but those whose rows say how something is now.
 * Clicks may be removed: a trigger counts them.
 */
DO $$
DECLARE
	guarded record;
BEGIN
	FOR guarded IN
		SELECT c.relname AS name, CASE c.relname WHEN 'withdrawal' THEN 'DELETE'
			WHEN 'touch' THEN 'UPDATE' ELSE 'UPDATE OR DELETE' END AS change
		FROM pg_class AS c
		WHERE c.relnamespace = 'commission'::regnamespace AND c.relkind = 'r'
			AND c.relname NOT IN ('account', 'consumer', 'coupon',
				'deferred_change', 'deferred_generation', 'material', 'model_price',
				'moved_buyer', 'portal_role', 'referral', 'rolled',
				'rolled_day', 'rolled_hour', 'rolled_kind', 'rolled_referred',
				'touch_count')
	LOOP
		EXECUTE format(
			'CREATE TRIGGER %1$s_guard BEFORE %2$s OR TRUNCATE ON commission.%1$s
				FOR EACH STATEMENT EXECUTE FUNCTION commission_internal.refuse_change();
			CREATE TRIGGER %1$s_row_guard BEFORE %2$s ON commission.%1$s
				FOR EACH ROW EXECUTE FUNCTION commission_internal.refuse_change();
			ALTER TABLE commission.%1$s
				ENABLE ALWAYS TRIGGER %1$s_guard,
				ENABLE ALWAYS TRIGGER %1$s_row_guard', guarded.name, guarded.change);
	END LOOP;
END $$;

/* What the hub writes is not written on a node, but by what it follows. */
DO $$
DECLARE
	name text;
BEGIN
	FOR name IN
		SELECT p.name FROM commission_internal.table_place AS p
		WHERE p.place IN ('catalogue', 'hub') ORDER BY p.name
	LOOP
		EXECUTE format(
			'CREATE TRIGGER %1$s_place
				BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON commission.%1$s
				FOR EACH STATEMENT EXECUTE FUNCTION commission_internal.keep_at_hub()',
			name);
	END LOOP;
END $$;
/*
 * sale.sql: what each account sees of the sales that paid it (R32, R33, R50).
 *
 * Each view is a security barrier: a function or operator of a query's own is
 * called for rows of the account alone.  What leakproof operators compare is
 * taken inside, where an index finds it.  A barrier's rows come in its own
 * order or in none, so it has the one that lists are read in: ORDER BY event_id
 * DESC LIMIT n reads n rows and sorts nothing.
 *
 * Functions in a view are called by its reader, who has to be granted them.
 * Those that find the events of a run or sale for who may read the whole ledger
 * (planner.sql) are not for an affiliate, who could ask them for anybody's.  So
 * keys are shown with nothing added to them, which hides them from the promises
 * of the views below, and have promises of their own, which find what paid the
 * account and nothing else.
 *
 * Nor is a condition on anything else taken inside, where the planner would
 * expect as many rows as statistics over all accounts say, and EXPLAIN show it:
 * what is shown() is volatile to a query.  Times are not, so that a period is
 * read by itself.
 */

CREATE FUNCTION commission_internal.shown(value anyelement) RETURNS anyelement
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
	AS 'SELECT value';
COMMENT ON FUNCTION commission_internal.shown(anyelement) IS
	'the value, declared volatile: the planner takes no condition on it inside a view';

CREATE VIEW commission_internal.own_sale WITH (security_barrier) AS
	SELECT s.sale_id, s.run_id, l.event_id
	FROM (
		SELECT g.event_id, g.generation_id AS sale_id, g.run_id
		FROM commission.generation AS g
		UNION ALL
		SELECT o.event_id, o.order_id, NULL
		FROM commission.customer_order AS o) AS s
	CROSS JOIN LATERAL (
		SELECT l.event_id FROM commission_internal.sale_entry AS l
		WHERE l.sale_event_id = s.event_id AND l.account_id = (
			SELECT o.account_id FROM commission_internal.own_account AS o)
		OFFSET 0) AS l;
COMMENT ON VIEW commission_internal.own_sale IS
	'the events, in time or late, by which each generation and order paid the account. Read it by sale_id or run_id';

CREATE FUNCTION commission_internal.run_key_ids(run_keys text[], kind text)
	RETURNS uuid[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ARRAY(
	SELECT commission_internal.identifier_key(substr(k.run_key, length(kind) + 2))
	FROM unnest(run_keys) AS k (run_key)
	WHERE starts_with(k.run_key, kind || ':'));
COMMENT ON FUNCTION commission_internal.run_key_ids(text[], text) IS
	'the ids in run_keys of a kind: run, or generation of what belongs to no run';

CREATE FUNCTION commission_internal.own_sale_events(sales text[]) RETURNS bigint[]
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED COST 10000
	SET enable_seqscan = off SET jit = off
BEGIN ATOMIC
	SELECT ARRAY(
		SELECT s.event_id FROM commission_internal.own_sale AS s
		WHERE s.sale_id = ANY (commission_internal.account_keys(sales)));
END;
COMMENT ON FUNCTION commission_internal.own_sale_events(text[]) IS
	'the event ids by which the generations and orders of these names paid the account';

CREATE FUNCTION commission_internal.own_run_events(run_keys text[]) RETURNS bigint[]
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED COST 10000
	SET enable_seqscan = off SET jit = off
BEGIN ATOMIC
	SELECT ARRAY(
		SELECT s.event_id FROM commission_internal.own_sale AS s
		WHERE s.run_id = ANY (commission_internal.run_key_ids(run_keys, 'run'))
		UNION ALL
		SELECT s.event_id FROM commission_internal.own_sale AS s
		WHERE s.sale_id = ANY (commission_internal.run_key_ids(run_keys, 'generation')));
END;
COMMENT ON FUNCTION commission_internal.own_run_events(text[]) IS
	'the event ids by which the frames of runs paid the account; runs are given by the run_key of commission_portal.commission_detail';

CREATE FUNCTION commission_internal.is_own_run(run_key text, event_id bigint) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_own_run(text, bigint) IS
	'true: the promise of a view that the event is among own_run_events() of that run';

CREATE FUNCTION commission_internal.is_own_sale(sale text, event_id bigint) RETURNS boolean
	LANGUAGE c IMMUTABLE PARALLEL SAFE SUPPORT commission_internal.promise_support
	AS 'MODULE_PATHNAME', 'commission_promise';
COMMENT ON FUNCTION commission_internal.is_own_sale(text, bigint) IS
	'true: the promise of a view that the event is among own_sale_events() of that generation or order';

CREATE VIEW commission_portal.recent_commission WITH (security_barrier) AS
	SELECT commission_internal.shown(r.account) AS account, r.run, r.event_id,
		r.occurred_at, r.buyer, r.images, r.titles, r.legs, r.amount, r.headline, r.run_key || '' AS run_key,
		r.reversed, r.state
	FROM commission.recent_commission AS r
	WHERE r.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
		AND commission_internal.is_same_account(r.account_id,
			(SELECT o.account_id FROM commission_internal.own_account AS o))
		AND commission_internal.is_own_run(r.run_key || '', r.event_id)
	ORDER BY r.event_id DESC;
COMMENT ON VIEW commission_portal.recent_commission IS
	'the account''s rows of commission.recent_commission (R32, R50), newest first: page it with WHERE event_id < $1 ORDER BY event_id DESC LIMIT n';

CREATE VIEW commission_portal.commission_detail WITH (security_barrier) AS
	SELECT commission_internal.shown(d.account) AS account,
		d.generation || '' AS generation, d.run, d.occurred_at, d.buyer,
		d.images, d.titles, d.brand_amount, d.brand_ratio, d.creator_amount,
		d.creator_ratio, d.buyer_total,
		commission_internal.shown(d.model_price) AS model_price, d.surcharge,
		d.pool, d.markup, commission_internal.shown(d.api_cost) AS api_cost,
		d.generation_margin,
		d.net_margin, d.platform_take, d.reversed, d.refunded, d.event_id,
		d.total_cap_ratio, d.brand_ratio_applied, d.creator_ratio_applied,
		d.creator_legs, d.other_legs, d.run_key || '' AS run_key
	FROM commission.commission_detail AS d
	WHERE d.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
		AND commission_internal.is_same_account(d.account_id,
			(SELECT o.account_id FROM commission_internal.own_account AS o))
		AND commission_internal.is_own_sale(d.generation || '', d.event_id)
		AND commission_internal.is_own_run(d.run_key || '', d.event_id)
	ORDER BY d.event_id DESC;
COMMENT ON VIEW commission_portal.commission_detail IS
	'the account''s rows of commission.commission_detail (R33, R50): find them by run_key, generation or event_id';

CREATE VIEW commission_portal.run_detail WITH (security_barrier) AS
	SELECT r.account, r.run_key, r.run, r.event_id, r.occurred_at, r.buyer,
		sum.frames, r.images, r.titles, sum.brand_amount, sum.creator_amount,
		sum.other_legs, sum.buyer_total, sum.model_price, sum.surcharge, sum.pool,
		sum.markup, sum.api_cost, sum.generation_margin, sum.net_margin,
		sum.platform_take, r.reversed, sum.refunded, r.state
	FROM commission_portal.recent_commission AS r
	CROSS JOIN LATERAL (
		SELECT count(*) AS frames,
			commission_internal.credits(sum(d.brand_amount)) AS brand_amount,
			commission_internal.credits(sum(d.creator_amount)) AS creator_amount,
			commission_internal.credits(sum(d.other_legs)) AS other_legs,
			commission_internal.credits(sum(d.buyer_total)) AS buyer_total,
			commission_internal.credits(sum(d.model_price)) AS model_price,
			commission_internal.credits(sum(d.surcharge)) AS surcharge,
			commission_internal.credits(sum(d.pool)) AS pool,
			commission_internal.credits(sum(d.markup)) AS markup,
			commission_internal.credits(sum(d.api_cost)) AS api_cost,
			commission_internal.credits(sum(d.generation_margin)) AS generation_margin,
			commission_internal.credits(sum(d.net_margin)) AS net_margin,
			commission_internal.credits(sum(d.platform_take)) AS platform_take,
			commission_internal.credits(sum(d.refunded)) AS refunded
		FROM commission_portal.commission_detail AS d
		WHERE d.run_key = r.run_key) AS sum;
COMMENT ON VIEW commission_portal.run_detail IS
	'the account''s rows of commission.run_detail (R16, R33, R50). Read it by run_key';

CREATE VIEW commission_portal.recent_order WITH (security_barrier) AS
	SELECT commission_internal.shown(r.account) AS account,
		r.order_id || '' AS order_id, r.event_id, r.occurred_at, r.buyer,
		commission_internal.shown(r.plan) AS plan,
		commission_internal.shown(r.kind) AS kind,
		commission_internal.shown(r.order_amount) AS order_amount, r.ratio,
		r.amount, r.reversed, r.state
	FROM commission.recent_order AS r
	WHERE r.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
		AND commission_internal.is_same_account(r.account_id,
			(SELECT o.account_id FROM commission_internal.own_account AS o))
		AND commission_internal.is_own_sale(r.order_id || '', r.event_id)
	ORDER BY r.event_id DESC;
COMMENT ON VIEW commission_portal.recent_order IS
	'the account''s rows of commission.recent_order (R30, R50), newest first: page it with WHERE event_id < $1 ORDER BY event_id DESC LIMIT n, or find one by order_id';
/*
 * screen.sql: what else each account sees of itself (R50).
 *
 * Security barriers, of which OFFSET 0 takes nothing of a query's inside: an
 * account has few rows here, and the planner's estimates, which EXPLAIN shows,
 * say nothing about values that others have.
 */

CREATE VIEW commission_portal.earnings WITH (security_barrier) AS
	SELECT e.account, e.lifetime, e.last_30_days, e.brand_lifetime,
		e.creator_lifetime, e.pool_lifetime, e.subscription_lifetime,
		e.adjustments
	FROM commission.earnings AS e
	WHERE e.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	OFFSET 0;
COMMENT ON VIEW commission_portal.earnings IS
	'the account''s row of commission.earnings (R31, R50)';

CREATE VIEW commission_portal.balance WITH (security_barrier) AS
	SELECT b.account, b.balance, b.available, b.held, b.in_withdrawal, b.withdrawn
	FROM commission.balance AS b
	WHERE b.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	OFFSET 0;
COMMENT ON VIEW commission_portal.balance IS
	'the account''s row of commission.balance (R18, R24, R50)';

CREATE VIEW commission_portal.daily_earnings WITH (security_barrier) AS
	SELECT d.account, d.day, d.kind, d.amount, d.entries
	FROM commission.daily_earnings AS d
	WHERE d.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	OFFSET 0;
COMMENT ON VIEW commission_portal.daily_earnings IS
	'the account''s rows of commission.daily_earnings (R31, R50)';

CREATE VIEW commission_portal.funnel WITH (security_barrier) AS
	SELECT f.account, f.campaign, f.day, f.clicks, f.signups, f.conversions,
		f.earnings
	FROM commission.funnel AS f
	WHERE f.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	OFFSET 0;
COMMENT ON VIEW commission_portal.funnel IS
	'the account''s rows of commission.funnel (R35, R50)';

CREATE VIEW commission_portal.referral_earnings WITH (security_barrier) AS
	SELECT r.account, r.referred, r.role, r.signed_up_at, r.campaign, r.plan,
		r.lifetime, r.last_earned_at, r.in_force, r.referral_id, r.orders
	FROM commission.referral_earnings AS r
	WHERE r.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	OFFSET 0;
COMMENT ON VIEW commission_portal.referral_earnings IS
	'the account''s rows of commission.referral_earnings, the referred masked (R34, R36, R50); referral_id tells them apart';

CREATE VIEW commission_portal.withdrawal WITH (security_barrier) AS
	SELECT w.account, w.withdrawal, w.state, w.amount, w.method, w.destination,
		w.requested_at, w.changed_at, w.batch, w.transfer, w.reason
	FROM commission.withdrawal_status AS w
	WHERE w.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	ORDER BY w.withdrawal DESC
	OFFSET 0;
COMMENT ON VIEW commission_portal.withdrawal IS
	'the account''s rows of commission.withdrawal_status (R23, R50), newest first, without who of the platform changed them';

CREATE VIEW commission_portal.payout_address WITH (security_barrier) AS
	SELECT h.account, h.method, h.destination, h.automatic, h.changed_at
	FROM commission.payout_address_history AS h
	WHERE h.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o)
	ORDER BY h.change_id DESC
	LIMIT 1;
COMMENT ON VIEW commission_portal.payout_address IS
	'where the account is paid (set_payout), masked, and whether by the calendar; no row while it has set none (R50)';

CREATE VIEW commission_portal.material WITH (security_barrier) AS
	SELECT m.name AS material, m.kind, m.title, m.body, m.updated_at
	FROM commission.material AS m
	WHERE (SELECT o.account_id FROM commission_internal.own_account AS o) IS NOT NULL
	ORDER BY m.kind, m.name
	OFFSET 0;
COMMENT ON VIEW commission_portal.material IS
	'the promotional materials, which are the same for every account: {link} in a body stands for the account''s link, which commission.materials_for() fills in, escaped for the kind';

/*
 * statement.sql: the statement that each account sees of itself (R22, R50).
 *
 * A function of schema commission_portal runs as its caller, on views that show
 * the caller's account alone: whoever calls it by whatever road, there is
 * nothing else for it to read.
 */

CREATE VIEW commission_internal.own_entry WITH (security_barrier) AS
	SELECT e.occurred_at, e.amount
	FROM commission.entry AS e
	WHERE e.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o);
COMMENT ON VIEW commission_internal.own_entry IS
	'the account''s entries';

CREATE VIEW commission_internal.own_statement_line WITH (security_barrier) AS
	SELECT l.occurred_at, l.event_id, l.line, l.what, l.source, l.amount
	FROM commission_internal.statement_line AS l
	WHERE l.account_id = (SELECT o.account_id FROM commission_internal.own_account AS o);
COMMENT ON VIEW commission_internal.own_statement_line IS
	'the lines of the account''s statement';

CREATE FUNCTION commission_portal.statement(since date, until date)
	RETURNS TABLE (occurred_at timestamptz, event_id bigint, line smallint,
				   what text, source text, amount bigint, balance bigint)
	LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
	WITH period AS (
		SELECT t.since, t.until,
			(SELECT coalesce(sum(e.amount), 0)
			 FROM commission_internal.own_entry AS e
			 WHERE e.occurred_at < t.since) AS opening
		FROM commission_portal.balance AS b
		CROSS JOIN (
			SELECT commission_internal.day_start(
					coalesce(statement.since, '-infinity')) AS since,
				commission_internal.day_start(
					coalesce(statement.until, 'infinity'), 1) AS until) AS t
		WHERE coalesce(statement.since <= statement.until, true)
	), line AS (
		SELECT 1 AS part, p.since AS occurred_at, NULL::bigint AS event_id,
			NULL::smallint AS line, 'opening balance' AS what,
			NULL::text AS source, p.opening AS change
		FROM period AS p
		UNION ALL
		SELECT 2, l.occurred_at, l.event_id, l.line, l.what, l.source, l.amount
		FROM period AS p
		JOIN commission_internal.own_statement_line AS l
			ON l.occurred_at >= p.since AND l.occurred_at < p.until
		UNION ALL
		SELECT 3, p.until, NULL, NULL, 'closing balance', NULL, 0
		FROM period AS p
	)
	SELECT l.occurred_at, l.event_id, l.line, l.what, l.source,
		CASE l.part WHEN 2 THEN l.change END::bigint,
		commission_internal.credits(
			sum(l.change) OVER (ORDER BY l.part, l.occurred_at, l.event_id,
								l.line ROWS UNBOUNDED PRECEDING))
	FROM line AS l
	ORDER BY l.part, l.occurred_at, l.event_id, l.line;
END;
COMMENT ON FUNCTION commission_portal.statement(date, date) IS
	'the account''s statement over UTC days, both included, NULL being without bound, as commission.statement() gives it (R22, R50); no row where there is no account, or for a period that ends before it begins';
/*
 * explain.sql: how a sale came to what it paid the account (R20, R50).
 *
 * The steps come from many tables and functions, so they are told as the
 * extension's owner, to whom the session's role is: viewer.
 */

CREATE FUNCTION commission_internal.explain_to_viewer(generation text)
	RETURNS TABLE (step integer, what text, value text)
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	SET enable_seqscan = off SET jit = off
BEGIN ATOMIC
	SELECT e.step, e.what, e.value
	FROM commission.explain(explain_to_viewer.generation) AS e
	WHERE EXISTS (
		SELECT
		FROM commission_internal.sale_entry AS l
		WHERE l.sale_event_id = (
				SELECT commission_internal.generation_event(explain_to_viewer.generation))
			AND l.account_id = (SELECT v.account_id FROM commission_internal.viewer AS v));
END;
COMMENT ON FUNCTION commission_internal.explain_to_viewer(text) IS
	'explain() of a generation that paid the account of the session''s role; no row for any other';

CREATE FUNCTION commission_portal.explain(generation text)
	RETURNS TABLE (step integer, what text, value text)
	LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
BEGIN ATOMIC
	SELECT e.step, e.what, e.value
	FROM commission_internal.explain_to_viewer(explain.generation) AS e
	WHERE quote_ident(current_user)::regrole = commission_internal.outer_role()
	ORDER BY e.step;
END;
COMMENT ON FUNCTION commission_portal.explain(text) IS
	'how a generation came to what it paid the account, as commission.explain() tells it, with everybody else masked and without the reasons of refunds (R50); no row for a generation that paid the account nothing, as for one that does not exist, in a function of another role''s that is SECURITY DEFINER, and for NULL';
/*
 * terms.sql: what the account's sales pay, and from when they will pay what
 * (R40, R42, R50).  Told as the extension's owner, as explain.sql is.
 */

CREATE FUNCTION commission_internal.terms_to_viewer()
	RETURNS TABLE (term text, value numeric, source text, until timestamptz)
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT t.term, t.value, t.source, t.until
	FROM commission_internal.viewer AS v
	JOIN commission.account AS a ON a.account_id = v.account_id
	CROSS JOIN LATERAL commission.terms_of(a.name) AS t;
END;
COMMENT ON FUNCTION commission_internal.terms_to_viewer() IS
	'terms_of() the account of the session''s role, now; no row where it has none';

CREATE FUNCTION commission_internal.announced_to_viewer()
	RETURNS SETOF commission.announced_terms
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT n.*
	FROM commission_internal.viewer AS v
	JOIN commission.account AS a ON a.account_id = v.account_id
	JOIN commission.announced_terms AS n ON n.scope = 'programme'
		OR n.account_id = v.account_id
		OR n.group_name = a.group_name;
END;
COMMENT ON FUNCTION commission_internal.announced_to_viewer() IS
	'the announced terms of the programme, of the account of the session''s role and of its group';

CREATE VIEW commission_portal.terms WITH (security_barrier) AS
	SELECT t.term, t.value, t.source, t.until
	FROM commission_internal.terms_to_viewer() AS t
	WHERE quote_ident(current_user)::regrole = commission_internal.outer_role();
COMMENT ON VIEW commission_portal.terms IS
	'the account''s terms in force, as commission.terms_of() gives them (R40, R50)';

CREATE VIEW commission_portal.announced_terms WITH (security_barrier) AS
	SELECT t.scope, t.group_name, t.valid_from, t.reason, t.brand_ratio,
		t.creator_ref_ratio, t.total_cap_ratio, t.first_order_ratio,
		t.renewal_ratio, t.upgrade_ratio, t.upgraded_renewal_ratio,
		t.first_order_amount, t.renewals, t.days, t.minimum_payout, t.announced_at
	FROM commission_internal.announced_to_viewer() AS t
	WHERE quote_ident(current_user)::regrole = commission_internal.outer_role();
COMMENT ON VIEW commission_portal.announced_terms IS
	'the terms that are announced to the account, by itself, its group or the programme, and not in force yet: each that is NULL stays as it is (R42, R50)';
/*
 * grant.sql: who sees schema commission_portal (R50).
 */

/*
 * What views and functions call in the role's own name.  None of them reads
 * anything but commission_internal.own_... views, which show the account alone,
 * or asks commission_internal.viewer for it.
 */
CREATE FUNCTION commission_internal.grant_portal_role(role regrole,
													  account_id uuid)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM commission_internal.grant_objects(role, '{commission_portal}', ARRAY[
		'commission_internal.own_entry',
		'commission_internal.own_sale',
		'commission_internal.own_statement_line',
		'commission_portal.announced_terms',
		'commission_portal.balance',
		'commission_portal.commission_detail',
		'commission_portal.daily_earnings',
		'commission_portal.earnings',
		'commission_portal.funnel',
		'commission_portal.material',
		'commission_portal.payout_address',
		'commission_portal.recent_commission',
		'commission_portal.recent_order',
		'commission_portal.referral_earnings',
		'commission_portal.run_detail',
		'commission_portal.terms',
		'commission_portal.withdrawal'], ARRAY[
		'commission.mask',
		'commission_internal.account_keys',
		'commission_internal.announced_to_viewer',
		'commission_internal.applied_ratio',
		'commission_internal.credits',
		'commission_internal.day_start',
		'commission_internal.explain_to_viewer',
		'commission_internal.held_since',
		'commission_internal.identifier_key',
		'commission_internal.identifier_name',
		'commission_internal.is_same_account',
		'commission_internal.outer_role',
		'commission_internal.own_run_events',
		'commission_internal.own_sale_events',
		'commission_internal.portal_setting',
		'commission_internal.ranges',
		'commission_internal.ratio',
		'commission_internal.refund_state',
		'commission_internal.run_key_ids',
		'commission_internal.shown',
		'commission_internal.terms_to_viewer',
		'commission_portal.explain',
		'commission_portal.statement']);
	INSERT INTO commission.portal_role AS p (role, account_id)
	SELECT r.rolname, grant_portal_role.account_id
	FROM pg_roles AS r WHERE r.oid = role
	ON CONFLICT ON CONSTRAINT portal_role_pkey DO UPDATE
		SET role_id = excluded.role_id, account_id = excluded.account_id;
END $$;
COMMENT ON FUNCTION commission_internal.grant_portal_role(regrole, uuid) IS
	'grants a role schema commission_portal for an account, or for those that its transactions name (NULL), in place of what it had; 22004 for a NULL role, 42704 for a role that does not exist';

CREATE FUNCTION commission.grant_affiliate(role regrole, account text)
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN commission_internal.grant_portal_role(role,
	(commission_internal.locked_account(account)).account_id);
COMMENT ON FUNCTION commission.grant_affiliate(regrole, text) IS
	'lets a database role, and nobody who is merely a member of it, see the account''s own rows in schema commission_portal, and nothing else (R50); a role has one account, and a later grant_affiliate or grant_portal replaces it; a role that is renamed is to be granted again, DROP OWNED BY takes the grant back; 23503 for an account that does not exist, 22004 for NULL, 22023 for an empty or over-long account, 42704 for a role that does not exist';

CREATE FUNCTION commission.grant_portal(role regrole) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN commission_internal.grant_portal_role(role, NULL);
COMMENT ON FUNCTION commission.grant_portal(regrole) IS
	'lets the role of a server that may see every account see in schema commission_portal the rows of the one that its transaction names: SET LOCAL commission.portal_account (R50); no row while there is none; in place of an account that the role had by grant_affiliate; 22004 for NULL, 42704 for a role that does not exist';
/*
 * dump.sql: what pg_dump includes.  Unless a table is marked here, pg_dump
 * leaves out its rows, as those of any extension's table.
 */

SELECT pg_extension_config_dump('commission.account', '');
SELECT pg_extension_config_dump('commission.adjustment', '');
SELECT pg_extension_config_dump('commission.attempt', '');
SELECT pg_extension_config_dump('commission.change_batch', '');
SELECT pg_extension_config_dump('commission.consumer', '');
SELECT pg_extension_config_dump('commission.coupon', '');
SELECT pg_extension_config_dump('commission.customer_order', '');
SELECT pg_extension_config_dump('commission.deferred_change', '');
SELECT pg_extension_config_dump('commission.deferred_generation', '');
SELECT pg_extension_config_dump('commission.entry', '');
SELECT pg_extension_config_dump('commission.generation', '');
SELECT pg_extension_config_dump('commission.group_change', '');
SELECT pg_extension_config_dump('commission.hold_change', '');
SELECT pg_extension_config_dump('commission.late_accrual', '');
SELECT pg_extension_config_dump('commission.listing', '');
SELECT pg_extension_config_dump('commission.material', '');
SELECT pg_extension_config_dump('commission.model_price', '');
SELECT pg_extension_config_dump('commission.moved_buyer', '');
SELECT pg_extension_config_dump('commission.payout_batch', '');
SELECT pg_extension_config_dump('commission.payout_change', '');
SELECT pg_extension_config_dump('commission.portal_role', '');
SELECT pg_extension_config_dump('commission.referral', '');
SELECT pg_extension_config_dump('commission.referral_change', '');
SELECT pg_extension_config_dump('commission.reversal', '');
SELECT pg_extension_config_dump('commission.withdrawal', '');
SELECT pg_extension_config_dump('commission.withdrawal_transition', '');
SELECT pg_extension_config_dump('commission.rolled', '');
SELECT pg_extension_config_dump('commission.rolled_day', '');
SELECT pg_extension_config_dump('commission.rolled_hour', '');
SELECT pg_extension_config_dump('commission.rolled_kind', '');
SELECT pg_extension_config_dump('commission.rolled_referred', '');
SELECT pg_extension_config_dump('commission.seal_block', '');
SELECT pg_extension_config_dump('commission.terms_version', '');
SELECT pg_extension_config_dump('commission.tier_version', '');
SELECT pg_extension_config_dump('commission.touch', '');
SELECT pg_extension_config_dump('commission.touch_count', '');
SELECT pg_extension_config_dump('commission.unreferred_leg', '');

/*
 * The sequence's state is dumped as a row of a table.  pg_dump reads the state
 * of a sequence that is marked here even if it dumps only the schema (-s),
 * which the application's role may not.  pg_dump appends the condition to
 * "SELECT ... FROM commission.event_id_state"; on restore the trigger sets the
 * sequence to the row and does not store it.
 */
CREATE TABLE commission.event_id_state (
	last_value bigint NOT NULL,
	is_called boolean NOT NULL
);
COMMENT ON TABLE commission.event_id_state IS
	'always empty; a dump has the state of commission.event_id_seq as its row';

CREATE FUNCTION commission_internal.restore_event_id() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM setval('commission.event_id_seq', NEW.last_value, NEW.is_called);
	RETURN NULL;
END $$;
COMMENT ON FUNCTION commission_internal.restore_event_id() IS
	'trigger of commission.event_id_state that sets commission.event_id_seq to the row instead of keeping it';

CREATE TRIGGER event_id_state_restore
	BEFORE INSERT ON commission.event_id_state
	FOR EACH ROW EXECUTE FUNCTION commission_internal.restore_event_id();
ALTER TABLE commission.event_id_state
	ENABLE ALWAYS TRIGGER event_id_state_restore;

SELECT pg_extension_config_dump('commission.event_id_state',
	'WHERE false UNION ALL SELECT s.last_value, s.is_called FROM commission.event_id_seq AS s');
/*
 * privileges.sql: nothing for PUBLIC, and what four kinds of roles are granted.
 * Who sees schema commission_portal is in src/portal/grant.sql.
 *
 * The functions in a view run as its reader, who is granted them, too.
 */

CREATE FUNCTION commission_internal.grant_objects(role regrole,
												  schemas text[],
												  views text[],
												  routines text[])
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	name text;
BEGIN
	IF role IS NULL THEN
		RAISE 'role must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	ELSIF NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.oid = role) THEN
		RAISE 'role with OID % does not exist', role::oid
			USING ERRCODE = 'undefined_object';
	END IF;
	FOREACH name IN ARRAY schemas LOOP
		EXECUTE format('GRANT USAGE ON SCHEMA %s TO %s', name, role);
	END LOOP;
	FOREACH name IN ARRAY views LOOP
		EXECUTE format('GRANT SELECT ON %s TO %s', name, role);
	END LOOP;
	FOREACH name IN ARRAY routines LOOP
		EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %s', name, role);
	END LOOP;
END $$;
COMMENT ON FUNCTION commission_internal.grant_objects(regrole, text[], text[], text[]) IS
	'grants a role the use of the named schemas, and the named views and routines; 22004 for NULL, 42704 for a role that does not exist';

CREATE FUNCTION commission_internal.grant_each(role regrole, views text[],
											   routines text[])
	RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN commission_internal.grant_objects(role, '{commission,commission_internal}',
	ARRAY(SELECT 'commission.' || v.name FROM unnest(views) AS v (name)), routines);
COMMENT ON FUNCTION commission_internal.grant_each(regrole, text[], text[]) IS
	'grants a role the named views of schema commission and the named routines; 22004 for NULL, 42704 for a role that does not exist';

CREATE FUNCTION commission_internal.view_routines() RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ARRAY[
		'commission_internal.account_keys',
		'commission_internal.applied_ratio',
		'commission_internal.credits',
		'commission_internal.fraud_signals',
		'commission_internal.generation_event',
		'commission_internal.generation_events',
		'commission_internal.held_since',
		'commission_internal.identifier_key',
		'commission_internal.identifier_name',
		'commission_internal.is_generation_of',
		'commission_internal.is_name_from',
		'commission_internal.is_name_of',
		'commission_internal.is_run_of',
		'commission_internal.is_same_account',
		'commission_internal.is_source_of',
		'commission_internal.minimum_payout',
		'commission_internal.node_event_ids',
		'commission_internal.ranges',
		'commission_internal.ratio',
		'commission_internal.reads_all',
		'commission_internal.refund_state',
		'commission_internal.resolved_terms',
		'commission_internal.run_events',
		'commission_internal.setting',
		'commission_internal.source_events'];
COMMENT ON FUNCTION commission_internal.view_routines() IS
	'the routines that the views of schema commission call, which run as their reader';

CREATE FUNCTION commission.grant_reader(role regrole) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN commission_internal.grant_each(role, ARRAY[
		'account_hold',
		'announced_terms',
		'attribution_attempt',
		'balance',
		'commission_detail',
		'consumer_status',
		'coupon_status',
		'daily_earnings',
		'deferred_sale',
		'earnings',
		'fraud_signal',
		'funnel',
		'group_history',
		'ledger',
		'monthly_subscription',
		'node_status',
		'payout_address_history',
		'payout_exclusion',
		'program_terms',
		'recent_commission',
		'recent_order',
		'referral_earnings',
		'referral_history',
		'run_detail',
		'seal_status',
		'terms_history',
		'withdrawal_history',
		'withdrawal_status'], ARRAY[
		'commission.account_id',
		'commission.audit',
		'commission.audit_unsealed',
		'commission.balance_at',
		'commission.catalogue_digest',
		'commission.dollars',
		'commission.explain',
		'commission.explain_order',
		'commission.legs(bigint, boolean, integer)',
		'commission.legs(bigint, boolean, integer, numeric, numeric, numeric)',
		'commission.legs(bigint, numeric[], numeric)',
		'commission.mask',
		'commission.net_margin',
		'commission.project_subscription',
		'commission.statement',
		'commission.surcharge',
		'commission.terms_of',
		'commission.verify_seals',
		'commission.what_if'] || commission_internal.view_routines());
COMMENT ON FUNCTION commission.grant_reader(regrole) IS
	'lets a role read the views and use the functions that only read; 22004 for NULL, 42704 for a role that does not exist';

CREATE FUNCTION commission.grant_writer(role regrole) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN commission_internal.grant_each(role, '{}', ARRAY[
		'commission.account_id',
		'commission_internal.accrue_generation',
		'commission_internal.accrue_order',
		'commission.attach',
		'commission.attach_accounts',
		'commission.attach_listings',
		'commission.attach_orders',
		'commission.attach_prices',
		'commission.attribute',
		'commission.backfill',
		'commission.detach',
		'commission_internal.follow_paid',
		'commission_internal.follow_paid_order',
		'commission_internal.mirror_accounts',
		'commission_internal.mirror_listings',
		'commission_internal.mirror_prices',
		'commission.materials_for',
		'commission.read_cref',
		'commission.record_generation',
		'commission.record_order',
		'commission.redeem_coupon',
		'commission.referral_link',
		'commission.register_account',
		'commission.sign_cref',
		'commission.touch']);
COMMENT ON FUNCTION commission.grant_writer(regrole) IS
	'lets a role record and attach sales and attribute accounts, and so decide what the ledger owes; 22004 for NULL, 42704 for a role that does not exist';

CREATE FUNCTION commission.grant_self_service(role regrole) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN commission_internal.grant_each(role, '{}', ARRAY[
		'commission.attribute',
		'commission.cancel_withdrawal',
		'commission.legs(bigint, boolean, integer)',
		'commission.legs(bigint, boolean, integer, numeric, numeric, numeric)',
		'commission.legs(bigint, numeric[], numeric)',
		'commission.materials_for',
		'commission.net_margin',
		'commission.project_subscription',
		'commission.redeem_coupon',
		'commission.referral_link',
		'commission.register_account',
		'commission.register_listing',
		'commission.request_withdrawal',
		'commission.set_payout',
		'commission.surcharge',
		'commission.touch']);
COMMENT ON FUNCTION commission.grant_self_service(regrole) IS
	'lets a role do what a storefront''s server does for its users: clicks, sign-ups, accounts and listings, payout addresses, requesting and cancelling withdrawals, links, materials and quotes; it neither approves nor pays a withdrawal, records no sale and sees no ledger. Which user may do what is for the server to say; 22004 for NULL, 42704 for a role that does not exist';

CREATE FUNCTION commission.grant_operator(role regrole) RETURNS void
	LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN commission_internal.grant_each(role, ARRAY[
		'account_hold',
		'announced_terms',
		'balance',
		'consumer_status',
		'coupon_status',
		'deferred_sale',
		'fraud_signal',
		'group_history',
		'node_status',
		'payout_address_history',
		'payout_exclusion',
		'payout_item',
		'seal_status',
		'terms_history',
		'withdrawal_history',
		'withdrawal_status'], ARRAY[
		'commission.account_id',
		'commission.acknowledge',
		'commission.accrue_deferred',
		'commission.adjust',
		'commission.announce_terms',
		'commission.apply_tiers',
		'commission.approve_withdrawal',
		'commission.cancel_payout_batch',
		'commission.cancel_withdrawal',
		'commission.catalogue_digest',
		'commission.close_account',
		'commission.end_coupon',
		'commission.end_referral',
		'commission.fail_withdrawal',
		'commission.hold_account',
		'commission.import_payout_result',
		'commission.mark_withdrawal_unknown',
		'commission.mask',
		'commission.move_referral',
		'commission.next_changes',
		'commission.open_payout_batch',
		'commission.pay_withdrawal',
		'commission.payout_batch_csv',
		'commission.payout_batch_json',
		'commission.purge_touches',
		'commission.refer',
		'commission.register_account',
		'commission.register_listing',
		'commission.reject_withdrawal',
		'commission.release_account',
		'commission.remove_from_batch',
		'commission.remove_material',
		'commission.reopen_account',
		'commission.request_withdrawal',
		'commission.reverse_generation',
		'commission.reverse_order',
		'commission.rollup',
		'commission.schedule_withdrawals',
		'commission.seal',
		'commission.set_coupon',
		'commission.set_group',
		'commission.set_group_terms',
		'commission.set_material',
		'commission.set_model_price',
		'commission.set_payout',
		'commission.set_terms',
		'commission.set_tiers',
		'commission.terms_of',
		'commission.verify_seals'] || commission_internal.view_routines());
COMMENT ON FUNCTION commission.grant_operator(regrole) IS
	'lets a role maintain the catalogue, refund sales and handle withdrawals; 22004 for NULL, 42704 for a role that does not exist';

/*
 * Functions are PUBLIC's to begin with, and ALTER DEFAULT PRIVILEGES may give
 * every object that the script creates to any role.  What is a member of the
 * extension since this transaction is new: an update leaves the rest as it
 * was granted.  (A subtransaction has a higher id than its transaction.)
 */
CREATE FUNCTION commission_internal.revoke_default_privileges() RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	held record;
BEGIN
	FOR held IN
		SELECT o.kind, o.name,
			CASE a.grantee WHEN 0 THEN 'PUBLIC'
				ELSE a.grantee::regrole::text
			END AS grantee
		FROM (
			SELECT 'pg_namespace'::regclass AS classid, n.oid, n.nspowner,
				'SCHEMA', n.oid::regnamespace::text, n.nspacl
			FROM pg_namespace AS n
			UNION ALL
			SELECT 'pg_class'::regclass, c.oid, c.relowner,
				CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
				c.oid::regclass::text, c.relacl
			FROM pg_class AS c
			UNION ALL
			SELECT 'pg_proc'::regclass, p.oid, p.proowner, 'ROUTINE',
				p.oid::regprocedure::text,
				coalesce(p.proacl, acldefault('f', p.proowner))
			FROM pg_proc AS p
			UNION ALL
			SELECT 'pg_type'::regclass, t.oid, t.typowner, 'TYPE',
				t.oid::regtype::text, t.typacl
			FROM pg_type AS t
		) AS o (classid, oid, owner, kind, name, acl)
		JOIN pg_depend AS d ON d.classid = o.classid AND d.objid = o.oid
			AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		JOIN pg_extension AS e ON e.oid = d.refobjid
			AND e.extname = 'commission'
		CROSS JOIN LATERAL aclexplode(o.acl) AS a
		WHERE a.grantee <> o.owner
			AND NOT (o.kind = 'TYPE' AND a.grantee = 0)
			AND age(d.xmin) <= age(pg_current_xact_id()::xid)
		GROUP BY 1, 2, 3
	LOOP
		EXECUTE format('REVOKE ALL ON %s %s FROM %s CASCADE',
			held.kind, held.name, held.grantee);
	END LOOP;
END $$;
COMMENT ON FUNCTION commission_internal.revoke_default_privileges() IS
	'revokes what anyone except the owner holds on objects that this transaction has added to the extension; the last step of the install script and of each update';

SELECT commission_internal.revoke_default_privileges();

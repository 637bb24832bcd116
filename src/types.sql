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

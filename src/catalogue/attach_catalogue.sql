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

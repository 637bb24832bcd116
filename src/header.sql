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

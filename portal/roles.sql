/*
 * roles.sql: what the portal connects as.  Run it as a superuser, in the
 * database that has the ledger, and let pg_hba.conf say how each logs in.
 *
 * An affiliate's role sees the views of commission_portal, where the account of
 * the transaction is, and may call what a storefront's server calls for its
 * users.  The operator's role belongs to the back office: leave it out where
 * the portal that the public reaches has no operator's pages.
 */
CREATE ROLE portal_affiliate LOGIN;
SELECT commission.grant_portal('portal_affiliate');
SELECT commission.grant_self_service('portal_affiliate');
ALTER ROLE portal_affiliate SET statement_timeout = '10s';
-- The views find the account anew each time that a plan is executed, so that one
-- plan fits all; to plan again takes as long as many a page takes to read.
ALTER ROLE portal_affiliate SET plan_cache_mode = force_generic_plan;

CREATE ROLE portal_operator LOGIN;
SELECT commission.grant_operator('portal_operator');
SELECT commission.grant_reader('portal_operator');
ALTER ROLE portal_operator SET statement_timeout = '15min';

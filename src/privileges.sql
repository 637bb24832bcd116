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

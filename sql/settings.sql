/*
 * settings.sql
 *		Who may set what, by which road, and who may see it.  What values are
 *		good is in test/pgtap/settings.sql.
 *
 * Error codes stand for messages that read differently from one major version
 * to the next.
 */
SET client_min_messages = warning;
CREATE ROLE regress_commission_reader;
GRANT USAGE ON SCHEMA commission, commission_internal TO regress_commission_reader;
GRANT EXECUTE ON FUNCTION commission.surcharge(bigint),
	commission.legs(bigint, boolean, integer) TO regress_commission_reader;
RESET client_min_messages;

-- the defaults
LOAD 'commission';
SHOW commission.brand_ratio;
SHOW commission.creator_ref_ratio;
SHOW commission.total_cap_ratio;
SHOW commission.brand_referral_window_days;
SHOW commission.attribution_window_days;
SHOW commission.platform_markup_ratio;
SHOW commission.minimum_pool;
SHOW commission.marketplace_only;
SHOW commission.first_order_ratio;
SHOW commission.renewal_ratio;
SHOW commission.upgrade_ratio;
SHOW commission.minimum_payout;
SHOW commission.hold_days;
SHOW commission.node_id;
SHOW commission.cref_secret;
SHOW commission.cref_secret_previous;

-- a bad value is refused when it is set, and the detail says what is allowed
SET commission.brand_ratio = '1.1';
SET commission.brand_ratio = -0.1;
SET commission.brand_ratio = '0.1234567';
SET commission.brand_ratio = 1e-1;
SET commission.brand_ratio = '';
SET commission.brand_ratio = 'abc';
SET commission.brand_ratio = ' 0.3';
SET commission.brand_ratio = 'NaN';
SET commission.platform_markup_ratio = 10.000001;
SET commission.node_id = 32768;
SET commission.minimum_pool = 0;
ALTER SYSTEM SET commission.brand_ratio = '30%';
ALTER ROLE regress_commission_reader SET commission.brand_ratio = '30%';
SHOW commission.brand_ratio;

-- so is a misspelt name
SET commission.brand_ration = 0.3;

-- a good value, with or without quotes, is shown as it was written
SET commission.brand_ratio = 0.25;
SHOW commission.brand_ratio;
SET commission.brand_ratio = '.5';
SHOW commission.brand_ratio;
SET commission.platform_markup_ratio = 10;
SELECT commission.surcharge(100);
RESET commission.platform_markup_ratio;
RESET commission.brand_ratio;

-- a transaction's own setting ends with the transaction
BEGIN;
SET LOCAL commission.brand_ratio = 0.10;
SET LOCAL commission.platform_markup_ratio = 0.29;
SELECT leg, ratio, amount FROM commission.legs(100);
SELECT commission.surcharge(100);
ROLLBACK;
SELECT leg, ratio, amount FROM commission.legs(100);
SELECT commission.surcharge(100);

-- a function's own setting ends with the function
CREATE FUNCTION pg_temp.at_ten_percent() RETURNS SETOF bigint
	LANGUAGE sql SET commission.brand_ratio = 0.10
	AS 'SELECT amount FROM commission.legs(100)';
SELECT * FROM pg_temp.at_ten_percent();
SELECT amount FROM commission.legs(100);

-- an ordinary role may read the terms and the arithmetic, and set nothing
SET ROLE regress_commission_reader;
SHOW commission.brand_ratio;
SELECT commission.surcharge(100);
SELECT count(*) >= 14 AS sees_settings,
	   count(*) FILTER (WHERE name LIKE '%secret%') AS sees_secrets
FROM pg_settings WHERE name LIKE 'commission.%';
\set VERBOSITY sqlstate
SET commission.brand_ratio = 1;
SET commission.platform_markup_ratio = 0;
SET commission.minimum_payout = 0;
SET commission.marketplace_only = off;
SET commission.cref_secret = 'mine';
SELECT set_config('commission.brand_ratio', '1', false);
ALTER ROLE CURRENT_USER SET commission.brand_ratio = 1;
ALTER SYSTEM SET commission.brand_ratio = 1;
CREATE FUNCTION pg_temp.at_all() RETURNS bigint LANGUAGE sql
	SET commission.brand_ratio = 1
	AS 'SELECT amount FROM commission.legs(100, true, 0)';
SELECT amount FROM commission.legs(100);

-- until it is granted the one setting
RESET ROLE;
GRANT SET ON PARAMETER commission.brand_ratio TO regress_commission_reader;
SET ROLE regress_commission_reader;
SET commission.brand_ratio = 0.35;
SELECT amount FROM commission.legs(100);
SET commission.brand_ratio = 1.5;
SET commission.creator_ref_ratio = 1;
RESET commission.brand_ratio;
RESET ROLE;
REVOKE SET ON PARAMETER commission.brand_ratio FROM regress_commission_reader;
SET ROLE regress_commission_reader;
SET commission.brand_ratio = 0.35;

-- the secrets are not for an ordinary role to see
RESET ROLE;
SET commission.cref_secret = 'a secret of more than thirty-two bytes';
SET commission.cref_secret_previous = 'another secret of more than that';
SHOW commission.cref_secret;
SET ROLE regress_commission_reader;
SHOW commission.cref_secret;
SHOW commission.cref_secret_previous;
SELECT current_setting('commission.cref_secret');
SELECT current_setting('commission.cref_secret_previous', true);
SELECT name FROM pg_settings WHERE setting LIKE '%secret of more%';
SHOW commission.brand_ratio;
RESET ROLE;
\set VERBOSITY default
RESET commission.cref_secret;
RESET commission.cref_secret_previous;

-- what a role set before the library was loaded does not outlive the loading
\c -
SET ROLE regress_commission_reader;
SET commission.brand_ratio = 1;
SET commission.brand_ration = 1;
SELECT amount FROM commission.legs(100);
SHOW commission.brand_ratio;
SHOW commission.brand_ration;
RESET ROLE;

-- nor does a bad value that a superuser set
\c -
SET commission.brand_ratio = 1.1;
LOAD 'commission';
SHOW commission.brand_ratio;
SELECT amount FROM commission.legs(100);

-- but a good one does
\c -
SET commission.brand_ratio = 0.15;
SELECT amount FROM commission.legs(100);

-- a database's setting reaches its new sessions
SELECT current_database() AS here \gset
ALTER DATABASE :"here" SET commission.brand_ratio = 0.45;
\c -
SELECT amount FROM commission.legs(100, true, 0);
SHOW commission.brand_ratio;
ALTER DATABASE :"here" RESET commission.brand_ratio;

-- a secret there, or with a role, could be read by everybody
ALTER DATABASE :"here" SET commission.cref_secret = 'a secret that everybody can read';
\c -
LOAD 'commission';
ALTER DATABASE :"here" RESET commission.cref_secret;
ALTER ROLE regress_commission_reader SET commission.cref_secret_previous = 'so is this';
ALTER ROLE regress_commission_reader RESET commission.cref_secret_previous;
ALTER ROLE regress_commission_reader SET commission.cref_secret = '';
ALTER ROLE regress_commission_reader RESET commission.cref_secret;
SELECT count(*) FROM pg_db_role_setting
WHERE array_to_string(setconfig, ' ') LIKE '%commission.%';
SET commission.cref_secret = 'without a warning, for it is not kept';
RESET commission.cref_secret;

/*
 * R15: a reload reaches a session that is under way.  It is seen between two
 * commands, so each of these waits a moment unless it has been seen.
 */
\c -
SELECT leg, ratio, amount FROM commission.legs(100);
ALTER SYSTEM SET commission.brand_ratio = 0.25;
ALTER SYSTEM SET commission.platform_markup_ratio = 0.5;
\set ECHO none
SELECT pg_reload_conf() \g /dev/null
SELECT $wait$DO $do$ BEGIN
	IF current_setting('commission.platform_markup_ratio') <> '0.5' THEN
		PERFORM pg_sleep(0.05);
	END IF;
END $do$ $wait$ FROM generate_series(1, 100) \gexec
\set ECHO all
SELECT leg, ratio, amount FROM commission.legs(100);
SELECT commission.surcharge(100);

-- and so does the way back
ALTER SYSTEM RESET commission.brand_ratio;
ALTER SYSTEM RESET commission.platform_markup_ratio;
\set ECHO none
SELECT pg_reload_conf() \g /dev/null
SELECT $wait$DO $do$ BEGIN
	IF current_setting('commission.platform_markup_ratio') <> '0.20' THEN
		PERFORM pg_sleep(0.05);
	END IF;
END $do$ $wait$ FROM generate_series(1, 100) \gexec
\set ECHO all
SELECT leg, ratio, amount FROM commission.legs(100);
SELECT commission.surcharge(100);

DROP OWNED BY regress_commission_reader;
DROP ROLE regress_commission_reader;

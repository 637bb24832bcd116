/*
 * dump.sql: what pg_dump is to carry; without this it leaves out the rows of
 * an extension's tables and the state of its sequences.
 */

SELECT pg_extension_config_dump('commission.account', '');
SELECT pg_extension_config_dump('commission.attempt', '');
SELECT pg_extension_config_dump('commission.customer_order', '');
SELECT pg_extension_config_dump('commission.entry', '');
SELECT pg_extension_config_dump('commission.event_id_seq', '');
SELECT pg_extension_config_dump('commission.generation', '');
SELECT pg_extension_config_dump('commission.listing', '');
SELECT pg_extension_config_dump('commission.material', '');
SELECT pg_extension_config_dump('commission.model_price', '');
SELECT pg_extension_config_dump('commission.payout_batch', '');
SELECT pg_extension_config_dump('commission.referral', '');
SELECT pg_extension_config_dump('commission.referral_change', '');
SELECT pg_extension_config_dump('commission.reversal', '');
SELECT pg_extension_config_dump('commission.withdrawal', '');
SELECT pg_extension_config_dump('commission.withdrawal_transition', '');
SELECT pg_extension_config_dump('commission.rolled', '');
SELECT pg_extension_config_dump('commission.rolled_day', '');
SELECT pg_extension_config_dump('commission.rolled_kind', '');
SELECT pg_extension_config_dump('commission.rolled_referred', '');
SELECT pg_extension_config_dump('commission.touch', '');

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

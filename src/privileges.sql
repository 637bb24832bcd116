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

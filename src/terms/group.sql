/*
 * group.sql: moving accounts into groups (R43).
 */

CREATE FUNCTION commission_internal.move_account(
	account_id uuid, to_group text, valid_from timestamptz, figure bigint,
	reason text)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
#variable_conflict use_variable
BEGIN
	INSERT INTO commission.group_change (change_id, valid_from, account_id, figure,
		by_tier, from_group, to_group, reason)
	SELECT commission_internal.draw_event_id(),
		greatest(valid_from, a.group_since), account_id, figure,
		figure IS NOT NULL, a.group_name, to_group, reason
	FROM commission.account AS a
	WHERE a.account_id = move_account.account_id;
	UPDATE commission.account AS a
	SET group_name = to_group, group_since = greatest(valid_from, a.group_since)
	WHERE a.account_id = move_account.account_id;
END $$;
COMMENT ON FUNCTION commission_internal.move_account(uuid, text, timestamptz, bigint, text) IS
	'moves an account into a group, or out of any for NULL, from a moment on, but never before its last move; figure: what was measured, NULL: it is placed by hand';

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
	PERFORM commission_internal.move_account(moved.account_id, group_name, now(),
											 NULL, reason);
END $$;
COMMENT ON FUNCTION commission.set_group(text, text, text) IS
	'moves an account into a group by hand, from now on: apply_tiers() leaves it there; NULL takes it out, and leaves it to the tiers again (R43). The group need not have terms yet. 22023 where the move lowers anything for the account and commission.notice_days is above 0 (R42): state what it has by set_terms(), move it, and let a version of set_terms() that states nothing begin after the notice; 22023 for an empty or over-long account or group or an over-long reason, 22004 for a NULL account, 25000 under REPEATABLE READ and SERIALIZABLE';

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

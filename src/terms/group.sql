/*
 * group.sql: moving accounts into groups (R43).
 */

CREATE FUNCTION commission_internal.move_accounts(
	account_ids uuid[], to_group text, valid_from timestamptz, figure bigint,
	reason text)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
#variable_conflict use_variable
BEGIN
	INSERT INTO commission.group_change (change_id, valid_from, account_id, figure,
		by_tier, from_group, to_group, reason)
	SELECT commission_internal.draw_event_id(),
		greatest(valid_from, a.group_since), a.account_id, figure,
		figure IS NOT NULL, a.group_name, to_group, reason
	FROM commission.account AS a
	WHERE a.account_id = ANY (account_ids);
	UPDATE commission.account AS a
	SET group_name = to_group, group_since = greatest(valid_from, a.group_since)
	WHERE a.account_id = ANY (account_ids);
END $$;
COMMENT ON FUNCTION commission_internal.move_accounts(uuid[], text, timestamptz, bigint, text) IS
	'moves accounts into a group, or out of any for NULL, from a moment on, but never before the last move of each; figure: what was measured, NULL: they are placed by hand';

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
	PERFORM commission_internal.move_accounts(ARRAY[moved.account_id], group_name,
											  now(), NULL, reason);
END $$;
COMMENT ON FUNCTION commission.set_group(text, text, text) IS
	'moves an account into a group by hand, from now on: apply_tiers() leaves it there; NULL takes it out, and leaves it to the tiers again (R43). The group need not have terms yet. 22023 where the move lowers anything for the account and commission.notice_days is above 0 (R42): state what it has by set_terms(), move it, and let a version of set_terms() that states nothing begin after the notice; 22023 for an empty or over-long account or group or an over-long reason, 22004 for a NULL account, 25000 under REPEATABLE READ and SERIALIZABLE';

/*
 * An account that was placed by hand is where the rows say unless they say
 * otherwise; what tiers say counts for nothing, and is left alone for NULL.
 */
CREATE FUNCTION commission_internal.group_moves(names text[], groups text[])
	RETURNS TABLE (account_id uuid, from_group text, to_group text,
				   registered_at timestamptz)
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT g.account_id, a.group_name, g.group_name, a.registered_at
	FROM (
		SELECT DISTINCT ON (r.name) commission.account_id(r.name) AS account_id,
			CASE WHEN r.group_name IS NOT NULL THEN commission_internal.identifier(
				r.group_name, format('group_name of account "%s"', r.name))
				END AS group_name
		FROM unnest(names, groups) WITH ORDINALITY AS r (name, group_name, n)
		ORDER BY r.name, r.n DESC) AS g
	LEFT JOIN commission.account AS a ON a.account_id = g.account_id
	WHERE g.group_name IS DISTINCT FROM CASE WHEN a.group_name IS NOT NULL
		AND commission_internal.is_placed_by_hand(a.account_id) THEN a.group_name END
	ORDER BY g.account_id;
END;
COMMENT ON FUNCTION commission_internal.group_moves(text[], text[]) IS
	'the accounts, by the names that identifier() gives, that must be moved so that each is in the group that it is given by hand, or for NULL in none by hand, where tiers may have it in one; registered_at is NULL of an account that does not exist; the last of two rows that name one account counts; 22023 for an empty or over-long group';

/*
 * Most rows move nobody, and take no lock.  The locks come in the order of
 * set_group().
 */
CREATE FUNCTION commission_internal.take_groups(names text[], groups text[],
												relation text)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
DECLARE
	moved record;
BEGIN
	IF NOT EXISTS (SELECT FROM commission_internal.group_moves(names, groups)) THEN
		RETURN;
	END IF;
	PERFORM commission_internal.know_accounts(VARIADIC names);
	PERFORM commission_internal.lock_terms();
	PERFORM commission_internal.check_notice(m.account_id, m.from_group, m.to_group,
											 now())
	FROM commission_internal.group_moves(names, groups) AS m
	WHERE m.registered_at < now();
	FOR moved IN
		SELECT m.to_group, array_agg(m.account_id) AS account_ids
		FROM commission_internal.group_moves(names, groups) AS m
		GROUP BY m.to_group
	LOOP
		PERFORM commission_internal.move_accounts(moved.account_ids, moved.to_group,
			now(), NULL, format('row of "%s"', relation));
	END LOOP;
END $$;
COMMENT ON FUNCTION commission_internal.take_groups(text[], text[], text) IS
	'places accounts in groups by hand, as the rows of an application''s table say, from now on; an account that this transaction creates has nothing to lose (R42); errors as set_group';

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

/*
 * account.sql: accounts.
 *
 * A sale reads commission.account by the C of resolve.c, by index, and locks
 * nothing in it.  Whatever else changes who an account is or who referred it
 * takes locks in one order, so that the roads of a sign-up wait for one
 * another and never deadlock: accounts are created, in the order of their
 * keys; then the account's row is locked; then commission.referral changes.
 *
 * The functions that applications call run as the extension's owner with a
 * search_path of their own, and those of commission_internal within them.  A
 * kept plan outlives the size of the tables that it was made for, so it is
 * made without sequential scans: one statement may fill a table.
 */

CREATE TABLE commission.account (
	account_id uuid NOT NULL,
	registered_at timestamptz NOT NULL DEFAULT now(),
	closed_at timestamptz,
	group_since timestamptz,
	has_terms boolean NOT NULL DEFAULT false,
	name text COLLATE "C" NOT NULL,
	label text,
	group_name text COLLATE "C",
	CONSTRAINT account_pkey PRIMARY KEY (account_id),
	CONSTRAINT account_name_key UNIQUE (name)
);
COMMENT ON TABLE commission.account IS
	'buyers, owners, co-authors and referrers, each created when first named in the catalogue';
COMMENT ON COLUMN commission.account.account_id IS
	'commission.account_id(name)';
COMMENT ON COLUMN commission.account.closed_at IS
	'NULL: active. A closed account earns no leg and brings none (R10, R14)';
COMMENT ON COLUMN commission.account.group_since IS
	'when it came into its group, or was taken out of one: the last of its changes in commission.group_change; NULL: it never was in a group';
COMMENT ON COLUMN commission.account.has_terms IS
	'it has versions of its own in commission.terms_version';
COMMENT ON COLUMN commission.account.group_name IS
	'the group that it is in (R43); NULL: none';
COMMENT ON COLUMN commission.account.name IS
	'the application''s identifier; kept for all, so that a predicate on it finds an index';
COMMENT ON COLUMN commission.account.label IS
	'e-mail address or name of at most 1024 bytes, shown masked (R34)';

CREATE INDEX account_special_idx ON commission.account (account_id)
	WHERE closed_at IS NOT NULL OR has_terms OR group_since IS NOT NULL;
COMMENT ON INDEX commission.account_special_idx IS
	'the accounts that are out of the ordinary, few of many: closed, with terms of their own, or in a group. What every sale asks for';
CREATE INDEX account_group_idx ON commission.account (group_name)
	WHERE group_name IS NOT NULL;

/*
 * An account has two unique keys, and both are inserted by whoever races:
 * ON CONFLICT without a target waits for either.
 */
CREATE FUNCTION commission_internal.know_account(
	name text, label text DEFAULT NULL, registered_at timestamptz DEFAULT now())
	RETURNS uuid
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
DECLARE
	id CONSTANT uuid := commission.account_id(name);
BEGIN
	INSERT INTO commission.account (account_id, registered_at, name, label)
	VALUES (id, registered_at, name, commission_internal.bounded(label, 'label'))
	ON CONFLICT DO NOTHING;
	IF NOT FOUND AND label IS NOT NULL THEN
		UPDATE commission.account AS a SET label = know_account.label
		WHERE a.account_id = id AND a.label IS DISTINCT FROM know_account.label;
	END IF;
	RETURN id;
END $$;
COMMENT ON FUNCTION commission_internal.know_account(text, text, timestamptz) IS
	'the key of an account by the name that identifier() gives, which is created unless it exists; a label that is not NULL replaces the former, 22023 for one of more than 1024 bytes';

CREATE FUNCTION commission_internal.know_accounts(VARIADIC names text[])
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	INSERT INTO commission.account (account_id, name)
	SELECT commission.account_id(n.name), n.name FROM unnest(names) AS n (name)
	ORDER BY 1
	ON CONFLICT DO NOTHING;
END $$;
COMMENT ON FUNCTION commission_internal.know_accounts(text[]) IS
	'creates the accounts of these names, as identifier() gives them, that do not exist: in the order of their keys, so that two transactions that name the same accounts cannot deadlock';

/*
 * The last of two rows that name one account counts.  An account that exists
 * is written to only where something changes.
 */
CREATE FUNCTION commission_internal.take_accounts(
	names text[], labels text[], closed boolean[], groups text[],
	keep_labels boolean, grouped_by text)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	IF grouped_by IS NOT NULL THEN
		PERFORM commission_internal.take_groups(names, groups, grouped_by);
	END IF;
	WITH given AS MATERIALIZED (
		SELECT DISTINCT ON (g.name) commission.account_id(g.name) AS account_id,
			g.name, g.closed,
			commission_internal.bounded(g.label, format('label of account "%s"', g.name))
				AS label
		FROM unnest(names, labels, closed) WITH ORDINALITY AS g (name, label, closed, n)
		ORDER BY g.name, g.n DESC
	), added AS (
		INSERT INTO commission.account (account_id, name, label, closed_at)
		SELECT g.account_id, g.name, g.label, CASE WHEN g.closed THEN now() END
		FROM given AS g
		ORDER BY g.account_id
		ON CONFLICT DO NOTHING
	)
	UPDATE commission.account AS a
	SET label = CASE WHEN keep_labels THEN a.label ELSE g.label END,
		closed_at = CASE g.closed WHEN true THEN coalesce(a.closed_at, now())
			WHEN false THEN NULL ELSE a.closed_at END
	FROM given AS g
	WHERE a.account_id = g.account_id
		AND (NOT keep_labels AND a.label IS DISTINCT FROM g.label
			 OR g.closed <> (a.closed_at IS NOT NULL));
END $$;
COMMENT ON FUNCTION commission_internal.take_accounts(text[], text[], boolean[], text[], boolean, text) IS
	'registers accounts by the names that identifier() gives, with labels, NULL too unless they are kept, and closes or reopens each where closed is not NULL; grouped_by: the table whose rows say the groups (take_groups), NULL: these stay; 22023 for a label of more than 1024 bytes';

CREATE FUNCTION commission.register_account(account text,
											label text DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	PERFORM commission_internal.know_account(
		commission_internal.identifier(account, 'account'), label);
END $$;
COMMENT ON FUNCTION commission.register_account(text, text) IS
	'registers an account unless it exists; a label (an e-mail address or name, shown masked) replaces the former one, NULL leaves it; a closed account stays closed; 22004 for a NULL account, 22023 for an empty account or for an account or label of more than 1024 bytes';

CREATE FUNCTION commission.close_account(account text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	id CONSTANT uuid := commission_internal.know_account(
		commission_internal.identifier(account, 'account'));
BEGIN
	UPDATE commission.account AS a SET closed_at = now()
	WHERE a.account_id = id AND a.closed_at IS NULL;
END $$;
COMMENT ON FUNCTION commission.close_account(text) IS
	'closes an account: from now on it earns no leg, and what it buys and orders brings none to its referrer; pool shares stay owed (R10, R14, R30); an account that does not exist is created closed; 22004, 22023 as register_account';

CREATE FUNCTION commission.reopen_account(account text) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
	id CONSTANT uuid := commission_internal.know_account(
		commission_internal.identifier(account, 'account'));
BEGIN
	UPDATE commission.account AS a SET closed_at = NULL
	WHERE a.account_id = id AND a.closed_at IS NOT NULL;
END $$;
COMMENT ON FUNCTION commission.reopen_account(text) IS
	'undoes close_account for sales from now on; 22004, 22023 as register_account';

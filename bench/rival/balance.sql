/*
 * balance.sql: the row trigger, and besides it a balance row for each account
 * that every sale updates, in the accounts' order so that two sales cannot
 * lock them crosswise.
 */
\ir row.sql

CREATE TABLE rival.balance (
	account_id uuid PRIMARY KEY,
	balance bigint NOT NULL
) WITH (fillfactor = 50);
INSERT INTO rival.balance SELECT account_id, 0 FROM rival.account;
VACUUM ANALYZE rival.balance;

CREATE FUNCTION rival.add_to_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO rival.balance AS b (account_id, balance)
		SELECT account_id, sum(amount) FROM new_entry
		GROUP BY account_id ORDER BY account_id
		ON CONFLICT (account_id)
			DO UPDATE SET balance = b.balance + excluded.balance;
	RETURN NULL;
END;
$$;
CREATE TRIGGER add_to_balance AFTER INSERT ON rival.entry
	REFERENCING NEW TABLE AS new_entry
	FOR EACH STATEMENT EXECUTE FUNCTION rival.add_to_balance();

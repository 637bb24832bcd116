/*
 * balance_at.sql
 *		Balances and statements of the past (R22), against sums over the
 *		ledger, for a random history with refunds and withdrawals.
 */
BEGIN;
SELECT plan(17);
SELECT setseed(0.22);
SET LOCAL commission.minimum_payout = 0;
SET LOCAL timezone = 'Asia/Kathmandu';

SELECT commission.refer('brand', 'maria', 'brand', '2024-01-01 00:00+00'),
	commission.register_listing('portrait', 'pia', 'avatar', 100);
SELECT count(commission.record_generation('sale ' || n, 'brand', 'portrait',
	model_price => 1 + (random() * 5000)::bigint, api_cost => 0,
	occurred_at => '2024-03-01 00:00+00'::timestamptz
		+ make_interval(mins => (random() * 6000)::integer)))
FROM generate_series(1, 300) AS n;
SELECT count(commission.reverse_generation('sale ' || n, 1 + (random() * 50)::bigint))
FROM generate_series(1, 300, 3) AS n;
SELECT commission.cancel_withdrawal(commission.request_withdrawal('maria', 77, 'bank')),
	commission.request_withdrawal('maria', 99, 'bank') > 0;

CREATE FUNCTION pg_temp.summed(name text, below timestamptz) RETURNS bigint
	LANGUAGE sql AS $$
	SELECT coalesce(sum(amount), 0)::bigint FROM commission.ledger
	WHERE account = name AND occurred_at < below
$$;

CREATE TEMPORARY TABLE moment AS
	SELECT a.account, t.at FROM (VALUES ('maria'), ('pia'), ('brand')) AS a (account),
		(SELECT DISTINCT occurred_at FROM commission.ledger
		 UNION VALUES ('infinity'), ('-infinity'), (now() + interval '1 day')) AS t (at);
SELECT is((SELECT count(*) FROM moment WHERE commission.balance_at(account, at)
		   IS DISTINCT FROM CASE WHEN at = 'infinity'
			THEN (SELECT balance FROM commission.balance AS b WHERE b.account = moment.account)
			ELSE pg_temp.summed(account, at + interval '1 microsecond') END),
		  0::bigint, 'at every moment of the history, that moment included');

/* Every period of whole UTC days around the sales. */
CREATE TEMPORARY TABLE statement AS
	SELECT a.account, d.day AS since, d.day + n AS until, s.*
	FROM (VALUES ('maria'), ('pia')) AS a (account),
		(SELECT '2024-02-28'::date + i AS day FROM generate_series(0, 8) AS i) AS d,
		generate_series(0, 4) AS n,
		commission.statement(a.account, d.day, d.day + n) AS s;
SELECT is((SELECT count(*) FROM statement
		   WHERE what = 'opening balance' AND balance IS DISTINCT FROM
			pg_temp.summed(account, since::timestamp AT TIME ZONE 'UTC')),
		  0::bigint, 'the opening balance is that of the days before');
SELECT is((SELECT count(*) FROM statement
		   WHERE what = 'closing balance' AND balance IS DISTINCT FROM
			pg_temp.summed(account, (until + 1)::timestamp AT TIME ZONE 'UTC')),
		  0::bigint, 'the closing balance that of the last day''s end');
SELECT is((SELECT count(*) FROM statement WHERE what LIKE '% balance'), 180::bigint,
		  'each statement has both');
SELECT is_empty($$
	SELECT account, since, until FROM statement GROUP BY account, since, until
	HAVING sum(amount) <> max(balance) FILTER (WHERE what = 'closing balance')
		- max(balance) FILTER (WHERE what = 'opening balance')
$$, 'what lies between is the difference');
SELECT is((SELECT array_agg(s.balance) FROM commission.statement('maria', NULL, NULL) AS s
		   WHERE s.amount IS NOT NULL),
		  (SELECT array_agg(balance)
		   FROM (SELECT sum(amount) OVER (ORDER BY occurred_at, event_id, line)::bigint
					AS balance
				 FROM commission.ledger WHERE account = 'maria'
				 ORDER BY occurred_at, event_id, line) AS l),
		  'the running balance');
/* At the ends of the calendar. */
SELECT is((SELECT array_agg(balance ORDER BY what DESC)
		   FROM commission.statement('maria', since, until) WHERE what LIKE '% balance'),
		  ARRAY[CASE WHEN since >= '294276-12-31' THEN b.balance ELSE 0 END,
				CASE WHEN until <= '4714-11-25 BC' THEN 0 ELSE b.balance END]::bigint[],
		  format('from %s to %s', since, until))
FROM commission.balance AS b,
	(VALUES ('4714-11-24 BC'::date, '4714-11-24 BC'::date), ('4714-11-24 BC', '5874897-12-31'),
	 ('-infinity', 'infinity'), ('-infinity', '294276-12-30'), ('-infinity', '294276-12-31'),
	 ('294276-12-31', '294276-12-31'), ('294277-01-01', '5874897-12-31'),
	 ('5874897-12-31', 'infinity'), ('infinity', 'infinity'),
	 ('-infinity', '4714-11-24 BC')) AS period (since, until)
WHERE b.account = 'maria';

SELECT is_empty('SELECT * FROM commission.audit()', 'the books agree');

SELECT * FROM finish();
ROLLBACK;

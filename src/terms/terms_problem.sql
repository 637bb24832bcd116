/*
 * terms_problem.sql: the terms that sales keep, and the groups of accounts (for
 * audit()).
 */

CREATE VIEW commission_internal.terms_problem AS
	SELECT 'ratio is not that of its terms' AS problem, k.event_id,
		format('leg %s has %s by version %s', k.leg, k.value, k.version) AS detail
	FROM (
		SELECT s.sale_event_id AS event_id, s.leg::text AS leg, s.occurred_at,
			s.terms AS version, coalesce(s.flat_amount, s.ratio_ppm) AS value
		FROM commission_internal.sale_leg AS s
		UNION ALL
		SELECT g.event_id, 'cap', g.occurred_at, g.cap_terms, g.total_cap_ratio_ppm
		FROM commission.generation AS g
		UNION ALL
		SELECT l.event_id, l.leg::text, s.occurred_at, l.terms,
			coalesce(l.flat_amount, l.ratio_ppm)
		FROM commission.late_accrual AS l
		CROSS JOIN LATERAL (
			SELECT s.occurred_at FROM commission_internal.sale_leg AS s
			WHERE s.sale_event_id = l.sale_event_id AND s.leg = l.leg LIMIT 1) AS s) AS k
	WHERE k.version IS NOT NULL
		AND NOT EXISTS (SELECT FROM commission_internal.stated_term AS t
						WHERE t.version = k.version AND t.value = k.value
							AND t.valid_from <= k.occurred_at)
	UNION ALL
	SELECT 'account differs from its terms', NULL,
		format('account %s: has_terms is %s', a.account_id, a.has_terms)
	FROM commission.account AS a
	WHERE a.has_terms <> EXISTS (SELECT FROM commission.terms_version AS v
								 WHERE v.scope = 'a' AND v.subject_id = a.account_id)
	UNION ALL
	SELECT 'group differs from its changes', NULL,
		format('account %s is in group %L since %s; the last change has group %L since %s',
			   account_id, a.group_name, a.group_since, c.to_group, c.valid_from)
	FROM (SELECT a.account_id, a.group_name, a.group_since
		  FROM commission.account AS a
		  WHERE a.group_since IS NOT NULL OR a.group_name IS NOT NULL) AS a
	FULL JOIN (
		SELECT DISTINCT ON (c.account_id) c.account_id, c.to_group, c.valid_from
		FROM commission.group_change AS c
		ORDER BY c.account_id, c.valid_from DESC, c.change_id DESC) AS c
		USING (account_id)
	WHERE (a.group_name, a.group_since) IS DISTINCT FROM (c.to_group, c.valid_from);
COMMENT ON VIEW commission_internal.terms_problem IS
	'sales that keep another ratio than the version of terms states that they name, or one that had not begun (R40), and accounts that are not as their terms and moves say';

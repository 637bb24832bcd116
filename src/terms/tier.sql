/*
 * tier.sql: groups that follow from what an account has brought (R43).
 *
 * No sale sums anything: whoever calls apply_tiers(), a scheduler as a rule,
 * does.
 */

CREATE TABLE commission.tier_version (
	version bigint NOT NULL,
	set_at timestamptz NOT NULL DEFAULT now(),
	days integer NOT NULL,
	measure text NOT NULL,
	set_by text NOT NULL DEFAULT session_user,
	group_names text[] NOT NULL,
	figures bigint[] NOT NULL,
	CONSTRAINT tier_version_pkey PRIMARY KEY (version),
	CONSTRAINT tier_version_measure_check CHECK (
		measure IN ('commission', 'net_margin', 'active_customers'))
);
COMMENT ON TABLE commission.tier_version IS
	'each setting of the tiers; the last is in force (R43)';
COMMENT ON COLUMN commission.tier_version.version IS
	'drawn like an event id';
COMMENT ON COLUMN commission.tier_version.days IS
	'the days that are measured: UTC days, the current one included';
COMMENT ON COLUMN commission.tier_version.figures IS
	'from how much on an account is in the group of the same position, ascending: credits, or customers';

CREATE FUNCTION commission.set_tiers(tiers jsonb, measure text, days integer)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	PERFORM commission_internal.required(tiers, 'tiers');
	IF commission_internal.required(measure, 'measure')
		NOT IN ('commission', 'net_margin', 'active_customers')
	THEN
		RAISE 'invalid measure of tiers: "%"', measure
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'The measures are commission, net_margin and active_customers.';
	END IF;
	PERFORM commission_internal.check_term(
		commission_internal.required(days, 'days'), 1, 36525, 'days');
	IF jsonb_typeof(tiers) <> 'array' OR EXISTS (
		SELECT FROM jsonb_array_elements(tiers) AS t (tier)
		WHERE (jsonb_typeof(t.tier->'group') = 'string' AND t.tier->>'group' <> ''
			   AND octet_length(t.tier->>'group') <= 1024
			   AND jsonb_typeof(t.tier->'from') = 'number'
			   AND t.tier->>'from' ~ '^[0-9]{1,18}$') IS NOT TRUE)
		OR (SELECT count(DISTINCT t.tier->>'group') < count(*)
				OR count(DISTINCT t.tier->>'from') < count(*)
			FROM jsonb_array_elements(tiers) AS t (tier))
	THEN
		RAISE 'invalid tiers'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'Tiers are a JSON array of objects with a "group" and, in "from", the whole number from which on an account is in it, none of them twice.',
				HINT = 'For example: [{"group": "silver", "from": 10000}, {"group": "gold", "from": 100000}].';
	END IF;
	INSERT INTO commission.tier_version (version, days, measure, group_names, figures)
	SELECT commission_internal.draw_event_id(), days, measure,
		coalesce(array_agg(t.tier->>'group' ORDER BY (t.tier->>'from')::bigint), '{}'),
		coalesce(array_agg((t.tier->>'from')::bigint ORDER BY (t.tier->>'from')::bigint), '{}')
	FROM jsonb_array_elements(tiers) AS t (tier);
END $$;
COMMENT ON FUNCTION commission.set_tiers(jsonb, text, integer) IS
	'sets the tiers that apply_tiers() moves accounts by: a group for each figure from which on an account is in it, measured over so many UTC days, the current one included: commission (credits of legs and subscriptions, net of refunds), net_margin (credits, of the generations that paid the account, net of refunds) or active_customers (accounts whose purchases or orders earned it anything); an empty array: no tiers, so that whoever came into a group by one leaves it; 22023 for anything else, 22004 for NULL';

CREATE FUNCTION commission_internal.tier_figures(measure text, first_day date,
												 last_day date)
	RETURNS TABLE (account_id uuid, figure bigint)
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
#variable_conflict use_column
DECLARE
	since CONSTANT timestamptz := commission_internal.day_start(first_day);
	until CONSTANT timestamptz := commission_internal.day_start(last_day, 1);
BEGIN
	IF measure = 'commission' THEN
		RETURN QUERY
		SELECT p.account_id, commission_internal.credits(sum(p.amount))
		FROM commission_internal.day_sums AS p
		WHERE p.day BETWEEN first_day AND last_day
			AND p.counts_as NOT IN ('pool', 'withdrawal', 'adjustment')
		GROUP BY p.account_id;
	ELSIF measure = 'net_margin' THEN
		RETURN QUERY
		SELECT l.account_id, commission_internal.credits(sum(
			div(f.net_margin * (f.buyer_total - r.refunded), f.buyer_total)))
		FROM commission_internal.generation_fact AS f
		CROSS JOIN LATERAL (
			SELECT coalesce(sum(r.refunded), 0) AS refunded
			FROM commission.reversal AS r
			WHERE r.reversed_event_id = f.event_id) AS r
		CROSS JOIN LATERAL (
			SELECT DISTINCT e.account_id
			FROM commission_internal.sale_entry AS e
			WHERE e.sale_event_id = f.event_id AND e.kind IN ('brand', 'creator')) AS l
		WHERE f.occurred_at >= since AND f.occurred_at < until
			AND f.buyer_total > 0
		GROUP BY l.account_id;
	ELSE
		RETURN QUERY
		SELECT c.account_id, count(*)
		FROM (SELECT e.account_id
			  FROM commission.entry AS e
			  WHERE e.occurred_at >= since AND e.occurred_at < until
				AND e.counts_as IN ('brand', 'first_order', 'renewal', 'upgrade')
			  GROUP BY e.account_id, e.from_account_id
			  HAVING sum(e.amount) > 0) AS c
		GROUP BY c.account_id;
	END IF;
END $$;
COMMENT ON FUNCTION commission_internal.tier_figures(text, date, date) IS
	'what set_tiers() measures, of each account that has any, over UTC days, both included';

CREATE FUNCTION commission.apply_tiers(at timestamptz DEFAULT now())
	RETURNS TABLE (account text, from_group text, to_group text, figure bigint)
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
DECLARE
	tiers commission.tier_version;
	today date;
	moved record;
BEGIN
	at := commission_internal.finite(at, 'at');
	today := (at AT TIME ZONE INTERVAL '0')::date;
	PERFORM commission_internal.lock_terms();
	SELECT t.* INTO tiers FROM commission.tier_version AS t
	ORDER BY t.version DESC LIMIT 1;
	FOR moved IN
		SELECT a.account_id, a.name, a.group_name, f.figure, t.group_name AS tier
		FROM commission.account AS a
		LEFT JOIN commission_internal.tier_figures(tiers.measure,
				today - tiers.days + 1, today) AS m ON m.account_id = a.account_id
		CROSS JOIN LATERAL (SELECT coalesce(m.figure, 0) AS figure) AS f
		LEFT JOIN LATERAL (
			SELECT t.group_name
			FROM unnest(tiers.group_names, tiers.figures) AS t (group_name, figure)
			WHERE t.figure <= f.figure
			ORDER BY t.figure DESC LIMIT 1) AS t
			ON m.account_id IS NOT NULL OR a.group_name IS NOT NULL
		WHERE tiers.version IS NOT NULL
			AND a.group_name IS DISTINCT FROM t.group_name
			AND coalesce(a.group_since <= at, true)
			AND NOT commission_internal.is_placed_by_hand(a.account_id)
		ORDER BY a.name
	LOOP
		PERFORM commission_internal.move_accounts(ARRAY[moved.account_id], moved.tier, at,
			moved.figure, format('%s of %s days', tiers.measure, tiers.days));
		account := moved.name;
		from_group := moved.group_name;
		to_group := moved.tier;
		figure := moved.figure;
		RETURN NEXT;
	END LOOP;
END $$;
COMMENT ON FUNCTION commission.apply_tiers(timestamptz) IS
	'moves each account into the group that its figure of the days up to a moment gives it by the tiers (set_tiers), up or down, or out of any, for sales from that moment on, and returns the moves with the figure that caused each, which group_history keeps (R43). A further call changes nothing. An account that was placed by hand stays, and so does one that was moved after that moment. Moves by tiers are bound by no notice: what they take was said beforehand. 22008 for an infinite time, 25000 under REPEATABLE READ and SERIALIZABLE';

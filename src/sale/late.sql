/*
 * late.sql: what a sign-up that is completed late earns the referrer (R37).
 *
 * A late leg is an event of its own, since nothing is ever added to an event
 * that may be in a rolled-up sum.  It points to its sale, and its entries are
 * what they would be had it been paid in time: the leg at the time of the
 * sale and, for each refund that was there before it, what that refund would
 * have taken, at the time of the refund.  A later refund of the sale takes
 * from late legs as from the others.
 */

/*
 * Each leg by itself, in a branch of its own: what is asked of its status is a
 * filter on the generation, and reads no more of it.
 */
CREATE VIEW commission_internal.sale_leg AS
	SELECT f.event_id AS sale_event_id, 'b'::"char" AS leg, f.brand_leg AS status,
		'brand'::commission.referral_role AS role, 'brand'::commission.entry_kind AS kind,
		f.buyer_id AS account_id, f.buyer_id, f.occurred_at, f.net_margin AS base,
		f.buyer_total, f.brand_ratio_ppm AS ratio_ppm, f.brand_terms AS terms,
		NULL::bigint AS flat_amount, f.total_cap_ratio_ppm AS cap_ppm, f.in_time_ppm
	FROM commission_internal.generation_fact AS f
	UNION ALL
	SELECT f.event_id, 'a', f.avatar_leg, 'creator', 'creator',
		coalesce(v.owner_id, f.buyer_id), f.buyer_id,
		f.occurred_at, f.net_margin, f.buyer_total, f.avatar_ratio_ppm,
		f.avatar_terms, NULL, f.total_cap_ratio_ppm, f.in_time_ppm
	FROM commission_internal.generation_fact AS f
	LEFT JOIN commission.listing AS v ON v.version = f.avatar_version
	UNION ALL
	SELECT f.event_id, 'r', f.reference_leg, 'creator', 'creator',
		coalesce(v.owner_id, f.buyer_id), f.buyer_id,
		f.occurred_at, f.net_margin, f.buyer_total, f.reference_ratio_ppm,
		f.reference_terms, NULL, f.total_cap_ratio_ppm, f.in_time_ppm
	FROM commission_internal.generation_fact AS f
	LEFT JOIN commission.listing AS v ON v.version = f.reference_version
	UNION ALL
	SELECT o.event_id, 'o', o.leg, 'brand', o.kind::text::commission.entry_kind,
		o.customer_id, o.customer_id, o.occurred_at, o.amount, o.amount,
		o.ratio_ppm, o.terms, o.flat_amount, NULL, '{}'
	FROM commission.customer_order AS o;
COMMENT ON VIEW commission_internal.sale_leg IS
	'the legs of each generation and order: the letter of commission.unreferred_leg, whether it was paid in time (status), on whose activity (account_id), and what its amount depends on: base, the net margin or the order''s amount, in credits, the ratios, or the flat amount, and the version of the terms. Read it by sale_event_id';

CREATE FUNCTION commission_internal.leg_amount(base numeric, ratio_ppm integer,
											   ratios_ppm bigint,
											   cap_ppm integer)
	RETURNS numeric
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
	WHEN cap_ppm IS NULL THEN div(base * ratio_ppm + 500000, 1000000)
	WHEN ratios_ppm <= cap_ppm THEN div(base * ratio_ppm, 1000000)
	ELSE div(base * ratio_ppm * cap_ppm, ratios_ppm * 1000000::numeric)
END;
COMMENT ON FUNCTION commission_internal.leg_amount(numeric, integer, bigint, integer) IS
	'a leg in credits: of a generation rounded down and scaled to the cap (R3, R12), of an order, which has no cap, rounded half up (R30)';

/*
 * Who has earned loses nothing: a late leg is what it would have been beside
 * those that were paid before it, but at most what they leave of the cap.
 */
CREATE FUNCTION commission_internal.late_amounts(base numeric, cap_ppm integer,
												 in_time_ppm integer[],
												 late_ppm integer[])
	RETURNS numeric[]
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	sum_ppm bigint := (SELECT coalesce(sum(r.ppm), 0) FROM unnest(in_time_ppm) AS r (ppm));
	remaining numeric := div(base * cap_ppm, 1000000);
	ratio_ppm integer;
	amount numeric;
	amounts numeric[] := '{}';
BEGIN
	FOREACH ratio_ppm IN ARRAY in_time_ppm LOOP
		remaining := remaining - commission_internal.leg_amount(base, ratio_ppm,
																sum_ppm, cap_ppm);
	END LOOP;
	FOREACH ratio_ppm IN ARRAY late_ppm LOOP
		sum_ppm := sum_ppm + ratio_ppm;
		amount := least(remaining, commission_internal.leg_amount(base, ratio_ppm,
																  sum_ppm, cap_ppm));
		remaining := remaining - amount;
		amounts := amounts || amount;
	END LOOP;
	RETURN amounts;
END $$;
COMMENT ON FUNCTION commission_internal.late_amounts(numeric, integer, integer[], integer[]) IS
	'what the late legs of a sale come to in credits, one after the other, beside those that were paid in time (R37); ratios in parts per million, a NULL cap for an order';

/*
 * The referrer's own terms are found as they were at the time of the sale; the
 * programme's are kept with the sale.  (What they say of renewals after an
 * upgrade stands before what the referrer's say of any renewal.)
 */
CREATE FUNCTION commission_internal.late_rate(
	referrer_id uuid, at timestamptz, kind commission.entry_kind, is_upgraded boolean,
	INOUT ratio_ppm integer, INOUT terms bigint, INOUT flat_amount bigint,
	OUT renewals bigint, OUT days bigint)
	LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
	own_ratio CONSTANT text :=
		CASE kind WHEN 'creator' THEN 'creator_ref' ELSE kind::text END || '_ratio';
	of_upgraded boolean := is_upgraded
		AND commission_internal.setting('upgraded_renewal_ratio') <> '';
	t record;
BEGIN
	FOR t IN
		SELECT s.* FROM commission_internal.terms_at(referrer_id,
			commission_internal.group_at(referrer_id, at), at) AS s
		ORDER BY s.term = 'upgraded_renewal_ratio' DESC
	LOOP
		CASE
			WHEN t.term = 'renewals' THEN renewals := t.value;
			WHEN t.term = 'days' THEN days := t.value;
			WHEN t.term = 'upgraded_renewal_ratio' AND is_upgraded THEN
				of_upgraded := true;
				IF t.scope <> 'p' THEN
					ratio_ppm := t.value;
					terms := t.version;
				END IF;
			WHEN t.scope = 'p' OR of_upgraded THEN NULL;
			WHEN t.term = 'first_order_amount' AND kind = 'first_order' THEN
				flat_amount := t.value;
				ratio_ppm := NULL;
				terms := t.version;
			WHEN t.term = own_ratio THEN
				ratio_ppm := t.value;
				flat_amount := NULL;
				terms := t.version;
			ELSE NULL;
		END CASE;
	END LOOP;
END $$;
COMMENT ON FUNCTION commission_internal.late_rate(uuid, timestamptz, commission.entry_kind, boolean, integer, bigint, bigint) IS
	'the ratio or flat amount of a late leg of a kind for a referrer, in place of those that are kept with the sale, and its terms'' version, the renewals and the days that pay (NULL: no limit), as they were at the time of the sale (R37, R40)';

CREATE VIEW commission_internal.late_due AS
	SELECT u.account_id, s.role, u.sale_event_id, u.leg, u.occurred_at,
		r.referrer_id, rate.ratio_ppm, rate.terms, rate.flat_amount,
		coalesce((SELECT sum(p.ppm) FROM unnest(s.in_time_ppm || late.late_ppm) AS p (ppm)),
				 0)::integer AS ratios_ppm,
		CASE WHEN rate.flat_amount IS NULL
			THEN (commission_internal.late_amounts(s.base, s.cap_ppm, s.in_time_ppm,
					late.late_ppm))[cardinality(late.late_ppm)]::bigint
			ELSE least(rate.flat_amount, s.base::bigint) END AS amount
	FROM commission.unreferred_leg AS u
	CROSS JOIN LATERAL (
		SELECT * FROM commission_internal.sale_leg AS s
		WHERE s.sale_event_id = u.sale_event_id AND s.leg = u.leg LIMIT 1) AS s
	JOIN commission.referral AS r
		ON r.account_id = u.account_id AND r.role = s.role
	CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE o.kind = 'upgrade') > 0 AS upgraded,
			count(*) FILTER (WHERE o.kind = 'renewal'
							 AND o.occurred_at >= r.attributed_at) AS renewals
		FROM commission.customer_order AS o
		WHERE s.kind = 'renewal' AND o.customer_id = u.account_id
			AND o.event_id < u.sale_event_id) AS before
	CROSS JOIN LATERAL commission_internal.late_rate(
		r.referrer_id, u.occurred_at, s.kind, before.upgraded,
		s.ratio_ppm, s.terms, s.flat_amount) AS rate
	CROSS JOIN LATERAL (
		SELECT ARRAY(
			SELECT l.ratio_ppm FROM commission.late_accrual AS l
			WHERE l.sale_event_id = u.sale_event_id
			ORDER BY l.event_id) || coalesce(rate.ratio_ppm, 0) AS late_ppm) AS late
	WHERE u.occurred_at >= r.attributed_at
		AND s.base > 0
		AND commission_internal.is_held_here(u.sale_event_id)
		AND NOT EXISTS (SELECT FROM commission.moved_buyer AS m
						WHERE m.account_id = s.buyer_id)
		AND (u.leg <> 'b' OR commission_internal.setting('brand_referral_window_days') = '0'
			 OR extract(epoch FROM u.occurred_at) - extract(epoch FROM r.attributed_at)
				<= 86400 * commission_internal.setting('brand_referral_window_days')::numeric)
		AND (u.leg <> 'o' OR rate.days IS NULL
			 OR extract(epoch FROM u.occurred_at) - extract(epoch FROM r.attributed_at)
				<= 86400 * rate.days)
		AND (s.kind <> 'renewal' OR rate.renewals IS NULL
			 OR before.renewals < rate.renewals)
		AND (s.role = 'brand' OR s.buyer_id NOT IN (u.account_id, r.referrer_id))
		AND NOT EXISTS (SELECT FROM commission.account AS a
						WHERE a.account_id = r.referrer_id AND a.closed_at IS NOT NULL)
		AND NOT EXISTS (SELECT FROM commission.late_accrual AS l
						WHERE l.sale_event_id = u.sale_event_id AND l.leg = u.leg);
COMMENT ON VIEW commission_internal.late_due IS
	'the unreferred legs that the referrals in force would pay if they were accrued now, in credits before refunds (R10 to R14, R37, R41)';

/*
 * What a sign-up that the hub was told of accrues on a node.  Most legs wait
 * for ever: the way is from the referrals that accrue the past to theirs.
 */
CREATE VIEW commission_internal.late_arrived AS
	SELECT d.account_id, d.role, count(*) AS legs
	FROM commission.referral AS r
	CROSS JOIN LATERAL (
		SELECT c.accrues_past FROM commission.referral_change AS c
		WHERE c.account_id = r.account_id AND c.role = r.role
		ORDER BY c.change_id DESC LIMIT 1) AS last
	JOIN commission_internal.late_due AS d
		ON d.account_id = r.account_id AND d.role = r.role
	WHERE last.accrues_past
	GROUP BY d.account_id, d.role;
COMMENT ON VIEW commission_internal.late_arrived IS
	'the accounts whose referral accrues the past, with how many legs are due by it';

CREATE VIEW commission_internal.late_owed AS
	SELECT l.event_id, e.amount::bigint AS amount, e.occurred_at,
		l.account_id, s.account_id AS from_account_id,
		CASE s.role WHEN 'creator' THEN s.buyer_id END AS buyer_id,
		e.kind, s.kind AS counts_as,
		CASE e.kind WHEN 'reversal' THEN NULL ELSE l.ratio_ppm END AS ratio_ppm,
		(row_number() OVER (PARTITION BY l.event_id ORDER BY e.position))::smallint
			AS line
	FROM commission.late_accrual AS l
	CROSS JOIN LATERAL (
		SELECT * FROM commission_internal.sale_leg AS s
		WHERE s.sale_event_id = l.sale_event_id AND s.leg = l.leg LIMIT 1) AS s
	CROSS JOIN LATERAL (
		SELECT 0::bigint AS position, l.amount::numeric, s.occurred_at, s.kind
		UNION ALL
		SELECT r.event_id,
			div(l.amount * (s.buyer_total - r.so_far), s.buyer_total)
				- div(l.amount * (s.buyer_total - r.so_far + r.refunded), s.buyer_total),
			r.occurred_at, 'reversal'
		FROM (SELECT v.event_id, v.occurred_at, v.refunded,
				sum(v.refunded) OVER (ORDER BY v.event_id) AS so_far
			  FROM commission.reversal AS v
			  WHERE v.reversed_event_id = l.sale_event_id
				AND v.event_id < l.event_id) AS r) AS e
	WHERE e.amount <> 0;
COMMENT ON VIEW commission_internal.late_owed IS
	'the entries of each late leg: the leg, and what the refunds that were there before it take (R21, R37)';

CREATE FUNCTION commission_internal.end_absence(what "char", hash bigint)
	RETURNS void
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_end_absence';
COMMENT ON FUNCTION commission_internal.end_absence("char", bigint) IS
	'waits for the open transactions whose sales found that something is not there, and lets no other find so until the transaction ends: the referrer (r) of the account, the listing (l) or the price (p) with this hash; NULL: all of the kind';

CREATE FUNCTION commission_internal.accrue_late(account_id uuid,
												role commission.referral_role)
	RETURNS void
	LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_accrue_late';
COMMENT ON FUNCTION commission_internal.accrue_late(uuid, commission.referral_role) IS
	'accrues what an account bought, ordered or sold since it was referred and no referrer was there to be paid (R37); by what is committed by now, under any isolation level';

/*
 * coupon.sql: codes that refer whoever orders with them (R44).
 *
 * Of a code whose uses are counted, two redemptions that refer somebody wait
 * for one another; all others wait for nothing but the account's row, as a
 * sign-up does.
 */

CREATE TABLE commission.coupon (
	coupon text COLLATE "C" NOT NULL,
	referrer_id uuid NOT NULL,
	valid_from timestamptz NOT NULL,
	valid_until timestamptz,
	uses integer,
	used integer NOT NULL DEFAULT 0,
	CONSTRAINT coupon_pkey PRIMARY KEY (coupon)
);
COMMENT ON TABLE commission.coupon IS
	'the codes that refer, and whose they are (R44)';
COMMENT ON COLUMN commission.coupon.valid_until IS
	'from then on it refers nobody; NULL: never';
COMMENT ON COLUMN commission.coupon.uses IS
	'how many accounts it may refer; NULL: any number';
COMMENT ON COLUMN commission.coupon.used IS
	'how many it has referred; counted only while uses is not NULL';

CREATE VIEW commission.coupon_status AS
	SELECT c.coupon,
		a.name AS referrer,
		c.valid_from,
		c.valid_until,
		c.uses,
		(SELECT count(*) FROM commission.attempt AS t
		 WHERE t.campaign = c.coupon AND t.coupon IS NOT NULL
			AND t.outcome = 'attributed') AS used,
		c.uses - least(c.used, c.uses) AS remaining,
		(now() >= c.valid_from AND coalesce(now() < c.valid_until, true)
			AND coalesce(c.used < c.uses, true)
			AND a.closed_at IS NULL) AS is_valid,
		c.referrer_id
	FROM commission.coupon AS c
	JOIN commission.account AS a ON a.account_id = c.referrer_id;
COMMENT ON VIEW commission.coupon_status IS
	'each coupon and whose it is (R44): from valid_from up to but without valid_until (NULL: without end); uses: how many accounts set_coupon() lets it refer (NULL: any number); used: how many it has referred in all, by whatever uses and referrer it had, as this machine''s attribution_attempt keeps them; remaining: how many it still may refer, not counting those that it referred while uses was NULL (NULL: any number); is_valid: whether it refers now, which that of a closed referrer does not';

CREATE FUNCTION commission.set_coupon(coupon text, referrer text,
									  valid_from timestamptz DEFAULT now(),
									  valid_until timestamptz DEFAULT NULL,
									  uses integer DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_variable
BEGIN
	/* The code is the key of an index, as identifiers are. */
	PERFORM commission_internal.identifier(coupon, 'coupon');
	valid_from := commission_internal.finite(valid_from, 'valid_from');
	IF NOT isfinite(valid_until) OR valid_until <= valid_from THEN
		RAISE 'valid_until must be after valid_from'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s.', valid_until);
	END IF;
	PERFORM commission_internal.check_term(uses, 1, 2147483647, 'uses');
	INSERT INTO commission.coupon (coupon, referrer_id, valid_from, valid_until, uses)
	VALUES (coupon, commission_internal.know_account(
				commission_internal.identifier(referrer, 'referrer')),
			valid_from, valid_until, uses)
	ON CONFLICT ON CONSTRAINT coupon_pkey DO UPDATE
	SET referrer_id = excluded.referrer_id, valid_from = excluded.valid_from,
		valid_until = excluded.valid_until, uses = excluded.uses;
END $$;
COMMENT ON FUNCTION commission.set_coupon(text, text, timestamptz, timestamptz, integer) IS
	'gives a code to a referrer, or sets anew what a code is: from valid_from up to but without valid_until (NULL: without end) it refers whoever redeems it and has no brand referrer, as many accounts as uses says in all, those left out that it referred while uses was NULL, which is any number (R44); codes are compared letter by letter; 22004 for a NULL coupon or referrer, 22023 for an empty or over-long one, uses below 1 or a valid_until that is not after valid_from, 22008 for an infinite valid_from';

CREATE FUNCTION commission.end_coupon(coupon text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	PERFORM commission_internal.identifier(coupon, 'coupon');
	UPDATE commission.coupon AS c SET valid_until = now()
	WHERE c.coupon = end_coupon.coupon
		AND (c.valid_until IS NULL OR c.valid_until > now());
	RETURN FOUND;
END $$;
COMMENT ON FUNCTION commission.end_coupon(text) IS
	'ends a code now: true if it was still valid or to be valid; whom it has referred stay referred (R44); 22004 for NULL, 22023 for an empty or over-long code';

/* The use is counted last but one: what follows it cannot refuse. */
CREATE FUNCTION commission_internal.use_coupon(c commission.coupon, account_id uuid,
											   at timestamptz)
	RETURNS commission.attribution_outcome
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	PERFORM commission_internal.lock_account(account_id);
	IF EXISTS (SELECT FROM commission.referral AS r
			   WHERE r.account_id = use_coupon.account_id AND r.role = 'brand')
	THEN
		RETURN 'already_attributed';
	END IF;
	IF c.uses IS NOT NULL THEN
		UPDATE commission.coupon AS o SET used = o.used + 1
		WHERE o.coupon = c.coupon AND o.used < o.uses;
		IF NOT FOUND THEN
			RETURN 'invalid_coupon';
		END IF;
	END IF;
	PERFORM commission_internal.set_referral(account_id, 'brand', c.referrer_id, at,
											 campaign => c.coupon, accrue_past => true);
	RETURN 'attributed';
END $$;
COMMENT ON FUNCTION commission_internal.use_coupon(commission.coupon, uuid, timestamptz) IS
	'refers an account by a code that is valid, unless it has a brand referrer or the code''s uses are used up';

CREATE FUNCTION commission_internal.redeem(account text, coupon text, at timestamptz)
	RETURNS commission.attribution_outcome
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
	id CONSTANT uuid := commission_internal.know_account(account);
	c commission.coupon;
	outcome commission.attribution_outcome;
BEGIN
	SELECT o.* INTO c FROM commission.coupon AS o WHERE o.coupon = redeem.coupon;
	outcome := CASE
		WHEN c.coupon IS NULL OR at < c.valid_from OR at >= c.valid_until
			OR c.used >= c.uses THEN 'invalid_coupon'
		WHEN EXISTS (SELECT FROM commission.account AS a
					 WHERE a.account_id = c.referrer_id AND a.closed_at IS NOT NULL)
			THEN 'unknown_referrer'
		WHEN c.referrer_id = id THEN 'self_referral'
		ELSE commission_internal.use_coupon(c, id, at)
	END;
	INSERT INTO commission.attempt (attempt_id, signed_up_at, account_id, role, outcome,
		referrer_name, campaign, coupon)
	SELECT commission_internal.draw_event_id(), at, id, 'brand', outcome, r.name,
		c.coupon, left(coupon, 256)
	FROM (SELECT) AS one
	LEFT JOIN commission.account AS r ON r.account_id = c.referrer_id;
	RETURN outcome;
END $$;
COMMENT ON FUNCTION commission_internal.redeem(text, text, timestamptz) IS
	'redeems a code for an account, by the name that identifier() gives, and keeps the attempt, of a code its first 256 characters; whatever the code is, it is no error';

CREATE FUNCTION commission.redeem_coupon(account text, coupon text,
										 at timestamptz DEFAULT now())
	RETURNS commission.attribution_outcome
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	RETURN commission_internal.redeem(
		commission_internal.identifier(account, 'account'), coalesce(coupon, ''),
		commission_internal.finite(at, 'at'));
END $$;
COMMENT ON FUNCTION commission.redeem_coupon(text, text, timestamptz) IS
	'refers an account by a code, as a brand, from a moment on: what it bought or ordered since then without a referrer is accrued now (R37, R44). The outcome is the first of invalid_coupon (no such code, not valid then, used up), unknown_referrer (a closed one), self_referral and already_attributed that holds, else attributed; attribution_attempt keeps each. A live first touch wins: a sign-up that completes one from before then takes the account over for what it buys from now on, whatever it bought before. Never more accounts than the code''s uses are referred: whoever may be the last waits for the one before. The code is the campaign that funnel shows. record_order() and attach_orders() do the same with the coupon of an order, by its time; an account is registered in any case; 22004 for a NULL account, 22023 for an empty or over-long one, 22008 for an infinite time';

/*
 * touch.sql: clicks, and the first touch that a token carries (R26).
 */

CREATE TABLE commission.touch (
	touched_at timestamptz NOT NULL,
	referrer_id uuid NOT NULL,
	visit uuid,
	campaign text COLLATE "C",
	landing text
);
COMMENT ON TABLE commission.touch IS
	'clicks on referral links, each counted for the account whose link it was';
COMMENT ON COLUMN commission.touch.referrer_id IS
	'whose link was clicked, which need not be who was touched first';
COMMENT ON COLUMN commission.touch.visit IS
	'the visitor, the link and the UTC day, under a keyed hash that tells nobody who it was; NULL: the visitor is not known, and each call is a click';
COMMENT ON COLUMN commission.touch.campaign IS
	'NULL: none';
COMMENT ON COLUMN commission.touch.landing IS
	'the page that the visitor landed on, as the application names it';

/*
 * A day is UTC's whatever the session's TimeZone.  By its name, UTC would from
 * PostgreSQL 18 on be looked for among the abbreviations of that one first.
 */
CREATE INDEX touch_referrer_idx ON commission.touch
	(referrer_id, ((touched_at AT TIME ZONE INTERVAL '0')::date));
CREATE INDEX touch_campaign_idx ON commission.touch (campaign)
	WHERE campaign IS NOT NULL;

CREATE UNIQUE INDEX touch_visit_idx ON commission.touch (visit)
	WHERE visit IS NOT NULL;

CREATE TABLE commission.touch_count (
	referrer_id uuid NOT NULL,
	clicks bigint NOT NULL,
	day date NOT NULL,
	campaign text COLLATE "C",
	CONSTRAINT touch_count_key UNIQUE NULLS NOT DISTINCT (referrer_id, day, campaign)
);
COMMENT ON TABLE commission.touch_count IS
	'how many clicks were removed from commission.touch, of each link and UTC day';
COMMENT ON COLUMN commission.touch_count.campaign IS
	'NULL: none';

CREATE INDEX touch_count_campaign_idx ON commission.touch_count (campaign)
	WHERE campaign IS NOT NULL;

/* Whoever removes clicks, and by whatever road, the funnel stays exact. */
CREATE FUNCTION commission_internal.count_touches() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	INSERT INTO commission.touch_count AS c (referrer_id, clicks, day, campaign)
	SELECT g.referrer_id, count(*), (g.touched_at AT TIME ZONE INTERVAL '0')::date,
		g.campaign
	FROM removed AS g
	GROUP BY 1, 3, 4
	ORDER BY 1, 3, 4
	ON CONFLICT ON CONSTRAINT touch_count_key DO UPDATE
	SET clicks = c.clicks + excluded.clicks;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION commission_internal.count_touches() IS
	'trigger of commission.touch that keeps how many clicks a DELETE removes';

CREATE TRIGGER touch_counter
	AFTER DELETE ON commission.touch REFERENCING OLD TABLE AS removed
	FOR EACH STATEMENT EXECUTE FUNCTION commission_internal.count_touches();

CREATE PROCEDURE commission.purge_touches(older_than interval)
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF commission_internal.required(older_than, 'older_than') < INTERVAL '0' THEN
		RAISE 'older_than must not be negative'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s.', older_than);
	END IF;
	LOCK TABLE commission.touch_count IN SHARE ROW EXCLUSIVE MODE;
	DELETE FROM commission.touch AS t
	WHERE t.touched_at < date_trunc('day', (now() - older_than)
		AT TIME ZONE INTERVAL '0') AT TIME ZONE INTERVAL '0';
END $$;
COMMENT ON PROCEDURE commission.purge_touches(interval) IS
	'removes the clicks of the UTC days that ended that long ago, with their landing pages and visits, and keeps how many there were of each link and day: the funnel stays exact. Delays no visitor; a second call at the same time waits for the first. A click that is reported again afterwards with its former touched_at counts again; 22004 for NULL, 22023 for a negative interval';

CREATE FUNCTION commission.touch(cref text, token text DEFAULT NULL,
								 campaign text DEFAULT NULL,
								 landing text DEFAULT NULL,
								 touched_at timestamptz DEFAULT now(),
								 visitor text DEFAULT NULL)
	RETURNS text
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_touch';
COMMENT ON FUNCTION commission.touch(text, text, text, text, timestamptz, text) IS
	'records a click on the link of cref and returns the token for the visitor to keep: the one given while its first touch is alive, that is until commission.attribution_window_days after it and unless its referrer is closed, else a new one for cref, else NULL, whereupon the visitor keeps none (R26); a cref that names no active account, whatever a visitor may have typed, is no click and no error; a campaign that is empty or over 1024 bytes of UTF-8 is none, a landing page is cut to 2048 bytes; a visitor, whatever the application knows one by, makes one click a UTC day on one link, that is on one cref and campaign, however often the page is loaded (where two loads arrive at once, the second waits for the first), and is kept under a keyed hash only; without one, or with an empty one, each call is a click; a NULL touched_at is now; 22008 for an infinite one, 55000 where a token is to be read or signed, or a click has a visitor, and commission.cref_secret is not set or has less than 32 bytes';

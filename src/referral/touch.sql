/*
 * touch.sql: clicks, and the first touch that a token carries (R26).
 */

CREATE TABLE commission.touch (
	touched_at timestamptz NOT NULL,
	referrer_id uuid NOT NULL,
	campaign text COLLATE "C",
	landing text
);
COMMENT ON TABLE commission.touch IS
	'clicks on referral links, each counted for the account whose link it was';
COMMENT ON COLUMN commission.touch.referrer_id IS
	'whose link was clicked, which need not be who was touched first';
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

CREATE FUNCTION commission.touch(cref text, token text DEFAULT NULL,
								 campaign text DEFAULT NULL,
								 landing text DEFAULT NULL,
								 touched_at timestamptz DEFAULT now())
	RETURNS text
	LANGUAGE c VOLATILE PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'commission_touch';
COMMENT ON FUNCTION commission.touch(text, text, text, text, timestamptz) IS
	'records a click on the link of cref and returns the token for the visitor to keep: the one given while its first touch is alive, that is until commission.attribution_window_days after it and unless its referrer is closed, else a new one for cref, else NULL, whereupon the visitor keeps none (R26); a cref that names no active account, whatever a visitor may have typed, is no click and no error; a campaign that is empty or over 1024 bytes of UTF-8 is none, a landing page is cut to 2048 bytes; a NULL touched_at is now; 22008 for an infinite one, 55000 where a token is to be read or signed and commission.cref_secret is not set or has less than 32 bytes';

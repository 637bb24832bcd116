/*
 * clicks.sql
 *		A visitor is one click a day on a link, however often the page is
 *		loaded; old clicks are removed, and the funnel still counts them.
 */
SET timezone = 'Pacific/Auckland';	-- days are UTC days all the same
SET commission.cref_secret = 'thirty-two bytes or more, and of noise';

SELECT commission.register_account('ines'), commission.register_account('bo');
CREATE FUNCTION click(cref text, visitor text, at timestamptz, campaign text DEFAULT NULL) RETURNS boolean
	LANGUAGE sql AS $$ SELECT commission.touch(cref, NULL, campaign, '/', at, visitor) IS NOT NULL $$;

-- a reload is no click, and gives a token all the same; another day, link, campaign or visitor is one
SELECT click('ines', 'v-one', '2026-02-01 00:00Z'), click('ines', 'v-one', '2026-02-01 00:00Z'), click('ines', 'v-one', '2026-02-01 23:59:59.999999Z');
SELECT click('ines', 'v-one', '2026-02-02 00:00Z'), click('bo', 'v-one', '2026-02-01 12:00Z'), click('ines', 'v2', '2026-02-01 12:00Z');
SELECT click('ines', 'v-one', '2026-02-01 12:00Z', 'spring'), click('ines', 'v-one', '2026-02-01 13:00Z', 'spring'), click('ines', 'spring', '2026-02-01 12:00Z', 'v');
-- ... before 2000, too
SELECT click('bo', 'v-one', '1999-12-31 12:00Z'), click('bo', 'v-one', '1999-12-31 23:00Z'), click('bo', 'v-one', '2000-01-01 00:00Z');
-- without a visitor each is a click, as is what nobody can have made twice
SELECT click('bo', NULL, '2026-02-03 12:00Z'), click('bo', '', '2026-02-03 12:00Z'), click('bo', NULL, '2026-02-03 12:00Z');
-- whatever a visitor is called is no error
SELECT click('bo', visitor, '2026-02-04 12:00Z') FROM unnest(ARRAY[repeat('x', 100000), E'\x01', '春', ' ', '2001:db8::1']) AS visitor;
SELECT account, campaign, day, clicks FROM commission.funnel ORDER BY account, day, campaign;

-- the visitor is not kept, and nothing that is the same on two days or links
SELECT count(*), count(visit), count(DISTINCT visit) FROM commission.touch;
SELECT count(*) FROM commission.touch AS t WHERE t::text ~ 'v-one|2001:db8';
SET commission.cref_secret = 'another secret of thirty-two bytes';
SELECT click('ines', 'v-one', '2026-02-02 00:00Z');
SELECT count(*), count(DISTINCT visit) FROM commission.touch WHERE visit IS NOT NULL AND touched_at = '2026-02-02 00:00Z';

-- clicks that are old are removed, and the funnel stays what it was
SELECT click('ines', 'today', now()), click('ines', 'today', now()), click('ines', NULL, now()),
	click('ines', 'yesterday', now() - interval '1 day'), click('ines', NULL, now() - interval '7 days');
CREATE TABLE funnel_before AS SELECT account, campaign, day, clicks FROM commission.funnel;
CREATE VIEW differs AS
	(TABLE funnel_before EXCEPT ALL SELECT account, campaign, day, clicks FROM commission.funnel) UNION ALL
	(SELECT account, campaign, day, clicks FROM commission.funnel EXCEPT ALL TABLE funnel_before);
CALL commission.purge_touches('6 days');
SELECT count(*) FILTER (WHERE touched_at < now() - interval '8 days') AS old, count(*) AS all FROM commission.touch;
SELECT sum(clicks) FROM commission.touch_count;
TABLE differs;
CALL commission.purge_touches('0');
CALL commission.purge_touches('0');
SELECT count(*) AS left, bool_and((touched_at AT TIME ZONE 'UTC')::date = (now() AT TIME ZONE 'UTC')::date) AS of_today FROM commission.touch;
TABLE differs;
-- ... and a reload today is still none
SELECT click('ines', 'today', now());
TABLE differs;
-- by campaign, too
SELECT account, clicks FROM commission.funnel WHERE campaign = 'spring';

CALL commission.purge_touches(NULL);
CALL commission.purge_touches('-1 day');
-- a DELETE counts by whatever road; nothing else is let through
DELETE FROM commission.touch;
TABLE differs;
UPDATE commission.touch SET landing = NULL;
TRUNCATE commission.touch;
ALTER TABLE commission.touch DISABLE TRIGGER touch_counter;
SELECT problem, detail FROM commission.audit();
ALTER TABLE commission.touch ENABLE TRIGGER touch_counter;
SELECT * FROM commission.audit();

-- an affiliate's link works from their registration on, and not before
SELECT click('kim', 'v-one', now());
SELECT commission.register_account('kim');
SELECT click('kim', 'v-one', now());

DROP VIEW differs;
DROP TABLE funnel_before;
DROP FUNCTION click;
DROP EXTENSION commission;

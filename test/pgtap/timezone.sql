/*
 * timezone.sql: days and months are UTC's, whatever the session's TimeZone,
 * were it one that calls another time UTC.
 */
BEGIN;
SET LOCAL commission.cref_secret = '0123456789abcdef0123456789abcdef';

SELECT plan(8);

/* All of it half an hour before or after a month's end. */
SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
SELECT commission.refer('brand', 'maria', 'brand', '2026-01-01 00:00Z');
SELECT commission.record_generation('before', 'brand', 'avatar',
	model_price => 200, api_cost => 10, occurred_at => '2026-01-31 23:30Z');
SELECT commission.record_generation('after', 'brand', 'avatar',
	model_price => 300, api_cost => 10, occurred_at => '2026-02-01 00:30Z');
SELECT commission.reverse_generation('after', 10, '2026-02-01 00:30Z');
SELECT commission.record_order('first', 'brand', 1000,
	occurred_at => '2026-01-31 23:30Z');
SELECT commission.record_order('second', 'brand', 1000,
	occurred_at => '2026-02-01 00:30Z');
SELECT commission.touch('maria', NULL, NULL, NULL, '2026-01-31 23:30Z');
SELECT commission.touch('maria', NULL, NULL, NULL, '2026-02-01 00:30Z');
SELECT commission.record_generation('of today', 'brand', 'avatar',
	model_price => 200, api_cost => 10,
	occurred_at => (current_timestamp AT TIME ZONE INTERVAL '0')::date
		AT TIME ZONE INTERVAL '0');

/* What a session of this TimeZone is told; times as such, not as text. */
CREATE FUNCTION pg_temp.told(zone text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('TimeZone', zone, true);
	RETURN jsonb_build_object(
		'daily_earnings', (SELECT jsonb_agg(to_jsonb(d) ORDER BY d.day, d::text)
			FROM commission.daily_earnings AS d),
		'monthly_subscription', (SELECT jsonb_agg(to_jsonb(m) ORDER BY m.month)
			FROM commission.monthly_subscription AS m),
		'earnings', (SELECT jsonb_agg(to_jsonb(e) ORDER BY e.account)
			FROM commission.earnings AS e),
		'funnel', (SELECT jsonb_agg(to_jsonb(f) ORDER BY f.account, f.day)
			FROM commission.funnel AS f),
		'clicks of a day', (SELECT count(*) FROM commission.funnel AS f
			WHERE f.account = 'maria' AND f.day = '2026-01-31' AND f.clicks = 1),
		'statement', (SELECT jsonb_agg(jsonb_build_array(
				extract(epoch FROM s.occurred_at), s.what, s.amount, s.balance))
			FROM commission.statement('maria', '2026-01-31', '2026-01-31') AS s),
		'explain', (SELECT jsonb_agg(to_jsonb(x))
			FROM commission.explain('after') AS x));
END
$$;

SELECT pg_temp.told('UTC') AS utc \gset
SELECT is((:'utc'::jsonb #>> '{daily_earnings,0,day}'), '2026-01-31', 'a day');
SELECT is((:'utc'::jsonb #>> '{daily_earnings,1,day}'), '2026-01-31', 'the same');
SELECT is(jsonb_array_length(:'utc'::jsonb -> 'monthly_subscription'), 2,
		  'two months');
SELECT is(pg_temp.told(zone), :'utc'::jsonb, 'the same in ' || zone)
FROM unnest(ARRAY['Pacific/Auckland', 'America/Adak', 'UTC+5', 'UTC-5',
				  '<UTC>-13']) AS zone;

SELECT * FROM finish();
ROLLBACK;

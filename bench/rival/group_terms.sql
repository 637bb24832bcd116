/* group_terms.sql: the same by the terms of a group that each referrer is in. */
\ir commission.sql
SELECT commission.set_group_terms('partners', brand_ratio => 0.3,
								  creator_ref_ratio => 0.2);
SELECT count(commission.set_group(r.referrer_id::text, 'partners'))
	FROM (SELECT DISTINCT referrer_id FROM commission.referral) AS r;

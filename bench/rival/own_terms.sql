/*
 * own_terms.sql: the extension, each referrer having terms of its own.  They state
 * what the settings do, so that the same is owed.
 */
\ir commission.sql
SELECT count(commission.set_terms(r.referrer_id::text, brand_ratio => 0.3,
								  creator_ref_ratio => 0.2))
	FROM (SELECT DISTINCT referrer_id FROM commission.referral) AS r;

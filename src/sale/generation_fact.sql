/*
 * generation_fact.sql: what a generation's facts come to (R5, R8, R12, R20).
 *
 * In numeric, which nothing overflows: audit() looks at facts that cannot be,
 * too.
 */

CREATE VIEW commission_internal.generation_fact AS
	SELECT sum.surcharge,
		sum.pool,
		sum.surcharge - sum.pool AS markup,
		sum.margin AS generation_margin,
		sum.surcharge - sum.pool + sum.margin AS net_margin,
		g.model_price + sum.surcharge AS buyer_total,
		CASE WHEN g.brand_leg = 'p' THEN g.brand_ratio_ppm ELSE 0 END
			+ CASE WHEN g.avatar_leg = 'p' THEN g.avatar_ratio_ppm ELSE 0 END
			+ CASE WHEN g.reference_leg = 'p' THEN g.reference_ratio_ppm ELSE 0 END
			AS ratios_ppm,
		array_remove(ARRAY[
			CASE g.brand_leg WHEN 'p' THEN g.brand_ratio_ppm END,
			CASE g.avatar_leg WHEN 'p' THEN g.avatar_ratio_ppm END,
			CASE g.reference_leg WHEN 'p' THEN g.reference_ratio_ppm END], NULL)
			AS in_time_ppm,
		g.model_price >= 0 AND g.api_cost >= 0
			AND g.model_price + sum.surcharge <= 1000000000000000
			AND coalesce(g.avatar_pool BETWEEN 0 AND g.avatar_surcharge,
						 g.avatar_version IS NULL)
			AND coalesce(g.reference_pool BETWEEN 0 AND g.reference_surcharge,
						 g.reference_version IS NULL)
			AND g.brand_ratio_ppm BETWEEN 0 AND 1000000
			AND g.avatar_ratio_ppm BETWEEN 0 AND 1000000
			AND g.reference_ratio_ppm BETWEEN 0 AND 1000000
			AND g.total_cap_ratio_ppm BETWEEN 0 AND 1000000 AS possible,
		g.*
	FROM commission.generation AS g
	CROSS JOIN LATERAL (
		SELECT coalesce(g.avatar_surcharge, 0)::numeric
				+ coalesce(g.reference_surcharge, 0) AS surcharge,
			coalesce(g.avatar_pool, 0)::numeric
				+ coalesce(g.reference_pool, 0) AS pool,
			greatest(g.model_price::numeric - g.api_cost, 0) AS margin) AS sum;
COMMENT ON VIEW commission_internal.generation_fact IS
	'generations with the sums of their facts, in credits: surcharge and pool of all listings, markup, generation_margin (R8) and net_margin (R5), buyer_total (R20), in_time_ppm, the ratios of the legs that applied, ratios_ppm, what they add up to (R12), and whether the facts are possible';

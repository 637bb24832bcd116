/*
 * worked_example.sql
 *		One sale that pays both legs to one account.
 */
\echo '1. The worked example'
\echo '====================='
\echo
\echo 'A price of 20 credits for an image that costs 10 at the API; a photo set of Nora''s'
\echo 'with a pool of 100.  "you" referred both Nora and the brand that is about to buy.'
\echo

/* What these functions return is not shown. */
\o /dev/null
SELECT commission.set_model_price('nano-banana-2', '2K', 20, 10);
SELECT commission.register_account('brand', 'maria.lopez@gmail.com');
SELECT commission.register_listing('linen-summer', 'nora', 'reference', 100,
								   'Linen summer');
SELECT commission.refer('brand', 'you', 'brand');
SELECT commission.refer('nora', 'you', 'creator');

CREATE TABLE generation (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	brand text NOT NULL,
	photo_set text,
	model text NOT NULL,
	resolution text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
SELECT commission.attach('generation', generation => 'id', buyer => 'brand',
						 reference => 'photo_set', model => 'model',
						 resolution => 'resolution',
						 occurred_at => 'created_at');
\o

\echo 'The application inserts the sale into its own table, and that is all it does:'
\echo
\echo '    INSERT INTO generation (brand, photo_set, model, resolution)'
\echo '    VALUES (''brand'', ''linen-summer'', ''nano-banana-2'', ''2K'');'
\echo
INSERT INTO generation (brand, photo_set, model, resolution)
VALUES ('brand', 'linen-summer', 'nano-banana-2', '2K');

\echo 'Where every credit went (1 credit is $0.01):'
SELECT line.component, line.credits
FROM commission.commission_detail AS d
CROSS JOIN LATERAL (VALUES
	(1, 'buyer total', d.buyer_total),
	(2, '  model price', d.model_price),
	(3, '  surcharge', d.surcharge),
	(4, 'creator pool', d.pool),
	(5, 'API cost', d.api_cost),
	(6, 'net margin', d.net_margin),
	(7, '  markup', d.markup),
	(8, '  generation margin', d.generation_margin),
	(9, 'you, brand leg at ' || d.brand_ratio, d.brand_amount),
	(10, 'you, creator leg at ' || d.creator_ratio, d.creator_amount),
	(11, 'you, together', d.brand_amount + d.creator_amount),
	(12, 'the platform keeps', d.platform_take)
) AS line (position, component, credits)
WHERE d.account = 'you'
ORDER BY line.position;

\echo 'The earnings card:'
SELECT lifetime, last_30_days, brand_lifetime, creator_lifetime
FROM commission.earnings
WHERE account = 'you';

\echo 'The recent list:'
SELECT headline, legs, amount
FROM commission.recent_commission
WHERE account = 'you'
ORDER BY event_id DESC
LIMIT 10;

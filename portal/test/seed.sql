/*
 * seed.sql: a small shop for the tests: the worked example, then two months of
 * sales of "you", whose texts a hostile user chose.
 */
SET client_min_messages = warning;
SET timezone = 'UTC';
SET commission.cref_secret = 'the tests'' own, and good for nothing else';
CREATE EXTENSION commission;

/* The worked example: 140 credits, net margin 30, legs 9 and 6, 15 kept. */
SELECT commission.set_model_price('nano-banana-2', '2K', 20, 10);
SELECT commission.register_account('brand', 'maria.lopez@gmail.com');
SELECT commission.register_account('you', 'you@studio.example');
SELECT commission.register_account('eve', 'eve@evil.example');
SELECT commission.register_listing('linen-summer', 'nora', 'reference', 100,
								   'Linen summer');
SELECT commission.refer('brand', 'you', 'brand', now() - interval '90 days');
SELECT commission.refer('nora', 'you', 'creator', now() - interval '90 days');
SELECT commission.record_generation('worked-example', 'brand',
									reference => 'linen-summer',
									model => 'nano-banana-2', resolution => '2K');

/* Eve, and what she wrote where others read it: her own list, and one of yours. */
SELECT commission.register_listing('evil-listing', 'mallory', 'reference', 100,
								   '<script>alert("title")</script>');
SELECT commission.register_listing('evil-nora', 'nora', 'reference', 100,
								   '<img src=x onerror=alert(1)>');
SELECT commission.attribute('victim', commission.touch('eve',
		campaign => '"><img src=x onerror=alert(1)>',
		touched_at => now() - interval '3 days'), 'brand', now() - interval '2 days',
	'<b>x</b>@evil.example');
SELECT commission.record_generation('=HYPERLINK("http://evil.example")', 'victim',
									reference => 'evil-listing',
									model => 'nano-banana-2', resolution => '2K');
SELECT commission.record_generation('eve-' || i, 'victim', reference => 'evil-listing',
									run => 'eve-' || i,
									model => 'nano-banana-2', resolution => '2K')
FROM generate_series(1, 45) AS i;
SELECT commission.record_generation('evil-for-you', 'victim', reference => 'evil-nora',
									model => 'nano-banana-2', resolution => '2K');
SELECT commission.record_order('+1+cmd|calc', 'victim', 199900,
							   plan => '<i>plan</i>');

/* Sixty days of runs: brands that came by links buy Nora's pictures. */
SELECT commission.attribute('brand-' || i,
		commission.touch('you', campaign => (ARRAY['spring', 'video', NULL])[1 + i % 3],
						 touched_at => now() - interval '70 days'),
		'brand', now() - interval '69 days',
		(ARRAY['maria', 'jon', 'aiko', 'lars', 'zoe'])[1 + i % 5] || i || '@shop.example')
FROM generate_series(1, 30) AS i;
SELECT commission.register_listing('listing-' || i, 'nora',
		(CASE i % 2 WHEN 0 THEN 'avatar' ELSE 'reference' END)::commission.listing_kind,
		90 + 5 * i, (ARRAY['Neon street', 'Quiet kitchen', 'Golden hour'])[1 + i % 3])
FROM generate_series(1, 6) AS i;
SELECT commission.record_generation('g' || i, 'brand-' || 1 + i * 7 % 30,
		avatar => CASE i % 2 WHEN 0 THEN 'listing-' || 2 + 2 * (i % 3) END,
		reference => CASE i % 2 WHEN 1 THEN 'listing-' || 1 + 2 * (i % 3) END,
		run => 'run-' || i / 3, images => 4 + i % 7,
		model => 'nano-banana-2', resolution => '2K',
		occurred_at => now() - interval '60 days'
			+ i * interval '4 hours' * (1 - 0.1 * sin(i / 6.0) ^ 2))
FROM generate_series(1, 360) AS i;
SELECT commission.record_order('order-' || i, 'brand-' || i, 1999, plan => 'pro',
							   occurred_at => now() - interval '40 days' + i * interval '33 hours')
FROM generate_series(1, 25) AS i;
SELECT commission.record_order('renewal-' || i, 'brand-' || i, 1999, plan => 'pro',
							   occurred_at => now() - interval '10 days' + i * interval '1 day')
FROM generate_series(1, 8) AS i;
SELECT commission.reverse_generation('g150'), commission.reverse_generation('g300', 20);
SELECT commission.touch('you', campaign => (ARRAY['spring', 'video', NULL])[1 + i % 3],
						touched_at => now() - i * interval '5 hours')
FROM generate_series(1, 200) AS i;

/* The newest run is the worked example's, as the browser finds it. */
SELECT commission.record_generation('worked-example-2', 'brand',
									reference => 'linen-summer',
									model => 'nano-banana-2', resolution => '2K');

SELECT commission.set_material('banner', 'banner', '<script>alert("material")</script>',
							   '<a href="{link}"><img src="b.png"></a></textarea><script>alert(2)</script>');
SELECT commission.set_material('hello', 'text', 'A short text', 'Photos like these: {link}');
/* Eve referred somebody with her own mailbox. */
SELECT commission.attribute('eve-again', commission.touch('eve', touched_at => now() - interval '1 hour'),
							'brand', now() - interval '59 minutes', 'EVE@evil.example');
SELECT commission.request_withdrawal('eve', 6000, destination => 'eve@evil.example');
SELECT commission.request_withdrawal('you', 5000, destination => 'you@studio.example');
CALL commission.rollup();
ANALYZE;

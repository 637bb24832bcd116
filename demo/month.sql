/*
 * month.sql
 *		A month of made-up sales in an application's own tables: affiliates
 *		1 to 12, creators 101 to 130 and brands 201 to 260.
 */
\echo '2. A month of made-up sales'
\echo '==========================='
\echo

\o /dev/null
SELECT setseed(0.20);

CREATE SCHEMA app;

/* The users. */
CREATE TABLE app.users (
	id bigint PRIMARY KEY,
	email text NOT NULL
);
INSERT INTO app.users
SELECT u.id,
	(ARRAY['ana', 'bela', 'carlos', 'dora', 'emil', 'fatma', 'georg', 'hana',
		   'igor', 'julia', 'kofi', 'lena', 'mateo'])[1 + u.id % 13]
	|| '.' ||
	(ARRAY['abel', 'brandt', 'costa', 'diallo', 'eder', 'ferri', 'gruber',
		   'haas', 'ito', 'jansen', 'kovacs'])[1 + u.id % 11]
	|| '@' ||
	(ARRAY['gmail.com', 'outlook.com', 'studio.example', 'proton.me',
		   'shop.co.uk'])[1 + u.id % 5]
FROM (SELECT * FROM generate_series(1, 12)
	  UNION ALL SELECT * FROM generate_series(101, 130)
	  UNION ALL SELECT * FROM generate_series(201, 260)) AS u (id);

/* What they sell: each creator an avatar and two photo sets. */
CREATE TABLE app.listings (
	id bigint PRIMARY KEY,
	owner_id bigint NOT NULL REFERENCES app.users,
	kind commission.listing_kind NOT NULL,
	pool bigint NOT NULL,
	title text NOT NULL,
	co_authors jsonb
);
INSERT INTO app.listings
SELECT l.id, l.owner_id,
	CASE WHEN l.id % 3 = 0 THEN 'avatar' ELSE 'reference' END
		::commission.listing_kind,
	83 + floor(l.pool * 40)::bigint * 5,
	(ARRAY['Linen', 'Neon', 'Quiet', 'Golden', 'Northern', 'Paper', 'Velvet',
		   'Salt', 'Early'])[1 + l.id % 9]
	|| ' ' ||
	(ARRAY['summer', 'street', 'kitchen', 'hour', 'light', 'garden', 'studio',
		   'harbour', 'rooftop', 'morning'])[1 + l.id % 10],
	CASE WHEN l.id % 4 = 0
		THEN (SELECT jsonb_object_agg(101 + (l.owner_id - 101 + n) % 30, 7 * n)
			  FROM generate_series(1, 1 + l.id % 5) AS n)
	END
FROM (SELECT id, 101 + (id - 1) / 3, random()
	  FROM generate_series(1, 90) AS id) AS l (id, owner_id, pool);

/* What the platform sells. */
CREATE TABLE app.prices (
	model text,
	resolution text,
	price bigint NOT NULL,
	cost bigint NOT NULL,
	PRIMARY KEY (model, resolution)
);
INSERT INTO app.prices VALUES
	('nano-banana-2', '1K', 15, 7),
	('nano-banana-2', '2K', 20, 10),
	('nano-banana-2', '4K', 30, 24),
	('imagen-4', '2K', 12, 14);

/* Who brought whom: most brands and creators came through an affiliate. */
CREATE TABLE app.referrals (
	account_id bigint NOT NULL REFERENCES app.users,
	referrer_id bigint NOT NULL REFERENCES app.users,
	role commission.referral_role NOT NULL,
	since timestamptz NOT NULL
);
INSERT INTO app.referrals
SELECT u.id,
	1 + floor(12 * u.who * u.who),
	(CASE WHEN u.id < 200 THEN 'creator' ELSE 'brand' END)
		::commission.referral_role,
	current_date - 45 + floor(u.since * 25)::integer
FROM (SELECT id, random(), random(), random()
	  FROM app.users WHERE id > 100 ORDER BY id) AS u (id, share, who, since)
WHERE u.share < 0.8;
/* A creator who brings a brand, and a brand who brings a creator. */
INSERT INTO app.referrals
SELECT u.id, CASE WHEN u.id < 200 THEN u.id + 101 ELSE 101 + u.id % 30 END,
	(CASE WHEN u.id < 200 THEN 'creator' ELSE 'brand' END)
		::commission.referral_role,
	current_date - 45
FROM app.users AS u
WHERE u.id > 100 AND NOT EXISTS (SELECT FROM app.referrals AS r
								 WHERE r.account_id = u.id);

/* Register all of them. */
SELECT commission.register_account(id::text, email) FROM app.users;
SELECT commission.register_listing(id::text, owner_id::text, kind, pool,
								   title, co_authors)
FROM app.listings;
SELECT commission.set_model_price(model, resolution, price, cost)
FROM app.prices;
SELECT commission.refer(account_id::text, referrer_id::text, role, since)
FROM app.referrals
WHERE role = 'creator';

/* Brands came by links, and so did many visitors who have not signed up. */
SET commission.cref_secret = 'the demo''s, and good for nothing else';
SELECT commission.attribute(r.account_id::text,
							commission.touch(r.referrer_id::text,
								campaign => (ARRAY['newsletter', 'launch',
												   'video'])[1 + u.id % 3],
								touched_at => r.since - interval '1 hour'),
							r.role, r.since, u.email)
FROM app.referrals AS r
JOIN app.users AS u ON u.id = r.account_id
WHERE r.role = 'brand'
ORDER BY r.account_id;
SELECT commission.touch((1 + floor(12 * v.who * v.who))::text,
						campaign => (ARRAY['newsletter', 'launch', 'video',
										   NULL])[1 + v.visit % 4],
						touched_at => current_date - 35
							+ v.visit * interval '20 minutes')
FROM (SELECT visit, random() FROM generate_series(1, 2000) AS visit)
	AS v (visit, who);

/* The application's table of sales. */
CREATE TABLE app.generations (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	run_id bigint NOT NULL,
	brand_id bigint NOT NULL REFERENCES app.users,
	avatar_id bigint,
	photo_set_id bigint,
	images integer NOT NULL,
	model text NOT NULL,
	resolution text NOT NULL,
	bundle_frame boolean NOT NULL DEFAULT false,
	paid boolean NOT NULL DEFAULT true,
	created_at timestamptz NOT NULL
);
SELECT commission.attach('app.generations', generation => 'id',
						 buyer => 'brand_id', avatar => 'avatar_id',
						 reference => 'photo_set_id', run => 'run_id',
						 images => 'images', model => 'model',
						 resolution => 'resolution',
						 bundle_frame => 'bundle_frame', paid => 'paid',
						 occurred_at => 'created_at');

/* Its table of subscription orders, at $19.99 or $149.99 a month. */
CREATE TABLE app.orders (
	id text PRIMARY KEY,
	customer_id bigint NOT NULL REFERENCES app.users,
	amount bigint NOT NULL,
	kind text,
	plan text NOT NULL,
	paid_at timestamptz NOT NULL
);
SELECT commission.attach_orders('app.orders', order_id => 'id',
								customer => 'customer_id', amount => 'amount',
								kind => 'kind', plan => 'plan',
								occurred_at => 'paid_at');

/*
 * Runs, one every five minutes or so, from 35 days ago to 5 days ago.  A tenth
 * use no listing, some creators buy, too, and now and then a photo set is
 * bought as a bundle of ten.
 */
CREATE TEMP TABLE run AS
SELECT d.run_id,
	current_date - 35 + d.run_id * interval '5 minutes' AS created_at,
	CASE WHEN d.buyer < 0.05
		THEN 101 + floor(d.buyer * 600)
		ELSE 201 + floor(60 * d.buyer * d.buyer)
	END::bigint AS brand_id,
	CASE WHEN d.use BETWEEN 0.10 AND 0.70
		THEN 3 * (1 + floor(30 * d.avatar))
	END::bigint AS avatar_id,
	CASE WHEN d.use > 0.40
		THEN 3 * floor(30 * d.photo_set) + 1 + d.run_id % 2
	END::bigint AS photo_set_id,
	d.price,
	CASE WHEN d.run_id % 9 = 0 THEN 4 ELSE 1 END AS images,
	d.use > 0.95 AS bundle,
	CASE WHEN d.use > 0.95 THEN 10 ELSE 1 + floor(3.4 * d.frames)::integer END
		AS frames,
	d.paid > 0.03 AS paid
FROM (SELECT run_id, random(), random(), random(), random(),
			 floor(4 * random() * random())::integer, random(), random()
	  FROM generate_series(1, 8600) AS run_id)
	AS d (run_id, buyer, use, avatar, photo_set, price, frames, paid);

CREATE TEMP VIEW sale AS
SELECT r.run_id, r.brand_id, r.avatar_id, r.photo_set_id, r.images, p.model,
	p.resolution, r.bundle AND frame > 1 AS bundle_frame, r.paid,
	r.created_at + frame * interval '10 seconds' AS created_at
FROM run AS r
CROSS JOIN LATERAL generate_series(1, r.frames) AS frame
JOIN (SELECT *, row_number() OVER (ORDER BY model DESC, resolution) - 1
	  FROM app.prices) AS p (model, resolution, price, cost, position)
	ON p.position = r.price
ORDER BY r.run_id, frame;

INSERT INTO app.generations (run_id, brand_id, avatar_id, photo_set_id, images,
							 model, resolution, bundle_frame, paid, created_at)
SELECT * FROM sale WHERE created_at < current_date - 12;

/* Three weeks on, some pay late, and some payments are charged back. */
UPDATE app.generations SET paid = true WHERE NOT paid AND run_id % 2 = 0;
UPDATE app.generations SET paid = false WHERE paid AND run_id % 100 = 0;

/* Some are refunded, in whole or in part. */
SELECT commission.reverse_generation(id::text, NULL, 'wrong model')
FROM app.generations
WHERE paid AND avatar_id IS NOT NULL AND id % 211 = 0;
SELECT commission.reverse_generation(id::text, 10, 'late')
FROM app.generations
WHERE paid AND avatar_id IS NOT NULL AND id % 173 = 0;
SELECT commission.reverse_generation(id::text, 2, 'later still')
FROM app.generations
WHERE paid AND avatar_id IS NOT NULL AND id % 346 = 0;
/* Two brands and an affiliate close their accounts, and the sales go on. */
SELECT commission.close_account(account) FROM unnest('{201,230,4}'::text[]) AS account;

INSERT INTO app.generations (run_id, brand_id, avatar_id, photo_set_id, images,
							 model, resolution, bundle_frame, paid, created_at)
SELECT * FROM sale WHERE created_at >= current_date - 12;

/*
 * A third of the brands subscribe; a month on they renew, but for a few that
 * upgrade.  Where the kind is left out, it is first order, then renewal.
 */
INSERT INTO app.orders
SELECT format('o-%s-1', id), id, CASE WHEN id % 4 = 0 THEN 14999 ELSE 1999 END,
	NULL, CASE WHEN id % 4 = 0 THEN 'scale' ELSE 'pro' END,
	current_date - 35 + (id % 5) * interval '7 hours'
FROM app.users
WHERE id > 200 AND id % 3 = 0
ORDER BY id;
INSERT INTO app.orders
SELECT format('o-%s-2', customer_id), customer_id,
	CASE WHEN customer_id % 7 = 0 THEN 14999 ELSE amount END,
	CASE WHEN customer_id % 7 = 0 THEN 'upgrade' END,
	CASE WHEN customer_id % 7 = 0 THEN 'scale' ELSE plan END,
	paid_at + interval '30 days'
FROM app.orders
ORDER BY customer_id;
\o

\echo 'What the application inserted into its tables:'
SELECT count(*) AS generations,
	count(DISTINCT run_id) AS runs,
	sum(images) AS images,
	count(DISTINCT brand_id) AS buyers,
	count(*) FILTER (WHERE coalesce(avatar_id, photo_set_id) IS NULL)
		AS "without a listing",
	count(*) FILTER (WHERE bundle_frame) AS "bundle frames",
	count(*) FILTER (WHERE NOT paid) AS unpaid
FROM app.generations;

SELECT coalesce(kind, '(left out)') AS kind, plan, count(*) AS orders, sum(amount) AS credits
FROM app.orders
GROUP BY kind, plan
ORDER BY kind NULLS FIRST, plan;

\echo 'What the ledger recorded (reversals are of refunds and of sales made unpaid):'
SELECT kind, count(*) AS entries, count(DISTINCT event_id) AS events,
	count(DISTINCT account) AS accounts, sum(amount) AS credits
FROM commission.ledger
GROUP BY kind
ORDER BY kind;

\ir refusals.sql

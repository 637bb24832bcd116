/*
 * deferred.sql
 *		A sale is never the victim (R38): what needs a listing or a price that is
 *		not known waits for it, and comes out as if it had been known.
 */
SET client_min_messages = warning;
CREATE ROLE regress_commission_app;
CREATE ROLE regress_commission_operator;
RESET client_min_messages;
SELECT commission.grant_writer('regress_commission_app'), commission.grant_operator('regress_commission_operator');
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE TABLE sale (id text PRIMARY KEY, buyer text, avatar text, reference text, model text, price bigint,
				   cost bigint, paid boolean DEFAULT true, at timestamptz DEFAULT '2026-03-01 11:00');
GRANT ALL ON sale TO regress_commission_app;
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', 'reference', model => 'model', model_price => 'price',
						 api_cost => 'cost', paid => 'paid', occurred_at => 'at');
SELECT commission.refer('bob', 'maria', 'brand', '2026-01-01'),
	commission.refer('owner', 'otto', 'creator', '2026-01-01');

-- refused, by default, naming what is missing
INSERT INTO sale VALUES ('s1', 'bob', 'photos', NULL, NULL, 20, 10);

-- deferred: the sale goes through, and the listing comes later; the ratios are
-- those of the sale
SET commission.on_unknown = defer;
SET commission.brand_ratio = 0.40;
SET ROLE regress_commission_app;
INSERT INTO sale SELECT 's' || n, 'bob', 'photos', NULL, NULL, 20, 10 FROM generate_series(1, 5) AS n;
SELECT commission.record_generation('called', 'bob', 'photos', model_price => 20, api_cost => 10,
									occurred_at => '2026-03-01 12:00');
RESET ROLE;
RESET commission.brand_ratio;
SELECT relation, generation, waits_for, deferred_at = now() AS now, occurred_at FROM commission.deferred_sale
ORDER BY generation;
SELECT count(*) FROM commission.ledger;
SELECT problem, count(*) FROM commission.audit() GROUP BY problem;

-- sent again; refunded in part, beyond what the buyer will have paid, in full;
-- unpaid; paid again
SELECT commission.record_generation('called', 'bob', 'photos', model_price => 20, api_cost => 10);
SELECT commission.record_generation('called', 'bob', 'photos', model_price => 21, api_cost => 10);
SELECT commission.reverse_generation('s1', 70), commission.reverse_generation('s2', 1000),
	commission.reverse_generation('s3', 70), commission.reverse_generation('s3');
SELECT commission.reverse_generation('s1', 0);
UPDATE sale SET paid = false WHERE id IN ('s4', 's5');
UPDATE sale SET paid = true WHERE id = 's5';

-- nothing else is deferred
INSERT INTO sale VALUES ('negative', 'bob', 'photos', NULL, NULL, -20, 10);
INSERT INTO sale VALUES ('no buyer', NULL, 'photos', NULL, NULL, 20, 10);

-- the very call that makes it known accrues them, in their order
SET ROLE regress_commission_operator;
SELECT commission.register_listing('photos', 'owner', 'avatar', 100);
RESET ROLE;
SELECT source, kind, account, amount, ratio, occurred_at FROM commission.ledger
WHERE account = 'maria' AND kind <> 'reversal' ORDER BY event_id;
SELECT source, array_agg(amount ORDER BY event_id) FROM commission.ledger
WHERE account = 'maria' GROUP BY source ORDER BY source;
SELECT source, sum(amount) FROM commission.ledger WHERE account = 'otto' GROUP BY source ORDER BY source;
SELECT count(*) FROM commission.deferred_sale;
SHOW commission.brand_ratio;
SELECT commission.record_generation('called', 'bob', 'photos', model_price => 20, api_cost => 10) IS NOT NULL AS recorded;
UPDATE sale SET paid = true WHERE id = 's4';
SELECT sum(amount) FROM commission.ledger WHERE account = 'maria' AND source = 's4';
SELECT * FROM commission.audit();

-- one that waits for several things, a price among them
INSERT INTO sale VALUES ('all', 'bob', 'a', 'r', 'model', NULL, NULL);
SELECT waits_for FROM commission.deferred_sale;
SELECT commission.register_listing('a', 'owner', 'avatar', 100);
SELECT waits_for FROM commission.deferred_sale;
SELECT commission.register_listing('r', 'owner', 'reference', 100);
SELECT waits_for FROM commission.deferred_sale;
SELECT commission.accrue_deferred();
SET commission.on_unknown = error;
SELECT commission.set_model_price('model', NULL, 20, 10);
SELECT waits_for FROM commission.deferred_sale;
SELECT source, kind, account, amount FROM commission.ledger WHERE source = 'all' AND kind <> 'pool' ORDER BY line;

-- one that cannot be recorded fails nobody: it says why, and stays
SET commission.on_unknown = defer;
INSERT INTO sale VALUES ('other kind', 'bob', 'x', NULL, NULL, 20, 10);
SELECT commission.register_listing('x', 'owner', 'reference', 100);
SELECT generation, waits_for FROM commission.deferred_sale;
SELECT problem, count(*) FROM commission.audit() GROUP BY problem;
SELECT commission.register_listing('x', 'owner', 'avatar', 100);
SELECT count(*) FROM commission.deferred_sale;

-- made known by hand
INSERT INTO sale SELECT 'm' || n, 'bob', 'm', NULL, NULL, 20, 10 FROM generate_series(1, 3) AS n;
BEGIN;
INSERT INTO commission.listing (listing_id, version, owner_id, pool, kind, name)
SELECT commission.account_id('m'), commission_internal.draw_event_id(), commission.account_id('owner'), 100, 'avatar', 'm';
SELECT commission.accrue_deferred();
COMMIT;
SELECT commission.accrue_deferred();
SELECT source, amount FROM commission.ledger WHERE source LIKE 'm_' AND kind = 'brand' ORDER BY event_id;
SELECT * FROM commission.audit();

DROP TABLE sale;
DROP EXTENSION commission;
DROP ROLE regress_commission_app, regress_commission_operator;

CREATE TABLE sale (id text PRIMARY KEY, brand text NOT NULL, avatar text NOT NULL, model text NOT NULL DEFAULT 'nano', resolution text NOT NULL DEFAULT '2K', sold_at timestamptz NOT NULL);
CREATE TABLE invoice (id text PRIMARY KEY, customer text NOT NULL, cents integer NOT NULL, paid_at timestamptz NOT NULL);
SELECT commission.attach('sale', generation => 'id', buyer => 'brand', avatar => 'avatar', model => 'model', resolution => 'resolution', occurred_at => 'sold_at');
SELECT commission.attach_orders('invoice', order_id => 'id', customer => 'customer', amount => 'cents', occurred_at => 'paid_at');
CREATE FUNCTION sell(id text, brand text, avatar text, sold_at timestamptz) RETURNS boolean LANGUAGE sql AS 'INSERT INTO sale (id, brand, avatar, sold_at) VALUES (id, brand, avatar, sold_at) RETURNING true';
CREATE FUNCTION buy(id text, customer text, cents integer, paid_at timestamptz) RETURNS boolean LANGUAGE sql AS 'INSERT INTO invoice VALUES (id, customer, cents, paid_at) RETURNING true';
CREATE FUNCTION refund(id text, brand text, credits bigint) RETURNS bigint LANGUAGE sql AS 'SELECT commission.reverse_generation(id, credits)';

CREATE EXTENSION plproxy;
CREATE SERVER shop FOREIGN DATA WRAPPER plproxy OPTIONS (
	p0 'host=:folder port=6401 dbname=shop user=postgres',
	p1 'host=:folder port=6402 dbname=shop user=postgres');
CREATE USER MAPPING FOR postgres SERVER shop OPTIONS (user 'postgres');
CREATE FUNCTION sell(id text, brand text, avatar text, sold_at timestamptz) RETURNS boolean LANGUAGE plproxy AS $$ CLUSTER 'shop'; RUN ON hashtext(brand); $$;
CREATE FUNCTION buy(id text, customer text, cents integer, paid_at timestamptz) RETURNS boolean LANGUAGE plproxy AS $$ CLUSTER 'shop'; RUN ON hashtext(customer); $$;
CREATE FUNCTION refund(id text, brand text, credits bigint) RETURNS bigint LANGUAGE plproxy AS $$ CLUSTER 'shop'; RUN ON hashtext(brand); $$;

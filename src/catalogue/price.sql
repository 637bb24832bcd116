/*
 * price.sql: prices of models (R9), which a sale reads by the C of price.c.
 */

CREATE TABLE commission.model_price (
	model_price bigint NOT NULL,
	api_cost bigint NOT NULL,
	model text COLLATE "C" NOT NULL,
	resolution text COLLATE "C" NOT NULL,
	CONSTRAINT model_price_pkey PRIMARY KEY (model, resolution),
	CONSTRAINT model_price_amount_check CHECK (model_price >= 0
											   AND api_cost >= 0)
);
COMMENT ON TABLE commission.model_price IS
	'credits for one image of a model at a resolution: what the buyer pays and what the API costs (R9); a model without resolutions has the empty one';

CREATE FUNCTION commission_internal.price(amount bigint, what text) RETURNS bigint
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	IF commission_internal.required(amount, what) < 0 THEN
		RAISE '% must not be negative', what
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = format('It is %s credits.', amount);
	END IF;
	RETURN amount;
END $$;
COMMENT ON FUNCTION commission_internal.price(bigint, text) IS
	'the value of an argument that is a price in credits; 22004 for NULL, 22023 for one below zero';

/* The last of two rows that price one model counts. */
CREATE FUNCTION commission_internal.take_prices(models text[], resolutions text[],
												model_prices bigint[],
												api_costs bigint[])
	RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE AS $$
BEGIN
	/* The names are keys of an index, as identifiers are. */
	PERFORM commission_internal.identifier(g.model, 'model'),
		CASE WHEN g.resolution <> ''
			THEN commission_internal.identifier(g.resolution, 'resolution') END
	FROM unnest(models, resolutions) AS g (model, resolution);
	INSERT INTO commission.model_price AS p (model, resolution, model_price, api_cost)
	SELECT DISTINCT ON (1, 2) g.model, coalesce(g.resolution, ''),
		commission_internal.price(g.model_price, 'model price'),
		commission_internal.price(g.api_cost, 'API cost')
	FROM unnest(models, resolutions, model_prices, api_costs)
		WITH ORDINALITY AS g (model, resolution, model_price, api_cost, n)
	ORDER BY 1, 2, g.n DESC
	ON CONFLICT ON CONSTRAINT model_price_pkey DO UPDATE
	SET model_price = excluded.model_price, api_cost = excluded.api_cost
	WHERE (p.model_price, p.api_cost) <> (excluded.model_price, excluded.api_cost);
	PERFORM commission_internal.accrue_deferred_prices(models, resolutions);
END $$;
COMMENT ON FUNCTION commission_internal.take_prices(text[], text[], bigint[], bigint[]) IS
	'sets prices of models; errors as set_model_price';

CREATE FUNCTION commission.set_model_price(model text, resolution text,
										   model_price bigint,
										   api_cost bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM commission_internal.take_prices(ARRAY[model], ARRAY[resolution],
		ARRAY[model_price], ARRAY[api_cost]);
END $$;
COMMENT ON FUNCTION commission.set_model_price(text, text, bigint, bigint) IS
	'sets what an image of a model at a resolution costs the buyer and what its API call costs, in credits (R9); a NULL resolution is that of generations that have none; 22004 for any other NULL, 22023 for an empty or over-long name or a negative amount';

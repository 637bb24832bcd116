/* commission.sql: the extension, attached as its manual says. */
SELECT commission.attach('sale', 'id', 'buyer_id', avatar => 'avatar_id',
						 model_price => 'model_price', api_cost => 'api_cost',
						 occurred_at => 'created_at');
CREATE VIEW ledger AS SELECT * FROM commission.entry;

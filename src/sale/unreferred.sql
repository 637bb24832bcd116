/*
 * unreferred.sql: what waits for a sign-up that is completed late, and what was
 * then accrued (R37); which event is for which sale.
 */

CREATE TABLE commission.unreferred_leg (
	account_id uuid NOT NULL,
	occurred_at timestamptz NOT NULL,
	sale_event_id bigint NOT NULL,
	leg "char" NOT NULL,
	CONSTRAINT unreferred_leg_leg_check CHECK (leg IN ('b', 'a', 'r', 'o'))
);
COMMENT ON TABLE commission.unreferred_leg IS
	'the legs that a recorded sale did not pay only because nobody had referred the account: by an index, what a sign-up that is completed late has to accrue. A sale whose legs are all referred is not in it';
COMMENT ON COLUMN commission.unreferred_leg.account_id IS
	'the buyer, customer or owner of the listing, whose referrer would have earned';
COMMENT ON COLUMN commission.unreferred_leg.occurred_at IS
	'the time of the sale';
COMMENT ON COLUMN commission.unreferred_leg.leg IS
	'b: the brand leg of a generation, a and r: the creator leg of its avatar and of its reference, o: an order';

CREATE INDEX unreferred_leg_account_idx
	ON commission.unreferred_leg (account_id, occurred_at);

CREATE TABLE commission.late_accrual (
	event_id bigint NOT NULL,
	sale_event_id bigint NOT NULL,
	amount bigint NOT NULL,
	terms bigint,
	flat_amount bigint,
	accrued_at timestamptz NOT NULL DEFAULT now(),
	account_id uuid NOT NULL,
	ratio_ppm integer,
	ratios_ppm integer NOT NULL,
	leg "char" NOT NULL,
	CONSTRAINT late_accrual_pkey PRIMARY KEY (event_id),
	CONSTRAINT late_accrual_sale_key UNIQUE (sale_event_id, leg),
	CONSTRAINT late_accrual_amount_check CHECK (amount >= 0)
);
COMMENT ON TABLE commission.late_accrual IS
	'legs that were accrued after their sale, each once, whatever is ended and attributed again (R37)';
COMMENT ON COLUMN commission.late_accrual.sale_event_id IS
	'the generation or order';
COMMENT ON COLUMN commission.late_accrual.amount IS
	'credits of the leg before any refund; 0: it came to less than a credit, and has no entry';
COMMENT ON COLUMN commission.late_accrual.account_id IS
	'the referrer who earned it';
COMMENT ON COLUMN commission.late_accrual.ratio_ppm IS
	'the leg''s nominal ratio in parts per million: the referrer''s at the time of the sale or, where the programme''s applies, what is kept with the sale (R15, R40); NULL: flat_amount';
COMMENT ON COLUMN commission.late_accrual.terms IS
	'the version of commission.terms_version that states it; NULL: the setting in force at the sale';
COMMENT ON COLUMN commission.late_accrual.flat_amount IS
	'as in commission.customer_order';
COMMENT ON COLUMN commission.late_accrual.ratios_ppm IS
	'what the ratios of the legs that the sale has paid until now, this one included, add up to (R12)';
COMMENT ON COLUMN commission.late_accrual.leg IS
	'as in commission.unreferred_leg';

/* OFFSET 0: a late leg's entries are read by their key, not with all others. */
CREATE VIEW commission_internal.sale_entry AS
	SELECT e.event_id AS sale_event_id, e.*
	FROM commission.entry AS e
	WHERE e.kind <> 'reversal'
	UNION ALL
	SELECT l.sale_event_id, e.*
	FROM commission.late_accrual AS l
	CROSS JOIN LATERAL (
		SELECT * FROM commission.entry AS e
		WHERE e.event_id = l.event_id AND e.kind <> 'reversal' OFFSET 0) AS e;
COMMENT ON VIEW commission_internal.sale_entry IS
	'what each generation and order has earned anybody, in time or late. Read it by sale_event_id';

CREATE VIEW commission_internal.event_sale AS
	SELECT r.event_id, r.reversed_event_id AS sale_event_id
	FROM commission.reversal AS r
	UNION ALL
	SELECT l.event_id, l.sale_event_id
	FROM commission.late_accrual AS l;
COMMENT ON VIEW commission_internal.event_sale IS
	'the generation or order that each refund and late leg is for: the events that may hold reversals of it';

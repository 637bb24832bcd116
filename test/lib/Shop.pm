# Shop.pm
#	The application that the tests in test/t and test/long run the extension
#	in: a catalogue of a few people, and tables of sales and orders.
package Shop;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

our @EXPORT = qw(create_shop create_tables do_business books_are_well);

# Two brands' worth of buyers, of whom half were referred; two listings.
my $catalogue = q{
	SELECT commission.register_listing('avatar', 'seller', 'avatar', 100,
		'Avatar', '{"maria": 30}');
	SELECT commission.register_listing('reference', 'rita', 'reference', 90);
	SELECT commission.refer('brand' || n, 'ana', 'brand', '2020-01-01')
	FROM generate_series(0, 9, 2) AS n;
	SELECT commission.refer('seller', 'bo', 'creator', '2020-01-01');
	SELECT commission.refer('rita', 'bo', 'creator', '2020-01-01');
};

my $tables = q{
	CREATE TABLE sale (id text PRIMARY KEY, buyer text NOT NULL, avatar text,
		reference text, price int NOT NULL, cost int NOT NULL, paid boolean
		NOT NULL DEFAULT true);
	CREATE TABLE invoice (id text PRIMARY KEY, customer text NOT NULL,
		amount int NOT NULL, paid boolean NOT NULL DEFAULT true, coupon text);
};

my $doors = q{
	SELECT commission.attach('sale', 'id', 'buyer', 'avatar', 'reference',
		model_price => 'price', api_cost => 'cost', paid => 'paid');
	SELECT commission.attach_orders('invoice', 'id', 'customer', 'amount',
		paid => 'paid', coupon => 'coupon');
};

# Something of every kind: each function called, and a row in each table.  What a
# released version lacks is called by \gexec, where it is there.
my $business = q{
	SET commission.cref_secret = 'thirty-two bytes or more, and of noise';

	SELECT commission.register_listing('avatar', 'seller', 'avatar', 120,
		'Avatar, dearer', '{"maria": 30}');
	SELECT commission.set_model_price('flux', '4k', 20, 10);
	SELECT commission.register_account('ana', 'ana@example.com');
	SELECT commission.close_account('brand9'), commission.reopen_account('brand9');

	CREATE TABLE account_row (id text, label text, closed boolean, plan text);
	CREATE TABLE listing_row (id text, owner text, pool int, title text, shares jsonb);
	CREATE TABLE price_row (model text, resolution text, price int, cost int);
	INSERT INTO account_row VALUES ('mirrored', 'mirrored@example.com', false, 'bronze');
	INSERT INTO listing_row VALUES ('mirrored', 'seller', 100);
	INSERT INTO price_row VALUES ('mirrored', NULL, 20, 10);
	SELECT commission.attach_accounts('account_row', 'id', 'label', 'closed', 'plan'),
		commission.attach_listings('listing_row', 'id', 'owner', 'avatar', 'pool', 'title', 'shares'),
		commission.attach_prices('price_row', 'model', 'resolution', 'price', 'cost');
	UPDATE account_row SET closed = true, plan = NULL;
	UPDATE listing_row SET shares = '{"maria": 30}';
	UPDATE price_row SET price = 30;

	/* Sales through both doors, and what becomes of them. */
	SELECT commission.record_generation('s1', 'brand0', 'avatar',
		model_price => 20, api_cost => 10);
	INSERT INTO sale SELECT 's' || n, 'brand' || n % 10, 'avatar',
		CASE WHEN n % 3 = 0 THEN 'reference' END, 20, 10, n % 7 <> 0
	FROM generate_series(1, 200) AS n WHERE n <> 1;
	INSERT INTO sale VALUES ('s1', 'brand0', 'avatar', NULL, 20, 10);
	UPDATE sale SET paid = NOT paid WHERE id LIKE 's%5';
	SELECT commission.reverse_generation('s2', 7, 'a refund');
	BEGIN;
	SELECT commission.detach('sale'), commission.attach('sale', 'id', 'buyer',
		'avatar', 'reference', model_price => 'price', api_cost => 'cost',
		paid => 'paid');
	COMMIT;
	SELECT commission.record_order('i1', 'brand0', 1999);
	INSERT INTO invoice SELECT 'i' || n, 'brand' || n % 10, 1999, n % 7 <> 0
	FROM generate_series(2, 30) AS n;
	INSERT INTO invoice VALUES ('i1', 'brand0', 1999);
	UPDATE invoice SET paid = NOT paid WHERE id IN ('i2', 'i7');
	SELECT commission.reverse_order('i4', 100);

	/* A table that had sales before it was attached. */
	CREATE TABLE former_sale (id text, buyer text, price int, cost int, sold_at timestamptz);
	SELECT commission.attach('former_sale', 'id', 'buyer', model_price => 'price',
		api_cost => 'cost', occurred_at => 'sold_at');
	CALL commission.backfill('former_sale');
	SELECT commission.detach('former_sale');
	DROP TABLE former_sale;

	/* Sales that wait for a listing. */
	SET commission.on_unknown = defer;
	INSERT INTO sale SELECT 'd' || n, 'brand0', 'later', NULL, 20, 10
	FROM generate_series(1, 3) AS n;
	UPDATE sale SET paid = false WHERE id = 'd1';
	SELECT commission.register_listing('later', 'seller', 'avatar', 100);
	RESET commission.on_unknown;
	SELECT commission.accrue_deferred();

	/* Attribution. */
	SELECT commission.touch('ana', NULL, 'spring', '/ana') AS token \gset
	SELECT commission.attribute('newcomer', :'token', 'brand');
	SELECT commission.touch('ana', touched_at => '2020-01-01', visitor => 'visitor');
	CALL commission.purge_touches('1 year');
	SELECT * FROM commission.read_cref(commission.sign_cref('ana'));
	INSERT INTO invoice VALUES ('l1', 'latecomer', 1999);
	SELECT commission.refer('latecomer', 'ana', 'brand', now() - interval '1 hour',
		accrue_past => true);
	SELECT commission.refer('brand1', 'bo', 'brand');
	SELECT commission.move_referral('brand1', 'ana', 'brand', reason => 'asked for');
	SELECT commission.end_referral('brand1', 'brand');
	SELECT commission.set_material('banner', 'banner', 'Banner', '<a href="{link}">');
	SELECT commission.set_material('text', 'text', 'Text', '{link}');
	SELECT commission.remove_material('text');
	SELECT * FROM commission.materials_for('ana', 'https://shop.example/');
	SELECT commission.referral_link('https://shop.example/', 'ana'),
		commission_internal.fill_material('text', '{link}', 'https://shop.example/');

	/* A withdrawal on each of its ways. */
	SET commission.minimum_payout = 0;
	CREATE TEMPORARY TABLE way AS
		SELECT n, commission.request_withdrawal('seller', 10 * n, 'paypal', 'seller@shop.example') AS id
		FROM generate_series(1, 7) AS n;
	SELECT commission.cancel_withdrawal(id) FROM way WHERE n = 2;
	SELECT commission.reject_withdrawal(id, 'no') FROM way WHERE n = 3;
	SELECT commission.approve_withdrawal(id) FROM way WHERE n > 3;
	SELECT commission.open_payout_batch() AS batch \gset
	SELECT commission.payout_batch_csv(:batch), commission.payout_batch_json(:batch);
	SELECT commission.remove_from_batch(id) FROM way WHERE n = 6;
	SELECT commission.cancel_payout_batch(commission.open_payout_batch());
	SELECT commission.pay_withdrawal(id, 'transfer') FROM way WHERE n = 4;
	SELECT commission.mark_withdrawal_unknown(id) FROM way WHERE n = 5;
	SELECT commission.fail_withdrawal(id, 'no such account') FROM way WHERE n = 5;
	SELECT * FROM commission.import_payout_result(:batch, (
		SELECT jsonb_build_object('items', jsonb_agg(jsonb_build_object(
			'transaction_status', 'SUCCESS', 'transaction_id', 'transfer',
			'payout_item', jsonb_build_object('sender_item_id', sender_item_id))))
		FROM commission.payout_item WHERE state = 'approved'));

	/* Terms, announced and in force, and a group. */
	SELECT commission.set_terms('ana', brand_ratio => 0.4, first_order_amount => 500),
		commission.set_group_terms('gold', creator_ref_ratio => 0.3, renewals => 12),
		commission.announce_terms(renewal_ratio => 0.09, total_cap_ratio => 0.6),
		commission.announce_terms(renewal_ratio => 0.07, valid_from => '2100-01-01');
	SELECT commission.set_group('bo', 'gold', 'signed');
	INSERT INTO sale VALUES ('under terms', 'brand4', 'avatar', NULL, 20, 10);
	INSERT INTO invoice VALUES ('order under terms', 'brand4', 1999);
	SELECT commission.set_coupon('SPRING', 'ana', uses => 2), commission.set_coupon('AUTUMN', 'ana');
	INSERT INTO invoice VALUES ('by coupon', 'viewer', 1999, true, 'SPRING');
	SELECT commission.redeem_coupon('viewer 2', 'SPRING'), commission.redeem_coupon('viewer 3', 'SPRING');
	SELECT commission.end_coupon('AUTUMN');
	SELECT commission.set_tiers('[{"group": "tier", "from": 1}]', 'commission', 30);
	SELECT * FROM commission.apply_tiers();
	SELECT commission.adjust('a1', 'ana', 500, 'bonus'), commission.adjust('a2', 'ana', -100, 'correction');

	/* A hold, an address, and payouts by the calendar. */
	SELECT commission.hold_account('maria', 'to be looked at');
	SELECT commission.release_account('maria', 'all is well');
	SELECT commission.hold_account('bo', 'to be looked at');
	SELECT commission.set_payout('maria', 'bank', 'DE02120300000000202051');
	SELECT commission.set_payout('maria', 'paypal', 'maria@shop.example');
	CALL commission.schedule_withdrawals();

	/* Some is rolled up, some is not. */
	CALL commission.rollup();
	CALL commission.seal();
	SELECT commission.acknowledge('crm', max(position) - 1) FROM commission.next_changes('crm');
	INSERT INTO sale VALUES ('late', 'brand2', 'avatar', 'reference', 20, 10);
	INSERT INTO invoice VALUES ('late', 'brand2', 1999);

	/* What sets up several machines. */
	BEGIN;
	SELECT commission.create_publications();
	ROLLBACK;
	SELECT commission.take_buyer(jsonb_set(commission.release_buyer('brand8', 1), '{node}', '0'));
	SELECT commission_internal.refuse_as_node(), commission_internal.refuse_elsewhere(1, 'generation');
	SELECT * FROM commission.catalogue_digest();

	/* Whatever can be read. */
	SELECT format('SELECT count(v::text) FROM %s AS v', oid::regclass)
	FROM pg_class
	WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind = 'v' \gexec
	SELECT * FROM commission.audit();
	SELECT * FROM commission.audit_unsealed();
	SELECT * FROM commission.verify_seals();
	SELECT * FROM commission.explain('s2');
	SELECT * FROM commission.explain_order('i4');
	SELECT * FROM commission_internal.fraud_signals();
	SELECT * FROM commission.statement('ana', NULL, NULL);
	SELECT * FROM commission_portal.statement(NULL, NULL);
	SELECT * FROM commission_internal.explain_to_viewer('s2');
	SELECT * FROM commission_internal.terms_to_viewer();
	SELECT * FROM commission_internal.announced_to_viewer();
	SELECT commission_internal.is_by_coupon(commission.account_id('viewer'), 'brand', now());
	SELECT * FROM commission.what_if(NULL, NULL, 0.2, 0.1, 0.3);
	SELECT commission.legs(30), commission.legs(30, true, 1, 0.3, 0.2, 0.5), commission.legs(30, '{0.3,0.2}', 0.5);
	SELECT * FROM commission.terms_of('ana');
	SELECT commission_internal.minimum_payout(commission.account_id('ana'));
	SELECT * FROM commission_internal.resolved_terms(commission.account_id('bo'), 'gold', now());
	SELECT * FROM commission.project_subscription(1999, 11);
	SELECT * FROM commission_internal.ranges('{[1,5)}');
	SELECT commission.balance_at('ana', now()), commission_internal.held_since(),
		commission.surcharge(100), commission.net_margin(20, 10),
		commission_internal.pool_shares(100, '{70,30}'), commission.mask('ana'),
		commission_internal.ratio(300000), commission_internal.setting('brand_ratio'),
		commission_internal.identifier_name(commission.account_id('7')),
		commission_internal.identifier_key('7'),
		commission_internal.is_name_of('ana', commission.account_id('ana')),
		commission_internal.is_same_account(commission.account_id('a'), commission.account_id('a')),
		commission_internal.is_name_from('ana', commission.account_id('ana')),
		commission_internal.is_generation_of('1', 1), commission_internal.is_run_of('run:1', 1), commission_internal.is_source_of('1', 1),
		commission_internal.generation_events('{s1}'), commission_internal.source_events('{s1}'),
		commission_internal.holds_recorded_sale('sale', 'id'), commission_internal.is_hub(),
		commission_internal.is_own_run('run:1', 1), commission_internal.is_own_sale('1', 1),
		commission_internal.portal_setting(),
		commission_internal.reads_all('ana', commission.account_id('ana')),
		commission.dollars(1999),
		commission_internal.withdrawal_can_become('requested', 'approved'),
		commission_internal.mailbox('ana@example.com'), commission_internal.signals_since();
};

# The tables alone, as a subscriber has them; $version is the extension's, if it
# is not to be the default.
sub create_tables
{
	my ($node, $db, $version) = @_;
	my $create = 'CREATE EXTENSION commission';

	$create .= " VERSION '$version'" if defined $version;
	$node->safe_psql($db, "$create; $tables $doors");
	return;
}

# The whole shop.
sub create_shop
{
	my ($node, $db, $version) = @_;

	create_tables($node, $db, $version);
	$node->safe_psql($db, $catalogue);
	return;
}

# What can happen in a shop; $role is given the grants.
sub do_business
{
	my ($node, $db, $role) = @_;

	$node->safe_psql($db, "$business
		SELECT commission.grant_reader('$role'), commission.grant_writer('$role'),
			commission.grant_operator('$role'), commission.grant_self_service('$role'),
			commission.grant_affiliate('$role', 'ana'), commission.grant_portal('$role');");
	return;
}

# The ledger is correct; each sale that is paid, and each invoice that was, is in
# the ledger once, and nothing else is.
sub books_are_well
{
	my ($node, $db, $when) = @_;

	is($node->safe_psql($db, 'SELECT * FROM commission.audit()'),
		'', "$when: the ledger is correct");
	is( $node->safe_psql($db, q{
			SELECT count(*) FROM sale AS s
			FULL JOIN (SELECT source, sum(amount) AS net,
					count(DISTINCT event_id) FILTER (WHERE kind <> 'reversal')
						AS events
				FROM commission.ledger
				WHERE counts_as IN ('brand', 'creator', 'pool')
				GROUP BY source) AS l ON l.source = s.id
			WHERE s.id IS NULL OR CASE
				WHEN s.paid THEN l.events IS DISTINCT FROM 1 OR l.net < 1
				ELSE l.events > 1 OR l.net <> 0 END}),
		0,
		"$when: each sale is in the ledger once, if it is paid");
	is( $node->safe_psql($db, q{
			SELECT count(*) FROM invoice AS i
			FULL JOIN commission.customer_order AS o ON o.order_name = i.id
			WHERE i.id IS NULL OR i.paid AND o.order_id IS NULL}),
		0,
		"$when: and each invoice");
	return;
}

1;

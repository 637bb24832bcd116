# Shop.pm
#	The application that the tests in test/t and test/long run the extension
#	in: a catalogue of a few people, and tables of sales and orders.
package Shop;

use strict;
use warnings;

use Exporter 'import';
use Test::More;

our @EXPORT = qw(create_shop create_tables books_are_well);

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
		amount int NOT NULL);
};

my $doors = q{
	SELECT commission.attach('sale', 'id', 'buyer', 'avatar', 'reference',
		model_price => 'price', api_cost => 'cost', paid => 'paid');
	SELECT commission.attach_orders('invoice', 'id', 'customer', 'amount');
};

# The tables alone, as a subscriber has them.
sub create_tables
{
	my ($node, $db) = @_;

	$node->safe_psql($db, "CREATE EXTENSION commission; $tables $doors");
	return;
}

# The whole shop.
sub create_shop
{
	my ($node, $db) = @_;

	create_tables($node, $db);
	$node->safe_psql($db, $catalogue);
	return;
}

# The books are well; each sale that is paid, and each invoice, is in the ledger
# once, and nothing else is.
sub books_are_well
{
	my ($node, $db, $when) = @_;

	is($node->safe_psql($db, 'SELECT * FROM commission.audit()'),
		'', "$when: the books are well");
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
			WHERE i.id IS NULL OR o.order_id IS NULL}),
		0,
		"$when: and each invoice");
	return;
}

1;

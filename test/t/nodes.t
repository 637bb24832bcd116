# nodes.t
#	A hub and two nodes: what is sold on the nodes is at the hub to the credit,
#	whoever is killed; what is done in the wrong place is refused or named; and a
#	buyer is moved, a node and the hub restored, the extension updated.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use Nodes;
use Shop;

start_machines();
my ($one, $two) = @nodes[ 1, 2 ];

#
# Set up.
#
$hub->safe_psql('postgres', q{
	CREATE EXTENSION commission;
	SELECT commission.register_listing('avatar', 'seller', 'avatar', 100, 'Avatar', '{"maria": 30}');
	SELECT commission.register_listing('reference', 'rita', 'reference', 90);
	SELECT commission.refer('brand' || n, 'ana', 'brand', '2020-01-01') FROM generate_series(0, 9, 2) AS n;
	SELECT commission.refer('seller', 'bo', 'creator', '2020-01-01');
	SELECT commission.refer('mover', 'ana', 'brand', '2020-01-01');
	SELECT commission.create_publications();
});
$hub->safe_psql('postgres', $_) foreach 'CREATE DATABASE sums TEMPLATE postgres', 'CREATE DATABASE later TEMPLATE postgres';
foreach my $number (1, 2)
{
	my $node = $nodes[$number];

	create_tables($node, 'postgres');
	$node->safe_psql('postgres', 'CREATE DATABASE later TEMPLATE postgres') if $number == 1;
	$node->safe_psql('postgres', 'SELECT commission.create_publications()');
	follow($node, "catalogue_$number", $hub, 'catalogue');
	follow($hub, "ledger_$number", $node, 'ledger');

	# A hub of the sums alone, in a database of its own.
	follow($hub, "sums_$number", $node, 'sums', undef, here => 'sums');
}
$_->wait_for_subscription_sync foreach @nodes;
$hub->wait_for_subscription_sync(undef, undef, 'sums');

foreach my $number (1, 2)
{
	$nodes[$number]->safe_psql('postgres', qq{
		INSERT INTO sale SELECT 'n$number s' || n, 'brand' || (2 * n + $number) % 10, 'avatar',
			CASE WHEN n % 3 = 0 THEN 'reference' END, 20, 10, n % 7 <> 0
		FROM generate_series(1, 300) AS n;
		UPDATE sale SET paid = NOT paid WHERE id LIKE '%5';
		SELECT commission.reverse_generation('n$number s1', 7, 'a refund');
		INSERT INTO invoice SELECT 'n$number i' || n, 'brand' || (2 * n + $number) % 10, 1999
		FROM generate_series(1, 30) AS n;
		SELECT commission.reverse_order('n$number i1', 100);
		SELECT commission.touch('ana', visitor => 'visitor');
		CALL commission.rollup();
		CALL commission.seal();
		INSERT INTO sale VALUES ('n$number last', 'brand$number', 'avatar', NULL, 20, 10);
	});
}
same_sums('sold');
$hub->safe_psql('postgres', 'CALL commission.rollup()');
audit_is_clean('sold', @nodes);
is( $hub->safe_psql('postgres', q{
		SELECT a.name FROM commission.account AS a
		JOIN commission.earnings AS s ON s.account = a.name
		JOIN commission.balance AS b ON b.account = a.name
		WHERE s.lifetime + s.pool_lifetime <> b.balance
			OR b.balance <> coalesce((SELECT sum(e.amount) FROM commission.entry AS e
				WHERE e.account_id = a.account_id), 0)}),
	'', 'cards and balances at the hub are what its ledger has');
is( $hub->safe_psql('postgres', 'SELECT count(*) FROM commission.verify_seals()
		UNION ALL SELECT count(*) FROM commission.touch'), "0\n2",
	"the hub verifies the nodes' seals, and has each node's clicks");
is( $one->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
	$hub->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
	'a node has all of the catalogue');
is( $hub->safe_psql('postgres', q{
		SELECT node, subscription, is_enabled, tables_not_ready, seconds_since_message < 60, errors,
			newest_event >> 48 = node, rolled_up_to < newest_event
		FROM commission.node_status WHERE node > 0 ORDER BY node}),
	"1|ledger_1|t|0|t|0|t|t\n2|ledger_2|t|0|t|0|t|t", 'node_status');
is( $two->safe_psql('postgres', q{
		SELECT node, subscription, newest_event >> 48 = node FROM commission.node_status ORDER BY node}),
	"0|catalogue_2|\n2||t", '... and on a node');

# At the hub, the newest of all nodes come first, by an index of the hub's.
$hub->safe_psql('postgres', q{
	CREATE INDEX entry_time_idx ON commission.entry (account_id, occurred_at, event_id)});
foreach my $view ('ledger', 'recent_commission', 'commission_detail')
{
	like( $hub->safe_psql('postgres', qq{
			SET enable_seqscan = off; SET enable_sort = off; EXPLAIN (COSTS OFF)
			SELECT * FROM commission.$view WHERE account = 'ana'
			ORDER BY occurred_at DESC, event_id DESC LIMIT 20}),
		qr/Backward using entry_time_idx/, "$view at the hub, by time");
}

#
# What is done in the wrong place.
#
like(refused($one, q{SELECT commission.register_account('new')}),
	qr/^55000 Make the same call at the hub/, 'no account on a node');
like(refused($one, q{SELECT commission.request_withdrawal('ana')}),
	qr/^55000 Make the same call at the hub/, 'no withdrawal');
like(refused($hub, q{SELECT commission.reverse_generation('n1 s2')}),
	qr/^55000 Make the same call on the node/, 'no refund at the hub');
like(refused($hub, q{SET commission.node_id = 1; CALL commission.rollup()}),
	qr/^55000 Make the same call on the node/, 'and no rolling up for a node');
is( refused($hub, q{SELECT commission.approve_withdrawal(commission.request_withdrawal('ana', 10, 'bank'))}),
	'accepted', 'money leaves at the hub');
$hub->safe_psql('postgres', q{
	SELECT commission.register_listing('avatar', 'seller', 'avatar', 110, 'Avatar', '{"maria": 30}')});
settle();
is( $one->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
	$hub->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
	'after all that, the catalogue still comes');

#
# An update of the extension, to a made-up later version that has more columns
# and one more table, while a node sells.
#
my $scripts = $hub->config_data('--sharedir') . '/extension';
my $update;

END
{
	my $status = $?;

	unlink $update if $update;
	$? = $status;
}

SKIP:
{
	skip "$scripts is not ours to write to", 1 unless -w $scripts;

	my $version = $hub->safe_psql('later', q{SELECT extversion FROM pg_extension WHERE extname = 'commission'});
	my ($places) = slurp_file("$scripts/commission--$version.sql") =~
	  /^CREATE (VIEW commission_internal\.table_place .*?)\);\n/ms;
	$update = "$scripts/commission--$version--later.sql";
	append_to_file($update, "
		ALTER TABLE commission.material ADD later text NOT NULL DEFAULT 'former';
		ALTER TABLE commission.rolled ADD later text NOT NULL DEFAULT 'former';
		CREATE TABLE commission.later (event_id bigint PRIMARY KEY);
		CREATE OR REPLACE $places), ('later', 'ledger', 'event_id');");

	my @machines = ([ $hub, 'ledger_later', $one, 'ledger' ], [ $one, 'catalogue_later', $hub, 'catalogue' ]);
	foreach (reverse @machines)
	{
		my ($machine, $subscription, $other, $publication) = @$_;

		$machine->safe_psql('later', 'SELECT commission.create_publications()');
		follow($machine, $subscription, $other, $publication, undef, here => 'later', there => 'later');
	}
	$_->[0]->wait_for_subscription_sync(undef, undef, 'later') foreach @machines;
	$hub->safe_psql('later', q{SELECT commission.set_material('former', 'text', 'Text', '{link}')});
	my $load = load($one, 'later');

	$_->[0]->safe_psql('later', "ALTER SUBSCRIPTION $_->[1] DISABLE") foreach @machines;
	$_->[0]->safe_psql('later', 'ALTER EXTENSION commission UPDATE TO later; SELECT commission.create_publications()')
	  foreach @machines;
	$one->safe_psql('later', q{CALL commission.rollup(); UPDATE commission.rolled SET later = 'later'; INSERT INTO commission.later VALUES (1::bigint << 48)});
	$hub->safe_psql('later', q{SELECT commission.set_material('later', 'text', 'Text', '{link}'); UPDATE commission.material SET later = name});
	$_->[0]->safe_psql('later', "ALTER SUBSCRIPTION $_->[1] ENABLE") foreach @machines;
	$_->[0]->safe_psql('later', "ALTER SUBSCRIPTION $_->[1] REFRESH PUBLICATION") foreach @machines;
	ok($load->finish, 'sales go on while the extension is updated');
	$one->safe_psql('later', 'CALL commission.rollup()');
	$hub->wait_for_subscription_sync(undef, undef, 'later');
	caught_up($_->[2], $_->[1]) foreach @machines;
	foreach my $query ($sums, $facts, "SELECT node_id, later FROM commission.rolled WHERE node_id %s UNION ALL SELECT event_id, NULL FROM commission.later")
	{
		is( $hub->safe_psql('later', sprintf $query, '= 1'),
			$one->safe_psql('later', sprintf $query, '= 1'), 'the updated hub has what its node has');
	}
	is( $one->safe_psql('later', 'SELECT name, later FROM commission.material ORDER BY 1'),
		"former|former\nlater|later", 'and the node what is new at the hub');
	is($_->[0]->safe_psql('later', 'SELECT * FROM commission.audit()'), '', 'audit finds nothing, ' . $_->[0]->name)
	  foreach @machines;
	$one->safe_psql('later', 'DROP SUBSCRIPTION catalogue_later');
	$hub->safe_psql('later', 'DROP SUBSCRIPTION ledger_later');
}
$_->safe_psql('postgres', 'DROP DATABASE later') foreach $hub, $one;

#
# In time: what waits on a node is accrued there.
#
$one->safe_psql('postgres', q{
	INSERT INTO sale VALUES ('unreferred', 'newcomer', 'avatar', NULL, 20, 10);
	SET commission.on_unknown = defer;
	INSERT INTO sale VALUES ('deferred', 'brand0', 'later', NULL, 20, 10);
	SELECT commission.record_order('unreferred order', 'past', 1999, occurred_at => '2021-01-01')});
caught_up($one, 'ledger_1');
$hub->safe_psql('postgres', q{
	SELECT commission.attribute('newcomer', commission.sign_cref('ana', now() - interval '1 day'), NULL, now() - interval '1 hour');
	SELECT commission.refer('past', 'ana', 'brand', '2020-01-01');
	SELECT commission.register_listing('later', 'seller', 'avatar', 100)});
settle();
is( $hub->safe_psql('postgres', 'SELECT count(*) FROM commission.late_accrual'),
	'0', 'the hub accrues nothing late for a node');
is($one->safe_psql('postgres', 'SELECT commission.accrue_deferred()'),
	'2', 'the node accrues what is late and what was deferred');
is($one->safe_psql('postgres', 'SELECT commission.accrue_deferred()'), '0', '... once');
same_sums('accrued late');
audit_is_clean('accrued late', $one);

#
# Killed under load.  What was acknowledged is there, once and whole.
#
foreach my $killed ($two, $hub)
{
	my @loads = map { load($_) } $one, $two;

	usleep(300_000);
	kill_and_start($killed, $killed == $hub && "$folder/hub");
	$one->safe_psql('postgres', 'CALL commission.rollup()');
	$_->finish foreach @loads;
	$_->safe_psql('postgres', 'CALL commission.rollup()') foreach $one, $two;
	same_sums($killed->name . ' killed');
}
books_are_well($two, 'postgres', 'killed');
audit_is_clean('killed', $hub);
cmp_ok($two->safe_psql('postgres', q{SELECT count(*) FROM sale WHERE id LIKE 'load%'}),
	'>', 10, 'there was load');

#
# The hub of sums.
#
$hub->safe_psql('sums', 'CALL commission.rollup()');
$_->safe_psql('postgres', 'CALL commission.rollup()') foreach $one, $two;
same_cards('rolled up');
is($hub->safe_psql('sums', 'SELECT * FROM commission.audit()'), '', '... and audit finds nothing');
is( refused($hub, q{SELECT commission.request_withdrawal('maria', 10, 'bank')}, 'sums'),
	'accepted', '... and pays');

#
# A buyer moves from node 1 to node 2.
#
$one->safe_psql('postgres', q{
	INSERT INTO sale SELECT 'move ' || n, 'mover', 'avatar', NULL, 20, 10 FROM generate_series(1, 5) AS n;
	INSERT INTO invoice VALUES ('move first', 'mover', 1999);
	SELECT commission.reverse_generation('move 1', 5)});
command_ok([ "$examples/move-buyer", 'mover', map({ $_->connstr . ' dbname=postgres' } $one, $two), 2,
		'sale', 'buyer', 'invoice', 'customer' ], 'a buyer is moved');
like(refused($one, q{SELECT commission.reverse_generation('move 1')}),
	qr/^55000 Make the same call on node 2/, 'and refunded on the former node no more');
is($one->safe_psql('postgres', q{SELECT count(*) FROM sale WHERE buyer = 'mover'}), '0', '... which has no row');
$two->safe_psql('postgres', q{
	SELECT commission.reverse_generation('move 1');
	SELECT commission.reverse_generation('move 2', 5);
	UPDATE sale SET paid = false WHERE id = 'move 3';
	SELECT commission.record_generation('move 4', 'mover', 'avatar', model_price => 20, api_cost => 10);
	INSERT INTO sale VALUES ('move 6', 'mover', 'avatar', NULL, 20, 10);
	INSERT INTO invoice VALUES ('move again', 'mover', 1999);
	CALL commission.rollup()});
settle();
is( $hub->safe_psql('postgres', q{
		SELECT o.kind, o.event_id >> 48 FROM commission.customer_order AS o
		WHERE o.order_name = 'move again';
		SELECT r.event_id >> 48, count(*) FROM commission.reversal AS r
		JOIN commission.generation AS g ON g.event_id = r.reversed_event_id
		WHERE g.generation_name LIKE 'move%' GROUP BY 1 ORDER BY 1}),
	"renewal|2\n1|1\n2|3", 'a renewal there, and refunds of sales that node 1 recorded');
audit_is_clean('moved', @nodes);

#
# A node's standby has taken over, and the slot is gone: the hub is filled.
#
drop_subscription($hub, 'ledger_2');
$two->poll_query_until('postgres', q{SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'ledger_2'});
$two->safe_psql('postgres', q{
	SELECT pg_drop_replication_slot('ledger_2');
	INSERT INTO sale SELECT 'gap ' || n, 'brand6', 'avatar', NULL, 20, 10 FROM generate_series(1, 20) AS n;
	SELECT commission.reverse_generation('gap 1');
	CALL commission.rollup();
	CALL commission.seal();
	INSERT INTO sale VALUES ('gap', 'brand6', 'avatar', NULL, 20, 10)});
follow($hub, 'ledger_2', $two, 'ledger', $to_fill);
command_ok([ "$examples/fill-ledger", map({ $_->connstr . ' dbname=postgres' } $two, $hub), 'ledger_2' ],
	'a gap in a ledger is filled');
$two->safe_psql('postgres', q{
	INSERT INTO sale VALUES ('after the gap', 'brand6', 'avatar', NULL, 20, 10);
	CALL commission.rollup()});
same_sums('filled');
audit_is_clean('filled', $hub);

#
# The hub is restored from a backup of when it was killed.  What it had followed
# since is on the nodes; their slots are past it.
#
$hub->safe_psql('postgres', q{
	SELECT commission.register_listing('since', 'seller', 'avatar', 100);
	SELECT commission.refer('brand3', 'ana', 'brand', '2020-01-01');
	SELECT commission.end_referral('brand4', 'brand')});
settle();
$two->safe_psql('postgres', q{INSERT INTO sale VALUES ('since', 'brand3', 'since', NULL, 20, 10)});
is( $hub->safe_psql('postgres', 'SELECT sum(apply_error_count) FROM pg_stat_subscription_stats'),
	'0', 'no apply worker has met an error');
$hub->stop('immediate');
rename($hub->data_dir, "$folder/lost") && rename("$folder/hub", $hub->data_dir)
  or BAIL_OUT("could not restore the hub: $!");
$hub->append_conf('postgresql.conf', 'max_logical_replication_workers = 0');
$hub->start;
take_over('hub restored', sub {
	$hub->safe_psql('postgres', q{SELECT commission.refer('brand4', 'bo', 'brand', '2020-01-01')})});

#
# The hub's standby takes over.  It is behind, and the slots are past what it has.
#
$hub->backup('standby');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($hub, 'standby', has_streaming => 1);
$standby->append_conf('postgresql.conf', 'max_logical_replication_workers = 0');
$standby->start;
$hub->wait_for_catchup($standby);
$standby->stop;
$hub->safe_psql('postgres', q{SELECT commission.register_listing('ahead', 'seller', 'avatar', 100)});
settle();
$one->safe_psql('postgres', q{
	INSERT INTO sale VALUES ('ahead', 'brand6', 'ahead', NULL, 20, 10);
	CALL commission.rollup()});
settle();
$hub->stop('immediate');
$standby->start;
$standby->promote;
$hub = $nodes[0] = $standby;
take_over('hub promoted');

#
# Sales and orders that came to the wrong node: the stream goes on.
#
$_->safe_psql('postgres', q{
	INSERT INTO sale VALUES ('stray', 'brand6', 'avatar', NULL, 20, 10);
	INSERT INTO invoice VALUES ('stray', 'stray customer', 1999)})
  foreach $one, $two;
$one->safe_psql('postgres', q{INSERT INTO sale VALUES ('move 7', 'mover', 'avatar', NULL, 20, 10)});
is($one->safe_psql('postgres', 'SELECT problem, detail FROM commission.audit()'),
	'sale of a moved buyer|mover was moved to node 2 with 6 sales, and 7 are here: route the buyer there, and move what came since',
	'audit names a sale that came to the former node');
command_ok([ "$examples/move-buyer", 'mover', map({ $_->connstr . ' dbname=postgres' } $one, $two), 2,
		'sale', 'buyer', 'invoice', 'customer' ], '... which is moved as well');
audit_is_clean('moved again', $one, $two);
is($two->safe_psql('postgres', q{SELECT commission.reverse_generation('move 7') IS NOT NULL}), 't', '... and refunded there');
settle();
is( $hub->safe_psql('postgres', q{
		SELECT problem, split_part(detail, ' is on', 1) FROM commission.audit() ORDER BY 1, 2}),
	"first order on two nodes|stray customer\ngeneration on two nodes|stray\norder on two nodes|stray",
	'and audit names them');
is( $hub->safe_psql('postgres', 'SELECT sum(apply_error_count) FROM pg_stat_subscription_stats'),
	'0', 'no apply worker has met an error');

#
# A node that is restored from a backup has missed some of the catalogue, and
# takes a new number.
#
$two->backup('backup');
$hub->safe_psql('postgres', q{
	SELECT commission.register_listing('missed', 'seller', 'avatar', 100);
	SELECT commission.refer('brand1', 'ana', 'brand');
	SELECT commission.end_referral('brand2', 'brand')});
settle();
$two->stop('immediate');
my $restored = machine('restored', 3, $two, 'backup');
isnt($restored->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
	$hub->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
	'a restored node shows that it has missed some of the catalogue');
like($restored->safe_psql('postgres', 'SELECT problem FROM commission.audit()'),
	qr/publication of another node/, '... and that it publishes as another node');
drop_subscription($restored, 'catalogue_2');
$restored->safe_psql('postgres', 'SELECT commission.create_publications()');
command_ok([ "$examples/refill-catalogue", map { $_->connstr . ' dbname=postgres' } $hub, $restored ],
	'its catalogue is filled again');
follow($restored, 'catalogue_3', $hub, 'catalogue', 'copy_data = false');
$hub->safe_psql('postgres', 'ALTER SUBSCRIPTION ledger_2 DISABLE');
follow($hub, 'ledger_3', $restored, 'ledger', 'copy_data = false');
is( $restored->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
	$hub->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
	'... and is the hub\'s');
$restored->safe_psql('postgres', q{
	INSERT INTO sale VALUES ('restored', 'brand1', 'missed', NULL, 20, 10)});
caught_up($restored, 'ledger_3');
is( $hub->safe_psql('postgres', q{
		SELECT event_id >> 48, count(*) FROM commission.ledger WHERE source = 'restored' GROUP BY 1}),
	'3|3', 'it sells on, under its new number');

$_->stop('immediate') foreach $restored, $one, $hub;
done_testing();

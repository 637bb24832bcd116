# nodes.t
#	A hub and two nodes: what is sold on the nodes is at the hub to the credit,
#	whoever is killed; what is done in the wrong place is refused or named; and a
#	buyer is moved, a node restored.
use strict;
use warnings;

use File::Basename;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use Shop;

my $examples = dirname(__FILE__) . '/../../examples/nodes';
my $all = "dbname=postgres";

# What the ledger has: by node, so that a hub and its nodes can be compared.
my $sums = q{
	SELECT e.event_id >> 48 AS node, e.account_id, e.counts_as, sum(e.amount), count(*)
	FROM commission.entry AS e
	WHERE e.event_id >> 48 %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
};
my $facts = q{
	SELECT 'generation', event_id >> 48, count(*), sum(hashtextextended(g::text, 0)) FROM commission.generation AS g WHERE event_id >> 48 %1$s GROUP BY 2
	UNION ALL SELECT 'order', event_id >> 48, count(*), sum(hashtextextended(o::text, 0)) FROM commission.customer_order AS o WHERE event_id >> 48 %1$s GROUP BY 2
	UNION ALL SELECT 'reversal', event_id >> 48, count(*), sum(hashtextextended(r::text, 0)) FROM commission.reversal AS r WHERE event_id >> 48 %1$s GROUP BY 2
	UNION ALL SELECT 'rolled', node_id, count(*), sum(hashtextextended(r::text, 0)) FROM commission.rolled_day AS r WHERE node_id %1$s GROUP BY 2
	ORDER BY 1, 2
};

# Start a machine.
sub machine
{
	my ($name, $number, $backup) = @_;
	my $machine = PostgreSQL::Test::Cluster->new($name);

	if ($backup)
	{
		$machine->init_from_backup($backup, 'backup');
	}
	else
	{
		$machine->init(allows_streaming => 'logical');
	}
	$machine->append_conf('postgresql.conf', <<"CONF");
log_statement = none
session_preload_libraries = 'commission'
commission.node_id = $number
commission.minimum_payout = 0
commission.cref_secret = 'thirty-two bytes or more, and of noise'
max_worker_processes = 20
max_sync_workers_per_subscription = 4
max_logical_replication_workers = 12
wal_retrieve_retry_interval = 100ms
wal_receiver_status_interval = 1s
TimeZone = UTC
CONF
	$machine->start;
	return $machine;
}

my $hub = machine('hub', 0);
my @nodes = ($hub, machine('node_1', 1), machine('node_2', 2));
my ($one, $two) = @nodes[ 1, 2 ];

# Wait until the hub has what a node has, and each node what the hub has.
sub settle
{
	foreach my $number (@_ ? @_ : (1, 2))
	{
		$nodes[$number]->wait_for_catchup("ledger_$number");
		$hub->wait_for_catchup("catalogue_$number");
	}
	return;
}

# Kill a machine, and start it again once its last process is gone.  Where nobody
# reaps the postmaster, its lock files name a process that seems to be there.
sub kill_and_start
{
	my ($machine) = @_;

	$machine->kill9;
	foreach (1 .. 100)
	{
		last unless grep { (readlink($_) // '') eq $machine->data_dir } glob '/proc/[0-9]*/cwd';
		usleep(100_000);
	}
	unlink $machine->data_dir . '/postmaster.pid',
	  $machine->host . '/.s.PGSQL.' . $machine->port . '.lock';
	$machine->start;
	return;
}

# The SQLSTATE of what a machine refuses, with the hint, or 'accepted'.
sub refused
{
	my ($machine, $sql, $db) = @_;
	my ($status, $stdout, $stderr) =
	  $machine->psql($db // 'postgres', "\\set VERBOSITY verbose\n$sql");

	return $status ? $stderr =~ /ERROR:  (\w+): .*HINT:  (.*?)\n/s ? "$1 $2" : $stderr : 'accepted';
}

# The hub's books are those of the nodes, to the credit.
sub same_sums
{
	my ($when) = @_;

	settle();
	foreach my $number (1, 2)
	{
		foreach my $query ($sums, $facts)
		{
			my $sql = sprintf $query, "= $number";

			is( $hub->safe_psql('postgres', $sql),
				$nodes[$number]->safe_psql('postgres', $sql),
				"$when: the hub has what node $number has");
		}
	}
	return;
}

sub audit_is_clean
{
	my ($when, @machines) = @_;

	is($_->safe_psql('postgres', 'SELECT * FROM commission.audit()'),
		'', "$when: audit finds nothing, " . $_->name)
	  foreach @machines;
	return;
}

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
foreach my $number (1, 2)
{
	my $node = $nodes[$number];

	create_tables($node, 'postgres');
	$node->safe_psql('postgres', sprintf(q{
		SELECT commission.create_publications();
		CREATE SUBSCRIPTION catalogue_%s CONNECTION '%s' PUBLICATION commission_catalogue},
		$number, $hub->connstr . ' dbname=postgres'));
	$node->wait_for_subscription_sync($hub, "catalogue_$number");
	$hub->safe_psql('postgres', sprintf(q{
		CREATE SUBSCRIPTION ledger_%s CONNECTION '%s' PUBLICATION commission_ledger},
		$number, $node->connstr . ' dbname=postgres'));
	$hub->wait_for_subscription_sync($node, "ledger_$number");
}

# A hub of the sums alone, in a database of its own.
$hub->safe_psql('postgres', 'CREATE DATABASE sums');
$hub->safe_psql('sums', q{
	CREATE EXTENSION commission;
	SELECT commission.register_listing('avatar', 'seller', 'avatar', 100, 'Avatar', '{"maria": 30}');
	SELECT commission.register_listing('reference', 'rita', 'reference', 90);
	SELECT commission.register_account(a) FROM unnest(ARRAY['ana', 'bo']) AS a});
foreach my $number (1, 2)
{
	$hub->safe_psql('sums', sprintf(q{
		CREATE SUBSCRIPTION sums_%s CONNECTION '%s' PUBLICATION commission_sums},
		$number, $nodes[$number]->connstr . ' dbname=postgres'));
	$hub->wait_for_subscription_sync($nodes[$number], "sums_$number", 'sums');
}

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
# In time: what waits on a node is accrued there.
#
$one->safe_psql('postgres', q{
	INSERT INTO sale VALUES ('unreferred', 'newcomer', 'avatar', NULL, 20, 10);
	SET commission.on_unknown = defer;
	INSERT INTO sale VALUES ('deferred', 'brand0', 'later', NULL, 20, 10);
	SELECT commission.record_order('unreferred order', 'past', 1999, occurred_at => '2021-01-01')});
$one->wait_for_catchup('ledger_1');
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
my $folder = PostgreSQL::Test::Utils::tempdir;
$ENV{TMPDIR} = $folder;
append_to_file("$folder/sell", q{
\set n random(0, 9)
INSERT INTO sale VALUES ('load ' || gen_random_uuid(), 'brand' || :n, 'avatar', NULL, 20, 10);
});

sub load
{
	my ($node) = @_;

	return IPC::Run::start([ 'pgbench', '-n', '-c', '2', '-T', '2', '-f', "$folder/sell",
			'-h', $node->host, '-p', $node->port, 'postgres' ],
		'>', \my $out, '2>', \my $err);
}

foreach my $killed ($two, $hub)
{
	my @loads = map { load($_) } $one, $two;

	sleep 1;
	kill_and_start($killed);
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
$nodes[$_]->wait_for_catchup("sums_$_") foreach 1, 2;
foreach my $days (0, 1)
{
	is( $hub->safe_psql('sums', qq{SET commission.hold_days = $days;
			SELECT account, balance, held FROM commission.balance WHERE account IN ('bo', 'maria', 'rita') ORDER BY 1}),
		$hub->safe_psql('postgres', qq{SET commission.hold_days = $days;
			SELECT account, balance, held FROM commission.balance WHERE account IN ('bo', 'maria', 'rita') ORDER BY 1}),
		"a hub of sums has the same balances, $days days held");
}
is( $hub->safe_psql('sums', q{SELECT account, lifetime, last_30_days, pool_lifetime FROM commission.earnings WHERE account IN ('bo', 'maria') ORDER BY 1}),
	$hub->safe_psql('postgres', q{SELECT account, lifetime, last_30_days, pool_lifetime FROM commission.earnings WHERE account IN ('bo', 'maria') ORDER BY 1}),
	'... and cards');
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
$hub->safe_psql('postgres', q{
	ALTER SUBSCRIPTION ledger_2 DISABLE;
	ALTER SUBSCRIPTION ledger_2 SET (slot_name = NONE);
	DROP SUBSCRIPTION ledger_2});
$two->poll_query_until('postgres', q{SELECT NOT active FROM pg_replication_slots WHERE slot_name = 'ledger_2'});
$two->safe_psql('postgres', q{
	SELECT pg_drop_replication_slot('ledger_2');
	INSERT INTO sale SELECT 'gap ' || n, 'brand6', 'avatar', NULL, 20, 10 FROM generate_series(1, 20) AS n;
	SELECT commission.reverse_generation('gap 1');
	CALL commission.rollup();
	CALL commission.seal();
	INSERT INTO sale VALUES ('gap', 'brand6', 'avatar', NULL, 20, 10)});
$hub->safe_psql('postgres', sprintf(q{
	CREATE SUBSCRIPTION ledger_2 CONNECTION '%s' PUBLICATION commission_ledger
		WITH (copy_data = false, enabled = false)}, $two->connstr . ' dbname=postgres'));
command_ok([ "$examples/fill-ledger", map { $_->connstr . ' dbname=postgres' } $two, $hub ],
	'a gap in a ledger is filled');
$hub->safe_psql('postgres', 'ALTER SUBSCRIPTION ledger_2 ENABLE');
$two->safe_psql('postgres', q{
	INSERT INTO sale VALUES ('after the gap', 'brand6', 'avatar', NULL, 20, 10);
	CALL commission.rollup()});
same_sums('filled');
audit_is_clean('filled', $hub);

#
# Sales and orders that came to the wrong node: the stream goes on.
#
$_->safe_psql('postgres', q{
	INSERT INTO sale VALUES ('stray', 'brand6', 'avatar', NULL, 20, 10);
	INSERT INTO invoice VALUES ('stray', 'stray customer', 1999)})
  foreach $one, $two;
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
my $restored = machine('restored', 3, $two);
isnt($restored->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
	$hub->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
	'a restored node shows that it has missed some of the catalogue');
like($restored->safe_psql('postgres', 'SELECT problem FROM commission.audit()'),
	qr/publication of another node/, '... and that it publishes as another node');
$restored->safe_psql('postgres', q{
	ALTER SUBSCRIPTION catalogue_2 DISABLE;
	ALTER SUBSCRIPTION catalogue_2 SET (slot_name = NONE);
	DROP SUBSCRIPTION catalogue_2;
	SELECT commission.create_publications()});
command_ok([ "$examples/refill-catalogue", map { $_->connstr . ' dbname=postgres' } $hub, $restored ],
	'its catalogue is filled again');
$restored->safe_psql('postgres', sprintf(q{
	CREATE SUBSCRIPTION catalogue_3 CONNECTION '%s' PUBLICATION commission_catalogue WITH (copy_data = false)},
	$hub->connstr . ' dbname=postgres'));
$hub->safe_psql('postgres', sprintf(q{
	ALTER SUBSCRIPTION ledger_2 DISABLE;
	CREATE SUBSCRIPTION ledger_3 CONNECTION '%s' PUBLICATION commission_ledger WITH (copy_data = false)},
	$restored->connstr . ' dbname=postgres'));
is( $restored->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
	$hub->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
	'... and is the hub\'s');
$restored->safe_psql('postgres', q{
	INSERT INTO sale VALUES ('restored', 'brand1', 'missed', NULL, 20, 10)});
$restored->wait_for_catchup('ledger_3');
is( $hub->safe_psql('postgres', q{
		SELECT event_id >> 48, count(*) FROM commission.ledger WHERE source = 'restored' GROUP BY 1}),
	'3|3', 'it sells on, under its new number');

$_->stop('immediate') foreach $restored, $one, $hub;
done_testing();

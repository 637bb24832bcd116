# nodes.t
#	A hub and two nodes: what is sold on the nodes is at the hub to the credit,
#	whoever is killed; what is done in the wrong place is refused or named; and a
#	buyer is moved, a node and the hub restored, the extension updated.
use strict;
use warnings;

use File::Basename;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use Shop;

# What is waited for comes within milliseconds.
{
	no warnings 'redefine';
	*PostgreSQL::Test::Cluster::usleep = sub ($) { usleep(20_000) };
}

my $examples = dirname(__FILE__) . '/../../examples/nodes';
my $to_fill = 'create_slot = false, copy_data = false, enabled = false';

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
	my ($name, $number, @backup) = @_;
	my $machine = PostgreSQL::Test::Cluster->new($name);

	if (@backup)
	{
		$machine->init_from_backup(@backup, standby => 0);
	}
	else
	{
		$machine->init(allows_streaming => 'logical');
		$machine->backup_fs_cold('empty');
	}
	$machine->append_conf('postgresql.conf', <<"CONF");
session_preload_libraries = 'commission'
commission.node_id = $number
commission.minimum_payout = 0
commission.cref_secret = 'thirty-two bytes or more, and of noise'
max_worker_processes = 30
max_sync_workers_per_subscription = 2
max_logical_replication_workers = 20
wal_retrieve_retry_interval = 100ms
wal_receiver_status_interval = 1s
TimeZone = UTC
CONF
	$machine->start;
	return $machine;
}

my $hub = machine('hub', 0);
my @nodes = ($hub, map { machine("node_$_", $_, $hub, 'empty') } 1, 2);
my ($one, $two) = @nodes[ 1, 2 ];

# Wait until a subscription has brought all that a machine has committed, in one
# session.  What else is in the log may not be flushed for seconds.
sub caught_up
{
	my ($machine, $subscription) = @_;

	$machine->safe_psql('postgres', qq{
		DO \$\$
		DECLARE
			here pg_lsn := pg_logical_emit_message(true, 'here', '');
		BEGIN
			COMMIT;
			FOR n IN 1 .. 18000 LOOP
				IF EXISTS (SELECT FROM pg_stat_replication WHERE replay_lsn >= here
							AND application_name = '$subscription') THEN
					RETURN;
				END IF;
				PERFORM pg_stat_clear_snapshot(), pg_sleep(0.01);
			END LOOP;
			RAISE 'subscription "$subscription" has stopped at %', (
				SELECT replay_lsn FROM pg_stat_replication
				WHERE application_name = '$subscription');
		END \$\$});
	return;
}

# Wait until the hub has what the nodes have, and they what the hub has.
sub settle
{
	foreach my $number (1, 2)
	{
		caught_up($nodes[$number], "ledger_$number");
		caught_up($hub, "catalogue_$number");
	}
	return;
}

# Create a subscription.
sub follow
{
	my ($machine, $name, $other, $publication, $options, %db) = @_;

	$machine->safe_psql($db{here} // 'postgres', sprintf(
		q{CREATE SUBSCRIPTION %s CONNECTION '%s' PUBLICATION commission_%s WITH (%s)}, $name,
		$other->connstr($db{there} // 'postgres') =~ s/'//gr, $publication, $options // 'enabled'));
	return;
}

# Kill a machine, and start it again once its last process is gone, with its data
# kept for later if that is asked for.  Where nobody reaps the postmaster, its
# lock files name a process that seems to be there.
sub kill_and_start
{
	my ($machine, $kept) = @_;

	$machine->kill9;
	foreach (1 .. 100)
	{
		last unless grep { (readlink($_) // '') eq $machine->data_dir } glob '/proc/[0-9]*/cwd';
		usleep(20_000);
	}
	unlink $machine->data_dir . '/postmaster.pid',
	  $machine->host . '/.s.PGSQL.' . $machine->port . '.lock';
	system_or_bail('cp', '-a', $machine->data_dir, $kept) if $kept;
	$machine->start;
	return;
}

# Follow no more, without a word to whom was followed.
sub drop_subscription
{
	my ($machine, $name, $db) = @_;

	$machine->safe_psql($db // 'postgres', "ALTER SUBSCRIPTION $name DISABLE;
		ALTER SUBSCRIPTION $name SET (slot_name = NONE);
		DROP SUBSCRIPTION $name");
	return;
}

# Sales for a second, five hundred of them: enough to be killed in the midst of one,
# and few enough to be read often.
my $folder = PostgreSQL::Test::Utils::tempdir;
$ENV{TMPDIR} = $folder;
append_to_file("$folder/sell", q{
\set n random(0, 9)
INSERT INTO sale VALUES ('load ' || gen_random_uuid(), 'brand' || :n, 'avatar', NULL, 20, 10);
});

sub load
{
	my ($node, $db) = @_;

	return IPC::Run::start([ 'pgbench', '-n', '-c', '2', '-T', '1', '-R', '500', '-f', "$folder/sell",
			'-h', $node->host, '-p', $node->port, $db // 'postgres' ],
		'>', \my $out, '2>', \my $err);
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

# The hub of sums has the balances and cards of the hub, for some that it has paid
# nothing.
sub same_cards
{
	my ($when) = @_;

	caught_up($nodes[$_], "sums_$_") foreach 1, 2;
	foreach my $query (
		(map { "SET commission.hold_days = $_; SELECT account, balance, held FROM commission.balance" } 0, 1),
		'SELECT account, lifetime, last_30_days, pool_lifetime FROM commission.earnings')
	{
		my $sql = "$query WHERE account IN ('bo', 'maria', 'rita') ORDER BY 1";

		is( $hub->safe_psql('sums', $sql), $hub->safe_psql('postgres', $sql),
			"$when: a hub of sums says as much: $sql");
	}
	return;
}

# What was sold meanwhile, and the catalogue that went down to the nodes, comes to
# the machine that is the hub now and follows nobody yet; $then is done before the
# sums are compared.
sub take_over
{
	my ($when, $then) = @_;

	foreach my $number (1, 2)
	{
		drop_subscription($nodes[$number], "catalogue_$number");
		drop_subscription($hub, "ledger_$number");
		drop_subscription($hub, "sums_$number", 'sums');
	}
	$hub->safe_psql('postgres', q{
		SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots;
		SELECT setval('commission.event_id_seq', last_value + 1000000) FROM commission.event_id_seq});
	command_ok([ "$examples/refill-catalogue", map { $_->connstr . ' dbname=postgres' } $one, $hub ],
		"$when: it is given a node's catalogue");
	$hub->append_conf('postgresql.conf', 'max_logical_replication_workers = 20');
	$hub->restart;
	foreach my $number (1, 2)
	{
		my $node = $nodes[$number];
		my $load = load($node);

		follow($node, "catalogue_$number", $hub, 'catalogue', 'copy_data = false');
		follow($hub, "ledger_$number", $node, 'ledger', $to_fill);
		follow($hub, "sums_$number", $node, 'sums', $to_fill, here => 'sums');
		command_ok([ "$examples/fill-ledger", map({ $_->connstr . ' dbname=postgres' } $node, $hub), "ledger_$number" ],
			"$when: ... and the ledger of node $number, while it sells");
		$load->finish;
	}
	$then->() if $then;
	$_->safe_psql('postgres', 'CALL commission.rollup()') foreach @nodes;
	command_ok([ "$examples/fill-ledger", $nodes[$_]->connstr . ' dbname=postgres', $hub->connstr . ' dbname=sums', "sums_$_" ],
		"$when: the hub of sums is filled from node $_") foreach 1, 2;
	same_sums($when);
	same_cards($when);
	audit_is_clean($when, $hub);
	is( $_->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
		$hub->safe_psql('postgres', 'SELECT * FROM commission.catalogue_digest()'),
		"$when: the catalogue is one, " . $_->name) foreach $one, $two;
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

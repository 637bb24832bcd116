# Nodes.pm
#	A hub and two nodes, started, and what test/t/nodes.t does with them.
package Nodes;

use strict;
use warnings;

use Exporter 'import';
use File::Basename;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw($hub @nodes $examples $to_fill $sums $facts $folder
  machine start_machines caught_up settle follow kill_and_start drop_subscription load refused
  same_sums audit_is_clean same_cards take_over);

# What is waited for comes within milliseconds.
{
	no warnings 'redefine';
	*PostgreSQL::Test::Cluster::usleep = sub ($) { usleep(20_000) };
}

# The machines of the test: the hub is the first of them; and a folder for files.
our ($hub, @nodes, $folder);

our $examples = dirname(__FILE__) . '/../../examples/nodes';
our $to_fill = 'create_slot = false, copy_data = false, enabled = false';

# What the ledger has: by node, so that a hub and its nodes can be compared.
our $sums = q{
	SELECT e.event_id >> 48 AS node, e.account_id, e.counts_as, sum(e.amount), count(*)
	FROM commission.entry AS e
	WHERE e.event_id >> 48 %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
};
our $facts = q{
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

# Start the hub and its nodes, and write what they sell.
sub start_machines
{
	$hub = machine('hub', 0);
	@nodes = ($hub, map { machine("node_$_", $_, $hub, 'empty') } 1, 2);
	$folder = $ENV{TMPDIR} = PostgreSQL::Test::Utils::tempdir;
	append_to_file("$folder/sell", q{
\set n random(0, 9)
INSERT INTO sale VALUES ('load ' || gen_random_uuid(), 'brand' || :n, 'avatar', NULL, 20, 10);
});
	return;
}

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
	command_ok([ "$examples/refill-catalogue", map { $_->connstr . ' dbname=postgres' } $nodes[1], $hub ],
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
		"$when: the catalogue is one, " . $_->name) foreach @nodes[ 1, 2 ];
	return;
}

1;

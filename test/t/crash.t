# crash.t
#	The server is killed under load, again and again: what was acknowledged is
#	in the ledger, once and whole, and what was not is in it wholly or not at
#	all.
#
# COMMISSION_ROUNDS asks for more rounds; test/long/crash.t does.
use strict;
use warnings;

use FindBin;
use IPC::Run;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use Shop;

my $rounds = $ENV{COMMISSION_ROUNDS} // 3;
my $clients = 4;

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;
$node->append_conf('postgresql.conf', q{
	fsync = on
	synchronous_commit = on
	restart_after_crash = off
	checkpoint_timeout = 30s
	max_wal_size = 64MB
	min_wal_size = 32MB
	recovery_init_sync_method = syncfs
});
$node->start;
create_shop($node, 'postgres');

# One client: sales by both doors, orders and refunds, one transaction after the
# other; the last line of a transaction's output acknowledges it.
sub client
{
	my ($client, $round) = @_;
	my $file = $node->basedir . "/client$client";
	my $script = '';

	for my $n (1 .. 20000)
	{
		my $id = "r$round c$client n$n";
		my $buyer = 'brand' . $n % 10;

		$script .= "BEGIN;\n" if $n % 3 == 0;
		if ($n % 5 == 4)
		{
			$script .= "INSERT INTO invoice VALUES ('$id', '$buyer', 1999);\n";
		}
		elsif ($n % 7 == 6)
		{
			$script .=
			  "INSERT INTO sale SELECT '$id ' || m, '$buyer', 'avatar', 'reference', 20, 10 FROM generate_series(1, 50) AS m;\n";
		}
		else
		{
			$script .=
			  "INSERT INTO sale VALUES ('$id', '$buyer', 'avatar', NULL, 20, 10);\n";
			$script .= "SELECT FROM commission.reverse_generation('$id', 7);\n"
			  if $n % 3 == 0;
		}
		$script .= "COMMIT;\n" if $n % 3 == 0;
		$script .= "\\echo $id\n";
	}
	append_to_file("$file.sql", $script);
	return IPC::Run::start(
		[
			'psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1',
			'-d', $node->connstr('postgres'), '-f', "$file.sql"
		],
		'>', "$file.out", '2>', "$file.err");
}

# What a client was told to be committed, and ready for the next round.
sub acknowledged
{
	my ($client) = @_;
	my $file = $node->basedir . "/client$client";
	my @ids = split /\n/, slurp_file("$file.out");

	unlink "$file.sql", "$file.out";
	return @ids;
}

# Is this process running?  Where pid 1 does not reap, a dead one stays as a
# zombie, to which signals can still be sent.
sub is_running
{
	my ($pid) = @_;
	my $stat = -e "/proc/$pid/stat" ? eval { slurp_file("/proc/$pid/stat") } : undef;

	return defined $stat && $stat !~ /\) [ZX] /;
}

# Kill the postmaster and all that it started, at once, as when the power fails.
# Its lock files go, too: a zombie's would keep the server from starting again.
sub kill_server
{
	my $file = $node->data_dir . '/postmaster.pid';
	my $pid = (split /\n/, slurp_file($file))[0];
	my @children = split /\s+/, slurp_file("/proc/$pid/task/$pid/children");
	my $patience = 6_000;

	kill 'STOP', $pid;
	kill 'KILL', $pid, @children;
	while (grep { is_running($_) } @children, $pid)
	{
		die 'the server does not end' unless $patience--;
		usleep(10_000);
	}
	unlink $file, $node->host . '/.s.PGSQL.' . $node->port . '.lock';
	return;
}

# Where pid 1 does not reap: what has ended is not waited for.
my $zombie = fork() // die "fork: $!";
POSIX::_exit(0) unless $zombie;
my $patience = 6_000;
usleep(10_000) while slurp_file("/proc/$zombie/stat") !~ /\) Z / && $patience--;
ok(kill(0, $zombie) && !is_running($zombie), 'a zombie is not running');
waitpid $zombie, 0;

$node->safe_psql('postgres', 'CREATE TABLE acknowledged (id text)');
for my $round (1 .. $rounds)
{
	my @clients = map { client($_, $round) } 1 .. $clients;

	usleep(400_000 + 250_000 * ($round % 5));
	kill_server();
	$_->finish foreach @clients;

	$node->{_pid} = undef;
	$node->start;
	my @ids = map { acknowledged($_) } 1 .. $clients;
	cmp_ok(scalar @ids, '>', 20, "round $round: there was some load");
	note scalar(@ids) . ' transactions were acknowledged';

	# A transaction of many sales has its id in front of theirs.
	$node->safe_psql('postgres',
		"COPY acknowledged FROM STDIN;\n" . join("\n", @ids, '\.', ''));
	is( $node->safe_psql('postgres', q{
			SELECT count(*) FROM acknowledged AS a
			WHERE NOT EXISTS (SELECT FROM sale AS s WHERE s.id = a.id)
				AND NOT EXISTS (SELECT FROM sale AS s WHERE s.id = a.id || ' 50')
				AND NOT EXISTS (SELECT FROM invoice AS i WHERE i.id = a.id)}),
		0,
		"round $round: nothing acknowledged is lost");
	books_are_well($node, 'postgres', "round $round");
}

is( $node->safe_psql('postgres', q{
		SELECT count(*) FROM (
			SELECT event_id FROM commission.generation
			UNION ALL SELECT event_id FROM commission.customer_order
			UNION ALL SELECT event_id FROM commission.reversal
		) AS e GROUP BY event_id HAVING count(*) > 1}),
	'',
	'no event id was given twice');
$node->stop;
done_testing();

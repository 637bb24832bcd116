# follower.t
#	Two consumers follow the ledger while eight clients write to it in
#	transactions that stay open, are rolled back or are prepared, and while the
#	server is killed: they end with exactly the ledger, in one order.  So does
#	what examples/webhook posts to a server that fails half of the time.
use strict;
use warnings;

use FindBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Shop;

my $node = PostgreSQL::Test::Cluster->new('follower');
$node->init;
$node->append_conf('postgresql.conf', q{
	max_prepared_transactions = 50
	restart_after_crash = on
});
$node->start;
create_shop($node, 'postgres');

# One client: transactions that end in each way, some of them late.
sub client
{
	my ($client, $round) = @_;
	my $script = "SET synchronous_commit = off;\n";

	for my $n (1 .. 80)
	{
		my $id = "r$round c$client n$n";
		my $end = ($client * 7 + $n * 5) % 9;

		$script .= "BEGIN;\nINSERT INTO sale VALUES ('$id', 'brand' || $n % 10, 'avatar', 'reference', 20, 10);\n";
		$script .= "SELECT pg_sleep(0.3);\n" if $n % 20 == $client;
		$script .= "SELECT FROM commission.reverse_generation('$id', 7);\n" if $n % 6 == 0;
		$script .= $end < 5 ? "COMMIT;\n"
		  : $end < 7 ? "ROLLBACK;\n"
		  : "PREPARE TRANSACTION '$id';\n";
		$script .= "SELECT pg_sleep(0.02);\n";
		$script .= ($end == 7 ? 'COMMIT' : 'ROLLBACK') . " PREPARED '$id';\n"
		  if $end >= 7 && $n % 4 != 0;
	}
	my $file = $node->basedir . "/client$client-$round.sql";
	append_to_file($file, $script);
	return IPC::Run::start(
		[ 'psql', '-X', '-q', '-A', '-t', '-d', $node->connstr('postgres'), '-f', $file ],
		'<', '/dev/null', '>', '/dev/null', '2>', '/dev/null');
}

# What a consumer has taken: the change of each position, and how often it was
# given something new under a position that it had.
my (%taken, %changed);

# Take what is next, and acknowledge it unless the consumer "crashes" before;
# how many changes there were, -1 where the server cannot be reached.
sub follow
{
	my ($consumer, $n, $acknowledge) = @_;
	# (The harness dies where psql has gone before it took the statement.)
	my ($status, $stdout) = eval { $node->psql('postgres',
		"SELECT position, event_id, coalesce(line, 0), what FROM commission.next_changes('$consumer', $n)") };
	my $last;

	return -1 if !defined $status || $status != 0;
	foreach my $row (split /\n/, $stdout)
	{
		my ($position, $change) = split /\|/, $row, 2;
		my $known = $taken{$consumer}{$position} //= $change;

		$changed{$consumer}++ if $known ne $change;
		$last = $position;
	}
	return 0 if !defined $last;
	$node->psql('postgres', "SELECT commission.acknowledge('$consumer', $last)")
	  if $acknowledge;
	return scalar split /\n/, $stdout;
}

# Follow until the clients are done, and kill a backend in the middle, upon which
# the server restarts itself.
sub follow_clients
{
	my ($kill, @clients) = @_;
	my $turns = 0;
	my $patience = 300;

	while ($patience-- && grep { $_->pumpable } @clients)
	{
		follow('one', 50, $turns % 3 != 2);
		follow('two', 997, $turns % 4 == 1) if $turns % 2;
		if ($kill && $turns == 3)
		{
			my $pid = $node->safe_psql('postgres',
				q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'});
			kill 'KILL', $pid;
		}
		$turns++;
	}
	$_->finish foreach @clients;
	cmp_ok($turns, '>', 3, 'there was something to follow meanwhile');
	return;
}

follow_clients(1, map { client($_, 1) } 1 .. 8);
$node->poll_query_until('postgres', 'SELECT true');
follow_clients(0, map { client($_, 2) } 1 .. 8);

# What the transactions that are still prepared hold back comes when they end.
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM pg_prepared_xacts'), '>', 3,
	'some transactions are prepared still');
1 while follow('one', 50, 1) > 0;
is($node->safe_psql('postgres', q{SELECT changes_behind FROM commission.consumer_status WHERE consumer = 'one'}),
	0, 'nothing else is held back by them');
$node->safe_psql('postgres', q{
	SELECT format('%s PREPARED %L', CASE WHEN row_number() OVER (ORDER BY gid) % 2 = 0
		THEN 'COMMIT' ELSE 'ROLLBACK' END, gid) FROM pg_prepared_xacts \gexec
	SET commission.minimum_payout = 1;
	SELECT commission.request_withdrawal('seller', 10, 'bank') AS w \gset
	SELECT commission.approve_withdrawal(:w), commission.pay_withdrawal(:w, 'transfer');
});
foreach my $consumer (qw(one two))
{
	1 while follow($consumer, 1000, 1) > 0;
}

my @ledger = split /\n/, $node->safe_psql('postgres', q{
	SELECT event_id, line, kind::text FROM commission.entry
	UNION ALL
	SELECT event_id, 0, 'withdrawal_' || to_state::text
	FROM commission.withdrawal_transition WHERE to_state IN ('approved', 'paid')});
cmp_ok(scalar @ledger, '>', 500, 'the ledger has something');
foreach my $consumer (qw(one two))
{
	my $positions = $taken{$consumer};

	is($changed{$consumer} // 0, 0, "$consumer: what was given stays what it was");
	is(join(',', sort { $a <=> $b } keys %$positions), join(',', 1 .. @ledger),
		"$consumer: every position, without a gap");
	is(join("\n", sort values %$positions), join("\n", sort @ledger),
		"$consumer: exactly the ledger");
}
is_deeply($taken{one}, $taken{two}, 'both in one order');
books_are_well($node, 'postgres', 'after all');

# The example, which is killed as well.
SKIP:
{
	skip 'there is no python3', 3 if system('python3 -c "" 2>/dev/null') != 0;

	my $example = "$FindBin::RealBin/../../examples/webhook";
	my $file = $node->basedir . '/taken.jsonl';
	my ($url, $errors) = ('', '');
	local $ENV{WEBHOOK_SECRET} = 'a secret that only two know';
	my $receiver = IPC::Run::start(
		[ 'python3', "$example/receive.py", '--fail', '0.5', $file ],
		'>', \$url, '2>', \$errors);
	my @follow = ('python3', "$example/follow.py", '--connect', $node->connstr('postgres'),
		'--consumer', 'hook', '--backoff', '0.001', '--until-empty');

	$node->safe_psql('postgres', q{SELECT FROM commission.next_changes('hook');
		SELECT commission.acknowledge('hook', max(position) - 300) FROM commission.next_changes('hook', 10000)});
	$receiver->pump until $url =~ /\n/;
	chomp $url;
	my $follower = IPC::Run::start([ @follow, '--batch', '50', $url ], '>', \my $log, '2>&1');
	for (1 .. 1000)
	{
		last if -s $file;
		select undef, undef, undef, 0.01;
	}
	$follower->kill_kill(grace => 0);
	ok(-s $file, 'something was posted before the kill');
	command_ok([ @follow, $url ], 'the example posts all that is left');
	$receiver->kill_kill;
	my @posted = map { /"position": (\d+)/ } split /\n/, slurp_file($file);
	my $end = @ledger;
	is("@posted", join(' ', $end - 299 .. $end),
		'... each change once, in order, through a server that fails half of the time');
}

$node->stop;
done_testing();

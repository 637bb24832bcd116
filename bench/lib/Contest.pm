# Contest.pm
#	Contestants, and what they are measured by: for bench/run, which says how.
package Contest;

use strict;
use warnings;

use Exporter 'import';
use FindBin;
use POSIX ();
use Time::HiRes qw(sleep);

our @EXPORT = qw($long query median ratio report print_table make_world make_lean
  contestant check_ledgers pgbench psql set_server rounds rounds_unsynced seconds describe_machine);

# More rounds of more sales.
our $long = 0;

my $here = $FindBin::RealBin;
my @table;    # what is printed at the end

# A command's output; its failure is ours.
sub output
{
	my @command = @_;
	open(my $pipe, '-|', @command) or die "bench: cannot run $command[0]: $!\n";
	local $/;
	my $text = <$pipe> // '';
	close $pipe or die "bench: @command failed\n";
	return $text;
}

# psql on a database, quiet unless something fails; the arguments are commands, or files by "-f".
sub psql
{
	my ($database, @arguments) = @_;
	my $text = output('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1',
		'-d', $database, @arguments);
	chomp $text;
	return $text;
}

# A statement's result.
sub query
{
	my ($database, $sql) = @_;
	return psql($database, '-c', $sql);
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;
	my $middle = int(@sorted / 2);
	return @sorted % 2 ? $sorted[$middle]
	  : ($sorted[$middle - 1] + $sorted[$middle]) / 2;
}

# The median of one list over another, round by round.
sub ratio
{
	my ($ours, $theirs) = @_;
	return median(map { $ours->[$_] / $theirs->[$_] } 0 .. $#$ours);
}

# A line of the table.
sub report
{
	my ($what, $to_reach, $measured) = @_;
	push @table, [ $what, $to_reach, $measured ];
	print "   $what: $measured (to reach: $to_reach)\n";
	return;
}

# What was reported.
sub print_table
{
	print "\n";
	printf "%-72s %-10s %s\n", @$_
	  for [ 'what', 'to reach', 'measured' ], @table;
	return;
}

# ---------------------------------------------------------------------------
# Contestants
# ---------------------------------------------------------------------------

# A database with the world in it, from which contestants are cloned.
sub make_world
{
	my ($name, $referrers) = @_;
	query('postgres', "CREATE DATABASE $name");
	psql($name, '-o', '/dev/null', '-v', "referrers=$referrers",
		'-f', "$here/world.sql");
	query($name, 'VACUUM ANALYZE');
	return;
}

# The files of the lean rivals.
sub make_lean
{
	output('sh', '-c', 'mkdir "$2" && for file in "$1"/*.sql; do
			sed "/-- not lean$/d" "$file" > "$2/${file##*/}" || exit
		done', 'sh', "$here/rival", "$ENV{TMPDIR}/lean");
	return;
}

# A contestant, afresh; and what it is called.
sub contestant
{
	my ($rival, $world, $name) = @_;
	$world ||= 'uniform';
	$name ||= $rival;
	my $is_lean = $rival =~ s/^lean_//;
	my $folder = $is_lean ? "$ENV{TMPDIR}/lean" : "$here/rival";
	query('postgres', "DROP DATABASE IF EXISTS $name");
	query('postgres', "CREATE DATABASE $name TEMPLATE $world");
	psql($name, '-o', '/dev/null', '-v', 'lean=' . ($is_lean ? 1 : 0), '-f', "$folder/$rival.sql");
	return $name;
}

# All contestants were given the same sales: they must owe the same to all.
sub check_ledgers
{
	my %seen;
	for my $database (@_)
	{
		my $sums = query($database, <<'SQL');
SELECT count(*), sum(total), md5(string_agg(owed::text, ',' ORDER BY account_id, kind))
	FROM (SELECT account_id, kind, count(*), sum(amount) AS total
		FROM ledger GROUP BY account_id, kind) AS owed
SQL
		$sums !~ /^0\|/ or die "bench: the ledger of $database is empty\n";
		push @{ $seen{$sums} }, $database;
	}
	keys %seen == 1
	  or die "bench: the ledgers are not equal: "
	  . join('; ', map { "@{$seen{$_}}: $_" } sort keys %seen) . "\n";
	return;
}

# ---------------------------------------------------------------------------
# Sales by pgbench
# ---------------------------------------------------------------------------

# Run a script a number of times in each of several clients; sales a second.
sub pgbench
{
	my ($database, $script, $clients, $number, $seed) = @_;
	my $text = output('sh', '-c', 'exec "$@" 2>"$0"', "$ENV{TMPDIR}/pgbench.err",
		'pgbench', '-n', '-M', 'prepared', '-c', $clients,
		'-j', $clients < 2 ? 1 : 2, '-t', $number, "--random-seed=$seed",
		'-f', "$here/script/$script.pgbench", $database);
	$text =~ /^tps = ([0-9.]+) \(without/m or die "bench: no tps in\n$text";
	return $1;
}

# What the sessions of all databases begin with.
sub set_server
{
	my ($name, $value) = @_;
	query('postgres', "ALTER SYSTEM SET $name = $value");
	query('postgres', 'SELECT pg_reload_conf()');
	sleep 0.2;
	return;
}

# Rounds of a script in which contestants take turns; for each, its rates.
# The first round warms up and does not count.
sub rounds
{
	my ($databases, $script_of, $clients, $number) = @_;
	my %rates = map { $_ => [] } @$databases;
	my $rounds = $long ? 25 : 9;

	for my $round (0 .. $rounds)
	{
		for my $database ($round % 2 ? reverse(@$databases) : @$databases)
		{
			my $rate = pgbench($database, $script_of->($database), $clients,
				$round ? $number : 200, $round + 1);
			push @{ $rates{$database} }, $rate if $round;
		}
	}
	printf "   %-12s %7.0f a second\n", $_, median(@{ $rates{$_} })
	  for @$databases;
	return %rates;
}

# The same, with nobody waiting for the disk.
sub rounds_unsynced
{
	my @arguments = @_;
	set_server('synchronous_commit', 'off');
	my %rates = rounds(@arguments);
	set_server('synchronous_commit', 'on');
	return %rates;
}

# The seconds that statements take together, in one transaction.
sub seconds
{
	my ($database, @statements) = @_;
	my $text = psql($database, '-c', '\timing on', map { ('-c', $_) }
		  'BEGIN', @statements, 'COMMIT');
	my $seconds = 0;
	$seconds += $1 / 1000 while $text =~ /^Time: ([0-9.]+) ms/mg;
	return $seconds;
}

# The machine, so that figures can be told apart.
sub describe_machine
{
	my $cpu = 'unknown';
	if (open(my $file, '<', '/proc/cpuinfo'))
	{
		while (<$file>) { $cpu = $1, last if /^model name\s*:\s*(.*)/ }
		close $file;
	}
	my ($sysname, undef, $release, undef, $machine) = POSIX::uname();
	chomp(my $cpus = output('nproc'));
	print "$cpus CPUs ($cpu), $sysname $release $machine\n";
	print query('postgres', 'SELECT version()'), "\n";
	return;
}

1;

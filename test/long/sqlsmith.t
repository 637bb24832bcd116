# sqlsmith.t
#	Random queries over everything that the extension has, for some minutes
#	(COMMISSION_SECONDS): no crash, no internal error of ours, and books that
#	are well.
#
# It needs Debian's package sqlsmith.
use strict;
use warnings;

use File::Basename;
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Shop;

my $seconds = $ENV{COMMISSION_SECONDS} // 300;

my ($sqlsmith) = grep { -x } map { "$_/sqlsmith" } split /:/, $ENV{PATH};
plan skip_all => 'sqlsmith is not installed' unless $sqlsmith;

my $node = PostgreSQL::Test::Cluster->new('sqlsmith');
$node->init;
$node->append_conf('postgresql.conf', q{
	fsync = off
	statement_timeout = 2s
	shared_preload_libraries = 'commission'
	commission.cref_secret = 'of at least thirty-two bytes, as it must be'
	log_error_verbosity = verbose
});
$node->start;
create_shop($node, 'postgres');
$node->safe_psql('postgres', q{
	INSERT INTO sale SELECT n, 'brand' || n % 10, 'avatar', 'reference', 20, 10
	FROM generate_series(1, 500) AS n;
	SELECT commission.reverse_generation('1', 7);
	INSERT INTO invoice SELECT 'i' || n, 'brand' || n % 10, 1999
	FROM generate_series(1, 50) AS n;
	SELECT commission.request_withdrawal('seller', 5000, 'bank');
});

# It also finds PostgreSQL's own functions that end or signal other sessions,
# which would end it: it is a role that may do all to what is ours.
$node->safe_psql('postgres', q{
	CREATE ROLE smith LOGIN;
	GRANT ALL ON SCHEMA commission, commission_internal TO smith;
	GRANT ALL ON ALL TABLES IN SCHEMA commission, commission_internal, public TO smith;
	GRANT ALL ON ALL SEQUENCES IN SCHEMA commission TO smith;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA commission, commission_internal TO smith;
	GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA commission TO smith;
});

my $end = time + $seconds;
for (my $seed = 1; time < $end; $seed++)
{
	my $connection = sprintf 'host=%s port=%s dbname=postgres user=smith',
	  $node->host, $node->port;
	my $run = IPC::Run::start(
		[
			$sqlsmith, "--target=$connection", "--seed=$seed",
			'--max-queries=2000', '--exclude-catalog'
		],
		'>', '/dev/null', '2>', '/dev/null');

	sleep 1 while time < $end && $run->pumpable;
	$run->signal('TERM');
	$run->finish;
	last unless ok($node->poll_query_until('postgres', 'SELECT true'),
		"seed $seed: the server lives");
}

# The line after an error says where it was raised.
my %rooms = map { basename($_) => 1 } glob "$FindBin::RealBin/../../src/{,*/}*.c";
my $log = slurp_file($node->logfile);
my %ours;
while ($log =~ /ERROR:  (XX\d{3}: .*)\n(?:(?!.*ERROR:).*\n)*?.*LOCATION:  \S+, (\S+):/g)
{
	$ours{"$1, in $2"}++ if $rooms{$2};
}
is(join("\n", sort keys %ours), '', 'no internal error of ours');
unlike($log, qr/terminated by signal|PANIC|TRAP/, 'no crash');
is($node->safe_psql('postgres', 'SELECT * FROM commission.audit()'),
	'', 'the ledger is correct');
$node->stop;
done_testing();

# ten_million.t
#	Ten million rows through every door in one session, then a statement of
#	three million sales: no more memory is held than for the second million.
#
# Every million is rolled back and its space used again, so that it does not
# take more than 10 GB of disk.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Shop;

my $rounds = 10;

# What may be held besides: at the peak, and by the memory contexts when it is
# over.
my $slack_kb = 4 * 1024;
my $slack_contexts_kb = 64;

my $node = PostgreSQL::Test::Cluster->new('ten_million');
$node->init;
$node->append_conf('postgresql.conf', q{
	fsync = off
	wal_level = minimal
	max_wal_senders = 0
	max_wal_size = 4GB
	shared_buffers = 256MB
	work_mem = 1MB
	autovacuum = off
	jit = off
});
$node->start;
create_shop($node, 'postgres');
$node->safe_psql('postgres', q{
	CREATE TABLE parted (LIKE sale INCLUDING DEFAULTS) PARTITION BY HASH (id);
	CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	SELECT commission.attach('parted', 'id', 'buyer', 'avatar', 'reference',
		model_price => 'price', api_cost => 'cost', paid => 'paid');
});

my $row = q{n, 'brand' || n % 1000, 'avatar', CASE WHEN n % 3 = 0 THEN 'reference' END, 20, 10};

# A million rows, the doors taking turns; R is the round's number.
my $million = qq{
	INSERT INTO sale SELECT 'R a ' || $row FROM generate_series(1, 500000) AS n;
	INSERT INTO parted SELECT 'R p ' || $row FROM generate_series(1, 200000) AS n;
	INSERT INTO invoice SELECT 'R ' || n, 'brand' || n % 1000, 1999 FROM generate_series(1, 200000) AS n;
	SELECT FROM (SELECT count(commission.record_generation('R d ' || n, 'buyer R ' || n, 'avatar', model_price => 20, api_cost => 10)) FROM generate_series(1, 100000) AS n) AS c;
};

# What is to be rolled back, between a reset of the process's peak and a line of
# what it held: at its peak, of its own, and in all memory contexts at the end.
sub rolled_back
{
	my ($sql) = @_;

	return qq{
		COPY (SELECT 5) TO '/proc/self/clear_refs';
		BEGIN;
		$sql
		ROLLBACK;
		SELECT concat_ws(' ', 'held', (m[1]::int - m[2]::int - m[3]::int), (
			SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts)::int)
		FROM regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\\s*(\\d+).*RssFile:\\s*(\\d+).*RssShmem:\\s*(\\d+)') AS m;
		VACUUM;
	};
}

my $script = join '', map { my $round = $_; rolled_back($million =~ s/\bR\b/$round/gr) } 1 .. $rounds;
$script .= rolled_back(
	"INSERT INTO sale SELECT 'one ' || $row FROM generate_series(1, 3000000) AS n;");

my @held = $node->safe_psql('postgres', $script) =~ /^held (\d+ \d+)$/gm;
is(scalar @held, $rounds + 1, 'every million was counted');

# (The first million, and the VACUUM after it, fill the session's caches.)
my ($first, $second, @later) = @held;
my ($peak, $contexts) = split / /, $second;
note "million 1: $first, million 2: $second kB at the peak, in contexts after";
foreach my $n (3 .. $rounds + 1)
{
	my ($now, $left) = split / /, shift @later;
	my $name = $n > $rounds ? 'three million at once' : "million $n";

	cmp_ok($now - $peak, '<', $slack_kb, "$name: $now kB at its peak");
	cmp_ok($left - $contexts, '<', $slack_contexts_kb, "$name: $left kB in contexts after");
}
$node->stop;
done_testing();

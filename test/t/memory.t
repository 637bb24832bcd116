# memory.t
#	However many rows a statement has, and however many statements a session
#	runs, the memory held is that of one batch.
#
# COMMISSION_ROWS asks for larger statements; test/long/memory.t sets it.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Shop;

my $few = 2_000;
my $many = $ENV{COMMISSION_ROWS} // 8_000;

# A statement remembers keys, up to a number that is out of reach here unless
# more rows are asked for.
my $keys = defined $ENV{COMMISSION_ROWS} ? 70_000 : $few;
my $remembered = defined $ENV{COMMISSION_ROWS} ? 0 : 256;

# The larger statement may hold so much more, a session of costly calls, which are
# fewer, less; and, in bytes, for each row: 12 are PostgreSQL's own where a row
# trigger is to be fired for it, and up to 64 where a transaction writes a row and
# writes it again (the combo CIDs).
my $slack_kb = 512;
my $slack_of_calls_kb = defined $ENV{COMMISSION_ROWS} ? 512 : 128;
my $queued = 12;
my $written_twice = 64;

my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init;
$node->append_conf('postgresql.conf', q{
	fsync = off
	shared_buffers = 16MB
	work_mem = 64kB
	autovacuum = off
	max_wal_size = 4GB
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
	SELECT commission.set_model_price('flux', '4k', 20, 10);
	SELECT commission.register_listing('dear', 'rich', 'avatar', 100000000);
	SELECT commission.record_generation('dear', 'brand1', 'dear',
		model_price => 1, api_cost => 1);
});

# The memory in kB that a session of its own holds at its peak, after a reset of
# the peak: what is shared with others is not counted.
my $reset = q{COPY (SELECT 5) TO '/proc/self/clear_refs'};
my $peak = q{
	SELECT concat_ws(' ', 'held', m[1]::int - m[2]::int - m[3]::int)
	FROM regexp_match(pg_read_file('/proc/self/status'),
		'VmHWM:\s*(\d+).*RssFile:\s*(\d+).*RssShmem:\s*(\d+)') AS m};

# Do the same in one session for few and for many, after having done it for few
# to load what is loaded once; R stands for the number of rows.  PostgreSQL may
# hold so many bytes for each row.
sub bounded
{
	my ($name, $sql, %options) = @_;
	my $from = $options{from} // $few;
	my $allowed = ($options{slack} // $slack_kb) + $many * ($options{per_row} // $queued) / 1024;
	my @rows = ($from, $from + 1, $from + $many);
	my $output = $node->safe_psql('postgres', join ";\n",
		map { ($reset, $sql =~ s/\bR\b/$_/gr, $peak) } @rows);
	my (undef, $less, $more) = $output =~ /^held (\d+)$/gm;

	cmp_ok($more - $less, '<', $allowed, "$name: $less kB for $from, $more kB for $rows[2]");
	return;
}

my $secret =
  "SET commission.cref_secret = 'of at least thirty-two bytes, as it must be';";
my $row = q{n, 'brand' || n % 10, 'avatar', CASE WHEN n % 3 = 0 THEN 'reference' END, 20, 10};

bounded('many requests',
	"SET commission.minimum_payout = 0; SELECT count(commission.request_withdrawal('rich', 1, 'bank')) FROM generate_series(1, least(R / 20, 5000)) AS n",
	slack => $slack_of_calls_kb);
bounded('many accounts',
	"SELECT count(commission.register_account('R ' || n, n || '\@example.com')), count(commission.refer('R ' || n, 'ana', 'creator')) FROM generate_series(1, R / 4) AS n",
	per_row => $written_twice);
bounded('many balances',
	"SELECT count(commission.balance_at('R ' || n, now())) FROM generate_series(1, R) AS n");
bounded('many statements of account',
	"SELECT count(s) FROM generate_series(1, R / 10) AS n, commission.statement('R ' || n, current_date, current_date) AS s");
bounded('a statement of many sales',
	"INSERT INTO sale SELECT 'R a ' || $row FROM generate_series(1, R) AS n");
bounded('a statement of as many buyers',
	"INSERT INTO sale SELECT 'R b ' || n, 'buyer R ' || n, 'avatar', NULL, 20, 10 FROM generate_series(1, R) AS n",
	from => $keys, per_row => $remembered || $queued);
bounded('many orders',
	"INSERT INTO invoice SELECT 'R ' || n, 'brand' || n % 10, 1999 FROM generate_series(1, R) AS n");
bounded('many sales put into partitions',
	"INSERT INTO parted SELECT 'R p ' || $row FROM generate_series(1, R) AS n");
bounded('many that come again',
	"INSERT INTO parted SELECT 'R p ' || $row FROM generate_series(1, R) AS n");
bounded('many calls of the door',
	"SELECT count(commission.record_generation('R d ' || n, 'brand2', 'avatar', model => 'flux', resolution => '4k')) FROM generate_series(1, R) AS n");
bounded('many refunds',
	"SELECT count(commission.reverse_generation('R d ' || n, 7)) FROM generate_series(1, R) AS n");
bounded('many that are made unpaid',
	"UPDATE sale SET paid = false WHERE id LIKE 'R a %'");
bounded('much arithmetic',
	"SELECT count(commission.surcharge(n)), count(commission.mask('R' || n)), count(commission.account_id('R' || n)) FROM generate_series(1, R) AS n");
bounded('many legs',
	"SELECT sum(l.amount) FROM generate_series(1, R) AS n, commission.legs(n, true, 2) AS l");

bounded('many projections',
	"SELECT sum(p.total) FROM generate_series(1, R / 4) AS n, commission.project_subscription(n, 12) AS p");
bounded('many tokens',
	"$secret SELECT count(r.campaign) FROM generate_series(1, R) AS n, commission.read_cref(commission.sign_cref('ana', campaign => 'R' || n)) AS r");
bounded('many touches',
	"$secret SELECT count(commission.touch('ana', campaign => 'campaign ' || n % 1000, landing => '/R/' || n)) FROM generate_series(1, R) AS n");
bounded('many that sign up',
	"$secret SELECT count(commission.attribute('new R ' || n, commission.sign_cref('ana', now() - interval '1 hour'), 'brand')) FROM generate_series(1, R / 8) AS n",
	slack => $slack_of_calls_kb);
# The heap of a plan this large settles only after a thousand calls or more.
my $sale = $few + $many . ' d ';
bounded('much that is explained',
	"SELECT count(e) FROM generate_series(1, R / 10) AS n, commission.explain('$sale' || n) AS e",
	from => 16_000, slack => $slack_of_calls_kb);
is( $node->safe_psql('postgres', "SELECT count(e) > 2 FROM commission.explain('${sale}1') AS e"),
	't', '... and there was something to explain');

# What fails is let go, too.
bounded('many errors', q{
	DO $$
	BEGIN
		FOR n IN 1 .. R LOOP
			BEGIN
				PERFORM commission.record_generation('unknown ' || n, 'b', 'nothing', model_price => 1, api_cost => 1);
			EXCEPTION WHEN foreign_key_violation THEN
			END;
		END LOOP;
	END $$});

$node->stop;
done_testing();

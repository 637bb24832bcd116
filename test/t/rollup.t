# rollup.t
#	The rolled-up sums through a crash in the middle of a rollup(), a dump and
#	restore, a prepared sale that outlives the server, and scheduled by pg_cron.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('rollup');
$node->init;
$node->append_conf('postgresql.conf', "max_prepared_transactions = 5\n");
$node->start;

# What every step ends with: the books are in order, and the card shows what
# the ledger has.
sub in_order
{
	my ($database, $what) = @_;

	is($node->safe_psql($database, 'SELECT * FROM commission.audit()'),
		'', "$what: the books are in order");
	is( $node->safe_psql(
			$database, q{
			SELECT count(*)
			FROM commission.account AS a
			JOIN commission.earnings AS s ON s.account = a.name
			WHERE s.lifetime + s.pool_lifetime <> coalesce((
				SELECT sum(e.amount) FROM commission.entry AS e
				WHERE e.account_id = a.account_id), 0)}),
		'0',
		"$what: the cards show what the ledger has");
	return;
}

sub sell
{
	my ($prefix, $sales) = @_;

	return "SELECT count(commission.record_generation('$prefix' || i, 'studio',
		'rooftop', model_price => 20, api_cost => 10))
		FROM generate_series(1, $sales) AS i";
}

$node->safe_psql(
	'postgres', q{
	CREATE EXTENSION commission;
	SELECT commission.register_listing('rooftop', 'seller', 'avatar', 100);
	SELECT commission.refer('studio', 'ana', 'brand', '2026-01-01')});
$node->safe_psql('postgres', sell('first ', 1000));
$node->safe_psql('postgres', 'CALL commission.rollup()');
my $rolled = $node->safe_psql('postgres', 'TABLE commission.rolled');
in_order('postgres', 'rolled up');

# A crash in the middle: the sums are written, but not committed.
$node->safe_psql('postgres', sell('second ', 1000));
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; CALL commission.rollup()');
$node->stop('immediate');
eval { $session->quit };
$node->start;
is($node->safe_psql('postgres', 'TABLE commission.rolled'),
	$rolled, 'a crash leaves what was before');
in_order('postgres', 'after the crash');
$node->safe_psql('postgres', 'CALL commission.rollup()');
in_order('postgres', 'rolled up again');

# Event ids are drawn without nextval(): none is given twice after a crash,
# whether or not the last draws before it were logged, or a checkpoint came
# in between; and nextval() by hand gives the next one.
my $last = 0;
foreach my $draws (1, 32, 100)
{
	foreach my $checkpoint ('', 'CHECKPOINT; SELECT commission_internal.draw_event_id();')
	{
		my $ids = $node->safe_psql('postgres', "
			$checkpoint
			SELECT min(id), max(id), count(DISTINCT id)
			FROM (SELECT commission_internal.draw_event_id() AS id
				FROM generate_series(1, $draws)) AS d");
		my ($min, $max, $count) = $ids =~ /(\d+)\|(\d+)\|(\d+)$/;
		ok($min > $last && $count == $draws,
			"ids go on after a crash ($draws draws, $checkpoint)");
		$last = $node->safe_psql('postgres',
			q{SELECT nextval('commission.event_id_seq')});
		is($last, $max + 1, '... and nextval() gives the next');
		$node->stop('immediate');
		$node->start;
	}
}

# ... nor without nextval(), which logs what it finds: replay begins at the
# checkpoint, behind the numbers that were logged ahead.
my $draw = 'SELECT commission_internal.draw_event_id()';
$node->safe_psql('postgres', "$draw; CHECKPOINT");
$last = $node->safe_psql('postgres', $draw);
$node->stop('immediate');
$node->start;
cmp_ok($node->safe_psql('postgres', $draw),
	'>', $last, 'the first id after a checkpoint is not given twice');

# A sale that is open when the rollup begins, and committed while it waits.
my $seller = $node->background_psql('postgres');
$seller->query_safe('BEGIN; ' . sell('open ', 10));
$node->safe_psql('postgres', sell('meanwhile ', 10));
my $roller = $node->background_psql('postgres');
$roller->query_until(qr/started/,
	"\\echo started\nCALL commission.rollup();\n");
$node->poll_query_until(
	'postgres', q{
	SELECT EXISTS (SELECT FROM pg_locks
		WHERE relation = 'commission.rolled'::regclass
			AND mode = 'ShareUpdateExclusiveLock')});
$seller->query_safe('COMMIT');
$seller->quit;
$roller->quit;
is( $node->safe_psql('postgres', 'SELECT count(*) FROM commission_internal.unrolled'),
	'1', 'a sale that ends in time is waited for');
in_order('postgres', 'with a sale waited for');

# VACUUM has a lock that a sale's looks like, and is not waited for: an id that
# was drawn for nothing is then not taken for one of a sale that is still open.
my $of_ledger = q{v.relid = 'commission.entry'::regclass};
my $vacuum = $node->background_psql('postgres');
$vacuum->query_safe('SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1');
$node->safe_psql('postgres',
	'SELECT commission_internal.draw_event_id(); ' . sell('vacuumed ', 10));
$vacuum->query_until(qr/started/,
	"\\echo started\nVACUUM (DISABLE_PAGE_SKIPPING) commission.entry;\n");
$node->poll_query_until('postgres',
	"SELECT EXISTS (SELECT FROM pg_stat_progress_vacuum AS v WHERE $of_ledger)");
$node->safe_psql('postgres', 'CALL commission.rollup()');
is( $node->safe_psql('postgres', "
		SELECT count(*), (SELECT count(*) FROM pg_stat_progress_vacuum AS v WHERE $of_ledger)
		FROM commission_internal.unrolled"),
	'1|1', 'VACUUM is not waited for');
$node->safe_psql('postgres',
	"SELECT pg_terminate_backend(v.pid, 10000) FROM pg_stat_progress_vacuum AS v WHERE $of_ledger");
eval { $vacuum->quit };

# A prepared sale, across a restart.
$node->safe_psql('postgres',
	'BEGIN; ' . sell('prepared ', 1) . "; PREPARE TRANSACTION 'sale'");
$node->safe_psql('postgres', sell('third ', 100));
$node->restart;
$node->safe_psql('postgres', 'CALL commission.rollup()');
is( $node->safe_psql(
		'postgres',
		'SELECT count(*) FROM commission_internal.ranges((SELECT event_ids FROM commission.rolled))'
	),
	'2',
	'what comes after a prepared sale is rolled up without it');
in_order('postgres', 'with a sale prepared');
$node->safe_psql('postgres', "COMMIT PREPARED 'sale'");
in_order('postgres', 'with that sale committed');
$node->safe_psql('postgres', 'CALL commission.rollup()');
is( $node->safe_psql(
		'postgres',
		'SELECT count(*) FROM commission_internal.ranges((SELECT event_ids FROM commission.rolled))'
	),
	'1',
	'and then with it');
in_order('postgres', 'with that sale rolled up');

# A dump, restored; sales go on there, and so do rollups.
$node->safe_psql('postgres', sell('fourth ', 10));
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ],
	'dumped');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored') ],
	'restored');
in_order('restored', 'restored');
is( $node->safe_psql('restored', 'TABLE commission.rolled'),
	$node->safe_psql('postgres', 'TABLE commission.rolled'),
	'the restored database knows what is rolled up');
$node->safe_psql('restored', sell('fifth ', 10));
$node->safe_psql('restored', 'CALL commission.rollup()');
in_order('restored', 'restored and rolled up');

# Another node's events, as they come by replication, are left to that node.
$node->safe_psql('restored',
	"SET commission.node_id = 7; " . sell('elsewhere ', 10));
$node->safe_psql('restored', 'CALL commission.rollup()');
is($node->safe_psql('restored', 'SELECT node_id FROM commission.rolled'),
	'0', 'the rows of another node are not rolled up here');
in_order('restored', 'with another node');
$node->safe_psql('restored',
	'SET commission.node_id = 7; CALL commission.rollup()');
in_order('restored', 'with another node rolled up');

# pg_cron, as doc/reading.md says, but when it starts: not every minute.
SKIP:
{
	my $library = `@{[ $ENV{PG_CONFIG} // 'pg_config' ]} --pkglibdir`;
	chomp $library;
	skip "pg_cron is not installed for this server: $library/pg_cron.so is missing",
	  3
	  unless -e "$library/pg_cron.so";

	$node->append_conf(
		'postgresql.conf', q{
		shared_preload_libraries = 'pg_cron'
		cron.use_background_workers = on});
	$node->append_conf('postgresql.conf', "max_worker_processes = 20\n");
	$node->restart;
	$node->safe_psql(
		'postgres', q{
		CREATE EXTENSION pg_cron;
		SELECT cron.schedule('commission rollup', '@reboot',
							 'CALL commission.rollup()')});
	$node->safe_psql('postgres', sell('sixth ', 10));
	$node->restart;
	ok( $node->poll_query_until(
			'postgres', q{
			SELECT NOT EXISTS (
				SELECT FROM commission.entry AS e
				JOIN commission_internal.unrolled AS u
					ON e.event_id >= u.first_event_id
					AND e.event_id < u.end_event_id)}),
		'pg_cron rolls up what was sold');
	in_order('postgres', 'with pg_cron');
}

$node->stop;
done_testing();

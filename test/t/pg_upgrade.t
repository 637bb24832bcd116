# pg_upgrade.t
#	A server is upgraded by pg_upgrade, with links: the books are the same
#	afterwards, and business goes on with the next id.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Shop;

# Everything that is kept, a line for each table.
my $tables = q{
	SELECT string_agg(format('SELECT %L, count(*), md5(coalesce(string_agg(t::text, %L ORDER BY t::text), %L)) FROM %s AS t',
			oid::regclass, ',', '', oid::regclass), ' UNION ALL ' ORDER BY relname)
	FROM pg_class
	WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind = 'r'
};

my $old = PostgreSQL::Test::Cluster->new('old');
$old->init;
$old->start;
create_shop($old, 'postgres');
$old->safe_psql('postgres', q{
	INSERT INTO sale SELECT n, 'brand' || n % 10, 'avatar', 'reference', 20, 10, n % 7 <> 0
	FROM generate_series(1, 500) AS n;
	UPDATE sale SET paid = NOT paid WHERE id LIKE '%5';
	INSERT INTO invoice SELECT 'i' || n, 'brand' || n % 10, 1999
	FROM generate_series(1, 50) AS n;
	SELECT commission.reverse_generation('1', 7);
	SELECT commission.request_withdrawal('seller', 5000, 'bank');
	CALL commission.rollup();
	ALTER DATABASE postgres SET commission.brand_ratio = 0.25;
});
my $all = $old->safe_psql('postgres', $tables);
my $before = $old->safe_psql('postgres', $all);
my $last = $old->safe_psql('postgres',
	'SELECT last_value FROM commission.event_id_seq');
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
my $bindir = $new->config_data('--bindir');

# pg_upgrade writes where it is run.
chdir $new->basedir;
command_ok(
	[
		'pg_upgrade', '--no-sync', '--link',
		'--old-bindir', $bindir, '--new-bindir', $bindir,
		'--old-datadir', $old->data_dir, '--new-datadir', $new->data_dir,
		'--old-port', $old->port, '--new-port', $new->port,
		'--socketdir', $new->host
	],
	'pg_upgrade');
$new->start;

is($new->safe_psql('postgres', $all), $before, 'every row of every table is there');
is($new->safe_psql('postgres', 'SHOW commission.brand_ratio'),
	'0.25', 'and the settings of the database');
books_are_well($new, 'postgres', 'upgraded');
is( $new->safe_psql('postgres',
		q{SELECT commission.record_generation('next', 'brand2', 'avatar', model_price => 20, api_cost => 10)}),
	$last + 1,
	'the next sale has the next id');
$new->safe_psql('postgres',
	q{INSERT INTO sale VALUES ('next', 'brand2', 'avatar', NULL, 20, 10)});
books_are_well($new, 'postgres', 'and business goes on');

$new->stop;
done_testing();

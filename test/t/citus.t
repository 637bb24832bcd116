# citus.t
#	Citus routes the application's rows to workers, each of which keeps a ledger
#	of its own: sales through the coordinator and on a worker, a worker that is
#	killed, a shard that is moved with the history of its buyers, and what is
#	refused.
#
# It needs Citus, and is skipped where its library is not installed.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $library = `pg_config --pkglibdir`;
chomp $library;
plan skip_all => 'Citus is not installed' unless -e "$library/citus.so";

sub machine
{
	my ($name, $number) = @_;
	my $machine = PostgreSQL::Test::Cluster->new($name);

	$machine->init(allows_streaming => 'logical');
	$machine->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'citus,commission'
commission.node_id = $number
citus.enable_unsafe_triggers = on
citus.shard_count = 4
citus.local_hostname = '${\$machine->host}'
citus.node_conninfo = 'sslmode=disable'
citus.show_shards_for_app_name_prefixes = '*'
CONF
	$machine->start;
	$machine->safe_psql('postgres', 'CREATE EXTENSION citus; CREATE EXTENSION commission');
	return $machine;
}

# What a machine refuses: the SQLSTATE and the message, or 'accepted'.
sub refused
{
	my ($machine, $sql) = @_;
	my ($status, $stdout, $stderr) =
	  $machine->psql('postgres', "\\set VERBOSITY verbose\n$sql");

	return $status ? $stderr =~ /ERROR:  (\w+: [^\n]*)/ ? $1 : $stderr : 'accepted';
}

my $coordinator = machine('coordinator', 0);
my @workers = map { machine("worker_$_", $_) } 1, 2;

$coordinator->safe_psql('postgres', sprintf "SELECT citus_set_coordinator_host('%s', %s)",
	$coordinator->host, $coordinator->port);
$coordinator->safe_psql('postgres', sprintf "SELECT citus_add_node('%s', %s)",
	$_->host, $_->port) foreach @workers;

# The coordinator is the workers' hub as well.
$coordinator->safe_psql('postgres', q{
	SELECT commission.create_publications();
	SELECT commission.register_listing('avatar', 'seller', 'avatar', 100);
	SELECT commission.refer('buyer' || n, 'ana', 'brand', '2020-01-01') FROM generate_series(1, 40) AS n});
foreach my $number (1, 2)
{
	$workers[ $number - 1 ]->safe_psql('postgres', sprintf(
		"CREATE SUBSCRIPTION catalogue_%s CONNECTION '%s' PUBLICATION commission_catalogue",
		$number, $coordinator->connstr . ' dbname=postgres'));
	$workers[ $number - 1 ]->wait_for_subscription_sync($coordinator, "catalogue_$number");
}

# Attached before it is distributed, and after.
$coordinator->safe_psql('postgres', q{
	CREATE TABLE sale (id text, buyer text, avatar text, price int, cost int,
		paid boolean NOT NULL DEFAULT true, PRIMARY KEY (id, buyer));
	SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price',
		api_cost => 'cost', paid => 'paid');
	SELECT create_distributed_table('sale', 'buyer');
	CREATE TABLE invoice (id text, customer text, cents int, PRIMARY KEY (id, customer));
	SELECT create_distributed_table('invoice', 'customer', colocate_with => 'sale');
	SELECT commission.attach_orders('invoice', 'id', 'customer', 'cents')});

sub entries
{
	return join ' ', map { $_->safe_psql('postgres',
			q{SELECT count(*) FROM commission.generation}) } $coordinator, @workers;
}

$coordinator->safe_psql('postgres', q{
	INSERT INTO sale SELECT 's' || n, 'buyer' || n, 'avatar', 20, 10 FROM generate_series(1, 40) AS n;
	INSERT INTO invoice SELECT 'i' || n, 'buyer' || n, 1999 FROM generate_series(1, 40) AS n});
my @sold = split / /, entries();
is($sold[0] + $sold[1] + $sold[2], 40, 'each sale through the coordinator is accrued once');
cmp_ok($_, '>', 0, '... on a worker') foreach @sold[ 1, 2 ];
is($sold[0], 0, '... and not at the coordinator');
is($workers[0]->safe_psql('postgres', 'SELECT count(*) FROM commission.customer_order')
	  + $workers[1]->safe_psql('postgres', 'SELECT count(*) FROM commission.customer_order'),
	40, 'each order, too');
$workers[0]->safe_psql('postgres', q{
	INSERT INTO sale SELECT 'w' || n, 'buyer' || n, 'avatar', 20, 10 FROM generate_series(1, 40) AS n;
	UPDATE sale SET paid = false WHERE id = 'w1'});
@sold = split / /, entries();
is($sold[0] + $sold[1] + $sold[2], 80, 'and each sale through a worker');
is($_->safe_psql('postgres', 'SELECT * FROM commission.audit()'),
	'', 'audit finds nothing, ' . $_->name) foreach $coordinator, @workers;

# A worker that is killed sells nothing, and goes on when it is back.
$workers[1]->stop('immediate');
isnt(refused($coordinator, q{INSERT INTO sale SELECT 'k' || n, 'buyer' || n, 'avatar', 20, 10 FROM generate_series(1, 40) AS n}),
	'accepted', 'without a worker, a statement for all fails');
$workers[1]->start;
is(refused($coordinator, q{INSERT INTO sale SELECT 'k' || n, 'buyer' || n, 'avatar', 20, 10 FROM generate_series(1, 40) AS n}),
	'accepted', 'and is accepted when it is back');
@sold = split / /, entries();
is($sold[0] + $sold[1] + $sold[2], 120, '... whole');

# A shard moves, after the history of its buyers.
my ($shard, $buyers) = split /\|/, $coordinator->safe_psql('postgres', sprintf q{
	SELECT p.shardid, string_agg(s.buyer, ' ')
	FROM pg_dist_shard_placement AS p
	JOIN (SELECT DISTINCT buyer, get_shard_id_for_distribution_column('sale', buyer) AS shardid FROM sale) AS s
		USING (shardid)
	WHERE p.nodeport = %s GROUP BY p.shardid ORDER BY 1 LIMIT 1}, $workers[0]->port);
foreach my $buyer (split / /, $buyers)
{
	my $history = $workers[0]->safe_psql('postgres', "SELECT commission.release_buyer('$buyer', 2)");

	$workers[1]->safe_psql('postgres', "SELECT commission.take_buyer('$history')");
}
$coordinator->safe_psql('postgres', sprintf
	"SELECT citus_move_shard_placement(%s, '%s', %s, '%s', %s, 'block_writes')",
	$shard, $workers[0]->host, $workers[0]->port, $workers[1]->host, $workers[1]->port);
my ($moved) = split / /, $buyers;
my ($number) = $moved =~ /(\d+)/;
$coordinator->safe_psql('postgres', qq{
	UPDATE sale SET paid = false WHERE id = 's$number' AND buyer = '$moved';
	INSERT INTO sale VALUES ('after', '$moved', 'avatar', 20, 10);
	INSERT INTO invoice VALUES ('after', '$moved', 1999)});
is($workers[1]->safe_psql('postgres', q{
		SELECT count(*) FROM commission.reversal AS r JOIN commission.generation AS g ON g.event_id = r.reversed_event_id
		WHERE g.event_id >> 48 = 1 AND r.event_id >> 48 = 2;
		SELECT count(*) FROM commission.ledger WHERE source = 'after' AND kind = 'brand';
		SELECT kind FROM commission.customer_order WHERE order_name = 'after'}),
	"1\n1\nrenewal", 'the moved shard accrues where it is, and finds its history');
is($_->safe_psql('postgres', 'SELECT * FROM commission.audit()'),
	'', 'audit finds nothing, ' . $_->name) foreach @workers;

# A shard without its trigger.
my $name = "sale_$shard";
$workers[1]->safe_psql('postgres', qq{
	SET citus.enable_manual_changes_to_shards = on;
	DO \$\$ DECLARE t name; BEGIN
		FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = '$name'::regclass AND tgname LIKE 'commission_accrue%' LOOP
			EXECUTE format('DROP TRIGGER %I ON $name', t);
		END LOOP; END \$\$});
like($workers[1]->safe_psql('postgres', 'SELECT problem, detail FROM commission.audit()'),
	qr/shard without an accruing trigger\|public.$name/, 'audit names a shard without a trigger');

# What is refused.
$coordinator->safe_psql('postgres', q{
	SELECT create_reference_table('commission.model_price')});
like(refused($coordinator, q{SELECT commission.record_generation('x', 'y', 'avatar', model => 'nano')}),
	qr/^55000: table "commission.model_price" belongs to Citus/, 'a catalogue that is a reference table is refused');
$coordinator->safe_psql('postgres', q{SELECT create_distributed_table('commission.entry', 'event_id')});
like(refused($coordinator, q{SELECT commission.record_generation('x', 'y', 'avatar', model_price => 20, api_cost => 10)}),
	qr/^55000: table "commission.entry" belongs to Citus/, 'and a ledger that is distributed');

$_->stop('immediate') foreach $coordinator, @workers;
done_testing();

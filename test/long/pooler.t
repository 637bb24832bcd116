# pooler.t
#	Many clients through pgbouncer, which gives each transaction whatever
#	connection is free: nothing that one transaction sets or prepares reaches
#	another, and every acknowledged sale is in the ledger once.
#
# It needs Debian's package pgbouncer.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use Shop;

my $pgbouncer = (grep { -x } map { "$_/pgbouncer" } '/usr/sbin',
	split /:/, $ENV{PATH})[0];
plan skip_all => 'pgbouncer is not installed' unless $pgbouncer;

my $clients = 12;
my $transactions = 200;

# Half of the sales are under terms of their own, for one transaction.
my $script = q{
\set what random(1, 4)
\set n random(0, 9)
\if :what = 1
BEGIN;
SET LOCAL commission.brand_ratio = 0.4;
INSERT INTO sale VALUES ('dear ' || nextval('number'), 'brand' || :n, 'avatar', NULL, 20, 10);
COMMIT;
\elif :what = 2
BEGIN;
SET LOCAL commission.brand_ratio = 0.4;
INSERT INTO sale VALUES ('undone ' || nextval('number'), 'brand' || :n, 'avatar', NULL, 20, 10);
ROLLBACK;
\elif :what = 3
BEGIN;
PREPARE sell AS INSERT INTO sale VALUES ('prepared ' || nextval('number'), 'brand' || currval('number') % 10, 'avatar', 'reference', 20, 10);
EXECUTE sell;
DEALLOCATE sell;
INSERT INTO invoice VALUES ('bill ' || nextval('number'), 'brand' || :n, 1999);
COMMIT;
\else
INSERT INTO sale VALUES ('plain ' || nextval('number'), 'brand' || :n, 'avatar', NULL, 20, 10);
\endif
};

my $node = PostgreSQL::Test::Cluster->new('pooler');
$node->init;
$node->append_conf('postgresql.conf', "log_statement = none\n");
$node->start;
create_shop($node, 'postgres');
$node->safe_psql('postgres', 'CREATE SEQUENCE number');

my $folder = $node->basedir;
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $user = $node->safe_psql('postgres', 'SELECT current_user');
append_to_file("$folder/users", qq{"$user" ""\n});
append_to_file("$folder/sell", $script);

# Run the clients through a pgbouncer with these settings.
sub through_pooler
{
	my ($name, $protocol, $settings) = @_;
	my $ini = "$folder/$name.ini";

	append_to_file($ini, sprintf <<'INI', $node->host, $node->port, $port, $node->host, $folder, $settings);
[databases]
postgres = host=%s port=%s dbname=postgres
[pgbouncer]
listen_port = %s
unix_socket_dir = %s
auth_type = trust
auth_file = %s/users
pool_mode = transaction
default_pool_size = 3
%s
INI
	my $pooler = IPC::Run::start([ $pgbouncer, $ini ], '&>', "$folder/$name.log");
	for (1 .. 100)
	{
		last if slurp_file("$folder/$name.log") =~ /process up/;
		usleep(100_000);
	}
	command_ok(
		[
			'pgbench', '--no-vacuum', '--client', $clients,
			'--transactions', $transactions, '--protocol', $protocol,
			'--file', "$folder/sell", '--host', $node->host, '--port', $port,
			'postgres'
		],
		"$name: every client comes to its end");
	$pooler->signal('TERM');
	$pooler->finish;

	books_are_well($node, 'postgres', $name);
	is( $node->safe_psql('postgres', q{
			SELECT string_agg(DISTINCT format('%s %s', split_part(source, ' ', 1), ratio), ', ')
			FROM commission.ledger WHERE kind = 'brand'}),
		'dear 0.40, plain 0.30, prepared 0.30',
		"$name: each sale is under its own terms");
	is( $node->safe_psql('postgres', q{
			SELECT count(*) FROM sale WHERE id LIKE 'undone%'}),
		0, "$name: what was undone is not there");
	return;
}

through_pooler('simple', 'simple', '');
through_pooler('extended', 'extended', '');
through_pooler('discarding', 'simple',
	"server_reset_query = DISCARD ALL\nserver_reset_query_always = 1");

unlike(slurp_file($node->logfile), qr/ERROR|FATAL|PANIC/, 'no error at all');
$node->stop;
done_testing();

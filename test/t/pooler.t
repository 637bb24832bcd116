# pooler.t
#	Many clients through pgbouncer, which gives each transaction, or each
#	session, whatever connection is free: nothing that one sets or prepares
#	reaches another, and every acknowledged sale is in the ledger once.  And
#	what a pooler cannot give: what is said where nothing else is possible.
#
# It needs pgbouncer, which ./dev fetches.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use Shop;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}),
  '/usr/sbin';
plan skip_all => 'there is no pgbouncer' unless $pgbouncer;
my ($version) = `$pgbouncer --version` =~ /^PgBouncer 1\.(\d+)/
  or plan skip_all => "$pgbouncer does not run";

my $clients = 12;
my $transactions = 200;

# Half of the sales are under terms of their own, for one transaction.
my $mixed = q{
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

# One sale a transaction.
my $single = q{
\set n random(0, 9)
INSERT INTO sale VALUES ('single ' || nextval('number'), 'brand' || :n, 'avatar', NULL, 20, 10);
};

my $transaction = "pool_mode = transaction\n";
my $session = "pool_mode = session\n";
my $always = "server_reset_query = DISCARD ALL\nserver_reset_query_always = 1\n";

my $node = PostgreSQL::Test::Cluster->new('pooler');
$node->init;
$node->append_conf('postgresql.conf', q{
	session_preload_libraries = 'commission'
});
$node->start;
create_shop($node, 'postgres');
$node->safe_psql('postgres', q{
	CREATE SEQUENCE number;
	CREATE ROLE clerk LOGIN;
	GRANT INSERT ON sale TO clerk;
});

my $folder = $node->basedir;
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $user = $node->safe_psql('postgres', 'SELECT current_user');
append_to_file("$folder/users", qq{"$user" ""\n"clerk" ""\n});
append_to_file("$folder/mixed", $mixed);
append_to_file("$folder/single", $single);

# Start a pgbouncer with these settings, and wait until it answers.
sub start_pooler
{
	my ($name, $settings) = @_;
	my $log = "$folder/$name.log";

	append_to_file("$folder/$name.ini", <<"INI" . $settings);
[databases]
postgres = host=${\$node->host} port=${\$node->port}
[pgbouncer]
listen_port = $port
unix_socket_dir = ${\$node->host}
auth_type = trust
auth_file = $folder/users
admin_users = $user
default_pool_size = 3
INI
	my $pooler =
	  IPC::Run::start([ $pgbouncer, "$folder/$name.ini" ], '&>', $log);
	for (1 .. 100)
	{
		last if slurp_file($log) =~ /process up/;
		usleep(100_000);
	}
	return $pooler;
}

# And stop it.
sub stop_pooler
{
	my ($pooler) = @_;

	$pooler->signal('TERM');
	$pooler->finish;
	return;
}

# Many clients at once, with these options of pgbench: its status, and what it
# wrote to either output.
sub run_clients
{
	my (@options) = @_;
	my ($stdout, $stderr);

	my $success = IPC::Run::run(
		[
			'pgbench', '--no-vacuum', '--client', $clients,
			'--transactions', $transactions, @options,
			'--host', $node->host, '--port', $port, 'postgres'
		],
		'>', \$stdout, '2>', \$stderr);
	return ($success, $stdout, $stderr);
}

# What a client of the pooler is told; an error is part of it.
sub ask
{
	my ($role, $sql, $db) = @_;
	my $output;

	IPC::Run::run(
		[
			'psql', '-X', '-q', '-A', '-t', '-h', $node->host, '-p', $port,
			'-U', $role, '-d', $db // 'postgres', '-c', $sql
		],
		'>&', \$output);
	chomp $output;
	return $output;
}

# Sell something as a role, by way of the pooler, and give the brand leg's ratio.
sub ratio_of_sale
{
	my ($role) = @_;
	my $id = 'asked ' . $node->safe_psql('postgres', q{SELECT nextval('number')});

	is( ask($role,
			"INSERT INTO sale VALUES ('$id', 'brand2', 'avatar', NULL, 20, 10)"),
		'', "$id: sold by $role");
	return $node->safe_psql('postgres',
		"SELECT ratio FROM commission.ledger WHERE source = '$id' AND kind = 'brand'");
}

# Everything that works: each sale is under its own terms.
foreach my $case (
	[ 'simple', $transaction, 'simple' ],
	[ 'extended', $transaction, 'extended' ],
	[ 'discarding', $transaction . $always, 'extended' ],
	[ 'session', $session, 'prepared', '--connect', "--jobs=$clients" ])
{
	my ($name, $settings, $protocol, @options) = @$case;
	my $pooler = start_pooler($name, $settings);
	my ($success, undef, $stderr) = run_clients('--file', "$folder/mixed",
		'--protocol', $protocol, @options);

	ok($success, "$name: every client comes to its end") or diag($stderr);
	stop_pooler($pooler);
	books_are_well($node, 'postgres', $name);
	is( $node->safe_psql('postgres', q{
			SELECT string_agg(DISTINCT format('%s %s', split_part(source, ' ', 1), ratio), ', ')
			FROM commission.ledger WHERE kind = 'brand'}),
		'dear 0.40, plain 0.30, prepared 0.30',
		"$name: each sale is under its own terms");
	is( $node->safe_psql('postgres', q{
			SELECT count(*) FROM sale WHERE id LIKE 'undone%'}),
		0, "$name: what was undone is not there");
}
# A pooler that is stopped may leave a server in the middle of an answer.
unlike(slurp_file($node->logfile),
	qr/ERROR|FATAL(?!:  connection to client lost)|PANIC/, 'no error at all');

# The protocol's prepared statements and transaction pooling, which pgbouncer
# has known to combine since 1.21: an error says what is wrong, and what was
# acknowledged is there.
{
	my $pooler = start_pooler('prepared',
		$transaction . ($version >= 21 ? "max_prepared_statements = 100\n" : ''));
	my (undef, $stdout, $stderr) =
	  run_clients('--file', "$folder/single", '--protocol', 'prepared');
	my ($sold) = $stdout =~ /transactions actually processed: (\d+)/;
	my @errors = $stderr =~ /ERROR:  (.*)/g;

	stop_pooler($pooler);
	is(scalar(@errors) > 0, $version < 21, 'prepared: errors, or none');
	is( join("\n",
			grep { !/^prepared statement "\w+" (?:already exists|does not exist)$/ }
			  @errors),
		'', 'prepared: an error means the statement');
	is($node->safe_psql('postgres', q{
			SELECT count(*) FROM sale WHERE id LIKE 'single%'}),
		$sold, 'prepared: as many sales as were acknowledged');
	books_are_well($node, 'postgres', 'prepared');
}

# A SET that is not LOCAL stays with the connection, for whoever has it next;
# which is not somebody who could not have set it.
foreach my $case (
	[ 'leaking', $transaction, '0.40' ],
	[ 'resetting', $transaction . $always, '0.30' ],
	[ 'handing over', $session, '0.30' ])
{
	my ($name, $settings, $next) = @$case;
	my $pooler = start_pooler($name, $settings . "default_pool_size = 1\n");

	is(ask($user, 'SET commission.brand_ratio = 0.4'), '', "$name: set");
	is(ratio_of_sale($user), $next, "$name: the next of the same role");
	is(ratio_of_sale('clerk'), '0.30', "$name: another role");
	like(
		ask('clerk', 'SET commission.brand_ratio = 0.4'),
		qr/permission denied to set parameter "commission.brand_ratio"/,
		"$name: who may not set it");
	stop_pooler($pooler);
}

# A setting of the database is that of connections opened from then on.
{
	my $pooler = start_pooler('reconnecting', $transaction);

	is(ratio_of_sale('clerk'), '0.30', 'reconnecting: as it was');
	$node->safe_psql('postgres',
		'ALTER DATABASE postgres SET commission.brand_ratio = 0.25');
	is(ratio_of_sale('clerk'), '0.30', 'reconnecting: as it still is');
	like(ask($user, 'RECONNECT', 'pgbouncer'),
		qr/^(?:RECONNECT)?$/, 'reconnecting: done');
	is(ratio_of_sale('clerk'), '0.25', 'reconnecting: as it is from then on');
	stop_pooler($pooler);
}

$node->stop;
done_testing();

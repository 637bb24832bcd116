# dump_restore.t
#	Dumps of each kind, restored in each way that doc/operating.md gives, by another
#	superuser, into an odd database and into another server: the ledger, the
#	views and the grants are the same, the attached tables are still attached,
#	every trigger is enabled as it was, and no event id is given twice.
use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{
	fsync = off
	commission.cref_secret = 'of at least thirty-two bytes, as it must be'
});
$node->start;

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE reader;
CREATE ROLE app;
CREATE ROLE boss SUPERUSER LOGIN;
CREATE DATABASE shop;
SQL
$node->safe_psql('shop', <<'SQL');
CREATE EXTENSION commission;
SELECT commission.grant_reader('reader');
SELECT commission.grant_portal('reader');
SELECT commission.register_account('brand', 'maria.lopez@gmail.com');
SELECT commission.register_account('ana');
SELECT commission.grant_affiliate('app', 'ana');
SELECT commission.register_listing('avatar', 'seller', 'avatar', 100, 'Rooftop', '{"bo": 30}');
SELECT commission.register_listing('avatar', 'seller', 'avatar', 120, NULL, '{"bo": 30}');
SELECT commission.register_listing('reference', 'other', 'reference', 90);
SELECT commission.set_model_price('banana', '2K', 20, 10);
SELECT commission.refer('brand', 'ana', 'brand', '2026-01-01');
SELECT commission.refer('seller', 'cy', 'creator', '2026-01-01');
SELECT commission.close_account('other');
CREATE SCHEMA "The app";
CREATE TABLE "The app"."Sales" ("The ""id""" text, buyer text DEFAULT 'brand', avatar text DEFAULT 'avatar',
	reference text, run text DEFAULT 'run', model text DEFAULT 'banana', resolution text DEFAULT '2K',
	paid boolean DEFAULT true, at timestamptz DEFAULT '2026-02-01');
SELECT commission.attach('"The app"."Sales"', 'The "id"', 'buyer', 'avatar', 'reference', 'run',
	model => 'model', resolution => 'resolution', paid => 'paid', occurred_at => 'at');
CREATE TABLE parted (LIKE "The app"."Sales" INCLUDING DEFAULTS) PARTITION BY RANGE (at);
CREATE TABLE parted_1 PARTITION OF parted DEFAULT;
SELECT commission.attach('parted', 'The "id"', 'buyer', 'avatar', 'reference', 'run',
	model => 'model', resolution => 'resolution', paid => 'paid', occurred_at => 'at');
GRANT USAGE ON SCHEMA "The app" TO app;
GRANT INSERT ON "The app"."Sales" TO app;
INSERT INTO "The app"."Sales" SELECT 'sale ' || n, buyer, 'avatar', CASE n % 3 WHEN 0 THEN 'reference' END, 'run ' || n / 8
	FROM generate_series(1, 100) AS n, (VALUES ('brand')) AS b (buyer);
INSERT INTO "The app"."Sales" ("The ""id""", buyer, paid) VALUES ('unpaid', 'an unregistered buyer', false), ('42', '43', true);
INSERT INTO parted ("The ""id""") VALUES ('parted'), ('0d9a1c34-ffff-4aaa-8bbb-0123456789ab');
UPDATE "The app"."Sales" SET paid = false WHERE "The ""id""" = 'sale 7';
SELECT commission.reverse_generation('sale 8', 33, 'goodwill'), commission.reverse_generation('sale 9');
CREATE TABLE bill (id text, payer text DEFAULT 'brand', total int DEFAULT 1999);
SELECT commission.attach_orders('bill', 'id', 'payer', 'total');
INSERT INTO bill VALUES ('bill 1'), ('bill 2');
SELECT commission.attribute('zoe', commission.touch('ana', campaign => 'spring'), 'brand');
SELECT commission.record_order('late', 'latecomer', 1999);
SELECT commission.refer('latecomer', 'cy', 'brand', now() - interval '1 hour', accrue_past => true);
SET commission.on_unknown = defer;
SELECT commission.record_generation('waits', 'brand', 'later', model_price => 20, api_cost => 10);
SELECT commission.reverse_generation('waits', 10);
SELECT commission.set_material('hello', 'text', 'Hello', 'Come and see');
SET commission.minimum_payout = 1;
SELECT commission.approve_withdrawal(commission.request_withdrawal('ana', 100, 'paypal', 'ana@example.com'));
SELECT commission.open_payout_batch();
SELECT commission.request_withdrawal('ana', 200, 'bank');
SELECT commission.hold_account('bo', 'a question'), commission.set_payout('ana', 'bank', 'an account');
SELECT commission.set_payout('ana', 'bank', 'another account');
SELECT commission.set_terms('ana', renewal_ratio => 0.09), commission.set_group('bo', 'gold'),
	commission.announce_terms(upgrade_ratio => 0.11, valid_from => '2100-01-01'),
	commission.set_tiers('[]', 'commission', 30), commission.set_coupon('SPRING', 'ana', uses => 5),
	commission.adjust('bonus', 'ana', 10, 'thank you');
SELECT commission.touch('ana', touched_at => '2020-01-01');
SELECT commission.record_order('of who has moved', 'who has moved', 1999);
CALL commission.purge_touches('1 year');
CALL commission.rollup();
CALL commission.seal();
SELECT commission.acknowledge('crm', max(position) - 1) FROM commission.next_changes('crm');
SET commission.node_id = 5;
INSERT INTO "The app"."Sales" ("The ""id""") VALUES ('of node 5');
CALL commission.rollup();
SELECT commission.release_buyer('who has moved', 6);
SQL

# Everything that a reader can see, every table and sequence of ours, who may
# do what besides the owner, our triggers and when they fire, and the audit.
sub ledger
{
	my ($server, $database) = @_;

	return $server->safe_psql($database, <<'SQL');
SELECT format('SELECT %L, string_agg(t::text, chr(10) ORDER BY t::text COLLATE "C") FROM (SELECT %s FROM %s) AS t;',
	relname, CASE WHEN relkind = 'S' THEN 'last_value, is_called'
		WHEN relname = 'portal_role' THEN 'role, account_id, role_id = quote_ident(role)::regrole AS is_here' ELSE '*' END, oid::regclass)
FROM pg_class
WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind IN ('r', 'v', 'S')
	AND relname NOT IN ('attached_table', 'role_account')
ORDER BY relname \gexec
SELECT c.relname, a.grantee::regrole::text, a.privilege_type FROM pg_class AS c, aclexplode(relacl) AS a
WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace, 'commission_portal'::regnamespace) AND a.grantee <> relowner
UNION ALL
SELECT p.oid::regprocedure::text, a.grantee::regrole::text, a.privilege_type FROM pg_proc AS p, aclexplode(proacl) AS a
WHERE pronamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace, 'commission_portal'::regnamespace) AND a.grantee <> proowner
ORDER BY 1, 2, 3;
SELECT c.relname, t.tgname, t.tgenabled FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace)
ORDER BY 1, 2;
SELECT 'the audit found', count(*) FROM commission.audit();
SELECT 'broken seals', count(*) FROM commission.verify_seals();
SQL
}

# The application's triggers.
sub attached
{
	my ($server, $database) = @_;

	return $server->safe_psql($database, <<'SQL');
SELECT t.tgrelid::regclass, t.tgname, t.tgenabled, t.tgparentid <> 0, pg_get_triggerdef(t.oid)
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace NOT IN ('commission'::regnamespace, 'commission_internal'::regnamespace)
ORDER BY t.tgrelid::regclass::text COLLATE "C", t.tgname
SQL
}

my $ledger = ledger($node, 'shop');
my $attached = attached($node, 'shop');

unlike($ledger, qr/^(?!\w+_problem|(?!fraud)\w+_signal|event_id_state|followed_ledger|held_entry|late_arrived|late_due|own_\w+|sums_only_node|viewer)\w+\|$/m,
	'no table and no view is empty');
like($ledger, qr/^entry\|entry_guard\|A$/m, 'the guards are ENABLE ALWAYS');
like($ledger, qr/^the audit found\|1$/m,
	'the ledger is correct, but for the sale that waits');
like($ledger, qr/^broken seals\|0$/m, '... and their seals hold');
like($attached, qr/^parted_1\|commission_accrue\|O\|t\|/m, 'a partition is attached');

# Of a restored ledger: the same, and guarded as it was.
sub ledger_is_restored
{
	my ($server, $database) = @_;

	my $restored = ledger($server, $database);
	my %before = map { $_ => 1 } split /\n/, $ledger;

	ok($restored eq $ledger, "$database: all is the same")
	  or diag(join "\n", grep { !$before{$_} } split /\n/, $restored);
	is($server->safe_psql($database, 'SET ROLE app; SELECT account FROM commission_portal.earnings'),
		'ana', "$database: a role sees its account");
	is( $server->psql(
			$database, q{SET session_replication_role = replica;
			UPDATE commission.entry SET amount = amount}),
		3,
		"$database: the guards hold");
}

# Of a restored database: besides, it goes on, and gives no id twice.
sub is_restored
{
	my ($server, $database) = @_;

	ledger_is_restored($server, $database);
	is(attached($server, $database), $attached,
		"$database: every table is attached");
	is( $server->safe_psql($database, <<'SQL'), 't', "$database: ids go on");
CREATE TABLE public.was AS SELECT last_value AS event_id FROM commission.event_id_seq;
SET ROLE app;
INSERT INTO "The app"."Sales" ("The ""id""", run) VALUES ('restored', 'run'), ('sale 1', 'run 0');
RESET ROLE;
INSERT INTO public.parted ("The ""id""") VALUES ('restored into a partition'), ('parted');
INSERT INTO public.bill VALUES ('bill 3'), ('bill 1');
DO $$BEGIN PERFORM commission.register_listing('later', 'seller', 'avatar', 100); END$$;
UPDATE "The app"."Sales" SET paid = true WHERE "The ""id""" IN ('sale 7', 'unpaid');
CALL commission.rollup();
CALL commission.seal();
SELECT commission.reverse_generation('sale 8', 33) > was.event_id
	AND (SELECT count(*) = 4 FROM commission.generation AS g WHERE g.event_id > was.event_id
			AND g.event_id < 1::bigint << 48)
	AND (SELECT count(*) = 1 FROM commission.customer_order AS o WHERE o.event_id > was.event_id)
	AND NOT EXISTS (SELECT FROM commission.audit())
	AND NOT EXISTS (SELECT FROM commission.verify_seals())
	AND (SELECT s.blocks = 2 FROM commission.seal_status AS s WHERE s.node = 0)
FROM public.was
SQL
}

# A program's run, which must succeed.
sub run_ok
{
	my ($what, @command) = @_;

	$node->command_ok(\@command, $what);
}

my $dir = $node->basedir;
my @psql = ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1');

# The page's own commands, one after the other.
my ($section) = slurp_file("$FindBin::RealBin/../../doc/operating.md") =~
  /^\#+\ Backup\ and\ restore\n(.*?)^\#/ms;
my @commands = $section =~ /^```sh\n(.*?)^```\n/gms;
is(scalar @commands, 4, 'the page gives four ways');
run_ok((split /\n/)[0], 'sh', '-e', '-c', "cd '$dir'\n$_") foreach @commands;
is_restored($node, $_) foreach qw(shop_again shop_in_parts shop_by_schema);

# What can happen with several jobs: the triggers of a partitioned table are there
# before the rows of a partition, and these before the ledger.
my @toc = split /\n/, (run_command([ 'pg_restore', '--list', "$dir/shop.dump" ]))[0];
my $early = qr/TRIGGER public parted |TABLE DATA public parted_1 /;
my @first = sort { ($a =~ /DATA/) <=> ($b =~ /DATA/) } grep { $_ =~ $early } @toc;
my ($before, $after) = (join("\n", grep { $_ !~ $early } @toc) =~ /^(.*?\n)([^\n]* TABLE DATA .*)/s);
is(scalar @first, 4, 'three triggers of a partitioned table, and the rows of a partition');
append_to_file("$dir/list", join "\n", $before, @first, $after);
$node->safe_psql('postgres', 'CREATE DATABASE shop_and_triggers');
{
	local $ENV{PGOPTIONS} = '-c session_replication_role=replica';

	run_ok('they are restored before a partition', 'pg_restore', '--exit-on-error',
		"--use-list=$dir/list", '--dbname=shop_and_triggers', "$dir/shop.dump");
}
is_restored($node, 'shop_and_triggers');

# The ledger alone.  It is not in a dump of the schema, as the page warns.
$node->safe_psql('postgres', 'CREATE DATABASE ledger');
run_ok('the ledger is restored', @psql, '-f', "$dir/ledger.sql", '-d', 'ledger');
ledger_is_restored($node, 'ledger');
run_ok('a dump of the schema',
	'pg_dump', '--schema=commission', "--file=$dir/schema.sql", 'shop');
unlike(slurp_file("$dir/schema.sql"), qr/^(?:CREATE|COPY)/m, '... is empty');

# The application's role dumps what is its own, as migration tools do after
# each migration, and needs no right on the ledger for it.
$node->safe_psql('postgres', 'CREATE DATABASE own');
$node->safe_psql('own', q{
	CREATE EXTENSION commission;
	CREATE SCHEMA mine AUTHORIZATION app;
	SET ROLE app;
	CREATE TABLE mine.sale (id text, buyer text);
	RESET ROLE;
	SELECT commission.attach('mine.sale', 'id', 'buyer');
	SELECT commission.record_generation('g', 'b', model_price => 2, api_cost => 1)});
foreach my $options ([ '--schema-only' ], [ '--schema-only', '--no-owner', '--no-acl' ],
	[ '--schema=mine' ], [ '--table=mine.sale' ], [ '--exclude-schema=commission' ])
{
	run_ok("pg_dump @$options, by an ordinary role",
		'pg_dump', '--role=app', @$options, "--file=$dir/own.sql", 'own');
	like(slurp_file("$dir/own.sql"), qr/^CREATE TRIGGER commission_accrue/m,
		'... with the trigger');
}
$node->command_fails_like([ 'pg_dump', '--role=app', '--data-only', 'own' ],
	qr/permission denied/, 'but not the ledger');

# Plain, by a superuser who is not the first, into a database with a role, a
# path and a table access method of its own.  The extension is theirs then,
# and it goes on when they are no superuser any more.
run_ok('pg_dump, plain', 'pg_dump', '--role=boss', "--file=$dir/shop.sql", 'shop');
$node->safe_psql('postgres', 'CREATE DATABASE odd');
$node->safe_psql('odd', q{
	CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler;
	CREATE SCHEMA commission_2;
	CREATE TABLE commission_2.entry (event_id bigint);
	ALTER DATABASE odd SET search_path = commission_2, pg_temp;
	ALTER DATABASE odd SET default_table_access_method = other;
	ALTER DATABASE odd SET role = app;
	ALTER DATABASE odd SET datestyle = 'SQL, DMY';
	ALTER DATABASE odd SET timezone = 'Pacific/Kiritimati'});
run_ok('restored by another superuser', @psql, '--username=boss',
	'-c', 'SET ROLE boss', '-f', "$dir/shop.sql", '-d', 'odd');
is( $node->safe_psql('odd', q{SET ROLE NONE;
		SELECT a.amname, c.relowner::regrole FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam
		WHERE c.oid = 'commission.entry'::regclass}),
	'other|boss', '... as theirs, by the access method of the database');
$node->safe_psql('odd', q{SET ROLE NONE;
	ALTER DATABASE odd RESET role;
	ALTER DATABASE odd RESET datestyle;
	ALTER DATABASE odd RESET timezone;
	ALTER DATABASE odd RESET search_path;
	ALTER ROLE boss NOSUPERUSER});
is_restored($node, 'odd');

# The whole server, with its roles and settings.
$node->safe_psql('postgres', q{
	ALTER DATABASE shop SET commission.brand_ratio = 0.25;
	ALTER ROLE app SET commission.brand_ratio = 0.20;
	ALTER ROLE app IN DATABASE shop_again SET commission.hold_days = 7;
	GRANT SET ON PARAMETER commission.minimum_payout TO reader});
$ledger = ledger($node, 'shop');
run_ok('pg_dumpall', 'pg_dumpall', "--file=$dir/all.sql",
	map { "--exclude-database=$_" } qw(shop_in_parts shop_by_schema odd ledger));
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init;
$other->append_conf('postgresql.conf', "fsync = off\n");
$other->start;
# (The role that runs it is there already.)
$other->psql('postgres', "\\i $dir/all.sql", on_error_stop => 0);
my $settings = q{
	SELECT coalesce(d.datname, 'every'), coalesce(r.rolname, 'everyone'), s.setconfig
	FROM pg_db_role_setting AS s
	LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
	LEFT JOIN pg_roles AS r ON r.oid = s.setrole
	WHERE s.setconfig::text LIKE '%commission.%'
	UNION ALL
	SELECT p.parname, a.grantee::regrole::text, ARRAY[a.privilege_type]
	FROM pg_parameter_acl AS p CROSS JOIN LATERAL aclexplode(p.paracl) AS a
	WHERE a.grantee = 'reader'::regrole
	ORDER BY 1, 2};
my $set = $node->safe_psql('postgres', $settings);
is(scalar(my @lines = split /\n/, $set), 4, 'settings of three kinds, and a grant');
is($other->safe_psql('postgres', $settings), $set, '... are there');
is($other->safe_psql('shop', 'SELECT commission.account_id(\'1\'); SHOW commission.brand_ratio') =~ /0\.25$/ ? 1 : 0,
	1, '... and in force');
$other->safe_psql('postgres', 'ALTER ROLE app RESET ALL');
is_restored($other, 'shop');

$other->stop;
$node->stop;
done_testing();

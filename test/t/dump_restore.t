# pg_dump and restore, plain and in the custom format by several jobs: the
# ledger, the views and the grants are the same, the attached tables are still
# attached, and no event id is given twice.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\n");
$node->start;

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE reader;
CREATE ROLE app;
CREATE DATABASE source;
SQL
$node->safe_psql('source', <<'SQL');
CREATE EXTENSION commission;
SELECT commission.grant_reader('reader');
SELECT commission.register_account('brand', 'maria.lopez@gmail.com');
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
INSERT INTO "The app"."Sales" SELECT 'sale ' || n, buyer, 'avatar', CASE n % 3 WHEN 0 THEN 'reference' END
	FROM generate_series(1, 1500) AS n, (VALUES ('brand')) AS b (buyer);
INSERT INTO "The app"."Sales" ("The ""id""", buyer, paid) VALUES ('unpaid', 'an unregistered buyer', false), ('42', '43', true);
INSERT INTO parted ("The ""id""") VALUES ('parted'), ('0d9a1c34-ffff-4aaa-8bbb-0123456789ab');
UPDATE "The app"."Sales" SET paid = false WHERE "The ""id""" = 'sale 7';
SELECT commission.reverse_generation('sale 8', 33, 'goodwill'), commission.reverse_generation('sale 9');
SET commission.node_id = 5;
INSERT INTO "The app"."Sales" ("The ""id""") VALUES ('of node 5');
SQL

# Everything that a reader can see, and every table and sequence of ours.
sub contents
{
	my ($database) = @_;
	my $queries = $node->safe_psql($database, <<'SQL');
SELECT format('SELECT %L, string_agg(t::text, chr(10) ORDER BY t::text COLLATE "C") FROM (SELECT %s FROM commission.%I) AS t;',
	relname, CASE relkind WHEN 'S' THEN 'last_value, is_called' ELSE '*' END, relname)
FROM pg_class
WHERE relnamespace = 'commission'::regnamespace AND relkind IN ('r', 'v', 'S')
ORDER BY relname
SQL

	return $node->safe_psql($database, $queries);
}

# Who may do what.
sub grants
{
	my ($database) = @_;

	return $node->safe_psql($database, <<'SQL');
SELECT c.relname, a.grantee::regrole, a.privilege_type FROM pg_class AS c, aclexplode(relacl) AS a
WHERE relnamespace = 'commission'::regnamespace
UNION ALL
SELECT p.oid::regprocedure::text, a.grantee::regrole, a.privilege_type FROM pg_proc AS p, aclexplode(proacl) AS a
WHERE pronamespace = 'commission'::regnamespace
ORDER BY 1, 2, 3
SQL
}

# Of a restored database: the same, and it goes on.
sub is_restored
{
	my ($database) = @_;

	is(contents($database), contents('source'), "$database: all is the same");
	is(grants($database), grants('source'), "$database: so are the grants");
	is($node->safe_psql($database, 'SELECT * FROM commission.audit()'),
		'', "$database: the books are right");
	is( $node->safe_psql($database, <<'SQL'), 't', "$database: ids go on");
CREATE TABLE was AS SELECT max(event_id) FILTER (WHERE event_id < 1::bigint << 48) AS event_id FROM commission.entry;
SET ROLE app;
INSERT INTO "The app"."Sales" ("The ""id""") VALUES ('restored'), ('sale 1');
RESET ROLE;
INSERT INTO parted ("The ""id""") VALUES ('restored into a partition'), ('parted');
UPDATE "The app"."Sales" SET paid = true WHERE "The ""id""" IN ('sale 7', 'unpaid');
SELECT commission.reverse_generation('sale 8', 33) > was.event_id
	AND (SELECT count(*) = 3 FROM commission.generation AS g WHERE g.event_id > was.event_id
			AND g.event_id < 1::bigint << 48)
	AND NOT EXISTS (SELECT FROM commission.audit())
FROM was
SQL
	is( $node->psql(
			$database, 'UPDATE commission.entry SET amount = amount'),
		3,
		"$database: the guards are there");
}

my $dump = $node->basedir . '/source';

$node->command_ok([ 'pg_dump', "--file=$dump.sql", 'source' ], 'pg_dump, plain');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.sql",
		'-d', 'plain'
	],
	'restored by psql');
is_restored('plain');

$node->command_ok([ 'pg_dump', '--format=custom', "--file=$dump.custom", 'source' ],
	'pg_dump, custom');
$node->safe_psql('postgres', 'CREATE DATABASE custom');
$node->command_ok(
	[ 'pg_restore', '--exit-on-error', '--jobs=4', '--dbname=custom', "$dump.custom" ],
	'restored by four jobs');
is_restored('custom');

# Data alone, into a database where the extension is but empty.
$node->command_ok(
	[ 'pg_dump', '--section=data', "--file=$dump.data.sql", 'source' ],
	'pg_dump, the data');
$node->command_ok([ 'pg_dump', '--schema-only', "--file=$dump.schema.sql", 'source' ],
	'pg_dump, the schema');
$node->safe_psql('postgres', 'CREATE DATABASE parts');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$dump.schema.sql",
		'-d', 'parts'
	],
	'the schema first');
is( $node->safe_psql('parts', 'SELECT count(*) FROM commission.entry'),
	'0', '... has no entries');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
		'-c', 'SET session_replication_role = replica',
		'-f', "$dump.data.sql", '-d', 'parts'
	],
	'then the data, with triggers off');
is_restored('parts');

$node->stop;
done_testing();

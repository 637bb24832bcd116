# Exactly once (R17), where it takes a server of one's own: many sessions that
# record the same generations all the time, and transactions that are prepared.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
max_prepared_transactions = 10
fsync = off
autovacuum = off
CONF
$node->start;

$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION commission;
SELECT commission.register_listing('1', 'seller', 'avatar', 100);
SELECT commission.refer('2', 'ana', 'brand', '2026-01-01');
CREATE TABLE sale (id bigint, buyer int DEFAULT 2, avatar int DEFAULT 1,
	price int DEFAULT 20, cost int DEFAULT 10, at timestamptz DEFAULT '2026-02-01');
SELECT commission.attach('sale', 'id', 'buyer', 'avatar', model_price => 'price',
						 api_cost => 'cost', occurred_at => 'at');
CREATE TABLE parted (LIKE sale INCLUDING DEFAULTS) PARTITION BY HASH (id);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT commission.attach('parted', 'id', 'buyer', 'avatar', model_price => 'price',
						 api_cost => 'cost', occurred_at => 'at');
SQL

# The generations, their entries and their credits: one event for each id that
# was sold, of 109 credits; and the books are right.
sub is_once
{
	my ($what, $from, $until) = @_;

	is($node->safe_psql('postgres', <<SQL), '', "$what: one event each, of 109 credits");
SELECT coalesce(s.id, l.id), l.events, l.credits
FROM (SELECT DISTINCT id FROM (TABLE sale UNION ALL TABLE parted) AS s
	  WHERE id BETWEEN $from AND $until) AS s
FULL JOIN (SELECT source::bigint AS id, count(DISTINCT event_id) AS events, sum(amount) AS credits
		   FROM commission.ledger WHERE source::bigint BETWEEN $from AND $until
		   GROUP BY source) AS l USING (id)
WHERE (l.events, l.credits) IS DISTINCT FROM (1::bigint, 109::numeric)
SQL
	is($node->safe_psql('postgres', 'SELECT * FROM commission.audit()'),
		'', "$what: the audit finds nothing");
}

# Each id is recorded by several of eight sessions, through all doors.  Ids are
# in ascending order within a transaction, as with any unique index.
my $ids = $node->basedir . '/ids.pgbench';
append_to_file($ids, <<'SQL');
\set id random(1, 400)
\set door random(1, 4)
\if :door = 1
INSERT INTO sale (id) VALUES (:id);
\elif :door = 2
INSERT INTO parted (id) VALUES (:id);
\elif :door = 3
SELECT commission.record_generation(:id::text, '2', '1', model_price => 20, api_cost => 10, occurred_at => '2026-02-01');
INSERT INTO sale (id) VALUES (:id);
\else
BEGIN;
INSERT INTO sale (id) SELECT :id + n FROM generate_series(0, 20) AS n;
ROLLBACK;
INSERT INTO sale (id) VALUES (:id), (:id + 1), (:id + 2);
\endif
SQL
$node->command_ok(
	[
		'pgbench', '--no-vacuum', '--client=8', '--jobs=2',
		'--transactions=250', "--file=$ids", '--max-tries=1', 'postgres'
	],
	'eight sessions record the same ids, and nobody gets an error');
is_once('eight sessions', 1, 500);
cmp_ok(
	$node->safe_psql('postgres', 'SELECT count(*) > 2 * count(DISTINCT id) FROM sale'),
	'eq', 't', '... though each id was sold several times');

# The same in reverse: the sessions start on the same id at the same time.
my $race = $node->basedir . '/race.pgbench';
append_to_file($race, <<'SQL');
INSERT INTO sale (id) SELECT 1000 + count(*) / 8 FROM sale WHERE id >= 1000;
SQL
$node->command_ok(
	[
		'pgbench', '--no-vacuum', '--client=8', '--jobs=2',
		'--transactions=60', "--file=$race", '--max-tries=1', 'postgres'
	],
	'eight sessions race for each id, and nobody gets an error');
is_once('a race', 1000, 1999);

# Two-phase commit: what is prepared is waited for, survives a crash, and is
# there or not there as it is decided.
$node->safe_psql('postgres', <<'SQL');
BEGIN;
INSERT INTO sale (id) VALUES (2001), (2002);
PREPARE TRANSACTION 'kept';
BEGIN;
INSERT INTO sale (id) VALUES (2003), (2004);
PREPARE TRANSACTION 'dropped';
SQL
my ($status, $out, $err) = $node->psql('postgres',
	"SET statement_timeout = '1s'; INSERT INTO sale (id) VALUES (2001)");
like($err, qr/statement timeout/, 'a prepared generation is waited for');
$node->stop('immediate');
$node->start;
is( $node->safe_psql('postgres',
		'SELECT count(*) FROM commission.ledger WHERE source::bigint > 2000'),
	'0', 'nothing is in the ledger before the decision');
$node->safe_psql('postgres', "COMMIT PREPARED 'kept'");
$node->safe_psql('postgres', "ROLLBACK PREPARED 'dropped'");
is_once('two-phase commit', 2000, 2999);
$node->safe_psql('postgres',
	'INSERT INTO sale (id) VALUES (2001), (2002), (2003), (2004)');
is_once('... and recorded again', 2000, 2999);
is( $node->safe_psql('postgres',
		'SELECT count(*) FROM commission.ledger WHERE source::bigint > 2000'),
	'8', '... each once');

# An event id is never drawn twice, after a crash neither.
$node->stop('immediate');
$node->start;
$node->safe_psql('postgres', 'INSERT INTO sale (id) VALUES (3000)');
is( $node->safe_psql('postgres',
		'SELECT max(event_id) = (SELECT event_id FROM commission.ledger WHERE source = \'3000\' LIMIT 1) FROM commission.entry'),
	't', 'after a crash event ids go on upwards');
is_once('after a crash', 3000, 3000);

$node->stop;
done_testing();

# replication.t
#	A streaming standby can be read, and goes on when it is promoted; a logical
#	subscriber has the same books, and accrues nothing of its own.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Shop;

# What the ledger says in all, and where the ids stand.
my $sums = q{
	SELECT account, kind, sum(amount), count(*), min(event_id), max(event_id)
	FROM commission.ledger GROUP BY account, kind ORDER BY account, kind
};

# Everything that is kept, a line for each table.
my $tables = q{
	SELECT string_agg(format('SELECT %L, count(*), md5(coalesce(string_agg(t::text, %L ORDER BY t::text), %L)) FROM %s AS t',
			oid::regclass, ',', '', oid::regclass), ' UNION ALL ' ORDER BY relname) || ' ORDER BY 1'
	FROM pg_class
	WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind = 'r'
};

# A day's business, the sales and all that can become of them; $1 tells one day
# from another.
sub business
{
	my ($node, $db, $day) = @_;

	$node->safe_psql($db, qq{
		INSERT INTO sale SELECT '$day s' || n, 'brand' || n % 10, 'avatar',
			CASE WHEN n % 3 = 0 THEN 'reference' END, 20, 10, n % 7 <> 0
		FROM generate_series(1, 500) AS n;
		UPDATE sale SET paid = NOT paid WHERE id LIKE '$day s%5';
		SELECT commission.reverse_generation('$day s1', 7, 'a refund');
		INSERT INTO invoice SELECT '$day i' || n, 'brand' || n % 10, 1999
		FROM generate_series(1, 30) AS n;
		SELECT commission.reverse_order('$day i1', 100);
		SELECT commission.register_account('ana', '$day\@example.com');
		SELECT commission.register_listing('avatar', 'seller', 'avatar',
			100 + length('$day'), 'Avatar, $day');
		SELECT commission.approve_withdrawal(
			commission.request_withdrawal('seller', 5000, 'bank'));
		SELECT commission.mark_withdrawal_unknown(
			commission.open_payout_batch('bank') * 0 + max(event_id))
		FROM commission.withdrawal;
		SELECT commission.fail_withdrawal(max(event_id), 'no such account')
		FROM commission.withdrawal;
		CALL commission.rollup();
		CALL commission.seal();
	});
	return;
}

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 'logical');
$primary->start;
create_shop($primary, 'postgres');
business($primary, 'postgres', 'monday');
$primary->backup('monday');

#
# Streaming.
#
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'monday', has_streaming => 1);
$standby->start;
business($primary, 'postgres', 'tuesday');
$primary->wait_for_catchup($standby);

is($standby->safe_psql('postgres', $sums),
	$primary->safe_psql('postgres', $sums),
	'the standby has the same sums');
is($standby->safe_psql('postgres', 'SELECT * FROM commission.audit()'),
	'', 'and its ledger is correct');
my @views = split /\n/, $primary->safe_psql('postgres', q{
	SELECT oid::regclass FROM pg_class
	WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind = 'v'
	ORDER BY relname});
my $read = join ';', map {
	"SELECT count(*), md5(string_agg(v::text, ',' ORDER BY v::text)) FROM $_ AS v" } @views;
my @there = split /\n/, $standby->safe_psql('postgres', $read);
my @here = split /\n/, $primary->safe_psql('postgres', $read);
is($there[$_], $here[$_], "$views[$_] reads the same there") foreach 0 .. $#views;
foreach my $query (
	q{commission.balance_at('seller', now())},
	q{commission.statement('ana', NULL, NULL)},
	q{commission.legs(30)})
{
	is( $standby->safe_psql('postgres', "SELECT * FROM $query"),
		$primary->safe_psql('postgres', "SELECT * FROM $query"),
		"$query, too");
}
my ($status, $stdout, $stderr) = $standby->psql('postgres',
	q{SELECT commission.record_generation('x', 'brand0', 'avatar', model_price => 1, api_cost => 1)});
like($stderr, qr/read-only transaction|during recovery/,
	'a sale on the standby is refused as any change is');

my $last = $primary->safe_psql('postgres',
	'SELECT max(event_id) FROM commission.entry');
$primary->stop('immediate');
$standby->promote;
business($standby, 'postgres', 'wednesday');
cmp_ok(
	$standby->safe_psql('postgres',
		q{SELECT min(event_id) FROM commission.ledger WHERE source LIKE 'wednesday%'}),
	'>', $last, 'promoted, it draws ids that were never drawn');
books_are_well($standby, 'postgres', 'promoted');
$primary->teardown_node;

#
# Logical.  The application's tables are published, too: on the subscriber they
# are attached, and their rows bring their entries with them.
#
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(allows_streaming => 'logical');
$subscriber->append_conf('postgresql.conf',
	"commission.node_id = 1\n");
$subscriber->start;
create_tables($subscriber, 'postgres');

my @kept = split /\n/, $standby->safe_psql('postgres', q{
	SELECT oid::regclass FROM pg_class
	WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind = 'r'
	ORDER BY relname});
$standby->safe_psql('postgres',
	'CREATE PUBLICATION books FOR TABLE sale, invoice, ' . join ', ', @kept);
$subscriber->safe_psql('postgres',
	sprintf q{CREATE SUBSCRIPTION books CONNECTION '%s' PUBLICATION books},
	$standby->connstr . ' dbname=postgres');
$subscriber->wait_for_subscription_sync($standby, 'books');

my $all = $standby->safe_psql('postgres', $tables);
my $before = $standby->safe_psql('postgres', $all);
is($subscriber->safe_psql('postgres', $all),
	$before, 'the subscriber has every row of every table');
books_are_well($subscriber, 'postgres', 'copied to the subscriber');

business($standby, 'postgres', 'thursday');
$standby->wait_for_catchup('books');
isnt($standby->safe_psql('postgres', $all), $before, 'business goes on');
is( $subscriber->safe_psql('postgres', $all),
	$standby->safe_psql('postgres', $all),
	'and the subscriber follows, row by row');
is($subscriber->safe_psql('postgres', $sums),
	$standby->safe_psql('postgres', $sums),
	'nothing accrues twice');
books_are_well($subscriber, 'postgres', 'applied on the subscriber');
is( $subscriber->safe_psql('postgres', q{SELECT last_block FROM commission.seal_status
		UNION ALL SELECT block FROM commission.verify_seals()}),
	'4', 'the seals have come, too, and hold');

# The guards hold for what is applied.  On the publisher they are off, for once.
$standby->safe_psql('postgres', q{
	BEGIN;
	ALTER TABLE commission.entry DISABLE TRIGGER USER;
	UPDATE commission.entry SET amount = amount + 1
	WHERE event_id = (SELECT max(event_id) FROM commission.generation) AND line = 1;
	COMMIT;
});
ok( $subscriber->poll_query_until('postgres', q{
		SELECT apply_error_count > 0 FROM pg_stat_subscription_stats}),
	'what changes an entry is not applied');
like(
	slurp_file($subscriber->logfile),
	qr/cannot update or delete rows of "commission.entry"/,
	'and says why');
is($subscriber->safe_psql('postgres', $sums) eq $standby->safe_psql('postgres', $sums),
	'', 'so that the difference shows');

# The subscriber goes on by itself.  Sequences are not replicated: what keeps its
# ids apart is a node_id of its own.
$subscriber->safe_psql('postgres', q{
	LOAD 'commission';
	ALTER SYSTEM SET commission.node_id = 1;
	SELECT pg_reload_conf();
	ALTER SUBSCRIPTION books DISABLE;
	ALTER SUBSCRIPTION books SET (slot_name = NONE);
	DROP SUBSCRIPTION books;
});
business($subscriber, 'postgres', 'friday');
cmp_ok(
	$subscriber->safe_psql('postgres',
		q{SELECT min(event_id) FROM commission.ledger WHERE source LIKE 'friday%'}),
	'>', 1 << 48, 'on its own, with a node_id of its own, it draws ids of its own');
books_are_well($subscriber, 'postgres', 'the subscriber on its own');
is( $subscriber->safe_psql('postgres', q{
		SELECT node, blocks, unsealed_entries FROM commission.seal_status ORDER BY node;
		SELECT * FROM commission.verify_seals()}),
	"0|4|0\n1|1|0", '... and begins a chain of its own beside the publisher\'s');

$subscriber->stop;
$standby->stop('immediate');
done_testing();

# isolation_levels.t
#	Every door at once, by several clients, under each isolation level: what is
#	refused is refused for a reason that the client can act on, and the books
#	are well at the end.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Shop;

my $transactions = 150;
my $clients = 6;

# Errors that a client meets in the ordinary course of business: what is already
# there with other content, already refunded, taken out or settled.
my $in_order = 'unique_violation OR invalid_parameter_value OR object_not_in_prerequisite_state';

# A handful of ids, so that clients meet.
my $script = qq{
\\set n random(1, 40)
\\set credits random(1, 30)
\\set what random(1, 100)
BEGIN ISOLATION LEVEL LEVEL;
SELECT count(*) FROM commission.earnings;
SELECT act(:what, :n, :credits);
COMMIT;
};

my $act = qq{
	CREATE FUNCTION act(what int, n int, credits bigint) RETURNS void
		LANGUAGE plpgsql AS \$\$
	DECLARE
		mine bigint;
		level text := left(current_setting('transaction_isolation'), 1);
	BEGIN
		CASE
			WHEN what <= 30 THEN
				INSERT INTO sale VALUES (level || n, 'brand' || n % 10, 'avatar', 'reference', 20, 10)
				ON CONFLICT (id) DO UPDATE SET paid = NOT sale.paid;
			WHEN what <= 40 THEN
				PERFORM commission.record_generation(id, buyer, avatar, reference,
					model_price => 19 + what % 2, api_cost => cost)
				FROM sale WHERE id = level || n;
			WHEN what <= 50 THEN
				INSERT INTO invoice VALUES (level || n, 'brand' || n % 10, 1999) ON CONFLICT DO NOTHING;
			WHEN what <= 60 THEN
				PERFORM commission.reverse_generation(level || n, credits);
			WHEN what <= 65 THEN
				PERFORM commission.reverse_order(level || n, credits);
			WHEN what <= 80 THEN
				PERFORM commission.request_withdrawal((ARRAY['ana', 'bo', 'seller'])[1 + n % 3], credits, 'bank');
			WHEN what <= 92 THEN
				SELECT event_id INTO mine FROM commission.withdrawal
				WHERE state IN ('requested', 'approved') ORDER BY random() LIMIT 1;
				IF n % 2 = 0 THEN
					PERFORM commission.approve_withdrawal(mine);
				ELSE
					PERFORM commission.cancel_withdrawal(mine);
				END IF;
			WHEN what <= 96 THEN
				PERFORM commission.open_payout_batch('bank');
			ELSE
				PERFORM commission.refer('brand' || n, 'ana', 'brand', '2020-01-01');
		END CASE;
	EXCEPTION WHEN $in_order OR foreign_key_violation OR null_value_not_allowed THEN
		RETURN;
	END \$\$;
};

my $node = PostgreSQL::Test::Cluster->new('isolation_levels');
$node->init;
$node->append_conf('postgresql.conf', q{
	shared_preload_libraries = 'commission'
	commission.minimum_payout = 1
});
$node->start;
create_shop($node, 'postgres');
$node->safe_psql('postgres', $act);

# Run the clients; what a level refuses for the sake of order is tried again.
sub run_clients
{
	my ($level) = @_;
	my $file = $node->basedir . "/$level";

	append_to_file($file, $script =~ s/LEVEL;/$level;/r);
	command_ok(
		[
			'pgbench', '--no-vacuum', '--client', $clients, '--transactions',
			$transactions, '--max-tries', 1000, '--protocol', 'prepared',
			'--random-seed', 20260101, '--file', $file,
			$node->connstr('postgres')
		],
		"$level: every client comes to its end");
	books_are_well($node, 'postgres', "$level");
	is( $node->safe_psql('postgres', q{
			SELECT account, sum(amount) FROM commission.ledger AS l
			GROUP BY account HAVING sum(amount) <> (
				SELECT balance FROM commission.balance AS b
				WHERE b.account = l.account)}),
		'',
		"$level: each balance is the sum of its entries");
	return;
}

run_clients($_) foreach 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE';

is( $node->safe_psql('postgres', q{
		SELECT string_agg(DISTINCT kind::text, ' ' ORDER BY kind::text)
		FROM commission.ledger}),
	'brand creator first_order pool renewal reversal withdrawal withdrawal_return',
	'everything was done');
is( join("\n", grep { !/could not serialize/ }
		  slurp_file($node->logfile) =~ /(?:ERROR|FATAL|PANIC):  (.*)/g),
	'',
	'nothing was refused but for the order of transactions, and none deadlocked');
$node->stop;
done_testing();

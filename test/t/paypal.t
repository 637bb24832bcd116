# paypal.t
#	examples/paypal pays each approved withdrawal once, through a stand-in for
#	PayPal that accepts and never answers, is unavailable, accepts and fails,
#	and says things twice; and though it is killed between sending a batch and
#	taking the answer.
use strict;
use warnings;

use FindBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Shop;

plan skip_all => 'there is no python3' if system('python3 -c "" 2>/dev/null') != 0;

my $node = PostgreSQL::Test::Cluster->new('paypal');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\ncommission.minimum_payout = 1\n");
$node->start;
create_shop($node, 'postgres');

# An account for each receiver has something; the worker is an operator.
$node->safe_psql('postgres', q{
	CREATE ROLE worker LOGIN;
	SELECT commission.grant_operator('worker');
	SELECT commission.refer('buyer of ' || name, name, 'brand', '2020-01-01'),
		commission.record_generation('sale of ' || name, 'buyer of ' || name, 'avatar',
			model_price => 2000, api_cost => 10)
	FROM (SELECT 'p' || n FROM generate_series(1, 24) AS n
		UNION ALL SELECT unnest('{nobody,later,held}'::text[])) AS a (name);
});

# Request and approve a withdrawal for each; the held one is held in its batch.
sub approve
{
	my ($credits) = @_;

	$node->safe_psql('postgres', qq{
		SELECT commission.approve_withdrawal(commission.request_withdrawal(
			account, $credits, 'paypal', account || '\@shop.example'))
		FROM commission.balance AS b
		WHERE account ~ '^(p[0-9]+|nobody|later)\$' AND available >= $credits});
	return;
}

# How many withdrawals are in each state.
sub states
{
	return $node->safe_psql('postgres',
		'SELECT state, count(*) FROM commission.withdrawal_status GROUP BY state ORDER BY state');
}

my $example = "$FindBin::RealBin/../../examples/paypal";
my $file = $node->basedir . '/accepted.jsonl';
my ($url, $errors) = ('', '');
local $ENV{PAYPAL_CLIENT_ID} = 'client';
local $ENV{PAYPAL_SECRET} = 'secret';
my $fake = IPC::Run::start([ 'python3', "$example/fake.py", '--faults', $file ],
	'>', \$url, '2>', \$errors);
$fake->pump until $url =~ /\n/;
chomp $url;
my @pay = ('python3', "$example/pay.py", '--api', $url,
	'--connect', $node->connstr('postgres') . ' user=worker',
	'--timeout', '0.5', '--backoff', '0.01', '--pause', '0.01', '--polls', '5');

# Killed when PayPal has accepted the batch, and has not answered.
approve(100);
my $worker = IPC::Run::start([ @pay, '--timeout', '60' ], '>', \my $log, '2>&1');
for (1 .. 1000)
{
	last if -s $file;
	select undef, undef, undef, 0.01;
}
$worker->kill_kill(grace => 0);
ok(-s $file, 'PayPal has accepted the batch when the worker is killed');
is(states(), 'approved|26', '... of which nothing is known');

# What is approved meanwhile is in the next batch, with an account that is held
# after that.
approve(50);
$node->safe_psql('postgres', q{
	SELECT commission.approve_withdrawal(commission.request_withdrawal(
		'held', 100, 'paypal', 'held@shop.example'));
	SELECT commission.open_payout_batch();
	SELECT commission.hold_account('held', 'a question')});
command_ok(\@pay, 'the worker goes on where it was');
is(states(), "approved|1\nunknown|2\npaid|48\nfailed|2",
	'... and pays all but those who cannot be');
command_ok(\@pay, 'another run finds the unclaimed ones unknown still');
is(states(), "approved|1\nunknown|2\npaid|48\nfailed|2", '... and changes nothing');

# What was accepted, against what is in the database.
my @accepted = slurp_file($file) =~ /"sender_item_id": "([^"]+)"/g;
is(scalar(@accepted), 52, 'PayPal has each item once');
is(join(' ', sort @accepted), $node->safe_psql('postgres', q{
	SELECT string_agg('commission-withdrawal-' || withdrawal, ' ' ORDER BY ('commission-withdrawal-' || withdrawal) COLLATE "C")
	FROM commission.withdrawal_status WHERE account <> 'held'}),
	'... and all of them');
is($node->safe_psql('postgres', q{
	SELECT count(*), count(DISTINCT transfer) FROM commission.withdrawal_status WHERE state = 'paid'}),
	'48|48', 'each by a transfer of its own');

# By PayPal's id alone, as for a batch that is too old to be sent.
command_ok([ @pay, '--take', $node->safe_psql('postgres',
		'SELECT min(batch) FROM commission.payout_item'), 'BATCH0' ],
	'an answer is taken by the id that the log has');
command_fails([ @pay, '--take', $node->safe_psql('postgres',
		'SELECT max(batch) FROM commission.payout_item'), 'BATCH0' ],
	'... not for another batch');

# Wrong credentials.
{
	local $ENV{PAYPAL_SECRET} = 'wrong';
	command_fails([ @pay, '--attempts', '2' ], 'without its credentials the worker fails');
}
is($node->safe_psql('postgres', 'SELECT * FROM commission.audit()'), '',
	'the books are well');

$fake->kill_kill;
$node->stop;
done_testing();

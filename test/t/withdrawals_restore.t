# withdrawals_restore.t
#	Withdrawals in every state are dumped and restored as they are, and go on
#	from there: the guards let the restore through, and nothing else (R23).
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('withdrawals_restore');
$node->init;
$node->start;

# What there is to see, without what a restore may change.
my $look = <<'EOF';
SELECT account, balance, available, held, in_withdrawal, withdrawn
FROM commission.balance ORDER BY account;
SELECT * FROM commission.withdrawal_status ORDER BY withdrawal;
SELECT * FROM commission.withdrawal_history ORDER BY event_id;
SELECT * FROM commission.ledger ORDER BY event_id, line;
SELECT commission.payout_batch_json(batch_id), commission.payout_batch_csv(batch_id)
FROM commission.payout_batch ORDER BY batch_id;
SELECT * FROM commission.payout_batch;
EOF

$node->safe_psql('postgres', 'CREATE DATABASE former; CREATE DATABASE restored');
$node->safe_psql('former', <<'EOF');
CREATE EXTENSION commission;
SELECT commission.refer('brand', 'maria', 'brand', '2024-01-01');
SELECT commission.record_generation('sale', 'brand', model_price => 10000,
	api_cost => 0, occurred_at => '2024-02-01') FROM set_config('commission.marketplace_only', 'off', false);
SET commission.minimum_payout = 0;
CREATE TABLE w AS SELECT n, commission.request_withdrawal('maria', 100 + n, 'paypal', 'maria@example.com') AS id
FROM generate_series(1, 8) AS n;
SELECT commission.approve_withdrawal(id) FROM w WHERE n IN (2, 3, 4, 7);
SELECT commission.open_payout_batch();
SELECT commission.approve_withdrawal(id) FROM w WHERE n = 8;
SELECT commission.mark_withdrawal_unknown(id) FROM w WHERE n IN (3, 7);
SELECT commission.pay_withdrawal(id, 'T4') FROM w WHERE n = 4;
SELECT commission.cancel_withdrawal(id) FROM w WHERE n = 5;
SELECT commission.reject_withdrawal(id, 'no') FROM w WHERE n = 6;
SELECT commission.fail_withdrawal(id, 'lost') FROM w WHERE n = 7;
EOF
is($node->safe_psql('former', 'SELECT count(DISTINCT state) FROM commission.withdrawal'),
	'7', 'there is a withdrawal in every state');

my $dump = $node->basedir . '/former.dump';
$node->command_ok(
	[ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('former') ], 'pg_dump');
$node->command_ok(
	[ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ],
	'pg_restore');

is($node->safe_psql('restored', $look), $node->safe_psql('former', $look),
	'all is as it was');
is($node->safe_psql('restored', 'SELECT * FROM commission.audit()'),
	'', 'the books agree');

# The guards are in place.
my ($status, $stdout, $stderr) = $node->psql('restored',
	"UPDATE commission.withdrawal SET state = 'requested' WHERE state = 'paid'");
like($stderr, qr/withdrawal \d+ is paid/, 'what is settled stays settled');
($status, $stdout, $stderr) = $node->psql('restored',
	"SET session_replication_role = replica; UPDATE commission.withdrawal SET amount = 1");
like($stderr, qr/column "amount" of withdrawal \d+ cannot change/,
	'amounts stay, on a replica, too');

# And each withdrawal goes on from where it was.
$node->safe_psql('restored', <<'EOF');
SELECT commission.pay_withdrawal(event_id, 'T') FROM commission.withdrawal
WHERE state IN ('approved', 'unknown') AND batch_id IS NOT NULL;
SELECT commission.cancel_withdrawal(event_id) FROM commission.withdrawal
WHERE state IN ('requested', 'approved');
SET commission.minimum_payout = 0;
SELECT commission.request_withdrawal('maria', method => 'bank');
EOF
is($node->safe_psql('restored',
		"SELECT balance, in_withdrawal, withdrawn FROM commission.balance WHERE account = 'maria'"),
	'0|2691|309', 'they are paid, and come back');
is($node->safe_psql('restored', 'SELECT * FROM commission.audit()'),
	'', 'and the books still agree');

done_testing();

# seals.t
#	verify_seals() and examples/seal-check.py, a program of its own, find the
#	same: nothing in a ledger that is what was sealed, whatever it holds and
#	wherever it was restored, and each falsification by its block.
use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Shop;

plan skip_all => 'there is no python3' if system('python3 -c "" 2>/dev/null') != 0;

my $checker = "$FindBin::RealBin/../../examples/seal-check.py";

my $node = PostgreSQL::Test::Cluster->new('seals');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\n");
$node->start;

# Values that a text form or a time zone could get wrong.
$node->safe_psql('postgres', "CREATE DATABASE shop ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
create_shop($node, 'shop');
$node->safe_psql('shop', q{
	SET client_encoding = 'UTF8';
	ALTER DATABASE shop SET timezone = 'Africa/Monrovia';
	SET commission.minimum_payout = 1;
	SET commission.cref_secret = 'thirty-two bytes or more, and of noise';
	INSERT INTO sale SELECT 's' || n, 'brand' || n % 10, 'avatar', 'reference', 20, 10
	FROM generate_series(1, 100) AS n;
	SELECT commission.record_generation(E'back\\\\slash\ttab\nline é', E'\\N', 'avatar',
		model => 'flux', model_price => 20, api_cost => 10, occurred_at => t::timestamptz)
	FROM unnest('{1900-02-28 23:59:59.000001}'::text[]) AS t;
	SELECT commission.record_generation('time ' || t, 'brand0', 'avatar',
		model_price => 20, api_cost => 10, occurred_at => t::timestamptz)
	FROM unnest('{0044-03-15 12:00:00.5 BC,0001-01-01 00:00 BC,2400-02-29 01:02:03,294275-12-31 23:59}'::text[]) AS t;
	SELECT commission.record_order('o1', 'brand0', 1999, plan => '');
	SELECT commission.refer('brand1', 'ana', 'brand', '2020-01-01', accrue_past => true);
	SELECT commission.reverse_generation('s1', 7, E'\\.');
	SELECT commission.attribute('zoe', commission.touch('ana'), 'brand');
	SELECT commission.approve_withdrawal(commission.request_withdrawal('seller', 50, 'paypal', 's@shop.example'));
	SELECT commission.open_payout_batch();
	SELECT commission.approve_withdrawal(w), commission.pay_withdrawal(w, 'transfer-1')
	FROM commission.request_withdrawal('seller', 20, 'bank') AS w;
	SELECT commission.reject_withdrawal(commission.request_withdrawal('seller', 10, 'bank'), 'ask again');
	SELECT commission.set_payout('ana', 'paypal', 'ana@shop.example'),
		commission.hold_account('bo', 'a review'), commission.release_account('bo');
	CALL commission.seal();
	INSERT INTO sale VALUES ('later', 'brand0', 'avatar', NULL, 20, 10);
	CALL commission.seal();
});

# What verify_seals() and the checker say of a database.
sub found
{
	my ($database) = @_;
	my $sql = $node->safe_psql($database,
		q{SELECT format('block %s: %s', block, problem) FROM commission.verify_seals()});
	my ($stdout, $stderr);
	my $result = IPC::Run::run(
		[ 'python3', $checker, '--connect', $node->connstr($database) ],
		'>', \$stdout, '2>', \$stderr);

	is($stderr, '', "$database: the checker runs") if $stderr ne '';
	is($result ? 1 : 0, $sql eq '' ? 1 : 0, "$database: the checker's status");
	like($stdout, qr/\A\Q$sql\E\n?\d+ blocks, \d+ entries, \d+ problems\n\z/,
		"$database: the checker says the same");
	return $sql;
}

is(found('shop'), '', 'nothing in a ledger that is what was sealed');

# A dump, and what is restored from it.
my $dump = $node->basedir . '/shop.sql';
$node->command_ok([ 'pg_dump', "--file=$dump", '--encoding=UTF8', 'shop' ], 'a dump');
my $hash = $node->safe_psql('shop', 'SELECT last_hash FROM commission.seal_status');
$node->command_ok([ 'python3', $checker, '--last', $hash, $dump ],
	'... is what was sealed');
$node->command_checks_all([ 'python3', $checker, '--last', 'f' x 64, $dump ], 1,
	[ qr/^no block has the hash f{64}$/m ], [], '... but has no hash that it never had');
my $text = slurp_file($dump);
$text =~ s/^(\d+\t)9(\t.*\tbrand\tbrand\t)/${1}10$2/m or die 'no entry';
$text =~ s/^SET client_encoding.*//m;
append_to_file("$dump.changed", $text);
$node->command_checks_all([ 'python3', $checker, "$dump.changed" ], 1,
	[ qr/\Ablock 1: it is not what was sealed\n.* 1 problems\n\z/ ], [],
	'... nor an entry that was changed in it');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump,
		'-d', 'restored' ], 'restored, in another encoding');
is(found('restored'), '', '... it is what was sealed');
$node->safe_psql('restored', q{
	INSERT INTO sale VALUES ('restored', 'brand0', 'avatar', NULL, 20, 10);
	CALL commission.seal()});
is(found('restored'), '', '... and the chain goes on');
is($node->safe_psql('restored', 'SELECT blocks FROM commission.seal_status'), 3,
	'... by a block');

# Falsifications, by a superuser who drops the guards: each with its block.
my @falsifications = (
	[ 'a flipped credit', 1, 'UPDATE entry SET amount = amount + 1 WHERE event_id = (SELECT min(event_id) FROM generation) AND line = 1' ],
	[ 'a removed entry', 1, 'DELETE FROM entry WHERE event_id = (SELECT min(event_id) FROM generation) AND line = 1' ],
	[ 'an inserted entry', 2, 'INSERT INTO entry SELECT event_id, amount, occurred_at, account_id, from_account_id, buyer_id, kind, counts_as, ratio_ppm, 9 FROM entry WHERE event_id = (SELECT max(event_id) FROM generation) AND line = 1' ],
	[ 'an entry of another account', 2, q{UPDATE entry SET account_id = commission.account_id('mallory') WHERE event_id = (SELECT max(event_id) FROM generation) AND line = 1} ],
	[ 'entries that change places', 1, 'UPDATE entry SET event_id = 2 * (SELECT min(event_id) FROM generation) + 1 - event_id WHERE event_id <= 1 + (SELECT min(event_id) FROM generation) AND line = 1 AND event_id >= (SELECT min(event_id) FROM generation)' ],
	[ 'another time of a sale', 1, q{UPDATE generation SET occurred_at = occurred_at - interval '1 us' WHERE event_id = (SELECT min(event_id) FROM generation)} ],
	[ 'another cost', 2, 'UPDATE generation SET api_cost = api_cost + 1 WHERE event_id = (SELECT max(event_id) FROM generation)' ],
	[ 'a removed order', 1, 'DELETE FROM customer_order' ],
	[ 'a late accrual of another sale', 1, 'UPDATE late_accrual SET sale_event_id = sale_event_id + 1 WHERE event_id = (SELECT min(event_id) FROM late_accrual)' ],
	[ 'a changed reason', 1, q{UPDATE reversal SET reason = ''} ],
	[ 'another destination', 1, q{UPDATE withdrawal SET destination = 'mallory@shop.example'} ],
	[ 'another transfer', 1, q{UPDATE withdrawal_transition SET transfer = 'transfer-2' WHERE to_state = 'paid'} ],
	[ 'another reason of a rejection', 1, q{UPDATE withdrawal_transition SET reason = 'fraud' WHERE to_state = 'rejected'} ],
	[ 'another payout address', 1, q{UPDATE payout_change SET destination = 'mallory@shop.example'} ],
	[ 'a removed hold', 1, 'DELETE FROM hold_change WHERE is_hold' ],
	[ 'another referrer', 1, q{UPDATE referral_change SET referrer_id = commission.account_id('mallory') WHERE change_id = (SELECT min(change_id) FROM referral_change)} ],
	[ 'a removed block', 2, 'DELETE FROM seal_block WHERE block = 1' ]);
foreach my $falsification (@falsifications)
{
	my ($what, $block, $statement) = @$falsification;

	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS copy');
	$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE shop');
	$node->safe_psql('copy', q{
		SELECT format('ALTER TABLE %s DISABLE TRIGGER USER', t.tgrelid::regclass)
		FROM pg_trigger AS t
		WHERE t.tgfoid = 'commission_internal.refuse_change'::regproc
		GROUP BY t.tgrelid \gexec
		ALTER TABLE commission.entry DROP CONSTRAINT entry_pkey;
		SET search_path = commission;
	} . $statement);
	like(found('copy'), qr/\Ablock $block: [^\n]+\z/, "$what is named by block $block");
}

$node->stop;
done_testing();

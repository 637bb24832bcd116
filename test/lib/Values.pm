# Values.pm
#	Good and bad values of each type, as SQL, for test/t/bad_input.t.
package Values;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(%encodings %named values_of value good_value);

# Values are written with commas in them.
no warnings qw(qw);

# The databases: a value that one encoding refuses is a text in another.
our %encodings = (
	UTF8 => [ q{'Zoë 🎨'}, q{E'a\u202Eb'} ],
	LATIN1 => [ q{E'Zo\xeb'}, q{E'\x80\xff'} ],
	SQL_ASCII => [ q{E'Zo\xeb'}, q{E'\xff\xfe'}, q{E'\xc3'} ]);

# Values by type, as SQL: those that get further first, then the others.
my %good = (
	'text' => [
		qw('ana' 'bo' 'brand' 'seller' 'avatar' 'reference' 'flux' '4k'),
		qw('1' '2' 'paypal'),
		q{'g' || floor(random() * 40)}, q{commission.sign_cref('ana')}
	],
	'bigint' => [
		1, 5, 20, 83, 100, 120
	],
	'integer' => [ 1, 2, 1000000 ],
	'numeric' => [ 0, 0.3, 0.5, 1 ],
	'boolean' => [qw(true false)],
	'timestamp with time zone' => [ 'now()', q{'2026-01-01'} ],
	'date' => [ q{'2026-01-01'}, 'current_date' ],
	'interval' => [ q{'1 day'}, q{'90 days'} ],
	'uuid' => [q{'00000000-0000-4000-8000-000000000001'}],
	'jsonb' => [
		q('{"maria": 30}'),
		q('{}')
	],
	'bigint[]' => [qw('{1,2,3}' '{100}')],
	'numeric[]' => [qw('{0.3,0.2}' '{0.45,0.35,0.2}')],
	'int8multirange' => [q<'{[1,5),[20,90)}'>],
	'name' => [qw('id' 'buyer' 'avatar' 'price' 'at' 'paid' 'images')],
	'"char"' => [qw('p' 'n' 's')],
	'regclass' => [qw('sale' 'sale_parted' 'invoice' 'fresh_bill')],
	'regrole' => [q('clerk')]);

# Arguments that are best known by their names.
our %named = (
	'generation text' => [ q{'rich'}, q{('g' || floor(random() * 40))} ],
	'generation name' => [q{'id'}],
	'buyer name' => [q{'buyer'}],
	'order_id name' => [q{'number'}],
	'customer name' => [q{'payer'}],
	'amount name' => [q{'total'}],
	'account name' => [q{'id'}],
	'label name' => [q{'model'}],
	'closed name' => [q{'paid'}],
	'group_name name' => [q{'model'}],
	'listing name' => [q{'avatar'}],
	'owner name' => [q{'buyer'}],
	'kind name' => [ q{'kind'}, q{'avatar'} ],
	'pool name' => [q{'price'}],
	'co_authors name' => [q{'document'}],
	'model name' => [q{'model'}],
	'resolution name' => [q{'resolution'}],
	'model_price name' => [q{'price'}],
	'api_cost name' => [q{'cost'}],
	'account text' => [qw('ana' 'bo' 'seller' 'maria' 'brand')],
	'batch bigint' => [
		'(SELECT max(batch_id) FROM commission.payout_batch)',
		"(SELECT max(batch_id) FROM commission.payout_batch WHERE method = 'paypal')",
		"(SELECT max(batch) FROM commission.payout_item AS i WHERE NOT EXISTS (SELECT FROM commission.payout_item AS o WHERE o.batch = i.batch AND o.state <> 'approved'))"
	],
	'tiers jsonb' => [q{'[{"group": "gold", "from": 1}]'::jsonb}],
	'measure text' => [qw('commission' 'net_margin' 'active_customers')],
	'history jsonb' => [q{'{"buyer": "nobody", "node": 0, "rows": []}'::jsonb}],
	'result jsonb' => [q{jsonb_build_object('items', jsonb_build_array(jsonb_build_object(
		'transaction_status', 'SUCCESS', 'transaction_id', 't',
		'payout_item', jsonb_build_object('sender_item_id',
			(SELECT i.sender_item_id FROM commission.payout_item AS i
			 JOIN commission.payout_batch AS b ON b.batch_id = i.batch AND b.method = 'paypal'
			 ORDER BY i.batch DESC LIMIT 1)))))}],
	'relation regclass' => [qw('fresh' 'fresh_bill' 'sale')],
	'withdrawal bigint' => [
		"(SELECT max(event_id) FROM commission.withdrawal WHERE method = 'safe' AND state = 'requested')",
		'(SELECT max(withdrawal) FROM commission.payout_item WHERE state = \'approved\')',
		map { "(SELECT max(event_id) FROM commission.withdrawal WHERE state = '$_')" }
		  qw(requested approved unknown)
	]);

my %bad = (
	'text' => [
		qw('' '0' '-0' '+1' '01' '-1'),
		qw('9223372036854775807' '9223372036854775808' '-9223372036854775808'),
		q{'99999999999999999999999999'},
		q{' '},
		q{'00000000-0000-4000-8000-000000000001'},
		q{'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'},
		q{'{ffffffff-ffff-ffff-ffff-ffffffffffff}'},
		q{commission_internal.identifier_name(commission.account_id('1'))},
		q{commission.account_id('-7')::text},
		q{repeat('x', 1024)},
		q{repeat('x', 1025)},
		q{repeat('x', 1000000)},
		q{(SELECT noise FROM big)},
		q{(SELECT left(noise, 1024) FROM big)},
		q{(SELECT left(noise, 4000) FROM big)},
		q{'%s%n%d%%'},
		q{'a"b''c\d'},
		q{E'a\nb\tc\x01'},
		q{'=1+1@x'},
		q{'a@b@c.d.'},
		q{commission.sign_cref('ana') || 'A'},
		q{left(commission.sign_cref('ana'), -1)}
	],
	'bigint' => [
		qw(0 -1 9223372036854775807 9223372036854775806),
		q{'-9223372036854775808'::bigint}, 4611686018427387904,
		7686143364045646506, 281474976710656
	],
	'integer' => [ 0, -1, 2147483647, q{'-2147483648'::integer} ],
	'numeric' => [
		q{'NaN'}, q{'Infinity'}, q{'-Infinity'}, -1, 1.000001, 0.0000001,
		'1e-1000', '1e1000', '9223372036854775808'
	],
	'boolean' => [],
	'timestamp with time zone' => [
		q{'infinity'}, q{'-infinity'},
		q{'4714-11-24 00:00:00+00 BC'},
		q{'294276-12-31 23:59:59.999999+00'}, q{'1970-01-01'},
		q{'2200-02-29'::timestamp - interval '1 day'}
	],
	'date' => [
		q{'infinity'}, q{'-infinity'}, q{'4714-11-24 BC'}, q{'5874897-12-31'},
		q{'294276-12-31'}, q{'294277-01-01'}
	],
	'interval' => [
		q{'-1 day'}, q{'0'}, q{'178000000 years'}, q{'1 mon -1 day'}
	],
	'uuid' => [ q{commission.account_id('1')}, q{commission.account_id('x')} ],
	'jsonb' => [
		q('[]'),
		q('null'),
		q('1'),
		q('"a"'),
		q('[{"maria": 30}]'),
		q('{"maria": 1.5}'),
		q('{"maria": 0}'),
		q('{"maria": -1}'),
		q('{"maria": 1e400}'),
		q('{"maria": 9223372036854775807, "b": 1}'),
		q('{"maria": 9223372036854775808}'),
		q('{"maria": "30"}'),
		q('{"maria": null}'),
		q('{"maria": [1]}'),
		q('{"maria": {"a": 1}}'),
		q('{"": 1}'),
		q('{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}'),
		q('{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}'),
		q('{"FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF": 1, "ffffffff-ffff-ffff-ffff-ffffffffffff": 1}'),
		q{(repeat('{"a":', 2000) || '1' || repeat('}', 2000))::jsonb},
		q{(repeat('[', 2000) || repeat(']', 2000))::jsonb},
		q{jsonb_build_object(repeat('k', 1000000), 1)},
		q{jsonb_build_object('maria', repeat('k', 1000000))},
		q('{"items": 1}'),
		q('{"items": []}'),
		q('{"items": [1, null, [], {}]}'),
		q('{"items": [{"payout_item": 1}]}'),
		q('{"items": [{"payout_item": {"sender_item_id": {}}, "transaction_status": []}]}'),
		q('{"items": [{"payout_item": {"sender_item_id": "x"}, "transaction_status": "SUCCESS"}]}'),
		q('{"batch_header": {"sender_batch_header": {"sender_batch_id": "x"}}, "items": []}'),
		q('{"batch_header": 7, "items": []}')
	],
	'"char"' => [qw('' 'x' '\377')],
	'bigint[]' => [
		qw('{}' '{NULL}' '{0}' '{0,0}' '{-1,2}' '{1,NULL}' '{{1,2},{3,4}}'),
		q{'[5:6]={1,2}'},
		qw('{9223372036854775807}' '{9223372036854775807,1}'),
		q{array_fill(1::bigint, ARRAY[100000])}
	],
	'numeric[]' => [
		qw('{}' '{NULL}' '{0,0}' '{-1,0.5}' '{1.5}' '{NaN}' '{{0.1,0.2},{0.3,0.4}}'),
		q{'[5:6]={1,1}'}, q{array_fill(0.5, ARRAY[100000])}
	],
	'int8multirange' => [
		qw<'{}' '{(,)}' '{(,5]}' '{[5,)}'>,
		q<'{[-9223372036854775808,9223372036854775807)}'>
	],
	'name' => [
		qw('nosuch' '' 'ctid' 'xmin' 'tableoid' '........pg.dropped.1........'),
		q{'we"ird ''co\l%s'}, q{repeat('x', 63)}, qw('document' 'array' 'point'),
		qw('money' 'real' 'whole' 'generated' 'kind' 'small')
	],
	'regclass' => [
		qw('sale_view' 'sale_matview' 'sale_idx' 'sale_serial' 'sale_foreign'),
		qw('sale_type' 'sale_parted_1' 'sale_child' 'sale_unlogged'),
		qw('pg_class' 'commission.entry' 'commission.generation'),
		qw('commission.earnings' 'pg_toast.pg_toast_2619' '"we""ird"'),
		qw(0::oid::regclass 4294967295::oid::regclass)
	],
	'regrole' =>
	  [ q{'"we""ird role"'}, q{'pg_monitor'}, '0::oid', '4294967295::oid' ]);

# The values of a type: the good and the bad.
sub values_of
{
	my ($type, $texts) = @_;

	if ($type =~ /^commission\.\w+$/)
	{
		my @labels = map { "(SELECT (enum_range(NULL::$type))[$_])" } 1 .. 3;

		return (\@labels, []);
	}
	my $good = $good{$type} // die "no values for type $type";
	my @bad = @{ $bad{$type} };

	push @bad, @$texts if $type eq 'text';
	return ($good, \@bad);
}

# One of the values of a type.
sub value
{
	my ($name, $type, $texts) = @_;
	my ($good, $bad) = values_of($type, $texts);
	my $named = $named{"$name $type"};

	return 'NULL' if rand() < ($type eq 'name' && !$named ? 0.6 : 0.08);
	return "($named->[ rand @$named ])::$type" if $named && rand() < 0.7;
	my $values = rand() < 0.6 || !@$bad ? $good : $bad;
	return sprintf '(%s)::%s', $values->[ rand @$values ], $type;
}

# A good value of a type.
sub good_value
{
	my ($name, $type, $texts) = @_;
	my ($good) = values_of($type, $texts);
	my $values = $named{"$name $type"} // $good;

	return sprintf '(%s)::%s', $values->[ rand @$values ], $type;
}

1;

# bad_input.t
#	Every function, and inserts into attached tables, under wrong and extreme
#	values: what is refused is refused with an error that means the caller, and
#	what is accepted leaves books that are well.
#
# Each argument of each function is given every value that there is for its type,
# and NULL, the others being good; an argument of a type without values is a
# failure.  Besides, there are random calls, the same in every run; COMMISSION_SEED
# asks for others, and COMMISSION_CALLS for so many times as many.  All this is done
# in UTF8.  In each other encoding, text arguments alone are given each good value
# and each text of that encoding, and there are a fifth of the random calls, of what
# takes words.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Values;

my $seed = $ENV{COMMISSION_SEED} // 20260101;
my $times = $ENV{COMMISSION_CALLS} // 1;

# Calls for each function that has arguments, and for each of these besides.
my $calls = 10;
my $calls_per_argument = 10;

# Rows put into the attached tables.
my $rows = 400;

# The types of what takes words.
my $words = qr/^(?:text|name|jsonb)$/;

# SQLSTATE classes that mean the caller.  54 is PostgreSQL's own: a jsonb, or an
# expression, that is nested too deeply.
my $refused = qr/^(?:22|23|42|55)/;

# The tables that are attached, and what can be mistaken for one.
my $tables = q{
	CREATE TABLE big AS
		SELECT string_agg(md5(n::text), '') AS noise
		FROM generate_series(1, 32000) AS n;
	CREATE DOMAIN whole_credits AS numeric(30, 2);
	CREATE TABLE sale (
		dropped int, id text, buyer varchar(2000), avatar text, reference text,
		run text, images bigint, model text, resolution text, price numeric,
		cost bigint, avatar_pool numeric, avatar_surcharge whole_credits,
		reference_pool int8, reference_surcharge int8, bundle boolean,
		paid boolean, at timestamp, document jsonb, "array" bigint[],
		point point, money money, real real, whole whole_credits,
		generated bigint GENERATED ALWAYS AS (cost + 1) STORED,
		kind commission.order_kind, small smallint,
		"we""ird 'co\l%s" text);
	CREATE INDEX sale_idx ON sale (paid);
	ALTER TABLE sale DROP COLUMN dropped;
	CREATE TABLE fresh (LIKE sale);
	CREATE TABLE fresh_bill (number int8, payer int2, total numeric, at timestamp);
	CREATE TABLE sale_parted (LIKE sale) PARTITION BY LIST (paid);
	CREATE TABLE sale_parted_1 PARTITION OF sale_parted FOR VALUES IN (true);
	CREATE TABLE sale_parted_2 PARTITION OF sale_parted DEFAULT;
	CREATE TABLE sale_child () INHERITS (sale);
	CREATE UNLOGGED TABLE sale_unlogged (LIKE sale);
	CREATE TABLE "we""ird" (LIKE sale);
	CREATE TABLE invoice (id int8, buyer text, price numeric, kind text,
		plan text, at timestamptz, paid boolean);
	CREATE VIEW sale_view AS SELECT * FROM sale;
	CREATE MATERIALIZED VIEW sale_matview AS SELECT * FROM sale;
	CREATE SEQUENCE sale_serial;
	CREATE TYPE sale_type AS (id text, buyer text);
	CREATE FOREIGN DATA WRAPPER elsewhere;
	CREATE SERVER elsewhere FOREIGN DATA WRAPPER elsewhere;
	CREATE FOREIGN TABLE sale_foreign (id text, buyer text) SERVER elsewhere;
};

# A catalogue, something to withdraw, and the doors; and what chance alone may
# never call with success.
my $world = q{
	SELECT commission.register_listing('avatar', 'seller', 'avatar', 100, 'Avatar', '{"maria": 30}');
	SELECT commission.register_listing('reference', 'bo', 'reference', 90);
	SELECT commission.set_model_price('flux', '4k', 20, 10);
	SELECT commission.refer('brand', 'ana', 'brand', '2020-01-01');
	SELECT commission.refer('seller', 'bo', 'creator', '2020-01-01');
	SELECT commission.refer('1', 'ana', 'brand', '4714-11-24 00:00:00+00 BC');
	SELECT commission.record_generation('rich', 'brand', 'avatar', model_price => 1000000, api_cost => 0);
	SELECT commission.approve_withdrawal(commission.request_withdrawal('ana', 5000, 'paypal', 'ana@example.com'));
	SELECT commission.open_payout_batch('paypal');
	CREATE TABLE requested AS
		SELECT n, commission.request_withdrawal('ana', 100, 'paypal', 'ana@example.com') AS withdrawal
		FROM generate_series(1, 60) AS n;
	SELECT commission.approve_withdrawal(withdrawal) FROM requested WHERE n <= 40;
	SELECT commission.mark_withdrawal_unknown(withdrawal) FROM requested WHERE n <= 20;
	SELECT commission.open_payout_batch('paypal');
	SELECT commission.import_payout_result(b.batch_id, jsonb_build_object('items',
		jsonb_build_array(jsonb_build_object('transaction_status', 'SUCCESS',
			'transaction_id', 't', 'payout_item',
			jsonb_build_object('sender_item_id', i.sender_item_id)))))
	FROM (SELECT min(batch_id) AS batch_id FROM commission.payout_batch) AS b
	JOIN commission.payout_item AS i ON i.batch = b.batch_id;
	SELECT commission.remove_from_batch(max(withdrawal)) FROM commission.payout_item;
	SELECT commission.refer('saver', 'zoe', 'brand', '2020-01-01');
	SELECT commission.record_generation('safe', 'saver', 'avatar', model_price => 1000000, api_cost => 0);
	CREATE TABLE safe AS
		SELECT n, commission.request_withdrawal('zoe', 100, 'safe') AS withdrawal
		FROM generate_series(1, 60) AS n;
	DO $$
	BEGIN
		FOR batch IN 0 .. 5 LOOP
			PERFORM commission.approve_withdrawal(withdrawal)
			FROM safe WHERE n / 4 = batch;
			PERFORM commission.open_payout_batch('safe');
		END LOOP;
	END $$;
	SELECT commission.attach(t, 'id', 'buyer', 'avatar', 'reference', 'run', 'images', 'model',
		'resolution', 'price', 'cost', 'avatar_pool', 'avatar_surcharge', 'reference_pool',
		'reference_surcharge', 'bundle', 'paid', 'at')
	FROM unnest('{sale,sale_parted}'::regclass[]) AS t;
	SELECT commission.attach_orders('invoice', 'id', 'buyer', 'price', 'kind', 'plan', 'at', 'paid');
	SELECT commission.attach_accounts('fresh', 'id'), commission.detach('fresh');
	SELECT commission.attach_listings('fresh', 'id', 'buyer', 'model', 'price'), commission.detach('fresh');
	SELECT commission.attach_prices('fresh', 'model', 'resolution', 'price', 'cost'), commission.detach('fresh');
};

# Runs a command in a subtransaction and gives what became of it.
my $probe = q{
	CREATE FUNCTION probe(command text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE command;
		RETURN 'done';
	EXCEPTION WHEN OTHERS OR ASSERT_FAILURE THEN
		RETURN concat(SQLSTATE, ' ', translate(left(SQLERRM, 200), E'\\n\\r', '  '));
	END $$;
};

# The functions that SQL can call, with the names and types of their arguments;
# of the internal ones, those in C, which could bring the server down.  What
# commits cannot be called by a function, and is called by itself; so are
# row_bytes(), which takes any type, and use_setting(), which would change the
# rules of the calls after it.
my $functions = q{
	SELECT p.oid::regprocedure, p.oid::regproc, p.prokind, p.pronargs - p.pronargdefaults,
		(SELECT string_agg(p.proargnames[n] || ':' || format_type(t, NULL), ',' ORDER BY n)
		 FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, n))
	FROM pg_proc AS p
	JOIN pg_language AS l ON l.oid = p.prolang
	WHERE (p.pronamespace = 'commission'::regnamespace
			OR p.pronamespace = 'commission_internal'::regnamespace
				AND l.lanname = 'c')
		AND p.prorettype <> 'trigger'::regtype AND p.proname <> 'backfill'
		AND NOT 'internal'::regtype = ANY (p.proargtypes)
		AND NOT '"any"'::regtype = ANY (p.proargtypes)
		AND p.proname <> 'use_setting'
	ORDER BY p.oid::regprocedure::text COLLATE "C"
};

my $node = PostgreSQL::Test::Cluster->new('bad_input');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->append_conf('postgresql.conf', q{
	fsync = off
	shared_preload_libraries = 'commission'
	commission.cref_secret = 'of at least thirty-two bytes, as it must be'
	commission.brand_referral_window_days = 36525
	commission.marketplace_only = off
	commission.minimum_payout = 1
	log_min_messages = warning
	log_min_error_statement = panic
});
$node->start;
$node->safe_psql('postgres', q{CREATE ROLE clerk; CREATE ROLE "we""ird role"});

# A call of a function, or of a procedure.
sub call
{
	my ($name, $kind, @values) = @_;

	# CALL takes no sub-select.
	@values = map { /SELECT/ ? 'NULL' : $_ } @values if $kind eq 'p';
	my $values = join ', ', @values;

	return $kind eq 'p' ? "CALL $name($values)" : "SELECT * FROM $name($values)";
}

# Calls with random values; some leave out what has a default.
sub random_calls
{
	my ($name, $kind, $required, $arguments, $encoding) = @_;
	my $texts = $encodings{$encoding};

	return call($name, $kind) unless @$arguments;
	return map {
		my $last = rand() < 0.3 ? $required - 1 : $#$arguments;

		call($name, $kind, map { value(@$_, $texts) } @{$arguments}[ 0 .. $last ])
	} 1 .. $times * ($calls + $calls_per_argument * @$arguments) / ($encoding eq 'UTF8' ? 1 : 5);
}

# Calls with every value for each argument in turn.
sub calls_in_turn
{
	my ($name, $kind, $arguments, $encoding) = @_;
	my $texts = $encodings{$encoding};
	my @commands;

	for my $n (0 .. $#$arguments)
	{
		my ($argument, $type) = @{ $arguments->[$n] };
		my ($good, $bad) = values_of($type, $texts);
		my $named = $named{"$argument $type"} // [];

		next unless $encoding eq 'UTF8' || $type eq 'text';
		$bad = $texts unless $encoding eq 'UTF8';
		foreach my $value ('NULL', @$named, @$good, @$bad)
		{
			my @values = map { good_value(@$_, $texts) } @$arguments;

			$values[$n] = "($value)::$type";
			push @commands, call($name, $kind, @values);
		}
	}
	return @commands;
}

# An insert into an attached table, or a change of its paid column.
sub row
{
	my ($texts) = @_;
	my @sale = (
		[ id => 'text' ], [ buyer => 'text' ], [ avatar => 'text' ],
		[ reference => 'text' ], [ run => 'text' ], [ images => 'bigint' ],
		[ model => 'text' ], [ resolution => 'text' ], [ price => 'numeric' ],
		[ cost => 'bigint' ], [ avatar_pool => 'numeric' ],
		[ avatar_surcharge => 'numeric' ], [ reference_pool => 'bigint' ],
		[ reference_surcharge => 'bigint' ], [ bundle => 'boolean' ],
		[ paid => 'boolean' ], [ at => 'timestamp with time zone' ]);
	my @invoice = (
		[ id => 'bigint' ], [ buyer => 'text' ], [ price => 'numeric' ],
		[ kind => 'text' ], [ plan => 'text' ],
		[ at => 'timestamp with time zone' ], [ paid => 'boolean' ]);
	my $table = (qw(sale sale_parted invoice))[ rand 3 ];
	my @columns = $table eq 'invoice' ? @invoice : @sale;

	return "UPDATE $table SET paid = " . (qw(true false NULL))[ rand 3 ]
	  if rand() < 0.05;

	# With few columns a row gets far.
	@columns = @columns[ 0, 1, grep { rand() < 0.4 } 2 .. $#columns ];
	return sprintf 'INSERT INTO %s (%s) VALUES (%s)', $table,
	  join(', ', map { $_->[0] } @columns),
	  join(', ', map { value(@$_, $texts) } @columns);
}

foreach my $encoding (sort keys %encodings)
{
	my $db = lc $encoding;
	my $texts = $encodings{$encoding};
	my @commands;
	my (%functions, %done);

	srand $seed;
	$node->safe_psql('postgres',
		"CREATE DATABASE $db TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'"
	);
	$node->safe_psql($db,
		"CREATE EXTENSION commission; $tables $world $probe");
	foreach my $line (split /\n/, $node->safe_psql($db, $functions))
	{
		my ($signature, $name, $kind, $required, $arguments) = split /\|/, $line;
		my @arguments = map { [ split /:/ ] } split /,/, $arguments // '';

		next unless $encoding eq 'UTF8' || !@arguments || grep { $_->[1] =~ $words } @arguments;
		$functions{$signature} = 1;
		$done{$signature} = 1 if $world =~ /\b\Q$name\E\(/;
		push @commands, map { [ $_, $signature ] }
		  random_calls($name, $kind, $required, \@arguments, $encoding),
		  calls_in_turn($name, $kind, \@arguments, $encoding);
	}
	push @commands, [ row($texts) ] for 1 .. $rows * $times;
	for (my $i = $#commands; $i > 0; $i--)
	{
		my $j = int rand $i + 1;
		@commands[ $i, $j ] = @commands[ $j, $i ];
	}

	my $script = join '',
	  map { "SELECT probe(\$probe\$$_->[0]\$probe\$);\n" } @commands;
	my ($status, $stdout, $stderr) =
	  $node->psql($db,
		"SET client_encoding = '$encoding'; SET client_min_messages = error; SELECT setseed(0.5);\n$script");
	my @outcomes = grep { length } split /\n/, $stdout;
	is($status, 0, "$encoding: the session lives") or diag(substr $stderr, 0, 2000);

	my @wrong;
	for my $i (0 .. $#outcomes)
	{
		my ($command, $signature) = @{ $commands[$i] };
		my ($state) = $outcomes[$i] =~ /^(\S+)/;

		$done{$signature} = 1 if $state eq 'done' && $signature;
		push @wrong, "$outcomes[$i]\n    $command"
		  unless $state eq 'done' || $state =~ $refused;
	}
	is(scalar @outcomes, scalar @commands, "$encoding: every call came back");
	ok(!@wrong, "$encoding: every error means the caller");
	diag(substr $_, 0, 500) foreach splice @wrong, 0, 40;

	is( join(' ', grep { !$done{$_} } sort keys %functions),
		'', "$encoding: every function was called with success, too");

	# (None of its arguments is a text: they are given every value.)
	my @backfills = calls_in_turn('commission.backfill', 'p',
		[ [ relation => 'regclass' ], [ since => 'timestamp with time zone' ] ], 'UTF8');
	($status, $stdout, $stderr) = $node->psql($db,
		join('', "\\set VERBOSITY sqlstate\n", map { "$_;\n" } @backfills),
		on_error_stop => 0);
	is($status, 0, "$encoding: the session lives that backfills");
	is(join(' ', grep { !/$refused/ } $stderr =~ /ERROR:  (\w+)/g),
		'', "$encoding: and each of its errors means the caller");

	my %outcomes;
	$outcomes{ (split / /)[0] }++ for @outcomes;
	note join ', ', map { "$_: $outcomes{$_}" } sort keys %outcomes;

	# (A buyer who was moved away by chance is sold to again.)
	is($node->safe_psql($db, q{SELECT * FROM commission.audit() WHERE problem <> 'sale of a moved buyer'}),
		'', "$encoding: the ledger is correct");
	my @views = split /\n/,
		$node->safe_psql($db, q{SELECT oid::regclass FROM pg_class
			WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind = 'v'});
	($status, $stdout, $stderr) = $node->psql($db,
		join('', map { "SELECT count(v::text) FROM $_ AS v;\n" } @views),
		on_error_stop => 0, extra_params => ['--echo-errors']);
	is($stderr, '', "$encoding: every view can be read");
	is(scalar(split /\n/, $stdout), scalar @views, '... and was');
}

unlike(slurp_file($node->logfile),
	qr/PANIC|TRAP:|terminated by signal/, 'no crash');
# By themselves.
foreach my $call (
	'row_bytes(NULL)', 'row_bytes(1)', q{row_bytes('x'::text)},
	'row_bytes(NULL::commission.entry)', 'row_bytes(ROW())',
	q{row_bytes(ROW(1, 'x'::text, point(0, 0)))},
	q{row_bytes(ROW(ARRAY[[1, 2], [3, 4]], NULL, '{}'::uuid[]))},
	q{use_setting('nothing', '1')}, q{use_setting('brand_ratio', 'x')},
	q{use_setting('', '')})
{
	my ($status, $stdout, $stderr) = $node->psql('utf8',
		"\\set VERBOSITY sqlstate\nSELECT commission_internal.$call");

	like($stderr, qr/^(?:.*ERROR:  (?:0A000|22023|42602))?$/,
		"$call: an answer, or an error that means the caller");
}

$node->stop;
done_testing();

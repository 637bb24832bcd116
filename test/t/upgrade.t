# upgrade.t
#	ALTER EXTENSION UPDATE from each released version, whose script is kept in
#	test/frozen: until it is run, the new library works with the old script;
#	after it, the installation is, object by object, what a fresh one is, and the
#	data are unchanged.  The same from a made-up former version, which differs in
#	every way that a generated upgrade script must deal with.  All of it as a
#	superuser who is not the bootstrap one.
use strict;
use warnings;

use File::Copy;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Shop;

# Every object of the extension and its parts, in lines of object, aspect and
# value.
my $catalogue = slurp_file("$FindBin::RealBin/../lib/objects.sql");

# Changes to a fresh installation, each of which the comparison must see.
my @changes = (
	'ALTER EXTENSION commission DROP VIEW commission.earnings',
	q{COMMENT ON FUNCTION commission.audit() IS 'another'},
	'COMMENT ON CONSTRAINT entry_self_pay_check ON commission.entry IS NULL',
	'ALTER FUNCTION commission.mask(text) VOLATILE',
	'ALTER FUNCTION commission.audit() RESET jit',
	'ALTER FUNCTION commission_internal.is_source_of(text, bigint) COST 7',
	'GRANT EXECUTE ON PROCEDURE commission.rollup TO PUBLIC',
	'REVOKE SELECT ON commission.earnings FROM clerk',
	'ALTER VIEW commission.earnings OWNER TO clerk',
	'ALTER TABLE commission.entry ALTER amount DROP NOT NULL',
	'ALTER TABLE commission.entry ADD more int',
	'ALTER TABLE commission.entry DROP CONSTRAINT entry_self_pay_check',
	'ALTER TABLE commission.entry ENABLE TRIGGER entry_guard',
	'ALTER TABLE commission.entry SET (fillfactor = 50)',
	'ALTER TABLE commission.withdrawal ALTER reason SET STORAGE EXTERNAL',
	q{ALTER TABLE commission.account ALTER name SET DEFAULT 'x'},
	'CREATE INDEX ON commission.entry (occurred_at)',
	'ALTER SEQUENCE commission.event_id_seq CACHE 20',
	q{ALTER TYPE commission.entry_kind RENAME VALUE 'brand' TO 'other'},
	'CREATE OR REPLACE VIEW commission_internal.refunded_event AS SELECT NULL::bigint AS event_id, NULL::numeric AS buyer_total, NULL::numeric AS refunded',
	q{UPDATE pg_extension SET extcondition[array_position(extconfig, 'commission.entry'::regclass)] = 'WHERE false' WHERE extname = 'commission'});

# Functions that were not called, except those that are inlined, that the planner
# calls, that end in an error, or that a restore calls.
my $uncalled = q{
	SELECT p.oid::regprocedure
	FROM pg_proc AS p
	JOIN pg_language AS l ON l.oid = p.prolang
	WHERE p.pronamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace)
		AND (l.lanname <> 'sql' OR p.prosecdef)
		AND p.prorettype <> 'internal'::regtype AND p.proname NOT IN ('refuse_change', 'restore_event_id')
		AND NOT EXISTS (SELECT FROM pg_stat_user_functions AS s
						WHERE s.funcid = p.oid AND s.calls > 0)
};

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\ntrack_functions = 'all'\n");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE keeper SUPERUSER LOGIN; CREATE ROLE clerk');
$ENV{PGUSER} = 'keeper';

# The released scripts, which stand beside the current ones during this test, if
# they may.
my $scripts = $node->config_data('--sharedir') . '/extension';
my @released = !-w $scripts ? () : map { m{/commission--([^/]+)\.sql$} }
  sort glob "$FindBin::RealBin/../frozen/commission--*.sql";
my @copies;

END
{
	my $status = $?;

	unlink @copies;
	$? = $status;
}

foreach my $version (@released)
{
	my $script = "commission--$version.sql";
	my $frozen = "$FindBin::RealBin/../frozen/$script";

	if (-e "$scripts/$script")
	{
		is(slurp_file("$scripts/$script"),
			slurp_file($frozen), "$version is built as it was released");
		next;
	}
	push @copies, "$scripts/$script";
	copy($frozen, "$scripts/$script") or die "could not copy $frozen: $!";
}

# The objects of a database; after these commands, which are rolled back, those
# that have such a name.
sub objects
{
	my ($db, $commands, $name) = @_;

	$commands //= '';
	$name //= '';
	return split /\n/,
	  $node->safe_psql($db, "\\set name '$name'\nBEGIN; $commands; $catalogue ROLLBACK;");
}

# What is in the first list and not in the second; long values are cut.
sub difference
{
	my ($these, $those) = @_;
	my %those = map { $_ => 1 } @$those;

	return join "\n", map { substr $_, 0, 400 } grep { !$those{$_} } @$these;
}

# The contents of these relations, each given with its columns, a line for each.
# The query has thousands of expressions, whose compilation can take minutes.
sub contents
{
	my ($db, @relations) = @_;

	return $node->safe_psql($db, 'SET jit = off; ' . join ' UNION ALL ', map {
		my ($relation, $columns) = split /\|/;

		"SELECT '$relation', count(*), md5(string_agg(r::text, ',' ORDER BY r::text))
			FROM (SELECT $columns FROM $relation) AS r"
	} @relations);
}

# Grants are those of the version that makes them.
sub grant_again
{
	my ($db) = @_;

	$node->safe_psql($db, q{
		SELECT commission.grant_reader('clerk'), commission.grant_writer('clerk'),
			commission.grant_operator('clerk'), commission.grant_self_service('clerk'),
			commission.grant_portal('clerk')});
	return;
}

# A fresh installation; and the comparison sees what is different in one.
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
create_tables($node, 'fresh');
grant_again('fresh');
my @fresh = objects('fresh');
my $current = $node->safe_psql('fresh',
	q{SELECT extversion FROM pg_extension WHERE extname = 'commission'});
cmp_ok(scalar @fresh, '>', 1000, 'the comparison has something to compare');
is(join("\n", grep { /, "definition", null\]$/ } @fresh),
	'', 'and knows every class of object');
foreach my $change (@changes)
{
	my ($name) = $change =~ /(commission\w*\.\w+)/;
	my @changed = objects('fresh', $change, $name);
	my @named = grep { /^\["[^"]*\Q$name\E/ } @fresh;

	isnt(difference(\@changed, \@fresh) . difference(\@named, \@changed),
		'', "it sees: $change");
}

# Is a database's installation, after an update or a restore, a fresh one?
sub is_fresh
{
	my ($db, $when) = @_;
	my @objects = objects($db);

	is(difference(\@fresh, \@objects), '', "$when: nothing is missing");
	is(difference(\@objects, \@fresh), '', "$when: nothing is left over");
	return;
}

# The former version: each change is one of the current script, and the object
# that it is seen in.
my @planted = (
	[ 'function commission.project_subscription' =>
		  qr/^CREATE FUNCTION commission\.project_subscription\(.*?^COMMENT ON FUNCTION commission\.project_subscription\(.*?';\n/ms => '' ],
	[ 'view commission.monthly_subscription' =>
		  qr/^CREATE VIEW commission\.monthly_subscription .*?^COMMENT ON VIEW commission\.monthly_subscription .*?';\n/ms => '' ],
	[ 'function commission_internal.grant_objects' => qr/role must not be NULL/ => 'no role' ],
	[ 'function commission.mask' =>
		  qr/FUNCTION commission\.mask\(.*?LANGUAGE c \KIMMUTABLE/s => 'VOLATILE' ],
	[ 'view commission.balance' =>
		  qr/^CREATE VIEW commission\.balance AS\s+SELECT\K/m => ' DISTINCT' ],
	[ 'table commission.entry' => qr/^COMMENT ON TABLE commission\.entry IS\s+'\K/m => 'once ' ],
	[ 'function commission.audit' =>
		  qr/^COMMENT ON FUNCTION commission\.audit\(\) IS\s+'\K/m => 'once ' ],
	[ 'function commission.obsolete' => qr/\z/ => '
		CREATE FUNCTION commission.obsolete() RETURNS int LANGUAGE sql RETURN 1;' ],
	[ 'table commission.obsolete' => qr/\z/ => 'CREATE TABLE commission.obsolete ();' ]);
my $delta = 'DROP FUNCTION commission.obsolete(); DROP TABLE commission.obsolete;';

SKIP:
{
	skip "$scripts is not ours to write to", 1 unless -w $scripts;

	my $db = 'from the former';
	my $script = slurp_file("$scripts/commission--$current.sql");
	my @files = ("$scripts/commission--former.sql", $node->basedir . '/delta',
		"$scripts/commission--$current.sql");
	my $upgrade = "$scripts/commission--former--$current.sql";

	foreach my $change (@planted)
	{
		my ($object, $from, $to) = @$change;

		ok($script =~ s/$from/$to/, "the former $object is another");
	}
	push @copies, $files[0], $upgrade;
	append_to_file($files[0], $script);
	append_to_file($files[1], $delta);
	system_or_bail('sh', '-c', 'exec "$@" > "$0"', $upgrade, 'perl',
		"$FindBin::RealBin/../../src/upgrade/recreate.pl", @files[1, 2]);

	$node->safe_psql('postgres', qq{CREATE DATABASE "$db"});
	create_shop($node, $db, 'former');
	my @former = objects($db);
	my $differs = difference(\@fresh, \@former) . difference(\@former, \@fresh);
	like($differs, qr/"\Q$_->[0]\E\b/, "$db: $_->[0] differs") foreach @planted;
	$node->safe_psql($db,
		"INSERT INTO sale VALUES ('old', 'brand0', 'avatar', 'reference', 20, 10)");
	$node->safe_psql($db, 'ALTER EXTENSION commission UPDATE');
	grant_again($db);
	is_fresh($db, $db);
	$node->safe_psql($db,
		"INSERT INTO sale VALUES ('new', 'brand0', 'avatar', 'reference', 20, 10)");
	books_are_well($node, $db, $db);
}

# From each released version, and from the current one, so that the business of
# the shop is complete before there is a release of it.
foreach my $version (grep({ $_ ne $current } @released), $current)
{
	my $db = "from $version";
	my $sale = 0;

	isnt($node->safe_psql('postgres', qq{
			SELECT path FROM pg_extension_update_paths('commission')
			WHERE source = '$version' AND target = '$current'}),
		'', "$db: there is a path to $current")
	  unless $version eq $current;

	# The new library with the old script.  (The statistics of calls are complete
	# once the session that made them is gone.)
	$node->safe_psql('postgres', qq{CREATE DATABASE "$db"});
	create_shop($node, $db, $version);
	is($node->safe_psql($db,
			q{SELECT extversion FROM pg_extension WHERE extname = 'commission'}),
		$version, "$db: installed");
	do_business($node, $db, 'clerk');
	$node->poll_query_until($db, qq{
		SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = '$db'});
	is($node->safe_psql($db, $uncalled), '', "$db: every function was called");
	like(
		($node->psql($db, '\set VERBOSITY verbose
			UPDATE commission.entry SET amount = 0'))[2],
		qr/ERROR:  55000/, "$db: the guards hold");
	books_are_well($node, $db, "$db, before the update");

	my @relations = split /\n/, $node->safe_psql($db, q{
		SELECT oid::regclass, (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
			FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
				AND attname <> 'log_cnt')
		FROM pg_class AS c
		WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace)
			AND relkind IN ('r', 'v', 'S')
		ORDER BY relname});
	is( join(' ', $node->safe_psql($db, join ' UNION ALL ',
			map { "SELECT '$_' WHERE NOT EXISTS (SELECT FROM $_)" }
			  grep { !/_problem$|_signal$|deferred|_state$|held_entry|late_|moved_|own_|viewer|hour|followed_|sums_only/ }
			  map { s/\|.*//r } @relations)),
		'', "$db: there is something of everything that does not wait or warn, on one machine");

	# A session that has used all of it stays open.
	my $open = $node->background_psql($db);
	my $sell = sub {
		$sale++;
		return "INSERT INTO sale VALUES ('open $sale', 'brand0', 'avatar', 'reference', 20, 10);
			UPDATE sale SET paid = false WHERE id = 'open $sale';
			UPDATE sale SET paid = true WHERE id = 'open $sale';
			INSERT INTO invoice VALUES ('open $sale', 'brand0', 1999);
			SELECT commission.reverse_generation('open $sale', 1);
			SELECT commission.register_listing('reference', 'rita', 'reference', 90 + $sale);
			SELECT commission.request_withdrawal('seller', 5000 + $sale, 'bank');
			EXECUTE card; EXECUTE audit";
	};
	$open->query_safe('PREPARE audit AS SELECT count(*) FROM commission.audit();
		PREPARE card AS SELECT * FROM commission.earnings');
	$open->query_safe($sell->());

	# The update.
	my $before = contents($db, @relations);
	$node->safe_psql($db, 'ALTER EXTENSION commission UPDATE');
	is(contents($db, @relations), $before, "$db: all data are unchanged");
	grant_again($db);
	is_fresh($db, $db);

	# Business goes on, in the open session and in a new one.
	$open->query_safe($sell->());
	$open->quit;
	$node->safe_psql($db, "INSERT INTO sale VALUES ('new', 'brand0', 'avatar', NULL, 20, 10);
		INSERT INTO invoice VALUES ('new', 'brand0', 1999)");
	books_are_well($node, $db, "$db, after the update");

	# A dump restores.
	my $dump = $node->basedir . "/$version.sql";
	$node->command_ok([ 'pg_dump', "--file=$dump", $db ], "$db: pg_dump");
	$node->safe_psql('postgres', qq{CREATE DATABASE "restored $db"});
	$node->command_ok(
		[
			'psql', '-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1',
			'-f', $dump, '-d', "restored $db"
		],
		"$db: the dump restores");
	is(contents("restored $db", @relations),
		contents($db, @relations), "$db: all of it is there");
	is_fresh("restored $db", "$db, restored");
	books_are_well($node, "restored $db", "restored $db");
}

$node->stop;
done_testing();

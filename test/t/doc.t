# doc.t
#	The pages do what they say.  SQL blocks and shell blocks are run in the
#	order of the page, and print what the page shows under them; so do the
#	programs that call the extension through a typed driver, where that driver
#	is installed.  doc/reference.md is what its generator writes, doc/settings.md
#	has every setting with its default, and no link is dead.
use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Page;

my $root = "$FindBin::RealBin/../..";

# The pages whose commands are run, each with the page whose database it
# continues.
my @pages = (
	[ 'README.md' ],
	[ 'doc/guide.md', 'README.md' ],
	[ 'doc/concepts.md', 'README.md' ],
	[ 'doc/settings.md', 'README.md' ],
	[ 'doc/in-your-application.md', 'README.md' ],
	[ 'doc/reading.md', 'README.md' ],
	[ 'doc/portal.md', 'README.md' ],
	[ 'doc/operating.md', 'doc/guide.md' ],
	[ 'doc/seals.md', 'doc/guide.md' ]);

# Shell commands that no test runs: they change the machine, or are run by
# other tests.
my $not_here = qr{^(?:sudo\ |git\ clone\ |make\b|seal-check|\./dev\ |PG_CONFIG=)}x;

# SQL that needs what is not here: another extension, or another server.
my $not_now = qr{pg_cron|\bcron\.|CREATE\ SUBSCRIPTION|EXTENSION\ commission\ UPDATE}x;

# Other languages: the command that tells whether their driver is installed, the
# one that runs a program in a file, and the file's extension.  Programs connect
# as the role shop_app.
my %programs = (
	python => [ "/usr/bin/python3 -c 'import psycopg'", '/usr/bin/python3', 'py' ],
	js => [ "node -e 'require(\"pg\")'", 'node', 'js' ],
	java => [
		'test -e /usr/share/java/postgresql.jar && java -version',
		'java -cp /usr/share/java/postgresql.jar', 'java'
	],
	ruby => [ "ruby -e 'require \"pg\"'", 'ruby', 'rb' ],
	php => [ "php -r 'exit(extension_loaded(\"pdo_pgsql\") ? 0 : 1);'", 'php', 'php' ]);

# What stands between the outputs of two blocks, and what a command that fails
# prints.
my $mark = '--- next block';
my $failure = '--- this command failed';

# psql's commands that run a block, or undef for one that is not run.
sub commands
{
	my ($block, $file) = @_;
	my ($language, $code) = @$block{qw(language code)};

	return $code =~ $not_now ? undef : $code if $language eq 'sql';
	if ($language eq 'sh')
	{
		return undef if $code =~ $not_here;
		append_to_file("$file.sh", "set -eu\n$code");
		return "\\! sh $file.sh || echo '$failure'\n";
	}
	return undef if !exists $programs{$language};

	my ($is_there, $run, $extension) = @{ $programs{$language} };
	return undef if system("$is_there >/dev/null 2>&1") != 0;
	append_to_file("$file.$extension", $code);
	return "\\! PGUSER=shop_app $run $file.$extension || echo '$failure'\n";
}

my $node = PostgreSQL::Test::Cluster->new('doc');
$node->init(allows_streaming => 'logical');
$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'\n");
$node->start;

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{JDBC_URL} = 'jdbc:postgresql://127.0.0.1:' . $node->port;

# Run a page in a database "shop", in a session like a reader's, and compare.
# The database is then kept under the page's name for those that continue it.
sub run_page
{
	my ($page, $before) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir;
	my @blocks = blocks(slurp_file("$root/$page"));
	my ($script, $stdout, $stderr) = ('');

	$node->safe_psql('postgres', 'CREATE DATABASE shop'
		  . ($before ? qq{ TEMPLATE "$before"} : ''));
	foreach my $i (0 .. $#blocks)
	{
		$blocks[$i]{commands} = commands($blocks[$i], "$folder/block$i");
		$script .= ($blocks[$i]{commands} // '') . "\\echo $mark\n";
	}
	my $success = do
	{
		local $ENV{PGDATABASE} = 'shop';
		local $ENV{JDBC_URL} = "$ENV{JDBC_URL}/shop?user=shop_app";
		chdir $folder;
		IPC::Run::run(
			[ 'psql', '-X', '-q', '-P', 'pager=off', '-v', 'ON_ERROR_STOP=1' ],
			'<', \$script, '>', \$stdout, '2>', \$stderr);
	};
	ok($success, "$page: the commands work");
	is($stderr, '', "$page: without an error or a warning");
	unlike($stdout, qr/^\Q$failure\E$/m, "$page: nor does a shell command fail");

	my @outputs = split /^\Q$mark\E\n/m, $stdout, -1;
	foreach my $i (0 .. $#blocks)
	{
		my ($language, $code, $output) = @{ $blocks[$i] }{qw(language code output)};

		next if !defined $output || !defined $blocks[$i]{commands};
		my $what = $programs{$language} ? "the typed driver in $language" : $code =~ s/\n.*//sr;
		is(tidy($outputs[$i] // ''), tidy($output), "$page: what is printed under: $what");
	}
	$node->safe_psql('postgres', "ALTER SYSTEM RESET ALL");
	$node->safe_psql('postgres', qq{ALTER DATABASE shop RENAME TO "$page"});
	$node->reload;
}

run_page(@$_) foreach @pages;

# What the README shows of the demo is in what the demo prints.
my ($demo) = slurp_file("$root/demo/demo.sql") =~ /^(.*)^\\ir month/ms;
my ($shown) = slurp_file("$root/README.md") =~ /begins with\n\n```text\n(.*?)^```/ms;
chdir "$root/demo";
$node->safe_psql('postgres', 'CREATE DATABASE demo');
my $printed = '';
IPC::Run::run([ 'psql', '-X', '-q', '-d', 'demo' ], '<', \$demo, '>', \$printed);
ok(index(tidy($printed), tidy($shown)) >= 0, 'README.md: how the demo begins');

# The reference is generated, and nobody has forgotten to.
my $reference = '';
IPC::Run::run([ 'psql', '-X', '-q', '-At', '-d', 'postgres', '-f', "$root/doc/reference.sql" ],
	'>', \$reference);
is($reference, slurp_file("$root/doc/reference.md"),
	'doc/reference.md is what "make doc" writes');

# Settings, each with its default.
my $settings = slurp_file("$root/doc/settings.md");
my @missing = grep { index($settings, $_) < 0 } split /\n/,
  $node->safe_psql('README.md', q{
	LOAD 'commission';
	SELECT format('| `%s` | %s |', name, coalesce(nullif(boot_val, ''), 'empty'))
	FROM pg_settings WHERE name LIKE 'commission.%'});
is("@missing", '', 'doc/settings.md has every setting with its default');

# The functions that CONTRIBUTING.md leads to are in the files that it names.
my ($ways) = slurp_file("$root/CONTRIBUTING.md") =~ /^(.*)^## Commands/ms;
my @lost;
foreach my $step (split /^(?=\d\. )/m, $ways)
{
	my $sources = join '', map { slurp_file("$root/$_") } $step =~ /`(src\/[^`]+)`/g;

	push @lost, grep { $sources !~ /\b$_\(/ } $step =~ /`(\w+)\(\)`/g;
}
is("@lost", '', 'CONTRIBUTING.md: each function is in the file that it names');

# Links within the pages.
foreach my $page (glob("$root/*.md $root/doc/*.md"))
{
	my @links = slurp_file($page) =~ /\]\(([^)#:]+)(?:#[^)]*)?\)/g;
	my @dead = grep { !-e dirname($page) . "/$_" } @links;

	is("@dead", '', substr($page, length("$root/")) . ': the links lead somewhere');
}

$node->stop;
done_testing();

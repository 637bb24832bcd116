# readme.t
#	The README, held to what it says: its commands are run, and print what is
#	printed under them; and it names everything that the extension has.
use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The sections whose commands make a whole, typed one after the other.
my @sections = (
	'Quick start', 'Why this amount', 'A sign-up', 'A subscription',
	'A refund', 'A withdrawal', 'Dropping');

# What stands between the outputs of two steps.
my $mark = '--- next step';

my $readme = slurp_file("$FindBin::RealBin/../../README.md");

# The steps of a section: commands, and what is printed under them, if anything
# is.
sub steps
{
	my ($title) = @_;
	my @steps;

	my ($text) = $readme =~ /^\#+\ \Q$title\E\n(.*?)(?=^\#+\ |\z)/ms
	  or die "no section \"$title\" in the README";
	while ($text =~ /^```sql\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms)
	{
		push @steps, { commands => $1, output => $2 };
	}
	return @steps;
}

# What psql prints, without blanks at the ends of lines and empty lines around
# it, which are not for the README.
sub tidy
{
	my ($output) = @_;

	$output =~ s/[ \t]+$//gm;
	$output =~ s/\A\n+|\n+\z//g;
	return $output;
}

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init;
$node->start;

my @steps = map { steps($_) } @sections;
my $script = join "\\echo $mark\n", map { $_->{commands} } @steps;
my ($stdout, $stderr);
my $success = IPC::Run::run(
	[
		'psql', '-X', '-q', '-P', 'pager=off', '-v', 'ON_ERROR_STOP=1',
		'-d', $node->connstr('postgres')
	],
	'<', \$script, '>', \$stdout, '2>', \$stderr);
ok($success, 'the commands of the README work');
is($stderr, '', 'without an error or a warning');

my @outputs = split /^\Q$mark\E\n/m, $stdout, -1;
foreach my $step (grep { defined $steps[$_]{output} } 0 .. $#steps)
{
	my ($first) = $steps[$step]{commands} =~ /^(.*)$/m;

	is( tidy($outputs[$step] // ''),
		tidy($steps[$step]{output}),
		"what is printed under: $first");
}

# Whatever the extension has, the README names it in code; a setting with its
# default.
$node->safe_psql('postgres', 'CREATE DATABASE catalogue');
my %names = (
	'functions' => q{SELECT DISTINCT proname || '(' FROM pg_proc
		WHERE pronamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace)},
	'views' => q{SELECT '`' || relname || '`' FROM pg_class
		WHERE relnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND relkind = 'v'},
	'enums' => q{SELECT '`' || typname || '`' FROM pg_type
		WHERE typnamespace IN ('commission'::regnamespace, 'commission_internal'::regnamespace) AND typtype = 'e'},
	'settings' => q{SELECT format('| `%s` | %s |', name,
			coalesce(nullif(boot_val, ''), 'empty'))
		FROM pg_settings WHERE name LIKE 'commission.%'});
$node->safe_psql('catalogue', 'CREATE EXTENSION commission');
foreach my $kind (sort keys %names)
{
	my @missing = grep { index($readme, $_) < 0 } split /\n/,
	  $node->safe_psql('catalogue', "LOAD 'commission'; $names{$kind}");

	is("@missing", '', "the README names all $kind");
}

$node->stop;
done_testing();

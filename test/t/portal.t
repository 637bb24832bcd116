# portal.t
#	The portal and the example storefront: portal/test, run by pytest, with a
#	real browser where there is one.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Debian's Python, which sees Debian's packages.
my $python = '/usr/bin/python3';
my ($said) = run_command([ $python, '-c',
		'import flask, jwt, psycopg, psycopg_pool, pytest; print("ready")' ]);
plan skip_all => 'Flask, PyJWT, psycopg 3 with its pool, or pytest is missing'
	unless $said eq 'ready';

my $node = PostgreSQL::Test::Cluster->new('portal');
$node->init;
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PYTHONDONTWRITEBYTECODE} = 1;

# Each line of pytest's that names a test is one; all others are for the log.
open(my $tests, '-|', $python, qw(-m pytest -v --tb=short -p no:cacheprovider portal/test))
	or die "cannot run pytest: $!";
while (my $line = <$tests>)
{
	if ($line =~ /^portal\/test\/(\S+::.+?) (PASSED|FAILED|ERROR|SKIPPED)/)
	{
		my ($name, $outcome) = ($1, $2);

	  SKIP:
		{
			skip $name, 1 if $outcome eq 'SKIPPED';
			ok($outcome eq 'PASSED', $name);
		}
	}
	else
	{
		note $line;
	}
}
ok(close($tests), 'pytest ends well');
done_testing();

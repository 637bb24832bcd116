# valgrind.t
#	The pg_regress pairs on a server that valgrind watches.  An error counts,
#	whoever makes it, unless test/valgrind.supp lists it.
#
# It needs Debian's package valgrind.
use strict;
use warnings;

use Cwd;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Pairs;

plan skip_all => 'valgrind is not installed'
  unless grep { -x "$_/valgrind" } split /:/, $ENV{PATH};

my $node = PostgreSQL::Test::Cluster->new('valgrind');
$node->init;
$node->append_conf('postgresql.conf', q{
	max_prepared_transactions = 10
	jit = off
});

my $folder = $node->basedir;
my $postgres = $node->config_data('--bindir') . '/postgres';
my $suppressions = getcwd() . '/test/valgrind.supp';
append_to_file("$folder/postgres", <<"EOS");
#!/bin/sh
exec valgrind --quiet --num-callers=25 --gen-suppressions=all \\
	--suppressions='$suppressions' --log-file='$folder/%p.valgrind' \\
	'$postgres' "\$@"
EOS
chmod 0755, "$folder/postgres";
system_or_bail('pg_ctl', '-w', '-t', 600, '-D', $node->data_dir, '-l',
	$node->logfile, '-p', "$folder/postgres", 'start');
$node->_update_pid(1);

run_pairs($node, 'ISOLATION', 'regression.diffs', glob 'sql/*.sql');
$node->stop;
is(join('', map { slurp_file($_) } glob "$folder/*.valgrind"),
	'', 'valgrind has nothing to report');
done_testing();

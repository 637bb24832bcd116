# sanitize.t
#	The pg_regress pairs with a library that reports undefined behaviour, signed
#	overflow included.  It is installed for the time of the test.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Pairs;

# Inherited from the "make" that started this.
delete $ENV{MAKEFLAGS};

my $folder = PostgreSQL::Test::Utils::tempdir();
my @make = ('make', '-s', 'with_llvm=no');
my @options = ('COPT=-fsanitize=undefined -fno-wrapv', 'SHLIB_LINK=-lubsan');
system_or_bail('cp', '-R', 'Makefile', 'commission.control', 'src', $folder);
unlink glob "$folder/src/{,*/}*.{o,bc}";
system_or_bail(@make, '-j2', '-C', $folder, @options);
system_or_bail(@make, '-C', $folder, @options, 'install');

END
{
	my $status = $?;

	system(@make, 'install');
	$? = $status;
}

my $node = PostgreSQL::Test::Cluster->new('sanitize');
$node->init;
$node->append_conf('postgresql.conf',
	"max_prepared_transactions = 10\n");
$node->start;
run_pairs($node, 'ISOLATION', 'regression.diffs', glob 'sql/*.sql');
$node->stop;
unlike(slurp_file($node->logfile), qr/^.*runtime error:.*$/m,
	'no undefined behaviour');
done_testing();

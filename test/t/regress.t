# regress.t
#	The pg_regress pairs: sql/ against expected/, by a superuser who is not
#	called "postgres".
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Pairs;

$ENV{PGUSER} = 'the first';

my $node = PostgreSQL::Test::Cluster->new('regress');
$node->init(extra => [ '--username', $ENV{PGUSER} ]);
$node->append_conf('postgresql.conf',
	"max_prepared_transactions = 10\n");
$node->start;
run_pairs($node, 'ISOLATION', 'regression.diffs', glob 'sql/*.sql');
$node->stop;
done_testing();

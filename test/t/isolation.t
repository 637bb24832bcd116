# isolation.t
#	Sessions side by side: the specs in test/isolation.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Pairs;

my $node = PostgreSQL::Test::Cluster->new('isolation');
$node->init;
$node->append_conf('postgresql.conf',
	"max_prepared_transactions = 10\n");
$node->start;
run_pairs($node, 'REGRESS', 'output_iso/regression.diffs',
	glob 'test/isolation/specs/*.spec');
$node->stop;
done_testing();

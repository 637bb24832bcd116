# pgtap.t
#	The files in test/pgtap, each in a database of its own.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use TAP::Parser;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('pgtap');

plan skip_all => 'pgTAP is not installed'
  unless -e $node->config_data('--sharedir') . '/extension/pgtap.control';
$node->init;
$node->append_conf('postgresql.conf', q{
	max_prepared_transactions = 10
});
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE pgtap_template');
$node->safe_psql('pgtap_template',
	'CREATE EXTENSION pgtap; CREATE EXTENSION commission');

@ENV{qw(PGHOST PGPORT)} = ($node->host, $node->port);
foreach my $file (glob 'test/pgtap/*.sql')
{
	my $parser = TAP::Parser->new(
		{
			exec => [
				qw(test/lib/fresh psql -d pgtap_template -X -q -A -t),
				'-v', 'ON_ERROR_STOP=1', '-f', $file
			],
			merge => 1
		});

	while (my $line = $parser->next)
	{
		if ($line->is_test)
		{
			ok($line->is_ok, "$file " . $line->description);
		}
		elsif ($line->is_comment)
		{
			diag($line->comment);
		}
		elsif (!$line->is_plan)
		{
			note($line->as_string);
		}
	}
	ok(!$parser->has_problems, "$file came to its end");
}
$node->stop;
done_testing();

# managed.t
#	What doc/packages.md tells those whose server cannot have the extension: the
#	ledger on a server of their own, which follows the sales by logical
#	replication.  Its commands are those of the page.
use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Page;

my ($section) = slurp_file("$FindBin::RealBin/../../doc/packages.md") =~
  /^## Managed services\n(.*?)^## /ms;
my ($publish, $subscribe, $record) =
  map { $_->{code} } grep { $_->{language} eq 'sql' } blocks($section);
my ($table) = $subscribe =~ /^(CREATE TABLE .*?;)/ms;

my $managed = PostgreSQL::Test::Cluster->new('managed');
my $own = PostgreSQL::Test::Cluster->new('own');
foreach my $node ($managed, $own)
{
	$node->init(allows_streaming => 'logical');
	$node->start;
}

# A sale on the managed server.
sub sell
{
	my ($id, $listing) = @_;

	$managed->safe_psql('postgres', "INSERT INTO generation (id, brand_id, photo_set, model, resolution)
		VALUES ('$id', 7, '$listing', 'nano-banana-2', '2K')");
	$managed->wait_for_catchup('sales');
	return;
}

# What is recorded.
sub ledger
{
	return $own->safe_psql('postgres',
		'SELECT source, account, amount FROM commission.ledger ORDER BY source');
}

$managed->safe_psql('postgres', $table . $publish);
$managed->safe_psql('postgres', "INSERT INTO generation (id, brand_id, photo_set, model, resolution)
	VALUES ('before', 7, 'linen-summer', 'nano-banana-2', '2K')");
my $conninfo = $managed->connstr('postgres') =~ s/'//gr;
$subscribe =~ s/CONNECTION '.*?'/CONNECTION '$conninfo'/;
$own->safe_psql('postgres', $subscribe);
$own->wait_for_subscription_sync($managed, 'sales');
sell('first', 'linen-summer');
is($own->safe_psql('postgres', 'SELECT count(*) FROM generation'), 2, 'the sales arrive');
is(ledger(), '', 'and do not accrue by themselves');
$own->safe_psql('postgres', $record) foreach 1, 2;
is(ledger(), "before|nora|100\nfirst|nora|100", 'backfill() records them, once');

sell('second', 'coat');
sell('third', 'linen-summer');
like(
	($own->psql('postgres', $record))[2],
	qr/listing "coat" .*generation "second"/s,
	'a sale that cannot be computed is named');
$own->safe_psql('postgres',
	"SELECT commission.register_listing('coat', 'nora', 'reference', 150)");
$own->safe_psql('postgres', $record);
is(ledger(), "before|nora|100\nfirst|nora|100\nsecond|nora|150\nthird|nora|100",
	'and recorded once its listing is there');
is($own->safe_psql('postgres', 'SELECT count(*) FROM commission.audit()'),
	0, 'the books agree');

$own->stop;
$managed->stop;
done_testing();

# memory.t
#	test/t/memory.t, with ten million rows a statement.
use strict;
use warnings;

use FindBin;

$ENV{COMMISSION_ROWS} //= 10_000_000;
exec $^X, "$FindBin::RealBin/../t/memory.t" or die $!;

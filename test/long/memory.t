# memory.t
#	test/t/memory.t, with a million rows a statement.
use strict;
use warnings;

use FindBin;

$ENV{COMMISSION_ROWS} //= 1_000_000;
exec $^X, "$FindBin::RealBin/../t/memory.t" or die $!;

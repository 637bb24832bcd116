# memory.t
#	test/t/memory.t, with fifty times the rows and the calls.
use strict;
use warnings;

use FindBin;

$ENV{COMMISSION_ROWS} //= 400_000;
exec $^X, "$FindBin::RealBin/../t/memory.t" or die $!;

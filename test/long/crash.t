# crash.t
#	test/t/crash.t, with twenty rounds.
use strict;
use warnings;

use FindBin;

$ENV{COMMISSION_ROUNDS} //= 20;
exec $^X, "$FindBin::RealBin/../t/crash.t" or die $!;

# bad_input.t
#	test/t/bad_input.t, with fifty times as many calls and another seed each
#	time.
use strict;
use warnings;

use FindBin;

$ENV{COMMISSION_CALLS} //= 50;
$ENV{COMMISSION_SEED} //= time;
$| = 1;
print "# COMMISSION_SEED=$ENV{COMMISSION_SEED}\n";
exec $^X, "$FindBin::RealBin/../t/bad_input.t" or die $!;

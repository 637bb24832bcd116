# crash.t
#	test/t/crash.t, with twenty rounds.
use strict;
use warnings;

use FindBin;

$ENV{COMMISSION_ROUNDS} //= 20;
my $test = "$FindBin::RealBin/../t/crash.t";
do $test;
die $@ if $@;

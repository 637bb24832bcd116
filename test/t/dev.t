# dev.t
#	What ./dev says where it cannot go on, and that it leaves nothing behind.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

my $folder = $ENV{COMMISSION_TMP} = PostgreSQL::Test::Utils::tempdir();
my $long = "$folder/" . 'x' x 60;
mkdir $long;

foreach my $case (
	[ 'an unknown command', qr/there is no command "tset"/, 'tset' ],
	[ 'a superfluous word', qr/demo takes no argument: twice/, 'demo', 'twice' ],
	[ 'an unknown test', qr{there is no test test/t/nothing\.t}, 'test', 'nothing' ])
{
	my ($name, $words, @arguments) = @$case;

	command_fails_like([ './dev', @arguments ], $words, $name);
}
{
	local $ENV{COMMISSION_TMP} = "$folder/nowhere";
	command_fails_like([ './dev', 'demo' ], qr/cannot write to/, 'no folder');
}
{
	local $ENV{COMMISSION_TMP} = $long;
	command_fails_like([ './dev', 'demo' ],
		qr/is too long for sockets: set COMMISSION_TMP/, 'a long path');
}
is(join(' ', glob "$folder/commission.* $long/*"), '', 'nothing is left behind');
done_testing();

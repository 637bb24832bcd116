# dev.t
#	What ./dev says where it cannot go on (no network, no space, ...), and that it
#	leaves nothing behind.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

my $folder = $ENV{COMMISSION_TMP} = PostgreSQL::Test::Utils::tempdir_short();
my $long = "$folder/" . 'x' x 60;
mkdir $long;

foreach my $case (
	[ 'an unknown command', qr/there is no command "tset"/, 'tset' ],
	[ 'a superfluous word', qr/demo takes no argument: twice/, 'demo', 'twice' ],
	[ 'no suite', qr/test --on takes the name of a Debian suite/, 'test', '--on' ],
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

# Programs that play a machine: $programs maps names to their texts.
my $machines = 0;
my $on_machine = sub {
	my ($words, $name, %programs) = @_;
	my $bin = "$folder/machine" . ++$machines;

	mkdir $bin;
	while (my ($program, $text) = each %programs)
	{
		append_to_file("$bin/$program", "#!/bin/sh\n$text\n");
		chmod 0755, "$bin/$program";
	}
	local $ENV{PATH} = "$bin:$ENV{PATH}";
	local $ENV{PG_CONFIG};
	delete $ENV{PG_CONFIG};
	command_fails_like([ './dev', 'demo' ], $words, $name);
};

# A bare Debian: nothing is installed but postgresql-common, so that dev writes
# no createcluster.d; sudo does as it is told.
my %bare = (
	'dpkg-query' => 'case "$*" in *postgresql-common) echo installed ;; esac',
	'apt-cache' => 'echo "  Candidate: 1"',
	'sudo' => '[ "$1" = -v ] || exec "$@"');

$on_machine->(qr/no network: apt-get cannot reach .* a PostgreSQL from 15 up/,
	'a bare Debian without a network', %bare,
	'apt-get' => 'echo "Temporary failure resolving deb.debian.org"; exit 100');
$on_machine->(qr/no space left to install: make gcc libc6-dev postgresql-17\n/,
	'Debian 13 has PostgreSQL 17; no space to install it', %bare,
	'apt-cache' => 'case "$1" in
		pkgnames) printf "postgresql-%s-pgtap\n" 9.6 13 15 17 16 ;;
		*) echo "  Candidate: 1" ;; esac',
	'apt-get' => 'case "$*" in *--assume-yes*)
		echo "No space left on device"; exit 100 ;; esac');
$on_machine->(qr/no space: 300 MB are needed in \Q$folder\E, and 5 MB are free/,
	'a full folder', 'df' => 'printf "Filesystem\n/dev/sda 9 9 5120 9%% /\n"');
$on_machine->(qr/\Q$folder\E does not let programs run \(noexec\)/,
	'a noexec folder', 'chmod' => '');

is(join(' ', glob "$folder/commission.* $long/*"), '', 'nothing is left behind');
done_testing();

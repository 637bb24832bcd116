# compile.t
#	Every warning of gcc and clang is an error: gcc's as ./dev built this tree, and
#	clang's, all of which its front end gives.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

# Inherited from the "make" that may have started this.
delete $ENV{MAKEFLAGS};

SKIP:
{
	skip 'this tree was not built by ./dev', 1 unless -e 'build.log';

	is(slurp_file('build.log'), '', 'gcc has no warning');
}

SKIP:
{
	my @objects = map { s/c$/o/r } glob 'src/{,*/}*.c';
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $output;

	skip 'there is no clang', 1 unless grep { -x "$_/clang" } split /:/, $ENV{PATH};
	system_or_bail('cp', '-R', 'Makefile', 'commission.control', 'src', $folder);
	unlink glob "$folder/src/{,*/}*.{o,bc}";
	ok( IPC::Run::run(
			[
				'make', '-s', '-k', '-j2', '-C', $folder, @objects,
				'CC=clang -fsyntax-only -Wno-unused-command-line-argument',
				'COPT=-Werror', 'with_llvm=no'
			],
			'</dev/null', '>&', \$output),
		'clang has no warning') or diag($output);
}
done_testing();

# compile.t
#	Every warning of gcc and clang is an error.
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

# Inherited from the "make" that may have started this.
delete $ENV{MAKEFLAGS};

foreach my $compiler ('gcc', 'clang')
{
  SKIP:
	{
		my $output;
		my $folder = PostgreSQL::Test::Utils::tempdir();

		skip "there is no $compiler", 1
		  unless grep { -x "$_/$compiler" } split /:/, $ENV{PATH};
		system_or_bail('cp', '-R', 'Makefile', 'commission.control', 'src',
			$folder);
		unlink glob "$folder/src/{,*/}*.{o,bc}";
		ok( IPC::Run::run(
				[
					'make', '-s', '-k', '-j2', '-C', $folder,
					"CC=$compiler", 'COPT=-Werror', 'with_llvm=no'
				],
				'</dev/null', '>&', \$output),
			"$compiler has no warning") or diag($output);
	}
}
done_testing();

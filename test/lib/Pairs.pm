# Pairs.pm
#	pg_regress, and its sister for isolation specs, on a server of a test's own.
package Pairs;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(run_pairs);

# Run "make installcheck" on a server, with the other list in the Makefile
# emptied: each of these files is to be run, and to print what is expected.
# $diffs is where the differences are written.
sub run_pairs
{
	my ($node, $other, $diffs, @files) = @_;
	my $output;

	local @ENV{qw(PGHOST PGPORT)} = ($node->host, $node->port);
	local $ENV{MAKEFLAGS};
	delete $ENV{MAKEFLAGS};
	IPC::Run::run([ 'make', '-s', 'installcheck', "$other=" ],
		'</dev/null', '>&', \$output);

	# As PostgreSQL 15 prints it, and as later ones do.
	my %ok = $output =~ /^(?:test | {5})\s*(\w+)\s+\.\.\. (ok|FAILED)/gm;
	$ok{$2} = $1 ? 'FAILED' : 'ok'
	  while $output =~ /^(not )?ok \d+\s+[-+] (\w+)/gm;
	foreach my $file (@files)
	{
		my ($name) = $file =~ m{([^/]+)\.\w+$};

		is($ok{$name} // 'not in the Makefile', 'ok', $name);
	}
	if (!%ok || grep { $_ ne 'ok' } values %ok)
	{
		diag(-e $diffs ? slurp_file($diffs) : $output);
	}
	unlike(slurp_file($node->logfile),
		qr/PANIC:|TRAP:|terminated by signal/, 'no crash');
	return;
}

1;

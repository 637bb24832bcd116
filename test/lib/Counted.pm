# Counted.pm
#	prove's harness with a closing line: how many tests passed, failed and were
#	skipped in all.  ./dev test calls it.
package Counted;

use strict;
use warnings;

use File::Basename;
use parent 'TAP::Harness';

# What a file that failed wrote down last.
sub show_log
{
	my ($file) = @_;
	my $log = 'tmp_check/log/regress_log_' . basename($file, '.t');

	open(my $handle, '<', $log) or return;
	my @lines = <$handle>;
	print "--- the end of $log:\n", splice(@lines, @lines > 40 ? -40 : 0);
	return;
}

# A file that ends badly without a failed test is one failure, and so is one
# that stops all others (as a server does that cannot be started); a file that is
# skipped is one skipped test.
sub summary
{
	my ($self, $aggregate, $interrupted) = @_;
	my ($passed, $failed, $skipped) = (0, 0, 0);

	foreach my $file ($aggregate->descriptions)
	{
		my ($parser) = $aggregate->parsers($file);
		my $bad = scalar $parser->failed;
		my $exit = $parser->exit // -1;

		$bad ||= 1 if $exit != 0 || $parser->has_problems;
		$failed += $bad;
		$skipped += defined $parser->skip_all ? 1 : scalar $parser->skipped;
		$passed += $parser->passed - $parser->skipped;
		show_log($file) if $bad;
		print "$file: out of time\n" if $exit == 124;
	}
	$self->SUPER::summary($aggregate, $interrupted);
	print "\n$passed passed, $failed failed",
	  $skipped ? ", $skipped skipped\n" : "\n";
	return;
}

1;

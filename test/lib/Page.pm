package Page;

# Page
#	The blocks of a page of the documentation, and what a block printed in the
#	form in which the page shows it.
use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(blocks tidy);

# The blocks of a page: language, text, and the output that follows, if any.
sub blocks
{
	my ($text) = @_;
	my @blocks;

	while ($text =~ /^([ ]*)```(\w*)\n(.*?)^\1```$(?:\n\n\1```text\n(.*?)^\1```$)?/gms)
	{
		my ($indent, $language, $code, $output) = ($1, $2, $3, $4);

		s/^$indent//gm foreach grep { defined } $code, $output;
		push @blocks, { language => $language, code => $code, output => $output };
	}
	return @blocks;
}

# Output without what is not for a page: the empty results of functions that
# return nothing, blanks at the ends of lines, and empty lines around it.
sub tidy
{
	my ($output) = @_;

	$output =~ s/^ *\w+ *\n-+\n *\n\(1 row\)\n\n?//gm;
	$output =~ s/[ \t]+$//gm;
	$output =~ s/\A\n+|\n+\z//g;
	return $output;
}

1;

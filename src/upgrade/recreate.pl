# recreate.pl
#	Writes an upgrade script: its head, the delta, every function, procedure and
#	view of the new install script as CREATE OR REPLACE, every comment, and a
#	REVOKE for each routine that the former version does not have.
#
# The delta is whatever cannot be created again: tables, types, triggers, what is
# dropped (a function of another return type, a view of other columns), and what
# its own statements need.
#
# Usage: perl recreate.pl FORMER-INSTALL-SCRIPT DELTA INSTALL-SCRIPT
use strict;
use warnings;

# What is inside a statement.  Quotes, comments and bodies may hold semicolons.
my $part = qr{
	\$(\w*)\$ .*? \$\g{-1}\$
	| ^BEGIN\ ATOMIC\n .*? ^END(?=;)
	| ' (?: [^'] | '' )* '
	| " [^"]* "
	| /\* .*? \*/
	| -- [^\n]*
	| [^;]
}xms;

# A file's text.
sub slurp
{
	my ($file) = @_;

	open(my $handle, '<', $file) or die "cannot read $file: $!\n";
	local $/;
	return scalar <$handle>;
}

# The statements of a script that can be run again, each with the comment in
# front of it.
sub statements
{
	my ($script) = @_;
	my @statements;

	while ($script =~ /\G\s*((?:$part)*?;)/g)
	{
		my $statement = $1;

		push @statements, $statement
		  if $statement =~ m{\A(?:/\*.*?\*/\s*|\\[^\n]*\s*)*(?:CREATE (?:FUNCTION|PROCEDURE|VIEW)|COMMENT ON) }s;
	}
	return @statements;
}

# The objects that these statements create, by kind and name; a function's name
# is that of its comment, which has the types of its arguments.
sub objects
{
	return map { /COMMENT ON ((?:FUNCTION|PROCEDURE|VIEW) .*?) IS\s/s ? $1 : () } @_;
}

my ($former, $delta, $current) = map { slurp($_) } @ARGV;
my @statements = statements($current);
my %former = map { $_ => 1 } objects(statements($former));

print qq{\\echo Use "ALTER EXTENSION commission UPDATE" to load this file. \\quit\n\n},
  "SET LOCAL search_path TO pg_catalog, pg_temp;\n\n$delta\n";
foreach my $statement (@statements)
{
	print $statement =~ s/^CREATE (?=FUNCTION|PROCEDURE|VIEW)/CREATE OR REPLACE /mr, "\n\n";
}
foreach my $new (grep { !$former{$_} && !/^VIEW/ } objects(@statements))
{
	print "REVOKE ALL ON $new FROM PUBLIC;\n";
}

# recreate.pl
#	Writes an upgrade script: its head, the delta, every function, procedure and
#	view of the install script as CREATE OR REPLACE, every comment, and the
#	REVOKE for what is new.
#
# The delta is whatever cannot be created again: tables, types, triggers, what is
# dropped (a function of another return type, a view of other columns), and what
# its own statements need.
#
# Usage: perl recreate.pl DELTA INSTALL-SCRIPT
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

my ($delta, $script) = map { slurp($_) } @ARGV;

print <<"EOS";
\\echo Use "ALTER EXTENSION commission UPDATE" to load this file. \\quit

SET LOCAL search_path TO pg_catalog, pg_temp;

$delta
EOS
while ($script =~ /\G\s*((?:$part)*?;)/g)
{
	my $statement = $1;

	print "$statement\n\n"
	  if $statement =~ s/^CREATE (?=FUNCTION |PROCEDURE |VIEW )/CREATE OR REPLACE /m
	  || $statement =~ /^COMMENT ON /m;
}
print "SELECT commission_internal.revoke_default_privileges();\n";

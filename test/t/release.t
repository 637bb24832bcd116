# release.t
#	packaging/release, in a clone of its own in which ./dev only pretends to test:
#	it freezes, tags and begins the next version, and the frozen script is what
#	the tag builds.  Where files do not agree on the version it changes nothing.
use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'git is not installed' if system('git --version >/dev/null 2>&1') != 0;

my $clone = PostgreSQL::Test::Utils::tempdir_short() . '/clone';
my $git = "git -C $clone";
my $control = slurp_file("$FindBin::RealBin/../../commission.control");
my ($version) = $control =~ /^default_version = '(.*)'/m;
$ENV{"GIT_${_}_NAME"} = 'tester', $ENV{"GIT_${_}_EMAIL"} = 'tester@localhost'
  foreach qw(AUTHOR COMMITTER);

# What a command prints.
sub output
{
	my ($command) = @_;
	my $output = `$command`;

	chomp $output;
	return $output;
}

mkdir $clone;
system_or_bail('sh', '-c',
	"tar -C $FindBin::RealBin/../.. --exclude=.git --exclude=tmp_check --exclude='./commission--*' -cf - . | tar -C $clone -xf -");
unlink "$clone/dev";
append_to_file("$clone/dev", "#!/bin/sh\necho tested: \$*\n");
chmod 0755, "$clone/dev";
system_or_bail('sh', '-c', "cd $clone && git init -q . && git add -A && git commit -q -m before");

# One change each that must stop it.
foreach my $case (
	[ 'META.json', qr/"version": "\Q$version\E"/, '"version": "9.9.9"' ],
	[ 'CHANGELOG.md', qr/^## \[\Q$version\E\] - Unreleased/m, "## [$version] - 2026-01-01" ],
	[ 'debian/changelog', qr/UNRELEASED/, 'unstable' ],
	[ 'commission.control', qr/'\Q$version\E'/, q('9.9.9') ])
{
	my ($file, $from, $to) = @$case;
	my $text = slurp_file("$clone/$file");

	ok($text =~ s/$from/$to/, "$file is changed");
	unlink "$clone/$file";
	append_to_file("$clone/$file", $text);
	command_fails_like([ "$clone/packaging/release", '10.0.0' ],
		qr/uncommitted changes/, "$file: not with uncommitted changes");
	system_or_bail('sh', '-c', "$git commit -q -a -m changed");
	command_fails_like([ "$clone/packaging/release", '10.0.0' ],
		qr/does not (?:have|begin)/, "$file: not if it has another version");
	is(output("$git status --porcelain"), '', "$file: nothing was touched");
	system_or_bail('sh', '-c', "$git reset -q --hard HEAD^");
}
command_fails_like([ "$clone/packaging/release", '0.0.1' ],
	qr/0\.0\.1 is not after \Q$version\E/, 'the next version comes after this one');

# A release, and another one, each with the script that upgrades from the former.
my $former = output("find $clone/test/frozen -name '*.sql' | sed 's/.*--//; s/.sql//' | sort -V | tail -n 1");
foreach my $next ('10.0.0', '11.0.0')
{
	my $upgrade = "src/upgrade/commission--$former--$version.sql";

	command_like([ "$clone/packaging/release", $next ],
		qr/tested: test doc upgrade\nReleased \Q$version\E/, "$version is released");
	is(output("$git log -2 --format=%s"), "Begin $next\nRelease $version", 'two commits');
	is(output("$git tag --list v$version"), "v$version", 'a tag');
	is(output("$git show v$version:META.json | grep -c '\"$version\"'"), 2, 'META.json at the tag');
	like(output("$git show v$version:CHANGELOG.md | grep '^## ' | head -n 1"),
		qr/^## \[\Q$version\E\] - \d{4}-\d\d-\d\d$/, 'CHANGELOG.md at the tag');
	like(output("$git show v$version:debian/changelog | head -n 1"),
		qr/^commission \(\Q$version\E-1\) unstable;/, 'debian/changelog at the tag');

	system_or_bail('sh', '-c', "$git checkout -q v$version && cd $clone &&
		make -s PGXS=/dev/null commission--$version.sql && git checkout -q -");
	is(slurp_file("$clone/commission--$version.sql"),
		slurp_file("$clone/test/frozen/commission--$version.sql"), 'the frozen script');
	ok(-s "$clone/$upgrade", "the upgrade script of $version");
	is(join(' ', glob "$clone/src/upgrade/*.delta"),
		"$clone/src/upgrade/commission--$version--$next.delta", 'the next delta');
	is(output("$git status --porcelain"), '', 'nothing is left over');
	($former, $version) = ($version, $next);
}
like(slurp_file("$clone/debian/changelog"),
	qr/\Acommission \(11\.0\.0-1\) UNRELEASED; urgency=medium\n\n  \* .*\n\n -- .*>  \w+, .*\n\ncommission \(10\.0\.0-1\) unstable/,
	'debian/changelog goes on');

done_testing();

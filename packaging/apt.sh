# apt.sh
#	Bringing what is missing, for dev, which reads this file: packages are
#	installed by apt-get, or unpacked into the copied server.
#
# shellcheck shell=sh disable=SC2154 # tmp, server, version: of dev

ticker=		# what shows that apt-get is still at work
note=		# see keep_main_cluster_away()
note_folder=	# likewise, if it was not there before
updated=	# apt-get update has been run

# Is this package installed?
installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# What the portal runs with, and what it is tested with besides (a browser, of
# some hundred MB).
portal_packages="python3-flask python3-psycopg python3-psycopg-pool python3-jwt
	python3-cryptography gunicorn libjs-bootstrap5 libjs-chart.js"
browser_packages="python3-pytest python3-selenium chromium chromium-driver
	fonts-dejavu-core"

# Those of the packages "$@" that are not installed.
missing() {
	for package do
		installed "$package" || printf '%s ' "$package"
	done
}

# Show a dot now and then.
start_ticker() {
	(while sleep 2; do printf .; done) &
	ticker=$!
}

stop_ticker() {
	[ -n "$ticker" ] || return 0
	kill "$ticker" 2>/dev/null || :
	wait "$ticker" 2>/dev/null || :
	ticker=
	echo
}

# apt-get, silent: its words go to a log.  It runs in the foreground, so that
# only the terminal's user interrupts dpkg halfway.
apt() {
	as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
		timeout --foreground -k 30 1800 apt-get -q \
		-o DPkg::Lock::Timeout=300 -o APT::Keep-Downloaded-Packages=false \
		-o APT::Update::Error-Mode=any "$@" \
		< /dev/null >> "$tmp/apt.log" 2>&1
}

# Stop, saying why apt-get did not bring the packages $*.
apt_failed() {
	tail -n 5 "$tmp/apt.log" >&2
	if grep -q 'No space left\|enough free space' "$tmp/apt.log"; then
		die "no space left to install: $*"
	elif grep -q 'resolv\|onnect\|unreachable' "$tmp/apt.log"; then
		die "no network: apt-get cannot reach its servers to bring: $*"
	fi
	die "apt-get could not bring: $*"
}

# Refresh apt's lists, once.  Where that fails, what it knew before may do.
update_lists() {
	[ -z "$updated" ] || return 0
	updated=yes
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null ||
			die "packages are missing: run this as root, or install sudo"
		sudo -v || die "packages are missing, and sudo refuses to install them"
	fi
	say "asking apt what there is"
	apt update || :
}

# Install the packages "$@", all of which are missing.
install() {
	apt install --assume-no --no-install-recommends "$@" || :
	size=$(sed -n 's/^After this operation, \(.*\) of additional.*/\1/p' \
		"$tmp/apt.log" | tail -n 1)
	say "installing $* (${size:-a size that apt does not tell})"
	need_space /usr "$(echo "$size" | awk '{ gsub(",", "")
		print int($1 * ($2 == "GB" ? 1000 : $2 == "kB" ? 0.001 : 1)) + 100 }')"
	keep_main_cluster_away
	start_ticker
	apt_status=0
	apt install --assume-yes --no-install-recommends "$@" || apt_status=$?
	stop_ticker
	drop_note
	[ "$apt_status" -eq 0 ] || apt_failed "$@"
}

# Debian's server package creates and starts a cluster when it is first
# installed.  A note in createcluster.d, there only while apt-get runs, says no.
keep_main_cluster_away() {
	! installed postgresql-common || return 0
	note=/etc/postgresql-common/createcluster.d/commission-dev.conf
	[ -d "${note%/*}" ] || note_folder=${note%/*}
	as_root mkdir -p "${note%/*}"
	echo 'create_main_cluster = false' | as_root tee "$note" >/dev/null
}

# Take that note away, and the folders that were made for it.
drop_note() {
	[ -n "$note" ] || return 0
	as_root rm -f "$note"
	[ -z "$note_folder" ] ||
		as_root rmdir -p --ignore-fail-on-non-empty "$note_folder"
	note=
}

# The newest version from 15 up among the packages on standard input, which are
# called postgresql-VERSION$1.
newest() {
	sed -n "s/^postgresql-\([0-9]*\)$1\$/\1/p" | sort -n |
		awk '$1 >= 15 { newest = $1 } END { print newest }'
}

# Choose the PostgreSQL, and install it and the packages "$@".
set_up() {
	version=
	if ! command -v apt-get >/dev/null; then
		echo "There is no apt-get: everything is taken to be installed."
	else
		version=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' \
			'postgresql-[0-9]*' 2>/dev/null | sed -n 's/^installed //p' | newest '')
		if [ -z "$version" ]; then
			update_lists
			version=$(apt-cache pkgnames postgresql- | newest -pgtap)
		fi
		[ -n "$version" ] || [ -n "$pg_config" ] ||
			apt_failed "a PostgreSQL from 15 up"
		[ -n "$pg_config" ] || set -- "postgresql-$version" "$@"
		wanted=$(missing make gcc libc6-dev "$@")
		if [ -n "$wanted" ]; then
			update_lists
			# shellcheck disable=SC2086 # a list
			install $wanted
		fi
	fi

	[ -n "$pg_config" ] || pg_config=/usr/lib/postgresql/$version/bin/pg_config
	pg_config=$(command -v "$pg_config") ||
		die "there is no ${PG_CONFIG:-pg_config}; set PG_CONFIG"
}

# Unpack the packages "$@" into the copied server, unless they are installed.
unpack() {
	# shellcheck disable=SC2046 # a list
	set -- $(missing "$@")
	[ $# -gt 0 ] || return 0
	download "$@" || { update_lists && download "$@"; } || return 1
	run 60 sh -c 'for file in "$1"/packages/*.deb; do
		dpkg-deb -x "$file" "$2" && rm "$file" || exit 1; done' sh "$tmp" "$server"
}

# Download the packages "$@".
download() {
	say "fetching $*"
	run 60 mkdir -p "$tmp/packages"
	run 300 env LC_ALL=C sh -c 'cd "$1" && shift && apt-get -q download "$@"' sh \
		"$tmp/packages" "$@" >> "$tmp/apt.log" 2>&1
}

# The portal's packages, and the browser's, where this test is asked for.
install_browser() {
	case " $* " in
		"  " | *" test/t/portal.t "*) ;;
		*) return 0 ;;
	esac
	# shellcheck disable=SC2046,SC2086 # lists
	set -- $(missing $portal_packages $browser_packages)
	[ $# -eq 0 ] || { update_lists && install "$@"; }
}

# pgbouncer, and the libraries that it needs.
unpack_pgbouncer() {
	[ ! -x /usr/sbin/pgbouncer ] || return 0
	unpack pgbouncer || return 1
	libraries=$(apt-cache depends pgbouncer | sed -n 's/^  Depends: \(lib.*\)/\1/p')
	# shellcheck disable=SC2046,SC2086 # lists
	set -- $(missing $libraries)
	[ $# -eq 0 ] || { update_lists && install "$@"; }
}

# Bring what the tests use besides.  What has to do with pgbouncer and pg_cron
# is skipped where they cannot be had.
provide_test_tools() {
	pgxs=$("$pg_config" --pgxs)
	test_perl=${pgxs%/makefiles/*}/test/perl
	extensions=$("$pg_config" --sharedir)/extension
	if [ -n "$version" ]; then
		[ -d "$test_perl" ] || unpack "postgresql-server-dev-$version" ||
			apt_failed "PostgreSQL's modules for tests"
		[ -e "$extensions/pgtap.control" ] ||
			unpack "postgresql-$version-pgtap" || apt_failed pgTAP
		(unpack_pgbouncer) || echo "Without pgbouncer, poolers are not tested."
		[ -n "${PG_CONFIG:-}" ] || (unpack "postgresql-$version-cron") ||
			echo "Without postgresql-$version-cron, pg_cron is not tested."
	fi

	# A server of the caller's uses what Debian has for its own.
	for root in '' "$server"; do
		PERL5LIB=$root/usr/lib/postgresql/$version/lib/pgxs/src/test/perl:${PERL5LIB:-}
		debian=$root/usr/share/postgresql/$version/extension
		[ -e "$extensions/pgtap.control" ] || [ ! -e "$debian/pgtap.control" ] ||
			run 60 sh -c "cp -s '$debian'/pgtap* '$extensions'"
	done
	export PERL5LIB="$tmp/tree/test/lib:$test_perl:$PERL5LIB"
	run 60 mv "$bindir/initdb" "$bindir/initdb.true"
	run 60 cp test/lib/initdb "$bindir"
}

# PL/Proxy for the copied server.
provide_plproxy() {
	[ -n "$version" ] || die "PL/Proxy is brought by apt-get alone"
	unpack "postgresql-$version-plproxy" || apt_failed PL/Proxy
}

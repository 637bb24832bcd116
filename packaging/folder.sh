# folder.sh
#	The throwaway folder, for dev, which reads this file: a copy of this tree,
#	and a copy of PostgreSQL's files.
#
# The copy (links, except for the programs) is there because it works with every
# PostgreSQL: one finds its folders relative to where its programs are, while
# an extension installed elsewhere is found only by Debian's PostgreSQL
# (extension_destdir) and by 18 (extension_control_path).  Headers, pgTAP and
# pgbouncer are unpacked into the copy: installed, the headers would bring
# clang and LLVM along, and pgbouncer would be started.
#
# shellcheck shell=sh disable=SC2154 # here, pg_config, version: of dev

# Stop unless $2 MB are free where $1 is.
need_space() {
	free=$(df -Pk "$1" | awk 'NR == 2 { print int($4 / 1024) }')
	[ "$free" -ge "${2%.*}" ] ||
		die "no space: $2 MB are needed in $1, and $free MB are free"
}

# Where the tests' folder goes: into memory, if there is enough and programs run
# there.  Tests make and remove files by the ten thousand, on which ext4 spends
# a fifth of the processor's time.
tests_parent() {
	if grep '^[^ ]* /dev/shm tmpfs ' /proc/mounts | grep -qv noexec &&
		[ "$(df -Pk /dev/shm | awk 'NR == 2 { print $4 }')" -ge 4000000 ] &&
		[ "$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)" -ge 6000000 ]
	then
		echo /dev/shm
	else
		echo /tmp
	fi
}

# Make the folder, in $1 unless COMMISSION_TMP says otherwise.
make_folder() {
	parent=${COMMISSION_TMP:-$1}
	tmp=$(mktemp -d "$parent/commission.XXXXXX") || die "cannot write to $parent"
	need_space "$parent" 300
	[ "${#tmp}" -le 60 ] ||
		die "the path $tmp is too long for sockets: set COMMISSION_TMP"
	printf '#!/bin/sh\n' > "$tmp/try"
	chmod +x "$tmp/try"
	"$tmp/try" 2>/dev/null || die "$parent does not let programs run (noexec):" \
		"set COMMISSION_TMP to a folder that does"
}

# Copy this tree and PostgreSQL's files into the folder, and go there.  The
# clone itself may be where the server's user cannot read.
fill_folder() {
	server_user=$(id -un)
	if [ "$server_user" = root ]; then
		server_user=nobody
		! id postgres >/dev/null 2>&1 || server_user=postgres
		chown "$server_user": "$tmp"
	fi
	tar -C "$here" --exclude=./.git --exclude=./packages --exclude='*.o' \
		--exclude='*.bc' --exclude='*.so' -cf "$tmp/tree.tar" .
	run 60 mkdir "$tmp/tree"
	run 60 tar -C "$tmp/tree" -xf "$tmp/tree.tar"
	rm "$tmp/tree.tar"

	server=$tmp/server
	bindir=$("$pg_config" --bindir)
	libdir=$("$pg_config" --pkglibdir)
	sharedir=$("$pg_config" --sharedir)
	includedir=$("$pg_config" --includedir)
	for dir in "$bindir" "$libdir" "$sharedir" "$includedir"; do
		[ -e "$dir" ] || continue
		run 60 mkdir -p "$server$dir"
		case $dir in
			"$bindir") run 60 cp -RL "$dir/." "$server$dir" ;;
			*) run 60 cp -Rs "$dir/." "$server$dir" ;;
		esac
	done
	run 60 sh -c "rm -rf '$server$libdir'/commission.so \
		'$server$libdir'/bitcode/commission* \
		'$server$sharedir'/extension/commission*"

	bindir=$server$bindir
	pg_config=$bindir/pg_config
	if [ -n "$version" ]; then
		[ -n "${PG_CONFIG:-}" ] ||
			unpack libpq-dev "postgresql-server-dev-$version" ||
			apt_failed "PostgreSQL's headers"
	fi
	set_environment
	cd "$tmp/tree" || exit
}

# What the commands see: this server, and none of the caller's settings.
set_environment() {
	for name in $(env | sed -n 's/^\(PG[A-Z_]*\)=.*/\1/p') \
		LC_ALL LANGUAGE MAKEFLAGS MAKELEVEL MFLAGS; do
		unset "$name"
	done
	export LANG=C.UTF-8 HOME="$tmp" TMPDIR="$tmp"
	export PATH="$bindir:$PATH:$server/usr/sbin"
	export PGHOST="$tmp" PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	export PG_CONFIG="$pg_config"
}

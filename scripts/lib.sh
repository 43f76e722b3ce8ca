# Sourced by the scripts beside it: a private PostgreSQL with webchatt in it,
# under a temporary directory, for as long as the script runs.
#
# Debian's PostgreSQL finds its files relative to its own program, so a copy of
# it (programs real, the rest links) is a whole installation that a plain user
# can install webchatt into.  What needs a user that is not root runs as
# "postgres" (else "nobody") when the script is run by root.

repo=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
stage=
stage_job=

# Print to stderr and leave with status 1.
die()
{
	echo "$*" >&2
	exit 1
}

# Whatever is copied, removed or built is in there.
[ -e "$repo/webchatt.control" ] || die "$repo is not the source of webchatt: run the scripts where they stand"

# Make $stage, removed with every process in it when the script ends.  Nobody else
# may look into it: its server trusts whoever reaches its socket.
stage_begin()
{
	stage=$(mktemp -d "${TMPDIR:-/tmp}/webchatt.XXXXXX")
	stage=$(CDPATH='' cd -- "$stage" && pwd -P)
	chmod 700 "$stage"
	mkdir "$stage/tmp" "$stage/log"
	trap stage_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
}

# The pids of processes that belong to the stage: their program or their
# working directory lies in it, or they were started with its mark.  (A few programs that
# look at all, not one for each: on a busy machine that took half a minute.)
stage_pids()
{
	{
		find /proc -maxdepth 2 \( -name exe -o -name cwd \) \( -lname "$stage" -o -lname "$stage/*" \) 2>/dev/null
		grep -lzsxF "WEBCHATT_STAGE=$stage" /proc/[0-9]*/environ
	} | sed 's|^/proc/\([0-9]*\)/.*|\1|' | sort -un | grep -vx "$$"
}

stage_signal()
{
	for pid in $(stage_pids); do
		kill "-$1" "$pid" 2>/dev/null || :
	done
}

# Stop what still runs in the stage, gently first, and remove it.
stage_end()
{
	status=$?
	trap '' INT TERM HUP
	trap - EXIT
	cd /
	for pid in $(stage_pids); do
		case $(readlink "/proc/$pid/exe" 2>/dev/null) in
		*/postgres) kill -INT "$pid" 2>/dev/null || : ;;
		*) kill -TERM "$pid" 2>/dev/null || : ;;
		esac
	done
	stage_signal CONT
	tries=0
	while [ -n "$(stage_pids)" ] && [ $tries -lt 60 ]; do
		[ $tries -ne 30 ] || stage_signal QUIT
		tries=$((tries + 1))
		sleep 0.1
	done
	stage_signal KILL
	if [ -n "${WEBCHATT_KEEP:-}" ]; then
		echo "kept: $stage" >&2
	else
		rm -rf "$stage" 2>/dev/null || { sleep 0.5; rm -rf "$stage"; } || :
	fi
	exit "$status"
}

# Run a command as the stage's user and wait for it, so that a signal to the
# script is acted upon at once.
stage_run()
{
	stage_user "$@" &
	stage_job=$!
	stage_status=0
	wait "$stage_job" || stage_status=$?
	return "$stage_status"
}

stage_user()
{
	set -- env -u LC_ALL -u LANGUAGE WEBCHATT_STAGE="$stage" HOME="$stage/tmp" TMPDIR="$stage/tmp" \
		PATH="$stage_bin:/usr/sbin:$PATH" PG_CONFIG="$stage_bin/pg_config" "$@"
	if [ "$(id -u)" != 0 ]; then
		exec "$@"
	elif command -v setpriv >/dev/null; then
		exec setpriv --reuid="$stage_owner" --regid="$stage_group" --clear-groups "$@"
	else
		exec runuser -u "$stage_owner" -- "$@"
	fi
}

# Copy the PostgreSQL of $PG_CONFIG into the stage; $stage_pgxs is where its PGXS is.
stage_postgres()
{
	system_pg_config=$(command -v "${PG_CONFIG:-pg_config}") ||
		die "${PG_CONFIG:-pg_config} not found: run scripts/setup"
	system_bin=$("$system_pg_config" --bindir)
	[ -x "$system_bin/postgres" ] || die "$system_bin has no postgres: run scripts/setup"
	stage_bin=$stage$system_bin

	# Programs are copied: PostgreSQL looks for its files from where the
	# program is after links are resolved.
	mkdir -p "$stage_bin"
	cp -L "$system_bin"/* "$stage_bin/"
	[ -x "$stage_bin/pg_config" ] || cp -L "$system_pg_config" "$stage_bin/pg_config"

	# Where "make install" writes, a directory of links; else one link.
	for dir in pkglibdir sharedir includedir-server includedir pkgincludedir libdir; do
		path=$("$system_pg_config" "--$dir")
		[ -d "$path" ] && [ ! -e "$stage$path" ] || continue
		case $dir in
		pkglibdir | sharedir) stage_links "$path" ;;
		*) mkdir -p "$stage${path%/*}" && ln -s "$path" "$stage$path" ;;
		esac
	done
	rm -f "$stage$("$system_pg_config" --sharedir)/extension"
	stage_links "$("$system_pg_config" --sharedir)/extension"
	rm -f "$stage$("$system_pg_config" --pkglibdir)/bitcode"
	rm -f "$stage$("$system_pg_config" --pkglibdir)"/webchatt*
	rm -f "$stage$("$system_pg_config" --sharedir)/extension"/webchatt*
	stage_pgxs=$(dirname "$(dirname "$(dirname "$(PATH=$stage_bin:$PATH pg_config --pgxs)")")")
	stage_own
}

stage_links()
{
	mkdir -p "$stage$1"
	[ -z "$(ls -A "$1")" ] || ln -s "$1"/* "$stage$1/"
}

# Give the stage to the user that runs PostgreSQL.
stage_own()
{
	[ "$(id -u)" = 0 ] || return 0
	stage_owner=postgres
	id "$stage_owner" >/dev/null 2>&1 || stage_owner=nobody
	stage_group=$(id -gn "$stage_owner")
	chown -hR "$stage_owner:$stage_group" "$stage"
}

# Copy the sources into a directory, and nothing that was built.
copy_sources()
{
	(cd "$repo" && tar cf - --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
		--exclude=./webchatt-net --exclude=./tmp_check --exclude=node_modules .) | tar xf - -C "$1"
}

# Copy the sources into the stage (the checkout may be read-only, or closed to
# the stage's user) and leave everything built behind.
stage_sources()
{
	mkdir "$stage/src"
	copy_sources "$stage/src"
	stage_own
	cd "$stage/src"
}

# Build and install webchatt in the stage; the output goes to $stage/log/build.
stage_build()
{
	stage_run sh -c "make -j2 with_llvm=no && make install with_llvm=no" >"$stage/log/build" 2>&1
}

# A stage with webchatt in its PostgreSQL.
stage_webchatt()
{
	stage_begin
	echo 'building webchatt ...' >&2
	stage_postgres
	stage_sources
	stage_build || { cat "$stage/log/build"; die 'the build failed'; }
}

# The stage's server, with the settings of standard input: on a socket in $PGHOST
# that only the stage's user can reach, and on no network address.  Whoever connects
# is trusted.
stage_cluster()
{
	export PGHOST=$stage/run PGPORT=5432 PGUSER=postgres
	mkdir -m 700 "$PGHOST"
	stage_own
	stage_run initdb -A trust -N --no-locale -E UTF8 -U postgres -D "$stage/data" >"$stage/log/initdb" 2>&1 || return 1
	{
		cat
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$PGHOST'"
		echo 'unix_socket_permissions = 0700'
	} >>"$stage/data/postgresql.conf"
	stage_run pg_ctl -D "$stage/data" -l "$stage/log/server" -w start >/dev/null
}

# A port of the loopback address that is free now, below those that the kernel
# gives out by itself.
free_port()
{
	perl -MIO::Socket::INET -e '
		for (1 .. 200) {
			my $port = 10240 + int rand 22000;
			IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $port, Listen => 1, ReuseAddr => 1) or next;
			print $port;
			exit 0;
		}
		exit 1;'
}

# Is that port of the loopback address free now?
port_is_free()
{
	perl -MIO::Socket::INET -e '
		exit(IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => $ARGV[0], Listen => 1, ReuseAddr => 1) ? 0 : 1);' "$1"
}

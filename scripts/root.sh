# shellcheck shell=bash
# Sourced after lib.sh by the scripts that build and test on another Debian than this machine's: a
# directory to chroot into (debootstrap), which stays, so that the next run only builds and tests.
#
#   root_begin SUITE    make it if need be, mount what it needs, until the script ends; sets $root
#   in_root COMMAND     run that in it
#   root_install PACKAGE...    those of them that are not there yet
#
# It is $WEBCHATT_MAJORS for Debian 13, and that with the suite's name behind it for others
# (default: webchatt-majors in ~/.cache).  Packages come from where this machine's apt gets its own.

in_root()
{
	chroot "$root" env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive TERM=dumb \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

root_unmount()
{
	for at in dev/pts dev/shm dev proc; do
		if mountpoint -q "$root/$at"; then
			umount "$root/$at" || umount -l "$root/$at" || :
		fi
	done
}

# What a Debian needs of this machine.
root_mount()
{
	root_unmount
	mkdir -p "$root/dev/shm" "$root/dev/pts"
	mount -t proc proc "$root/proc"
	mount --bind /dev "$root/dev"
	mount -t devpts -o ptmxmode=0666 devpts "$root/dev/pts"
	mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
	[ -e /etc/resolv.conf ] && cp -L /etc/resolv.conf "$root/etc/resolv.conf"
	cp -L /etc/hosts "$root/etc/hosts"
}

root_begin()
{
	[ "$(id -u)" = 0 ] || die "${0##*/} makes a directory to chroot into: run it as root, or name an installed PostgreSQL (make test PG=/its/directory)"
	command -v debootstrap >/dev/null || die 'debootstrap is missing: apt-get install debootstrap'
	mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -E '/debian/?$' | head -n 1)
	[ -n "$mirror" ] || die "apt on this machine has no Debian archive: build PostgreSQL from source, and make test PG=/its/directory"
	root=${WEBCHATT_MAJORS:-${XDG_CACHE_HOME:-$HOME/.cache}/webchatt-majors}
	[ "$1" = trixie ] || root=$root-$1
	mkdir -p "$root"
	exec 7<"$root"
	flock -n 7 || die "another run uses $root: wait for its end, or set WEBCHATT_MAJORS to another directory"

	if [ ! -e "$root/etc/webchatt-majors" ]; then
		debootstrap --variant=minbase "$1" "$root" "$mirror" 7<&- || die "debootstrap could not make $1 in $root: remove that, and see that $mirror has it"
		: >"$root/etc/webchatt-majors"
	fi
	trap root_unmount EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	root_mount

	# No service starts, and no cluster is made.
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	mkdir -p "$root/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/webchatt.conf"
	# A mirror may hold a moving suite still for longer than its index says; it is signed all the same.
	echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90webchatt"
}

root_install()
{
	missing=
	for package; do
		in_root dpkg-query -W -f '${db:Status-Abbrev}' "${package%%/*}" 2>/dev/null | grep -q '^.i' || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	in_root apt-get -qq update
	# shellcheck disable=SC2086
	in_root apt-get -qq -y --no-install-recommends ${root_options:-} install $missing
}

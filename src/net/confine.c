/*
 * confine.c
 *	  Landlock and no_new_privs: see confine.h.
 *
 * The constants are written out where the system's header is older than the
 * kernel that the program may run on.
 */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset	444
#define __NR_landlock_add_rule			445
#define __NR_landlock_restrict_self		446
#endif

#define CREATE_VERSION		(1U << 0)
#define RULE_PATH_BENEATH	1
#define FS_READ_FILE		(UINT64_C(1) << 2)
#define FS_READ_DIR			(UINT64_C(1) << 3)
#define FS_REMOVE_FILE		(UINT64_C(1) << 5)

/* Every access of each version of the interface, and how much of the struct it knows. */
#define FS_ALL_V1			((UINT64_C(1) << 13) - 1)
#define FS_REFER			(UINT64_C(1) << 13) /* 2 */
#define FS_TRUNCATE			(UINT64_C(1) << 14) /* 3 */
#define FS_IOCTL_DEV		(UINT64_C(1) << 15) /* 5 */
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0)	/* 6 */
#define SCOPE_SIGNAL		(UINT64_C(1) << 1)	/* 6 */

struct ruleset_attr
{
	uint64_t	fs;
	uint64_t	net;			/* since 4; left alone: the network stays open */
	uint64_t	scoped;			/* since 6 */
};

struct path_beneath_attr
{
	uint64_t	access;
	int32_t		fd;
} __attribute__((packed));

static const char *const readable[] = {
	"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ssl/cert.pem", "/etc/pki/tls",
	"/etc/pki/ca-trust", "/etc/ca-certificates", "/var/lib/ca-certificates",
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf",
	"/etc/gai.conf", "/etc/services", "/etc/localtime", "/etc/ld.so.cache",
	"/usr/share", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/share/ca-certificates",
	"/lib", "/lib64", "/run/systemd/resolve", "/run/resolvconf", "/run/nscd",
	"/dev/urandom", "/dev/null",
#if defined(__SANITIZE_ADDRESS__)
	"/proc",					/* a sanitizer reads its own maps to report */
#endif
};

/* Files that were allowed one by one, to notice when another takes their name. */
#define WATCH_MAX	16

static struct
{
	char		path[512];
	dev_t		dev;
	ino_t		ino;
}			watched[WATCH_MAX];
static int	nwatched;

static int
landlock_version(void)
{
	long		v = syscall(__NR_landlock_create_ruleset, NULL, (size_t) 0, CREATE_VERSION);

	return v < 0 ? 0 : (int) v;
}

bool
confine_possible(void)
{
	return landlock_version() > 0;
}

static void
watch(const char *path, const struct stat *st)
{
	if (nwatched >= WATCH_MAX || strlen(path) >= sizeof(watched[0].path))
		return;
	memcpy(watched[nwatched].path, path, strlen(path) + 1);
	watched[nwatched].dev = st->st_dev;
	watched[nwatched].ino = st->st_ino;
	nwatched++;
}

/* Allow something below a path; a path that does not exist needs no rule. */
static bool
allow(int ruleset, const char *path, uint64_t access)
{
	struct path_beneath_attr rule = {access, -1};
	struct stat st;
	long		rc;

	rule.fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.fd < 0)
		return true;
	if (fstat(rule.fd, &st) == 0 && !S_ISDIR(st.st_mode))
	{
		rule.access &= ~(FS_READ_DIR | FS_REMOVE_FILE);
		if (S_ISREG(st.st_mode))
			watch(path, &st);
	}
	rc = syscall(__NR_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
	close(rule.fd);
	return rc == 0;
}

/* Allow the removal of the socket at that path. */
static bool
allow_unlink(int ruleset, const char *path)
{
	char		dir[512];
	const char *slash = strrchr(path, '/');
	size_t		len = slash && slash > path ? (size_t) (slash - path) : 1;

	if (len >= sizeof(dir))
		return true;
	memcpy(dir, path, len);
	dir[len] = '\0';
	return allow(ruleset, dir, FS_REMOVE_FILE);
}

static bool
allow_all(int ruleset, const char *ca_file, const char *const *unix_paths, int n)
{
	size_t		i;
	int			u;

	for (i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
	{
		if (!allow(ruleset, readable[i], FS_READ_FILE | FS_READ_DIR))
			return false;
	}
	if (ca_file != NULL && ca_file[0] != '\0' && !allow(ruleset, ca_file, FS_READ_FILE | FS_READ_DIR))
		return false;
	for (u = 0; u < n; u++)
	{
		if (!allow_unlink(ruleset, unix_paths[u]))
			return false;
	}
	return true;
}

bool
confine_now(const char *ca_file, const char *const *unix_paths, int n, char reason[256])
{
	struct ruleset_attr attr = {FS_ALL_V1, 0, 0};
	int			version = landlock_version();
	int			ruleset;
	bool		done;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
	{
		snprintf(reason, 256, "no_new_privs could not be set: %s", strerror(errno));
		return false;
	}
	if (version <= 0)
	{
		snprintf(reason, 256, "this kernel has no Landlock (5.13 or later, with landlock among its security modules)");
		return false;
	}
	attr.fs |= (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
		(version >= 5 ? FS_IOCTL_DEV : 0);
	attr.scoped = version >= 6 ? SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL : 0;
	ruleset = (int) syscall(__NR_landlock_create_ruleset, &attr,
							(size_t) (version >= 6 ? 24 : version >= 4 ? 16 : 8), 0);
	if (ruleset < 0)
	{
		snprintf(reason, 256, "Landlock's rules could not be made: %s", strerror(errno));
		return false;
	}
	done = allow_all(ruleset, ca_file, unix_paths, n) &&
		syscall(__NR_landlock_restrict_self, ruleset, 0) == 0;
	if (!done)
		snprintf(reason, 256, "Landlock's rules could not be put into force: %s", strerror(errno));
	close(ruleset);
	return done;
}

const char *
confine_outdated(void)
{
	struct stat st;
	int			i;

	for (i = 0; i < nwatched; i++)
	{
		/* One that is away for now is being replaced: the next look decides. */
		if (stat(watched[i].path, &st) == 0 &&
			(st.st_dev != watched[i].dev || st.st_ino != watched[i].ino))
			return watched[i].path;
	}
	return NULL;
}

/*
 * sandbox.c
 *	  The constants are written out where the system's header is older than the
 *	  kernel that the program may run on.
 */
#include "base/sandbox.h"
#include "base/sandbox_calls.h"

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
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule		 445
#define __NR_landlock_restrict_self	 446
#endif

#define CREATE_VERSION	  (1U << 0)
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT	  2
#define NET_BIND_TCP	  (UINT64_C(1) << 0) /* 4 */
#define NET_CONNECT_TCP	  (UINT64_C(1) << 1) /* 4 */
#define FS_READ_FILE	  (UINT64_C(1) << 2)
#define FS_READ_DIR		  (UINT64_C(1) << 3)

/* Every access of each version of the interface, and how much of the struct it knows. */
#define FS_ALL_V1			((UINT64_C(1) << 13) - 1)
#define FS_REFER			(UINT64_C(1) << 13) /* 2 */
#define FS_TRUNCATE			(UINT64_C(1) << 14) /* 3 */
#define FS_IOCTL_DEV		(UINT64_C(1) << 15) /* 5 */
#define SCOPE_ABSTRACT_UNIX (UINT64_C(1) << 0)	/* 6 */
#define SCOPE_SIGNAL		(UINT64_C(1) << 1)	/* 6 */

struct ruleset_attr
{
	uint64_t fs;
	uint64_t net;	 /* since 4 */
	uint64_t scoped; /* since 6 */
};

struct path_beneath_attr
{
	uint64_t access;
	int32_t fd;
} __attribute__((packed));

struct net_port_attr
{
	uint64_t access;
	uint64_t port;
};

static const char *const readable[] = {
	"/etc/ssl/certs",
	"/etc/ssl/openssl.cnf",
	"/etc/ssl/cert.pem",
	"/etc/pki/tls",
	"/etc/pki/ca-trust",
	"/etc/ca-certificates",
	"/var/lib/ca-certificates",
	"/etc/resolv.conf",
	"/etc/hosts",
	"/etc/host.conf",
	"/etc/nsswitch.conf",
	"/etc/gai.conf",
	"/etc/services",
	"/etc/localtime",
	"/etc/ld.so.cache",
	"/usr/share",
	"/usr/lib",
	"/usr/lib64",
	"/usr/local/lib",
	"/usr/local/share/ca-certificates",
	"/lib",
	"/lib64",
	"/run/systemd/resolve",
	"/run/resolvconf",
	"/run/NetworkManager",
	"/dev/urandom",
	"/dev/null",
#ifdef SANITIZED
	"/proc", /* a sanitizer reads its own maps to report */
#endif
};

/* Files that were allowed one by one, to notice when another takes their name. */
#define WATCH_MAX 16

static struct
{
	char path[512];
	dev_t dev;
	ino_t ino;
} watched[WATCH_MAX];
static int nwatched;

static int
landlock_version(void)
{
	long v = syscall(__NR_landlock_create_ruleset, NULL, (size_t) 0, CREATE_VERSION);

	return v < 0 ? 0 : (int) v;
}

bool
sandbox_possible(void)
{
	return landlock_version() > 0 && sandbox_calls_possible();
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

/* Those that are read at each look-up of a name, or connection. */
static bool
is_read_again(const char *path)
{
	/* any installed package may replace these, and without them nothing is missing */
	static const char *const once[] = {"/etc/ld.so.cache", "/etc/services", "/etc/localtime", "/etc/ssl/openssl.cnf"};

	for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
		if (strcmp(path, once[i]) == 0)
			return false;
	return true;
}

/* Allow something below a path; a path that does not exist needs no rule. */
static bool
allow(int ruleset, const char *path, uint64_t access, bool may_watch)
{
	struct path_beneath_attr rule = {access, -1};
	struct stat st;
	long rc;

	rule.fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.fd < 0)
		return true;
	if (fstat(rule.fd, &st) == 0 && !S_ISDIR(st.st_mode))
	{
		rule.access &= ~FS_READ_DIR;
		if (may_watch && S_ISREG(st.st_mode) && is_read_again(path))
			watch(path, &st);
	}
	rc = syscall(__NR_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
	close(rule.fd);
	return rc == 0;
}

static bool
allow_files(int ruleset, const sandbox_needs *needs)
{
	size_t i;

	for (i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
	{
		if (!allow(ruleset, readable[i], FS_READ_FILE | FS_READ_DIR, true))
			return false;
	}
	return needs->ca_file == NULL || needs->ca_file[0] == '\0' ||
		   allow(ruleset, needs->ca_file, FS_READ_FILE | FS_READ_DIR, false);
}

/*
 * Connections to every port but the server's: the rules can only list what is
 * allowed, and hubs may be anywhere.  It takes some 20 ms, once.
 */
static bool
allow_ports(int ruleset, uint16_t server_port)
{
	struct net_port_attr rule = {NET_CONNECT_TCP, 0};

	for (rule.port = 0; rule.port <= UINT16_MAX; rule.port++)
	{
		if (rule.port != server_port && syscall(__NR_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) != 0)
			return false;
	}
	return true;
}

static bool
confine_files(const sandbox_needs *needs, sandbox_state *done)
{
	struct ruleset_attr attr = {FS_ALL_V1, 0, 0};
	int version = landlock_version();
	bool ports = version >= 4 && needs->server_port != 0;
	int ruleset;
	bool good;

	attr.fs |= (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) | (version >= 5 ? FS_IOCTL_DEV : 0);
	attr.net = ports ? NET_BIND_TCP | NET_CONNECT_TCP : 0;
	attr.scoped = version >= 6 ? SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL : 0;
	ruleset = (int) syscall(__NR_landlock_create_ruleset, &attr,
							(size_t) (version >= 6	 ? 24
									  : version >= 4 ? 16
													 : 8),
							0);
	if (ruleset < 0)
	{
		snprintf(done->reason, sizeof(done->reason), "Landlock's rules could not be made: %s", strerror(errno));
		return false;
	}
	good = allow_files(ruleset, needs) && (!ports || allow_ports(ruleset, needs->server_port)) &&
		   syscall(__NR_landlock_restrict_self, ruleset, 0) == 0;
	if (!good)
		snprintf(done->reason, sizeof(done->reason), "Landlock's rules could not be put into force: %s",
				 strerror(errno));
	close(ruleset);
	done->files = good;
	done->ports = good && ports;
	return good;
}

bool
sandbox_enter(const sandbox_needs *needs, sandbox_state *done)
{
	memset(done, 0, sizeof(*done));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
	{
		snprintf(done->reason, sizeof(done->reason), "no_new_privs could not be set: %s", strerror(errno));
		return false;
	}
	if (landlock_version() > 0 && !confine_files(needs, done))
		return false;
	if (!sandbox_calls_possible())
		return true;
	done->calls = sandbox_calls_apply(done->reason);
	return done->calls;
}

const char *
sandbox_outdated(void)
{
	struct stat st;
	int fd;
	int i;

	for (i = 0; i < nwatched; i++)
	{
		/* One that is away for now is being replaced: the next look decides. */
		if (stat(watched[i].path, &st) != 0 || (st.st_dev == watched[i].dev && st.st_ino == watched[i].ino))
			continue;
		/* In a directory that may be read the new one is as good. */
		fd = open(watched[i].path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return watched[i].path;
		close(fd);
		watched[i].dev = st.st_dev;
		watched[i].ino = st.st_ino;
	}
	return NULL;
}

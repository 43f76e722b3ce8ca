/*
 * sandbox_calls.c
 *	  doc/decisions/0001-libseccomp.md says why it is a list of what is allowed.
 *
 * A call that is on no list gets ENOSYS, as on a kernel that does not have it:
 * C libraries fall back from that.  What would be an attack gets EPERM.
 */
#include "base/sandbox_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

/* The argument of clone() that has the flags. */
#if defined(__s390__)
#define CLONE_FLAGS_AT 1
#else
#define CLONE_FLAGS_AT 0
#endif

/* By name: a library that does not know one yet leaves it out. */
static const char *const allowed[] = {
	/* sockets that are there already, or that socket() may make */
	"connect",
	"accept",
	"accept4",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"shutdown",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"recvmmsg_time64",
	"recv",
	/* descriptors */
	"read",
	"readv",
	"pread64",
	"write",
	"writev",
	"close",
	"close_range",
	"dup",
	"dup2",
	"dup3",
	"lseek",
	"_llseek",
	"pipe",
	"pipe2",
	"poll",
	"ppoll",
	"ppoll_time64",
	"select",
	"_newselect",
	"pselect6",
	"pselect6_time64",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"eventfd",
	"eventfd2",
	"signalfd4",
	"timerfd_create",
	"timerfd_settime",
	"timerfd_settime64",
	"timerfd_gettime",
	"timerfd_gettime64",
	/* files, as far as Landlock and openat's rule let them be opened */
	"fstat",
	"fstat64",
	"fstatat64",
	"newfstatat",
	"stat",
	"stat64",
	"lstat",
	"lstat64",
	"statx",
	"statfs",
	"fstatfs",
	"statfs64",
	"fstatfs64",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents",
	"getdents64",
	"getcwd",
	"fadvise64",
	"fadvise64_64",
	/* memory */
	"brk",
	"mmap",
	"mmap2",
	"munmap",
	"mremap",
	"mprotect",
	"madvise",
	"membarrier",
	"mincore",
	/* threads, time, and what a program may ask about itself */
	"futex",
	"futex_time64",
	"futex_waitv",
	"set_robust_list",
	"get_robust_list",
	"set_tid_address",
	"rseq",
	"arch_prctl",
	"set_thread_area",
	"sched_yield",
	"sched_getaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"getcpu",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigreturn",
	"rt_sigpending",
	"rt_sigtimedwait",
	"rt_sigtimedwait_time64",
	"sigaltstack",
	"restart_syscall",
	"exit",
	"exit_group",
	"nanosleep",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"clock_getres_time64",
	"gettimeofday",
	"time",
	"times",
	"getrusage",
	"getrlimit",
	"ugetrlimit",
	"sysinfo",
	"uname",
	"getrandom",
	"getpid",
	"getppid",
	"gettid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getuid32",
	"geteuid32",
	"getgid32",
	"getegid32",
	"getpgrp",
	"pause",
#ifdef SANITIZED
	/* the leak checker stops and reads the program from a process of its own */
	"ptrace",
	"clone",
	"prctl",
	"wait4",
	"sched_setaffinity",
	"personality",
#endif
};

/* What nobody needs by accident. */
static const char *const forbidden[] = {
	"execve",
	"execveat",
	"fork",
	"vfork",
#ifndef SANITIZED
	"ptrace",
#endif
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"process_mrelease",
	"kcmp",
	"pidfd_open",
	"pidfd_getfd",
	"pidfd_send_signal",
	"tkill",
	"rt_sigqueueinfo",
	"rt_tgsigqueueinfo",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"io_setup",
	"io_submit",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"keyctl",
	"add_key",
	"request_key",
	"unshare",
	"setns",
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"mount_setattr",
	"open_by_handle_at",
	"name_to_handle_at",
	"kexec_load",
	"kexec_file_load",
	"init_module",
	"finit_module",
	"delete_module",
	"reboot",
	"setuid",
	"setgid",
	"setresuid",
	"setresgid",
	"setreuid",
	"setregid",
	"setgroups",
	"capset",
	"seccomp",
	"personality",
	"memfd_create",
	"memfd_secret",
	"mknod",
	"mknodat",
	"bind",
	"listen",
	"msgget",
	"semget",
	"shmget",
	"shmat",
	"mq_open",
	"fanotify_init",
	"inotify_init1",
	"landlock_create_ruleset",
	"landlock_add_rule",
	"landlock_restrict_self",
	"quotactl",
	"swapon",
};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* The first rule that could not be made; 0: none. */
typedef struct calls
{
	scmp_filter_ctx filter;
	int failed; /* a negative errno */
} calls;

static void
rule(calls *c, uint32_t action, const char *name, unsigned n, const struct scmp_arg_cmp *args)
{
	int nr = seccomp_syscall_resolve_name(name);
	int rc;

	if (nr == __NR_SCMP_ERROR || c->failed != 0)
		return;
	rc = seccomp_rule_add_array(c->filter, action, nr, n, args);
	/* a call that this processor does not have needs no rule */
	if (rc < 0 && nr >= 0)
		c->failed = rc;
}

/* Where argument at, under mask, is value. */
static void
rule_if(calls *c, uint32_t action, const char *name, unsigned at, uint64_t mask, uint64_t value)
{
	struct scmp_arg_cmp arg = SCMP_CMP64(at, SCMP_CMP_MASKED_EQ, mask, value);

	rule(c, action, name, 1, &arg);
}

static void
allow_if(calls *c, const char *name, unsigned at, uint64_t mask, uint64_t value)
{
	rule_if(c, SCMP_ACT_ALLOW, name, at, mask, value);
}

static void
allow_socket(calls *c, int family, int type, int protocol)
{
	struct scmp_arg_cmp args[] = {
		SCMP_CMP64(0, SCMP_CMP_EQ, (uint64_t) family, 0),
		SCMP_CMP64(1, SCMP_CMP_MASKED_EQ, 0xf, (uint64_t) type),
		SCMP_CMP64(2, SCMP_CMP_EQ, (uint64_t) protocol, 0),
	};

	rule(c, SCMP_ACT_ALLOW, "socket", 3, args);
}

/*
 * TCP and UDP.  Another protocol could go past Landlock's ports (MPTCP does),
 * and so does data that is sent with the SYN.  The pairs that libcurl wakes
 * itself with are of streams: those can be connected to nothing else.
 */
static void
rule_sockets(calls *c)
{
	static const int families[] = {AF_INET, AF_INET6};
	struct scmp_arg_cmp pair[] = {
		SCMP_CMP64(0, SCMP_CMP_EQ, AF_UNIX, 0),
		SCMP_CMP64(1, SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM),
	};
	struct scmp_arg_cmp above = SCMP_CMP64(0, SCMP_CMP_GT, AF_INET6, 0);

	for (size_t i = 0; i < LENGTH(families); i++)
	{
		allow_socket(c, families[i], SOCK_STREAM, 0);
		allow_socket(c, families[i], SOCK_STREAM, IPPROTO_TCP);
		allow_socket(c, families[i], SOCK_DGRAM, 0);
		allow_socket(c, families[i], SOCK_DGRAM, IPPROTO_UDP);
	}
	for (uint64_t family = 0; family < AF_INET6; family++)
		if (family != AF_INET)
			rule_if(c, SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", 0, UINT32_MAX, family);
	rule(c, SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", 1, &above);
	rule(c, SCMP_ACT_ALLOW, "socketpair", 2, pair);
	allow_if(c, "sendto", 3, MSG_FASTOPEN, 0);
	allow_if(c, "sendmsg", 2, MSG_FASTOPEN, 0);
	allow_if(c, "sendmmsg", 3, MSG_FASTOPEN, 0);
	allow_if(c, "send", 3, MSG_FASTOPEN, 0);
}

/* To read, whatever the kernel says about the path. */
static void
rule_open(calls *c, const char *name, unsigned at)
{
	allow_if(c, name, at, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY);
	rule_if(c, SCMP_ACT_ERRNO(EACCES), name, at, O_ACCMODE, O_WRONLY);
	rule_if(c, SCMP_ACT_ERRNO(EACCES), name, at, O_ACCMODE, O_RDWR);
	rule_if(c, SCMP_ACT_ERRNO(EACCES), name, at, O_ACCMODE | O_CREAT, O_RDONLY | O_CREAT);
}

/* Threads, but no processes, and no signal to anybody else. */
static void
rule_processes(calls *c)
{
	static const uint64_t namespaces =
		CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
	static const char *const signals[] = {"kill", "tgkill"};
	struct scmp_arg_cmp self = SCMP_CMP64(0, SCMP_CMP_EQ, (uint64_t) getpid(), 0);

	for (size_t i = 0; i < LENGTH(signals); i++)
		rule(c, SCMP_ACT_ALLOW, signals[i], 1, &self);
#ifndef SANITIZED
	allow_if(c, "clone", CLONE_FLAGS_AT, CLONE_THREAD | namespaces, CLONE_THREAD);
	allow_if(c, "prctl", 0, UINT32_MAX, PR_SET_NAME);
	allow_if(c, "prctl", 0, UINT32_MAX, PR_SET_VMA);
#else
	(void) namespaces;
#endif
	/* clone3() is on no list: its flags are behind a pointer, and libraries fall back to clone() */
	/* of itself only */
	allow_if(c, "prlimit64", 0, UINT32_MAX, 0);
}

/* fcntl() can send signals (F_SETOWN), ioctl() can do anything. */
static void
rule_descriptors(calls *c)
{
	static const int fcntls[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL};
	static const unsigned long ioctls[] = {FIONBIO,	 FIONREAD, FIOCLEX,
										   FIONCLEX, TCGETS,   0x8933 /* SIOCGIFINDEX: fe80::1%eth0 in resolv.conf */};

	for (size_t i = 0; i < LENGTH(fcntls); i++)
	{
		allow_if(c, "fcntl", 1, UINT32_MAX, (uint64_t) fcntls[i]);
		allow_if(c, "fcntl64", 1, UINT32_MAX, (uint64_t) fcntls[i]);
	}
	for (size_t i = 0; i < LENGTH(ioctls); i++)
		allow_if(c, "ioctl", 1, UINT32_MAX, ioctls[i]);
}

bool
sandbox_calls_possible(void)
{
	/* one that is never in force: the kernel says whether it knows filters */
	return prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, NULL, 0, 0) < 0 && errno == EFAULT;
}

void
sandbox_calls_no_rings(void)
{
	calls c = {seccomp_init(SCMP_ACT_ALLOW), 0};

	if (c.filter == NULL)
		return;
	c.failed = seccomp_attr_set(c.filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	rule(&c, SCMP_ACT_ERRNO(ENOSYS), "io_uring_setup", 0, NULL);
	if (c.failed == 0)
		(void) seccomp_load(c.filter);
	seccomp_release(c.filter);
}

bool
sandbox_calls_apply(char reason[256])
{
	calls c = {seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), 0};

	if (c.filter == NULL)
	{
		snprintf(reason, 256, "libseccomp has no memory for a filter");
		return false;
	}
	/* a call of another architecture, 32 bits on 64 say, is refused whatever its number */
	c.failed = seccomp_attr_set(c.filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	if (c.failed == 0)
		c.failed = seccomp_attr_set(c.filter, SCMP_FLTATR_CTL_TSYNC, 1);
#if SCMP_VER_MAJOR > 2 || SCMP_VER_MINOR >= 5
	if (c.failed == 0)
		c.failed = seccomp_attr_set(c.filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
#endif
	for (size_t i = 0; i < LENGTH(allowed); i++)
		rule(&c, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
	for (size_t i = 0; i < LENGTH(forbidden); i++)
		rule(&c, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0, NULL);
	rule_sockets(&c);
	rule_open(&c, "openat", 2);
	rule_open(&c, "open", 1);
	rule_processes(&c);
	rule_descriptors(&c);
	if (c.failed == 0)
		c.failed = seccomp_load(c.filter);
	seccomp_release(c.filter);
	if (c.failed != 0)
		snprintf(reason, 256, "the filter of system calls could not be put into force: %s", strerror(-c.failed));
	return c.failed == 0;
}

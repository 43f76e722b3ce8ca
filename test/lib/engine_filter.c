/*
 * engine_filter.c
 *	  Runs a program under what container engines forbid by default to one without capabilities:
 *	  calls that reach the kernel's own state or another process, and new namespaces.  For
 *	  scripts/container, which has no engine.
 *
 *		engine_filter [-l] PROGRAM ...		-l: Landlock's calls, too, as older engines do
 */
#define _GNU_SOURCE

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static const char *const forbidden[] = {
	/* modules, time, devices, swap, the machine itself */
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"settimeofday",
	"clock_settime",
	"iopl",
	"ioperm",
	"swapon",
	"swapoff",
	"acct",
	"quotactl",
	"quotactl_fd",
	"syslog",
	"sysfs",
	"ustat",
	"uselib",
	"vhangup",
	"nfsservctl",
	"_sysctl",
	"lookup_dcookie",
	"fanotify_init",
	"open_by_handle_at",
	"sethostname",
	"setdomainname",
	/* mounts, roots, namespaces */
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"unshare",
	"setns",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"move_mount",
	"open_tree",
	"mount_setattr",
	/* keys, tracing, programs in the kernel, other processes */
	"add_key",
	"request_key",
	"keyctl",
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"kcmp",
	"pidfd_getfd",
	"process_madvise",
	"move_pages",
	"migrate_pages",
	"mbind",
	"get_mempolicy",
	"set_mempolicy",
	"set_mempolicy_home_node",
};

static const char *const landlock[] = {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"};

static int
forbid(scmp_filter_ctx filter, const char *name)
{
	int call = seccomp_syscall_resolve_name(name);

	return call == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0);
}

/* Each of these flags by itself: a rule compares under one mask. */
static int
forbid_namespaces(scmp_filter_ctx filter)
{
	static const uint64_t flags[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,	 CLONE_NEWUSER,
									 CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};
	int failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; i < LENGTH(flags); i++)
		failed |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
								   SCMP_A0(SCMP_CMP_MASKED_EQ, flags[i], flags[i]));
	return failed;
}

int
main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int older = argc > 1 && strcmp(argv[1], "-l") == 0;
	int failed = filter == NULL;

	if (argc < 2 + older)
		return 2;
	for (size_t i = 0; !failed && i < LENGTH(forbidden); i++)
		failed = forbid(filter, forbidden[i]);
	for (size_t i = 0; !failed && older && i < LENGTH(landlock); i++)
		failed = forbid(filter, landlock[i]);
	failed = failed || forbid_namespaces(filter) ||
			 seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_VSOCK)) ||
			 prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || seccomp_load(filter) != 0;
	if (failed)
	{
		fprintf(stderr, "engine_filter: the filter could not be made\n");
		return 125;
	}
	execvp(argv[1 + older], argv + 1 + older);
	perror(argv[1 + older]);
	return 127;
}

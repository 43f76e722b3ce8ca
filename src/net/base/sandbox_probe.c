/*
 * sandbox_probe.c
 *	  The calls are made as code that has taken the program over would make them, by
 *	  their numbers where the C library could get in between.
 */
#include "base/sandbox_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/sandbox.h"

#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#endif
#ifndef __NR_pidfd_open
#define __NR_pidfd_open 434
#endif
#ifndef __NR_clone3
#define __NR_clone3 435
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

static int bad; /* lines that are not as they should be */

/* rc as a system call returns it, with errno. */
static void
refused(const char *what, long rc)
{
	if (rc < 0)
		printf("refused: %s (%s)\n", what, strerror(errno));
	else
	{
		printf("ALLOWED: %s\n", what);
		bad++;
	}
}

static void
works(const char *what, bool good)
{
	printf("%s: %s%s%s\n", good ? "works" : "BROKEN", what, good ? "" : ": ", good ? "" : strerror(errno));
	if (!good)
		bad++;
}

/* ---- files ---- */

static void
try_files(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char text[600];

	(void) snprintf(text, sizeof(text), "reading %s", file);
	refused(text, fd);
	refused("writing /dev/null", open("/dev/null", O_WRONLY | O_CLOEXEC));
	refused("making a file in /tmp", open("/tmp/webchatt-probe", O_RDWR | O_CREAT | O_EXCL, 0600));
	refused("reading its own memory", open("/proc/self/mem", O_RDWR | O_CLOEXEC));
	refused("reading its parent's environment", open("/proc/1/environ", O_RDONLY | O_CLOEXEC));
	refused("removing a file", unlink("/tmp/webchatt-probe"));
	refused("chmod of a file", syscall(SYS_fchmodat, AT_FDCWD, file, 0644));
}

/* ---- other programs ---- */

static void
try_programs(void)
{
	char *argv[] = {"true", NULL};
	char *envp[] = {NULL};
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_code = SI_QUEUE;
	refused("execve", execve("/bin/true", argv, envp));
	refused("execveat", syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, envp, 0));
	refused("fork", syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL));
	refused("clone3", syscall(__NR_clone3, NULL, (size_t) 0));
	refused("ptrace of its parent", syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), NULL, NULL));
	refused("process_vm_readv of its parent", syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
	refused("kill of its parent with 0", kill(getppid(), 0));
	refused("kill of its parent with SIGHUP", kill(getppid(), SIGHUP));
	refused("kill of everybody with 0", kill(-1, 0));
	refused("kill of its process group with 0", kill(0, 0));
	refused("tgkill of its parent", syscall(SYS_tgkill, getppid(), getppid(), 0));
	refused("tkill of its parent", syscall(SYS_tkill, getppid(), 0));
	refused("rt_sigqueueinfo to its parent", syscall(SYS_rt_sigqueueinfo, getppid(), SIGHUP, &info));
	refused("pidfd_open of its parent", syscall(__NR_pidfd_open, getppid(), 0));
	refused("being told of a descriptor's signals for its parent", fcntl(0, F_SETOWN, getppid()));
}

/* ---- the kernel ---- */

static void
try_kernel(void)
{
	char params[120] = {0};

	refused("unshare of the user namespace", unshare(CLONE_NEWUSER));
	refused("unshare of its own files", unshare(CLONE_FILES));
	refused("setns", syscall(SYS_setns, 0, 0));
	refused("mount", mount("none", "/mnt", "tmpfs", 0, NULL));
	refused("io_uring_setup", syscall(__NR_io_uring_setup, 1, params));
	refused("bpf", syscall(SYS_bpf, 0, params, sizeof(params)));
	refused("keyctl", syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3 /* of the process */, 1));
	refused("add_key", syscall(SYS_add_key, "user", "webchatt", "x", (size_t) 1, -3));
	refused("perf_event_open", syscall(SYS_perf_event_open, params, 0, -1, -1, 0));
	refused("userfaultfd", syscall(SYS_userfaultfd, 1));
	refused("personality", syscall(SYS_personality, 0xffffffffUL));
	refused("kexec_load", syscall(SYS_kexec_load, 0, 0, NULL, 0));
	refused("init_module", syscall(SYS_init_module, params, 0, ""));
	refused("memfd_create", syscall(SYS_memfd_create, "x", 0));
	refused("seccomp", syscall(SYS_seccomp, 0, 0, NULL));
	refused("ioctl TIOCSTI", syscall(SYS_ioctl, 0, 0x5412, "x"));
#if defined(__x86_64__)
	refused("getpid of the x32 ABI", syscall(0x40000000 + 39));
#endif
}

#if defined(__x86_64__)
static sigjmp_buf no_such_gate;

static void
on_fault(int signo)
{
	siglongjmp(no_such_gate, signo);
}

/* int 0x80: a kernel without that gate refuses by a signal. */
static void
try_other_abi(void)
{
	volatile long result = -1;

	signal(SIGSEGV, on_fault);
	errno = ENOSYS;
	if (sigsetjmp(no_such_gate, 1) == 0)
	{
		long rc = 20; /* getpid there */

		__asm__ volatile("int $0x80" : "+a"(rc)::"memory", "r8", "r9", "r10", "r11");
		result = (int) rc;
		if (result < 0)
			errno = (int) -result;
	}
	signal(SIGSEGV, SIG_DFL);
	refused("getpid of the 32-bit ABI", result);
}
#else
static void
try_other_abi(void)
{
}
#endif

/* ---- sockets ---- */

/* Through a socket of any kind that can be had. */
static void
try_unix(const char *what, const char *path, size_t len)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int pair[2];
	int rc;

	if (len >= sizeof(sa.sun_path))
		return;
	memcpy(sa.sun_path, path, len);
	len += offsetof(struct sockaddr_un, sun_path) + 1;
	rc = fd < 0 ? fd : connect(fd, (struct sockaddr *) &sa, (socklen_t) len);
	refused(what, rc);
	/* what it may make: one end of a pair that is left alone */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0)
	{
		close(pair[1]);
		refused("the same from one end of a pair", connect(pair[0], (struct sockaddr *) &sa, (socklen_t) len));
		close(pair[0]);
	}
}

static struct sockaddr_in
loopback(int port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port)};

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sa;
}

static void
try_sockets(const char *server_socket)
{
	struct sockaddr_in any = loopback(0);
	int pair[2];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (server_socket != NULL)
		try_unix("connecting to PostgreSQL's socket", server_socket, strlen(server_socket));
	try_unix("connecting to an abstract socket", "\0webchatt-probe", 15);
	refused("socket(AF_UNIX, SOCK_STREAM)", socket(AF_UNIX, SOCK_STREAM, 0));
	refused("socket(AF_UNIX, SOCK_DGRAM)", socket(AF_UNIX, SOCK_DGRAM, 0));
	refused("a pair of datagram sockets", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	refused("socket(AF_PACKET)", socket(AF_PACKET, SOCK_DGRAM, 0));
	refused("socket(AF_NETLINK) for routes", socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	refused("socket(AF_NETLINK) for netfilter", socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
	refused("socket(AF_VSOCK)", socket(40, SOCK_STREAM, 0));
	refused("socket(AF_ALG)", socket(38, SOCK_SEQPACKET, 0));
	refused("a raw socket", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	refused("a socket of MPTCP", socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP));
	refused("bind", bind(fd, (struct sockaddr *) &any, sizeof(any)));
	refused("listen", listen(fd, 1));
	close(fd);
}

static void
try_server_port(int port, bool kept_out)
{
	struct sockaddr_in to = loopback(port);
	int fd;

	if (port == 0)
		return;
	if (!kept_out)
	{
		printf("skipped: the server's port, which this kernel's Landlock cannot keep out\n");
		return;
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	refused("connecting to the server's port by TCP", connect(fd, (struct sockaddr *) &to, sizeof(to)));
	refused("the same with data in the SYN", sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *) &to, sizeof(to)));
	close(fd);
}

/* ---- what must go on working ---- */

static int
listen_before(int *port)
{
	struct sockaddr_in sa = loopback(0);
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *) &sa, len) < 0 || listen(fd, 8) < 0 ||
		getsockname(fd, (struct sockaddr *) &sa, &len) < 0)
		return -1;
	*port = ntohs(sa.sin_port);
	return fd;
}

static void
try_service(int listener, int port)
{
	struct sockaddr_in to = loopback(port);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *list = NULL;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = getaddrinfo("localhost", "443", &hints, &list);

	if (rc != 0)
		printf("localhost: %s\n", gai_strerror(rc));
	works("looking a name up", rc == 0 && list != NULL);
	if (rc == 0)
		freeaddrinfo(list);
	works("connecting by TCP", fd >= 0 && connect(fd, (struct sockaddr *) &to, sizeof(to)) == 0);
	works("accepting a connection", accept4(listener, NULL, NULL, SOCK_CLOEXEC) >= 0);
	fd = open("/etc/ssl/openssl.cnf", O_RDONLY | O_CLOEXEC);
	works("reading OpenSSL's settings", fd >= 0 || access("/etc/ssl/openssl.cnf", F_OK) != 0);
	works("a signal to itself", kill(getpid(), 0) == 0);
}

static void *
in_thread(void *arg)
{
	*(int *) arg = socket(AF_UNIX, SOCK_STREAM, 0) < 0 && syscall(SYS_execve, "/bin/true", NULL, NULL) < 0;
	return NULL;
}

static void
try_thread(void)
{
	pthread_t thread;
	int confined = 0;
	bool started = pthread_create(&thread, NULL, in_thread, &confined) == 0;

	works("starting a thread", started);
	if (!started)
		return;
	pthread_join(thread, NULL);
	errno = EPERM;
	refused("the same from a thread", confined ? -1 : 0);
}

int
sandbox_probe(const char *file, const char *server_socket, int server_port)
{
	sandbox_needs needs = {.server_port = (uint16_t) server_port};
	sandbox_state done;
	int port = 0;
	int listener = listen_before(&port);
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || listener < 0)
	{
		printf("%s cannot be opened even without confinement (%s): nothing is shown\n", file, strerror(errno));
		return 2;
	}
	close(fd);
	if (!sandbox_enter(&needs, &done))
		printf("not confined: %s\n", done.reason);
	printf("Landlock: %s; its ports: %s; seccomp: %s\n", done.files ? "yes" : "no", done.ports ? "yes" : "no",
		   done.calls ? "yes" : "no");
	fflush(stdout);
	try_files(file);
	if (!done.calls)
	{
		printf("the rest is not tried: it would not be harmless\n");
		return done.files ? bad != 0 : 2;
	}
	try_programs();
	try_kernel();
	try_other_abi();
	try_sockets(server_socket);
	try_server_port(server_port, done.ports);
	try_service(listener, port);
	try_thread();
	return bad == 0 ? 0 : 1;
}

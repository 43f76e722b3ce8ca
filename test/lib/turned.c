/*
 * turned.c
 *	  Preloaded into a server by a test that turns its clock and fills its disks.
 *
 * The file that WEBCHATT_TURNED names is mapped: a test writes into it, and every
 * process of the server does as it says at once.  See Turned.pm.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

typedef struct Turned
{
	int64_t offset; /* seconds that the clock is turned by */
	char full[120]; /* part of the paths of files that cannot grow; empty: none */
} Turned;

static const Turned nothing;

static const Turned *
turned(void)
{
	static const Turned *volatile mapped = NULL;
	const char *name;
	int fd;
	void *p;

	if (mapped != NULL)
		return mapped;
	name = getenv("WEBCHATT_TURNED");
	fd = name == NULL ? -1 : open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return mapped = &nothing;
	p = mmap(NULL, sizeof(Turned), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return mapped = p == MAP_FAILED ? &nothing : p;
}

/* --- the clock ------------------------------------------------------------ */

int
clock_gettime(clockid_t which, struct timespec *t)
{
	int result = (int) syscall(SYS_clock_gettime, which, t);

	if (result == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
		t->tv_sec += turned()->offset;
	return result;
}

int
gettimeofday(struct timeval *restrict t, void *restrict zone)
{
	struct timespec now;

	(void) zone;
	clock_gettime(CLOCK_REALTIME, &now);
	t->tv_sec = now.tv_sec;
	t->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *t)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (t != NULL)
		*t = now.tv_sec;
	return now.tv_sec;
}

/* --- the disks ------------------------------------------------------------ */

/* Would these bytes make a file longer that cannot grow? */
static int
does_not_fit(int fd, off_t at, size_t len)
{
	const char *part = turned()->full;
	char link[64];
	char path[4096];
	struct stat st;
	ssize_t n;

	if (part[0] == '\0')
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return 0;
	path[n] = '\0';
	if (strstr(path, part) == NULL || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return 0;
	if (at < 0)
		at = lseek(fd, 0, SEEK_CUR);
	return at + (off_t) len > st.st_size;
}

#define REAL(type, name)                                                                                               \
	static type (*real)();                                                                                             \
	if (real == NULL)                                                                                                  \
	real = (type(*)()) dlsym(RTLD_NEXT, name)

#define FULL(fd, at, len)                                                                                              \
	if (does_not_fit(fd, at, len))                                                                                     \
	{                                                                                                                  \
		errno = ENOSPC;                                                                                                \
		return -1;                                                                                                     \
	}

ssize_t
write(int fd, const void *p, size_t len)
{
	FULL(fd, -1, len);
	return syscall(SYS_write, fd, p, len);
}

ssize_t
pwrite(int fd, const void *p, size_t len, off_t at)
{
	FULL(fd, at, len);
	return syscall(SYS_pwrite64, fd, p, len, at);
}

ssize_t
pwrite64(int fd, const void *p, size_t len, off_t at)
{
	return pwrite(fd, p, len, at);
}

static size_t
total(const struct iovec *v, int n)
{
	size_t len = 0;

	while (n-- > 0)
		len += v[n].iov_len;
	return len;
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	FULL(fd, -1, total(v, n));
	return syscall(SYS_writev, fd, v, n);
}

ssize_t
pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	REAL(ssize_t, "pwritev");
	FULL(fd, at, total(v, n));
	return real(fd, v, n, at);
}

ssize_t
pwritev64(int fd, const struct iovec *v, int n, off_t at)
{
	return pwritev(fd, v, n, at);
}

int
posix_fallocate(int fd, off_t at, off_t len)
{
	REAL(int, "posix_fallocate");
	if (does_not_fit(fd, at, (size_t) len))
		return ENOSPC;
	return real(fd, at, len);
}

int
posix_fallocate64(int fd, off_t at, off_t len)
{
	return posix_fallocate(fd, at, len);
}

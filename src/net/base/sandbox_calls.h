/*
 * sandbox_calls.h
 *	  The filter of system calls (seccomp) that this process puts on itself.
 */
#ifndef NET_SANDBOX_CALLS_H
#define NET_SANDBOX_CALLS_H

#include <stdbool.h>

/* Built with AddressSanitizer, by gcc or clang: it needs a little more to report. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* True when this kernel can filter a process's system calls. */
extern bool sandbox_calls_possible(void);

/*
 * From now on no io_uring is made, nor anything gained by executing.  Newer libuv
 * (1.50 in Debian 13) makes one with its loop, whatever UV_USE_IO_URING says, and
 * aborts when the filter then forbids its use; without one it does as before.  So
 * call this before there is a loop, where the kernel has filters.
 */
extern void sandbox_calls_no_rings(void);

/*
 * From now on, in all threads: what is open can be used, new sockets are TCP or
 * UDP and only ever connect, files are opened to be read, and nothing is
 * executed, signalled or looked into.  no_new_privs must be on.  False: reason
 * says why.
 */
extern bool sandbox_calls_apply(char reason[256]);

#endif /* NET_SANDBOX_CALLS_H */

/*
 * sandbox.h
 *	  What this process gives up once it has started, by Landlock,
 *	  no_new_privs and seccomp, so that a defect in a parser opens neither the
 *	  data directory nor a way into the server.
 */
#ifndef NET_SANDBOX_H
#define NET_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

/* What is needed all the same. */
typedef struct sandbox_needs
{
	const char *ca_file;  /* NULL or empty: none */
	uint16_t server_port; /* PostgreSQL's own, which is not connected to; 0: none is kept out */
} sandbox_needs;

/* What came of it. */
typedef struct sandbox_state
{
	bool files;		  /* Landlock is in force */
	bool ports;		  /* and knows ports */
	bool calls;		  /* system calls are filtered */
	char reason[256]; /* why it failed */
} sandbox_state;

/* True when this kernel has Landlock and filters of system calls. */
extern bool sandbox_possible(void);

/*
 * From now on only certificates, name resolution, shared libraries and their
 * data can be read, besides ca_file; nothing can be written, removed, executed
 * or signalled; new
 * sockets are TCP and UDP, and TCP goes anywhere but to server_port.  Call
 * before any thread exists: later ones inherit it.  What the kernel does not
 * have is left out, and done says so.  False: it has it, and it did not work.
 */
extern bool sandbox_enter(const sandbox_needs *needs, sandbox_state *done);

/*
 * The first file of those allowed one by one (/etc/resolv.conf, /etc/hosts, ...)
 * that has been replaced since: the new one cannot be read, so the process
 * should be started anew.  NULL: none.
 */
extern const char *sandbox_outdated(void);

#endif /* NET_SANDBOX_H */

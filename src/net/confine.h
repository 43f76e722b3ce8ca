/*
 * confine.h
 *	  What this process gives up once it has started: Landlock and
 *	  no_new_privs, so that a defect in a parser does not open the data
 *	  directory.
 */
#ifndef NET_CONFINE_H
#define NET_CONFINE_H

#include <stdbool.h>

/* True when this kernel can confine a process to a list of paths. */
extern bool confine_possible(void);

/*
 * From now on only certificates, name resolution, shared libraries and their
 * data can be read, besides ca_file (NULL: none); in the directories of the
 * unix sockets files can be removed; nothing can be written or executed.  Call
 * before any thread exists: later ones inherit it.  False: reason says why.
 */
extern bool confine_now(const char *ca_file, const char *const *unix_paths, int n,
						char reason[256]);

/*
 * The first file of those allowed one by one (/etc/resolv.conf, ca_file, ...)
 * that has been replaced since: the new one cannot be read, so the process
 * should be started anew.  NULL: none.
 */
extern const char *confine_outdated(void);

#endif							/* NET_CONFINE_H */

/*
 * listener.h
 *	  The addresses of webchatt.listen, or webchatt.desk_listen: bound, accepted from, and let go.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <sys/socket.h>
#include <uv.h>

#include "common/frame.h"

/* Sockets of all addresses together. */
#define LISTENER_MAX 32

/* The text of all real addresses, its NUL included. */
#define LISTENER_TEXT_SIZE 4096

typedef struct listener listener;

/* Takes the descriptor over. */
typedef void (*listener_fn)(void *arg, int fd, const struct sockaddr *addr, socklen_t len);

/*
 * Bind "127.0.0.1:8480", "[::1]:8480", "localhost:8480", ":8480" or "*:8480"
 * (every address), "unix:/path"; several with commas between them; port 0 is
 * any.  setting is the literal name of what has them.  NULL: reason says which
 * address, what happened, and what to do.
 */
extern listener *listener_bind(uv_loop_t *loop, const char *setting, wc_str addresses, listener_fn on_accept, void *arg,
							   char reason[512]);

/* The real addresses, comma-separated; empty where there are none. */
extern const char *listener_text(const listener *l);

/* Begin to accept. */
extern void listener_start(listener *l);

/* While paused nothing is accepted; the kernel's queue holds who comes. */
extern void listener_pause(listener *l, bool pause);

/*
 * Whoever is at the other end of an accepted socket has shown a key: the kernel
 * may keep as much for it as the connection needs, some MB where that is long.
 */
extern void listener_trust(int fd);

/* Close the sockets; the files of unix ones stay.  The loop must run once more. */
extern void listener_close(listener *l);

#endif /* NET_LISTENER_H */

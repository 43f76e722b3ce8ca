/*
 * lingering_close.h
 *	  Sockets whose last answer is out but whose client may still be sending: a
 *	  close with unread bytes resets the connection, and the client would never
 *	  read the answer.  So what comes is thrown away for a moment first.
 */
#ifndef NET_LINGERING_CLOSE_H
#define NET_LINGERING_CLOSE_H

#include <uv.h>

/* At most so many sockets, so long and so many bytes each. */
#define LINGER_MAX		 128
#define LINGER_MS		 1000
#define LINGER_MAX_BYTES (1024u * 1024)

/* Takes the descriptor over, whose sending side is (being) shut down. */
extern void lingering_close(uv_loop_t *loop, int fd);

/* Close them all. */
extern void lingering_close_stop(void);

#endif /* NET_LINGERING_CLOSE_H */

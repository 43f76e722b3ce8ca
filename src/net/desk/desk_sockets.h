/*
 * desk_sockets.h
 *	  The desks that are open: their WebSockets, what they are told of changes, who
 *	  else has the same conversation open (doc/desk-protocol.md, section 3).
 */
#ifndef NET_DESK_SOCKETS_H
#define NET_DESK_SOCKETS_H

#include "desk/desk_state.h"

/* NULL: out of memory.  The desk stays the caller's. */
extern desk_sockets *desk_sockets_new(desk *d);

/* Takes ping_interval_ms and ack_timeout_ms. */
extern void desk_sockets_configure(desk_sockets *s, const wc_config *config);

/* The handler of ROUTE_DESK_SOCKET, but for GET. */
extern void desk_sockets_check_head(conn *c, const char *method);

/* A http_server_takeover_fn; arg is the desk. */
extern bool desk_sockets_takeover(void *arg, conn *c, const char *version);

/* The worker's answer to a DESK_CALL whose request has DESK_SOCKET_NUMBER. */
extern void desk_sockets_answer(desk_sockets *s, const wc_desk_answer *m);

/* Something changed; the visitor of a local channel types. */
extern void desk_sockets_changed(desk_sockets *s, const wc_desk_changed *m);
extern void desk_sockets_typing(desk_sockets *s, const uint8_t channel[16], const uint8_t visitor[16]);

/* That session has ended: so do its desks. */
extern void desk_sockets_sign_out(desk_sockets *s, const uint8_t session[WC_HASH_SIZE]);

/* Sessions may have ended: ask for all that are open, soon. */
extern void desk_sockets_check(desk_sockets *s);

/* There is no desk any more. */
extern void desk_sockets_off(desk_sockets *s);

/* Once a turn, outside of every callback. */
extern void desk_sockets_run(desk_sockets *s);

/* Say goodbye to all and take nobody new; then, is everybody gone? */
extern void desk_sockets_close(desk_sockets *s);
extern bool desk_sockets_drained(const desk_sockets *s);

/* The loop must run once more after it. */
extern void desk_sockets_free(desk_sockets *s);

#endif /* NET_DESK_SOCKETS_H */

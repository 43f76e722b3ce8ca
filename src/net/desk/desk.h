/*
 * desk.h
 *	  The desk: what agents and admins work at, on addresses of its own
 *	  (webchatt.desk_listen).  It has an HTTP server of its own, so that however many
 *	  visitors come, who answers them gets in.
 */
#ifndef NET_DESK_H
#define NET_DESK_H

#include "desk/desk_state.h"

/* NULL: out of memory or descriptors.  The handlers are a table by route. */
extern desk *desk_new(uv_loop_t *loop, corridor_io *corridor, const http_handler *handlers);

/* All of it counts at once. */
extern void desk_configure(desk *d, const wc_config *config);

/* From now on calls are taken. */
extern void desk_open(desk *d);

/* A connection from the listener (a listener_fn; arg is the desk). */
extern void desk_accept(void *arg, int fd, const struct sockaddr *addr, socklen_t len);

/* What the worker says. */
extern void desk_state(desk *d, const wc_desk_state *m);
extern void desk_answer(desk *d, const wc_desk_answer *m);
extern void desk_changed(desk *d, const wc_desk_changed *m);
extern void desk_check_sessions(desk *d);

/* A visitor of a local channel types; arg is the desk. */
extern void desk_visitor_types(void *arg, const uint8_t channel[16], const uint8_t visitor[16]);

/* Do what has become possible, once a turn; true: accept nothing now. */
extern bool desk_run(desk *d);

/* Let go of connections that their clients have closed; once a second. */
extern void desk_sweep(desk *d);

/* Answer what waits, say goodbye to all, take nothing new; then, is all over? */
extern void desk_close(desk *d);
extern bool desk_drained(desk *d, bool patient);

/* The loop must run once more after it. */
extern void desk_free(desk *d);

#endif /* NET_DESK_H */

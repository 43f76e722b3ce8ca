/*
 * visitors.h
 *	  The visitors of local channels: their WebSockets, what they say to the
 *	  worker as events, and what comes back to them.  doc/protocol.md is what
 *	  goes over the wire.
 */
#ifndef NET_VISITORS_H
#define NET_VISITORS_H

#include "base/corridor_io.h"
#include "config/channels.h"

typedef struct visitors visitors;

/* NULL: out of memory. */
extern visitors *visitors_new(uv_loop_t *loop, corridor_io *corridor, channels *set);

/* Whom to tell that a visitor types. */
typedef void (*visitors_typing_fn)(void *arg, const uint8_t channel[16], const uint8_t visitor[16]);
extern void visitors_tell_typing(visitors *v, visitors_typing_fn types, void *arg);

/* All limits count at once. */
extern void visitors_configure(visitors *v, const wc_config *config);

/*
 * A channel is about to be replaced in the set (put), or to go from it: sessions
 * that may not go on are closed.  Call before the set changes.
 */
extern void visitors_channel_put(visitors *v, const wc_channel_put *put);
extern void visitors_channel_gone(visitors *v, const uint8_t id[16]);

/* What the worker says. */
extern void visitors_history(visitors *v, const wc_history *history);
/* The visitor's sessions, but that one, are to say hello again. */
extern void visitors_again(visitors *v, const wc_visitor_again *whose);
extern void visitors_end(visitors *v, const wc_visitor_end *whose);

/*
 * Push a message to the visitor's sessions; the outcome's strings live until
 * the next call.
 */
extern void visitors_push(visitors *v, const wc_send *send, wc_outcome *outcome);

/* Is any session of that visitor open? */
extern bool visitors_present(const visitors *v, const uint8_t channel[16], const uint8_t visitor[16]);

/* Go on with what has become possible, let go of what has ended; once a turn. */
extern void visitors_run(visitors *v);

/* Say goodbye to all and take nobody new; drained when all have gone. */
extern void visitors_close(visitors *v);
extern bool visitors_drained(const visitors *v);

/* Open sessions, connections in all, and events that wait for their commit. */
extern uint32_t visitors_count(const visitors *v);
extern uint32_t visitors_connections(const visitors *v);
extern uint32_t visitors_waiting(const visitors *v);

/* Cuts what is left; the loop must run once more after it. */
extern void visitors_free(visitors *v);

#endif /* NET_VISITORS_H */

/*
 * timeouts.h
 *	  How long a connection may stay in each phase of its life, whatever trickles
 *	  in meanwhile: libmicrohttpd itself knows a timeout of inactivity only.
 */
#ifndef NET_TIMEOUTS_H
#define NET_TIMEOUTS_H

#include <stdbool.h>
#include <uv.h>

typedef enum phase
{
	PHASE_NONE = 0, /* no deadline */
	PHASE_HEAD,		/* from the accept, or the request line */
	PHASE_BODY,		/* from the start of the head */
	PHASE_WAIT,		/* an event waits for its commit */
	PHASE_REPLY,	/* the answer goes out */
	PHASE_IDLE,		/* kept alive between requests */
	PHASE_KNOCK,	/* accepted, and nothing has come */
	PHASE_PEEK,		/* too little has come to tell what it is */
	PHASE_HELLO,	/* a visitor's client, from the accept to its hello */
	PHASE_WELCOME,	/* a hello waits for the worker */
	PHASE_FRAME,	/* a frame has begun and is not whole */
	PHASE_QUIET,	/* nothing to do: until a ping */
	PHASE_PONG,		/* a ping is out: until anything comes */
	PHASE_CLOSE,	/* a close frame is out: until the client has gone */
	PHASE_COUNT
} phase;

/* Embedded in what has the deadline; all zeros is one without. */
typedef struct deadline
{
	struct deadline *prev;
	struct deadline *next;
	uint64_t since; /* uv_now() when the phase began */
	phase phase;
} deadline;

/* Must take the entry out of its phase (deadline_set, to another phase). */
typedef void (*deadline_fn)(void *arg, deadline *entry);

typedef struct deadlines
{
	uv_timer_t timer;
	deadline heads[PHASE_COUNT]; /* rings, each ordered by since */
	uint32_t limit_ms[PHASE_COUNT];
	uint64_t armed_for; /* when the timer fires; UINT64_MAX: never */
	deadline_fn on_late;
	void *arg;
} deadlines;

extern void deadlines_init(deadlines *d, uv_loop_t *loop, deadline_fn on_late, void *arg);
extern void deadlines_limit(deadlines *d, phase p, uint32_t ms);
extern void deadline_set(deadlines *d, deadline *entry, phase p, uint64_t since);

/* Treat everything in a phase as late now. */
extern void deadlines_expire(deadlines *d, phase p);

extern void deadlines_close(deadlines *d);

#endif /* NET_TIMEOUTS_H */

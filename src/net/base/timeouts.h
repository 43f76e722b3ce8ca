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
	PHASE_NONE = 0,	   /* no timeout */
	PHASE_HEAD,		   /* from the accept, or the request line */
	PHASE_BODY,		   /* from the start of the head */
	PHASE_WAIT,		   /* an event waits for its commit */
	PHASE_PARKED,	   /* a request waits for something to be told */
	PHASE_REPLY,	   /* the answer goes out */
	PHASE_IDLE,		   /* kept alive between requests */
	PHASE_FIRST_BYTES, /* accepted, and nothing has come */
	PHASE_PEEK,		   /* too little has come to tell what it is */
	PHASE_HELLO,	   /* a visitor's client, from the accept to its hello */
	PHASE_WELCOME,	   /* a hello waits for the worker */
	PHASE_FRAME,	   /* a frame has begun and is not whole */
	PHASE_QUIET,	   /* nothing to do: until a ping */
	PHASE_PONG,		   /* a ping is out: until anything comes */
	PHASE_CLOSE,	   /* a close frame is out: until the client has gone */
	PHASE_COUNT
} phase;

/* Embedded in what has the timeout; all zeros is one without. */
typedef struct timeout
{
	struct timeout *prev;
	struct timeout *next;
	uint64_t since; /* uv_now() when the phase began */
	phase phase;
} timeout;

/* Must take the entry out of its phase (timeouts_set, to another phase). */
typedef void (*timeouts_fn)(void *arg, timeout *entry);

typedef struct timeouts
{
	uv_timer_t timer;
	timeout heads[PHASE_COUNT]; /* rings, each ordered by since */
	uint32_t limit_ms[PHASE_COUNT];
	uint64_t armed_for; /* when the timer fires; UINT64_MAX: never */
	timeouts_fn on_late;
	void *arg;
} timeouts;

extern void timeouts_init(timeouts *d, uv_loop_t *loop, timeouts_fn on_late, void *arg);
extern void timeouts_limit(timeouts *d, phase p, uint32_t ms);
extern void timeouts_set(timeouts *d, timeout *entry, phase p, uint64_t since);

/* Treat everything in a phase as late now. */
extern void timeouts_expire(timeouts *d, phase p);

#endif /* NET_TIMEOUTS_H */

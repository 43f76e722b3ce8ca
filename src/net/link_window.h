/*
 * link_window.h
 *	  The events of one link that the worker has not all said a word on: which
 *	  numbers they have at the hub, and up to where all are done.  Pure.
 */
#ifndef NET_LINK_WINDOW_H
#define NET_LINK_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* What doc/link.md allows a hub to have under way. */
#define LINK_WINDOW		1024u

/* All zeros is that of a link over which nothing has come. */
typedef struct link_window
{
	uint64_t	seqs[LINK_WINDOW];	/* of events first to next - 1, at their index's remainder */
	bool		done[LINK_WINDOW];
	uint32_t	first;			/* the oldest that is not done; indexes go round */
	uint32_t	next;
	uint32_t	waiting;		/* of this connection's, not done */
	uint32_t	stale;			/* of earlier connections', not done */
	uint64_t	last;			/* the hub's newest number */
	uint64_t	through;		/* up to here all are done */
} link_window;

/* How many more events may come when max may wait. */
extern uint32_t link_window_room(const link_window *w, uint32_t max);

/* One came; there must be room.  Its index, which no other one near it has. */
extern uint32_t link_window_add(link_window *w, uint64_t seq);

/*
 * The worker's word on the one with that index.  False: it is not of this
 * connection, so it moves nothing.
 */
extern bool link_window_end(link_window *w, uint32_t index, bool done);

/* A new connection, whose events follow from that number on. */
extern void link_window_restart(link_window *w, uint64_t acknowledged);

#endif							/* NET_LINK_WINDOW_H */

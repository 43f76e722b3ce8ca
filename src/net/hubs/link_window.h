/*
 * link_window.h
 *	  The events of one link that the worker has not all said a word on: which
 *	  numbers they have at the hub, and up to where all are done.  Pure.
 */
#ifndef NET_LINK_WINDOW_H
#define NET_LINK_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Twice what doc/link.md allows a hub to have under way: one that keeps to it is
 * always read, so its pings are answered even while an old event has no word
 * yet.  A power of two, because indexes go round.
 */
#define LINK_WINDOW 2048u

/*
 * No more comes while events of so many bytes wait, which are in the worker's
 * memory: more than a hub that keeps to doc/link.md ever has under way.
 */
#define LINK_WINDOW_BYTES (8u * 1024 * 1024)

/* All zeros is that of a link over which nothing has come. */
typedef struct link_window
{
	uint64_t seqs[LINK_WINDOW]; /* of events first to next - 1, at their index's remainder */
	uint32_t sizes[LINK_WINDOW];
	bool done[LINK_WINDOW];
	uint32_t first; /* the oldest that is not done; indexes go round */
	uint32_t next;
	uint32_t waiting; /* of this connection's, not done */
	uint32_t stale;	  /* of earlier connections', not done */
	uint64_t waiting_bytes;
	uint64_t stale_bytes; /* at most: known when the last of them is done */
	uint64_t last;		  /* the hub's newest number */
	uint64_t through;	  /* up to here all are done */
} link_window;

/* How many more events may come when max may wait. */
extern uint32_t link_window_room(const link_window *w, uint32_t max);

/* One of that size came; there must be room.  Its index, which no other one near it has. */
extern uint32_t link_window_add(link_window *w, uint64_t seq, uint32_t size);

/*
 * The worker's word on the one with that index.  False: it is not of this
 * connection, so it moves nothing.
 */
extern bool link_window_end(link_window *w, uint32_t index, bool done);

/* A new connection, whose events follow from that number on. */
extern void link_window_restart(link_window *w, uint64_t acknowledged);

#endif /* NET_LINK_WINDOW_H */

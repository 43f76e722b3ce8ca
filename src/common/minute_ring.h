/*
 * minute_ring.h
 *	  The last hour, a minute each: what was counted, the most that there was.
 *
 * A ring without a hand: a minute's place is its number modulo the ring's size, so no
 * clock that jumps, stands still or was not looked at for a while leaves it in disorder.
 * It is plain memory without pointers, all zeros when empty.
 */
#ifndef WC_MINUTE_RING_H
#define WC_MINUTE_RING_H

#include <stdint.h>

/* The current minute and the sixty before it. */
#define WC_MINUTES 61

typedef struct wc_minute
{
	int64_t number; /* minutes since an epoch of the caller's, above 0; 0: none */
	/* how often it happened */
	uint64_t messages_in;
	uint64_t messages_out;
	uint64_t statuses;
	uint64_t failed;
	uint64_t rejected;
	uint64_t deliveries;
	/* the most there was */
	uint64_t visitors;
	uint64_t slowest_us;
	/* as it was last */
	uint64_t queued;
} wc_minute;

typedef struct wc_minute_ring
{
	wc_minute minutes[WC_MINUTES];
} wc_minute_ring;

/* Something more happened in the minute more->number; that is 0 or less: nothing is noted. */
extern void wc_minute_ring_add(wc_minute_ring *ring, const wc_minute *more);

/*
 * The minutes that are known of those from now - 60 to now, in their order; how many they
 * are.  One that nothing was noted in is left out.
 */
extern int wc_minute_ring_read(const wc_minute_ring *ring, int64_t now, wc_minute minutes[WC_MINUTES]);

#endif /* WC_MINUTE_RING_H */

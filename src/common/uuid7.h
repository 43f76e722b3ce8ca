/*
 * uuid7.h
 *	  UUID version 7 (RFC 9562 §5.7, method 3): milliseconds in the first 48
 *	  bits, the fraction of the millisecond in the next 12, random in the rest.
 */
#ifndef WC_UUID7_H
#define WC_UUID7_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The last time that was given out, in units of 1/4096 ms since 1970, so that
 * one generator's UUIDs always rise, also within a tick and when the clock
 * jumps back.
 */
typedef struct wc_uuid7_state
{
	uint64_t last;
} wc_uuid7_state;

/* A tick: 1/4096 ms.  That of a time in nanoseconds since 1970; of a UUID, 0 where it is not version 7. */
extern uint64_t wc_uuid7_tick(uint64_t unix_ns);
extern uint64_t wc_uuid7_tick_of(const uint8_t uuid[16]);
extern uint64_t wc_uuid7_tick_us(uint64_t tick); /* microseconds since 1970, rounded down */

/* The UUID of a tick; random: 8 bytes of which 62 bits are used. */
extern void wc_uuid7_at(uint64_t tick, const uint8_t random[8], uint8_t uuid[16]);

/*
 * unix_ns: nanoseconds since 1970; random: 8 bytes of which 62 bits are used.
 * When the tick is not after the last one given out, the next one is taken.
 */
extern void wc_uuid7_make(wc_uuid7_state *state, uint64_t unix_ns, const uint8_t random[8], uint8_t uuid[16]);

/* The time in a version 7 UUID, in microseconds since 1970 (0 for others). */
extern int64_t wc_uuid7_time_us(const uint8_t uuid[16]);

#endif /* WC_UUID7_H */

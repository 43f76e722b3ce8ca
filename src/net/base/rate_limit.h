/*
 * rate_limit.h
 *	  Token buckets for many keys in a table of a fixed size: who comes too
 *	  often is told how long to wait.
 */
#ifndef NET_RATE_LIMIT_H
#define NET_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* So many an interval, of which burst at once. */
typedef struct rate_limit
{
	uint64_t interval_ms; /* in which rate tokens come */
	uint32_t rate;		  /* at least 1 */
	uint32_t burst;		  /* at least 1 */
} rate_limit;

/*
 * One bucket as a time in microseconds: until then its tokens are spent.  0 is
 * a full one.
 */
typedef uint64_t bucket;

/* Milliseconds until a token is there, 0: now.  Costs nothing. */
extern uint32_t rate_limit_wait(bucket b, const rate_limit *rate, uint64_t now_ms);

/* Take one token, also one that is not there (the wait is longer then). */
extern bucket rate_limit_take(bucket b, const rate_limit *rate, uint64_t now_ms);

/* Give one back that was taken. */
extern bucket rate_limit_give(bucket b, const rate_limit *rate);

/*
 * Buckets by a key of 16 bytes.  A full bucket needs no place; where all
 * places that a key may have are taken, the fullest of them makes room.
 */
typedef struct rate_limit_table rate_limit_table;

/* places: a power of two.  NULL: out of memory. */
extern rate_limit_table *rate_limit_table_new(uint32_t places);
extern void rate_limit_table_free(rate_limit_table *set);

extern uint32_t rate_limit_table_wait(rate_limit_table *set, const uint8_t key[16], const rate_limit *rate,
									  uint64_t now_ms);
extern void rate_limit_table_take(rate_limit_table *set, const uint8_t key[16], const rate_limit *rate,
								  uint64_t now_ms);
/* n of them, at least 1, at the price of one. */
extern void rate_limit_table_take_many(rate_limit_table *set, const uint8_t key[16], const rate_limit *rate,
									   uint64_t now_ms, uint32_t n);
extern void rate_limit_table_give(rate_limit_table *set, const uint8_t key[16], const rate_limit *rate);

#endif /* NET_RATE_LIMIT_H */

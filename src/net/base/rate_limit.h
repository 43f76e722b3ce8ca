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
typedef struct bucket_rate
{
	uint64_t interval_ms; /* in which rate tokens come */
	uint32_t rate;		  /* at least 1 */
	uint32_t burst;		  /* at least 1 */
} bucket_rate;

/*
 * One bucket as a time in microseconds: until then its tokens are spent.  0 is
 * a full one.
 */
typedef uint64_t bucket;

/* Milliseconds until a token is there, 0: now.  Costs nothing. */
extern uint32_t bucket_wait(bucket b, const bucket_rate *rate, uint64_t now_ms);

/* Take one token, also one that is not there (the wait is longer then). */
extern bucket bucket_take(bucket b, const bucket_rate *rate, uint64_t now_ms);

/* Give one back that was taken. */
extern bucket bucket_give(bucket b, const bucket_rate *rate);

/*
 * Buckets by a key of 16 bytes.  A full bucket needs no place; where all
 * places that a key may have are taken, the fullest of them makes room.
 */
typedef struct buckets buckets;

/* places: a power of two.  NULL: out of memory. */
extern buckets *buckets_new(uint32_t places);
extern void buckets_free(buckets *set);

extern uint32_t buckets_wait(const buckets *set, const uint8_t key[16], const bucket_rate *rate, uint64_t now_ms);
extern void buckets_take(buckets *set, const uint8_t key[16], const bucket_rate *rate, uint64_t now_ms);
extern void buckets_give(buckets *set, const uint8_t key[16], const bucket_rate *rate);

#endif /* NET_RATE_LIMIT_H */

/*
 * inflight.h
 *	  The requests whose event is with the worker: found again by the number
 *	  that comes back in EVENT_DONE, however late.
 */
#ifndef NET_INFLIGHT_H
#define NET_INFLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of bodies that may wait for their commit. */
#define INFLIGHT_MAX_BYTES (16u * 1024 * 1024)

/* No number is as large: the bits from here on say whose other ones are. */
#define INFLIGHT_NUMBERS_END (UINT64_C(1) << 62)

typedef struct inflight inflight;

extern inflight *inflight_new(void);
extern void inflight_free(inflight *w);

/* A number for the owner's event, never 0; 0 when max are waiting already. */
extern uint64_t inflight_take(inflight *w, void *owner, size_t bytes, uint32_t max);

/* True when another event of so many bytes would be taken. */
extern bool inflight_has_room(const inflight *w, size_t bytes, uint32_t max);

/* NULL when that number waits no more. */
extern void *inflight_find(const inflight *w, uint64_t number);
extern void inflight_give(inflight *w, uint64_t number);
extern uint32_t inflight_count(const inflight *w);

#endif /* NET_INFLIGHT_H */

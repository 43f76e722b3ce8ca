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
#define WAITING_MAX_BYTES (16u * 1024 * 1024)

/* No number is as large: the bits from here on say whose other ones are. */
#define WAITING_NUMBERS_END (UINT64_C(1) << 62)

typedef struct waiting waiting;

extern waiting *waiting_new(void);
extern void waiting_free(waiting *w);

/* A number for the owner's event, never 0; 0 when max are waiting already. */
extern uint64_t waiting_take(waiting *w, void *owner, size_t bytes, uint32_t max);

/* True when another event of so many bytes would be taken. */
extern bool waiting_has_room(const waiting *w, size_t bytes, uint32_t max);

/* NULL when that number waits no more. */
extern void *waiting_find(const waiting *w, uint64_t number);
extern void waiting_give(waiting *w, uint64_t number);
extern uint32_t waiting_count(const waiting *w);

#endif /* NET_INFLIGHT_H */

/*
 * visitor_registry.h
 *	  The sessions of visitors, found by their number and, once they are
 *	  welcomed, by whose they are.
 */
#ifndef NET_VISITOR_REGISTRY_H
#define NET_VISITOR_REGISTRY_H

#include "base/hash.h"

/* Embedded in a session. */
typedef struct visitor_entry
{
	hash_link by_number;
	hash_link by_visitor;
	uint64_t number; /* never 0, never used again */
	uint8_t channel[16];
	uint8_t visitor[16];
	bool welcomed; /* is found by its visitor */
} visitor_entry;

typedef struct visitor_registry visitor_registry;

/* NULL: out of memory. */
extern visitor_registry *visitor_registry_new(void);
extern void visitor_registry_free(visitor_registry *r);

/* Gives the entry its number. */
extern void visitor_registry_add(visitor_registry *r, visitor_entry *e);
extern void visitor_registry_drop(visitor_registry *r, visitor_entry *e);
extern visitor_entry *visitor_registry_find(const visitor_registry *r, uint64_t number);

/* Its channel and visitor are set: from now on it is found by them, until it is dropped. */
extern void visitor_registry_welcome(visitor_registry *r, visitor_entry *e);

/* Call for each session of a visitor; it may drop that one.  Returns how many. */
typedef void (*visitor_entry_fn)(void *arg, visitor_entry *e);
extern int visitor_registry_each(const visitor_registry *r, const uint8_t channel[16], const uint8_t visitor[16],
								 visitor_entry_fn fn, void *arg);

/* Call for every session, welcomed or not; it may drop that one. */
extern void visitor_registry_all(const visitor_registry *r, visitor_entry_fn fn, void *arg);

extern uint32_t visitor_registry_count(const visitor_registry *r);
extern uint32_t visitor_registry_welcomed(const visitor_registry *r);

#endif /* NET_VISITOR_REGISTRY_H */

/*
 * visitor_registry_test.c
 *	  Sessions found by number and by visitor, also while they are dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "visitors/visitor_registry.h"
#include "tap.h"

#define SESSIONS  5000
#define A_VISITOR 5

static visitor_entry entries[SESSIONS];

static void
count(void *arg, visitor_entry *e)
{
	(void) e;
	++*(int *) arg;
}

static void
drop(void *arg, visitor_entry *e)
{
	visitor_registry_drop(arg, e);
}

static void
fill(visitor_registry *r)
{
	uint32_t i;

	for (i = 0; i < SESSIONS; i++)
	{
		uint32_t visitor = i / A_VISITOR;

		memset(entries[i].channel, i % 2 ? 1 : 2, 16);
		visitor_registry_add(r, &entries[i]);
		memcpy(entries[i].visitor, &visitor, sizeof(visitor));
		visitor_registry_welcome(r, &entries[i]);
	}
}

int
main(void)
{
	visitor_registry *r = visitor_registry_new();
	uint64_t last;
	uint8_t odd[16];
	int n = 0;
	int found = 0;
	int i;

	fill(r);
	ok(visitor_registry_count(r) == SESSIONS && visitor_registry_welcomed(r) == SESSIONS, "all are in");
	for (i = 0; i < SESSIONS; i++)
		found += visitor_registry_find(r, entries[i].number) == &entries[i];
	ok(found == SESSIONS, "each is found by its number");
	last = entries[SESSIONS - 1].number;
	ok(last == SESSIONS && visitor_registry_find(r, last + 1) == NULL && visitor_registry_find(r, 0) == NULL,
	   "others are not");
	memset(odd, 1, 16);
	ok(visitor_registry_each(r, odd, entries[12].visitor, count, &n) == n && n >= 2,
	   "a visitor's sessions in one channel: %d", n);
	ok(n < A_VISITOR, "and not those in another");
	ok(visitor_registry_each(r, odd, entries[12].visitor, drop, r) == n, "they can be dropped on the way");
	ok(visitor_registry_each(r, odd, entries[12].visitor, NULL, NULL) == 0, "and are gone");
	ok(visitor_registry_count(r) == (uint32_t) (SESSIONS - n), "and counted so");
	n = 0;
	visitor_registry_all(r, count, &n);
	ok(n == (int) visitor_registry_count(r), "all are visited once");
	visitor_registry_all(r, drop, r);
	ok(visitor_registry_count(r) == 0 && visitor_registry_welcomed(r) == 0, "and can be dropped on the way");
	visitor_registry_add(r, &entries[0]);
	ok(entries[0].number == last + 1, "numbers are not used again");
	ok(visitor_registry_each(r, entries[0].channel, entries[0].visitor, NULL, NULL) == 0,
	   "one that is not welcomed is not its visitor's");
	visitor_registry_drop(r, &entries[0]);
	visitor_registry_free(r);
	return tap_done();
}

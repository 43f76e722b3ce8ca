/*
 * compat.h
 *	  What differs between PostgreSQL 14 and 18, in one place.
 */
#ifndef WC_COMPAT_H
#define WC_COMPAT_H

#include "postgres.h"

#include "access/xact.h"
#include "storage/latch.h"
#include "utils/acl.h"
#if PG_VERSION_NUM >= 150000
#include "common/pg_prng.h"
#endif
#if PG_VERSION_NUM >= 160000
#include "catalog/pg_database.h"
#endif
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif

#if PG_VERSION_NUM >= 170000
#define wc_create_wait_event_set(n) CreateWaitEventSet(NULL, (n))
#else
#define wc_create_wait_event_set(n) CreateWaitEventSet(TopMemoryContext, (n))
#endif

#if PG_VERSION_NUM >= 160000
#define wc_owns_database(oid) object_ownercheck(DatabaseRelationId, (oid), GetUserId())
#else
#define wc_owns_database(oid) pg_database_ownercheck((oid), GetUserId())
#endif

/* A random number from 0 to 1, for jitter. */
#if PG_VERSION_NUM >= 150000
#define wc_random_fraction() pg_prng_double(&pg_global_prng_state)
#else
#define wc_random_fraction() ((double) random() / ((double) MAX_RANDOM_VALUE + 1))
#endif

#endif							/* WC_COMPAT_H */

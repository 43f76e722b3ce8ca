/*
 * known_visitors.h
 *	  Is a visitor's row there?
 */
#ifndef WC_KNOWN_VISITORS_H
#define WC_KNOWN_VISITORS_H

#include "postgres.h"

#include "utils/uuid.h"

extern bool known_visitors_find(const pg_uuid_t *channel, const text *visitor);

#endif /* WC_KNOWN_VISITORS_H */

/*
 * connected.h
 *	  Which visitors of local channels have a session just now.
 */
#ifndef WC_CONNECTED_H
#define WC_CONNECTED_H

#include "utils/uuid.h"

/* session: webchatt-net's number of it; visitor: the id in its channel */
extern void connected_add(uint64 session, const pg_uuid_t *channel, const char *visitor);
extern void connected_remove(uint64 session);
extern bool connected_is(const pg_uuid_t *channel, const char *visitor);
extern void connected_reset(void);

#endif /* WC_CONNECTED_H */

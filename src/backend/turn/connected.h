/*
 * connected.h
 *	  Which visitors of local channels have a session just now.
 */
#ifndef WC_CONNECTED_H
#define WC_CONNECTED_H

#include "utils/uuid.h"

/* session: webchatt-net's number of it; visitor: the id in its channel; token_hash: WC_HASH_SIZE bytes; NULL: as before */
extern void connected_add(uint64 session, const pg_uuid_t *channel, const char *visitor, const uint8 *token_hash);
extern void connected_remove(uint64 session);
extern bool connected_is(const pg_uuid_t *channel, const char *visitor);

/* Channel and visitor have 16 bytes each, the hash of the session's token WC_HASH_SIZE. */
typedef void (*ConnectedCall)(void *arg, const uint8 *channel, const uint8 *visitor, const uint8 *token_hash);
extern void connected_each(ConnectedCall call, void *arg);
extern long connected_count(void);
extern void connected_reset(void);

#endif /* WC_CONNECTED_H */

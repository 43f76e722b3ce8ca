/*
 * desk_sessions.h
 *	  The sessions that the database has answered for, and which conversations each
 *	  has read: whoever opens one on a WebSocket must have been let in by a call,
 *	  in which the operator's row security had its say.
 */
#ifndef NET_DESK_SESSIONS_H
#define NET_DESK_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/corridor.h"

typedef struct desk_sessions desk_sessions;

/* NULL: out of memory. */
extern desk_sessions *desk_sessions_new(void);
extern void desk_sessions_free(desk_sessions *set);

/* The database has answered for it; tag: of the conversation that it read, 0: none. */
extern void desk_sessions_good(desk_sessions *set, const uint8_t hash[WC_HASH_SIZE], uint64_t tag);

/* It has ended. */
extern void desk_sessions_gone(desk_sessions *set, const uint8_t hash[WC_HASH_SIZE]);

/* Has the database answered for it? */
extern bool desk_sessions_knows(const desk_sessions *set, const uint8_t hash[WC_HASH_SIZE]);

/* Has it read that conversation lately? */
extern bool desk_sessions_has_read(const desk_sessions *set, const uint8_t hash[WC_HASH_SIZE], uint64_t tag);

/* One more call of it waits for the worker; false: too many do.  Of one that is not known nothing is counted. */
extern bool desk_sessions_begin(desk_sessions *set, const uint8_t hash[WC_HASH_SIZE], bool *counted);
extern void desk_sessions_end(desk_sessions *set, const uint8_t hash[WC_HASH_SIZE]);

/* Of answers that its clients have not read yet: may it have so many bytes more?  And so many more it has, or fewer. */
extern bool desk_sessions_may_send(const desk_sessions *set, const uint8_t hash[WC_HASH_SIZE], size_t len);
extern void desk_sessions_sends(desk_sessions *set, const uint8_t hash[WC_HASH_SIZE], size_t len);
extern void desk_sessions_sent(desk_sessions *set, const uint8_t hash[WC_HASH_SIZE], size_t len);

#endif /* NET_DESK_SESSIONS_H */

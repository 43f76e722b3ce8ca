/*
 * conversation_states.h
 *	  Conversations that were closed or opened again in this turn, for the visitors
 *	  whose they are.
 */
#ifndef WC_CONVERSATION_STATES_H
#define WC_CONVERSATION_STATES_H

#include "utils/uuid.h"

#include "common/frame.h"

/* How one stands now: of a local channel, and of somebody who is there, else it is nothing to tell. */
extern void conversation_states_add(const pg_uuid_t *channel, const char *visitor, bool closed);

/* The turn is committed: tell. */
extern void conversation_states_commit(wc_buf *out);

/* It is undone: what is written again is told then. */
extern void conversation_states_forget(void);

#endif /* WC_CONVERSATION_STATES_H */

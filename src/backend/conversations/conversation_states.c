/*
 * conversation_states.c
 *	  A state that is told once too often does no harm, so nobody looks whether it is
 *	  another one.  Who is not there hears of it with the next welcome; so it is where
 *	  a conversation is made anew (conversation_sweep.c), or when these are too many.
 */
#include "postgres.h"

#include "common/corridor.h"
#include "common/event_rules.h"
#include "conversations/conversation_states.h"
#include "turn/config.h"
#include "turn/connected.h"

/* In a turn. */
#define STATES_MOST 1024

static wc_conversation states[STATES_MOST];
static int nstates = 0;

void
conversation_states_add(const pg_uuid_t *channel, const char *visitor, bool closed)
{
	const ConfigChannel *c = config_channel(channel->data);
	wc_conversation *state = &states[nstates];

	if (nstates == STATES_MOST || c == NULL || !c->local || !connected_is(channel, visitor) ||
		!wc_uuid_parse(visitor, strlen(visitor), state->visitor))
		return;
	memcpy(state->channel, channel->data, UUID_LEN);
	state->closed = closed ? 1 : 0;
	nstates++;
}

void
conversation_states_commit(wc_buf *out)
{
	int i;

	for (i = 0; i < nstates; i++)
		(void) wc_write_conversation(out, &states[i]);
	nstates = 0;
}

void
conversation_states_forget(void)
{
	nstates = 0;
}

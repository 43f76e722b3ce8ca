/*
 * agents.h
 *	  SQL sessions that write to visitors at a fixed rate, each in a thread,
 *	  and when what they wrote was committed and arrived.
 */
#ifndef AGENTS_H
#define AGENTS_H

#include <stdbool.h>
#include <stdint.h>

/* One message's times: measure_now(), 0 when it did not happen. */
typedef struct reply_times
{
	int64_t due;
	int64_t before_commit;
	int64_t after_commit;
	int64_t arrived;
} reply_times;

typedef struct agents_setup
{
	const char *conninfo;
	const char *channel;
	int sessions;
	double rate;							 /* of all sessions */
	uint32_t total;							 /* messages */
	int64_t start;							 /* when the first is due */
	const char *(*visitor)(uint64_t random); /* to whom; any thread */
	reply_times *times;						 /* of message n, whose text is n */
} agents_setup;

extern void agents_start(const agents_setup *setup);
extern bool agents_are_done(void);
extern void agents_join(void);

#endif /* AGENTS_H */

/*
 * agents.h
 *	  SQL sessions that write to visitors, each in a thread: many at a fixed rate,
 *	  or one by one statement; when what they wrote was committed and arrived.
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

/* Write nothing more: they are done soon. */
extern void agents_stop(void);
extern bool agents_are_done(void);
extern void agents_join(void);

/* One statement in a session of its own, which agents_are_done() and agents_join() wait for.  measure_now() when it
 * was asked for goes to *began, and when it was committed to *ended; 0 until then. */
extern void agents_run(const char *conninfo, const char *sql, _Atomic int64_t *began, _Atomic int64_t *ended);

#endif /* AGENTS_H */

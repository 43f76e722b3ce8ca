/*
 * quarantine.h
 *	  Events that raised an error lately, or wait for somebody's lock.
 */
#ifndef WC_QUARANTINE_H
#define WC_QUARANTINE_H

#include "utils/timestamp.h"

#include "common/corridor.h"

typedef enum Trouble
{
	TROUBLE_NONE,
	TROUBLE_SUSPECT, /* raised lately: alone in a savepoint */
	TROUBLE_BLOCKED	 /* somebody holds its rows: later */
} Trouble;

extern Trouble trouble_of(const wc_event *event, TimestampTz now, TimestampTz *until);
extern void trouble_suspect(const wc_event *event, TimestampTz now, bool slow);
extern bool trouble_is_slow(const wc_event *event);
extern TimestampTz trouble_blocked(const wc_event *event, TimestampTz now);
extern void trouble_over(const wc_event *event);
extern void trouble_reset(void);

#endif /* WC_QUARANTINE_H */

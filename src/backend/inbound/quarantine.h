/*
 * quarantine.h
 *	  Events that raised an error lately, or wait for somebody's lock.
 */
#ifndef WC_QUARANTINE_H
#define WC_QUARANTINE_H

#include "utils/timestamp.h"

#include "common/corridor.h"

typedef enum Quarantine
{
	QUARANTINE_NONE,
	QUARANTINE_SUSPECT, /* raised lately: alone in a savepoint */
	QUARANTINE_BLOCKED	/* somebody holds its rows: later */
} Quarantine;

extern Quarantine quarantine_of(const wc_event *event, TimestampTz now, TimestampTz *until);
extern void quarantine_suspect(const wc_event *event, TimestampTz now, bool slow);
extern bool quarantine_is_slow(const wc_event *event);
extern TimestampTz quarantine_blocked(const wc_event *event, TimestampTz now);
extern void quarantine_over(const wc_event *event);
extern void quarantine_reset(void);

#endif /* WC_QUARANTINE_H */

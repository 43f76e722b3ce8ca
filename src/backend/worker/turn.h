/*
 * turn.h
 *	  The turn: one transaction in which everything that came in is written and
 *	  everything that is due is taken.
 */
#ifndef WC_TURN_H
#define WC_TURN_H

#include "utils/timestamp.h"

typedef enum TurnReady
{
	TURN_READY,
	TURN_NO_EXTENSION,
	TURN_NO_ROLE,
	TURN_DISTRIBUTED,
	TURN_OTHER_VERSION
} TurnReady;

extern char turn_version_words[];
extern const char *turn_version_hint;

extern bool turn_run(TimestampTz now, bool look_at_outbox, bool look_at_orders);
extern TurnReady turn_extension_ready(void);
extern void turn_tidy_outbox(void);

#endif /* WC_TURN_H */

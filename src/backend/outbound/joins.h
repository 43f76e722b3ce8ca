/*
 * joins.h
 *	  Anonymous visitors who turned out to be known ones: their messages are moved
 *	  to the others' conversation, a piece in a turn.
 */
#ifndef WC_JOINS_H
#define WC_JOINS_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/frame.h"
#include "shared/columns.h"
#include "shared/event_writer.h"
#include "turn/part.h"

/*
 * A step: somebody was joined to another just now (webchatt._identify()): move the newest messages, unless all of them
 * are to be moved by a later turn.  Are there more?
 */
extern bool joins_begin(const pg_uuid_t *channel, const char *gone, bool at_once);

/* Those of whom some messages are still to be moved, or may be. */
extern void joins_apply(TimestampTz now, WcShowedUp *showed_up);
extern void joins_commit(wc_buf *out);

/* Messages to these visitors are held. */
extern void joins_held(const WcColumn *channels, const WcColumn *visitors);
extern const TurnPart joins_part;

#endif /* WC_JOINS_H */

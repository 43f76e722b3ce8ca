/*
 * facts.h
 *	  What webchatt-net is told for its metrics: src/common/facts.def.
 */
#ifndef WC_FACTS_H
#define WC_FACTS_H

#include "common/frame.h"
#include "turn/part.h"

extern const TurnPart facts_part;

/* In a turn: look at the tables, when it is time to. */
extern void facts_apply(TimestampTz now);

/* Look anew in the next turn. */
extern void facts_nudge(void);

/* Between turns: tell what has changed, about once a second. */
extern void facts_tell(TimestampTz now, wc_buf *out);

#endif /* WC_FACTS_H */

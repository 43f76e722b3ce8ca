/*
 * outcomes.h
 *	  How messages end: known from webchatt-net, not yet in the tables.
 */
#ifndef WC_OUTCOMES_H
#define WC_OUTCOMES_H

#include "utils/timestamp.h"

#include "common/corridor.h"
#include "outbound/hub_queue.h"

extern void ends_note(Queued *item, const char *means, wc_str word, const wc_outcome *o);
extern void ends_record(TimestampTz now, bool carefully);
extern void ends_commit(void);
extern void ends_rollback(void);
extern bool ends_ready(TimestampTz now);
extern TimestampTz ends_next_due(void);
extern void ends_reset(void);

#endif /* WC_OUTCOMES_H */

/*
 * outcomes.h
 *	  How messages end: known from webchatt-net, not yet in the tables.
 */
#ifndef WC_OUTCOMES_H
#define WC_OUTCOMES_H

#include "utils/timestamp.h"

#include "common/corridor.h"
#include "outbound/hub_queue.h"
#include "shared/columns.h"

extern void outcomes_note(Queued *item, const char *means, wc_str word, const wc_outcome *o);
extern void outcomes_add_held(WcColumn *const held[5], const Queued *item);
extern void outcomes_record(TimestampTz now, bool carefully);
extern void outcomes_commit(void);
extern void outcomes_rollback(void);
extern bool outcomes_ready(TimestampTz now);
extern TimestampTz outcomes_next_due(void);
extern void outcomes_reset(void);

#endif /* WC_OUTCOMES_H */

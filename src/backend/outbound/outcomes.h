/*
 * outcomes.h
 *	  How messages end: known from webchatt-net, not yet in the tables.
 */
#ifndef WC_OUTCOMES_H
#define WC_OUTCOMES_H

#include "outbound/hub_queue.h"

extern void ends_note(Queued *item, const char *means, wc_str word, const wc_outcome *o);
extern void ends_record(TimestampTz now, bool carefully);
extern void ends_commit(void);
extern void ends_rollback(void);
extern bool ends_ready(TimestampTz now);
extern TimestampTz ends_next_due(void);
extern void ends_reset(void);

/* held.c: messages for visitors who are away */
extern void held_add(WcColumn *const columns[5]);
extern void held_upkeep(bool look);
extern void held_commit(void);
extern void held_rollback(void);
extern void held_reset(void);

/* outbound.c */
/* hub_answers.c: what hubs' answers mean to their lanes */
extern void hub_answers_stop_hubs(TimestampTz now);

#endif /* WC_OUTCOMES_H */

/*
 * delivery_results.h
 *	  What became of deliveries, in the tables.
 */
#ifndef WC_DELIVERY_RESULTS_H
#define WC_DELIVERY_RESULTS_H

#include "utils/timestamp.h"

extern void webhooks_apply(TimestampTz now);
extern void webhooks_undo_apply(void);
extern void webhooks_apply_settings(void);
extern void webhooks_write_progress(TimestampTz now);

#endif /* WC_DELIVERY_RESULTS_H */

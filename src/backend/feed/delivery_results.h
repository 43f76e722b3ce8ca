/*
 * delivery_results.h
 *	  What became of deliveries, in the tables.
 */
#ifndef WC_DELIVERY_RESULTS_H
#define WC_DELIVERY_RESULTS_H

#include "utils/timestamp.h"

extern void delivery_results_apply(TimestampTz now);
extern void delivery_results_undo_apply(void);
extern void delivery_results_apply_settings(void);
extern void delivery_results_write_progress(TimestampTz now);

#endif /* WC_DELIVERY_RESULTS_H */

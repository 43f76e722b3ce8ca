/*
 * clock.h
 *	  For pauses and deadlines, which no change of the wall clock may move.
 */
#ifndef WC_CLOCK_H
#define WC_CLOCK_H

#include "utils/timestamp.h"

extern TimestampTz wc_clock(void);
extern TimestampTz wc_clock_to_wall(TimestampTz at);
extern int wc_jittered(int ms);

#endif /* WC_CLOCK_H */

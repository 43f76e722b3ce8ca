/*
 * visitor_seen.h
 *	  Visitors whose row is known to be there and up to date.
 */
#ifndef WC_VISITOR_SEEN_H
#define WC_VISITOR_SEEN_H

#include "utils/timestamp.h"

#include "common/corridor.h"

extern bool wc_visitor_seen(const uint8 channel[16], wc_str visitor, TimestampTz now);
extern void wc_visitors_forget(void);
extern bool wc_visitors_leave_empty; /* who is deleted has no conversation: nobody has to look */

#endif /* WC_VISITOR_SEEN_H */

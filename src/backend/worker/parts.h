/*
 * parts.h
 *	  All parts of the turn at once.
 */
#ifndef WC_PARTS_H
#define WC_PARTS_H

#include "utils/timestamp.h"

extern int parts_pending(void);
extern bool parts_ready(TimestampTz now);
extern TimestampTz parts_next_due(void);
extern void parts_rollback(const ErrorData *error);
extern void parts_net_lost(void);
extern void parts_reset(void);

#endif /* WC_PARTS_H */

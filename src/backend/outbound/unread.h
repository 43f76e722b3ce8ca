/*
 * unread.h
 *	  Visitors who were written to while they were away and do not come back.
 */
#ifndef WC_UNREAD_H
#define WC_UNREAD_H

#include "shared/columns.h"
#include "turn/part.h"

extern void unread_held(const WcColumn *channels, const WcColumn *visitors);
extern void unread_apply(TimestampTz now);
extern void unread_commit(void);
extern const TurnPart unread_part;

#endif /* WC_UNREAD_H */

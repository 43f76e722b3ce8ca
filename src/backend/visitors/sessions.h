/*
 * sessions.h
 *	  Visitors who connect, are welcomed, ask for history and leave.
 */
#ifndef WC_SESSIONS_H
#define WC_SESSIONS_H

#include "utils/timestamp.h"

#include "common/frame.h"
#include "shared/event_writer.h"
#include "turn/part.h"

/* Each takes its frame; false when it is none. */
extern bool sessions_accept_arrived(const wc_frame *frame);
extern bool sessions_accept_history_ask(const wc_frame *frame);
extern bool sessions_accept_left(const wc_frame *frame);
extern void sessions_apply(TimestampTz now, WcShowedUp *showed_up);
extern void sessions_commit(wc_buf *out);
extern const TurnPart sessions_part;

#endif /* WC_SESSIONS_H */

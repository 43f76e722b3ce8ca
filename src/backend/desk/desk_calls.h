/*
 * desk_calls.h
 *	  The desk's calls as the worker hands them on.
 */
#ifndef WC_DESK_CALLS_H
#define WC_DESK_CALLS_H

#include "common/frame.h"
#include "turn/part.h"

extern bool desk_calls_accept(const wc_frame *frame);
extern void desk_calls_move(TimestampTz now, wc_buf *out);
extern void desk_calls_configure(void);
extern const TurnPart desk_calls_part;

#endif /* WC_DESK_CALLS_H */

/*
 * inbound.h
 *	  Events from hubs and visitors, until they are rows.
 */
#ifndef WC_INBOUND_H
#define WC_INBOUND_H

#include "utils/timestamp.h"

#include "common/frame.h"
#include "shared/event_writer.h"
#include "turn/part.h"

/* What may be waiting in the worker before it stops reading frames: how many, and bytes. */
#define MAX_PENDING_EVENTS 8192

#define MAX_PENDING_BYTES ((size_t) 64 * 1024 * 1024)

extern bool inbound_accept(const wc_frame *frame);
extern int inbound_pending(void);
extern void inbound_apply(TimestampTz now, bool carefully, WcShowedUp *showed_up);
extern bool inbound_met_repeat(const ErrorData *error, TimestampTz now);
extern void inbound_commit(wc_buf *out);
extern const TurnPart inbound_part;

#endif /* WC_INBOUND_H */

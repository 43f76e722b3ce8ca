/*
 * event_writer.h
 *	  Writing a hub's events, for the worker and for webchatt.ingest() alike.
 */
#ifndef WC_EVENT_WRITER_H
#define WC_EVENT_WRITER_H

#include "utils/uuid.h"

#include "common/corridor.h"
#include "shared/columns.h"

typedef struct WcShowedUp
{
	WcColumn *channels;
	WcColumn *visitors;
} WcShowedUp;

/* Is a repeat among them unlikely?  Then it costs more: see wc_message_rows_met_repeat(). */
typedef enum WcRepeats
{
	WC_REPEATS_EXPECTED,
	WC_REPEATS_UNLIKELY
} WcRepeats;

extern uint64 wc_events_write(wc_event *const *events, int n, WcRepeats repeats, pg_uuid_t *ids, WcShowedUp *showed_up);
extern const char *wc_events_meaning(wc_str status, bool has_error);
extern void wc_events_reject(const wc_event *event, const ErrorData *error);
extern void wc_events_keep_unreadable(const wc_event *event);
extern const char *wc_events_mended(const char *bytes, size_t len);
extern void wc_events_forget_reject(const wc_event *event);

#endif /* WC_EVENT_WRITER_H */

/*
 * event_content.h
 *	  The content of a message's event, and what is beside it.
 */
#ifndef WC_EVENT_CONTENT_H
#define WC_EVENT_CONTENT_H

#include "common/corridor.h"

extern wc_str wc_event_body(const wc_event *event);
extern void wc_event_content(const wc_event *event, Datum *content, Datum *extra, bool *no_extra);

#endif /* WC_EVENT_CONTENT_H */

/*
 * event_scan.h
 *	  An event's body in the shape that hubs write it, taken apart without a tree
 *	  of JSON; every other one by event_json.h.
 */
#ifndef NET_EVENT_SCAN_H
#define NET_EVENT_SCAN_H

#include "inbound/event_json.h"

/* As event_json_parse(), with the same result; event_json_free(keep) is due as there. */
extern bool event_scan_parse(const char *body, size_t len, const uint8_t expected[16], wc_event *event,
							 event_json *keep, char reason[WC_REASON_SIZE]);

#endif /* NET_EVENT_SCAN_H */

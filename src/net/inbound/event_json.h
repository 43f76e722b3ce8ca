/*
 * event_json.h
 *	  An event's body taken apart with jansson and checked by the rules that
 *	  the HTTP server shares with webchatt.ingest() (common/event_rules.h).
 */
#ifndef NET_EVENT_JSON_H
#define NET_EVENT_JSON_H

#include <jansson.h>

#include "common/event_rules.h"
#include "base/json_load.h"

/* What the event's strings point into. */
typedef struct event_json
{
	json_t *root;
	json_mended text;
	char scratch[32];
} event_json;

/*
 * Mend, parse and check.  True: event is filled (not its request; its body is the
 * mended one, and it says where in it a message's content is) and lives until event_json_free(keep), and no longer than the body.  False: reason is a sentence,
 * and there is nothing to free.  expected: the channel of the endpoint.
 */
extern bool event_json_parse(const char *body, size_t len, const uint8_t expected[16], wc_event *event,
							 event_json *keep, char reason[WC_REASON_SIZE]);

extern void event_json_free(event_json *keep);

#endif /* NET_EVENT_JSON_H */

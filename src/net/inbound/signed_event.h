/*
 * signed_event.h
 *	  A hub's POST to /webhooks/<channel id> or /webhooks/hubs/<name> (doc/hub-contract.md,
 *	  section 3): signature over the raw bytes first, then the event, then the corridor.
 */
#ifndef NET_SIGNED_EVENT_H
#define NET_SIGNED_EVENT_H

#include "config/channels.h"
#include "http/http_head.h"
#include "base/errors.h"
#include "common/event_rules.h"

/* The longest X-Validation-Token that is answered, in bytes. */
#define SIGNED_EVENT_MAX_TOKEN 1024

/* Where it came to. */
typedef struct signed_event_endpoint
{
	const wc_secret *secrets;
	int nsecrets;
	bool accept_unsigned;
	const uint8_t *channel;	  /* whose endpoint it is; NULL: a hub's */
	uint32_t hub;			  /* the hub; 0: a channel's */
	const channels *channels; /* of a hub's: among which the event's must be */
} signed_event_endpoint;

typedef struct signed_event
{
	uint64_t number; /* comes back in EVENT_DONE */
	signed_event_endpoint to;
	wc_str signature;
	const char *body;
	size_t len;
	int64_t tolerance_s;
} signed_event;

/*
 * Verify, parse, and write the EVENT frame, also of what is rightly signed and no
 * event.  REFUSE_NOTHING: it is written; else reason holds a sentence, or is empty where the refusal's own will do.
 */
extern refusal signed_event_take(const signed_event *rq, wc_buf *out, char reason[WC_REASON_SIZE]);

/*
 * The token as a JSON string, for free(); NULL when it cannot be one.  The
 * verification of an endpoint carries no signature.
 */
extern char *signed_event_token_json(wc_str token);

#endif /* NET_SIGNED_EVENT_H */

/*
 * hub_webhook.h
 *	  A hub's POST to /webhooks/<channel id> or /webhooks/hubs/<name> (doc/hub-contract.md,
 *	  section 3): signature over the raw bytes first, then the event, then the corridor.
 */
#ifndef NET_HUB_WEBHOOK_H
#define NET_HUB_WEBHOOK_H

#include "config/channels.h"
#include "http/http_head.h"
#include "base/errors.h"
#include "common/event_rules.h"

/* The longest X-Validation-Token that is answered, in bytes. */
#define HUB_WEBHOOK_MAX_TOKEN 1024

/* Where it came to. */
typedef struct hub_webhook_endpoint
{
	const wc_secret *secrets;
	int nsecrets;
	bool accept_unsigned;
	const uint8_t *channel;	  /* whose endpoint it is; NULL: a hub's */
	uint32_t hub;			  /* the hub; 0: a channel's */
	const channels *channels; /* of a hub's: among which the event's must be */
} hub_webhook_endpoint;

typedef struct hub_webhook_request
{
	uint64_t number; /* comes back in EVENT_DONE */
	hub_webhook_endpoint to;
	head_value signature;
	const char *body;
	size_t len;
	int64_t tolerance_s;
} hub_webhook_request;

/*
 * Verify, parse, and write the EVENT frame, also of what is rightly signed and no
 * event.  REFUSE_NOTHING: it is written; else reason holds a sentence, or is empty where the refusal's own will do.
 */
extern refusal hub_webhook_take(const hub_webhook_request *rq, wc_buf *out, char reason[WC_REASON_SIZE]);

/*
 * The token as a JSON string, for free(); NULL when it cannot be one.  The
 * verification of an endpoint carries no signature.
 */
extern char *hub_webhook_token_json(head_value token);

#endif /* NET_HUB_WEBHOOK_H */

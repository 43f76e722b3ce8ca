/*
 * deliveries.h
 *	  Attempts that are under way, until their ends are in the tables.
 */
#ifndef WC_DELIVERIES_H
#define WC_DELIVERIES_H

#include "lib/ilist.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/corridor.h"
#include "feed/webhook.h"

typedef enum DeliveryKind
{
	DELIVERY_EVENT,
	DELIVERY_RETRY, /* that somebody asked for */
	DELIVERY_VERIFY
} DeliveryKind;

typedef enum Verdict
{
	VERDICT_GOOD,
	VERDICT_AGAIN,
	VERDICT_GIVEN_UP
} Verdict;

/* One attempt, from DELIVER until its end is in the tables. */
typedef struct Delivery
{
	uint64 token; /* must be first */
	Webhook *webhook;
	uint8 kind;		  /* DeliveryKind */
	FeedItem *item;	  /* of an EVENT */
	FeedEvent *event; /* of a RETRY: its own */
	pg_uuid_t log_id;
	int attempt;
	char *endpoint; /* of a VERIFY */

	/* its end */
	dlist_node node; /* in deliveries_ended */
	bool ended;
	bool recorded; /* this turn */
	uint8 verdict; /* this turn */
	bool unsent;   /* it was never made, and is nobody's fault */
	bool good;
	int http_status;
	int retry_after_ms;
	int duration_us;
	TimestampTz sent_at;
	char *answer; /* NULL: none */
	char *error;  /* NULL: none */
} Delivery;

extern dlist_head deliveries_ended;
extern int deliveries_nended;
extern HTAB *deliveries_all;
extern bool deliveries_accept(const wc_frame *frame);
extern Delivery *deliveries_start(Webhook *w, DeliveryKind kind);
extern void deliveries_end(Delivery *d, const wc_delivered *m);
extern void deliveries_fail(Delivery *d, const char *why);
extern void deliveries_forget(Delivery *d);
extern bool deliveries_write(wc_buf *out, const Delivery *d, const char *token);
extern void deliveries_id(const Webhook *w, const FeedEvent *event, pg_uuid_t *id);
extern FeedEvent *deliveries_event_new(int64 seq, const pg_uuid_t *message, const char *body, uint32 len);
extern void deliveries_event_free(FeedEvent *event);

#endif /* WC_DELIVERIES_H */

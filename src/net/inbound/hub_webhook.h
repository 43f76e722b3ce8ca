/*
 * hub_webhook.h
 *	  A hub's POST to /webhooks/<channel id> or /webhooks/hubs/<name> (doc/hub-contract.md,
 *	  section 3), from its head to the worker, and from the worker's word to its answer.
 */
#ifndef NET_HUB_WEBHOOK_H
#define NET_HUB_WEBHOOK_H

#include "http/http_conn.h"

/* The handler of ROUTE_WEBHOOK and ROUTE_HUB_WEBHOOK. */
extern void hub_webhook_check_head(conn *c, const char *method);
extern void hub_webhook_handle(conn *c, const char *body, size_t len);
extern void hub_webhook_forget(conn *c);

/* The worker has committed an event, or says why not. */
extern void hub_webhook_done(http_server *d, const wc_event_done *done);

/* A hub's endpoint is new or has other secrets: what waited for one is checked again. */
extern void hub_webhook_hub_put(http_server *d, const wc_hub_put *put);

#endif /* NET_HUB_WEBHOOK_H */

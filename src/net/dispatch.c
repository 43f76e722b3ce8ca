/*
 * dispatch.c
 *	  The worker's frames, each to the part of webchatt-net that it is for: a
 *	  function on_<frame> for each frame of corridor.def.  False from one ends
 *	  the corridor.
 */
#include "dispatch.h"

#include "net.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/inflight.h"
#include "files/file_serve.h"
#include "files/file_upload.h"
#include "inbound/early_signature.h"
#include "inbound/hub_webhook.h"
#include "rest/retract_api.h"
#include "rest/send_api.h"
#include "rest/webhook_api.h"
#include "visitors/visitor_hello.h"
#include "visitors/visitor_inflight.h"
#include "visitors/visitor_output.h"

/* EVENT_DONE finds whose event it was by these bits. */
_Static_assert(VISITORS_NUMBER >= INFLIGHT_NUMBERS_END && WC_LINK_NUMBER >= INFLIGHT_NUMBERS_END,
			   "no number of the HTTP server's has a bit of others'");

/* A frame that is one call. */
#define ON(name, call)                                                                                                 \
	static bool on_##name(net *n, const wc_##name *m)                                                                  \
	{                                                                                                                  \
		call;                                                                                                          \
		return true;                                                                                                   \
	}

ON(config, net_configure(n, m))
ON(welcome, visitor_hello_welcome(n->visitors, m))
ON(history, visitors_history(n->visitors, m))
ON(status, visitor_output_status_upto(n->visitors, m))
ON(typing, visitor_output_typing(n->visitors, m))
ON(conversation, visitor_output_conversation(n->visitors, m))
ON(rated, visitor_output_rated(n->visitors, m))
ON(visitor_again, visitors_again(n->visitors, m))
ON(visitor_end, visitors_end(n->visitors, m))
ON(key_put, api_keys_put(n->keys, m))
ON(retracted, visitor_output_retracted(n->visitors, m))
ON(api_done, retract_api_done(n->http, m) ? (void) 0 : send_api_done(n->http, m))
ON(api_answer, webhook_api_done(n->http, m))
ON(deliver, webhook_sender_deliver(n->webhook_sender, m))
ON(webhook_put, webhook_sender_webhook_put(n->webhook_sender, m))
ON(webhook_gone, webhook_sender_webhook_gone(n->webhook_sender, m->webhook))
ON(link_welcome, link_server_welcome(n->link_server, m))
ON(link_event, link_server_event(n->link_server, m))
ON(link_close, link_server_end(n->link_server, m))
ON(desk_state, desk_state(n->desk, m))
ON(desk_answer, desk_answer(n->desk, m))
ON(file_done, file_upload_done(n->files, m))
ON(file_bytes, file_serve_bytes(n->files, m))
ON(desk_changed, desk_changed(n->desk, m))

static bool
on_desk_sessions_ended(net *n, const wc_desk_sessions_ended *m)
{
	(void) m;
	desk_check_sessions(n->desk);
	return true;
}

static bool
on_hello(net *n, const wc_hello *m)
{
	return !n->greeted && net_greet(n, m);
}

static bool
on_open_up(net *n, const wc_open_up *m)
{
	(void) m;
	if (!n->configured || n->opened)
		return false;
	if (!n->closing)
		net_open(n);
	return true;
}

static bool
on_close(net *n, const wc_close *m)
{
	(void) m;
	net_close(n);
	return true;
}

static bool
on_budgets(net *n, const wc_budgets *m)
{
	(void) n;
	metrics_budgets(m);
	return true;
}

static bool
on_file_totals(net *n, const wc_file_totals *m)
{
	(void) n;
	metrics_now.files = *m;
	return true;
}

static bool
on_facts(net *n, const wc_facts *m)
{
	(void) n;
	metrics_facts(m);
	return true;
}

static bool
on_hub_depth(net *n, const wc_hub_depth *m)
{
	(void) n;
	metrics_hub_depth(m);
	return true;
}

static bool
on_channel_put(net *n, const wc_channel_put *m)
{
	visitors_channel_put(n->visitors, m);
	if (!channels_put(n->channels, m))
		log_line(WC_LOG_WARNING,
				 "no memory for one more channel: its webhooks get 404, and its visitors cannot connect");
	return true;
}

static bool
on_channel_gone(net *n, const wc_channel_gone *m)
{
	visitors_channel_gone(n->visitors, m->id);
	channels_gone(n->channels, m->id);
	return true;
}

static bool
on_hub_put(net *n, const wc_hub_put *m)
{
	hub_sender_hub_put(n->hub_sender, m);
	hub_caller_hub_put(n->hub_caller, m);
	hub_webhook_hub_put(n->http, m);
	link_client_hub_put(n->link_client, m);
	return true;
}

static bool
on_hub_gone(net *n, const wc_hub_gone *m)
{
	hub_sender_hub_gone(n->hub_sender, m->hub);
	hub_caller_hub_gone(n->hub_caller, m->hub);
	hub_endpoints_gone(n->hubs, m->hub);
	link_client_hub_gone(n->link_client, m->hub);
	metrics_hub_gone(m->hub);
	return true;
}

static bool
on_key_gone(net *n, const wc_key_gone *m)
{
	api_keys_gone(n->keys, m->id);
	link_server_key_gone(n->link_server, m->id);
	return true;
}

/* A message to a visitor of ours is taken or not at once: so the outcome is known. */
static bool
on_send(net *n, const wc_send *m)
{
	wc_outcome outcome;

	if (m->local)
	{
		visitors_push(n->visitors, m, &outcome);
		net_outcome(n, &outcome);
	}
	else
		hub_sender_send(n->hub_sender, m);
	return true;
}

static bool
on_call(net *n, const wc_call *m)
{
	early_signature_hub_called(n->http, m);
	hub_caller_call(n->hub_caller, m);
	return true;
}

static bool
on_event_done(net *n, const wc_event_done *m)
{
	if (m->request & VISITORS_NUMBER)
		visitor_inflight_done(n->visitors, m);
	else if (m->request & WC_LINK_NUMBER)
		link_client_event_done(n->link_client, m);
	else
		hub_webhook_done(n->http, m);
	return true;
}

bool
dispatch_frame(void *arg, const wc_frame *frame)
{
	net *n = arg;

	if (!n->greeted && frame->type != WC_F_HELLO)
		return false;
	/* Before OPEN we are not confined: no thread may start yet. */
	if (!n->opened && (frame->type == WC_F_SEND || frame->type == WC_F_CALL || frame->type == WC_F_DELIVER))
		return n->closing;
	switch (frame->type)
	{
#define TO_NET(NAME, number, name)                                                                                     \
	case WC_F_##NAME:                                                                                                  \
	{                                                                                                                  \
		wc_##name m;                                                                                                   \
		return wc_read_##name(frame, &m) && on_##name(n, &m);                                                          \
	}
#define TO_WORKER(NAME, number, name)
#include "common/corridor.def"
		default:
			return false;
	}
}

/*
 * dispatch.c
 *	  The worker's frames, each to the part of webchatt-net that it is for.
 */
#include "dispatch.h"

#include "net.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/inflight.h"
#include "inbound/early_signature.h"
#include "inbound/hub_webhook.h"
#include "rest/send_api.h"
#include "rest/webhook_api.h"
#include "visitors/visitor_hello.h"
#include "visitors/visitor_inflight.h"

/* EVENT_DONE finds whose event it was by these bits. */
_Static_assert(VISITORS_NUMBER >= INFLIGHT_NUMBERS_END && WC_LINK_NUMBER >= INFLIGHT_NUMBERS_END,
			   "no number of the HTTP server's has a bit of others'");

/* A message to a visitor of ours: it is there or not, so the outcome is known at once. */
static void
push(net *n, const wc_send *send)
{
	wc_outcome outcome;

	visitors_push(n->visitors, send, &outcome);
	net_outcome(n, &outcome);
}

bool
dispatch_frame(void *arg, const wc_frame *frame)
{
	net *n = arg;
	union
	{
		wc_config config;
		wc_channel_put channel_put;
		wc_channel_gone channel_gone;
		wc_hub_put hub_put;
		wc_hub_gone hub_gone;
		wc_send send;
		wc_event_done done;
		wc_welcome welcome;
		wc_history history;
		wc_status status;
		wc_budgets budgets;
		wc_typing typing;
		wc_key_put key_put;
		wc_key_gone key_gone;
		wc_api_done api_done;
		wc_api_answer api_answer;
		wc_call call;
		wc_webhook_put webhook_put;
		wc_webhook_gone webhook_gone;
		wc_deliver deliver;
		wc_link_welcome link_welcome;
		wc_link_event link_event;
		wc_link_close link_close;
	} m;

	if (!n->greeted)
		return net_greet(n, frame);
	switch (frame->type)
	{
		case WC_F_CONFIG:
			if (!wc_read_config(frame, &m.config))
				return false;
			net_configure(n, &m.config);
			return true;
		case WC_F_CHANNEL_PUT:
			if (!wc_read_channel_put(frame, &m.channel_put))
				return false;
			visitors_channel_put(n->visitors, &m.channel_put);
			if (!channels_put(n->channels, &m.channel_put))
				log_line(WC_LOG_WARNING,
						 "no memory for one more channel: its webhooks get 404, and its visitors cannot connect");
			return true;
		case WC_F_CHANNEL_GONE:
			if (!wc_read_channel_gone(frame, &m.channel_gone))
				return false;
			visitors_channel_gone(n->visitors, m.channel_gone.id);
			channels_gone(n->channels, m.channel_gone.id);
			return true;
		case WC_F_HUB_PUT:
			if (!wc_read_hub_put(frame, &m.hub_put))
				return false;
			hub_sender_hub_put(n->hub_sender, &m.hub_put);
			hub_caller_hub_put(n->hub_caller, &m.hub_put);
			hub_webhook_hub_put(n->http, &m.hub_put);
			link_client_hub_put(n->link_client, &m.hub_put);
			return true;
		case WC_F_HUB_GONE:
			if (!wc_read_hub_gone(frame, &m.hub_gone))
				return false;
			hub_sender_hub_gone(n->hub_sender, m.hub_gone.hub);
			hub_caller_hub_gone(n->hub_caller, m.hub_gone.hub);
			hub_endpoints_gone(n->hubs, m.hub_gone.hub);
			link_client_hub_gone(n->link_client, m.hub_gone.hub);
			return true;
		case WC_F_OPEN:
			if (frame->len != 0 || !n->configured || n->opened)
				return false;
			if (!n->closing)
				net_open(n);
			return true;
		case WC_F_SEND:
			/* Before OPEN we are not confined: no thread may start yet. */
			if (!n->opened || !wc_read_send(frame, &m.send))
				return n->closing;
			if (m.send.local)
				push(n, &m.send);
			else
				hub_sender_send(n->hub_sender, &m.send);
			return true;
		case WC_F_EVENT_DONE:
			if (!wc_read_event_done(frame, &m.done))
				return false;
			if (m.done.request & VISITORS_NUMBER)
				visitor_inflight_done(n->visitors, &m.done);
			else if (m.done.request & WC_LINK_NUMBER)
				link_client_event_done(n->link_client, &m.done);
			else
				hub_webhook_done(n->http, &m.done);
			return true;
		case WC_F_WELCOME:
			if (!wc_read_welcome(frame, &m.welcome))
				return false;
			visitor_hello_welcome(n->visitors, &m.welcome);
			return true;
		case WC_F_HISTORY:
			if (!wc_read_history(frame, &m.history))
				return false;
			visitors_history(n->visitors, &m.history);
			return true;
		case WC_F_BUDGETS:
			if (!wc_read_budgets(frame, &m.budgets))
				return false;
			metrics_budgets(&m.budgets);
			return true;
		case WC_F_STATUS:
			if (!wc_read_status(frame, &m.status))
				return false;
			visitors_status(n->visitors, &m.status);
			return true;
		case WC_F_TYPING:
			if (!wc_read_typing(frame, &m.typing))
				return false;
			visitors_typing(n->visitors, &m.typing);
			return true;
		case WC_F_VISITOR_END:
			if (!wc_read_typing(frame, &m.typing))
				return false;
			visitors_end(n->visitors, &m.typing);
			return true;
		case WC_F_KEY_PUT:
			if (!wc_read_key_put(frame, &m.key_put))
				return false;
			api_keys_put(n->keys, &m.key_put);
			return true;
		case WC_F_KEY_GONE:
			if (!wc_read_key_gone(frame, &m.key_gone))
				return false;
			api_keys_gone(n->keys, m.key_gone.id);
			link_server_key_gone(n->link_server, m.key_gone.id);
			return true;
		case WC_F_API_DONE:
			if (!wc_read_api_done(frame, &m.api_done))
				return false;
			send_api_done(n->http, &m.api_done);
			return true;
		case WC_F_API_ANSWER:
			if (!wc_read_api_answer(frame, &m.api_answer))
				return false;
			webhook_api_done(n->http, &m.api_answer);
			return true;
		case WC_F_CALL:
			if (!n->opened || !wc_read_call(frame, &m.call))
				return n->closing;
			early_signature_hub_called(n->http, &m.call);
			hub_caller_call(n->hub_caller, &m.call);
			return true;
		case WC_F_WEBHOOK_PUT:
			if (!wc_read_webhook_put(frame, &m.webhook_put))
				return false;
			webhook_sender_webhook_put(n->webhook_sender, &m.webhook_put);
			return true;
		case WC_F_WEBHOOK_GONE:
			if (!wc_read_webhook_gone(frame, &m.webhook_gone))
				return false;
			webhook_sender_webhook_gone(n->webhook_sender, m.webhook_gone.webhook);
			return true;
		case WC_F_DELIVER:
			if (!n->opened || !wc_read_deliver(frame, &m.deliver))
				return n->closing;
			webhook_sender_deliver(n->webhook_sender, &m.deliver);
			return true;
		case WC_F_LINK_WELCOME:
			if (!wc_read_link_welcome(frame, &m.link_welcome))
				return false;
			link_server_welcome(n->link_server, &m.link_welcome);
			return true;
		case WC_F_LINK_EVENT:
			if (!wc_read_link_event(frame, &m.link_event))
				return false;
			link_server_event(n->link_server, &m.link_event);
			return true;
		case WC_F_LINK_CLOSE:
			if (!wc_read_link_close(frame, &m.link_close))
				return false;
			link_server_end(n->link_server, &m.link_close);
			return true;
		case WC_F_CLOSE:
			net_close(n);
			return frame->len == 0;
		default:
			return false;
	}
}

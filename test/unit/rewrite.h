/*
 * rewrite.h
 *	  Reads a frame as one message of the corridor and writes that message
 *	  again, for the corridor's unit test and fuzz target alike: what a reader
 *	  takes must come out as the very same bytes.
 */
#ifndef REWRITE_H
#define REWRITE_H

#include "common/corridor.h"

#define REWRITERS 44

#define REWRITE(name)                                                                                                  \
	static bool rewrite_##name(const wc_frame *frame, wc_buf *out)                                                     \
	{                                                                                                                  \
		wc_##name m;                                                                                                   \
		return wc_read_##name(frame, &m) && wc_write_##name(out, &m);                                                  \
	}

REWRITE(hello)
REWRITE(hello_back)
REWRITE(config)
REWRITE(channel_put)
REWRITE(channel_gone)
REWRITE(hub_put)
REWRITE(hub_gone)
REWRITE(send)
REWRITE(event)
REWRITE(event_done)
REWRITE(outcome)
REWRITE(stats)
REWRITE(budgets)
REWRITE(key_put)
REWRITE(key_gone)
REWRITE(welcome)
REWRITE(history)
REWRITE(status)
REWRITE(api_done)
REWRITE(arrived)
REWRITE(left)
REWRITE(history_ask)
REWRITE(api_send)
REWRITE(call)
REWRITE(api_answer)
REWRITE(webhook_put)
REWRITE(webhook_gone)
REWRITE(deliver)
REWRITE(link_welcome)
REWRITE(link_event)
REWRITE(link_close)
REWRITE(call_done)
REWRITE(api_call)
REWRITE(delivered)
REWRITE(link_came)
REWRITE(link_ack)
REWRITE(link_left)
REWRITE(link_state)

static bool
rewrite_typing(const wc_frame *frame, wc_buf *out)
{
	wc_typing m;

	return wc_read_typing(frame, &m) && wc_write_typing(out, (wc_frame_type) frame->type, &m);
}

static bool
rewrite_text(const wc_frame *frame, wc_buf *out)
{
	wc_text m;

	return wc_read_text(frame, &m) && wc_write_text(out, (wc_frame_type) frame->type, &m);
}

typedef struct rewriter
{
	wc_frame_type type; /* the only one that it may take */
	bool (*rewrite)(const wc_frame *frame, wc_buf *out);
} rewriter;

static const rewriter rewriters[REWRITERS] = {
	{WC_F_HELLO, rewrite_hello},
	{WC_F_HELLO_BACK, rewrite_hello_back},
	{WC_F_CONFIG, rewrite_config},
	{WC_F_CHANNEL_PUT, rewrite_channel_put},
	{WC_F_CHANNEL_GONE, rewrite_channel_gone},
	{WC_F_HUB_PUT, rewrite_hub_put},
	{WC_F_HUB_GONE, rewrite_hub_gone},
	{WC_F_SEND, rewrite_send},
	{WC_F_EVENT, rewrite_event},
	{WC_F_EVENT_DONE, rewrite_event_done},
	{WC_F_OUTCOME, rewrite_outcome},
	{WC_F_STATS, rewrite_stats},
	{WC_F_BUDGETS, rewrite_budgets},
	{WC_F_KEY_PUT, rewrite_key_put},
	{WC_F_KEY_GONE, rewrite_key_gone},
	{WC_F_WELCOME, rewrite_welcome},
	{WC_F_HISTORY, rewrite_history},
	{WC_F_STATUS, rewrite_status},
	{WC_F_API_DONE, rewrite_api_done},
	{WC_F_ARRIVED, rewrite_arrived},
	{WC_F_LEFT, rewrite_left},
	{WC_F_HISTORY_ASK, rewrite_history_ask},
	{WC_F_API_SEND, rewrite_api_send},
	{WC_F_CALL, rewrite_call},
	{WC_F_API_ANSWER, rewrite_api_answer},
	{WC_F_WEBHOOK_PUT, rewrite_webhook_put},
	{WC_F_WEBHOOK_GONE, rewrite_webhook_gone},
	{WC_F_DELIVER, rewrite_deliver},
	{WC_F_LINK_WELCOME, rewrite_link_welcome},
	{WC_F_LINK_EVENT, rewrite_link_event},
	{WC_F_LINK_CLOSE, rewrite_link_close},
	{WC_F_CALL_DONE, rewrite_call_done},
	{WC_F_API_CALL, rewrite_api_call},
	{WC_F_DELIVERED, rewrite_delivered},
	{WC_F_LINK_CAME, rewrite_link_came},
	{WC_F_LINK_ACK, rewrite_link_ack},
	{WC_F_LINK_LEFT, rewrite_link_left},
	{WC_F_LINK_STATE, rewrite_link_state},
	{WC_F_TYPING, rewrite_typing},
	{WC_F_TYPED, rewrite_typing},
	{WC_F_VISITOR_END, rewrite_typing},
	{WC_F_LOG, rewrite_text},
	{WC_F_OPENED, rewrite_text},
	{WC_F_FAILED, rewrite_text},
};

#endif /* REWRITE_H */

/*
 * corridor_hubs.c
 *	  The messages that worker and webchatt-net exchange about what hubs say to
 *	  each other: calls, webhooks, links.  See corridor.h.
 */
#include "common/corridor.h"

bool
wc_write_call(wc_buf *buf, const wc_call *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_CALL);

	wc_put_u64(buf, m->token);
	wc_put_u32(buf, m->hub);
	wc_put_str(buf, m->method);
	wc_put_str(buf, m->path);
	wc_put_str(buf, m->body);
	return wc_frame_end(buf, mark);
}

bool
wc_read_call(const wc_frame *f, wc_call *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_CALL);
	m->token = wc_get_u64(&r);
	m->hub = wc_get_u32(&r);
	m->method = wc_get_str(&r);
	m->path = wc_get_str(&r);
	m->body = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_call_done(wc_buf *buf, const wc_call_done *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_CALL_DONE);

	wc_put_u64(buf, m->token);
	wc_put_u32(buf, m->http_status);
	wc_put_u32(buf, m->retry_after_ms);
	wc_put_str(buf, m->body);
	wc_put_str(buf, m->error);
	return wc_frame_end(buf, mark);
}

bool
wc_read_call_done(const wc_frame *f, wc_call_done *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_CALL_DONE);
	m->token = wc_get_u64(&r);
	m->http_status = wc_get_u32(&r);
	m->retry_after_ms = wc_get_u32(&r);
	m->body = wc_get_str(&r);
	m->error = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_api_call(wc_buf *buf, const wc_api_call *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_API_CALL);

	wc_put_u64(buf, m->request);
	wc_put_u32(buf, m->key);
	wc_put_str(buf, m->method);
	wc_put_str(buf, m->path);
	wc_put_str(buf, m->query);
	wc_put_str(buf, m->body);
	return wc_frame_end(buf, mark);
}

bool
wc_read_api_call(const wc_frame *f, wc_api_call *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_API_CALL);
	m->request = wc_get_u64(&r);
	m->key = wc_get_u32(&r);
	m->method = wc_get_str(&r);
	m->path = wc_get_str(&r);
	m->query = wc_get_str(&r);
	m->body = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_api_answer(wc_buf *buf, const wc_api_answer *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_API_ANSWER);

	wc_put_u64(buf, m->request);
	wc_put_u32(buf, m->http_status);
	wc_put_str(buf, m->body);
	return wc_frame_end(buf, mark);
}

bool
wc_read_api_answer(const wc_frame *f, wc_api_answer *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_API_ANSWER);
	m->request = wc_get_u64(&r);
	m->http_status = wc_get_u32(&r);
	m->body = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_webhook_put(wc_buf *buf, const wc_webhook_put *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_WEBHOOK_PUT);

	wc_put_u32(buf, m->webhook);
	wc_put_str(buf, m->endpoint);
	wc_put_str(buf, m->headers);
	wc_put_str(buf, m->secret);
	return wc_frame_end(buf, mark);
}

bool
wc_read_webhook_put(const wc_frame *f, wc_webhook_put *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_WEBHOOK_PUT);
	m->webhook = wc_get_u32(&r);
	m->endpoint = wc_get_str(&r);
	m->headers = wc_get_str(&r);
	m->secret = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_webhook_gone(wc_buf *buf, const wc_webhook_gone *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_WEBHOOK_GONE);

	wc_put_u32(buf, m->webhook);
	return wc_frame_end(buf, mark);
}

bool
wc_read_webhook_gone(const wc_frame *f, wc_webhook_gone *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_WEBHOOK_GONE);
	m->webhook = wc_get_u32(&r);
	return wc_reader_done(&r);
}

bool
wc_write_deliver(wc_buf *buf, const wc_deliver *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_DELIVER);

	wc_put_u64(buf, m->token);
	wc_put_u32(buf, m->webhook);
	wc_put_uuid(buf, m->delivery);
	wc_put_u32(buf, m->attempt);
	wc_put_u8(buf, m->verify);
	wc_put_str(buf, m->body);
	return wc_frame_end(buf, mark);
}

bool
wc_read_deliver(const wc_frame *f, wc_deliver *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_DELIVER);
	m->token = wc_get_u64(&r);
	m->webhook = wc_get_u32(&r);
	wc_get_uuid(&r, m->delivery);
	m->attempt = wc_get_u32(&r);
	m->verify = wc_get_choice(&r, 0, 1);
	m->body = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_delivered(wc_buf *buf, const wc_delivered *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_DELIVERED);

	wc_put_u64(buf, m->token);
	wc_put_u8(buf, m->good);
	wc_put_u32(buf, m->http_status);
	wc_put_u32(buf, m->retry_after_ms);
	wc_put_u32(buf, m->duration_us);
	wc_put_str(buf, m->answer);
	wc_put_str(buf, m->error);
	return wc_frame_end(buf, mark);
}

bool
wc_read_delivered(const wc_frame *f, wc_delivered *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_DELIVERED);
	m->token = wc_get_u64(&r);
	m->good = wc_get_choice(&r, 0, 1);
	m->http_status = wc_get_u32(&r);
	m->retry_after_ms = wc_get_u32(&r);
	m->duration_us = wc_get_u32(&r);
	m->answer = wc_get_str(&r);
	m->error = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_link_came(wc_buf *buf, const wc_link_came *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_LINK_CAME);

	wc_put_u64(buf, m->link);
	wc_put_u32(buf, m->key);
	wc_put_str(buf, m->client);
	return wc_frame_end(buf, mark);
}

bool
wc_read_link_came(const wc_frame *f, wc_link_came *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_LINK_CAME);
	m->link = wc_get_u64(&r);
	m->key = wc_get_u32(&r);
	m->client = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_link_welcome(wc_buf *buf, const wc_link_welcome *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_LINK_WELCOME);

	wc_put_u64(buf, m->link);
	wc_put_u64(buf, m->acknowledged);
	wc_put_u64(buf, m->lost);
	return wc_frame_end(buf, mark);
}

bool
wc_read_link_welcome(const wc_frame *f, wc_link_welcome *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_LINK_WELCOME);
	m->link = wc_get_u64(&r);
	m->acknowledged = wc_get_u64(&r);
	m->lost = wc_get_u64(&r);
	return wc_reader_done(&r);
}

bool
wc_write_link_event(wc_buf *buf, const wc_link_event *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_LINK_EVENT);

	wc_put_u64(buf, m->link);
	wc_put_u64(buf, m->seq);
	wc_put_str(buf, m->body);
	return wc_frame_end(buf, mark);
}

bool
wc_read_link_event(const wc_frame *f, wc_link_event *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_LINK_EVENT);
	m->link = wc_get_u64(&r);
	m->seq = wc_get_u64(&r);
	m->body = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_link_close(wc_buf *buf, const wc_link_close *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_LINK_CLOSE);

	wc_put_u64(buf, m->link);
	wc_put_u32(buf, m->code);
	wc_put_str(buf, m->reason);
	return wc_frame_end(buf, mark);
}

bool
wc_read_link_close(const wc_frame *f, wc_link_close *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_LINK_CLOSE);
	m->link = wc_get_u64(&r);
	m->code = wc_get_u32(&r);
	m->reason = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_link_ack(wc_buf *buf, const wc_link_ack *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_LINK_ACK);

	wc_put_u64(buf, m->link);
	wc_put_u64(buf, m->seq);
	return wc_frame_end(buf, mark);
}

bool
wc_read_link_ack(const wc_frame *f, wc_link_ack *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_LINK_ACK);
	m->link = wc_get_u64(&r);
	m->seq = wc_get_u64(&r);
	return wc_reader_done(&r);
}

bool
wc_write_link_left(wc_buf *buf, const wc_link_left *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_LINK_LEFT);

	wc_put_u64(buf, m->link);
	return wc_frame_end(buf, mark);
}

bool
wc_read_link_left(const wc_frame *f, wc_link_left *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_LINK_LEFT);
	m->link = wc_get_u64(&r);
	return wc_reader_done(&r);
}

bool
wc_write_link_state(wc_buf *buf, const wc_link_state *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_LINK_STATE);

	wc_put_u32(buf, m->hub);
	wc_put_u8(buf, m->phase);
	wc_put_u32(buf, m->retry_ms);
	wc_put_u64(buf, m->lost);
	wc_put_str(buf, m->error);
	return wc_frame_end(buf, mark);
}

bool
wc_read_link_state(const wc_frame *f, wc_link_state *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_LINK_STATE);
	m->hub = wc_get_u32(&r);
	m->phase = wc_get_choice(&r, WC_LINK_CONNECTING, WC_LINK_REFUSED);
	m->retry_ms = wc_get_u32(&r);
	m->lost = wc_get_u64(&r);
	m->error = wc_get_str(&r);
	return wc_reader_done(&r);
}

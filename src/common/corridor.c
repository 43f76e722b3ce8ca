/*
 * corridor.c
 *	  The messages that worker and webchatt-net exchange about hubs, channels and
 *	  the process itself: see corridor.h; corridor_visitors.c and
 *	  corridor_hubs.c have the others.
 *
 * Writer and reader of a message stand next to each other, fields in the same
 * order, so that a glance shows that they agree.
 */
#include "common/corridor.h"

bool
wc_write_hello(wc_buf *buf, const wc_hello *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_HELLO);

	wc_put_u32(buf, m->version);
	wc_put_u32(buf, m->restarts);
	return wc_frame_end(buf, mark);
}

bool
wc_read_hello(const wc_frame *f, wc_hello *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_HELLO);
	m->version = wc_get_u32(&r);
	m->restarts = wc_get_u32(&r);
	return wc_reader_done(&r);
}

bool
wc_write_hello_back(wc_buf *buf, const wc_hello_back *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_HELLO_BACK);

	wc_put_u32(buf, m->version);
	wc_put_u32(buf, m->pid);
	wc_put_u8(buf, m->confined);
	return wc_frame_end(buf, mark);
}

bool
wc_read_hello_back(const wc_frame *f, wc_hello_back *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_HELLO_BACK);
	m->version = wc_get_u32(&r);
	m->pid = wc_get_u32(&r);
	m->confined = wc_get_choice(&r, 0, 1);
	return wc_reader_done(&r);
}

bool
wc_write_config(wc_buf *buf, const wc_config *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_CONFIG);

	wc_put_u32(buf, m->server_port);
#define NET(field, times) wc_put_u32(buf, m->field);
#define NET_TEXT(field)	  wc_put_str(buf, m->field);
#include "common/settings.def"
	return wc_frame_end(buf, mark);
}

bool
wc_read_config(const wc_frame *f, wc_config *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_CONFIG);
	m->server_port = wc_get_u32(&r);
#define NET(field, times) m->field = wc_get_u32(&r);
#define NET_TEXT(field)	  m->field = wc_get_str(&r);
#include "common/settings.def"
	return wc_reader_done(&r);
}

static void
put_secrets(wc_buf *buf, const wc_secret *secrets, uint8_t n)
{
	int i;

	wc_put_u8(buf, n);
	for (i = 0; i < n; i++)
	{
		wc_put_str(buf, secrets[i].secret);
		wc_put_u64(buf, (uint64_t) secrets[i].valid_until);
	}
}

static uint8_t
get_secrets(wc_reader *r, wc_secret *secrets)
{
	uint8_t n = wc_get_choice(r, 0, WC_MAX_SECRETS);
	int i;

	for (i = 0; !r->bad && i < n; i++)
	{
		secrets[i].secret = wc_get_str(r);
		secrets[i].valid_until = (int64_t) wc_get_u64(r);
	}
	return n;
}

bool
wc_write_channel_put(wc_buf *buf, const wc_channel_put *m)
{
	size_t mark;
	int i;

	if (m->nsecrets > WC_MAX_SECRETS || m->norigins > WC_MAX_ORIGINS)
		return false;
	mark = wc_frame_begin(buf, WC_F_CHANNEL_PUT);
	wc_put_uuid(buf, m->id);
	wc_put_u32(buf, m->hub);
	wc_put_u8(buf, m->accept_unsigned);
	put_secrets(buf, m->secrets, m->nsecrets);
	wc_put_u8(buf, m->local);
	wc_put_str(buf, m->public_key);
	wc_put_str(buf, m->display_name);
	wc_put_u8(buf, m->norigins);
	for (i = 0; i < m->norigins; i++)
		wc_put_str(buf, m->origins[i]);
	return wc_frame_end(buf, mark);
}

bool
wc_read_channel_put(const wc_frame *f, wc_channel_put *m)
{
	wc_reader r;
	int i;

	wc_reader_begin(&r, f, WC_F_CHANNEL_PUT);
	wc_get_uuid(&r, m->id);
	m->hub = wc_get_u32(&r);
	m->accept_unsigned = wc_get_choice(&r, 0, 1);
	m->nsecrets = get_secrets(&r, m->secrets);
	m->local = wc_get_choice(&r, 0, 1);
	m->public_key = wc_get_str(&r);
	m->display_name = wc_get_str(&r);
	m->norigins = wc_get_choice(&r, 0, WC_MAX_ORIGINS);
	for (i = 0; !r.bad && i < m->norigins; i++)
		m->origins[i] = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_channel_gone(wc_buf *buf, const wc_channel_gone *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_CHANNEL_GONE);

	wc_put_uuid(buf, m->id);
	return wc_frame_end(buf, mark);
}

bool
wc_read_channel_gone(const wc_frame *f, wc_channel_gone *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_CHANNEL_GONE);
	wc_get_uuid(&r, m->id);
	return wc_reader_done(&r);
}

bool
wc_write_hub_put(wc_buf *buf, const wc_hub_put *m)
{
	size_t mark;

	if (m->nsecrets > WC_MAX_SECRETS)
		return false;
	mark = wc_frame_begin(buf, WC_F_HUB_PUT);
	wc_put_u32(buf, m->hub);
	wc_put_str(buf, m->name);
	wc_put_str(buf, m->api_url);
	wc_put_str(buf, m->api_key);
	wc_put_u8(buf, m->link);
	put_secrets(buf, m->secrets, m->nsecrets);
	return wc_frame_end(buf, mark);
}

bool
wc_read_hub_put(const wc_frame *f, wc_hub_put *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_HUB_PUT);
	m->hub = wc_get_u32(&r);
	m->name = wc_get_str(&r);
	m->api_url = wc_get_str(&r);
	m->api_key = wc_get_str(&r);
	m->link = wc_get_choice(&r, 0, 1);
	m->nsecrets = get_secrets(&r, m->secrets);
	return wc_reader_done(&r);
}

bool
wc_write_hub_gone(wc_buf *buf, const wc_hub_gone *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_HUB_GONE);

	wc_put_u32(buf, m->hub);
	return wc_frame_end(buf, mark);
}

bool
wc_read_hub_gone(const wc_frame *f, wc_hub_gone *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_HUB_GONE);
	m->hub = wc_get_u32(&r);
	return wc_reader_done(&r);
}

bool
wc_write_send(wc_buf *buf, const wc_send *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_SEND);

	wc_put_u64(buf, m->token);
	wc_put_u32(buf, m->hub);
	wc_put_uuid(buf, m->message);
	wc_put_uuid(buf, m->channel);
	wc_put_str(buf, m->kind);
	wc_put_str(buf, m->to);
	wc_put_str(buf, m->content);
	wc_put_u8(buf, m->local);
	return wc_frame_end(buf, mark);
}

bool
wc_read_send(const wc_frame *f, wc_send *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_SEND);
	m->token = wc_get_u64(&r);
	m->hub = wc_get_u32(&r);
	wc_get_uuid(&r, m->message);
	wc_get_uuid(&r, m->channel);
	m->kind = wc_get_str(&r);
	m->to = wc_get_str(&r);
	m->content = wc_get_str(&r);
	m->local = wc_get_choice(&r, 0, 1);
	return wc_reader_done(&r);
}

bool
wc_write_event(wc_buf *buf, const wc_event *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_EVENT);

	wc_put_u64(buf, m->request);
	wc_put_u32(buf, m->hub);
	wc_put_u8(buf, m->kind);
	wc_put_uuid(buf, m->channel);
	wc_put_u64(buf, (uint64_t) m->at_us);
	wc_put_str(buf, m->message_id);
	wc_put_str(buf, m->visitor);
	wc_put_str(buf, m->channel_type);
	wc_put_str(buf, m->status);
	wc_put_str(buf, m->error_code);
	wc_put_str(buf, m->error_message);
	wc_put_str(buf, m->body);
	return wc_frame_end(buf, mark);
}

bool
wc_read_event(const wc_frame *f, wc_event *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_EVENT);
	m->request = wc_get_u64(&r);
	m->hub = wc_get_u32(&r);
	m->kind = wc_get_choice(&r, WC_EVENT_MESSAGE, WC_EVENT_UNREADABLE);
	wc_get_uuid(&r, m->channel);
	m->at_us = (int64_t) wc_get_u64(&r);
	m->message_id = wc_get_str(&r);
	m->visitor = wc_get_str(&r);
	m->channel_type = wc_get_str(&r);
	m->status = wc_get_str(&r);
	m->error_code = wc_get_str(&r);
	m->error_message = wc_get_str(&r);
	m->body = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_event_done(wc_buf *buf, const wc_event_done *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_EVENT_DONE);

	wc_put_u64(buf, m->request);
	wc_put_u8(buf, m->result);
	wc_put_uuid(buf, m->message);
	return wc_frame_end(buf, mark);
}

bool
wc_read_event_done(const wc_frame *f, wc_event_done *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_EVENT_DONE);
	m->request = wc_get_u64(&r);
	m->result = wc_get_choice(&r, WC_DONE_STORED, WC_DONE_BUDGET);
	wc_get_uuid(&r, m->message);
	return wc_reader_done(&r);
}

bool
wc_write_outcome(wc_buf *buf, const wc_outcome *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_OUTCOME);

	wc_put_u64(buf, m->token);
	wc_put_u8(buf, m->result);
	wc_put_u32(buf, m->http_status);
	wc_put_u32(buf, m->retry_after_ms);
	wc_put_u32(buf, m->duration_us);
	wc_put_str(buf, m->hub_status);
	wc_put_str(buf, m->hub_message_id);
	wc_put_str(buf, m->error_code);
	wc_put_str(buf, m->error_message);
	wc_put_u8(buf, m->unanswered);
	return wc_frame_end(buf, mark);
}

bool
wc_read_outcome(const wc_frame *f, wc_outcome *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_OUTCOME);
	m->token = wc_get_u64(&r);
	m->result = wc_get_choice(&r, WC_OUT_ACCEPTED, WC_OUT_UNAUTHORIZED);
	m->http_status = wc_get_u32(&r);
	m->retry_after_ms = wc_get_u32(&r);
	m->duration_us = wc_get_u32(&r);
	m->hub_status = wc_get_str(&r);
	m->hub_message_id = wc_get_str(&r);
	m->error_code = wc_get_str(&r);
	m->error_message = wc_get_str(&r);
	m->unanswered = wc_get_choice(&r, 0, 1);
	return wc_reader_done(&r);
}

bool
wc_write_stats(wc_buf *buf, const wc_stats *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_STATS);

	wc_put_u32(buf, m->connections);
	wc_put_u32(buf, m->waiting);
	wc_put_u32(buf, m->sending);
	wc_put_u32(buf, m->visitors);
	wc_put_u64(buf, m->requests);
	wc_put_u64(buf, m->refused);
	wc_put_u64(buf, m->turned_away);
	return wc_frame_end(buf, mark);
}

bool
wc_read_stats(const wc_frame *f, wc_stats *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_STATS);
	m->connections = wc_get_u32(&r);
	m->waiting = wc_get_u32(&r);
	m->sending = wc_get_u32(&r);
	m->visitors = wc_get_u32(&r);
	m->requests = wc_get_u64(&r);
	m->refused = wc_get_u64(&r);
	m->turned_away = wc_get_u64(&r);
	return wc_reader_done(&r);
}

bool
wc_write_budgets(wc_buf *buf, const wc_budgets *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_BUDGETS);
	int i;

	for (i = 0; i < WC_BUDGETS; i++)
	{
		wc_put_u64(buf, m->used[i]);
		wc_put_u64(buf, m->an_hour[i]);
	}
	return wc_frame_end(buf, mark);
}

bool
wc_read_budgets(const wc_frame *f, wc_budgets *m)
{
	wc_reader r;
	int i;

	wc_reader_begin(&r, f, WC_F_BUDGETS);
	for (i = 0; i < WC_BUDGETS; i++)
	{
		m->used[i] = wc_get_u64(&r);
		m->an_hour[i] = wc_get_u64(&r);
	}
	return wc_reader_done(&r);
}

/* WC_F_LOG, WC_F_OPENED and WC_F_FAILED share this shape. */
bool
wc_write_text(wc_buf *buf, wc_frame_type type, const wc_text *m)
{
	size_t mark = wc_frame_begin(buf, (uint8_t) type);

	wc_put_u8(buf, m->level);
	wc_put_str(buf, m->text);
	return wc_frame_end(buf, mark);
}

bool
wc_read_text(const wc_frame *f, wc_text *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, f->type == WC_F_OPENED || f->type == WC_F_FAILED ? f->type : WC_F_LOG);
	m->level = wc_get_choice(&r, WC_LOG_DEBUG, WC_LOG_WARNING);
	m->text = wc_get_str(&r);
	return wc_reader_done(&r);
}

/* WC_F_OPEN and WC_F_CLOSE carry nothing. */
bool
wc_write_empty(wc_buf *buf, wc_frame_type type)
{
	size_t mark = wc_frame_begin(buf, (uint8_t) type);

	return wc_frame_end(buf, mark);
}

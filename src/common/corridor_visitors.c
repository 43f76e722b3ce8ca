/*
 * corridor_visitors.c
 *	  The messages that worker and webchatt-net exchange about the visitors of
 *	  local channels and the REST API at home: see corridor.h.
 */
#include "common/corridor.h"

bool
wc_write_key_put(wc_buf *buf, const wc_key_put *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_KEY_PUT);

	wc_put_u32(buf, m->id);
	wc_put_bytes(buf, m->hash, WC_HASH_SIZE);
	wc_put_u8(buf, m->scopes);
	wc_put_str(buf, m->channels);
	return wc_frame_end(buf, mark);
}

bool
wc_read_key_put(const wc_frame *f, wc_key_put *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_KEY_PUT);
	m->id = wc_get_u32(&r);
	wc_get_bytes(&r, m->hash, WC_HASH_SIZE);
	m->scopes = wc_get_u8(&r);
	m->channels = wc_get_str(&r);
	return wc_reader_done(&r) && m->channels.len % 16 == 0;
}

bool
wc_write_key_gone(wc_buf *buf, const wc_key_gone *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_KEY_GONE);

	wc_put_u32(buf, m->id);
	return wc_frame_end(buf, mark);
}

bool
wc_read_key_gone(const wc_frame *f, wc_key_gone *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_KEY_GONE);
	m->id = wc_get_u32(&r);
	return wc_reader_done(&r);
}

bool
wc_write_arrived(wc_buf *buf, const wc_arrived *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_ARRIVED);

	wc_put_u64(buf, m->session);
	wc_put_uuid(buf, m->channel);
	wc_put_u8(buf, m->has_token);
	wc_put_u8(buf, m->may_make);
	wc_put_bytes(buf, m->token_hash, WC_HASH_SIZE);
	wc_put_uuid(buf, m->new_visitor);
	wc_put_bytes(buf, m->new_hash, WC_HASH_SIZE);
	wc_put_str(buf, m->attributes);
	wc_put_str(buf, m->have);
	return wc_frame_end(buf, mark);
}

bool
wc_read_arrived(const wc_frame *f, wc_arrived *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_ARRIVED);
	m->session = wc_get_u64(&r);
	wc_get_uuid(&r, m->channel);
	m->has_token = wc_get_choice(&r, 0, 1);
	m->may_make = wc_get_choice(&r, 0, 1);
	wc_get_bytes(&r, m->token_hash, WC_HASH_SIZE);
	wc_get_uuid(&r, m->new_visitor);
	wc_get_bytes(&r, m->new_hash, WC_HASH_SIZE);
	m->attributes = wc_get_str(&r);
	m->have = wc_get_str(&r);
	if (m->have.len % 16 != 0 || m->have.len / 16 > WC_MAX_HAVE)
		r.bad = true;
	return wc_reader_done(&r);
}

bool
wc_write_welcome(wc_buf *buf, const wc_welcome *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_WELCOME);

	wc_put_u64(buf, m->session);
	wc_put_u8(buf, m->result);
	wc_put_uuid(buf, m->visitor);
	wc_put_u8(buf, m->more);
	wc_put_uuid(buf, m->from);
	wc_put_uuid(buf, m->read);
	wc_put_str(buf, m->messages);
	return wc_frame_end(buf, mark);
}

bool
wc_read_welcome(const wc_frame *f, wc_welcome *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_WELCOME);
	m->session = wc_get_u64(&r);
	m->result = wc_get_choice(&r, WC_WELCOME_KNOWN, WC_WELCOME_PAUSED);
	wc_get_uuid(&r, m->visitor);
	m->more = wc_get_choice(&r, 0, 1);
	wc_get_uuid(&r, m->from);
	wc_get_uuid(&r, m->read);
	m->messages = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_left(wc_buf *buf, const wc_left *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_LEFT);

	wc_put_u64(buf, m->session);
	return wc_frame_end(buf, mark);
}

bool
wc_read_left(const wc_frame *f, wc_left *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_LEFT);
	m->session = wc_get_u64(&r);
	return wc_reader_done(&r);
}

bool
wc_write_history_ask(wc_buf *buf, const wc_history_ask *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_HISTORY_ASK);

	wc_put_u64(buf, m->session);
	wc_put_uuid(buf, m->channel);
	wc_put_uuid(buf, m->visitor);
	wc_put_uuid(buf, m->before);
	return wc_frame_end(buf, mark);
}

bool
wc_read_history_ask(const wc_frame *f, wc_history_ask *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_HISTORY_ASK);
	m->session = wc_get_u64(&r);
	wc_get_uuid(&r, m->channel);
	wc_get_uuid(&r, m->visitor);
	wc_get_uuid(&r, m->before);
	return wc_reader_done(&r);
}

bool
wc_write_history(wc_buf *buf, const wc_history *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_HISTORY);

	wc_put_u64(buf, m->session);
	wc_put_uuid(buf, m->before);
	wc_put_u8(buf, m->busy);
	wc_put_u8(buf, m->more);
	wc_put_str(buf, m->messages);
	return wc_frame_end(buf, mark);
}

bool
wc_read_history(const wc_frame *f, wc_history *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_HISTORY);
	m->session = wc_get_u64(&r);
	wc_get_uuid(&r, m->before);
	m->busy = wc_get_choice(&r, 0, 1);
	m->more = wc_get_choice(&r, 0, 1);
	m->messages = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_status(wc_buf *buf, const wc_status *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_STATUS);

	wc_put_uuid(buf, m->channel);
	wc_put_uuid(buf, m->visitor);
	wc_put_uuid(buf, m->upto);
	wc_put_str(buf, m->status);
	return wc_frame_end(buf, mark);
}

bool
wc_read_status(const wc_frame *f, wc_status *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_STATUS);
	wc_get_uuid(&r, m->channel);
	wc_get_uuid(&r, m->visitor);
	wc_get_uuid(&r, m->upto);
	m->status = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_api_send(wc_buf *buf, const wc_api_send *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_API_SEND);

	wc_put_u64(buf, m->request);
	wc_put_uuid(buf, m->channel);
	wc_put_uuid(buf, m->visitor);
	wc_put_u8(buf, m->only_known);
	wc_put_str(buf, m->dedupe_key);
	wc_put_str(buf, m->content);
	return wc_frame_end(buf, mark);
}

bool
wc_read_api_send(const wc_frame *f, wc_api_send *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_API_SEND);
	m->request = wc_get_u64(&r);
	wc_get_uuid(&r, m->channel);
	wc_get_uuid(&r, m->visitor);
	m->only_known = wc_get_choice(&r, 0, 1);
	m->dedupe_key = wc_get_str(&r);
	m->content = wc_get_str(&r);
	return wc_reader_done(&r);
}

bool
wc_write_api_done(wc_buf *buf, const wc_api_done *m)
{
	size_t mark = wc_frame_begin(buf, WC_F_API_DONE);

	wc_put_u64(buf, m->request);
	wc_put_u8(buf, m->result);
	wc_put_uuid(buf, m->message);
	wc_put_str(buf, m->text);
	return wc_frame_end(buf, mark);
}

bool
wc_read_api_done(const wc_frame *f, wc_api_done *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, WC_F_API_DONE);
	m->request = wc_get_u64(&r);
	m->result = wc_get_choice(&r, WC_API_QUEUED, WC_API_ENDED);
	wc_get_uuid(&r, m->message);
	m->text = wc_get_str(&r);
	return wc_reader_done(&r);
}

/* WC_F_TYPING and WC_F_TYPED share this shape. */
bool
wc_write_typing(wc_buf *buf, wc_frame_type type, const wc_typing *m)
{
	size_t mark = wc_frame_begin(buf, (uint8_t) type);

	wc_put_uuid(buf, m->channel);
	wc_put_uuid(buf, m->visitor);
	return wc_frame_end(buf, mark);
}

bool
wc_read_typing(const wc_frame *f, wc_typing *m)
{
	wc_reader r;

	wc_reader_begin(&r, f, f->type == WC_F_TYPED || f->type == WC_F_VISITOR_END ? f->type : WC_F_TYPING);
	wc_get_uuid(&r, m->channel);
	wc_get_uuid(&r, m->visitor);
	return wc_reader_done(&r);
}

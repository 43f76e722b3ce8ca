/*
 * frame.c
 *	  A reader that has failed once stays failed, and a buffer likewise, so that
 *	  whoever writes or reads a frame checks once, at its end.
 */
#include "common/frame.h"

#include <stdlib.h>
#include <string.h>

/* The smallest allocation of a buffer, in bytes. */
#define BUF_FIRST_CAP 512

/* Wrap a C string; NULL is the empty one. */
wc_str
wc_str_from(const char *s)
{
	wc_str r = {s, s ? (uint32_t) strlen(s) : 0};

	return r;
}

void
wc_buf_free(wc_buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

/* Forget the contents, keep the memory. */
void
wc_buf_reset(wc_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

/* Drop the first n bytes, which have been written or read. */
void
wc_buf_consume(wc_buf *buf, size_t n)
{
	if (n >= buf->len)
	{
		buf->len = 0;
		return;
	}
	memmove(buf->data, buf->data + n, buf->len - n);
	buf->len -= n;
}

/* Make room for more bytes behind the contents; false when memory is out. */
bool
wc_buf_reserve(wc_buf *buf, size_t more)
{
	size_t need;
	size_t cap;
	char *data;

	if (buf->failed)
		return false;
	if (more > SIZE_MAX / 2 - buf->len)
	{
		buf->failed = true;
		return false;
	}
	need = buf->len + more;
	if (need <= buf->cap)
		return true;
	cap = buf->cap ? buf->cap : BUF_FIRST_CAP;
	while (cap < need)
		cap *= 2;
	data = realloc(buf->data, cap);
	if (data == NULL)
	{
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

/* Start a frame; the mark goes to wc_frame_end. */
size_t
wc_frame_begin(wc_buf *buf, uint8_t type)
{
	size_t mark = buf->len;

	wc_put_u32(buf, 0);
	wc_put_u8(buf, type);
	return mark;
}

/*
 * Finish the frame begun at mark by writing its length.  False, with nothing
 * of the frame left in the buffer, when it grew over WC_FRAME_MAX or memory
 * ran out; the buffer can be used again after that.
 */
bool
wc_frame_end(wc_buf *buf, size_t mark)
{
	size_t body;
	int i;

	if (buf->failed || buf->len < mark + WC_FRAME_HEAD || buf->len - mark - 4 > WC_FRAME_MAX)
	{
		if (buf->len > mark)
			buf->len = mark;
		buf->failed = false;
		return false;
	}
	body = buf->len - mark - 4;
	for (i = 0; i < 4; i++)
		buf->data[mark + i] = (char) (body >> (8 * i));
	return true;
}

void
wc_put_u8(wc_buf *buf, uint8_t v)
{
	wc_buf_append(buf, &v, 1);
}

static void
put_le(wc_buf *buf, uint64_t v, int bytes)
{
	uint8_t le[8];
	int i;

	for (i = 0; i < bytes; i++)
		le[i] = (uint8_t) (v >> (8 * i));
	wc_buf_append(buf, le, bytes);
}

void
wc_put_u32(wc_buf *buf, uint32_t v)
{
	put_le(buf, v, 4);
}

void
wc_put_u64(wc_buf *buf, uint64_t v)
{
	put_le(buf, v, 8);
}

void
wc_put_uuid(wc_buf *buf, const uint8_t uuid[16])
{
	wc_buf_append(buf, uuid, 16);
}

/* Bytes whose number both sides know. */
void
wc_put_bytes(wc_buf *buf, const uint8_t *p, size_t len)
{
	wc_buf_append(buf, p, len);
}

/* What no frame can hold is not even copied, so that the buffer stays bounded. */
void
wc_put_str(wc_buf *buf, wc_str s)
{
	if (s.len > WC_FRAME_MAX)
	{
		buf->failed = true;
		return;
	}
	wc_put_u32(buf, s.len);
	wc_buf_append(buf, s.p, s.len);
}

/*
 * Look at the front of a stream of frames.  On WC_NEXT_FRAME the frame points
 * into data and *used is how many bytes to consume once it has been handled.
 */
wc_next
wc_frame_next(const char *data, size_t len, wc_frame *frame, size_t *used)
{
	uint32_t body = 0;
	int i;

	if (len < 4)
		return WC_NEXT_MORE;
	for (i = 0; i < 4; i++)
		body |= (uint32_t) (uint8_t) data[i] << (8 * i);
	if (body < 1 || body > WC_FRAME_MAX)
		return WC_NEXT_BROKEN;
	if (len - 4 < body)
		return WC_NEXT_MORE;
	frame->type = (uint8_t) data[4];
	frame->payload = data + WC_FRAME_HEAD;
	frame->len = body - 1;
	*used = (size_t) body + 4;
	return WC_NEXT_FRAME;
}

void
wc_reader_init(wc_reader *r, const wc_frame *frame)
{
	r->p = frame->payload;
	r->end = frame->payload + frame->len;
	r->bad = false;
}

/* Take n bytes from the front, or turn bad. */
static const char *
take(wc_reader *r, size_t n)
{
	const char *at = r->p;

	if (r->bad || (size_t) (r->end - r->p) < n)
	{
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return at;
}

static uint64_t
get_le(wc_reader *r, int bytes)
{
	const char *at = take(r, bytes);
	uint64_t v = 0;
	int i;

	if (at == NULL)
		return 0;
	for (i = 0; i < bytes; i++)
		v |= (uint64_t) (uint8_t) at[i] << (8 * i);
	return v;
}

/* Start to read; a frame of another type is bad from the start. */
void
wc_reader_begin(wc_reader *r, const wc_frame *frame, int type)
{
	wc_reader_init(r, frame);
	if (frame->type != type)
		r->bad = true;
}

uint8_t
wc_get_u8(wc_reader *r)
{
	return (uint8_t) get_le(r, 1);
}

/* A flag or an enum's value, from least to most. */
uint8_t
wc_get_choice(wc_reader *r, uint8_t least, uint8_t most)
{
	uint8_t v = wc_get_u8(r);

	if (v < least || v > most)
		r->bad = true;
	return v;
}

uint32_t
wc_get_u32(wc_reader *r)
{
	return (uint32_t) get_le(r, 4);
}

uint64_t
wc_get_u64(wc_reader *r)
{
	return get_le(r, 8);
}

void
wc_get_uuid(wc_reader *r, uint8_t uuid[16])
{
	wc_get_bytes(r, uuid, 16);
}

/* Bytes whose number both sides know. */
void
wc_get_bytes(wc_reader *r, uint8_t *p, size_t len)
{
	const char *at = take(r, len);

	if (at == NULL)
		memset(p, 0, len);
	else
		memcpy(p, at, len);
}

/* A string that points into the frame. */
wc_str
wc_get_str(wc_reader *r)
{
	wc_str s = {"", 0};
	uint32_t len = wc_get_u32(r);
	const char *at = take(r, len);

	if (at != NULL)
	{
		s.p = at;
		s.len = len;
	}
	return s;
}

/* True when the payload was read to its last byte and never beyond. */
bool
wc_reader_done(const wc_reader *r)
{
	return !r->bad && r->p == r->end;
}

/*
 * frame.h
 *	  The corridor's frames: bytes with a length in front, written and read
 *	  with every bound checked.
 *
 * A frame is a little-endian uint32 (the length of what follows), one byte of
 * type, and the payload.  Both halves of webchatt share this code; it does no
 * I/O and includes no PostgreSQL header.
 */
#ifndef WC_FRAME_H
#define WC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The most that one frame may hold, its type included, in bytes. */
#define WC_FRAME_MAX (9u * 1024 * 1024)

/* Bytes in front of a frame's payload: length and type. */
#define WC_FRAME_HEAD 5u

/* A run of bytes that somebody else owns; not NUL-terminated. */
typedef struct wc_str
{
	const char *p;
	uint32_t len;
} wc_str;

/* A growing output buffer.  All zeros is an empty one. */
typedef struct wc_buf
{
	char *data;
	size_t len;
	size_t cap;
	bool failed; /* out of memory, or a frame over its limit */
} wc_buf;

/* One frame as it lies in an input buffer. */
typedef struct wc_frame
{
	uint8_t type;
	const char *payload;
	uint32_t len;
} wc_frame;

/* Reads a payload front to back; once bad it stays bad and yields zeros. */
typedef struct wc_reader
{
	const char *p;
	const char *end;
	bool bad;
} wc_reader;

typedef enum wc_next
{
	WC_NEXT_FRAME, /* *frame is set, *used bytes belong to it */
	WC_NEXT_MORE,  /* not all of it has come yet */
	WC_NEXT_BROKEN /* no frame can begin like this */
} wc_next;

extern wc_str wc_str_from(const char *s);

static inline bool
wc_str_equals(wc_str s, const char *literal)
{
	return s.len == strlen(literal) && (s.len == 0 || memcmp(s.p, literal, s.len) == 0);
}

extern void wc_buf_free(wc_buf *buf);
extern void wc_buf_reset(wc_buf *buf);
extern void wc_buf_consume(wc_buf *buf, size_t n);
extern bool wc_buf_reserve(wc_buf *buf, size_t more);

/* Here, as frames and answers are written by a dozen of these. */
static inline bool
wc_buf_append(wc_buf *buf, const void *data, size_t len)
{
	if ((buf->failed || len > buf->cap - buf->len) && !wc_buf_reserve(buf, len))
		return false;
	if (len > 0)
		memcpy(buf->data + buf->len, data, len);
	buf->len += len;
	return true;
}

extern size_t wc_frame_begin(wc_buf *buf, uint8_t type);
extern bool wc_frame_end(wc_buf *buf, size_t mark);
extern void wc_put_u8(wc_buf *buf, uint8_t v);
extern void wc_put_u32(wc_buf *buf, uint32_t v);
extern void wc_put_u64(wc_buf *buf, uint64_t v);
extern void wc_put_uuid(wc_buf *buf, const uint8_t uuid[16]);
extern void wc_put_bytes(wc_buf *buf, const uint8_t *p, size_t len);
extern void wc_put_str(wc_buf *buf, wc_str s);

extern wc_next wc_frame_next(const char *data, size_t len, wc_frame *frame, size_t *used);
extern void wc_reader_init(wc_reader *r, const wc_frame *frame);
extern void wc_reader_begin(wc_reader *r, const wc_frame *frame, int type);
extern uint8_t wc_get_u8(wc_reader *r);
extern uint8_t wc_get_choice(wc_reader *r, uint8_t least, uint8_t most);
extern uint32_t wc_get_u32(wc_reader *r);
extern uint64_t wc_get_u64(wc_reader *r);
extern void wc_get_uuid(wc_reader *r, uint8_t uuid[16]);
extern void wc_get_bytes(wc_reader *r, uint8_t *p, size_t len);
extern wc_str wc_get_str(wc_reader *r);
extern bool wc_reader_done(const wc_reader *r);

#endif /* WC_FRAME_H */

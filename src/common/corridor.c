/*
 * corridor.c
 *	  Writers and readers of the corridor's frames, made of corridor.def: how a
 *	  field of each kind is written and read stands side by side.  A debugger
 *	  steps through them line by line in corridor.def.
 */
#include "common/corridor.h"

#define PUT_NOTHING(f)	  (void) m;
#define GET_NOTHING(f)	  m->f = 0;
#define PUT_U8(f)		  wc_put_u8(buf, m->f);
#define GET_U8(f)		  m->f = wc_get_u8(&r);
#define PUT_U32(f)		  wc_put_u32(buf, m->f);
#define GET_U32(f)		  m->f = wc_get_u32(&r);
#define PUT_U64(f)		  wc_put_u64(buf, m->f);
#define GET_U64(f)		  m->f = wc_get_u64(&r);
#define PUT_I64(f)		  wc_put_u64(buf, (uint64_t) m->f);
#define GET_I64(f)		  m->f = (int64_t) wc_get_u64(&r);
#define PUT_U64S(f, most) corridor_put_u64s(buf, m->f, most);
#define GET_U64S(f, most) corridor_get_u64s(&r, m->f, most);
#define PUT_FLAG(f)		  wc_put_u8(buf, m->f);
#define GET_FLAG(f)		  m->f = wc_get_choice(&r, 0, 1);
#define PUT_CHOICE(f, e)  wc_put_u8(buf, m->f);
#define GET_CHOICE(f, e)                                                                                               \
	m->f = wc_get_u8(&r);                                                                                              \
	r.bad |= !is_##e(m->f);
#define PUT_UUID(f)		   wc_put_uuid(buf, m->f);
#define GET_UUID(f)		   wc_get_uuid(&r, m->f);
#define PUT_HASH(f)		   wc_put_bytes(buf, m->f, WC_HASH_SIZE);
#define GET_HASH(f)		   wc_get_bytes(&r, m->f, WC_HASH_SIZE);
#define PUT_STR(f)		   wc_put_str(buf, m->f);
#define GET_STR(f)		   m->f = wc_get_str(&r);
#define PUT_UUIDS(f, most) wc_put_str(buf, m->f);
#define GET_UUIDS(f, most)                                                                                             \
	m->f = wc_get_str(&r);                                                                                             \
	r.bad |= m->f.len % 16 != 0 || m->f.len / 16 > (most);
#define PUT_SECRETS(f)	  corridor_put_secrets(buf, m->f, m->n##f);
#define GET_SECRETS(f)	  m->n##f = corridor_get_secrets(&r, m->f);
#define PUT_STRS(f, most) corridor_put_strs(buf, m->f, m->n##f, most);
#define GET_STRS(f, most) m->n##f = corridor_get_strs(&r, m->f, most);

static void
corridor_put_u64s(wc_buf *buf, const uint64_t *v, int n)
{
	for (int i = 0; i < n; i++)
		wc_put_u64(buf, v[i]);
}

static void
corridor_get_u64s(wc_reader *r, uint64_t *v, int n)
{
	for (int i = 0; i < n; i++)
		v[i] = wc_get_u64(r);
}

/* How many there are; more than there is room for are not written. */
static uint8_t
corridor_put_count(wc_buf *buf, uint8_t n, uint8_t most)
{
	buf->failed |= n > most;
	wc_put_u8(buf, n);
	return n > most ? 0 : n;
}

static void
corridor_put_secrets(wc_buf *buf, const wc_secret *secrets, uint8_t n)
{
	n = corridor_put_count(buf, n, WC_MAX_SECRETS);
	for (int i = 0; i < n; i++)
	{
		wc_put_str(buf, secrets[i].secret);
		wc_put_u64(buf, (uint64_t) secrets[i].valid_until);
	}
}

static uint8_t
corridor_get_secrets(wc_reader *r, wc_secret *secrets)
{
	uint8_t n = wc_get_choice(r, 0, WC_MAX_SECRETS);

	for (int i = 0; !r->bad && i < n; i++)
	{
		secrets[i].secret = wc_get_str(r);
		secrets[i].valid_until = (int64_t) wc_get_u64(r);
	}
	return n;
}

static void
corridor_put_strs(wc_buf *buf, const wc_str *strs, uint8_t n, uint8_t most)
{
	n = corridor_put_count(buf, n, most);
	for (int i = 0; i < n; i++)
		wc_put_str(buf, strs[i]);
}

static uint8_t
corridor_get_strs(wc_reader *r, wc_str *strs, uint8_t most)
{
	uint8_t n = wc_get_choice(r, 0, most);

	for (int i = 0; !r->bad && i < n; i++)
		strs[i] = wc_get_str(r);
	return n;
}

/* The writers. */
#define FRAME(NAME, number, name)                                                                                      \
	bool wc_write_##name(wc_buf *buf, const wc_##name *m)                                                              \
	{                                                                                                                  \
		size_t mark = wc_frame_begin(buf, WC_F_##NAME);
#define FIELD(kind, ...) PUT_##kind(__VA_ARGS__)
#define FRAME_END(name)                                                                                                \
	return wc_frame_end(buf, mark);                                                                                    \
	}
#include "common/corridor.def"

/* The readers; before them, for each enum, whether a byte is one of its values. */
#define ENUM(name)                                                                                                     \
	static bool is_##name(uint8_t v)                                                                                   \
	{                                                                                                                  \
		switch (v)                                                                                                     \
		{
#define VALUE(NAME, number) case NAME:
#define ENUM_END(name)                                                                                                 \
	return true;                                                                                                       \
	default:                                                                                                           \
		return false;                                                                                                  \
		}                                                                                                              \
		}
#define FRAME(NAME, number, name)                                                                                      \
	bool wc_read_##name(const wc_frame *f, wc_##name *m)                                                               \
	{                                                                                                                  \
		wc_reader r;                                                                                                   \
		wc_reader_begin(&r, f, WC_F_##NAME);
#define FIELD(kind, ...) GET_##kind(__VA_ARGS__)
#define FRAME_END(name)                                                                                                \
	return wc_reader_done(&r);                                                                                         \
	}
#include "common/corridor.def"

/*
 * poll_line.c
 */
#include "visitors/poll_line.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/text.h"

static bool poll_send(ws *w, const char *text, size_t len);
static void poll_close(ws *w, uint16_t code, const char *reason);
static void poll_cut(ws *w);
static void poll_late(ws *w);

static const ws_line line = {poll_send, poll_close, poll_cut, poll_late};

static bool
hash_id(const char *id, uint8_t hash[WC_HASH_SIZE])
{
	return EVP_Digest(id, POLL_ID_LEN, hash, NULL, EVP_sha256(), NULL) == 1;
}

static bool
make_id(char id[POLL_ID_LEN + 1])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t chance[33] = {0};
	int i;

	if (getrandom(chance, 32, 0) != 32)
		return false;
	for (i = 0; i < POLL_ID_LEN; i++)
	{
		int bit = i * 6;
		unsigned two = (unsigned) chance[bit / 8] << 8 | chance[bit / 8 + 1];

		id[i] = digits[two >> (10 - bit % 8) & 63];
	}
	id[POLL_ID_LEN] = '\0';
	OPENSSL_cleanse(chance, sizeof(chance));
	return true;
}

/* A SHA-256 is as good as chance already. */
static uint64_t
beginning(const uint8_t hash[WC_HASH_SIZE])
{
	uint64_t n;

	memcpy(&n, hash, sizeof(n));
	return n;
}

uint64_t
poll_line_key(const hash_link *entry)
{
	return beginning(((const poll_line *) (const void *) ((const char *) entry - offsetof(poll_line, by_hash)))->hash);
}

poll_line *
poll_line_new(visitors *v, char id[POLL_ID_LEN + 1])
{
	poll_line *p = calloc(1, sizeof(*p));

	if (p == NULL || !make_id(id) || !hash_id(id, p->hash))
	{
		free(p);
		return NULL;
	}
	p->s.w.line = &line;
	p->s.w.host = &v->host;
	p->s.v = v;
	p->first = 1;
	hash_add(&v->polls, &p->by_hash);
	return p;
}

poll_line *
poll_line_find(visitors *v, const char *id)
{
	uint8_t hash[WC_HASH_SIZE];
	hash_link *entry;

	if (!hash_id(id, hash))
		return NULL;
	for (entry = hash_chain(&v->polls, beginning(hash)); entry != NULL; entry = entry->next)
	{
		poll_line *p = (poll_line *) (void *) ((char *) entry - offsetof(poll_line, by_hash));

		if (CRYPTO_memcmp(p->hash, hash, sizeof(hash)) == 0)
			return p;
	}
	return NULL;
}

/* It has something to say: to the request that waits, when the turn is over. */
static void
be_ready(poll_line *p)
{
	visitors *v = p->s.v;

	if (p->ready)
		return;
	p->ready = true;
	p->next_ready = v->polls_ready;
	v->polls_ready = p;
}

static bool
poll_send(ws *w, const char *text, size_t len)
{
	poll_line *p = (poll_line *) w;
	ws_host *host = w->host;

	if (w->state != WS_OPEN)
		return false;
	/* As of a WebSocket: a frame by itself may be larger, unless all together have too much. */
	if (p->out.len + len > host->max_out && (p->out.len > 0 || host->out_total > WS_OUT_TOTAL))
	{
		poll_close(w, WS_CLOSE_SLOW, "the client reads too slowly");
		return false;
	}
	wc_buf_append(&p->out, text, len);
	wc_buf_append(&p->out, "\n", 1);
	if (p->out.failed)
	{
		poll_cut(w);
		return false;
	}
	host->out_total += len + 1;
	p->nout++;
	be_ready(p);
	return true;
}

/* What it has said stays for the next poll, and why it ends. */
static void
poll_close(ws *w, uint16_t code, const char *reason)
{
	poll_line *p = (poll_line *) w;

	if (w->state != WS_OPEN)
		return;
	p->code = code;
	strncpy(p->reason, reason, sizeof(p->reason) - 1);
	w->state = WS_CLOSING;
	w->host->calls->ended(w, code);
	timeouts_set(w->host->timeouts, &w->timeout, PHASE_PONG, uv_now(w->host->loop));
	be_ready(p);
}

static void
poll_cut(ws *w)
{
	poll_line *p = (poll_line *) w;
	visitors *v = p->s.v;

	if (w->state == WS_DEAD)
		return;
	if (p->code == 0)
		p->code = WS_CLOSE_LOST;
	if (w->state == WS_OPEN)
	{
		w->state = WS_DEAD;
		w->host->calls->ended(w, WS_CLOSE_LOST);
	}
	w->state = WS_DEAD;
	timeouts_set(w->host->timeouts, &w->timeout, PHASE_NONE, 0);
	hash_remove(&v->polls, &p->by_hash);
	be_ready(p);
	p->next_dead = v->polls_dead;
	v->polls_dead = p;
}

/* Nobody has asked for so long; while a request is parked, somebody has. */
static void
poll_late(ws *w)
{
	poll_line *p = (poll_line *) w;

	if (p->parked != NULL && w->state == WS_OPEN)
		poll_line_heard(p);
	else
		poll_cut(w);
}

void
poll_line_heard(poll_line *p)
{
	ws *w = &p->s.w;

	if (w->state == WS_OPEN && (w->timeout.phase == PHASE_QUIET || w->timeout.phase == PHASE_PONG))
		timeouts_set(w->host->timeouts, &w->timeout, PHASE_QUIET, uv_now(w->host->loop));
}

void
poll_line_confirmed(poll_line *p, uint64_t number)
{
	size_t at = 0;

	while (p->nout > 0 && p->first <= number)
	{
		const char *end = memchr(p->out.data + at, '\n', p->out.len - at);

		at = (size_t) (end - p->out.data) + 1;
		p->first++;
		p->nout--;
	}
	if (at == 0)
		return;
	p->s.w.host->out_total -= at;
	memmove(p->out.data, p->out.data + at, p->out.len - at);
	p->out.len -= at;
	if (p->nout == 0)
		wc_buf_free(&p->out);
}

bool
poll_line_speaks(const poll_line *p)
{
	return p->nout > 0 || p->code != 0;
}

bool
poll_line_answer(poll_line *p, bool frames, const char *id, wc_buf *buf)
{
	text_append(buf, "{\"taken\":");
	text_append_number(buf, (int64_t) p->taken);
	if (id != NULL)
	{
		text_append(buf, ",\"session\":\"");
		text_append(buf, id);
		text_append(buf, "\"");
	}
	if (frames && p->code != 0)
	{
		/* our own sentences: nothing in them is to be escaped */
		text_append(buf, ",\"close\":{\"code\":");
		text_append_number(buf, p->code);
		text_append(buf, ",\"reason\":\"");
		text_append(buf, p->reason);
		text_append(buf, "\"}");
	}
	text_append(buf, ",\"first\":");
	text_append_number(buf, (int64_t) p->first);
	text_append(buf, "}\n");
	if (frames && p->nout > 0)
		wc_buf_append(buf, p->out.data, p->out.len);
	return !buf->failed;
}

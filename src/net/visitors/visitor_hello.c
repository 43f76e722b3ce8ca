/*
 * visitor_hello.c
 *	  How a session becomes a visitor's: hello, ARRIVED, WELCOME.
 */
#include "visitors/visitor_hello.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/metrics.h"
#include "visitors/visitor_admit.h"
#include "visitors/visitor_output.h"

/* A token for a new visitor: "wct_" and 32 bytes of chance in base64url. */
static bool
make_token(char token[TOKEN_SIZE])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t chance[33] = {0};
	int i;

	if (getrandom(chance, 32, 0) != 32)
		return false;
	memcpy(token, "wct_", 4);
	for (i = 0; i < 43; i++)
	{
		int bit = i * 6;
		unsigned two = (unsigned) chance[bit / 8] << 8 | chance[bit / 8 + 1];

		token[4 + i] = digits[two >> (10 - bit % 8) & 63];
	}
	token[47] = '\0';
	OPENSSL_cleanse(chance, sizeof(chance));
	return true;
}

static bool
make_id(visitors *v, uint8_t id[16])
{
	uint8_t chance[8];
	struct timespec ts;

	if (getrandom(chance, sizeof(chance), 0) != sizeof(chance))
		return false;
	clock_gettime(CLOCK_REALTIME, &ts);
	wc_uuid7_make(&v->uuids, (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec, chance, id);
	return true;
}

static bool
hash_token(const char *token, uint8_t hash[WC_HASH_SIZE])
{
	return EVP_Digest(token, strlen(token), hash, NULL, EVP_sha256(), NULL) == 1;
}

/* Fill what a new visitor would need; false: it cannot be made. */
static bool
prepare(session *s, wc_arrived *m)
{
	s->arrival = calloc(1, sizeof(*s->arrival));
	return s->arrival != NULL && make_token(s->arrival->token) && make_id(s->v, m->new_visitor) &&
		   hash_token(s->arrival->token, m->new_hash);
}

/* A visitor who gives no token will be made: its address pays beforehand. */
static bool
may_make(session *s, bool has_token)
{
	visitors *v = s->v;
	uint64_t now = uv_now(v->loop);

	if (s->count == NULL)
		return true;
	if (address_rate_wait(v->newcomers, &s->client, &v->newcomer_rate, now) > 0 ||
		address_rate_wait(v->address_bytes, &s->client, &v->address_kb_rate, now) > 0)
		return false;
	if (!has_token)
	{
		address_rate_take(v->newcomers, &s->client, &v->newcomer_rate, now, 1);
		s->arrival->paid = true;
	}
	return true;
}

/*
 * A hello costs the worker a look-up and a page of messages: who comes again and
 * again, from one address or with one token, waits.
 */
static bool
hello_in_time(session *s, const wc_arrived *m)
{
	visitors *v = s->v;
	uint64_t now = uv_now(v->loop);

	if (s->count != NULL && address_rate_wait(v->hellos, &s->client, &v->hello_rate, now) > 0)
		return false;
	if (m->has_token && rate_limit_table_wait(v->hellos, m->token_hash, &v->hello_rate, now) > 0)
		return false;
	if (s->count != NULL)
		address_rate_take(v->hellos, &s->client, &v->hello_rate, now, 1);
	if (m->has_token)
		rate_limit_table_take(v->hellos, m->token_hash, &v->hello_rate, now);
	return true;
}

/* Where the visitor is.  A page of another origin than the one that the browser named is not believed. */
static void
tell_page(session *s, const visitor_page *page, wc_arrived *m)
{
	if (page == NULL)
		return;
	if (visitor_admit_is_of(s, page->url, page->origin))
	{
		m->page_url = wc_str_from(page->url);
		m->page_title = wc_str_from(page->title);
	}
	m->locale = wc_str_from(page->locale);
	m->time_zone = wc_str_from(page->time_zone);
}

void
visitor_hello(session *s, const visitor_frame *frame)
{
	visitors *v = s->v;
	wc_arrived m = {.session = s->entry.number};

	if (!prepare(s, &m) || (frame->has_token && !hash_token(frame->token, m.token_hash)))
	{
		ws_server_close(&s->w, WS_CLOSE_INTERNAL, "out of memory");
		return;
	}
	memcpy(m.channel, s->entry.channel, 16);
	m.has_token = frame->has_token;
	if (!hello_in_time(s, &m))
	{
		metrics_now.visitor_rate_errors++;
		ws_server_close(&s->w, WS_CLOSE_LATER, "too many hellos from this address or with this token; come back later");
		return;
	}
	m.may_make = may_make(s, frame->has_token);
	if (!m.has_token && !m.may_make)
	{
		metrics_now.newcomers_refused[METRICS_NEWCOMER_ADDRESS]++;
		ws_server_close(&s->w, WS_CLOSE_LATER, "too many new visitors from this address; come back later");
		return;
	}
	if (frame->attributes != NULL)
		m.attributes = wc_str_from(frame->attributes);
	tell_page(s, frame->page, &m);
	s->arrival->said = m.attributes.len + m.page_url.len + m.page_title.len + m.locale.len + m.time_zone.len;
	m.have = (wc_str){(const char *) frame->ids, (uint32_t) frame->nids * 16};
	if (!wc_write_arrived(corridor_io_out(v->corridor), &m))
	{
		ws_server_close(&s->w, WS_CLOSE_INTERNAL, "out of memory");
		return;
	}
	corridor_io_nudge(v->corridor);
	s->state = SESSION_ARRIVED;
	timeouts_set(&v->timeouts, &s->w.timeout, PHASE_WELCOME, uv_now(v->loop));
}

/* The address pays for a visitor who was made, and gets back what was not needed. */
static void
settle_newcomer(session *s, bool made)
{
	visitors *v = s->v;
	uint64_t now = uv_now(v->loop);

	if (s->count == NULL)
		return;
	if (made)
		address_rate_take(v->address_bytes, &s->client, &v->address_kb_rate, now, visitor_kb(s->arrival->said));
	if (made && !s->arrival->paid)
		address_rate_take(v->newcomers, &s->client, &v->newcomer_rate, now, 1);
	else if (!made && s->arrival->paid)
		address_rate_give(v->newcomers, &s->client, &v->newcomer_rate);
}

static void
keep_idlest(void *arg, visitor_entry *e)
{
	session **idlest = arg;
	session *s = session_of(e);

	if (*idlest == NULL || s->busy_ms < (*idlest)->busy_ms ||
		(s->busy_ms == (*idlest)->busy_ms && e->number < (*idlest)->entry.number))
		*idlest = s;
}

/* A tab that is opened now is looked at, and one that was forgotten is not. */
static void
make_place(visitors *v, const session *s, const uint8_t visitor[16])
{
	session *idlest = NULL;

	if (visitor_registry_each(v->sessions, s->entry.channel, visitor, keep_idlest, &idlest) >= VISITORS_MAX_SESSIONS)
		ws_server_close(&idlest->w, WS_CLOSE_GAVE_WAY, "another session of this visitor took its place");
}

/* The visitor is committed: its session is open. */
static void
open_session(session *s, const wc_welcome *welcome, const channel *ch)
{
	visitors *v = s->v;

	make_place(v, s, welcome->visitor);
	memcpy(s->entry.visitor, welcome->visitor, 16);
	visitor_registry_welcome(v->sessions, &s->entry);
	s->state = SESSION_OPEN;
	s->busy_ms = uv_now(v->loop);
	timeouts_set(&v->timeouts, &s->w.timeout, PHASE_QUIET, uv_now(v->loop));
	visitor_output_welcome(s, welcome, ch, welcome->result == WC_WELCOME_MADE ? s->arrival->token : NULL);
	session_free_arrival(s);
	/* Saying it may have shown that nobody is there any more. */
	if (s->state == SESSION_OPEN)
		ws_server_resume(&s->w);
}

/* It is not known to the worker: nothing must be said when it leaves. */
static void
turn_back(session *s, uint16_t code, const char *reason)
{
	s->state = SESSION_HELLO;
	ws_server_close(&s->w, code, reason);
}

void
visitor_hello_welcome(visitors *v, const wc_welcome *welcome)
{
	visitor_entry *e = visitor_registry_find(v->sessions, welcome->session);
	session *s = e ? session_of(e) : NULL;
	const channel *ch;

	/* It has left meanwhile: LEFT is on its way. */
	if (s == NULL || s->state != SESSION_ARRIVED)
		return;
	ch = channels_find(v->channels, s->entry.channel);
	settle_newcomer(s, welcome->result == WC_WELCOME_MADE);
	switch (welcome->result)
	{
		case WC_WELCOME_KNOWN:
		case WC_WELCOME_MADE:
			if (ch != NULL)
				open_session(s, welcome, ch);
			else
				ws_server_close(&s->w, WS_CLOSE_KEY, "the channel was dropped");
			break;
		case WC_WELCOME_NOT_MADE:
			metrics_now.newcomers_refused[METRICS_NEWCOMER_ADDRESS]++;
			turn_back(s, WS_CLOSE_LATER, "too many new visitors from this address; come back later");
			break;
		case WC_WELCOME_BUDGET:
			metrics_now.newcomers_refused[METRICS_NEWCOMER_BUDGET]++;
			turn_back(s, WS_CLOSE_LATER, "too many new visitors here; come back later");
			break;
		case WC_WELCOME_PAUSED:
			metrics_now.newcomers_refused[METRICS_NEWCOMER_PAUSED]++;
			turn_back(s, WS_CLOSE_LATER, "no new visitors are taken now; come back later");
			break;
		case WC_WELCOME_GONE:
			turn_back(s, WS_CLOSE_KEY, "the channel was dropped");
			break;
		default:
			turn_back(s, WS_CLOSE_INTERNAL, "the visitor could not be welcomed now; come back shortly");
	}
}

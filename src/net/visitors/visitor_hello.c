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
#include "base/rate_limit.h"
#include "visitors/visitor_admit.h"
#include "visitors/visitor_identity.h"
#include "visitors/visitor_output.h"

/* What is said of who a visitor is, in an open session: so many in ten seconds, so many at once. */
static const rate_limit says_rate = {10000, 2, 6};

/* A link that opens nothing costs its address as many hellos more. */
#define BAD_LINK_COSTS 4

#define BAD_LINK   "this link opens no conversation: it is over, or was never one, or its conversation is a user's"
#define OTHER_LINK "this link opens another conversation than the one that is here; say hello without ask, and it does"

#define NO_IDENTITY "this channel takes those only who say, signed, who they are"

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
	if (s->arrival == NULL || !make_token(s->arrival->token) || !make_id(s->v, m->new_visitor) ||
		!hash_token(s->arrival->token, m->new_hash))
		return false;
	memcpy(s->arrival->new_hash, m->new_hash, WC_HASH_SIZE);
	return true;
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

/* A user as 8 bytes; never 0. */
static uint64_t
user_tag(wc_str user_id)
{
	return visitor_admit_origin_tag(user_id.p, user_id.len) | 1;
}

/*
 * Who the frame says that the visitor is: NULL, or why its token does not count.  Without one, and where it does
 * not count, nobody is named.
 */
static const char *
check_identity(const session *s, const visitor_frame *frame, visitor_identity *who)
{
	const channel *ch = channels_find(s->v->channels, s->entry.channel);
	struct timespec now;

	memset(who, 0, sizeof(*who));
	if (frame->identity == NULL)
		return NULL;
	if (ch == NULL || ch->identity == WC_IDENTITY_NONE)
		return "This channel takes no identities.";
	clock_gettime(CLOCK_REALTIME, &now);
	return visitor_identity_verify(ch->identity_secrets, ch->nidentity_secrets, ch->public_key, frame->identity,
								   strlen(frame->identity), now.tv_sec, who);
}

/* One of them as the token has it, or else as the page says. */
static wc_str
signed_or_said(const char *signed_text, const char *said, uint8_t bit, uint8_t *signed_fields)
{
	if (signed_text[0] != '\0')
		*signed_fields |= bit;
	return wc_str_from(signed_text[0] != '\0' ? signed_text : said);
}

static void
tell_profile(const visitor_identity *who, const visitor_frame *frame, wc_profile *m)
{
	const visitor_profile *said = frame->profile;

	m->name = signed_or_said(who->name, said->name, WC_SIGNED_NAME, &m->signed_fields);
	m->email = signed_or_said(who->email, said->email, WC_SIGNED_EMAIL, &m->signed_fields);
	m->avatar = signed_or_said(who->avatar, said->avatar, WC_SIGNED_AVATAR, &m->signed_fields);
	/* of none nothing is to be written */
	m->attributes = wc_str_from(frame->attributes && strcmp(frame->attributes, "{}") != 0 ? frame->attributes : "");
}

/* The same in a hello, with the user. */
static void
tell_identity(const visitor_identity *who, const visitor_frame *frame, wc_arrived *m)
{
	wc_profile profile = {.signed_fields = 0};

	tell_profile(who, frame, &profile);
	m->user_id = wc_str_from(who->user_id);
	m->name = profile.name;
	m->email = profile.email;
	m->avatar = profile.avatar;
	m->signed_fields = profile.signed_fields;
	m->attributes = profile.attributes;
	m->referrer = wc_str_from(frame->profile->referrer);
}

/* Bytes that are stored of a new visitor. */
static size_t
said_bytes(const wc_arrived *m)
{
	return m->attributes.len + m->page_url.len + m->page_title.len + m->locale.len + m->time_zone.len + m->user_id.len +
		   m->name.len + m->email.len + m->avatar.len + m->referrer.len;
}

/* ARRIVED: from here on the session waits for its WELCOME. */
static void
arrive(session *s, const wc_arrived *m)
{
	visitors *v = s->v;

	s->arrival->said = said_bytes(m);
	if (!wc_write_arrived(corridor_io_out(v->corridor), m))
	{
		ws_server_close(&s->w, WS_CLOSE_INTERNAL, "out of memory");
		return;
	}
	corridor_io_nudge(v->corridor);
	s->state = SESSION_ARRIVED;
	timeouts_set(&v->timeouts, &s->w.timeout, PHASE_WELCOME, uv_now(v->loop));
}

void
visitor_hello(session *s, const visitor_frame *frame)
{
	wc_arrived m = {.session = s->entry.number};
	visitor_identity who;

	if (!prepare(s, &m) || (frame->has_token && !hash_token(frame->token, m.token_hash)) ||
		(frame->has_link && !hash_token(frame->link, m.link_hash)))
	{
		ws_server_close(&s->w, WS_CLOSE_INTERNAL, "out of memory");
		return;
	}
	memcpy(m.channel, s->entry.channel, 16);
	m.has_token = frame->has_token;
	m.has_link = frame->has_link;
	m.ask_link = frame->ask_link;
	if (!hello_in_time(s, &m))
	{
		metrics_now.visitor_rate_errors++;
		ws_server_close(&s->w, WS_CLOSE_LATER, "too many hellos from this address or with this token; come back later");
		return;
	}
	s->arrival->refused = check_identity(s, frame, &who);
	tell_identity(&who, frame, &m);
	memcpy(s->arrival->token_hash, m.token_hash, WC_HASH_SIZE);
	s->arrival->has_token = m.has_token;
	m.may_make = may_make(s, frame->has_token);
	if (!m.has_token && !m.may_make && m.user_id.len == 0 && !m.has_link)
	{
		metrics_now.newcomers_refused[METRICS_NEWCOMER_ADDRESS]++;
		ws_server_close(&s->w, WS_CLOSE_LATER, "too many new visitors from this address; come back later");
		return;
	}
	tell_page(s, frame->page, &m);
	m.have = (wc_str){(const char *) frame->ids, (uint32_t) frame->nids * 16};
	arrive(s, &m);
}

/*
 * The session is to be another user's: as if it had left, and come again with the identity and the visitor that
 * it had.  What was under way goes on under its old number; whoever waits for its ack sends it again.
 */
static void
arrive_again(session *s, const visitor_frame *frame, const visitor_identity *who)
{
	visitors *v = s->v;
	wc_arrived m = {.session = 0};
	wc_left left = {s->entry.number};

	if (!prepare(s, &m))
	{
		ws_server_close(&s->w, WS_CLOSE_INTERNAL, "out of memory");
		return;
	}
	memcpy(m.channel, s->entry.channel, 16);
	/* whoever made the link may have written that conversation: it is not put among what the user has signed for */
	if (!s->by_link)
		memcpy(m.visitor, s->entry.visitor, 16);
	tell_identity(who, frame, &m);
	m.may_make = may_make(s, false);
	visitor_registry_drop(v->sessions, &s->entry);
	(void) wc_write_left(corridor_io_out(v->corridor), &left);
	visitor_registry_add(v->sessions, &s->entry);
	m.session = s->entry.number;
	s->unacked = 0;
	s->receipts = 0;
	s->asked = false;
	s->user_tag = 0;
	arrive(s, &m);
}

/* What the page says of them anew. */
static void
say_profile(session *s, const visitor_frame *frame, const visitor_identity *who)
{
	wc_profile m = {.signed_fields = 0};

	memcpy(m.channel, s->entry.channel, 16);
	memcpy(m.visitor, s->entry.visitor, 16);
	tell_profile(who, frame, &m);
	if (m.name.len + m.email.len + m.avatar.len + m.attributes.len > 0)
		(void) wc_write_profile(corridor_io_out(s->v->corridor), &m);
}

void
visitor_hello_identify(session *s, const visitor_frame *frame)
{
	visitors *v = s->v;
	uint64_t now = uv_now(v->loop);
	uint32_t wait = rate_limit_wait(s->says, &says_rate, now);
	wc_arrived hello = {.has_token = 0};
	visitor_identity who;
	const char *refused;

	if (wait == 0 && s->count != NULL)
		wait = address_rate_wait(v->address_bytes, &s->client, &v->address_kb_rate, now);
	if (wait > 0 || corridor_io_full(v->corridor))
	{
		visitor_output_error(s, "identity", NULL, wait > 0 ? wait : 1000,
							 "Who the visitor is was said too often; say it again later.");
		return;
	}
	s->says = rate_limit_take(s->says, &says_rate, now);
	refused = check_identity(s, frame, &who);
	if (refused != NULL)
	{
		visitor_output_error(s, "identity", NULL, 0, refused);
		return;
	}
	if (s->count != NULL)
		address_rate_take(v->address_bytes, &s->client, &v->address_kb_rate, now, 1);
	if (who.user_id[0] == '\0' || user_tag(wc_str_from(who.user_id)) == s->user_tag)
		say_profile(s, frame, &who);
	else if (!hello_in_time(s, &hello))
		visitor_output_error(s, "identity", NULL, 60000, "Too many hellos from this address; say it again later.");
	else
		arrive_again(s, frame, &who);
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
	if (welcome->result == WC_WELCOME_MADE || welcome->new_token)
		memcpy(&s->token_tag, s->arrival->new_hash, sizeof(s->token_tag));
	else if (s->arrival->has_token)
		memcpy(&s->token_tag, s->arrival->token_hash, sizeof(s->token_tag));
	visitor_registry_welcome(v->sessions, &s->entry);
	s->state = SESSION_OPEN;
	s->busy_ms = uv_now(v->loop);
	timeouts_set(&v->timeouts, &s->w.timeout, PHASE_QUIET, uv_now(v->loop));
	s->by_link = welcome->by_link;
	s->user_tag = welcome->user_id.len > 0 ? user_tag(welcome->user_id) : 0;
	visitor_output_welcome(s, welcome, ch,
						   welcome->new_token || welcome->result == WC_WELCOME_MADE ? s->arrival->token : NULL);
	if (s->arrival != NULL && s->arrival->refused != NULL)
		visitor_output_error(s, "identity", NULL, 0, s->arrival->refused);
	if (welcome->bad_link)
		visitor_output_error(s, "link", NULL, 0, BAD_LINK);
	if (welcome->other_link)
		visitor_output_error(s, "link_other", NULL, 0, OTHER_LINK);
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
	if (welcome->bad_link && s->count != NULL)
		address_rate_take(v->hellos, &s->client, &v->hello_rate, uv_now(v->loop), BAD_LINK_COSTS);
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
		case WC_WELCOME_IDENTITY:
			turn_back(s, WS_CLOSE_IDENTITY, s->arrival->refused ? s->arrival->refused : NO_IDENTITY);
			break;
		case WC_WELCOME_GONE:
			turn_back(s, WS_CLOSE_KEY, "the channel was dropped");
			break;
		default:
			turn_back(s, WS_CLOSE_INTERNAL, "the visitor could not be welcomed now; come back shortly");
	}
}

/*
 * desk_api.c
 *	  The token of a new session is made here and goes to the browser only: the
 *	  worker and the database have its hash.
 */
#include "desk/desk_api.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json_load.h"
#include "base/metrics.h"
#include "base/text.h"
#include "desk/desk_frame.h"
#include "desk/desk_guard.h"
#include "desk/desk_sockets.h"
#include "http/http_reply.h"
#include "http/static_files.h"

/* A function's name, its NUL included. */
#define FUNCTION_SIZE 41

/* What is kept of a browser's name for itself, its NUL included. */
#define USER_AGENT_SIZE 201

/*
 * Bytes of answers that clients have not read yet, in all; and the most that one answer has (ANSWER_MOST in
 * desk_run.c): no call is taken whose answer might not have room.
 */
#define SENDING_MAX (64u * 1024 * 1024)
#define ANSWER_MAX	(8u * 1024 * 1024)

/* What can be called in no session; the desk worker has the same names (desk_run.c). */
typedef struct stranger_call
{
	const char *function;
	bool signs_in; /* its answer 200 opens a session */
	int attempts;  /* to sign in, that are given back with that */
} stranger_call;

static const stranger_call of_strangers[] = {
	{"sign_in", true, 1},
	{"passkey_challenge", false, 0},
	{"enter", true, 1},			  /* as whom a trusted proxy says */
	{"passkey_sign_in", true, 2}, /* its own, and that of its challenge */
};

/* From the request's head to its answer: c->desk. */
typedef struct call
{
	desk_caller caller;
	const stranger_call *stranger; /* NULL: it needs a session */
	char function[FUNCTION_SIZE];
	char user_agent[USER_AGENT_SIZE];
	char token[DESK_TOKEN_LEN + 1]; /* of the session that it opens */
	uint8_t new_session[WC_HASH_SIZE];
	uint64_t conversation; /* the tag of the one that it reads; 0: none */
	size_t sending;		   /* bytes of its answer, counted */
	bool counted;		   /* among the session's calls */
	bool unattended;	   /* its page is */
} call;

static bool
is(const call *k, const char *function)
{
	return strcmp(k->function, function) == 0;
}

static bool
signs_in(const call *k)
{
	return k->stranger != NULL && k->stranger->signs_in;
}

static const stranger_call *
find_stranger_call(const char *function)
{
	for (size_t i = 0; i < sizeof(of_strangers) / sizeof(of_strangers[0]); i++)
	{
		if (strcmp(of_strangers[i].function, function) == 0)
			return &of_strangers[i];
	}
	return NULL;
}

/* A name that a function may have; "socket" asks whose session it is, and is ours. */
static bool
is_function(const char *name, size_t len)
{
	return len >= 1 && len < FUNCTION_SIZE && name[0] >= 'a' && name[0] <= 'z' &&
		   strspn(name, "abcdefghijklmnopqrstuvwxyz_") >= len && !(len == 6 && memcmp(name, "socket", 6) == 0);
}

/* Whoever it is that asks; REFUSE_NOTHING: it may go on. */
static refusal
check_caller(desk *d, const desk_head *head, call *k)
{
	refusal why;

	if (!head->marked || !desk_head_is_ours(head, d->origin))
		return REFUSE_DESK_ORIGIN;
	why = desk_guard_user(head, &k->caller);
	if (why == REFUSE_NOTHING && is(k, "enter") && k->caller.user[0] == '\0')
		why = REFUSE_DESK_SESSION;
	if (why != REFUSE_NOTHING)
		return why;
	if (k->stranger != NULL)
		return desk_guard_sign_in(d, head, &k->caller);
	return desk_guard_session(d, head, &k->caller);
}

void
desk_api_check_head(conn *c, const char *method)
{
	desk *d = c->server->owner;
	size_t len;
	const char *function = routes_desk_function(c->target, &len);
	desk_head head;
	refusal why;
	call *k;

	if (!desk_guard_is_on(c))
		return;
	if (strcmp(method, "POST") != 0)
	{
		http_reply_refuse(c, REFUSE_METHOD_POST, NULL);
		return;
	}
	c->desk = k = net_alloc(sizeof(*k));
	k->caller.client = c->client;
	desk_guard_head(d, c, &head);
	k->unattended = head.unattended;
	if (is_function(function, len))
		memcpy(k->function, function, len);
	k->stranger = find_stranger_call(k->function);
	text_line(k->user_agent, USER_AGENT_SIZE - 1, head.user_agent.p ? head.user_agent.p : "", head.user_agent.len);
	why = check_caller(d, &head, k);
	if (why == REFUSE_NOTHING && k->function[0] == '\0')
		http_reply_refuse(c, REFUSE_ROUTE, "The desk has no such function.");
	else if (why != REFUSE_NOTHING)
		http_reply_refuse(c, why, NULL);
}

static refusal
ask(conn *c, call *k, const char *args, size_t len, const uint8_t channel[16])
{
	http_server *h = c->server;
	char client[ADDRESS_TEXT_SIZE];
	wc_desk_call m;
	bool written;

	memset(&m, 0, sizeof(m));
	m.request = inflight_take(h->inflight, c, len, h->max_waiting);
	if (m.request == 0)
		return REFUSE_BEHIND;
	address_print(&k->caller.client, client);
	memcpy(m.session, k->caller.session, WC_HASH_SIZE);
	memcpy(m.new_session, k->new_session, WC_HASH_SIZE);
	m.has_session = k->caller.has_session;
	m.unattended = k->unattended;
	m.function = wc_str_from(k->function);
	m.args = (wc_str){args, (uint32_t) len};
	m.client = wc_str_from(client);
	m.user_agent = wc_str_from(k->user_agent);
	m.user = wc_str_from(k->caller.user);
	memcpy(m.channel, channel, sizeof(m.channel));
	written = wc_write_desk_call(corridor_io_out(h->corridor), &m);
	if (!written)
	{
		inflight_give(h->inflight, m.request);
		return REFUSE_MEMORY;
	}
	corridor_io_nudge(h->corridor);
	http_reply_wait(c, m.request);
	return REFUSE_NOTHING;
}

/* The call with its arguments, which are JSON text of an object. */
static refusal
take(conn *c, call *k, const char *args, size_t len, char why[WC_REASON_SIZE])
{
	desk *d = c->server->owner;
	desk_conversation which = {0};
	bool named = false;

	if (len > WC_MAX_DESK_ARGS)
		return REFUSE_LARGE; /* it grew when it was mended */
	if (!desk_frame_arguments(args, len, &which, &named, why))
		return REFUSE_DESK_CALL;
	if (named && is(k, "conversation"))
		k->conversation = desk_frame_tag(&which);
	if (signs_in(k) && !desk_guard_token(k->token, k->new_session))
		return REFUSE_MEMORY;
	if (k->caller.has_session && !desk_sessions_may_send(d->sessions, k->caller.session, ANSWER_MAX))
		return REFUSE_DESK_RATE;
	if (k->caller.has_session && d->sending + ANSWER_MAX > SENDING_MAX)
		return REFUSE_DESK_SLOW;
	if (k->caller.has_session && !desk_sessions_begin(d->sessions, k->caller.session, &k->counted))
		return REFUSE_DESK_RATE;
	return ask(c, k, args, len, which.channel);
}

void
desk_api_handle(conn *c, const char *body, size_t len)
{
	char reason[WC_REASON_SIZE] = "";
	refusal why = http_reply_blocked(c);
	json_mended text;

	json_load_mend(&text, body, len);
	if (why == REFUSE_NOTHING && text.len == 0)
		why = take(c, c->desk, "{}", 2, reason);
	else if (why == REFUSE_NOTHING)
		why = take(c, c->desk, text.p, text.len, reason);
	json_load_free(&text);
	if (why != REFUSE_NOTHING)
		http_reply_refuse(c, why, reason);
}

/* The request is over, or given up. */
void
desk_api_forget(conn *c)
{
	desk *d = c->server->owner;
	call *k = c->desk;

	if (k == NULL)
		return;
	if (k->counted)
		desk_sessions_end(d->sessions, k->caller.session);
	d->sending -= k->sending;
	if (k->sending > 0)
		desk_sessions_sent(d->sessions, k->caller.session, k->sending);
	OPENSSL_cleanse(k, sizeof(*k));
	free(k);
	c->desk = NULL;
}

/* The cookie with that token, or (empty) the end of it. */
static void
set_cookie(const desk *d, struct MHD_Response *response, const char *token)
{
	char text[256];

	snprintf(text, sizeof(text), "%s=%s; Path=/; Max-Age=%u; HttpOnly; SameSite=Strict%s",
			 d->secure ? DESK_COOKIE_SECURE : DESK_COOKIE, token, token[0] != '\0' ? d->session_max_s : 0,
			 d->secure ? "; Secure" : "");
	MHD_add_response_header(response, "Set-Cookie", text);
	OPENSSL_cleanse(text, sizeof(text));
}

static http_response
answer_of(const wc_desk_answer *m)
{
	char *text = net_alloc(m->body.len + 2);
	size_t len = m->body.len > 0 ? m->body.len : 2;
	http_response a;

	memcpy(text, m->body.len > 0 ? m->body.p : "{}", len);
	a = http_response_text(text, len, "application/json");
	if (!a.owned)
		return a;
	a.status = m->http_status;
	MHD_add_response_header(a.response, "Cache-Control", "no-store");
	MHD_add_response_header(a.response, "X-Frame-Options", "DENY");
	MHD_add_response_header(a.response, "Cross-Origin-Resource-Policy", "same-origin");
	return a;
}

/* What an answer says about the session. */
static void
learn(desk *d, conn *c, call *k, const wc_desk_answer *m)
{
	if (m->http_status == 401 && k->caller.has_session)
	{
		desk_sessions_gone(d->sessions, k->caller.session);
		desk_sockets_sign_out(d->sockets, k->caller.session);
	}
	if (m->http_status == 200 && signs_in(k))
	{
		desk_guard_signed_in(d, &k->caller, k->stranger->attempts);
		/* whoever was signed in in this browser, is not any more, in no tab */
		desk_sessions_gone(d->sessions, k->caller.session);
		desk_sockets_sign_out(d->sockets, k->caller.session);
		desk_sessions_good(d->sessions, k->new_session, 0);
		set_cookie(d, c->answer.response, k->token);
	}
	else if (k->stranger == NULL && m->http_status < 500 && m->http_status != 401)
	{
		desk_guard_known(d, &k->caller);
		desk_sessions_good(d->sessions, k->caller.session, m->http_status == 200 ? k->conversation : 0);
	}
	if (m->http_status != 200)
		return;
	if (is(k, "sign_out"))
	{
		desk_sessions_gone(d->sessions, k->caller.session);
		desk_sockets_sign_out(d->sockets, k->caller.session);
		set_cookie(d, c->answer.response, "");
	}
	/* These end sessions whose tokens we cannot tell. */
	if (is(k, "end_session") || is(k, "disable_agent"))
		desk_sockets_check(d->sockets);
}

/* Is there room for the answer until the client has read it?  Calls that came before it was known may bring too many. */
static bool
count_answer(desk *d, call *k, size_t len)
{
	/* what strangers are answered is short */
	if (!k->caller.has_session)
		return true;
	if (d->sending + len > SENDING_MAX || !desk_sessions_may_send(d->sessions, k->caller.session, len))
		return false;
	k->sending = len;
	d->sending += len;
	desk_sessions_sends(d->sessions, k->caller.session, len);
	return true;
}

void
desk_api_answer(desk *d, const wc_desk_answer *m)
{
	conn *c = inflight_find(d->http->inflight, m->request);
	call *k = c != NULL ? c->desk : NULL;

	/* Not there: it was given up meanwhile. */
	if (k == NULL)
		return;
	inflight_give(d->http->inflight, m->request);
	metrics_answered(metrics_now.desk_calls, m->http_status);
	if (signs_in(k))
		metrics_now.desk_sign_ins[m->http_status == 200 ? 0 : 1]++;
	if (count_answer(d, k, m->body.len))
		c->answer = answer_of(m);
	else
		http_reply_refuse(c, REFUSE_DESK_SLOW, DESK_API_SLOW);
	if (c->answer.owned)
		learn(d, c, k, m);
	http_reply_resume(c);
}

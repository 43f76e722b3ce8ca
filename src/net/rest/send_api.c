/*
 * send_api.c
 *	  POST /v1/communication/web-chatt2me/message (doc/hub-contract.md, section 2), for those
 *	  who would use this hub as they use the remote one: from its head to the
 *	  worker, and from the worker's word to its answer.
 */
#include "rest/send_api.h"

#include <stdio.h>
#include <string.h>

#include "listen/listener.h"
#include "base/metrics.h"
#include "base/text.h"
#include "http/http_reply.h"
#include "rest/send_api_json.h"

/* Set in front of an Idempotency-Key, so that it never meets a key made in SQL. */
#define KEY_SPACE "api:"

#define UNKNOWN_CHANNEL                                                                                                \
	"No channel of this hub that the key may use has the id in \"from\"; webchatt.channels lists them."

refusal
send_api_check_key(conn *c, uint8_t scope)
{
	refusal why = api_keys_check(c->server->keys, c->head.api_key.p, c->head.api_key.len, scope, &c->key);

	if (c->key != 0)
		listener_trust(c->fd);
	return why;
}

void
send_api_check_head(conn *c, const char *method)
{
	wc_str idempotency = c->head.idempotency_key;
	refusal why = send_api_check_key(c, WC_SCOPE_SEND);

	if (strcmp(method, "POST") != 0)
		http_reply_refuse(c, REFUSE_METHOD_POST, NULL);
	else if (why != REFUSE_NOTHING)
		http_reply_refuse(c, why, NULL);
	else if (idempotency.p != NULL && (idempotency.len < 1 || idempotency.len > SEND_API_MAX_KEY ||
									   !text_is_ascii(idempotency.p, idempotency.len, ' ')))
		http_reply_refuse(c, REFUSE_PAYLOAD, "Idempotency-Key must be 1 to 200 printable characters of ASCII.");
}

static void
nobody_there(conn *c)
{
	c->answer =
		send_api_json_error("session_not_found",
							"The visitor has no open session; with \"hold\": true the message waits for the next one.");
}

static void
no_visitor(conn *c)
{
	c->answer = send_api_json_error(
		"visitor_not_found", "This channel has no visitor with the id in \"to\"; take it from an event's \"from\".");
}

/* Ask the worker to store it, or, when it could only be a repeat, whether it has. */
static refusal
ask(conn *c, const send_api_request *send, bool only_known, size_t len)
{
	http_server *d = c->server;
	wc_str key = c->head.idempotency_key;
	char dedupe[sizeof(KEY_SPACE) + SEND_API_MAX_KEY] = "";
	wc_api_send m;

	memset(&m, 0, sizeof(m));
	m.request = inflight_take(d->inflight, c, len, d->max_waiting);
	if (m.request == 0)
		return REFUSE_BEHIND;
	if (key.p != NULL)
		snprintf(dedupe, sizeof(dedupe), KEY_SPACE "%.*s", (int) key.len, key.p);
	memcpy(m.channel, send->channel, 16);
	memcpy(m.visitor, send->visitor, 16);
	m.only_known = only_known;
	m.interim = send->interim;
	m.bulk = send->bulk;
	m.author = send->author;
	m.dedupe_key = wc_str_from(dedupe);
	m.content = send->content;
	if (!wc_write_api_send(corridor_io_out(d->corridor), &m))
	{
		inflight_give(d->inflight, m.request);
		return REFUSE_LARGE;
	}
	corridor_io_nudge(d->corridor);
	http_reply_wait(c, m.request);
	return REFUSE_NOTHING;
}

static void
take_send(conn *c, const send_api_request *send, size_t len)
{
	http_server *d = c->server;
	const channel *ch = channels_find(d->channels, send->channel);
	const api_key *key = api_keys_get(d->keys, c->key);
	bool there = send->is_visitor && d->is_there != NULL && d->is_there(d->is_there_arg, send->channel, send->visitor);
	refusal why;

	c->held = send->hold && !there;
	if (key == NULL)
		http_reply_refuse(c, REFUSE_KEY_UNKNOWN, NULL); /* revoked, while the body came */
	else if (ch == NULL || !ch->local || !api_keys_has_channel(key, send->channel))
		http_reply_refuse(c, REFUSE_CHANNEL, UNKNOWN_CHANNEL);
	else if (!send->is_visitor && send->hold)
		no_visitor(c);
	else if (!there && !send->hold && (!send->is_visitor || c->head.idempotency_key.p == NULL))
	{
		metrics_now.api_no_session++;
		nobody_there(c);
	}
	else if ((why = ask(c, send, !there && !send->hold, len)) != REFUSE_NOTHING)
		http_reply_refuse(c, why, NULL);
}

void
send_api_handle(conn *c, const char *body, size_t len)
{
	char reason[WC_REASON_SIZE] = "";
	refusal why = http_reply_blocked(c);
	send_api_request send;

	if (why != REFUSE_NOTHING)
		http_reply_refuse(c, why, NULL);
	else if (!send_api_json_parse(body, len, &send, reason))
		http_reply_refuse(c, REFUSE_PAYLOAD, reason);
	else
	{
		take_send(c, &send, len);
		send_api_json_free(&send);
	}
}

/* The worker's sentence, or the table's. */
static void
refuse_invalid(conn *c, wc_str text)
{
	char reason[WC_REASON_SIZE];
	uint32_t len = text.len < sizeof(reason) ? text.len : (uint32_t) sizeof(reason) - 1;

	/* Never cut a character in two. */
	while (len > 0 && len < text.len && ((unsigned char) text.p[len] & 0xc0) == 0x80)
		len--;
	snprintf(reason, sizeof(reason), "%.*s", (int) len, len ? text.p : "");
	http_reply_refuse(c, REFUSE_PAYLOAD, reason);
}

/* A repeat of a message that did not and will not arrive; its error code. */
static void
refuse_ended(conn *c, wc_str code)
{
	char text[WC_MAX_ERROR_CODE + 1];

	snprintf(text, sizeof(text), "%.*s", (int) code.len, code.len ? code.p : "");
	c->answer = send_api_json_error(text, "The message of this Idempotency-Key was not delivered and will not be; to "
										  "send it all the same, use a new key.");
}

void
send_api_done(http_server *d, const wc_api_done *done)
{
	conn *c = inflight_find(d->inflight, done->request);

	/* Not there: it was given up meanwhile. */
	if (c == NULL || c->route != ROUTE_SEND)
		return;
	inflight_give(d->inflight, done->request);
	if (done->result < METRICS_API_RESULTS)
		metrics_now.api_sends[done->result]++;
	switch (done->result)
	{
		case WC_API_QUEUED:
		case WC_API_REPEAT:
			c->answer = send_api_json_stored(done->message, c->held ? "enqueued" : "sent");
			break;
		case WC_API_ENDED:
			refuse_ended(c, done->text);
			break;
		case WC_API_NOT_KNOWN:
			nobody_there(c);
			break;
		case WC_API_NO_VISITOR:
			no_visitor(c);
			break;
		case WC_API_NO_CHANNEL:
			http_reply_refuse(c, REFUSE_CHANNEL, UNKNOWN_CHANNEL);
			break;
		case WC_API_INVALID:
			refuse_invalid(c, done->text);
			break;
		default:
			http_reply_refuse(c, REFUSE_BUSY, NULL);
	}
	http_reply_resume(c);
}

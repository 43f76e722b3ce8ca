/*
 * visitor_admit.c
 *	  From a WebSocket's opening request to a session, or to a refusal that
 *	  says what to do.
 */
#include "visitors/visitor_admit.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/metrics.h"
#include "base/proxies.h"
#include "visitors/visitor_session.h"

/* One origin of a channel kept in 8 bytes: the beginning of its SHA-256. */
uint64_t
visitor_admit_origin_tag(const char *origin, size_t len)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	uint64_t tag = 0;

	if (EVP_Digest(origin, len, hash, NULL, EVP_sha256(), NULL) == 1)
		memcpy(&tag, hash, sizeof(tag));
	return tag;
}

bool
visitor_admit_is_of(const session *s, const char *url, size_t origin)
{
	return origin > 0 && visitor_admit_origin_tag(url, origin) == s->origin_tag;
}

static bool
origin_listed(const channel *ch, wc_str origin, uint64_t *tag)
{
	const wc_str *listed = channels_origin(ch, origin);

	*tag = listed ? visitor_admit_origin_tag(listed->p, listed->len) : 0;
	return *tag != 0;
}

/* The session itself; false: the descriptor was closed. */
static session *
session_new(visitors *v, const ws_opening *opening, const ws_handshake *head, const channel *ch)
{
	session *s = calloc(1, sizeof(*s));

	if (s == NULL || !ws_accept_upgrade(opening->fd, head, WS_PROTOCOL) ||
		!ws_server_start(&s->w, &v->host, opening->fd))
	{
		free(s);
		return NULL;
	}
	s->v = v;
	if (ch != NULL)
		memcpy(s->entry.channel, ch->id, 16);
	visitor_registry_add(v->sessions, &s->entry);
	v->connections++;
	timeouts_set(&v->timeouts, &s->w.timeout, PHASE_HELLO, opening->since);
	return s;
}

static void
admit(visitors *v, const ws_opening *opening, const ws_handshake *head, const channel *ch, const net_addr *client,
	  address_count *count, uint64_t tag)
{
	session *s = session_new(v, opening, head, ch);

	if (s == NULL)
	{
		if (count != NULL)
			address_counts_give(v->addresses, count);
		close(opening->fd);
		return;
	}
	s->client = *client;
	s->count = count;
	s->origin_tag = tag;
	metrics_now.visitors_entered++;
	/* A browser shows a page no status: so the key is refused by a close code. */
	if (ch == NULL)
		ws_server_close(&s->w, WS_CLOSE_KEY, "this public key is not valid; look at the widget's webChatId");
}

void
visitor_admit(visitors *v, const ws_opening *opening, const ws_handshake *head, refusal verdict, const char *why)
{
	net_addr client = ws_accept_client(opening, head);
	bool exempt = proxies_trust(&client);
	const channel *ch = NULL;
	address_count *count = NULL;
	uint64_t tag = 0;

	if (v->closing)
		verdict = REFUSE_CLOSING;
	if (verdict == REFUSE_NOTHING && head->public_key.p != NULL)
		ch = channels_find_key(v->channels, head->public_key.p, head->public_key.len);
	if (verdict == REFUSE_NOTHING && ch != NULL && !origin_listed(ch, head->origin, &tag))
		verdict = REFUSE_ORIGIN;
	if (verdict == REFUSE_NOTHING && v->connections >= v->max_visitors)
		verdict = REFUSE_VISITORS;
	if (verdict == REFUSE_NOTHING && !exempt &&
		(count = address_counts_take(v->addresses, &client, v->max_per_address)) == NULL)
		verdict = REFUSE_VISITORS_ADDRESS;
	if (verdict == REFUSE_ORIGIN)
		log_origin(head->origin.p, head->origin.len);
	if (verdict == REFUSE_NOTHING)
		admit(v, opening, head, ch, &client, count, tag);
	else
		ws_accept_refuse(v->loop, opening, &client, verdict, why, ch ? ch->id : NULL);
}

/*
 * retract_api.c
 */
#include "rest/retract_api.h"

#include <string.h>

#include "http/http_reply.h"
#include "rest/send_api.h"
#include "rest/send_api_json.h"

#define UNKNOWN_CHANNEL                                                                                                \
	"No channel of this hub that the key may use has the first id of the path; webchatt.channels lists them."

void
retract_api_check_head(conn *c, const char *method)
{
	refusal why = send_api_check_key(c, WC_SCOPE_SEND);

	if (strcmp(method, "DELETE") != 0)
		http_reply_refuse(c, REFUSE_METHOD_DELETE, NULL);
	else if (why != REFUSE_NOTHING)
		http_reply_refuse(c, why, NULL);
}

static refusal
ask(conn *c)
{
	http_server *d = c->server;
	wc_api_retract m;

	memset(&m, 0, sizeof(m));
	(void) routes_message(c->target, m.channel, m.message);
	m.request = inflight_take(d->inflight, c, sizeof(m), d->max_waiting);
	if (m.request == 0)
		return REFUSE_BEHIND;
	if (!wc_write_api_retract(corridor_io_out(d->corridor), &m))
	{
		inflight_give(d->inflight, m.request);
		return REFUSE_BEHIND;
	}
	corridor_io_nudge(d->corridor);
	http_reply_wait(c, m.request);
	return REFUSE_NOTHING;
}

void
retract_api_handle(conn *c, const char *body, size_t len)
{
	const channel *ch = channels_find(c->server->channels, c->channel);
	const api_key *key = api_keys_get(c->server->keys, c->key);
	refusal why = http_reply_blocked(c);

	(void) body;
	(void) len;
	if (why == REFUSE_NOTHING && key == NULL)
		why = REFUSE_KEY_UNKNOWN; /* revoked meanwhile */
	if (why == REFUSE_NOTHING && (ch == NULL || !ch->local || !api_keys_has_channel(key, c->channel)))
		http_reply_refuse(c, REFUSE_CHANNEL, UNKNOWN_CHANNEL);
	else if (why != REFUSE_NOTHING || (why = ask(c)) != REFUSE_NOTHING)
		http_reply_refuse(c, why, NULL);
}

bool
retract_api_done(http_server *d, const wc_api_done *done)
{
	conn *c = inflight_find(d->inflight, done->request);

	if (c == NULL || c->route != ROUTE_RETRACT)
		return false;
	inflight_give(d->inflight, done->request);
	switch (done->result)
	{
		case WC_API_QUEUED:
			c->answer = send_api_json_stored(done->message, "retracted");
			break;
		case WC_API_NOT_KNOWN:
			http_reply_refuse(c, REFUSE_MESSAGE, NULL);
			break;
		case WC_API_NO_CHANNEL:
			http_reply_refuse(c, REFUSE_CHANNEL, UNKNOWN_CHANNEL);
			break;
		case WC_API_INVALID:
			http_reply_refuse(c, REFUSE_PAYLOAD, "Only what was sent to a visitor can be taken back.");
			break;
		default:
			http_reply_refuse(c, REFUSE_BUSY, NULL);
	}
	http_reply_resume(c);
	return true;
}

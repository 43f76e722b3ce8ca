/*
 * signed_event.c
 */
#include "inbound/signed_event.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "inbound/event_scan.h"
#include "common/signature.h"

static refusal
refusal_of(wc_signature_verdict verdict)
{
	switch (verdict)
	{
		case WC_SIG_GOOD:
			return REFUSE_NOTHING;
		case WC_SIG_MISSING:
			return REFUSE_SIG_MISSING;
		case WC_SIG_MALFORMED:
			return REFUSE_SIG_MALFORMED;
		case WC_SIG_STALE:
			return REFUSE_SIG_STALE;
		case WC_SIG_WRONG:
			return REFUSE_SIG_WRONG;
		case WC_SIG_NO_SECRET:
			return REFUSE_NO_SECRET;
	}
	return REFUSE_SIG_WRONG;
}

/*
 * At a hub's endpoint the event says which channel it belongs to, and one hub
 * must not write into another's channels.  A status may name none: the worker
 * goes by the message then.
 */
static bool
is_of_hub(const signed_event_endpoint *to, const wc_event *event, char reason[WC_REASON_SIZE])
{
	static const uint8_t none[16];
	const channel *ch = channels_find(to->channels, event->channel);
	char id[37];

	if (event->kind == WC_EVENT_STATUS && memcmp(event->channel, none, 16) == 0)
		return true;
	if (ch != NULL && !ch->local && ch->hub == to->hub)
		return true;
	wc_uuid_print(event->channel, id);
	snprintf(reason, WC_REASON_SIZE, "No channel of this hub has the id %s here; webchatt.add_channel() adds it.", id);
	return false;
}

/*
 * It is no event, but the hub's signature is right: the worker keeps it, so that
 * nothing is lost of what the hub will not send again.
 */
static refusal
hand_unreadable(const signed_event *rq, const char *reason, wc_buf *out)
{
	wc_event event = {.kind = WC_EVENT_UNREADABLE, .request = rq->number, .hub = rq->to.hub};

	if (rq->to.channel != NULL)
		memcpy(event.channel, rq->to.channel, 16);
	event.error_message = wc_str_from(reason);
	event.body = (wc_str){rq->body, (uint32_t) rq->len};
	return wc_write_event(out, &event) ? REFUSE_NOTHING : REFUSE_LARGE;
}

refusal
signed_event_take(const signed_event *rq, wc_buf *out, char reason[WC_REASON_SIZE])
{
	wc_event event;
	event_json keep;
	refusal why;

	reason[0] = '\0';
	why = refusal_of(wc_signature_verify(rq->to.secrets, rq->to.nsecrets, rq->to.accept_unsigned, rq->signature.p,
										 rq->signature.len, rq->body, rq->len, (int64_t) time(NULL), rq->tolerance_s));
	if (why != REFUSE_NOTHING)
		return why;
	if (!event_scan_parse(rq->body, rq->len, rq->to.channel, &event, &keep, reason))
		return rq->signature.p == NULL || wc_event_is_anothers(&event, rq->to.channel)
				   ? REFUSE_EVENT
				   : hand_unreadable(rq, reason, out);
	event.request = rq->number;
	event.hub = rq->to.hub;
	if (event.hub != 0 && !is_of_hub(&rq->to, &event, reason))
		why = REFUSE_CHANNEL;
	else
		why = wc_write_event(out, &event) ? REFUSE_NOTHING : REFUSE_LARGE;
	event_json_free(&keep);
	return why;
}

char *
signed_event_token_json(wc_str token)
{
	json_t *string;
	char *text;

	if (token.len == 0 || token.len > SIGNED_EVENT_MAX_TOKEN)
		return NULL;
	string = json_stringn(token.p, token.len); /* NULL: not UTF-8 */
	if (string == NULL)
		return NULL;
	text = json_dumps(string, JSON_ENCODE_ANY);
	json_decref(string);
	return text;
}

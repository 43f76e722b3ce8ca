/*
 * webhook.c
 *	  A hub's POST to /webhooks/<channel id>: see webhook.h.
 */
#include "webhook.h"

#include <time.h>

#include "event_json.h"
#include "../common/signature.h"

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

refusal
webhook_take(const webhook_request *rq, wc_buf *out, char reason[WC_REASON_SIZE])
{
	wc_event	event;
	event_json	keep;
	refusal		why;
	bool		written;

	reason[0] = '\0';
	why = refusal_of(wc_signature_verify(rq->channel->secrets, rq->channel->nsecrets,
										 rq->channel->accept_unsigned,
										 rq->signature.p, rq->signature.len,
										 rq->body, rq->len,
										 (int64_t) time(NULL), rq->tolerance_s));
	if (why != REFUSE_NOTHING)
		return why;
	if (!event_json_parse(rq->body, rq->len, rq->channel->id, &event, &keep, reason))
		return REFUSE_EVENT;
	event.request = rq->number;
	written = wc_write_event(out, &event);
	event_json_free(&keep);
	return written ? REFUSE_NOTHING : REFUSE_LARGE;
}

char *
webhook_token_json(head_value token)
{
	json_t	   *string;
	char	   *text;

	if (token.len == 0 || token.len > WEBHOOK_MAX_TOKEN)
		return NULL;
	string = json_stringn(token.p, token.len);	/* NULL: not UTF-8 */
	if (string == NULL)
		return NULL;
	text = json_dumps(string, JSON_ENCODE_ANY);
	json_decref(string);
	return text;
}

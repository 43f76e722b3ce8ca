/*
 * webhook.c
 *	  A webhook as the worker has it: found, and its state.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "utils/uuid.h"

#include "feed/feed_list.h"
#include "feed/webhook.h"

dlist_head webhooks_all = DLIST_STATIC_INIT(webhooks_all);

/* May events go there? */
bool
webhook_is_deliverable(const Webhook *w)
{
	return w->listed && w->row->active && w->row->verified && !w->shedding;
}

Webhook *
webhook_find(const pg_uuid_t *id)
{
	dlist_iter at;
	Webhook *w;

	each_webhook(w, at)
	{
		if (memcmp(&w->row->id, id, sizeof(*id)) == 0)
			return w;
	}
	return NULL;
}

void
webhook_set_error(WebhookProgress *p, const char *text)
{
	int n = text ? pg_mbcliplen(text, (int) strlen(text), FEED_ERROR_SIZE - 1) : 0;

	if (n > 0)
		memcpy(p->last_error, text, n);
	p->last_error[n] = '\0';
}

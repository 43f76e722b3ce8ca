/*
 * desk_notices.c
 *	  A notice says that there is something to be asked for, and nothing of it: what
 *	  an agent may read is the database's to say.
 */
#include "desk/desk_notices.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/*
 * A desk that hears of a change asks for its inbox.  So each hears at most so
 * often, and all together so often that the database has time for visitors.
 */
#define CHANGED_MS		250u
#define CHANGED_MS_EACH 20u

/* Changes are gathered for so long before everybody is looked at again, in ms. */
#define LOOK_MS 25

/* How long an agent who has written a letter is said to be writing, in ms. */
#define TYPING_MS 6000

/* Colleagues that are named. */
#define COLLEAGUES_MAX 20

static uint64_t
tag_of(const hash_link *link)
{
	return HASH_ENTRY(desk_socket, by_conversation, link)->tag;
}

bool
desk_notices_init(desk_sockets *s)
{
	return hash_init(&s->shown, tag_of);
}

void
desk_notices_exit(desk_sockets *s)
{
	hash_exit(&s->shown);
	wc_buf_free(&s->text);
}

/* Send what was written. */
static bool
finish(desk_socket *k)
{
	wc_buf *text = &k->set->text;

	if (text->failed)
	{
		ws_server_close(&k->w, WS_CLOSE_INTERNAL, "out of memory");
		return false;
	}
	ws_server_cork(&k->w);
	return ws_server_send(&k->w, text->data, text->len);
}

bool
desk_notices_send(desk_socket *k, const char *type, const desk_conversation *which)
{
	wc_buf_reset(&k->set->text);
	desk_frame_write(&k->set->text, type, which);
	return finish(k);
}

/* A name of the table agents, which holds nothing that JSON would escape; another one is not shown. */
static void
put_name(wc_buf *buf, const char *name)
{
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] != '\0')
		name = "";
	text_append(buf, "\"");
	text_append(buf, name);
	text_append(buf, "\"");
}

bool
desk_notices_ready(desk_socket *k)
{
	wc_buf *buf = &k->set->text;

	k->heard = k->set->changes;
	k->heard_vague = k->set->vague;
	wc_buf_reset(buf);
	text_append(buf, "{\"type\":\"ready\",\"agent\":");
	put_name(buf, k->agent);
	text_append(buf, "}");
	return finish(k);
}

/* The next desk from a link of the table on that shows the conversation. */
static desk_socket *
next_of(hash_link *link, const desk_conversation *which)
{
	for (; link != NULL; link = link->next)
	{
		desk_socket *k = HASH_ENTRY(desk_socket, by_conversation, link);

		if (desk_frame_same(&k->which, which))
			return k;
	}
	return NULL;
}

static desk_socket *
first_of(const desk_sockets *s, uint64_t tag, const desk_conversation *which)
{
	return next_of(hash_chain(&s->shown, tag), which);
}

/* Something about who shows what k shows has changed: all of them hear of it, before the turn is over. */
static void
mark_stale(desk_socket *k)
{
	desk_socket *other;

	for (other = first_of(k->set, k->tag, &k->which); other != NULL;
		 other = next_of(other->by_conversation.next, &k->which))
		other->stale = true;
	k->set->stale = true;
}

void
desk_notices_show(desk_socket *k, const desk_conversation *which)
{
	if (k->shows && which != NULL && desk_frame_same(&k->which, which))
	{
		k->stale = k->set->stale = true;
		return;
	}
	if (k->shows)
	{
		hash_remove(&k->set->shown, &k->by_conversation);
		mark_stale(k);
	}
	k->shows = which != NULL;
	k->typing = false;
	if (which == NULL)
		return;
	k->which = *which;
	k->tag = desk_frame_tag(which);
	hash_add(&k->set->shown, &k->by_conversation);
	mark_stale(k);
}

void
desk_notices_typing(desk_socket *k)
{
	if (!k->shows)
		return;
	k->typed_ms = uv_now(k->set->d->loop);
	if (!k->typing)
	{
		k->typing = true;
		mark_stale(k);
	}
}

void
desk_notices_expire(desk_sockets *s)
{
	uint64_t now = uv_now(s->d->loop);

	for (uint32_t i = 0; i < DESKS_MAX; i++)
	{
		desk_socket *k = s->places[i];

		if (k != NULL && k->typing && now - k->typed_ms >= TYPING_MS)
		{
			k->typing = false;
			mark_stale(k);
		}
	}
}

void
desk_notices_conversation(desk_sockets *s, const desk_conversation *which, const char *type)
{
	desk_socket *k;
	desk_socket *next;

	if (s->shown.count == 0)
		return;
	/* Telling one may show that it has gone, which takes it out of the table. */
	for (k = first_of(s, desk_frame_tag(which), which); k != NULL; k = next)
	{
		next = next_of(k->by_conversation.next, which);
		desk_notices_send(k, type, which);
	}
}

void
desk_notices_changed(desk_sockets *s, bool tick)
{
	uint64_t now = uv_now(s->d->loop);
	uint64_t pause = s->open * CHANGED_MS_EACH > CHANGED_MS ? s->open * CHANGED_MS_EACH : CHANGED_MS;

	if (!tick && (s->seen == s->changes || now - s->seen_ms < LOOK_MS))
		return;
	s->seen = s->changes;
	s->seen_ms = now;
	for (uint32_t i = 0; i < DESKS_MAX; i++)
	{
		desk_socket *k = s->places[i];

		if (k == NULL || k->state != DESK_OPEN || k->heard == s->changes ||
			(k->told_ms != 0 && now - k->told_ms < pause))
			continue;
		k->heard = s->changes;
		k->told_ms = now;
		if (!desk_notices_send(k, "changed", NULL) || k->heard_vague == s->vague)
			continue;
		k->heard_vague = s->vague;
		if (k->shows)
			desk_notices_send(k, "conversation", &k->which);
	}
}

/* Is it among them? */
static bool
has(const desk_socket *const *some, int n, const char *agent)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(some[i]->agent, agent) == 0)
			return true;
	}
	return false;
}

/* The names of other agents who show the same, each once; typing: of those who write. */
static void
put_names(desk_socket *k, bool typing)
{
	const desk_socket *named[COLLEAGUES_MAX];
	const desk_socket *other;
	int n = 0;

	for (other = first_of(k->set, k->tag, &k->which); other != NULL && n < COLLEAGUES_MAX;
		 other = next_of(other->by_conversation.next, &k->which))
	{
		if (strcmp(other->agent, k->agent) == 0 || (typing && !other->typing) || has(named, n, other->agent))
			continue;
		if (n > 0)
			text_append(&k->set->text, ",");
		put_name(&k->set->text, other->agent);
		named[n++] = other;
	}
}

static void
tell_colleagues(desk_socket *k)
{
	wc_buf *buf = &k->set->text;

	wc_buf_reset(buf);
	text_append(buf, "{\"type\":\"colleagues\",\"agents\":[");
	put_names(k, false);
	text_append(buf, "],\"typing\":[");
	put_names(k, true);
	text_append(buf, "]}");
	finish(k);
}

void
desk_notices_colleagues(desk_sockets *s)
{
	if (!s->stale)
		return;
	s->stale = false;
	for (uint32_t i = 0; i < DESKS_MAX; i++)
	{
		desk_socket *k = s->places[i];

		if (k == NULL || !k->stale)
			continue;
		k->stale = false;
		if (k->state == DESK_OPEN && k->shows)
			tell_colleagues(k);
	}
}

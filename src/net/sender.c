/*
 * sender.c
 *	  Requests to hubs: what the worker wants sent goes in, one outcome for each
 *	  comes out.
 *
 * Messages wait in their hub's queue; a window of transfers, each with a
 * pooled easy handle, takes them from there.  Everything that can call back
 * happens in on_idle() or in libcurl's own events, so sender_send() never
 * does.
 */
#include "sender.h"

#include <string.h>

#include "../common/event.h"
#include "alloc.h"
#include "curl_loop.h"
#include "hub_registry.h"
#include "message.h"
#include "reply.h"
#include "transfer.h"

/* Memory of all messages here; the worker's window is far below it. */
#define MAX_QUEUED_BYTES	(32 * 1024 * 1024)

/* Easy handles kept while idle; one is about 10 kB. */
#define MAX_POOLED			1024

/* Until sender_configure() has been called. */
#define DEFAULT_IN_FLIGHT	64
#define DEFAULT_SEND_MS		30000
#define DEFAULT_CONNECT_MS	10000

struct sender
{
	uv_loop_t  *loop;
	uv_idle_t	idle;
	bool		idle_active;
	sender_outcome_fn on_outcome;
	void	   *arg;
	curl_loop  *curl;
	hub_registry hubs;
	message_queue failed;		/* their outcomes are still to be told */
	transfer   *active;
	transfer   *pool;
	uint32_t	pooled;
	uint32_t	under_way;
	uint32_t	queued;			/* in all hubs' queues */
	size_t		queued_bytes;	/* of all messages, under way too */
	uint32_t	max_in_flight;
	transfer_settings settings;
	bool		freed;
};

static void on_idle(uv_idle_t *idle);

/* Have on_idle() called before the loop waits again. */
static void
wake(sender *s)
{
	if (!s->idle_active)
	{
		s->idle_active = true;
		uv_idle_start(&s->idle, on_idle);
	}
}

static void
drop_message(sender *s, message *m)
{
	s->queued_bytes -= m->size;
	free(m);
}

static void
fail_message(sender *s, message *m, wc_outcome_result result, const char *text)
{
	m->failure = result;
	m->failure_text = text;
	message_queue_push(&s->failed, m);
	wake(s);
}

static transfer *
take_transfer(sender *s)
{
	transfer   *t = s->pool;

	/* An option cannot be brought back to its default, so such handles go. */
	while (t != NULL && t->generation != s->settings.generation)
	{
		s->pool = t->next;
		s->pooled--;
		transfer_free(t);
		t = s->pool;
	}
	if (t != NULL)
	{
		s->pool = t->next;
		s->pooled--;
		return t;
	}
	return transfer_new(s->curl, &s->settings);
}

static void
give_transfer_back(sender *s, transfer *t)
{
	if (s->freed || s->pooled >= MAX_POOLED || t->generation != s->settings.generation)
	{
		transfer_free(t);
		return;
	}
	t->next = s->pool;
	s->pool = t;
	s->pooled++;
}

/* ---- one request ---- */

static void
start_message(sender *s, hub *h, message *m)
{
	transfer   *t;

	if (h->target->defect_text != NULL)
	{
		fail_message(s, m, h->target->defect, h->target->defect_text);
		return;
	}
	t = take_transfer(s);
	if (t == NULL || !transfer_aim(t, h->target, m->kind))
	{
		if (t != NULL)
			transfer_free(t);
		fail_message(s, m, WC_OUT_RETRY, "libcurl has no memory, or the hub's api_url is too long");
		return;
	}
	transfer_load(t, m);
	t->hub = h;
	t->began = uv_hrtime();
	if (curl_loop_add(s->curl, t->easy) != CURLM_OK)
	{
		transfer_free(t);
		fail_message(s, m, WC_OUT_RETRY, "libcurl did not take the request");
		return;
	}
	t->prev = NULL;
	t->next = s->active;
	if (t->next != NULL)
		t->next->prev = t;
	s->active = t;
	s->under_way++;
	hub_started(h);
}

static void
unlink_active(sender *s, transfer *t)
{
	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		s->active = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	s->under_way--;
	hub_finished(t->hub);
	t->hub = NULL;
}

/* Once more, first of its hub's, with a new handle on a new connection. */
static void
send_again(sender *s, transfer *t)
{
	message    *m = t->message;
	hub		   *h = t->hub;

	m->again = true;
	message_queue_push_front(&h->queue, m);
	s->queued++;
	unlink_active(s, t);
	transfer_free(t);
	wake(s);
}

/* A transfer has ended: its handle is free before its outcome is told. */
static void
on_done(void *arg, CURL *easy, CURLcode code)
{
	sender	   *s = arg;
	transfer   *t = NULL;
	reply_verdict v;
	uint64_t	took;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &t);
	if (!t->message->again && !t->hub->gone && transfer_met_closed_connection(t, code))
	{
		send_again(s, t);
		return;
	}
	transfer_judge(t, code, &v);
	took = (uv_hrtime() - t->began) / 1000;
	v.outcome.token = t->message->token;
	v.outcome.duration_us = took > UINT32_MAX ? UINT32_MAX : (uint32_t) took;

	unlink_active(s, t);
	drop_message(s, t->message);
	t->message = NULL;
	give_transfer_back(s, t);
	if (s->queued > 0)
		wake(s);
	s->on_outcome(s->arg, &v.outcome);
}

/* ---- the loop's side ---- */

static void
tell_failures(sender *s)
{
	/* Only those that are there now: the callback may cause more. */
	uint32_t	count = s->failed.count;

	while (count-- > 0 && !s->freed)
	{
		message    *m = message_queue_pop(&s->failed);
		reply_verdict v;

		if (m == NULL)
			break;
		reply_say(&v, m->failure, "%s", m->failure_text);
		v.outcome.token = m->token;
		drop_message(s, m);
		s->on_outcome(s->arg, &v.outcome);
	}
}

static bool
start_queued(sender *s)
{
	bool		started = false;
	hub		   *h;

	while (s->queued > 0 &&
		   (h = hub_registry_next(&s->hubs, s->under_way, s->max_in_flight)) != NULL)
	{
		message    *m = message_queue_pop(&h->queue);

		s->queued--;
		start_message(s, h, m);
		started = true;
	}
	return started;
}

static void
on_idle(uv_idle_t *idle)
{
	sender	   *s = idle->data;

	uv_idle_stop(&s->idle);
	s->idle_active = false;
	if (start_queued(s))
		curl_loop_run(s->curl);
	if (!s->freed)
		tell_failures(s);
	if (!s->freed && s->failed.first != NULL)
		wake(s);
}

/* ---- the interface ---- */

sender *
sender_new(uv_loop_t *loop, sender_outcome_fn on_outcome, void *arg)
{
	sender	   *s;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	s = net_alloc(sizeof(sender));
	s->loop = loop;
	s->on_outcome = on_outcome;
	s->arg = arg;
	s->curl = curl_loop_new(loop, on_done, s);
	if (s->curl == NULL)
	{
		free(s);
		return NULL;
	}
	uv_idle_init(loop, &s->idle);
	s->idle.data = s;
	s->max_in_flight = DEFAULT_IN_FLIGHT;
	s->settings.send_timeout_ms = DEFAULT_SEND_MS;
	s->settings.connect_timeout_ms = DEFAULT_CONNECT_MS;
	curl_loop_set_connections(s->curl, DEFAULT_IN_FLIGHT);
	return s;
}

void
sender_configure(sender *s, const wc_config *config)
{
	uint32_t	old_len = s->settings.ca_file != NULL ? (uint32_t) strlen(s->settings.ca_file) : 0;

	if (config->max_in_flight > 0)
		s->max_in_flight = config->max_in_flight;
	curl_loop_set_connections(s->curl, (long) s->max_in_flight);
	if (s->queued > 0)
		wake(s);

	if (config->send_timeout_ms == s->settings.send_timeout_ms &&
		config->connect_timeout_ms == s->settings.connect_timeout_ms &&
		config->ca_file.len == old_len &&
		(old_len == 0 || memcmp(config->ca_file.p, s->settings.ca_file, old_len) == 0))
		return;

	if (config->send_timeout_ms > 0)
		s->settings.send_timeout_ms = config->send_timeout_ms;
	if (config->connect_timeout_ms > 0)
		s->settings.connect_timeout_ms = config->connect_timeout_ms;
	free(s->settings.ca_file);
	s->settings.ca_file = NULL;
	if (config->ca_file.len > 0)
	{
		s->settings.ca_file = net_alloc((size_t) config->ca_file.len + 1);
		memcpy(s->settings.ca_file, config->ca_file.p, config->ca_file.len);
	}
	s->settings.generation++;
}

void
sender_hub_put(sender *s, const wc_hub_put *put)
{
	hub_registry_put(&s->hubs, put);
}

void
sender_hub_gone(sender *s, uint32_t id)
{
	hub		   *h = hub_registry_find(&s->hubs, id);
	message    *m;

	if (h == NULL)
		return;
	while ((m = message_queue_pop(&h->queue)) != NULL)
	{
		s->queued--;
		fail_message(s, m, WC_OUT_UNREACHABLE, "the hub was removed before the message was sent");
	}
	hub_registry_remove(&s->hubs, h);
}

void
sender_send(sender *s, const wc_send *send)
{
	hub		   *h = hub_registry_find(&s->hubs, send->hub);
	const char *refusal = NULL;
	message    *m = NULL;

	if (h == NULL || s->queued_bytes > MAX_QUEUED_BYTES ||
		(m = message_new(send, &refusal)) == NULL)
		m = message_new_bare(send->token);
	s->queued_bytes += m->size;

	if (h == NULL)
		fail_message(s, m, WC_OUT_UNREACHABLE, "the hub is not known to webchatt-net");
	else if (refusal != NULL)
		fail_message(s, m, WC_OUT_REFUSED, refusal);
	else if (m->body == NULL)
		fail_message(s, m, WC_OUT_RETRY,
					 "too many messages wait in webchatt-net; this one is sent later");
	else
	{
		message_queue_push(&h->queue, m);
		s->queued++;
		wake(s);
	}
}

uint32_t
sender_pending(const sender *s)
{
	return s->queued + s->under_way + s->failed.count;
}

static void
free_sender(uv_handle_t *handle)
{
	sender	   *s = handle->data;

	hub_registry_free(&s->hubs);
	free(s->settings.ca_file);
	free(s);
	curl_global_cleanup();
}

void
sender_free(sender *s)
{
	transfer   *t;

	s->freed = true;
	while ((t = s->active) != NULL)
	{
		curl_loop_remove(s->curl, t->easy);
		unlink_active(s, t);
		free(t->message);
		transfer_free(t);
	}
	while ((t = s->pool) != NULL)
	{
		s->pool = t->next;
		transfer_free(t);
	}
	message_queue_drop(&s->failed);
	curl_loop_free(s->curl);
	uv_close((uv_handle_t *) &s->idle, free_sender);
}

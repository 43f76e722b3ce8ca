/*
 * client_pool.c
 *	  Requests wait in their destination's queue; a window of transfers, each with a
 *	  pooled easy handle, takes them from there.  Everything that can call back
 *	  happens in on_idle() or in libcurl's own events, so what its owner calls
 *	  never does.
 */
#include "client/client_pool.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

/* Memory of all requests here; the worker's window is far below it. */
#define MAX_QUEUED_BYTES (32 * 1024 * 1024)

/* Easy handles kept while idle; one is about 10 kB. */
#define MAX_POOLED 1024

/* Until client_pool_configure() has been called. */
#define DEFAULT_UNDER_WAY	64
#define DEFAULT_TIMEOUT_MS	30000
#define DEFAULT_CONNECT_MS	10000
#define DEFAULT_LIFETIME_MS 120000

struct client_pool
{
	uv_loop_t *loop;
	uv_idle_t idle;
	bool idle_active;
	const client_pool_owner *owner;
	void *arg;
	curl_uv *curl;	  /* where requests begin; those under way may be in an older one */
	curl_uv *telling; /* the one whose transfer's end is being told; NULL: none */
	destinations destinations;
	client_queue failed; /* to be told */
	transfer *active;
	transfer *pool;
	uint32_t pooled;
	uint32_t under_way;
	uint32_t queued;	 /* in all destinations' queues */
	size_t queued_bytes; /* of all requests, under way too */
	uint32_t max_under_way;
	uint32_t lifetime_ms; /* of curl's connections */
	uint64_t curl_since;  /* uv_now() when curl was made */
	transfer_settings settings;
	bool freed;
};

static void on_idle(uv_idle_t *idle);

/* Have on_idle() called before the loop waits again. */
static void
wake(client_pool *x)
{
	if (!x->idle_active)
	{
		x->idle_active = true;
		uv_idle_start(&x->idle, on_idle);
	}
}

static void
drop_request(client_pool *x, client_request *e)
{
	x->queued_bytes -= e->size;
	free(e);
}

static void
fail_request(client_pool *x, client_request *e, wc_outcome_result failure, const char *text)
{
	e->failure = failure;
	e->failure_text = text;
	client_queue_push(&x->failed, e);
	wake(x);
}

/* ---- pooled handles ---- */

static void
empty_pool(client_pool *x)
{
	transfer *t;

	while ((t = x->pool) != NULL)
	{
		x->pool = t->next;
		transfer_free(t);
	}
	x->pooled = 0;
}

static transfer *
take_transfer(client_pool *x)
{
	transfer *t = x->pool;

	if (t == NULL)
		return transfer_new(x->curl, &x->settings);
	x->pool = t->next;
	x->pooled--;
	return t;
}

/* An option cannot be brought back to its default, so handles of old settings go. */
static void
give_transfer_back(client_pool *x, transfer *t)
{
	if (x->freed || x->pooled >= MAX_POOLED || t->generation != x->settings.generation)
	{
		transfer_free(t);
		return;
	}
	t->next = x->pool;
	x->pool = t;
	x->pooled++;
}

/* Those in the pool were made for settings that hold no more. */
static void
settings_changed(client_pool *x)
{
	x->settings.generation++;
	empty_pool(x);
}

/* ---- one request ---- */

static void
start_request(client_pool *x, destination *p, client_request *e)
{
	const char *text;
	transfer *t;

	if (p->target->defect_text != NULL)
	{
		fail_request(x, e, p->target->defect, p->target->defect_text);
		return;
	}
	t = take_transfer(x);
	if (t == NULL)
	{
		fail_request(x, e, WC_OUT_RETRY, "libcurl has no memory for one more request");
		return;
	}
	t->destination = p;
	t->request = e;
	text = x->owner->load(x->arg, t);
	t->began = uv_hrtime();
	if (text == NULL && curl_uv_add(x->curl, t->easy) != CURLM_OK)
		text = "libcurl did not take the request";
	if (text != NULL)
	{
		transfer_free(t);
		fail_request(x, e, WC_OUT_RETRY, text);
		return;
	}
	t->prev = NULL;
	t->next = x->active;
	if (t->next != NULL)
		t->next->prev = t;
	x->active = t;
	x->under_way++;
	client_queue_started(p);
}

static void
unlink_active(client_pool *x, transfer *t)
{
	if (t->prev != NULL)
		t->prev->next = t->next;
	else
		x->active = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	x->under_way--;
}

/* An older loop goes with the last transfer in it. */
static void
leave_loop(client_pool *x, curl_uv *loop)
{
	if (loop == x->curl || loop == x->telling)
		return;
	for (const transfer *t = x->active; t != NULL; t = t->next)
		if (t->loop == loop)
			return;
	curl_uv_free(loop);
}

/* Once more, first of its destination's, with a new handle on a new connection. */
static void
begin_again(client_pool *x, transfer *t)
{
	client_request *e = t->request;
	curl_uv *loop = t->loop;

	e->again = true;
	client_queue_push_front(client_queue_of(t->destination, e), e);
	x->queued++;
	unlink_active(x, t);
	client_queue_finished(t->destination);
	transfer_free(t);
	leave_loop(x, loop);
	wake(x);
}

/*
 * A transfer has ended.  Its owner is told while destination and handle are still
 * there to be looked at, and may free the pool meanwhile: what is left of it
 * then lasts until the loop has run.
 */
static void
on_done(void *arg, CURL *easy, CURLcode code)
{
	client_pool *x = arg;
	transfer *t = NULL;
	curl_uv *loop;
	uint64_t took;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &t);
	if (!t->request->again && !t->destination->gone && transfer_met_closed_connection(t, code))
	{
		begin_again(x, t);
		return;
	}
	loop = t->loop;
	took = (uv_hrtime() - t->began) / 1000;
	unlink_active(x, t);
	if (x->queued > 0)
		wake(x);
	x->telling = loop;
	x->owner->done(x->arg, t, code, took > UINT32_MAX ? UINT32_MAX : (uint32_t) took);
	x->telling = NULL;

	client_queue_finished(t->destination);
	drop_request(x, t->request);
	give_transfer_back(x, t);
	leave_loop(x, loop);
}

/* ---- the loop's side ---- */

static void
tell_failures(client_pool *x)
{
	/* Only those that are there now: the owner may cause more. */
	uint32_t count = x->failed.count;

	while (count-- > 0 && !x->freed)
	{
		client_request *e = client_queue_pop(&x->failed);

		if (e == NULL)
			break;
		x->owner->failed(x->arg, e);
		drop_request(x, e);
	}
}

/* Another of libcurl's loops, with no connection, no name and no certificate in it. */
static bool
renew_curl(client_pool *x)
{
	curl_uv *old = x->curl;
	curl_uv *fresh = curl_uv_new(x->loop, on_done, x);

	if (fresh == NULL)
		return false;
	settings_changed(x);
	x->curl = fresh;
	x->curl_since = uv_now(x->loop);
	curl_uv_set_connections(fresh, (long) x->max_under_way);
	leave_loop(x, old);
	return true;
}

static bool
start_queued(client_pool *x)
{
	bool started = false;
	destination *p;

	/*
	 * libcurl uses a connection that is never idle for ever, HTTP/2's above all,
	 * wherever its name points by now; and keeps what it read of ca_file.
	 */
	if (x->queued > 0 && uv_now(x->loop) - x->curl_since >= x->lifetime_ms)
		(void) renew_curl(x);

	while (x->queued > 0 && (p = client_queue_next(&x->destinations, x->under_way, x->max_under_way)) != NULL)
	{
		client_request *e = client_queue_take(p);

		x->queued--;
		start_request(x, p, e);
		started = true;
	}
	return started;
}

static void
on_idle(uv_idle_t *idle)
{
	client_pool *x = idle->data;

	uv_idle_stop(&x->idle);
	x->idle_active = false;
	if (start_queued(x))
		curl_uv_run(x->curl);
	if (!x->freed)
		tell_failures(x);
	if (!x->freed && x->failed.first != NULL)
		wake(x);
}

/* ---- the interface ---- */

client_pool *
client_pool_new(uv_loop_t *loop, const client_pool_owner *owner, void *arg)
{
	client_pool *x;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	x = net_alloc(sizeof(client_pool));
	x->loop = loop;
	x->owner = owner;
	x->arg = arg;
	x->curl = curl_uv_new(loop, on_done, x);
	if (x->curl == NULL)
	{
		free(x);
		curl_global_cleanup();
		return NULL;
	}
	uv_idle_init(loop, &x->idle);
	x->idle.data = x;
	x->max_under_way = DEFAULT_UNDER_WAY;
	x->lifetime_ms = DEFAULT_LIFETIME_MS;
	x->curl_since = uv_now(loop);
	x->settings.timeout_ms = DEFAULT_TIMEOUT_MS;
	x->settings.connect_timeout_ms = DEFAULT_CONNECT_MS;
	x->settings.keep = owner->keep;
	x->settings.most = owner->most;
	x->settings.guard = owner->guard;
	x->settings.guard_arg = arg;
	curl_uv_set_connections(x->curl, DEFAULT_UNDER_WAY);
	return x;
}

void
client_pool_configure(client_pool *x, uint32_t max_under_way, uint32_t timeout_ms, const wc_config *config)
{
	uint32_t connect_timeout_ms = config->connect_timeout_ms;
	wc_str ca_file = config->ca_file;
	transfer_settings *s = &x->settings;

	if (max_under_way > 0)
		x->max_under_way = max_under_way;
	curl_uv_set_connections(x->curl, (long) x->max_under_way);
	if (config->connection_lifetime_ms > 0)
		x->lifetime_ms = config->connection_lifetime_ms;
	if (x->queued > 0)
		wake(x);

	if (timeout_ms == s->timeout_ms && connect_timeout_ms == s->connect_timeout_ms &&
		wc_str_equals(ca_file, s->ca_file != NULL ? s->ca_file : ""))
		return;

	if (timeout_ms > 0)
		s->timeout_ms = timeout_ms;
	if (connect_timeout_ms > 0)
		s->connect_timeout_ms = connect_timeout_ms;
	free(s->ca_file);
	s->ca_file = ca_file.len > 0 ? text_copy(ca_file) : NULL;
	settings_changed(x);
}

void
client_pool_forget_connections(client_pool *x)
{
	if (!renew_curl(x))
	{
		fputs("webchatt-net: libcurl has no memory for new connections\n", stderr);
		abort(); /* never go on with the old ones */
	}
}

void
client_pool_put(client_pool *x, uint32_t id, target *t)
{
	client_queue_put(&x->destinations, id, t, x->owner->window > 0 ? x->owner->window : UINT32_MAX);
}

void
client_pool_put_hub(client_pool *x, const wc_hub_put *put)
{
	const destination *p = client_pool_find(x, put->hub);

	if (p == NULL || !target_is_of_hub(p->target, put))
		client_pool_put(x, put->hub, target_of_hub(put));
}

destination *
client_pool_find(const client_pool *x, uint32_t id)
{
	return client_queue_find(&x->destinations, id);
}

void
client_pool_drop(client_pool *x, uint32_t id, wc_outcome_result failure, const char *text)
{
	destination *p = client_queue_find(&x->destinations, id);
	client_request *e;

	if (p == NULL)
		return;
	while ((e = client_queue_take(p)) != NULL)
	{
		x->queued--;
		fail_request(x, e, failure, text);
	}
	client_queue_remove(&x->destinations, p);
}

bool
client_pool_has_room(const client_pool *x)
{
	return x->queued_bytes <= MAX_QUEUED_BYTES;
}

void
client_pool_begin(client_pool *x, destination *p, client_request *e)
{
	x->queued_bytes += e->size;
	client_queue_push(client_queue_of(p, e), e);
	x->queued++;
	wake(x);
}

void
client_pool_fail(client_pool *x, client_request *e, wc_outcome_result failure, const char *text)
{
	x->queued_bytes += e->size;
	fail_request(x, e, failure, text);
}

uint32_t
client_pool_queued(const client_pool *x)
{
	return x->queued;
}

uint32_t
client_pool_pending(const client_pool *x)
{
	return x->queued + x->under_way + x->failed.count;
}

static void
free_pool(uv_handle_t *handle)
{
	client_pool *x = handle->data;

	client_queue_free(&x->destinations);
	free(x->settings.ca_file);
	free(x);
	curl_global_cleanup();
}

void
client_pool_free(client_pool *x)
{
	transfer *t;

	x->freed = true;
	while ((t = x->active) != NULL)
	{
		curl_uv *loop = t->loop;

		curl_uv_remove(loop, t->easy);
		unlink_active(x, t);
		client_queue_finished(t->destination);
		free(t->request);
		transfer_free(t);
		leave_loop(x, loop);
	}
	empty_pool(x);
	client_queue_drop(&x->failed);
	curl_uv_free(x->curl);
	uv_close((uv_handle_t *) &x->idle, free_pool);
}

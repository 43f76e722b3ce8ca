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

/* Memory of all errands here; the worker's window is far below it. */
#define MAX_QUEUED_BYTES (32 * 1024 * 1024)

/* Easy handles kept while idle; one is about 10 kB. */
#define MAX_POOLED 1024

/* Until exchange_configure() has been called. */
#define DEFAULT_UNDER_WAY	64
#define DEFAULT_TIMEOUT_MS	30000
#define DEFAULT_CONNECT_MS	10000
#define DEFAULT_LIFETIME_MS 120000

struct exchange
{
	uv_loop_t *loop;
	uv_idle_t idle;
	bool idle_active;
	const exchange_owner *owner;
	void *arg;
	curl_loop *curl;	/* where requests begin; those under way may be in an older one */
	curl_loop *telling; /* the one whose transfer's end is being told; NULL: none */
	peers peers;
	errand_queue failed; /* to be told */
	transfer *active;
	transfer *pool;
	uint32_t pooled;
	uint32_t under_way;
	uint32_t queued;	 /* in all peers' queues */
	size_t queued_bytes; /* of all errands, under way too */
	uint32_t max_under_way;
	uint32_t lifetime_ms; /* of curl's connections */
	uint64_t curl_since;  /* uv_now() when curl was made */
	transfer_settings settings;
	bool freed;
};

static void on_idle(uv_idle_t *idle);

/* Have on_idle() called before the loop waits again. */
static void
wake(exchange *x)
{
	if (!x->idle_active)
	{
		x->idle_active = true;
		uv_idle_start(&x->idle, on_idle);
	}
}

static void
drop_errand(exchange *x, errand *e)
{
	x->queued_bytes -= e->size;
	free(e);
}

static void
fail_errand(exchange *x, errand *e, wc_outcome_result failure, const char *text)
{
	e->failure = failure;
	e->failure_text = text;
	errand_queue_push(&x->failed, e);
	wake(x);
}

/* ---- pooled handles ---- */

static void
empty_pool(exchange *x)
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
take_transfer(exchange *x)
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
give_transfer_back(exchange *x, transfer *t)
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
settings_changed(exchange *x)
{
	x->settings.generation++;
	empty_pool(x);
}

/* ---- one request ---- */

static void
start_errand(exchange *x, peer *p, errand *e)
{
	const char *text;
	transfer *t;

	if (p->target->defect_text != NULL)
	{
		fail_errand(x, e, p->target->defect, p->target->defect_text);
		return;
	}
	t = take_transfer(x);
	if (t == NULL)
	{
		fail_errand(x, e, WC_OUT_RETRY, "libcurl has no memory for one more request");
		return;
	}
	t->peer = p;
	t->errand = e;
	text = x->owner->load(x->arg, t);
	t->began = uv_hrtime();
	if (text == NULL && curl_loop_add(x->curl, t->easy) != CURLM_OK)
		text = "libcurl did not take the request";
	if (text != NULL)
	{
		transfer_free(t);
		fail_errand(x, e, WC_OUT_RETRY, text);
		return;
	}
	t->prev = NULL;
	t->next = x->active;
	if (t->next != NULL)
		t->next->prev = t;
	x->active = t;
	x->under_way++;
	peer_started(p);
}

static void
unlink_active(exchange *x, transfer *t)
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
leave_loop(exchange *x, curl_loop *loop)
{
	if (loop == x->curl || loop == x->telling)
		return;
	for (const transfer *t = x->active; t != NULL; t = t->next)
		if (t->loop == loop)
			return;
	curl_loop_free(loop);
}

/* Once more, first of its peer's, with a new handle on a new connection. */
static void
begin_again(exchange *x, transfer *t)
{
	errand *e = t->errand;
	curl_loop *loop = t->loop;

	e->again = true;
	errand_queue_push_front(&t->peer->queue, e);
	x->queued++;
	unlink_active(x, t);
	peer_finished(t->peer);
	transfer_free(t);
	leave_loop(x, loop);
	wake(x);
}

/*
 * A transfer has ended.  Its owner is told while peer and handle are still
 * there to be looked at, and may free the exchange meanwhile: what is left of it
 * then lasts until the loop has run.
 */
static void
on_done(void *arg, CURL *easy, CURLcode code)
{
	exchange *x = arg;
	transfer *t = NULL;
	curl_loop *loop;
	uint64_t took;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &t);
	if (!t->errand->again && !t->peer->gone && transfer_met_closed_connection(t, code))
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

	peer_finished(t->peer);
	drop_errand(x, t->errand);
	give_transfer_back(x, t);
	leave_loop(x, loop);
}

/* ---- the loop's side ---- */

static void
tell_failures(exchange *x)
{
	/* Only those that are there now: the owner may cause more. */
	uint32_t count = x->failed.count;

	while (count-- > 0 && !x->freed)
	{
		errand *e = errand_queue_pop(&x->failed);

		if (e == NULL)
			break;
		x->owner->failed(x->arg, e);
		drop_errand(x, e);
	}
}

/* Another of libcurl's loops, with no connection, no name and no certificate in it. */
static bool
renew_curl(exchange *x)
{
	curl_loop *old = x->curl;
	curl_loop *fresh = curl_loop_new(x->loop, on_done, x);

	if (fresh == NULL)
		return false;
	settings_changed(x);
	x->curl = fresh;
	x->curl_since = uv_now(x->loop);
	curl_loop_set_connections(fresh, (long) x->max_under_way);
	leave_loop(x, old);
	return true;
}

static bool
start_queued(exchange *x)
{
	bool started = false;
	peer *p;

	/*
	 * libcurl uses a connection that is never idle for ever, HTTP/2's above all,
	 * wherever its name points by now; and keeps what it read of ca_file.
	 */
	if (x->queued > 0 && uv_now(x->loop) - x->curl_since >= x->lifetime_ms)
		(void) renew_curl(x);

	while (x->queued > 0 && (p = peers_next(&x->peers, x->under_way, x->max_under_way)) != NULL)
	{
		errand *e = errand_queue_pop(&p->queue);

		x->queued--;
		start_errand(x, p, e);
		started = true;
	}
	return started;
}

static void
on_idle(uv_idle_t *idle)
{
	exchange *x = idle->data;

	uv_idle_stop(&x->idle);
	x->idle_active = false;
	if (start_queued(x))
		curl_loop_run(x->curl);
	if (!x->freed)
		tell_failures(x);
	if (!x->freed && x->failed.first != NULL)
		wake(x);
}

/* ---- the interface ---- */

exchange *
exchange_new(uv_loop_t *loop, const exchange_owner *owner, void *arg)
{
	exchange *x;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return NULL;
	x = net_alloc(sizeof(exchange));
	x->loop = loop;
	x->owner = owner;
	x->arg = arg;
	x->curl = curl_loop_new(loop, on_done, x);
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
	curl_loop_set_connections(x->curl, DEFAULT_UNDER_WAY);
	return x;
}

void
exchange_configure(exchange *x, uint32_t max_under_way, uint32_t timeout_ms, uint32_t connect_timeout_ms,
				   uint32_t lifetime_ms, wc_str ca_file)
{
	transfer_settings *s = &x->settings;
	uint32_t old_len = s->ca_file != NULL ? (uint32_t) strlen(s->ca_file) : 0;

	if (max_under_way > 0)
		x->max_under_way = max_under_way;
	curl_loop_set_connections(x->curl, (long) x->max_under_way);
	if (lifetime_ms > 0)
		x->lifetime_ms = lifetime_ms;
	if (x->queued > 0)
		wake(x);

	if (timeout_ms == s->timeout_ms && connect_timeout_ms == s->connect_timeout_ms && ca_file.len == old_len &&
		(old_len == 0 || memcmp(ca_file.p, s->ca_file, old_len) == 0))
		return;

	if (timeout_ms > 0)
		s->timeout_ms = timeout_ms;
	if (connect_timeout_ms > 0)
		s->connect_timeout_ms = connect_timeout_ms;
	free(s->ca_file);
	s->ca_file = NULL;
	if (ca_file.len > 0)
	{
		s->ca_file = net_alloc((size_t) ca_file.len + 1);
		memcpy(s->ca_file, ca_file.p, ca_file.len);
	}
	settings_changed(x);
}

void
exchange_forget_connections(exchange *x)
{
	if (!renew_curl(x))
	{
		fputs("webchatt-net: libcurl has no memory for new connections\n", stderr);
		abort(); /* never go on with the old ones */
	}
}

void
exchange_put(exchange *x, uint32_t id, target *t)
{
	peers_put(&x->peers, id, t, x->owner->window > 0 ? x->owner->window : UINT32_MAX);
}

peer *
exchange_find(const exchange *x, uint32_t id)
{
	return peers_find(&x->peers, id);
}

void
exchange_drop(exchange *x, uint32_t id, wc_outcome_result failure, const char *text)
{
	peer *p = peers_find(&x->peers, id);
	errand *e;

	if (p == NULL)
		return;
	while ((e = errand_queue_pop(&p->queue)) != NULL)
	{
		x->queued--;
		fail_errand(x, e, failure, text);
	}
	peers_remove(&x->peers, p);
}

bool
exchange_has_room(const exchange *x)
{
	return x->queued_bytes <= MAX_QUEUED_BYTES;
}

void
exchange_begin(exchange *x, peer *p, errand *e)
{
	x->queued_bytes += e->size;
	errand_queue_push(&p->queue, e);
	x->queued++;
	wake(x);
}

void
exchange_fail(exchange *x, errand *e, wc_outcome_result failure, const char *text)
{
	x->queued_bytes += e->size;
	fail_errand(x, e, failure, text);
}

uint32_t
exchange_queued(const exchange *x)
{
	return x->queued;
}

uint32_t
exchange_pending(const exchange *x)
{
	return x->queued + x->under_way + x->failed.count;
}

static void
free_exchange(uv_handle_t *handle)
{
	exchange *x = handle->data;

	peers_free(&x->peers);
	free(x->settings.ca_file);
	free(x);
	curl_global_cleanup();
}

void
exchange_free(exchange *x)
{
	transfer *t;

	x->freed = true;
	while ((t = x->active) != NULL)
	{
		curl_loop *loop = t->loop;

		curl_loop_remove(loop, t->easy);
		unlink_active(x, t);
		peer_finished(t->peer);
		free(t->errand);
		transfer_free(t);
		leave_loop(x, loop);
	}
	empty_pool(x);
	errand_queue_drop(&x->failed);
	curl_loop_free(x->curl);
	uv_close((uv_handle_t *) &x->idle, free_exchange);
}

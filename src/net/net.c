/*
 * net.c
 *	  Wires the rooms together, and takes them down again in the opposite order.
 */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include "handlers.h"
#include "config/public_url.h"
#include "desk/desk_state.h"
#include "files/file_upload.h"
#include "http/http_response.h"
#include "visitors/visitor_admit.h"
#include "base/sandbox.h"
#include "base/sandbox_calls.h"
#include "base/text.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/proxies.h"

/* Closing: how long answers may take, and heads that are not complete yet, in ms. */
#define DRAIN_MS	   2000
#define DRAIN_HEADS_MS 300
#define DRAIN_TICK_MS  10

/* How long a hub's answers may wait for others, in ms, on their way to the worker. */
#define PATIENCE_MS 5

/* Once a second: statistics; every so many seconds: are our files the same? */
#define TICK_MS		   1000
#define OUTDATED_TICKS 2

static void
stop_listening(net *n)
{
	if (n->listener != NULL)
		listener_close(n->listener);
	if (n->desk_listener != NULL)
		listener_close(n->desk_listener);
	n->listener = n->desk_listener = NULL;
}

/* Say why, and end: nothing can go on. */
static void
fail(net *n, const char *why)
{
	wc_write_failed(corridor_io_out(n->corridor), &(wc_failed){wc_str_from(why)});
	corridor_io_drain(n->corridor, 1000);
	stop_listening(n);
	if (!corridor_io_empty(n->corridor))
		fprintf(stderr, "webchatt-net: %s\n", why);
	_exit(1);
}

/* The corridor has ended: so do we, at once. */
static void
on_gone(void *arg, const char *why)
{
	net *n = arg;

	(void) why;
	stop_listening(n);
	_exit(0);
}

/* Write an outcome; its size. */
static size_t
write_outcome(net *n, const wc_outcome *outcome)
{
	wc_buf *out = corridor_io_out(n->corridor);
	size_t before = out->len;

	if (outcome->result < METRICS_OUTCOMES)
		metrics_now.outcomes[outcome->result]++;
	if (!wc_write_outcome(out, outcome))
		fail(n, "an outcome could not be handed to the worker: out of memory");
	return out->len - before;
}

void
net_outcome(void *arg, const wc_outcome *outcome)
{
	net *n = arg;

	(void) write_outcome(n, outcome);
	corridor_io_nudge(n->corridor);
}

static void
on_patience(uv_timer_t *timer)
{
	/* on_prepare() looks what has waited for so long */
	(void) timer;
}

/* A hub's answer: see outcomes_may_wait(). */
static void
hub_outcome(void *arg, const wc_outcome *outcome)
{
	net *n = arg;

	corridor_io_may_wait(n->corridor, write_outcome(n, outcome));
	if (n->outcomes++ == 0)
	{
		n->outcomes_since = uv_now(&n->loop);
		uv_timer_start(&n->patience, on_patience, PATIENCE_MS, 0);
	}
}

/*
 * Outcomes wait for more of them while more requests than that wait for a slot: what the
 * worker would send upon them would wait as well, and a turn for each few of them
 * costs as much as one for many.
 */
static bool
outcomes_may_wait(const net *n)
{
	return n->outcomes > 0 && n->outcomes < hub_sender_queued(n->hub_sender) && !n->closing &&
		   uv_now(&n->loop) - n->outcomes_since < PATIENCE_MS;
}

static void
flush(net *n)
{
	if (outcomes_may_wait(n))
		corridor_io_flush_others(n->corridor);
	else
		corridor_io_flush(n->corridor);
	if (n->outcomes > 0 && !corridor_io_waits(n->corridor))
	{
		n->outcomes = 0;
		uv_timer_stop(&n->patience);
	}
}

static bool
is_there(void *arg, const uint8_t channel[16], const uint8_t visitor[16])
{
	return visitors_present(arg, channel, visitor);
}

static void
on_websocket(void *arg, const ws_opening *opening, const ws_handshake *head, refusal verdict, const char *why)
{
	net *n = arg;

	if (head->link)
		link_server_admit(n->link_server, opening, head, verdict, why);
	else
		visitor_admit(n->visitors, opening, head, verdict, why);
}

static void
write_stats(net *n)
{
	wc_stats now;

	memset(&now, 0, sizeof(now));
	now.connections = http_server_connections(n->http);
	now.waiting = http_server_waiting(n->http) + visitors_waiting(n->visitors);
	now.sending = hub_sender_pending(n->hub_sender);
	now.visitors = visitors_count(n->visitors);
	now.requests = metrics_now.requests;
	now.refused = metrics_refused();
	now.turned_away = metrics_turned_away();
	metrics_now.sending = now.sending;
	metrics_now.visitors = now.visitors;
	metrics_now.visitor_connections = visitors_connections(n->visitors);
	if (memcmp(&now, &n->told, sizeof(now)) != 0 && !corridor_io_full(n->corridor) &&
		wc_write_stats(corridor_io_out(n->corridor), &now))
		n->told = now;
}

static void on_drain(uv_timer_t *timer);

/* Take nothing new, answer what waits, then end. */
void
net_close(net *n)
{
	if (n->closing)
		return;
	n->closing = true;
	n->closing_since = uv_now(&n->loop);
	stop_listening(n);
	demux_close(n->demux);
	visitors_close(n->visitors);
	link_server_close(n->link_server);
	link_client_close(n->link_client);
	http_server_close(n->http);
	desk_close(n->desk);
	uv_timer_start(&n->drain, on_drain, 0, DRAIN_TICK_MS);
}

static void
on_drain(uv_timer_t *timer)
{
	net *n = timer->data;
	uint64_t age = uv_now(&n->loop) - n->closing_since;
	bool drained = http_server_drain(n->http, age < DRAIN_HEADS_MS);

	drained = desk_drained(n->desk, age < DRAIN_HEADS_MS) && drained;
	drained = visitors_drained(n->visitors) && drained;
	drained = link_server_drained(n->link_server) && link_client_drained(n->link_client) && drained;
	if ((drained && hub_sender_pending(n->hub_sender) == 0 && hub_caller_pending(n->hub_caller) == 0 &&
		 webhook_sender_pending(n->webhook_sender) == 0 && corridor_io_empty(n->corridor)) ||
		age >= DRAIN_MS)
		uv_stop(&n->loop);
}

static void
on_tick(uv_timer_t *timer)
{
	net *n = timer->data;
	const char *file;

	log_tick(uv_now(&n->loop));
	http_server_sweep(n->http);
	desk_sweep(n->desk);
	write_stats(n);
	if (n->opened && !n->closing && ++n->ticks % OUTDATED_TICKS == 0 && (file = sandbox_outdated()) != NULL)
	{
		log_line(WC_LOG_INFO, "%s was replaced, which this confined process cannot read: ending to be started anew",
				 file);
		net_close(n);
	}
}

/* Blocked signals arrive here, so that no thread of a library ever sees one. */
static void
on_signal(uv_poll_t *poll, int status, int events)
{
	net *n = poll->data;
	struct signalfd_siginfo info;
	int fd;

	(void) status;
	(void) events;
	if (uv_fileno((uv_handle_t *) poll, &fd) == 0 && read(fd, &info, sizeof(info)) > 0)
		net_close(n);
}

/*
 * Another file may take ca_file's name, which a confined process could not
 * read; so the one that is there now is kept open, and read by its descriptor.
 * The worker starts us anew when what is in the new one differs.
 */
static void
keep_ca_file(net *n)
{
	int fd;

	if (n->ca_file[0] == '\0')
		return;
	fd = open(n->ca_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		log_line(WC_LOG_WARNING, "webchatt.ca_file \"%s\" cannot be read: %s; nothing can be sent to hubs by https",
				 n->ca_file, strerror(errno));
	else
		snprintf(n->ca_path, sizeof(n->ca_path), "/proc/self/fd/%d", fd);
}

void
net_configure(net *n, const wc_config *all)
{
	wc_config mine = *all;
	const wc_config *config = &mine;

	if (!n->configured)
	{
		n->listen = text_copy(config->listen);
		n->desk_listen = text_copy(config->desk_listen);
		n->ca_file = text_copy(config->ca_file);
		keep_ca_file(n);
	}
	else if (!wc_str_equals(config->ca_file, n->ca_file))
		log_line(WC_LOG_WARNING, "webchatt.ca_file has changed, which a confined process cannot read: it counts after "
								 "the worker's next start of webchatt-net");
	mine.ca_file = wc_str_from(access(n->ca_path, R_OK) == 0 ? n->ca_path : n->ca_file);
	n->configured = true;
	n->server_port = (uint16_t) config->server_port;
	proxies_configure(config->trusted_proxies);
	http_server_configure(n->http, config);
	visitors_configure(n->visitors, config);
	demux_configure(n->demux, config);
	hub_sender_configure(n->hub_sender, config);
	hub_caller_configure(n->hub_caller, config);
	webhook_sender_configure(n->webhook_sender, config);
	link_server_configure(n->link_server, config);
	link_client_configure(n->link_client, config);
	desk_configure(n->desk, config);
	files_configure(n->files, config);
	public_url_configure(config->public_url);
}

/* What the kernel does not have is said; what it has must hold, as the worker was told. */
static void
confine(net *n)
{
	sandbox_needs needs = {access(n->ca_path, R_OK) == 0 ? n->ca_path : n->ca_file, n->server_port};
	sandbox_state done;

	if (!sandbox_enter(&needs, &done))
		fail(n, done.reason);
	if (!done.files)
		log_line(WC_LOG_WARNING,
				 "webchatt-net is not kept from files: this kernel has no Landlock (5.13 or later, with landlock among "
				 "its security modules); it can read whatever the server's user can");
	else if (!done.ports && n->server_port != 0)
		log_line(WC_LOG_INFO,
				 "this kernel's Landlock cannot keep webchatt-net from the server's port %u (6.7 or later can): have "
				 "pg_hba.conf ask for a password there",
				 n->server_port);
	if (!done.calls)
		log_line(WC_LOG_WARNING, "webchatt-net is not kept from the server's sockets: this kernel cannot filter system "
								 "calls (seccomp); it can connect to the server as the server's user");
}

/* Visitors are served also where there can be no desk. */
static void
bind_desk(net *n)
{
	char reason[512];

	if (n->desk_listen[0] == '\0')
		return;
	n->desk_listener =
		listener_bind(&n->loop, "webchatt.desk_listen", wc_str_from(n->desk_listen), desk_accept, n->desk, reason);
	if (n->desk_listener == NULL)
		log_line(WC_LOG_WARNING, "there is no desk: %s", reason);
}

/* Bind, give up what is not needed any more, and let requests in. */
void
net_open(net *n)
{
	char reason[512];
	wc_opened opened;

	n->listener = listener_bind(&n->loop, "webchatt.listen", wc_str_from(n->listen), demux_accept, n->demux, reason);
	if (n->listener == NULL)
	{
		fail(n, reason);
		return;
	}
	bind_desk(n);
	confine(n);
	opened.addresses = wc_str_from(listener_text(n->listener));
	public_url_listening(listener_text(n->listener));
	opened.desk = wc_str_from(n->desk_listener != NULL ? listener_text(n->desk_listener) : "");
	wc_write_opened(corridor_io_out(n->corridor), &opened);
	http_server_open(n->http);
	desk_open(n->desk);
	link_server_open(n->link_server);
	link_client_open(n->link_client);
	listener_start(n->listener);
	if (n->desk_listener != NULL)
		listener_start(n->desk_listener);
	n->opened = true;
}

bool
net_greet(net *n, const wc_hello *hello)
{
	wc_hello_back back = {WC_CORRIDOR_VERSION, (uint32_t) getpid(), sandbox_possible()};
	char why[160];

	if (hello->version != WC_CORRIDOR_VERSION)
	{
		snprintf(why, sizeof(why),
				 "webchatt-net speaks version %d of the corridor and the worker %u; install both from one build and "
				 "restart the server",
				 WC_CORRIDOR_VERSION, hello->version);
		fail(n, why);
	}
	n->greeted = true;
	metrics_now.restarts = hello->restarts;
	return wc_write_hello_back(corridor_io_out(n->corridor), &back);
}

/* After everything that was ready: answers first, then one write to the worker. */
static void
on_check(uv_check_t *check)
{
	net *n = check->data;
	bool full = http_server_run(n->http);

	visitors_run(n->visitors);
	link_server_run(n->link_server);
	link_client_run(n->link_client);
	flush(n);
	if (n->listener != NULL)
		listener_pause(n->listener, full);
	full = desk_run(n->desk);
	if (n->desk_listener != NULL)
		listener_pause(n->desk_listener, full);
}

/* What timers have written goes out before the loop sleeps. */
static void
on_prepare(uv_prepare_t *prepare)
{
	net *n = prepare->data;

	visitors_run(n->visitors);
	link_server_run(n->link_server);
	link_client_run(n->link_client);
	desk_run(n->desk);
	flush(n);
}

/* Block signals before any library starts a thread. */
static int
take_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void
raise_descriptor_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max)
	{
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* Whatever else was inherited is none of ours. */
static void
close_others(int keep)
{
#ifdef __NR_close_range
	if (keep > 3)
		syscall(__NR_close_range, 3u, (unsigned) keep - 1, 0);
	syscall(__NR_close_range, keep >= 3 ? (unsigned) keep + 1 : 3u, ~0u, 0);
#else
	(void) keep;
#endif
}

static void
handle_init(net *n, int signal_fd)
{
	uv_check_init(&n->loop, &n->check);
	uv_prepare_init(&n->loop, &n->prepare);
	uv_timer_init(&n->loop, &n->tick);
	uv_timer_init(&n->loop, &n->drain);
	uv_timer_init(&n->loop, &n->patience);
	uv_poll_init(&n->loop, &n->signals, signal_fd);
	n->check.data = n->prepare.data = n->tick.data = n->drain.data = n->patience.data = n->signals.data = n;
	uv_check_start(&n->check, on_check);
	uv_prepare_start(&n->prepare, on_prepare);
	uv_timer_start(&n->tick, on_tick, TICK_MS, TICK_MS);
	uv_poll_start(&n->signals, UV_READABLE, on_signal);
}

static bool
start(net *n, int fd, corridor_frame_fn on_frame)
{
	int signal_fd = take_signals();

	raise_descriptor_limit();
	metrics_open_memory();
	json_object_seed(0);
	if (sandbox_calls_possible())
		sandbox_calls_no_rings();
	if (signal_fd < 0 || uv_loop_init(&n->loop) < 0 || !http_response_init())
		return false;
	n->corridor = corridor_io_new(&n->loop, fd, on_frame, on_gone, n);
	n->channels = channels_new();
	n->keys = api_keys_new();
	n->hubs = hub_endpoints_new();
	if (n->corridor == NULL || n->channels == NULL || n->keys == NULL || n->hubs == NULL)
		return false;
	log_to(n->corridor);
	n->http = http_server_new(&n->loop, n->corridor, handlers_table, routes_find);
	n->desk = desk_new(&n->loop, n->corridor, handlers_table);
	n->hub_sender = hub_sender_new(&n->loop, hub_outcome, n);
	n->visitors = visitors_new(&n->loop, n->corridor, n->channels);
	n->hub_caller = hub_caller_new(&n->loop, n->corridor);
	n->webhook_sender = webhook_sender_new(&n->loop, n->corridor);
	n->link_client = link_client_new(&n->loop, n->corridor);
	n->link_server = link_server_new(&n->loop, n->corridor, n->keys);
	n->demux = demux_new(&n->loop, http_server_accept, n->http, on_websocket, n);
	if (n->http == NULL || n->hub_sender == NULL || n->visitors == NULL || n->hub_caller == NULL ||
		n->webhook_sender == NULL || n->link_client == NULL || n->link_server == NULL || n->demux == NULL ||
		n->desk == NULL)
		return false;
	n->websockets = (ws_receiver){on_websocket, n};
	n->files = files_new(n->http, n->desk->http, file_upload_go_on);
	if (n->files == NULL)
		return false;
	http_server_know(n->http, n->channels, n->keys, n->hubs);
	http_server_own(n->http, n->visitors, NULL, NULL);
	http_server_ask_visitors(n->http, is_there, n->visitors);
	http_server_pass_websockets(n->http, ws_takeover, &n->websockets);
	visitors_tell_typing(n->visitors, desk_visitor_types, n->desk);
	handle_init(n, signal_fd);
	return true;
}

/* Give everything back, so that a leak checker sees only what has leaked. */
static void
stop(net *n)
{
	int signal_fd = -1;

	write_stats(n);
	corridor_io_drain(n->corridor, 100);
	uv_fileno((uv_handle_t *) &n->signals, &signal_fd);
	demux_free(n->demux);
	visitors_free(n->visitors);
	link_server_free(n->link_server);
	link_client_free(n->link_client);
	http_server_free(n->http);
	desk_free(n->desk);
	hub_sender_free(n->hub_sender);
	hub_caller_free(n->hub_caller);
	webhook_sender_free(n->webhook_sender);
	log_to(NULL);
	corridor_io_free(n->corridor);
	uv_close((uv_handle_t *) &n->check, NULL);
	uv_close((uv_handle_t *) &n->prepare, NULL);
	uv_close((uv_handle_t *) &n->tick, NULL);
	uv_close((uv_handle_t *) &n->drain, NULL);
	uv_close((uv_handle_t *) &n->patience, NULL);
	uv_close((uv_handle_t *) &n->signals, NULL);
	uv_run(&n->loop, UV_RUN_DEFAULT);
	uv_loop_close(&n->loop);
	close(signal_fd);
	files_free(n->files);
	channels_free(n->channels);
	api_keys_free(n->keys);
	hub_endpoints_free(n->hubs);
	http_response_exit();
	free(n->listen);
	free(n->desk_listen);
	free(n->ca_file);
}

int
net_run(int fd, corridor_frame_fn on_frame)
{
	static net n;

	close_others(fd);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
	{
		fprintf(stderr, "webchatt-net: descriptor %d is no corridor: %s\n", fd, strerror(errno));
		return 2;
	}
	if (!start(&n, fd, on_frame))
	{
		fprintf(stderr, "webchatt-net: could not start: out of memory or descriptors\n");
		return 2;
	}
	uv_run(&n.loop, UV_RUN_DEFAULT);
	stop(&n);
	return 0;
}

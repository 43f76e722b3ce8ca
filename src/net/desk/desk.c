/*
 * desk.c
 */
#include "desk/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "desk/desk_api.h"
#include "desk/desk_page.h"
#include "desk/desk_sockets.h"

/* Calls that may wait for the worker. */
#define MAX_WAITING 256u

/* Places in each table of buckets; what is not used costs no memory. */
#define BUCKET_PLACES 16384u

desk *
desk_new(uv_loop_t *loop, corridor_io *corridor, const http_handler *handlers)
{
	desk *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->loop = loop;
	d->corridor = corridor;
	d->sessions = desk_sessions_new();
	d->sockets = desk_sockets_new(d);
	d->sign_ins = rate_limit_table_new(BUCKET_PLACES);
	d->strangers = rate_limit_table_new(BUCKET_PLACES);
	d->http = http_server_new(loop, corridor, handlers, routes_find_desk);
	if (!d->sessions || !d->sockets || !d->sign_ins || !d->strangers || !d->http)
		return NULL; /* the program ends: nothing is freed */
	http_server_own(d->http, d, desk_page_dress, DESK_API_LARGE);
	http_server_pass_websockets(d->http, desk_sockets_takeover, d);
	return d;
}

/* The origin of a URL, in the form that browsers send; empty: there is none. */
static void
take_url(desk *d, wc_str url)
{
	const char *host = url.len > 0 ? memmem(url.p, url.len, "://", 3) : NULL;
	const char *why = "it has no scheme";
	size_t len = url.len;

	d->origin[0] = '\0';
	d->secure = false;
	if (url.len == 0)
		return;
	if (host != NULL)
	{
		const char *slash = memchr(host + 3, '/', (size_t) (url.p + url.len - host - 3));

		len = slash != NULL ? (size_t) (slash - url.p) : url.len;
	}
	if (host == NULL || !wc_origin_normalize(url.p, len, d->origin, &why))
	{
		d->origin[0] = '\0';
		log_line(WC_LOG_WARNING, "webchatt.desk_url is left out: %s", why);
		return;
	}
	d->secure = strncmp(d->origin, "https:", 6) == 0;
}

/* Can nobody but this machine connect to that address of a list? */
static bool
is_near(wc_str address)
{
	static const char *const near[] = {"127.", "localhost:", "[::1]:", "unix:"};

	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++)
	{
		if (address.len >= strlen(near[i]) && memcmp(address.p, near[i], strlen(near[i])) == 0)
			return true;
	}
	return address.len == 0;
}

/* Sessions' cookies and links that cross a network by plain HTTP are whoever's who is on the way. */
static void
warn_of_plain(desk *d, wc_str listen)
{
	const char *p = listen.p;
	const char *end = listen.p + listen.len;
	bool far = false;

	while (p < end)
	{
		const char *comma = memchr(p, ',', (size_t) (end - p));
		const char *stop = comma != NULL ? comma : end;

		far |= !is_near(text_trim(p, (size_t) (stop - p)));
		p = stop + 1;
	}
	if (far && !d->secure && !d->warned)
		log_line(WC_LOG_WARNING,
				 "the desk is reached by plain HTTP from other machines: who is on the way reads its "
				 "sessions' cookies; put a proxy with TLS before it, and its https:// URL into webchatt.desk_url");
	d->warned = far && !d->secure;
}

void
desk_configure(desk *d, const wc_config *config)
{
	wc_config mine = *config;

	mine.max_body_size = WC_MAX_DESK_ARGS;
	mine.max_waiting = MAX_WAITING;
	/* a whole office comes from one address, and whoever takes all makes room for the next */
	mine.max_connections_per_address = config->max_connections;
	mine.ack_timeout_ms = config->ack_timeout_ms + config->desk_statement_timeout_ms;
	take_url(d, config->desk_url);
	warn_of_plain(d, config->desk_listen);
	snprintf(d->user_header, sizeof(d->user_header), "%.*s", (int) config->desk_user_header.len,
			 config->desk_user_header.len > 0 ? config->desk_user_header.p : "");
	d->session_max_s = config->desk_session_max_s;
	http_server_configure(d->http, &mine);
	desk_sockets_configure(d->sockets, &mine);
}

void
desk_open(desk *d)
{
	http_server_open(d->http);
}

void
desk_accept(void *arg, int fd, const struct sockaddr *addr, socklen_t len)
{
	desk *d = arg;

	http_server_accept(d->http, fd, addr, len);
}

void
desk_state(desk *d, const wc_desk_state *m)
{
	d->on = m->on;
	if (!d->on)
		desk_sockets_off(d->sockets);
}

void
desk_answer(desk *d, const wc_desk_answer *m)
{
	if (m->request & DESK_SOCKET_NUMBER)
		desk_sockets_answer(d->sockets, m);
	else
		desk_api_answer(d, m);
}

void
desk_changed(desk *d, const wc_desk_changed *m)
{
	desk_sockets_changed(d->sockets, m);
}

void
desk_check_sessions(desk *d)
{
	desk_sockets_check(d->sockets);
}

void
desk_visitor_types(void *arg, const uint8_t channel[16], const uint8_t visitor[16])
{
	desk *d = arg;

	desk_sockets_typing(d->sockets, channel, visitor);
}

bool
desk_run(desk *d)
{
	bool full = http_server_run(d->http);

	desk_sockets_run(d->sockets);
	return full;
}

void
desk_sweep(desk *d)
{
	http_server_sweep(d->http);
}

void
desk_close(desk *d)
{
	d->closing = true;
	desk_sockets_close(d->sockets);
	http_server_close(d->http);
}

bool
desk_drained(desk *d, bool patient)
{
	bool drained = http_server_drain(d->http, patient);

	return desk_sockets_drained(d->sockets) && drained;
}

void
desk_free(desk *d)
{
	desk_sockets_free(d->sockets);
	http_server_free(d->http);
	desk_sessions_free(d->sessions);
	rate_limit_table_free(d->sign_ins);
	rate_limit_table_free(d->strangers);
	free(d);
}

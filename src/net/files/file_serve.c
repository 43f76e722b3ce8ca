/*
 * file_serve.c
 *	  Whoever knows the id has the file; it is bytes to everybody, never a page of
 *	  ours: of what may be shown the type is what the bytes say, the rest is kept.
 */
#include "files/file_serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/metrics.h"
#include "base/proxies.h"
#include "common/file_type.h"
#include "files/file_name.h"
#include "files/file_upload.h"
#include "http/http_reply.h"
#include "http/static_files.h"

/* What libmicrohttpd takes of an answer at a time. */
#define BLOCK (16u * 1024)

/* A quoted ETag, its NUL included: half of a SHA-256. */
#define ETAG_SIZE 35

/* --- the request ------------------------------------------------------------ */

/* A place among those that are fetched. */
static bool
take_place(conn *c, file_request *r)
{
	files *f = files_of(c);

	if (f->fetched >= FILES_FETCHED)
		return false;
	if (!proxies_trust(&c->client) &&
		(r->address = address_counts_take(f->fetching, &c->client, FILES_FETCHED_ADDRESS)) == NULL)
		return false;
	r->counted = true;
	f->fetched++;
	return true;
}

static void
check_fetch(conn *c, const char *method, const file_head *head, const char *path, size_t len, const char *prefix)
{
	file_request *r = files_request(c);

	r->fetches = true;
	if (method[0] == 'G') /* HEAD has no ranges (RFC 9110 §14.2) */
		r->range = head->range;
	r->if_range = head->if_range;
	if (!file_head_id(path, len, prefix, r->id))
		http_reply_refuse(c, REFUSE_FILE_UNKNOWN, NULL);
	else if (files_is_flood(c) || !take_place(c, r))
		http_reply_refuse(c, REFUSE_FILES_READ, NULL);
}

void
file_serve_check_file(conn *c, const char *method)
{
	file_head head;
	size_t len;
	const char *path = routes_path(c->asked != NULL ? c->asked : "", &len);
	bool known;

	files_read_head(c, &head);
	known = head.token.p != NULL || head.key.p != NULL || c->head.api_key.p != NULL;
	if (strcmp(method, "GET") == 0 || (strcmp(method, "HEAD") == 0 && !known))
		check_fetch(c, method, &head, path, len, FILES_PATH "/");
	else
		file_upload_check_file(c, method, &head);
}

void
file_serve_check_desk(conn *c, const char *method)
{
	file_head head;
	size_t len;
	const char *path = routes_path(c->target, &len);

	files_read_head(c, &head);
	if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
		check_fetch(c, method, &head, path, len, DESK_FILES_PATH "/");
	else
		http_reply_refuse(c, REFUSE_METHOD_GET, NULL);
}

static bool
ask(conn *c, uint64_t offset, uint32_t most)
{
	http_server *d = c->server;
	file_request *r = c->file;
	uint64_t number = inflight_take(d->inflight, c, 0, UINT32_MAX);
	wc_file_read m = {.request = files_number(c, number), .offset = offset, .most = most};

	m.file = wc_str_from(r->id);
	if (number == 0 || !wc_write_file_read(corridor_io_out(d->corridor), &m))
	{
		inflight_give(d->inflight, number);
		return false;
	}
	corridor_io_nudge(d->corridor);
	http_reply_wait(c, number);
	return true;
}

void
file_serve_handle(conn *c, const char *body, size_t len)
{
	file_request *r = c->file;
	refusal why = http_reply_blocked(c);
	bool blind = r->range.suffix;

	if (!r->fetches)
		file_upload_handle(c, body, len);
	else if (why != REFUSE_NOTHING)
		http_reply_refuse(c, why, NULL);
	else if (!ask(c, r->range.given && !blind ? r->range.first : 0, blind ? 0 : WC_FILE_READ))
		http_reply_refuse(c, REFUSE_BEHIND, NULL);
}

/* --- the answer ------------------------------------------------------------- */

static void
keep_bytes(file_request *r, const wc_file_bytes *m)
{
	if (m->bytes.len == 0 || m->bytes.len > WC_FILE_READ)
		return;
	if (r->bytes == NULL)
		r->bytes = net_alloc(WC_FILE_READ);
	memcpy(r->bytes, m->bytes.p, m->bytes.len);
	r->bytes_at = m->offset;
	r->bytes_len = m->bytes.len;
}

/*
 * The next bytes of the answer's body.  What has not come yet is asked for, and the
 * connection waits outside libmicrohttpd's turns.
 */
static ssize_t
give_bytes(void *cls, uint64_t pos, char *buf, size_t max)
{
	conn *c = cls;
	file_request *r = c->file;
	uint64_t at;
	size_t n;

	if (c->cut || r == NULL)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	at = r->from + pos;
	if (at >= r->bytes_at && at < r->bytes_at + r->bytes_len)
	{
		n = (size_t) (r->bytes_at + r->bytes_len - at);
		n = n < max ? n : max;
		memcpy(buf, r->bytes + (at - r->bytes_at), n);
		metrics_now.file_bytes[1] += n;
		timeouts_set(&c->server->timeouts, &c->timeout, PHASE_REPLY, uv_now(c->server->loop));
		return (ssize_t) n;
	}
	if (c->number == 0)
	{
		if (c->server->closing || !ask(c, at, WC_FILE_READ))
			return MHD_CONTENT_READER_END_WITH_ERROR;
		timeouts_set(&c->server->timeouts, &c->timeout, PHASE_WAIT, uv_now(c->server->loop));
		http_reply_suspend(c);
	}
	return 0;
}

static void
say(struct MHD_Response *response, const char *name, const char *value)
{
	MHD_add_response_header(response, name, value);
}

/* What every answer about a file says. */
static void
dress(struct MHD_Response *response, const wc_file_bytes *m, const char *etag)
{
	char disposition[FILE_NAME_HEADER_SIZE];
	char type[128];

	file_name_disposition(m->name, wc_file_type_is_shown(m->type), disposition);
	snprintf(type, sizeof(type), "%.*s%s", (int) m->type.len, m->type.len > 0 ? m->type.p : "",
			 wc_str_equals(m->type, "text/plain") ? "; charset=utf-8" : "");
	say(response, "Content-Type", type);
	say(response, "Content-Disposition", disposition);
	say(response, "ETag", etag);
	say(response, "Accept-Ranges", "bytes");
	say(response, "Cache-Control", "private, max-age=31536000, immutable");
	say(response, "X-Content-Type-Options", "nosniff");
	say(response, "Content-Security-Policy", "default-src 'none'; sandbox");
	say(response, "Cross-Origin-Resource-Policy", "cross-origin");
	say(response, "Referrer-Policy", "no-referrer");
	http_response_open(response);
}

static void
say_range(struct MHD_Response *response, uint64_t from, uint64_t n, uint64_t size)
{
	char text[80];

	snprintf(text, sizeof(text), "bytes %llu-%llu/%llu", (unsigned long long) from, (unsigned long long) (from + n - 1),
			 (unsigned long long) size);
	say(response, "Content-Range", text);
}

static void
refuse_range(conn *c, uint64_t size)
{
	char text[40];

	http_reply_refuse(c, REFUSE_FILE_RANGE, NULL);
	snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long) size);
	if (c->answer.owned)
		say(c->answer.response, "Content-Range", text);
}

static void
make_etag(const uint8_t sha256[WC_HASH_SIZE], char etag[ETAG_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	int n = 0;

	etag[n++] = '"';
	for (int i = 0; i < 16; i++)
	{
		etag[n++] = hex[sha256[i] >> 4];
		etag[n++] = hex[sha256[i] & 15];
	}
	etag[n++] = '"';
	etag[n] = '\0';
}

static void
answer(conn *c, const wc_file_bytes *m)
{
	file_request *r = c->file;
	char etag[ETAG_SIZE];
	uint64_t n;
	bool same;

	make_etag(m->sha256, etag);
	same = static_files_client_has(c->head.none_match, etag);
	if (r->if_range.p != NULL && !wc_str_equals(r->if_range, etag))
		r->range.given = false;
	if (!same && !file_head_range(&r->range, m->size, &r->from, &n))
	{
		refuse_range(c, m->size);
		return;
	}
	keep_bytes(r, m);
	r->size = m->size;
	c->answer = same ? http_response_empty()
					 : (http_response){r->range.given ? 206 : 200,
									   MHD_create_response_from_callback(n, BLOCK, give_bytes, c, NULL), true};
	if (c->answer.response == NULL)
	{
		c->answer.owned = false;
		http_reply_refuse(c, REFUSE_MEMORY, NULL);
		return;
	}
	if (same)
		c->answer.status = 304;
	else if (r->range.given)
		say_range(c->answer.response, r->from, n, m->size);
	c->streaming = !same;
	dress(c->answer.response, m, etag);
}

/* The next piece, of an answer that is on its way. */
static void
go_on(conn *c, const wc_file_bytes *m)
{
	keep_bytes(c->file, m);
	if (m->result != WC_FILE_DONE || m->bytes.len == 0)
		c->cut = true; /* it was deleted meanwhile */
	http_reply_go_on(c, PHASE_REPLY);
}

void
file_serve_bytes(files *f, const wc_file_bytes *m)
{
	conn *c = files_find(f, m->request);

	if (c == NULL)
		return;
	if (c->streaming)
	{
		go_on(c, m);
		return;
	}
	if (m->result == WC_FILE_DONE)
		answer(c, m);
	else
		http_reply_refuse(c, m->result == WC_FILE_NOT_FOUND ? REFUSE_FILE_UNKNOWN : REFUSE_BUSY, NULL);
	http_reply_resume(c);
}

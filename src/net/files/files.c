/*
 * files.c
 */
#include "files/files.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/metrics.h"
#include "base/proxies.h"

/* Places in each table of buckets; what is not used costs no memory. */
#define BUCKET_PLACES 65536u

/* Requests for files from one address: so many a second, so many at once. */
static const rate_limit call_rate = {1000, 100, 1000};

files *
files_new(http_server *http, http_server *desk, void (*go_on)(files *f))
{
	files *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->loop = http->loop;
	f->corridor = http->corridor;
	f->http = http;
	f->desk = desk;
	f->go_on = go_on;
	f->waiting.prev = f->waiting.next = &f->waiting;
	f->pieces.prev = f->pieces.next = &f->pieces;
	f->fetching = address_counts_new();
	f->bringing = address_counts_new();
	f->calls = rate_limit_table_new(BUCKET_PLACES);
	f->kb = rate_limit_table_new(BUCKET_PLACES);
	if (f->fetching == NULL || f->bringing == NULL || f->calls == NULL || f->kb == NULL)
		return NULL; /* the program ends: nothing is freed */
	http->files = f;
	desk->files = f;
	return f;
}

void
files_configure(files *f, const wc_config *config)
{
	f->max_size = (uint64_t) config->max_file_kb * 1024;
	f->kb_rate = (rate_limit){3600000, config->address_files_kb, config->address_files_kb};
}

/* When both servers are gone. */
void
files_free(files *f)
{
	address_counts_free(f->fetching);
	address_counts_free(f->bringing);
	rate_limit_table_free(f->calls);
	rate_limit_table_free(f->kb);
	free(f);
}

file_request *
files_request(conn *c)
{
	file_request *r = c->file;

	if (r == NULL)
	{
		r = net_alloc(sizeof(*r));
		memset(r, 0, sizeof(*r));
		r->c = c;
		c->file = r;
	}
	return r;
}

void
files_forget(conn *c)
{
	files *f = files_of(c);
	file_request *r = c->file;

	if (r == NULL)
		return;
	c->file = NULL;
	if (c->held_back)
		f->nwaiting--;
	c->held_back = false;
	files_ring_drop(r);
	f->bodies -= r->room;
	if (r->is_piece)
		metrics_now.pieces--;
	if (r->counted)
		f->fetched--;
	if (r->address != NULL)
		address_counts_give(r->fetches ? f->fetching : f->bringing, r->address);
	free(r->piece);
	free(r->bytes);
	free(r);
	f->go_on(f);
}

static enum MHD_Result
on_field(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value, size_t value_len)
{
	(void) kind;
	file_head_field(cls, name, name_len, value ? value : "", value ? value_len : 0);
	return MHD_YES;
}

void
files_read_head(conn *c, file_head *head)
{
	memset(head, 0, sizeof(*head));
	MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, on_field, head);
}

bool
files_is_flood(conn *c)
{
	files *f = files_of(c);
	uint64_t now = uv_now(f->loop);

	if (proxies_trust(&c->client))
		return false;
	if (address_rate_wait(f->calls, &c->client, &call_rate, now) > 0)
		return true;
	address_rate_take(f->calls, &c->client, &call_rate, now, 1);
	return false;
}

uint64_t
files_number(const conn *c, uint64_t number)
{
	return c->server == files_of(c)->desk ? number | FILES_OF_DESK : number;
}

conn *
files_find(files *f, uint64_t number)
{
	http_server *d = number & FILES_OF_DESK ? f->desk : f->http;
	conn *c = inflight_find(d->inflight, number & ~FILES_OF_DESK);

	if (c == NULL || c->file == NULL)
		return NULL;
	inflight_give(d->inflight, number & ~FILES_OF_DESK);
	return c;
}

/*
 * static_files.c
 */
#include "http/static_files.h"

#include "http/negotiate.h"

#define PAGES_MAX 16

/*
 * The files keep their names when they change: an hour without a question, then
 * one more day in which the old one may serve while the new one is fetched.
 */
#define CACHING "public, max-age=3600, stale-while-revalidate=86400"

/* Each file as it is, and compressed. */
static struct MHD_Response *plain[PAGES_MAX];
static struct MHD_Response *gzipped[PAGES_MAX];

/* Pages of any origin may load them, and read what went wrong in them. */
static void
add_headers(struct MHD_Response *response, const asset *a, const char *etag)
{
	MHD_add_response_header(response, "Content-Type", a->type);
	MHD_add_response_header(response, "ETag", etag);
	MHD_add_response_header(response, "Cache-Control", CACHING);
	if (a->gzip != NULL)
		MHD_add_response_header(response, "Vary", "Accept-Encoding");
	MHD_add_response_header(response, "Access-Control-Allow-Origin", "*");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "cross-origin");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
}

static struct MHD_Response *
make_response(const asset *a, const unsigned char *bytes, size_t len, const char *etag)
{
	/* Persistent memory is only read. */
	struct MHD_Response *response = MHD_create_response_from_buffer(len, (void *) bytes, MHD_RESPMEM_PERSISTENT);

	if (response == NULL)
		return NULL;
	add_headers(response, a, etag);
	if (bytes == a->gzip)
		MHD_add_response_header(response, "Content-Encoding", "gzip");
	return response;
}

bool
static_files_init(void)
{
	const asset *a;
	int i = 0;

	for (a = assets; a->path != NULL; a++, i++)
	{
		if (i == PAGES_MAX)
			return false;
		plain[i] = make_response(a, a->bytes, a->len, a->etag);
		if (a->gzip != NULL)
			gzipped[i] = make_response(a, a->gzip, a->gzip_len, a->gzip_etag);
		if (plain[i] == NULL || (a->gzip != NULL && gzipped[i] == NULL))
			return false;
	}
	return true;
}

void
static_files_exit(void)
{
	int i;

	for (i = 0; i < PAGES_MAX; i++)
	{
		if (plain[i] != NULL)
			MHD_destroy_response(plain[i]);
		if (gzipped[i] != NULL)
			MHD_destroy_response(gzipped[i]);
		plain[i] = gzipped[i] = NULL;
	}
}

http_response
static_files_answer(const asset *a, const http_head *head)
{
	bool gzip = a->gzip != NULL && static_files_wants_gzip(head->accept_encoding);
	bool same = static_files_client_has(head->none_match, gzip ? a->gzip_etag : a->etag);

	/* libmicrohttpd sends no body with a 304, and the length that a 200 would have. */
	return (http_response){same ? 304 : 200, gzip ? gzipped[a - assets] : plain[a - assets], false};
}

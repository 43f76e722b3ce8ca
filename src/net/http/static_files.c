/*
 * static_files.c
 *	  Everything is made at the start: a confined process opens no file, and an
 *	  answer costs nothing but what it says of its form.
 */
#include "http/static_files.h"

#include <string.h>

#include "base/text.h"

#define PAGES_MAX 64

/*
 * The files keep their names when they change: an hour without a question, then
 * one more day in which the old one may serve while the new one is fetched.
 */
#define CACHING "public, max-age=3600, stale-while-revalidate=86400"

/* The desk's: whoever opens it has the one that its server speaks with. */
#define DESK_CACHING "no-cache"

/* What has a hash of its bytes in its name is another file when it changes. */
#define HASHED_CACHING "public, max-age=31536000, immutable"
#define HASH_LEN	   8

/* Each file as it is, and compressed. */
static struct MHD_Response *plain[PAGES_MAX];
static struct MHD_Response *gzipped[PAGES_MAX];

/*
 * The preview of the widget: the desk's own page may frame it, and it is a sandbox, so it has no
 * origin, storage or cookie, nor anybody that it could ask.  To its script it is therefore a
 * page of another origin; what that has is what everybody may load as the widget's.
 */
#define PREVIEW		   DESK_PATH "preview"
#define PREVIEW_SCRIPT PREVIEW ".js"

static void
guard_preview(struct MHD_Response *response)
{
	MHD_add_response_header(response, "Content-Security-Policy",
							"sandbox allow-scripts; default-src 'none'; script-src 'self'; img-src https: data:; "
							"frame-ancestors 'self'; base-uri 'none'; "
							"form-action 'none'");
	MHD_add_response_header(response, "X-Frame-Options", "SAMEORIGIN");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
}

/*
 * Nothing but what the desk's own files are may run, load or be asked in its
 * page, and nobody may frame it.  Avatars are images of any https.
 */
void
static_files_guard(struct MHD_Response *response)
{
	MHD_add_response_header(
		response, "Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "
		"connect-src 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
	MHD_add_response_header(response, "X-Frame-Options", "DENY");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Cross-Origin-Opener-Policy", "same-origin");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
}

/* As esbuild names what it splits off: words-UPYANJ4J.js */
static bool
is_hashed(const char *path)
{
	const char *dash = strrchr(path, '-');

	return dash != NULL && strspn(dash + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == HASH_LEN &&
		   dash[1 + HASH_LEN] == '.';
}

static const char *
caching_of(const char *path, bool desk)
{
	if (is_hashed(path))
		return HASHED_CACHING;
	return desk ? DESK_CACHING : CACHING;
}

/* Pages of any origin may load the widget's files, and read what went wrong in them; not so the desk's. */
static void
add_headers(struct MHD_Response *response, const asset *a, const char *etag)
{
	bool desk = strncmp(a->path, DESK_PATH, sizeof(DESK_PATH) - 1) == 0;

	MHD_add_response_header(response, "Content-Type", a->type);
	MHD_add_response_header(response, "ETag", etag);
	MHD_add_response_header(response, "Cache-Control", caching_of(a->path, desk));
	if (a->gzip != NULL)
		MHD_add_response_header(response, "Vary", "Accept-Encoding");
	if (strcmp(a->path, PREVIEW) == 0)
	{
		guard_preview(response);
		return;
	}
	if (desk && strcmp(a->path, PREVIEW_SCRIPT) != 0)
	{
		static_files_guard(response);
		return;
	}
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

	if (plain[0] != NULL)
		return true;
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

const asset *
static_files_find(const char *path, size_t len)
{
	const asset *a;

	for (a = assets; a->path != NULL; a++)
	{
		if (strlen(a->path) == len && memcmp(a->path, path, len) == 0)
			return a;
	}
	return NULL;
}

/* ---- what a request says about the form of its answer ---- */

/* Weights count in thousandths; NOT_NAMED is less than any. */
#define NOT_NAMED (-1)

/* "0", "1", "0.125": in thousandths; what is no weight counts as 0. */
static int
weight_of(const char *p, size_t len)
{
	int weight;
	int unit = 100;
	size_t i;

	if (len < 1 || len > 5 || (p[0] != '0' && p[0] != '1') || (len > 1 && p[1] != '.'))
		return 0;
	weight = (p[0] - '0') * 1000;
	for (i = 2; i < len; i++, unit /= 10)
	{
		if (p[i] < '0' || p[i] > '9')
			return 0;
		weight += (p[i] - '0') * unit;
	}
	return weight <= 1000 ? weight : 0;
}

/* Split "gzip;q=0.5" into its name, which stays in part, and its weight. */
static int
take_weight(wc_str *part)
{
	const char *semicolon = part->len ? memchr(part->p, ';', part->len) : NULL;
	wc_str weight;

	if (semicolon == NULL)
		return 1000;
	weight = text_trim(semicolon + 1, part->len - (size_t) (semicolon + 1 - part->p));
	*part = text_trim(part->p, (size_t) (semicolon - part->p));
	if (weight.len < 2 || (weight.p[0] != 'q' && weight.p[0] != 'Q') || weight.p[1] != '=')
		return 0;
	return weight_of(weight.p + 2, weight.len - 2);
}

/* Accept-Encoding allows gzip, and likes it no less than none (RFC 9110 §12.5.3). */
bool
static_files_wants_gzip(wc_str accept_encoding)
{
	int gzip = NOT_NAMED;
	int identity = NOT_NAMED;
	int others = NOT_NAMED;
	wc_str part;

	while (text_next(&accept_encoding, &part))
	{
		int weight = take_weight(&part);

		if (text_is(part, "gzip") || text_is(part, "x-gzip"))
			gzip = weight;
		else if (text_is(part, "identity"))
			identity = weight;
		else if (text_is(part, "*"))
			others = weight;
	}
	if (gzip == NOT_NAMED)
		gzip = others;
	return gzip > 0 && gzip >= identity;
}

/* If-None-Match names that ETag (quotes included), or any (RFC 9110 §13.1.2). */
bool
static_files_client_has(wc_str none_match, const char *etag)
{
	wc_str part;

	/* No ETag of ours holds a comma, so one that does is not split wrongly into ours. */
	while (text_next(&none_match, &part))
	{
		if (text_is(part, "*"))
			return true;
		if (part.len > 2 && memcmp(part.p, "W/", 2) == 0)
		{
			part.p += 2;
			part.len -= 2;
		}
		if (wc_str_equals(part, etag))
			return true;
	}
	return false;
}

/* ---- the answer ---- */

http_response
static_files_answer(const asset *a, const http_head *head)
{
	bool gzip = a->gzip != NULL && static_files_wants_gzip(head->accept_encoding);
	bool same = static_files_client_has(head->none_match, gzip ? a->gzip_etag : a->etag);

	/* libmicrohttpd sends no body with a 304, and the length that a 200 would have. */
	return (http_response){same ? 304 : 200, gzip ? gzipped[a - assets] : plain[a - assets], false};
}

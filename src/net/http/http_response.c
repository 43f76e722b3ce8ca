/*
 * http_response.c
 */
#include "http/http_response.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The largest raw answer; the table's sentences are far shorter. */
#define RAW_SIZE 1024

static struct MHD_Response *ok;
static struct MHD_Response *refusals[REFUSE_COUNT];

/* The header that goes with a refusal, beyond those of every answer; NULL: none. */
static const char *
refusal_header(refusal why, const char **value)
{
	switch (errors_get(why)->status)
	{
		case 503:
			*value = "1";
			return "Retry-After";
		case 429:
			*value = "10";
			return "Retry-After";
		case 405:
			*value = why == REFUSE_METHOD_POST	   ? "POST"
					 : why == REFUSE_METHOD_DELETE ? "DELETE"
					 : why == REFUSE_METHOD_FILE   ? "GET, HEAD, PATCH, DELETE"
					 : why == REFUSE_METHOD_REST   ? "GET, POST, PATCH, DELETE"
												   : "GET, HEAD";
			return "Allow";
		case 426:
			*value = "13";
			return "Sec-WebSocket-Version";
		default:
			return NULL;
	}
}

static void
refusal_headers(struct MHD_Response *response, refusal why)
{
	const char *value;
	const char *name = refusal_header(why, &value);

	if (name != NULL)
		MHD_add_response_header(response, name, value);
	if (why == REFUSE_CLOSING)
		MHD_add_response_header(response, "Connection", "close");
}

static struct MHD_Response *
response_of(void *text, size_t len, enum MHD_ResponseMemoryMode mode, const char *content_type)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(len, text, mode);

	if (response != NULL)
		MHD_add_response_header(response, "Content-Type", content_type);
	return response;
}

/* The body of a refusal, for free(). */
static char *
error_json(refusal why, const char *message)
{
	json_t *root = json_pack("{s:s, s:s}", "errorCode", errors_get(why)->code, "errorMessage", message);
	char *text = root ? json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

	json_decref(root);
	return text;
}

static struct MHD_Response *
make_refusal(refusal why, const char *message)
{
	char *text = error_json(why, message);
	struct MHD_Response *response;

	if (text == NULL)
		return NULL;
	response = response_of(text, strlen(text), MHD_RESPMEM_MUST_FREE, "application/json");
	if (response == NULL)
		free(text);
	else
		refusal_headers(response, why);
	return response;
}

bool
http_response_init(void)
{
	static char ok_body[] = "{\"status\":\"ok\"}";
	int i;

	ok = response_of(ok_body, sizeof(ok_body) - 1, MHD_RESPMEM_PERSISTENT, "application/json");
	if (ok == NULL)
		return false;
	for (i = 0; i < REFUSE_COUNT; i++)
	{
		refusals[i] = make_refusal((refusal) i, errors_get((refusal) i)->message);
		if (refusals[i] == NULL)
			return false;
	}
	return true;
}

void
http_response_exit(void)
{
	int i;

	if (ok != NULL)
		MHD_destroy_response(ok);
	for (i = 0; i < REFUSE_COUNT; i++)
	{
		if (refusals[i] != NULL)
			MHD_destroy_response(refusals[i]);
	}
}

http_response
http_response_ok(void)
{
	return (http_response){200, ok, false};
}

http_response
http_response_refusal(refusal why)
{
	return (http_response){errors_get(why)->status, refusals[why], false};
}

http_response
http_response_refusal_because(refusal why, const char *message)
{
	struct MHD_Response *response = make_refusal(why, message);

	if (response == NULL)
		return http_response_refusal(why);
	return (http_response){errors_get(why)->status, response, true};
}

http_response
http_response_text(char *text, size_t len, const char *content_type)
{
	struct MHD_Response *response = response_of(text, len, MHD_RESPMEM_MUST_FREE, content_type);

	if (response == NULL)
	{
		free(text);
		return http_response_refusal(REFUSE_NOTHING);
	}
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	return (http_response){200, response, true};
}

http_response
http_response_empty(void)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);

	return response ? (http_response){204, response, true} : http_response_refusal(REFUSE_NOTHING);
}

void
http_response_open(struct MHD_Response *response)
{
	MHD_add_response_header(response, "Access-Control-Allow-Origin", "*");
	MHD_add_response_header(response, "Access-Control-Expose-Headers",
							"Upload-Offset, Upload-Length, Retry-After, ETag");
}

void
http_response_drop(http_response *r)
{
	if (r->owned && r->response != NULL)
		MHD_destroy_response(r->response);
	*r = (http_response){0, NULL, false};
}

void
http_response_raw(int fd, refusal why, const char *message)
{
	const errors_row *row = errors_get(why);
	char *body = error_json(why, message ? message : row->message);
	const char *value = "";
	const char *name = refusal_header(why, &value);
	char text[RAW_SIZE];
	int len;

	if (body == NULL)
		return;
	len = snprintf(text, sizeof(text),
				   "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: application/json\r\n"
				   "%s%s%s%sContent-Length: %zu\r\n\r\n%s",
				   row->status, MHD_get_reason_phrase_for(row->status), name ? name : "", name ? ": " : "",
				   name ? value : "", name ? "\r\n" : "", strlen(body), body);
	free(body);
	if (len > 0 && (size_t) len < sizeof(text))
		(void) !send(fd, text, (size_t) len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

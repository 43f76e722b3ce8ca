/*
 * desk_page.c
 */
#include "desk/desk_page.h"

#include <string.h>

#include "desk/desk_guard.h"
#include "http/http_reply.h"
#include "http/static_files.h"

void
desk_page_dress(struct MHD_Response *response)
{
	static_files_guard(response);
	MHD_add_response_header(response, "Cache-Control", "no-store");
}

void
desk_page_check_nothing(conn *c, const char *method)
{
	(void) method;
	if (desk_guard_is_on(c))
		http_reply_refuse(c, REFUSE_ROUTE, "There is nothing at this path.");
}

void
desk_page_check_get(conn *c, const char *method)
{
	if (desk_guard_is_on(c) && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		http_reply_refuse(c, REFUSE_METHOD_GET, NULL);
}

/* Relative: a proxy may serve it under another name. */
void
desk_page_handle_home(conn *c, const char *body, size_t len)
{
	(void) body;
	(void) len;
	c->answer = http_response_empty();
	if (!c->answer.owned)
		return;
	c->answer.status = MHD_HTTP_FOUND;
	MHD_add_response_header(c->answer.response, "Location", DESK_PATH);
	desk_page_dress(c->answer.response);
}

void
desk_page_handle_file(conn *c, const char *body, size_t len)
{
	size_t path_len;
	const char *path = routes_path(c->target, &path_len);

	(void) body;
	(void) len;
	c->answer = static_files_answer(static_files_find(path, path_len), &c->head);
}

/*
 * desk_head.c
 */
#include "desk/desk_head.h"

#include <strings.h>

#include "base/text.h"

#define HTTP "http://"

/*
 * Two cookies of the name are none: a page of a neighbouring host may have set
 * one of them, and nobody can say which.
 */
static void
one_cookie(desk_head *head, wc_str name, wc_str value)
{
	if (!wc_str_equals(name, head->cookie))
		return;
	head->token = (wc_str){NULL, 0};
	if (!head->cookies && value.len == DESK_TOKEN_LEN && text_is_of(value.p, value.len, TEXT_BASE64URL))
		head->token = value;
	head->cookies = true;
}

/* "a=b; c=d" (RFC 6265 §4.2.1). */
static void
cookie_field(desk_head *head, wc_str list)
{
	const char *p = list.p;
	const char *end = list.p + list.len;

	while (p != NULL && p < end)
	{
		const char *stop = memchr(p, ';', (size_t) (end - p));
		const char *last = stop != NULL ? stop : end;
		const char *equals = memchr(p, '=', (size_t) (last - p));

		if (equals != NULL)
			one_cookie(head, text_trim(p, (size_t) (equals - p)), text_trim(equals + 1, (size_t) (last - equals - 1)));
		p = stop != NULL ? stop + 1 : NULL;
	}
}

/*
 * Two of them, or a list, are none: one may be what the client sent and the proxy passed on.  An empty one says that
 * nobody is signed in there.
 */
static void
user_field(desk_head *head, wc_str given)
{
	bool odd = head->users || given.len > DESK_USER_MAX;

	for (uint32_t i = 0; i < given.len && !odd; i++)
		odd = given.p[i] <= ' ' || given.p[i] > '~' || given.p[i] == ',';
	head->odd_user |= odd;
	head->users = true;
	head->user = given.len > 0 && !head->odd_user ? given : (wc_str){NULL, 0};
}

void
desk_head_field(desk_head *head, const char *name, size_t name_len, const char *value, size_t value_len)
{
	wc_str field = {name, (uint32_t) name_len};
	wc_str given = text_trim(value, value_len);

	if (text_is(field, "Cookie"))
		cookie_field(head, given);
	else if (text_is(field, "Origin"))
	{
		head->origin = (wc_str){head->origins ? NULL : given.p, head->origins ? 0 : given.len};
		head->origins = true;
	}
	else if (text_is(field, "Host"))
		head->host = given;
	else if (text_is(field, DESK_MARK))
	{
		head->unattended = wc_str_equals(given, "2");
		head->marked = head->unattended || wc_str_equals(given, "1");
	}
	else if (text_is(field, "User-Agent"))
		head->user_agent = given;
	else if (head->user_header != NULL && text_is(field, head->user_header))
		user_field(head, given);
}

bool
desk_head_is_ours(const desk_head *head, const char *origin)
{
	size_t scheme = sizeof(HTTP) - 1;

	if (head->origin.p == NULL)
		return false;
	if (origin[0] != '\0')
		return wc_str_equals(head->origin, origin);
	return head->host.len > 0 && head->origin.len == scheme + head->host.len &&
		   memcmp(head->origin.p, HTTP, scheme) == 0 &&
		   strncasecmp(head->origin.p + scheme, head->host.p, head->host.len) == 0;
}

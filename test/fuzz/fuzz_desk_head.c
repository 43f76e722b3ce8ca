/*
 * fuzz_desk_head.c
 *	  What the head of a request to the desk says of its sender: a token is one that
 *	  can be, whatever else the cookies hold, and no other site's page is ours.
 *	  The input's lines: the desk's origin, then a field each.
 */
#include "base/text.h"
#include "desk/desk_head.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *all = fuzz_exact(data, size);
	const uint8_t *rest = (const uint8_t *) all;
	size_t len;
	const uint8_t *line = fuzz_line(&rest, &size, &len);
	char *origin = fuzz_copy(line, len);
	desk_head head = {.cookie = DESK_COOKIE, .user_header = "Remote-User"};

	while (size > 0)
	{
		const char *field = (const char *) fuzz_line(&rest, &size, &len);
		const char *colon = len > 0 ? memchr(field, ':', len) : NULL;

		if (colon != NULL)
			desk_head_field(&head, field, (size_t) (colon - field), colon + 1, len - (size_t) (colon + 1 - field));
	}
	MUST(head.token.p == NULL || (head.token.len == DESK_TOKEN_LEN && head.cookies));
	MUST(head.token.p == NULL || text_is_of(head.token.p, head.token.len, TEXT_BASE64URL));
	MUST(head.origins || head.origin.p == NULL);
	MUST(head.user.p == NULL || (head.users && !head.odd_user && head.user.len > 0 && head.user.len <= DESK_USER_MAX));
	for (size_t i = 0; i < head.user.len; i++)
		MUST(head.user.p[i] > ' ' && head.user.p[i] <= '~' && head.user.p[i] != ',');
	if (desk_head_is_ours(&head, origin))
	{
		MUST(head.origin.len > 0);
		MUST(origin[0] != '\0' ? wc_str_equals(head.origin, origin) : head.origin.len == head.host.len + 7);
	}
	free(origin);
	free(all);
	return 0;
}

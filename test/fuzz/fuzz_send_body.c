/*
 * fuzz_send_body.c
 *	  A message on its way to a hub: whatever the visitor's id is made of, the
 *	  request's body is JSON with that id, and the path's part is harmless.
 */
#include <jansson.h>

#include "base/alloc.h"
#include "outbound/send_body.h"
#include "fuzz.h"

/* The input: the channel's kind on a line of its own, and the visitor's id. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	wc_send send = {.token = 1, .content = {"{\"text\":\"hi\"}", 13}};
	const char *refusal = NULL;
	size_t len;
	const uint8_t *line = fuzz_line(&data, &size, &len);
	char *kind = fuzz_exact(line, len);
	char *to = fuzz_exact(data, size);
	send_body *m;

	send.kind = (wc_str){kind, (uint32_t) len};
	send.to = (wc_str){to, (uint32_t) size};
	m = send_body_new(&send, &refusal);
	if (m == NULL)
		MUST(refusal != NULL && strlen(refusal) > 10);
	else
	{
		json_t *root = json_loadb(m->request.body, m->request.body_len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
		const json_t *back = json_object_get(root, "to");

		MUST(json_object_size(root) == 3 && json_string_length(back) == size);
		MUST(size == 0 || memcmp(json_string_value(back), to, size) == 0);
		MUST(strlen(m->kind) == len && strspn(m->kind, "abcdefghijklmnopqrstuvwxyz0123456789-") == len);
		json_decref(root);
		free(m);
	}
	free(to);
	free(kind);
	return 0;
}

/*
 * fuzz_send_api.c
 *	  The body of a REST request that asks to send: what is taken has the content
 *	  that jansson sees in the body, without white space; a refusal is a sentence.
 */
#include <jansson.h>

#include "rest/send_api_json.h"
#include "base/text.h"
#include "fuzz.h"

/* Nothing between the tokens. */
static void
check_compact(wc_str text)
{
	bool in_string = false;

	for (uint32_t i = 0; i < text.len; i++)
	{
		char c = text.p[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string)
			MUST(c != ' ' && c != '\t' && c != '\n' && c != '\r');
	}
	MUST(!in_string);
}

static void
check_taken(const send_api_request *send, const char *body, size_t len)
{
	/* as the parser does it: integers may be of any size */
	json_t *root = json_loadb(body, len, JSON_DECODE_INT_AS_REAL, NULL);
	json_t *content = json_loadb(send->content.p, send->content.len, JSON_DECODE_INT_AS_REAL, NULL);
	char id[37];

	MUST(send->content.len >= 2 && send->content.len <= len);
	check_compact(send->content);
	if (root != NULL)
	{
		const json_t *to = json_object_get(root, "to");

		MUST(json_is_object(content) && json_equal(content, json_object_get(root, "content")));
		wc_uuid_print(send->channel, id);
		MUST(strcasecmp(id, json_string_value(json_object_get(root, "from"))) == 0);
		wc_uuid_print(send->visitor, id);
		MUST(!send->is_visitor || strcasecmp(id, json_string_value(to)) == 0);
		MUST(send->hold == json_is_true(json_object_get(root, "hold")));
		MUST(send->interim == json_is_false(json_object_get(root, "final")));
		MUST(send->author.len <= WC_MAX_AUTHOR &&
			 send->author.len == json_string_length(json_object_get(root, "author")));
	}
	json_decref(content);
	json_decref(root);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = fuzz_exact(data, size);
	char reason[WC_REASON_SIZE];
	send_api_request send;

	memset(reason, 0x7F, sizeof(reason));
	if (send_api_json_parse(body, size, &send, reason))
	{
		char *mended = fuzz_mended(body, &size);

		check_taken(&send, mended, size);
		free(mended);
		send_api_json_free(&send);
	}
	else
		fuzz_sentence(reason, sizeof(reason));
	free(body);
	return 0;
}

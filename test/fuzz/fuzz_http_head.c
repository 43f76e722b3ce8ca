/*
 * fuzz_http_head.c
 *	  Fields of a request's head: what is let through can be read in one way
 *	  only, and every value lies in the field that it came in.
 */
#include <strings.h>

#include "http/http_head.h"
#include "fuzz.h"

static void
check_inside(wc_str value, const char *data, size_t size)
{
	MUST(value.p == NULL || (value.p >= data && value.p + value.len <= data + size));
	for (size_t i = 0; value.p != NULL && i < value.len; i++)
		MUST(((uint8_t) value.p[i] >= 0x20 || value.p[i] == '\t') && value.p[i] != 0x7f);
	MUST(value.p == NULL || value.len == 0 || (value.p[value.len - 1] != ' ' && value.p[value.len - 1] != '\t'));
}

static void
check_good(const http_head *facts, const char *data, size_t size, int lengths, int encodings, int hosts)
{
	check_inside(facts->signature, data, size);
	check_inside(facts->token, data, size);
	check_inside(facts->api_key, data, size);
	check_inside(facts->idempotency_key, data, size);
	check_inside(facts->forwarded, data, size);
	check_inside(facts->accept_encoding, data, size);
	check_inside(facts->none_match, data, size);
	/* two lengths, or a length and chunks, are how requests are smuggled */
	MUST(lengths <= 1 && encodings <= 1 && hosts <= 1 && lengths + encodings <= 1);
	MUST(facts->has_length == (lengths == 1) && facts->chunked == (encodings == 1));
	MUST(facts->has_host == (hosts == 1));
	MUST(facts->length <= UINT64_C(999999999999999999));
}

/* The input: the version, then a field a line: "name:value". */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	http_head facts = {0};
	char *all = fuzz_exact(data, size);
	const uint8_t *rest = (const uint8_t *) all;
	size_t left = size;
	size_t len;
	const uint8_t *line = fuzz_line(&rest, &left, &len);
	char *version = fuzz_copy(line, len);
	int lengths = 0;
	int encodings = 0;
	int hosts = 0;

	while (left > 0)
	{
		const uint8_t *colon;

		line = fuzz_line(&rest, &left, &len);
		colon = len > 0 ? memchr(line, ':', len) : NULL;
		if (colon == NULL)
			continue;
		http_head_field(&facts, (const char *) line, (size_t) (colon - line), (const char *) colon + 1,
						len - (size_t) (colon + 1 - line));
		lengths += colon - line == 14 && strncasecmp((const char *) line, "Content-Length", 14) == 0;
		encodings += colon - line == 17 && strncasecmp((const char *) line, "Transfer-Encoding", 17) == 0;
		hosts += colon - line == 4 && strncasecmp((const char *) line, "Host", 4) == 0;
	}
	http_head_end(&facts, version);
	if (facts.bad == NULL)
	{
		MUST(strcmp(version, "HTTP/1.1") == 0 || strcmp(version, "HTTP/1.0") == 0);
		check_good(&facts, all, size, lengths, encodings, hosts);
	}
	else
		fuzz_sentence(facts.bad, 256);
	free(version);
	free(all);
	return 0;
}

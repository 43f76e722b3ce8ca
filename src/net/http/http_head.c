/*
 * http_head.c
 *	  The rules are those of RFC 9110 and 9112; where these let a server choose, it
 *	  refuses.
 */
#include "http/http_head.h"

#include <string.h>

#include "base/text.h"

static void
length_field(http_head *facts, const char *value, size_t len)
{
	if (facts->has_length)
	{
		facts->bad = "The request has more than one Content-Length; send one.";
		return;
	}
	facts->has_length = true;
	if (len == 0 || len > 18)
		facts->bad = "Content-Length must be 1 to 18 digits.";
	else if (!text_number(value, len, UINT64_MAX, &facts->length))
		facts->bad = "Content-Length must be digits only.";
}

static void
encoding_field(http_head *facts, wc_str value)
{
	if (facts->chunked)
		facts->bad = "The request has more than one Transfer-Encoding; send one.";
	else if (!text_is(value, "chunked"))
		facts->bad = "The only Transfer-Encoding that this server takes is chunked.";
	facts->chunked = true;
}

/* A field that may come once only. */
static void
single_field(http_head *facts, wc_str *into, wc_str value, const char *twice)
{
	if (into->p != NULL)
		facts->bad = twice;
	*into = value;
}

/* A list that may come in several fields, and only says how to answer better. */
static void
hint_field(wc_str *into, wc_str value)
{
	*into = (wc_str){value.p, into->p == NULL ? value.len : 0};
}

void
http_head_field(http_head *facts, const char *name, size_t name_len, const char *value, size_t value_len)
{
	wc_str field = {name, (uint32_t) name_len};
	wc_str given;
	size_t i;

	if (name_len == 0)
		facts->bad = "A header without a name; remove it.";
	if (!text_is_of(name, name_len, TEXT_TOKEN))
		facts->bad = "A header's name holds a character that does not belong there, perhaps a blank before its colon.";
	for (i = 0; i < value_len; i++)
	{
		unsigned char c = (unsigned char) value[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			facts->bad = "A header's value holds a control character.";
	}
	if (facts->bad != NULL)
		return;
	given = text_trim(value, value_len);
	if (text_is(field, "Content-Length"))
		length_field(facts, given.p, given.len);
	else if (text_is(field, "Transfer-Encoding"))
		encoding_field(facts, given);
	else if (text_is(field, "Host"))
	{
		if (facts->has_host || memchr(given.p, ' ', given.len) || memchr(given.p, ',', given.len))
			facts->bad = "The request names more than one Host; send one.";
		facts->has_host = true;
	}
	else if (text_is(field, "Expect"))
	{
		if (text_is(given, "100-continue"))
			facts->expect_continue = true;
		else
			facts->expect_other = true;
	}
	else if (text_is(field, "X-hub-Signature"))
		single_field(facts, &facts->signature, given, "The request has more than one X-hub-Signature; send one.");
	else if (text_is(field, "X-Validation-Token"))
		single_field(facts, &facts->token, given, "The request has more than one X-Validation-Token; send one.");
	else if (text_is(field, "x-api-key"))
		single_field(facts, &facts->api_key, given, "The request has more than one x-api-key; send one.");
	else if (text_is(field, "Idempotency-Key"))
		single_field(facts, &facts->idempotency_key, given, "The request has more than one Idempotency-Key; send one.");
	else if (text_is(field, "Accept-Encoding"))
		hint_field(&facts->accept_encoding, given);
	else if (text_is(field, "If-None-Match"))
		hint_field(&facts->none_match, given);
	else if (text_is(field, "X-Forwarded-For"))
		facts->forwarded = given;
	else if (text_is(field, "Origin"))
		hint_field(&facts->origin, given);
}

void
http_head_end(http_head *facts, const char *version)
{
	bool one_one = strcmp(version, "HTTP/1.1") == 0;

	if (facts->bad != NULL)
		return;
	if (!one_one && strcmp(version, "HTTP/1.0") != 0)
		facts->bad = "This server speaks HTTP/1.1 and HTTP/1.0.";
	else if (one_one && !facts->has_host)
		facts->bad = "An HTTP/1.1 request must have a Host header.";
	else if (facts->chunked && facts->has_length)
		facts->bad = "The request has both Transfer-Encoding and Content-Length; send one of them.";
	else if (facts->chunked && !one_one)
		facts->bad = "An HTTP/1.0 request cannot be chunked.";
	/* A client of HTTP/1.0 does not know 100 Continue (RFC 9110 §10.1.1). */
	if (!one_one)
		facts->expect_continue = false;
}

/*
 * http_head.c
 *	  The rules are those of RFC 9110 and 9112; where these let a server choose, it
 *	  refuses.
 */
#include "http/http_head.h"

#include <string.h>
#include <strings.h>

/* The characters of a field's name (RFC 9110 §5.6.2: token). */
static const uint8_t token_chars[256] = {
	['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,
	['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0'] = 1,  ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1,
	['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1, ['A'] = 1,  ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1,
	['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1,  ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1,
	['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1,  ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1,
	['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1,  ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1,
	['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1,  ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1,
	['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1,  ['z'] = 1,
};

static void
length_field(http_head *facts, const char *value, size_t len)
{
	size_t i;

	if (facts->has_length)
	{
		facts->bad = "The request has more than one Content-Length; send one.";
		return;
	}
	facts->has_length = true;
	if (len == 0 || len > 18)
	{
		facts->bad = "Content-Length must be 1 to 18 digits.";
		return;
	}
	for (i = 0; i < len; i++)
	{
		if (value[i] < '0' || value[i] > '9')
		{
			facts->bad = "Content-Length must be digits only.";
			return;
		}
		facts->length = facts->length * 10 + (uint64_t) (value[i] - '0');
	}
}

static void
encoding_field(http_head *facts, const char *value, size_t len)
{
	if (facts->chunked)
		facts->bad = "The request has more than one Transfer-Encoding; send one.";
	else if (len != 7 || strncasecmp(value, "chunked", 7) != 0)
		facts->bad = "The only Transfer-Encoding that this server takes is chunked.";
	facts->chunked = true;
}

/* A field that may come once only. */
static void
single_field(http_head *facts, head_value *into, const char *value, size_t len, const char *twice)
{
	if (into->p != NULL)
		facts->bad = twice;
	into->p = value;
	into->len = len;
}

/* A list that may come in several fields, and only says how to answer better. */
static void
hint_field(head_value *into, const char *value, size_t len)
{
	*into = (head_value){value, into->p == NULL ? len : 0};
}

static bool
is(const char *name, size_t len, const char *known, size_t known_len)
{
	return len == known_len && strncasecmp(name, known, known_len) == 0;
}

#define IS(known) is(name, name_len, known, sizeof(known) - 1)

void
http_head_field(http_head *facts, const char *name, size_t name_len, const char *value, size_t value_len)
{
	size_t i;

	if (name_len == 0)
		facts->bad = "A header without a name; remove it.";
	for (i = 0; i < name_len; i++)
	{
		if (!token_chars[(unsigned char) name[i]])
			facts->bad =
				"A header's name holds a character that does not belong there, perhaps a blank before its colon.";
	}
	for (i = 0; i < value_len; i++)
	{
		unsigned char c = (unsigned char) value[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			facts->bad = "A header's value holds a control character.";
	}
	while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
		value_len--;
	if (facts->bad != NULL)
		return;
	if (IS("Content-Length"))
		length_field(facts, value, value_len);
	else if (IS("Transfer-Encoding"))
		encoding_field(facts, value, value_len);
	else if (IS("Host"))
	{
		if (facts->has_host || memchr(value, ' ', value_len) || memchr(value, ',', value_len))
			facts->bad = "The request names more than one Host; send one.";
		facts->has_host = true;
	}
	else if (IS("Expect"))
	{
		if (value_len == 12 && strncasecmp(value, "100-continue", 12) == 0)
			facts->expect_continue = true;
		else
			facts->expect_other = true;
	}
	else if (IS("X-hub-Signature"))
		single_field(facts, &facts->signature, value, value_len,
					 "The request has more than one X-hub-Signature; send one.");
	else if (IS("X-Validation-Token"))
		single_field(facts, &facts->token, value, value_len,
					 "The request has more than one X-Validation-Token; send one.");
	else if (IS("x-api-key"))
		single_field(facts, &facts->api_key, value, value_len, "The request has more than one x-api-key; send one.");
	else if (IS("Idempotency-Key"))
		single_field(facts, &facts->idempotency_key, value, value_len,
					 "The request has more than one Idempotency-Key; send one.");
	else if (IS("Accept-Encoding"))
		hint_field(&facts->accept_encoding, value, value_len);
	else if (IS("If-None-Match"))
		hint_field(&facts->none_match, value, value_len);
	else if (IS("X-Forwarded-For"))
		facts->forwarded = (head_value){value, value_len};
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

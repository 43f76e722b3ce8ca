/*
 * visitor_identity.c
 *	  The signature comes first: of what is not signed nothing is parsed.
 */
#include "visitors/visitor_identity.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "common/event_rules.h"
#include "common/signature.h"
#include "visitors/visitor_profile.h"

#define MAC_SIZE 32u

static const char malformed[] = "The identity is not a token as doc/identity.md has it.";
static const char wrong[] = "The identity's signature is wrong: it was made by another secret, or for another channel.";

static int
digit_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at ? (int) (at - digits) : -1;
}

/* Decode base64url without padding, in its one form; the bytes, of which there is room for 3/4 of len; -1: it is none. */
static int
base64url_decode(const char *s, size_t len, char *out)
{
	uint32_t bits = 0;
	int nbits = 0;
	int n = 0;
	size_t i;

	if (len % 4 == 1)
		return -1;
	for (i = 0; i < len; i++)
	{
		int digit = digit_of(s[i]);

		if (digit < 0)
			return -1;
		bits = bits << 6 | (uint32_t) digit;
		nbits += 6;
		if (nbits >= 8)
		{
			nbits -= 8;
			out[n++] = (char) (bits >> nbits & 0xff);
		}
	}
	/* what is left over is nothing */
	return (bits & ((1u << nbits) - 1)) == 0 ? n : -1;
}

/* One part of a token as an object; NULL: it is none. */
static json_t *
object_of(wc_str part)
{
	char text[VISITOR_MAX_IDENTITY];
	int len = base64url_decode(part.p, part.len, text);
	json_t *root;

	if (len < 0 || !wc_json_shallow(text, (size_t) len))
		return NULL;
	root = json_loadb(text, (size_t) len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(root))
		return root;
	json_decref(root);
	return NULL;
}

/* HS256 and nothing else; what must be understood and is not known refuses it. */
static bool
is_head(wc_str part)
{
	json_t *head = object_of(part);
	const char *alg = json_string_value(json_object_get(head, "alg"));
	bool good = alg != NULL && strcmp(alg, "HS256") == 0 && json_object_get(head, "crit") == NULL;

	json_decref(head);
	return good;
}

/* Whole seconds; false: it is no such number. */
static bool
seconds_of(const json_t *value, int64_t *seconds)
{
	double real = json_number_value(value);

	if (!json_is_number(value) || !(real >= 0 && real < 1e12))
		return false;
	*seconds = (int64_t) real;
	return true;
}

/* Without one it is for whichever channel has the secret. */
static bool
is_for(const json_t *audience, wc_str us)
{
	size_t i;

	if (audience == NULL)
		return true;
	if (json_is_string(audience))
		return wc_str_equals(us, json_string_value(audience));
	for (i = 0; i < json_array_size(audience); i++)
	{
		const char *one = json_string_value(json_array_get(audience, i));

		if (one != NULL && wc_str_equals(us, one))
			return true;
	}
	return false;
}

/* A string without control characters; or a whole number, as many a site's ids are. */
static bool
take_user_id(const json_t *value, char user_id[WC_MAX_USER_ID + 1])
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);
	size_t i;

	if (json_is_integer(value))
	{
		snprintf(user_id, WC_MAX_USER_ID + 1, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return true;
	}
	if (text == NULL || len < 1 || len > WC_MAX_USER_ID || strlen(text) != len)
		return false;
	for (i = 0; i < len; i++)
	{
		if ((unsigned char) text[i] < ' ' || text[i] == 0x7f)
			return false;
	}
	memcpy(user_id, text, len + 1);
	return true;
}

static const char *
check_body(const json_t *body, wc_str audience, int64_t now, visitor_identity *who)
{
	const json_t *not_before = json_object_get(body, "nbf");
	int64_t soon = now + VISITOR_IDENTITY_LEEWAY;
	int64_t expires;
	int64_t begins = 0;

	if (!seconds_of(json_object_get(body, "exp"), &expires) || (not_before != NULL && !seconds_of(not_before, &begins)))
		return "The identity has no time (exp) until which it is good.";
	if (expires <= now)
		return "The identity has expired.";
	if (expires > soon + VISITOR_IDENTITY_FOR)
		return "The identity is good for more than a year.";
	if (begins > soon)
		return "The identity is not good yet.";
	if (!is_for(json_object_get(body, "aud"), audience))
		return "The identity is for another channel.";
	if (!take_user_id(json_object_get(body, "sub"), who->user_id))
		return "The identity has no user's id (sub) of 1 to 255 bytes.";
	visitor_profile_take_name(body, "name", who->name);
	visitor_profile_take_email(body, "email", who->email);
	visitor_profile_take_avatar(body, "picture", who->avatar);
	return NULL;
}

/* "head.body.mac"; false: it is not. */
static bool
take_apart(const char *token, size_t len, wc_str *head, wc_str *body, uint8_t mac[MAC_SIZE])
{
	const char *first = memchr(token, '.', len);
	const char *second = first ? memchr(first + 1, '.', len - (size_t) (first + 1 - token)) : NULL;
	const char *end = token + len;

	if (second == NULL || len > VISITOR_MAX_IDENTITY || end - second - 1 != 43)
		return false;
	*head = (wc_str){token, (uint32_t) (first - token)};
	*body = (wc_str){first + 1, (uint32_t) (second - first - 1)};
	return base64url_decode(second + 1, 43, (char *) mac) == (int) MAC_SIZE;
}

const char *
visitor_identity_verify(const wc_secret *secrets, int nsecrets, wc_str audience, const char *token, size_t len,
						int64_t now, visitor_identity *who)
{
	char head_text[VISITOR_MAX_IDENTITY + 1];
	uint8_t mac[MAC_SIZE];
	const char *why;
	wc_str head;
	wc_str body;
	json_t *said;

	memset(who, 0, sizeof(*who));
	if (!take_apart(token, len, &head, &body, mac) || !text_is_of(head.p, head.len, TEXT_BASE64URL))
		return malformed;
	memcpy(head_text, head.p, head.len);
	head_text[head.len] = '\0';
	if (!wc_signature_is_by(secrets, nsecrets, now, head_text, body.p, body.len, mac))
		return wrong;
	if (!is_head(head))
		return "The identity must be signed by HS256.";
	said = object_of(body);
	if (said == NULL)
		return malformed;
	why = check_body(said, audience, now, who);
	json_decref(said);
	if (why != NULL)
		memset(who, 0, sizeof(*who));
	return why;
}

/*
 * visitor_identity_test.c
 *	  Tokens as a site's server makes them (doc/identity.md), and what is none.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/signature.h"
#include "tap.h"
#include "visitors/visitor_identity.h"

#define SECRET "wis_0123456789abcdef0123456789abcdef"
#define OLD	   "wis_old_0123456789abcdef0123456789ab"
#define OTHER  "wis_other_89abcdef0123456789abcdef01"
#define NOW	   INT64_C(1800000000)

#define STR(s)                                                                                                         \
	{                                                                                                                  \
		s, sizeof(s) - 1                                                                                               \
	}

static const wc_secret secrets[] = {{STR(SECRET), 0}, {STR(OLD), NOW + 60}};

static size_t
base64url(const void *bytes, size_t len, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const uint8_t *p = bytes;
	size_t bits = len * 8;
	size_t n = 0;
	size_t bit;

	for (bit = 0; bit < bits; bit += 6)
	{
		unsigned two = (unsigned) p[bit / 8] << 8 | (bit / 8 + 1 < len ? p[bit / 8 + 1] : 0u);

		out[n++] = digits[two >> (10 - bit % 8) & 63];
	}
	out[n] = '\0';
	return n;
}

static const char *
token(const char *secret, const char *head, const char *body)
{
	static char made[8448];
	char head64[4096];
	char body64[4096];
	char mac64[64];
	uint8_t mac[32];

	base64url(head, strlen(head), head64);
	base64url(body, strlen(body), body64);
	wc_signature_make(secret, strlen(secret), head64, body64, strlen(body64), mac);
	base64url(mac, sizeof(mac), mac64);
	snprintf(made, sizeof(made), "%s.%s.%s", head64, body64, mac64);
	return made;
}

static visitor_identity who;

static const char *
verify(const char *text)
{
	return visitor_identity_verify(secrets, 2, wc_str_from("wpk_shop"), text, strlen(text), NOW, &who);
}

#define HEAD "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static void
test_good(void)
{
	ok(verify(token(SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1800000001}")) == NULL && strcmp(who.user_id, "42") == 0 &&
		   who.name[0] == '\0',
	   "a user's id and a time are enough");
	ok(verify(token(OLD, HEAD, "{\"sub\":\"42\",\"exp\":1800000001}")) == NULL, "the old secret is good for a while");
	ok(verify(token(
		   SECRET, "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"1\"}",
		   "{\"exp\":1800000001.5,\"sub\":42,\"name\":\" Ana \",\"email\":\"ana@example.com\",\"picture\":\"https://"
		   "example.com/a.png\",\"aud\":[\"x\",\"wpk_shop\"],\"nbf\":1799999999}")) == NULL &&
		   strcmp(who.user_id, "42") == 0 && strcmp(who.name, "Ana") == 0 &&
		   strcmp(who.email, "ana@example.com") == 0 && strcmp(who.avatar, "https://example.com/a.png") == 0,
	   "an id may be a number; name, e-mail address and picture are taken");
	ok(verify(token(SECRET, HEAD,
					"{\"sub\":\"42\",\"exp\":1800000001,\"email\":\"no\",\"picture\":\"javascript:1\"}")) == NULL &&
		   who.email[0] == '\0' && who.avatar[0] == '\0',
	   "what is no address is left out");
	ok(verify(token(SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1800000100,\"nbf\":1800000060,\"iat\":1800000900}")) == NULL,
	   "the server's clock may be a minute ahead, and nobody looks at iat");
	ok(verify(token(SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1831622460}")) == NULL, "also of the year");
	ok(verify(token(SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1800000001,\"iat\":0,\"nbf\":0}")) == NULL,
	   "times long ago are none that keep it out");
}

/* Each is refused, and names nobody. */
static const struct
{
	const char *secret;
	const char *head;
	const char *body;
	const char *why; /* is in the reason */
} bad[] = {
	{OTHER, HEAD, "{\"sub\":\"42\",\"exp\":1800000001}", "signature is wrong"},
	{"", HEAD, "{\"sub\":\"42\",\"exp\":1800000001}", "signature is wrong"},
	{SECRET, "{\"alg\":\"none\"}", "{\"sub\":\"42\",\"exp\":1800000001}", "HS256"},
	{SECRET, "{\"alg\":\"hs256\"}", "{\"sub\":\"42\",\"exp\":1800000001}", "HS256"},
	{SECRET, "{\"alg\":\"HS512\"}", "{\"sub\":\"42\",\"exp\":1800000001}", "HS256"},
	{SECRET, "{\"alg\":[\"HS256\"]}", "{\"sub\":\"42\",\"exp\":1800000001}", "HS256"},
	{SECRET, "{\"alg\":\"HS256\",\"alg\":\"none\"}", "{\"sub\":\"42\",\"exp\":1800000001}", "HS256"},
	{SECRET, "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", "{\"sub\":\"42\",\"exp\":1800000001}", "HS256"},
	{SECRET, "{}", "{\"sub\":\"42\",\"exp\":1800000001}", "HS256"},
	{SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1800000000}", "expired"},
	{SECRET, HEAD, "{\"sub\":\"42\",\"exp\":0}", "expired"},
	{SECRET, HEAD, "{\"sub\":\"42\",\"exp\":-1}", "no time"},
	{SECRET, HEAD, "{\"sub\":\"42\",\"exp\":\"1800000001\"}", "no time"},
	{SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1e300}", "no time"},
	{SECRET, HEAD, "{\"sub\":\"42\"}", "no time"},
	{SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1900000000}", "a year"},
	{SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1831622461}", "a year"},
	{SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1800000100,\"nbf\":1800000061}", "not good yet"},
	{SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1800000001,\"aud\":\"wpk_other\"}", "another channel"},
	{SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1800000001,\"aud\":[]}", "another channel"},
	{SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1800000001,\"aud\":7}", "another channel"},
	{SECRET, HEAD, "{\"exp\":1800000001}", "user's id"},
	{SECRET, HEAD, "{\"sub\":\"\",\"exp\":1800000001}", "user's id"},
	{SECRET, HEAD, "{\"sub\":1.5,\"exp\":1800000001}", "user's id"},
	{SECRET, HEAD, "{\"sub\":null,\"exp\":1800000001}", "user's id"},
	{SECRET, HEAD, "{\"sub\":\"a\\nb\",\"exp\":1800000001}", "user's id"},
	{SECRET, HEAD, "{\"sub\":\"a\\u0000b\",\"exp\":1800000001}", "not a token"},
	{SECRET, HEAD, "{\"sub\":\"\\ud800\",\"exp\":1800000001}", "not a token"},
	{SECRET, HEAD, "[\"42\"]", "not a token"},
	{SECRET, HEAD, "", "not a token"},
};

static void
test_bad(void)
{
	char long_id[4096];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		const char *why = verify(token(bad[i].secret, bad[i].head, bad[i].body));

		ok(why != NULL && strstr(why, bad[i].why) != NULL && who.user_id[0] == 0 && who.name[0] == 0, "%s %s: %s",
		   bad[i].head, bad[i].body, bad[i].why);
	}
	snprintf(long_id, sizeof(long_id), "{\"sub\":\"%0256d\",\"exp\":1800000001}", 1);
	ok(verify(token(SECRET, HEAD, long_id)) != NULL, "an id of 256 bytes is too long");
	snprintf(long_id, sizeof(long_id), "{\"sub\":\"%0255d\",\"exp\":1800000001}", 1);
	ok(verify(token(SECRET, HEAD, long_id)) == NULL && strlen(who.user_id) == 255, "one of 255 is not");
}

static void
test_strange_texts(void)
{
	char text[4096];
	size_t len;
	size_t i;
	int taken = 0;

	snprintf(text, sizeof(text), "%s", token(SECRET, HEAD, "{\"sub\":\"42\",\"exp\":1800000001}"));
	len = strlen(text);
	for (i = 0; i < len; i++)
		taken += visitor_identity_verify(secrets, 2, wc_str_from("wpk_shop"), text, i, NOW, &who) == NULL;
	ok(taken == 0, "no beginning of a token is one");
	for (i = 0; i < len; i++)
	{
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		taken += verify(text) == NULL;
		text[i] = was;
	}
	ok(taken == 0, "nor is one in which a character is another");
	text[len] = 'A';
	text[len + 1] = '\0';
	ok(verify(text) != NULL && verify("") != NULL && verify("..") != NULL && verify("a.b.c") != NULL,
	   "nor what is longer, or empty");
	ok(visitor_identity_verify(secrets, 0, wc_str_from("wpk_shop"), text, len, NOW, &who) != NULL,
	   "without a secret nothing is good");
	ok(visitor_identity_verify(secrets, 2, wc_str_from("wpk_shop"),
							   token(OLD, HEAD, "{\"sub\":\"42\",\"exp\":1800000100}"),
							   strlen(token(OLD, HEAD, "{\"sub\":\"42\",\"exp\":1800000100}")), NOW + 60, &who) != NULL,
	   "the old secret is good no longer than it was said");
}

int
main(void)
{
	test_good();
	test_bad();
	test_strange_texts();
	return tap_done();
}

/*
 * signature_test.c
 *	  X-hub-Signature: the published vector, the header's strict form, and every
 *	  verdict of the HTTP server.
 */
#include "common/signature.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

#define BODY "{\"eventType\":\"Message\"}"
#define HEX	 "02c492c045f07d4684a51f4842726514dba122b3f366f1dc5ebe3efe52c63917"
#define T	 INT64_C(1700000000)

static bool
parses(const char *value, size_t len)
{
	char *copy = malloc(len ? len : 1);
	wc_signature sig;
	bool good;

	memcpy(copy, value, len);
	good = wc_signature_parse(copy, len, &sig);
	free(copy);
	return good;
}

static void
test_vector(void)
{
	wc_signature sig;
	uint8_t mac[32];

	ok(wc_signature_parse("t=1700000000,v1=" HEX, 16 + 64, &sig) && sig.t == T && strcmp(sig.t_text, "1700000000") == 0,
	   "the vector's header is parsed");
	ok(wc_signature_make("whsec_test_1", 12, "1700000000", BODY, strlen(BODY), mac) &&
		   memcmp(mac, sig.macs[0], 32) == 0,
	   "the vector's secret, time and body make its hex");
	ok(wc_signature_make("k", 1, "1", NULL, 0, mac), "an empty body does no harm");
	ok(wc_signature_make("whsec_test_1", 12, "1700000000", BODY, strlen(BODY), mac) &&
		   memcmp(mac, sig.macs[0], 32) == 0,
	   "nor to the one after it");
	ok(wc_signature_make("whsec_test_1", 12, "1700000001", BODY, strlen(BODY), mac) &&
		   memcmp(mac, sig.macs[0], 32) != 0 &&
		   wc_signature_make("whsec_test_1", 12, "1700000000", BODY, strlen(BODY), mac) &&
		   memcmp(mac, sig.macs[0], 32) == 0,
	   "nor, with the same secret, another time");
	ok(wc_signature_make("whsec_test_2", 12, "1700000000", BODY, strlen(BODY), mac) &&
		   memcmp(mac, sig.macs[0], 32) != 0,
	   "another secret of the same size is another one");
}

static void
test_parse(void)
{
	static const char *const good[] = {
		"t=0,v1=" HEX,
		"t=0001700000000,v1=" HEX,
		"t=9223372036854775807,v1=" HEX,
		"t=1700000000, v1=" HEX,
		"t=1700000000, \t v1=" HEX,
		"t=1700000000,v1=" HEX ",v2=zzz",
		"t=1700000000,v0=abc,v1=" HEX,
		"t=1700000000,v1=" HEX ",v2=a=b, n=;",
		"t=1700000000,v11=zz,v1=" HEX ",tt=5",
		"t=1700000000,v1=" HEX ",v1=" HEX,
		"t=1700000000,v1=" HEX ",v0=x,v1=" HEX ",v1=" HEX ",v1=" HEX ",v1=" HEX ",v1=" HEX ",v1=" HEX ",v1=" HEX,
		"t=1700000000,v1=02C492C045F07D4684A51F4842726514DBA122B3F366F1DC5EBE3EFE52C63917",
	};
	static const char *const bad[] = {
		"",
		"t",
		"t=",
		"t=1700000000",
		"t=1700000000,",
		"t=1700000000,v1=",
		"t=1700000000,v1",
		"v1=" HEX,
		"v1=" HEX ",t=1700000000",
		"t=,v1=" HEX,
		" t=1700000000,v1=" HEX,
		"t=1700000000,v1=" HEX " ",
		"t=1700000000 ,v1=" HEX,
		"t= 1700000000,v1=" HEX,
		"t=-1,v1=" HEX,
		"t=+1,v1=" HEX,
		"t=17e8,v1=" HEX,
		"t=1700000000.5,v1=" HEX,
		"t=9223372036854775808,v1=" HEX,
		"t=9999999999999999999,v1=" HEX,
		"t=00000000001700000000,v1=" HEX,
		"T=1700000000,v1=" HEX,
		"t=1700000000,V1=" HEX,
		"t=1700000000;v1=" HEX,
		"t=1700000000,t=1700000000,v1=" HEX,
		"t=1700000000,v1=" HEX ",t=1700000000",
		"t=1700000000,v1=" HEX ",v1=" HEX ",v1=" HEX ",v1=" HEX ",v1=" HEX ",v1=" HEX ",v1=" HEX ",v1=" HEX ",v1=" HEX,
		"t=1700000000,v1=" HEX ",v1=02",
		"t=1700000000,v1=" HEX ",",
		"t=1700000000,,v1=" HEX,
		"t=1700000000,v1=" HEX ",v2",
		"t=1700000000,v1=" HEX ",=x",
		"t=1700000000,v1=" HEX ",v2=a b",
		"t=1700000000,v1=" HEX ",v2=\x80",
		"t=1700000000,v1=" HEX "0",
		"t=1700000000,v1=" HEX "00",
		"t=1700000000,v1= " HEX,
		"t=1700000000,v1=g2c492c045f07d4684a51f4842726514dba122b3f366f1dc5ebe3efe52c63917",
	};
	char text[] = "t=1700000000,v1=" HEX;
	wc_signature sig;
	bool right = true;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(parses(good[i], strlen(good[i])), "good: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!parses(bad[i], strlen(bad[i])), "bad: %s", bad[i]);
	for (size_t i = 0; i < strlen(text); i++)
		right &= !parses(text, i);
	ok(right, "no prefix of a header is a header");
	text[3] = '\0';
	ok(!parses(text, sizeof(text) - 1), "a NUL in the time is bad");
	ok(wc_signature_parse("t=0001700000000,v1=" HEX, 19 + 64, &sig) && sig.t == T &&
		   strcmp(sig.t_text, "0001700000000") == 0,
	   "the time is kept as it stood");
}

/* The header that a hub with this secret sends. */
static const char *
sign(const char *secret, const char *t_text, const char *body)
{
	static char value[128];
	uint8_t mac[32];
	int n = snprintf(value, sizeof(value), "t=%s,v1=", t_text);

	wc_signature_make(secret, strlen(secret), t_text, body, strlen(body), mac);
	for (int i = 0; i < 32; i++)
		n += snprintf(value + n, sizeof(value) - (size_t) n, "%02x", mac[i]);
	return value;
}

static wc_signature_verdict
verify(const wc_secret *secrets, int n, bool accept_unsigned, const char *value, int64_t now)
{
	return wc_signature_verify(secrets, n, accept_unsigned, value, value ? strlen(value) : 0, BODY, strlen(BODY), now,
							   300);
}

static void
test_verdicts(void)
{
	wc_secret secrets[3] = {{wc_str_from("new"), 0}, {wc_str_from("old"), T + 10}, {wc_str_from("gone"), T}};
	wc_secret nothing = {wc_str_from(""), 0};

	ok(verify(secrets, 3, false, sign("new", "1700000000", BODY), T) == WC_SIG_GOOD, "the new secret");
	ok(verify(secrets, 3, false, sign("old", "1700000000", BODY), T) == WC_SIG_GOOD, "the old one, while it is kept");
	ok(verify(secrets, 3, false, sign("old", "1700000000", BODY), T + 10) == WC_SIG_WRONG,
	   "the old one, from its end on");
	ok(verify(secrets, 3, false, sign("gone", "1700000000", BODY), T) == WC_SIG_WRONG, "an expired one");
	ok(verify(secrets, 3, true, sign("gone", "1700000000", BODY), T) == WC_SIG_WRONG,
	   "accept_unsigned lets no wrong header pass");
	ok(verify(secrets, 3, false, sign("new", "1700000000", BODY " "), T) == WC_SIG_WRONG, "another body");
	ok(verify(secrets, 3, false, "t=1700000000,v1=0", T) == WC_SIG_MALFORMED, "a malformed header");
	ok(verify(secrets, 3, true, "", T) == WC_SIG_MALFORMED, "an empty header, also where unsigned is accepted");
	ok(verify(secrets, 3, false, NULL, T) == WC_SIG_MISSING, "no header");
	ok(verify(secrets, 3, true, NULL, T) == WC_SIG_GOOD, "no header where unsigned is accepted");
	ok(verify(NULL, 0, true, NULL, T) == WC_SIG_GOOD, "and no secret either");
	ok(verify(NULL, 0, false, NULL, T) == WC_SIG_NO_SECRET, "no header, no secret");
	ok(verify(NULL, 0, false, sign("new", "1700000000", BODY), T) == WC_SIG_NO_SECRET, "a header, no secret");
	ok(verify(NULL, 0, true, sign("new", "1700000000", BODY), T) == WC_SIG_WRONG,
	   "a header that nothing can confirm is not taken for unsigned");
	ok(verify(&secrets[2], 1, false, sign("gone", "1700000000", BODY), T) == WC_SIG_NO_SECRET,
	   "only an expired secret");
	ok(verify(&nothing, 1, false, sign("", "1700000000", BODY), T) == WC_SIG_NO_SECRET, "an empty secret is none");
}

/* A hub that is changing its secret signs with both. */
static void
test_several(void)
{
	wc_secret secret = {wc_str_from("new"), 0};
	char value[512];
	char upper[128];
	const char *right = sign("new", "1700000000", BODY) + strlen("t=1700000000");

	snprintf(value, sizeof(value), "t=1700000000%s,v1=" HEX, right);
	ok(verify(&secret, 1, false, value, T) == WC_SIG_GOOD, "the first of two is right");
	snprintf(value, sizeof(value), "t=1700000000,v1=" HEX ",v1=" HEX "%s", right);
	ok(verify(&secret, 1, false, value, T) == WC_SIG_GOOD, "the last of three is");
	snprintf(value, sizeof(value), "t=1700000000,v1=" HEX ",v1=" HEX);
	ok(verify(&secret, 1, false, value, T) == WC_SIG_WRONG, "none of two is");
	snprintf(upper, sizeof(upper), "t=1700000000%s", right);
	for (char *p = strchr(upper, '1') + strlen("1700000000,v1="); *p != '\0'; p++)
		*p = *p >= 'a' && *p <= 'f' ? (char) (*p - 0x20) : *p;
	ok(strcmp(upper, sign("new", "1700000000", BODY)) != 0 && verify(&secret, 1, false, upper, T) == WC_SIG_GOOD,
	   "in upper case it is right");
}

static void
test_tolerance(void)
{
	wc_secret secret = {wc_str_from("s"), 0};
	const char *value = sign("s", "1700000000", BODY);
	bool right;

	ok(verify(&secret, 1, false, value, T + 300) == WC_SIG_GOOD, "300 s old");
	ok(verify(&secret, 1, false, value, T + 301) == WC_SIG_STALE, "301 s old");
	ok(verify(&secret, 1, false, value, T - 300) == WC_SIG_GOOD, "300 s ahead");
	ok(verify(&secret, 1, false, value, T - 301) == WC_SIG_STALE, "301 s ahead");
	value = sign("s", "9223372036854775807", BODY);
	right =
		verify(&secret, 1, false, value, INT64_MIN) == WC_SIG_STALE &&
		verify(&secret, 1, false, value, -1) == WC_SIG_STALE &&
		verify(&secret, 1, false, value, INT64_MAX) == WC_SIG_GOOD &&
		wc_signature_verify(&secret, 1, false, value, strlen(value), BODY, strlen(BODY), 0, INT64_MAX) == WC_SIG_GOOD &&
		wc_signature_verify(&secret, 1, false, value, strlen(value), BODY, strlen(BODY), INT64_MAX, INT64_MIN) ==
			WC_SIG_GOOD &&
		wc_signature_verify(&secret, 1, false, value, strlen(value), BODY, strlen(BODY), INT64_MAX - 1, INT64_MIN) ==
			WC_SIG_STALE;
	ok(right, "the ends of the range do not overflow");
}

static void
test_reasons(void)
{
	bool right = true;

	for (int v = WC_SIG_GOOD; v <= WC_SIG_NO_SECRET; v++)
		right &= strlen(wc_signature_reason((wc_signature_verdict) v)) > 10;
	ok(right, "every verdict has a sentence");
}

int
main(void)
{
	test_vector();
	test_parse();
	test_verdicts();
	test_several();
	test_tolerance();
	test_reasons();
	return tap_done();
}

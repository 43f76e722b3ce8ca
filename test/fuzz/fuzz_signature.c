/*
 * fuzz_signature.c
 *	  X-hub-Signature: the input's first line is the header, the rest the body.
 *	  Whatever time it names, the right signature for it must be good, and the
 *	  input's own only if it is that one.
 */
#include <string.h>

#include "fuzz.h"
#include "common/signature.h"

static const wc_secret secrets[3] = {{{"whsec_test_1", 12}, 0}, {{"old", 3}, 1}, {{"", 0}, 0}};

/* Sign the body anew with the time that the header names. */
static void
sign_again(const wc_signature *sig, const char *body, size_t body_len)
{
	char value[128];
	uint8_t mac[32];
	int n = snprintf(value, sizeof(value), "t=%s,v1=", sig->t_text);
	wc_signature back;

	MUST(wc_signature_make("whsec_test_1", 12, sig->t_text, body, body_len, mac));
	for (int i = 0; i < 32; i++)
		n += snprintf(value + n, sizeof(value) - (size_t) n, "%02x", mac[i]);
	MUST(wc_signature_parse(value, (size_t) n, &back));
	MUST(back.t == sig->t && strcmp(back.t_text, sig->t_text) == 0 && back.nmacs == 1 &&
		 memcmp(back.macs[0], mac, 32) == 0);
	MUST(wc_signature_verify(secrets, 3, false, value, (size_t) n, body, body_len, sig->t, 300) == WC_SIG_GOOD);
	value[n - 1] ^= 1;
	MUST(wc_signature_verify(secrets, 3, true, value, (size_t) n, body, body_len, sig->t, 300) != WC_SIG_GOOD);
}

static bool
made_one(const wc_signature *sig, const uint8_t mac[32])
{
	MUST(sig->nmacs >= 1 && sig->nmacs <= WC_SIGNATURE_MACS);
	for (int i = 0; i < sig->nmacs; i++)
	{
		if (memcmp(mac, sig->macs[i], 32) == 0)
			return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *value = (const char *) data;
	const char *line_end = size ? memchr(value, '\n', size) : NULL;
	size_t value_len = line_end ? (size_t) (line_end - value) : size;
	const char *body = line_end ? line_end + 1 : "";
	size_t body_len = line_end ? size - value_len - 1 : 0;
	char *copy = malloc(value_len ? value_len : 1);
	wc_signature sig;
	wc_signature_verdict verdict;
	uint8_t mac[32];

	/* memory of its own, so that a read beyond the header is seen */
	if (value_len > 0)
		memcpy(copy, value, value_len);
	verdict = wc_signature_verify(secrets, 3, true, copy, value_len, body, body_len, INT64_C(1700000000), 300);
	if (!wc_signature_parse(copy, value_len, &sig))
		MUST(verdict == WC_SIG_MALFORMED);
	else
	{
		MUST(sig.t >= 0 && strlen(sig.t_text) >= 1 && strlen(sig.t_text) <= 19);
		MUST(wc_signature_make("whsec_test_1", 12, sig.t_text, body, body_len, mac));
		if (sig.t < 1699999700 || sig.t > 1700000300)
			MUST(verdict == WC_SIG_STALE);
		else
			MUST((verdict == WC_SIG_GOOD) == made_one(&sig, mac));
		sign_again(&sig, body, body_len);
	}
	free(copy);
	return 0;
}

/*
 * signature.c
 */
#include "common/signature.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "common/hex.h"

/* Secrets up to this size are known again. */
#define KEPT_SECRET 256

/*
 * One HMAC-SHA256 context for the life of the process, as fetching and setting
 * one up costs several times what the sum itself does, and a third more when its
 * key is set again.  Both halves of webchatt are single-threaded.  It keeps the
 * last secret, in OpenSSL's own memory and in kept_secret; both are wiped when the
 * next one comes.
 */
static EVP_MAC_CTX *kept;
static char kept_secret[KEPT_SECRET];
static size_t kept_len; /* 0: none is kept, so the next one has to be set */

static EVP_MAC_CTX *
hmac_context(void)
{
	OSSL_PARAM params[2];
	EVP_MAC *mac;
	EVP_MAC_CTX *ctx;

	if (kept != NULL)
		return kept;
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (mac == NULL)
		return NULL;
	ctx = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac); /* the context holds it now */
	if (ctx == NULL)
		return NULL;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *) "SHA256", 0);
	params[1] = OSSL_PARAM_construct_end();
	if (!EVP_MAC_CTX_set_params(ctx, params))
	{
		EVP_MAC_CTX_free(ctx);
		return NULL;
	}
	kept = ctx;
	return kept;
}

/* Begin a sum with that secret. */
static bool
hmac_begin(EVP_MAC_CTX *ctx, const char *secret, size_t len)
{
	if (len > 0 && len == kept_len && memcmp(secret, kept_secret, len) == 0)
		return EVP_MAC_init(ctx, NULL, 0, NULL);
	OPENSSL_cleanse(kept_secret, sizeof(kept_secret));
	kept_len = 0;
	if (!EVP_MAC_init(ctx, (const unsigned char *) secret, len, NULL))
		return false;
	if (len <= KEPT_SECRET)
	{
		memcpy(kept_secret, secret, len);
		kept_len = len;
	}
	return true;
}

bool
wc_signature_make(const char *secret, size_t secret_len, const char *t_text, const char *body, size_t body_len,
				  uint8_t mac[32])
{
	EVP_MAC_CTX *ctx = hmac_context();
	size_t made = 0;

	return ctx != NULL && hmac_begin(ctx, secret, secret_len) &&
		   EVP_MAC_update(ctx, (const unsigned char *) t_text, strlen(t_text)) &&
		   EVP_MAC_update(ctx, (const unsigned char *) ".", 1) &&
		   EVP_MAC_update(ctx, (const unsigned char *) body, body_len) && EVP_MAC_final(ctx, mac, &made, 32) &&
		   made == 32;
}

/* 1 to 19 digits that fit an int64_t. */
static bool
parse_time(const char *s, size_t len, wc_signature *sig)
{
	uint64_t t = 0;
	size_t i;

	if (len < 1 || len > 19)
		return false;
	for (i = 0; i < len; i++)
	{
		if (s[i] < '0' || s[i] > '9')
			return false;
		t = t * 10 + (uint64_t) (s[i] - '0');
	}
	if (t > INT64_MAX)
		return false;
	sig->t = (int64_t) t;
	memcpy(sig->t_text, s, len);
	sig->t_text[len] = '\0';
	return true;
}

static bool
parse_mac(const char *s, size_t len, wc_signature *sig)
{
	uint8_t *mac;
	size_t i;

	if (len != WC_SIGNATURE_HEX || sig->nmacs == WC_SIGNATURE_MACS)
		return false;
	mac = sig->macs[sig->nmacs++];
	for (i = 0; i < len; i += 2)
	{
		int high = wc_hex_value(s[i]);
		int low = wc_hex_value(s[i + 1]);

		if (high < 0 || low < 0)
			return false;
		mac[i / 2] = (uint8_t) (high << 4 | low);
	}
	return true;
}

/* An element that a later version of the scheme may add: name=value, printable. */
static bool
unknown_element(const char *s, size_t len)
{
	const char *equals = memchr(s, '=', len);
	size_t i;

	if (equals == NULL || equals == s)
		return false;
	for (i = 0; i < len; i++)
	{
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	}
	return true;
}

/* The time comes first; after it v1, once or more often, and whatever we do not know. */
bool
wc_signature_parse(const char *value, size_t len, wc_signature *sig)
{
	const char *end = value + len;
	const char *p = value;
	bool have_t = false;

	memset(sig, 0, sizeof(*sig));
	for (;;)
	{
		const char *comma = memchr(p, ',', (size_t) (end - p));
		size_t n = (size_t) ((comma ? comma : end) - p);

		if (!have_t)
		{
			if (n < 2 || memcmp(p, "t=", 2) != 0 || !parse_time(p + 2, n - 2, sig))
				return false;
			have_t = true;
		}
		else if (n >= 3 && memcmp(p, "v1=", 3) == 0)
		{
			if (!parse_mac(p + 3, n - 3, sig))
				return false;
		}
		else if ((n >= 2 && memcmp(p, "t=", 2) == 0) || !unknown_element(p, n))
			return false;
		if (comma == NULL)
			return sig->nmacs > 0;
		p = comma + 1;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
	}
}

/* An empty secret is none: anybody could sign with it. */
static bool
secret_valid(const wc_secret *secret, int64_t now)
{
	return secret->secret.len > 0 && (secret->valid_until == 0 || secret->valid_until > now);
}

/* No early way out, so that the time taken does not say which secret it was. */
bool
wc_signature_is_by(const wc_secret *secrets, int nsecrets, int64_t now, const char *head, const char *body,
				   size_t body_len, const uint8_t mac[32])
{
	uint8_t own[32];
	int found = 0;
	int i;

	for (i = 0; i < nsecrets; i++)
	{
		if (secret_valid(&secrets[i], now) &&
			wc_signature_make(secrets[i].secret.p, secrets[i].secret.len, head, body, body_len, own))
			found |= CRYPTO_memcmp(own, mac, sizeof(own)) == 0;
	}
	OPENSSL_cleanse(own, sizeof(own));
	return found != 0;
}

/* The same of several MACs. */
static bool
any_secret_made(const wc_secret *secrets, int nsecrets, int64_t now, const wc_signature *sig, const char *body,
				size_t body_len)
{
	uint8_t mac[32];
	int found = 0;
	int i;

	for (i = 0; i < nsecrets; i++)
	{
		if (!secret_valid(&secrets[i], now))
			continue;
		if (wc_signature_make(secrets[i].secret.p, secrets[i].secret.len, sig->t_text, body, body_len, mac))
		{
			for (int m = 0; m < sig->nmacs; m++)
				found |= CRYPTO_memcmp(mac, sig->macs[m], sizeof(mac)) == 0;
		}
	}
	OPENSSL_cleanse(mac, sizeof(mac));
	return found != 0;
}

/* In unsigned arithmetic, where the distance of any two times fits. */
static bool
stale(int64_t t, int64_t now, int64_t tolerance)
{
	uint64_t distance = now > t ? (uint64_t) now - (uint64_t) t : (uint64_t) t - (uint64_t) now;

	return distance > (uint64_t) (tolerance > 0 ? tolerance : 0);
}

wc_signature_verdict
wc_signature_verify(const wc_secret *secrets, int nsecrets, bool accept_unsigned, const char *value, size_t value_len,
					const char *body, size_t body_len, int64_t now, int64_t tolerance)
{
	wc_signature sig;
	bool can_verify = false;
	int i;

	for (i = 0; i < nsecrets; i++)
		can_verify |= secret_valid(&secrets[i], now);
	if (value == NULL && accept_unsigned)
		return WC_SIG_GOOD;
	if (!can_verify && !accept_unsigned)
		return WC_SIG_NO_SECRET;
	if (value == NULL)
		return WC_SIG_MISSING;
	if (!wc_signature_parse(value, value_len, &sig))
		return WC_SIG_MALFORMED;
	if (stale(sig.t, now, tolerance))
		return WC_SIG_STALE;
	if (!any_secret_made(secrets, nsecrets, now, &sig, body, body_len))
		return WC_SIG_WRONG;
	return WC_SIG_GOOD;
}

const char *
wc_signature_reason(wc_signature_verdict verdict)
{
	switch (verdict)
	{
		case WC_SIG_GOOD:
			return "the signature is good";
		case WC_SIG_MISSING:
			return "the X-hub-Signature header is missing: this channel takes signed events only, "
				   "so turn on requiresSignature for the webhook at the hub";
		case WC_SIG_MALFORMED:
			return "the X-hub-Signature header must read t=<unix seconds>,v1=<64 hex digits>";
		case WC_SIG_STALE:
			return "the signature's time is too far from this server's clock: "
				   "check both clocks, or raise webchatt.signature_tolerance";
		case WC_SIG_WRONG:
			return "no valid secret of this channel made that signature: "
				   "give the hub's signing secret to webchatt.set_webhook_secret()";
		case WC_SIG_NO_SECRET:
			return "this channel has no valid signing secret: "
				   "give the hub's to webchatt.set_webhook_secret()";
	}
	return "the signature could not be checked";
}

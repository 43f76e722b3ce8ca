/*
 * signature.h
 *	  X-hub-Signature (doc/hub-contract.md, section 3): "t=<unix seconds>,v1=<lowercase hex>",
 *	  the hex being HMAC-SHA256(secret, "<t>." + body as received).
 */
#ifndef WC_SIGNATURE_H
#define WC_SIGNATURE_H

#include "common/corridor.h"

#define WC_SIGNATURE_HEX 64

/* A hub that changes its secret signs with several; of more than so many none is looked at. */
#define WC_SIGNATURE_MACS 8

typedef struct wc_signature
{
	int64_t t;		 /* unix seconds */
	char t_text[21]; /* as it stood in the header, NUL-terminated */
	int nmacs;		 /* at least 1 */
	uint8_t macs[WC_SIGNATURE_MACS][32];
} wc_signature;

typedef enum wc_signature_verdict
{
	WC_SIG_GOOD,
	WC_SIG_MISSING, /* no header where one is required */
	WC_SIG_MALFORMED,
	WC_SIG_STALE,	 /* |now - t| above the tolerance */
	WC_SIG_WRONG,	 /* no valid secret made it */
	WC_SIG_NO_SECRET /* the channel has no valid secret and does not
								 * accept unsigned events */
} wc_signature_verdict;

/*
 * Parse a header's value.  Strict: "t=" and 1 to 19 digits, ",v1=" and 64 hex
 * digits of either case, the latter up to WC_SIGNATURE_MACS times.  Unknown
 * further elements ("v2=...") are allowed and skipped, blanks after a comma too;
 * a repeated t is malformed.
 */
extern bool wc_signature_parse(const char *value, size_t len, wc_signature *sig);

/* Make the 32 bytes; false only when the crypto library fails. */
extern bool wc_signature_make(const char *secret, size_t secret_len, const char *t_text, const char *body,
							  size_t body_len, uint8_t mac[32]);

/*
 * Did a valid secret make that MAC of "<head>.<body>"?  In constant time: each secret is tried, also behind the one that
 * made it, and the comparison does not stop at the first byte that differs; how long it takes depends on how many secrets
 * there are and on the length of what is signed, and on no byte of a secret, of the MAC or of what is signed.
 */
extern bool wc_signature_is_by(const wc_secret *secrets, int nsecrets, int64_t now, const char *head, const char *body,
							   size_t body_len, const uint8_t mac[32]);

/*
 * The whole rule for a request.  value NULL: the request has no such header.  Every
 * secret whose valid_until is 0 or after now is tried, in constant time; one of
 * them must have made one of the header's v1.
 * accept_unsigned lets a request without the header pass, but never one whose
 * header is wrong.
 */
extern wc_signature_verdict wc_signature_verify(const wc_secret *secrets, int nsecrets, bool accept_unsigned,
												const char *value, size_t value_len, const char *body, size_t body_len,
												int64_t now, int64_t tolerance);

/* One sentence for a person, without any secret in it. */
extern const char *wc_signature_reason(wc_signature_verdict verdict);

#endif /* WC_SIGNATURE_H */

/*
 * fuzz_visitor_identity.c
 *	  Identity tokens: one that nobody signed is refused, and so is any other when it
 *	  is changed; what a signed one says is within every limit.
 */
#include <stdio.h>
#include <string.h>

#include "common/signature.h"
#include "visitors/visitor_identity.h"
#include "fuzz.h"

#define SECRET "wis_0123456789abcdef0123456789abcdef"
#define NOW	   INT64_C(1800000000)

static void
check_text(const char *text, size_t most)
{
	MUST(strlen(text) <= most);
	for (; *text != '\0'; text++)
		MUST((unsigned char) *text >= ' ' && *text != 0x7f);
}

/* "head.body" as it comes, signed by us. */
static void
check_signed(const char *dot, const char *text, size_t len, const wc_secret *secret)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char token[VISITOR_MAX_IDENTITY + 64];
	uint8_t mac[33] = {0};
	visitor_identity who;
	size_t i;

	memcpy(token, text, len);
	token[dot - text] = '\0';
	MUST(wc_signature_make(secret->secret.p, secret->secret.len, token, dot + 1, len - (size_t) (dot + 1 - text), mac));
	token[dot - text] = '.';
	token[len] = '.';
	for (i = 0; i < 43; i++)
	{
		size_t bit = i * 6;

		token[len + 1 + i] = digits[((unsigned) mac[bit / 8] << 8 | mac[bit / 8 + 1]) >> (10 - bit % 8) & 63];
	}
	if (visitor_identity_verify(secret, 1, wc_str_from("wpk_shop"), token, len + 44, NOW, &who) != NULL)
	{
		MUST(who.user_id[0] == '\0' && who.name[0] == '\0' && who.email[0] == '\0' && who.avatar[0] == '\0');
		return;
	}
	MUST(who.user_id[0] != '\0' && len + 44 <= VISITOR_MAX_IDENTITY);
	check_text(who.user_id, WC_MAX_USER_ID);
	check_text(who.name, WC_MAX_NAME);
	check_text(who.email, WC_MAX_EMAIL);
	check_text(who.avatar, WC_MAX_AVATAR);
	MUST(who.avatar[0] == '\0' || strncmp(who.avatar, "https://", 8) == 0);
	token[len + 1] = token[len + 1] == 'A' ? 'B' : 'A';
	MUST(visitor_identity_verify(secret, 1, wc_str_from("wpk_shop"), token, len + 44, NOW, &who) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const wc_secret secret = {{SECRET, sizeof(SECRET) - 1}, 0};
	const char *text = (const char *) data;
	const char *dot = size > 0 ? memchr(text, '.', size) : NULL;
	visitor_identity who;

	MUST(visitor_identity_verify(&secret, 1, wc_str_from("wpk_shop"), text, size, NOW, &who) != NULL);
	if (dot != NULL && size < VISITOR_MAX_IDENTITY && memchr(text, '\0', size) == NULL)
		check_signed(dot, text, size, &secret);
	return 0;
}

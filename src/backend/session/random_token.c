/*
 * random_token.c
 *	  webchatt._random_token(): public keys and API keys.
 */
#include "postgres.h"

#include <openssl/evp.h>

#include "fmgr.h"
#include "utils/builtins.h"

/* Random bytes that one token may have. */
#define LEAST_BYTES 16
#define MOST_BYTES	64

PG_FUNCTION_INFO_V1(webchatt_random_token);

/* _random_token(prefix text, bytes int) → text: the prefix and the bytes in base64url, unpadded */
Datum
webchatt_random_token(PG_FUNCTION_ARGS)
{
	char *prefix = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int n = PG_GETARG_INT32(1);
	uint8 bytes[MOST_BYTES];
	char text[MOST_BYTES * 4 / 3 + 8];
	char *p;

	if (n < LEAST_BYTES || n > MOST_BYTES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a token has %d to %d random bytes, not %d", LEAST_BYTES, MOST_BYTES, n)));
	if (!pg_strong_random(bytes, n))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("the system gave no random bytes")));
	EVP_EncodeBlock((unsigned char *) text, bytes, n);
	for (p = text; *p != '\0'; p++)
	{
		if (*p == '+')
			*p = '-';
		else if (*p == '/')
			*p = '_';
		else if (*p == '=')
			*p = '\0';
	}
	explicit_bzero(bytes, sizeof(bytes));
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s%s", prefix, text)));
}

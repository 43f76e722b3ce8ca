/*
 * hub_message_key.c
 */
#include "common/hub_message_key.h"

#include <string.h>

#include <openssl/evp.h>

#include "common/hex.h"

#define UUID_TEXT 36

/* What an id begins the key with has so many bytes, of which the first bit says that it is there. */
#define ORDER_BYTES 6
#define ORDERED		(UINT64_C(1) << 47)

/* A number is one of at least so many digits, decimal or hex; of more than the most, the first count. */
#define FEWEST_DIGITS 6
#define MOST_DIGITS	  15

/* Milliseconds since 1970 are above (since 2004), so that numbers stay out of the way of what is in order of time. */
#define NUMBER_BITS 40

static bool
hash(const uint8_t channel[16], const char *id, size_t len, uint8_t sum[EVP_MAX_MD_SIZE])
{
	static EVP_MD_CTX *kept; /* fetching and making one costs several times what the sum does */
	EVP_MD *sha256;

	if (kept != NULL)
	{
		if (!EVP_DigestInit_ex2(kept, NULL, NULL))
			return false;
	}
	else
	{
		sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
		kept = EVP_MD_CTX_new();
		if (sha256 == NULL || kept == NULL || !EVP_DigestInit_ex2(kept, sha256, NULL))
		{
			EVP_MD_CTX_free(kept);
			EVP_MD_free(sha256);
			kept = NULL;
			return false;
		}
		EVP_MD_free(sha256); /* the context holds it now */
	}
	return EVP_DigestUpdate(kept, channel, 16) && EVP_DigestUpdate(kept, id, len) &&
		   EVP_DigestFinal_ex(kept, sum, NULL);
}

/* The time in a UUID version 7 at the end, in milliseconds since 1970; 0: there is none. */
static uint64_t
time_at_end(const char *id, size_t len)
{
	uint64_t ms = 0;
	size_t i;

	if (len < UUID_TEXT)
		return 0;
	id += len - UUID_TEXT;
	if (id[8] != '-' || id[13] != '-' || id[14] != '7' || id[18] != '-' || id[23] != '-')
		return 0;
	for (i = 0; i < 13; i++)
	{
		if (i == 8)
			continue;
		if (wc_hex_value(id[i]) < 0)
			return 0;
		ms = ms << 4 | (uint64_t) wc_hex_value(id[i]);
	}
	return ms;
}

/* The number at the end, read as hex, without its last bits if it is large; 0: there is none. */
static uint64_t
number_at_end(const char *id, size_t len)
{
	uint64_t number = 0;
	size_t at = len;

	while (at > 0 && wc_hex_value(id[at - 1]) >= 0)
		at--;
	if (len - at < FEWEST_DIGITS)
		return 0;
	if (len - at > MOST_DIGITS)
		len = at + MOST_DIGITS;
	for (; at < len; at++)
		number = number << 4 | (uint64_t) wc_hex_value(id[at]);
	while (number >> NUMBER_BITS != 0)
		number >>= 1;
	return number;
}

bool
wc_hub_message_key(const uint8_t channel[16], const char *id, size_t len, uint8_t key[WC_HUB_MESSAGE_KEY])
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	uint64_t order;
	int i;

	if (!hash(channel, id, len, sum))
		return false;
	memcpy(key, sum, WC_HUB_MESSAGE_KEY);
	key[0] &= 0x7F;
	order = time_at_end(id, len);
	if (order == 0)
		order = number_at_end(id, len);
	if (order == 0)
		return true;
	order |= ORDERED;
	for (i = 0; i < ORDER_BYTES; i++)
		key[i] = (uint8_t) (order >> (8 * (ORDER_BYTES - 1 - i)));
	return true;
}

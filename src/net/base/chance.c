/*
 * chance.c
 */
#include "base/chance.h"

#include <openssl/crypto.h>
#include <stdint.h>
#include <sys/random.h>

bool
chance_text(char text[CHANCE_LEN + 1])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t chance[33] = {0};

	if (getrandom(chance, 32, 0) != 32)
		return false;
	for (int i = 0; i < CHANCE_LEN; i++)
	{
		int bit = i * 6;
		unsigned two = (unsigned) chance[bit / 8] << 8 | chance[bit / 8 + 1];

		text[i] = digits[two >> (10 - bit % 8) & 63];
	}
	text[CHANCE_LEN] = '\0';
	OPENSSL_cleanse(chance, sizeof(chance));
	return true;
}

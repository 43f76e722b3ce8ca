/*
 * chance.h
 *	  Secrets and ids that nobody guesses.
 */
#ifndef NET_CHANCE_H
#define NET_CHANCE_H

#include <stdbool.h>

/* Characters of base64url that 256 bits have. */
#define CHANCE_LEN 43

/* 256 bits of chance in base64url, a NUL behind them; false: there is none to be had. */
extern bool chance_text(char text[CHANCE_LEN + 1]);

#endif /* NET_CHANCE_H */

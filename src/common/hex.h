/*
 * hex.h
 *	  What a hex digit is worth, by a table: in text without an order, which one it
 *	  is cannot be guessed, and a wrong guess costs more than the look-up.
 */
#ifndef WC_HEX_H
#define WC_HEX_H

#include <stdint.h>

/* One more than its value, of either case; 0: it is none. */
static const uint8_t wc_hex_digits[256] = {
	['0'] = 1,	['1'] = 2,	['2'] = 3,	['3'] = 4,	['4'] = 5,	['5'] = 6,	['6'] = 7,	['7'] = 8,
	['8'] = 9,	['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
	['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* 0 to 15; -1: it is no hex digit. */
static inline int
wc_hex_value(char c)
{
	return (int) wc_hex_digits[(unsigned char) c] - 1;
}

#endif /* WC_HEX_H */

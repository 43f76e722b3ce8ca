/*
 * utf8.h
 *	  What is a character, the same for both halves.
 */
#ifndef WC_UTF8_H
#define WC_UTF8_H

#include <stdint.h>

/* Bytes of the UTF-8 character at s, of which len > 0 are there; 0 when it is none, or is cut off. */
extern uint32_t wc_utf8_length(const uint8_t *s, uint32_t len);

#endif /* WC_UTF8_H */

/*
 * text.h
 *	  Text of others on its way into SQL, where it must be UTF-8 without NUL.
 */
#ifndef NET_TEXT_H
#define NET_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* UTF-8, and no NUL in it. */
extern bool utf8_is_clean(const char *s, size_t len);

/*
 * Copy whole characters, max bytes at most, with U+FFFD for what is none, and
 * for NUL; the bytes that there are then.  more: s goes on behind len, so that
 * a character which is cut off there is no fault of it.
 */
extern size_t utf8_clean(char *out, size_t max, const char *s, size_t len, bool more);

/* The same for a line of text: control characters become blanks. */
extern size_t utf8_line(char *out, size_t max, const char *s, size_t len);

#endif /* NET_TEXT_H */

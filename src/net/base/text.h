/*
 * text.h
 *	  Text of others: the words, lists and numbers that it is made of, and its
 *	  way into SQL, where it must be UTF-8 without NUL.
 */
#ifndef NET_TEXT_H
#define NET_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "common/frame.h"

/* Characters that a text may be of. */
typedef enum text_set
{
	TEXT_BASE64 = 1,
	TEXT_BASE64URL = 2,
	TEXT_TOKEN = 4, /* a header's name (RFC 9110 §5.6.2) */
	TEXT_SLUG = 8	/* small letters, digits and "-" */
} text_set;

extern bool text_is_of(const char *s, size_t len, text_set set);

/* Printable ASCII from that character on: ' ', or '!' for visible ones only. */
extern bool text_is_ascii(const char *s, size_t len, char first);

/* That word, its letters large or small. */
static inline bool
text_is(wc_str s, const char *word)
{
	return s.len == strlen(word) && strncasecmp(s.p, word, s.len) == 0;
}

/* A number of digits only, at least one, to *n; false: it is none, or more than most. */
extern bool text_number(const char *s, size_t len, uint64_t most, uint64_t *n);

/* Without the blanks and tabs around it. */
extern wc_str text_trim(const char *s, size_t len);

/* Take the next of a comma-separated list, trimmed; false: there is none. */
extern bool text_next(wc_str *list, wc_str *item);

/* Is the word in a comma-separated list?  any_case: its letters large or small. */
extern bool text_list_has(wc_str list, const char *word, bool any_case);

/* A copy with a NUL behind it, never NULL; free() it. */
extern char *text_copy(wc_str s);

/* A copy at *at, which moves on. */
extern wc_str text_put(char **at, wc_str s);

/* Append a text; of a literal the compiler knows the length. */
static inline void __attribute__((always_inline)) text_append(wc_buf *buf, const char *text)
{
	wc_buf_append(buf, text, strlen(text));
}

/* Append a number in digits. */
extern void text_append_number(wc_buf *buf, int64_t n);

/* UTF-8, and no NUL in it. */
extern bool text_is_clean(const char *s, size_t len);

/*
 * Copy whole characters, max bytes at most, with U+FFFD for what is none, and
 * for NUL; the bytes that there are then.  more: s goes on behind len, so that
 * a character which is cut off there is no fault of it.
 */
extern size_t text_clean(char *out, size_t max, const char *s, size_t len, bool more);

/* The same for a line of text: control characters become blanks. */
extern size_t text_line(char *out, size_t max, const char *s, size_t len);

#endif /* NET_TEXT_H */

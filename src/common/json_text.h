/*
 * json_text.h
 *	  JSON as strangers write it, made fit for the parsers of both halves before
 *	  they see it; and a member's value as it was written.
 *
 * jansson and PostgreSQL's jsonb both refuse a whole text for one code point or
 * number in it that they cannot keep, also in a field that nobody reads.  So
 * whoever parses mends first.  What is mended is what means one thing only:
 *
 *	  byte order marks at the start			are dropped
 *	  bytes that are no UTF-8					U+FFFD for each, as Unicode recommends
 *												(one for what a character began with)
 *	  half a surrogate pair, as an escape		U+FFFD
 *	  NUL in a string, as an escape or a byte	U+FFFD
 *	  other control characters in a string		their escape
 *	  NUL between tokens						a blank
 *	  a number from 1e308 on (of either sign), of
 *	  more than WC_JSON_NUMBER_CHARS characters, or
 *	  with an exponent beyond WC_JSON_EXPONENT	its text, as a string
 *
 * Everything else stays as it is, byte for byte; what is no JSON stays none, but
 * is valid UTF-8 without a NUL in any case.
 */
#ifndef WC_JSON_TEXT_H
#define WC_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/frame.h"

#define WC_JSON_NUMBER_CHARS 1000
#define WC_JSON_EXPONENT	 1000

/*
 * Is there nothing to mend?  One scan, no memory.  If there is, *mended_len is
 * the exact length of the mended text in bytes, at most six times len.
 */
extern bool wc_json_is_sound(const char *s, size_t len, size_t *mended_len);

/* Mend into out, which has room for mended_len bytes; returns how many they are.  No NUL behind. */
extern size_t wc_json_mend(const char *s, size_t len, char *out);

/*
 * The value of an object's member as it was written, of several by that name the
 * last, as both parsers have it.  The text is an object that a parser has taken.
 * False: no such member, or its name is written with escapes.
 */
extern bool wc_json_member(const char *s, size_t len, const char *name, wc_str *value);

/* What wc_json_next_member() has not come to yet: at first the whole object. */
typedef struct wc_json_members
{
	const char *p;
	const char *end;
} wc_json_members;

/*
 * The next member of an object that a parser has taken, as it was written: the name
 * without its quotes and with its escapes.  False: there is none.
 */
extern bool wc_json_next_member(wc_json_members *members, wc_str *name, wc_str *value);

/* A whole number, written with nothing but digits and a sign before them. */
extern bool wc_json_is_whole(wc_str number);

/* Behind the string whose first quote is at p. */
extern const char *wc_json_string_end(const char *p, const char *end);

/* What may stand between tokens. */
static inline bool
wc_json_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

#endif /* WC_JSON_TEXT_H */

/*
 * json_scan.h
 *	  The members of a JSON object, found in its text without building a tree: for
 *	  what comes thousands of times a second in one and the same shape.
 *
 * It takes less than there is: what it takes, jansson takes too, with the same
 * members, as it came and without mending (common/json_text.h).  Of all else it
 * says nothing: whoever asks has that parsed, and answered as ever.
 */
#ifndef NET_JSON_SCAN_H
#define NET_JSON_SCAN_H

#include "common/frame.h"

typedef struct json_scan_member
{
	wc_str name;  /* without its quotes; no escapes are in it */
	wc_str value; /* as it is written, a string with its quotes; its first character says what it is */
	bool escaped; /* a string with escapes */
} json_scan_member;

/*
 * The members of the whole text, which lives as long as they are looked at, in
 * their order; no two have one name.  -1: it is no object, has more than most of
 * them, or something else that is not common.
 */
extern int json_scan_object(const char *text, size_t len, json_scan_member *members, int most);

/* Is it a string without escapes?  Then what stands between its quotes. */
extern bool json_scan_string(const json_scan_member *member, wc_str *string);

#endif /* NET_JSON_SCAN_H */

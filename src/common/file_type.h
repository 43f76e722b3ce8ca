/*
 * file_type.h
 *	  What a file is, by its first bytes: whoever brought it is not believed.
 */
#ifndef WC_FILE_TYPE_H
#define WC_FILE_TYPE_H

#include "common/frame.h"

/* Bytes that are looked at; of a longer file so many have to be given. */
#define WC_FILE_TYPE_LOOKS_AT (16u * 1024)

/* The media type of what begins so; never NULL.  whole: there is no more than this. */
extern const char *wc_file_type(const char *bytes, size_t len, bool whole);

/* Is it one that wc_file_type() gives?  That constant then, else NULL. */
extern const char *wc_file_type_known(wc_str type);

/* May a browser show it where it is, rather than keep it?  Of a type that is known. */
extern bool wc_file_type_is_shown(wc_str type);

/* Does a list like "image/ *, application/pdf" (without the blank) have the type? */
extern bool wc_file_type_is_listed(wc_str list, wc_str type);

/* Is it such a list? */
extern bool wc_file_type_is_list(wc_str list);

#endif /* WC_FILE_TYPE_H */

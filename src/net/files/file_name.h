/*
 * file_name.h
 *	  What somebody calls a file, made safe for people, headers and URLs.
 */
#ifndef NET_FILE_NAME_H
#define NET_FILE_NAME_H

#include "common/corridor.h"

/* The largest Content-Disposition, and the largest name in a URL, their NULs included. */
#define FILE_NAME_HEADER_SIZE (WC_MAX_FILE_NAME * 4 + 64)
#define FILE_NAME_URL_SIZE	  (WC_MAX_FILE_NAME * 3 + 1)

/* Without folders before it, and what cannot be shown or turns the text around; never empty. */
extern void file_name_clean(const char *given, size_t len, char name[WC_MAX_FILE_NAME + 1]);

/* A Content-Disposition (RFC 6266), with the name in ASCII and as it is (RFC 8187). */
extern void file_name_disposition(wc_str name, bool shown, char header[FILE_NAME_HEADER_SIZE]);

/* The name as a part of a URL's path. */
extern void file_name_in_url(wc_str name, char out[FILE_NAME_URL_SIZE]);

#endif /* NET_FILE_NAME_H */

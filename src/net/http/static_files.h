/*
 * static_files.h
 *	  Answers with the files that are compiled in: made once, in each form that
 *	  a client can ask for.
 */
#ifndef NET_STATIC_FILES_H
#define NET_STATIC_FILES_H

#include "http/http_response.h"
#include "http/http_head.h"

/* Under which all of the desk is. */
#define DESK_PATH "/desk/"

typedef struct asset
{
	const char *path; /* as it is asked for */
	const char *type; /* Content-Type */
	const unsigned char *bytes;
	size_t len;
	const char *etag;		   /* strong, quotes included */
	const unsigned char *gzip; /* the same compressed; NULL: not worth it */
	size_t gzip_len;
	const char *gzip_etag;
} asset;

/* The table that src/net/http/embed writes into build/net/; the entry after the last has no path. */
extern const asset assets[];

/* The file; NULL: there is none at that path. */
extern const asset *static_files_find(const char *path, size_t len);

/* Make the answers, once; false: out of memory. */
extern bool static_files_init(void);
extern void static_files_exit(void);

/* Add what every answer of the desk says to a browser that shows it. */
extern void static_files_guard(struct MHD_Response *response);

/* The answer to a GET or HEAD of that file. */
extern http_response static_files_answer(const asset *a, const http_head *head);

/* What goes into that: Accept-Encoding allows gzip, and likes it no less than none. */
extern bool static_files_wants_gzip(wc_str accept_encoding);

/* If-None-Match names that ETag (quotes included), or any. */
extern bool static_files_client_has(wc_str none_match, const char *etag);

#endif /* NET_STATIC_FILES_H */

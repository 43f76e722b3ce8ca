/*
 * assets.h
 *	  The files that the HTTP server serves, compiled into the program: confined as it
 *	  is, it opens none.  src/net/http/embed writes the table into build/net/.
 */
#ifndef NET_ASSETS_H
#define NET_ASSETS_H

#include <stddef.h>

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

/* The generated table; the entry after the last has no path. */
extern const asset assets[];

/* NULL: there is none at that path. */
extern const asset *static_files_find(const char *path, size_t len);

#endif /* NET_ASSETS_H */

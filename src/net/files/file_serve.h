/*
 * file_serve.h
 *	  Files that are fetched: a piece at a time from the worker, as the client reads.
 */
#ifndef NET_FILE_SERVE_H
#define NET_FILE_SERVE_H

#include "files/files.h"

/* Of /files/<id>, where everything about a file comes; and of its twin at the desk's addresses. */
extern void file_serve_check_file(conn *c, const char *method);
extern void file_serve_check_desk(conn *c, const char *method);
extern void file_serve_handle(conn *c, const char *body, size_t len);

/* What the worker says. */
extern void file_serve_bytes(files *f, const wc_file_bytes *bytes);

#endif /* NET_FILE_SERVE_H */

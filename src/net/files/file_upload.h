/*
 * file_upload.h
 *	  Files that are brought: begun, piece by piece, looked at after a cut, cancelled.
 */
#ifndef NET_FILE_UPLOAD_H
#define NET_FILE_UPLOAD_H

#include "files/files.h"

/* What the head alone decides: of POST /files, and of /files/<id> where it does not want the bytes. */
extern void file_upload_check_begin(conn *c, const char *method);
extern void file_upload_check_file(conn *c, const char *method, const file_head *head);

extern void file_upload_handle(conn *c, const char *body, size_t len);

/* What the worker says. */
extern void file_upload_done(files *f, const wc_file_done *done);

/* Hand over pieces that wait, and read on where there is room again. */
extern void file_upload_go_on(files *f);

#endif /* NET_FILE_UPLOAD_H */

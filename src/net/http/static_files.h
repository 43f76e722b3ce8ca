/*
 * static_files.h
 *	  Answers with the files that are compiled in: made once, in each form that
 *	  a client can ask for.
 */
#ifndef NET_STATIC_FILES_H
#define NET_STATIC_FILES_H

#include "http/http_response.h"
#include "http/assets.h"
#include "http/http_head.h"

/* Make the answers; false: out of memory. */
extern bool static_files_init(void);
extern void static_files_exit(void);

/* The answer to a GET or HEAD of that file. */
extern http_response static_files_answer(const asset *a, const http_head *head);

#endif /* NET_STATIC_FILES_H */

/*
 * file_head.h
 *	  What the head of a request says of a file: who brings it, where a piece goes,
 *	  which bytes are wanted.
 */
#ifndef NET_FILE_HEAD_H
#define NET_FILE_HEAD_H

#include "common/corridor.h"

/* A Range (RFC 9110 §14.2) with a single range; what is none is left out, as if there were none. */
typedef struct file_range
{
	bool given;
	bool suffix;	/* the last so many: first is how many */
	uint64_t first; /* the first byte */
	uint64_t last;	/* UINT64_MAX: to the end */
} file_range;

/* All zeros before the first field.  The strings point into the request. */
typedef struct file_head
{
	const char *bad; /* a sentence; NULL: nothing is wrong */
	wc_str origin;	 /* p NULL: none */
	wc_str token;	 /* X-Webchatt-Token; NULL: none */
	wc_str key;		 /* of Authorization: Bearer; NULL: none */
	wc_str if_range; /* NULL: none */
	bool has_offset; /* Upload-Offset */
	uint64_t offset;
	file_range range;
} file_head;

extern void file_head_field(file_head *head, const char *name, size_t name_len, const char *value, size_t value_len);

/* A parameter of the query, as it stands there; p NULL: there is none, or more than one. */
extern wc_str file_head_parameter(const char *query, size_t len, const char *name);

/* The id in a path "/files/<id>" or "/files/<id>/<name>", behind the prefix; false: there is none. */
extern bool file_head_id(const char *path, size_t len, const char *prefix, char id[WC_FILE_ID + 1]);

/* The bytes that are to be sent of so many: *from and *n.  False: the range lies behind them. */
extern bool file_head_range(const file_range *range, uint64_t size, uint64_t *from, uint64_t *n);

#endif /* NET_FILE_HEAD_H */

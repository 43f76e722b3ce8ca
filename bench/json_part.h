/*
 * json_part.h
 *	  Looks members up in a JSON text without building anything.
 *
 * The text must be JSON, as what webchatt-net sends is; else what is found means
 * nothing, but nothing outside the text is read.
 */
#ifndef JSON_PART_H
#define JSON_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of a text; a string's is without its quotes, escapes as they are. */
typedef struct json_part
{
	const char *at;
	size_t len;
} json_part;

/* An object's own member; an empty part when it has none. */
extern json_part json_member(json_part object, const char *name);

extern bool json_is(json_part p, const char *text);
extern uint64_t json_number(json_part p, int base);
extern bool json_copy(char *to, size_t size, json_part p);

#endif /* JSON_PART_H */

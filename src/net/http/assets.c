/*
 * assets.c
 */
#include "http/assets.h"

#include <string.h>

const asset *
static_files_find(const char *path, size_t len)
{
	const asset *a;

	for (a = assets; a->path != NULL; a++)
	{
		if (strlen(a->path) == len && memcmp(a->path, path, len) == 0)
			return a;
	}
	return NULL;
}

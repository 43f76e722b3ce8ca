/*
 * blob_hash.h
 *	  Hash tables whose keys are plain bytes.
 */
#ifndef WC_BLOB_HASH_H
#define WC_BLOB_HASH_H

#include "utils/hsearch.h"

extern HTAB *wc_blob_hash(const char *name, MemoryContext context, Size keysize, Size entrysize, long entries);

#endif

/*
 * blob_hash.c
 *	  Hash tables whose keys are plain bytes.
 */
#include "postgres.h"

#include "shared/blob_hash.h"

/*
 * A table in the context: keys of keysize bytes, which begin entries of entrysize bytes;
 * entries: how many are expected, it grows beyond.
 */
HTAB *
wc_blob_hash(const char *name, MemoryContext context, Size keysize, Size entrysize, long entries)
{
	HASHCTL ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = keysize;
	ctl.entrysize = entrysize;
	ctl.hcxt = context;
	return hash_create(name, entries, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

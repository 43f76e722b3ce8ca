/*
 * file_hash.h
 *	  SHA-256 of files that are arriving, as far as they are here.
 */
#ifndef WC_FILE_HASH_H
#define WC_FILE_HASH_H

#include "common/corridor.h"

/* What a file's hash is going to be, once the turn is committed. */
typedef struct FileHash FileHash;

extern FileHash *file_hash_add(const char *id, uint64 at, wc_str bytes);
extern bool file_hash_end(FileHash *hash, uint8 sha256[WC_HASH_SIZE]);
extern void file_hash_keep(FileHash *hash);
extern void file_hash_forget(FileHash *hash);
extern void file_hash_reset(void);

#endif /* WC_FILE_HASH_H */

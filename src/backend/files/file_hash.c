/*
 * file_hash.c
 *	  So that nobody has to read a whole file when its last piece comes.  What is not
 *	  known here, after a restart say, is reckoned from the table.
 */
#include "postgres.h"

#include <openssl/evp.h>

#include "utils/memutils.h"

#include "files/file_hash.h"
#include "shared/blob_hash.h"

/* Files of which it is known; with one more all are forgotten, of which most were given up. */
#define MOST 4096

struct FileHash
{
	char id[WC_FILE_ID];
	uint64 at; /* so many bytes are in it */
	EVP_MD_CTX *state;
};

typedef struct Known
{
	char id[WC_FILE_ID]; /* hash key: must be first */
	uint64 at;
	EVP_MD_CTX *state;
} Known;

static MemoryContext context = NULL;
static HTAB *known = NULL;

/*
 * The hash with these bytes, which begin at so many; NULL: what is before them is not
 * known here.  file_hash_keep() or file_hash_forget() it.
 */
FileHash *
file_hash_add(const char *id, uint64 at, wc_str bytes)
{
	const Known *k = known ? hash_search(known, id, HASH_FIND, NULL) : NULL;
	FileHash *h;
	EVP_MD_CTX *state;
	bool good;

	if (at > 0 && (k == NULL || k->at != at))
		return NULL;
	state = EVP_MD_CTX_new();
	if (state == NULL)
		return NULL;
	good = at > 0 ? EVP_MD_CTX_copy_ex(state, k->state) == 1 : EVP_DigestInit_ex(state, EVP_sha256(), NULL) == 1;
	if (!good || EVP_DigestUpdate(state, bytes.p, bytes.len) != 1)
	{
		EVP_MD_CTX_free(state);
		return NULL;
	}
	h = MemoryContextAlloc(TopMemoryContext, sizeof(FileHash));
	memcpy(h->id, id, WC_FILE_ID);
	h->at = at + bytes.len;
	h->state = state;
	return h;
}

/* The SHA-256 of all that is in it; it cannot be added to then. */
bool
file_hash_end(FileHash *hash, uint8 sha256[WC_HASH_SIZE])
{
	bool good = EVP_DigestFinal_ex(hash->state, sha256, NULL) == 1;

	EVP_MD_CTX_free(hash->state);
	hash->state = NULL;
	return good;
}

static void
drop(Known *k)
{
	EVP_MD_CTX_free(k->state);
	hash_search(known, k->id, HASH_REMOVE, NULL);
}

/* The bytes are committed: it is the file's, unless it was ended. */
void
file_hash_keep(FileHash *hash)
{
	Known *k = known ? hash_search(known, hash->id, HASH_FIND, NULL) : NULL;

	if (k != NULL)
		drop(k);
	if (known != NULL && hash_get_num_entries(known) >= MOST)
		file_hash_reset();
	if (hash->state != NULL && known == NULL)
	{
		context = AllocSetContextCreate(TopMemoryContext, "webchatt file hashes", ALLOCSET_DEFAULT_SIZES);
		known = wc_blob_hash("webchatt file hashes", context, WC_FILE_ID, sizeof(Known), 64);
	}
	if (hash->state != NULL)
	{
		k = hash_search(known, hash->id, HASH_ENTER, NULL);
		k->at = hash->at;
		k->state = hash->state;
		hash->state = NULL;
	}
	file_hash_forget(hash);
}

void
file_hash_forget(FileHash *hash)
{
	EVP_MD_CTX_free(hash->state);
	pfree(hash);
}

void
file_hash_reset(void)
{
	HASH_SEQ_STATUS all;
	Known *k;

	if (known == NULL)
		return;
	hash_seq_init(&all, known);
	while ((k = hash_seq_search(&all)) != NULL)
		EVP_MD_CTX_free(k->state);
	MemoryContextDelete(context);
	context = NULL;
	known = NULL;
}

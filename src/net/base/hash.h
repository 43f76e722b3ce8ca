/*
 * hash.h
 *	  The hash table for all that is found by a key: chains of entries that carry
 *	  their own link, so that an entry costs one pointer and no memory of its own.
 */
#ifndef NET_HASH_H
#define NET_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded in an entry, once for each table that it is in. */
typedef struct hash_link
{
	struct hash_link *next;
} hash_link;

/* The entry whose member that link is; the link may be NULL where it comes first. */
#define HASH_ENTRY(type, member, link) ((type *) (void *) ((char *) (link) -offsetof(type, member)))

/* The hash of an entry's key: all its bits are used, the lowest first. */
typedef uint64_t (*hash_fn)(const hash_link *entry);

typedef struct hash
{
	hash_link **chains;
	uint32_t nchains; /* a power of two */
	uint32_t count;
	hash_fn of;
} hash;

/* False: out of memory. */
extern bool hash_init(hash *h, hash_fn of);

/* Frees the table, not its entries. */
extern void hash_exit(hash *h);

/* Neither fails: where there is no memory to grow, chains become longer. */
extern void hash_add(hash *h, hash_link *entry);
extern void hash_remove(hash *h, hash_link *entry);

/* The first entry that may have a key with that hash; the others hang on it. */
static inline hash_link *
hash_chain(const hash *h, uint64_t hash_of_key)
{
	return h->chains[hash_of_key & (h->nchains - 1)];
}

/* All entries, one after the other: the first (NULL), and the one after that. */
extern hash_link *hash_next(const hash *h, const hash_link *entry);

/*
 * The hash of a key that a stranger chose: SipHash-2-4 with a key that this process drew, so that nobody can
 * tell which keys meet in a chain.
 */
extern uint64_t hash_secret(const void *key, size_t len);

/* SipHash-2-4 with that key: for hash_secret() and its test. */
extern uint64_t hash_siphash(const uint64_t key[2], const void *data, size_t len);

#endif /* NET_HASH_H */

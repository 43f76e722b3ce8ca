/*
 * address.h
 *	  Addresses: read, printed, looked up in lists of networks, and counted, so
 *	  that no single one takes all connections.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IPv6 address in text, its NUL included. */
#define ADDRESS_TEXT_SIZE 48

/* Entries of a list that are taken. */
#define ADDRESS_LIST_MAX 64

typedef struct net_addr
{
	uint8_t b[16]; /* IPv4 as ::ffff:a.b.c.d */
	bool local;	   /* came through a unix socket: has no address */
} net_addr;

typedef struct address_list
{
	int n;
	struct
	{
		uint8_t b[16];
		uint8_t bits;
	} nets[ADDRESS_LIST_MAX];
} address_list;

extern void address_from_sockaddr(const struct sockaddr *sa, net_addr *addr);
extern bool address_parse(const char *s, size_t len, net_addr *addr);
extern void address_print(const net_addr *addr, char out[ADDRESS_TEXT_SIZE]);

/*
 * Read comma-separated addresses and CIDRs.  What cannot be read is left out;
 * false then, and bad holds the first such entry.
 */
extern bool address_list_parse(const char *s, size_t len, address_list *list, char bad[64]);

/* What came through a unix socket is in every list. */
extern bool address_list_has(const address_list *list, const net_addr *addr);

/*
 * The client that an X-Forwarded-For names: the last address that is not a
 * trusted proxy itself.  False when there is none to be had.
 */
extern bool address_forwarded(const address_list *trusted, const char *value, size_t len, net_addr *client);

/* Counters by address; IPv6 addresses of one /64 share theirs. */
typedef struct address_counts address_counts;
typedef struct address_count address_count;

extern address_counts *address_counts_new(void);
extern void address_counts_free(address_counts *counts);

/* One more for that address; NULL when it has cap already. */
extern address_count *address_counts_take(address_counts *counts, const net_addr *addr, uint32_t cap);
extern void address_counts_give(address_counts *counts, address_count *count);

#endif /* NET_ADDRESS_H */

/*
 * address.h
 *	  Peers' addresses: read, printed, matched against the trusted proxies, and
 *	  counted, so that no single one takes all connections.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IPv6 address in text, its NUL included. */
#define ADDR_TEXT_SIZE 48

/* Entries of webchatt.trusted_proxies that are taken. */
#define ADDR_LIST_MAX 64

typedef struct net_addr
{
	uint8_t b[16]; /* IPv4 as ::ffff:a.b.c.d */
	bool local;	   /* came through a unix socket: has no address */
} net_addr;

typedef struct addr_list
{
	int n;
	struct
	{
		uint8_t b[16];
		uint8_t bits;
	} nets[ADDR_LIST_MAX];
} addr_list;

extern void addr_from_sockaddr(const struct sockaddr *sa, net_addr *addr);
extern bool addr_parse(const char *s, size_t len, net_addr *addr);
extern void addr_print(const net_addr *addr, char out[ADDR_TEXT_SIZE]);

/*
 * Read comma-separated addresses and CIDRs.  What cannot be read is left out;
 * false then, and bad holds the first such entry.
 */
extern bool addr_list_parse(const char *s, size_t len, addr_list *list, char bad[64]);

/* A peer on a unix socket is always trusted: the socket's mode let it in. */
extern bool addr_list_has(const addr_list *list, const net_addr *addr);

/*
 * The client that an X-Forwarded-For names: the last address that is not a
 * trusted proxy itself.  False when there is none to be had.
 */
extern bool addr_forwarded(const addr_list *trusted, const char *value, size_t len, net_addr *client);

/* Counters by address; IPv6 addresses of one /64 share theirs. */
typedef struct addr_counts addr_counts;
typedef struct addr_count addr_count;

extern addr_counts *addr_counts_new(void);
extern void addr_counts_free(addr_counts *counts);

/* One more for that address; NULL when it has cap already. */
extern addr_count *addr_counts_take(addr_counts *counts, const net_addr *addr, uint32_t cap);
extern void addr_counts_give(addr_counts *counts, addr_count *count);

#endif /* NET_ADDRESS_H */

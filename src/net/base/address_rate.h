/*
 * address_rate.h
 *	  Token buckets by address: of IPv4 each address has one; of IPv6 the /64,
 *	  which is one network of somebody's, and the /56 and the /48 around it, which
 *	  one customer may have whole, have one each, so that many networks of one
 *	  customer are not as many strangers.
 */
#ifndef NET_ADDRESS_RATE_H
#define NET_ADDRESS_RATE_H

#include "base/address.h"
#include "base/rate_limit.h"

/* What a /56 and a /48 may have, in times what an address may. */
#define ADDRESS_RATE_56 4u
#define ADDRESS_RATE_48 16u

/* Milliseconds until a token is there in all of the address's buckets, 0: now. */
extern uint32_t address_rate_wait(rate_limit_table *set, const net_addr *addr, const rate_limit *rate, uint64_t now_ms);

/* Take n tokens of each of them. */
extern void address_rate_take(rate_limit_table *set, const net_addr *addr, const rate_limit *rate, uint64_t now_ms,
							  uint32_t n);

/* Give one back to each. */
extern void address_rate_give(rate_limit_table *set, const net_addr *addr, const rate_limit *rate);

#endif /* NET_ADDRESS_RATE_H */

/*
 * endpoint.h
 *	  Which addresses a server may call for somebody who named them.
 */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include "address.h"

/*
 * Is it an address of the public Internet?  Not: this machine, the networks
 * around it, and what is reserved.  An IPv6 address that stands for an IPv4
 * address is what that one is.
 */
extern bool endpoint_is_public(const net_addr *addr);

#endif							/* NET_ENDPOINT_H */

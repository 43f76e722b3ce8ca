/*
 * address_policy.h
 *	  Which addresses a server may call for somebody who named them.
 */
#ifndef NET_ADDRESS_POLICY_H
#define NET_ADDRESS_POLICY_H

#include "base/address.h"

/*
 * Is it an address of the public Internet?  Not: this machine, the networks
 * around it, and what is reserved.  An IPv6 address that stands for an IPv4
 * address is what that one is.
 */
extern bool address_policy_is_public(const net_addr *addr);

#endif /* NET_ADDRESS_POLICY_H */

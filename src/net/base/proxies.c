/*
 * proxies.c
 *	  Whoever is on this list says freely who a client is, and is not counted by
 *	  its own address: so there is one list, and everybody asks here.
 */
#include "base/proxies.h"

#include "base/log.h"

static address_list trusted;

void
proxies_configure(wc_str list)
{
	char bad[64];

	if (!address_list_parse(list.p, list.len, &trusted, bad))
		log_line(
			WC_LOG_WARNING,
			"\"%s\" in webchatt.trusted_proxies is no address and no CIDR (or one of more than %d); it is left out",
			bad, ADDRESS_LIST_MAX);
}

bool
proxies_trust(const net_addr *peer)
{
	return address_list_has(&trusted, peer);
}

net_addr
proxies_client(const net_addr *peer, const char *forwarded, size_t len)
{
	net_addr client = *peer;

	if (forwarded != NULL && proxies_trust(peer))
		address_forwarded(&trusted, forwarded, len, &client);
	return client;
}

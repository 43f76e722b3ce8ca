/*
 * demo_page.h
 *	  The page GET /demo: a shop's page with the widget of one local channel.
 */
#ifndef NET_DEMO_PAGE_H
#define NET_DEMO_PAGE_H

#include "http/http_response.h"
#include "config/channels.h"
#include "http/http_head.h"

/*
 * The page for that channel.  public_url: what the world calls us; where it is
 * empty, the request's Host says it.  False: reason is a static sentence about
 * what is wrong with that.
 */
extern bool demo_page(const channel *ch, const char *public_url, head_value host, answer *page, const char **reason);

#endif /* NET_DEMO_PAGE_H */

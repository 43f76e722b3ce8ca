/*
 * public_url.h
 *	  Under which URL the world reaches us: webchatt.public_url, or else our first address.
 */
#ifndef NET_PUBLIC_URL_H
#define NET_PUBLIC_URL_H

#include "common/frame.h"

/* The longest that is taken, its NUL included. */
#define PUBLIC_URL_SIZE 1024

/* The setting, whenever it is told; and the addresses, comma-separated, once they are known. */
extern void public_url_configure(wc_str setting);
extern void public_url_listening(const char *addresses);

/* Without a slash at the end; "" where it is not known. */
extern const char *public_url_get(void);

#endif /* NET_PUBLIC_URL_H */

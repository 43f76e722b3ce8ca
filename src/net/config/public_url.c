/*
 * public_url.c
 *	  The same rule as widget_script()'s, so that both name the same place.
 */
#include "config/public_url.h"

#include <stdio.h>

#include "base/text.h"

static char set[PUBLIC_URL_SIZE];	/* the setting */
static char first[PUBLIC_URL_SIZE]; /* from our addresses */

void
public_url_configure(wc_str setting)
{
	while (setting.len > 0 && setting.p[setting.len - 1] == '/')
		setting.len--;
	if (setting.len >= sizeof(set))
		setting.len = 0;
	snprintf(set, sizeof(set), "%.*s", (int) setting.len, setting.len > 0 ? setting.p : "");
}

/* Whatever address it is, from here it is reached as localhost. */
static bool
is_any(wc_str host)
{
	return host.len == 0 || wc_str_equals(host, "*") || wc_str_equals(host, "0.0.0.0") || wc_str_equals(host, "[::]");
}

void
public_url_listening(const char *addresses)
{
	wc_str list = wc_str_from(addresses);
	wc_str one;

	first[0] = '\0';
	while (first[0] == '\0' && text_next(&list, &one))
	{
		uint32_t colon = one.len;

		if (one.len >= 5 && memcmp(one.p, "unix:", 5) == 0)
			continue;
		while (colon > 0 && one.p[colon - 1] != ':')
			colon--;
		if (colon == 0 || one.len >= 256)
			continue;
		if (is_any((wc_str){one.p, colon - 1}))
			snprintf(first, sizeof(first), "http://localhost:%.*s", (int) (one.len - colon), one.p + colon);
		else
			snprintf(first, sizeof(first), "http://%.*s", (int) one.len, one.p);
	}
}

const char *
public_url_get(void)
{
	return set[0] != '\0' ? set : first;
}

/*
 * origin_test.c
 *	  Web origins: what each input becomes, or why it is refused.
 */
#include "common/origin.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

typedef struct
{
	const char *in;
	const char *out;	/* a refusal: NULL */
	const char *reason; /* a part of it */
} origin_case;

#define A61 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffg"
#define A62 A61 "g"

static const origin_case cases[] = {
	{"https://example.com", "https://example.com", NULL},
	{"http://example.com", "http://example.com", NULL},
	{"HTTPS://WWW.Example.COM", "https://www.example.com", NULL},
	{"https://example.com/", "https://example.com", NULL},
	{"https://example.com:443", "https://example.com", NULL},
	{"https://example.com:443/", "https://example.com", NULL},
	{"http://example.com:80", "http://example.com", NULL},
	{"http://example.com:443", "http://example.com:443", NULL},
	{"https://example.com:80", "https://example.com:80", NULL},
	{"https://example.com:8443/", "https://example.com:8443", NULL},
	{"http://localhost:3000", "http://localhost:3000", NULL},
	{"http://localhost:65535", "http://localhost:65535", NULL},
	{"http://a", "http://a", NULL},
	{"http://my_host-1.internal", "http://my_host-1.internal", NULL},
	{"https://xn--bcher-kva.example", "https://xn--bcher-kva.example", NULL},
	{"http://192.168.0.1", "http://192.168.0.1", NULL},
	{"http://255.255.255.255:8080", "http://255.255.255.255:8080", NULL},
	{"http://1.example", "http://1.example", NULL},
	{"http://1.2.3.4.example", "http://1.2.3.4.example", NULL},
	{"http://0xyz", "http://0xyz", NULL},
	{"http://1a", "http://1a", NULL},
	{"http://[::1]", "http://[::1]", NULL},
	{"http://[::1]:8080", "http://[::1]:8080", NULL},
	{"https://[::1]:443/", "https://[::1]", NULL},
	{"http://[::]", "http://[::]", NULL},
	{"http://[0:0:0:0:0:0:0:1]", "http://[::1]", NULL},
	{"http://[2001:DB8:0:0:1:0:0:1]", "http://[2001:db8::1:0:0:1]", NULL},
	{"http://[2001:db8:0:1:1:1:1:1]", "http://[2001:db8:0:1:1:1:1:1]", NULL},
	{"http://[2001:0db8::0001]", "http://[2001:db8::1]", NULL},
	{"http://[2001:0:0:1:0:0:0:1]", "http://[2001:0:0:1::1]", NULL},
	{"http://[fe80::]", "http://[fe80::]", NULL},
	{"http://[1:2:3:4:5:6:7::]", "http://[1:2:3:4:5:6:7:0]", NULL},
	{"http://[1:2:3:4:5:6:0:0]", "http://[1:2:3:4:5:6::]", NULL},
	{"http://[::ffff:192.0.2.1]", "http://[::ffff:c000:201]", NULL},
	{"http://[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "http://[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
	 NULL},
	/* a host of 253 bytes, labels of 63 */
	{"https://" A62 "h." A62 "h." A62 "h." A61 ":65535", "https://" A62 "h." A62 "h." A62 "h." A61 ":65535", NULL},

	{"", NULL, "begins with its scheme"},
	{"null", NULL, "\"null\""},
	{"NULL", NULL, "\"null\""},
	{"*", NULL, "wildcard"},
	{"example.com", NULL, "begins with its scheme"},
	{"//example.com", NULL, "begins with its scheme"},
	{"://example.com", NULL, "begins with its scheme"},
	{"https:example.com", NULL, "begins with its scheme"},
	{"https:/example.com", NULL, "begins with its scheme"},
	{"localhost:3000", NULL, "begins with its scheme"},
	{"ftp://example.com", NULL, "is http or https"},
	{"wss://example.com", NULL, "is http or https"},
	{"httpss://example.com", NULL, "is http or https"},
	{"file:///index.html", NULL, "is http or https"},
	{"https://", NULL, "needs a host"},
	{"https:///", NULL, "needs a host"},
	{"https://:443", NULL, "needs a host"},
	{"https://example.com//", NULL, "no path"},
	{"https://example.com/chat", NULL, "no path"},
	{"https://example.com/chat/", NULL, "no path"},
	{"https://example.com\\chat", NULL, "no path"},
	{"https://example.com?", NULL, "no query"},
	{"https://example.com?a=b/", NULL, "no query"},
	{"https://example.com#top", NULL, "no fragment"},
	{"https://user@example.com", NULL, "no user name"},
	{"https://user:pass@example.com", NULL, "no user name"},
	{"https://@example.com", NULL, "no user name"},
	{"https://*.example.com", NULL, "wildcard"},
	{"https://*", NULL, "wildcard"},
	{"https://example.com, https://example.org", NULL, "no blanks"},
	{" https://example.com", NULL, "no blanks"},
	{"https://example.com\n", NULL, "no blanks"},
	{"https://ex\x7F"
	 "ample.com",
	 NULL, "no blanks"},
	{"https://b\xC3\xBC"
	 "cher.example",
	 NULL, "xn--"},
	{"https://\xFF", NULL, "xn--"},
	{"https://example..com", NULL, "empty part"},
	{"https://.example.com", NULL, "empty part"},
	{"https://example.com.", NULL, "empty part"},
	{"https://.", NULL, "empty part"},
	{"https://exa%41mple.com", NULL, "only letters"},
	{"https://example.com;x", NULL, "only letters"},
	{"https://example.com,https", NULL, "only letters"},
	{"https://" A62 "hh.example", NULL, "63"},
	{"https://" A62 "h." A62 "h." A62 "h." A62, NULL, "253"},
	{"http://1.2.3", NULL, "IPv4"},
	{"http://1.2.3.4.5", NULL, "IPv4"},
	{"http://256.1.1.1", NULL, "IPv4"},
	{"http://01.2.3.4", NULL, "IPv4"},
	{"http://1.2.3.04", NULL, "IPv4"},
	{"http://1.2.3.0x4", NULL, "IPv4"},
	{"http://0x7f000001", NULL, "IPv4"},
	{"http://0X", NULL, "IPv4"},
	{"http://2130706433", NULL, "IPv4"},
	{"http://example.1", NULL, "IPv4"},
	{"http://[::1", NULL, "brackets"},
	{"http://[]", NULL, "brackets"},
	{"http://[", NULL, "brackets"},
	{"http://[fe80::1%25eth0]", NULL, "IPv6"},
	{"http://[1:2:3]", NULL, "IPv6"},
	{"http://[::1::2]", NULL, "IPv6"},
	{"http://[g::1]", NULL, "IPv6"},
	{"http://[192.0.2.1]", NULL, "IPv6"},
	{"http://[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]", NULL, "IPv6"},
	{"http://::1", NULL, "brackets"},
	{"http://2001:db8::1", NULL, "brackets"},
	{"http://[::1]8080", NULL, "port"},
	{"http://[::1]x", NULL, "port"},
	{"https://example.com:", NULL, "port"},
	{"https://example.com:0", NULL, "port"},
	{"https://example.com:0443", NULL, "port"},
	{"https://example.com:65536", NULL, "port"},
	{"https://example.com:100000", NULL, "port"},
	{"https://example.com:99999999999999999999", NULL, "port"},
	{"https://example.com:-1", NULL, "port"},
	{"https://example.com:+80", NULL, "port"},
	{"https://example.com:80a", NULL, "port"},
	{"https://example.com:80:80", NULL, "brackets"},
};

/* From a copy of exactly its length, so that a read beyond it is seen. */
static bool
normalize(const char *in, size_t len, char out[WC_ORIGIN_SIZE], const char **reason)
{
	char *copy = malloc(len ? len : 1);
	bool good;

	if (len > 0)
		memcpy(copy, in, len);
	good = wc_origin_normalize(copy, len, out, reason);
	free(copy);
	return good;
}

int
main(void)
{
	char out[WC_ORIGIN_SIZE];
	char again[WC_ORIGIN_SIZE];
	const char *reason;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const origin_case *c = &cases[i];
		bool good;

		reason = "(none)";
		good = normalize(c->in, strlen(c->in), out, &reason);
		if (c->out != NULL)
		{
			bool same = good && strcmp(out, c->out) == 0 && normalize(out, strlen(out), again, &reason) &&
						strcmp(out, again) == 0;

			if (!ok(same, "%s", c->in))
				printf("#   got: %s %s\n", good ? out : "refused:", good ? "" : reason);
		}
		else if (!ok(!good && strstr(reason, c->reason) != NULL, "refused: %.80s",
					 strchr(c->in, '\n') ? "(a line feed)" : c->in))
			printf("#   got: %s\n", good ? out : reason);
	}
	ok(!normalize("https://a\0b", 11, out, &reason) && strstr(reason, "control"), "a NUL byte is refused");
	ok(!wc_origin_normalize(NULL, 0, out, &reason), "nothing at all is refused");
	return tap_done();
}

/*
 * origin.c
 *	  What a browser would read as a number is only taken in the one form in which
 *	  a browser writes it.
 */
#include "common/origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MAX_HOST  253
#define MAX_LABEL 63

static const char unbracketed[] = "an origin's IPv6 address stands in brackets, such as [2001:db8::1]";
static const char wildcard[] = "an origin is one site: list each one instead of a wildcard";

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
}

static bool
equals_ignoring_case(const char *s, size_t len, const char *literal)
{
	size_t i;

	if (len != strlen(literal))
		return false;
	for (i = 0; i < len; i++)
	{
		if (lower(s[i]) != literal[i])
			return false;
	}
	return true;
}

/* What is wrong with the bytes as such, before any structure; NULL if nothing. */
static const char *
bad_bytes(const char *in, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
	{
		if ((unsigned char) in[i] >= 0x80)
			return "an origin is ASCII: write an international host name in its xn-- form";
		if (in[i] <= ' ' || in[i] == 0x7F)
			return "an origin holds no blanks and no control characters";
	}
	return NULL;
}

/* What stands behind the scheme but has no place in an origin; NULL if nothing. */
static const char *
bad_parts(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
	{
		switch (s[i])
		{
			case '/':
			case '\\':
				return "an origin has no path: leave out what follows the host and port";
			case '?':
				return "an origin has no query: leave out the ? and what follows it";
			case '#':
				return "an origin has no fragment: leave out the # and what follows it";
			case '@':
				return "an origin has no user name or password: leave out what stands before the @";
			case '*':
				return wildcard;
			default:
				break;
		}
	}
	return NULL;
}

/* Four decimal numbers of 0 to 255, without leading zeros. */
static bool
is_ipv4(const char *s, size_t len)
{
	size_t at = 0;
	int part;

	for (part = 0; part < 4; part++)
	{
		size_t start = at;
		int value = 0;

		while (at < len && is_digit(s[at]) && at - start < 3)
			value = value * 10 + (s[at++] - '0');
		if (at == start || value > 255 || (s[start] == '0' && at - start > 1))
			return false;
		if (part < 3 && (at >= len || s[at++] != '.'))
			return false;
	}
	return at == len;
}

/* Whether browsers take a host that ends in this label for an IPv4 address. */
static bool
label_is_number(const char *s, size_t len)
{
	size_t i;

	if (len >= 2 && s[0] == '0' && s[1] == 'x')
	{
		for (i = 2; i < len; i++)
		{
			if (!is_digit(s[i]) && (s[i] < 'a' || s[i] > 'f'))
				return false;
		}
		return true;
	}
	for (i = 0; i < len; i++)
	{
		if (!is_digit(s[i]))
			return false;
	}
	return len > 0;
}

/* A host name or IPv4 literal, in lower case already; what is wrong, or NULL. */
static const char *
check_name(const char *s, size_t len)
{
	size_t label = 0;
	size_t i;

	for (i = 0; i <= len; i++)
	{
		if (i == len || s[i] == '.')
		{
			if (i == label)
				return "an origin's host has an empty part: dots stand between names only";
			if (i - label > MAX_LABEL)
				return "an origin's host has a part of more than 63 characters between its dots";
			if (i < len)
				label = i + 1;
		}
		else if (!is_digit(s[i]) && (s[i] < 'a' || s[i] > 'z') && s[i] != '-' && s[i] != '_')
			return "an origin's host holds only letters, digits, hyphens, dots and underscores";
	}
	if (label_is_number(s + label, len - label) && !is_ipv4(s, len))
		return "an origin's IPv4 address is four decimal numbers of 0 to 255, such as 192.0.2.1";
	return NULL;
}

/* RFC 5952, all in hex as browsers send it also where IPv4 is embedded. */
static size_t
print_ipv6(const struct in6_addr *address, char *out, size_t size)
{
	uint16_t group[8];
	int best = 0;
	int best_len = 1; /* a single zero is not shortened */
	size_t at = 0;
	int i;
	int j;

	for (i = 0; i < 8; i++)
		group[i] = (uint16_t) (address->s6_addr[2 * i] << 8 | address->s6_addr[2 * i + 1]);
	for (i = 0; i < 8; i = j + 1)
	{
		for (j = i; j < 8 && group[j] == 0;)
			j++;
		if (j - i > best_len)
		{
			best = i;
			best_len = j - i;
		}
	}
	out[at++] = '[';
	for (i = 0; i < 8; i++)
	{
		if (best_len > 1 && i == best)
		{
			out[at++] = ':';
			if (i == 0)
				out[at++] = ':';
			i += best_len - 1;
		}
		else
			at += (size_t) snprintf(out + at, size - at, i < 7 ? "%x:" : "%x", group[i]);
	}
	out[at++] = ']';
	out[at] = '\0';
	return at;
}

/* The host up to its port; *used says how many bytes of s it took. */
static const char *
normalize_host(const char *s, size_t len, char *out, size_t size, size_t *used)
{
	char literal[INET6_ADDRSTRLEN];
	struct in6_addr address;
	const char *end;
	size_t n;
	size_t i;

	if (len > 0 && s[0] == '[')
	{
		end = memchr(s, ']', len);
		n = end ? (size_t) (end - s) - 1 : 0;
		if (n == 0 || n >= sizeof(literal))
			return unbracketed;
		memcpy(literal, s + 1, n);
		literal[n] = '\0';
		if (inet_pton(AF_INET6, literal, &address) != 1)
			return "an origin's IPv6 address is not one: write it such as [2001:db8::1]";
		print_ipv6(&address, out, size);
		*used = n + 2;
		return NULL;
	}
	end = memchr(s, ':', len);
	n = end ? (size_t) (end - s) : len;
	if (end != NULL && memchr(end + 1, ':', len - n - 1) != NULL)
		return unbracketed;
	if (n == 0)
		return "an origin needs a host, such as https://www.example.com";
	if (n > MAX_HOST)
		return "an origin's host is at most 253 characters long";
	for (i = 0; i < n; i++)
		out[i] = lower(s[i]);
	out[n] = '\0';
	*used = n;
	return check_name(out, n);
}

/* ":" and 1 to 65535, or nothing (then *port stays). */
static bool
parse_port(const char *s, size_t len, unsigned *port)
{
	unsigned value = 0;
	size_t i;

	if (len == 0)
		return true;
	if (s[0] != ':' || len < 2 || len > 6 || s[1] == '0')
		return false;
	for (i = 1; i < len; i++)
	{
		if (!is_digit(s[i]))
			return false;
		value = value * 10 + (unsigned) (s[i] - '0');
	}
	*port = value;
	return value <= 65535;
}

/* Find the scheme; *rest is where the host begins. */
static const char *
parse_scheme(const char *in, size_t len, bool *https, size_t *rest)
{
	const char *colon = len > 0 ? memchr(in, ':', len) : NULL;
	size_t n = colon ? (size_t) (colon - in) : 0;

	if (equals_ignoring_case(in, len, "null"))
		return "the origin \"null\" is nobody's in particular and cannot be allowed";
	if (len == 1 && in[0] == '*')
		return wildcard;
	if (n == 0 || len - n < 3 || memcmp(colon, "://", 3) != 0)
		return "an origin begins with its scheme, http:// or https://";
	*https = equals_ignoring_case(in, n, "https");
	if (!*https && !equals_ignoring_case(in, n, "http"))
		return "an origin's scheme is http or https";
	*rest = n + 3;
	return NULL;
}

static const char *
normalize(const char *in, size_t len, char out[WC_ORIGIN_SIZE])
{
	char host[MAX_HOST + 1];
	const char *wrong;
	bool https = false;
	size_t at = 0;
	size_t used = 0;
	unsigned standard;
	unsigned port;

	if ((wrong = bad_bytes(in, len)) != NULL || (wrong = parse_scheme(in, len, &https, &at)) != NULL)
		return wrong;
	if (len > at && in[len - 1] == '/')
		len--;
	if ((wrong = bad_parts(in + at, len - at)) != NULL ||
		(wrong = normalize_host(in + at, len - at, host, sizeof(host), &used)) != NULL)
		return wrong;
	at += used;
	standard = port = https ? 443 : 80;
	if (!parse_port(in + at, len - at, &port))
		return "an origin's port is a number of 1 to 65535, without leading zeros";
	if (port == standard)
		snprintf(out, WC_ORIGIN_SIZE, "%s://%s", https ? "https" : "http", host);
	else
		snprintf(out, WC_ORIGIN_SIZE, "%s://%s:%u", https ? "https" : "http", host, port);
	return NULL;
}

bool
wc_origin_normalize(const char *in, size_t len, char out[WC_ORIGIN_SIZE], const char **reason)
{
	const char *wrong = normalize(in, len, out);

	if (wrong == NULL)
		return true;
	out[0] = '\0';
	*reason = wrong;
	return false;
}

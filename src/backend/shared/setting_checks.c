/*
 * setting_checks.c
 *	  What wrong values of webchatt.* settings are refused for.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "common/file_type.h"
#include "shared/setting_checks.h"
#include "shared/shmem.h"

/* As many as webchatt-net takes (ADDR_LIST_MAX). */
#define MAX_NETWORKS 64

/* A file of certificates begins within this, in bytes: there may be a comment before. */
#define CERTIFICATE_WITHIN (64 * 1024)

static bool
check_list(char **newval, const char *what, bool may_be_empty)
{
	char *copy = pstrdup(*newval);
	List *items = NIL;
	bool ok = SplitGUCList(copy, ',', &items);

	if (!ok)
		GUC_check_errdetail("It must be a comma-separated list of %s.", what);
	else if (items == NIL && !may_be_empty)
	{
		GUC_check_errdetail("At least one of the %s is needed.", what);
		ok = false;
	}
	list_free(items);
	pfree(copy);
	return ok;
}

/* Not the name that PostgreSQL gives to sockets of its own. */
static bool
unix_path_ok(const char *path)
{
	const char *slash = strrchr(path, '/');

	return path[0] == '/' && strlen(path) < 108 && slash[1] != '\0' && strncmp(slash + 1, ".s.PGSQL.", 9) != 0;
}

/* One address: host:port, [ipv6]:port, :port, *:port or unix:/path. */
static bool
listen_address_ok(const char *address)
{
	const char *colon;
	char *end;
	long port;

	if (strncmp(address, "unix:", 5) == 0)
		return unix_path_ok(address + 5);
	colon = strrchr(address, ':');
	if (colon == NULL || colon[1] < '0' || colon[1] > '9')
		return false;
	if (address[0] == '[' && (colon == address || colon[-1] != ']'))
		return false;
	if (address[0] != '[' && strchr(address, ':') != colon)
		return false;
	port = strtol(colon + 1, &end, 10);
	return *end == '\0' && port >= 1 && port <= 65535;
}

static bool
check_listen(char **newval, bool may_be_empty)
{
	char *copy;
	List *items = NIL;
	ListCell *lc;
	bool ok = true;

	if (!check_list(newval, "addresses", may_be_empty))
		return false;
	copy = pstrdup(*newval);
	(void) SplitGUCList(copy, ',', &items);
	foreach (lc, items)
	{
		const char *address = lfirst(lc);

		if (!listen_address_ok(address))
		{
			GUC_check_errdetail("\"%s\" is not an address to listen on.", address);
			GUC_check_errhint("Use host:port, [ipv6]:port, *:port, with a port from 1 to 65535, or unix:/path.");
			ok = false;
			break;
		}
	}
	list_free(items);
	pfree(copy);
	return ok;
}

bool
wc_check_listen(char **newval, void **extra, GucSource source)
{
	return check_listen(newval, false);
}

/* Empty: nowhere. */
bool
wc_check_desk_listen(char **newval, void **extra, GucSource source)
{
	return check_listen(newval, true);
}

/* An IPv4 or IPv6 address, with or without a number of bits behind a slash. */
static bool
network_ok(const char *network)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(network, '/');
	size_t len = slash != NULL ? (size_t) (slash - network) : strlen(network);
	unsigned char binary[16];
	long bits = 0;
	char *end;

	if (len == 0 || len >= sizeof(address))
		return false;
	memcpy(address, network, len);
	address[len] = '\0';
	if (slash != NULL)
	{
		if (slash[1] < '0' || slash[1] > '9' || strlen(slash + 1) > 3)
			return false;
		bits = strtol(slash + 1, &end, 10);
		if (*end != '\0')
			return false;
	}
	if (inet_pton(AF_INET, address, binary) == 1)
		return bits <= 32;
	return inet_pton(AF_INET6, address, binary) == 1 && bits <= 128;
}

bool
wc_check_networks(char **newval, void **extra, GucSource source)
{
	char *copy;
	List *items = NIL;
	ListCell *lc;
	bool ok = true;

	if (!check_list(newval, "addresses and networks", true))
		return false;
	copy = pstrdup(*newval);
	(void) SplitGUCList(copy, ',', &items);
	if (list_length(items) > MAX_NETWORKS)
	{
		GUC_check_errdetail("It names %d addresses and networks, the most is %d.", list_length(items), MAX_NETWORKS);
		ok = false;
	}
	foreach (lc, items)
	{
		const char *network = lfirst(lc);

		if (ok && !network_ok(network))
		{
			GUC_check_errdetail("\"%s\" is not an address or network.", network);
			GUC_check_errhint("Use 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32; names are not looked up.");
			ok = false;
		}
	}
	list_free(items);
	pfree(copy);
	return ok;
}

/*
 * Is somebody setting the value just now?  A file that was there once must not
 * keep the server from starting, or a session from beginning.
 */
static bool
being_set(GucSource source)
{
	return (source == PGC_S_FILE || source == PGC_S_TEST || source == PGC_S_SESSION) && IsUnderPostmaster &&
		   MyDatabaseId != InvalidOid && IsTransactionState();
}

/* NULL: it has certificates. */
static const char *
what_is_wrong(const char *file)
{
	char *text = palloc(CERTIFICATE_WITHIN + 1);
	const char *wrong = NULL;
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		wrong = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		wrong = "it is no regular file";
	else
		n = read(fd, text, CERTIFICATE_WITHIN);
	if (n < 0)
		wrong = strerror(errno);
	else if (wrong == NULL)
	{
		text[n] = '\0';
		if (strstr(text, "-----BEGIN CERTIFICATE-----") == NULL &&
			strstr(text, "-----BEGIN TRUSTED CERTIFICATE-----") == NULL)
			wrong = "there is no certificate in PEM format in it";
	}
	if (fd >= 0)
		close(fd);
	pfree(text);
	return wrong;
}

bool
wc_check_ca_file(char **newval, void **extra, GucSource source)
{
	const char *wrong;

	if ((*newval)[0] == '\0')
		return true;
	if ((*newval)[0] != '/')
	{
		GUC_check_errdetail("\"%s\" is not an absolute path.", *newval);
		return false;
	}
	if (!being_set(source) || (wrong = what_is_wrong(*newval)) == NULL)
		return true;
	GUC_check_errdetail("\"%s\" cannot be used: %s.", *newval, wrong);
	GUC_check_errhint("Name a file with certificates in PEM format that the server's user may read.");
	return false;
}

bool
wc_check_databases(char **newval, void **extra, GucSource source)
{
	char *copy = pstrdup(*newval);
	List *items = NIL;
	bool ok = SplitIdentifierString(copy, ',', &items);

	if (!ok)
		GUC_check_errdetail("It must be a comma-separated list of database names.");
	else if (list_length(items) > WC_MAX_DATABASES)
	{
		GUC_check_errdetail("It names %d databases, the most is %d.", list_length(items), WC_MAX_DATABASES);
		ok = false;
	}
	list_free(items);
	pfree(copy);
	return ok;
}

/* What stands behind the host of a URL: a port or none, then a path or none. */
static bool
port_ok(const char *behind_host)
{
	char *end;
	long port;

	if (*behind_host != ':')
		return *behind_host == '\0' || *behind_host == '/';
	if (behind_host[1] < '0' || behind_host[1] > '9')
		return false;
	port = strtol(behind_host + 1, &end, 10);
	return (*end == '\0' || *end == '/') && port >= 1 && port <= 65535;
}

/* http[s]://host[:port][/path], no slash at the end, no query; or empty. */
bool
wc_check_public_url(char **newval, void **extra, GucSource source)
{
	const char *url = *newval;
	const char *host = NULL;
	size_t len = strlen(url);

	if (len == 0)
		return true;
	if (strncmp(url, "https://", 8) == 0)
		host = url + 8;
	else if (strncmp(url, "http://", 7) == 0)
		host = url + 7;
	if (host != NULL && *host != '\0' && *host != '/' && *host != ':' && url[len - 1] != '/' && len <= 1024 &&
		port_ok(host + (*host == '[' ? strcspn(host, "]") + (strchr(host, ']') != NULL) : strcspn(host, ":/"))) &&
		strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/[]%") == len)
		return true;
	GUC_check_errdetail("\"%s\" is not the base URL of a server.", url);
	GUC_check_errhint(
		"Use https://host, https://host:port (1 to 65535) or https://host/path, without a slash at the end.");
	return false;
}

/* What NOTIFY takes for a channel; or empty. */
bool
wc_check_notify_channel(char **newval, void **extra, GucSource source)
{
	if (strlen(*newval) < NAMEDATALEN)
		return true;
	GUC_check_errdetail("The name of a channel has at most %d bytes.", NAMEDATALEN - 1);
	return false;
}

/* A header's name (RFC 9110 §5.1), and none that means something else to us. */
bool
wc_check_user_header(char **newval, void **extra, GucSource source)
{
	static const char *const taken[] = {
		"Authorization", "Connection",		"Content-Length",		  "Content-Type",	   "Cookie",
		"Host",			 "Origin",			"Sec-WebSocket-Protocol", "Transfer-Encoding", "Upgrade",
		"User-Agent",	 "X-Forwarded-For", "X-Webchatt-Desk"};
	size_t len = strlen(*newval);
	size_t i;

	if (strspn(*newval, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != len || len > 100)
	{
		GUC_check_errdetail("A header's name has letters, digits, hyphens and underscores, 100 at most.");
		return false;
	}
	for (i = 0; i < lengthof(taken); i++)
	{
		if (pg_strcasecmp(*newval, taken[i]) == 0)
		{
			GUC_check_errdetail("%s means something else.", taken[i]);
			return false;
		}
	}
	return true;
}

/* Types of files: what wc_file_type() may say of one. */
bool
wc_check_file_types(char **newval, void **extra, GucSource source)
{
	if (wc_file_type_is_list(wc_str_from(*newval)))
		return true;
	GUC_check_errdetail("It must be a comma-separated list of media types in small letters.");
	GUC_check_errhint(
		"For example \"image/*, application/pdf\": a * stands at the end of an entry, for whatever follows.");
	return false;
}

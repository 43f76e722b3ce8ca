/*
 * settings.c
 *	  The webchatt.* settings: one alphabetical table for each type.
 */
#include "shared/webchatt.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "common/event_rules.h"

char *wc_databases = NULL;
char *wc_listen = NULL;
char *wc_trusted_proxies = NULL;
char *wc_ca_file = NULL;
int wc_max_in_flight = 64;
int wc_max_body_size = 256;
int wc_max_waiting = 2048;
int wc_max_connections = 2000;
int wc_max_connections_per_address = 100;
int wc_max_attempts = 20;
int wc_signature_tolerance = 300;
int wc_head_timeout = 10000;
int wc_request_timeout = 30000;
int wc_idle_timeout = 75000;
int wc_ack_timeout = 10000;
int wc_send_timeout = 30000;
int wc_connect_timeout = 10000;
int wc_connection_lifetime = 120;
int wc_trigger_timeout = 1000;
int wc_hold_for = 7 * 24 * 3600;
int wc_token_max_age = 400 * 24 * 3600;
char *wc_public_url = NULL;
int wc_max_visitors = 20000;
int wc_max_visitors_per_address = 200;
int wc_max_message_size = 16;
int wc_visitor_buffer = 256;
int wc_visitor_rate = 60;
int wc_visitor_burst = 10;
int wc_address_rate = 600;
int wc_address_burst = 100;
int wc_new_visitor_rate = 300;
int wc_hello_rate = 600;
int wc_ping_interval = 30000;
int wc_hello_timeout = 10000;
int wc_address_bytes_per_hour = 8 * 1024;
int wc_newcomers_per_hour = 20000;
int wc_messages_per_hour = 60000;
int wc_bytes_per_hour = 64 * 1024;
int wc_channel_newcomers_per_hour = 10000;
int wc_channel_messages_per_hour = 30000;
int wc_channel_bytes_per_hour = 32 * 1024;
char *wc_webhook_allowed_addresses = NULL;
int wc_webhook_timeout = 10000;
int wc_webhook_patience = 24 * 3600;
int wc_max_deliveries = 64;
int wc_feed_retention = 7 * 24 * 3600;
int wc_heartbeat = 20000;
int wc_reconcile_interval = 60;
int wc_overdue_after = 3600;

typedef struct IntSetting
{
	const char *name;
	const char *what;
	int *variable;
	int boot;
	int min;
	int max;
	int unit;
} IntSetting;

static const IntSetting int_settings[] = {
	{"webchatt.ack_timeout", "How long a webhook may wait for its commit before it is answered 503.", &wc_ack_timeout,
	 10000, 100, 600000, GUC_UNIT_MS},
	{"webchatt.address_burst", "How many messages all visitors of one address may send at once.", &wc_address_burst,
	 100, 1, 1000000, 0},
	{"webchatt.address_bytes_per_hour", "How much all visitors of one address may have stored in an hour.",
	 &wc_address_bytes_per_hour, 8 * 1024, 64, 10000000, GUC_UNIT_KB},
	{"webchatt.address_rate", "How many messages a minute all visitors of one address may send.", &wc_address_rate, 600,
	 1, 10000000, 0},
	{"webchatt.bytes_per_hour", "How much all visitors together may have stored in an hour; 0: no limit.",
	 &wc_bytes_per_hour, 64 * 1024, 0, INT_MAX, GUC_UNIT_KB},
	{"webchatt.channel_bytes_per_hour", "How much the visitors of one channel may have stored in an hour; 0: no limit.",
	 &wc_channel_bytes_per_hour, 32 * 1024, 0, INT_MAX, GUC_UNIT_KB},
	{"webchatt.channel_messages_per_hour",
	 "How many messages the visitors of one channel may send in an hour; 0: no limit.", &wc_channel_messages_per_hour,
	 30000, 0, INT_MAX, 0},
	{"webchatt.channel_newcomers_per_hour", "How many new visitors one channel may get in an hour; 0: no limit.",
	 &wc_channel_newcomers_per_hour, 10000, 0, INT_MAX, 0},
	{"webchatt.connect_timeout", "How long a connection to a hub may take to be made.", &wc_connect_timeout, 10000, 100,
	 600000, GUC_UNIT_MS},
	{"webchatt.connection_lifetime",
	 "How long a connection to a hub or a webhook's endpoint is used before its name is looked up anew.",
	 &wc_connection_lifetime, 120, 1, 86400, GUC_UNIT_S},
	{"webchatt.feed_retention", "How long events are kept for webhooks and links that are away, and webhooks' logs.",
	 &wc_feed_retention, 7 * 24 * 3600, 60, INT_MAX, GUC_UNIT_S},
	{"webchatt.head_timeout", "How long a request's head may take to arrive.", &wc_head_timeout, 10000, 100, 600000,
	 GUC_UNIT_MS},
	{"webchatt.heartbeat",
	 "How long a link between hubs may be silent before it is pinged; after as long again it is cut.", &wc_heartbeat,
	 20000, 100, 3600000, GUC_UNIT_MS},
	{"webchatt.hello_rate",
	 "How many hellos and pages of history a minute one address may ask for, and hellos one token.", &wc_hello_rate,
	 600, 1, 10000000, 0},
	{"webchatt.hello_timeout", "How long a visitor's client may take from its connection to its hello.",
	 &wc_hello_timeout, 10000, 100, 600000, GUC_UNIT_MS},
	{"webchatt.hold_for", "How long a message waits for a visitor who is away, when it has no expiry of its own.",
	 &wc_hold_for, 7 * 24 * 3600, 1, INT_MAX, GUC_UNIT_S},
	{"webchatt.idle_timeout", "How long a kept-alive connection may idle between requests.", &wc_idle_timeout, 75000,
	 100, 3600000, GUC_UNIT_MS},
	{"webchatt.max_attempts", "How often a message is tried before it fails; pauses of the whole hub do not count.",
	 &wc_max_attempts, 20, 1, 1000, 0},
	{"webchatt.max_body_size", "The largest body of a request.", &wc_max_body_size, 256, 1, 4096, GUC_UNIT_KB},
	{"webchatt.max_connections", "HTTP connections at a time.", &wc_max_connections, 2000, 1, 100000, 0},
	{"webchatt.max_connections_per_address", "HTTP connections at a time from one address, trusted proxies excepted.",
	 &wc_max_connections_per_address, 100, 1, 100000, 0},
	{"webchatt.max_deliveries", "Deliveries to webhooks at a time.", &wc_max_deliveries, 64, 1, 1024, 0},
	{"webchatt.max_in_flight", "Requests to hubs at a time.", &wc_max_in_flight, 64, 1, 1024, 0},
	{"webchatt.max_message_size", "The largest frame that a visitor may send.", &wc_max_message_size, 16, 1, 1024,
	 GUC_UNIT_KB},
	{"webchatt.max_visitors", "Connections of visitors at a time.", &wc_max_visitors, 20000, 1, 1000000, 0},
	{"webchatt.max_visitors_per_address", "Connections of visitors at a time from one address.",
	 &wc_max_visitors_per_address, 200, 1, 1000000, 0},
	{"webchatt.max_waiting", "Webhook events that may wait for their commit before more are answered 503.",
	 &wc_max_waiting, 2048, 1, 100000, 0},
	{"webchatt.messages_per_hour", "How many messages all visitors together may send in an hour; 0: no limit.",
	 &wc_messages_per_hour, 60000, 0, INT_MAX, 0},
	{"webchatt.new_visitor_rate", "How many new visitors an hour may come from one address.", &wc_new_visitor_rate, 300,
	 1, 10000000, 0},
	{"webchatt.newcomers_per_hour", "How many new visitors the database may get in an hour; 0: no limit.",
	 &wc_newcomers_per_hour, 20000, 0, INT_MAX, 0},
	{"webchatt.overdue_after", "After how long without a word of delivery a message is listed in webchatt.overdue.",
	 &wc_overdue_after, 3600, 1, INT_MAX, GUC_UNIT_S},
	{"webchatt.ping_interval",
	 "How long a visitor's connection may be silent before it is pinged; after as long again it is cut.",
	 &wc_ping_interval, 30000, 100, 3600000, GUC_UNIT_MS},
	{"webchatt.reconcile_interval", "How often the webhooks registered at a hub are compared with what is desired.",
	 &wc_reconcile_interval, 60, 1, 86400, GUC_UNIT_S},
	{"webchatt.request_timeout", "How long a whole request, head and body, may take to arrive.", &wc_request_timeout,
	 30000, 100, 600000, GUC_UNIT_MS},
	{"webchatt.send_timeout", "How long a hub may take to answer.", &wc_send_timeout, 30000, 100, 600000, GUC_UNIT_MS},
	{"webchatt.signature_tolerance", "How far a signature's time may be from now.", &wc_signature_tolerance, 300, 1,
	 86400, GUC_UNIT_S},
	{"webchatt.token_max_age",
	 "How long a visitor is known by the token that the browser keeps, from when it was given; 0: for ever.",
	 &wc_token_max_age, 400 * 24 * 3600, 0, INT_MAX, GUC_UNIT_S},
	{"webchatt.trigger_timeout", "How long the application's triggers may take for one event.", &wc_trigger_timeout,
	 1000, 10, 600000, GUC_UNIT_MS},
	{"webchatt.visitor_buffer", "How much may wait for a visitor's client that reads slowly before it is cut.",
	 &wc_visitor_buffer, 256, 128, 65536, GUC_UNIT_KB},
	{"webchatt.visitor_burst", "How many messages a visitor may send at once.", &wc_visitor_burst, 10, 1, 1000000, 0},
	{"webchatt.visitor_rate", "How many messages a minute a visitor may send.", &wc_visitor_rate, 60, 1, 10000000, 0},
	{"webchatt.webhook_patience", "How long a webhook's endpoint may fail before deliveries to it are paused.",
	 &wc_webhook_patience, 24 * 3600, 1, INT_MAX, GUC_UNIT_S},
	{"webchatt.webhook_timeout", "How long a webhook's endpoint may take to answer.", &wc_webhook_timeout, 10000, 100,
	 600000, GUC_UNIT_MS},
};

static bool
check_databases(char **newval, void **extra, GucSource source)
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
static bool
check_public_url(char **newval, void **extra, GucSource source)
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

/*
 * What one database may want otherwise than another is PGC_SUSET, so that
 * ALTER DATABASE ... SET can set it; the worker reads it when it starts, and
 * when the configuration is reloaded.
 */
void
wc_define_settings(void)
{
	size_t i;

	DefineCustomStringVariable("webchatt.ca_file",
							   "File with the certificates that hubs are verified by; empty for the system's.", NULL,
							   &wc_ca_file, "", PGC_SUSET, GUC_SUPERUSER_ONLY, wc_check_ca_file, NULL, NULL);
	DefineCustomStringVariable("webchatt.databases", "Databases that get a webchatt worker, comma-separated.", NULL,
							   &wc_databases, "", PGC_SIGHUP, GUC_LIST_INPUT, check_databases, NULL, NULL);
	DefineCustomStringVariable(
		"webchatt.listen", "Addresses that visitors and webhooks connect to: host:port or unix:/path, comma-separated.",
		NULL, &wc_listen, "127.0.0.1:8480", PGC_SUSET, 0, wc_check_listen, NULL, NULL);
	DefineCustomStringVariable("webchatt.public_url",
							   "The URL under which the world reaches webchatt.listen; empty: its first address.", NULL,
							   &wc_public_url, "", PGC_SUSET, 0, check_public_url, NULL, NULL);
	DefineCustomStringVariable("webchatt.trusted_proxies",
							   "Addresses and networks whose X-Forwarded-For is believed, comma-separated.", NULL,
							   &wc_trusted_proxies, "", PGC_SUSET, 0, wc_check_networks, NULL, NULL);
	DefineCustomStringVariable(
		"webchatt.webhook_allowed_addresses",
		"Private addresses and networks that webhooks may be delivered to all the same, comma-separated.", NULL,
		&wc_webhook_allowed_addresses, "", PGC_SUSET, 0, wc_check_networks, NULL, NULL);
	for (i = 0; i < lengthof(int_settings); i++)
	{
		const IntSetting *s = &int_settings[i];

		DefineCustomIntVariable(s->name, s->what, NULL, s->variable, s->boot, s->min, s->max, PGC_SUSET, s->unit, NULL,
								NULL, NULL);
	}
#if PG_VERSION_NUM >= 150000
	MarkGUCPrefixReserved("webchatt");
#else
	EmitWarningsOnPlaceholders("webchatt");
#endif
}
